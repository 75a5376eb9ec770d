"""The ledger of erasures: when, which rows, and whether their bytes are gone. Knows numbers, not what was erased."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, func, insert, select, update

from am_agent.episode import ErasureReceipt
from am_agent.store.episodes import Erased
from am_agent.store.schema import erasure, microseconds

FIRST = "0" * 64
"""What stands for the digest before the first receipt."""


def append(connection: Connection, at: datetime, erased: Erased) -> ErasureReceipt:
    """Write down an erasure, in the transaction that makes it; it is unfinished until no file holds its bytes."""
    last = connection.execute(select(erasure.c.id, erasure.c.digest).order_by(erasure.c.id.desc()).limit(1)).first()
    number, previous = (1, FIRST) if last is None else (last.id + 1, last.digest)
    entry = {"id": number, "at": at, "episodes": erased.episodes, "versions": len(erased.seqs)}
    rows = rows_of(erased.seqs)
    digest = digest_of(previous, number, microseconds(at), erased.episodes, len(erased.seqs), rows)
    connection.execute(insert(erasure), {**entry, "rows": rows, "digest": digest})
    return ErasureReceipt(number, at, erased.episodes, len(erased.seqs), rows, previous, digest)


def receipts(connection: Connection) -> list[ErasureReceipt]:
    """Every receipt, oldest first."""
    columns = (erasure.c.id, erasure.c.at, erasure.c.episodes, erasure.c.versions, erasure.c.rows, erasure.c.digest)
    found = connection.execute(select(*columns).order_by(erasure.c.id)).all()
    before = [FIRST, *(row.digest for row in found)]
    return [ErasureReceipt(*row[:-1], previous, row.digest) for row, previous in zip(found, before, strict=False)]


def broken(chain: Sequence[ErasureReceipt]) -> ErasureReceipt | None:
    """The first receipt that does not follow from the one before it, or was changed; None if the chain is whole."""
    for place, each in enumerate(chain):
        facts = (each.number, microseconds(each.at), each.episodes, each.versions, each.rows)
        if each.number != place + 1 or each.digest != digest_of(each.previous, *facts):
            return each
    return None


def digest_of(previous: str, number: int, at: int, episodes: int, versions: int, rows: str) -> str:
    """The digest of a receipt: sha256 over its facts and the digest of the one before, separated by bars.

    Args:
        previous: 64 hexadecimal digits; zeros before the first receipt.
        number: 1 for the first.
        at: Microseconds since 1970.
        episodes: How many ids were erased.
        versions: How many rows.
        rows: See `rows_of`.
    """
    return hashlib.sha256(f"{previous}|{number}|{at}|{episodes}|{versions}|{rows}".encode()).hexdigest()


def rows_of(seqs: Iterable[int]) -> str:
    """Write row numbers as ranges.

    Example:
        >>> rows_of([9, 3, 4, 5])
        '3-5,9'
    """
    ordered = sorted(seqs)
    if not ordered:
        return ""
    breaks = [(before, after) for before, after in pairwise(ordered) if after != before + 1]
    starts = [ordered[0], *(after for _, after in breaks)]
    ends = [*(before for before, _ in breaks), ordered[-1]]
    return ",".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def unfinished(connection: Connection) -> int:
    """How many erasures have left bytes in a file."""
    query = select(func.count()).select_from(erasure).where(erasure.c.finished_at.is_(None))
    return int(connection.execute(query).scalar_one())


def newest(connection: Connection) -> int:
    """The number of the newest receipt; 0 when there is none."""
    return int(connection.execute(select(func.coalesce(func.max(erasure.c.id), 0))).scalar_one())


def finish(connection: Connection, number: int, at: datetime) -> None:
    """Write down that the files were rid of everything up to a receipt."""
    open_until = (erasure.c.finished_at.is_(None), erasure.c.id <= number)
    connection.execute(update(erasure).where(*open_until).values(finished_at=at))
