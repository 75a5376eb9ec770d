"""Theorems and constants of the modern-Hopfield papers, checked on as many cases as stated in each test.

Notation: N patterns x_i of norm at most M in d dimensions, f = one `update`, the separation of a pattern
Delta_i = x_i.x_i - max_{j != i} x_i.x_j, and x_i* the fixed point that iterating from x_i leads to.
"""

import math
from functools import partial
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import lambertw

from am_agent.hopfield.energy import (
    entmax,
    entmax15,
    flat_step,
    similarities,
    sparsemax,
    state_energy,
    update,
)

FENCHEL_YOUNG = {2.0: sparsemax, 1.5: entmax15, 1.25: partial(entmax, alpha=1.25)}
alphas = pytest.mark.parametrize("alpha", FENCHEL_YOUNG)


def on_sphere(rng, *shape, radius=1.0):
    """Vectors drawn uniformly from the sphere of a radius."""
    vectors = rng.standard_normal(shape)
    return radius * vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def separations(patterns):
    """Delta_i of every pattern."""
    products = similarities(patterns, patterns)
    own = np.diagonal(products).copy()
    np.fill_diagonal(products, -np.inf)
    return own - products.max(axis=1)


@pytest.mark.parametrize(
    ("beta", "k", "d", "p", "exponent", "c"),
    [(1.0, 3.0, 20, 0.001, 1.2733, 3.1546), (1.0, 1.0, 75, 0.001, -0.9409, 1.3719)],
)
def test_ramsauer_theorem_3_exponential_capacity(beta, k, d, p, exponent, c):
    """Ramsauer et al. 2021, Theorem 3: sqrt(p) c^((d-1)/4) random patterns are stored, with chance 1 - p.

    The patterns lie on the sphere of radius M = K sqrt(d-1); a = 2/(d-1) (1 + ln(2 beta K^2 p (d-1))),
    b = 2 K^2 beta / 5, c = b / W0(exp(a + ln b)), and c >= (2/sqrt(p))^(4/(d-1)) is required. Both constants
    are the paper's, which cuts the second one to 1.3718. In each of 100 stores every pattern is found from
    a cue on the boundary of its ball of radius 1/(beta N M): the iteration settles inside that ball.
    """
    a = 2.0 / (d - 1) * (1.0 + math.log(2.0 * beta * k**2 * p * (d - 1)))
    b = 2.0 * k**2 * beta / 5.0
    found = b / lambertw(math.exp(a + math.log(b))).real
    assert a + math.log(b) == pytest.approx(exponent, abs=5e-5)
    assert found == pytest.approx(c, abs=5e-5)
    assert found >= (2.0 / math.sqrt(p)) ** (4.0 / (d - 1))

    count = math.floor(math.sqrt(p) * found ** ((d - 1) / 4))
    assert count == {20: 7, 75: 10}[d]
    radius = k * math.sqrt(d - 1)
    ball = 1.0 / (beta * count * radius)
    rng = np.random.default_rng(d)
    for _ in range(100):
        patterns = on_sphere(rng, count, d, radius=radius)
        states = patterns + on_sphere(rng, count, d, radius=ball)
        for _ in range(5):
            states = update(states, patterns, beta)
        assert (np.linalg.norm(states - patterns, axis=1) <= ball).all()
        assert_allclose(update(states, patterns, beta), states, atol=1e-9)


CASES_720 = list(product((100, 200, 1000), (32, 64, 384), (20.0, 40.0, 60.0, 80.0)))  # 36 stores of 20 cases


def cases(store):
    """Twenty patterns of a store of unit vectors, each with a cue at distance 0, .05 or .1."""
    n, d, beta = CASES_720[store]
    rng = np.random.default_rng(store)
    patterns = on_sphere(rng, n, d)
    noise = np.resize([0.0, 0.05, 0.1], 20)[:, None]
    return patterns, patterns[:20] + noise * on_sphere(rng, 20, d), beta


