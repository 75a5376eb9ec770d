"""One SQLite database: opening, transactions, and its errors by name. Knows no episodes."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, create_engine, event, exc, inspect, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool, StaticPool

from am_agent.errors import (
    AmError,
    DamagedDatabase,
    DiskFull,
    LockedDatabase,
    NotAMemory,
    ReadOnlyDatabase,
    SchemaTooNew,
    StoreError,
    UnsupportedDatabase,
)
from am_agent.store import schema

NOT_NOW = (LockedDatabase, DiskFull, ReadOnlyDatabase)
"""What is over when the others leave, when there is room, or when the right to write is back: worth another try."""

_MAGIC = b"SQLite format 3\x00"

# A quota and a limit of the file's size are full disks, too, but SQLite reports them as failed writes.
_UNWRITTEN = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_SHMSIZE)

_READ_ONLY = "am_agent_read_only"  # of a connection: whether the file could not be written when it was opened
_EFFECTIVE = os.access in os.supports_effective_ids

_PAUSE = 0.01
"""Seconds between two tries of what SQLite does not wait for by itself."""


class Database:
    """A memory's database, in a file or in RAM.

    **Transactions.** `reading` sees one snapshot from its first query to its end; `writing` holds the only write
    lock from its start, so that it never fails half-way for want of it. Both commit or roll back as a whole.

    **Threads.** In a file every thread has its own connection, readers never wait, writers queue. In RAM there is
    one connection, and everything queues.

    Args:
        path: The file; None for RAM.
        timeout: Seconds to wait for another process's lock.

    Raises:
        StoreError: One of its subclasses, when the file cannot be used. Nothing is changed then.
    """

    def __init__(self, path: Path | None, *, timeout: float) -> None:
        self.path = path
        self._log = None if path is None else path.with_name(path.name + "-wal")
        self._timeout = timeout
        self._turn = threading.RLock()  # writers of this process queue here, fairly; in RAM readers do, too
        if path is not None:
            self._check_place(path)
        self._engine = create_engine(
            "sqlite://" if path is None else f"sqlite:///{path}",
            connect_args={"timeout": timeout, "check_same_thread": False},
            **({"poolclass": StaticPool} if path is None else {"poolclass": QueuePool, "max_overflow": -1}),
        )
        event.listen(self._engine, "connect", self._on_connect)
        event.listen(self._engine, "begin", _begin)
        try:
            self._open()
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction on one snapshot."""
        with self._named_errors():
            if self.path is None:
                with self._turn, self._engine.begin() as connection:
                    yield connection
            else:
                with self._engine.begin() as connection:
                    yield connection

    @contextmanager
    def writing(self, *, patience: float | None = None) -> Iterator[Connection]:
        """A write transaction, which has the write lock from its start.

        Args:
            patience: Seconds to wait for another process's lock; None for the timeout of the database.
        """
        with self._named_errors(), self._turn, self._engine.connect() as connection:
            connection = connection.execution_options(am_agent_begin="BEGIN IMMEDIATE")
            if connection.info.get(_READ_ONLY):
                connection.invalidate()  # as it was opened it stays, and a new one may be able to write
            if patience is not None:
                _set_busy_timeout(connection, patience)
            try:
                with connection.begin():
                    yield connection
            finally:
                if patience is not None:
                    _set_busy_timeout(connection, self._timeout)

    def scrub(self) -> bool:
        """Rewrite the file from what is left in it.

        `secure_delete` overwrites what is deleted, but not the copies of it that earlier splits of a page left in the
        unused space of its neighbours; only a file that is built anew has none.

        Returns:
            False if that is not possible now: another process holds the write lock, the disk has no room for a second
            copy of the file, or the file has become read-only.
        """
        if self.path is None:
            return True
        try:
            self._outside_transaction("VACUUM")
        except NOT_NOW:
            return False
        return True

    def truncate_log(self, *, patience: float) -> bool:
        """Empty the write-ahead log, which still holds the pages as they were before.

        Args:
            patience: Seconds to wait for other connections that read an older snapshot from the log.

        Returns:
            False if one still does, or if the file cannot take over the pages now, as in `scrub`.
        """
        if self.path is None:
            return True
        try:
            busy = self._outside_transaction("PRAGMA wal_checkpoint(TRUNCATE)", patience=patience)[0][0]
        except NOT_NOW:
            return False
        return bool(busy == 0)

    def _outside_transaction(self, statement: str, patience: float | None = None) -> Sequence[Row[Any]]:
        """Run a statement that no transaction may contain."""
        with self._named_errors(), self._turn, self._engine.connect() as connection:
            connection = connection.execution_options(am_agent_begin=None)
            if patience is not None:
                connection.execute(text(f"PRAGMA busy_timeout = {round(patience * 1000)}"))
            try:
                result = connection.execute(text(statement))
                return result.all() if result.returns_rows else []
            finally:
                connection.execute(text(f"PRAGMA busy_timeout = {round(self._timeout * 1000)}"))

    def file_bytes(self) -> int:
        """The size of the file and its write-ahead log; 0 in RAM."""
        if self.path is None:
            return 0
        return _size(self.path) + _size(self._log)

    def close(self) -> None:
        """Close every connection. SQLite then folds the write-ahead log into the file and removes it."""
        self._engine.dispose()

    def _on_connect(self, connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        # Asked of the system, not found out by opening the file here: SQLite holds locks on it in the name of this
        # process, and the first who closes a file of his own drops them all.
        record.info[_READ_ONLY] = self.path is not None and not os.access(self.path, os.W_OK, effective_ids=_EFFECTIVE)
        connection.isolation_level = None  # `_begin` says BEGIN, so that it can say BEGIN IMMEDIATE
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # deleted means overwritten
        connection.execute("PRAGMA synchronous = FULL")  # acknowledged means on the disk, through a power failure

    def _open(self) -> None:
        with self.reading() as connection:
            self._check_length(connection)
            tables = inspect(connection).get_table_names()
            revision = _revision(connection) if "alembic_version" in tables else None
        if tables and revision is None:
            raise NotAMemory(
                f"{self.path} is an SQLite database of another program (its tables: {', '.join(tables[:5])}); "
                "name another file"
            )
        if self.path is not None:
            self._set_journal_mode()
        if revision != schema.REVISION:
            with self.writing() as connection:
                self._migrate(connection)

    def _check_place(self, path: Path) -> None:
        try:
            if not path.parent.is_dir():
                raise StoreError(f"the folder {path.parent} does not exist; create it, or name a file elsewhere")
            if path.is_dir():
                raise StoreError(f"{path} is a folder; name a file in it")
        except PermissionError as error:
            raise self._forbidden(error.strerror) from error

    def _check_length(self, connection: Connection) -> None:
        """Refuse a file that lacks its end: SQLite itself takes a last page that was cut for one of zeros."""
        if self.path is None:
            return
        pages, page = (connection.execute(text(f"PRAGMA {each}")).scalar_one() for each in ("page_count", "page_size"))
        found = _size(self.path)
        if found < pages * page and not _size(self._log):  # with a log beside it, the log holds the rest
            raise self._damaged(f"it has {found} bytes of {pages * page}")

    def _damaged(self, reason: object) -> DamagedDatabase:
        return DamagedDatabase(
            f"{self.path} is truncated or corrupt ({reason}). Nothing was changed; restore it from a copy, or save "
            f"what is left with: sqlite3 {self.path} .recover"
        )

    def _forbidden(self, reason: object) -> ReadOnlyDatabase:
        return ReadOnlyDatabase(
            f"{self.path} cannot be written ({reason}); the memory needs the right to write the file and its folder"
        )

    def _set_journal_mode(self) -> None:
        """Turn on the write-ahead log: readers and a writer do not wait for each other. It stays on in the file."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                if self._outside_transaction("PRAGMA journal_mode") != [("wal",)]:
                    self._outside_transaction("PRAGMA journal_mode = WAL")
                return
            except LockedDatabase:  # for this one statement SQLite does not wait by itself
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)

    def _migrate(self, connection: Connection) -> None:
        # Asked again under the write lock: another process may have done it in between.
        found = _revision(connection) if inspect(connection).has_table("alembic_version") else None
        if found is None:
            schema.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.REVISION})
        elif found != schema.REVISION:
            from am_agent.store.migrations import (  # alembic, only when the schema asks for it
                known_revisions,
                upgrade,
            )

            if found not in known_revisions():
                raise SchemaTooNew(
                    f"{self.path} has the schema {found}, and this version of am_agent knows none after "
                    f"{schema.REVISION}. Update it with: pip install --upgrade am-agent"
                )
            upgrade(connection)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            raise self._named(error.orig) from error
        except sqlite3.Error as error:
            raise self._named(error) from error

    def _named(self, what: BaseException | None) -> AmError:
        extended = getattr(what, "sqlite_errorcode", 0)
        code = extended & 0xFF
        if code == sqlite3.SQLITE_CORRUPT or (code == sqlite3.SQLITE_NOTADB and self._looks_like_sqlite()):
            return self._damaged(what)
        if code == sqlite3.SQLITE_NOTADB:
            return NotAMemory(f"{self.path} is not an SQLite database; name another file")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return self._forbidden(what)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LockedDatabase(
                f"{self.path} has been locked by another process for more than {self._timeout:g} s. Nothing was "
                "changed; try again, or give Memory a longer timeout"
            )
        if code == sqlite3.SQLITE_FULL:
            return DiskFull(f"the disk of {self.path} is full. Nothing was changed; free some room and try again")
        if extended in _UNWRITTEN:
            return DiskFull(
                f"the disk takes no more of {self.path} ({what}). Nothing was changed; see whether it is full, or a "
                "quota or a limit of a file's size is reached, and try again"
            )
        return StoreError(f"{self.path or 'the database in RAM'}: {what}. Nothing was changed")

    def _looks_like_sqlite(self) -> bool:
        if self.path is None:
            return False
        # Closing a file drops all locks that this process has on it; on what is no database there are none.
        with self.path.open("rb") as file:
            start = file.read(len(_MAGIC))
        return bool(start) and _MAGIC.startswith(start)


def database_path(location: str | Path | None) -> Path | None:
    """Where a memory lies: a path, a `sqlite:///` URL, or None, ":memory:" or `sqlite://` for RAM.

    Raises:
        UnsupportedDatabase: A URL of another kind of database.

    Example:
        >>> database_path("sqlite:///memory.db").name, database_path("sqlite://")
        ('memory.db', None)
    """
    if location is None or location == ":memory:":
        return None
    if isinstance(location, str) and "://" in location:
        try:
            url = make_url(location)
        except exc.ArgumentError as error:
            raise UnsupportedDatabase(f"{location!r} is not a database's URL; write sqlite:///memory.db") from error
        if url.get_backend_name() != "sqlite" or url.host is not None or url.query:
            raise UnsupportedDatabase(
                f"{url.render_as_string(hide_password=True)} is not supported yet; there is SQLite: a path such as "
                "memory.db, or sqlite:///memory.db (four slashes before an absolute path)"
            )
        return database_path(url.database)
    if not location:
        raise UnsupportedDatabase("the path is empty; name a file, or leave the argument out for a memory in RAM")
    return Path(location).expanduser().absolute()


def _size(file: Path | None) -> int:
    """0 where there is none: another process may remove the log at any time."""
    try:
        return 0 if file is None else file.stat().st_size
    except FileNotFoundError:
        return 0


def _set_busy_timeout(connection: Connection, seconds: float) -> None:
    """Past SQLAlchemy, which would begin a transaction first."""
    sqlite = connection.connection.driver_connection
    if sqlite is not None:
        sqlite.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("am_agent_begin", "BEGIN")
    sqlite = connection.connection.driver_connection
    if statement is not None and sqlite is not None:
        sqlite.execute(statement)


def _revision(connection: Connection) -> str | None:
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision
