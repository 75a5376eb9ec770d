"""Eight threads on one memory, all verbs at once: nothing lost, nothing twice, and the working set stays true."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from am_agent import DeterministicEmbedder, Memory, errors
from am_agent.store import namespaces, space
from am_agent.working_set import Snapshot, WorkingSet
from tests.lots import bytes_of
from tests.soundness import assert_sound, held
from tests.test_equivalence import assert_same

THREADS, STEPS = 8, 60
SHARED = ("shared",)


@pytest.fixture(params=["file", "RAM"])
def memory(request: pytest.FixtureRequest, tmp_path: Path, toy: DeterministicEmbedder) -> Iterator[Memory]:
    with Memory(tmp_path / "memory.db" if request.param == "file" else None, embedder=toy) as memory:
        yield memory


Facts = dict[str, tuple[str, int]]


def _work(memory: Memory, name: int) -> tuple[Facts, list[str]]:
    """One thread's part: the text and the version of each episode that it has left, and the ids it has forgotten."""
    rng = random.Random(name)
    mine: Facts = {}
    gone: list[str] = []
    for step in range(STEPS):
        known = rng.choice([*mine, None])
        verb = rng.choice(["remember", "many", "update", "recall", "forget"])
        if verb == "remember":
            text = f"note {step} of thread {name}"
            mine[memory.remember(text, namespace=SHARED)] = (text, 1)
        elif verb == "many":
            texts = [f"note {step} of thread {name}, part {part}" for part in range(3)]
            ids = memory.remember_many(texts, namespace=SHARED).ids
            mine.update((id_, (text, 1)) for id_, text in zip(ids, texts, strict=True))
        elif verb == "update" and known is not None:
            text, version = f"note {step} of thread {name}, told anew", mine[known][1] + 1
            assert memory.update(known, namespace=SHARED, text=text).version == version
            mine[known] = (text, version)
        elif verb == "forget" and known is not None:
            erasure = memory.forget(ids=known, namespace=SHARED)
            assert (erasure.episodes, erasure.versions) == (1, mine.pop(known)[1])
            gone.append(known)
        else:
            recall = memory.recall(f"note {step} of thread {name}", namespace=SHARED, k=1000)
            ids = [each.id for each in recall]
            assert len(set(ids)) == len(ids) == recall.episodes
            assert set(mine) <= set(ids)
            assert {each.id: (each.text, each.episode.version) for each in recall if each.id in mine} == mine
    return mine, gone


def _all_at_once(memory: Memory) -> tuple[Facts, list[str]]:
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda name: _work(memory, name), range(THREADS)))
    left = {id_: fact for mine, _ in parts for id_, fact in mine.items()}
    return left, [id_ for _, gone in parts for id_ in gone]


def _patterns(snapshot: Snapshot) -> dict[int, bytes]:
    """The patterns that are alive, by row number."""
    roster, patterns = snapshot.roster, snapshot.patterns
    living = roster.places(roster.keys.tolist()).tolist()
    return {int(roster.keys[place]): bytes_of(patterns, place) for place in living}


def test_eight_threads_lose_nothing_and_double_nothing(memory: Memory, toy: DeterministicEmbedder) -> None:
    """Each finds its own at every moment, and the patterns in memory are in the end those that SQL has."""
    left, _ = _all_at_once(memory)
    assert {each.id: (each.text, each.version) for each in memory.list(namespace=SHARED)} == left
    assert memory.recall("note", namespace=SHARED).episodes == memory.stats().episodes == len(left) > 100
    memory.erasures()  # checks the chain

    with memory._read() as connection:
        found, ids = space.find(connection), namespaces.find(connection, SHARED)
        (kept,) = memory._retrieval._working_set.snapshots(connection, ids, found.id, 64)
        (rebuilt,) = WorkingSet().snapshots(connection, ids, found.id, 64)
    assert _patterns(kept) == _patterns(rebuilt)
    assert len(_patterns(kept)) == len(left)
    assert kept.moments.count == rebuilt.moments.count == len(left)
    np.testing.assert_allclose(kept.moments.total, rebuilt.moments.total, atol=1e-9)


def test_a_file_that_eight_threads_have_used_is_sound(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Reopened, it recalls the same; and of what was forgotten no byte is left."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=toy) as memory:
        left, gone = _all_at_once(memory)
        before = memory.recall("note 7 of thread 3", namespace=SHARED, k=20)
    assert_sound(path)
    content = held(tmp_path)
    assert len(gone) > 50
    assert [id_ for id_ in gone if id_.encode() in content] == []
    assert [id_ for id_ in left if id_.encode() not in content] == []
    with Memory(path, embedder=toy) as memory:
        assert_same(memory.recall("note 7 of thread 3", namespace=SHARED, k=20), before)
        assert memory.stats().unfinished_erasures == 0


def test_passes_and_their_undo_among_eight_threads(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Whatever comes and goes meanwhile, the groups are of what is there; in the end they are undone to nothing."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=toy, consolidate_every=10) as memory:
        done = threading.Event()

        def consolidate() -> int:
            runs = 0
            while not done.is_set():
                report = memory.consolidate(namespace=SHARED, duplicate=0.7)
                runs += report.run_id is not None
                for each in memory.prototypes(namespace=SHARED)[:1]:
                    with contextlib.suppress(errors.UnknownPrototype):  # another thread was faster
                        memory.unconsolidate(each.id)
            return runs

        with ThreadPoolExecutor(2) as pool:
            passes = [pool.submit(consolidate) for _ in range(2)]
            left, gone = _all_at_once(memory)
            done.set()
            assert sum(each.result() for each in passes) > 1
        assert {each.id: (each.text, each.version) for each in memory.list(namespace=SHARED)} == left
        memory.consolidate(namespace=SHARED, duplicate=0.7)
        members = {member for each in memory.prototypes(namespace=SHARED) for member in each.members}
        assert members <= left.keys()
    assert_sound(path)
    content = held(tmp_path)
    assert [id_ for id_ in gone if id_.encode() in content] == []