def test_ramsauer_theorems_4_and_5_one_step_error():
    """Ramsauer et al. 2021, Theorems 4 and 5: the error of one step is exponentially small in Delta_i.

    With e = exp(-beta (Delta_i - 2 max(|xi - x_i|, |x_i* - x_i|) M)): |f(xi) - x_i| <= 2 (N-1) M e, and
    |f(xi) - x_i*| <= 2 beta N M^2 (N-1) e |xi - x_i*|. All 720 cases hold, and most bounds are telling.
    """
    checked, telling, ratios = 0, 0, []
    for store in range(len(CASES_720)):
        patterns, cues, beta = cases(store)
        n, targets = len(patterns), patterns[:20]
        fixed = targets
        for _ in range(200):
            fixed = update(fixed, patterns, beta)
        start = np.linalg.norm(cues - targets, axis=1)
        away = np.maximum(start, np.linalg.norm(fixed - targets, axis=1))
        e = np.exp(-beta * (separations(patterns)[:20] - 2.0 * away))
        found = update(cues, patterns, beta)
        error, bound = np.linalg.norm(found - targets, axis=1), 2.0 * (n - 1) * e
        assert (error <= bound + 1e-14).all()
        contraction = 2.0 * beta * n * (n - 1) * e * np.linalg.norm(cues - fixed, axis=1)
        assert (np.linalg.norm(found - fixed, axis=1) <= contraction + 1e-14).all()
        checked += len(cues)
        telling += (bound < 2.0).sum()  # two vectors of the ball are never further apart than 2 M
        ratios.extend(error / bound)
    assert checked == 720
    assert telling > 360
    assert np.median(ratios) < 0.1


def test_direct_bound_of_the_one_step_error_by_the_gap_of_the_scores():
    """|f(xi) - x_i| <= 2 (N-1) M exp(-beta (s_i - max_{j != i} s_j)), Theorem 5 from the scores.

    Since |f(xi) - x_i| <= 2 M (1 - p_i). It needs neither the separation nor the fixed point, and is never
    the weaker bound. All 720 cases hold.
    """
    checked = 0
    for store in range(len(CASES_720)):
        patterns, cues, beta = cases(store)
        scores = similarities(cues, patterns)
        own = scores[range(20), range(20)].copy()
        scores[range(20), range(20)] = -np.inf
        gap = own - scores.max(axis=1)
        error = np.linalg.norm(update(cues, patterns, beta) - patterns[:20], axis=1)
        assert (error <= 2.0 * (len(patterns) - 1) * np.exp(-beta * gap) + 1e-14).all()
        away = np.linalg.norm(cues - patterns[:20], axis=1)
        assert (gap >= separations(patterns)[:20] - 2.0 * away - 1e-12).all()
        checked += len(cues)
    assert checked == 720


