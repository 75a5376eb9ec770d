"""Completion: of which episode a fragment is a part, and what its softmax says of the features that were left out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent import Completion, Cue, DeterministicEmbedder, Episode, Memory, Recall, errors

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
CHAT = [
    ("opera", "ana", "Shall we go to the opera on Saturday?"),
    ("never", "ben", "Gladly, I have never been there."),
    ("tickets", "ana", "Then I will buy two tickets in the stalls."),
    ("price", "ben", "How much does a seat cost these days?"),
    ("sixty", "ana", "Sixty euros each, with the programme."),
]


@pytest.fixture
def memory(toy: DeterministicEmbedder) -> Iterator[Memory]:
    """A chat of two, an hour between what they say, and a note of nobody's in no session, a week later."""
    with Memory(embedder=toy) as memory:
        memory.remember_many(
            [
                {"id": id_, "actor": actor, "text": text, "session": "chat", "occurred_at": START + timedelta(hours=n)}
                for n, (id_, actor, text) in enumerate(CHAT)
            ]
        )
        memory.remember("The heating is serviced in October.", id="note", occurred_at=START + timedelta(days=7))
        yield memory


def _assert_of_the_softmax(found: Completion, episodes: list[Episode]) -> None:
    """Each posterior is the sum of weights over the episodes that have the value, as a loop over them has it."""
    weights = {each.id: each.weight for each in found.recall}
    assert sorted(weights) == sorted(each.id for each in episodes)
    assert sum(weights.values()) == pytest.approx(1)
    actors, following = defaultdict[str, float](float), defaultdict[str, float](float)
    sessions = defaultdict[str, list[Episode]](list)
    for each in episodes:
        if each.actor is not None:
            actors[each.actor] += weights[each.id]
        if each.session is not None:
            sessions[each.session].append(each)
    for session in sessions.values():
        session.sort(key=lambda each: each.occurred_at or START)  # stable: equal times stay in the order of recording
        for before, after in pairwise(session):
            following[after.id] += weights[before.id]
    assert found.actors == pytest.approx(dict(actors))
    assert found.following == pytest.approx(dict(following))
    for posterior in (found.actors, found.following):
        assert list(posterior.values()) == sorted(posterior.values(), reverse=True)
        assert sum(posterior.values()) <= 1 + 1e-9
    ordered = sorted(episodes, key=lambda each: each.occurred_at or START)
    total = np.cumsum([weights[each.id] for each in ordered])
    for share, time in [(0.1, found.earliest), (0.5, found.time), (0.9, found.latest)]:
        assert time == ordered[int(np.argmax(total >= share * total[-1]))].occurred_at


# ------------------------------------------------------------------------------------------------------- the posteriors


def test_a_fragment_is_completed_to_who_when_and_what_came_next(memory: Memory) -> None:
    """The episode it is a part of, its actor, its time, and the episode after it."""
    found = memory.complete("buy two tickets", k=9)
    assert found.recall[0].id == "tickets"
    assert found.recall[0].weight > 0.9
    assert next(iter(found.actors)) == "ana"
    assert found.actors["ana"] > 0.9
    assert found.earliest == found.time == found.latest == START + timedelta(hours=2)
    assert next(iter(found.following)) == "price"
    assert found.following["price"] == pytest.approx(found.recall[0].weight)
    _assert_of_the_softmax(found, memory.list())


@pytest.mark.parametrize(
    ("cue", "first"),
    [
        (Cue(actor="ana"), {"opera", "tickets", "sixty"}),
        (Cue(actor="ben"), {"never", "price"}),
        (Cue(near="tickets"), {"never", "price"}),
        (Cue(time=START + timedelta(days=7)), {"note"}),
        (Cue(time=(START, START + timedelta(hours=1))), {"opera", "never"}),
        (Cue("I will buy it", actor="ana", near="price"), {"tickets"}),
        (Cue(vector=DeterministicEmbedder().documents(["a seat cost these days"])[0]), {"price"}),
    ],
)
def test_any_feature_is_completed_to_the_others(memory: Memory, cue: Cue, first: set[str]) -> None:
    """From who, when or what it lies next to, alone or together: those that have it weigh most."""
    found = memory.complete(cue, k=9)
    assert {each.id for each in found.recall[: len(first)]} == first
    assert found.recall[len(first) - 1].weight > found.recall[len(first)].weight
    _assert_of_the_softmax(found, memory.list())


def test_the_quantiles_of_time_span_what_is_likely(memory: Memory) -> None:
    """Of a cue that fits three episodes equally, the median is the middle one's."""
    found = memory.complete(Cue(actor="ana"), beta=50)
    assert (found.earliest, found.time, found.latest) == tuple(START + timedelta(hours=n) for n in (0, 2, 4))


