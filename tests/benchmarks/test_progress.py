"""What is said while people wait: a line for each haystack, or a bar that counts runs."""

from __future__ import annotations

import io

from rich.console import Console

from benchmarks.beir import Document, Haystack, Query
from benchmarks.progress import progress, steps

DOCUMENTS, QUERIES = (Document("d", "Rex barks."),), (Query("q", "Who barks?", None, {"d": 1}),)
ONE, TWO = Haystack("one", DOCUMENTS, QUERIES), Haystack("two", DOCUMENTS, QUERIES)


def test_off_a_terminal_the_first_system_alone_writes_a_line() -> None:
    """Markup in a name is no markup."""
    named = Haystack("[bold]", ONE.documents, ONE.queries)
    console = Console(file=io.StringIO(), soft_wrap=True)
    with progress(console, {"set": [ONE, named]}, ("cosine", "am_agent")) as step:
        for haystack in (ONE, named):
            for system in ("cosine", "am_agent"):
                step(haystack, system)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "one: 1 documents, 1 queries\n[bold]: 1 documents, 1 queries\n"


def test_on_a_terminal_the_bar_counts_each_run_once() -> None:
    """A haystack that a system comes back to does not count twice."""
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress(console, {"set": [ONE, TWO]}, ("cosine", "am_agent")) as step:
        for haystack, system in ((ONE, "cosine"), (TWO, "cosine"), (ONE, "am_agent"), (ONE, "am_agent")):
            step(haystack, system)
        step(TWO, "am_agent")
    assert isinstance(console.file, io.StringIO)
    assert "two: 1 documents, 1 queries, am_agent" in console.file.getvalue()


def test_steps_are_lines_off_a_terminal_and_counted_on_one() -> None:
    """Markup in words is no markup."""
    plain = Console(file=io.StringIO(), soft_wrap=True)
    with steps(plain, 2) as tell:
        tell("[bold]")
        tell("store, 10 items: chroma")
    assert isinstance(plain.file, io.StringIO)
    assert plain.file.getvalue() == "[bold]\nstore, 10 items: chroma\n"
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    with steps(terminal, 2) as tell:
        tell("first")
        tell("second")
    assert isinstance(terminal.file, io.StringIO)
    assert "second" in terminal.file.getvalue()
