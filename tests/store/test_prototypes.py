"""The overlay as rows, with groups by chance: whatever happens to it, it says what it should, and undo undoes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import or_, select

from am_agent import DeterministicEmbedder, Memory
from am_agent.centroid import centroid
from am_agent.matching import matched
from am_agent.store import episodes, journal, namespaces, prototypes, space
from am_agent.store.episodes import Visibility
from am_agent.store.prototypes import Kept, Shape, measure
from am_agent.store.schema import member, shape
from am_agent.store.vectors import vectors_of
from tests.overlays import TABLES, dump, told, unsound
from tests.soundness import assert_sound, held

TIERS = ("duplicate", "theme")
State = dict[str, tuple[str, frozenset[str]]]
"""For each prototype its tier and its members."""

labels = st.lists(st.integers(-1, 3), min_size=16, max_size=16)
directions = st.integers(0, 2**16)


def _vector(seed: int) -> list[float]:
    return list(np.random.default_rng(seed).normal(size=4))


def _kept(memory: Memory) -> list[Kept]:
    with memory._database.reading() as connection:
        ids = namespaces.find(connection, ())
        return prototypes.current(connection, ids, now=datetime.now(UTC))


def _state(memory: Memory) -> State:
    with memory._database.reading() as connection:
        kept = prototypes.current(connection, namespaces.find(connection, ()), now=datetime.now(UTC))
        named = episodes.names_of(connection, {key for each in kept for key in each.shape.members.tolist()})
    return {each.id: (each.shape.tier, frozenset(named[key] for key in each.shape.members.tolist())) for each in kept}


def _pass(memory: Memory, parts: dict[str, list[int]], weight: float = 1.0) -> str | None:
    """A run that groups the episodes as they are labelled, in their order; -1 for none."""
    with memory._intake.writing() as (connection, now):
        ids, found = namespaces.find(connection, ()), space.find(connection)
        seqs = [seq for seq, _ in episodes.matching(connection, ids, Visibility(now))]
        patterns = vectors_of(connection, seqs, found.id)
        groups: list[Shape] = []
        for tier, given_ in parts.items():
            for label in range(4):
                keys = [seq for seq, own in zip(seqs, given_, strict=False) if own == label]
                if len(keys) > 1:
                    groups.append(measure(keys, [weight] * len(keys), patterns, tier))
        plan = matched(prototypes.current(connection, ids, now=now), groups)
        if not seqs:
            return None
        return prototypes.write(
            connection, plan.plan, namespace_id=ids[0], space_id=found.id, now=now, whole=True,
            episodes=len(seqs), through=max(seqs), duplicate=None, theme=None,
        )  # fmt: skip


class Overlaid(RuleBasedStateMachine):
    """Episodes come, change and go; runs come and are undone. The naive overlay keeps every state it was ever in."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.history: list[tuple[str, State, dict[str, Any] | None]] = []  # each run with what was there before it
        self.now: State = {}

    @initialize(seeds=st.lists(directions, min_size=3, max_size=8))
    def begin(self, seeds: list[int]) -> None:
        for number, seed in enumerate(seeds):
            self.memory.remember(f"text {number}", id=f"e{number}", vector=_vector(seed))

    @rule(number=st.integers(0, 9), seed=directions, said=st.integers(0, 3))
    def remember(self, number: int, seed: int, said: int) -> None:
        """A new episode, or a new version that says something else: it leaves its groups."""
        before = self.memory.stats().versions
        self.memory.remember(f"text {number} {said}", id=f"e{number}", vector=_vector(seed))
        if self.memory.stats().versions > before:
            self._gone({f"e{number}"})

    @rule(number=st.integers(0, 9), value=st.integers())
    def annotate(self, number: int, value: int) -> None:
        """A version that says the same stays where it is."""
        if self.memory.get(f"e{number}"):
            self.memory.update(f"e{number}", metadata={"n": value})
            self._written()

    @rule(numbers=st.sets(st.integers(0, 9), min_size=1, max_size=4))
    def forget(self, numbers: set[int]) -> None:
        ids = {f"e{number}" for number in numbers}
        if self.memory.forget(ids=sorted(ids)).episodes:
            self._gone(ids)
        if not self.memory.count():
            self.history, self.now = [], {}

    @rule(duplicate=labels, theme=labels, weight=st.sampled_from([1.0, 2.0]))
    def consolidate(self, duplicate: list[int], theme: list[int], weight: float) -> None:
        before = self.now, dump(self.memory)
        run = _pass(self.memory, {"duplicate": duplicate, "theme": theme}, weight)
        if run is not None:
            self.history.append((run, *before))
            self.now = _state(self.memory)

    @precondition(lambda self: self.history)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        """Every row is as it was, and where episodes have changed since, the groups are as they were but for those."""
        place = data.draw(st.integers(0, len(self.history) - 1))
        run, state, rows = self.history[place]
        undone = self.memory.unconsolidate(run)
        assert undone.runs == tuple(run for run, *_ in reversed(self.history[place:]))
        self.history, self.now = self.history[:place], state
        if rows is not None:
            assert dump(self.memory) == rows

    @invariant()
    def groups_are_those_of_the_naive_overlay(self) -> None:
        assert _state(self.memory) == self.now
        assert self.memory.stats().prototypes == len(self.now)

    @invariant()
    def each_is_what_its_members_make_it(self) -> None:
        """Mean, radius, weight and medoid are those of the members' vectors, and nothing points nowhere."""
        kept = _kept(self.memory)
        with self.memory._database.reading() as connection:
            found = space.find(connection).id
            for each in kept:
                shape, keys = each.shape, each.shape.members.tolist()
                patterns = vectors_of(connection, keys, found)
                stacked = np.concatenate([patterns[key] for key in keys])
                # Next versions have other numbers, so that sums can have been made in another order.
                again = centroid(stacked, np.arange(len(keys)), shape.weights)
                assert np.allclose(again.mean, shape.mean, rtol=0, atol=1e-6)
                distances = np.linalg.norm(stacked - shape.mean.astype(np.float64), axis=1)
                assert distances.max() == pytest.approx(shape.radius, abs=1e-11)
                assert distances[keys.index(shape.medoid)] <= distances.min() + 1e-6
        seen = [(each.shape.tier, key) for each in kept for key in each.shape.members.tolist()]
        assert len(seen) == len(set(seen))
        assert unsound(self.memory) == []

    def teardown(self) -> None:
        """Without its runs, no row of the overlay is left."""
        if self.history:
            self.memory.unconsolidate(self.history[0][0])
            assert all(rows == [] for rows in dump(self.memory, only=TABLES).values())
        self.memory.close()

    def _written(self) -> None:
        self.history = [(run, state, None) for run, state, _ in self.history]

    def _gone(self, ids: set[str]) -> None:
        """Un-learn episodes from every state there ever was."""
        self.history = [(run, _without(state, ids), None) for run, state, _ in self.history]
        self.now = _without(self.now, ids)


