"""Our own row numbers as one variable of a statement, however many there are. Knows no table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BindParameter, Integer, Select, bindparam, func, literal_column, select


def numbers(ids: Iterable[int]) -> Any:
    """Our own row numbers, as what a column is `in_`.

    In one variable, because SQLite bounds the number of these, and because the statement is then the same for all
    numbers: it is compiled once.
    """
    return each_of(written(ids))


def written(ids: Iterable[int]) -> str:
    """Row numbers as the value of the variable `given`."""
    return json.dumps(ids if isinstance(ids, list) else list(ids))


def each_of(given: str | BindParameter[str]) -> Select[tuple[int]]:
    """The row numbers of a variable, as rows."""
    return select(func.json_each(given).table_valued(literal_column("value", Integer)).c.value)


GIVEN = each_of(bindparam("given"))
"""Row numbers for statements that are made once: every recall runs them, and to make one costs more than to run it."""
