"""The facade's promises, on real files and in RAM: what each verb does, asserted by values."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import time_machine

from am_agent import DeterministicEmbedder, Episode, Memory, errors
from am_agent.hopfield.energy import retrieval_energy, weights

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["RAM", "path", "url"])
def memory(request: pytest.FixtureRequest, tmp_path: Path, toy: DeterministicEmbedder) -> Iterator[Memory]:
    location = {"RAM": None, "path": tmp_path / "memory.db", "url": f"sqlite:///{tmp_path}/memory.db"}[request.param]
    with Memory(location, embedder=toy) as memory:
        yield memory


def test_the_episode_that_shares_most_words_comes_first(memory: Memory) -> None:
    """Recall returns episodes by weight, with similarities, and the weights of all add up to one."""
    memory.remember("the dog is called Rex", actor="user", session="s1", metadata={"topic": "pets"})
    memory.remember("the weather is fine")
    memory.remember("taxes are due in April")
    recall = memory.recall("what is the dog called", k=3)
    assert recall[0].text == "the dog is called Rex"
    assert sum(each.weight for each in recall) == pytest.approx(1, abs=1e-12)
    assert [each.weight for each in recall] == sorted((each.weight for each in recall), reverse=True)
    assert recall[0].similarity == pytest.approx(4 / 5, abs=0.15)
    assert (recall[0].episode.actor, recall[0].episode.session) == ("user", "s1")
    assert recall[0].episode.metadata == {"topic": "pets"}
    assert recall.episodes == 3


def test_weights_and_energy_are_those_of_the_associative_memory(memory: Memory, toy: DeterministicEmbedder) -> None:
    """The facade's numbers equal softmax and energy computed from the embeddings by the pure functions."""
    texts = [f"note {number} about {topic}" for number in range(30) for topic in ("tea", "rain", "chess")]
    memory.remember_many(texts)
    recall = memory.recall("a note about rain", k=90, beta=12.0, fields=("cosine",))
    cue = toy.queries(["a note about rain"])[0].astype(np.float64)
    scores = cue @ np.concatenate(toy.documents(texts)).T.astype(np.float64)
    expected = dict(zip(texts, weights(scores, 12.0)[0].tolist(), strict=True))
    assert recall.beta == 12.0
    assert recall.energy == pytest.approx(float(retrieval_energy(scores, 12.0)[0]), abs=1e-6)
    for each in recall:
        assert each.weight == pytest.approx(expected[each.text], abs=1e-6)


def test_beta_is_the_condensation_point_of_the_namespace(memory: Memory) -> None:
    """Where no beta is given it comes from the namespace: more episodes, a higher beta; cosines spread little."""
    memory.remember_many([f"note {number}" for number in range(10)], namespace=("small",))
    memory.remember_many([f"note {number}" for number in range(500)], namespace=("large",))
    small, large = memory.recall("note 3", namespace=("small",)), memory.recall("note 3", namespace=("large",))
    assert small.beta == pytest.approx(math.sqrt(2 * math.log(11)))
    assert large.beta == pytest.approx(math.sqrt(2 * math.log(501)))
    few = memory.recall("note 3", namespace=("small",), fields=("cosine",))
    many = memory.recall("note 3", namespace=("large",), fields=("cosine",))
    assert 5 < few.beta < many.beta < 200
    assert memory.recall("note 3", namespace=("small",), fields=("cosine",)).beta == few.beta


def test_an_empty_memory_recalls_nothing_with_infinite_energy(memory: Memory) -> None:
    """Nothing remembered: no recollection, no prompt, and no energy low enough to look familiar."""
    recall = memory.recall("anything")
    assert (len(recall), recall.energy, recall.episodes, recall.as_prompt()) == (0, math.inf, 0, "")
    memory.remember("something", namespace=("elsewhere",))
    assert memory.recall("anything").energy == math.inf


def test_k_is_k_even_for_unrelated_cues(memory: Memory) -> None:
    """There is no hidden threshold: k episodes come back if there are as many."""
    memory.remember_many([f"text {number}" for number in range(9)])
    assert len(memory.recall("zebra", k=7)) == 7
    assert len(memory.recall("zebra", k=100)) == 9