def _without(state: State, ids: Iterable[str]) -> State:
    left = {id_: (tier, members - set(ids)) for id_, (tier, members) in state.items()}
    return {id_: each for id_, each in left.items() if len(each[1]) > 1}


Overlaid.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
TestOverlaid = Overlaid.TestCase


@settings(max_examples=40)
@given(passes=st.lists(st.tuples(labels, labels), min_size=1, max_size=5), data=st.data())
def test_what_made_one_prototype_is_undone_and_the_rest_stays(
    passes: list[tuple[list[int], list[int]]], data: st.DataObject
) -> None:
    """Each prototype is then as it is, or as it was before the one was made; no episode is in two of a tier."""
    with Memory() as memory:
        memory.remember_many([{"text": f"{n}", "id": f"e{n}", "vector": _vector(n)} for n in range(12)])
        states: list[State] = [{}]
        for duplicate, theme in passes:
            assert _pass(memory, {"duplicate": duplicate, "theme": theme})
            states.append(_state(memory))
        born = {id_: place for place in reversed(range(len(states))) for id_ in states[place]}
        if not born:
            return
        id_ = data.draw(st.sampled_from(sorted(born)))
        now, before = states[-1], states[born[id_] - 1]
        undone = memory.unconsolidate(id_)
        left = _state(memory)
        assert id_ not in left
        assert undone.gone >= 1
        assert all(each in (now.get(key), before.get(key)) for key, each in left.items())
        lost = {key for key in now if key not in left}
        assert all(born[key] >= born[id_] for key in lost)
        seen = [(tier, member) for tier, members in left.values() for member in members]
        assert len(seen) == len(set(seen))
        assert {key for key in before if key not in left} == {
            key for key in before if key not in now and key not in left
        }
        assert unsound(memory) == []


