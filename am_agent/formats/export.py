"""Episodes as lines of JSON, for export and load. Knows the format; nothing of storage or of models."""

from __future__ import annotations

import base64
import errno
import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from am_agent.draft import Draft, Vectors, checked_count, checked_time
from am_agent.episode import Episode, Rejection
from am_agent.errors import DiskFull, InvalidArgument, InvalidFile, InvalidInput, StoreError
from am_agent.formats.entry import Entry
from am_agent.formats.json_lines import json_lines
from am_agent.formats.source import Line as Numbered

FORMAT = "am_agent episodes"
VERSION = 1
_TIMES = ("occurred_at", "recorded_at", "superseded_at", "expires_at")


class Line(NamedTuple):
    """One version of an episode, with its patterns [windows, d] if the export has vectors."""

    episode: Episode
    vectors: Vectors | None


def header(space: Mapping[str, Any] | None) -> str:
    """The first line of an export: what it is, and the embedder of its vectors."""
    return json.dumps({"format": FORMAT, "version": VERSION, "embedder": space}, ensure_ascii=False)


def write_line(episode: Episode, vectors: Vectors | None = None) -> str:
    """Write one version of an episode, and its vectors as base64 of little-endian float32."""
    fields: dict[str, Any] = {
        "id": episode.id,
        "namespace": list(episode.namespace),
        "version": episode.version,
        "text": episode.text,
        "actor": episode.actor,
        "session": episode.session,
        "reply_to": episode.reply_to,
        "derived_from": list(episode.derived_from),
        "metadata": dict(episode.metadata),
    }
    for name in _TIMES:
        time: datetime | None = getattr(episode, name)
        fields[name] = None if time is None else time.isoformat()
    if vectors is not None:
        fields["vectors"] = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in vectors]
    return json.dumps(fields, ensure_ascii=False)


@contextmanager
def replacing(target: Path) -> Iterator[Callable[[str], object]]:
    """A function that writes lines to a file, which takes the target's place when all of them are on the disk.

    Raises:
        InvalidArgument: The folder does not exist.
        DiskFull: No room for the file. No part of it is left behind, and an older one is as it was.
        StoreError: It cannot be written for another reason; the same holds.
    """
    if not target.parent.is_dir():
        raise InvalidArgument(f"the folder {target.parent} does not exist; create it, or name a file elsewhere")
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=target.name, suffix=".part", delete=False
        ) as file:
            try:
                yield lambda line: file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink()
                raise
    except OSError as error:
        left = "Nothing of the export was left behind, and an older one is as it was"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(f"no room for {target} ({error.strerror}). {left}; free some room and try again") from error
        raise StoreError(f"{target} cannot be written ({error.strerror}). {left}; name a file elsewhere") from error


def read_header(line: str) -> Mapping[str, Any] | None:
    """Read the first line of an export.

    Returns:
        The embedder of the vectors (name, dimension, fingerprint), or None.

    Raises:
        InvalidFile: It is not the first line of an export, or of a newer format.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:  # not JSON, or deeper or with longer numbers than Python reads
        raise InvalidFile(f"line 1: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise InvalidFile(f"line 1: an object was expected, not {type(fields).__name__}")
    if fields.get("format") != FORMAT:
        raise InvalidFile(f"line 1: not an export of am_agent; its first line says {{'format': '{FORMAT}', ...}}")
    if fields.get("version") != VERSION:
        raise InvalidFile(
            f"line 1: the format has the version {fields.get('version')!r} and this am_agent reads {VERSION}. "
            "Update it with: pip install --upgrade am-agent"
        )
    embedder: Mapping[str, Any] | None = fields.get("embedder")
    if embedder is None:
        return None
    kinds = {"name": str, "dimension": int, "fingerprint": str}
    known = isinstance(embedder, dict) and embedder.keys() == kinds.keys()
    if not known or not all(isinstance(embedder[name], kind) for name, kind in kinds.items()):
        raise InvalidFile(f"line 1: the embedder has a name, a dimension and a fingerprint, not {embedder!r}")
    return embedder


def read_lines(
    lines: Iterable[Numbered], undecodable: str = "undecodable bytes"
) -> Generator[Entry[Line] | Rejection, None, None]:
    """Read the lines after the header, one by one; a line that does not describe an episode is rejected.

    Args:
        lines: The lines.
        undecodable: What to say of a line with bytes that could not be decoded.
    """
    for found in json_lines(lines, undecodable):
        if isinstance(found, Rejection):
            yield found
            continue
        place, fields = found
        try:
            yield Entry(place, _line(fields))
        except (InvalidInput, KeyError, TypeError, ValueError) as error:
            yield Rejection(place, f"no {error}" if isinstance(error, KeyError) else str(error))


def _line(fields: Any) -> Line:
    if not isinstance(fields, dict):
        raise InvalidFile(f"an object was expected, not {type(fields).__name__}")
    return Line(_episode(fields), _vectors(fields.get("vectors")))


def _episode(fields: dict[str, Any]) -> Episode:
    times = {name: _time(fields[name], name) for name in _TIMES}
    draft = Draft.checked(
        text=fields["text"],
        namespace=fields["namespace"],
        id=fields["id"],
        actor=fields["actor"],
        session=fields["session"],
        reply_to=fields.get("reply_to"),  # exports of old have neither
        derived_from=fields.get("derived_from", ()),
        metadata=fields["metadata"],
    )
    if draft.id is None or times["occurred_at"] is None or times["recorded_at"] is None:
        raise InvalidFile("id, occurred_at and recorded_at must be given")
    return Episode(
        id=draft.id,
        text=draft.text,
        namespace=draft.namespace,
        actor=draft.actor,
        session=draft.session,
        reply_to=draft.reply_to,
        derived_from=draft.derived_from,
        metadata=draft.metadata,
        version=checked_count(fields["version"], "version"),
        **times,
    )


def _time(text: str | None, name: str) -> datetime | None:
    return None if text is None else checked_time(datetime.fromisoformat(text), name)


def _vectors(rows: Any) -> Vectors | None:
    """Read vectors bit by bit as they were, since a vector that is made unit again may differ in its last one."""
    if rows is None:
        return None
    if not isinstance(rows, list) or not rows:
        raise InvalidFile("vectors are a list of base64 strings, one or more")
    vectors = np.stack([np.frombuffer(base64.b64decode(row, validate=True), dtype="<f4") for row in rows])
    if not np.allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1, atol=1e-3):
        raise InvalidFile("a vector is not of length one")
    return vectors.astype(np.float32)
