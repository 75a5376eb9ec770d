"""Patterns without groups that are as spread as given ones: what a measure of groups has to exceed. Arrays only."""

from __future__ import annotations

import numpy as np

from am_agent.hopfield.codes import Floats

_MOST = 2000
"""Patterns that are made at most; the more there are, the less do themes save."""


def noise(patterns: Floats) -> Floats:
    """Gaussian patterns of the same mean and covariance, the same each time, of length one.

    A weighted sum of what patterns are beside their mean, the weights standard normal and divided by sqrt(m), has their
    covariance.

    Args:
        patterns: float32 [n, d].

    Returns:
        float32 [min(n, 2000), d].

    Example:
        >>> flat = np.array([[0.6, 0.8, 0], [0.8, 0.6, 0], [1, 0, 0]], np.float32)
        >>> noise(flat).shape, float(noise(flat)[:, 2].max())
        ((3, 3), 0.0)
    """
    count = min(len(patterns), _MOST)
    some = patterns[np.linspace(0, len(patterns) - 1, count).astype(np.int64)].astype(np.float64)
    mean = some.mean(axis=0)
    weights = np.random.default_rng(0).standard_normal((count, count)) / np.sqrt(max(count, 1))
    made = mean + weights @ (some - mean)
    lengths = np.sqrt(np.einsum("ij,ij->i", made, made))
    found: Floats = np.divide(made, lengths[:, None], out=made, where=lengths[:, None] > 0).astype(np.float32)
    return found
