"""Text to vectors: the protocol, sentence-transformers, and a deterministic one. Knows nothing of storage."""

from am_agent.embedders.deterministic import DeterministicEmbedder
from am_agent.embedders.protocol import Embedder
from am_agent.embedders.sentence_transformer import DEFAULT_MODEL, SentenceTransformerEmbedder

__all__ = ["DEFAULT_MODEL", "DeterministicEmbedder", "Embedder", "SentenceTransformerEmbedder"]
