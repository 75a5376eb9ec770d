"""The tables, as SQLAlchemy Core sees them. Knows columns and types, no queries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

REVISION = "0005"
"""The newest schema, the name of the newest file in migrations/versions."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Whole microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as whole microseconds since 1970: exact, and ordered as numbers are."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Microseconds since 1970."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """An aware datetime."""
        return None if value is None else _EPOCH + value * _MICROSECOND


metadata = MetaData()

namespace = Table(
    "namespace",
    metadata,
    Column("id", Integer, primary_key=True),
    # The segments, each ended by U+001F, which no segment can contain: a subtree is then a range of strings.
    Column("path", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,  # a number is never given twice: other processes know namespaces by it
)

embedder = Table(
    "embedder",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("adopted_at", Moment),  # None while the file is being moved to it, and recall still uses the one before
    UniqueConstraint("name", "dimension", "fingerprint"),
)

episode = Table(
    "episode",
    metadata,
    Column("seq", Integer, primary_key=True),  # the order of recording
    Column("namespace_id", ForeignKey("namespace.id"), nullable=False),
    Column("id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("actor", Text),
    Column("session", Text),
    Column("occurred_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("superseded_at", Moment),
    Column("expires_at", Moment),
    Column("metadata", JSON, nullable=False),
    UniqueConstraint("namespace_id", "id", "version"),
    sqlite_autoincrement=True,  # the journal names rows by seq, so a number is never given twice
)

# At most one current version of an id: the database itself refuses a second.
Index(
    "episode_current",
    episode.c.namespace_id,
    episode.c.id,
    unique=True,
    sqlite_where=episode.c.superseded_at.is_(None),
)
Index("episode_expiry", episode.c.expires_at, sqlite_where=episode.c.expires_at.is_not(None))

vector = Table(
    "vector",
    metadata,
    Column("episode_seq", ForeignKey("episode.seq", ondelete="CASCADE"), primary_key=True),
    Column("embedder_id", ForeignKey("embedder.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),  # which window of the text
    Column("data", LargeBinary, nullable=False),  # little-endian float32, a unit vector
)

link = Table(
    "link",
    metadata,
    Column("episode_seq", ForeignKey("episode.seq", ondelete="CASCADE"), primary_key=True),  # the version that says so
    Column("ordinal", Integer, primary_key=True),  # its place among what the version says
    Column("kind", Integer, nullable=False),  # see links.py
    # The first row of the id that is named: it stays when that is updated, and goes when that is forgotten, and the
    # link with it.
    Column("target_seq", ForeignKey("episode.seq", ondelete="CASCADE"), nullable=False),
)

Index("link_target", link.c.target_seq)

weight = Table(
    "weight",
    metadata,
    Column("namespace_id", ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),  # what was learned of the fields' weights: numbers only
)

use = Table(
    "use",
    metadata,
    Column("id", Text, primary_key=True),  # of a recall that was written down, to be reinforced later
    Column("namespace_id", ForeignKey("namespace.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("beta", Float, nullable=False),
    Column("shown", JSON, nullable=False),  # the ids that it brought back, each with its row of the features
    Column("features", LargeBinary, nullable=False),  # little-endian float64, one row for each candidate
)

Index("use_namespace", use.c.namespace_id)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("kind", String(10), nullable=False),
    # Integers only, and no foreign keys: an entry outlives what it names and must not tell anything about it.
    Column("namespace_id", Integer, nullable=False),
    Column("episode_seq", Integer, nullable=False),
    sqlite_autoincrement=True,
)

erasure = Table(
    "erasure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("episodes", Integer, nullable=False),
    Column("versions", Integer, nullable=False),
    Column("rows", Text, nullable=False),  # the numbers of the erased rows, as the journal knows them: "3-5,9"
    Column("digest", String(64), nullable=False),  # a hash over this row and the digest of the one before
    Column("finished_at", Moment),  # None while the write-ahead log may still hold what was erased
    sqlite_autoincrement=True,
)
