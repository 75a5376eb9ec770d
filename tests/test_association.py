"""What links add to the best, by hand: along sessions, along entities, never more than their bond allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from am_agent.association import LEAD, Stage, linked
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.scan import Matches, Pass
from am_agent.hopfield.scope import Scope
from am_agent.question import Question
from am_agent.standing import Standing
from am_agent.working_set import Snapshot
from tests.lots import Row, block

OPEN = Standing(0, Moments.none(1), np.eye(1), steps=(1.0, 0.5), entities=1.0)
STEPS = replace(OPEN, entities=0.0)
NAMES = replace(OPEN, steps=(0.0, 0.0))


def _stored(place: int, text: str, session: str | None, named: tuple[int, ...] = ()) -> Row:
    rows = np.ones((1, 1), dtype=np.float32)
    return Row(place + 1, 1, place + 1, text, None, session, place, None, rows, tuple(each + 1 for each in named))


def _matches(scores: np.ndarray, candidates: np.ndarray, others: np.ndarray) -> Matches:
    """Scores that the fields other than content gave."""
    return Matches(scores, candidates, 0.0, -np.inf, Pass.of(np.zeros((1, 1)), np.zeros((1, 1)), LEAD, others))


def _first(
    scores: list[float],
    texts: list[str] | None = None,
    session: str | None = "s",
    *,
    exact: list[int] | None = None,
    sure: list[float] | None = None,
    mean: float = 0.0,
    allowed: list[int] | None = None,
    named: dict[int, tuple[int, ...]] | None = None,
) -> Stage:
    """A first stage that found these scores, those at `exact` in float64; patterns say nothing, other fields all.

    Of each score, `sure` is what does not spread. Who names which others is told by place.
    """
    told = texts or ["nothing"] * len(scores)
    links = named or {}
    rows = [_stored(place, text, session, links.get(place, ())) for place, text in enumerate(told)]
    snapshot = block(rows, 1).snapshot()
    scope = Scope.of([(snapshot.roster, snapshot.patterns)], allowed=allowed)
    found = np.where(scope.eligible, np.array(scores), -np.inf)
    candidates = np.flatnonzero(scope.eligible) if exact is None else np.array(exact)
    matched = np.zeros(len(scores)) if sure is None else np.array(sure)
    return Stage([snapshot], scope, _matches(found, candidates, np.array(scores)), matched, mean)


def _added(first: Stage, known: Standing, worth: float = 1.0, cue: str | None = None) -> dict[int, Any]:
    """What each episode got that got something, by place."""
    before = first.matches.scores.copy()
    matches, added = linked(Question(corrected=() if cue is None else (cue,)), first, known, worth)
    gains = np.zeros(len(before))
    gains[matches.candidates] = added * worth
    seen = np.isfinite(before)
    exact = first.matches.asked.others[seen] if first.matches.candidates.size < seen.sum() else before[seen]
    assert matches.scores[seen] == pytest.approx(exact + gains[seen], abs=1e-12)
    return {int(place): pytest.approx(gains[place]) for place in np.flatnonzero(gains)}


def test_a_seed_gives_to_the_next_two_on_either_side() -> None:
    """0.4 of what is above two standard deviations, and 0.3 by a gate that is half open."""
    assert _added(_first([0, 0, 0, 5, 0, 0, 0]), STEPS) == {1: 0.45, 2: 1.2, 4: 1.2, 5: 0.45}
    assert _added(_first([0, 0, 0, 5, 0, 0, 0]), STEPS, worth=0.5) == {1: 0.225, 2: 0.6, 4: 0.6, 5: 0.225}
    assert _added(_first([1, 1, 1, 6, 1, 1, 1], mean=1.0), STEPS) == {1: 0.45, 2: 1.2, 4: 1.2, 5: 0.45}


@pytest.mark.parametrize("score", [-1.0, 0.0, 1.9, 2.0])
def test_what_is_half_forgotten_gives_nothing(score: float) -> None:
    """Up to two standard deviations above the mean there is no seed."""
    assert _added(_first([0, score, 0]), STEPS) == {}


def test_who_said_it_and_when_do_not_spread() -> None:
    """What a seed got for these is not passed on, nor counted against what its neighbours may reach."""
    assert _added(_first([0, 5, 0], sure=[0, 3.0, 0]), STEPS) == {}
    assert _added(_first([0, 5.5, 0], sure=[0, 3.0, 0]), STEPS) == {0: 0.2, 2: 0.2}
    assert _added(_first([3.0, 9.0, 3.0], sure=[3.0, 3.0, 3.0], mean=1.0), STEPS) == {0: 1.2, 2: 1.2}
    assert _added(_first([7.5, 8.0, 7.9], sure=[3.0, 3.0, 0.0]), STEPS)[0] == 0.4 * 3 + 0.15 * 5.9


def test_the_seeds_are_the_best_by_the_whole_score() -> None:
    """Two hundred are looked at, whatever their scores consist of; then what matches is left out."""
    scores, sure = [9.0] * 200 + [0.0, 6.0, 0.0], [9.0] * 200 + [0.0] * 3
    assert _added(_first(scores, sure=sure), STEPS) == {}
    scores[0] = 5.0
    assert _added(_first(scores, sure=sure), STEPS) == {199: 0.6, 200: 1.6, 202: 1.6}


def test_no_neighbour_gets_above_nine_tenths_of_its_seed() -> None:
    """What comes from several adds up to there, and what is above it already gets nothing."""
    assert _added(_first([4.0, 10.0, 4.2, 0.0]), STEPS) == {
        0: 0.4 * 8 + 0.15 * 2.2,
        2: 0.4 * 8 + 0.15 * 2,
        3: 0.15 * 8 + 0.4 * 2.2,
    }
    assert _added(_first([5, 5, 5]), STEPS) == {}
    assert _added(_first([8.5, 10.0, 0.0]), STEPS)[0] == 0.5


def test_a_shut_gate_lifts_no_bound() -> None:
    """What lies two steps from the best, by links that carry nothing, is bounded by its own neighbour."""
    shut = replace(STEPS, steps=(1.0, 0.0))
    assert _added(_first([10.0, 2.9, 2.5, 0.0]), shut) == {1: 0.4 * (8 + 0.5), 2: 0.9 * 2.9 - 2.5, 3: 0.4 * 0.5}


def test_without_a_session_or_with_all_gates_shut_nothing_is_added() -> None:
    """The matches stay what they were."""
    alone = _first([0, 9, 0], session=None)
    assert linked(Question(), alone, STEPS, 1.0)[0] is alone.matches
    shut = replace(OPEN, steps=(0.0, 0.0), entities=0.0)
    first = _first([0, 9, 0])
    assert linked(Question(), first, shut, 1.0)[0] is first.matches
    assert linked(Question(), first, OPEN, 0.0)[0] is first.matches


SHUT = replace(OPEN, steps=(0.0, 0.0), entities=0.0)


def test_what_is_stated_leads_on_both_ways_and_asks_no_gate() -> None:
    """0.4 of what is above two standard deviations, from either end, to those that are linked and no further."""
    named = {1: (0,), 3: (1, 0), 4: (3,)}
    assert _added(_first([5, 0, 0, 0, 0], named=named), SHUT) == {1: 1.2, 3: 1.2}
    assert _added(_first([0, 0, 0, 5, 0], named=named), SHUT) == {0: 1.2, 1: 1.2, 4: 1.2}
    assert _added(_first([0, 5, 0, 0, 0], named=named, session=None), SHUT, worth=0.5) == {0: 0.6, 3: 0.6}
    assert _added(_first([0, 5, 0, 6, 0], named=named), SHUT) == {0: 0.4 * 3 + 0.4 * 4, 1: 0.4, 4: 1.6}


def test_what_is_stated_is_bounded_as_a_neighbour_is() -> None:
    """By nine tenths of the best that reaches it; what is half forgotten gives nothing."""
    assert _added(_first([10, 8.5, 9.5], named={1: (0,), 2: (0,)}), SHUT) == {1: 0.5}
    assert _added(_first([2.0, 0.0], named={1: (0,)}), SHUT) == {}
    assert _added(_first([6.0, 0.0], sure=[3.0, 0.0], named={1: (0,)}), SHUT) == {1: 0.4}


def test_a_pair_is_linked_once_however_often_it_is_stated() -> None:
    """By both, twice by one, or beside being neighbours: the greatest counts, and is not added up."""
    for named in ({1: (0,)}, {1: (0, 0)}, {1: (0,), 0: (1,)}):
        assert _added(_first([5.0, 0.0], named=named), SHUT) == {1: 1.2}
        assert _added(_first([5.0, 0.0], named=named), OPEN) == {1: 1.2}


def test_what_may_not_be_seen_neither_gives_nor_gets() -> None:
    """Not the target, not who states it, and nothing leads through it."""
    named = {1: (0,), 2: (1,), 3: (0,)}
    assert _added(_first([5, 0, 0, 0], named=named, allowed=[1, 3, 4]), SHUT) == {3: 1.2}
    assert _added(_first([5, 9, 0, 0], named=named, allowed=[1, 3]), SHUT) == {}
    assert _added(_first([0, 9, 0, 0], named=named, allowed=[2, 3]), SHUT) == {2: 2.8}


def test_what_is_stated_reaches_beyond_the_candidates() -> None:
    """It is scored exactly before it gets anything."""
    assert _added(_first([5.0, 0.5, 0.0], exact=[0, 2], named={1: (0,)}), SHUT) == {1: 1.2}


def test_without_links_the_matches_stay_what_they_were() -> None:
    """The very same, to the last bit, and so they do where the links lead nowhere."""
    for named in (None, {1: (7,)}):
        first = _first([0, 9, 0], named=named)
        assert linked(Question(), first, SHUT, 1.0)[0] is first.matches


def test_what_is_reached_beyond_the_candidates_is_scored_exactly_first() -> None:
    """It joins them, in order, with its own score and what it got."""
    first = _first([0.0, 0.5, 9.0, 0.25, 0.0, 0.0], exact=[2])
    first.matches.scores[[1, 3]] += 1e-7  # as the pass in float32 leaves them
    matches, added = linked(Question(), first, STEPS, 1.0)
    assert matches.candidates.tolist() == [0, 1, 2, 3, 4]
    assert matches.scores[:5].tolist() == pytest.approx([1.05, 3.3, 9.0, 3.05, 1.05], abs=1e-12)
    assert added.tolist() == pytest.approx([1.05, 2.8, 0, 2.8, 1.05], abs=1e-12)


def test_what_may_not_be_seen_is_stepped_over() -> None:
    """It gets nothing, gives nothing, and adds nothing to a distance."""
    first = _first([0, 0, 9, 0, 9, 0, 0], allowed=[1, 2, 3, 6, 7])
    assert _added(first, STEPS) == {0: 1.05, 1: 2.8, 5: 2.8, 6: 1.05}


def test_sessions_of_several_namespaces_stay_apart() -> None:
    """A neighbour is in the same namespace."""
    parts: list[Snapshot] = []
    for start in (0, 3):
        made = block([_stored(start + place, "nothing", "s") for place in range(3)], 1)
        parts.append(made.snapshot())
    scope = Scope.of([(each.roster, each.patterns) for each in parts])
    scores = np.array([0, 0, 7.0, 0, 0, 0])
    first = Stage(parts, scope, _matches(scores, np.arange(6), scores.copy()), np.zeros(6), 0.0)
    assert _added(first, STEPS) == {0: 0.75, 1: 2.0}


# ------------------------------------------------------------------------------------------------------------- entities

TWICE = 0.8 * (1 + 35 / 36)


def test_an_entity_that_one_other_names_links_the_two() -> None:
    """Twice as much where it stands in the opening, which says what a text is about."""
    late = "x" * 60 + " by Kofi Annan"
    texts = ["we met Kofi Annan there", "nothing", "we met Kofi Annan, too", late]
    assert _added(_first([5, 0, 0], texts[:3], None), NAMES) == {2: min(TWICE * 3, 0.7 * 5)}
    assert _added(_first([5, 0, 0], [texts[0], texts[1], late], None), NAMES) == {2: 0.8 * 3}
    half = replace(NAMES, entities=0.5)
    assert _added(_first([5, 0, 0, 0], texts, None), half) == {
        2: 0.5 * TWICE * 3 / 2**0.5,
        3: 0.5 * 0.8 * 3 / 2**0.5,
    }


def test_an_entity_that_the_cue_names_links_nothing() -> None:
    """Its words have found what names it; one of two words is not enough to say so."""
    texts = ["we met Kofi Annan there", "we saw Kofi Annan"]
    first = _first([5, 0], texts, None)
    assert _added(first, NAMES, cue="who met kofi annan") == {}
    assert set(_added(first, NAMES, cue="who met kofi")) == {1}


@pytest.mark.parametrize("cue", ["Who met Kofi Annan?", "Kofi, or Annan's?", "who met (kofi)-annan"])
def test_an_entity_of_the_cue_is_told_by_its_words_whatever_stands_between(cue: str) -> None:
    """Neither a question mark nor a possessive makes it another."""
    texts = ["we met Kofi Annan there", "we saw Kofi Annan"]
    assert _added(_first([5, 0], texts, None), NAMES, cue=cue) == {}
    assert set(_added(_first([5, 0], texts, None), NAMES, cue=cue.replace("nn", "m"))) == {1}


def test_an_entity_with_marks_inside_is_told_by_its_words() -> None:
    """A hyphen in a name parts it for the cue and for what is stored alike."""
    texts = ["we met Jean-Luc Picard there", "we saw Jean-Luc Picard"]
    assert _added(_first([5, 0], texts, None), NAMES, cue="Jean Luc Picard?") == {}
    assert set(_added(_first([5, 0], texts, None), NAMES, cue="Jean Picard?")) == {1}


@pytest.mark.parametrize(("naming", "links"), [(1, False), (2, True), (20, True), (21, False)])
def test_an_entity_links_where_few_name_it(naming: int, links: bool) -> None:
    """One has nobody to be linked with, and what more than twenty name says nothing."""
    texts = ["we met Kofi Annan"] * naming + ["nothing"] * 3
    gains = _added(_first([9.0] + [0.0] * (naming + 2), texts, None), NAMES)
    assert set(gains) == (set(range(1, naming)) if links else set())


def test_only_the_best_three_name_entities() -> None:
    """They say what the cue is about."""
    texts = [f"we met Kofi Annan{number % 5}" for number in range(10)]
    assert set(_added(_first([9, 8, 7, 6, 5, 0, 0, 0, 0, 0], texts, None), NAMES)) == {5, 6, 7}


def test_the_more_entities_the_less_each_counts() -> None:
    """Up to three count in full: the fan effect."""
    names = ["Kofi Annan", "Royal Society", "Ada Lovelace", "Jean Valjean", "Bo Diddley", "Al Capone"]
    for fan in (1, 3, 6):
        texts = ["x" * 60 + " " + " and ".join(names[:fan]), *("x" * 60 + f" by {name}" for name in names[:fan])]
        gains = _added(_first([5.0] + [0.0] * fan, texts, None), NAMES)
        assert list(gains.values()) == [0.8 * 3 / max(1, fan / 3)] * fan


def test_the_greater_of_both_kinds_counts() -> None:
    """They are not added up."""
    texts = ["we met Kofi Annan", "we saw Kofi Annan", "nothing"]
    assert _added(_first([5, 0, 0], texts), OPEN) == {1: 3.5, 2: 0.45}
