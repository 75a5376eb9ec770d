"""LangGraph's BaseStore over a memory. Knows its operations and their order; the mathematics is the memory's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from am_agent import Episode, Memory
from am_agent.errors import InvalidArgument, UnknownEpisode
from am_agent_integrations.extra import needed
from am_agent_integrations.langgraph.conditions import check_filter, matches, satisfies
from am_agent_integrations.langgraph.indexing import Embedded, Index, shown
from am_agent_integrations.langgraph.items import (
    coded,
    created_of,
    decoded,
    found_of,
    is_indexed,
    item_of,
    lasting,
    life_of,
    metadata_of,
    place_of,
    value_of,
)

with needed("langgraph"):
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        IndexConfig,
        Item,
        ListNamespacesOp,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        TTLConfig,
        validate_op_namespace,
    )

Puts = dict[tuple[tuple[str, ...], str], PutOp]


class AmStore(BaseStore):
    """A LangGraph store whose items lie in a memory, and are found by what they mean.

    It behaves as the framework's InMemoryStore does, and keeps everything. Its namespaces are those of the memory, so
    what was remembered there in another way is seen here, too. It is safe from several threads and in any loop.

    Args:
        memory_or_location: A memory, which the caller closes, or where to open one: a path, a URL, None for RAM.
        index: The framework's embeddings, and the fields they are applied to; None for the memory's own encoder.
        ttl: Defaults of the time to live. What has expired is never seen, whatever `omit_expired` says.

    Raises:
        StoreError: The file cannot be used; the subclass says why.

    Example:
        >>> from am_agent import DeterministicEmbedder, Memory
        >>> store = AmStore(Memory(embedder=DeterministicEmbedder()))
        >>> store.put(("users", "ana"), "pet", {"text": "Ana's dog is called Rex."})
        >>> store.search(("users",), query="What is the dog called?")[0].key
        'pet'
    """

    supports_ttl = True

    def __init__(
        self,
        memory_or_location: Memory | str | Path | None = None,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
    ) -> None:
        self._owned = not isinstance(memory_or_location, Memory)
        self._index = Index(index)
        self.ttl_config = ttl
        self.memory = memory_or_location if isinstance(memory_or_location, Memory) else Memory(memory_or_location)
        self._writing = threading.Lock()  # from reading what an item was to writing what it is
        self._latest = datetime.min.replace(tzinfo=UTC)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations: all reads, which see the state before the batch, then the last put of each key."""
        listed = _checked(ops)
        return self._execute(listed, self._index.embed(*self._to_embed(listed)))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """The same in a thread, with the asynchronous side of the embeddings: the loop never waits."""
        listed = _checked(ops)
        embedded = await self._index.aembed(*self._to_embed(listed))
        return await asyncio.to_thread(self._execute, listed, embedded)

    def close(self) -> None:
        """Close the memory, if it was opened here."""
        if self._owned:
            self.memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    # ---------------------------------------------------------------------------------------------- inside

    def _to_embed(self, ops: Sequence[Op]) -> tuple[list[str], list[str]]:
        texts = [text for op in _last_puts(ops).values() for text in self._index.texts(op)]
        return texts, [op.query for op in ops if isinstance(op, SearchOp) and op.query]

    def _execute(self, ops: Sequence[Op], embedded: Embedded) -> list[Result]:
        results: list[Result] = []
        for op in ops:
            if isinstance(op, GetOp):
                results.append(self._get(op))
            elif isinstance(op, SearchOp):
                results.append(self._search(op, embedded))
            elif isinstance(op, ListNamespacesOp):
                results.append(self._namespaces(op))
            else:
                results.append(None)
        self._write(_last_puts(ops), embedded)
        return results

    def _get(self, op: GetOp) -> Item | None:
        found = self.memory.get(coded(op.key), namespace=place_of(op.namespace))
        if op.refresh_ttl:
            self._refresh(found)
        return item_of(found[0]) if found else None

    def _search(self, op: SearchOp, embedded: Embedded) -> list[SearchItem]:
        query: dict[str, Any] = {}
        if op.query and self._index.foreign:
            query = {"vector": embedded.queries[op.query]}
        elif op.query and op.query.strip():
            query = {"cue": shown([op.query])}
        hits = self._by_meaning(op, query) if query else self._by_age(op)
        if op.refresh_ttl:
            self._refresh([episode for episode, _ in hits])
        return [found_of(episode, score) for episode, score in hits]

    def _by_age(self, op: SearchOp) -> list[tuple[Episode, float | None]]:
        """The first that were put, as the framework's InMemoryStore has them."""
        here = sorted(self.memory.list(namespace=place_of(op.namespace_prefix), subtree=True), key=created_of)
        wanted = [episode for episode in here if satisfies(value_of(episode), op.filter or {})]
        return [(episode, None) for episode in wanted[op.offset : op.offset + op.limit]]

    def _by_meaning(self, op: SearchOp, query: dict[str, Any]) -> list[tuple[Episode, float | None]]:
        """The nearest to a query that satisfy the filter; where there is room, those that have no vector, too."""
        end = op.offset + op.limit
        k = max(end, 1)
        while True:
            recall = self.memory.recall(
                **query, k=k, namespace=place_of(op.namespace_prefix), subtree=True, fields=("cosine",)
            )
            wanted = [each for each in recall if satisfies(value_of(each.episode), op.filter or {})]
            scored: list[tuple[Episode, float | None]] = [
                (each.episode, each.similarity) for each in wanted if is_indexed(each.episode)
            ]
            if len(scored) >= end or len(recall) < k:
                break
            k *= 4  # the filter left too few of them
        kept = scored[op.offset : end]
        others = sorted((each.episode for each in wanted if not is_indexed(each.episode)), key=created_of)
        return kept + [(episode, None) for episode in others[: max(op.limit - len(kept), 0)]]

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        here = [tuple(map(decoded, namespace)) for namespace in self.memory.namespaces()]
        wanted = {each[: op.max_depth] for each in here if all(matches(one, each) for one in op.match_conditions or ())}
        return sorted(wanted)[op.offset : op.offset + op.limit]

    def _write(self, puts: Puts, embedded: Embedded) -> None:
        deleted: dict[tuple[str, ...], list[str]] = {}
        for (namespace, key), op in puts.items():
            if op.value is None:
                deleted.setdefault(place_of(namespace), []).append(coded(key))
        kept = [op for op in puts.values() if op.value is not None]
        with self._writing:
            if kept:
                created = self._created(kept)
                items = [self._item(op, created[op.namespace, op.key], embedded) for op in kept]
                self.memory.remember_many(items, batch=len(items))
            for place, ids in deleted.items():
                self.memory.forget(ids=ids, namespace=place)

    def _created(self, ops: Sequence[PutOp]) -> dict[tuple[tuple[str, ...], str], datetime]:
        """When each item was first put: now, for those that are new."""
        keys: dict[tuple[str, ...], list[str]] = {}
        for op in ops:
            keys.setdefault(op.namespace, []).append(op.key)
        known = {
            (namespace, decoded(episode.id)): created_of(episode)
            for namespace, here in keys.items()
            for episode in self.memory.get([coded(key) for key in here], namespace=place_of(namespace))
        }
        return {(op.namespace, op.key): known.get((op.namespace, op.key)) or self._moment() for op in ops}

    def _moment(self) -> datetime:
        """Now, or just after the last item if the clock has not moved: items are listed in this order."""
        self._latest = max(datetime.now(UTC), self._latest + timedelta(microseconds=1))
        return self._latest

    def _item(self, op: PutOp, created_at: datetime, embedded: Embedded) -> dict[str, Any]:
        assert op.value is not None  # deletions go another way
        texts = self._index.texts(op)
        text = shown(texts)
        vector = None
        if self._index.foreign:
            vector = self._index.patterns(texts, embedded)
        indexed = vector is not None if self._index.foreign else any(text.strip() for text in texts)
        if self._index.foreign and vector is None:
            vector = self._index.placeholder()
        return {
            "text": text,
            "id": coded(op.key),
            "namespace": place_of(op.namespace),
            "metadata": metadata_of(op.value, created_at, op.ttl, indexed=indexed),
            "vector": vector,
            "ttl": lasting(op.ttl),
        }

    def _refresh(self, found: Sequence[Episode]) -> None:
        """Let what was read live for as long again, if it is still what was read."""
        for episode in found:
            if life_of(episode) is None:
                continue
            with self._writing:
                for now in self.memory.get(episode.id, namespace=episode.namespace):
                    # Another process may delete it in this moment; then there is nothing to prolong.
                    with suppress(UnknownEpisode):
                        self.memory.update(episode.id, namespace=episode.namespace, ttl=life_of(now))


def _checked(ops: Iterable[Op]) -> list[Op]:
    """The operations, each of a kind that exists, with namespaces and filters that can be."""
    listed = list(ops)
    for op in listed:
        if not isinstance(op, GetOp | SearchOp | ListNamespacesOp | PutOp):
            raise ValueError(f"Unknown operation type: {type(op)}")
        validate_op_namespace(op)
        if isinstance(op, SearchOp):
            check_filter(op.filter)
        if isinstance(op, SearchOp | ListNamespacesOp) and min(op.limit, op.offset) < 0:
            raise InvalidArgument(f"limit and offset are at least 0, not {op.limit} and {op.offset}")
    return listed


def _last_puts(ops: Sequence[Op]) -> Puts:
    return {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
