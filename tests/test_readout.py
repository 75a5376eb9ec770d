"""Recall by all fields, in two stages, against one worked out episode by episode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent import Cue, DeterministicEmbedder, Episode, Memory, Recall
from tests.naive import Asked, Naive

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMBEDDER = DeterministicEmbedder(dimension=24, width=6)
SPACES = [(), ("a",), ("a", "b"), ("c",)]

# Far enough from each other that none is taken for another that is misspelt.
WORDS = ["tea", "the", "violin", "harbour", "snow", "invoice", "1994", "kitchen", "dog", "my", "you"]
NAMES = ["Ana", "Rex", "Trieste", "Royal Society", "Ben Okafor", "in 1994", "in May 2025"]
TEXTS = st.lists(st.sampled_from([*WORDS, *WORDS, *NAMES]), min_size=1, max_size=9).map(" ".join)
ITEMS = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "actor": st.sampled_from([None, "Ana", "Ben Okafor", "user", "assistant"]),
        "session": st.sampled_from([None, "one", "one", "one", "two"]),
        "occurred_at": st.integers(0, 40).map(lambda days: NOW - timedelta(days=days)),
        "namespace": st.sampled_from([(), ("a",), ("a",), ("a", "b"), ("c",)]),
        "metadata": st.sampled_from([{"n": 0}, {"n": 1}, {"n": 2}]),
        "reply_to": st.none() | st.integers(0, 40),
        "derived_from": st.lists(st.integers(0, 40), max_size=2),
    }
)
"""Links are told by numbers, each of which stands for one of those before in the same namespace."""

WHERE = st.sampled_from([None, None, {"n": 0}, {"n": {"gt": 0}}])
FIELDS = st.sampled_from(
    [None, None, None, ("content",), ("words", "links"), ("content", "links"), ("actor", "time"), ("links",)]
)
CUES = st.fixed_dictionaries(
    {
        "text": st.tuples(TEXTS, st.sampled_from([" snow", ", snow?", "? What of snow!"])).map("".join),
        "actor": st.sampled_from([None, None, "Ana", "Nobody"]),
        "time": st.sampled_from([None, None, (NOW - timedelta(days=20), NOW - timedelta(days=12))]),
        "near": st.sampled_from([None, None, "first"]),
    }
)


def _filled(memory: Memory, items: list[dict[str, Any]]) -> list[Episode]:
    """Record items, and what was recorded, in that order."""
    told, before = [], dict[tuple[str, ...], list[str]]()
    for number, item in enumerate(items):
        ids = before.setdefault(item["namespace"], [])
        answered, sources = item.get("reply_to"), item.get("derived_from", ())
        links = {
            "reply_to": None if answered is None or not ids else ids[answered % len(ids)],
            "derived_from": [ids[each % len(ids)] for each in sources if ids],
        }
        told.append({**item, "id": str(number), **links})
        ids.append(str(number))
    memory.remember_many(told)
    return memory.list(subtree=True)


def _naive(
    episodes: list[Episode], namespace: tuple[str, ...], subtree: bool, where: Any, asked: Asked
) -> Naive | None:
    """The same question, worked out in loops; None where nothing may be seen."""
    inside = [
        each
        for each in episodes
        if each.namespace == namespace or (subtree and each.namespace[: len(namespace)] == namespace)
    ]
    keeps = {None: lambda n: True, 0: lambda n: n == 0, 1: lambda n: n > 0}
    kept = keeps[None if where is None else int(where["n"] != 0)]
    eligible = frozenset(each.id for each in inside if kept(each.metadata["n"]))
    return Naive(inside, eligible, asked, NOW, EMBEDDER) if eligible else None


def _assert_agrees(recall: Recall, naive: Naive, k: int) -> None:
    """The same best, in the same order, with the same scores, weights and energy.

    Two that links lift to the same bound may change places by rounding; any others may not.
    """
    expected = [each.id for each in recall]
    assert [naive.scores[id_] for id_ in expected] == pytest.approx(sorted(naive.scores.values())[::-1][:k], abs=1e-9)
    assert len(set(expected)) == len(expected)
    scores = [sum(each.shares.values()) for each in recall]
    assert scores == pytest.approx([naive.scores[id_] for id_ in expected], abs=1e-9)
    assert recall.beta == pytest.approx(naive.beta, abs=1e-12)
    assert recall.episodes == len(naive.eligible)
    least, most = recall.certificate.log_partition
    assert recall.certificate.exact
    assert least - 1e-8 <= -naive.beta * naive.energy <= most + 1e-8
    sure = recall.certificate.width
    assert sure < 1e-8 or recall.episodes > 200  # no more are scored by their codes alone
    assert [each.weight for each in recall] == pytest.approx([naive.weight(id_) for id_ in expected], abs=sure + 1e-8)
    assert recall.energy == pytest.approx(naive.energy, abs=sure + 1e-8)


@settings(max_examples=50, deadline=None)
@given(st.lists(ITEMS, min_size=5, max_size=40), CUES, st.sampled_from(SPACES), st.booleans(), WHERE, FIELDS)
def test_it_equals_the_naive_evaluation(
    items: list[dict[str, Any]],
    cue: dict[str, Any],
    namespace: tuple[str, ...],
    subtree: bool,
    where: Any,
    fields: tuple[str, ...] | None,
) -> None:
    """Ids, order, scores, weights and energy, over any namespaces, filters, features and fields."""
    with Memory(embedder=EMBEDDER) as memory:
        episodes = _filled(memory, items)
        inside = [each.id for each in memory.list(namespace=namespace, subtree=subtree)]
        shown = [each.id for each in memory.list(namespace=namespace, subtree=subtree, where=where)]
        near = inside[0] if cue["near"] and inside else None
        given_ = Cue(**{**cue, "near": near})
        recall = memory.recall(given_, namespace=namespace, subtree=subtree, where=where, fields=fields, k=7, now=NOW)
    asked = Asked(cue["text"], cue["actor"], cue["time"], near, fields or Asked().fields)
    naive = _naive(episodes, namespace, subtree, where, asked)
    if naive is None:
        assert (len(recall), recall.episodes, shown) == (0, 0, [])
        return
    _assert_agrees(recall, naive, 7)


def _chat(size: int, seed: int) -> list[dict[str, Any]]:
    """Sessions in which each episode shares words with the next few, and some name what another session names."""
    random = np.random.default_rng(seed)
    items = []
    for number in range(size):
        session, at = divmod(number, 40)
        words = [f"w{number + step}" for step in range(4)] + [f"v{random.integers(60)}" for _ in range(3)]
        if random.random() < 0.2:
            topic = random.integers(12)
            words = [*(f"t{topic}x{extra}" for extra in range(4)), f"Kofi Annan{topic}", *words]
        items.append(
            {
                "text": " ".join(words),
                "actor": ["Ana", "Ben Okafor", "user"][int(random.integers(3))],
                "session": f"s{session}",
                "occurred_at": NOW - timedelta(days=session, minutes=-at),
                "namespace": [(), ("a",)][session % 2],
                "metadata": {"n": int(random.integers(4))},
                "reply_to": int(random.integers(500)) if number % 3 == 0 else None,
                "derived_from": random.integers(500, size=4).tolist() if number % 20 == 7 else [],
            }
        )
    return items


@pytest.fixture(scope="module")
def chat() -> Any:
    """A memory of 360 episodes, which is more than are candidates, and what it holds."""
    with Memory(embedder=EMBEDDER) as memory:
        yield memory, _filled(memory, _chat(360, seed=5))


@pytest.mark.parametrize("where", [None, {"n": {"gt": 0}}])
@pytest.mark.parametrize("k", [5, 250])
@pytest.mark.parametrize("text", ["w7 w8 w9 and w50", "what did Ana say about t3x1 t3x2 in w200", "v1 v2 v3 v4"])
def test_it_equals_the_naive_evaluation_where_not_all_are_candidates(chat: Any, text: str, k: int, where: Any) -> None:
    """The candidates of the first stage, and what links reach beyond them, hold the best of the whole."""
    memory, episodes = chat
    recall = memory.recall(text, subtree=True, where=where, k=k, now=NOW)
    naive = _naive(episodes, (), True, where, Asked(text))
    assert naive is not None
    _assert_agrees(recall, naive, k)
    assert min(naive.steps[0], naive.entities) > 0  # so that both kinds of links count


def test_links_bring_up_what_no_word_of_the_cue_is_in(chat: Any) -> None:
    """The share of the links is what stands between the recall with them and the one without."""
    memory, _ = chat
    fields = ("content", "words", "actor", "time")
    plain = {each.id: sum(each.shares.values()) for each in memory.recall("w7 w8", k=200, fields=fields, now=NOW)}
    linked = memory.recall("w7 w8", k=200, now=NOW)
    gave = {each.id: each.shares.get("links", 0.0) for each in linked}
    assert max(gave.values()) > 0.2
    for each in linked:
        assert sum(each.shares.values()) == pytest.approx(plain[each.id] + gave[each.id], abs=1e-9)
        assert gave[each.id] >= 0


def test_equal_episodes_come_in_the_order_of_recording() -> None:
    """All texts alike: one weight for all, whatever the cue and however many there are."""
    with Memory(embedder=EMBEDDER) as memory:
        memory.remember_many([{"text": "snow in Trieste", "id": str(number)} for number in range(230)])
        for cue in ("snow", "tea in Trieste", "nothing of it"):
            recall = memory.recall(cue, k=12, now=NOW)
            assert [each.id for each in recall] == [str(number) for number in range(12)]
            assert [each.weight for each in recall] == pytest.approx([1 / 230] * 12, abs=1e-9)


@pytest.mark.parametrize("fields", [None, ("content",), ("words",), ("actor",), ("time",), ("links",), ("cosine",)])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_episodes_share_the_whole_weight(count: int, fields: Any) -> None:
    """None, one, and two that are equal, by whichever field."""
    cue = Cue("Did Ana see snow in 1994?", actor="Ana", time=NOW)
    with Memory(embedder=EMBEDDER) as memory:
        memory.remember("elsewhere", namespace=("other",))
        for number in range(count):
            memory.remember("Ana saw snow", id=str(number), actor="Ana", occurred_at=NOW)
        recall = memory.recall(cue, fields=fields, now=NOW)
    assert [each.id for each in recall] == ["0", "1"][:count]
    assert [each.weight for each in recall] == pytest.approx([1 / max(count, 1)] * count, abs=1e-12)
    assert (recall.episodes, np.isinf(recall.energy)) == (count, count == 0)


def test_a_field_that_says_the_same_of_all_drops_out() -> None:
    """With one actor only, naming the actor changes no score."""
    with Memory(embedder=EMBEDDER) as memory:
        memory.remember_many([{"text": text, "actor": "Ana"} for text in ("snow", "tea", "a dog and snow")])
        named, unnamed = memory.recall(Cue("snow", actor="Ana")), memory.recall("snow")
    assert [(each.id, dict(each.shares)) for each in named] == [(each.id, dict(each.shares)) for each in unnamed]
    assert all("actor" not in each.shares for each in named)


def test_each_field_works_alone() -> None:
    """One field ranks by itself, and nothing else adds to the score."""
    items = [
        {"text": "tea and snow", "id": "words", "session": "x", "occurred_at": NOW - timedelta(days=90)},
        {"text": "a violin", "id": "actor", "actor": "Ana", "session": "x", "occurred_at": NOW - timedelta(days=80)},
        {"text": "a kitchen", "id": "time", "session": "y", "occurred_at": NOW - timedelta(days=1)},
        {"text": "the harbour", "id": "links", "session": "z", "occurred_at": NOW - timedelta(days=60)},
        {"text": "an invoice", "id": "here", "session": "z", "occurred_at": NOW - timedelta(days=59)},
    ]
    cue = Cue("What did Ana say of tea yesterday?", near="here")
    with Memory(embedder=EMBEDDER) as memory:
        memory.remember_many(items)
        for field in ("words", "actor", "time", "links"):
            recall = memory.recall(cue, fields=(field,), now=NOW)
            assert recall[0].id == field
            assert all(set(each.shares) <= {field} for each in recall)
            assert len(recall) == 5
