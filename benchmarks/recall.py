"""How much of what answers a question is recalled, beside cosine, BM25 and their fusion. Knows the order of work only.

python -m benchmarks.recall DIR [--sets a,b] [--cache DIR] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from am_agent import Embedder, SentenceTransformerEmbedder
from benchmarks import systems
from benchmarks.beir import BrokenLine, Haystack, MissingData, read_sets
from benchmarks.cache import CachedEmbedder, VectorFile
from benchmarks.measures import MEASURES, judge, summary
from benchmarks.truncating import TruncatingEncoder

SYSTEMS = ("cosine", "bm25", "rrf", "am_agent")
"""In the order in which they run and are shown."""

_DESCRIPTION = "Recall of am_agent beside cosine, BM25 and their fusion, on sets in BEIR's layout."

Results = dict[str, dict[str, float]]
Step = Callable[[Haystack, str], object]
"""Called with the haystack and the system that come next."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        sets = read_sets(given.folder, given.sets)
        for note in (note for haystacks in sets.values() for each in haystacks for note in each.notes):
            errors.print(note, markup=False)
        with _embedders(given.cache) as (encoder, embedder), _progress(errors, sets) as step:
            results = {
                name: measured
                for name, haystacks in sets.items()
                if (measured := _measured(haystacks, encoder, embedder, step))
            }
    except (MissingData, BrokenLine) as error:
        errors.print(f"benchmarks.recall: {error}", markup=False)
        return 2
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        for name, measured in results.items():
            Console().print(_table(name, measured))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=_DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where <set>/<haystack>/corpus.jsonl.gz lies")
    parser.add_argument(
        "--sets", type=lambda names: names.split(","), metavar="a,b", help="the sets to run; without it, all there are"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a folder to keep vectors in, for the next run")
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of tables")
    return parser


@contextmanager
def _embedders(folder: Path | None) -> Iterator[tuple[Embedder, Embedder]]:
    """The baselines' encoder and the memory's own, around which the cache stands if there is one."""
    encoder, embedder = TruncatingEncoder(), SentenceTransformerEmbedder()
    if folder is None:
        yield encoder, embedder
        return
    if folder.exists() and not folder.is_dir():
        raise MissingData(f"the cache {folder} is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    file = VectorFile(folder / "vectors.db")
    try:
        yield CachedEmbedder(encoder, file), CachedEmbedder(embedder, file)
    finally:
        file.close()


@contextmanager
def _progress(console: Console, sets: Mapping[str, Sequence[Haystack]]) -> Iterator[Step]:
    """A function that says what is run next: on a bar on a terminal, and elsewhere by a line for each haystack."""
    if not console.is_terminal:

        def write(haystack: Haystack, system: str) -> None:
            if system == SYSTEMS[0]:
                console.print(_size(haystack), markup=False)

        yield write
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        runs = len(SYSTEMS) * sum(bool(each.queries) for haystacks in sets.values() for each in haystacks)
        task = progress.add_task("", total=runs, start=True)
        started = itertools.count()

        def show(haystack: Haystack, system: str) -> None:
            progress.update(task, description=f"{_size(haystack)}, {system}", completed=next(started))

        yield show


def _size(haystack: Haystack) -> str:
    return f"{haystack.name}: {len(haystack.documents)} documents, {len(haystack.queries)} queries"


def _measured(haystacks: Sequence[Haystack], encoder: Embedder, embedder: Embedder, step: Step) -> Results:
    """Judge every system on every query of a set."""
    judged: dict[str, list[tuple[float, ...]]] = {name: [] for name in SYSTEMS}
    for haystack in haystacks:
        if haystack.queries:
            for name, rankings in _rankings(haystack, encoder, embedder, step):
                judged[name] += [
                    judge(ranking, query.gold) for ranking, query in zip(rankings, haystack.queries, strict=True)
                ]
    return {name: summary(np.array(values)) for name, values in judged.items() if values}


def _rankings(
    haystack: Haystack, encoder: Embedder, embedder: Embedder, step: Step
) -> Iterator[tuple[str, list[systems.Ranking]]]:
    step(haystack, "cosine")
    by_cosine = systems.cosine(haystack, encoder)
    yield "cosine", by_cosine
    step(haystack, "bm25")
    by_words = systems.bm25(haystack)
    yield "bm25", by_words
    step(haystack, "rrf")
    yield "rrf", systems.rrf(by_cosine, by_words)
    step(haystack, "am_agent")
    yield "am_agent", systems.am_agent(haystack, embedder)


def _table(name: str, measured: Results) -> Table:
    queries = next(iter(measured.values()))["queries"]
    table = Table("", title=f"{name}, {queries} queries: the mean and its interval of 95 %", title_justify="left")
    for system in measured:
        table.add_column(system)
    for measure in MEASURES:
        cells = [
            f"{found[measure]:.3f}\n{found[f'{measure}:low']:.3f}-{found[f'{measure}:high']:.3f}"
            for found in measured.values()
        ]
        table.add_row(measure, *cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
