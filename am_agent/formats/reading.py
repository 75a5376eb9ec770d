"""A file opened for loading: its format, and what is in it, one by one. Knows which reader has which name."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from am_agent.episode import Rejection
from am_agent.errors import InvalidArgument, UnknownFormat
from am_agent.formats import export, json_documents
from am_agent.formats.conversations import streamable, thread_of
from am_agent.formats.detection import KNOWN, detected
from am_agent.formats.entry import Broken, Entry, Item, UnknownShape
from am_agent.formats.json_lines import json_lines
from am_agent.formats.markdown import blocks
from am_agent.formats.plain_text import LONGEST_PASSAGE, Passage, paragraphs
from am_agent.formats.records import Found, Records
from am_agent.formats.source import Source


@dataclass(frozen=True, slots=True)
class Items:
    """A file of items of `remember_many`, which are read as they are asked for."""

    format: str
    entries: Generator[Entry[Item] | Rejection, None, None]


@dataclass(frozen=True, slots=True)
class Export:
    """A file that `export` wrote, and the embedder of its vectors if it has them."""

    space: Mapping[str, Any] | None
    entries: Generator[Entry[export.Line] | Rejection, None, None]


def opened(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002  as `Memory.load` calls it
    encoding: str | None = None,
    session: str | None = None,
) -> Items | Export:
    """Open a file of any known format.

    Args:
        path: The file.
        format: One of the known names; None to find it out.
        encoding: None for UTF-8, or what the byte order mark says.
        session: The session of what names none itself; the file's name where a passage or message has none at all.

    Raises:
        InvalidArgument: No such file, format or encoding.
        InvalidFile: An empty file, or the first line of an export that cannot be read.
        UnknownFormat: None of the known formats.
    """
    if format is not None and format not in KNOWN:
        raise InvalidArgument(f"there is no format {format!r}; the known ones are {', '.join(KNOWN)}")
    source = Source(path, encoding)
    name = format or detected(source)
    if name == "export":
        lines = source.lines()
        space = export.read_header(next(lines).text)
        return Export(space, export.read_lines(lines, source.undecodable))
    records = Records(source.name, session, source.undecodable, certain=format is not None)
    return Items(name, _named(_READERS[name](source, records)))


def _json_lines(source: Source, records: Records) -> Found:
    return records.read_all(json_lines(source.lines(), source.undecodable))


def _json_document(source: Source, records: Records) -> Found:
    head = json_documents.head(json_documents.events(source.json_chunks()))
    key = None if head is None else streamable(head)
    if head is not None and key is not None and isinstance(head[key], list):
        messages = json_documents.members(json_documents.events(source.json_chunks()), key)
        thread = thread_of(head, messages)
        assert thread is not None  # it has that key
        return records.conversation(thread, "conversation 1")
    return records.read_all(_numbered(source))


def _numbered(source: Source) -> Iterator[tuple[str, Any] | Rejection]:
    """The values of a document with their places."""
    number = 0
    try:
        for number, value in enumerate(json_documents.values(json_documents.events(source.json_chunks())), 1):
            talk = isinstance(value, Mapping) and ("mapping" in value or streamable(value) is not None)
            place = f"{'conversation' if talk else 'record'} {number}"
            if isinstance(value, json_documents.TooDeep):
                yield Rejection(place, "nested too deeply")
            else:
                yield place, value
    except Broken as error:
        yield Rejection(f"record {number + 1}", str(error))


def _markdown(source: Source, records: Records) -> Found:
    for block in blocks(source.lines(LONGEST_PASSAGE)):
        yield _passage(block, source, records, {"headings": list(block.headings)})


def _text(source: Source, records: Records) -> Found:
    for paragraph in paragraphs(source.lines(LONGEST_PASSAGE)):
        yield _passage(paragraph, source, records, {})


def _passage(
    passage: Passage, source: Source, records: Records, metadata: Mapping[str, Any]
) -> Entry[Item] | Rejection:
    if passage.damaged:
        return Rejection(f"line {passage.damaged}", source.undecodable)
    return records.passage(passage.text, f"line {passage.number}", metadata)


def _named(found: Found) -> Generator[Entry[Item] | Rejection, None, None]:
    """The entries, and the public error for a file in which nothing is a record."""
    try:
        yield from found
    except UnknownShape as error:
        raise UnknownFormat(
            f"{error}. The known formats are {', '.join(KNOWN)}; a record is a string, an object with 'text', a "
            "message with 'role' and 'content', or a conversation with 'messages', 'mapping' or 'chat_messages'"
        ) from error


_READERS: dict[str, Callable[[Source, Records], Found]] = {
    "jsonl": _json_lines,
    "json": _json_document,
    "markdown": _markdown,
    "text": _text,
}
