"""Noise: as spread as what it is made of."""

import numpy as np
import pytest

from am_agent.hopfield.noise import noise


def test_noise_has_the_covariance_of_what_it_is_made_of() -> None:
    """To within what 2,000 samples show, before it is made of length one; and it is the same each time."""
    rng = np.random.default_rng(3)
    rows = (np.array([50.0, 0, 0, 0]) + rng.standard_normal((3000, 4)) * [3.0, 2.0, 1.0, 0.1]).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    made = noise(rows)
    assert made.shape == (2000, 4)
    assert np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-6)
    assert made.std(axis=0)[1:] == pytest.approx(rows.std(axis=0)[1:], rel=0.1)
    assert made.mean(axis=0) == pytest.approx(rows.mean(axis=0), abs=5e-3)
    assert (noise(rows) == made).all()
