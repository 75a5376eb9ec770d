"""Plain text: one passage for each paragraph, nothing lost, nothing made up."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.formats import plain_text
from am_agent.formats.plain_text import Passage, paragraphs
from am_agent.formats.source import DAMAGE, Line


def _lines(texts: Iterable[str]) -> list[Line]:
    return [Line(number, text) for number, text in enumerate(texts, 1)]


@given(st.lists(st.sampled_from(["", "  ", "one", " two", "three "]), max_size=20))
def test_every_line_is_in_one_paragraph(texts: list[str]) -> None:
    """Paragraphs are the runs of lines that are not blank, in their order, with the number of their first line."""
    found = list(paragraphs(_lines(texts)))
    said = [text.rstrip() for text in texts if text.strip()]
    assert [line.rstrip() for each in found for line in each.text.split("\n")] == said
    for each in found:
        assert texts[each.number - 1].rstrip() == each.text.split("\n")[0].rstrip()
        assert each.number == 1 or not texts[each.number - 2].strip()


def test_form_feeds_are_blanks() -> None:
    """Printed pages end within texts, and a page alone is no paragraph."""
    assert [each.text for each in paragraphs(_lines(["a", "\f", "\fb"]))] == ["a", " b"]


def test_a_damaged_line_is_told() -> None:
    """The paragraph says which of its lines it is."""
    assert list(paragraphs(_lines(["a", f"b{DAMAGE}", "", "c"]))) == [
        Passage(1, f"a\nb{DAMAGE}", damaged=2),
        Passage(4, "c"),
    ]


def test_a_text_without_blank_lines_is_ended_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a line, where there are lines; within one that comes in pieces; and nothing is lost."""
    monkeypatch.setattr(plain_text, "LONGEST_PASSAGE", 10)
    assert [each.text for each in paragraphs(_lines(["12345"] * 5))] == ["12345\n12345"] * 2 + ["12345"]
    pieces = [Line(1, "1234567890", False), Line(1, "abcdefghij", False), Line(1, "x"), Line(2, "y")]
    assert [each.text for each in paragraphs(pieces)] == ["1234567890", "abcdefghij", "x\ny"]
