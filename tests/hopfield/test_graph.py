"""Spreading against a loop over links, and what a kind of links is worth against all pairs at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.graph import Chance, Linked, Links, gate, spread

SEEDS = st.integers(0, 2**32)


def _links(rng: np.random.Generator, size: int, count: int) -> Links:
    """Several between the same two, and to themselves, among them."""
    ends = rng.integers(0, size, (2, count))
    return Links(ends[0], ends[1], rng.choice([0.0, 0.3, 0.8, 1.5], count), float(rng.choice([0.0, 0.5, 0.9, 1.0])))


def _naive(activation: list[float], links: list[Links], floor: float) -> list[float]:
    added = [0.0] * len(activation)
    for kind in links:
        reached: dict[int, float] = {}
        greatest: dict[int, float] = {}
        for source, target, strength in zip(kind.sources, kind.targets, kind.strengths, strict=True):
            if activation[source] > floor and strength > 0:
                reached[target] = reached.get(target, 0.0) + strength * (activation[source] - floor)
                greatest[target] = max(greatest.get(target, activation[source]), activation[source])
        for target, flow in reached.items():
            now = min(activation[target] + flow, kind.bound * greatest[target])
            added[target] = max(added[target], now - activation[target])
    return added


@given(
    seed=SEEDS,
    size=st.integers(1, 12),
    counts=st.lists(st.integers(0, 20), max_size=3),
    floor=st.sampled_from([0.0, 1.0, 2.0]),
)
def test_what_spreads_is_what_a_loop_finds(seed: int, size: int, counts: list[int], floor: float) -> None:
    """It is never negative, nothing where nothing reaches, and no target gets above the bound of its sources."""
    rng = np.random.default_rng(seed)
    activation = rng.normal(1.0, 2.0, size)
    before = activation.copy()
    links = [_links(rng, size, count) for count in counts]
    added = spread(activation, links, floor)
    assert added == pytest.approx(_naive(activation.tolist(), links, floor), abs=1e-12)
    assert activation.tolist() == before.tolist()
    assert (added >= 0).all()
    limit = activation.copy()
    for kind in links:
        for source, target, strength in zip(kind.sources, kind.targets, kind.strengths, strict=True):
            if activation[source] > floor and strength > 0:
                limit[target] = max(limit[target], kind.bound * activation[source])
    assert (activation + added <= limit + 1e-12).all()
    assert not added[limit == activation].any()


@given(seed=SEEDS, size=st.integers(1, 12), count=st.integers(1, 20))
def test_the_order_of_links_and_of_kinds_does_not_matter(seed: int, size: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    activation, one, other = rng.normal(2.0, 2.0, size), _links(rng, size, count), _links(rng, size, count)
    order = rng.permutation(count)
    shuffled = Links(one.sources[order], one.targets[order], one.strengths[order], one.bound)
    np.testing.assert_allclose(spread(activation, [one, other], 1.0), spread(activation, [other, shuffled], 1.0))


def test_the_best_is_not_overtaken_by_what_lies_next_to_it() -> None:
    """However strong the links are, and however many."""
    links = Links(np.zeros(50, dtype=np.int64), np.ones(50, dtype=np.int64), np.ones(50), bound=0.9)
    assert spread(np.array([10.0, 0.0]), [links], floor=2.0).tolist() == [0.0, 9.0]
    assert spread(np.array([10.0, 9.5]), [links], floor=2.0).tolist() == [0.0, 0.0]


def test_what_is_half_forgotten_gives_nothing() -> None:
    """A source at the floor or below it, however strong its links are."""
    links = Links(np.array([0, 1]), np.array([2, 2]), np.array([1.0, 1.0]), bound=0.9)
    assert spread(np.array([2.0, -5.0, 0.0]), [links], floor=2.0).tolist() == [0.0, 0.0, 0.0]
    assert spread(np.array([2.5, -5.0, 0.0]), [links], floor=2.0).tolist() == [0.0, 0.0, 0.5]
    assert spread(np.empty(0), [], floor=2.0).tolist() == []


@pytest.mark.parametrize(
    ("coherence", "worth"), [(-9.0, 0.0), (1.0, 0.0), (1.25, 0.25), (1.5, 0.5), (2.0, 1.0), (9.0, 1.0)]
)
def test_a_gate_opens_in_a_straight_line(coherence: float, worth: float) -> None:
    assert gate(coherence, low=1.0, high=2.0) == worth


@given(seed=SEEDS, sizes=st.lists(st.integers(0, 6), max_size=4))
def test_sums_of_parts_are_those_of_all_pairs(seed: int, sizes: list[int]) -> None:
    """Linked pairs of a union are the pairs of its parts; so are those by chance, each within its part."""
    rng = np.random.default_rng(seed)
    samples, partners = ([rng.standard_normal((size, 3)) for size in sizes] for _ in range(2))
    metric = np.diag([1.0, 0.5, 0.2])
    linked = sum((Linked.of(a @ metric, b) for a, b in zip(samples, partners, strict=True)), Linked())
    chance = sum((Chance.of(sample @ metric, sample) for sample in samples), Chance())
    whole = Linked.of(np.concatenate([*samples, np.empty((0, 3))]) @ metric, np.concatenate([*partners, metric[:0]]))
    assert linked.pairs == whole.pairs == sum(sizes)
    assert linked.total == pytest.approx(whole.total, abs=1e-12)
    products = [
        float(sample[one] @ metric @ sample[other])
        for sample in samples
        for one in range(len(sample))
        for other in range(len(sample))
        if one != other
    ]
    assert chance.pairs == len(products)
    assert chance.total == pytest.approx(sum(products), abs=1e-9)
    assert chance.square == pytest.approx(sum(each**2 for each in products), abs=1e-9)


def test_coherence_is_the_distance_from_chance_in_standard_deviations() -> None:
    """For many pairs; few leave what was believed before nearly as it was."""
    rng = np.random.default_rng(0)
    by_chance, together = rng.normal(0.1, 0.2, 5_000), rng.normal(0.5, 0.2, 5_000)
    chance = Chance(5_000, float(by_chance.sum()), float((by_chance**2).sum()))
    linked = Linked(5_000, float(together.sum()))
    expected = (together.mean() - by_chance.mean()) / by_chance.std()
    assert chance.above(linked, prior=9.0, weight=0) == pytest.approx(expected)
    assert chance.above(linked, prior=9.0, weight=10) == pytest.approx((5_000 * expected + 90) / 5_010)
    assert chance.above(Linked(1, 0.1), prior=1.5, weight=1_000) == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize(
    ("chance", "linked"),
    [
        (Chance(), Linked()),
        (Chance(), Linked(5, 2.0)),
        (Chance(2, 1.0, 1.0), Linked()),
        (Chance(4, 2.0, 1.0), Linked(5, 5.0)),
    ],
)
def test_without_pairs_or_without_variance_the_belief_stays(chance: Chance, linked: Linked) -> None:
    assert chance.above(linked, prior=1.5, weight=10) == 1.5
