"""Work in the background, whenever enough was recorded in a namespace. Knows counts, not what is done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from am_agent.episode import Namespace
from am_agent.errors import AmError

_log = logging.getLogger("am_agent")


class Stopped(Exception):
    """The work was told to stop in the middle; nothing of it was written."""


class Periodic:
    """Does something in a thread of its own, once for each namespace in which so many episodes are new.

    Args:
        every: How many.
        due: How many are new in a namespace, those of other processes included.
        work: What is done. It is to call `check` often, which raises Stopped when it is to end.
    """

    def __init__(
        self, every: int, due: Callable[[Namespace], int], work: Callable[[Namespace, Callable[[], None]], object]
    ) -> None:
        self._every = every
        self._due = due
        self._work = work
        self._condition = threading.Condition()  # over the four below
        self._counts: dict[Namespace, int] = {}
        self._waiting: dict[Namespace, None] = {}
        self._stopping = False
        self._thread: threading.Thread | None = None

    def recorded(self, namespace: Namespace, count: int) -> None:
        """Tell that so many episodes were recorded; never waits for the work."""
        with self._condition:
            known = self._counts.get(namespace)
            self._counts[namespace] = count + (known or 0)
            # What was recorded before this process began is asked for once.
            if self._stopping or (known is not None and self._counts[namespace] < self._every):
                return
            self._waiting[namespace] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="am_agent consolidation", daemon=True)
                self._thread.start()
            self._condition.notify()

    def stop(self) -> None:
        """Stop what is done, and wait until it has stopped."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()

    def _check(self) -> None:
        if self._stopping:
            raise Stopped

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return
                namespace = next(iter(self._waiting))
                del self._waiting[namespace]
                self._counts[namespace] = 0
            try:
                number = self._due(namespace)
                if number >= self._every:
                    self._work(namespace, self._check)
                    number = 0
            except Stopped:
                return
            except AmError as error:  # the file is locked, the disk is full: tried again when as many are new again
                _log.warning("the periodic pass over %r was not made: %s", namespace, error)
                number = 0
            except Exception:  # noqa: BLE001  nobody waits for this thread: without it, no pass would ever be made again
                _log.exception("the periodic pass over %r has failed", namespace)
                number = 0
            with self._condition:
                self._counts[namespace] = self._counts.get(namespace, 0) + number
