"""How well a score tells what is there from what is not, and whether a probability is one. Knows numbers, no system."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score, roc_curve

Array = npt.NDArray[np.float64]

BINS = 15
"""Of equal width, over which the calibration error is taken."""

_TRUE_POSITIVES = 0.95


def auroc(positive: npt.ArrayLike, negative: npt.ArrayLike) -> float | None:
    """The probability that a positive one scores higher than a negative one, a tie counting half.

    Args:
        positive: Scores [n].
        negative: Scores [m].

    Returns:
        The area under the receiver operating characteristic; None where there are none of either kind.

    Example:
        >>> auroc([3.0, 2.0], [1.0, 2.0])
        0.875
        >>> auroc([3.0], [])
    """
    scores, kinds = _joined(positive, negative)
    return float(roc_auc_score(kinds, scores)) if len(set(kinds.tolist())) == 2 else None


def fpr95(positive: npt.ArrayLike, negative: npt.ArrayLike) -> float | None:
    """The lowest share of the negative ones that a threshold accepts which accepts 95 % of the positive ones.

    A threshold accepts every score that is not below it, so ties with it are accepted, whichever kind they are of.

    Args:
        positive: Scores [n].
        negative: Scores [m].

    Returns:
        The false positive rate at a true positive rate of 95 %; None where there are none of either kind.

    Example:
        >>> fpr95([0.9, 0.8, 0.7, 0.3], [0.5, 0.3, 0.2, 0.1])
        0.5
    """
    scores, kinds = _joined(positive, negative)
    if len(set(kinds.tolist())) < 2:
        return None
    false, true, _ = roc_curve(kinds, scores, drop_intermediate=False)
    return float(false[true >= _TRUE_POSITIVES].min())


def calibration_error(positive: npt.ArrayLike, negative: npt.ArrayLike) -> float | None:
    """How far probabilities are from the shares that they promise, in a world where half of all is positive.

    The expected calibration error of Naeini, Cooper and Hauskrecht (2015) over 15 bins of equal width, where the
    positive ones together weigh as much as the negative ones, however many there are of each.

    Args:
        positive: Probabilities [n] in [0, 1] of being positive, for those that are.
        negative: The same for those that are not [m].

    Returns:
        The mean over the mass of the bins' errors, in [0, 1]; None where there are none of either kind.

    Example:
        >>> calibration_error([1.0, 1.0], [0.0])
        0.0
        >>> round(calibration_error([0.9], [0.9]), 12)
        0.4
    """
    scores, kinds = _joined(positive, negative)
    if len(set(kinds.tolist())) < 2:
        return None
    mass = np.where(kinds == 1, 0.5 / max(kinds.sum(), 1), 0.5 / max((1 - kinds).sum(), 1))
    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    return float(np.abs(np.bincount(bins, mass * (kinds - scores), BINS)).sum())


def _joined(positive: npt.ArrayLike, negative: npt.ArrayLike) -> tuple[Array, Array]:
    """The scores of both, and 1 for each positive, 0 for each negative one."""
    ones, zeros = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    return np.concatenate([ones, zeros]), np.concatenate([np.ones(len(ones)), np.zeros(len(zeros))])
