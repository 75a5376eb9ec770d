"""What namespaces are like as a whole: when links are worth following, and when nothing can be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from am_agent.hopfield.metric import Moments, metric
from am_agent.standing import Standing, standing
from am_agent.working_set import Snapshot
from tests.lots import Row, block, lot

D = 32
PRIOR_STEPS = (1 / 2, 1 / 2)  # of the gate from 1 to 2 at a coherence of 1.5; far away 0.5, so steps count in full
RANDOM = np.random.default_rng(7)


def _unit(rows: Any) -> Any:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def _snapshot(rows: Any, sessions: Sequence[str | None], texts: Mapping[int, str] | None = None) -> Snapshot:
    """Episodes with these patterns, in the order of their sessions."""
    stored = [
        Row(place + 1, 1, place + 1, (texts or {}).get(place, "nothing"), None, session, place, None, row[None, :])
        for place, (row, session) in enumerate(zip(_unit(rows), sessions, strict=True))
    ]
    return block(stored, D).snapshot()


def _chat(size: int, seed: int = 1) -> Any:
    """Neighbours alike, those three steps away no more than any others: each shares a half with the next."""
    noise = np.random.default_rng(seed).normal(size=(size + 1, D))
    return noise[:-1] + noise[1:]


def test_no_namespace_has_the_prior() -> None:
    """Nothing is known: the metric is the identity, and links are worth what chats make believe."""
    known = standing([], D)
    assert known.episodes == known.moments.count == 0
    assert known.metric.tolist() == np.eye(D).tolist()
    assert known.steps == PRIOR_STEPS
    assert known.entities == 0.0  # open from a coherence above the prior only


@pytest.mark.parametrize("size", [0, 1])
def test_fewer_than_two_episodes_have_the_prior(size: int) -> None:
    """One has no other to be compared with."""
    known = standing([_snapshot(RANDOM.normal(size=(size, D)), ["s"] * size)], D)
    assert (known.episodes, known.steps, known.entities) == (size, PRIOR_STEPS, 0.0)


@pytest.mark.parametrize("size", [2, 3, 5, 17, 50, 130])
def test_equal_patterns_have_the_prior(size: int) -> None:
    """Where nothing is nearer than anything else, no rounding may decide what a link is worth."""
    for row in np.random.default_rng(size).normal(size=(10, D)):
        known = standing([_snapshot(np.tile(row, (size, 1)), ["s"] * size, dict.fromkeys(range(3), "in Oslo"))], D)
        assert (known.steps, known.entities) == (PRIOR_STEPS, 0.0)


def test_a_chat_opens_the_steps() -> None:
    """Neighbours are alike and it falls off: the next is worth following in full, the one after it less."""
    near, second = standing([_snapshot(_chat(200), ["s"] * 200)], D).steps
    assert near > 0.9
    assert second < 0.3
    noise = np.random.default_rng(1).normal(size=(202, D))
    near, second = standing([_snapshot(noise[:-2] + noise[1:-1] + noise[2:], ["s"] * 200)], D).steps
    assert near == 1.0
    assert second > 0.3  # alike over two steps


def test_a_document_closes_the_steps() -> None:
    """All passages of a session are alike: a neighbour says nothing that the session does not."""
    topics = RANDOM.normal(size=(10, D))
    rows = np.repeat(topics, 20, axis=0) + 0.8 * RANDOM.normal(size=(200, D))
    known = standing([_snapshot(rows, [f"s{place // 20}" for place in range(200)])], D)
    assert known.steps == (0.0, 0.0)


def test_unrelated_neighbours_close_the_steps() -> None:
    """Chance alone."""
    known = standing([_snapshot(RANDOM.normal(size=(200, D)), ["s"] * 200)], D)
    assert known.steps == (0.0, 0.0)


def test_without_sessions_the_prior_stays() -> None:
    """There is no neighbour to be looked at, and none to be followed."""
    assert standing([_snapshot(RANDOM.normal(size=(200, D)), [None] * 200)], D).steps == PRIOR_STEPS


def _naming(size: int, alike: float, shared: int) -> tuple[Any, dict[int, str]]:
    """Episodes in groups that name the same, whose patterns have a part in common."""
    groups = np.arange(size) // shared
    rows = alike * np.random.default_rng(2).normal(size=(size, D))[groups] + RANDOM.normal(size=(size, D))
    return rows, {place: f"we met Kofi Annan{group} there" for place, group in enumerate(groups)}


@pytest.mark.parametrize(
    ("alike", "shared", "least", "most"),
    [(3.0, 2, 1.0, 1.0), (1.2, 2, 0.3, 1.0), (0.0, 2, 0.0, 0.0), (3.0, 1, 0.0, 0.0), (3.0, 25, 0.0, 0.0)],
)
def test_the_gate_of_entities(alike: float, shared: int, least: float, most: float) -> None:
    """Open where episodes that name the same are alike; shut for chance, for names of one, and for those of many."""
    rows, texts = _naming(200, alike, shared)
    assert least <= standing([_snapshot(rows, [None] * 200, texts)], D).entities <= most


def test_the_dead_are_not_looked_at() -> None:
    """What is left says what links are worth, as if the others had never been."""
    rows = _chat(60)
    some = block([], D)
    stored = [
        Row(place + 1, 1, place + 1, f"of Kofi Annan{place // 4}", None, "s", place, None, row[None, :])
        for place, row in enumerate(_unit(rows))
    ]
    some.update([], lot(stored))
    some.word({row.seq: row.text for row in stored})
    some.update(range(1, 12), lot([]))  # fewer than a quarter: they stay in the arrays
    assert_same(standing([some.snapshot()], D), standing([block(stored[11:], D).snapshot()], D))


def test_several_namespaces_are_summed() -> None:
    """Moments are sums; gates are means over all pairs, so they do not depend on the order of the namespaces."""
    parts = [_snapshot(_chat(50, seed), ["s"] * 50) for seed in (1, 2, 3)]
    known = standing(parts, D)
    assert_same(known, standing(parts[::-1], D))
    assert known.episodes == 150
    moments = parts[0].moments + parts[1].moments + parts[2].moments
    assert known.moments.total == pytest.approx(moments.total)
    assert known.metric == pytest.approx(metric(moments), abs=1e-12)
    assert_same(standing(parts[:1], D), standing([*parts[:1], block([], D).snapshot()], D))


def test_the_sample_is_spread_evenly() -> None:
    """Of more than 128 episodes some are asked: from the whole range, and as few."""
    first, second = np.random.default_rng(3).normal(size=(300, D)), _chat(300)
    close = standing([_snapshot(np.concatenate([second, second]), ["s"] * 600)], D).steps[0]
    mixed = standing([_snapshot(np.concatenate([first, second]), ["s"] * 600)], D).steps[0]
    apart = standing([_snapshot(np.concatenate([first, first]), ["s"] * 600)], D).steps[0]
    assert close > 0.9
    assert apart == 0.0
    assert apart <= mixed < close


def assert_same(one: Standing, other: Standing) -> None:
    """All that a recall uses of both, to rounding."""
    assert one.episodes == other.episodes
    assert (*one.steps, one.entities) == pytest.approx((*other.steps, other.entities), abs=1e-9)
    assert one.metric == pytest.approx(other.metric, abs=1e-9)
    assert isinstance(one.moments, Moments)
    assert one.moments.count == other.moments.count
    assert one.moments.second == pytest.approx(other.moments.second, abs=1e-9)
