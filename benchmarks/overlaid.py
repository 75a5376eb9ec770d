"""What consolidation does to the recall of episodes: the same queries before and after a pass. Knows no label."""

from __future__ import annotations

from collections.abc import Sequence

from am_agent import Embedder, Memory
from benchmarks.beir import Haystack
from benchmarks.systems import Ranking, asked, filled

_EACH = 2 * 4
"""Bytes of the scale and the error of a code, beside the code and the pattern itself."""


def before_and_after(haystacks: Sequence[Haystack], embedder: Embedder) -> dict[str, dict[str, float]]:
    """Recall of the documents that answer the queries of a set, before and after a pass over each haystack.

    Args:
        haystacks: Those with queries that have gold count, each query as much as any.
        embedder: Of the memories.

    Returns:
        Of "before" and "after" recall@5 and @10 and the patterns and bytes in memory; of "after" also the prototypes,
        the seconds per 1,000 episodes, and how many of the queries bring back anything else, or in another order.
    """
    sums: dict[str, dict[str, float]] = {when: dict.fromkeys(_MEASURES, 0.0) for when in ("before", "after")}
    sums["after"] |= {"prototypes": 0.0, "seconds_per_1000": 0.0, "other_rankings": 0.0}
    queries = episodes = 0
    for haystack in haystacks:
        if not haystack.queries:
            continue
        queries += len(haystack.queries)
        with filled(haystack, embedder) as memory:
            first = asked(memory, haystack)
            _add(sums["before"], haystack, first, memory, embedder)
            report = memory.consolidate()
            second = asked(memory, haystack)
            _add(sums["after"], haystack, second, memory, embedder)
            episodes += report.episodes
            sums["after"]["prototypes"] += report.prototypes
            sums["after"]["seconds_per_1000"] += report.seconds
            sums["after"]["other_rankings"] += sum(one != other for one, other in zip(first, second, strict=True))
    for found in sums.values():
        for k in (5, 10):
            found[f"recall@{k}"] /= max(queries, 1)
    sums["after"]["seconds_per_1000"] *= 1000 / max(episodes, 1)
    return sums


_MEASURES = ("recall@5", "recall@10", "patterns", "bytes")


def _add(
    sums: dict[str, float], haystack: Haystack, rankings: Sequence[Ranking], memory: Memory, embedder: Embedder
) -> None:
    for query, ranking in zip(haystack.queries, rankings, strict=True):
        for k in (5, 10):
            sums[f"recall@{k}"] += len(query.gold.keys() & set(ranking[:k])) / len(query.gold)
    patterns = memory.stats().patterns
    sums["patterns"] += patterns
    sums["bytes"] += patterns * (5 * embedder.dimension + _EACH)
