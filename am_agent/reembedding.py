"""Moving a file to another embedder: batch by batch, resumable, readable meanwhile. Knows no cue and no namespace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from am_agent.draft import unit_vectors
from am_agent.embedders import Embedder
from am_agent.encoding import space_of
from am_agent.store import space
from am_agent.store.database import Database
from am_agent.store.space import Found, Text
from am_agent.store.vectors import add_vectors


def reembed(
    database: Database, embedder: Embedder, *, batch: int, progress: Callable[[int], object] | None = None
) -> int:
    """Give every version of every episode vectors of an embedder, and then drop those of the one before.

    New vectors lie beside the old ones, which recall uses until all are there; then one transaction changes over.
    Interrupted, it goes on where it stopped when it is called again. What other processes record meanwhile is
    embedded, too; several that are told to make the same move make it together.

    Args:
        database: The file.
        embedder: The new embedder.
        batch: Versions in a transaction.
        progress: Called after each commit with the number of versions that have their new vectors on the disk.

    Returns:
        How many versions were embedded by this call.

    Raises:
        EmbedderMismatch: Another process has begun a move to a third embedder.
    """
    wanted = space_of(embedder)
    with database.writing() as connection:
        if space.find(connection).space == wanted:
            return 0
        target = Found(space.begin_move(connection, wanted), wanted)
        covered = space.covered(connection, target.id)
    embedded, after = 0, 0
    while True:
        with database.reading() as connection:
            texts = space.lacking(connection, target.id, after=after, limit=batch)
        if not texts:
            with database.writing() as connection:
                if not space.moving(connection, target):
                    break
                # Under the write lock nothing can be added: either somebody did since the last look, or all are there.
                if not space.lacking(connection, target.id, after=0, limit=1):
                    space.finish_move(connection, target.id, datetime.now(UTC))
                    break
            after = 0
            continue
        added = _embed(database, embedder, target, wanted.dimension, texts)
        embedded, after = embedded + added, texts[-1].seq
        if progress is not None:
            progress(covered + embedded)
    database.scrub()  # half of the file is free pages now
    database.truncate_log(patience=0)
    return embedded


def _embed(database: Database, embedder: Embedder, target: Found, dimension: int, texts: list[Text]) -> int:
    """Embed some texts and record the vectors of those versions that are still there."""
    rows = embedder.documents([each.text for each in texts])
    vectors = {each.seq: unit_vectors(row, dimension) for each, row in zip(texts, rows, strict=True)}
    with database.writing() as connection:
        return add_vectors(connection, target.id, vectors) if space.moving(connection, target) else 0
