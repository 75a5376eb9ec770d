"""What tests of prototypes share: texts that have themes, and all that a file holds, past the library."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from am_agent import Memory

TABLES = ("run", "prototype", "shape", "member")


def told(themes: int, each: int, *, seed: int = 0) -> list[str]:
    """Texts of so many themes, each of which has words of its own, one theme after the other."""
    rng = random.Random(seed)
    return [
        " ".join(rng.sample([f"word{theme}x{number}" for number in range(10)], 5))
        for theme in range(themes)
        for _ in range(each)
    ]


def dump(memory: Memory, *, journal: bool = False, only: Sequence[str] | None = None) -> dict[str, list[Any]]:
    """Every row of every table, byte for byte; without the change feed, if not asked for."""
    with memory._database.reading() as connection:
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).scalars()
        tables = [each for each in found if only is None or each in only]
        rows = {
            each: sorted((tuple(row) for row in connection.execute(text(f'SELECT * FROM "{each}"'))), key=repr)
            for each in tables
            if journal or each != "journal"
        }
    if not journal and "sqlite_sequence" in rows:
        rows["sqlite_sequence"] = [row for row in rows["sqlite_sequence"] if row[0] != "journal"]
    return rows


def unsound(memory: Memory) -> list[Any]:
    """The rows that point nowhere."""
    with memory._database.reading() as connection:
        return list(connection.execute(text("PRAGMA foreign_key_check")).all())
