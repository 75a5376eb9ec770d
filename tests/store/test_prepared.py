"""Statements past SQLAlchemy against the same statements through it, in a real file."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, func, insert, select

from am_agent.errors import StoreError
from am_agent.store import schema
from am_agent.store.database import Database
from am_agent.store.prepared import Prepared
from am_agent.store.schema import episode, namespace, vector

NOW = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)

INSERT = Prepared(insert(episode), [each.name for each in episode.c if each is not episode.c.seq])
SINCE = select(episode).where(episode.c.recorded_at >= bindparam("time")).order_by(episode.c.seq)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "memory.db", timeout=5)
    with opened.writing() as connection:
        connection.execute(insert(namespace), {"path": ""})
    yield opened
    opened.close()


def _row(number: int, **facts: object) -> dict[str, object]:
    return {
        "namespace_id": 1,
        "id": f"id-{number}",
        "version": 1,
        "text": f"Zoë 🙂 {number}",
        "actor": None,
        "session": "s",
        "occurred_at": NOW + timedelta(microseconds=number),
        "recorded_at": NOW + timedelta(hours=number),
        "superseded_at": None,
        "expires_at": None if number % 2 else NOW + timedelta(days=1),
        "metadata": {"n": number, "deep": [None, True, {"x": 1.5}]},
        **facts,
    }


def test_what_is_inserted_is_what_is_read_either_way(database: Database) -> None:
    """Times, JSON, bytes and nothing at all come back as they went in, by whichever way."""
    given = [_row(number) for number in range(5)]
    with database.writing() as connection:
        assert INSERT.insert(connection, given[:3]) == [1, 2, 3]
        connection.execute(insert(episode), given[3:])
        INSERT.insert(connection, [])
    with database.reading() as connection:
        ours = Prepared(SINCE).rows(connection, time=NOW + timedelta(hours=1))
        theirs = connection.execute(SINCE, {"time": NOW + timedelta(hours=1)}).all()
    assert [each._asdict() for each in ours] == [dict(each._mapping) for each in theirs]
    assert [each._asdict() for each in ours] == [{"seq": number + 1, **given[number]} for number in range(1, 5)]
    assert [each.seq for each in ours] == [2, 3, 4, 5]


def test_columns_without_a_name_have_a_place(database: Database) -> None:
    """And what is written in the statement itself needs no value."""
    query = Prepared(select(func.coalesce(select(func.max(episode.c.seq)).scalar_subquery(), 7), namespace.c.id + 1))
    with database.reading() as connection:
        ((newest, following),) = query.rows(connection)
    assert (newest, following) == (7, 2)


def test_it_is_part_of_the_transaction(database: Database) -> None:
    """What fails later takes it back."""
    blob = Prepared(insert(vector), [each.name for each in vector.c])

    def write(connection: Connection) -> None:
        (seq,) = INSERT.insert(connection, [_row(1)])
        blob.insert(connection, [{"episode_seq": seq, "embedder_id": 99, "ordinal": 0, "data": b"\x00\x01"}])

    with pytest.raises(StoreError, match="FOREIGN KEY constraint failed") as caught, database.writing() as connection:
        write(connection)
    assert isinstance(caught.value.__cause__, sqlite3.IntegrityError)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(schema.episode)).scalar_one() == 0


def test_what_cannot_be_stored_is_a_named_error(database: Database) -> None:
    """A second current version of an id: nothing of the batch stays."""
    with pytest.raises(StoreError, match="UNIQUE constraint failed"), database.writing() as connection:
        INSERT.insert(connection, [_row(1), _row(1)])
    with database.reading() as connection:
        assert Prepared(SINCE).rows(connection, time=NOW) == []


def test_a_value_that_is_missing_says_which(database: Database) -> None:
    """No parameter is nothing by accident."""
    with database.reading() as connection, pytest.raises(KeyError, match="time"):
        Prepared(SINCE).rows(connection)
