"""Processes for tests: forked from a warm server, they report through a pipe and can be killed for real."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

# A fork of a process that has numpy and SQLAlchemy costs 20 ms, a new one half a second and more.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", "alembic.command", "sqlalchemy.dialects.sqlite", "am_agent.memory"])
_TOO_LONG = 120  # seconds after which a child that does not answer is an error, and not a slow machine


class Child:
    """One process that runs a function of a module, whose last argument is its end of the pipe."""

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        self._pipe, theirs = _CONTEXT.Pipe()
        # A daemon: a test that fails leaves its children behind, and the end of the run is not to wait for them.
        self._process = _CONTEXT.Process(target=function, args=(*arguments, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def hear(self) -> Any:
        """The next report."""
        if not self._pipe.poll(_TOO_LONG):
            raise TimeoutError(f"{self._process} has said nothing for {_TOO_LONG} s")
        return self._pipe.recv()

    def say(self, word: object) -> None:
        """Send something to the child."""
        self._pipe.send(word)

    def kill(self) -> list[Any]:
        """Kill it with SIGKILL, wherever it is, and return the reports that were not heard yet."""
        self._process.kill()
        return self._end()

    def join(self) -> list[Any]:
        """Wait until it ends by itself, without an error, and return the reports that were not heard yet."""
        return self._end()

    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    def _end(self) -> list[Any]:
        rest = []
        try:
            while True:
                rest.append(self.hear())
        except (EOFError, ConnectionResetError):
            self._process.join()
        self.code = self._process.exitcode
        self._process.close()
        self._pipe.close()
        return rest


@contextmanager
def running(function: Callable[..., None], *arguments: object) -> Iterator[Child]:
    """A process that has said that it is ready, and that is let go at the end and must end without an error."""
    child = Child(function, *arguments)
    try:
        assert child.hear() == "ready"
        yield child
    except BaseException:
        child.kill()
        raise
    child.say("go")
    child.join()
    assert child.code == 0


def killed(rng: random.Random, within: float, function: Callable[..., None], *arguments: object) -> list[Any]:
    """Start a process, kill it at a random moment after its first report, and return all its reports."""
    child = Child(function, *arguments)
    first = child.hear()
    time.sleep(rng.uniform(0, within))
    assert child.alive()
    return [first, *child.kill()]


def rest(pipe: Connection) -> None:
    """In a child: say that all is ready, and wait until it is let go."""
    pipe.send("ready")
    pipe.recv()