def test_what_follows_may_be_any_of_several(memory: Memory) -> None:
    """An actor was answered by each of those that came next; after the last of a session comes nothing."""
    found = memory.complete(Cue(actor="ana"), beta=50)
    assert list(found.following)[:2] == ["never", "price"]
    assert list(found.following.values()) == pytest.approx([1 / 3, 1 / 3, 0, 0], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_posteriors_are_sums_of_weights(data: st.DataObject) -> None:
    """For any episodes in any order of time, whatever the cue has."""
    words = st.sampled_from(["opera", "ticket", "price", "rain", "cello", "tea"])
    numbers = st.integers(0, 4)
    some = st.lists(st.tuples(words, words, numbers, numbers, numbers), min_size=1, max_size=9)
    with Memory(embedder=DeterministicEmbedder()) as memory:
        for n, (one, two, actor, session, hour) in enumerate(data.draw(some)):
            memory.remember(
                f"{one} and {two}",
                id=str(n),
                actor=None if not actor else f"p{actor}",
                session=None if not session else f"s{session}",
                occurred_at=START + timedelta(hours=hour),
            )
        cue = data.draw(
            st.one_of(
                words.map(lambda word: Cue(f"the {word}")),
                st.just(Cue(actor="p1")),
                st.just(Cue(near="0")),
                st.just(Cue(time=START)),
                words.map(lambda word: Cue(word, actor="p2", time=START)),
            )
        )
        _assert_of_the_softmax(memory.complete(cue, k=20), memory.list())


# ---------------------------------------------------------------------------------------------------- who takes part


def test_where_there_is_nothing_nothing_is_likely(memory: Memory, toy: DeterministicEmbedder) -> None:
    """A new memory, an empty namespace, a filter that nothing satisfies."""
    with Memory(embedder=toy) as empty:
        nowhere = empty.complete("opera")
    unsatisfied = memory.complete("opera", where={"topic": "none"})
    for found in (nowhere, memory.complete("opera", namespace=("nobody",)), unsatisfied):
        assert (len(found.recall), found.recall.episodes, found.recall.energy) == (0, 0, float("inf"))
        assert (found.actors, found.following) == ({}, {})
        assert (found.time, found.earliest, found.latest) == (None, None, None)
    with pytest.raises(errors.UnknownEpisode):
        memory.complete(Cue(near="unknown"))


def test_what_expired_or_was_forgotten_takes_no_part(memory: Memory) -> None:
    """Neither as the episode, nor as its actor, nor as what came next: the chain closes over it."""
    last = START + timedelta(hours=9)
    memory.remember("See you at the opera.", id="bye", actor="eva", session="chat", occurred_at=last, ttl=timedelta(1))
    assert "eva" in memory.complete(Cue(near="sixty"), k=9).actors
    assert "bye" in memory.complete("sixty euros", k=9).following
    later = memory.complete("sixty euros", k=9, now=datetime.now(UTC) + timedelta(days=2))
    assert "eva" not in later.actors
    assert "bye" not in later.following
    with time_machine.travel(timedelta(days=2), tick=True):
        memory.forget(ids="never")
        found = memory.complete("shall we go to the opera", k=9)
        assert next(iter(found.following)) == "tickets"
        assert {"never", "bye"}.isdisjoint([*found.following, *(each.id for each in found.recall)])
        _assert_of_the_softmax(found, memory.list())


def test_an_earlier_state_is_completed_as_it_was(memory: Memory) -> None:
    """With `as_of`, the versions of then and their actors take part."""
    before = memory.get("tickets")[0].recorded_at
    memory.update("tickets", actor="eva")
    assert next(iter(memory.complete("buy two tickets").actors)) == "eva"
    assert before is not None
    assert next(iter(memory.complete("buy two tickets", as_of=datetime.now(UTC)).actors)) == "eva"
    then = memory.list(as_of=before)
    found = memory.complete("buy two tickets", k=9, as_of=before, now=before)
    assert next(iter(found.actors)) == "ana"
    _assert_of_the_softmax(found, then)


def test_namespaces_are_completed_apart_or_together(memory: Memory) -> None:
    """Nothing elsewhere is seen, unless it is below and asked for; a session does not reach across."""
    memory.remember("Two tickets, please.", id="other", namespace=("b",), actor="eva", session="chat")
    assert "eva" not in memory.complete("two tickets", k=9).actors
    found = memory.complete("two tickets please", subtree=True, k=9)
    assert next(iter(found.actors)) == "eva"
    assert "other" not in found.following
    assert sum(found.actors.values()) <= 1 + 1e-9


def test_an_id_of_two_namespaces_has_the_shares_of_both(toy: DeterministicEmbedder) -> None:
    """What came next is told by id, and none of it gets lost."""
    with Memory(embedder=toy) as memory:
        for path in (("a",), ("a", "b")):
            memory.remember("Where is the opera?", id="question", namespace=path, session="s", actor="ana")
            memory.remember("Behind the station.", id="answer", namespace=path, session="s")
        found = memory.complete("where is the opera", namespace=("a",), subtree=True, k=9)
        weights = [each.weight for each in found.recall if each.id == "question"]
        assert len(weights) == 2
        assert found.following == pytest.approx({"answer": sum(weights)})


# ----------------------------------------------------------------------------------------------------- how well it does


def _reciprocal(recall: Recall, wanted: str) -> float:
    ids = [each.id for each in recall]
    return 1 / (ids.index(wanted) + 1) if wanted in ids else 0.0


def test_half_of_the_words_of_an_episode_find_it_as_well_as_cosine_does() -> None:
    """The mean reciprocal rank of the source, over a corpus whose texts share a common vocabulary."""
    rng = np.random.default_rng(7)
    chance = 1 / np.arange(1, 121)
    texts = [[f"w{word}" for word in rng.choice(120, 12, p=chance / chance.sum())] for _ in range(300)]
    with Memory(embedder=DeterministicEmbedder()) as memory:
        memory.remember_many([{"id": str(n), "text": " ".join(text)} for n, text in enumerate(texts)])
        completed, compared = [], []
        for n in range(0, 300, 3):
            half = " ".join(rng.permutation(texts[n])[:6])
            completed.append(_reciprocal(memory.complete(half, k=10).recall, str(n)))
            compared.append(_reciprocal(memory.recall(half, k=10, fields=("cosine",)), str(n)))
    assert np.mean(completed) >= np.mean(compared) + 0.05
    assert np.mean(completed) > 0.9


def test_the_async_twin_does_the_same(memory: Memory) -> None:
    """From a coroutine."""
    found = asyncio.run(memory.acomplete("buy two tickets", k=9))
    expected = memory.complete("buy two tickets", k=9)
    assert (found.actors, found.following, found.time) == (expected.actors, expected.following, expected.time)
