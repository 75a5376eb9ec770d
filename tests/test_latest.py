"""What is newer before what it says something else of: the order, and what recall makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent import Cue, DeterministicEmbedder, Memory, errors
from am_agent.latest import Statements, latest

TOY = DeterministicEmbedder()
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def memory() -> Any:
    """Where Ana lives, in three versions that were not told in their order, and where others do."""
    with Memory(embedder=TOY) as opened:
        for day, place in ((3, "Lisbon"), (9, "Porto"), (6, "Oslo")):
            opened.remember(f"Ana moved to {place}.", id=place, occurred_at=START + timedelta(days=day))
        opened.remember("Boris moved to Oslo.", id="boris", occurred_at=START + timedelta(days=20))
        opened.remember("Ana has a red bicycle.", id="bicycle", occurred_at=START + timedelta(days=21))
        yield opened


@st.composite
def statements(draw: st.DrawFn) -> Statements:
    """Any, the best first."""
    count = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    patterns = rng.normal(size=(count, 3)).astype(np.float32)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    return Statements(
        np.sort(rng.normal(1, 1, count))[::-1],
        patterns,
        rng.permutation(count),
        [set("ab"[: rng.integers(0, 3)]) for _ in range(count)],
        rng.integers(-1, 2, count),
    )


@given(statements())
def test_nothing_is_lost_and_only_what_is_newer_rises(given: Statements) -> None:
    """A permutation; whatever passes another is newer than that which it stands before."""
    order = latest(given)
    assert sorted(order) == list(range(len(given.scores)))
    for place, each in enumerate(order):
        passed = [other for other in order[place + 1 :] if other < each]
        if passed:
            below = next(other for other in order[place + 1 :] if other <= min(passed))
            assert given.ages[each] > given.ages[below]


@given(statements())
def test_of_near_duplicates_the_newest_is_first(given: Statements) -> None:
    """If nothing else is alike, each group shows its newest where its best was."""
    apart = Statements(-np.ones(len(given.scores)), given.patterns, given.ages, given.named, given.groups)
    order = latest(apart)
    for group in {0, 1} & set(given.groups.tolist()):
        ages = [int(given.ages[each]) for each in order if given.groups[each] == group]
        assert ages[0] == max(ages)
    alone = Statements(apart.scores, given.patterns, given.ages, given.named, -np.ones(len(given.ages), dtype=np.int64))
    assert latest(alone) == list(range(len(given.scores)))


def test_who_is_named_counts(memory: Memory) -> None:
    """Boris's move is newer, and about another; without a name it could be what is asked for."""
    found = [each.id for each in memory.recall("Where has Ana moved to?", prefer="latest")]
    assert found[:3] == ["Porto", "Oslo", "Lisbon"]
    assert memory.recall("who moved?", prefer="latest")[0].id == "boris"


def test_the_newest_is_what_occurred_last_and_then_what_was_recorded_last(memory: Memory) -> None:
    """Told at the same time, the later one wins."""
    memory.remember("Ana moved to Rome.", id="Rome", occurred_at=START + timedelta(days=9))
    found = [each.id for each in memory.recall("Where has Ana moved to?", prefer="latest")]
    assert found[:4] == ["Rome", "Porto", "Oslo", "Lisbon"]


def test_of_fewer_the_newest_is_one(memory: Memory) -> None:
    """What is asked for one at a time is the first of what would be asked for together."""
    asked = "Has Ana moved to lisbon?"
    assert [each.id for each in memory.recall(asked, k=1)] == ["Lisbon"]
    assert [each.id for each in memory.recall(asked, k=1, prefer="latest")] == ["Porto"]
    for k in range(1, 6):
        ten = memory.recall(asked, k=10, prefer="latest")
        assert memory.recall(asked, k=k, prefer="latest").recollections == ten[:k]


def test_the_weights_stay_what_they_were(memory: Memory) -> None:
    """Only the order is another: weights, energy and verdict are those of the episodes."""
    usual, newest = (memory.recall("Where has Ana moved to?", prefer=each) for each in ("weight", "latest"))
    assert {each.id: each for each in usual} == {each.id: each for each in newest}
    assert (usual.energy, usual.verdict, usual.certificate.exact) == (newest.energy, newest.verdict, True)
    assert memory.reinforce(newest, used=newest[0].id).rounds == 1


def test_what_was_valid_then_is_asked_for_by_its_time(memory: Memory) -> None:
    """`as_of` shows nothing that was recorded later, whatever is preferred."""
    then = memory.get(["Lisbon"])[0].recorded_at
    assert then is not None
    assert [each.id for each in memory.recall("Where has Ana moved to?", prefer="latest", as_of=then)] == ["Lisbon"]


def test_beside_prototypes_and_by_any_field(memory: Memory) -> None:
    """Prototypes keep their places; cosine alone, an actor alone and a silent cue have an order, too."""
    memory.remember_many([{"text": "Ana moved to Porto.", "id": f"again{n}", "occurred_at": START} for n in range(3)])
    memory.consolidate()
    usual, newest = (
        memory.recall("Ana moved to Porto.", k=10, level="both", prefer=each) for each in ("weight", "latest")
    )
    assert [each.prototype and each.id for each in usual] == [each.prototype and each.id for each in newest]
    assert {each.id for each in usual} == {each.id for each in newest}
    once = memory.recall("Ana moved to Porto.", distinct=True, prefer="latest")
    assert (once[0].id, set(once[0].also)) == ("Porto", {"again0", "again1", "again2"})
    assert memory.recall("Where has Ana moved to?", fields=("cosine",), prefer="latest")[0].id == "Porto"
    assert memory.recall("and you", k=2, prefer="latest")[0].id == "bicycle"
    assert len(memory.recall(Cue(near="Porto"), prefer="latest")) == 5
    assert len(memory.recall("x", namespace=("nobody",), prefer="latest")) == 0
    assert len(memory.recall("Ana", level="prototype", prefer="latest")) == len(memory.recall("Ana", level="prototype"))


@pytest.mark.parametrize("prefer", ["newest", "", None, True])
def test_a_preference_that_there_is_not(memory: Memory, prefer: Any) -> None:
    """The message names those that there are."""
    with pytest.raises(errors.InvalidArgument, match="prefer is 'weight' or 'latest', not"):
        memory.recall("a", prefer=prefer)


def test_with_codes_alone_in_memory_all_is_the_same(memory: Memory) -> None:
    """The patterns that are compared are read from the file then; a text of several patterns counts by its nearest."""
    with Memory(embedder=TOY, resident="codes") as codes:
        for each in memory.list():
            codes.remember(each.text, id=each.id, occurred_at=each.occurred_at)
        for opened in (memory, codes):
            opened.remember("Long", id="long", vector=np.eye(64)[:3], occurred_at=START)
            opened.consolidate()
        for given in ({"prefer": "latest"}, {"distinct": True}, {"level": "both", "k": 9}):
            found = [opened.recall("Where has Ana moved to?", **given) for opened in (memory, codes)]
            assert [each.text for each in found[0]] == [each.text for each in found[1]]
            assert [each.weight for each in found[0]] == pytest.approx([each.weight for each in found[1]])
