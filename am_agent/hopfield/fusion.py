"""The fields of an energy, fused: from scores on different scales to one logit. Arrays only; knows no text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.metric import Moments, scale

FIELDS = ("content", "words", "actor", "time", "links")
"""The fields of an episode, in the order in which weights are kept: what was said, in which words, by whom, when, and
next to what."""

DEFAULT_WEIGHTS: Mapping[str, float] = {"content": 1.0, "words": 0.7, "actor": 3.0, "time": 3.0, "links": 1.2}
"""What a standard deviation of each field is worth, and a match of those that are all or nothing."""

_COSINE = 0.5
"""The part of the plain cosine in the content, beside 1 for the metric readout."""

_GRADED = ("content", "words")
"""Fields whose scores have a scale; their weights are normed together."""

_PRIOR_SPREAD = 0.5  # of BM25 without its factor (K1 + 1), for a cue of a few words
_PRIOR_WEIGHT = 20  # pseudo-episodes


def default_weights() -> Reals:
    """The default weights in the order of FIELDS, float64 [5].

    Example:
        >>> default_weights().tolist()
        [1.0, 0.7, 3.0, 3.0, 1.2]
    """
    return np.array([DEFAULT_WEIGHTS[field] for field in FIELDS])


def norm(weights: Reals, present: Sequence[str]) -> float:
    """What the weights are divided by, so that beta alone scales: the norm of those of the graded fields in the cue.

    Args:
        weights: In the order of FIELDS, non-negative, float64 [5].
        present: The fields that the cue has.

    Returns:
        A positive number; 1 for a cue without a graded field.

    Example:
        >>> norm(np.array([3.0, 4.0, 1.0, 1.0, 1.0]), ["content", "words", "actor"])
        5.0
    """
    return math.hypot(*(weights[FIELDS.index(field)] for field in _GRADED if field in present)) or 1.0


def content_query(cue: Reals, metric: Reals, moments: Moments, *, identity: bool = False) -> Reals:
    """What content is scored with: y = A q with A = w_c/sigma_c I + w_m/sigma_m M, in standard deviations.

    `x'y` is then the cosine and the metric readout T0 = x'Mq, each divided by its own standard deviation over the set
    and added, from one scan.

    Args:
        cue: q, a unit vector, float64 [d].
        metric: M, float64 [d, d].
        moments: Of the set.
        identity: Leave the cosine out: T0 alone tells best which pattern a cue is a part of.

    Returns:
        float64 [d]; the scores with it have the standard deviation 1, shrunk as `scale` says.
    """
    projected = metric @ cue
    query = projected / scale(projected, moments)
    if not identity:
        query = query + _COSINE * cue / scale(cue, moments)
    standard: Reals = query / scale(query, moments)
    return standard


def deviation(count: int, total: float, square: float) -> float:
    """The standard deviation of BM25 over all episodes, zeros counted, shrunk towards its usual value.

    Args:
        count: How many episodes.
        total: The sum of their scores.
        square: The sum of the squares.

    Example:
        >>> deviation(0, 0.0, 0.0)
        0.5
    """
    variance = max(square / count - (total / count) ** 2, 0.0) if count else 0.0
    return math.sqrt((count * variance + _PRIOR_WEIGHT * _PRIOR_SPREAD**2) / (count + _PRIOR_WEIGHT))


def attention(familiarity: Reals, beta: float = 20.0) -> Reals:
    """How much each part of a long cue counts: softmax over the parts of what the set knows of each.

    A prompt before a question resembles nothing that is stored; the question does. The greatest cosine of each part is
    the zero-temperature energy of the plain content field, which may be compared between cues.

    Args:
        familiarity: The greatest cosine of each part with a pattern, float64 [parts].
        beta: Inverse temperature, per unit of cosine.

    Returns:
        float64 [parts], summing to 1.

    Example:
        >>> attention(np.array([0.2, 0.6])).round(4).tolist()
        [0.0003, 0.9997]
    """
    shares = np.exp(beta * (familiarity - familiarity.max()))
    normed: Reals = shares / shares.sum()
    return normed
