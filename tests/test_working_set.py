"""The episodes in memory stay true, whatever happens to the file and whatever interrupts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent import DeterministicEmbedder, Memory, errors
from am_agent.hopfield.codes import Codes
from am_agent.hopfield.patterns import PatternView
from am_agent.standing import standing
from am_agent.store import episodes, namespaces, space
from am_agent.store.episodes import Visibility
from am_agent.store.schema import episode, microseconds
from am_agent.working_set import Snapshot, WorkingSet, past
from tests.test_equivalence import assert_same

START = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = DeterministicEmbedder(dimension=8, width=3)

TEXTS = [
    "tea",
    "rain and tea",
    "rooks on a board",
    "a long red bridge in Oslo at night",
    "we saw the Royal Society in 1994",
    "the Royal Society moved to Oslo between 1995 and 1998",
]
QUERIES: list[dict[str, float]] = [{"tea": 1.0}, {"royal": 1.0, "oslo": 2.0, "board": 0.3}, {"nowhere": 1.0}]
IDS = st.sampled_from("abcdefgh")
FACTS = st.fixed_dictionaries(
    {
        "text": st.sampled_from(TEXTS),
        "actor": st.sampled_from([None, "Ana", "Ben Okafor", "Ida Okafor"]),
        "session": st.sampled_from([None, "one", "one", "two"]),
        "occurred_at": st.integers(0, 4).map(lambda hours: START - timedelta(hours=hours)),
    }
)
LIVES = st.sampled_from([None, None, None, 5, 30]).map(lambda seconds: seconds and timedelta(seconds=seconds))
STEPS = st.one_of(
    st.tuples(st.just("remember"), st.lists(st.tuples(IDS, FACTS, LIVES), min_size=1, max_size=4)),
    st.tuples(st.just("update"), IDS, FACTS),
    st.tuples(st.just("forget"), st.lists(IDS, min_size=1, max_size=3)),
    st.tuples(st.just("wait"), st.integers(1, 20)),
    st.tuples(
        st.just("look"),
    ),
)


def _bytes(patterns: PatternView, place: int) -> bytes:
    """The patterns of one place, whose codes are theirs."""
    rows = patterns.rows_of(np.array([place]))
    assert patterns.rows is not None
    held, expected = patterns.codes[rows], Codes.of(patterns.rows[rows])
    assert held.restored().tobytes() == expected.restored().tobytes()
    assert held.errors.tobytes() == expected.errors.tobytes()
    return patterns.rows[rows].tobytes()


def _facts(
    snapshot: Snapshot, now: datetime, patterns: Callable[[PatternView, int], Any] = _bytes
) -> dict[int, tuple[Any, ...]]:
    """What a snapshot says of each episode that is to be seen, in terms that do not depend on places and numbers."""
    roster, attributes = snapshot.roster, snapshot.attributes
    names = {number: name for name, number in snapshot.actors.items()}
    seen = roster.alive.copy()
    seen[snapshot.expired(now)] = False
    places = np.flatnonzero(seen)
    around = snapshot.chains.neighbours(places, seen, 2)
    keys = [*roster.keys.tolist(), -1]  # so that no neighbour stays none
    return {
        keys[place]: (
            patterns(snapshot.patterns, place),
            names.get(int(attributes.actors[place])),
            int(attributes.sessions[place]) >= 0
            and [keys[other] for other in places if attributes.sessions[other] == attributes.sessions[place]],
            int(attributes.times[place]),
            int(attributes.ends[place]),
            [keys[other] for other in near],
        )
        for place, near in zip(places.tolist(), around.tolist(), strict=True)
    }


def _recalled(snapshot: Snapshot) -> tuple[dict[int, Any], list[float]]:
    """What recall uses beside that, dead episodes left out: for each episode, and as numbers that rounding touches."""
    alive, keys = snapshot.roster.alive, snapshot.roster.keys.tolist()
    places = np.flatnonzero(alive).tolist()
    names = {number: name for name, number in snapshot.actors.items()}
    called = {call: sorted(names[number] for number in held) for call, held in snapshot.called.items()}
    indexes = (snapshot.words, snapshot.spellings, snapshot.entities)
    years = [snapshot.years.meeting(year, year + 1) for year in (1993, 1994, 1996, 1998)]
    facts: dict[int, Any] = {
        keys[place]: (
            [index.terms_of([place]) for index in indexes],
            [bool(met[place]) for met in years],
            names.get(int(snapshot.attributes.actors[place])),
        )
        for place in places
    }
    facts[-1] = called
    facts[-2] = [
        sorted(term for term, held in zip(words, index.frequencies(words, alive), strict=True) if held)
        for index in indexes
        for words in [index.vocabulary()]
    ]
    known = standing([snapshot], 8)
    facts[-3] = known.episodes, known.moments.count
    floats = [*known.steps, known.entities, *known.metric.ravel(), *known.moments.total, *known.moments.second.ravel()]
    for index in (snapshot.words, snapshot.spellings, snapshot.entities):
        for query in QUERIES:
            floats += index.bm25(query, alive)[places].tolist()
    return facts, floats


def _said(snapshot: Snapshot) -> Any:
    """The same of a snapshot that has its texts, but for names, of which later ones are added."""
    if snapshot.wording is None:
        return None
    facts, floats = _recalled(snapshot)
    return {key: fact for key, fact in facts.items() if key != -1}, floats


def _assert_recalls_alike(one: Snapshot, other: Snapshot) -> None:
    (facts, floats), (facts2, floats2) = _recalled(one), _recalled(other)
    assert facts == facts2
    assert floats == pytest.approx(floats2, abs=1e-9)


def _expected(memory: Memory, now: datetime) -> dict[int, tuple[Any, ...]]:
    """The same, written down from the rows one by one."""
    with memory._read() as connection:
        found = space.find(connection)
        everything = list(episodes.all_versions(connection, namespaces.find(connection, ())))
        vectors = episodes.vectors_of(connection, [seq for seq, _ in everything], found.id)
    firsts: dict[str, int] = {}
    for seq, each in everything:
        firsts.setdefault(each.id, seq)
    current = {
        seq: each
        for seq, each in everything
        if each.superseded_at is None and (each.expires_at is None or each.expires_at > now)
    }
    expected = {}
    for seq, each in current.items():
        session = [other for other in current if current[other].session == each.session is not None]
        order = sorted(session, key=lambda other: (current[other].occurred_at, firsts[current[other].id]))
        padded = [-1, -1, *order, -1, -1]
        at = padded.index(seq) if session else 0
        expected[seq] = (
            vectors[seq].tobytes(),
            each.actor,
            session or False,
            microseconds(each.occurred_at),
            np.iinfo(np.int64).max if each.expires_at is None else microseconds(each.expires_at),
            [padded[at - 1], padded[at - 2], padded[at + 1], padded[at + 2]] if session else [-1] * 4,
        )
    return expected


def _snapshot(memory: Memory, working_set: WorkingSet, *, worded: bool = True) -> Snapshot | None:
    with memory._read() as connection:
        found, ids = space.find(connection), namespaces.find(connection, ())
        return next(iter(working_set.snapshots(connection, ids, found.id, 8, worded=worded)), None)


def _write(memory: Memory, clock: Any, verb: str, arguments: Sequence[Any]) -> None:
    if verb == "remember":
        items = [{"id": id_, **facts, "ttl": life} for id_, facts, life in arguments[0]]
        memory.remember_many(items, batch=2)
    elif verb == "update":
        with suppress(errors.UnknownEpisode):
            memory.update(arguments[0], **arguments[1])
    elif verb == "forget":
        memory.forget(ids=arguments[0])
    elif verb == "wait":
        clock.shift(arguments[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=14))
def test_what_is_kept_equals_what_is_rebuilt_from_sql(steps: list[tuple[Any, ...]]) -> None:
    """All that recall uses, after any writes, texts asked for or not; and older snapshots stay as they were."""
    kept, seen = WorkingSet(), []
    with time_machine.travel(START, tick=False) as clock, Memory(embedder=SMALL) as memory:
        for number, (verb, *arguments) in enumerate([*steps, ("look",)]):
            clock.shift(timedelta(milliseconds=1))
            _write(memory, clock, verb, arguments)
            if verb not in ("look", "update") and number % 2:
                continue  # so that several writes are taken over at once
            now = datetime.now(UTC)
            snapshot = _snapshot(memory, kept, worded=verb == "look")
            expected = _expected(memory, now)
            if snapshot is None:
                assert expected == {}
            else:
                assert _facts(snapshot, now) == expected
                assert snapshot.moments.count == sum(len(each[0]) // 32 for each in _facts(snapshot, START).values())
                seen.append((snapshot, now, expected, _said(snapshot)))
        if snapshot is not None:
            rebuilt = _snapshot(memory, WorkingSet())
            assert rebuilt is not None
            assert _facts(rebuilt, now) == expected
            _assert_recalls_alike(snapshot, rebuilt)
    for snapshot, then, expected, said in seen:
        assert _facts(snapshot, then) == expected
        assert _said(snapshot) == said


def test_a_recall_by_cosine_reads_no_text() -> None:
    """Nor does one after a write; the next by words takes in what it lacks, and no more than that."""
    with Memory(embedder=SMALL) as memory:
        kept = WorkingSet()
        memory.remember_many(TEXTS)
        bare = _snapshot(memory, kept, worded=False)
        assert bare is not None
        assert bare.wording is None
        with pytest.raises(ValueError, match="made without its texts"):
            bare.words  # noqa: B018
        first = _snapshot(memory, kept)
        assert first is not None
        assert _snapshot(memory, kept, worded=False) is first
        memory.remember("rooks, again")
        (block,) = kept._blocks.values()
        assert _snapshot(memory, kept, worded=False) is not first
        assert block.unread() == [len(TEXTS) + 1]
        second = _snapshot(memory, kept)
    assert second is not None
    assert (first.words.size, second.words.size) == (len(TEXTS), len(TEXTS) + 1)
    assert second.words.postings("rook")[0].tolist() == [2, 6]


def test_the_past_is_built_from_its_own_versions() -> None:
    """As of an earlier time the neighbours are those of then, and a session does not reach into another namespace."""
    with time_machine.travel(START, tick=False) as clock, Memory(embedder=SMALL) as memory:
        for id_, hours in (("a", 1), ("b", 2), ("c", 3)):
            memory.remember(id_, id=id_, session="one", occurred_at=START + timedelta(hours=hours))
        memory.remember("elsewhere", id="d", session="one", namespace=("other",), occurred_at=START)
        clock.shift(60)
        memory.update("b", occurred_at=START + timedelta(hours=9), actor="Ben")
        memory.forget(ids="c")
        with memory._read() as connection:
            found = space.find(connection)
            ids = [*namespaces.find(connection, ()), *namespaces.find(connection, ("other",))]
            now = datetime.now(UTC)
            then = past(connection, ids, found.id, 8, Visibility(now, START + timedelta(seconds=1)))
            today = past(connection, ids, found.id, 8, Visibility(now, now))
    neighbours = {key: facts[-1] for key, facts in _facts(then, now).items()}
    assert neighbours == {1: [-1, -1, 2, -1], 2: [1, -1, -1, -1], 4: [-1] * 4}  # c is gone from the past, too
    assert {key: facts[-1] for key, facts in _facts(today, now).items()} == {
        1: [-1, -1, 5, -1],
        4: [-1] * 4,
        5: [1, -1, -1, -1],
    }
    assert (dict(then.actors), dict(today.actors)) == ({}, {"Ben": 0})


def test_names_keep_their_numbers_and_snapshots_cannot_change_them() -> None:
    """An actor's number outlives the actor's episodes and every compaction."""
    with Memory(embedder=SMALL) as memory:
        kept = WorkingSet()
        memory.remember_many([{"id": name, "text": "hello", "actor": name} for name in ("Ana", "Ben", "Eva")])
        first = _snapshot(memory, kept)
        memory.forget(ids=["Ana", "Ben"])
        memory.remember_many([{"text": "hello again", "actor": name} for name in ("Ida", "Ben")])
        second = _snapshot(memory, kept)
    assert first is not None
    assert second is not None
    assert dict(second.actors) == {"Ana": 0, "Ben": 1, "Eva": 2, "Ida": 3}
    assert second.attributes.actors.tolist() == [2, 3, 1]
    assert dict(second.called) == {"eva": {2}, "ida": {3}, "ben": {1}}  # who is gone is not called anything
    assert set(first.called) == {"ana", "ben", "eva"}
    with pytest.raises(TypeError):
        second.actors["Uli"] = 9  # type: ignore[index]


def test_a_row_is_streamed_with_its_patterns_and_with_the_first_of_its_versions() -> None:
    """Everything that the arrays need is there, whatever the number of windows and versions."""
    text = "a long red bridge in Oslo at night"
    with time_machine.travel(START, tick=False), Memory(embedder=SMALL) as memory:
        memory.remember("tea", id="x")
        memory.remember(text, id="y", actor="Ana", session="one", ttl=timedelta(seconds=9))
        memory.update("x", text=text)
        memory.update("x", actor="Ben", occurred_at=START - timedelta(microseconds=1))
        with memory._read() as connection:
            (lot,) = episodes.stored(connection, space.find(connection).id, episode.c.superseded_at.is_(None))
            texts = episodes.texts_of(connection, [2, 4])
    time = microseconds(START)
    assert lot.rows == [
        (2, 1, 2, "Ana", "one", time, time + 9_000_000),
        (4, 1, 1, "Ben", None, time - 1, None),
    ]
    assert lot.heights.tolist() == [3, 3]
    assert lot.patterns.tobytes() == np.concatenate([SMALL.documents([text])[0]] * 2).astype("<f4").tobytes()
    assert texts == {2: text, 4: text}


def test_a_recall_that_is_interrupted_loses_nothing_for_the_next(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Cut off after any number of SQLite's steps, it leaves no gap in what the next recall sees."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=toy) as memory, Memory(path, embedder=toy) as other:
        other.remember_many([{"text": f"note {n}", "id": f"id{n}"} for n in range(50)])
        assert memory.recall("note 7").episodes == 50
        with memory._database.reading() as connection:
            sqlite = connection.connection.driver_connection  # the one that this thread is given each time
        assert sqlite is not None
        interrupted = 0
        for steps in range(1, 400, 3):
            other.remember_many([f"note {number} of lot {steps}" for number in range(10)])
            other.update("id7", text=f"note 7 at {steps}")
            taken = count(1)
            sqlite.set_progress_handler(lambda taken=taken, steps=steps: next(taken) == steps, 1)
            with suppress(errors.StoreError):
                memory.recall("note 7")
            interrupted += next(taken) > steps
            sqlite.set_progress_handler(None, 1)
            assert memory.recall("note 7", k=1).episodes == other.count()
        assert interrupted > 10  # the rest took fewer steps
        with Memory(path, embedder=toy) as fresh:
            assert_same(memory.recall("note 7 at 1", k=20), fresh.recall("note 7 at 1", k=20))


def test_remembering_one_more_copies_nothing() -> None:
    """What comes in order is written behind what the snapshot before shows, in the same arrays."""
    with Memory(embedder=SMALL) as memory:
        kept = WorkingSet()
        facts = {"text": "tea", "actor": "Ana", "session": "one"}
        memory.remember_many([{**facts, "occurred_at": START + timedelta(hours=hour)} for hour in range(65)])
        _snapshot(memory, kept)
        memory.remember("tea", actor="Ana", session="one", occurred_at=START + timedelta(hours=70))  # makes room
        before = _snapshot(memory, kept)
        memory.remember("tea", actor="Ben", session="one", occurred_at=START + timedelta(hours=71), ttl=timedelta(9))
        after = _snapshot(memory, kept)
    assert before is not None
    assert after is not None
    arrays = [
        getattr(getattr(snapshot, part), name)
        for part in ("roster", "patterns", "attributes", "chains")
        for name in getattr(before, part).__slots__
        for snapshot in (before, after)
    ]
    arrays = [each.values if isinstance(each, Codes) else each for each in arrays]
    assert [len(each) for each in arrays] == [66, 67] * 11
    assert all(np.shares_memory(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True))
