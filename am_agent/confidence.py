"""How sure a recall is: familiarity, reliability, verdict, and the numbers they follow from. Knows no text and no SQL.

Familiarity is the probability that the memory holds what the cue asks for. It is a logistic in three numbers that mean
the same in every memory: how near the nearest episodes are, measured by how near these are to their own neighbours; how
much of what the cue says a few neighbouring episodes say, too; and how alike the episodes are that it calls to mind.
Reliability is the probability that an answer that is there is among the k recalled, a logistic in their share of the
softmax.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from am_agent.episode import Evidence, Verdict
from am_agent.hopfield.codes import Reals
from am_agent.hopfield.roster import Booleans

UNKNOWN = 0.5
"""The familiarity below which a verdict is `unknown`: as likely absent as present, where both are as frequent."""

AMBIGUOUS = 0.4
"""The probability that the heaviest episode is the answer, below which a verdict is `ambiguous`."""

_EDGE = 1e-3
"""Shares of a softmax are taken to be no nearer to 0 and to 1: beyond, they say how it was cooled."""

_RIDGE = 0.0003
"""What keeps the coefficients of a fit finite, per unit of mass: sets that are told apart perfectly would have none."""

_STEPS = 50

_CERTAIN = 5.0
"""Log-odds of what is as good as certain."""

_FEW = 2
"""Episodes of which one can be nearer than another."""

_NOTHING = "there is no episode that the cue may see"


@dataclass(frozen=True, slots=True)
class Prior:
    """Coefficients that were fitted on sets of cues with known answers, the intercept first in each.

    Attributes:
        whole: Of nearness, coherence and coverage.
        content: Of nearness and coherence, for a cue that has no words, or a vector only.
        words: Of coverage, for a cue that has no vector.
        hit: Of the logit of the mass, and of ln k.
    """

    whole: tuple[float, float, float, float]
    content: tuple[float, float, float]
    words: tuple[float, float]
    hit: tuple[float, float, float]


SHIPPED = Prior(
    whole=(-12.663, 12.275, 2.780, 6.320),
    content=(-12.063, 14.591, 4.861),
    words=(-4.908, 10.670),
    hit=(0.788, 0.774, 0.185),
)
"""Fitted on beam100k, clinc150, longmemeval, musique and scifact: python -m benchmarks.priors DIR."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the log-odds of the prior are corrected in one namespace: `slope * log-odds + shift`.

    Attributes:
        slope: Positive.
        shift: In nats.
        threshold: The corrected log-odds below which a verdict is `unknown`; those of UNKNOWN by default.
    """

    slope: float = 1.0
    shift: float = 0.0
    threshold: float = math.log(UNKNOWN / (1 - UNKNOWN))


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure a recall is.

    Attributes:
        familiarity: The probability that what was asked is there, in [0, 1].
        reliability: The probability that the answer is among those recalled, if it is there, in [0, 1].
        verdict: What follows from both.
        reason: Why, in words.
    """

    familiarity: float
    reliability: float
    verdict: Verdict
    reason: str


def log_odds(evidence: Evidence, prior: Prior) -> float:
    """The log-odds that the answer is there, by the prior alone.

    Of a cue that only says who, when or next to what, there is no more to say than whether something fits.
    """
    row = [each for each in features(evidence) if each is not None]
    if not row:
        return _CERTAIN if evidence.matched else -_CERTAIN
    if evidence.nearness is None:
        return _linear(prior.words, row)
    return _linear(prior.whole if evidence.coverage is not None else prior.content, row)


def features(evidence: Evidence) -> tuple[float | None, float | None, float | None]:
    """What the familiarity is a function of: nearness, coherence, coverage."""
    known = evidence.nearness is not None
    return evidence.nearness, evidence.coherence if known else None, evidence.coverage


def judged(evidence: Evidence, prior: Prior, calibration: Calibration) -> Confidence:
    """How sure a recall with such evidence is.

    Example:
        >>> known = judged(Evidence(1.1, 0.5, 0.9, mass=0.9, first=0.8, k=5, episodes=9), SHIPPED, Calibration())
        >>> unknown = judged(Evidence(0.5, 0.1, 0.2, mass=0.5, first=0.1, k=5, episodes=9), SHIPPED, Calibration())
        >>> known.verdict, unknown.verdict
        ('known', 'unknown')
    """
    if evidence.episodes < _FEW:
        told = "there is one episode only, and nothing to compare it with" if evidence.episodes else _NOTHING
        return Confidence(0.0, 0.0, "unknown", told)
    if evidence.silent:
        return Confidence(0.5, evidence.mass, "ambiguous", "the cue asks for nothing in particular")
    after = calibration.slope * log_odds(evidence, prior) + calibration.shift
    familiarity, first = sigmoid(after), hit(evidence.first, 1, prior)
    reliability = hit(evidence.mass, min(evidence.k, evidence.episodes), prior)
    if after < calibration.threshold:
        return Confidence(familiarity, reliability, "unknown", "nothing here seems to answer this")
    if familiarity < UNKNOWN:  # where a threshold was asked for that rejects less
        return Confidence(familiarity, reliability, "ambiguous", "what is asked may be here, but more likely it is not")
    if first < AMBIGUOUS:
        told = "what is asked seems to be here, but several episodes fit about as well"
        return Confidence(familiarity, reliability, "ambiguous", told)
    return Confidence(familiarity, reliability, "known", "what is asked is here, and the first fits best")


def hit(mass: float, k: int, prior: Prior) -> float:
    """The probability that an answer that is there is among k episodes with such a share of the softmax."""
    return sigmoid(_linear(prior.hit, (logit(mass), math.log(k))))


def logit(share: float) -> float:
    """The log-odds of a share.

    Example:
        >>> logit(0.5)
        0.0
    """
    share = min(max(share, _EDGE), 1 - _EDGE)
    return math.log(share / (1 - share))


def sigmoid(value: float) -> float:
    """The probability of log-odds.

    Example:
        >>> sigmoid(0.0), sigmoid(-1000.0)
        (0.5, 0.0)
    """
    # Beyond 700 an exponential is no float64 any more.
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def fitted(rows: Reals, labels: Booleans, mass: Reals) -> tuple[float, ...]:
    """The logistic regression of labels on rows, by Newton's method, with a small ridge on standardised columns.

    Args:
        rows: float64 [n, f].
        labels: bool [n], of both kinds.
        mass: What each row weighs, positive, float64 [n].

    Returns:
        The intercept and the coefficients, [1 + f].

    Example:
        >>> intercept, slope = fitted(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1], bool), np.ones(4))
        >>> slope > 0
        True
    """
    share = mass / mass.sum()
    centre = share @ rows
    spread = np.sqrt(share @ (rows - centre) ** 2)
    spread = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(rows)), (rows - centre) / spread])
    penalty = np.diag([0.0, *[_RIDGE] * rows.shape[1]])
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-np.clip(design @ found, -500, 500)))
        slope = design.T @ (share * (labels - likely)) - penalty @ found
        curvature = (design * (share * likely * (1 - likely))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature + 1e-12 * np.eye(len(found)), slope)
        length = float(np.abs(step).max())
        found += step * min(1.0, 2.0 / length) if length > 0 else step
        if length < 1e-9:
            break
    slopes = found[1:] / spread
    return (float(found[0] - slopes @ centre), *slopes.tolist())


def _linear(coefficients: Sequence[float], row: Sequence[float]) -> float:
    return coefficients[0] + sum(each * value for each, value in zip(coefficients[1:], row, strict=True))
