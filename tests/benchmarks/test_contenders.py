"""Those that are always installed find the ten nearest of vectors in memory, or read all of them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.contenders import CANDIDATE, CONTENDERS, Setting, exact, recall
from benchmarks.machine import missing
from benchmarks.material import Clusters, Floats

FINDERS = (
    CANDIDATE,
    "numpy_topk",
    "numpy_softmax",
    "torch_topk",
    "torch_softmax",
    "torch_values_20",
    "torch_values_50",
)


@pytest.fixture(scope="module")
def rows() -> Floats:
    """A few thousand vectors."""
    return Clusters.of().rows(0, 3000)


@pytest.fixture(scope="module")
def cues() -> Floats:
    """A few cues."""
    return Clusters.of().cues(12)


@pytest.mark.parametrize("name", FINDERS)
@pytest.mark.parametrize("count", [1, 12])
def test_the_ten_nearest_are_found_the_nearest_first(name: str, count: int, rows: Floats, cues: Floats) -> None:
    """One cue, and several at once, to the last place."""
    ready = CONTENDERS[name].prepare(Setting(rows, cues, threads=1))
    found = ready.ask(cues[:count])
    assert found is not None
    truth = np.argsort(-(cues[:count].astype(np.float64) @ rows.T.astype(np.float64)), axis=1)[:, :10]
    np.testing.assert_array_equal(found, truth)
    assert ready.how


@pytest.mark.parametrize("name", ["read_float32", "read_int8", "torch_attention"])
def test_those_that_find_nothing_say_so(name: str, rows: Floats, cues: Floats) -> None:
    """And the readers say how they read."""
    ready = CONTENDERS[name].prepare(Setting(rows, cues, threads=1))
    assert ready.ask(cues[:1]) is None
    assert "numpy" in ready.how or "attention" in ready.how


def test_everything_that_needs_nothing_is_tested_here() -> None:
    """All others name the module that must be installed."""
    bare = {name for name, each in CONTENDERS.items() if not each.needs}
    assert bare == {*FINDERS, "read_float32", "read_int8", "torch_attention"}
    assert missing(["numpy", "no_such_module", "numpy.no_such_module"]) == ["no_such_module", "numpy.no_such_module"]


def test_recall_is_the_share_that_was_found(rows: Floats, cues: Floats) -> None:
    """In whatever order."""
    truth = exact(rows, cues)
    assert recall(truth[:, ::-1], truth) == 1.0
    worse = truth.copy()
    worse[:, :5] = -1
    assert recall(worse, truth) == 0.5