def test_a_long_text_is_found_by_its_end(memory: Memory) -> None:
    """A text beyond the embedder's window becomes several patterns of one episode, and counts once."""
    filler = " ".join(f"filler{number}" for number in range(400))
    id_ = memory.remember(f"{filler} the treasure lies under the oak")
    memory.remember_many([f"other text {number}" for number in range(20)])
    recall = memory.recall("the treasure lies under the oak", k=21)
    assert recall[0].id == id_
    assert [each.id for each in recall].count(id_) == 1
    assert memory.stats().patterns > memory.stats().episodes == 21


def test_a_long_cue_is_windowed_by_the_same_rule(memory: Memory) -> None:
    """A cue that is a whole document finds the episode that is one sentence of it."""
    memory.remember("the treasure lies under the oak")
    memory.remember_many([f"unrelated{number}" for number in range(20)])
    cue = " ".join(f"filler{number}" for number in range(400)) + " the treasure lies under the oak"
    assert memory.recall(cue)[0].text == "the treasure lies under the oak"


def test_the_same_id_twice_is_idempotent_and_a_changed_text_is_a_new_version(memory: Memory) -> None:
    """One id, one current version; older ones are read by as_of."""
    with time_machine.travel(NOON, tick=False):
        memory.remember("Ana lives in Rome", id="home")
        assert memory.remember("Ana lives in Rome", id="home") == "home"
        assert memory.stats().versions == 1
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        memory.remember("Ana lives in Oslo", id="home")
        assert [(each.text, each.version) for each in memory.list()] == [("Ana lives in Oslo", 2)]
        assert memory.count() == 1
        assert memory.recall("Ana lives in Rome")[0].text == "Ana lives in Oslo"
        assert len(memory.recall("Ana lives in Rome")) == 1
        assert memory.recall("Ana", as_of=NOON)[0].text == "Ana lives in Rome"
        assert memory.get("home", as_of=NOON)[0].superseded_at == NOON + timedelta(days=1)
        assert memory.list(as_of=NOON - timedelta(seconds=1)) == []


def test_every_change_but_none_makes_a_version(memory: Memory) -> None:
    """Actor, session, metadata and time are facts, too; true is not 1."""
    memory.remember("a", id="x", metadata={"n": 1})
    for change in ({"metadata": {"n": True}}, {"actor": "b"}, {"session": "s"}, {"occurred_at": NOON}):
        before = memory.get("x")[0].version
        memory.remember("a", id="x", **change)
        assert memory.get("x")[0].version == before + 1


def test_update_changes_what_is_given_and_keeps_the_rest(memory: Memory) -> None:
    """Update is a new version with some facts changed; an unknown id is an error."""
    memory.remember("Ana has a dog", id="x", actor="user", session="s", occurred_at=NOON, metadata={"n": 1})
    updated = memory.update("x", text="Ana has a cat")
    assert (updated.text, updated.actor, updated.session) == ("Ana has a cat", "user", "s")
    assert (updated.occurred_at, updated.metadata, updated.version) == (NOON, {"n": 1}, 2)
    assert memory.update("x", actor=None, metadata={}).actor is None
    assert memory.recall("a cat")[0].similarity > 0.6
    with pytest.raises(errors.UnknownEpisode, match=r"no episode 'y' in the namespace"):
        memory.update("y", text="z")
    with pytest.raises(KeyError):
        memory.update("x", namespace=("other",), text="z")
    assert memory.count() == 1


def test_ttl_hides_and_then_erases(memory: Memory) -> None:
    """An expired episode is in no answer of any method, and the next write erases it."""
    with time_machine.travel(NOON, tick=False) as clock:
        memory.remember("short lived note", id="s", ttl=timedelta(minutes=5))
        memory.remember("lasting note", id="l")
        assert len(memory.recall("note")) == 2
        clock.shift(timedelta(minutes=5))
        assert [each.id for each in memory.recall("note")] == ["l"]
        assert {each.id for each in memory.recall("note", now=NOON)} == {"s", "l"}
        assert [each.id for each in memory.list()] == ["l"]
        assert (memory.get("s"), memory.count(), memory.stats().versions) == ([], 1, 2)
        memory.remember("another note", id="a")
        assert memory.stats().versions == 2
        memory.remember("short lived note", id="s")
        assert memory.get("s")[0].version == 1


