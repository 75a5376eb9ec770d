"""The tables, as SQLAlchemy Core sees them. Knows columns and types, no queries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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

REVISION = "0007"
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

calibration = Table(
    "calibration",
    metadata,
    Column("namespace_id", ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True),
    Column("embedder_id", ForeignKey("embedder.id", ondelete="CASCADE"), primary_key=True),
    Column("origin", String(10), primary_key=True),  # who knew the answers; see calibrations.py
    Column("data", LargeBinary, nullable=False),  # the log-odds of cues with known answers: numbers only
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

# The overlay of prototypes. What changes in a run is not overwritten but ended by it, so that the run can be undone: a
# row is current from `run_seq` on until `ended_seq`. Numbers are given by SQLite as the next after the largest, and are
# remembered nowhere else: after an undo, every byte is as it was.
run = Table(
    "run",
    metadata,
    Column("seq", Integer, primary_key=True),  # the order of the runs
    Column("id", Text, nullable=False, unique=True),
    Column("namespace_id", ForeignKey("namespace.id", ondelete="CASCADE"), nullable=False),
    # Prototypes of another embedder's vectors mean nothing: they go when the file has moved.
    Column("embedder_id", ForeignKey("embedder.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("whole", Boolean, nullable=False),  # whether it was a pass over all episodes
    Column("episodes", Integer, nullable=False),  # how many it was over
    Column("through", Integer, nullable=False),  # the number of the newest episode that it has seen
    Column("duplicate", Float),  # the thresholds that were asked for
    Column("theme", Float),
)

Index("run_namespace", run.c.namespace_id)

prototype = Table(
    "prototype",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("run_seq", ForeignKey("run.seq", ondelete="CASCADE"), nullable=False),  # which made it
    Column("tier", String(10), nullable=False),
)

Index("prototype_run", prototype.c.run_seq)

# What a prototype is like from one run to another; a prototype that has no current shape was given up.
shape = Table(
    "shape",
    metadata,
    Column("prototype_seq", ForeignKey("prototype.seq", ondelete="CASCADE"), primary_key=True),
    Column("run_seq", ForeignKey("run.seq", ondelete="CASCADE"), primary_key=True),
    Column("ended_seq", ForeignKey("run.seq")),
    Column("mean", LargeBinary, nullable=False),  # little-endian float32, not of length one
    Column("radius", Float, nullable=False),
    Column("weight", Float, nullable=False),  # of all members
    Column("medoid_seq", ForeignKey("episode.seq", ondelete="CASCADE"), nullable=False),
    # Of a summariser; without one the text is the medoid's. It goes when any of the members does.
    Column("text", Text),
    Column("author", Text),
)

Index("shape_run", shape.c.run_seq)
Index("shape_ended", shape.c.ended_seq, sqlite_where=shape.c.ended_seq.is_not(None))
Index("shape_medoid", shape.c.medoid_seq)

member = Table(
    "member",
    metadata,
    Column("prototype_seq", ForeignKey("prototype.seq", ondelete="CASCADE"), primary_key=True),
    Column("episode_seq", ForeignKey("episode.seq", ondelete="CASCADE"), primary_key=True),
    Column("run_seq", ForeignKey("run.seq", ondelete="CASCADE"), primary_key=True),
    Column("ended_seq", ForeignKey("run.seq")),
    Column("weight", Float, nullable=False),
)

Index("member_episode", member.c.episode_seq)
Index("member_run", member.c.run_seq)
Index("member_ended", member.c.ended_seq, sqlite_where=member.c.ended_seq.is_not(None))

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("kind", String(10), nullable=False),
    # Integers only, and no foreign keys: an entry outlives what it names and must not tell anything about it.
    Column("namespace_id", Integer, nullable=False),
    Column("episode_seq", Integer, nullable=False),  # of kind "prototype", the number of a prototype
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
