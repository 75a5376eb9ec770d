"""The words field: terms of a text, and BM25 over them. Knows nothing of vectors, time or SQL."""
