"""The contract of a LangGraph store, held against the framework's own stores and against ours."""

from __future__ import annotations

from collections.abc import Iterator

import pysqlite3
import pytest
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from am_agent import Memory
from am_agent.testing import LangGraphStoreContract
from am_agent.testing.langgraph_store import StoreFactory
from am_agent_integrations.langgraph import AmStore


class TestAmStore(LangGraphStoreContract):
    """Ours, in RAM: it needs no exception."""

    @pytest.fixture
    def make_store(self) -> Iterator[StoreFactory]:
        memories: list[Memory] = []

        def make(index):
            for old in memories:  # one that an earlier example of the same test has left
                old.close()
            memories[:] = [Memory()]
            return AmStore(memories[0], index=index)

        yield make
        for memory in memories:
            memory.close()


class TestAmStoreInAFile(LangGraphStoreContract):
    """Ours, in a file, where every thread has a connection of its own."""

    @pytest.fixture
    def make_store(self, tmp_path) -> Iterator[StoreFactory]:
        stores: list[AmStore] = []

        def make(index):
            for old in stores:
                old.close()
            stores.append(AmStore(tmp_path / f"{len(stores)}.db", index=index))
            return stores[-1]

        yield make
        for store in stores:
            store.close()


class TestInMemoryStore(LangGraphStoreContract):
    """The reference as it is; the three faults that `Reference` mends show as its deviations."""

    whole_batches = False
    replaces_vectors = False
    reference = InMemoryStore
    keeps_created_at = False

    @pytest.fixture
    def make_store(self) -> StoreFactory:
        return lambda index: InMemoryStore(index=index)


class TestSqliteStore(LangGraphStoreContract):
    """The framework's store in SQLite, over a build of SQLite that can load its extension."""

    asynchronous = False
    by_label = False  # but in that of the labels joined by dots
    by_insertion = False  # the newest first, by the second
    full_filters = False  # a dict in a filter is always operators
    whole_batches = False
    replaces_vectors = False  # nothing deletes a vector
    fills_with_unindexed = False
    pages_by_query = False  # twice the limit is scored, before the offset
    omits_expired = False  # they are seen until a sweep
    keeps_created_at = False
    refuses_unknown_operations = False

    @pytest.fixture
    def make_store(self) -> Iterator[StoreFactory]:
        connections = []

        def make(index):
            while connections:
                connections.pop().close()
            connections.append(pysqlite3.connect(":memory:", check_same_thread=False, isolation_level=None))
            # Its index calls the fields by another name than the framework's.
            return SqliteStore(connections[0], index={**index, "text_fields": index["fields"]})

        yield make
        while connections:
            connections.pop().close()
