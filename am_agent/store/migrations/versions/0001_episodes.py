"""Episodes with versions, their vectors, and the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first schema."""
    op.create_table(
        "namespace",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "embedder",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.UniqueConstraint("name", "dimension", "fingerprint"),
    )
    op.create_table(
        "episode",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("namespace_id", sa.Integer, sa.ForeignKey("namespace.id"), nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("session", sa.Text),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("superseded_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.UniqueConstraint("namespace_id", "id", "version"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "episode_current",
        "episode",
        ["namespace_id", "id"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
    )
    op.create_index("episode_expiry", "episode", ["expires_at"], sqlite_where=sa.text("expires_at IS NOT NULL"))
    op.create_table(
        "vector",
        sa.Column("episode_seq", sa.Integer, sa.ForeignKey("episode.seq", ondelete="CASCADE"), primary_key=True),
        sa.Column("embedder_id", sa.Integer, sa.ForeignKey("embedder.id"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("namespace_id", sa.Integer, nullable=False),
        sa.Column("episode_seq", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
