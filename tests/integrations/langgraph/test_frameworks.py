"""One AmStore, unchanged, in langchain's agents, in deepagents and in langmem, with scripted models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from deepagents.backends import StoreBackend
from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage

from am_agent import DeterministicEmbedder, Memory
from am_agent_integrations.langgraph import AmStore


class ScriptedModel(GenericFakeChatModel):
    """Says what it was given, and takes any tools."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> ScriptedModel:
        return self


def scripted(*calls: tuple[str, dict[str, Any]]) -> ScriptedModel:
    """A model that calls tools one after the other and then is done."""
    messages = [
        AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": str(number)}])
        for number, (name, arguments) in enumerate(calls)
    ]
    return ScriptedModel(messages=iter([*messages, AIMessage("Done.")]))


def tool_results(state: dict[str, Any]) -> list[str]:
    return [str(each.content) for each in state["messages"] if isinstance(each, ToolMessage)]


@pytest.fixture
def store() -> Iterator[AmStore]:
    with Memory(embedder=DeterministicEmbedder()) as memory:
        yield AmStore(memory)


def test_an_agents_tools_reach_the_store(store: AmStore) -> None:
    """A tool puts through runtime.store, and another one finds it."""

    @tool
    def note(text: str, runtime: ToolRuntime) -> str:
        """Take a note."""
        runtime.store.put(("ana",), "note", {"text": text})
        return "noted"

    @tool
    def look_up(question: str, runtime: ToolRuntime) -> str:
        """Look something up."""
        return runtime.store.search(("ana",), query=question)[0].value["text"]

    model = scripted(("note", {"text": "Rex is afraid of thunder."}), ("look_up", {"question": "What scares Rex?"}))
    agent = create_agent(model, [note, look_up], store=store)
    state = agent.invoke({"messages": [("user", "go")]})
    assert tool_results(state) == ["noted", "Rex is afraid of thunder."]
    assert store.get(("ana",), "note").value == {"text": "Rex is afraid of thunder."}


# trustcall, which langmem imports, takes Send from where langgraph no longer wants it taken from.
@pytest.mark.filterwarnings("ignore:Importing Send from langgraph.constants is deprecated")
def test_langmem_manages_and_searches(store: AmStore) -> None:
    """What its one tool creates its other one finds."""
    from langmem import create_manage_memory_tool, create_search_memory_tool

    tools = [
        create_manage_memory_tool(("memories", "ana"), store=store),
        create_search_memory_tool(("memories", "ana"), store=store),
    ]
    model = scripted(
        ("manage_memory", {"content": "Ana likes jasmine tea.", "action": "create"}),
        ("search_memory", {"query": "jasmine tea"}),
    )
    state = create_agent(model, tools, store=store).invoke({"messages": [("user", "go")]})
    created, found = tool_results(state)
    assert created.startswith("created memory")
    (item,) = json.loads(found)
    assert item["value"] == {"content": "Ana likes jasmine tea."}
    assert store.search(("memories",))[0].namespace == ("memories", "ana")


def test_deepagents_keeps_its_files_in_it(store: AmStore) -> None:
    """A file is written, read, edited, listed and searched."""
    files = StoreBackend(store=store, namespace=lambda _: ("ana", "files"))
    assert files.write("/notes/pets.md", "Rex is a dog.\n").error is None
    assert files.edit("/notes/pets.md", "a dog", "an old dog").error is None
    assert "Rex is an old dog." in str(files.read("/notes/pets.md"))
    assert "/notes/pets.md" in str(files.ls("/notes"))
    assert "/notes/pets.md" in str(files.grep("old dog"))
    assert [each.key for each in store.search(("ana", "files"))] == ["/notes/pets.md"]
