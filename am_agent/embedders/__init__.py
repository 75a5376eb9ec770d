"""Text to vectors: the protocol, sentence-transformers, and a deterministic one. Knows nothing of storage."""

import re

from am_agent.embedders.deterministic import DeterministicEmbedder
from am_agent.embedders.protocol import Embedder
from am_agent.embedders.sentence_transformer import DEFAULT_MODEL, SentenceTransformerEmbedder

__all__ = ["DEFAULT_MODEL", "DeterministicEmbedder", "Embedder", "SentenceTransformerEmbedder", "named"]


def named(name: str) -> Embedder:
    """The embedder of a name, as a file or a command line gives it. Nothing is loaded yet.

    Args:
        name: A model of sentence-transformers, by name or folder, or the name of a deterministic embedder.

    Example:
        >>> named("am_agent/deterministic-64").dimension
        64
    """
    toy = re.fullmatch(r"am_agent/deterministic-([1-9]\d{0,4})", name)
    return DeterministicEmbedder(int(toy[1])) if toy else SentenceTransformerEmbedder(name)
