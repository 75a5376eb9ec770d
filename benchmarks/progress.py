"""What is run next, told to people while they wait. Measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.beir import Haystack

Tell = Callable[[str], object]
"""Called with what comes next, in words."""

Step = Callable[[Haystack, str], object]
"""Called with the haystack and the system that come next; a second call with the same two is no further step."""


@contextmanager
def progress(console: Console, sets: Mapping[str, Sequence[Haystack]], systems: Sequence[str]) -> Iterator[Step]:
    """A function that says what is run next: on a bar on a terminal, and elsewhere by a line for each haystack.

    Args:
        console: Where it is said.
        sets: All that will be run.
        systems: The systems that run on each haystack; the line is written when the first of them starts.
    """
    if not console.is_terminal:

        def write(haystack: Haystack, system: str) -> None:
            if system == systems[0]:
                console.print(_size(haystack), markup=False)

        yield write
        return
    with _bar(console) as bar:
        runs = len(systems) * sum(bool(each.queries) for haystacks in sets.values() for each in haystacks)
        task = bar.add_task("", total=runs, start=True)
        started: set[tuple[str, str]] = set()

        def show(haystack: Haystack, system: str) -> None:
            started.add((haystack.name, system))
            bar.update(task, description=f"{_size(haystack)}, {system}", completed=len(started) - 1)

        yield show


@contextmanager
def steps(console: Console, count: int) -> Iterator[Tell]:
    """A function that says which of so many steps comes next: on a bar on a terminal, and elsewhere by a line."""
    if not console.is_terminal:
        yield lambda words: console.print(words, markup=False)
        return
    with _bar(console) as bar:
        task = bar.add_task("", total=count, start=True)
        told = 0

        def tell(words: str) -> None:
            nonlocal told
            bar.update(task, description=words, completed=told)
            told += 1

        yield tell


def _bar(console: Console) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def _size(haystack: Haystack) -> str:
    return f"{haystack.name}: {len(haystack.documents)} documents, {len(haystack.queries)} queries"
