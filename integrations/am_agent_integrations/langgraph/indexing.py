"""What of an item can be searched: its texts, and their vectors in the framework's way. Knows no memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from am_agent.draft import Vectors, unit_vectors
from am_agent.errors import InvalidVector
from am_agent_integrations.extra import needed

with needed("langgraph"):
    from langgraph.store.base import IndexConfig, PutOp, ensure_embeddings, get_text_at_path, tokenize_path

UNSEARCHABLE = "(not indexed)"
"""The text of an episode whose item has none, or is not to be found by it."""

_UNTEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass
class Embedded:
    """The vectors of the texts of one batch, made before the memory is asked for anything."""

    documents: dict[str, Sequence[float]] = field(default_factory=dict)
    queries: dict[str, Sequence[float]] = field(default_factory=dict)


class Index:
    """Which texts an item is found by, and what embeds them.

    Args:
        config: The framework's configuration; None for one text of all values, which the memory embeds itself.
    """

    def __init__(self, config: IndexConfig | None) -> None:
        self.foreign = config is not None
        self._embeddings = None if config is None else ensure_embeddings(config.get("embed"))
        self._fields = None if config is None else list(config.get("fields") or ["$"])
        self._dimension = None if config is None else config.get("dims")

    def texts(self, op: PutOp) -> list[str]:
        """The texts that an item is found by; none where it is not to be found."""
        if op.value is None or op.index is False:
            return []
        paths = self._fields if op.index is None else op.index
        if paths is None:
            return ["\n".join(_leaves(op.value))]
        return [text for path in paths for text in get_text_at_path(dict(op.value), _tokens(path))]

    def embed(self, texts: Iterable[str], queries: Iterable[str]) -> Embedded:
        """Embed the texts of one batch, each once."""
        if self._embeddings is None:
            return Embedded()
        distinct = list(dict.fromkeys(texts))
        rows = self._embeddings.embed_documents(distinct) if distinct else []
        asked = {query: self._embeddings.embed_query(query) for query in dict.fromkeys(queries)}
        return self._checked(distinct, rows, asked)

    async def aembed(self, texts: Iterable[str], queries: Iterable[str]) -> Embedded:
        """The same for embeddings that are asynchronous."""
        if self._embeddings is None:
            return Embedded()
        distinct = list(dict.fromkeys(texts))
        rows = await self._embeddings.aembed_documents(distinct) if distinct else []
        asked = {query: await self._embeddings.aembed_query(query) for query in dict.fromkeys(queries)}
        return self._checked(distinct, rows, asked)

    def patterns(self, texts: Sequence[str], embedded: Embedded) -> Vectors | None:
        """The vectors of an item, one for each text; None where there are none.

        A text whose vector is all zero, as some embeddings have it for an empty one, resembles nothing.
        """
        rows = [row for row in (embedded.documents[text] for text in texts) if np.any(row)]
        return unit_vectors(np.asarray(rows), self._dimension) if rows else None

    def placeholder(self) -> Vectors:
        """A vector for an item that is not to be found: a memory wants one, and no query is answered by it."""
        if self._dimension is None:
            raise InvalidVector("an item without a vector needs the dimension of the others; say index={'dims': ...}")
        return unit_vectors(np.eye(1, self._dimension))

    def _checked(self, texts: list[str], rows: list[list[float]], queries: dict[str, list[float]]) -> Embedded:
        if len(rows) != len(texts):
            raise InvalidVector(f"the embeddings gave {len(rows)} vectors for {len(texts)} texts")
        if self._dimension is None and (rows or queries):
            self._dimension = len(rows[0] if rows else next(iter(queries.values())))
        return Embedded(dict(zip(texts, rows, strict=True)), dict(queries))


def shown(texts: Sequence[str]) -> str:
    """The text of an episode: what a memory takes, while the value itself stays as it was put."""
    text = _UNTEXT.sub("\ufffd", "\n".join(texts))
    return text if text.strip() else UNSEARCHABLE


def _tokens(path: str) -> str | list[str]:
    return path if path == "$" else tokenize_path(path)


def _leaves(value: Any) -> Iterator[str]:
    """The strings and numbers in a value, in their order."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
