"""What the fused scores of all fields cost beside a plain top-k by cosine. Knows no text but what it makes up.

python -m benchmarks.scoring [--sizes 10000,100000] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from am_agent.hopfield.fusion import FIELDS, default_weights
from am_agent.hopfield.scope import Scope
from am_agent.question import read
from am_agent.readout import fused
from am_agent.standing import standing
from am_agent.store.episodes import Lot, Stored
from am_agent.working_set import Block, Snapshot

_DIMENSION = 384
_WORDS = 15
_CUES = 40
_VOCABULARY = 20_000
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_YEAR = 365 * 86_400 * 10**6

Vectors = npt.NDArray[np.float32]
Results = dict[str, dict[str, float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scoring", description="What fused scores cost beside a plain top-k by cosine."
    )
    parser.add_argument(
        "--sizes",
        type=lambda sizes: [int(size) for size in sizes.split(",")],
        default=[10_000, 100_000],
        metavar="N,N",
        help="how many episodes; 10000,100000 if not given",
    )
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of a table")
    given = parser.parse_args(arguments)
    results = {str(size): measured(size) for size in given.sizes}
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        Console().print(_table(results))
    return 0


def measured(size: int) -> dict[str, float]:
    """Medians in milliseconds over cues, the two candidates by turns, and their ratio."""
    rng = np.random.default_rng(0)
    rows = _unit(rng.standard_normal((size, _DIMENSION)) + 1.0)
    snapshot = _snapshot(rng, rows)
    cues = _unit(rows[rng.integers(0, size, _CUES)] + 0.05 * rng.standard_normal((_CUES, _DIMENSION)))
    texts = [f"What did actor{cue % 7} say about {' '.join(_text(rng, 6))}?" for cue in range(_CUES)]
    scope = Scope.of([(snapshot.roster, snapshot.patterns)])
    known = standing([snapshot], _DIMENSION)

    def by_cosine(cue: int) -> object:
        scores = rows @ cues[cue]
        best = np.argpartition(-scores, 10)[:10]
        return best[np.argsort(-scores[best])]

    def by_fields(cue: int) -> object:
        question = read(texts[cue], [snapshot], _NOW)
        return fused(
            question,
            cues[cue][None, :],
            [snapshot],
            scope,
            known,
            weights=default_weights(),
            fields=FIELDS,
            beta=4.0,
            k=10,
        )

    for warm in range(3):
        by_cosine(warm), by_fields(warm)
    plain, full = [], []
    for cue in range(_CUES):
        plain.append(_milliseconds(by_cosine, cue))
        full.append(_milliseconds(by_fields, cue))
    cosine, fields = statistics.median(plain), statistics.median(full)
    return {"cosine_ms": cosine, "fields_ms": fields, "ratio": fields / cosine}


def _milliseconds(run: Callable[[int], object], cue: int) -> float:
    started = time.perf_counter()
    run(cue)
    return (time.perf_counter() - started) * 1000


def _snapshot(rng: np.random.Generator, rows: Vectors) -> Snapshot:
    """A namespace of short texts by a few actors, in sessions of forty."""
    times = np.sort(rng.integers(0, 50 * _YEAR, len(rows))).tolist()
    lot = Lot(
        [
            Stored(
                seq=seq,
                namespace_id=1,
                first_seq=seq,
                actor=f"actor{seq % 7}",
                session=f"session{seq // 40}",
                occurred_at=times[seq],
                expires_at=None,
            )
            for seq in range(len(rows))
        ],
        np.ones(len(rows), dtype=np.int64),
        rows,
    )
    block = Block([lot], _DIMENSION)
    block.word({seq: " ".join(_text(rng, _WORDS)) for seq in block.unread()})
    return block.snapshot()


def _text(rng: np.random.Generator, words: int) -> list[str]:
    """Words as frequent as those of a language are (Zipf), of letters only."""
    ranks = np.minimum(rng.zipf(1.3, words), _VOCABULARY)
    return ["".join(chr(97 + int(digit)) for digit in str(rank + 10_000)) for rank in ranks.tolist()]


def _unit(rows: npt.NDArray[np.float64]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _table(results: Results) -> Table:
    table = Table("episodes", title="milliseconds for a cue, medians", title_justify="left")
    for name in ("cosine, top 10", "all fields", "ratio"):
        table.add_column(name, justify="right")
    for size, row in results.items():
        table.add_row(size, f"{row['cosine_ms']:.2f}", f"{row['fields_ms']:.2f}", f"{row['ratio']:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
