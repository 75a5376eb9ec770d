"""Disks of a few megabytes for tests: real ones, mounted where only one process sees them, or a limit of file sizes."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["disk", "limit"]
KINDS = ("disk", "limit")

_BALLAST = 9_000_000
_ROOM = 900_000
_SPARE = 80_000


class Disk:
    """What a scenario is given.

    Attributes:
        folder: An empty folder, in which every file can grow to some hundred KB.
    """

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind = kind
        self._ballast = folder / "ballast"
        self.folder = folder / "memory"
        self.folder.mkdir()
        if kind == "disk":
            self._ballast.write_bytes(b"x" * _BALLAST)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, resource.RLIM_INFINITY))

    def fill(self) -> None:
        """Leave no room at all on the disk; no file can grow beyond a few KB."""
        if self._kind == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            return
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return

    def spare(self) -> None:
        """Make room for one small write: how much a write that failed has left over is chance."""
        if self._kind == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM + _SPARE, resource.RLIM_INFINITY))
        else:
            os.truncate(self._ballast, _BALLAST - _SPARE)

    def free(self) -> None:
        """Make room for everything."""
        if self._kind == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            self._ballast.unlink()


@cache
def namespace() -> list[str] | None:
    """The command before a command that gives it mounts of its own; None where the system allows none."""
    unshare = shutil.which("unshare")
    for options in (["--user", "--map-root-user", "--mount"], ["--mount"]):
        command = [str(unshare), *options]
        if unshare and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def on_small_disk(scenario: Callable[[Disk], None], kind: Kind, folder: Path) -> None:
    """Run a function of a module on a small disk, in a process of its own; what it asserts must hold.

    Args:
        scenario: The function.
        kind: A disk of its own; where the system lets nobody mount one, and if asked for, a limit of file sizes.
        folder: Where the disk is to be.
    """
    code = (
        "import sys, pathlib, importlib; from tests.small_disk import Disk; "
        "getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(Disk(sys.argv[3], pathlib.Path(sys.argv[4])))"
    )
    mount = namespace()
    real = kind == "disk" and mount is not None
    size = _BALLAST + _ROOM
    before = [*(mount or []), "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"', str(folder)]
    run = subprocess.run(
        [
            *(before if real else []),
            *(sys.executable, "-W", "error", "-c", code),
            *(scenario.__module__, scenario.__name__, "disk" if real else "limit", str(folder)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
