"""How well groups agree with labels. Knows no way to group."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from benchmarks.grouping import Groups, Labels, Vectors


def agreement(groups: Groups, labels: Labels, vectors: Vectors, asked: Vectors, wanted: Labels) -> dict[str, float]:
    """The measures of one way.

    Args:
        groups: What it found.
        labels: Of the vectors, int64 [n].
        vectors: float32 [n, d].
        asked: Vectors of texts that it has not seen, float32 [m, d].
        wanted: Their labels, int64 [m].

    Returns:
        ari and nmi; prototypes, the groups of two or more; singletons, the share of vectors in no group; false_merges,
        the share of pairs in a group of near-duplicates (or in a group, where there is no such tier) whose labels
        differ; prototype_accuracy, the share of unseen texts whose nearest prototype has most of its members of their
        label.
    """
    sizes = np.bincount(np.unique(groups.themes, return_inverse=True)[1])
    return {
        "ari": float(adjusted_rand_score(labels, groups.themes)),
        "nmi": float(normalized_mutual_info_score(labels, groups.themes)),
        "prototypes": float((sizes > 1).sum()),
        "singletons": float((sizes == 1).sum() / len(labels)),
        "false_merges": false_merges(groups.themes if groups.duplicates is None else groups.duplicates, labels),
        "prototype_accuracy": prototype_accuracy(groups.themes, labels, vectors, asked, wanted),
        **(groups.facts or {}),
    }


def false_merges(found: Labels, labels: Labels) -> float:
    """The share of pairs in one group whose labels differ; 0 where there is no pair.

    Example:
        >>> round(false_merges(np.array([0, 0, 0, 1]), np.array([5, 5, 6, 6])), 3)
        0.667
    """
    pairs = _pairs(found)
    both = np.unique(np.stack([found, labels]), axis=1, return_inverse=True)[1]
    return float(1 - _pairs(both) / pairs) if pairs else 0.0


def _pairs(found: Labels) -> int:
    sizes = np.unique(found, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def prototype_accuracy(found: Labels, labels: Labels, vectors: Vectors, asked: Vectors, wanted: Labels) -> float:
    """The share of unseen texts whose nearest prototype is mostly of their label; 0 where there is no prototype.

    Example:
        >>> rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
        >>> prototype_accuracy(np.array([0, 0, 1, 1]), np.array([5, 5, 6, 6]), rows, rows[1:3], np.array([5, 5]))
        0.5
    """
    means, names = [], []
    for each in np.unique(found):
        members = found == each
        if members.sum() > 1:
            means.append(vectors[members].mean(axis=0))
            names.append(int(np.bincount(labels[members]).argmax()))
    if not means or not len(asked):
        return 0.0
    centres = np.stack(means)
    nearest = (2 * asked @ centres.T - np.einsum("ij,ij->i", centres, centres)).argmax(axis=1)
    return float((np.array(names)[nearest] == wanted).mean())
