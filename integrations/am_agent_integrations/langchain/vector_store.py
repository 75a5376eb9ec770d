"""A LangChain vector store over a memory. Knows LangChain's embeddings and searches, no storage of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from am_agent.draft import checked_count, unit_vectors
from am_agent.episode import Namespace, Recall
from am_agent.errors import InvalidArgument
from am_agent.memory import Memory
from am_agent_integrations.extra import needed
from am_agent_integrations.langchain.documents import plain, recalled, stored

with needed("langchain"):
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import VectorStore
    from langchain_core.vectorstores.utils import maximal_marginal_relevance

Where = Mapping[str, Any]


class AmVectorStore(VectorStore):
    """A namespace of a memory as a vector store, searched by cosine.

    A score is the cosine of query and document, in [-1, 1], and results come in its falling order; there are always k
    of them where there are k documents. `similarity_search_with_score` adds the key `am_agent` to the metadata of its
    documents, with the softmax weight beside the similarity, and the verdict, which the vectors alone decide here;
    every other method returns documents as they were added. That key is not stored when such a document is added again.

    Every method has LangChain's twin with `a` in front, which runs it in a thread.

    Args:
        memory: Where documents are kept. With `embedding` it is one without an embedder, for itself: vectors of two
            models cannot be compared.
        embedding: LangChain's embeddings, which then embed every text and query; None for the memory's own encoder.
        namespace: The unit of isolation.

    Example:
        >>> from am_agent import DeterministicEmbedder
        >>> store = AmVectorStore(Memory(embedder=DeterministicEmbedder()))
        >>> store.add_texts(["Ana's dog is called Rex."], [{"topic": "pets"}], ids=["rex"])
        ['rex']
        >>> store.similarity_search("What is the dog called?", k=1, filter={"topic": "pets"})[0].page_content
        "Ana's dog is called Rex."
    """

    def __init__(self, memory: Memory, embedding: Embeddings | None = None, *, namespace: Namespace = ()) -> None:
        self.memory = memory
        self.namespace = namespace
        self._embedding = embedding

    @property
    def embeddings(self) -> Embeddings | None:
        """LangChain's embeddings, if the store was made with any."""
        return self._embedding

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        memory: Memory | None = None,
        namespace: Namespace = (),
        **kwargs: Any,
    ) -> Self:
        """Make a store and add texts to it.

        Args:
            texts: See `add_texts`.
            embedding: See the class.
            metadatas: See `add_texts`.
            ids: See `add_texts`.
            memory: Where documents are kept; a memory in RAM where none is given.
            namespace: The unit of isolation.
            **kwargs: `batch_size`; see `add_texts`.
        """
        store = cls(Memory() if memory is None else memory, embedding, namespace=namespace)
        store.add_texts(texts, metadatas, ids=ids, **kwargs)
        return store

    # ------------------------------------------------------------------------------------------ add, get, delete

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        batch_size: int = 256,
        **kwargs: Any,
    ) -> list[str]:
        """Record texts; what is there already, word for word, is left as it is.

        An id that is there with another text gets the new one; the old stays readable with `Memory.get(as_of=...)`.

        Args:
            texts: The texts.
            metadatas: JSON for each.
            ids: An id for each, or None where one is to be made.
            batch_size: How many are embedded, and recorded in one transaction, at a time.
            **kwargs: Nothing else is known.

        Returns:
            Their ids.
        """
        _refuse(kwargs)
        batch_size = checked_count(batch_size, "batch_size")
        listed = list(texts)
        for name, given in (("metadatas", metadatas), ("ids", ids)):
            if given is not None and len(given) != len(listed):
                raise InvalidArgument(f"{len(listed)} texts and {len(given)} {name}; give one for each text")
        items = [
            {"text": text, "id": id_, "metadata": stored(metadata)}
            for text, id_, metadata in zip(
                listed,
                ids if ids is not None else [None] * len(listed),
                metadatas if metadatas is not None else [{}] * len(listed),
                strict=True,
            )
        ]
        vectors = self._with_vectors(items, batch_size)
        return list(self.memory.remember_many(vectors, namespace=self.namespace, batch=batch_size).ids)

    def _with_vectors(self, items: Sequence[dict[str, Any]], batch_size: int) -> Iterator[dict[str, Any]]:
        """The items with the vectors of LangChain's embeddings, a batch at a time, as the memory asks for them."""
        if self._embedding is None:
            yield from items
            return
        for start in range(0, len(items), batch_size):
            batch = items[start : start + batch_size]
            vectors = self._embedding.embed_documents([item["text"] for item in batch])
            yield from ({**item, "vector": vector} for item, vector in zip(batch, vectors, strict=True))

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Read documents in the order of their ids; unknown ones are skipped."""
        return [plain(each) for each in self.memory.get(ids, namespace=self.namespace)]

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Erase documents with all their versions, so that no file holds their bytes.

        Args:
            ids: Unknown ones are ignored. None, as LangChain has it, erases everything in the namespace.
            **kwargs: Nothing else is known.

        Returns:
            True: no search and no reading finds them any more.
        """
        _refuse(kwargs)
        self.memory.forget(ids=ids, namespace=self.namespace)
        return True

    # ------------------------------------------------------------------------------------------ search

    def similarity_search(
        self,
        query: str,
        k: int = 4,
        filter: Where | None = None,  # noqa: A002  LangChain's word
        **kwargs: Any,
    ) -> list[Document]:
        """The k documents that are most similar to the query, as they were added.

        Args:
            query: A text.
            k: How many, at the most.
            filter: A filter over metadata, as `where` of `Memory.recall`.
            **kwargs: Nothing else is known.
        """
        return [plain(each.episode) for each in self._search(query, None, k, filter, kwargs)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Where | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> list[tuple[Document, float]]:
        """The same with their cosines in [-1, 1], and with `am_agent` in the metadata."""
        found = self._search(query, None, k, filter, kwargs)
        return [(document, each.similarity) for document, each in zip(recalled(found), found, strict=True)]

    def similarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Where | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> list[Document]:
        """The k documents that are most similar to a vector of any length but zero."""
        return [plain(each.episode) for each in self._search(None, embedding, k, filter, kwargs)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Where | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> list[Document]:
        """Documents that are similar to the query and not to each other, chosen among the `fetch_k` most similar."""
        vector = self._embeddings_for_mmr().embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, filter, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Where | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> list[Document]:
        """The same for a vector. The candidates' texts are embedded again, since a memory hands out no vectors."""
        embeddings = self._embeddings_for_mmr()
        k = checked_count(k, "k")
        found = self._search(None, embedding, max(k, checked_count(fetch_k, "fetch_k")), filter, kwargs)
        vectors = embeddings.embed_documents([each.text for each in found])
        chosen = maximal_marginal_relevance(unit_vectors(embedding)[0].astype(np.float64), vectors, lambda_mult, k)
        return [plain(found[place].episode) for place in chosen]

    def _embeddings_for_mmr(self) -> Embeddings:
        if self._embedding is None:
            raise InvalidArgument(
                "maximal marginal relevance compares documents with each other, and the memory's own encoder hands out "
                "no vectors; make the store with embedding=..., over a memory of its own, or use similarity_search"
            )
        return self._embedding

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return _relevance

    def _search(
        self, query: str | None, vector: list[float] | None, k: int, where: Where | None, kwargs: Where
    ) -> Recall:
        _refuse(kwargs)
        if query is not None and self._embedding is not None:
            vector, query = self._embedding.embed_query(query), None
        return self.memory.recall(query, vector=vector, k=k, namespace=self.namespace, where=where, fields=("cosine",))


def _relevance(cosine: float) -> float:
    """A cosine as LangChain's relevance in [0, 1]."""
    return (1.0 + cosine) / 2.0


def _refuse(kwargs: Where) -> None:
    """LangChain's signatures take any keyword; one that is not known must not be ignored."""
    if kwargs:
        raise TypeError(f"unexpected keyword argument {', '.join(map(repr, kwargs))}")