def test_remembering_again_prolongs_the_life_of_an_episode(memory: Memory) -> None:
    """The same episode with a new ttl moves its expiry and makes no version."""
    with time_machine.travel(NOON, tick=False) as clock:
        memory.remember("note", id="s", ttl=timedelta(minutes=5))
        assert len(memory.recall("note")) == 1
        clock.shift(timedelta(minutes=4))
        memory.remember("note", id="s", ttl=timedelta(minutes=5))
        clock.shift(timedelta(minutes=4))
        assert [each.episode.version for each in memory.recall("note")] == [1]
        clock.shift(timedelta(minutes=1))
        assert len(memory.recall("note")) == 0


def test_where_bounds_recall_list_count_and_forget(memory: Memory) -> None:
    """A filter decides who takes part in the softmax, not only who is shown."""
    memory.remember_many(
        [{"text": f"note {n}", "id": str(n), "metadata": {"n": n, "even": n % 2 == 0}} for n in range(10)]
    )
    recall = memory.recall("note 3", k=10, where={"even": True})
    assert sorted(int(each.id) for each in recall) == [0, 2, 4, 6, 8]
    assert sum(each.weight for each in recall) == pytest.approx(1, abs=1e-9)
    assert recall.episodes == 5
    assert [each.id for each in memory.list(where={"n": {"gte": 7}}, limit=2, offset=1)] == ["8", "9"]
    assert memory.count(where={"even": False}) == 5
    assert memory.forget(where={"n": {"lt": 4}}).episodes == 4
    assert memory.forget(ids=["4", "5", "unknown"], where={"even": True}).episodes == 1
    assert [each.id for each in memory.list()] == ["5", "6", "7", "8", "9"]


def test_namespaces_are_exact_and_subtree_includes_descendants(memory: Memory) -> None:
    """() is the default namespace, not the root of all; a prefix of a segment is no ancestor."""
    for path in ((), ("ana",), ("ana", "work"), ("ana", "work", "x"), ("anabel",), ("bob",)):
        memory.remember(f"note of {'/'.join(path) or 'nobody'}", namespace=path)
    assert [each.text for each in memory.recall("note", k=9)] == ["note of nobody"]
    assert memory.count(namespace=("ana",)) == 1
    assert memory.count(namespace=("ana",), subtree=True) == 3
    assert memory.count(subtree=True) == 6
    assert len(memory.recall("note", k=9, namespace=("ana",), subtree=True)) == 3
    assert len(memory.list(namespace=("ana", "work"), subtree=True)) == 2
    assert memory.namespaces() == [(), ("ana",), ("ana", "work"), ("ana", "work", "x"), ("anabel",), ("bob",)]
    assert memory.namespaces(("ana",)) == [("ana",), ("ana", "work"), ("ana", "work", "x")]
    assert memory.forget(namespace=("ana",)).episodes == 1
    assert memory.namespaces(("ana",)) == [("ana", "work"), ("ana", "work", "x")]


def test_a_subtree_is_one_softmax(memory: Memory) -> None:
    """Recall over a subtree equals recall over the same episodes in one namespace, beta included."""
    texts = [f"note {number} on {topic}" for number in range(40) for topic in ("tea", "rain")]
    memory.remember_many(
        [{"text": text, "id": text, "namespace": ("parts", str(n % 7))} for n, text in enumerate(texts)]
    )
    memory.remember_many([{"text": text, "id": text, "namespace": ("whole",)} for text in texts])
    parts = memory.recall("rain note", k=80, namespace=("parts",), subtree=True)
    whole = memory.recall("rain note", k=80, namespace=("whole",))
    assert [each.id for each in parts] == [each.id for each in whole]
    assert parts.energy == pytest.approx(whole.energy, abs=1e-9)
    assert [each.weight for each in parts] == pytest.approx([each.weight for each in whole], abs=1e-9)


