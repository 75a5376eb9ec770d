"""Scores that say how familiar a cue is, each from one scan of the documents. Knows vectors and words, no memory.

What is known to tell the known from the new without training: the nearest neighbour, the mean of a few, the energy of
the modern Hopfield network, the density around the cue against that around its neighbours (as the local outlier factor
of Breunig et al. 2000 has it), and the best match by words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from am_agent import Embedder
from am_agent.embedders.protocol import Vectors
from benchmarks.beir import Haystack
from benchmarks.systems import word_scores

Array = npt.NDArray[np.float64]

SCORES = ("max_cosine", "mean_top5", "max_bm25", "energy", "lof")
"""The names of what `novelty` returns, in its order; the higher, the more familiar the cue."""

_BETA = 40.0
_FEW = 5
_NEIGHBOURS = 10
_BLOCK = 256
# Neighbours that are near to nothing have a density around zero, and it is divided by.
_LEAST = 1e-3


def novelty(haystack: Haystack, texts: Sequence[str], embedder: Embedder) -> dict[str, Array]:
    """Score cues against the documents of a haystack.

    The cosine of two texts of several windows is the best of their windows'. `energy` is the negated content energy,
    `(1/beta) logsumexp(beta cosine)` at beta = 40. `lof` is the cue's mean cosine with its ten nearest documents over
    the mean of these documents' own such means. That is the local outlier factor with cosines for densities: measured,
    the ratio of distances tells less, as it makes an outlier of every cue beside documents that are nearly the same.

    Args:
        haystack: At least one document.
        texts: The cues.
        embedder: The memory's, so that its vectors are the same.

    Returns:
        By the names of SCORES, one score a cue, [cues] each.
    """
    space = _Space(embedder.documents([each.text for each in haystack.documents]))
    scored = [_scores(space, cosines) for cosines in space.scan(embedder.queries(texts))]
    nearest, few, energy, lof = np.concatenate([np.empty((4, 0)), *scored], axis=1)
    words = np.array([scores.max() for scores in word_scores(haystack, texts)], dtype=np.float64)
    return dict(zip(SCORES, (nearest, few, words, energy, lof), strict=True))


def _scores(space: _Space, cosines: Array) -> Array:
    """All scores but that of words, [4, cues], from the cosines [cues, documents]."""
    near = _nearest(cosines, _NEIGHBOURS)
    best = np.take_along_axis(cosines, near, axis=1)
    around = np.maximum(space.density[near].mean(axis=1), _LEAST)
    energy = logsumexp(_BETA * cosines, axis=1) / _BETA
    return np.array([best[:, 0], best[:, :_FEW].mean(axis=1), energy, best.mean(axis=1) / around])


class _Space:
    """The documents as points, each of one window or more.

    Attributes:
        density: Each document's mean cosine with its ten nearest others, [documents]; of a document alone, 1.
    """

    def __init__(self, documents: Sequence[Vectors]) -> None:
        self._documents = documents
        self._rows = np.concatenate(documents)
        self._starts = np.cumsum([0, *(len(each) for each in documents)])[:-1]
        self.density = np.concatenate(list(self._densities()))

    def scan(self, texts: Sequence[Vectors]) -> Iterator[Array]:
        """The cosines of texts with all documents, [texts, documents], block by block."""
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            starts = np.cumsum([0, *(len(each) for each in block)])[:-1]
            cosines = _best(np.concatenate(block) @ self._rows.T, self._starts, axis=1)
            yield _best(cosines, starts, axis=0).astype(np.float64)

    def _densities(self) -> Iterator[Array]:
        count = len(self._documents)
        if count == 1:
            yield np.ones(1)
            return
        start = 0
        for cosines in self.scan(self._documents):
            stop = start + len(cosines)
            cosines[np.arange(len(cosines)), np.arange(start, stop)] = -np.inf
            near = _nearest(cosines, min(_NEIGHBOURS, count - 1))
            yield np.take_along_axis(cosines, near, axis=1).mean(axis=1)
            start = stop


def _best(cosines: Vectors, starts: npt.NDArray[np.intp], axis: int) -> Vectors:
    """The best over the windows of each text, which begin at the starts."""
    return cosines if len(starts) == cosines.shape[axis] else np.maximum.reduceat(cosines, starts, axis=axis)


def _nearest(cosines: Array, count: int) -> npt.NDArray[np.intp]:
    """The places of the best in each row, the best first, [rows, count] or as many as there are."""
    count = min(count, cosines.shape[1])
    best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(cosines, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)
