"""What LangChain's suites do not ask: scores, filters, errors with their cure, loops of tools, histories."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage

from am_agent import Memory
from am_agent.errors import InvalidArgument, InvalidNamespace
from am_agent_integrations.langchain import AmRetriever, AmVectorStore, memory_tools

from .agents import agent, listener, said

FAKE = DeterministicFakeEmbedding(size=6)


def test_scores_are_cosines_in_falling_order() -> None:
    """The text itself has one, all are in [-1, 1], and relevance is in [0, 1]."""
    with Memory() as memory:
        store = AmVectorStore.from_texts(list("abcde"), FAKE, ids=list("abcde"), memory=memory)
        found = store.similarity_search_with_score("c", k=5)
        scores = [score for _, score in found]
        assert found[0][0].id == "c"
        assert scores[0] == pytest.approx(1, abs=1e-6)
        assert scores == sorted(scores, reverse=True)
        assert scores[-1] >= -1
        relevance = [score for _, score in store.similarity_search_with_relevance_scores("c", k=5)]
        assert relevance == pytest.approx([(1 + score) / 2 for score in scores])


def test_what_recall_said_is_not_stored_with_a_document(memory: Memory) -> None:
    """A document with its score, added again, changes nothing."""
    store = AmVectorStore(memory)
    store.add_texts(["Rex barks."], [{"n": 1}], ids=["rex"])
    ((document, _),) = store.similarity_search_with_score("Rex")
    assert set(document.metadata) == {"n", "am_agent"}
    store.add_documents([document])
    assert store.get_by_ids(["rex"]) == [Document(id="rex", page_content="Rex barks.", metadata={"n": 1})]
    assert memory.stats().versions == 1


def test_marginal_relevance_prefers_what_is_different() -> None:
    """Twins of the best are passed over; without embeddings the error names the cure."""
    with Memory() as memory:
        store = AmVectorStore(memory, FAKE)
        store.add_texts(["a", "a", "b"], ids=["one", "two", "other"])
        found = store.max_marginal_relevance_search("a", k=2, lambda_mult=0.1)
        assert [each.page_content for each in found] == ["a", "b"]
        with pytest.raises(InvalidArgument, match=r"embedding=\.\.\."):
            AmVectorStore(memory).max_marginal_relevance_search("a")


def test_errors_of_the_core_come_through(memory: Memory) -> None:
    """Each names its cure, and a keyword that is not known is refused."""
    with pytest.raises(InvalidNamespace, match="comma"):
        AmRetriever(memory=memory, namespace="ana").invoke("dog")
    with pytest.raises(InvalidArgument, match="2 texts and 1 ids"):
        AmVectorStore(memory).add_texts(["a", "b"], ids=["a"])
    with pytest.raises(TypeError, match="'typo'"):
        AmVectorStore(memory).similarity_search("a", typo=1)


def test_the_callers_own_key_is_not_hidden(memory: Memory) -> None:
    """Metadata with the key `am_agent` comes back as it was."""
    memory.remember("Rex barks.", metadata={"am_agent": "mine"})
    assert AmRetriever(memory=memory).invoke("Rex")[0].metadata == {"am_agent": "mine"}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_loop_of_tools_remembers_the_turn_once(memory: Memory, asynchronous: bool) -> None:
    """Two calls of the model: the message, the tool's fact and the last answer, and nothing twice."""
    call = {"name": "remember", "args": {"text": "Ana lives in Oslo."}, "id": "1", "type": "tool_call"}
    model = listener(AIMessage(content="A moment.", tool_calls=[call]), "Done.")
    runner = agent(model, memory, tools=memory_tools(memory, namespace=("ana",)))
    if asynchronous:
        asyncio.run(runner.ainvoke(*said("Keep that I live in Oslo.", "s")))
    else:
        runner.invoke(*said("Keep that I live in Oslo.", "s"))
    assert len(model.prompts) == 2
    assert [each.text for each in memory.list(namespace=("ana",))] == [
        "Ana lives in Oslo.",
        "Keep that I live in Oslo.",
        "Done.",
    ]


def test_a_blank_text_is_told_to_the_model(memory: Memory) -> None:
    """The tool answers with the reason; nothing is recorded."""
    remember, _, _ = memory_tools(memory)
    assert "blank" in remember.invoke({"text": " "})
    assert memory.count() == 0
