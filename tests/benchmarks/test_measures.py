"""The measures against values computed by hand and by scikit-learn, and the bootstrap against what is known of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from benchmarks.measures import MEASURES, interval, judge, ndcg, recall, summary


def test_the_measures_are_those_computed_by_hand() -> None:
    """Two of three gold documents, at the places 2 and 6, and the third at place 11, which no measure sees."""
    ranking = ["x1", "a", "x3", "x4", "x5", "b", "x7", "x8", "x9", "x10", "c"]
    judged = dict(zip(MEASURES, judge(ranking, {"a": 1, "b": 1, "c": 1}), strict=True))
    gain = 1 / math.log2(3) + 1 / math.log2(7)
    assert judged == {
        "recall@1": 0.0,
        "recall@5": pytest.approx(1 / 3),
        "recall@10": pytest.approx(2 / 3),
        "all@10": 0.0,
        "any@5": 1.0,
        "ndcg@10": pytest.approx(gain / (1 + 1 / math.log2(3) + 1 / 2)),
    }


def test_a_perfect_ranking_is_one_throughout_and_an_empty_one_zero() -> None:
    """With one gold document every measure has the same extremes."""
    assert judge(["a", "x"], {"a": 2}) == (1.0,) * 6
    assert judge([], {"a": 2}) == (0.0,) * 6
    assert judge(["x"] * 10 + ["a"], {"a": 2}) == (0.0,) * 6


def test_recall_is_a_share_of_all_gold_even_where_it_is_more_than_k() -> None:
    """Of four, one place can hold one."""
    assert recall(["a", "b"], dict.fromkeys("abcd", 1), 1) == 0.25


@pytest.mark.parametrize("seed", range(20))
def test_ndcg_is_that_of_scikit_learn(seed: int) -> None:
    """With random grades and a random order, also where there are more than ten good ones."""
    rng = np.random.default_rng(seed)
    grades = rng.integers(0, 4, 30)
    grades[rng.integers(30)] = 3
    scores = rng.permutation(30)
    ranking = [str(place) for place in np.argsort(-scores)]
    gold = {str(place): int(grade) for place, grade in enumerate(grades) if grade > 0}
    assert ndcg(ranking, gold, 10) == pytest.approx(ndcg_score([grades], [scores], k=10))


def test_the_interval_is_deterministic_and_covers_the_mean() -> None:
    """The same values give the same interval, to the bit."""
    values = np.random.default_rng(1).random((300, 6))
    low, high = interval(values)
    again = interval(values)
    np.testing.assert_array_equal(again, (low, high))
    assert (low < values.mean(axis=0)).all()
    assert (values.mean(axis=0) < high).all()


def test_the_interval_is_as_wide_as_theory_has_it() -> None:
    """Of 400 throws of a coin the mean has the standard deviation 1/40, and the interval 1.96 of it to each side."""
    low, high = interval(np.repeat([[0.0], [1.0]], 200, axis=0))
    assert low[0] == pytest.approx(0.5 - 1.96 / 40, abs=0.006)
    assert high[0] == pytest.approx(0.5 + 1.96 / 40, abs=0.006)


def test_values_without_variance_have_an_interval_without_width() -> None:
    """Also a single query does."""
    for values in (np.full((7, 2), 0.25), np.full((1, 2), 0.25)):
        low, high = interval(values)
        assert low.tolist() == pytest.approx([0.25, 0.25])
        assert high.tolist() == pytest.approx([0.25, 0.25])


def test_a_summary_names_every_number() -> None:
    """Mean, ends and the number of queries, as JSON has them."""
    found = summary(np.array([(1.0,) * 6, (0.0,) * 6]))
    assert list(found) == [f"{name}{end}" for name in MEASURES for end in ("", ":low", ":high")] + ["queries"]
    assert (found["ndcg@10"], found["ndcg@10:low"], found["ndcg@10:high"]) == (0.5, 0.0, 1.0)
    assert found["queries"] == 2
