"""How good a ranking is, and how sure that number: measures and their bootstrap. Knows ids and grades, no system."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MEASURES = ("recall@1", "recall@5", "recall@10", "all@10", "any@5", "ndcg@10")
"""The names of what `judge` returns, in its order."""

RESAMPLES = 2000
_SEED = 20_240_501


def judge(ranking: Sequence[str], gold: Mapping[str, int]) -> tuple[float, ...]:
    """Judge one ranking by every one of MEASURES.

    Args:
        ranking: Ids, the best first, none twice.
        gold: The ids that should be there, each with its grade; at least one.

    Example:
        >>> dict(zip(MEASURES, judge(["a", "x", "b"], {"a": 1, "b": 1}), strict=True))["recall@1"]
        0.5
    """
    return (
        recall(ranking, gold, 1),
        recall(ranking, gold, 5),
        recall(ranking, gold, 10),
        float(recall(ranking, gold, 10) == 1),
        float(recall(ranking, gold, 5) > 0),
        ndcg(ranking, gold, 10),
    )


def recall(ranking: Sequence[str], gold: Mapping[str, int], k: int) -> float:
    """The share of the gold among the first k."""
    return sum(each in gold for each in ranking[:k]) / len(gold)


def ndcg(ranking: Sequence[str], gold: Mapping[str, int], k: int) -> float:
    """The discounted gain of the first k, as a share of the best there could be.

    The gain is the grade itself and the discount is log2(1 + place), as in trec_eval and so in BEIR.
    """
    ideal = sorted(gold.values(), reverse=True)
    return _discounted([gold.get(each, 0) for each in ranking[:k]]) / _discounted(ideal[:k])


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(1 + place) for place, gain in enumerate(gains, start=1))


def interval(values: Array, resamples: int = RESAMPLES) -> tuple[Array, Array]:
    """The bootstrap interval of 95 % of the mean over queries, by percentiles.

    The seed is fixed, so that the same values give the same interval, and every system of a set is judged on the
    same resamples.

    Args:
        values: What was measured, [queries, measures].
        resamples: How many times as many queries are drawn with replacement.

    Returns:
        The lower and the upper ends, [measures] each.

    Example:
        >>> low, high = interval(np.array([[0.0], [1.0]] * 50))
        >>> bool(low[0] < 0.5 < high[0])
        True
    """
    count = len(values)
    # How often each query is drawn is all that its mean depends on: one product in place of the resamples themselves.
    drawn = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=resamples)
    low, high = np.percentile(drawn @ values / count, [2.5, 97.5], axis=0)
    return low, high


def summary(values: Array) -> dict[str, float]:
    """The mean of each measure with the ends of its interval, and the number of queries."""
    low, high = interval(values)
    found: dict[str, float] = {}
    for place, name in enumerate(MEASURES):
        found[name] = float(values[:, place].mean())
        found[f"{name}:low"] = float(low[place])
        found[f"{name}:high"] = float(high[place])
    return found | {"queries": len(values)}
