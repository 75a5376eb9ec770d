"""Several processes on one file, and processes that are killed: real ones, by SIGKILL."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Memory
from tests.children import Child
from tests.overlays import told
from tests.soundness import assert_sound, rows

_WRITE = """
import sys
from am_agent import DeterministicEmbedder, Memory
memory = Memory(sys.argv[1], embedder=DeterministicEmbedder())
def texts():
    n = 0
    while True:
        name = sys.argv[2]
        answered = f"{name}-{n - 1}" if n else None
        yield {"text": f"note {n} of writer {name}", "id": f"{name}-{n}", "metadata": {"n": n}, "reply_to": answered}
        n += 1
memory.remember_many(texts(), batch=7, progress=lambda n: print(n, flush=True))
"""


@pytest.mark.parametrize("moment", range(5))
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, toy: DeterministicEmbedder, moment: int) -> None:
    """After kill -9 the file opens, every acknowledged batch is there whole, and nothing is half-written."""
    path = tmp_path / "memory.db"
    process = subprocess.Popen([sys.executable, "-c", _WRITE, str(path), "w"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = int(process.stdout.readline())
    time.sleep(random.Random(moment).uniform(0, 0.3))
    process.kill()
    acknowledged = int(([*process.stdout.read().split("\n")[:-1]] or [acknowledged])[-1])
    process.wait()
    process.stdout.close()
    with Memory(path, embedder=toy) as memory:
        count = memory.count()
        assert count >= acknowledged > 0
        assert count % 7 == 0
        listed = memory.list()
        assert [each.metadata["n"] for each in listed] == list(range(count))
        assert [each.reply_to for each in listed] == [None, *(each.id for each in listed[:-1])]
        assert memory.stats().patterns == count
        recall = memory.recall(f"note {acknowledged - 1} of writer w", k=1)
        assert recall[0].id == f"w-{acknowledged - 1}"
        facts = ("text", "id", "metadata", "reply_to")
        assert memory.remember_many([{name: getattr(each, name) for name in facts} for each in listed]).recorded == 0


_SHARE = """
import sys
from am_agent import DeterministicEmbedder, Memory
with Memory(sys.argv[1], embedder=DeterministicEmbedder()) as memory:
    for n in range(100):
        memory.remember(f"note {n} of writer {sys.argv[2]}", namespace=("shared",))
"""


def test_two_processes_write_and_a_third_reads_what_they_wrote(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """None is lost, nobody meets a lock, and a recall sees every commit that ended before it began."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=toy) as memory:
        assert len(memory.recall("note", namespace=("shared",))) == 0
        writers = [
            subprocess.Popen([sys.executable, "-c", _SHARE, str(path), str(n)], stderr=subprocess.PIPE, text=True)
            for n in range(2)
        ]
        while any(writer.poll() is None for writer in writers):
            committed = memory.count(namespace=("shared",))
            assert memory.recall("note", namespace=("shared",)).episodes >= committed
        assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * 2
        recall = memory.recall("note 42 of writer 1", namespace=("shared",), k=200)
        assert recall.episodes == len(recall) == 200
        assert recall[0].text == "note 42 of writer 1"


_FORGET = """
import sys
from am_agent import DeterministicEmbedder, Memory
with Memory(sys.argv[1], embedder=DeterministicEmbedder()) as memory:
    memory.update("a", text="a new text about cellos")
    memory.forget(ids="b")
"""


