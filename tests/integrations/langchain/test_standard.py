"""LangChain's own suites, in full: the vector store with its embeddings and with ours, the retriever, each tool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import (
    RetrieversIntegrationTests,
    ToolsIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import ToolsUnitTests

from am_agent import DeterministicEmbedder, Memory
from am_agent_integrations.langchain import AmRetriever, AmVectorStore, memory_tools


class TestVectorStoreWithLangChainsEmbeddings(VectorStoreIntegrationTests):
    """Vectors come from LangChain's fake embeddings, which are not of length one."""

    @pytest.fixture
    def vectorstore(self) -> Iterator[VectorStore]:
        with Memory() as memory:
            yield AmVectorStore(memory, self.get_embeddings(), namespace=("documents",))


class TestVectorStoreWithTheMemorysEncoder(VectorStoreIntegrationTests):
    """Vectors come from the memory's own encoder."""

    @pytest.fixture
    def vectorstore(self, memory: Memory) -> VectorStore:
        return AmVectorStore(memory)


class TestRetriever(RetrieversIntegrationTests):
    """The retriever over a memory of four episodes."""

    @pytest.fixture(autouse=True)
    def _filled(self, memory: Memory) -> None:
        self.memory = memory
        memory.remember_many([f"The dog number {number} barks." for number in range(4)], namespace=("dogs",))

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return AmRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.memory, "namespace": ("dogs",)}

    @property
    def retriever_query_example(self) -> str:
        return "Which dog barks?"


REMEMBER, RECALL, FORGET = memory_tools(Memory(embedder=DeterministicEmbedder()), namespace=("ana",))


class _Remember:
    @property
    def tool_constructor(self) -> BaseTool:
        return REMEMBER

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"text": "Ana's dog is called Rex."}


class _Recall:
    @property
    def tool_constructor(self) -> BaseTool:
        return RECALL

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "What is the dog called?"}


class _Forget:
    @property
    def tool_constructor(self) -> BaseTool:
        return FORGET

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"ids": ["no such id"]}


class TestRememberUnit(_Remember, ToolsUnitTests):
    """The tool `remember` as a tool."""


class TestRemember(_Remember, ToolsIntegrationTests):
    """The tool `remember`, called."""


class TestRecallUnit(_Recall, ToolsUnitTests):
    """The tool `recall` as a tool."""


class TestRecall(_Recall, ToolsIntegrationTests):
    """The tool `recall`, called."""


class TestForgetUnit(_Forget, ToolsUnitTests):
    """The tool `forget` as a tool."""


class TestForget(_Forget, ToolsIntegrationTests):
    """The tool `forget`, called."""
