"""Modern-Hopfield energies, readouts and updates: functions of arrays. Knows nothing of text, time or SQL.

Every function takes arrays of any library of the Python array API (numpy, torch on any device, ...) and gives
back arrays of the same library, device and dtype. Cues, states and scores always come as a batch, `[batch,
...]`. beta is the inverse temperature, a plain float in units of 1/score. A log-prior is one number per
pattern, `[n]`, or per pair, `[batch, n]`; an entry of -inf hides its pattern. A row that sees no pattern at
all has log-partition -inf, energy +inf and weights 0, and updates to the zero vector.

Papers, by the names used below: Ramsauer et al. 2021, "Hopfield Networks is All You Need"; Martins &
Astudillo 2016, "From Softmax to Sparsemax"; Peters et al. 2019, "Sparse Sequence-to-Sequence Models"; Hu et
al. 2023, "On Sparse Modern Hopfield Model"; Santos et al. 2024, "Sparse and Structured Hopfield Networks";
Hoover et al. 2025, "Dense Associative Memory with Epanechnikov Energy"; Lucibello & Mezard 2024,
"Exponential Capacity of Dense Associative Memories".
"""

import math
from collections.abc import Callable
from typing import Any

from array_api_compat import array_namespace, device

Array = Any  # the array API standard has no static type that numpy and torch both satisfy
Activation = Callable[[Array], Array]  # logits [batch, n] -> weights [batch, n]

_BISECTIONS = 60  # the bracket is at most 1 wide, so 53 halvings already reach float64's last bit


def similarities(cues: Array, patterns: Array) -> Array:
    """Inner products of every cue with every pattern; cosines if both are unit vectors.

    Args:
        cues: `[batch, d]`.
        patterns: `[n, d]`.

    Returns:
        Scores `[batch, n]`.

    Raises:
        ValueError: an argument is not 2-D, or the dimensions differ.

    Example:
        >>> import numpy as np
        >>> similarities(np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        array([[1., 2., 3.]])
    """
    _require_rows("cues", cues)
    _require_rows("patterns", patterns)
    if cues.shape[1] != patterns.shape[1]:
        raise ValueError(f"cues have dimension {cues.shape[1]}, patterns {patterns.shape[1]}; use one encoder")
    return cues @ patterns.T


def log_partition(scores: Array, beta: float, log_prior: Array | None = None) -> Array:
    """Log of sum_i exp(beta s_i + b_i), stable for any finite scores; its gradient is beta * weights.

    Args:
        scores: `[batch, n]`; n may be 0.
        beta: inverse temperature, positive and finite.
        log_prior: b, `[n]` or `[batch, n]`; None is all zeros.

    Returns:
        `[batch]`, in nats; -inf where no pattern is seen.

    Raises:
        ValueError: scores are not 2-D, beta is not positive and finite, or the log-prior does not fit.

    Example:
        >>> import numpy as np
        >>> log_partition(np.array([[1000.0, 1000.0]]), beta=1.0).round(3)
        array([1000.693])
    """
    logits = _logits(scores, beta, log_prior)
    xp = array_namespace(logits)
    if logits.shape[1] == 0:
        return xp.full((logits.shape[0],), -math.inf, dtype=logits.dtype, device=device(logits))
    top = _finite_top(logits)
    total = xp.sum(xp.exp(logits - top), axis=-1)
    seen = total > 0
    # log never meets a zero: numpy would warn, and autograd would turn the unused branch into nan
    value = xp.log(xp.where(seen, total, xp.ones_like(total))) + top[:, 0]
    return xp.where(seen, value, xp.full_like(value, -math.inf))


def retrieval_energy(scores: Array, beta: float, log_prior: Array | None = None) -> Array:
    """-(1/beta) log_partition: how badly the memory fits a cue; the lower, the surer.

    It lies within (1/beta) log n below minus the best score (log-prior 0).

    Args:
        scores: `[batch, n]`.
        beta: inverse temperature, positive and finite.
        log_prior: b, `[n]` or `[batch, n]`; None is all zeros.

    Returns:
        `[batch]`, in units of the scores; +inf where no pattern is seen.

    Raises:
        ValueError: as `log_partition`.

    Example:
        >>> import numpy as np
        >>> retrieval_energy(np.array([[0.5, 0.5]]), beta=2.0).round(4)  # -0.5 - ln(2)/2
        array([-0.8466])
    """
    return -log_partition(scores, beta, log_prior) / beta


