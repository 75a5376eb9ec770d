"""Arrays in files beside the database, which may be lost at any time. Knows their bytes and whose they are, no meaning.

A file is true for a space and for a position of the journal, and says so; whatever does not match in the least is as
good as none. It holds nothing that was erased up to its position, and whoever erases removes it.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import stat
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from am_agent.store import journal, space

Arrays = Mapping[str, npt.NDArray[Any]]

_log = logging.getLogger("am_agent")

_MAGIC = b"am_agent cache 1"  # another number where the same rows and texts become other arrays
_START = struct.Struct("<16sII")  # what it is, how long the header is, and its sum
_ALIGNED = 64


class Held(NamedTuple):
    """What a file holds, and up to where in the journal it is true."""

    position: int
    arrays: Arrays


class Caches:
    """The files of one database, in a folder: `memory.db-cache/codes-1` holds the codes of the namespace 1.

    Read as a whole and not mapped: what is erased is then gone from the disk when the file is, whoever has read it.
    Nobody may read them who may not read the database.

    Args:
        path: Of the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # as SQLite does it with its log: whoever erases is to find them
        self._folder = self._path.with_name(self._path.name + "-cache")

    def has(self, kind: str, namespace_id: int) -> bool:
        """Whether there is a file, true or not."""
        return self._file(kind, namespace_id).exists()

    def read(self, connection: Connection, kind: str, namespace_id: int) -> Held | None:
        """What a file holds, if it is true in the connection's transaction."""
        path = self._file(kind, namespace_id)
        try:
            header, arrays = _parsed(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.warning("%s is not used, and made anew from the database: %s", path, error)
            return None
        position = int(header["position"])
        if header["whose"] != _whose(connection, kind, namespace_id, position):
            _log.info("%s is of another state of the database, or of another version of am_agent; it is not used", path)
            return None
        if any(each.kind == "erase" for _, each in journal.since(connection, position)):
            _log.info("%s holds what was erased since; it is removed", path)
            self.remove()
            return None
        return Held(position, arrays)

    def write(self, connection: Connection, kind: str, namespace_id: int, arrays: Arrays) -> bool:
        """Replace a file by one that is true in the connection's transaction, which must hold the write lock.

        Returns:
            Whether it is there now; it is not where there is no room, or no right to write.
        """
        path = self._file(kind, namespace_id)
        part = path.with_suffix(_PART)
        position = journal.position(connection)
        if not position:
            return False  # there is nothing that tells this database from others
        header = {"position": position, "whose": _whose(connection, kind, namespace_id, position)}
        try:
            try:
                if not self._folder.is_dir():
                    self._folder.mkdir()
                    self._allow(self._folder)
                with part.open("wb") as file:
                    self._allow(part)
                    for piece in _pieces(header, arrays):
                        file.write(piece)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        except OSError as error:
            _log.info("%s is not written: %s", path, error)
            return False
        return True

    def remove(self) -> bool:
        """Remove every file, and what a writer that was killed has left of one.

        Returns:
            False if one of them cannot be removed now.
        """
        try:
            found = self._files()
            for path in found:
                path.unlink(missing_ok=True)
            if found:
                _sync(self._folder)
        except FileNotFoundError:
            return True  # another process was faster
        except OSError as error:
            _log.warning("%s cannot be removed: %s", self._folder, error)
            return False
        with suppress(OSError):  # empty, it tells nothing
            self._folder.rmdir()
        return True

    def sweep(self) -> None:
        """Remove what a writer that was killed has left."""
        with suppress(OSError):  # an erasure has to succeed with it
            for path in self._files():
                if path.suffix == _PART:
                    path.unlink(missing_ok=True)

    def _file(self, kind: str, namespace_id: int) -> Path:
        return self._folder / f"{kind}-{namespace_id}"

    def _files(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []

    def _allow(self, path: Path) -> None:
        """Give a file the owner and the rights of the database, as SQLite does it with its log."""
        held = self._path.stat()
        if os.name == "posix" and os.geteuid() == 0:
            os.chown(path, held.st_uid, held.st_gid)
        mode = stat.S_IMODE(held.st_mode)
        # Whoever may read or write a file may do the same in a folder only if it may be entered, too.
        path.chmod(mode | 0o700 | (mode & 0o444) >> 2 if path.is_dir() else mode)


_PART = ".part"
"""The end of the name of a file that is not complete yet."""

KINDS = ("codes", "words")
"""What files there are: of the patterns, and of the texts."""


def _whose(connection: Connection, kind: str, namespace_id: int, position: int) -> Any:
    """What a file's state is the state of, as JSON has it."""
    found = space.find(connection)
    of = None if found.space is None else [found.space.name, found.space.dimension, found.space.fingerprint]
    return [_release(), kind, namespace_id, found.id, of, list(journal.entry(connection, position))]


@functools.cache
def _release() -> str:
    """Of this library: another one may read texts otherwise."""
    try:
        return version("am-agent")
    except PackageNotFoundError:  # its files alone, not installed
        return ""


def _pieces(header: Mapping[str, Any], arrays: Arrays) -> list[bytes | memoryview]:
    """A file, piece by piece."""
    sections, bodies, offset = [], list[bytes | memoryview](), 0
    for name, array in arrays.items():
        body = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        data = body.reshape(-1).view(np.uint8).data
        sections.append([name, body.dtype.str, list(array.shape), offset, zlib.crc32(data)])
        filling = bytes(-len(data) % _ALIGNED)
        bodies += [data, filling]
        offset += len(data) + len(filling)
    written = json.dumps({**header, "sections": sections, "size": offset}).encode()
    written += b" " * (-(_START.size + len(written)) % _ALIGNED)
    return [_START.pack(_MAGIC, len(written), zlib.crc32(written)), written, *bodies]


def _parsed(data: bytes) -> tuple[dict[str, Any], Arrays]:
    """The header of a file and its arrays, which cannot be written to.

    Raises:
        ValueError: It is not a whole and undamaged one; the message says why.
    """
    if len(data) < _START.size:
        raise ValueError("it is truncated")
    magic, length, told = _START.unpack_from(data)
    start = _START.size + length
    if magic != _MAGIC:
        raise ValueError("it is of another kind or version")
    if zlib.crc32(data[_START.size : start]) != told:
        raise ValueError("its header is damaged")
    header: dict[str, Any] = json.loads(data[_START.size : start])
    if len(data) != start + header["size"]:
        raise ValueError("it is truncated, or too long")
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, kind, shape, offset, told in header["sections"]:
        dtype, count = np.dtype(kind), int(np.prod(shape, dtype=np.int64))
        begin = start + offset
        if zlib.crc32(memoryview(data)[begin : begin + count * dtype.itemsize]) != told:
            raise ValueError(f"its {name} are damaged")
        found = np.frombuffer(data, dtype=dtype, count=count, offset=begin).reshape(shape)
        arrays[name] = found.astype(dtype.newbyteorder("="), copy=False)
    return header, arrays


def _sync(folder: Path) -> None:
    """See to it that what was removed from a folder does not come back with a power failure."""
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def written_names(names: list[str]) -> npt.NDArray[np.uint8]:
    """Strings as an array."""
    return np.frombuffer(json.dumps(names).encode(), dtype=np.uint8)


def read_names(array: npt.NDArray[np.uint8]) -> list[str]:
    r"""The strings of an array.

    Example:
        >>> read_names(written_names(["Ana", "\ud800"])) == ["Ana", "\ud800"]
        True
    """
    names: list[str] = json.loads(array.tobytes())
    return names
