"""The command with few patterns and what is always installed: JSON, tables, who is left out, who fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import speed
from benchmarks.contenders import CONTENDERS
from benchmarks.running import Failed, Runner
from benchmarks.sections import SECTIONS
from benchmarks.sheets import tables
from benchmarks.speed import main
from benchmarks.stores import STORES
from benchmarks.trial import Job

PAGE = Path(__file__).parents[2] / "docs" / "speed.md"
Write = Callable[..., Path]
FIGURES = ["ms", "p95", "rounds", "ratio", "ratio:low", "ratio:high"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one small run printed: two sizes, and two peers that need nothing."""
    return _printed(
        tmp_path_factory,
        ["--only", "scan,bytes,writes,growth", "--sizes", "200,60", "--peers", "numpy_topk,read_int8"],
    )


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of starts alone printed, each a single one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.sections._WARM_STARTS", 0)
        patch.setattr("benchmarks.sections._STARTS", 1)
        return _printed(tmp_path_factory, ["--only", "cold", "--sizes", "60", "--peers", "numpy_topk"])


def _printed(tmp_path_factory: pytest.TempPathFactory, arguments: list[str]) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("speed") / "out.json"
    with target.open("w") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", file)
        assert main([*arguments, "--rounds", "5", "--seconds", "0.1", "--json"]) == 0
    results: dict[str, Any] = json.loads(target.read_text())
    return results


def test_stdout_is_json_alone_of_every_section(found: dict[str, Any]) -> None:
    """Sizes ascend; a scan has all figures, and those that find say how much."""
    assert list(found) == ["machine", "scan", "bytes", "writes", "growth"]
    assert found["machine"]["threads"] == 1
    assert found["machine"]["versions"]["numpy"]
    assert list(found["scan"]) == ["60", "200"]
    for groups in found["scan"].values():
        assert list(groups) == ["one", "sixty_four"]
        for systems in groups.values():
            assert list(systems) == ["am_agent", "read_int8", "numpy_topk"]
            assert list(systems["read_int8"]) == [*FIGURES, "how", "prepared_s"]
            for name in ("am_agent", "numpy_topk"):
                assert list(systems[name]) == [*FIGURES, "recall_at_10", "how", "prepared_s"]
                assert systems[name]["recall_at_10"] == 1.0
                assert systems[name]["rounds"] == 5
                assert 0 < systems[name]["ratio:low"] <= systems[name]["ratio"] <= systems[name]["ratio:high"]


def test_the_memory_alone_has_its_figures_where_there_is_no_other_store(found: dict[str, Any]) -> None:
    """Bytes and writes of both sizes, and exponents of what was scanned."""
    for size in ("60", "200"):
        assert set(found["bytes"][size]["am_agent"]) == {"memory", "memory_loading", "disk"}
        assert found["bytes"][size]["am_agent"]["disk"] > 384 * 4
        writes = found["writes"][size]["am_agent"]
        assert list(writes) == ["quiet", "busy", "remember", "remembered_per_second", "ratio", "ratio:p95"]
        assert writes["remembered_per_second"] > 0
    assert set(found["growth"]["scan, one cue (ms)"]) == {"am_agent", "numpy_topk", "read_int8"}


def test_starts_are_those_of_real_processes(cold: dict[str, Any]) -> None:
    """By a vector; and a text is answered by a real `am recall`, which takes longer than an import of numpy."""
    assert list(cold) == ["machine", "cold"]
    starts = cold["cold"]["60"]
    assert list(starts["vector"]) == ["am_agent"]
    assert starts["vector"]["am_agent"]["ratio"] == 1.0
    assert list(starts["text"]) == ["am recall", "import sentence_transformers", "import torch", "import numpy"]
    assert 0 < starts["text"]["import numpy"]["seconds"] < starts["text"]["am recall"]["seconds"]


def test_every_figure_has_its_place_in_a_table(found: dict[str, Any], cold: dict[str, Any]) -> None:
    """Without --json: a table for each section, size and group, with a row for each system."""
    shown = list(tables({**found, **cold}))
    assert [table.row_count for table in shown[:-1]] == [3, 3, 3, 3, 1, 1, 1, 1, 1, 4]
    assert shown[-1].row_count >= 8
    assert [str(table.title) for table in shown] == [
        "scan, 60 patterns, top 10, one cue",
        "scan, 60 patterns, top 10, 64 cues at once",
        "scan, 200 patterns, top 10, one cue",
        "scan, 200 patterns, top 10, 64 cues at once",
        "bytes of a pattern, 60 items",
        "bytes of a pattern, 200 items",
        "recall 5 while four others remember, 60 items",
        "recall 5 while four others remember, 200 items",
        "start to first answer, 60 items, a vector",
        "start to first answer, 60 items, a text",
        "exponent of N",
    ]


