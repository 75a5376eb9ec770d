"""The embedders that many tests share, each made once."""

import pytest

from am_agent.embedders import DeterministicEmbedder, SentenceTransformerEmbedder


@pytest.fixture(scope="session")
def minilm() -> SentenceTransformerEmbedder:
    """The default model, loaded once."""
    embedder = SentenceTransformerEmbedder()
    embedder.documents(["load the model now"])
    return embedder


@pytest.fixture(scope="session")
def toy() -> DeterministicEmbedder:
    """The embedder of hashed words, which needs no model."""
    return DeterministicEmbedder()
