"""The command on sets of the tests' own sentences through the real model: JSON, tables, what is said, and errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from am_agent import SentenceTransformerEmbedder
from benchmarks.confidence import main
from benchmarks.confident import Method, Prior, Sample
from benchmarks.novelty import SCORES

ROOT = Path(__file__).parents[2]
Write = Callable[..., Path]

CHATS = {
    "ana-ben": (
        ("Ana", "My dog is called Rex, and he is afraid of thunder.", "What is Ana's dog called?"),
        ("Ben", "The invoice of March has still not been paid.", "Has the invoice been paid?"),
        ("Ana", "We fly to Lisbon in the second week of June.", "When does Ana fly to Lisbon?"),
    ),
    "eva-tim": (
        ("Eva", "My sister plays the cello in an orchestra.", "Which instrument does Eva's sister play?"),
        ("Tim", "Prices of wheat rose again this autumn.", "What happened to the prices of wheat?"),
    ),
}
INTENTS = (
    ("pay", "transfer money to my landlord", "send the rent to my landlord"),
    ("play", "put on some jazz music", "I want to listen to jazz"),
)
PAGES = (
    ("Frozen helium conducts heat better than copper does.", "How well does frozen helium conduct heat?"),
    ("The glacier has lost a third of its length.", "How much has the glacier shrunk?"),
)


@pytest.fixture(scope="module")
def data(write_haystack: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two chats, labelled utterances, pages in one haystack, and texts of which nothing is known."""
    folder = tmp_path_factory.mktemp("data")
    for name, turns in CHATS.items():
        corpus = [{"_id": text, "text": text, "metadata": {"speaker": who}} for who, text, _ in turns]
        queries = [{"_id": asked, "text": asked} for _, _, asked in turns]
        wrong = {"_id": "wrong", "text": "What is the cat called?", "metadata": {"answerable": False}}
        qrels = [(asked, text, 1) for _, text, asked in turns]
        write_haystack(folder / "chat" / name, corpus, [*queries, wrong], qrels)
    corpus = [{"_id": text, "text": text, "metadata": {"label": label}} for label, text, _ in INTENTS]
    queries = [{"_id": asked, "text": asked, "metadata": {"label": label}} for label, _, asked in INTENTS]
    unanswerable = {"_id": "oos", "text": "who painted this ceiling", "metadata": {"answerable": False}}
    write_haystack(folder / "clinc150" / "all", corpus, [*queries, unanswerable], None)
    corpus = [{"_id": text, "text": text} for text, _ in PAGES]
    qrels = [(asked, text, 1) for text, asked in PAGES]
    write_haystack(folder / "musique" / "one", corpus, [{"_id": asked, "text": asked} for _, asked in PAGES], qrels)
    write_haystack(folder / "unknown" / "one", corpus, [{"_id": "q", "text": "Who?"}], None)
    return folder


