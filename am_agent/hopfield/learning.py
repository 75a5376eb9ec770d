"""The weights of fields, learned from use, and when to trust them. Arrays only; knows not which fields there are.

A recall scores candidates by several fields and ranks them by z = beta F w: F the fields' standardised scores, w
their weights. What was used of it afterwards is a label, and w moves down the gradient of the loss

    l(w) = log sum_i exp z_i  -  mean of z over the used rows,

the cross-entropy of softmax(z) with the used rows. It is convex in w, and the length of w is an inverse temperature,
so that is learned as well. Three things keep wrong feedback from doing harm: every weight stays between half and twice
its default; recall ranks by the learned weights only as long as they predict better than the default what is used; and
the default may choose its temperature for that comparison, so that being less sure of everything wins nothing.

All of it is about the feedback, not about the truth: only what was shown can be used.

Measured by the tests' synthetic cues of six fields, 100 repeats of 200 feedbacks: with a hidden truth at a cosine of
0.92 to the default, recall@1 rises from 0.44 to 0.57 (the truth's own: 0.62), recall@10 from 0.92 to 0.98. Random
feedback, among the ten shown or among all candidates, at beta from 1 to 2.5, never leads the default at all; judged by
the default's own temperature alone, it would have won, and by octaves of it in 11 repeats of 30 at a beta of 1.5. What
the region costs: feedback more than twice as sharp as the default at beta drives all weights to their upper ends, where
they differ in length from the default and not in direction. At a beta of 1, the same truth is never taken up.

Papers, by the names used below: Zinkevich 2003, "Online Convex Programming and Generalized Infinitesimal Gradient
Ascent"; Streeter & McMahan 2010, "Less Regret via Online Conditioning"; Ville 1939, "Étude critique de la notion de
collectif".
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer[Any]]

SCALES = (0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 1.0, 5 / 4, 3 / 2, 7 / 4, 2.0)
"""What the default is multiplied by to rival the learned weights: 1 is itself, at 0 all are as likely. They lie close
where the learned weights may be: between the octaves 1/2, 1 and 2 alone, their temperature would be a lead."""

_LEAST, _MOST = 0.5, 2.0  # the trust region of each weight, in units of its default
_RATE = 2.0  # nats of gradient per unit of step, before it is divided by the root below
_PATIENCE = 1000.0  # nats^2 of gradient, that of many feedbacks: the first ones move the weights a little only
_EVIDENCE = math.log(1000)  # nats by which the learned weights must lead before recall ranks by them
_STEEPEST = 1e100  # the largest beta |default| |feature|: its square is still far from overflow
_SHORTEST = 1e-100  # |default|, for the same reason
_OPENING = struct.Struct("<4sH")  # magic and version, in every version
_HEADER = struct.Struct("<4sHBxIQ15d")  # magic, version, ahead, fields, rounds, then the sums
_MAGIC, _VERSION = b"AMFW", 2


class AnotherVersion(ValueError):
    """The bytes are a learner's, in the format of another version."""


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """Weights of fields, and how well they have predicted what was used; equal learners have equal bytes.

    The losses are cumulative, in nats, and each was computed before its feedback changed the weights.

    Attributes:
        default: The weights to begin with and to fall back on, >= 0, float64 [fields].
        weights: The learned ones, each between half and twice its default, float64 [fields].
        gradient_square: Sum of the squared gradients with respect to weights / default, in nats^2.
        rounds: How many feedbacks there were.
        scaled_losses: Of the default times each of SCALES, float64 [13].
        learned_loss: Of the learned weights.
        ahead: Whether recall should rank by the learned weights.
    """

    default: Weights
    weights: Weights
    gradient_square: float
    rounds: int
    scaled_losses: Weights
    learned_loss: float
    ahead: bool

    @property
    def default_loss(self) -> float:
        """Of the default, at whichever of SCALES has predicted best."""
        return float(self.scaled_losses.min())

    @property
    def active(self) -> Weights:
        """The weights that recall should rank by, float64 [fields]."""
        return self.weights if self.ahead else self.default

    def to_bytes(self) -> bytes:
        """The whole state, little-endian, the same on every machine: equal states have equal bytes.

        Example:
            >>> learner = fresh(np.array([1.0, 0.5]))
            >>> len(learner.to_bytes()), Learner.from_bytes(learner.to_bytes()).default.tolist()
            (172, [1.0, 0.5])
        """
        sums = self.gradient_square, self.learned_loss, *self.scaled_losses.tolist()
        head = _HEADER.pack(_MAGIC, _VERSION, self.ahead, len(self.default), self.rounds, *sums)
        return head + self.default.astype("<f8").tobytes() + self.weights.astype("<f8").tobytes()

    @staticmethod
    def from_bytes(data: bytes) -> Learner:
        """The learner that `to_bytes` wrote.

        Raises:
            AnotherVersion: they are that of another version, and what it has learned means nothing to this one.
            ValueError: the bytes are no learner, cut off, or hold impossible numbers.
        """
        if len(data) < _OPENING.size or data[:4] != _MAGIC:
            raise ValueError(f"{len(data)} bytes that do not begin a learner; start again with fresh(default)")
        _, version = _OPENING.unpack_from(data)
        if version != _VERSION:
            raise AnotherVersion(f"a learner of version {version}, this is {_VERSION}; start again with fresh(default)")
        if len(data) < _HEADER.size:
            raise ValueError(f"a learner cut off after {len(data)} bytes; start again with fresh(default)")
        _, _, ahead, fields, rounds, *sums = _HEADER.unpack_from(data)
        if len(data) != _HEADER.size + 16 * fields:
            raise ValueError(
                f"a learner of {fields} fields has {_HEADER.size + 16 * fields} bytes, got {len(data)}; "
                "start again with fresh(default)"
            )
        default, weights = np.frombuffer(data, "<f8", offset=_HEADER.size).astype(np.float64).reshape(2, fields)
        learner = fresh(default)
        within = (_LEAST * default <= weights).all() and (weights <= _MOST * default).all()
        if not within or not np.isfinite(sums).all() or sums[0] < 0 or ahead > 1:
            raise ValueError(
                f"a learner whose weights {weights.tolist()} or sums {sums} cannot be; start again with fresh(default)"
            )
        return replace(
            learner,
            weights=_frozen(weights),
            gradient_square=sums[0],
            rounds=rounds,
            scaled_losses=_frozen(np.array(sums[2:])),
            learned_loss=sums[1],
            ahead=bool(ahead),
        )


