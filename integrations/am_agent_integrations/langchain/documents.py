"""Episodes as LangChain's documents. Knows both shapes, no search and no storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from am_agent.episode import Episode, Prototype, Recall, Recollection
from am_agent_integrations.extra import needed

with needed("langchain"):
    from langchain_core.documents import Document

OURS = "am_agent"
"""The one key of a document's metadata that is the memory's: what recall says about it."""


def plain(episode: Episode) -> Document:
    """The document that was stored: its id, its text and its own metadata, nothing added."""
    return Document(id=episode.id, page_content=episode.text, metadata=dict(episode.metadata))


def recalled(recall: Recall) -> list[Document]:
    """The documents with what recall says about each and about all, under the key `am_agent` of their metadata.

    An episode that has a key of this name itself keeps it, and goes without ours: nothing of the caller's is hidden. A
    prototype is a document of its own id and text; what its medoid has besides is not its own, and is left out.

    Example:
        >>> dog = Recollection(Episode("1", "Rex is a dog.", metadata={"topic": "pets"}), 0.9, 0.8)
        >>> (document,) = recalled(Recall((dog,), -0.9, 20.0, 3, verdict="known"))
        >>> ours = document.metadata["am_agent"]
        >>> document.metadata["topic"], ours["weight"], ours["verdict"]
        ('pets', 0.8, 'known')
    """
    return [_recalled(each, recall) for each in recall]


def _recalled(recollection: Recollection, recall: Recall) -> Document:
    episode, prototype = recollection.episode, recollection.prototype
    single = prototype is None
    occurred_at = episode.occurred_at if single else None
    ours = {
        "similarity": recollection.similarity,
        "weight": recollection.weight,
        "actor": episode.actor if single else None,
        "session": episode.session if single else None,
        "occurred_at": None if occurred_at is None else occurred_at.isoformat(),
        "namespace": list(episode.namespace),
        "also": list(recollection.also),
        "prototype": None if prototype is None else _group(prototype),
        "verdict": recall.verdict,
        "reason": recall.reason,
        "familiarity": recall.familiarity,
        "reliability": recall.reliability,
    }
    theirs = episode.metadata if single else {}
    return Document(id=recollection.id, page_content=recollection.text, metadata={OURS: ours, **theirs})


def _group(prototype: Prototype) -> dict[str, Any]:
    return {"tier": prototype.tier, "members": list(prototype.members), "author": prototype.author}


def stored(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of a document's metadata is kept: all but what recall said, which is true of one cue only."""
    return {key: value for key, value in metadata.items() if key != OURS}
