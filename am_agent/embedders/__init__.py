"""Text to vectors: the protocol, the packaged model by two runtimes, and a deterministic one. Knows no storage."""

import re

from am_agent.embedders.deterministic import DeterministicEmbedder
from am_agent.embedders.exported import Export, export
from am_agent.embedders.minilm import DEFAULT_MODEL, WEIGHTS, folder
from am_agent.embedders.onnx_runtime import OnnxEmbedder, missing_packages
from am_agent.embedders.protocol import Embedder
from am_agent.embedders.sentence_transformer import SentenceTransformerEmbedder

__all__ = [
    "DEFAULT_MODEL",
    "DeterministicEmbedder",
    "Embedder",
    "OnnxEmbedder",
    "SentenceTransformerEmbedder",
    "export_packaged",
    "named",
    "packaged",
]


def packaged() -> Embedder:
    """The packaged model by ONNX Runtime where the extra `onnx` is installed, and by sentence-transformers elsewhere.

    The vectors are the same. ONNX Runtime is ahead at every number of texts (`python -m benchmarks.embedding`), and it
    is there in a tenth of a second, so texts are never divided between the two.

    Example:
        >>> packaged().name
        'sentence-transformers/all-MiniLM-L6-v2'
    """
    return SentenceTransformerEmbedder() if missing_packages() else OnnxEmbedder()


def export_packaged(*, force: bool = False) -> Export:
    """Write the graph that ONNX Runtime reads of the packaged model into the user's cache, unless it is there.

    Args:
        force: Write it in any case.

    Raises:
        EmbedderUnavailable: The extra `onnx` is not installed, the model's package is missing or holds other weights,
            or the cache cannot be written.
    """
    return export(folder() / WEIGHTS, force=force)


def named(name: str) -> Embedder:
    """The embedder of a name, as a file or a command line gives it. Nothing is loaded yet.

    Args:
        name: A model of sentence-transformers, by name or folder, or the name of a deterministic embedder.

    Example:
        >>> named("am_agent/deterministic-64").dimension
        64
    """
    if toy := re.fullmatch(r"am_agent/deterministic-([1-9]\d{0,4})", name):
        return DeterministicEmbedder(int(toy[1]))
    other = SentenceTransformerEmbedder(name)
    return packaged() if other.name == DEFAULT_MODEL else other
