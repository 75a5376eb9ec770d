"""What a namespace knows of its own confidence: evidence with known answers, under the embedder it was made with."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table; nothing of old was calibrated."""
    op.create_table(
        "calibration",
        sa.Column("namespace_id", sa.Integer, sa.ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("embedder_id", sa.Integer, sa.ForeignKey("embedder.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("origin", sa.String(10), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