def test_foreign_vectors_stand_in_for_embeddings(tmp_path: Path) -> None:
    """A new file takes the caller's vectors of any dimension, any length, and is asked by such a vector."""
    with Memory(tmp_path / "foreign.db") as memory:
        memory.remember("north", id="n", vector=[0, 10, 0])
        memory.remember_many(
            [{"text": "east", "id": "e", "vector": [3, 0, 0]}, {"text": "both", "id": "b", "vector": [1, 1, 0]}]
        )
        recall = memory.recall(vector=[0.1, 1, 0], k=3)
        assert [each.id for each in recall] == ["n", "b", "e"]
        assert recall[0].similarity == pytest.approx(1 / math.sqrt(1.01), abs=1e-6)
        assert memory.remember("north", id="n", vector=[0, 1, 0]) == "n"
        assert memory.stats().versions == 3
        memory.remember("several", id="s", vector=[[0, 0, 1], [1, 0, 0]])
        both = memory.recall(vector=[[0, 0, 1], [0, 1, 0]], k=2, fields=("cosine",))
        assert [each.id for each in both] == ["n", "s"]
        with pytest.raises(errors.DimensionMismatch, match=r"4 dimensions.*3"):
            memory.remember("wrong", vector=[1, 2, 3, 4])
        with pytest.raises(errors.EmbedderMismatch, match=r"give vector"):
            memory.remember("no vector")
        with pytest.raises(errors.EmbedderMismatch, match=r"give vector"):
            memory.recall("no vector")
    with Memory(tmp_path / "foreign.db") as memory:
        assert memory.recall(vector=[0, 0, 1], k=1)[0].id == "s"
        assert memory.count() == 4


def test_vectors_beside_texts_must_have_the_embedders_dimension(memory: Memory, toy: DeterministicEmbedder) -> None:
    """A given embedder's space takes vectors that its owner computed elsewhere, of its dimension only."""
    memory.remember("computed here", id="h")
    memory.remember("computed elsewhere", id="e", vector=toy.documents(["computed elsewhere"])[0][0])
    assert memory.recall("computed elsewhere")[0].similarity == pytest.approx(1, abs=1e-6)
    with pytest.raises(errors.DimensionMismatch):
        memory.remember("wrong", vector=[1.0] * (toy.dimension + 1))


def test_remember_many_takes_an_iterator_and_acknowledges_each_commit(memory: Memory) -> None:
    """Any iterable, in batches; progress tells how many are on the disk after each."""
    acknowledged = []

    def progress(count: int) -> None:
        acknowledged.append((count, memory.count()))

    receipt = memory.remember_many((f"text {number}" for number in range(25)), batch=10, progress=progress)
    assert acknowledged == [(10, 10), (20, 20), (25, 25)]
    assert (len(receipt.ids), receipt.recorded, receipt.unchanged) == (25, 25, 0)
    assert [each.id for each in memory.list()] == list(receipt.ids)


def test_remember_many_takes_texts_dicts_and_episodes(memory: Memory) -> None:
    """An episode goes to its own namespace, a dict to the one it names, a text to the argument's."""
    receipt = memory.remember_many(
        [
            "a text",
            {"text": "a dict", "id": "d", "namespace": ("y",)},
            Episode("e", "an episode", namespace=("z",), actor="b"),
        ],
        namespace=("x",),
    )
    assert [each.text for each in memory.list(namespace=("x",))] == ["a text"]
    assert memory.get("d", namespace=("y",))[0].text == "a dict"
    assert memory.get("e", namespace=("z",))[0].actor == "b"
    again = memory.remember_many(memory.list(subtree=True))
    assert (again.recorded, again.unchanged) == (0, 3)
    assert again.ids == receipt.ids


def test_a_bad_item_leaves_the_batches_before_it_and_nothing_of_its_own(memory: Memory) -> None:
    """The error names the item; nothing is half-written."""
    items = [f"text {number}" for number in range(25)]
    items[17] = " "
    with pytest.raises(errors.InvalidText, match=r"item 17: text is blank.*the 10 items"):
        memory.remember_many(items, batch=10)
    assert memory.count() == 10


def test_one_id_twice_in_a_batch_makes_two_versions(memory: Memory) -> None:
    """Order within a batch is the order of time."""
    receipt = memory.remember_many([{"text": "one", "id": "x"}, {"text": "two", "id": "x"}, {"text": "two", "id": "x"}])
    assert (receipt.ids, receipt.recorded, receipt.unchanged) == (("x", "x", "x"), 2, 1)
    assert [(each.text, each.version) for each in memory.list()] == [("two", 2)]
    assert memory.stats().versions == 2


