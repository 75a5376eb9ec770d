"""Work in the background: when it is done, for whom, and that it ends."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from am_agent.episode import Namespace
from am_agent.periodic import Periodic


def test_the_work_is_done_when_enough_is_new_and_counted_from_there() -> None:
    """What was new before is asked for once; from then on it counts what it is told."""
    new, done = {("a",): 7, ("b",): 0}, queue.Queue[Namespace]()
    asked: list[Namespace] = []

    def due(path: Namespace) -> int:
        asked.append(path)
        return new[path]

    def work(path: Namespace, check: Callable[[], None]) -> None:
        check()
        new[path] = 0
        done.put(path)

    def record(path: Namespace, count: int) -> None:
        new[path] += count
        periodic.recorded(path, count)

    periodic = Periodic(10, due, work)
    record(("a",), 3)
    assert done.get(timeout=60) == ("a",)
    for _ in range(9):
        record(("a",), 1)
    record(("b",), 10)
    assert done.get(timeout=60) == ("b",)
    record(("a",), 1)
    assert done.get(timeout=60) == ("a",)
    periodic.stop()
    assert asked.count(("b",)) == 1
    record(("a",), 100)
    assert done.empty()


def test_it_ends_in_the_middle_of_its_work() -> None:
    """At the next look, and for good."""
    at_work, ended = threading.Event(), list[str]()

    def work(path: Namespace, check: Callable[[], None]) -> None:
        at_work.set()
        try:
            while True:
                check()
        finally:
            ended.append("work")

    periodic = Periodic(1, lambda path: 1, work)
    periodic.recorded((), 1)
    assert at_work.wait(60)
    periodic.stop()
    assert ended == ["work"]
    Periodic(1, lambda path: 1, work).stop()
