"""Themes: the description by hand, graphs whose best partition is known, and that moves never lengthen it."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import am_agent.hopfield.themes as module
from am_agent.hopfield.neighbours import Neighbours, neighbours
from am_agent.hopfield.themes import Graph, codelength, entropy, graph, numbered, themes, width

SEEDS = st.integers(0, 2**32)


def _graph(edges: list[tuple[int, int]], count: int) -> Graph:
    """A graph of edges that weigh the same."""
    matrix = np.zeros((count, count))
    for one, other in edges:
        matrix[one, other] = matrix[other, one] = 1
    left, right = np.nonzero(matrix)
    starts, total = np.searchsorted(left, np.arange(count + 1)), max(len(left), 1)
    return Graph(starts, right, np.full(len(left), 1 / total), matrix.sum(axis=1) / total, float(total))


def _clique(first: int, size: int) -> list[tuple[int, int]]:
    return [(one, other) for one in range(first, first + size) for other in range(one + 1, first + size)]


def _groups(seed: int, groups: int, each: int, spread: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((groups, 16)), each, axis=0) + spread * rng.standard_normal(
        (groups * each, 16)
    )
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_description_by_hand() -> None:
    """Two triangles and a bridge: 7 edges, so 14 directions; p = 2/14 or 3/14, a theme is left over 1/14."""
    walk = _graph([*_clique(0, 3), *_clique(3, 3), (2, 3)], 6)

    def pl(x: float) -> float:
        return x * float(np.log2(x))

    places = 4 * pl(2 / 14) + 2 * pl(3 / 14)
    expected = pl(2 / 14) - 2 * 2 * pl(1 / 14) - places + 2 * pl(1 / 14 + 7 / 14)
    assert codelength(walk, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(expected, abs=1e-12)
    assert codelength(walk, np.zeros(6, np.int64)) == pytest.approx(-places, abs=1e-12)
    assert entropy(walk) == pytest.approx(-places, abs=1e-12)


def test_two_cliques_and_a_bridge_are_two_themes() -> None:
    """Which is the best of all partitions in two."""
    walk = _graph([*_clique(0, 5), *_clique(5, 5), (4, 5)], 10)
    found = themes(walk)
    assert found.tolist() == [0] * 5 + [1] * 5
    others = (codelength(walk, np.array([0, *rest])) for rest in product((0, 1), repeat=9))
    assert codelength(walk, found) == pytest.approx(min(others), abs=1e-12)


def test_a_ring_of_cliques_is_its_cliques() -> None:
    """Where modularity would merge neighbours."""
    count, size = 30, 5
    edges = [edge for each in range(count) for edge in _clique(each * size, size)]
    edges += [(each * size, (each * size + size + 1) % (count * size)) for each in range(count)]
    assert themes(_graph(edges, count * size)).tolist() == np.repeat(np.arange(count), size).tolist()


def test_a_clique_is_one_theme_and_places_without_edges_are_alone() -> None:
    """The walk never leaves the one, and never comes to the others."""
    assert themes(_graph(_clique(0, 7), 7)).tolist() == [0] * 7
    assert themes(_graph(_clique(0, 3), 5)).tolist() == [0, 0, 0, 1, 2]
    assert themes(_graph([], 3)).tolist() == [0, 1, 2]
    assert themes(_graph([], 0)).tolist() == []


def test_groups_in_space_are_found() -> None:
    """Exactly, where they lie far apart."""
    rows = _groups(3, 12, 20)
    found = themes(graph(neighbours(rows, 32), width(len(rows))))
    assert found.tolist() == np.repeat(np.arange(12), 20).tolist()


@settings(max_examples=25)
@given(seed=SEEDS, spread=st.floats(0.2, 2.0))
def test_moves_never_lengthen_the_description(seed: int, spread: float) -> None:
    """From wherever they begin, and the end is never worse than one theme or none."""
    walk = graph(neighbours(_groups(seed, 6, 10, spread), 32), 5)
    rng = np.random.default_rng(seed)
    for start in (np.arange(60), numbered(rng.integers(0, 8, 60)), np.zeros(60, np.int64)):
        moved, _ = module._moved(walk, start)
        assert codelength(walk, moved) <= codelength(walk, start) + 1e-9
        merged = module._merged(walk, start)
        assert codelength(walk, merged) <= codelength(walk, moved) + 1e-9
    found = themes(walk)
    assert codelength(walk, found) <= codelength(walk, module._merged(walk, np.arange(60))) + 1e-9
    assert codelength(walk, found) <= codelength(walk, np.arange(60)) + 1e-9


@settings(max_examples=25)
@given(seed=SEEDS, spread=st.floats(0.2, 2.0))
def test_going_on_from_a_partition_with_nothing_touched_changes_nothing(seed: int, spread: float) -> None:
    """And places without a theme are given one."""
    walk = graph(neighbours(_groups(seed, 6, 10, spread), 32), 5)
    found = themes(walk)
    nobody = np.zeros(60, np.bool_)
    assert themes(walk, before=found, touched=nobody).tolist() == found.tolist()
    rng = np.random.default_rng(seed)
    missing = np.where(rng.random(60) < 0.2, -1, found)
    again = themes(walk, before=missing, touched=missing < 0)
    assert (again >= 0).all()
    assert codelength(walk, again) <= codelength(walk, numbered(np.where(missing < 0, 1000 + np.arange(60), missing)))


def test_a_graph_is_the_same_both_ways_and_fades_out() -> None:
    """Every edge has its opposite of the same flow; the shares of the walk sum to one."""
    walk = graph(neighbours(_groups(1, 5, 30, 0.8), 32), 6)
    flows = {(a, b): f for a, b, f in zip(walk.sources.tolist(), walk.ends.tolist(), walk.flows.tolist(), strict=True)}
    assert all(flows[b, a] == f for (a, b), f in flows.items())
    assert all(a != b for a, b in flows)
    assert sum(flows.values()) == pytest.approx(1)
    assert walk.visits.sum() == pytest.approx(1)
    assert np.bincount(walk.sources, walk.flows) == pytest.approx(walk.visits)


def test_an_edge_weighs_less_for_each_that_is_nearer() -> None:
    """Of six in a row, k = 2: shares of 1, 2/3 and 1/3, from both ends."""
    found = Neighbours(np.array([[1, 2, 3], [0, 2, 3], [1, 3, 0], [2, 1, 0]], np.int32), np.full((4, 3), 0.5))
    walk = graph(found, 2)
    row = dict(zip(walk.ends[:3].tolist(), (walk.flows[:3] * walk.total).tolist(), strict=True))
    # All are equally near, so the first places are the nearest.
    assert row == pytest.approx({1: 0.5 + 0.5, 2: 0.5 * 2 / 3 + 0.5, 3: 0.5 / 3 + 0.5})


def test_a_floor_cuts_edges() -> None:
    """And who has none left is alone."""
    found = Neighbours(np.array([[1], [0], [1]], np.int32), np.array([[0.9], [0.9], [0.3]]))
    assert themes(graph(found, 1)).tolist() == [0, 0, 0]
    assert themes(graph(found, 1, floor=0.5)).tolist() == [0, 0, 1]
    gone = themes(graph(found, 1, floor=0.5), before=np.array([0, 0, 0]), touched=np.ones(3, np.bool_))
    assert gone.tolist() == [0, 0, 1]