@pytest.fixture
def run(minilm: SentenceTransformerEmbedder, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command with the model that is loaded already."""
    monkeypatch.setattr("benchmarks.confidence.SentenceTransformerEmbedder", lambda: minilm)
    return main


LEFT_OUT = "unknown: left out, for it has no cues of which it is known that they are present or absent"
SHIPPED = "clinc150: scored by the shipped prior, for the other development sets have no cues to fit one on"


def test_stdout_is_json_alone_of_every_system(
    data: Path, run: Callable[..., int], by_similarity: Method, capsys: pytest.CaptureFixture[str]
) -> None:
    """By set and system, as the page has it; on stderr what is left out, what is asked for priors, and what is run."""
    assert run([str(data), "--json"], by_similarity) == 0
    shown = capsys.readouterr()
    results: dict[str, Any] = json.loads(shown.out)
    assert list(results) == ["chat", "clinc150", "musique"]
    measures = ["auroc", "fpr95", "ece", "reliability_auroc", "auroc_own_unanswerable"]
    verdicts = [f"{verdict}_{kind}" for kind in ("present", "absent") for verdict in ("known", "ambiguous", "unknown")]
    for found in results.values():
        assert list(found) == ["am_agent", *SCORES]
        assert list(found["am_agent"]) == [*measures, *verdicts, "present", "absent", "own_unanswerable"]
        assert all(list(found[name]) == measures for name in SCORES)
    assert shown.err.splitlines() == [
        "unknown/one: 1 queries left out, for no document has their label",
        f"{LEFT_OUT}, and no foreign questions",
        SHIPPED,
        "clinc150/all: 2 documents, 3 cues to fit priors on",
        "chat/ana-ben: 3 documents, 3 queries",
        "chat/eva-tim: 2 documents, 2 queries",
        "clinc150/all: 2 documents, 2 queries",
        "musique/one: 2 documents, 2 queries",
    ]


def test_the_figures_are_those_that_can_be_foreseen(
    data: Path, run: Callable[..., int], by_similarity: Method, capsys: pytest.CaptureFixture[str]
) -> None:
    """By meaning the present cues are nearer than any absent one; all that is there is among ten; counts add up."""
    assert run([str(data), "--json"], by_similarity) == 0
    results = json.loads(capsys.readouterr().out)
    for name, counts in {"chat": (5, 4, 2), "clinc150": (2, 1, 0), "musique": (2, 2, 0)}.items():
        memory = results[name]["am_agent"]
        assert (memory["present"], memory["absent"], memory["own_unanswerable"]) == counts
        assert sum(memory[f"{verdict}_present"] for verdict in ("known", "ambiguous", "unknown")) == pytest.approx(1)
        assert (memory["auroc"], memory["fpr95"], memory["reliability_auroc"]) == (1.0, 0.0, None)
        assert (results[name]["max_cosine"]["auroc"], results[name]["max_cosine"]["fpr95"]) == (1.0, 0.0)
        assert 0 < memory["ece"] < 0.5
        assert {results[name][score]["ece"] for score in SCORES} == {None}
    assert results["chat"]["am_agent"]["auroc_own_unanswerable"] == 1.0
    assert results["clinc150"]["am_agent"]["auroc_own_unanswerable"] is None


def test_a_development_set_is_scored_by_a_prior_without_it(
    data: Path, run: Callable[..., int], by_similarity: Method, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when it alone is run; a set of another name is scored by the shipped one."""
    samples: list[Sample] = []
    given: list[tuple[str, Prior]] = []

    def fit(sample: Sample) -> Prior:
        samples.append(sample)
        return by_similarity.fit(sample)

    def opened(haystack: Any, embedder: Any, prior: Prior) -> Any:
        given.append((haystack.name, prior))
        return by_similarity.opened(haystack, embedder, prior)

    assert run([str(data), "--json", "--sets", "chat,clinc150"], replace(by_similarity, fit=fit, opened=opened)) == 0
    assert samples == []  # without clinc150, musique is alone, and has no absent cues
    assert SHIPPED in capsys.readouterr().err.splitlines()
    assert given == [("chat/ana-ben", None), ("chat/eva-tim", None), ("clinc150/all", None)]
    given.clear()
    assert run([str(data), "--json", "--sets", "musique,chat"], replace(by_similarity, fit=fit, opened=opened)) == 0
    (sample,) = samples
    assert sample.present.tolist() == [True, True, False]  # the cues of clinc150
    assert [name for name, _ in given] == ["clinc150/all", "musique/one", "chat/ana-ben", "chat/eva-tim"]
    assert [prior is None for _, prior in given] == [True, False, True, True]
    assert given[1][1] == by_similarity.fit(sample)


def test_without_json_there_is_a_table_for_each_set(
    data: Path,
    run: Callable[..., int],
    by_similarity: Method,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row for each system, on 80 columns, and the verdicts below."""
    monkeypatch.setenv("COLUMNS", "80")
    assert run([str(data), "--sets", "chat"], by_similarity) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("chat: 5 present cues, 4 absent, 2 of its own that have no answer")
    rows = [re.findall(r"[\w.-]+", line) for line in shown.splitlines()]
    assert ["max_cosine", "1.000", "0.000", "-", "-", "1.000"] in rows
    memory = next(row for row in rows if row[:1] == ["am_agent"])
    assert (memory[1:3], memory[4:]) == (["1.000", "0.000"], ["-", "1.000"])
    assert re.search(r"^present: known \d\.\d{3}, ambiguous \d\.\d{3}, unknown \d\.\d{3} *$", shown, re.M)
    assert re.search(r"^absent: known 0\.000, ambiguous \d\.\d{3}, unknown \d\.\d{3} *$", shown, re.M)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown


def test_a_set_alone_in_one_haystack_is_left_out(
    data: Path, run: Callable[..., int], by_similarity: Method, capsys: pytest.CaptureFixture[str]
) -> None:
    """There are no foreign questions; an empty object, and a line on stderr."""
    assert run([str(data), "--sets", "musique", "--json"], by_similarity) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {}
    assert shown.err == f"{LEFT_OUT.replace('unknown:', 'musique:')}, and no foreign questions\n"


def test_a_second_run_embeds_nothing(
    data: Path,
    tmp_path: Path,
    run: Callable[..., int],
    by_similarity: Method,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    minilm: SentenceTransformerEmbedder,
) -> None:
    """With a cache it prints the same, to the last digit."""
    arguments = [str(data), "--sets", "chat", "--json", "--cache", str(tmp_path)]
    assert run(arguments, by_similarity) == 0
    first = capsys.readouterr().out

    def refuse(texts: object) -> object:
        raise AssertionError("embedded again")

    monkeypatch.setattr(minilm, "documents", refuse)
    monkeypatch.setattr(minilm, "queries", refuse)
    assert run(arguments, by_similarity) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "there is no folder absent"),
        (
            ["{data}", "--sets", "nothing"],
            "there is no set 'nothing' in {data}; there is chat, clinc150, musique, unknown",
        ),
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
    assert shown.err == f"benchmarks.confidence: {message.format(data=data)}\n"


def test_a_broken_line_is_found_before_anything_is_measured(
    write_haystack: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in a development set that only a prior is fitted on."""
    text, query = {"_id": "d", "text": "Rex barks."}, {"_id": "q", "text": "Who barks?"}
    for name in ("musique/one", "musique/two"):
        write_haystack(tmp_path / name, [text], [query, {"_id": "r", "text": name}], [("q", "d", 1), ("r", "d", 1)])
    bad = write_haystack(tmp_path / "scifact" / "bad", [text, "{]"], [query], [("q", "d", 1)])
    assert main([str(tmp_path), "--sets", "musique", "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith(f"benchmarks.confidence: {bad / 'corpus.jsonl.gz'}:2: Expecting property name")


def test_it_runs_as_a_module() -> None:
    """With the exit code of what it found."""
    command = [sys.executable, "-m", "benchmarks.confidence", "absent", "--json"]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "benchmarks.confidence: there is no folder absent\n"


def test_the_page_has_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the help has, in the command and in a sentence of their own."""
    page = (ROOT / "docs" / "confidence.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    options = set(re.findall(r"--\w+", capsys.readouterr().out)) - {"--help"}
    assert options == {"--sets", "--cache", "--json"}
    synopsis = re.search(r"^python -m benchmarks.confidence DIR \[.*$", page, re.M)
    assert synopsis is not None
    assert set(re.findall(r"--\w+", synopsis.group())) == options
    assert all(f"`{option}" in page for option in options)
