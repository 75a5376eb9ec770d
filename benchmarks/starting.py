"""A process that opens a store, asks it one cue, says so and ends. Knows nothing of time: who started it does.

python -m benchmarks.starting NAME FOLDER CUES
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import resident
from benchmarks.material import read_rows
from benchmarks.stores import Place, opened


def main(arguments: Sequence[str]) -> int:
    """Ask, and print one line: how many were found, and how many bytes of memory that took."""
    name, folder, cues = arguments
    (cue,) = read_rows(Path(cues), 0, 1)
    store = opened(name, Place(Path(folder), len(cue), threads=1))
    found = store.recall(cue, 5)
    sys.stdout.write(json.dumps({"found": len(found), "resident": resident()}) + "\n")
    sys.stdout.flush()
    store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