def test_real_vectors_are_scanned_under_their_number(
    write_haystack: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each text counts once, and the second run needs no model."""
    corpus = [{"_id": str(number), "text": f"Sentence {number % 30} of the log."} for number in range(60)]
    write_haystack(tmp_path / "data" / "log" / "one", corpus, [{"_id": "q", "text": "Which?"}], [("q", "0", 1)])
    arguments = ["--only", "scan", "--sizes", "60", "--peers", "numpy_topk", "--rounds", "5", "--seconds", "0.1"]
    arguments += ["--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache"), "--json"]
    assert main(arguments) == 0
    results = json.loads(capsys.readouterr().out)["scan"]
    assert list(results) == ["60", "30"]
    assert list(results["30"]) == ["real", "real_sixty_four"]
    assert results["30"]["real"]["am_agent"]["recall_at_10"] == 1.0


@pytest.mark.parametrize(("name", "needs"), [("hnswlib", "hnswlib"), ("chroma", "chromadb")])
def test_who_is_not_installed_is_named_and_left_out(
    name: str, needs: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on with the others, and the cure is named."""
    monkeypatch.setattr("benchmarks.speed.missing", lambda modules: [each for each in modules if each == needs])
    only = "scan" if name in CONTENDERS else "bulk"
    arguments = ["--only", only, "--peers", name, "--sizes", "20", "--rounds", "1", "--seconds", "0.1", "--json"]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert f"left out, for there is no {needs}: {name}\n" in shown.err
    assert "make bench-peers" in shown.err
    assert name not in shown.out.split('"versions"')[1].split("}")[1]


def test_who_crashes_is_reported_and_the_rest_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the JSON, in the table, and on stderr with what it said last."""
    trial = Runner.trial

    def failing(self: Runner, job: Job, *, everywhere: bool = False) -> dict[str, Any]:
        if job.peer == "torch_topk":
            raise Failed("it was ended by SIGSEGV")
        return trial(self, job, everywhere=everywhere)

    monkeypatch.setattr(Runner, "trial", failing)
    arguments = ["--only", "scan", "--peers", "torch_topk,numpy_topk", "--sizes", "20", "--seconds", "0.1"]
    assert main([*arguments, "--json"]) == 0
    shown = capsys.readouterr()
    systems = json.loads(shown.out)["scan"]["20"]["one"]
    assert systems["torch_topk"] == {"error": "it was ended by SIGSEGV"}
    assert systems["numpy_topk"]["rounds"] >= 5
    assert "scan, 20: torch_topk failed: it was ended by SIGSEGV\n" in shown.err


def test_an_interrupted_run_gives_what_it_has(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the exit code of an interruption; the growth of what there is, too."""
    trial = Runner.trial

    def interrupted(self: Runner, job: Job, *, everywhere: bool = False) -> dict[str, Any]:
        if job.peer == "numpy_softmax":
            raise KeyboardInterrupt
        return trial(self, job, everywhere=everywhere)

    monkeypatch.setattr(Runner, "trial", interrupted)
    arguments = ["--only", "scan,growth", "--peers", "numpy_topk,numpy_softmax", "--sizes", "20", "--seconds", "0.1"]
    assert main([*arguments, "--json"]) == 130
    shown = capsys.readouterr()
    results = json.loads(shown.out)
    assert list(results["scan"]["20"]["one"]) == ["am_agent", "numpy_topk"]
    assert results["growth"] == {}
    assert shown.err.endswith("interrupted; this is what was measured until then\n")


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    """By its last line, by its signal, or by its silence; one that does not end is killed."""
    runner = Runner(tmp_path, threads=1, patience=20)
    with pytest.raises(Failed, match="KeyError: 'nothing'"):
        runner.trial(Job("nothing", "", "", "", 0))
    with pytest.raises(Failed, match="ended by SIGKILL"):
        runner.first_line(["-c", "import os; os.kill(os.getpid(), 9)"])
    with pytest.raises(Failed, match="printed nothing"):
        runner.first_line(["-c", "pass"])
    with pytest.raises(Failed, match="killed after"):
        Runner(tmp_path, threads=1, patience=0.1).first_line(
            ["-c", "print(1, flush=True); __import__('os').close(1); __import__('time').sleep(60)"]
        )
    seconds, line = runner.first_line(["-c", "print('here')"])
    assert line == "here\n"
    assert seconds > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "scan,speed"], "there is no section 'speed'; there is scan, store"),
        (["--peers", "redis"], "there is no peer 'redis'"),
        (["--sizes", "10,many"], "'many' is not a number above zero"),
        (["--rounds", "0"], "'0' is not a number above zero"),
    ],
)
def test_what_is_not_there_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code 2, before anything is measured."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


def test_missing_files_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of --data and of --plot."""
    assert main(["--data", str(tmp_path / "none")]) == 2
    assert main(["--plot", str(tmp_path / "none.json")]) == 2
    shown = capsys.readouterr().err
    assert f"there is no folder {tmp_path / 'none'}" in shown
    assert f"there is no file {tmp_path / 'none.json'}" in shown


def test_the_page_has_every_option_section_and_system(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the help has, in the command and in a row of their own."""
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    options = set(re.findall(r"--\w+", capsys.readouterr().out)) - {"--help"}
    page = PAGE.read_text(encoding="utf-8")
    synopsis = re.search(r"^\S*python -m benchmarks.speed .*\n(?: .*\n)*", page, re.M)
    assert synopsis is not None
    assert set(re.findall(r"--\w+", synopsis.group())) == options
    assert set(re.findall(r"^\| `(--\w+)", page, re.M)) == options
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.M)) == set(SECTIONS)
    named = {name for row in re.findall(r"^\| ([a-z_0-9, ]+) \|", page, re.M) for name in row.split(", ")}
    assert {*CONTENDERS, *STORES} <= named


if find_spec("matplotlib"):

    def test_a_plot_is_a_picture(found: dict[str, Any], tmp_path: Path) -> None:
        """Drawn from the JSON of a run, where matplotlib is installed."""
        source, target = tmp_path / "run.json", tmp_path / "speed.png"
        source.write_text(json.dumps(found))
        assert speed.main(["--plot", str(source), "--to", str(target)]) == 0
        assert target.read_bytes().startswith(b"\x89PNG")
