"""Made-up vectors and sentences, the same for every run. Knows nothing of who is measured on them.

The vectors stand for those of text: they share a common direction, lie in topics that are as frequent as Zipf's law has
it, and what is left is noise whose variance falls from one principal direction to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

DIMENSION = 384

_BLOCK = 8192
_COMMON, _TOPIC, _NOISE = 0.25, 0.55, (0.30, 0.66)
_DECAY = 0.75
"""The variance along the j-th principal direction is j to the power of minus this."""

_WORDS = 15
_VOCABULARY = 20_000


@dataclass(frozen=True, slots=True)
class Clusters:
    """Unit vectors without end: row i is the same whatever is drawn beside it.

    Attributes:
        seed: Another seed, other vectors.
        common: The direction that all share, in principal coordinates, float32 [d].
        topics: A direction for each topic, the most frequent first, likewise, float32 [topics, d].
        spread: The standard deviation along each principal direction, float32 [d].
        rotation: From principal coordinates to those of the vectors, orthogonal, float32 [d, d].
        frequencies: How many of all lie in this topic or one before it, float64 [topics].
    """

    seed: int
    common: Floats
    topics: Floats
    spread: Floats
    rotation: Floats
    frequencies: npt.NDArray[np.float64]

    @staticmethod
    def of(seed: int = 0, *, dimension: int = DIMENSION, topics: int = 20_000) -> Clusters:
        """Draw the topics.

        Example:
            >>> rows = Clusters.of(dimension=8, topics=5).rows(0, 3)
            >>> rows.shape, np.linalg.norm(rows, axis=1).round(6).tolist()
            ((3, 8), [1.0, 1.0, 1.0])
        """
        rng = np.random.default_rng([seed, 0])
        spread = np.arange(1, dimension + 1, dtype=np.float32) ** np.float32(-_DECAY / 2)
        rotation, _ = np.linalg.qr(rng.standard_normal((dimension, dimension)))
        shares = 1 / np.arange(1, topics + 1)
        return Clusters(
            seed,
            _unit(rng.standard_normal((1, dimension), dtype=np.float32))[0],
            _unit(rng.standard_normal((topics, dimension), dtype=np.float32) * spread),
            spread,
            rotation.astype(np.float32),
            np.cumsum(shares) / shares.sum(),
        )

    def rows(self, start: int, count: int) -> Floats:
        """Those from `start` on, float32 [count, d]."""
        return np.concatenate([*self.blocks(start, count), np.empty((0, len(self.spread)), np.float32)])

    def blocks(self, start: int, count: int) -> Iterator[Floats]:
        """The same, block by block, so that a million need not be in memory twice."""
        for number in range(start // _BLOCK, -(-(start + count) // _BLOCK)):
            first = number * _BLOCK
            block = self._drawn(np.random.default_rng([self.seed, 1, number]), _BLOCK)
            yield block[max(start - first, 0) : start + count - first]

    def cues(self, count: int) -> Floats:
        """Vectors of the same kind that are not among the rows, float32 [count, d]."""
        return self._drawn(np.random.default_rng([self.seed, 2]), count)

    def _drawn(self, rng: np.random.Generator, count: int) -> Floats:
        topics = np.searchsorted(self.frequencies, rng.random(count))
        noise = _unit(rng.standard_normal((count, len(self.spread)), dtype=np.float32) * self.spread)
        noise *= rng.uniform(*_NOISE, (count, 1)).astype(np.float32)
        noise += np.float32(_COMMON) * self.common
        noise += np.float32(_TOPIC) * self.topics[np.minimum(topics, len(self.topics) - 1)]
        return _unit(noise @ self.rotation)


def write_rows(blocks: Iterable[Floats], path: Path) -> int:
    """Write rows to a file, bare float32 one after the other, and count them."""
    written = 0
    with path.open("wb") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype=np.float32).tobytes())
            written += len(block)
    return written


def read_rows(path: Path, start: int, count: int, dimension: int = DIMENSION) -> Floats:
    """Read some of them; fewer, where the file ends."""
    numbers: Floats = np.fromfile(path, dtype=np.float32, count=count * dimension, offset=4 * start * dimension)
    return numbers.reshape(-1, dimension)


def sentence(number: int) -> str:
    """A sentence of 15 made-up words, 89 letters and spaces, the words as frequent as those of a language.

    Example:
        >>> sentence(1) == sentence(1), sentence(1) == sentence(2), len(sentence(1))
        (True, False, 89)
    """
    ranks = np.minimum(np.random.default_rng([3, number]).zipf(1.3, _WORDS), _VOCABULARY)
    return " ".join("".join(chr(97 + int(digit)) for digit in str(rank + 10_000)) for rank in ranks.tolist())


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
