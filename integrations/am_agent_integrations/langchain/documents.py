"""Episodes as LangChain's documents. Knows both shapes, no search and no storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from am_agent.episode import Episode, Recollection
from am_agent_integrations.extra import needed

with needed("langchain"):
    from langchain_core.documents import Document

OURS = "am_agent"
"""The one key of a document's metadata that is the memory's: what recall says about it."""


def plain(episode: Episode) -> Document:
    """The document that was stored: its id, its text and its own metadata, nothing added."""
    return Document(id=episode.id, page_content=episode.text, metadata=dict(episode.metadata))


def recalled(recollection: Recollection) -> Document:
    """The document with what recall says about it, under the key `am_agent` of its metadata.

    An episode that has a key of this name itself keeps it, and goes without ours: nothing of the caller's is hidden.

    Example:
        >>> document = recalled(Recollection(Episode("1", "Rex is a dog.", metadata={"topic": "pets"}), 0.9, 0.8))
        >>> document.metadata["topic"], document.metadata["am_agent"]["weight"]
        ('pets', 0.8)
    """
    episode = recollection.episode
    occurred_at = None if episode.occurred_at is None else episode.occurred_at.isoformat()
    ours = {
        "similarity": recollection.similarity,
        "weight": recollection.weight,
        "actor": episode.actor,
        "session": episode.session,
        "occurred_at": occurred_at,
        "namespace": list(episode.namespace),
    }
    return Document(id=episode.id, page_content=episode.text, metadata={OURS: ours, **episode.metadata})


def stored(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of a document's metadata is kept: all but what recall said, which is true of one cue only."""
    return {key: value for key, value in metadata.items() if key != OURS}
