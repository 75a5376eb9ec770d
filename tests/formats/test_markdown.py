"""Markdown: blocks are whole, headings lead the block below them, nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.formats import plain_text
from am_agent.formats.markdown import blocks
from am_agent.formats.plain_text import Passage
from am_agent.formats.source import Line


def _blocks(text: str) -> list[Passage]:
    return list(blocks(Line(number, line) for number, line in enumerate(text.split("\n"), 1)))


def _texts(text: str) -> list[str]:
    return [each.text for each in _blocks(text)]


_ROWS = [
    *("", "text", "ends:", "# A", "## B", "===", "- item", "  more", "1. one", "    code"),
    *("```", "~~~", "| a | b |", "> quote"),
]


@given(st.lists(st.sampled_from(_ROWS), max_size=25))
def test_every_line_is_in_one_block(rows: list[str]) -> None:
    """In the order of the file, whatever Markdown makes of it; only blank lines between blocks are left out."""
    found = _blocks("\n".join(rows))
    said = [row for row in rows if row.strip()]
    assert [line for each in found for line in each.text.split("\n") if line.strip()] == said
    assert [each.number for each in found] == sorted({each.number for each in found})
    for each in found:
        assert rows[each.number - 1] == each.text.split("\n")[0]


@given(st.lists(st.sampled_from(_ROWS[:10]), max_size=10))
def test_code_in_a_fence_is_never_cut(rows: list[str]) -> None:
    """Whatever stands in it: blank lines, headings, lists."""
    code = "\n".join(["```python", *rows, "```"])
    assert _texts(f"before\n\n{code}\n\nafter") == ["before", code, "after"]


def test_headings_lead_the_first_block_and_name_every_one_below_them() -> None:
    """The lines of headings stand in the text once, and their words in the metadata of all blocks."""
    text = "# Guide #\n\n## Install\n\nRun pip.\n\nOr make.\n\n## Use\nCall it.\n\n# End\nBye."
    assert [(each.number, each.text, each.headings) for each in _blocks(text)] == [
        (1, "# Guide #\n## Install\nRun pip.", ("Guide", "Install")),
        (7, "Or make.", ("Guide", "Install")),
        (9, "## Use\nCall it.", ("Guide", "Use")),
        (12, "# End\nBye.", ("End",)),
    ]


def test_a_heading_with_nothing_under_it_stands_alone() -> None:
    """It does not get into the section that follows, nor is it lost at the end."""
    found = _blocks("## Empty\n## Full\ntext\n# Last")
    assert [(each.text, each.headings) for each in found] == [
        ("## Empty", ("Empty",)),
        ("## Full\ntext", ("Full",)),
        ("# Last", ("Last",)),
    ]


def test_underlined_headings_are_headings() -> None:
    """= and - under a paragraph make it one; after a blank line, - is a break."""
    found = _blocks("Title\nof two lines\n===\n\ntext\n\n---\n\nPart\n---\nmore")
    assert [(each.text, each.headings) for each in found] == [
        ("Title\nof two lines\n===\ntext", ("Title of two lines",)),
        ("Part\n---\nmore", ("Title of two lines", "Part")),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo\n\nthree", ["one\ntwo", "three"]),
        ("- a\n- b\n\n- c\n\n  of c\n\nnext", ["- a\n- b\n\n- c\n\n  of c", "next"]),
        ("1. a\n2. b\n\n   ```\n   x\n\n   y\n   ```\n3. c", ["1. a\n2. b\n\n   ```\n   x\n\n   y\n   ```\n3. c"]),
        ("text\n- a\n- b", ["text", "- a\n- b"]),
        ("in the year\n2019. It was", ["in the year\n2019. It was"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\nnext", ["| a | b |\n|---|---|\n| 1 | 2 |", "next"]),
        ("text\n```\ncode\n```\nmore", ["text", "```\ncode\n```", "more"]),
        ("````\n```\n````\n\nmore", ["````\n```\n````", "more"]),
        ("~~~\n```\n~~~\nmore", ["~~~\n```\n~~~", "more"]),
        ("```\nnever closed\n\n# no heading", ["```\nnever closed\n\n# no heading"]),
        ("    code\n\n    more\n\ntext", ["    code\n\n    more", "text"]),
        ("a\n\n***\n\nb\n\n- - -\nc", ["a", "b", "c"]),
        ("#hashtag\n\n####### seven", ["#hashtag", "####### seven"]),
        ("---\ntitle: x\ntags: [a]\n---\n# A\ntext", ["---\ntitle: x\ntags: [a]\n---", "# A\ntext"]),
        ("> quoted\n> more\n\ntext", ["> quoted\n> more", "text"]),
        ("-\n- b", ["-\n- b"]),
        ("```inline``` code\n\nmore", ["```inline``` code", "more"]),
    ],
)
def test_a_block_is_whole(text: str, expected: list[str]) -> None:
    """Paragraphs, lists with their gaps, tables, code, front matter."""
    assert _texts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run:\n\n```\nmake\n```\n\nDone.", ["Run:\n\n```\nmake\n```", "Done."]),
        ("Run:\n```\nmake\n```", ["Run:\n```\nmake\n```"]),
        ("Things:\n\n- a\n- b\n\nDone.", ["Things:\n\n- a\n- b", "Done."]),
        ("Things:\n- a", ["Things:\n- a"]),
        ("Steps:\n\n2. b\n3. c", ["Steps:\n\n2. b\n3. c"]),
        ("Run:\n\n    make\n\n    make test\n\nDone.", ["Run:\n\n    make\n\n    make test", "Done."]),
        ("- first run:\n\n```\nmake\n```\n\nDone.", ["- first run:\n\n```\nmake\n```", "Done."]),
        ("He said:\n\nGo.", ["He said:", "Go."]),
        ("# Code:\n\ntext", ["# Code:\ntext"]),
    ],
)
def test_a_colon_keeps_the_code_or_the_list_that_it_announces(text: str, expected: list[str]) -> None:
    """What is announced is of little use without what it is announced with, and the other way round."""
    assert _texts(text) == expected


def test_a_block_without_end_is_ended_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even code, so that a file needs no more memory than a passage may have."""
    monkeypatch.setattr(plain_text, "LONGEST_PASSAGE", 10)
    assert _texts("```\n123456\n123456\n```") == ["```\n123456", "123456", "```"]
    pieces = [Line(1, "# 34567890", False), Line(1, "abcdefghij", False), Line(1, "x"), Line(2, "y")]
    assert [each.text for each in blocks(pieces)] == ["# 34567890", "abcdefghij", "x\ny"]
