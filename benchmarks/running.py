"""Processes that are started, confined, timed and read. Knows nothing of what they measure."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import confined, environment
from benchmarks.trial import FAILED, Job

ROOT = Path(__file__).parent.parent


class Failed(Exception):
    """A process that did not do what it was to do; the message is what it said last."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts processes with this Python, one after the other.

    Attributes:
        folder: Where they leave what they found.
        threads: How many each library in them may use, and on how many processors they run.
        patience: Seconds after which one is killed.
    """

    folder: Path
    threads: int
    patience: float

    def trial(self, job: Job, *, everywhere: bool = False) -> dict[str, Any]:
        """Do a job in a process of its own.

        Args:
            job: What it does.
            everywhere: Let it run on all processors: its threads are what is measured.

        Raises:
            Failed: It ended with an error, by a signal, or not at all.
        """
        given, result = self.folder / "job.json", self.folder / "result.json"
        given.write_text(json.dumps(asdict(job)), encoding="utf-8")
        result.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.trial", str(given), str(result)]
        with confined(None if everywhere else self.threads), self._said() as said:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment(self.threads), stdout=subprocess.DEVNULL, stderr=said
            )
        code = self._wait(process)
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {}
        if code or FAILED in found or not found:
            raise Failed(found.get(FAILED) or self._last_line() or f"it ended with {code}")
        return found

    def first_line(self, arguments: Sequence[str]) -> tuple[float, str]:
        """The seconds from the start of a Python to the first line that it prints, and that line.

        Args:
            arguments: What follows the name of the interpreter.

        Raises:
            Failed: It ended with an error, or printed nothing.
        """
        with confined(self.threads), self._said() as said:
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment(self.threads),
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        assert process.stdout is not None
        with process.stdout as stdout:
            line = stdout.readline()
            seconds = time.perf_counter() - started
            stdout.read()
        code = self._wait(process)
        if code:
            raise Failed(self._last_line() or f"it ended with {code}")
        if not line:
            raise Failed("it printed nothing")
        return seconds, line

    def _said(self) -> Any:
        return (self.folder / "stderr.txt").open("w", encoding="utf-8")

    def _last_line(self) -> str:
        said = (self.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in reversed(said) if line.strip()), "")

    def _wait(self, process: subprocess.Popen[Any]) -> int:
        """The code it ends with."""
        try:
            code = process.wait(self.patience)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise Failed(f"it was killed after {self.patience:g} seconds") from error
        except BaseException:
            process.kill()
            raise
        if code < 0:
            raise Failed(f"it was ended by {signal.Signals(-code).name}")
        return code
