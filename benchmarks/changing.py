"""Whether what is newer comes first where facts have changed, and what that costs. Knows the order of work only.

python -m benchmarks.changing [DIR [--sets a,b]] [--cache FOLDER] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from am_agent import Embedder, Memory, SentenceTransformerEmbedder
from benchmarks.beir import Haystack, read_sets
from benchmarks.cache import cached
from benchmarks.changes import stories
from benchmarks.systems import filled
from benchmarks.truncating import TruncatingEncoder

_DEPTH = 10
_PREFERRED = ("weight", "latest")

Figures = dict[str, float]


class Tally:
    """Counts how often the last statement is above the first, where both are recalled."""

    def __init__(self) -> None:
        self.facts = self.both = self.above = 0

    def add(self, ids: Sequence[str], first: Sequence[str], last: Sequence[str]) -> None:
        """Take in a ranking."""
        self.facts += 1
        old, new = ([ids.index(each) for each in given if each in ids] for given in (first, last))
        if old and new and not set(first) & set(last):
            self.both += 1
            self.above += min(new) < min(old)

    @property
    def figures(self) -> Figures:
        """As numbers, the share with them."""
        share = self.above / self.both if self.both else 0.0
        return {"facts": self.facts, "both_recalled": self.both, "updated_above": self.above, "share": share}


def made_up(embedder: Embedder, *, consolidate: bool = False) -> dict[str, Figures]:
    """The 500 changed facts of `benchmarks.changes`, by each preference.

    Args:
        embedder: Of the memory.
        consolidate: Make a pass of `consolidate` first.
    """
    tallies = {prefer: Tally() for prefer in _PREFERRED}
    tops = dict.fromkeys(_PREFERRED, 0)
    for story in stories():
        with Memory(embedder=embedder) as memory:
            memory.remember_many(
                [{"id": each.id, "text": each.text, "occurred_at": each.occurred_at} for each in story.said]
            )
            if consolidate:
                memory.consolidate()
            for fact in story.changed:
                for prefer in _PREFERRED:
                    ids = [each.id for each in memory.recall(fact.question, k=_DEPTH, prefer=prefer)]
                    tallies[prefer].add(ids, [fact.first], [fact.last])
                    tops[prefer] += ids[0] == fact.last
    return {prefer: {**tally.figures, "first_of_all": tops[prefer] / tally.facts} for prefer, tally in tallies.items()}


def judged(folder: Path, haystacks: Sequence[Haystack], embedder: Embedder) -> dict[str, Figures]:
    """A set: recall@5 and @10 by each preference, and its updated facts, where its queries name them."""
    tallies = {prefer: Tally() for prefer in _PREFERRED}
    gains: dict[str, list[tuple[float, float]]] = {prefer: [] for prefer in _PREFERRED}
    for haystack in haystacks:
        pairs = dict(_updates(folder, haystack))
        with filled(haystack, embedder) as memory:
            for query in haystack.queries:
                for prefer in _PREFERRED:
                    found = memory.recall(query.text, k=_DEPTH, prefer=prefer, now=query.asked_at)
                    ids = [each.id for each in found]
                    if query.id in pairs:
                        tallies[prefer].add(ids, *pairs[query.id])
                    at5, at10 = (len(query.gold.keys() & set(ids[:k])) / len(query.gold) for k in (5, 10))
                    gains[prefer].append((at5, at10))
    return {
        prefer: {
            **(tally.figures if tally.facts else {}),
            "queries": len(gains[prefer]),
            "recall@5": sum(each for each, _ in gains[prefer]) / max(len(gains[prefer]), 1),
            "recall@10": sum(each for _, each in gains[prefer]) / max(len(gains[prefer]), 1),
        }
        for prefer, tally in tallies.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changing", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="where <set>/<haystack>/corpus.jsonl.gz lies"
    )
    parser.add_argument("--sets", type=lambda names: names.split(","), metavar="a,b", help="the sets to run")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="a folder to keep vectors in, for the next run")
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of lines")
    given = parser.parse_args(arguments)
    with cached(given.cache, TruncatingEncoder(), SentenceTransformerEmbedder()) as (_, embedder):
        results = {"made up": made_up(embedder), "made up, consolidated": made_up(embedder, consolidate=True)}
        if given.folder is not None:
            for name, haystacks in read_sets(given.folder, given.sets).items():
                results[name] = judged(given.folder, haystacks, embedder)
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        for name, found in results.items():
            for prefer, figures in found.items():
                shown = ", ".join(f"{key} {value:.3g}" for key, value in figures.items())
                sys.stdout.write(f"{name}, prefer={prefer}: {shown}\n")
    return 0


def _updates(folder: Path, haystack: Haystack) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    """The ids of what was said at first and at last, by query, where its metadata has them.

    They are numbers of turns; a document holds a turn and the answer to it, under the number of the first.
    """
    known = {each.id for each in haystack.documents}
    prefixes = {each.rsplit(":", 1)[0] for each in known}
    if len(prefixes) != 1:
        return
    (prefix,) = prefixes
    with gzip.open(folder / haystack.name / "queries.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            query = json.loads(line)
            sources = query.get("metadata", {}).get("source_chat_ids")
            if isinstance(sources, dict) and sources.keys() >= {"original_info", "updated_info"}:
                first, last = (
                    [one for turn in sources[name] for one in _holding(prefix, turn, known)]
                    for name in ("original_info", "updated_info")
                )
                yield query["_id"], (first, last)


def _holding(prefix: str, turn: int, known: set[str]) -> list[str]:
    return [each for each in (f"{prefix}:{turn}", f"{prefix}:{turn - 1}") if each in known][:1]


if __name__ == "__main__":
    sys.exit(main())