def test_messages_are_recorded_once_in_order(memory: Memory) -> None:
    """A grown conversation records only what is new, with roles as actors."""
    talk = [{"role": "user", "content": "My dog is called Rex."}, {"role": "assistant", "content": "Nice name!"}]
    assert memory.remember_messages(talk, session="s1", namespace=("ana",)).recorded == 2
    talk.append({"role": "user", "content": "He is nine."})
    receipt = memory.remember_messages(talk, session="s1", namespace=("ana",))
    assert (receipt.recorded, receipt.unchanged) == (1, 2)
    listed = memory.list(namespace=("ana",))
    assert [(each.actor, each.text) for each in listed] == [
        ("user", "My dog is called Rex."),
        ("assistant", "Nice name!"),
        ("user", "He is nine."),
    ]
    assert {each.session for each in listed} == {"s1"}


def test_forget_needs_a_condition_and_an_exact_namespace(memory: Memory) -> None:
    """No condition, or an empty filter, erases nothing; ids of another namespace are unknown."""
    memory.remember("a", id="x")
    memory.remember("b", id="x", namespace=("n",))
    with pytest.raises(errors.InvalidArgument, match=r"would erase everything"):
        memory.forget()
    with pytest.raises(errors.InvalidArgument, match=r"empty filter"):
        memory.forget(where={})
    assert memory.forget(ids="y").episodes == 0
    assert memory.forget(ids=[]).episodes == 0
    assert memory.count(subtree=True) == 2
    erasure = memory.forget(ids="x", namespace=("n",))
    assert (erasure.episodes, erasure.versions, erasure.erased) == (1, 1, True)
    assert memory.forget(namespace=()).episodes == 1


def test_forget_older_than_goes_by_when_it_happened(memory: Memory) -> None:
    """A time or an age; what occurred before it is gone."""
    now = datetime.now(UTC)
    for days in (400, 300, 200):
        memory.remember(f"{days} days ago", occurred_at=now - timedelta(days=days))
    assert memory.forget(older_than=timedelta(days=350)).episodes == 1
    assert memory.forget(older_than=now - timedelta(days=250)).episodes == 1
    assert [each.text for each in memory.list()] == ["200 days ago"]


def test_get_keeps_the_order_of_the_ids_and_skips_unknown_ones(memory: Memory) -> None:
    """As many as are known, as they were asked for."""
    memory.remember_many([{"text": str(n), "id": str(n)} for n in range(5)])
    assert [each.id for each in memory.get(["4", "nope", "0", "2"])] == ["4", "0", "2"]
    assert memory.get([]) == []
    assert [each.id for each in memory.list(newest_first=True, limit=2)] == ["4", "3"]