def weights(
    scores: Array, beta: float, log_prior: Array | None = None, *, activation: Activation | None = None
) -> Array:
    """Share of each pattern in the retrieval, activation(beta s + b); softmax unless told otherwise.

    Args:
        scores: `[batch, n]`.
        beta: inverse temperature, positive and finite.
        log_prior: b, `[n]` or `[batch, n]`; None is all zeros.
        activation: `softmax` (None), `sparsemax`, `entmax15` or `functools.partial(entmax, alpha=...)`.

    Returns:
        `[batch, n]`, non-negative, rows summing to 1 (to 0 where no pattern is seen).

    Raises:
        ValueError: as `log_partition`.

    Example:
        >>> import numpy as np
        >>> weights(np.array([[0.0, 1.0]]), beta=1.0, log_prior=np.array([1.0, 0.0]))
        array([[0.5, 0.5]])
    """
    return (activation or softmax)(_logits(scores, beta, log_prior))


def clipped_log_prior(log_prior: Array, limit: float) -> Array:
    """A log-prior within [-limit, limit]: it can overturn a gap of the score only below 2 limit / beta.

    Entries of -inf become -limit as well: hide patterns after clipping, not before.

    Args:
        log_prior: any shape, in nats.
        limit: R >= 0, finite.

    Returns:
        Same shape.

    Raises:
        ValueError: limit is negative or not finite.

    Example:
        >>> import numpy as np
        >>> clipped_log_prior(np.array([-9.0, 0.5, 9.0]), limit=2.0)
        array([-2. ,  0.5,  2. ])
    """
    if not 0 <= limit < math.inf:
        raise ValueError(f"limit must be >= 0 and finite, got {limit}; 0 switches the log-prior off")
    return array_namespace(log_prior).clip(log_prior, -limit, limit)


def state_energy(
    states: Array, patterns: Array, beta: float, log_prior: Array | None = None, metric: Array | None = None
) -> Array:
    """E(xi) = -(1/beta) log sum_i exp(beta x_i' M xi + b_i) + xi' M xi / 2.

    For M = I it is eq. 2 of Ramsauer et al. 2021. Their constants log(n)/beta + max|x|^2 / 2 are left
    out; with them, M = I and b = 0, 0 <= E <= 2 max|x|^2 for states within the patterns' hull. Fixed scores
    g_i of other fields enter as beta * g_i in the log-prior.

    Args:
        states: xi, `[batch, d]`.
        patterns: x, `[n, d]`.
        beta: inverse temperature, positive and finite.
        log_prior: b, `[n]` or `[batch, n]`; None is all zeros.
        metric: M, symmetric positive semi-definite, `[d, d]`; None is the identity.

    Returns:
        `[batch]`, in units of a squared norm.

    Raises:
        ValueError: shapes do not fit, or beta is not positive and finite.

    Example:
        >>> import numpy as np
        >>> state_energy(np.array([[1.0, 0.0]]), np.eye(2), beta=1.0).round(4)  # 1/2 - ln(e + 1)
        array([-0.8133])
    """
    projected = _project(states, metric)
    scores = similarities(projected, patterns)
    quadratic = array_namespace(states).sum(states * projected, axis=-1)
    return retrieval_energy(scores, beta, log_prior) + 0.5 * quadratic


