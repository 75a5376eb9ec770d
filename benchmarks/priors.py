"""Priors fitted on the development sets without the one that is scored. Knows folds and masses, no mathematics.

What the library ships is fitted on all of them, so on any of them it would be judged by what it was fitted on.

python -m benchmarks.priors DIR [--cache DIR]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from rich.console import Console

from am_agent import Embedder, SentenceTransformerEmbedder
from benchmarks.beir import BrokenLine, Haystack, MissingData, Query, read_sets, set_names
from benchmarks.cache import cached
from benchmarks.confident import LIBRARY, Method, Prior, Sample
from benchmarks.cues import Cues, Sets, cues
from benchmarks.progress import steps

DEVELOPMENT = ("beam100k", "clinc150", "longmemeval", "musique", "scifact", "timeqa")
"""The sets whose licences let numbers that are fitted on them be shipped."""

Fold: TypeAlias = Mapping[str, Sequence[Cues]]
"""What one prior is fitted on, by set."""

_Key: TypeAlias = tuple[str, str, datetime | None]
_Row: TypeAlias = tuple[Sequence[float], Sequence[str]]


def development(folder: Path) -> Sets:
    """The development sets that are in a folder.

    Raises:
        MissingData: The folder or a file is not there.
        BrokenLine: A line that cannot be read.
    """
    names = [name for name in set_names(folder) if name in DEVELOPMENT]
    return read_sets(folder, names, without_gold=True) if names else {}


def folds(sets: Sets, scored: Iterable[str]) -> dict[str, Fold]:
    """What the prior for each set that is scored is fitted on: the cues of all others, as if it were not there.

    Also their foreign questions are those that they have without it.

    Args:
        sets: The development sets.
        scored: The names of those to leave out, one at a time; a name that is none leaves out nothing.

    Returns:
        By the name left out; without the names that leave nothing to fit on.
    """
    found = {out: cues({name: each for name, each in sets.items() if name != out}) for out in scored}
    return {out: fold for out, fold in found.items() if fold}


def fitted(by_fold: Mapping[str, Fold], embedder: Embedder, method: Method, errors: Console) -> dict[str, Prior]:
    """A prior for each fold, every set of which weighs the same.

    Each haystack is remembered once, and asked once what several folds ask it.

    Args:
        by_fold: See `folds`.
        embedder: The memory's.
        method: How the memory is asked, and the prior fitted.
        errors: Where it is said what is asked next.
    """
    rows = dict(_rows(by_fold.values(), embedder, method, errors))
    return {out: method.fit(_sample(fold, rows)) for out, fold in by_fold.items()}


def _rows(by_fold: Iterable[Fold], embedder: Embedder, method: Method, errors: Console) -> Iterator[tuple[_Key, _Row]]:
    haystacks: dict[str, Haystack] = {}
    wanted: dict[str, dict[_Key, Query]] = {}
    for each in (each for fold in by_fold for found in fold.values() for each in found):
        haystacks[each.haystack.name] = each.haystack
        queries = (*each.haystack.queries, *each.absent)
        wanted.setdefault(each.haystack.name, {}).update((_key(each.haystack, query), query) for query in queries)
    with steps(errors, len(haystacks)) as tell:
        for name, haystack in haystacks.items():
            tell(f"{name}: {len(haystack.documents)} documents, {len(wanted[name])} cues to fit priors on")
            with method.opened(haystack, embedder, None) as memory:
                for key, query in wanted[name].items():
                    yield key, method.features(memory, query)


def _key(haystack: Haystack, query: Query) -> _Key:
    return haystack.name, query.text, query.asked_at


class _Line(NamedTuple):
    """One cue of a sample."""

    features: Sequence[float]
    present: bool
    mass: float
    judged: bool = False
    hit: bool = False
    judged_mass: float = 0.0


def _sample(fold: Fold, rows: Mapping[_Key, _Row]) -> Sample:
    present = {
        name: [(each.haystack, query) for each in found for query in each.haystack.queries]
        for name, found in fold.items()
    }
    golden = {name: sum(bool(query.gold) for _, query in asked) for name, asked in present.items()}
    graded = sum(count > 0 for count in golden.values())
    lines: list[_Line] = []
    for name, found in fold.items():
        for haystack, query in present[name]:
            row, ids = rows[_key(haystack, query)]
            judged = bool(query.gold)
            hit = any(each in query.gold for each in ids)
            judged_mass = 1 / graded / golden[name] if judged else 0.0
            lines.append(_Line(row, True, 0.5 / len(fold) / len(present[name]), judged, hit, judged_mass))
        absent = [(each.haystack, query) for each in found for query in each.absent]
        lines += [_Line(rows[_key(*each)][0], False, 0.5 / len(fold) / len(absent)) for each in absent]
    return Sample(
        features=np.array([each.features for each in lines], dtype=np.float64),
        present=np.array([each.present for each in lines], dtype=np.bool_),
        mass=np.array([each.mass for each in lines], dtype=np.float64),
        judged=np.array([each.judged for each in lines], dtype=np.bool_),
        hit=np.array([each.hit for each in lines], dtype=np.bool_),
        judged_mass=np.array([each.judged_mass for each in lines], dtype=np.float64),
    )


def main(arguments: Sequence[str] | None = None, method: Method = LIBRARY) -> int:
    """Print the prior that fits all development sets, which is the one to ship, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.priors", description="The prior that fits all development sets of a folder."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="where <set>/<haystack>/corpus.jsonl.gz lies")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a folder to keep vectors in, for the next run")
    given = parser.parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        by_fold = folds(development(given.folder), [""])
        if not by_fold:
            raise MissingData(f"there are no cues to fit on in {given.folder}; {', '.join(DEVELOPMENT)} have some")
        with cached(given.cache, SentenceTransformerEmbedder()) as (embedder,):
            (prior,) = fitted(by_fold, embedder, method, errors).values()
    except (MissingData, BrokenLine) as error:
        errors.print(f"benchmarks.priors: {error}", markup=False)
        return 2
    sys.stdout.write(f"{prior}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