def test_the_only_prototype_of_a_run_takes_the_run_with_it() -> None:
    """Byte for byte as before, the number of the next one included."""
    with Memory() as memory:
        memory.remember_many([{"text": f"{n}", "id": f"e{n}", "vector": _vector(n)} for n in range(6)])
        before = dump(memory)
        for _ in range(2):
            run = _pass(memory, {"theme": [0, 0, 0, -1, -1, -1]})
            (only,) = memory.prototypes()
            assert memory.unconsolidate(only.id).runs == (run,)
            assert dump(memory) == before


def test_the_change_feed_names_what_has_changed_by_number() -> None:
    """Made, changed, given up, un-learned and undone prototypes, each by its number and its namespace's."""
    with Memory() as memory:
        memory.remember_many([{"text": f"{n}", "id": f"e{n}", "vector": _vector(n)} for n in range(6)])

        def told() -> set[int]:
            with memory._database.reading() as connection:
                entries = journal.since(connection, position)
                assert {change.namespace_id for _, change in entries} <= set(namespaces.find(connection, ()))
                return {change.episode_seq for _, change in entries if change.kind == "prototype"}

        def here() -> int:
            with memory._database.reading() as connection:
                return journal.position(connection)

        position = here()

        def reread(seqs: set[int]) -> list[int]:
            """What somebody who has the others reads again."""
            with memory._database.reading() as connection:
                ids = namespaces.find(connection, ())
                return [each.seq for each in prototypes.current(connection, ids, seqs=seqs, now=datetime.now(UTC))]

        _pass(memory, {"theme": [0, 0, 0, 1, 1, 1]})
        one, two = (each.seq for each in _kept(memory))
        assert told() == {one, two}
        position = here()
        last = _pass(memory, {"theme": [0, 0, 0, -1, 1, 1]})
        assert told() == {two}
        position = here()
        memory.forget(ids="e0")
        assert told() == {one}
        position = here()
        memory.unconsolidate(last or "")
        assert told() == {two}
        position = here()
        memory.update("e5", metadata={"a": 1})
        assert told() == {two}
        assert reread({one, two, 99}) == [one, two]
        assert reread({two}) == [two]
        position = here()
        memory.forget(ids=["e3", "e4"])
        assert told() == {two}
        assert reread({two}) == []


@pytest.mark.parametrize("erased", [["e0"], ["e0", "e1"], ["e0", "e1", "e2"]])
def test_what_is_left_of_a_group_is_as_if_it_had_never_had_the_rest(erased: list[str]) -> None:
    """The bytes of the mean are those that the others alone make; a group of one is none."""
    with Memory() as memory, Memory() as other:
        items = [{"text": f"{n}", "id": f"e{n}", "vector": _vector(n)} for n in range(4)]
        memory.remember_many(items)
        _pass(memory, {"theme": [0, 0, 0, 0]})
        memory.forget(ids=erased)
        other.remember_many(items[len(erased) :])
        _pass(other, {"theme": [0, 0, 0, 0]})
        means, others = ([each.shape.mean.tobytes() for each in _kept(one)] for one in (memory, other))
        assert means == others
        assert len(means) == (len(erased) < 3)


def test_no_file_holds_what_a_forgotten_member_has_left_in_a_group(tmp_path: Path) -> None:
    """Neither the text that was made of it, nor a mean that it had a part in, not even of a run that is over."""
    toy = DeterministicEmbedder()
    with Memory(tmp_path / "memory.db", embedder=toy) as memory:
        memory.remember_many([{"text": text, "id": f"e{n}"} for n, text in enumerate(told(4, 10))])
        memory.remember(told(4, 10)[3] + " secretword", id="secret")
        memory.consolidate(summarise=" / ".join)
        memory.remember(told(4, 10)[3] + " again", id="again")
        memory.consolidate(summarise=" / ".join)
        with memory._database.reading() as connection:
            joined = select(shape.c.mean, shape.c.ended_seq).join(
                member, member.c.prototype_seq == shape.c.prototype_seq
            )
            then = or_(member.c.ended_seq.is_(None), member.c.ended_seq > shape.c.run_seq)
            mine = joined.where(member.c.episode_seq == 41, member.c.run_seq <= shape.c.run_seq, then)
            shapes = connection.execute(mine).all()
        assert {ended is None for _, ended in shapes} == {True, False}
        before = held(tmp_path)
        assert all(mean in before for mean, _ in shapes)
        assert memory.forget(ids="secret").erased
        left = held(tmp_path)
        assert b"secretword" in before
        assert b"secretword" not in left
        assert [mean for mean, _ in shapes if mean in left] == []
        assert memory.stats().prototypes > 0
    assert_sound(tmp_path / "memory.db")
