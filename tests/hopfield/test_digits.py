"""Retrieval of masked and noisy handwritten digits: the image protocol of Santos et al. 2025, offline.

"Hopfield-Fenchel-Young Networks" (arXiv:2411.08590) stores M images, corrupts each, and counts the cues whose
retrieved state has a cosine above .9 with the true image. Here the images are the 1,797 digits of 8 x 8
pixels that come with scikit-learn. The expected shares were measured independently of this library.
"""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from am_agent.hopfield.energy import softmax, sparsemax, update

SIZES, SEEDS = (10, 50, 200, 500, 1000), range(5)
DIGITS = load_digits().data / 8.0 - 1.0  # [1797, 64], pixels 0..16 scaled to [-1, 1]


def masked(patterns, generator, *, rows):
    """The images with their lowest rows at 0, the middle of the pixels' range."""
    cues = patterns.copy().reshape(-1, 8, 8)
    cues[:, 8 - rows :] = 0.0
    return cues.reshape(-1, 64)


def noisy(patterns, generator):
    """The images with Gaussian noise of standard deviation .5, clipped to the pixels' range."""
    noise = torch.randn(patterns.shape, generator=generator, dtype=torch.float64).numpy()
    return np.clip(patterns + 0.5 * noise, -1.0, 1.0)


CORRUPTIONS = {
    "mask 50%": lambda patterns, generator: masked(patterns, generator, rows=4),
    "mask 25%": lambda patterns, generator: masked(patterns, generator, rows=2),
    "noise": noisy,
}


@pytest.mark.parametrize(
    ("corruption", "activation", "beta", "steps", "expected"),
    [
        ("mask 50%", softmax, 1.0, 1, (1.000, 0.988, 0.953, 0.890, 0.842)),
        ("mask 50%", softmax, 1.0, 5, (0.960, 0.892, 0.669, 0.515, 0.438)),
        ("mask 50%", softmax, 0.1, 5, (0.040, 0.004, 0.000, 0.000, 0.001)),
        ("mask 50%", sparsemax, 1.0, 5, (0.980, 0.980, 0.907, 0.867, 0.817)),
        ("mask 50%", sparsemax, 0.1, 5, (0.780, 0.652, 0.584, 0.556, 0.532)),
        ("mask 25%", softmax, 1.0, 1, (1.000, 1.000, 1.000, 1.000, 1.000)),
        ("mask 25%", softmax, 1.0, 5, (1.000, 0.992, 0.905, 0.827, 0.733)),
        ("noise", softmax, 1.0, 1, (1.000, 1.000, 1.000, 0.998, 0.997)),
        ("noise", softmax, 1.0, 5, (1.000, 0.984, 0.900, 0.840, 0.745)),
    ],
)
def test_share_of_retrieved_digits(corruption, activation, beta, steps, expected):
    """The share of digits retrieved from corrupted cues is as expected within .03 for every store size.

    For each seed of 0..4 the stored patterns are the first M of torch.randperm by a generator of that seed,
    which then draws the noise. Patterns and cues are neither centred nor normalised. Every stored pattern is
    asked for once; the state after all the steps, not normalised in between, is compared with the uncorrupted
    pattern. The share is the mean over the seeds.
    """
    shares = []
    for size in SIZES:
        retrieved = []
        for seed in SEEDS:
            generator = torch.Generator().manual_seed(seed)
            patterns = DIGITS[torch.randperm(len(DIGITS), generator=generator).numpy()[:size]]
            states = CORRUPTIONS[corruption](patterns, generator)
            for _ in range(steps):
                states = update(states, patterns, beta, activation=activation)
            norms = np.linalg.norm(states, axis=1) * np.linalg.norm(patterns, axis=1)
            retrieved.append(((states * patterns).sum(axis=1) > 0.9 * norms).mean())
        shares.append(np.mean(retrieved))
    np.testing.assert_allclose(shares, expected, rtol=0.0, atol=0.03)
