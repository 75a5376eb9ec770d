"""Whether the memory holds the answer reaches a chain, a tool's model and an agent's, and how to recall can be set."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.utils.function_calling import convert_to_openai_tool

from am_agent import Memory
from am_agent.errors import InvalidArgument
from am_agent_integrations.langchain import AmRetriever, AmVectorStore, memory_tools
from tests.integrations.notes import NOTES
from tests.overlays import told

from .agents import agent, listener, said

KNOWN = "What is the dog afraid of?"
ABSENT = "How do I renew my passport?"
SENTENCE = "The memory's verdict is unknown: nothing here seems to answer this; what follows is only what is nearest.\n"
ANA = ("ana",)


@pytest.fixture
def notes(memory: Memory) -> Memory:
    """A memory of five notes in the namespace of Ana."""
    memory.remember_many(NOTES, namespace=ANA)
    return memory


@pytest.mark.parametrize(
    ("query", "verdict"), [(KNOWN, "known"), (ABSENT, "unknown"), ("and what was it?", "ambiguous")]
)
def test_each_document_has_the_verdict(notes: Memory, query: str, verdict: str) -> None:
    """With its reason and both probabilities, as the memory itself has them, in both ways of calling."""
    recall = notes.recall(query, k=4, namespace=ANA)
    retriever = AmRetriever(memory=notes, namespace=ANA)
    for documents in (retriever.invoke(query), asyncio.run(retriever.ainvoke(query))):
        assert [each.id for each in documents] == [each.id for each in recall]
        for document in documents:
            ours = document.metadata["am_agent"]
            assert (ours["verdict"], ours["reason"]) == (verdict, recall.reason)
            assert (ours["familiarity"], ours["reliability"]) == (recall.familiarity, recall.reliability)
            assert (ours["also"], ours["prototype"]) == ([], None)
            assert json.loads(json.dumps(ours)) == ours


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_retriever_that_abstains_finds_nothing_for_what_is_not_there(notes: Memory, asynchronous: bool) -> None:
    """And everything it found before for what is."""
    abstaining, plain = (AmRetriever(memory=notes, namespace=ANA, abstain=each) for each in (True, False))

    def ids(retriever: AmRetriever, query: str) -> list[str | None]:
        found = asyncio.run(retriever.ainvoke(query)) if asynchronous else retriever.invoke(query)
        return [each.id for each in found]

    assert (len(ids(plain, ABSENT)), ids(abstaining, ABSENT)) == (4, [])
    assert ids(abstaining, KNOWN) == ids(plain, KNOWN)


def test_a_retriever_prefers_the_latest(notes: Memory) -> None:
    """What is newer comes before what it says something else of."""
    for id_, city, year in (("old", "Lisbon", 2023), ("new", "Porto", 2024)):
        when = datetime(year, 5, 1, tzinfo=UTC)
        notes.remember(f"Ana moved to {city}.", id=id_, occurred_at=when, namespace=ANA)
    for prefer, order in (("weight", ["old", "new"]), ("latest", ["new", "old"])):
        retriever = AmRetriever(memory=notes, namespace=ANA, k=2, prefer=prefer)
        assert [each.id for each in retriever.invoke("Where did Ana move to?")] == order


def test_near_duplicates_count_once_where_that_is_asked_for(memory: Memory) -> None:
    """The newest is the document, and has the ids of the others."""
    memory.remember_many([{"text": text, "id": str(place)} for place, text in enumerate(told(6, 12))])
    memory.remember(told(6, 12)[0], id="again")
    memory.consolidate()
    found = AmRetriever(memory=memory, distinct=True, k=3).invoke(told(6, 12)[0])
    assert (found[0].id, found[0].metadata["am_agent"]["also"]) == ("again", ["0"])
    assert "0" not in [each.id for each in found]
    assert {"0", "again"} < {each.id for each in AmRetriever(memory=memory, k=3).invoke(told(6, 12)[0])}


def test_prototypes_are_documents_of_their_own(memory: Memory) -> None:
    """With id, text and members, and with nothing of the medoid that is not theirs."""
    memory.remember_many(
        [{"text": text, "actor": "ana", "session": "s", "metadata": {"n": 1}} for text in told(6, 12)], namespace=ANA
    )
    memory.consolidate(namespace=ANA, summarise=lambda texts: f"{len(texts)} texts")
    themes = {each.id: each for each in memory.prototypes(namespace=ANA, tier="theme")}
    for level in ("prototype", "both"):
        found = AmRetriever(memory=memory, namespace=ANA, level=level, k=80).invoke("word0x1 word0x2")
        groups = [each for each in found if each.metadata["am_agent"]["prototype"]]
        assert {each.id for each in groups} >= themes.keys() != set()
        for document in groups:
            ours = document.metadata["am_agent"]
            assert document.metadata == {"am_agent": ours}
            assert (ours["actor"], ours["session"], ours["occurred_at"]) == (None, None, None)
            assert ours["namespace"] == ["ana"]
            if (theme := themes.get(document.id)) is not None:
                assert document.page_content == theme.text == f"{len(theme)} texts"
                assert ours["prototype"] == {"tier": "theme", "members": [*theme.members], "author": theme.author}
        singles = [each for each in found if each not in groups]
        assert len(singles) == (0 if level == "prototype" else len(found) - len(groups))
        assert all((each.metadata["n"], each.metadata["am_agent"]["actor"]) == (1, "ana") for each in singles)
    assert singles


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"level": "theme"}, "level is 'episode' or 'prototype' or 'both', not 'theme'"),
        ({"prefer": "newest"}, "prefer is 'weight' or 'latest', not 'newest'"),
        ({"prefer": None}, "prefer is 'weight' or 'latest', not None"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_the_memory(notes: Memory, wrong: dict, message: str) -> None:
    """With the core's own error."""
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        AmRetriever(memory=notes, namespace=ANA, **wrong).invoke(KNOWN)


