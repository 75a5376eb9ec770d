"""A file that is one document of JSON, of any size, on one line or many. Knows JSON, not what the values mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import ijson

from am_agent.errors import InvalidInput
from am_agent.formats.entry import Broken

Event = tuple[str, Any]

_DEEPEST = 400  # levels: what nests deeper is no record, and Python's own recursion would end soon after
_LONGEST_NUMBER = 4300  # digits
_HUGE = re.compile(rb"[\s,:\[-][0-9]{%d}" % _LONGEST_NUMBER)
_STARTS = {"start_map": dict, "start_array": list}
_ENDS = ("end_map", "end_array")


class TooDeep:
    """Stands for a value that is nested too deeply to be read."""


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The parser's events, up to the place where the file stops being JSON.

    Raises:
        Broken: There it is, or the file ends in the middle.
    """
    found = ijson.sendable_list()
    parser = ijson.basic_parse_coro(found, multiple_values=True)
    for chunk in _safe(chunks):
        try:
            parser.send(chunk)
        except (ijson.JSONError, ValueError, ArithmeticError) as error:  # the last: a number with a huge exponent
            yield from found
            raise Broken(f"from here on it is not JSON ({_first_line(error)})") from error
        yield from found
        found.clear()
    try:
        parser.close()
    except ijson.JSONError as error:
        yield from found
        raise Broken(f"the file ends in the middle of it ({_first_line(error)})") from error
    yield from found  # a number at the very end


def _safe(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, up to a whole number that is longer than Python reads: ijson's parser in C would crash on it."""
    before = b" "
    for chunk in filter(None, chunks):  # an empty one would tell the parser that it was the last
        window = before + chunk
        huge = _HUGE.search(window)
        if huge is not None:
            if (start := huge.start() + 1 - len(before)) > 0:
                yield chunk[:start]
            raise Broken("from here on it cannot be read (a number of more than 4,300 digits)")
        yield chunk
        before = window[-_LONGEST_NUMBER - 1 :]


def values(stream: Iterator[Event]) -> Iterator[Any]:
    """The values of a document, one in memory at a time: the elements of an array, or what else stands there."""
    for event, value in stream:
        if event == "start_array":
            yield from _elements(stream)
        else:
            yield _built(event, value, stream)


def head(stream: Iterator[Event]) -> dict[str, Any] | None:
    """The top of a document that is one object: its strings and numbers, and empty lists and objects for the others.

    None for a document that is something else, or several.
    """
    if next(stream, ("", None))[0] != "start_map":
        return None
    found: dict[str, Any] = {}
    try:
        for event, key in stream:
            if event == "end_map":
                break
            kind, value = next(stream)
            found[key] = _STARTS[kind]() if kind in _STARTS else _scalar(value)
            _skip(kind, stream)
        if next(stream, None) is not None:
            return None
    except InvalidInput:  # what comes before the break is worth reading, and the break is reported with it
        return found
    return found


def members(stream: Iterator[Event], name: str) -> Iterator[Any]:
    """The elements of the array under a key of the object that the document is, one in memory at a time."""
    next(stream)
    for event, key in stream:
        if event == "end_map":
            return
        kind, _ = next(stream)
        if key == name and kind == "start_array":
            yield from _elements(stream)
        else:
            _skip(kind, stream)


def _elements(stream: Iterator[Event]) -> Iterator[Any]:
    for event, value in stream:
        if event == "end_array":
            return
        yield _built(event, value, stream)


def _skip(event: str, stream: Iterator[Event]) -> None:
    depth = int(event in _STARTS)
    while depth:
        event, _ = next(stream)
        depth += (event in _STARTS) - (event in _ENDS)


def _built(event: str, value: Any, stream: Iterator[Event]) -> Any:
    """The value that begins with an event. Not by recursion: the file says how deep it goes."""
    if event not in _STARTS:
        return _scalar(value)
    root: Any = _STARTS[event]()
    containers, keys = [root], [""]
    while containers:
        event, value = next(stream)
        if event == "map_key":
            keys[-1] = value
        elif event in _ENDS:
            containers.pop()
            keys.pop()
        elif event in _STARTS and len(containers) == _DEEPEST:
            _skip(event, stream)
            root = TooDeep()
        else:
            child = _STARTS[event]() if event in _STARTS else _scalar(value)
            inner = containers[-1]
            if isinstance(inner, dict):
                inner[keys[-1]] = child
            else:
                inner.append(child)
            if event in _STARTS:
                containers.append(child)
                keys.append("")
    return root


def _scalar(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _first_line(error: Exception) -> str:
    return str(error).removeprefix("b'").splitlines()[0].split("\\n")[0]
