"""The model's graph in the user's cache: written once, compared before it is used. Knows hashes, no runtime."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from am_agent.embedders import graph, minilm
from am_agent.errors import EmbedderUnavailable

_LOG = logging.getLogger(__name__)
_FILE = "all-MiniLM-L6-v2.onnx"
_RECORD = "all-MiniLM-L6-v2.json"


@dataclass(frozen=True, slots=True)
class Export:
    """A file that holds the graph.

    Attributes:
        path: Where it lies.
        size: Its bytes.
        sha256: Their digest.
    """

    path: Path
    size: int
    sha256: str


def cache_folder() -> Path:
    """Where the user's system keeps what programs can make again."""
    return platformdirs.user_cache_path("am_agent", appauthor=False)


def export(weights: Path, *, folder: Path | None = None, force: bool = False) -> Export:
    """Write the graph into a folder, unless it is there.

    Args:
        weights: The model's `model.safetensors`.
        folder: Where; None for the user's cache.
        force: Write it in any case.

    Raises:
        EmbedderUnavailable: The folder cannot be written, or the extra `onnx` is not installed.
    """
    place = cache_folder() if folder is None else folder
    content = None if force else _kept(place)
    if content is None:
        content = graph.build(weights)
        try:
            _write(place, content)
        except OSError as error:
            raise EmbedderUnavailable(
                f"the graph of the model cannot be written to {place}: {error.strerror or error}. Make room there, or "
                "make it writable; without it, every process builds the graph for itself"
            ) from error
    return Export(place / _FILE, len(content), _sha256(content))


def exported(weights: Path, *, folder: Path | None = None) -> bytes:
    """The graph: from the folder if what is there can be trusted, and otherwise built, and left there for the next.

    Args:
        weights: The model's `model.safetensors`.
        folder: Where; None for the user's cache.

    Raises:
        EmbedderUnavailable: It has to be built, and the extra `onnx` is not installed.
    """
    place = cache_folder() if folder is None else folder
    content = _kept(place)
    if content is None:
        content = graph.build(weights)
        try:
            _write(place, content)
        except OSError as error:
            _LOG.warning("the graph of the model cannot be kept in %s, and is built in each process: %s", place, error)
        else:
            _LOG.info("the graph of the model was written to %s", place / _FILE)
    return content


def _kept(folder: Path) -> bytes | None:
    """The bytes of the file, if they are those that its record tells of."""
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        content = (folder / _FILE).read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _LOG.warning("%s cannot be read, so it is written anew: %s", folder / _FILE, error)
        return None
    if record == _record(content):
        return content
    _LOG.warning("%s is damaged, or of another version, so it is written anew", folder / _FILE)
    return None


def _write(folder: Path, content: bytes) -> None:
    """Put both files in place, each whole; a process that reads between the two finds that they do not agree."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in ((_FILE, content), (_RECORD, json.dumps(_record(content), indent=2).encode())):
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{name}.", delete=False) as file:
            written = Path(file.name)
            try:
                file.write(each)
                file.close()
                written.replace(folder / name)
            except BaseException:
                written.unlink(missing_ok=True)
                raise


def _record(content: bytes) -> dict[str, Any]:
    """What is kept beside the file: its digest, and what decides its bytes."""
    return {"sha256": _sha256(content), "weights": minilm.SHA256, "graph": graph.VERSION}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
