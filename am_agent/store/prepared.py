"""Statements of every recall and every write, compiled once and handed to SQLite itself. Knows no table and no row.

SQLAlchemy takes five times as long for such a statement as SQLite does, most of it for what is the same each time.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.types import TypeEngine

_DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")

_Change = Callable[[Any], Any] | None


class Prepared:
    """A statement that is always the same but for the values of its parameters.

    Types change values as they do elsewhere. Errors are SQLite's own, which `Database` names like SQLAlchemy's; events
    of SQLAlchemy do not see the statement.

    Args:
        statement: A query, or the insertion of one row. No parameter of it may stand for several values.
        columns: Those that are inserted.

    Example:
        >>> from sqlalchemy import bindparam, create_engine, literal, select
        >>> query = Prepared(select(literal(2).label("two"), bindparam("given").label("told")))
        >>> with create_engine("sqlite://").begin() as connection:
        ...     query.rows(connection, given="x")
        [Row(two=2, told='x')]
    """

    def __init__(self, statement: Select[Any] | Insert, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = None if columns is None else list(columns)

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """The rows of a query, with its columns as attributes."""
        sql, names, changes, fixed = self._compiled
        row, reads = self._read
        found = _sqlite(connection).execute(sql, _told({**fixed, **values}, names, changes)).fetchall()
        if reads:
            for place, read in reads:
                found = [(*each[:place], read(each[place]), *each[place + 1 :]) for each in found]
        return list(map(row, found))

    def insert(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Insert rows, and return their numbers."""
        sql, names, changes, _ = self._compiled
        cursor, numbers = _sqlite(connection).cursor(), list[int]()
        for row in rows:
            cursor.execute(sql, _told(row, names, changes))
            numbers.append(cursor.lastrowid)
        return numbers

    @cached_property
    def _compiled(self) -> tuple[str, Sequence[str], Sequence[_Change], Mapping[str, Any]]:
        """The text, and in the order of its parameters: their names, what changes their values; and known values."""
        compiled = self._statement.compile(dialect=_DIALECT, column_keys=self._columns)
        names = list(compiled.positiontup or ())
        changes = [_impl(compiled.binds[name].type).bind_processor(_DIALECT) for name in names]
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        return str(compiled), names, changes, fixed

    @cached_property
    def _read(self) -> tuple[Callable[[Sequence[Any]], Any], Sequence[tuple[int, Callable[[Any], Any]]]]:
        """What makes a row, and what changes the values of which columns before."""
        assert isinstance(self._statement, Select)
        columns = self._statement.selected_columns
        row = namedtuple("Row", list(map(str, columns.keys())), rename=True)  # type: ignore[misc]
        reads = [_impl(each.type).result_processor(_DIALECT, None) for each in columns]
        return row._make, [(place, read) for place, read in enumerate(reads) if read is not None]


def _told(values: Mapping[str, Any], names: Sequence[str], changes: Sequence[_Change]) -> list[Any]:
    return [
        values[name] if change is None else change(values[name]) for name, change in zip(names, changes, strict=True)
    ]


def _impl(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    return type_.dialect_impl(_DIALECT)


def _sqlite(connection: Connection) -> Any:
    """The connection of Python's sqlite3, in the transaction that is under way."""
    return connection.connection.driver_connection
