"""The command as a user runs it: a set of the tests' own sentences through the real model, JSON, tables and errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from am_agent import Embedder
from benchmarks.beir import Haystack, Query, read_sets
from benchmarks.comparing import SYSTEMS
from benchmarks.learning import Feedback
from benchmarks.measures import MEASURES
from benchmarks.perturbing import perturbed
from benchmarks.recall import main
from benchmarks.systems import Ranking

ROOT = Path(__file__).parents[2]
Write = Callable[..., Path]

CHAT = (
    ("Ana", "My dog is called Rex, and he is afraid of thunder."),
    ("Ben", "The invoice of March has still not been paid."),
    ("Ana", "We fly to Lisbon in the second week of June."),
    ("Ben", "Nobody has watered the tomatoes since Sunday."),
    ("Ana", "I never eat peanuts, they make me ill."),
    ("Ben", "The second lecture explains how glaciers move."),
    ("Ana", "My sister plays the cello in an orchestra."),
    ("Ben", "Prices of wheat rose again this autumn."),
    ("Ana", "The heating of the flat is serviced in October."),
    ("Ben", "I lost the key of the bicycle shed."),
    ("Ana", "Grandfather fell asleep over his crossword."),
    ("Ben", "The bus was late, so we walked along the river."),
)
ASKED = (
    ("Which pet does Ana own?", "0"),
    ("food allergy", "4"),  # shares no word with its answer
    ("Has the invoice been paid?", "1"),
)
FILLER = "The committee met on Tuesday and talked about the budget for the coming year. " * 40
LONG = (
    "Frozen helium conducts heat better than copper does. " * 30,
    "The glacier has lost a third of its length. " * 30,
)


@pytest.fixture(scope="module")
def data(write_haystack: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets: a chat of two people, and long pages whose end is what is asked for; a third has no qrels."""
    folder = tmp_path_factory.mktemp("data")
    chat = [
        {"_id": str(number), "title": "", "text": text, "metadata": {"speaker": who, "time": "2024-05-01T12:00:00"}}
        for number, (who, text) in enumerate(CHAT)
    ]
    asked = [{"_id": f"q{answer}", "text": text, "metadata": {"answerable": True}} for text, answer in ASKED]
    unanswerable = {"_id": "none", "text": "Who won the election?", "metadata": {"answerable": False}}
    qrels = [(f"q{answer}", answer, 1) for _, answer in ASKED]
    write_haystack(folder / "chat" / "ana-ben", chat, [*asked, unanswerable], qrels)
    pages = [{"_id": str(number), "text": FILLER + text} for number, text in enumerate(LONG)]
    distractors = [{"_id": f"x{number}", "text": text} for number, (_, text) in enumerate(CHAT)]
    questions = [{"_id": "q", "text": "How well does frozen helium conduct heat?"}]
    write_haystack(folder / "pages" / "one", [*distractors, *pages], questions, [("q", "0", 1)])
    write_haystack(folder / "labels" / "all", pages, questions, None)
    return folder


