"""Memory for LLM agents on a modern Hopfield network: the public names, each imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from am_agent import errors
    from am_agent.embedders import DeterministicEmbedder, Embedder, OnnxEmbedder, SentenceTransformerEmbedder
    from am_agent.episode import (
        Calibrated,
        Certificate,
        Completion,
        Consolidation,
        Cue,
        Episode,
        Erasure,
        ErasureReceipt,
        Evidence,
        Loaded,
        Prototype,
        Recall,
        Receipt,
        Recollection,
        Rejection,
        Stats,
        Unconsolidation,
        Weights,
    )
    from am_agent.memory import Memory

# `import am_agent` costs nothing; `Memory` brings numpy and SQLAlchemy, the first text brings the encoder.
_HOMES = {
    "Calibrated": "am_agent.episode",
    "Certificate": "am_agent.episode",
    "Completion": "am_agent.episode",
    "Consolidation": "am_agent.episode",
    "Cue": "am_agent.episode",
    "DeterministicEmbedder": "am_agent.embedders",
    "Embedder": "am_agent.embedders",
    "Episode": "am_agent.episode",
    "Erasure": "am_agent.episode",
    "ErasureReceipt": "am_agent.episode",
    "Evidence": "am_agent.episode",
    "Loaded": "am_agent.episode",
    "Memory": "am_agent.memory",
    "OnnxEmbedder": "am_agent.embedders",
    "Prototype": "am_agent.episode",
    "Recall": "am_agent.episode",
    "Receipt": "am_agent.episode",
    "Recollection": "am_agent.episode",
    "Rejection": "am_agent.episode",
    "SentenceTransformerEmbedder": "am_agent.embedders",
    "Stats": "am_agent.episode",
    "Unconsolidation": "am_agent.episode",
    "Weights": "am_agent.episode",
}

__all__ = [
    "Calibrated",
    "Certificate",
    "Completion",
    "Consolidation",
    "Cue",
    "DeterministicEmbedder",
    "Embedder",
    "Episode",
    "Erasure",
    "ErasureReceipt",
    "Evidence",
    "Loaded",
    "Memory",
    "OnnxEmbedder",
    "Prototype",
    "Recall",
    "Receipt",
    "Recollection",
    "Rejection",
    "SentenceTransformerEmbedder",
    "Stats",
    "Unconsolidation",
    "Weights",
    "errors",
]


def __getattr__(name: str) -> object:
    if name == "errors":
        return import_module("am_agent.errors")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'am_agent' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
