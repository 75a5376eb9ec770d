"""What must hold of every memory's file, whatever happened to it, as plain SQLite and plain bytes show it."""

from __future__ import annotations

import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any


def rows(path: Path, query: str) -> list[Any]:
    """What a query of our own says, past the library."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def held(folder: Path) -> bytes:
    """Everything that any file of a folder holds, at any depth.

    Read by another process: closing a file here would drop the locks that SQLite holds on it in our name.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return subprocess.run(["cat", "--", *files], stdout=subprocess.PIPE, check=True).stdout


def vectors(path: Path) -> dict[tuple[str, int], list[bytes]]:
    """The vectors of every version, by its id and its number, in the file's own space."""
    found: dict[tuple[str, int], list[bytes]] = {}
    query = """
        SELECT id, version, data FROM vector JOIN episode ON seq = episode_seq
        WHERE embedder_id = (SELECT id FROM embedder WHERE adopted_at IS NOT NULL) ORDER BY seq, ordinal
    """
    for id_, version, data in rows(path, query):
        found.setdefault((id_, version), []).append(data)
    return found


def assert_sound(path: Path, *, loaded: bool = False) -> None:
    """No page is damaged, no version half there, and the journal and the receipts agree with the rows.

    Args:
        path: The file.
        loaded: Whether versions came from an export, closed already: the journal then tells of no closing.
    """
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    episodes = rows(path, "SELECT seq, namespace_id, id, version, superseded_at IS NULL FROM episode ORDER BY seq")
    seqs = {seq for seq, *_ in episodes}
    adopted = "SELECT id FROM embedder WHERE adopted_at IS NOT NULL"
    assert len(rows(path, adopted)) == 1
    assert {seq for (seq,) in rows(path, f"SELECT episode_seq FROM vector WHERE embedder_id = ({adopted})")} == seqs
    windows = "SELECT count(*), max(ordinal) + 1 FROM vector GROUP BY episode_seq, embedder_id"
    assert [each for each in rows(path, windows) if each[0] != each[1]] == []

    firsts = {(namespace_id, id_): seq for seq, namespace_id, id_, *_ in reversed(episodes)}
    named = {seq: (namespace_id, firsts[namespace_id, id_] == seq) for seq, namespace_id, id_, *_ in episodes}
    for seq, target in rows(path, "SELECT episode_seq, target_seq FROM link"):
        assert named[target] == (named[seq][0], True)  # an id's first version, of the same namespace, told before
        assert target < seq

    versions: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for _, namespace_id, id_, version, current in episodes:
        versions.setdefault((namespace_id, id_), []).append((version, current))
    for history in versions.values():
        assert history == [(number, number == len(history)) for number in range(1, len(history) + 1)]

    query = """
        SELECT shape.weight, count(*), sum(member.weight), count(DISTINCT namespace_id), sum(superseded_at IS NOT NULL)
        FROM shape JOIN member USING (prototype_seq) JOIN episode ON seq = episode_seq
        WHERE shape.ended_seq IS NULL AND member.ended_seq IS NULL GROUP BY prototype_seq
    """
    for weight, members, weights, namespaces, replaced in rows(path, query):
        assert members > 1
        assert (weights, namespaces, replaced) == (weight, 1, 0)
    grouped = """
        SELECT tier, episode_seq FROM shape JOIN member USING (prototype_seq) JOIN prototype ON seq = prototype_seq
        WHERE shape.ended_seq IS NULL AND member.ended_seq IS NULL
    """
    assert all(count == 1 for count in Counter(rows(path, grouped)).values())

    told = {
        kind: Counter(seq for (seq,) in rows(path, f"SELECT episode_seq FROM journal WHERE kind = '{kind}'"))
        for kind in ("insert", "close", "erase")
    }
    assert all(count == 1 for counter in told.values() for count in counter.values())
    assert set(told["insert"]) - set(told["erase"]) == seqs
    closed, old = set(told["close"]) - set(told["erase"]), {seq for seq, *_, current in episodes if not current}
    assert closed <= old if loaded else closed == old
    assert sum(told["erase"].values()) == sum(count for (count,) in rows(path, "SELECT versions FROM erasure"))
