"""A SQLite that can load an extension: Python's own where it was built so, pysqlite3 elsewhere. Knows no table."""

from __future__ import annotations

import sqlite3
from importlib.util import find_spec
from typing import Any


def loads_extensions() -> bool:
    """Whether there is one."""
    return hasattr(sqlite3.Connection, "enable_load_extension") or find_spec("pysqlite3") is not None


def connect(path: str) -> Any:
    """A connection that many threads may use and that begins transactions only when told to.

    What it writes is on the disk when the transaction ends, as it is in the memory's own file.
    """
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        connection: Any = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    else:
        import pysqlite3

        connection = pysqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def connect_with_vec(path: str) -> Any:
    """The same, with sqlite-vec."""
    import sqlite_vec

    connection = connect(path)
    connection.enable_load_extension(True)
    sqlite_vec.load(connection)
    connection.enable_load_extension(False)
    return connection
