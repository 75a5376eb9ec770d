"""What groups that nobody labelled agree with, and what they leave as it is. Knows the order of work only.

python -m benchmarks.consolidation DIR [--sets a,b] [--sample N] [--seed N] [--cache DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from am_agent import Embedder, SentenceTransformerEmbedder
from benchmarks.agreement import agreement
from benchmarks.beir import BrokenLine, Haystack, MissingData, read_sets
from benchmarks.cache import cached
from benchmarks.grouping import WAYS, Labels, Vectors
from benchmarks.overlaid import before_and_after, resident

_DESCRIPTION = "Consolidation beside clusterings on labelled sets, and recall before and after it on the others."

Results = dict[str, dict[str, float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: Those of the command line; None for the process's own.
    """
    given = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        sets = read_sets(given.folder, given.sets, without_gold=True)
        results: dict[str, Results] = {}
        with cached(given.cache, SentenceTransformerEmbedder()) as (embedder,):
            for name, haystacks in sets.items():
                labelled = [each for each in haystacks if any(document.label for document in each.documents)]
                if any(each.queries for each in haystacks):
                    results[name] = before_and_after(haystacks, embedder)
                elif not labelled:
                    errors.print(f"{name}: left out, for it has neither a label nor an answer", markup=False)
                for each in labelled:
                    errors.print(f"{each.name}: {given.sample} documents at most, seed {given.seed}", markup=False)
                    results[name if len(labelled) == 1 else each.name] = judged(
                        each, embedder, given.sample, given.seed
                    )
    except (MissingData, BrokenLine) as error:
        errors.print(f"benchmarks.consolidation: {error}", markup=False)
        return 2
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        for name, found in results.items():
            Console().print(_table(name, found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.consolidation", description=_DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where <set>/<haystack>/corpus.jsonl.gz lies")
    parser.add_argument(
        "--sets", type=lambda names: names.split(","), metavar="a,b", help="the sets to run; without it, all there are"
    )
    parser.add_argument("--sample", type=int, default=4000, metavar="N", help="documents of each set; 4000 without it")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample; 0 without it")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a folder to keep vectors in, for the next run")
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of tables")
    return parser


def judged(haystack: Haystack, embedder: Embedder, sample: int, seed: int) -> Results:
    """Every way on one labelled haystack, and what is left of recall with prototypes in memory alone.

    Args:
        haystack: Documents without a label are left out.
        embedder: Makes the vectors, of which the first of a text counts.
        sample: Documents at most.
        seed: Of their choice.
    """
    documents = [each for each in haystack.documents if each.label is not None]
    chosen = np.sort(np.random.default_rng(seed).permutation(len(documents))[:sample])
    documents = [documents[place] for place in chosen.tolist()]
    numbers = {label: number for number, label in enumerate(sorted({str(each.label) for each in documents}))}
    queries = [each for each in haystack.labelled if str(each.label) in numbers]
    labels: Labels = np.array([numbers[str(each.label)] for each in documents])
    wanted: Labels = np.array([numbers[str(each.label)] for each in queries], np.int64)
    vectors = _first(embedder.documents([each.text for each in documents]), embedder.dimension)
    asked = _first(embedder.queries([each.text for each in queries]), embedder.dimension)
    results: Results = {}
    for name, way in WAYS.items():
        began = time.perf_counter()
        groups = way(vectors, labels)
        seconds = time.perf_counter() - began
        found = agreement(groups, labels, vectors, asked, wanted)
        results[name] = {**found, "seconds_per_1000": 1000 * seconds / len(documents)}
    sampled = replace(haystack, documents=tuple(documents))
    results["resident_prototypes"] = resident(sampled, [each.text for each in queries], embedder)
    return results


def _first(windows: Sequence[Vectors], dimension: int) -> Vectors:
    return np.stack([each[0] for each in windows]) if windows else np.zeros((0, dimension), np.float32)


def _table(name: str, found: Results) -> Table:
    table = Table("", title=name, title_justify="left")
    for way in found:
        table.add_column(way)
    for measure in dict.fromkeys(measure for each in found.values() for measure in each):
        table.add_row(measure, *(f"{each[measure]:.3f}" if measure in each else "" for each in found.values()))
    return table


if __name__ == "__main__":
    sys.exit(main())
