"""Episodes can say which one they answer, and from which they were made."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; nothing of old says so."""
    op.create_table(
        "link",
        sa.Column("episode_seq", sa.Integer, sa.ForeignKey("episode.seq", ondelete="CASCADE"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("target_seq", sa.Integer, sa.ForeignKey("episode.seq", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("link_target", "link", ["target_seq"])
