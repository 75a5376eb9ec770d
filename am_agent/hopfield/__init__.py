"""The associative memory: arrays only; knows nothing of text, time or SQL."""
