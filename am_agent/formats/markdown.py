"""Markdown: blocks under their headings, each whole. Knows where blocks begin and end, not how they look."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from am_agent.formats.plain_text import Lines, Passage, unpaged
from am_agent.formats.source import Line

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,}).*")
_BREAK = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+.*|$)")
_FIRST_ITEM = re.compile(r" {0,3}(?:[-*+]|1[.)])[ \t]+\S.*")  # what may follow a paragraph without a blank line
_INDENTED = re.compile(r"(?: {4}| {0,3}\t).*")
_CONTINUED = re.compile(r"(?: {2}| ?\t).*")


def blocks(lines: Iterable[Line]) -> Iterator[Passage]:
    r"""The blocks of a text in Markdown: paragraphs, lists, tables, code, each with the headings it stands under.

    Example:
        >>> text = ["# Guide", "", "Run this:", "", "```", "make", "", "make test", "```", "", "Then rest."]
        >>> [each.text for each in blocks(Line(number, line) for number, line in enumerate(text, 1))]
        ['# Guide\nRun this:\n\n```\nmake\n\nmake test\n```', 'Then rest.']
    """
    reader = _Blocks()
    for line in unpaged(lines):
        yield from reader.read(line)
    yield from reader.end()


class _Blocks:
    """Reads line by line. A block's kind decides which lines go on with it."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._titles = 0  # how many of the lines are headings, at their front
        self._kind = ""  # paragraph, list, code, fence (open), fenced (closed), matter; "" where no block has begun
        self._fence = ""
        self._in_list = False  # whether the fence stands in a list
        self._blanks: list[Line] = []  # after the block so far: within it, if it goes on
        self._headings: list[tuple[int, str]] = []
        self._pieces = False  # in the middle of a line that comes in pieces

    def read(self, line: Line) -> Iterator[Passage]:
        if self._lines.full:
            yield from self._end_headings()
        if self._pieces or not line.ends:  # no line of such a length is markup
            self._pieces = not line.ends
            self._kind = self._kind or "paragraph"
            self._add(line)
        elif self._kind == "fence":
            self._read_code(line)
        elif self._kind == "matter":
            self._add(line)
            if line.text.rstrip() in ("---", "...", ""):
                yield from self._end_block()
        elif line.text.strip():
            yield from self._read_text(line)
        elif self._kind:
            self._blanks.append(line)

    def end(self) -> Iterator[Passage]:
        yield from self._lines.taken(self._path())

    def _read_code(self, line: Line) -> None:
        self._add(line)
        text = line.text.strip()
        if text.startswith(self._fence) and not text.strip(self._fence[0]):
            self._kind = "list" if self._in_list else "fenced"

    def _read_text(self, line: Line) -> Iterator[Passage]:
        text = line.text
        if self._kind == "paragraph" and not self._blanks and (underline := _UNDERLINE.fullmatch(text)):
            self._underline(1 if underline[1][0] == "=" else 2, line)
        elif line.number == 1 and text.rstrip() == "---":
            self._kind = "matter"
            self._add(line)
        elif heading := _HEADING.fullmatch(text):
            yield from self._end_block()
            level = len(heading[1])
            if self._titles and level <= self._headings[-1][0]:
                yield from self._end_headings()  # there is nothing under the heading before
            self._enter(level, heading[2] or "")
            self._add(line)
            self._titles += 1
        elif _BREAK.fullmatch(text):
            yield from self._end_block()
        else:
            if not self._goes_on(text):
                yield from self._end_block()
            self._go_on(line)

    def _goes_on(self, text: str) -> bool:
        """Whether a line belongs to the block before it."""
        apart, fence, item = bool(self._blanks), _FENCE.fullmatch(text), _ITEM.fullmatch(text)
        indented = _INDENTED.fullmatch(text)
        begun = self._kind in ("paragraph", "list") and self._lines.texts[-1].rstrip().endswith(":")
        if begun and (fence or item or indented):
            return True
        if self._kind == "list":
            return bool(item or _CONTINUED.fullmatch(text)) or not (apart or fence)
        if self._kind == "code":
            return bool(indented)
        return self._kind == "paragraph" and not (apart or fence or _FIRST_ITEM.fullmatch(text))

    def _go_on(self, line: Line) -> None:
        text, apart = line.text, bool(self._blanks) or not self._kind
        if fence := _FENCE.fullmatch(text):
            self._in_list = self._kind == "list" or bool(_ITEM.fullmatch(text))
            self._kind, self._fence = "fence", fence[1]
        elif self._kind in ("", "paragraph"):
            if _FIRST_ITEM.fullmatch(text) or (apart and _ITEM.fullmatch(text)):
                self._kind = "list"
            elif apart:
                self._kind = "code" if _INDENTED.fullmatch(text) else "paragraph"
        self._add(line)

    def _underline(self, level: int, line: Line) -> None:
        """A line of = or - makes a heading of the paragraph above it."""
        self._enter(level, " ".join(text.strip() for text in self._lines.texts[self._titles :]))
        self._add(line)
        self._kind, self._titles = "", len(self._lines.texts)

    def _enter(self, level: int, title: str) -> None:
        self._headings = [each for each in self._headings if each[0] < level] + [(level, title)]

    def _path(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._headings)

    def _add(self, line: Line) -> None:
        for each in (*self._blanks, line):
            self._lines.append(each)
        self._blanks = []

    def _end_block(self) -> Iterator[Passage]:
        self._blanks = []
        if self._kind:  # headings alone wait for the block below them
            yield from self._end_headings()

    def _end_headings(self) -> Iterator[Passage]:
        yield from self._lines.taken(self._path())
        self._kind, self._titles = "", 0
