"""Samples as rows: to bytes and back, whose they are, and when they go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent import DeterministicEmbedder, Memory
from am_agent.store import calibrations, space
from am_agent.store.calibrations import LABELLED, OWN, USED, Sample
from tests.soundness import held, rows

TOY = DeterministicEmbedder()
NONE = np.empty(0)
ANA = ("ana",)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """Four episodes in each of two namespaces, one below the other."""
    with Memory(tmp_path / "m.db", embedder=TOY) as memory:
        for namespace in (ANA, (*ANA, "work")):
            memory.remember_many(
                [{"id": f"b{n}", "text": f"box {n} has lid {n}"} for n in range(4)], namespace=namespace
            )
        yield memory


def _keep(memory: Memory, path: tuple[str, ...], origin: str, sample: Sample) -> None:
    with memory._database.writing() as connection:
        calibrations.keep(connection, path, space.find(connection).id, origin, sample)


def _found(memory: Memory, path: tuple[str, ...]) -> dict[str, tuple[list[float], list[float], float]]:
    with memory._database.reading() as connection:
        found = calibrations.find(connection, path, space.find(connection).id)
    return {origin: (each.present.tolist(), each.absent.tolist(), each.alpha) for origin, each in found.items()}


def _sample(*present: float, alpha: float = 0.0) -> Sample:
    return Sample(np.array(present), np.array([-7.25]), alpha)


REALS = st.lists(st.floats(allow_nan=False, width=64), max_size=20)


@given(present=REALS, absent=REALS, alpha=st.floats(0, 1))
def test_a_sample_comes_back_as_it_was(present: list[float], absent: list[float], alpha: float) -> None:
    """To the bit, also where one of the kinds is empty; the same bytes every time."""
    sample = Sample(np.array(present), np.array(absent), alpha)
    found = Sample.from_bytes(sample.to_bytes())
    assert (found.present.tolist(), found.absent.tolist(), found.alpha) == (present, absent, alpha)
    assert found.to_bytes() == sample.to_bytes()


def test_of_each_origin_the_nearest_holds(memory: Memory) -> None:
    """What was used below does not undo the labels above it, and below learns nothing of beside."""
    assert _found(memory, ANA) == {}
    _keep(memory, ANA, LABELLED, _sample(1.5, 2.5, alpha=0.25))
    _keep(memory, ANA, USED, Sample(np.array([0.5]), NONE))
    above = {LABELLED: ([1.5, 2.5], [-7.25], 0.25), USED: ([0.5], [], 0.0)}
    assert _found(memory, ANA) == _found(memory, (*ANA, "work")) == _found(memory, (*ANA, "work", "late")) == above
    assert _found(memory, ()) == _found(memory, ("an",)) == _found(memory, ("anab",)) == {}
    _keep(memory, (*ANA, "work"), USED, Sample(np.array([3.5]), NONE))
    assert _found(memory, (*ANA, "work")) == {**above, USED: ([3.5], [], 0.0)}
    assert _found(memory, ANA) == above


def test_a_sample_takes_the_place_of_the_one_before(memory: Memory) -> None:
    """Of the same origin in the same namespace, and of no other."""
    for origin in (LABELLED, OWN, USED):
        _keep(memory, ANA, origin, _sample(1.0))
    _keep(memory, ANA, OWN, _sample(2.0, 3.0))
    assert {origin: present for origin, (present, *_) in _found(memory, ANA).items()} == {
        LABELLED: [1.0],
        OWN: [2.0, 3.0],
        USED: [1.0],
    }


def test_what_is_forgotten_takes_along_what_came_of_it(memory: Memory) -> None:
    """What was made of episodes or used of them goes with any of them, in their namespace; labels are the caller's."""
    for path in (ANA, (*ANA, "work")):
        for origin in (LABELLED, OWN, USED):
            _keep(memory, path, origin, _sample(1.0))
    memory.forget(ids="unknown", namespace=ANA)
    assert len(_found(memory, ANA)) == 3
    memory.forget(ids="b1", namespace=ANA)
    assert list(_found(memory, ANA)) == [LABELLED]
    assert len(_found(memory, (*ANA, "work"))) == 3


def test_with_the_namespace_all_of_it_goes_from_the_file(memory: Memory, tmp_path: Path) -> None:
    """The labels, too: no byte of the numbers is left in any file."""
    _keep(memory, ANA, LABELLED, _sample(1.2345, 2.3456))
    assert Sample(np.array([1.2345]), NONE).to_bytes()[16:] in held(tmp_path)
    memory.forget(namespace=ANA)
    assert rows(tmp_path / "m.db", "SELECT count(*) FROM calibration") == [(0,)]
    memory.remember("box 5 has lid 5", namespace=ANA)
    assert _found(memory, ANA) == {}
    memory.close()
    assert Sample(np.array([1.2345]), NONE).to_bytes()[16:] not in held(tmp_path)


def test_another_embedder_begins_anew(memory: Memory) -> None:
    """Log-odds of the old one say nothing of the new; back at the old one, they are gone as well."""
    _keep(memory, ANA, LABELLED, _sample(1.0))
    memory.reembed(DeterministicEmbedder(dimension=32))
    assert _found(memory, ANA) == {}
    _keep(memory, ANA, USED, _sample(2.0))
    memory.reembed(TOY)
    assert _found(memory, ANA) == {}


def test_one_of_two_kinds_is_reset_in_a_namespace_without_episodes(tmp_path: Path) -> None:
    """Weights and calibration of a team that holds nothing itself: to forget one leaves the other, and then no name."""
    team, path = ("team",), tmp_path / "m.db"
    with Memory(path, embedder=TOY) as memory:
        memory.remember_many(
            [{"id": f"b{n}", "text": f"box {n} has lid {n}"} for n in range(4)], namespace=(*team, "a")
        )
        for first in ("calibration", "weights"):
            memory.reinforce(memory.recall("box 2", namespace=(*team, "a")), used="b2", namespace=team)
            assert memory.weights(namespace=team).rounds == 1
            assert list(_found(memory, team)) == [USED]
            if first == "calibration":
                assert memory.reset_calibration(namespace=team).present == 0
                assert memory.weights(namespace=team).rounds == 1
                memory.reset_weights(namespace=team)
            else:
                assert memory.reset_weights(namespace=team).rounds == 0
                assert list(_found(memory, team)) == [USED]
                memory.reset_calibration(namespace=team)
            with sqlite3.connect(path) as connection:
                assert connection.execute("SELECT path FROM namespace").fetchall() == [("team\x1fa\x1f",)]
            connection.close()
