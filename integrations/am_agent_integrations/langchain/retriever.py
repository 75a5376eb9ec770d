"""A LangChain retriever over a memory. Knows LangChain's callbacks and the memory's recall, no vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from am_agent.episode import Namespace
from am_agent.memory import Memory
from am_agent_integrations.extra import needed
from am_agent_integrations.langchain.documents import recalled

with needed("langchain"):
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from pydantic import SkipValidation


class AmRetriever(BaseRetriever):
    """Brings the episodes that a query calls to mind, the heaviest first, in the memory's own ranking.

    A document has the episode's id, text and metadata. Its metadata has one key more, `am_agent`: a dict of
    `similarity`, `weight`, `actor`, `session`, `occurred_at` (ISO 8601), `namespace`, `also` and `prototype` of the
    episode, and of `verdict`, `reason`, `familiarity` and `reliability` of the recall, which all its documents share;
    an episode with a key of this name in its own metadata keeps that instead.

    Attributes:
        memory: Where to look.
        k: How many documents, at the most; `invoke(query, k=...)` goes before it.
        namespace: The unit of isolation; nothing elsewhere is seen.
        subtree: Look in the namespaces below it, too.
        where: A filter over metadata, as `Memory.recall` takes it.
        fields: The fields to compare by; None lets the memory decide.
        abstain: No document where the verdict is `unknown`, in place of the k that are least unlike.
        level: "episode", "prototype" or "both", as `Memory.recall` takes it. A prototype is a document with its own id
            and text, the `tier`, `members` and `author` under `prototype`, and no other facts of an episode.
        distinct: Let near-duplicates that `consolidate` has found count once; the ids of the others are in `also`.
        prefer: "weight" for the heaviest first, or "latest" for what is newer before what it says something else of.

    Example:
        >>> from am_agent import DeterministicEmbedder
        >>> memory = Memory(embedder=DeterministicEmbedder())
        >>> _ = memory.remember("Ana's dog is called Rex.", namespace=("ana",), metadata={"topic": "pets"})
        >>> (document,) = AmRetriever(memory=memory, namespace=("ana",)).invoke("What is the dog called?")
        >>> document.page_content, document.metadata["topic"]
        ("Ana's dog is called Rex.", 'pets')
    """

    # Not validated here: the memory checks each of them, and its messages name the cure.
    memory: SkipValidation[Memory]
    k: SkipValidation[int] = 4
    namespace: SkipValidation[Namespace] = ()
    subtree: bool = False
    where: SkipValidation[Mapping[str, Any] | None] = None
    fields: SkipValidation[Sequence[str] | None] = None
    abstain: bool = False
    level: SkipValidation[str] = "episode"
    distinct: bool = False
    prefer: SkipValidation[str] = "weight"

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  LangChain's signature
        k: int | None = None,
    ) -> list[Document]:
        return recalled(self.memory.recall(query, **self._arguments(k)))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
    ) -> list[Document]:
        return recalled(await self.memory.arecall(query, **self._arguments(k)))

    def _arguments(self, k: int | None) -> dict[str, Any]:
        return {
            "k": self.k if k is None else k,
            "namespace": self.namespace,
            "subtree": self.subtree,
            "where": self.where,
            "fields": self.fields,
            "abstain": self.abstain,
            "level": self.level,
            "distinct": self.distinct,
            "prefer": self.prefer,
        }
