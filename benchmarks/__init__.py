"""Measurements on public data, each a command: `python -m benchmarks.NAME`. Not part of the installed library."""