def _run(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.recall", str(data), *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first run keeps its vectors; not made yet."""
    return tmp_path_factory.mktemp("cache") / "new" / "folder"


@pytest.fixture(scope="module")
def first(data: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """One run with the real model, of every set."""
    return _run(data, "--json", "--cache", str(cache))


def test_stdout_is_json_alone_of_every_number(first: subprocess.CompletedProcess[str]) -> None:
    """Sets, systems, measures with their intervals, and nothing that is not a number."""
    assert first.returncode == 0, first.stderr
    results: dict[str, Any] = json.loads(first.stdout)
    assert list(results) == ["chat", "pages"]
    names = [f"{measure}{end}" for measure in MEASURES for end in ("", ":low", ":high")] + ["queries"]
    for measured in results.values():
        assert list(measured) == list(SYSTEMS) == ["cosine", "bm25", "rrf", "am_agent"]
        for found in measured.values():
            assert list(found) == names
            assert {type(value) for value in found.values()} == {int, float}
            for measure in MEASURES:
                assert 0 <= found[f"{measure}:low"] <= found[measure] <= found[f"{measure}:high"] <= 1


def test_the_figures_are_those_that_can_be_foreseen(first: subprocess.CompletedProcess[str]) -> None:
    """By meaning all three answers come first; the one that shares no word is lost to BM25; an end cut off is lost."""
    results = json.loads(first.stdout)
    assert {measured["queries"] for measured in results["chat"].values()} == {3}
    for system in ("cosine", "am_agent"):
        assert {results["chat"][system][measure] for measure in MEASURES} == {1.0}
    assert results["chat"]["bm25"]["recall@10"] == pytest.approx(2 / 3)
    assert results["chat"]["rrf"]["recall@10"] == 1.0
    assert results["pages"]["am_agent"]["recall@1"] == 1.0
    assert results["pages"]["cosine"]["recall@1"] == 0.0
    assert results["pages"]["bm25"]["recall@1"] == 1.0


def test_what_was_left_out_and_what_is_run_is_said_line_by_line(first: subprocess.CompletedProcess[str]) -> None:
    """Off a terminal stderr has plain lines, and nothing of the model's own."""
    assert first.stderr.splitlines() == [
        "chat/ana-ben: 1 unanswerable queries left out",
        "labels/all: left out, for it has no qrels/test.tsv",
        "chat/ana-ben: 12 documents, 3 queries",
        "pages/one: 14 documents, 1 queries",
    ]


def test_a_second_run_needs_no_model(
    first: subprocess.CompletedProcess[str], data: Path, cache: Path, tmp_path: Path
) -> None:
    """With sentence-transformers out of reach it prints the same, to the last digit."""
    (tmp_path / "sentence_transformers.py").write_text("raise ImportError('out of reach')", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    again = _run(data, "--json", "--cache", str(cache), PYTHONPATH=path)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert [file.name for file in cache.iterdir()] == ["vectors.db"]
    without = _run(data, "--json", PYTHONPATH=path)
    assert "out of reach" in without.stderr


def test_without_json_there_is_a_table_for_each_set(
    first: subprocess.CompletedProcess[str], data: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The systems side by side, each number over its interval."""
    assert first.returncode == 0
    assert main([str(data), "--sets", "chat", "--cache", str(cache)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("chat, 3 queries: the mean and its interval of 95 % ")
    lines = [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in shown.splitlines()]
    assert ["", *SYSTEMS] in lines
    row = lines.index(["recall@10", "1.000", "0.667", "1.000", "1.000"])
    assert lines[row + 1] == ["", "1.000-1.000", "0.000-1.000", "1.000-1.000", "1.000-1.000"]


def test_no_number_is_cut_off_where_more_systems_run(
    first: subprocess.CompletedProcess[str],
    data: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They go into further tables, so that all of it fits on 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    arguments = [str(data), "--sets", "chat", "--cache", str(cache), "--learn", "random"]
    assert main(arguments, opening=_opening) == 0
    shown = capsys.readouterr().out
    assert shown.count("chat, 3 queries: the mean") == 2
    assert "am_agent after random feedback" in shown
    assert "…" not in shown
    assert len(re.findall(r"\d\.\d{3}-\d\.\d{3}", shown)) == 5 * len(MEASURES)


def test_on_a_terminal_there_is_a_bar_and_stdout_is_still_json(
    first: subprocess.CompletedProcess[str],
    data: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bar says which system runs on what, and goes when it is done."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert main([str(data), "--json", "--cache", str(cache)]) == 0
    shown = capsys.readouterr()
    assert shown.out == first.stdout
    assert "pages/one: 14 documents, 1 queries, am_agent" in shown.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "there is no folder absent"),
        (["{data}", "--sets", "chat,nothing"], "there is no set 'nothing' in {data}; there is chat, labels, pages"),
        (["{data}", "--sets", "chat", "--cache", __file__], f"the cache {__file__} is a file; name a folder"),
    ],
)
def test_what_is_absent_is_one_line_and_the_code_two(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Stdout stays empty."""
    assert main([each.format(data=data) for each in arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1] == f"benchmarks.recall: {message.format(data=data)}"


def test_a_broken_line_is_found_before_anything_is_measured(
    write_haystack: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In whichever set it is, the message names the file and the line."""
    text, query = {"_id": "d", "text": "Rex barks."}, {"_id": "q", "text": "Who barks?"}
    write_haystack(tmp_path / "a" / "good", [text], [query], [("q", "d", 1)])
    bad = write_haystack(tmp_path / "b" / "bad", [text, "{]"], [query], [("q", "d", 1)])
    assert main([str(tmp_path), "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith(f"benchmarks.recall: {bad / 'corpus.jsonl.gz'}:2: Expecting property name")


def test_a_set_without_qrels_alone_has_no_numbers(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty object, and the reason on stderr."""
    assert main([str(data), "--sets", "labels", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {}
    assert shown.err == "labels/all: left out, for it has no qrels/test.tsv\n"


@pytest.mark.parametrize("how", ["prompt", "typos", "drop"])
def test_queries_are_perturbed_before_any_system_sees_them(
    how: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All systems are given the same perturbed haystacks, and one line says how."""
    given: list[Haystack] = []

    def spy(haystacks: Sequence[Haystack], *_: object) -> dict[str, dict[str, float]]:
        given.extend(haystacks)
        return {}

    monkeypatch.setattr("benchmarks.recall.measured", spy)
    assert main([str(data), "--json", "--perturb", how]) == 0
    expected = [each for haystacks in read_sets(data).values() for each in haystacks]
    assert given == [perturbed(each, how) for each in expected] != expected
    shown = capsys.readouterr()
    assert shown.err.splitlines()[-1] == f"every query is perturbed: {how}, seed 0"


def test_a_memory_of_several_fields_is_run_without_each(
    first: subprocess.CompletedProcess[str],
    data: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A memory of a single field has no variants, so nothing changes."""
    arguments = [str(data), "--sets", "chat", "--json", "--cache", str(cache), "--ablate"]
    monkeypatch.setattr("benchmarks.recall.FIELDS", ("cosine",))
    assert main(arguments) == 0
    usual = json.loads(first.stdout)["chat"]
    assert json.loads(capsys.readouterr().out) == {"chat": usual}
    monkeypatch.setattr("benchmarks.recall.FIELDS", ("content", "words"))
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)["chat"]
    assert list(found) == [*SYSTEMS, "am_agent without content", "am_agent without words"]
    assert {name: found[name] for name in SYSTEMS} == usual


class _Pupil:
    """Knows all answers as soon as it was given any feedback, and none before."""

    def __init__(self, feedback: Feedback) -> None:
        self.feedback = feedback
        self.used: list[str] = []

    def teach(self, haystack: Haystack, queries: Sequence[Query]) -> None:
        for query in queries:
            self.used += self.feedback(query, [each.id for each in haystack.documents])

    def rankings(self, haystack: Haystack, queries: Sequence[Query]) -> list[Ranking]:
        return [list(query.gold) if self.used else [] for query in queries]

    def unlearn(self) -> None:
        self.used = []


@contextmanager
def _opening(haystacks: Sequence[Haystack], embedder: Embedder, feedback: Feedback) -> Iterator[_Pupil]:
    yield _Pupil(feedback)


@pytest.mark.parametrize(
    ("lesson", "system"), [("gold", "am_agent after learning"), ("random", "am_agent after random feedback")]
)
def test_the_memory_before_and_after_learning_is_shown_beside_the_baselines(
    lesson: str,
    system: str,
    first: subprocess.CompletedProcess[str],
    data: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The baselines are the usual ones."""
    arguments = [str(data), "--sets", "chat", "--json", "--cache", str(cache), "--learn", lesson]
    assert main(arguments, opening=_opening) == 0
    found = json.loads(capsys.readouterr().out)["chat"]
    assert list(found) == [*SYSTEMS, system]
    usual = json.loads(first.stdout)["chat"]
    assert {name: found[name] for name in SYSTEMS[:-1]} == {name: usual[name] for name in SYSTEMS[:-1]}
    assert (found["am_agent"]["recall@1"], found[system]["recall@1"]) == (0.0, 1.0)


def test_a_memory_that_cannot_learn_is_one_line_and_the_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said before any file is read."""
    assert main(["absent", "--learn", "gold"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == ("benchmarks.recall: --learn needs a memory that learns from feedback, and this one does not\n")


def test_fields_are_not_switched_off_while_learning(capsys: pytest.CaptureFixture[str]) -> None:
    """The two options exclude each other."""
    with pytest.raises(SystemExit, match="2"):
        main(["absent", "--learn", "gold", "--ablate"])
    assert "argument --ablate: not allowed with argument --learn" in capsys.readouterr().err


def test_the_page_has_every_option_and_every_choice(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the help has, in the command and in a sentence of their own."""
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    options = set(re.findall(r"--\w+", shown)) - {"--help"}
    assert options == {"--sets", "--perturb", "--ablate", "--learn", "--cache", "--json"}
    synopsis = re.search(r"^python -m benchmarks.recall DIR \[.*\n(?: .*\n)*", page, re.M)
    assert synopsis is not None
    assert set(re.findall(r"--\w+", synopsis.group())) == options
    assert all(f"`{option}" in page for option in options)
    for choices in re.findall(r"\{([\w,]+)\}", shown):
        assert all(f"`{choice}`" in page for choice in choices.split(","))