def update(
    states: Array,
    patterns: Array,
    beta: float,
    log_prior: Array | None = None,
    metric: Array | None = None,
    *,
    activation: Activation | None = None,
) -> Array:
    """One retrieval step xi <- X' softmax(beta X M xi + b); it never raises `state_energy`.

    For M = I it is eq. 3 of Ramsauer et al. 2021. It minimises the quadratic that is left of E when the
    concave -log_partition is replaced by its tangent, hence the descent for every M >= 0 and b. With
    `sparsemax` it is Hu et al. 2023, with `entmax` Santos et al. 2024.

    Args:
        states: xi, `[batch, d]`.
        patterns: x, `[n, d]`.
        beta: inverse temperature, positive and finite.
        log_prior: b, `[n]` or `[batch, n]`; None is all zeros.
        metric: M, symmetric positive semi-definite, `[d, d]`; None is the identity.
        activation: as in `weights`.

    Returns:
        The next states, `[batch, d]`.

    Raises:
        ValueError: shapes do not fit, or beta is not positive and finite.

    Example:
        >>> import numpy as np
        >>> patterns = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> update(np.array([[0.9, 0.1]]), patterns, beta=5.0).round(3)
        array([[0.982, 0.018]])
        >>> update(np.array([[0.9, 0.1]]), patterns, beta=5.0, activation=sparsemax)
        array([[1., 0.]])
    """
    scores = similarities(_project(states, metric), patterns)
    return weights(scores, beta, log_prior, activation=activation) @ patterns


def flat_step(states: Array, patterns: Array, beta: float) -> Array:
    """Mean of the patterns nearer than sqrt(2/beta): the mean-shift step of the log-sum-ReLU energy.

    Hoover et al. 2025, Proposition 2: the step of the Epanechnikov kernel weighs all patterns of the ball
    equally. The ball is open, since a pattern on its boundary has kernel value 0. A state with an empty ball
    has no energy to descend and stays where it is.

    Args:
        states: `[batch, d]`.
        patterns: `[n, d]`.
        beta: 2 / radius^2, positive and finite.

    Returns:
        The next states, `[batch, d]`.

    Raises:
        ValueError: shapes do not fit, or beta is not positive and finite.

    Example:
        >>> import numpy as np
        >>> patterns = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> flat_step(np.array([[0.4, 0.1], [5.0, 0.0]]), patterns, beta=2.0)
        array([[0.5, 0. ],
               [5. , 0. ]])
    """
    _require_beta(beta)
    products = similarities(states, patterns)
    xp = array_namespace(products)
    squares = xp.sum(states * states, axis=-1)[:, None] + xp.sum(patterns * patterns, axis=-1)[None, :]
    inside = xp.astype(squares - 2.0 * products < 2.0 / beta, products.dtype)  # [batch, n]
    count = xp.sum(inside, axis=-1, keepdims=True)
    return xp.where(count > 0, (inside @ patterns) / xp.clip(count, 1.0, None), states)


def critical_beta(count: int, spread: float) -> float:
    """The beta at which a store's softmax condenses onto few patterns: sqrt(2 ln(count + 1)) / spread.

    The condensation of the random energy model (Lucibello & Mezard 2024): below it the effective number of
    patterns grows with the store. A starting point for beta, good to a factor, not a fit. The +1 keeps a
    store of one pattern above zero.

    Args:
        count: number of patterns, >= 1.
        spread: standard deviation of the scores of a cue over the patterns, > 0.

    Returns:
        beta, in units of 1/score.

    Raises:
        ValueError: count < 1, or spread is not positive and finite.

    Example:
        >>> round(critical_beta(689, 0.12), 2)
        30.13
    """
    if not count >= 1:
        raise ValueError(f"count must be at least 1, got {count}; an empty store has no critical beta")
    if not 0 < spread < math.inf:
        raise ValueError(f"spread must be positive and finite, got {spread}; use a default beta for a flat store")
    return math.sqrt(2.0 * math.log(count + 1)) / spread


def softmax(logits: Array) -> Array:
    """exp(z_i) / sum_j exp(z_j): every seen pattern keeps some weight.

    Args:
        logits: `[batch, n]`.

    Returns:
        Weights `[batch, n]`.

    Raises:
        ValueError: logits are not 2-D.

    Example:
        >>> import numpy as np
        >>> softmax(np.array([[1.0, 0.5, -1.0]])).round(3)
        array([[0.574, 0.348, 0.078]])
    """
    return _normalised(array_namespace(logits).exp(_gaps(logits)))


