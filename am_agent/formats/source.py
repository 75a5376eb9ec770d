"""A file's bytes as text: encodings, lines of any length, bytes that are no text. Knows no format."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from am_agent.errors import InvalidArgument, InvalidFile, UnknownFormat

LONGEST_LINE: Final = 64 * 2**20
"""Characters; a longer line is handed over in pieces, so that a file without line breaks needs no memory."""

DAMAGE: Final = "\udcff"
"""Stands in a line for bytes that could not be decoded; no text that was decoded holds it."""

_CHUNK = 2**16
_BOMS = (  # the longer first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KINDS = (
    (b"SQLite format 3\x00", "an SQLite database; a memory is opened with Memory(path)"),
    (b"PK\x03\x04", "a ZIP archive (or an office document); unpack it, and load the files in it"),
    (b"%PDF-", "a PDF; extract its text first"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
)


class Line(NamedTuple):
    """A line without its line break, or a piece of one that is longer than asked for."""

    number: int
    text: str
    ends: bool = True  # False: more of the same line follows


class Source:
    """A file that can be read from its start as often as needed.

    Args:
        path: The file.
        encoding: None for UTF-8, or what the byte order mark says.

    Raises:
        InvalidArgument: No such file, or no such encoding.
        InvalidFile: An empty file.
        UnknownFormat: A file of bytes that are no text.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self._path = path
        start = self._start()
        if not start:
            raise InvalidFile(f"the file {path} is empty")
        if encoding is None:
            _check_text(start, path)
        self._encoding = _encoding(start, encoding)
        decoder = codecs.getincrementaldecoder(self._encoding)("am_agent.damage")
        self.sample = decoder.decode(start).removeprefix("\ufeff")
        """The beginning of the file."""
        if encoding is not None and "\0" in self.sample:
            raise UnknownFormat(f"{path} holds NUL characters when it is read as {encoding}; it is in another encoding")
        if len(start) < _CHUNK and not self.sample.strip():
            raise InvalidFile(f"the file {path} is empty but for white space")

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return self._path.name

    @property
    def suffix(self) -> str:
        """The end of the name, in small letters: a hint at what is in it."""
        return self._path.suffix.lower()

    @property
    def undecodable(self) -> str:
        """What to say of bytes that could not be decoded."""
        return f"bytes that are not {self._encoding.removesuffix('-sig').upper()}; give the file's encoding=..."

    def lines(self, longest: int = LONGEST_LINE) -> Iterator[Line]:
        """The lines, ended by LF, CRLF or CR, in pieces of at most `longest` characters."""
        with self._path.open(encoding=self._encoding, errors="am_agent.damage") as file:
            number, begun = 1, False
            while piece := file.readline(longest):
                ends = piece.endswith("\n") or len(piece) < longest  # the last line may have no line break
                text = piece.removesuffix("\n")
                yield Line(number, text.removeprefix("\ufeff") if number == 1 and not begun else text, ends)
                begun = not ends
                number += ends
            if begun:
                yield Line(number, "")

    def json_chunks(self) -> Iterator[bytes]:
        r"""The file as UTF-8 for a JSON parser, in which `\u001a` stands for what could not be decoded.

        That is ASCII's character for a substitute, and no valid text: within a string the parser takes it, and the
        record alone is refused.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)("am_agent.json_damage")
        with self._path.open("rb") as file:
            first = True
            while chunk := file.read(_CHUNK):
                text = decoder.decode(chunk)
                yield (text.removeprefix("\ufeff") if first else text).encode("utf-8")
                first = False
            yield decoder.decode(b"", final=True).encode("utf-8")

    def _start(self) -> bytes:
        if self._path.is_dir():
            raise InvalidArgument(f"{self._path} is a folder; name a file in it")
        if not self._path.is_file():
            raise InvalidArgument(f"there is no file {self._path}")
        try:
            with self._path.open("rb") as file:
                return file.read(_CHUNK)
        except OSError as error:
            raise InvalidArgument(f"the file {self._path} cannot be read: {error.strerror}") from error


def _encoding(start: bytes, given: str | None) -> str:
    if given is None:
        return next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8")
    try:
        name = codecs.lookup(given).name
        "".encode(name)  # some codecs turn bytes into bytes
    except (LookupError, TypeError) as error:
        raise InvalidArgument(f"there is no encoding {given!r}; write 'utf-8', 'cp1252', 'utf-16', ...") from error
    return "utf-8-sig" if name == "utf-8" else name


def _check_text(start: bytes, path: Path) -> None:
    for magic, kind in _KINDS:
        if start.startswith(magic):
            raise UnknownFormat(f"{path} is {kind}")
    if b"\0" in start and not any(start.startswith(bom) for bom, name in _BOMS if name != "utf-8-sig"):
        raise UnknownFormat(
            f"{path} holds a NUL byte at position {start.index(0)}: it is no text in UTF-8. If it is text in another "
            "encoding, give it, such as encoding='utf-16-le'"
        )


def _damage(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return DAMAGE, error.end


def _json_damage(error: UnicodeError) -> tuple[str, int]:
    return r"\u001a", _damage(error)[1]


# Not surrogateescape, which gives up on bytes below 128, as a file in UTF-16 has them.
codecs.register_error("am_agent.damage", _damage)
codecs.register_error("am_agent.json_damage", _json_damage)
