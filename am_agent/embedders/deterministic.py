"""An embedder of hashed words for tests and toys: no model, no randomness. Knows word overlap, no meaning."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from am_agent.embedders.protocol import Vectors
from am_agent.embedders.windows import windows

_WORD = re.compile(r"\w+")


class DeterministicEmbedder:
    """Sums a fixed random sign vector per word, so that texts resemble each other by the words they share.

    Args:
        dimension: Length of the vectors.
        width: The most words in a window.

    Example:
        >>> embedder = DeterministicEmbedder(dimension=256)
        >>> dog, hound = embedder.documents(["the dog", "the hound"])
        >>> round(float((dog @ hound.T).item()), 1)
        0.5
    """

    def __init__(self, dimension: int = 64, width: int = 64) -> None:
        self._dimension = dimension
        self._width = width

    @property
    def name(self) -> str:
        """Its name with its dimension, since each is a space of its own."""
        return f"am_agent/deterministic-{self._dimension}"

    @property
    def dimension(self) -> int:
        """The length of each vector."""
        return self._dimension

    @property
    def fingerprint(self) -> str:
        """Changes with the arguments, and with this algorithm."""
        return f"blake2b-signs-1:{self._dimension}:{self._width}"

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed texts, one row per window of words."""
        return [self._embed(text) for text in texts]

    def queries(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed cues; the same as documents."""
        return self.documents(texts)

    def _embed(self, text: str) -> Vectors:
        offsets = [match.span() for match in _WORD.finditer(text)]
        rows = np.stack([self._window(window) for window in windows(text, offsets, self._width)])
        unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _window(self, text: str) -> npt.NDArray[np.float64]:
        words = _WORD.findall(text.lower()) or [text]
        total: npt.NDArray[np.float64] = np.sum([_signs(word, self._dimension) for word in words], axis=0)
        # Two words can cancel in a few dimensions only by an accident of their signs; the text as a whole cannot.
        return total if total.any() else _signs(text, self._dimension)


@lru_cache(maxsize=65_536)
def _signs(word: str, dimension: int) -> npt.NDArray[np.float64]:
    """A vector of +1 and -1 that is a function of the word alone, on every machine and for ever."""
    digests = b"".join(
        hashlib.blake2b(word.encode(), salt=block.to_bytes(8, "little")).digest()
        for block in range(dimension // 512 + 1)
    )
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8))[:dimension]
    return bits.astype(np.float64) * 2 - 1
