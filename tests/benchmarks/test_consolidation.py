"""The command that judges groups: what it reads, what it leaves out, what it says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder
from benchmarks.beir import read_haystack
from benchmarks.consolidation import judged, main
from benchmarks.grouping import WAYS

TOPICS = {
    "cooking": "bake the bread with flour and yeast in the oven",
    "sailing": "hoist the sail and steer the boat into the wind",
    "chess": "move the knight and protect the king from check",
    "garden": "water the roses and prune the hedge in spring",
}
MEASURES = {"ari", "nmi", "prototypes", "singletons", "false_merges", "prototype_accuracy", "seconds_per_1000"}


@pytest.fixture
def labelled(write_haystack: Callable[..., Path], tmp_path: Path) -> Path:
    """Four topics, fifteen texts of each, and two queries."""
    corpus = [
        {"_id": f"{label}{number}", "text": f"{text} {label} {number}", "metadata": {"label": label}}
        for label, text in TOPICS.items()
        for number in range(15)
    ]
    queries = [
        {"_id": "q1", "text": TOPICS["chess"], "metadata": {"label": "chess"}},
        {"_id": "q2", "text": "unknown", "metadata": {"label": "oos", "answerable": False}},
    ]
    write_haystack(tmp_path / "sets" / "topics" / "all", [*corpus, {"_id": "none", "text": "no label"}], queries, None)
    return tmp_path / "sets"


def test_a_labelled_haystack_is_judged(labelled: Path, toy: DeterministicEmbedder) -> None:
    """Every way by every measure; a text without a label is left out, and a sample is no larger than was asked."""
    haystack = read_haystack(labelled / "topics" / "all", without_gold=True)
    found = judged(haystack, toy, 4000, 0)
    assert list(found) == [*WAYS, "resident_prototypes"]
    kept = found.pop("resident_prototypes")
    assert kept == {"kept@10": 1, "kept_cosine@10": 1, "read": 60, "patterns": 4, "bytes": kept["bytes"], "stored": 60}
    assert all(set(each) >= MEASURES for each in found.values())
    assert set(found["am_agent"]) - MEASURES == {"saving", "duplicates"}
    assert found["kmeans_true_k"]["ari"] == 1.0
    assert found["am_agent"]["prototype_accuracy"] == 1.0
    few = judged(haystack, toy, 20, 0)
    assert few["kmeans_true_k"]["prototypes"] <= 4


def test_the_command_prints_json(labelled: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And with the cache it has embedded once."""
    for _ in range(2):
        assert main([str(labelled), "--json", "--cache", str(tmp_path / "cache"), "--sample", "60"]) == 0
        out, err = capsys.readouterr()
        found = json.loads(out)
        assert list(found) == ["topics"]
        assert found["topics"]["am_agent"]["prototypes"] >= 2
        assert "topics/all: 60 documents at most, seed 0" in err


def test_a_set_with_answers_is_asked_before_and_after(
    write_haystack: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In place of the ways, since there is nothing to agree with."""
    write_haystack(
        tmp_path / "plain" / "all", [{"_id": "a", "text": "b"}], [{"_id": "q", "text": "b"}], [("q", "a", 1)]
    )
    assert main([str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["plain"]
    assert found["before"]["recall@5"] == found["after"]["recall@5"] == 1
    assert found["before"]["patterns"] == 1


def test_without_labels_there_is_nothing_to_judge(
    write_haystack: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which the command says; and a folder that is not there is an error."""
    write_haystack(tmp_path / "plain" / "all", [{"_id": "a", "text": "b"}], [], [])
    assert main([str(tmp_path)]) == 0
    assert "plain: left out, for it has neither a label nor an answer" in capsys.readouterr().err
    assert main([str(tmp_path / "missing")]) == 2
    assert "there is no folder" in capsys.readouterr().err
