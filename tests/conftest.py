"""The embedders that many tests share, each made once."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from hypothesis import settings

from am_agent.embedders import DeterministicEmbedder, SentenceTransformerEmbedder

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# `make test-integrations` runs them, in an environment that has the frameworks.
collect_ignore = [] if find_spec("langgraph") else ["integrations"]


@pytest.fixture(scope="session")
def minilm() -> Iterator[SentenceTransformerEmbedder]:
    """The default model, loaded once."""
    import torch

    # On a busy machine of few cores, OpenMP's threads wait for each other: measured, 30 times as long for a short text.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    embedder = SentenceTransformerEmbedder()
    embedder.documents(["load the model now"])
    yield embedder
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def toy() -> DeterministicEmbedder:
    """The embedder of hashed words, which needs no model."""
    return DeterministicEmbedder()
