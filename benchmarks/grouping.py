"""Ways to group vectors: consolidation, and the clusterings that it is compared with. Knows no set and no measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score

from am_agent.consolidation import DUPLICATE, THEME, Grouping, consolidated

Vectors = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

_CUTS = np.linspace(0.2, 1.0, 81)
"""Distances, 1 less the cosine, at which a tree is cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """What a way found.

    Attributes:
        themes: The group of each vector, int64 [n].
        duplicates: The same for the tier of near-duplicates, where there is one.
        facts: What else it says of itself.
    """

    themes: Labels
    duplicates: Labels | None = None
    facts: Mapping[str, float] | None = None


def am_agent(vectors: Vectors, labels: Labels) -> Groups:  # noqa: ARG001 - it is told nothing
    """Consolidation, which is told neither a number nor a similarity."""
    places = np.arange(len(vectors))
    found = consolidated(places, places, vectors, np.ones(len(vectors)))
    facts = {"saving": found.saving, "duplicates": float(sum(each.tier == DUPLICATE for each in found.groups))}
    return Groups(_tier(found, THEME, len(vectors)), _tier(found, DUPLICATE, len(vectors)), facts)


def _tier(found: Grouping, tier: str, count: int) -> Labels:
    labels = np.arange(count)
    for each in found.groups:
        if each.tier == tier:
            labels[each.members] = each.members[0]
    return labels


def average_link(vectors: Vectors, labels: Labels) -> Groups:
    """Average link by cosine, cut where the labels say that it is best."""
    tree = linkage(vectors, method="average", metric="cosine")
    cut = [np.asarray(fcluster(tree, each, criterion="distance"), np.int64) for each in _CUTS]
    return Groups(max(cut, key=lambda found: float(adjusted_rand_score(labels, found))))


def kmeans_true_k(vectors: Vectors, labels: Labels) -> Groups:
    """K-means, told the number of labels; the best of four starts."""
    found = KMeans(len(np.unique(labels)), n_init=4, random_state=0).fit_predict(vectors)
    return Groups(np.asarray(found, np.int64))


def hdbscan(vectors: Vectors, labels: Labels) -> Groups:  # noqa: ARG001 - it is told nothing
    """HDBSCAN as it comes; each vector that it calls noise is a group of its own."""
    found = np.asarray(HDBSCAN(copy=True).fit_predict(vectors), np.int64)
    return Groups(np.where(found < 0, found.max(initial=0) + 1 + np.arange(len(found)), found))


WAYS: Mapping[str, Callable[[Vectors, Labels], Groups]] = {
    "am_agent": am_agent,
    "average_link": average_link,
    "kmeans_true_k": kmeans_true_k,
    "hdbscan": hdbscan,
}
"""By the names that they have in the results."""
