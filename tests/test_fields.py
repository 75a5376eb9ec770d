"""The scores of each field by hand: who, when, next to what, in which words, and which part of a long cue is heard."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from am_agent.fields import actors, beside, heard, queries, times, words
from am_agent.hopfield.fusion import content_query
from am_agent.hopfield.scope import Scope
from am_agent.question import Question
from am_agent.standing import standing
from am_agent.store.schema import microseconds
from am_agent.times import Period, times_in
from am_agent.working_set import Block, Snapshot
from tests.lots import Row, block, lot

DAY = datetime(2024, 5, 1, tzinfo=UTC)


def _block(*rows: dict[str, Any], first: int = 1) -> Block:
    """Episodes whose patterns are the axes, numbered from `first` on."""
    stored = [
        Row(
            first + place,
            1,
            first + place,
            row.get("text", "nothing"),
            row.get("actor"),
            row.get("session"),
            microseconds(row.get("at", DAY)),
            None,
            np.eye(4, dtype=np.float32)[[row.get("axis", place % 4)]],
            row.get("named", ()),
        )
        for place, row in enumerate(rows)
    ]
    return block(stored, 4)


def _scope(*snapshots: Snapshot, allowed: list[int] | None = None) -> Scope:
    return Scope.of([(each.roster, each.patterns) for each in snapshots], allowed=allowed)


# --------------------------------------------------------------------------------------------------------------- actors

CAST = _block(*({"actor": actor} for actor in ("Ana", "Ana Lee", "user", "Human", "assistant", None))).snapshot()


@pytest.mark.parametrize(
    ("question", "scores"),
    [
        (Question(), [0, 0, 0, 0, 0, 0]),
        (Question(names=frozenset({"ana"})), [1, 1, 0, 0, 0, 0]),
        (Question(names=frozenset({"lee"})), [0, 1, 0, 0, 0, 0]),
        (Question(actor="Ana"), [1, 0, 0, 0, 0, 0]),
        (Question(actor="ana"), [0, 0, 0, 0, 0, 0]),  # beside a text it is meant to the letter
        (Question(actor="user"), [0, 0, 1, 0, 0, 0]),
        (Question(speaker=True), [0, 0, 0.8, 0.8, 0, 0]),
        (Question(addressed=True), [0, 0, 0, 0, 0.8, 0]),
        (Question(speaker=True, addressed=True, names=frozenset({"lee"})), [0, 1, 0.8, 0.8, 0.8, 0]),
        (Question(speaker=True, actor="user"), [0, 0, 1, 0.8, 0, 0]),
        (Question(actor="Nobody"), [0, 0, 0, 0, 0, 0]),
    ],
)
def test_actors(question: Question, scores: list[float]) -> None:
    """A name is worth one, a role that the cue implies less, and no actor nothing."""
    assert actors(question, [CAST]).tolist() == scores
    assert actors(question, [CAST, CAST]).tolist() == scores * 2
    assert actors(question, []).tolist() == []


# ---------------------------------------------------------------------------------------------------------------- times


def test_a_time_fades_with_the_distance_from_the_period() -> None:
    """1 inside, both ends included, and 1/e for each week outside."""
    days = [-14, -7, 0, 3, 5, 12]
    snapshot = _block(*({"at": DAY + timedelta(days=day)} for day in days)).snapshot()
    period = Period("time", DAY, DAY + timedelta(days=5), relative=True)
    expected = [math.exp(-2), math.exp(-1), 1, 1, 1, math.exp(-1)]
    assert times([period], [snapshot]) == pytest.approx(expected, abs=1e-12)
    later = Period("time", DAY + timedelta(days=12), DAY + timedelta(days=12), relative=True)
    assert times([period, later], [snapshot]) == pytest.approx([*expected[:5], 1], abs=1e-12)
    assert times([], [snapshot]).tolist() == [0] * 6


@pytest.mark.parametrize(
    ("cue", "scores"),
    [
        ("in 1994", [1, 0, 1, 0]),
        ("in March 1994", [1, 0, 1, 0]),
        ("in December 1993", [0, 0, 1, 0]),  # ends where 1994 begins
        ("from 1995 to 1996", [0, 1, 1, 0]),
        ("before 1993", [0, 0, 0, 0]),
        ("since 1996", [1, 1, 1, 1]),  # all was told in 2024
    ],
)
def test_the_years_that_a_text_names_count_as_its_time(cue: str, scores: list[int]) -> None:
    """A year or a part of it meets every text that names the year; what is told long after is no nearer in time."""
    told = ["in 1994 it snowed", "it was 1995", "from 1993 to 1995", "nothing of it"]
    snapshot = _block(*({"text": text} for text in told)).snapshot()
    (period,) = times_in(cue, DAY).periods
    assert times([period], [snapshot]).round(6).tolist() == scores


def test_what_is_relative_meets_no_year() -> None:
    """Last year is a time at which something happened, not one that a text names."""
    snapshot = _block({"text": "in 2023 it snowed", "at": DAY + timedelta(days=900)}).snapshot()
    (period,) = times_in("last year", DAY).periods
    assert period.relative
    assert times([period], [snapshot])[0] < 1e-9


# --------------------------------------------------------------------------------------------------------------- beside


def test_beside_an_episode_are_its_neighbours() -> None:
    """Three on either side, in the order of time, the dead stepped over; not the episode itself."""
    block = _block(*({"session": "s", "at": DAY + timedelta(hours=hour)} for hour in range(9)))
    snapshot = block.snapshot()
    assert beside(5, [snapshot], _scope(snapshot)).tolist() == [0, 0.8, 1.2, 2, 0, 2, 1.2, 0.8, 0]
    assert beside(1, [snapshot], _scope(snapshot)).tolist() == [0, 2, 1.2, 0.8, 0, 0, 0, 0, 0]
    block.update([6], lot([]))
    snapshot = block.snapshot()
    assert beside(5, [snapshot], _scope(snapshot)).tolist() == [0, 0.8, 1.2, 2, 0, 0, 2, 1.2, 0.8]


def test_beside_an_episode_is_what_it_is_linked_to() -> None:
    """As near as the next in the session, whoever states it and wherever it lies; the dead get nothing."""
    one = _block({"session": "s"}, {"session": "s"}, {"session": "s", "named": (1,)}, {}).snapshot()
    block = _block({"named": (6, 7)}, {}, {"named": (5,)}, first=5)
    other = block.snapshot()
    assert beside(1, [one, other], _scope(one, other)).tolist() == [0, 2, 2, 0, 0, 0, 0]
    assert beside(3, [one, other], _scope(one, other)).tolist() == [2, 2, 0, 0, 0, 0, 0]
    assert beside(5, [one, other], _scope(one, other)).tolist() == [0, 0, 0, 0, 0, 2, 2]
    block.update([6], lot([]))
    other = block.snapshot()
    found = beside(5, [one, other], _scope(one, other))
    assert found[_scope(one, other).eligible].tolist() == [0, 0, 0, 0, 0, 2]
    assert found.sum() == 2


def test_beside_an_episode_of_another_namespace_or_of_no_session() -> None:
    """Positions count through all the namespaces; a session does not reach into another."""
    one = _block({"session": "s"}, {"session": "s"}, {}).snapshot()
    other = _block({"session": "s"}, {"session": "s"}, first=4).snapshot()
    scope = _scope(one, other)
    assert beside(5, [one, other], scope).tolist() == [0, 0, 0, 2, 0]
    assert beside(2, [one, other], scope).tolist() == [2, 0, 0, 0, 0]
    assert beside(3, [one, other], scope).tolist() == [0] * 5
    assert beside(9, [one, other], scope).tolist() == [0] * 5


# ---------------------------------------------------------------------------------------------------------------- words


def test_a_cue_without_a_term_has_no_words() -> None:
    """None, not zeros."""
    snapshot = _block({"text": "snow"}).snapshot()
    assert words(Question(parts=("of it",), terms=({},)), None, [snapshot]) is None
    assert words(Question(), None, [snapshot]) is None
    assert words(Question(parts=("a", "b"), terms=({"snow": 1}, {})), np.array([0.0, 1.0]), [snapshot]) is None


def test_words_of_a_part_count_by_its_share() -> None:
    """What a long cue says beside the question weighs as little as it is heard."""
    snapshot = _block({"text": "snow"}, {"text": "tea"}, {"text": "tea"}).snapshot()
    parts = Question(parts=("a", "b"), terms=({"snow": 1}, {"tea": 2, "snow": 1}))
    both = words(parts, np.array([0.25, 0.75]), [snapshot])
    one = words(Question(parts=("a",), terms=({"snow": 1.0, "tea": 1.5},)), None, [snapshot])
    assert both is not None
    assert both == pytest.approx(one, abs=1e-12)


def test_words_over_several_namespaces_are_those_of_one() -> None:
    """Frequencies and lengths are summed, so where an episode lies makes no difference."""
    texts = ["snow in May", "tea", "tea and snow", "a long text of tea and harbours", "nothing"]
    whole = _block(*({"text": text} for text in texts)).snapshot()
    parts = [_block(*({"text": text} for text in some)).snapshot() for some in (texts[:2], [], texts[2:])]
    question = Question(parts=("x",), terms=({"snow": 1, "tea": 2},))
    assert words(question, None, parts) == pytest.approx(words(question, None, [whole]), abs=1e-12)


# ---------------------------------------------------------------------------------------------------------------- parts


def test_the_part_that_resembles_something_is_heard() -> None:
    """A softmax over the greatest cosines; what has less than a hundredth is not heard at all."""
    snapshot = _block({"axis": 0}, {"axis": 1}).snapshot()
    cues = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0.8, 0, 0.6]], dtype=np.float32)
    question = Question(parts=("a", "b", "c", "d"), terms=({},) * 4)
    shares = heard(question, cues, _scope(snapshot))
    assert shares is not None
    assert math.exp(20 * (0.8 - 1)) / 2 < 0.01
    assert shares.tolist() == [0, 0.5, 0.5, 0]
    assert heard(Question(parts=("a",), terms=({},)), cues[:1], _scope(snapshot)) is None


def test_only_what_may_be_seen_is_listened_to() -> None:
    """Neither the forgotten nor what a filter leaves out decides which part is heard."""
    block = _block(*({"axis": axis} for axis in (0, 1, 1, 1, 1, 1, 1, 1)))
    question = Question(parts=("a", "b"), terms=({}, {}))
    cues = np.eye(4, dtype=np.float32)[:2]
    both = heard(question, cues, _scope(block.snapshot()))
    assert both is not None
    assert both.tolist() == [0.5, 0.5]
    filtered = _scope(block.snapshot(), allowed=[2, 3])
    block.update([1], lot([]))
    forgotten = _scope(block.snapshot())
    assert len(forgotten.patterns[0].codes.values) == 8  # dead, but in the array still
    for scope in (filtered, forgotten):
        shares = heard(question, cues, scope)
        assert shares is not None
        assert shares.tolist() == [0, 1]
    nothing = heard(question, cues, _scope(block.snapshot(), allowed=[]))
    assert nothing is not None
    assert nothing.tolist() == [0.5, 0.5]


def test_parts_become_one_query_and_windows_stay_apart() -> None:
    """The parts of a text are averaged by what they are heard; windows of a caller's are not."""
    known = standing([_block({}, {}, {}).snapshot()], 4)
    cues = np.eye(4, dtype=np.float32)[:2]
    apart = queries(cues, None, known, identity=False)
    assert apart.shape == (2, 4)
    for row, cue in zip(apart, cues, strict=True):
        assert row == pytest.approx(content_query(cue.astype(np.float64), known.metric, known.moments))
    one = queries(cues, np.array([0.25, 0.75]), known, identity=False)
    assert one == pytest.approx(0.25 * apart[:1] + 0.75 * apart[1:])
