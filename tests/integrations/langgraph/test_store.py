"""AmStore where it is more than the contract: restarts, its own encoder, errors, and what it says without langgraph."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from langgraph.store.base import PutOp, SearchOp

from am_agent import DeterministicEmbedder, Memory
from am_agent.errors import InvalidArgument, InvalidMetadata
from am_agent.testing.langgraph_store import fake_embed, fake_index
from am_agent_integrations.langgraph import AmStore

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def memory():
    with Memory(embedder=DeterministicEmbedder()) as memory:
        yield memory


@pytest.fixture
def store(memory):
    return AmStore(memory)


def test_without_an_index_the_memory_embeds_the_values(store: AmStore) -> None:
    """Strings and numbers at any depth are found, keys and index=False are not, and fields may be named."""
    store.put(("n",), "deep", {"list": [{"say": "violet rain"}], "no": True, "n": 42})
    store.put(("n",), "other", {"say": "green tea"})
    store.put(("n",), "field", {"a": "brown bread", "b": "white wine"}, index=["a"])
    store.put(("n",), "hidden", {"say": "violet rain"}, index=False)
    found = store.search(("n",), query="violet rain")
    assert (found[0].key, found[-1].key, found[-1].score) == ("deep", "hidden", None)
    assert [each.score is None for each in found] == [False, False, False, True]
    assert store.search(("n",), query="brown bread")[0].score == pytest.approx(1.0, abs=1e-5)
    assert store.search(("n",), query="42")[0].key == "deep"
    assert store.search(("n",), query="green tea")[0].key == "other"


def test_the_memory_behind_a_store_has_the_verdict(store: AmStore) -> None:
    """As the page says, over the items below a namespace, where a search finds the nearest in any case."""
    for key, text in (("pet", "Ana's dog is called Rex."), ("food", "Ana is allergic to peanuts.")):
        store.put(("users", "ana"), key, {"text": text})
    for query, verdict in (("What is the dog called?", "known"), ("How do I renew my passport?", "unknown")):
        assert len(store.search(("users",), query=query)) == 2
        recall = store.memory.recall(query, namespace=("users",), subtree=True)
        assert (recall.verdict, len(recall)) == (verdict, 2)


def test_items_are_there_after_a_restart(tmp_path: Path) -> None:
    """Value, times, score and order are those of before, with the framework's embeddings."""
    with AmStore(tmp_path / "m.db", index=fake_index("text")) as store:
        for text in ("tea", "rain", "tea rain"):
            store.put(("n",), text, {"text": text})
        store.put(("n",), "tea", {"text": "tea", "changed": True})
        before = [(each.dict(), each.score) for each in store.search((), query="tea")]
        listed = [each.key for each in store.search(())]
    with AmStore(tmp_path / "m.db", index=fake_index("text")) as store:
        assert [(each.dict(), each.score) for each in store.search((), query="tea")] == before
        assert [each.key for each in store.search(())] == listed == ["tea", "rain", "tea rain"]


def test_the_same_value_again_records_nothing(store: AmStore, memory: Memory) -> None:
    """Versions and times stay; another value is the next version."""
    for _ in range(3):
        store.put(("n",), "k", {"text": "tea"})
    first = store.get(("n",), "k")
    assert memory.stats().versions == 1
    store.put(("n",), "k", {"text": "rain"})
    assert memory.stats().versions == 2
    assert store.get(("n",), "k").created_at == first.created_at


def test_what_was_remembered_in_another_way_is_an_item(store: AmStore, memory: Memory) -> None:
    """It has its text and facts as a value, is found by a query, and can be deleted."""
    memory.remember("Rex is a dog.", id="pet", namespace=("n",), actor="ana", metadata={"kind": "fact"})
    found = store.search(("n",), query="dog")[0]
    assert (found.key, found.value) == ("pet", {"text": "Rex is a dog.", "actor": "ana", "metadata": {"kind": "fact"}})
    store.delete(("n",), "pet")
    assert memory.count(namespace=("n",)) == 0


@pytest.mark.parametrize("value", [{"t": datetime(2026, 1, 1, tzinfo=UTC)}, {"n": float("nan")}, {1: "a"}, {"s": {1}}])
def test_what_json_does_not_have_is_refused(store: AmStore, value: dict) -> None:
    """With the memory's own error; nothing of the batch is written."""
    with pytest.raises(InvalidMetadata, match="JSON"):
        store.batch([PutOp(("n",), "good", {"v": 1}), PutOp(("n",), "bad", value)])
    assert store.search(()) == []


