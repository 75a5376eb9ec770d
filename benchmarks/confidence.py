"""Does the memory know what it does not know? Its confidence beside known scores. Knows the order of work only.

python -m benchmarks.confidence DIR [--sets a,b] [--cache DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from am_agent import Embedder, SentenceTransformerEmbedder
from benchmarks.assessing import MEASURES, MEMORY, SYSTEMS, Found, assessed
from benchmarks.beir import BrokenLine, Haystack, MissingData, read_sets
from benchmarks.cache import cached
from benchmarks.confident import LIBRARY, VERDICTS, Method, Prior
from benchmarks.cues import Cues, cues
from benchmarks.priors import DEVELOPMENT, development, fitted, folds
from benchmarks.progress import progress

_DESCRIPTION = "Does the memory know what it does not know? Beside known scores, on sets in BEIR's layout."

Results = dict[str, dict[str, Found]]


def main(arguments: Sequence[str] | None = None, method: Method = LIBRARY) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: Those of the command line; None for the process's own.
        method: How the memory is asked, and its prior fitted.
    """
    given = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        asked = _asked(given.folder, given.sets, errors)
        with cached(given.cache, SentenceTransformerEmbedder()) as (embedder,):
            priors = _priors(given.folder, list(asked), embedder, method, errors)
            with progress(errors, _haystacks(asked), SYSTEMS) as step:
                results = {
                    name: assessed(found, embedder, method, priors.get(name), step) for name, found in asked.items()
                }
    except (MissingData, BrokenLine) as error:
        errors.print(f"benchmarks.confidence: {error}", markup=False)
        return 2
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        for name, found in results.items():
            Console().print(_table(name, found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confidence", description=_DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where <set>/<haystack>/corpus.jsonl.gz lies")
    parser.add_argument(
        "--sets", type=lambda names: names.split(","), metavar="a,b", help="the sets to run; without it, all there are"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a folder to keep vectors in, for the next run")
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of tables")
    return parser


def _asked(folder: Path, names: Sequence[str] | None, errors: Console) -> dict[str, list[Cues]]:
    """Read the sets, say what is left out, and find what each is asked."""
    sets = read_sets(folder, names, without_gold=True)
    for note in (note for haystacks in sets.values() for each in haystacks for note in each.notes):
        errors.print(note, markup=False)
    asked = cues(sets)
    for name in sets:
        if name not in asked:
            reason = "it has no cues of which it is known that they are present or absent, and no foreign questions"
            errors.print(f"{name}: left out, for {reason}", markup=False)
    return asked


def _priors(
    folder: Path, names: Sequence[str], embedder: Embedder, method: Method, errors: Console
) -> Mapping[str, Prior]:
    """A prior for each development set that is scored; one without others to fit on keeps the shipped one, said so."""
    scored = [name for name in names if name in DEVELOPMENT]
    if not scored:
        return {}
    by_fold = folds(development(folder), scored)
    for name in scored:
        if name not in by_fold:
            reason = "the other development sets have no cues to fit one on"
            errors.print(f"{name}: scored by the shipped prior, for {reason}", markup=False)
    return fitted(by_fold, embedder, method, errors)


def _haystacks(asked: Mapping[str, Sequence[Cues]]) -> dict[str, list[Haystack]]:
    return {name: [each.haystack for each in found] for name, found in asked.items()}


def _table(name: str, found: Mapping[str, Found]) -> Table:
    """The systems one below the other, and the memory's verdicts in the caption."""
    memory = found[MEMORY]
    own = f"{memory['own_unanswerable']} of its own that have no answer"
    title = f"{name}: {memory['present']} present cues, {memory['absent']} absent, {own}"
    table = Table("", title=title, title_justify="left", caption=_verdicts(memory), caption_justify="left")
    for measure in MEASURES:
        table.add_column(measure.replace("_", " "), justify="right")
    for system, measured in found.items():
        table.add_row(system, *(_shown(measured[measure]) for measure in MEASURES))
    return table


def _verdicts(memory: Found) -> str:
    return "\n".join(
        f"{kind}: " + ", ".join(f"{verdict} {_shown(memory[f'{verdict}_{kind}'])}" for verdict in VERDICTS)
        for kind in ("present", "absent")
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