def fresh(default: Weights) -> Learner:
    """A learner that has seen nothing; resetting one is `fresh(learner.default)`.

    Args:
        default: One weight per field, >= 0 and not all 0, [fields].

    Raises:
        ValueError: the weights are not 1-D and finite, one is negative, or all are zero.

    Example:
        >>> fresh(np.array([1.0, 0.5])).active.tolist()
        [1.0, 0.5]
    """
    default = np.asarray(default, dtype=np.float64)
    if default.ndim != 1 or not np.isfinite(default).all() or (default < 0).any():
        raise ValueError(
            f"default weights must be one finite number >= 0 per field, got {default.tolist()}; "
            "turn the sign of a field's scores rather than of its weight"
        )
    if not _SHORTEST < _length(default) < 1 / _SHORTEST:
        raise ValueError(
            f"default weights must have a length between {_SHORTEST} and {1 / _SHORTEST}, got {_length(default)} for "
            f"{default.tolist()}; scale them to length 1 and let beta set the temperature"
        )
    default = _frozen(default)
    return Learner(
        default=default,
        weights=default,
        gradient_square=0.0,
        rounds=0,
        scaled_losses=_frozen(np.zeros(len(SCALES))),
        learned_loss=0.0,
        ahead=False,
    )


def reinforced(learner: Learner, features: npt.NDArray[np.floating[Any]], used: Rows, beta: float) -> Learner:
    """The learner after one feedback: its losses counted first, then one step of gradient descent.

    Online gradient descent (Zinkevich 2003) on u = weights / default, with the step 2 / sqrt(P + sum of |gradient|^2)
    (AdaGrad-norm, Streeter & McMahan 2010; P a constant), cut to the trust region 0.5 <= u <= 2. The diameter D of
    that is 1.5 sqrt(fields), so the cumulative loss exceeds that of any fixed weights of the region by at most
    (D^2 / 4 + 2) sqrt(P + sum |gradient|^2). A default of 0 stays 0.

    The learned weights take over when they lead by ln 1000 nats, and hand back when they have lost that lead. Their
    rival is the default at the best of several temperatures: feedback that is less sharp than the default expects,
    random feedback above all, is better predicted by any smaller weights, which says nothing about the ranking. What
    leads that rival has found a better direction. Let each row that is used follow the softmax of the default at one
    of these temperatures. Then exp(its loss - learned_loss) is a supermartingale that starts at 1 (a martingale for
    feedbacks of one row), the lead is never greater than its logarithm, and so the default is ever left with a
    probability of at most 1/1000 (Ville 1939). At the scale 0, that is feedback at random among all candidates.

    Args:
        learner: Unchanged.
        features: The standardised score of every field for every candidate of one recall, [n, fields].
        used: Positions of the rows that were used, [used]; a row named twice counts once.
        beta: Inverse temperature at which the default logits are beta * features @ default.

    Raises:
        ValueError: features do not fit or are not finite, used is empty or out of range, or beta is not positive.

    Example:
        >>> learner = fresh(np.array([1.0, 1.0]))
        >>> features = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
        >>> for _ in range(20):
        ...     learner = reinforced(learner, features, np.array([1]), beta=3.0)
        >>> learner.active.round(2).tolist()
        [0.62, 1.38]
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be positive and finite, got {beta}; pass that of the recall")
    logged = _checked(features, len(learner.default))
    rows = _rows(used, len(logged))
    steepest = beta * _length(learner.default) * float(np.abs(logged).max())
    if not steepest < _STEEPEST:
        raise ValueError(f"logits up to {steepest:.3g} overflow; divide every field's scores by their deviation")
    # From here on in units of each default, so that all is in nats whatever the scale of the weights and the scores.
    scaled = logged * (beta * learner.default)
    counts = learner.default > 0
    shares = np.divide(learner.weights, learner.default, out=np.ones(len(counts)), where=counts)
    loss, gradient = loss_and_gradient(scaled, rows, shares)
    square = learner.gradient_square + float(gradient @ gradient)
    stepped = np.clip(shares - _RATE / math.sqrt(_PATIENCE + square) * gradient, _LEAST, _MOST)
    logits = scaled.sum(axis=1)
    after = replace(
        learner,
        weights=_frozen(learner.default * stepped),
        gradient_square=square,
        rounds=learner.rounds + 1,
        scaled_losses=_frozen(learner.scaled_losses + [_loss(scale * logits, rows) for scale in SCALES]),
        learned_loss=learner.learned_loss + loss,
    )
    lead = after.default_loss - after.learned_loss
    return replace(after, ahead=lead > (0.0 if learner.ahead else _EVIDENCE))


def loss_and_gradient(features: Weights, used: Rows, weights: Weights) -> tuple[float, Weights]:
    """Log sum_i exp z_i minus the mean of the used z, z = features @ weights, and its gradient in the weights.

    Convex in the weights; the gradient is the mean of the rows under softmax(z) minus that of the used rows.

    Args:
        features: Finite, any beta included, float64 [n, fields].
        used: Distinct positions of rows, at least one.
        weights: float64 [fields].

    Returns:
        The loss in nats, and float64 [fields].

    Example:
        >>> loss, gradient = loss_and_gradient(np.eye(2), np.array([0]), np.zeros(2))
        >>> round(loss, 3), gradient.tolist()
        (0.693, [-0.5, 0.5])
    """
    logits = features @ weights
    masses = np.exp(logits - logits.max())
    gradient: Weights = (masses / masses.sum()) @ (features - features[used].mean(axis=0))  # 0 where all are alike
    return _loss(logits, used), gradient


def _loss(logits: Weights, used: Rows) -> float:
    top = logits.max()
    return math.log(np.exp(logits - top).sum()) - float((logits[used] - top).mean())


def _checked(features: npt.NDArray[np.floating[Any]], fields: int) -> Weights:
    """The features in float64, if they are what a recall logs."""
    checked: Weights = np.asarray(features, dtype=np.float64)
    if checked.ndim != 2 or checked.shape[1] != fields or not len(checked):
        raise ValueError(
            f"features must be [n, {fields}] with n >= 1, got {list(checked.shape)}; log a column per weight"
        )
    bad = ~np.isfinite(checked)
    if bad.any():
        row, field = np.argwhere(bad)[0].tolist()
        raise ValueError(
            f"{int(bad.sum())} of {bad.size} features are not finite, the first is {checked[row, field]} "
            f"in row {row}, field {field}; give a field without a score the value 0"
        )
    return checked


def _rows(used: Rows, count: int) -> Rows:
    """The distinct positions, ascending, if they are rows of the candidates."""
    used = np.asarray(used)
    if used.ndim != 1 or not len(used):
        raise ValueError(f"used must name at least one row, got shape {list(used.shape)}; nothing used is no feedback")
    if used.dtype.kind not in "iu":
        raise ValueError(f"used must be positions of rows, got {used.dtype}; pass np.flatnonzero(mask) for a mask")
    if used.min() < 0 or used.max() >= count:
        raise ValueError(
            f"used names rows {used.min()} to {used.max()} of {count} candidates; leave out what was not a candidate"
        )
    rows: Rows = np.unique(used)
    return rows


def _length(vector: Weights) -> float:
    return math.hypot(*vector)  # squares of extreme weights would overflow


def _frozen(array: Weights) -> Weights:
    """A copy that nobody can write to; without the sign of zeros."""
    copy = array + 0.0
    copy.flags.writeable = False
    return copy
