"""What the memory costs beside what users would otherwise pick. Knows the command only.

python -m benchmarks.speed [--only a,b] [--sizes N,N] [--peers a,b] [--rounds N] [--seconds S] [--threads N]
                           [--patience S] [--data DIR [--sets a,b] [--cache DIR]] [--plot FILE [--to PNG]] [--json]

The JSON has a node for the machine and one for each section; N is a number of patterns, as a string:

    {"machine": {"cpu", "cores", "memory_gib", "system", "threads", "versions": {package: version}},
     "scan":   {N: {"one" | "sixty_four" | "real" | "real_sixty_four": {system:
                    {"ms", "p95", "rounds", "ratio", "ratio:low", "ratio:high", "recall_at_10", "how", "prepared_s"}}}},
     "store":  {N: {system: {"remember" | "recall" | "both": {"ms", "p95", "ratio", "ratio:low", "ratio:high"},
                    "recall_at_5"}}},
     "bulk":   {N: {system: {"per_second", "ratio", "ratio:low", "ratio:high"}}},
     "cold":   {N: {"vector" | "text": {system: {"seconds", "ratio", "ratio:low", "ratio:high"}}}},
     "bytes":  {N: {system: {"memory", "memory_loading", "disk"}}},
     "writes": {N: {system: {"quiet" | "busy" | "remember": {"ms", "p95"}, "ratio", "ratio:p95",
                    "remembered_per_second"}}},
     "growth": {figure: {system: exponent}}}

A system that failed has {"error": ...} there. A ratio is the system's time over am_agent's, but for that of writes,
which is busy over quiet. docs/speed.md says what each figure is.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.beir import BrokenLine, MissingData
from benchmarks.contenders import CONTENDERS
from benchmarks.extensions import loads_extensions
from benchmarks.growth import draw, exponents
from benchmarks.machine import machine, missing
from benchmarks.material import Clusters, Floats, write_rows
from benchmarks.progress import Tell, steps
from benchmarks.real import texts, vectors_of
from benchmarks.running import Runner
from benchmarks.sections import SECTIONS, Measurement, Plan, Step, Vectors
from benchmarks.sheets import tables
from benchmarks.stores import CANDIDATE, STORES
from benchmarks.trial import SAMPLE

_CUES = 256
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class _Read:
    """Texts that are to be embedded: documents and queries."""

    documents: Sequence[str]
    queries: Sequence[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: Those of the command line; None for the process's own.
    """
    given = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        if given.plot is not None:
            return _plotted(given.plot, given.to, errors)
        read = None if given.data is None else _Read(*texts(given.data, given.sets))
        results, code = _measured(given, read, errors)
    except (MissingData, BrokenLine) as error:
        errors.print(f"benchmarks.speed: {error}", markup=False)
        return 2
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        for table in tables(results):
            Console().print(table)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description="What the memory costs beside what users would otherwise pick."
    )
    parser.add_argument(
        "--only",
        type=_names("section", SECTIONS),
        default=list(SECTIONS),
        metavar="a,b",
        help=f"the sections: {', '.join(SECTIONS)}; all, if not given",
    )
    parser.add_argument(
        "--sizes",
        type=lambda sizes: sorted({_count(size) for size in sizes.split(",")}),
        default=[10_000, 100_000, 1_000_000],
        metavar="N,N",
        help="how many patterns; 10000,100000,1000000 if not given. Stores are filled up to 100000",
    )
    parser.add_argument(
        "--peers",
        type=_names("peer", [name for name in {**CONTENDERS, **STORES} if name != CANDIDATE]),
        metavar="a,b",
        help="whom to measure beside am_agent; without it, all that are installed",
    )
    parser.add_argument("--rounds", type=_count, default=100, metavar="N", help="rounds at the most; 100 if not given")
    parser.add_argument(
        "--seconds", type=float, default=15.0, metavar="S", help="for one measurement, roughly; 15 if not given"
    )
    parser.add_argument(
        "--patience", type=float, default=3600.0, metavar="S", help="kill a process after so long; 3600 if not given"
    )
    parser.add_argument("--threads", type=_count, default=1, metavar="N", help="for everybody; 1 if not given")
    parser.add_argument("--data", type=Path, metavar="DIR", help="sets in BEIR's layout, to scan their texts' vectors")
    parser.add_argument(
        "--sets", type=lambda names: names.split(","), metavar="a,b", help="those of --data; without it, all"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a folder to keep vectors of texts in")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="measure nothing, draw this JSON of an earlier run")
    parser.add_argument(
        "--to", type=Path, default=Path("docs/speed.png"), metavar="PNG", help="what to draw; docs/speed.png"
    )
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of tables")
    return parser


def _names(kind: str, known: Sequence[str]) -> Any:
    def names(text: str) -> list[str]:
        found = text.split(",")
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no {kind} {name!r}; there is {', '.join(known)}")
        return found

    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return int(text)


def _measured(given: argparse.Namespace, read: _Read | None, errors: Console) -> tuple[dict[str, Any], int]:
    """Everything that is wanted, of everybody who is installed, and the exit code.

    A run takes hours: one that is interrupted gives what it has.
    """
    scanners, stores = _installed(given.only, given.peers, errors)
    plan = Plan(given.only, given.sizes, scanners, stores, given.rounds, given.seconds)
    results: dict[str, Any] = {"machine": machine(given.threads)}

    def complain(words: str) -> None:
        errors.print(words, markup=False)

    with tempfile.TemporaryDirectory(prefix="speed-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        runner = Runner(place, given.threads, given.patience)
        made_up = Vectors(place / "rows.f32", place / "cues.f32", plan.sizes[-1])
        real = None if read is None else Vectors(place / "real.f32", place / "real-cues.f32", 0)
        measurement = Measurement(plan, runner, made_up, real, complain, results)
        with steps(errors, _preparations(read) + len(measurement.steps())) as tell:
            tell(f"make up {made_up.count} vectors")
            clusters = Clusters.of()
            write_rows(clusters.blocks(0, made_up.count), made_up.rows)
            write_rows([clusters.cues(SAMPLE + _CUES)], made_up.cues)
            if real is not None and read is not None:
                measurement.real = _embedded(real, read, given.cache, tell)
            code = _worked_through(measurement.steps(), tell, errors)
    if "growth" in plan.sections:
        results["growth"] = exponents(results)
    return results, code


def _worked_through(work: Sequence[Step], tell: Tell, errors: Console) -> int:
    try:
        for step in work:
            tell(step.words)
            step.act()
    except KeyboardInterrupt:
        errors.print("interrupted; this is what was measured until then", markup=False)
        return _INTERRUPTED
    return 0


def _preparations(read: _Read | None) -> int:
    return 1 if read is None else 2


def _embedded(real: Vectors, read: _Read, cache: Path | None, tell: Tell) -> Vectors:
    tell(f"embed {len(read.documents)} texts and {len(read.queries)} queries")
    rows, cues = vectors_of(read.documents, read.queries, cache)
    needed: Floats = np.resize(cues, (SAMPLE + _CUES, cues.shape[1]))
    write_rows([needed], real.cues)
    return Vectors(real.rows, real.cues, write_rows([rows], real.rows))


def _installed(sections: Sequence[str], peers: Sequence[str] | None, errors: Console) -> tuple[list[str], list[str]]:
    """Who can be measured, am_agent first; whoever cannot is named."""
    scanning = "scan" in sections
    storing = bool(set(sections) & {"store", "bulk", "cold", "bytes", "writes"})
    wanted = {
        **({f"scan {name}": each.needs for name, each in CONTENDERS.items()} if scanning else {}),
        **({f"store {name}": each.needs for name, each in STORES.items()} if storing else {}),
    }
    kept: dict[str, list[str]] = {"scan": [], "store": []}
    left_out: dict[str, list[str]] = {}
    for which, needs in wanted.items():
        kind, _, name = which.partition(" ")
        if peers is not None and name not in (*peers, CANDIDATE):
            continue
        lacks = missing(needs)
        if name in STORES and STORES[name].extends and not loads_extensions():
            lacks.append("a SQLite that loads extensions (pysqlite3-binary)")
        if lacks:
            left_out.setdefault(", ".join(lacks), []).append(name)
        else:
            kept[kind].append(name)
    for what, names in left_out.items():
        errors.print(f"left out, for there is no {what}: {', '.join(dict.fromkeys(names))}", markup=False)
    if left_out:
        errors.print("`make bench-peers` makes an environment that has all of them", markup=False)
    return kept["scan"], kept["store"]


def _plotted(source: Path, target: Path, errors: Console) -> int:
    if not source.is_file():
        raise MissingData(f"there is no file {source}")
    try:
        draw(json.loads(source.read_text(encoding="utf-8")), target)
    except ImportError:
        errors.print("benchmarks.speed: there is no matplotlib; `make bench-peers` installs it", markup=False)
        return 2
    except ValueError as error:
        errors.print(f"benchmarks.speed: {source}: {error}", markup=False)
        return 2
    errors.print(f"drawn: {os.fspath(target)}", markup=False)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be told to end is to be interrupted, too
    sys.exit(main())