@pytest.mark.parametrize("ttl", [0, -1, 1e12, float("inf")])
def test_a_time_to_live_that_cannot_be(store: AmStore, ttl: float) -> None:
    """It is a ValueError and stores nothing."""
    with pytest.raises(InvalidArgument, match="ttl"):
        store.put(("n",), "k", {"v": 1}, ttl=ttl)
    assert store.get(("n",), "k") is None


def test_an_unknown_operator_or_a_negative_page_is_refused_in_an_empty_store(store: AmStore) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=r"Unsupported operator: \$near"):
        store.search(("n",), filter={"a": {"b": [{"$near": 1}]}})
    with pytest.raises(InvalidArgument, match="at least 0"):
        store.batch([SearchOp(("n",), limit=-1)])


def test_what_is_not_ordered_is_left_out(store: AmStore) -> None:
    """Absent fields and other types satisfy no comparison; strings compare as strings, numbers in them as numbers."""
    for key, value in {"none": {}, "list": {"n": [1]}, "text": {"n": "b"}, "digits": {"n": "7"}, "n": {"n": 3}}.items():
        store.put(("n",), key, value)
    assert [each.key for each in store.search(("n",), filter={"n": {"$gt": 2}})] == ["digits", "n"]
    assert [each.key for each in store.search(("n",), filter={"n": {"$gte": "b"}})] == ["text"]


def test_minutes_of_life(memory: Memory) -> None:
    """The default applies, a read prolongs it by as much, and a put without one ends it."""
    store = AmStore(memory, ttl={"default_ttl": 10})
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        store.put(("n",), "a", {"v": 1})
        store.put(("n",), "b", {"v": 1}, ttl=None)
        store.put(("n",), "c", {"v": 1})
        clock.shift(timedelta(minutes=9))
        assert [each.key for each in store.search(("n",), filter={"v": 1}, limit=1)] == ["a"]
        assert store.get(("n",), "c", refresh_ttl=False) is not None
        clock.shift(timedelta(minutes=2))
        assert [each.key for each in store.search(("n",), refresh_ttl=False)] == ["a", "b"]
        store.put(("n",), "a", {"v": 1}, ttl=None)
        clock.shift(timedelta(days=9))
        assert [each.key for each in store.search(())] == ["a", "b"]
        assert store.list_namespaces() == [("n",)]


def test_asynchronous_embeddings_run_in_the_loop_and_the_rest_beside_it() -> None:
    """Embeddings that are only asynchronous work, and no operation of the memory runs in the loop's thread."""
    threads: list[int] = []

    async def embed(texts):
        threads.append(threading.get_ident())
        return fake_embed(texts)

    class Watched(Memory):
        def remember_many(self, *args, **kwargs):
            threads.append(threading.get_ident())
            return super().remember_many(*args, **kwargs)

    async def use() -> list[str]:
        with Watched() as memory:
            store = AmStore(memory, index={"dims": 32, "embed": embed, "fields": ["text"]})
            await store.aput(("n",), "k", {"text": "tea"})
            return [each.key for each in await store.asearch(("n",), query="tea")]

    assert asyncio.run(use()) == ["k"]
    own = threading.get_ident()
    assert [each == own for each in threads] == [True, False, True]


def test_it_says_what_to_install() -> None:
    """Where langgraph is missing, the adapter and the contract name the extra."""
    code = (
        "import sys; sys.modules['langgraph'] = None\n"
        "for name in ('am_agent_integrations.langgraph', 'am_agent.testing.langgraph_store'):\n"
        "    try: __import__(name)\n"
        "    except ImportError as error: print('am-agent[langgraph]' in str(error))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks run, and print what it shows."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "langgraph.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(python|text)\n(.*?)^```$", page, re.M | re.S)
    assert [language for language, _ in blocks] == ["python", "text", "python"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for language, block in blocks:
            if language == "python":
                exec(compile(block, "langgraph.md", "exec"), {"__name__": "page"})
    assert printed.getvalue() == blocks[1][1]


def test_the_example_remembers_across_processes(tmp_path: Path) -> None:
    """What one process was told the next one knows, and another user's does not."""

    def say(*arguments: str) -> str:
        script = ROOT / "examples" / "integrations" / "langgraph_chatbot.py"
        command = [sys.executable, str(script), "--db", "chat.db", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert "keep that in mind" in say("I am allergic to peanuts.", "My sister Clara moved to Lisbon.")
    assert 'bot: You told me: "My sister Clara moved to Lisbon."' in say("Where does my sister live?")
    assert "bot: You have not told me yet." in say("--user", "ben", "Where does my sister live?")
