"""The ledger of erasures: when, how much, and whether the log is empty of it. Knows counts, nothing that was erased."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from am_agent.store.schema import erasure


def append(connection: Connection, at: datetime, *, episodes: int, versions: int) -> None:
    """Write down an erasure, in the transaction that makes it; it is unfinished until the log has been emptied."""
    connection.execute(insert(erasure), {"at": at, "episodes": episodes, "versions": versions})


def unfinished(connection: Connection) -> int:
    """How many erasures have left bytes in the write-ahead log."""
    query = select(func.count()).select_from(erasure).where(erasure.c.finished_at.is_(None))
    return int(connection.execute(query).scalar_one())


def finish(connection: Connection, before: datetime, at: datetime) -> None:
    """Write down that the log was emptied of everything erased up to a time."""
    unfinished_before = (erasure.c.finished_at.is_(None), erasure.c.at <= before)
    connection.execute(update(erasure).where(*unfinished_before).values(finished_at=at))