def test_ramsauer_energy_is_bounded_and_falls():
    """Ramsauer et al. 2021, eq. 2 and Theorem 1: 0 <= E <= 2 M^2, and no step raises E; 260 states, 30 steps.

    The descent is also checked for random singular metrics M, for which the same proof works.
    """
    rng = np.random.default_rng(4)
    checked = 0
    for case in range(26):
        n, d, beta = (
            int(rng.integers(2, 300)),
            int(rng.integers(2, 64)),
            float(rng.choice([0.5, 5.0, 20.0, 80.0])),
        )
        patterns = rng.standard_normal((n, d)) / math.sqrt(d)
        largest = (patterns**2).sum(axis=1).max()
        factor = rng.standard_normal((d, max(1, d // 2)))
        metric = None if case % 2 else factor @ factor.T / d
        states = rng.dirichlet(np.full(n, 0.1), size=10) @ patterns
        before = state_energy(states, patterns, beta, metric=metric)
        for _ in range(30):
            if metric is None:
                energy = before + math.log(n) / beta + largest / 2.0
                assert ((energy >= -1e-12) & (energy <= 2.0 * largest + 1e-12)).all()
            states = update(states, patterns, beta, metric=metric)
            after = state_energy(states, patterns, beta, metric=metric)
            assert (after <= before + 1e-12).all()
            before = after
        checked += len(states)
    assert checked == 260


@alphas
def test_santos_margin_of_a_single_pattern(alpha):
    """Santos et al. 2024: the support of alpha-entmax is {i} iff i leads by the margin 1/(alpha - 1).

    2,000 cases for each alpha, 6,000 in all, with gaps from 0 to twice the margin.
    """
    rng = np.random.default_rng(5)
    margin = 1.0 / (alpha - 1.0)
    logits = np.sort(rng.standard_normal((2000, 10)), axis=1)[:, ::-1]
    gaps = 2.0 * margin * rng.random(2000)
    logits[:, 0] = logits[:, 1] + gaps
    single = (FENCHEL_YOUNG[alpha](logits) > 0.0).sum(axis=1) == 1
    assert_array_equal(single, gaps >= margin)
    assert 900 < single.sum() < 1100


@alphas
def test_santos_exact_retrieval_in_one_step(alpha):
    """Santos et al. 2024: if Delta_i >= m/beta + 2 M eps, one step from a cue within eps finds x_i exactly.

    m = 1/(alpha - 1) is the margin of alpha-entmax; beta is on the edge of the condition. 200 cases for each
    alpha, 600 in all. With a fifth of that beta many are no longer exact, so the condition matters.
    """
    rng = np.random.default_rng(6)
    exact_below = 0
    for _ in range(200):
        patterns = on_sphere(rng, int(rng.integers(2, 60)), 32)
        largest = np.linalg.norm(patterns, axis=1).max()
        separation = separations(patterns)[0]
        eps = rng.random() * 0.45 * separation / largest
        cue = patterns[:1] + on_sphere(rng, 1, 32, radius=eps)
        beta = (1.0 + 1e-9) / (alpha - 1.0) / (separation - 2.0 * largest * eps)
        assert_array_equal(update(cue, patterns, beta, activation=FENCHEL_YOUNG[alpha]), patterns[:1])
        below = update(cue, patterns, beta / 5.0, activation=FENCHEL_YOUNG[alpha])
        exact_below += np.array_equal(below, patterns[:1])
    assert exact_below < 150


def test_hu_sparse_retrieval_errs_no_more_than_dense():
    """Hu et al. 2023, Theorem 2.2: |f_sparse(xi) - x_i| <= |f_dense(xi) - x_i| within the sphere of x_i.

    The sphere's radius is half the least distance of two patterns. 600 of 600 cases; in more than a quarter
    of them the sparse retrieval mixes several patterns, too.
    """
    rng = np.random.default_rng(7)
    checked = mixed = 0
    for n, d, beta in product((5, 20, 100), (8, 32), (1.0, 4.0)):
        for _ in range(10):
            patterns = on_sphere(rng, n, d)
            squares = 2.0 - 2.0 * similarities(patterns, patterns)
            radius = 0.5 * math.sqrt(squares[~np.eye(n, dtype=bool)].min())
            cues = patterns[:5] + radius * rng.random((5, 1)) * on_sphere(rng, 5, d)
            sparse = np.linalg.norm(update(cues, patterns, beta, activation=sparsemax) - patterns[:5], axis=1)
            dense = np.linalg.norm(update(cues, patterns, beta) - patterns[:5], axis=1)
            assert (sparse <= dense + 1e-12).all()
            checked += len(cues)
            mixed += (sparse > 0.0).sum()
    assert checked == 600
    assert mixed > 150


def test_hoover_theorem_1_retrieval_in_one_flat_step():
    """Hoover et al. 2025, Theorem 1: with beta = 2/(r - D)^2, one step from within D finds x_i exactly.

    r is the least distance of two patterns; D < r/2 puts the state into the kernel of x_i. 50 cases.
    """
    rng = np.random.default_rng(8)
    for case in range(50):
        patterns = rng.standard_normal((30, 2 + case % 10))
        distances = np.linalg.norm(patterns[:, None] - patterns[None], axis=2)
        r = distances[~np.eye(30, dtype=bool)].min()
        basin = rng.uniform(0.05, 0.49) * r
        state = patterns[:1] + on_sphere(rng, 1, patterns.shape[1], radius=basin * rng.random())
        assert_array_equal(flat_step(state, patterns, 2.0 / (r - basin) ** 2), patterns[:1])


def test_hoover_fixed_points_are_means_of_their_balls():
    """Hoover et al. 2025, Proposition 2: a fixed point of the flat step is the mean of its ball's patterns.

    All 50 walks end after finitely many steps, some in emergent memories, the means of several patterns.
    """
    rng = np.random.default_rng(9)
    patterns, beta = rng.uniform(-1.0, 1.0, (60, 2)), 12.0
    states = patterns[:50] + 0.1 * rng.standard_normal((50, 2))
    for _ in range(100):
        moved = flat_step(states, patterns, beta)
        settled, states = np.array_equal(moved, states), moved
        if settled:
            break
    assert settled
    members = np.linalg.norm(patterns[None] - states[:, None], axis=2) < math.sqrt(2.0 / beta)
    assert members.any(axis=1).all()
    for state, ball in zip(states, members, strict=True):
        assert_allclose(state, patterns[ball].mean(axis=0), rtol=0.0, atol=1e-14)
    assert (members.sum(axis=1) > 1).any()
