"""The graph in the cache: what is not its own bytes is never used, and losing it loses nothing."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from am_agent.embedders import OnnxEmbedder, graph, minilm
from am_agent.embedders.exported import export, exported
from am_agent.errors import EmbedderUnavailable

FILE, RECORD = "all-MiniLM-L6-v2.onnx", "all-MiniLM-L6-v2.json"


@pytest.fixture(scope="module")
def weights() -> Path:
    """The file of the weights."""
    return minilm.folder() / minilm.WEIGHTS


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """What was logged since it was asked last."""
    caplog.set_level(logging.INFO, logger="am_agent")

    def taken() -> list[tuple[str, str]]:
        found = [(each.levelname, each.getMessage()) for each in caplog.records]
        caplog.clear()
        return found

    return taken


def test_the_graph_is_a_valid_one_and_holds_no_weights(weights: Path) -> None:
    """The types and shapes of every node agree, inputs and output are as told, and the weights lie elsewhere."""
    content = graph.build(weights)
    assert len(content) < 50_000
    assert content == graph.build(weights)
    model = onnx.load_model_from_string(content)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    assert [each.name for each in model.graph.input] == ["ids", "mask"]
    assert [each.name for each in model.graph.output] == ["rows"]
    outside = [each for each in model.graph.initializer if each.data_location == onnx.TensorProto.EXTERNAL]
    assert len(outside) == 5 + 6 * 16
    assert all(len(each.raw_data) < 100 for each in model.graph.initializer)


def test_it_is_written_once_with_its_record(weights: Path, tmp_path: Path) -> None:
    """The receipt tells what lies there; again it is left alone, and with force it is written, the same bytes."""
    folder = tmp_path / "not" / "there"
    first = export(weights, folder=folder)
    content = (folder / FILE).read_bytes()
    assert (first.path, first.size, first.sha256) == (folder / FILE, len(content), hashlib.sha256(content).hexdigest())
    assert json.loads((folder / RECORD).read_text()) == {
        "sha256": first.sha256,
        "weights": minilm.SHA256,
        "graph": graph.VERSION,
    }
    assert sorted(each.name for each in folder.iterdir()) == sorted([FILE, RECORD])
    inode = (folder / FILE).stat().st_ino
    assert export(weights, folder=folder) == first
    assert (folder / FILE).stat().st_ino == inode
    assert export(weights, folder=folder, force=True) == first
    assert (folder / FILE).stat().st_ino != inode


def _cut(folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:1000])


def _flip(folder: Path) -> None:
    content = bytearray((folder / FILE).read_bytes())
    content[5000] ^= 1
    (folder / FILE).write_bytes(content)


def _foreign(folder: Path) -> None:
    """Another model with a record that fits it."""
    (folder / FILE).write_bytes(b"another model")
    digest = hashlib.sha256(b"another model").hexdigest()
    (folder / RECORD).write_text(json.dumps({"sha256": digest, "weights": "0" * 64, "graph": graph.VERSION}))


def _old(folder: Path) -> None:
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps(record | {"graph": 0}))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a cut file": _cut,
    "a flipped bit": _flip,
    "an empty file": lambda folder: (folder / FILE).write_bytes(b""),
    "another model": _foreign,
    "an older graph": _old,
    "a record that is no JSON": lambda folder: (folder / RECORD).write_text("{"),
    "a record that is no object": lambda folder: (folder / RECORD).write_text("[]"),
    "a record that is no text": lambda folder: (folder / RECORD).write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_written_anew_and_the_log_says_so(
    weights: Path, tmp_path: Path, logged: Callable[[], list[tuple[str, str]]], damage: str
) -> None:
    """The vectors are the same afterwards, and the folder is as it was."""
    expected = exported(weights, folder=tmp_path)
    assert [level for level, _ in logged()] == ["INFO"]
    DAMAGE[damage](tmp_path)
    assert exported(weights, folder=tmp_path) == expected
    (level, message), (_, written) = logged()
    assert (level, str(tmp_path / FILE) in message, "written anew" in message) == ("WARNING", True, True)
    assert written == f"the graph of the model was written to {tmp_path / FILE}"
    assert exported(weights, folder=tmp_path) == expected
    assert logged() == []


@pytest.mark.parametrize("lost", [FILE, RECORD])
def test_what_is_lost_is_made_again(weights: Path, tmp_path: Path, lost: str) -> None:
    """The cache, or one file of it, can be deleted at any time."""
    expected = exported(weights, folder=tmp_path)
    (tmp_path / lost).unlink()
    assert exported(weights, folder=tmp_path) == expected
    assert (tmp_path / lost).exists()


def test_where_nothing_can_be_written_the_model_works_all_the_same(
    weights: Path, tmp_path: Path, logged: Callable[[], list[tuple[str, str]]]
) -> None:
    """A text is embedded, and the log says why each process builds the graph; `export` is a named error."""
    (tmp_path / "file").write_text("in the place of a folder")
    folder = tmp_path / "file" / "cache"
    assert OnnxEmbedder(cache=folder).documents(["x"])[0].shape == (1, 384)
    levels = [level for level, message in logged() if str(folder) in message]
    assert "WARNING" in levels
    with pytest.raises(EmbedderUnavailable, match=r"cannot be written to .*cache: Not a directory\. Make room"):
        export(weights, folder=folder)


_PROCESS = """
import sys
from pathlib import Path
from am_agent.embedders import OnnxEmbedder, minilm
from am_agent.embedders.exported import export
folder, weights = Path(sys.argv[1]), minilm.folder() / minilm.WEIGHTS
print("ready", flush=True)
sys.stdin.readline()
digests = {export(weights, folder=folder, force=True).sha256 for _ in range(50)}
print(*digests, OnnxEmbedder(cache=folder).documents(["Rex is a dog"])[0].shape)
"""


def test_processes_that_export_at_once_do_each_other_no_harm(weights: Path, tmp_path: Path) -> None:
    """Two write 50 times each while they, and this one, read: every read is the graph, and nothing is left lying."""
    expected = graph.build(weights)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _PROCESS, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    reads = [exported(weights, folder=tmp_path) == expected for _ in range(50)]
    digest = hashlib.sha256(expected).hexdigest()
    for each in processes:
        assert each.communicate(timeout=120)[0] == f"{digest} (1, 384)\n"
        assert each.returncode == 0
    assert all(reads)
    assert exported(weights, folder=tmp_path) == expected
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([FILE, RECORD])
