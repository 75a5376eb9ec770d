"""Moving a file to another embedder: the same file as if it had been made with it, whatever happens on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Memory, errors
from am_agent.draft import Vectors
from am_agent.store.space import Space
from tests.children import Child
from tests.soundness import assert_sound, vectors
from tests.test_equivalence import CORPUS, CUES, assert_same

OLD, NEW, THIRD = DeterministicEmbedder(), DeterministicEmbedder(dimension=128), DeterministicEmbedder(dimension=32)
ITEMS = [{"text": text, "id": f"id{place}"} for place, text in enumerate(CORPUS)]


class Interrupted(DeterministicEmbedder):
    """The new embedder, whose machine fails after some texts."""

    def __init__(self, after: int) -> None:
        super().__init__(dimension=128)
        self.left = after

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        self.left -= len(texts)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().documents(texts)


class Meddling(DeterministicEmbedder):
    """The new embedder, which lets somebody else write to the file while it embeds."""

    def __init__(self, path: Path) -> None:
        super().__init__(dimension=128)
        self.path = path
        self.busy = False

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        if not self.busy:
            self.busy = True
            with Memory(self.path, embedder=OLD) as other:
                other.remember("A late arrival about cellos.", id="late")
                other.update("id0", text="Ana's dog is called Max.")
                other.forget(ids="id1")
                assert other.recall("cellos", k=1)[0].id == "late"
        return super().documents(texts)


def _filled(path: Path) -> Path:
    with Memory(path, embedder=OLD) as memory:
        memory.remember_many(ITEMS)
        memory.update("id2", text="The report was cancelled.")
    return path


def test_a_moved_file_recalls_as_one_made_with_the_new_embedder(tmp_path: Path) -> None:
    """Ids, weights and energies are those of a file that never had another embedder, past versions included."""
    path = _filled(tmp_path / "old.db")
    with Memory(path, embedder=OLD) as memory, Memory(tmp_path / "new.db", embedder=NEW) as made:
        made.remember_many(ITEMS)
        made.update("id2", text="The report was cancelled.")
        done: list[int] = []
        assert memory.reembed(NEW, batch=4, progress=done.append) == 11
        assert done == [4, 8, 11]
        stats = memory.stats()
        assert (stats.embedder, stats.dimension, stats.patterns) == ("am_agent/deterministic-128", 128, 11)
        assert stats.reembedding is None
        for cue in CUES:
            assert_same(memory.recall(cue, k=10), made.recall(cue, k=10))
        then = memory.get("id2")[0].recorded_at
        assert then is not None
        past = memory.recall(CORPUS[2], as_of=then - timedelta(microseconds=1), k=1)[0]
        assert (past.text, past.similarity) == (CORPUS[2], pytest.approx(1))
        assert memory.reembed(NEW) == 0
    with pytest.raises(errors.EmbedderMismatch, match="deterministic-128"):
        Memory(path, embedder=OLD)
    with Memory(path, embedder=NEW) as memory:
        assert memory.recall(CORPUS[4], k=1)[0].text == CORPUS[4]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT DISTINCT length(data) FROM vector").fetchall() == [(4 * 128,)]
    connection.close()


@pytest.mark.parametrize("after", [0, 3, 6, 9])
def test_an_interrupted_move_goes_on_where_it_stopped(tmp_path: Path, after: int) -> None:
    """Meanwhile the file is what it was; the second call embeds only what the first did not."""
    path = _filled(tmp_path / "m.db")
    with Memory(path, embedder=OLD) as memory:
        before = memory.recall(CUES[1], k=10)
        with pytest.raises(KeyboardInterrupt):
            memory.reembed(Interrupted(after), batch=3)
        assert_same(memory.recall(CUES[1], k=10), before)
    with Memory(path, embedder=OLD) as memory:
        assert_same(memory.recall(CUES[1], k=10), before)
        assert memory.stats().reembedding == "am_agent/deterministic-128"
        assert memory.stats().patterns == 11
        assert memory.reembed(NEW, batch=3) == 11 - after
        assert memory.recall(CORPUS[4], k=1)[0].similarity == pytest.approx(1)


def test_a_move_that_is_given_up_for_another_leaves_nothing_behind(tmp_path: Path) -> None:
    """Vectors of the abandoned embedder go when a third one is asked for."""
    path = _filled(tmp_path / "m.db")
    with Memory(path, embedder=OLD) as memory:
        with pytest.raises(KeyboardInterrupt):
            memory.reembed(Interrupted(6), batch=3)
        assert memory.reembed(THIRD, batch=5) == 11
        assert memory.stats().embedder == "am_agent/deterministic-32"
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT DISTINCT length(data) FROM vector").fetchall() == [(4 * 32,)]
    assert connection.execute("SELECT count(*) FROM embedder").fetchone() == (1,)
    connection.close()


def test_what_others_write_meanwhile_is_moved_too(tmp_path: Path) -> None:
    """An episode, a version and an erasure that come in between are there, and the other process learns of the move."""
    path = _filled(tmp_path / "m.db")
    with Memory(path, embedder=OLD) as other, Memory(path, embedder=OLD) as memory:
        assert other.recall("cello", k=1)[0].id == "id4"
        assert memory.reembed(Meddling(path), batch=4) == 12
        assert memory.recall("A late arrival about cellos.", k=1)[0].id == "late"
        assert memory.recall("Ana's dog is called Max.", k=1)[0].similarity == pytest.approx(1)
        assert memory.get("id1") == []
        with pytest.raises(errors.EmbedderMismatch, match=r"'am_agent/deterministic-128', not with"):
            other.recall("cello")
        with pytest.raises(errors.EmbedderMismatch, match=r"'am_agent/deterministic-128', not with"):
            other.remember("mixed")
        assert other.recall(vector=NEW.queries(["cello"])[0], k=1)[0].id == "id4"
        assert other.count() == 10


def test_vectors_that_a_caller_gave_become_embeddings(tmp_path: Path) -> None:
    """A file of foreign vectors becomes one that can be asked in words."""
    with Memory(tmp_path / "m.db") as memory:
        memory.remember("Ana plays the cello.", vector=[0.0, 1.0])
        memory.remember("Ben plays chess.", vector=[1.0, 0.0])
        assert memory.reembed(NEW) == 2
        assert memory.recall("Who plays chess?", k=1)[0].text == "Ben plays chess."


def test_an_empty_memory_is_moved_by_a_word(tmp_path: Path) -> None:
    """Nothing to embed, and the file is the new embedder's."""
    with Memory(tmp_path / "m.db", embedder=OLD) as memory:
        assert memory.reembed(NEW) == 0
        memory.remember("first", occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
        assert memory.stats().dimension == 128
    with pytest.raises(errors.EmbedderMismatch):
        Memory(tmp_path / "m.db", embedder=OLD)


def _made(path: Path) -> Path:
    """What `_filled` makes, made with the new embedder from the start."""
    with Memory(path, embedder=NEW) as memory:
        memory.remember_many(ITEMS)
        memory.update("id2", text="The report was cancelled.")
    return path


@pytest.mark.parametrize("moment", [4, 8, 11])
def test_a_move_that_another_process_finishes_first_is_finished(tmp_path: Path, moment: int) -> None:
    """Overtaken after any of its batches, the last included, it finds its vectors there and leaves them."""
    path, made = _filled(tmp_path / "m.db"), _made(tmp_path / "made.db")
    with Memory(path, embedder=OLD) as other, Memory(path, embedder=OLD) as memory:

        def overtake(done: int) -> None:
            if done == moment:
                assert other.reembed(NEW) == 11 - moment

        assert memory.reembed(NEW, batch=4, progress=overtake) == moment
        assert memory.recall(CORPUS[4], k=1)[0].similarity == pytest.approx(1)
        assert other.recall(CORPUS[4], k=1)[0].similarity == pytest.approx(1)
    assert vectors(path) == vectors(made)
    assert_sound(path)


def _move(path: Path, pipe: Connection) -> None:
    with Memory(path, embedder=OLD) as memory:
        pipe.send("ready")
        pipe.recv()
        pipe.send(memory.reembed(NEW, batch=1))


def test_processes_may_make_the_same_move_at_the_same_time(tmp_path: Path) -> None:
    """Together they embed each version once, and nobody fails."""
    path, made = _filled(tmp_path / "m.db"), _made(tmp_path / "made.db")
    children = [Child(_move, path) for _ in range(3)]
    assert [child.hear() for child in children] == ["ready"] * 3
    for child in children:
        child.say("go")
    assert sum(child.hear() for child in children) == 11
    for child in children:
        child.join()
        assert child.code == 0
    assert vectors(path) == vectors(made)
    assert_sound(path)


@pytest.mark.parametrize("to_the_end", [True, False])
def test_a_move_that_another_process_gives_up_says_so(tmp_path: Path, to_the_end: bool) -> None:
    """No vector of the one comes among those of the other, be the other move finished or on its way."""
    path = _filled(tmp_path / "m.db")
    with Memory(path, embedder=OLD) as other, Memory(path, embedder=OLD) as memory:

        def meddle(_: int) -> None:
            def stop(_: int) -> None:
                if not to_the_end:
                    raise KeyboardInterrupt

            with suppress(KeyboardInterrupt):
                other.reembed(THIRD, batch=3, progress=stop)

        with pytest.raises(errors.EmbedderMismatch, match=r"-128' was given up, because .* '.*-32'") as caught:
            memory.reembed(NEW, batch=4, progress=meddle)
        assert caught.value.found == THIRD.name
        assert other.reembed(THIRD) == (0 if to_the_end else 8)
        assert other.recall(CORPUS[4], k=1)[0].similarity == pytest.approx(1)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT DISTINCT length(data) FROM vector").fetchall() == [(4 * 32,)]
    connection.close()
    assert_sound(path)


class Retrained(DeterministicEmbedder):
    """The old embedder's name and dimension with other vectors."""

    @property
    def fingerprint(self) -> str:
        return "retrained"

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        return [-rows for rows in super().documents(texts)]


def test_a_load_that_meets_the_end_of_a_move_takes_no_vectors_of_the_old_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export's vectors were comparable when the load began, and are not any more when it records."""
    path = _filled(tmp_path / "m.db")
    with Memory(tmp_path / "source.db", embedder=OLD) as source:
        source.remember("from elsewhere", id="new")
        source.export(tmp_path / "export.jsonl", vectors=True)
    with Memory(path, embedder=OLD) as memory:
        accepts = memory._encoder.accepts

        def accepts_before_a_move(origin: Space, found: Space | None) -> bool:
            accepted = accepts(origin, found)
            with Memory(path, embedder=Retrained()) as other:
                other.reembed(Retrained())
            return accepted

        monkeypatch.setattr(memory._encoder, "accepts", accepts_before_a_move)
        with pytest.raises(errors.EmbedderMismatch, match="has changed"):
            memory.load(tmp_path / "export.jsonl")
    with Memory(path, embedder=Retrained()) as memory:
        assert memory.get("new") == []
        assert memory.recall(CORPUS[4], k=1)[0].id == "id4"
