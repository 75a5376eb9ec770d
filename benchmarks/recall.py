"""How much of what answers a question is recalled, beside cosine, BM25 and their fusion. Knows the order of work only.

python -m benchmarks.recall DIR [--sets a,b] [--perturb HOW] [--ablate | --learn FEEDBACK] [--cache DIR] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from am_agent import SentenceTransformerEmbedder
from am_agent.hopfield.fusion import FIELDS
from benchmarks.beir import BrokenLine, Haystack, MissingData, read_sets
from benchmarks.cache import cached
from benchmarks.comparing import Comparison, Results, School, measured
from benchmarks.learning import LESSONS, Opening
from benchmarks.measures import MEASURES
from benchmarks.perturbing import PERTURBATIONS, perturbed
from benchmarks.progress import progress
from benchmarks.pupil import opened
from benchmarks.systems import ablations
from benchmarks.truncating import TruncatingEncoder

_DESCRIPTION = "Recall of am_agent beside cosine, BM25 and their fusion, on sets in BEIR's layout."
_ABREAST = 4


def main(arguments: Sequence[str] | None = None, opening: Opening = opened) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: Those of the command line; None for the process's own.
        opening: Makes a memory that learns from feedback.
    """
    given = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        school = None if given.learn is None else School(opening, LESSONS[given.learn])
        sets = read_sets(given.folder, given.sets)
        for note in (note for haystacks in sets.values() for each in haystacks for note in each.notes):
            errors.print(note, markup=False)
        if given.perturb is not None:
            errors.print(f"every query is perturbed: {given.perturb}, seed 0", markup=False)
            sets = {name: [perturbed(each, given.perturb) for each in haystacks] for name, haystacks in sets.items()}
        results = _results(sets, given.cache, ablations(FIELDS) if given.ablate else {}, school, errors)
    except (MissingData, BrokenLine) as error:
        errors.print(f"benchmarks.recall: {error}", markup=False)
        return 2
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        for name, found in results.items():
            Console().print(*_tables(name, found), sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=_DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where <set>/<haystack>/corpus.jsonl.gz lies")
    parser.add_argument(
        "--sets", type=lambda names: names.split(","), metavar="a,b", help="the sets to run; without it, all there are"
    )
    parser.add_argument(
        "--perturb",
        choices=list(PERTURBATIONS),
        help="change every query first: put a long prompt before it, make typos in its long words, or drop half of it",
    )
    variants = parser.add_mutually_exclusive_group()
    variants.add_argument("--ablate", action="store_true", help="run the memory without each of its fields, too")
    variants.add_argument(
        "--learn",
        choices=list(LESSONS),
        help="teach the memory on one half of the queries and ask it the other half, by gold or by random feedback",
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a folder to keep vectors in, for the next run")
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of tables")
    return parser


def _results(
    sets: Mapping[str, Sequence[Haystack]],
    cache: Path | None,
    ablated: Mapping[str, tuple[str, ...]],
    school: School | None,
    errors: Console,
) -> dict[str, Results]:
    """Judge every system on every set that has queries."""
    with cached(cache, TruncatingEncoder(), SentenceTransformerEmbedder()) as (encoder, embedder):
        comparison = Comparison(encoder, embedder, ablated, school)
        with progress(errors, sets, comparison.systems) as step:
            results = {name: measured(haystacks, comparison, step) for name, haystacks in sets.items()}
    return {name: found for name, found in results.items() if found}


def _tables(name: str, found: Results) -> Iterator[Table]:
    """Show the systems side by side, as many to a table as fit on a terminal of 80 columns."""
    for start in range(0, len(found), _ABREAST):
        yield _table(name, dict(itertools.islice(found.items(), start, start + _ABREAST)))


def _table(name: str, found: Results) -> Table:
    queries = next(iter(found.values()))["queries"]
    table = Table("", title=f"{name}, {queries} queries: the mean and its interval of 95 %", title_justify="left")
    for system in found:
        table.add_column(system)
    for measure in MEASURES:
        cells = [
            f"{each[measure]:.3f}\n{each[f'{measure}:low']:.3f}-{each[f'{measure}:high']:.3f}"
            for each in found.values()
        ]
        table.add_row(measure, *cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