def test_updates_and_erasures_of_another_process_are_seen(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """The working set follows the journal, whoever wrote it."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=toy) as memory:
        memory.remember_many([{"text": f"text about {word}", "id": word[0]} for word in ("apples", "bears")])
        memory.remember("text about chess", id="c", reply_to="b", derived_from=["a", "b"])
        assert len(memory.recall("text about bears")) == 3
        subprocess.run([sys.executable, "-c", _FORGET, str(path)], check=True)
        recall = memory.recall("text about cellos")
        assert [each.id for each in recall] == ["a", "c"]
        assert recall[0].episode.version == 2
        assert (recall[1].episode.reply_to, recall[1].episode.derived_from) == (None, ("a",))


EACH = 2000


def _write(path: Path, name: str, pipe: Connection) -> None:
    """Record EACH notes, every tenth batch one by one, and say how many are acknowledged."""
    with Memory(path, embedder=DeterministicEmbedder()) as memory:
        for first in range(0, EACH, 10):
            texts = [f"note {number} of writer {name}" for number in range(first, first + 10)]
            if first % 100 == 0:
                for text in texts:
                    memory.remember(text)
            else:
                assert memory.remember_many(texts).recorded == 10
        pipe.send(memory.count())


def _recall(path: Path, pipe: Connection) -> None:
    """Recall until everything is there, and say what was committed before each recall, and what it saw."""
    seen = []
    with Memory(path, embedder=DeterministicEmbedder()) as memory:
        while not seen or seen[-1][1] < 2 * EACH:
            ((committed,),) = rows(path, "SELECT count(*) FROM episode")
            seen.append((committed, memory.recall("note 7 of writer b", k=1).episodes))
    pipe.send(seen)


def test_two_write_and_two_recall_all_the_time(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Of 4,000 episodes none is lost, nobody meets a lock, and a recall sees every commit that ended before it."""
    path = tmp_path / "memory.db"
    Memory(path, embedder=toy).close()
    readers = [Child(_recall, path) for _ in range(2)]
    writers = [Child(_write, path, name) for name in "ab"]
    counts = [writer.hear() for writer in writers]
    assert EACH <= min(counts) <= max(counts) == 2 * EACH
    for reader in readers:
        seen = reader.hear()
        assert [each for each in seen if each[0] > each[1]] == []
        assert [after for _, after in seen] == sorted(after for _, after in seen)
        assert len({after for _, after in seen}) > 10
    for child in [*readers, *writers]:
        child.join()
        assert child.code == 0
    with Memory(path, embedder=toy) as memory:
        texts = [episode.text for episode in memory.list()]
        assert sorted(texts) == sorted(f"note {number} of writer {name}" for name in "ab" for number in range(EACH))
        for name in "ab":
            mine = [text for text in texts if text.endswith(name)]
            assert mine == sorted(mine, key=lambda text: int(text.split()[1]))
    assert_sound(path)


def _look(path: Path, pipe: Connection) -> None:
    with Memory(path, embedder=DeterministicEmbedder()) as memory:
        pipe.send(memory.count())


def test_a_second_memory_on_a_file_leaves_the_first_its_locks(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Else another process would take itself for the last one on the file, and remove the log that we write to."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=toy) as memory:
        memory.remember_many([f"note {n}" for n in range(9)])
    with Memory(path, embedder=toy) as memory:
        assert memory.recall("note").episodes == 9
        with Memory(path, embedder=toy) as second:
            assert second.count() == 9
        first = Child(_look, path)
        assert first.hear() == 9
        first.join()
        memory.remember("written to the log")
        other = Child(_look, path)
        assert other.hear() == memory.count() == 10
        other.join()
    assert_sound(path)


def _consolidate(path: Path, pipe: Connection) -> None:
    with Memory(path, embedder=DeterministicEmbedder()) as memory:
        memory.recall("warm", k=1)
        pipe.send("ready")
        pipe.recv()
        report = memory.consolidate()
        pipe.send((report.run_id, report.overtaken, report.prototypes))


def test_two_processes_that_consolidate_one_file_do_it_once(tmp_path: Path) -> None:
    """Whoever comes second writes nothing, and both see the same groups."""
    for number in range(3):
        path = tmp_path / f"{number}.db"
        with Memory(path, embedder=DeterministicEmbedder()) as memory:
            memory.remember_many(told(6, 20, seed=number))
        children = [Child(_consolidate, path) for _ in range(3)]
        assert [each.hear() for each in children] == ["ready"] * 3
        for each in children:
            each.say("go")
        reports = [each.hear() for each in children]
        for each in children:
            each.join()
        written = [run for run, *_ in reports if run is not None]
        assert rows(path, "SELECT id FROM run") == [(written[0],)]
        assert len(written) == 1
        with Memory(path, embedder=DeterministicEmbedder()) as memory:
            assert {each.run for each in memory.prototypes()} == set(written)
            assert memory.consolidate().run_id is None
        assert_sound(path)


def test_another_process_sees_prototypes_and_their_undo(tmp_path: Path) -> None:
    """As soon as they are there, and as soon as they are not."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=DeterministicEmbedder()) as memory:
        memory.remember_many(told(4, 15))
        assert memory.prototypes() == []
        child = Child(_consolidate, path)
        assert child.hear() == "ready"
        child.say("go")
        run, _, count = child.hear()
        child.join()
        assert len(memory.prototypes()) == count > 0
        assert memory.consolidate().run_id is None
        memory.unconsolidate(run)
        assert memory.prototypes() == []
