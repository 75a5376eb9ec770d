"""The memory's own store, through the interface that all stores are measured by, and the trials that use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.material import DIMENSION, Clusters, Floats, sentence, write_rows
from benchmarks.stores import CANDIDATE, STORES, Item, Place, opened, tidied
from benchmarks.trial import SAMPLE, Job, run


@pytest.fixture(scope="module")
def rows() -> Floats:
    """A few vectors."""
    return Clusters.of().rows(0, 120)


@pytest.fixture
def job(tmp_path: Path, rows: Floats) -> Job:
    """A trial of the memory on these, to be made one of some kind."""
    write_rows([rows], tmp_path / "rows.f32")
    write_rows([Clusters.of().cues(SAMPLE + 40)], tmp_path / "cues.f32")
    return Job(
        kind="load",
        peer=CANDIDATE,
        rows=str(tmp_path / "rows.f32"),
        cues=str(tmp_path / "cues.f32"),
        count=100,
        rounds=6,
        seconds=30.0,
        folder=str(tmp_path / "store"),
    )


def test_what_was_told_is_recalled_by_whoever_opens_it_next(tmp_path: Path, rows: Floats) -> None:
    """A batch and one more; the texts of the nearest, in order."""
    items = [Item(number, sentence(number), row) for number, row in enumerate(rows)]
    place = Place(tmp_path / "new", DIMENSION, threads=1)
    store = opened(CANDIDATE, place)
    store.load(items[:-1])
    store.remember(items[-1])
    tidied(store)
    store.close()
    again = opened(CANDIDATE, place)
    (cue,) = Clusters.of().cues(1)
    nearest = np.argsort(-(rows @ cue))[:5]
    assert again.recall(cue, 5) == [items[number].text for number in nearest]
    again.close()


def test_every_other_store_names_what_it_needs() -> None:
    """The memory needs nothing."""
    assert [name for name, kind in STORES.items() if not kind.needs] == [CANDIDATE]
    assert [name for name, kind in STORES.items() if kind.extends] == ["sqlite_vec", "langgraph"]


def test_a_load_says_what_it_took(job: Job) -> None:
    """Its files stay, and are as large as it says."""
    found = run(job)
    assert found["seconds"] > 0
    assert found["stored"] >= 100 * DIMENSION * 4
    assert (Path(job.folder) / "memory.db").stat().st_size <= found["stored"]


def test_a_pair_is_filled_and_then_told_one_by_one(job: Job) -> None:
    """The memory beside itself recalls the same; a time for each batch and each round, and the parts make the whole."""
    found = run(_changed(job, kind="store", groups=("bulk", "store")))
    assert found["bulk"]["items"] == [100]
    assert len(found["bulk"]["candidate"]) == len(found["bulk"]["peer"]) == 1
    assert found["store"]["recall_at_5"] == 1.0
    for name in ("candidate", "peer"):
        parts = [found["store"][part][name] for part in ("remember", "recall", "both")]
        assert [len(times) for times in parts] == [6, 6, 6]
        assert all(a + b <= both for a, b, both in zip(*parts, strict=True))


def test_recall_is_timed_with_and_without_writes(job: Job) -> None:
    """Three phases of each; what was written is there afterwards."""
    run(job)
    found = run(_changed(job, kind="writes", seconds=0.05))
    assert [len(found[name]) for name in ("quiet", "busy")] == [3, 3]
    assert all(times for name in ("quiet", "busy") for times in found[name])
    from am_agent import Memory

    with Memory(Path(job.folder) / "memory.db") as memory:
        assert memory.count() == 100 + len(found["written"])


def _changed(job: Job, **changes: object) -> Job:
    from dataclasses import replace

    return replace(job, **changes)  # type: ignore[arg-type]
