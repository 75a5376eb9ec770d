"""A file can be moved to another embedder while it is read, and erasures leave receipts that are chained by hashes."""

import sqlalchemy as sa
from alembic import op

from am_agent.store.erasures import FIRST, digest_of, rows_of

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; embedders of old are adopted, erasures of old get the digests they would have been given."""
    connection = op.get_bind()
    op.add_column("embedder", sa.Column("adopted_at", sa.BigInteger))
    connection.execute(sa.text("UPDATE embedder SET adopted_at = (SELECT coalesce(min(recorded_at), 0) FROM episode)"))
    # Columns without a default cannot be added to a table that has rows, so the ledger is written anew.
    erased = connection.execute(sa.text("SELECT episode_seq, at FROM journal WHERE kind = 'erase' ORDER BY id")).all()
    ledger = connection.execute(sa.text("SELECT * FROM erasure ORDER BY id")).mappings().all()
    op.drop_table("erasure")
    table = op.create_table(
        "erasure",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("episodes", sa.Integer, nullable=False),
        sa.Column("versions", sa.Integer, nullable=False),
        sa.Column("rows", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    seqs: dict[int, list[int]] = {}
    for seq, at in erased:
        seqs.setdefault(at, []).append(seq)
    previous = FIRST
    for entry in ledger:
        rows = rows_of(seqs.get(entry["at"], []))
        previous = digest_of(previous, entry["id"], entry["at"], entry["episodes"], entry["versions"], rows)
        connection.execute(sa.insert(table), {**entry, "rows": rows, "digest": previous})
