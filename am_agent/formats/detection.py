"""Which format a file is in, by what is in it; its name is a hint where that leaves a choice. Reads no records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from am_agent.errors import InvalidInput, UnknownFormat
from am_agent.formats.export import FORMAT
from am_agent.formats.json_documents import Event, events
from am_agent.formats.source import Source

KNOWN = ("export", "jsonl", "json", "markdown", "text")
"""The names of the formats."""

_HINTS = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
}
_EXPORT = re.compile(rf'\{{\s*"format"\s*:\s*"{FORMAT}"')
_JSON = re.compile(r'\{\s*"|\[\s*[\[{"]')  # how JSON begins, and hardly anything else
_MARKDOWN = re.compile(r"^(?:#{1,6} \S|```)", re.M)
_LINES = 20  # from the start of a file, where only they can tell


def detected(source: Source) -> str:
    """The name of the format.

    Raises:
        UnknownFormat: The name of the file says JSON, and it is none.
    """
    start, hint = source.sample.lstrip(), _HINTS.get(source.suffix)
    if _EXPORT.match(start) or _is_header(start):
        return "export"
    kind = None
    if start.startswith("{"):
        kind = _objects(source, start, hint)
    elif start.startswith("["):
        kind = _array(source, start, hint)
    elif start.startswith('"') and hint in (None, "json", "jsonl") and all(_json(line) for line in _lines(start)):
        kind = "jsonl"
    if kind is None and hint == "jsonl" and any(isinstance(_json(line), dict) for line in _lines(start)):
        kind = "jsonl"  # whose first line is damaged
    if kind is None and hint == "json" and _json(start) is not None:
        kind = "json"  # of no known shape, which its reader says
    if kind is None and hint in ("json", "jsonl"):
        raise UnknownFormat(
            f"{source.name} has the name of a file of JSON, and begins with {start[:40]!r}. The known formats are "
            f"{', '.join(KNOWN)}; format='text' reads it as plain text"
        )
    return kind or hint or ("markdown" if _MARKDOWN.search(source.sample) else "text")


def _is_header(start: str) -> bool:
    first = _json(next(_lines(start), ""))
    return isinstance(first, dict) and first.get("format") == FORMAT


def _objects(source: Source, start: str, hint: str | None) -> str | None:
    """JSON lines, one object, or text that begins with a brace."""
    stream = events(source.json_chunks())
    textual = hint in ("markdown", "text")
    spread = "\n" in start.rstrip() and _json(next(_lines(start), "")) is None  # for people to read, over many lines
    whole = False
    try:
        _pass_value(stream)
        whole = True
        if next(stream, None) is None:
            return "jsonl" if hint == "jsonl" and not spread else "json"
    except InvalidInput:
        if textual:
            return None
        if whole:
            return "jsonl"
        if hint == "jsonl" or any(isinstance(_json(line), dict) for line in _lines(start)):
            return "jsonl"
        return "json" if hint == "json" or _JSON.match(start) else None
    return "json" if spread else "jsonl"


def _array(source: Source, start: str, hint: str | None) -> str | None:
    """A document of JSON, or text that begins with a bracket, such as a link or a footnote."""
    stream = events(source.json_chunks())
    try:
        next(stream)
        first, _ = next(stream)
        if first in ("start_map", "start_array"):
            _pass_value(stream, depth=1)
        number = first not in ("start_map", "start_array", "string", "end_array")
        empty = first == "end_array" and next(stream, None) is None
    except InvalidInput:
        likely = hint == "json" or (_JSON.match(start) and hint not in ("markdown", "text"))
        return "json" if likely else None
    return None if (number or (first == "end_array" and not empty)) and hint != "json" else "json"


def _pass_value(stream: Iterator[Event], depth: int = 0) -> None:
    """Read to the end of the value that comes, or of the one that is entered `depth` deep."""
    for event, _ in stream:
        depth += event.startswith("start_") - event.startswith("end_")
        if depth == 0 and event != "map_key":
            return


def _lines(start: str) -> Iterator[str]:
    """The first lines that say something, and are whole for all that can be seen."""
    return iter([line for line in start.splitlines()[:_LINES] if line.strip()])


def _json(line: str) -> Any:
    """The value of a line, or None."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
