"""What is kept of things that stay the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from am_agent.derived import Derived

SOURCES = [[number] for number in range(4)]


@given(st.lists(st.tuples(st.integers(0, 50), st.lists(st.sampled_from(range(4)), max_size=3)), max_size=60))
def test_it_is_always_that_of_the_sources(asked: list[tuple[int, list[int]]]) -> None:
    """And made again only where the last one under the name was of others, or many names were asked for since."""
    derived, made, last = Derived[list[int]](), 0, dict[int, list[int]]()
    for name, numbers in asked:

        def make(numbers: list[int] = numbers) -> list[int]:
            nonlocal made
            made += 1
            return list(numbers)

        before = made
        assert derived.of(name, [SOURCES[number] for number in numbers], make) == numbers
        if last.get(name) == numbers and len(last) <= 32:
            assert made == before
        elif last.get(name) != numbers:
            assert made == before + 1
        last[name] = numbers


def test_equal_sources_are_not_the_same() -> None:
    """They may come to differ."""
    derived = Derived[int]()
    assert derived.of("a", [[1]], lambda: 1) == 1
    assert derived.of("a", [[1]], lambda: 2) == 2
    assert derived.of("a", [], lambda: 3) == 3


def test_no_more_than_32_names_are_kept() -> None:
    """The one that was made first goes first."""
    derived, source = Derived[int](), object()
    for number in range(33):
        derived.of(number, [source], lambda number=number: number)  # type: ignore[misc]
    assert derived.of(1, [source], lambda: -1) == 1
    assert derived.of(0, [source], lambda: -1) == -1


def test_threads_get_what_belongs_to_their_sources() -> None:
    """Whoever makes it at the same time."""
    derived = Derived[int]()

    def ask(number: int) -> bool:
        return derived.of("one", [SOURCES[number % 4]], lambda: number % 4) == number % 4

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(2000)))
