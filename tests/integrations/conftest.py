"""What every adapter's tests share: no network, no tracing."""

from collections.abc import Iterator

import pytest

from am_agent import DeterministicEmbedder, Memory


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangSmith traces to the network where these are set in a developer's shell."""
    for name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"):
        monkeypatch.setenv(name, "false")


@pytest.fixture
def memory(toy: DeterministicEmbedder) -> Iterator[Memory]:
    """An empty memory in RAM, with the toy for an encoder."""
    with Memory(embedder=toy) as memory:
        yield memory
