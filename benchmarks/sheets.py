"""The figures as tables for people. Knows the layout of the results; measures nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.growth import rows as exponents_of

_SCANS = {
    "one": "one cue",
    "sixty_four": "64 cues at once",
    "real": "one cue, real vectors",
    "real_sixty_four": "64 cues at once, real vectors",
}

Columns = Sequence[tuple[str, tuple[str, ...], str]]
"""The heading of each column, where its figure lies in a system's entry, and how it is written."""

_RATIO = ("ratio", ("ratio",), ".2f")
_SCAN: Columns = (
    ("ms", ("ms",), ".3f"),
    ("p95", ("p95",), ".3f"),
    _RATIO,
    ("recall@10", ("recall_at_10",), ".3f"),
    ("rounds", ("rounds",), "d"),
)
_STORE: Columns = (
    ("remember ms", ("remember", "ms"), ".2f"),
    ("p95", ("remember", "p95"), ".2f"),
    ("recall ms", ("recall", "ms"), ".2f"),
    ("p95", ("recall", "p95"), ".2f"),
    ("both ms", ("both", "ms"), ".2f"),
    ("p95", ("both", "p95"), ".2f"),
    ("ratio", ("both", "ratio"), ".2f"),
)
_BULK: Columns = (("items per second", ("per_second",), ",.0f"), _RATIO)
_COLD: Columns = (("seconds", ("seconds",), ".2f"), _RATIO)
_BYTES: Columns = (
    ("memory", ("memory",), ",.0f"),
    ("memory, loading", ("memory_loading",), ",.0f"),
    ("disk", ("disk",), ",.0f"),
)
_WRITES: Columns = (
    ("quiet ms", ("quiet", "ms"), ".2f"),
    ("p95", ("quiet", "p95"), ".2f"),
    ("busy ms", ("busy", "ms"), ".2f"),
    ("p95", ("busy", "p95"), ".2f"),
    ("ratio", ("ratio",), ".2f"),
    ("of p95", ("ratio:p95",), ".2f"),
    ("writes/s", ("remembered_per_second",), ",.0f"),
)


def tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """A table for each section and size, and for each group where a section has some."""
    for size, groups in results.get("scan", {}).items():
        for group, found in groups.items():
            yield _table(f"scan, {size} patterns, top 10, {_SCANS[group]}", found, _SCAN)
    for section, title, columns in (
        ("store", "remember one, recall 5", _STORE),
        ("bulk", "bulk load", _BULK),
        ("bytes", "bytes of a pattern", _BYTES),
        ("writes", "recall 5 while four others remember", _WRITES),
    ):
        for size, found in results.get(section, {}).items():
            yield _table(f"{title}, {size} items", found, columns)
    for size, groups in results.get("cold", {}).items():
        for group, found in groups.items():
            yield _table(f"start to first answer, {size} items, a {group}", found, _COLD)
    if "growth" in results:
        table = Table("figure", "system", title="exponent of N", title_justify="left")
        table.add_column("exponent", justify="right")
        for title, system, exponent in exponents_of(results["growth"]):
            table.add_row(title, system, f"{exponent:.2f}")
        yield table


def _table(title: str, found: Mapping[str, Any], columns: Columns) -> Table:
    table = Table("", title=title, title_justify="left")
    for heading, _, _ in columns:
        table.add_column(heading, justify="right")
    for system, entry in found.items():
        if "error" in entry:
            table.add_row(system, "failed")
        else:
            table.add_row(system, *(_cell(entry, keys, style) for _, keys, style in columns))
    return table


def _cell(entry: Any, keys: Sequence[str], style: str) -> str:
    for each in keys:
        if not isinstance(entry, Mapping) or each not in entry:
            return ""
        entry = entry[each]
    return format(entry, style)
