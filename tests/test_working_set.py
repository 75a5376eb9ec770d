"""The episodes in memory stay true, whatever happens to the file and whatever interrupts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from am_agent.hopfield.patterns import PatternView
from am_agent.standing import standing
from am_agent.store import episodes, namespaces, space
from am_agent.store.episodes import Visibility
from am_agent.store.schema import episode, microseconds
from am_agent.store.vectors import vectors_of
from am_agent.working_set import Snapshot, WorkingSet, past
from tests.lots import bytes_of
from tests.overlays import told
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
NAMED = st.fixed_dictionaries(
    {"reply_to": st.none() | IDS, "derived_from": st.lists(IDS, max_size=3).map(tuple)},
)
LIVES = st.sampled_from([None, None, None, 5, 30]).map(lambda seconds: seconds and timedelta(seconds=seconds))
STEPS = st.one_of(
    st.tuples(st.just("remember"), st.lists(st.tuples(IDS, FACTS, LIVES, NAMED), min_size=1, max_size=4)),
    st.tuples(st.just("update"), IDS, FACTS, NAMED | st.just({})),
    st.tuples(st.just("forget"), st.lists(IDS, min_size=1, max_size=3)),
    st.tuples(st.just("wait"), st.integers(1, 20)),
    st.tuples(
        st.just("look"),
    ),
)


def sayable(named: dict[str, Any], id_: str, known: Iterable[str]) -> dict[str, Any]:
    """Of the links of an episode those to others that are there."""
    there = set(known) - {id_}
    if not named:
        return {}
    answered, sources = named["reply_to"], named["derived_from"]
    return {
        "reply_to": answered if answered in there else None,
        "derived_from": [each for each in sources if each in there],
    }


def items_of(given: Iterable[tuple[str, Any, Any, Any]], memory: Memory, **where: Any) -> list[dict[str, Any]]:
    """Items of `remember_many` whose links can be stated, since what they name is there or comes before."""
    items: list[dict[str, Any]] = []
    known = [each.id for each in memory.list(**where)]
    for id_, facts, life, named in given:
        items.append({"id": id_, **facts, "ttl": life, **sayable(named, id_, known)})
        known.append(id_)
    return items


def _facts(
    snapshot: Snapshot, now: datetime, patterns: Callable[[PatternView, int], Any] = bytes_of
) -> dict[int, tuple[Any, ...]]:
    """What a snapshot says of each episode that is to be seen, in terms that do not depend on places and numbers."""
    roster, attributes = snapshot.roster, snapshot.attributes
    names = {number: name for name, number in snapshot.actors.items()}
    seen = roster.alive.copy()
    seen[snapshot.expired(now)] = False
    places = np.flatnonzero(seen)
    around = snapshot.chains.neighbours(places, seen, 2)
    keys = [*roster.keys.tolist(), -1]  # so that no neighbour stays none
    rows, bound = snapshot.bonds.neighbours(places, roster.keys, seen)
    return {
        keys[place]: (
            patterns(snapshot.patterns, place),
            names.get(int(attributes.actors[place])),
            int(attributes.sessions[place]) >= 0
            and [keys[other] for other in places if attributes.sessions[other] == attributes.sessions[place]],
            int(attributes.times[place]),
            int(attributes.ends[place]),
            {keys[other] for other in bound[rows == row]},
            [keys[other] for other in near],
        )
        for row, (place, near) in enumerate(zip(places.tolist(), around.tolist(), strict=True))
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
        vectors = vectors_of(connection, [seq for seq, _ in everything], found.id)
    firsts: dict[str, int] = {}
    for seq, each in everything:
        firsts.setdefault(each.id, seq)
    current = {
        seq: each
        for seq, each in everything
        if each.superseded_at is None and (each.expires_at is None or each.expires_at > now)
    }
    expected = {}
    said = {seq: {each.reply_to, *each.derived_from} for seq, each in current.items()}
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
            {other for other in current if current[other].id in said[seq] or each.id in said[other]},
            [padded[at - 1], padded[at - 2], padded[at + 1], padded[at + 2]] if session else [-1] * 4,
        )
    return expected


def _snapshot(memory: Memory, working_set: WorkingSet, *, worded: bool = True) -> Snapshot | None:
    with memory._read() as connection:
        found, ids = space.find(connection), namespaces.find(connection, ())
        return next(iter(working_set.snapshots(connection, ids, found.id, 8, worded=worded)), None)


def _write(memory: Memory, clock: Any, verb: str, arguments: Sequence[Any]) -> None:
    if verb == "remember":
        memory.remember_many(items_of(arguments[0], memory), batch=2)
    elif verb == "update":
        named = sayable(arguments[2], arguments[0], [each.id for each in memory.list()])
        with suppress(errors.UnknownEpisode):
            memory.update(arguments[0], **arguments[1], **named)
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


WORDS = told(6, 4)
OVERLAID = st.lists(
    st.one_of(
        st.tuples(st.just("remember"), st.lists(st.tuples(IDS, st.sampled_from(WORDS)), min_size=1, max_size=9)),
        st.tuples(st.just("many"), st.integers(0, 3)),
        st.tuples(st.just("update"), IDS, st.sampled_from(WORDS)),
        st.tuples(st.just("forget"), st.lists(IDS | st.sampled_from(["0-1", "1-7", "2-9"]), min_size=1, max_size=3)),
        st.tuples(st.just("consolidate")),
        st.tuples(st.just("undo")),
        st.tuples(st.just("look")),
    ),
    min_size=2,
    max_size=12,
)


def _overlay(memory: Memory, verb: str, arguments: Sequence[Any]) -> None:
    if verb == "remember":
        memory.remember_many([{"id": id_, "text": text} for id_, text in arguments[0]])
    elif verb == "many":
        seed = arguments[0]
        memory.remember_many({"id": f"{seed}-{n}", "text": text} for n, text in enumerate(told(4, 8, seed=seed)))
    elif verb == "update":
        with suppress(errors.UnknownEpisode):
            memory.update(arguments[0], text=arguments[1])
    elif verb == "forget":
        memory.forget(ids=arguments[0])
    elif verb == "consolidate":
        memory.consolidate()
    elif verb == "undo" and memory.prototypes():
        memory.unconsolidate(memory.prototypes()[-1].id)


def _stood_for(snapshot: Snapshot) -> dict[int, tuple[bytes, bytes]]:
    """Of each living episode the code of its patterns, and how far these are from it."""
    patterns, found = snapshot.patterns, {}
    for place in np.flatnonzero(snapshot.roster.alive).tolist():
        rows = patterns.rows_of(np.array([place]))
        codes = patterns.coded(rows)
        found[int(snapshot.roster.keys[place])] = codes.restored().tobytes(), patterns.errors[rows].tobytes()
    return found


@settings(max_examples=40, deadline=None)
@given(OVERLAID)
def test_prototypes_in_memory_equal_those_that_are_loaded(steps: list[tuple[Any, ...]]) -> None:
    """After any writes and passes and undos: what stands for every episode, and the moments, which are of all codes."""
    kept, seen = WorkingSet(resident="prototypes"), []
    with Memory(embedder=DeterministicEmbedder(dimension=8)) as memory:
        for verb, *arguments in [*steps, ("look",)]:
            _overlay(memory, verb, arguments)
            if verb != "look":
                continue
            one, other = (_snapshot(memory, each) for each in (kept, WorkingSet(resident="prototypes")))
            whole = _snapshot(memory, WorkingSet(resident="codes"))
            if one is None or other is None or whole is None:
                continue
            assert _stood_for(one) == _stood_for(other)
            assert (other.density is None) == bool(memory.prototypes())
            np.testing.assert_allclose(one.moments.second, whole.moments.second, atol=1e-9)
            np.testing.assert_allclose(one.moments.total, whole.moments.total, atol=1e-9)
            grouped = {each.id for each in memory.prototypes()}
            assert bool(grouped) == (len(other.patterns.codes.values) < len(other.patterns))
            seen.append((one, _stood_for(one)))
    for snapshot, before in seen:
        assert _stood_for(snapshot) == before


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


def test_the_past_has_the_bonds_of_its_own_versions() -> None:
    """What was said then, of what there was then; an update of the target changes nothing, its erasure does."""
    with time_machine.travel(START, tick=False) as clock, Memory(embedder=SMALL) as memory:
        memory.remember_many([{"text": id_, "id": id_} for id_ in "ab"])
        memory.remember("c", id="c", reply_to="a", derived_from=["b"])
        clock.shift(60)
        memory.update("a", text="a again", derived_from=["b"])
        memory.update("c", text="c again", reply_to=None)
        memory.remember("d", id="d", derived_from=["c", "a"])
        now = datetime.now(UTC)

        def bound(as_of: datetime) -> dict[int, set[int]]:
            with memory._read() as connection:
                ids = namespaces.find(connection, ())
                snapshot = past(connection, ids, space.find(connection).id, 8, Visibility(now, as_of))
            return {key: facts[-2] for key, facts in _facts(snapshot, now).items()}

        assert bound(START + timedelta(seconds=1)) == {1: {3}, 2: {3}, 3: {1, 2}}
        assert bound(now) == {2: {4, 5}, 4: {2, 6}, 5: {2, 6}, 6: {4, 5}}
        memory.forget(ids="b")
        assert bound(START + timedelta(seconds=1)) == {1: {3}, 3: {1}}
        assert bound(now) == {4: {6}, 5: {6}, 6: {4, 5}}


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
        named = {"reply_to": "y", "derived_from": ["z", "y"]}
        memory.remember("rain", id="z")
        memory.update("x", actor="Ben", occurred_at=START - timedelta(microseconds=1), **named)
        with memory._read() as connection:
            (lot,) = episodes.stored(connection, space.find(connection).id, episode.c.superseded_at.is_(None))
            texts = episodes.texts_of(connection, [2, 5])
    time = microseconds(START)
    assert lot.rows == [
        (2, 1, 2, "Ana", "one", time, time + 9_000_000, ()),
        (4, 1, 4, None, None, time, None, ()),
        (5, 1, 1, "Ben", None, time - 1, None, lot.rows[2].named),
    ]
    assert sorted(lot.rows[2].named) == [2, 2, 4]
    assert lot.heights.tolist() == [3, 1, 3]
    said = [SMALL.documents([each])[0] for each in (text, "rain", text)]
    assert lot.patterns.tobytes() == np.concatenate(said).astype("<f4").tobytes()
    assert texts == {2: text, 5: text}


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
        facts = {"text": "tea", "session": "one"}
        at = [START + timedelta(hours=hour) for hour in range(72)]
        first, *_ = memory.remember_many([{**facts, "occurred_at": each} for each in at[:65]]).ids
        _snapshot(memory, kept)
        memory.remember("tea", actor="Ana", session="one", occurred_at=at[70], reply_to=first)  # makes room
        before = _snapshot(memory, kept)
        memory.remember("tea", actor="Ben", session="one", occurred_at=at[71], derived_from=first, ttl=timedelta(9))
        after = _snapshot(memory, kept)
    assert before is not None
    assert after is not None
    parts = [
        (getattr(before, name), getattr(after, name)) for name in ("roster", "patterns", "attributes", "chains")
    ] + [(before.patterns.codes, after.patterns.codes)]
    arrays = [
        getattr(each, name)
        for pair in parts
        for name in pair[0].__slots__
        if name not in ("codes", "error", "mirror", "shared")
        for each in pair
    ]
    assert [len(each) for each in arrays] == [66, 67] * 14
    assert all(np.shares_memory(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True))
    for name, sizes in (("names", (66, 67)), ("owners", (1, 2)), ("targets", (1, 2))):
        held = getattr(before.bonds, name), getattr(after.bonds, name)
        assert tuple(map(len, held)) == sizes
        assert np.shares_memory(*held)
