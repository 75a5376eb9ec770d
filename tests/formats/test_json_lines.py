"""Lines of JSON: each is read for itself."""

from __future__ import annotations

from am_agent.episode import Rejection
from am_agent.formats.json_lines import json_lines
from am_agent.formats.source import DAMAGE, Line


def test_a_bad_line_costs_no_other() -> None:
    """Bad JSON, undecodable bytes, too deep, too long: each is one rejection with its number."""
    lines = [
        Line(1, '{"a": 1}'),
        Line(2, "{bad"),
        Line(3, f'"{DAMAGE}"'),
        Line(4, "[" * 100_000),
        Line(5, "x", ends=False),
        Line(5, "x", ends=False),
        Line(5, "x"),
        Line(6, "  "),
        Line(7, '"b"'),
    ]
    found = list(json_lines(lines, "not decodable"))
    assert [each for each in found if not isinstance(each, Rejection)] == [("line 1", {"a": 1}), ("line 7", "b")]
    reasons = [(each.place, each.reason[:14]) for each in found if isinstance(each, Rejection)]
    assert [place for place, _ in reasons] == ["line 2", "line 3", "line 4", "line 5"]
    assert [reason for _, reason in reasons][:2] == ["not JSON (Expe", "not decodable"]
    assert reasons[3][1] == "longer than 67"
