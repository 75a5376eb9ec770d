"""Turns are taken, who goes first changes, and the ratio is that of rounds, not of medians."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rounds import FEWEST, WARM, by_turns, quantile, ratio

SECONDS = st.floats(min_value=1e-6, max_value=1e3)


def test_who_goes_first_changes_from_round_to_round() -> None:
    """After rounds that are not timed; both are told the same number."""
    calls: list[tuple[str, int]] = []
    pair = by_turns(
        lambda number: calls.append(("ours", number)),
        lambda number: calls.append(("theirs", number)),
        rounds=3,
        seconds=60,
    )
    assert calls[: 2 * WARM] == [("ours", 0), ("theirs", 0), ("ours", 1), ("theirs", 1)]
    timed = calls[2 * WARM :]
    assert timed == [("ours", 0), ("theirs", 0), ("theirs", 1), ("ours", 1), ("ours", 2), ("theirs", 2)]
    assert len(pair.candidate) == len(pair.peer) == 3


def test_each_time_is_that_of_its_own() -> None:
    """The slow one is the slow one, whoever goes first."""
    pair = by_turns(lambda _: None, lambda _: time.sleep(0.002), rounds=6, seconds=60)
    assert min(pair.peer) >= 0.002
    assert sorted(pair.candidate)[2] < 0.002


def test_no_round_begins_after_the_time_but_for_the_first_few() -> None:
    """Five rounds there are in any case."""
    pair = by_turns(lambda _: None, lambda _: None, rounds=1000, seconds=0)
    assert len(pair.peer) == FEWEST == 5


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    """A machine that gets ten times slower half way changes both, and no ratio."""
    ours = [1.0, 1.0, 10.0, 10.0, 10.0]
    theirs = [2.0, 2.0, 20.0, 20.0, 5.0]
    assert ratio(ours, theirs) == {"ratio": 2.0, "ratio:low": 2.0, "ratio:high": 2.0}


@given(st.lists(SECONDS, min_size=1, max_size=40), st.floats(min_value=0, max_value=1))
def test_quantiles_are_those_of_numpy(values: list[float], share: float) -> None:
    """Interpolated between neighbours."""
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)))


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=40))
def test_the_other_way_round_the_ratio_is_the_inverse(times: list[tuple[float, float]]) -> None:
    """For an odd number of rounds, whose median is one of them."""
    if len(times) % 2 == 0:
        times = times[1:]
    ours, theirs = zip(*times, strict=True)
    assert ratio(ours, theirs)["ratio"] * ratio(theirs, ours)["ratio"] == pytest.approx(1)
