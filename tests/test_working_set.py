"""The patterns in memory stay true, whatever interrupts them."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from pathlib import Path

from am_agent import DeterministicEmbedder, Memory, errors
from tests.test_equivalence import assert_same


def test_a_recall_that_is_interrupted_loses_nothing_for_the_next(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Cut off after any number of SQLite's steps, it leaves no gap in what the next recall sees."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=toy) as memory, Memory(path, embedder=toy) as other:
        other.remember_many([{"text": f"note {n}", "id": f"id{n}"} for n in range(50)])
        assert memory.recall("note 7").episodes == 50
        with memory._database.reading() as connection:
            sqlite = connection.connection.driver_connection  # the one that this thread is given each time
        assert sqlite is not None
        interrupted = 0
        for steps in range(1, 400, 3):
            other.remember_many([f"note {number} of lot {steps}" for number in range(10)])
            other.update("id7", text=f"note 7 at {steps}")
            taken = count(1)
            sqlite.set_progress_handler(lambda taken=taken, steps=steps: next(taken) == steps, 1)
            with suppress(errors.StoreError):
                memory.recall("note 7")
            interrupted += next(taken) > steps
            sqlite.set_progress_handler(None, 1)
            assert memory.recall("note 7", k=1).episodes == other.count()
        assert interrupted > 10  # the rest took fewer steps
        with Memory(path, embedder=toy) as fresh:
            assert_same(memory.recall("note 7 at 1", k=20), fresh.recall("note 7 at 1", k=20))
