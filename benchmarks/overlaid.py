"""What consolidation does to the recall of episodes: the same cues before, after, and of prototypes. Knows no label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime

import numpy as np

from am_agent import Embedder, Memory, Recall
from benchmarks.beir import Haystack
from benchmarks.systems import K, Ranking, asked, filled

Measured = dict[str, float]

_COSINE = ("cosine",)


def before_and_after(haystacks: Sequence[Haystack], embedder: Embedder) -> dict[str, Measured]:
    """Recall of the documents that answer the queries of a set, before and after a pass over each haystack.

    Args:
        haystacks: Those with queries that have gold count, each query as much as any.
        embedder: Of the memories.

    Returns:
        Of "before", "after" and "resident_prototypes", which is after, with prototypes in memory in place of their
        members: recall@5 and @10, and the patterns and bytes in memory. Of "after" also the prototypes, the seconds per
        1,000 episodes, and how many of the queries bring back anything else, or in another order. Of the last also what
        `beside` measures.
    """
    sums: dict[str, Measured] = {when: dict.fromkeys(_MEASURES, 0.0) for when in _TIMES}
    sums["after"] |= {"prototypes": 0.0, "seconds_per_1000": 0.0, "other_rankings": 0.0}
    sums["resident_prototypes"] |= dict.fromkeys(_KEPT, 0.0)
    queries = episodes = 0
    for haystack in haystacks:
        if not haystack.queries:
            continue
        queries += len(haystack.queries)
        with filled(haystack, embedder) as memory, filled(haystack, embedder, resident="prototypes") as few:
            first = asked(memory, haystack)
            _add(sums["before"], haystack, first, memory)
            report = memory.consolidate()
            second = asked(memory, haystack)
            _add(sums["after"], haystack, second, memory)
            episodes += report.episodes
            sums["after"]["prototypes"] += report.prototypes
            sums["after"]["seconds_per_1000"] += report.seconds
            sums["after"]["other_rankings"] += sum(one != other for one, other in zip(first, second, strict=True))
            few.consolidate()
            _add(sums["resident_prototypes"], haystack, asked(few, haystack), few)
            found = beside(memory, few, [(each.text, each.asked_at) for each in haystack.queries])
            for name in _KEPT:
                sums["resident_prototypes"][name] += found[name] * len(haystack.queries)
    for found in sums.values():
        for name in {"recall@5", "recall@10", *_KEPT}.intersection(found):
            found[name] /= max(queries, 1)
    sums["after"]["seconds_per_1000"] *= 1000 / max(episodes, 1)
    return sums


def resident(haystack: Haystack, cues: Sequence[str], embedder: Embedder) -> Measured:
    """What `beside` measures of a haystack and cues, and the patterns and bytes in memory.

    Args:
        haystack: What is remembered.
        cues: What is asked.
        embedder: Of the memories.
    """
    with ExitStack() as stack:
        whole = stack.enter_context(filled(haystack, embedder))
        few = stack.enter_context(filled(haystack, embedder, resident="prototypes"))
        for memory in (whole, few):
            memory.consolidate()
        found = beside(whole, few, [(cue, None) for cue in cues])
        stored, stats = few.stats().patterns, few.stats()
        return {**found, "patterns": stats.resident_patterns, "bytes": stats.resident_bytes, "stored": stored}


def beside(whole: Memory, few: Memory, cues: Iterable[tuple[str, datetime | None]]) -> Measured:
    """How much of what one memory brings back another does.

    Args:
        whole: The one that has every pattern in memory.
        few: The other, of the same episodes.
        cues: Texts, each with its time.

    Returns:
        "kept@10": the mean share of the best ten, as a recall has them without another word. "kept_cosine@10": the same
        by cosine alone. "read": how many episodes are scored from their patterns for the former, on average.
    """
    kept: dict[str, list[float]] = {name: [] for name in _KEPT}
    for cue, now in cues:
        for name, fields in (("kept@10", None), ("kept_cosine@10", _COSINE)):
            found = few.recall(cue, k=K, now=now, fields=fields)
            kept[name].append(_share(whole.recall(cue, k=K, now=now, fields=fields), found))
            if fields is None:
                kept["read"].append(found.certificate.rescored)
    return {name: float(np.mean(found)) if found else 0.0 for name, found in kept.items()}


def _share(one: Recall, other: Recall) -> float:
    wanted = {each.id for each in one}
    return len(wanted.intersection(each.id for each in other)) / len(wanted) if wanted else 1.0


_TIMES = ("before", "after", "resident_prototypes")
_MEASURES = ("recall@5", "recall@10", "patterns", "bytes")
_KEPT = ("kept@10", "kept_cosine@10", "read")


def _add(sums: Measured, haystack: Haystack, rankings: Sequence[Ranking], memory: Memory) -> None:
    for query, ranking in zip(haystack.queries, rankings, strict=True):
        for k in (5, 10):
            sums[f"recall@{k}"] += len(query.gold.keys() & set(ranking[:k])) / len(query.gold)
    stats = memory.stats()
    sums["patterns"] += stats.resident_patterns
    sums["bytes"] += stats.resident_bytes