def sparsemax(logits: Array) -> Array:
    """Euclidean projection of the logits onto the simplex, exact by sorting.

    Algorithm 1 of Martins & Astudillo 2016. A pattern trailing the best by 1 or more gets weight 0
    (margin of Santos et al. 2024).

    Args:
        logits: `[batch, n]`.

    Returns:
        Weights `[batch, n]`: [z_i - tau]_+.

    Raises:
        ValueError: logits are not 2-D.

    Example:
        >>> import numpy as np
        >>> sparsemax(np.array([[1.0, 0.5, -1.0]]))
        array([[0.75, 0.25, 0.  ]])
    """
    z, ordered, sizes = _sorted_gaps(logits, 1.0)
    xp = array_namespace(z)
    inside = xp.astype(1.0 + sizes * ordered > xp.cumulative_sum(ordered, axis=-1), ordered.dtype)
    tau = (xp.sum(inside * ordered, axis=-1, keepdims=True) - 1.0) / _count(inside)
    return _hide_unseen(xp.clip(z - xp.astype(tau, z.dtype), 0.0, None), logits)


def entmax15(logits: Array) -> Array:
    """1.5-entmax, half-way between softmax and sparsemax, exact by sorting.

    Algorithm 2 of Peters et al. 2019. A pattern trailing the best by 2 or more gets weight 0 (margin of
    Santos et al. 2024).

    Args:
        logits: `[batch, n]`.

    Returns:
        Weights `[batch, n]`: [z_i / 2 - tau]_+ ^ 2.

    Raises:
        ValueError: logits are not 2-D.

    Example:
        >>> import numpy as np
        >>> entmax15(np.array([[1.0, 0.5, -1.0]])).round(3)
        array([[0.674, 0.326, 0.   ]])
    """
    z, ordered, sizes = _sorted_gaps(logits, 0.5)
    xp = array_namespace(z)
    mean = xp.cumulative_sum(ordered, axis=-1) / sizes
    deviation = xp.cumulative_sum(ordered * ordered, axis=-1) - sizes * mean * mean
    taus = mean - xp.sqrt(xp.clip((1.0 - deviation) / sizes, 0.0, None))
    # entries clipped to -1 carry no weight, and rounding must not let thousands of them into the support
    inside = xp.astype((taus <= ordered) & (ordered > -1.0), ordered.dtype)
    size = _count(inside)
    mean = xp.sum(inside * ordered, axis=-1, keepdims=True) / size
    deviation = xp.sum(inside * (ordered - mean) ** 2, axis=-1, keepdims=True)
    tau = mean - xp.sqrt(xp.clip((1.0 - deviation) / size, 0.0, None))
    return _hide_unseen(xp.clip(z - xp.astype(tau, z.dtype), 0.0, None) ** 2, logits)


def entmax(logits: Array, alpha: float) -> Array:
    """The alpha-entmax for any alpha > 1, by bisection; alpha 2 is `sparsemax`, 1.5 `entmax15`.

    Algorithm 1 of Peters et al. 2019. A pattern trailing the best by 1 / (alpha - 1) or more gets weight
    0 (margin of Santos et al. 2024). The threshold is found by comparisons, so autograd does not see through
    it: differentiate the two exact variants instead.

    Args:
        logits: `[batch, n]`.
        alpha: > 1, finite; the larger, the sparser.

    Returns:
        Weights `[batch, n]`: [(alpha - 1) z_i - tau]_+ ^ (1 / (alpha - 1)).

    Raises:
        ValueError: logits are not 2-D, or alpha <= 1.

    Example:
        >>> import numpy as np
        >>> entmax(np.array([[1.0, 0.5, -1.0]]), alpha=2.0).round(3)
        array([[0.75, 0.25, 0.  ]])
    """
    if not 1 < alpha < math.inf:
        raise ValueError(f"alpha must be above 1 and finite, got {alpha}; alpha = 1 is softmax")
    xp = array_namespace(logits)
    z = xp.clip((alpha - 1.0) * _gaps(logits), -1.0, None)
    power = 1.0 / (alpha - 1.0)
    low = -xp.ones_like(z[:, :1])  # the best pattern alone already weighs 1
    # n equal patterns are the most that a threshold has to make room for
    high = low * float(max(z.shape[1], 1)) ** (1.0 - alpha)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        enough = xp.sum(xp.clip(z - middle, 0.0, None) ** power, axis=-1, keepdims=True) >= 1.0
        low, high = xp.where(enough, middle, low), xp.where(enough, high, middle)
    return _normalised(xp.clip(z - low, 0.0, None) ** power)


