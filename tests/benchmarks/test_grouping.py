"""Every way groups what lies apart, and none is told what it must not be told."""

import numpy as np
import pytest

from benchmarks.agreement import agreement
from benchmarks.grouping import WAYS, Groups


def _far_apart(groups: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.standard_normal((groups, 24)), each, axis=0) + 0.2 * rng.standard_normal((groups * each, 24))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), np.repeat(np.arange(groups), each)


@pytest.mark.parametrize("name", list(WAYS))
def test_groups_far_apart_are_found(name: str) -> None:
    """By every way, and the measures say so."""
    vectors, labels = _far_apart(10, 20)
    found = agreement(WAYS[name](vectors, labels), labels, vectors, vectors, labels)
    assert found["ari"] == pytest.approx(1.0, abs=0.02)
    assert found["prototypes"] == 10
    assert found["prototype_accuracy"] == 1.0
    assert found["false_merges"] == 0.0


@pytest.mark.parametrize("name", ["am_agent", "hdbscan"])
def test_labels_tell_these_nothing(name: str) -> None:
    """Other labels, the same groups."""
    vectors, labels = _far_apart(10, 20)
    found, other = WAYS[name](vectors, labels), WAYS[name](vectors, np.zeros_like(labels))
    assert found.themes.tolist() == other.themes.tolist()


def test_the_measures_by_hand() -> None:
    """Five texts: a pair, a pair of two labels, and one alone; the duplicates are judged for themselves."""
    themes, labels = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1])
    vectors = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    asked, wanted = np.array([[1, 0.1, 0], [0.1, 1, 0], [0, 1, 0]], np.float32), np.array([0, 0, 1])
    found = agreement(Groups(themes), labels, vectors, asked, wanted)
    assert (found["prototypes"], found["singletons"], found["false_merges"]) == (2, 0.2, 0.5)
    assert found["prototype_accuracy"] == pytest.approx(2 / 3)
    tier = Groups(themes, duplicates=np.array([0, 0, 1, 2, 3]), facts={"saving": 0.4})
    found = agreement(tier, labels, vectors, asked, wanted)
    assert (found["false_merges"], found["saving"]) == (0.0, 0.4)
    alone = agreement(Groups(np.arange(5)), labels, vectors, asked, wanted)
    assert (alone["prototypes"], alone["singletons"], alone["prototype_accuracy"], alone["false_merges"]) == (
        0,
        1,
        0,
        0,
    )
