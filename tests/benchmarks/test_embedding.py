"""The benchmark of the two runtimes measures what it says, and prints a line for each number of texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from am_agent import DeterministicEmbedder
from am_agent.draft import Vectors
from benchmarks import embedding


class Counting(DeterministicEmbedder):
    """The toy, which remembers what it was asked."""

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self.asked = asked

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        self.asked.append(f"{id(self)}")
        return super().documents(texts)


def test_candidates_are_measured_in_turns() -> None:
    """One round is for warming up, and what it took is not counted."""
    asked: list[str] = []
    first, second = Counting(asked), Counting(asked)
    times = embedding.timed({"first": first, "second": second}, ["a"], rounds=3)
    assert asked == [str(id(first)), str(id(second))] * 4
    assert all(seconds > 0 for seconds in times.values())


def test_every_text_is_another() -> None:
    """So that nothing that remembers texts looks fast."""
    assert len(set(embedding.texts(256))) == 256


def test_it_prints_a_line_for_each_number_of_texts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With both runtimes, and what each takes to load."""
    monkeypatch.setattr(embedding, "COUNTS", (1, 2))
    embedding.main(["--rounds", "1"])
    head, *lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head == ["onnx", "torch"]
    assert [" ".join(line[:-4]) for line in lines] == ["1 text", "2 texts", "to the first vector"]
    assert all(float(line[place]) > 0 for line in lines for place in (-4, -2))