def test_export_and_load_lose_nothing(memory: Memory, tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Ids, versions, times, namespaces and weights come back; a second load changes nothing."""
    with time_machine.travel(NOON, tick=False) as clock:
        memory.remember("first text", id="x", actor="a", session="s", metadata={"ü": [1, None, {"b": True}]})
        clock.shift(timedelta(hours=1))
        memory.remember("second text", id="x")
        memory.remember("text with end", namespace=("n", "m"), ttl=timedelta(days=1), occurred_at=NOON)
        memory.remember("short", ttl=timedelta(minutes=1))
        clock.shift(timedelta(hours=1))
        for vectors in (True, False):
            assert memory.export(tmp_path / "e.jsonl", vectors=vectors) == 3
            with Memory(tmp_path / f"copy-{vectors}.db", embedder=toy) as copy:
                assert copy.load(tmp_path / "e.jsonl").recorded == 3
                assert copy.load(tmp_path / "e.jsonl").unchanged == 3
                assert copy.list(subtree=True) == memory.list(subtree=True)
                assert copy.list(subtree=True, as_of=NOON) == memory.list(subtree=True, as_of=NOON)
                for seen in ({"subtree": True}, {"as_of": NOON}):
                    there, here = copy.recall("text", **seen), memory.recall("text", **seen)
                    assert there.id != here.id
                    assert replace(there, id=here.id) == here
        assert memory.export(tmp_path / "part.jsonl", namespace=("n",)) == 1


def test_loading_into_another_history_makes_the_next_version(memory: Memory, tmp_path: Path) -> None:
    """Nothing that is here is overwritten by a load."""
    memory.remember("here", id="x")
    with Memory(embedder=DeterministicEmbedder()) as other:
        other.remember("there", id="x")
        other.remember("there now", id="x")
        other.export(tmp_path / "e.jsonl")
    receipt = memory.load(tmp_path / "e.jsonl")
    assert (receipt.recorded, receipt.unchanged) == (1, 1)
    assert [(each.text, each.version) for each in memory.list()] == [("there now", 2)]
    assert memory.load(tmp_path / "e.jsonl").recorded == 0


def test_foreign_vectors_survive_export_and_load(tmp_path: Path) -> None:
    """Vectors that no embedder can make again travel with the export."""
    with Memory() as memory:
        memory.remember("north", id="n", vector=[0, 1, 0])
        memory.export(tmp_path / "e.jsonl", vectors=True)
    with Memory() as copy:
        copy.load(tmp_path / "e.jsonl")
        assert copy.recall(vector=[0, 1, 0])[0].similarity == pytest.approx(1)
        assert copy.stats().dimension == 3


def test_stats_say_what_there_is(memory: Memory, toy: DeterministicEmbedder) -> None:
    """Sizes, settings, and where the file lies."""
    before = memory.stats()
    assert (before.episodes, before.embedder, before.dimension) == (0, None, None)
    memory.remember("a", id="x")
    memory.remember("b", id="x", namespace=("n",))
    memory.remember("c", id="x")
    stats = memory.stats()
    assert (stats.namespaces, stats.episodes, stats.versions, stats.patterns) == (2, 2, 3, 3)
    assert (stats.embedder, stats.dimension) == (toy.name, toy.dimension)
    assert (stats.path is None) == (stats.file_bytes == 0)


def test_a_closed_memory_says_so(memory: Memory) -> None:
    """Every method raises ClosedMemory, but close, which may be called again."""
    memory.close()
    memory.close()
    calls = {
        "remember": ("x",),
        "remember_many": (["x"],),
        "recall": ("x",),
        "get": ("x",),
        "list": (),
        "count": (),
        "namespaces": (),
        "stats": (),
        "__enter__": (),
    }
    for name, arguments in calls.items():
        with pytest.raises(errors.ClosedMemory, match=r"was closed"):
            getattr(memory, name)(*arguments)
    with pytest.raises(errors.ClosedMemory):
        memory.update("x", text="y")
    with pytest.raises(errors.ClosedMemory):
        memory.forget(ids="x")
    with pytest.raises(errors.ClosedMemory):
        memory.remember_messages([("user", "x")], session="s")


def test_every_verb_has_an_async_twin_that_does_not_block_the_loop(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """The twins return what the verbs return, while the loop goes on turning."""

    async def run() -> None:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        spinning = asyncio.create_task(turn())
        async with Memory(tmp_path / "a.db", embedder=toy) as memory:
            id_ = await memory.aremember("the dog is called Rex", namespace=("ana",))
            await memory.aremember_many([f"text {number}" for number in range(300)], namespace=("ana",))
            await memory.aremember_messages([("user", "hello")], session="s", namespace=("ana",))
            before = turns
            recall = await memory.arecall("dog Rex", namespace=("ana",))
            assert turns > before
            assert recall[0].id == id_
            assert (await memory.aupdate(id_, namespace=("ana",), actor="user")).actor == "user"
            assert (await memory.aget(id_, namespace=("ana",)))[0].version == 2
            assert len(await memory.alist(namespace=("ana",))) == await memory.acount(namespace=("ana",)) == 302
            assert await memory.anamespaces() == [("ana",)]
            assert (await memory.aforget(ids=id_, namespace=("ana",))).episodes == 1
            assert await memory.aexport(tmp_path / "e.jsonl") == 301
            assert (await memory.aload(tmp_path / "e.jsonl")).unchanged == 301
            assert (await memory.astats()).episodes == 301
        spinning.cancel()
        with pytest.raises(errors.ClosedMemory):
            await memory.acount()

    asyncio.run(run())


def test_many_threads_may_use_one_memory(memory: Memory) -> None:
    """Nothing is lost or mixed up when threads write and recall at once."""

    async def run() -> None:
        async def work(worker: int) -> None:
            for number in range(15):
                await memory.aremember(
                    f"worker{worker} wrote note{number}", id=f"{worker}-{number}", namespace=(f"w{worker}",)
                )
                recall = await memory.arecall(f"worker{worker} wrote note{number}", namespace=(f"w{worker}",))
                assert recall[0].id == f"{worker}-{number}"
                assert recall.episodes == number + 1

        await asyncio.gather(*(work(worker) for worker in range(6)))

    asyncio.run(run())
    assert memory.count(subtree=True) == 90
