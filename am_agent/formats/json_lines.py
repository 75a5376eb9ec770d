"""A file with a value of JSON on every line. Knows lines, not what the values mean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from am_agent.episode import Rejection
from am_agent.formats.source import DAMAGE, LONGEST_LINE, Line


def json_lines(lines: Iterable[Line], undecodable: str = "undecodable bytes") -> Iterator[tuple[str, Any] | Rejection]:
    """Read each line for itself, so that a bad one costs no other.

    Args:
        lines: The lines; blank ones are passed over.
        undecodable: What to say of a line with bytes that could not be decoded.

    Returns:
        The place and the value of each line, or why it has none.

    Example:
        >>> list(json_lines([Line(1, '{"a": 1}'), Line(2, "{")]))[0]
        ('line 1', {'a': 1})
    """
    passed_over = 0
    for number, text, ends in lines:
        place = f"line {number}"
        if number == passed_over:
            continue
        if not ends:
            passed_over = number
            yield Rejection(place, f"longer than {LONGEST_LINE:,} characters")
        elif DAMAGE in text:
            yield Rejection(place, undecodable)
        elif text.strip():
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:  # or deeper, or with longer numbers, than Python reads
                yield Rejection(place, f"not JSON ({error})")
            else:
                yield place, value
