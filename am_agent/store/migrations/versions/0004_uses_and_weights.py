"""Recalls can be written down, to be reinforced later, and the weights of fields are learned from it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "weight",
        sa.Column("namespace_id", sa.Integer, sa.ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "use",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("namespace_id", sa.Integer, sa.ForeignKey("namespace.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("beta", sa.Float, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
        sa.Column("features", sa.LargeBinary, nullable=False),
    )
    op.create_index("use_namespace", "use", ["namespace_id"])