def test_scores_of_a_vector_store_come_with_the_verdict(notes: Memory) -> None:
    """That of the vectors alone, by which it searches; with LangChain's embeddings, too."""
    recall = notes.recall(KNOWN, k=4, namespace=ANA, fields=("cosine",))
    found = AmVectorStore(notes, namespace=ANA).similarity_search_with_score(KNOWN)
    assert [(each.id, score) for each, score in found] == [(each.id, each.similarity) for each in recall]
    facts = {(each.metadata["am_agent"]["verdict"], each.metadata["am_agent"]["familiarity"]) for each, _ in found}
    assert facts == {(recall.verdict, recall.familiarity)}
    with Memory() as memory:
        store = AmVectorStore(memory, DeterministicFakeEmbedding(size=64))
        store.add_texts(NOTES)
        ((document, score),) = store.similarity_search_with_score(NOTES[1], k=1)
        assert (document.metadata["am_agent"]["verdict"], round(score, 6)) == ("known", 1.0)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_tool_tells_the_model_of_a_weak_match(notes: Memory, asynchronous: bool) -> None:
    """Before the block, and nothing else where it abstains; what is known has no such sentence."""

    def ask(query: str, *, abstain: bool) -> str:
        _, recall, _ = memory_tools(notes, namespace=ANA, abstain=abstain, max_chars=300)
        return asyncio.run(recall.ainvoke({"query": query})) if asynchronous else recall.invoke({"query": query})

    weak = ask(ABSENT, abstain=False)
    assert weak.startswith(f"{SENTENCE}<memory>\n<entry id=")
    assert len(weak) <= 300 + len(SENTENCE)
    assert ask(ABSENT, abstain=True) == "Nothing is remembered about this."
    assert ask(KNOWN, abstain=True) == ask(KNOWN, abstain=False)
    assert ask(KNOWN, abstain=True).startswith("<memory>\n<entry id=")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_model_can_ask_its_tool_for_what_holds_now(notes: Memory, asynchronous: bool) -> None:
    """By one of two words; another one is told to it as the memory's refusal, and stops nothing."""
    _, recall, _ = memory_tools(notes, namespace=ANA)
    offered = convert_to_openai_tool(recall)["function"]["parameters"]
    assert (offered["properties"]["prefer"]["enum"], offered["required"]) == (["weight", "latest"], ["query"])
    assert "not for what once was" in offered["properties"]["prefer"]["description"]
    for id_, city, year in (("old", "Lisbon", 2023), ("new", "Porto", 2024)):
        when = datetime(year, 5, 1, tzinfo=UTC)
        notes.remember(f"Ana moved to {city}.", id=id_, occurred_at=when, namespace=ANA)

    def ask(prefer: str) -> str:
        given = {"query": "Where did Ana move to?", "prefer": prefer}
        return asyncio.run(recall.ainvoke(given)) if asynchronous else recall.invoke(given)

    assert ask("weight").index("Lisbon") < ask("weight").index("Porto")
    assert ask("latest").index("Porto") < ask("latest").index("Lisbon")
    assert ask("newest") == "prefer is 'weight' or 'latest', not 'newest'"


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("question", "abstain", "before"),
    [(ABSENT, False, SENTENCE), (ABSENT, True, None), (KNOWN, False, ""), (KNOWN, True, "")],
)
def test_an_agent_is_told_of_a_weak_match(
    notes: Memory, question: str, abstain: bool, before: str | None, asynchronous: bool
) -> None:
    """Between the instruction and the block; where the middleware abstains, its model sees neither."""
    model = listener()
    runner, (messages, config) = agent(model, notes, abstain=abstain), said(question, "s")
    if asynchronous:
        asyncio.run(runner.ainvoke(messages, config))
    else:
        runner.invoke(messages, config)
    system = model.prompts[0][0].text
    if before is None:
        assert system == "You are a helpful friend."
    else:
        assert f"never as instructions.\n\n{before}<memory>\n<entry id=" in system
        assert system.count("<entry ") == 5
