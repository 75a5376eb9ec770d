"""Plain text: paragraphs between blank lines. Knows lines, no markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from am_agent.formats.source import DAMAGE, Line

LONGEST_PASSAGE: Final = 16 * 2**20
"""Characters; a passage that grows longer is ended there, so that a file without blank lines needs no memory."""


class Passage(NamedTuple):
    """Some lines that belong together.

    Attributes:
        number: The line it begins on.
        text: Its lines, without blank ones around them.
        headings: The headings it stands under.
        damaged: The first of its lines with bytes that could not be decoded, or 0.
    """

    number: int
    text: str
    headings: tuple[str, ...] = ()
    damaged: int = 0


class Lines:
    """The lines of a passage that is being read."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._number = 0
        self._damaged = 0
        self._length = 0
        self._begun = False  # the last line is a piece, and the rest of it follows

    @property
    def full(self) -> bool:
        """Whether it is long enough to be ended."""
        return self._length >= LONGEST_PASSAGE

    def append(self, line: Line) -> None:
        """Add a line, or the next piece of one."""
        self._number = self._number or line.number
        if DAMAGE in line.text:
            self._damaged = self._damaged or line.number
        if self._begun:
            self.texts[-1] += line.text
        else:
            self.texts.append(line.text)
        self._begun = not line.ends
        self._length += len(line.text) + 1

    def taken(self, headings: tuple[str, ...] = ()) -> Iterator[Passage]:
        """The passage of the lines so far, unless they are blank; the next one begins empty."""
        text = "\n".join(self.texts).rstrip().lstrip("\n")
        number, damaged, begun = self._number, self._damaged, self._begun
        self.texts, self._number, self._damaged, self._length = [], 0, 0, 0
        if begun:
            self.texts = [""]  # what follows of a line that was too long
        if text.strip():
            yield Passage(number, text, headings, damaged)


def paragraphs(lines: Iterable[Line]) -> Iterator[Passage]:
    r"""The paragraphs of a text.

    Example:
        >>> text = ["One line,", "and another.", "", "Second paragraph."]
        >>> [each.text for each in paragraphs(Line(number, line) for number, line in enumerate(text, 1))]
        ['One line,\nand another.', 'Second paragraph.']
    """
    current = Lines()
    for line in unpaged(lines):
        if current.full or (line.ends and not line.text.strip()):
            yield from current.taken()
        if line.text.strip() or not line.ends:
            current.append(line)
    yield from current.taken()


def unpaged(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines with blanks for form feeds: printed pages end in the middle of a text, and no episode holds them."""
    for line in lines:
        yield line._replace(text=line.text.replace("\f", " ")) if "\f" in line.text else line
