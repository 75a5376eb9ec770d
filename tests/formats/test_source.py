"""A file as text: every usual encoding, every line ending, lines of any length, and damage that stays where it is."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.errors import InvalidArgument, InvalidFile, UnknownFormat
from am_agent.formats.source import DAMAGE, Line, Source

TEXT = "Grüße\n日本 🙂\n"


def _source(folder: Path, content: bytes, encoding: str | None = None, name: str = "file.txt") -> Source:
    path = folder / name
    path.write_bytes(content)
    return Source(path, encoding)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), None),
        (TEXT.encode("utf-8-sig"), None),
        (TEXT.encode("utf-8-sig"), "utf-8"),
        (TEXT.encode("utf-16"), None),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), None),
        (TEXT.encode("utf-32"), None),
        (codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"), None),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16"), "utf-16-le"),
        (TEXT.encode("gb18030"), "GB18030"),
    ],
    ids=lambda each: repr(each)[:20],
)
def test_every_encoding_gives_the_same_text(tmp_path: Path, content: bytes, encoding: str | None) -> None:
    """UTF-8 by default, others by their byte order mark or by name; no mark gets into the text."""
    source = _source(tmp_path, content, encoding)
    assert list(source.lines()) == [Line(1, "Grüße"), Line(2, "日本 🙂")]
    assert b"".join(source.json_chunks()) == TEXT.encode()
    assert source.sample == TEXT


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open"])
def test_every_line_ending_ends_a_line(tmp_path: Path, ending: str, last: bool) -> None:
    """LF, CRLF and a lone CR; the last line needs none."""
    source = _source(tmp_path, ("a" + ending + ending + "b" + ending * last).encode())
    assert list(source.lines()) == [Line(1, "a"), Line(2, ""), Line(3, "b")]


def test_other_separators_do_not_end_a_line(tmp_path: Path) -> None:
    """A line separator of Unicode may stand in a string of JSON."""
    assert list(_source(tmp_path, "a\u2028b\x0bc\x85d".encode()).lines()) == [Line(1, "a\u2028b\x0bc\x85d")]


@given(text=st.text(st.sampled_from("ab\n"), max_size=30), longest=st.integers(1, 9))
def test_long_lines_come_in_pieces(tmp_path_factory: pytest.TempPathFactory, text: str, longest: int) -> None:
    """The pieces of a line, put together, are the line; none is longer than asked for."""
    source = _source(tmp_path_factory.mktemp("lines"), b"x" + text.encode())
    lines: dict[int, str] = {}
    ended = True
    for line in source.lines(longest):
        assert len(line.text) <= longest
        assert (line.number in lines) != ended
        lines[line.number] = lines.get(line.number, "") + line.text
        ended = line.ends
    assert ended
    expected = ("x" + text).removesuffix("\n").split("\n")
    assert list(lines.items()) == list(enumerate(expected, 1))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"good\nb\xff\xfed\ngood\n", None),
        ("good\n".encode("utf-16") + b"b\x00\x00\xd8d\x00\n\x00" + "good\n".encode("utf-16-le"), None),
        (b"good\nb\x81d\ngood\n", "cp1252"),
    ],
    ids=["utf-8", "utf-16", "cp1252"],
)
def test_damage_stays_in_its_line(tmp_path: Path, content: bytes, encoding: str | None) -> None:
    """Bytes that are no text mark their line; those around it are as they were."""
    before, damaged, after = _source(tmp_path, content, encoding).lines()
    assert (before, after) == (Line(1, "good"), Line(3, "good"))
    assert damaged.text.strip(DAMAGE) in ("bd", f"b{DAMAGE}d", f"b{DAMAGE}{DAMAGE}d")
    assert DAMAGE in damaged.text


def test_a_file_that_ends_in_half_a_character_is_damaged_there(tmp_path: Path) -> None:
    """Also when that is found only at the end of the file."""
    source = _source(tmp_path, "a\ngrü".encode()[:-1])
    assert list(source.lines()) == [Line(1, "a"), Line(2, f"gr{DAMAGE}")]
    assert b"".join(source.json_chunks()) == rb"a" + b"\n" + rb"gr\u001a"


def test_a_long_file_is_read_in_chunks(tmp_path: Path) -> None:
    """Characters that lie across two chunks are whole."""
    text = "ü" * 100_000 + "日" * 100_000
    chunks = list(_source(tmp_path, b"x" + text.encode()).json_chunks())
    assert len(chunks) > 5
    assert b"".join(chunks).decode() == "x" + text


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", InvalidFile, r"file\.txt is empty$"),
        (b" \n\t\r\n", InvalidFile, r"file\.txt is empty but for white space$"),
        (codecs.BOM_UTF8, InvalidFile, r"empty but for white space$"),
        (b"abc\x00def", UnknownFormat, r"holds a NUL byte at position 3: .*encoding='utf-16-le'$"),
        ("text".encode("utf-16-be"), UnknownFormat, r"NUL byte at position 0"),
        (b"PK\x03\x04...", UnknownFormat, r"is a ZIP archive.*unpack"),
        (b"%PDF-1.7\n", UnknownFormat, r"is a PDF; extract"),
        (b"\x1f\x8b\x08", UnknownFormat, r"gzip"),
        (b"SQLite format 3\x00", UnknownFormat, r"SQLite database; .*Memory\(path\)"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, error: type[Exception], message: str) -> None:
    """The error says what was found, and what to do with it."""
    with pytest.raises(error, match=message):
        _source(tmp_path, content)


def test_a_wrong_encoding_is_noticed(tmp_path: Path) -> None:
    """UTF-16 that is read as Latin-1 would give a NUL with every letter."""
    with pytest.raises(UnknownFormat, match=r"NUL characters when it is read as latin-1"):
        _source(tmp_path, "text".encode("utf-16-le"), "latin-1")


def test_what_cannot_be_opened_is_an_invalid_argument(tmp_path: Path) -> None:
    """No file, a folder, a file that may not be read."""
    with pytest.raises(InvalidArgument, match=r"there is no file .*nothing"):
        Source(tmp_path / "nothing")
    with pytest.raises(InvalidArgument, match=r"is a folder; name a file in it"):
        Source(tmp_path)
