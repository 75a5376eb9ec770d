"""Episodes that belong together have prototypes, an overlay of runs that can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the four tables; nothing of old was consolidated."""
    op.create_table(
        "run",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("namespace_id", sa.Integer, sa.ForeignKey("namespace.id", ondelete="CASCADE"), nullable=False),
        sa.Column("embedder_id", sa.Integer, sa.ForeignKey("embedder.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.Column("episodes", sa.Integer, nullable=False),
        sa.Column("through", sa.Integer, nullable=False),
        sa.Column("duplicate", sa.Float),
        sa.Column("theme", sa.Float),
    )
    op.create_index("run_namespace", "run", ["namespace_id"])
    op.create_table(
        "prototype",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        _of("run_seq", "run.seq"),
        sa.Column("tier", sa.String(10), nullable=False),
    )
    op.create_index("prototype_run", "prototype", ["run_seq"])
    op.create_table(
        "shape",
        _of("prototype_seq", "prototype.seq", primary_key=True),
        _of("run_seq", "run.seq", primary_key=True),
        sa.Column("ended_seq", sa.Integer, sa.ForeignKey("run.seq")),
        sa.Column("mean", sa.LargeBinary, nullable=False),
        sa.Column("radius", sa.Float, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        _of("medoid_seq", "episode.seq"),
        sa.Column("text", sa.Text),
        sa.Column("author", sa.Text),
    )
    op.create_table(
        "member",
        _of("prototype_seq", "prototype.seq", primary_key=True),
        _of("episode_seq", "episode.seq", primary_key=True),
        _of("run_seq", "run.seq", primary_key=True),
        sa.Column("ended_seq", sa.Integer, sa.ForeignKey("run.seq")),
        sa.Column("weight", sa.Float, nullable=False),
    )
    for table, column in _INDEXES:
        op.create_index(f"{table}_{column.removesuffix('_seq')}", table, [column])
    for table in ("shape", "member"):  # most rows are current
        ended = sa.text("ended_seq IS NOT NULL")
        op.create_index(f"{table}_ended", table, ["ended_seq"], sqlite_where=ended)


_INDEXES = (
    ("shape", "run_seq"),
    ("shape", "medoid_seq"),
    ("member", "episode_seq"),
    ("member", "run_seq"),
)


def _of(name: str, target: str, *, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(
        name, sa.Integer, sa.ForeignKey(target, ondelete="CASCADE"), nullable=False, primary_key=primary_key
    )