def _require_beta(beta: float) -> None:
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be positive and finite, got {beta}; try critical_beta(count, spread)")


def _require_rows(name: str, array: Array) -> None:
    if array.ndim != 2:
        raise ValueError(
            f"{name} must be 2-D, [batch, ...], got shape {tuple(array.shape)}; pass a single one as {name}[None, :]"
        )


def _logits(scores: Array, beta: float, log_prior: Array | None) -> Array:
    """Beta s + b, in the dtype of the scores."""
    _require_beta(beta)
    _require_rows("scores", scores)
    if log_prior is None:
        return beta * scores
    batch, n = scores.shape
    if tuple(log_prior.shape) not in {(n,), (batch, n)}:
        raise ValueError(f"log_prior must be [{n}] or [{batch}, {n}] like the scores, got {list(log_prior.shape)}")
    xp = array_namespace(scores, log_prior)
    return beta * scores + xp.astype(log_prior, scores.dtype, copy=False)


def _project(states: Array, metric: Array | None) -> Array:
    """M xi, in the dtype of the states (a metric is usually kept in float64)."""
    _require_rows("states", states)
    if metric is None:
        return states
    d = states.shape[1]
    if tuple(metric.shape) != (d, d):
        raise ValueError(f"metric must be [{d}, {d}] for states of dimension {d}, got {list(metric.shape)}")
    return states @ array_namespace(states, metric).astype(metric, states.dtype, copy=False)


def _finite_top(logits: Array) -> Array:
    """Largest logit of each row, `[batch, 1]`; 0 where all are -inf, since -inf - -inf would be nan."""
    xp = array_namespace(logits)
    top = xp.max(logits, axis=-1, keepdims=True)
    return xp.where(top > -math.inf, top, xp.zeros_like(top))


def _gaps(logits: Array) -> Array:
    """Logits minus the best of their row, all <= 0."""
    _require_rows("logits", logits)
    return logits - _finite_top(logits) if logits.shape[1] else logits


def _normalised(masses: Array) -> Array:
    """Rows divided by their sums; a row of zeros stays one."""
    xp = array_namespace(masses)
    total = xp.sum(masses, axis=-1, keepdims=True)
    return masses / xp.where(total > 0, total, xp.ones_like(total))


def _sorted_gaps(logits: Array, scale: float) -> tuple[Array, Array, Array]:
    """Scaled gaps, the same sorted downwards, and 1..n: what both exact thresholds are computed from.

    Clipping at -1 changes no weight, for the threshold is never lower, and takes the -inf out of the sums.
    These run in float64: in float32 the support is lost when 10^4 patterns crowd just below the best one.
    """
    xp = array_namespace(logits)
    z = xp.clip(scale * _gaps(logits), -1.0, None)
    ordered = xp.astype(xp.sort(z, axis=-1, descending=True), xp.float64, copy=False)
    return z, ordered, xp.arange(1, z.shape[1] + 1, dtype=xp.float64, device=device(z))


def _count(inside: Array) -> Array:
    """Size of the support, `[batch, 1]`, at least 1."""
    xp = array_namespace(inside)
    return xp.clip(xp.sum(inside, axis=-1, keepdims=True), 1.0, None)


def _hide_unseen(masses: Array, logits: Array) -> Array:
    xp = array_namespace(masses)
    return xp.where(logits > -math.inf, masses, xp.zeros_like(masses))
