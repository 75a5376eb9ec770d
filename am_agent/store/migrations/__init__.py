"""Schema changes, run by alembic. Knows how each schema became the next; imported only when a file asks for it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def known_revisions() -> list[str]:
    """Every schema this version can read, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the schema up to date inside the connection's transaction: all of it, or nothing."""
    command.upgrade(_config(connection), to)
