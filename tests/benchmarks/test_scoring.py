"""What the fused scores cost, with few episodes: the shape of what is printed, and what it was measured on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from am_agent.hopfield.fusion import FIELDS
from benchmarks import scoring
from benchmarks.scoring import main, measured

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_stdout_is_json_alone_of_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the command, and the ratio is that of the two medians."""
    assert main(["--sizes", "60,30", "--json"]) == 0
    shown = capsys.readouterr()
    results = json.loads(shown.out)
    assert list(results) == ["60", "30"]
    for row in results.values():
        assert list(row) == ["cosine_ms", "fields_ms", "ratio"]
        assert row["cosine_ms"] > 0
        assert row["fields_ms"] > 0
        assert row["ratio"] == row["fields_ms"] / row["cosine_ms"]
    assert shown.err == ""


def test_without_json_there_is_a_row_for_each_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Milliseconds and the ratio, with two digits after the point."""
    monkeypatch.setattr("benchmarks.scoring.measured", lambda size: {"cosine_ms": size / 8, "fields_ms": 1, "ratio": 2})
    assert main(["--sizes", "20,4"]) == 0
    lines = [re.split(r"\s*[│┃]\s*", line.strip())[1:-1] for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line] == [
        ["episodes", "cosine, top 10", "all fields", "ratio"],
        ["20", "2.50", "1.00", "2.00"],
        ["4", "0.50", "1.00", "2.00"],
    ]


def test_all_fields_have_scores_in_what_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Content, words and actor are in the made-up cues; each cue is asked once after three that warm up."""
    asked: list[dict[str, object]] = []
    present: set[str] = set()
    run = scoring.fused

    def spy(*arguments: object, **options: object) -> object:
        readout = run(*arguments, **options)  # type: ignore[arg-type]
        asked.append(options)
        present.update(field for field, column in zip(FIELDS, readout.fields.T, strict=True) if np.any(column))
        assert len(readout.best) == 10
        return readout

    monkeypatch.setattr("benchmarks.scoring.fused", spy)
    measured(100)
    assert len(asked) == 43
    assert all((options["fields"], options["k"]) == (FIELDS, 10) for options in asked)
    assert {"content", "words", "actor"} <= present


def test_the_page_has_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the help has, in the command and in a sentence of their own."""
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    options = set(re.findall(r"--\w+", capsys.readouterr().out)) - {"--help"}
    assert options == {"--sizes", "--json"}
    page = PAGE.read_text(encoding="utf-8")
    synopsis = re.search(r"^python -m benchmarks.scoring .*\n", page, re.M)
    assert synopsis is not None
    assert set(re.findall(r"--\w+", synopsis.group())) == options
    section = page[synopsis.end() :].split("\n## ")[0]
    assert all(f"`{option}" in section for option in options)
