"""Contract suites that other people's code may use, each imported when it is first used. Knows where they are."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from am_agent.testing.embedders import EmbedderContract
    from am_agent.testing.langgraph_store import LangGraphStoreContract
    from am_agent.testing.recall_save import RecallSaveContract

# A suite needs what it tests: pytest in any case, and for an adapter its framework.
_HOMES = {
    "EmbedderContract": "am_agent.testing.embedders",
    "LangGraphStoreContract": "am_agent.testing.langgraph_store",
    "RecallSaveContract": "am_agent.testing.recall_save",
}

__all__ = ["EmbedderContract", "LangGraphStoreContract", "RecallSaveContract"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'am_agent.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
