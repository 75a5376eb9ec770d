"""Points in time as files write them: every usual way to write one gives the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.errors import InvalidTime
from am_agent.formats.times import read_time

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00+00:00",
        "2024-05-01T14:00:00.000+02:00",
        "2024-05-01T12:00",
        "2024-05-01 12:00:00",
        " 2024-05-01 12:00:00\n",
        1714564800,
        1714564800.0,
        1714564800_000,
        1714564800_000_000,
        1714564800_000_000_000,
        "1714564800",
        "1714564800.0",
    ],
)
def test_every_usual_way_gives_the_same_time(value: Any) -> None:
    """ISO 8601 with and without a zone, and epochs in seconds and in parts of them."""
    assert read_time(value) == NOON
    assert str(read_time(value)).endswith("+00:00")


def test_a_day_is_its_beginning_in_utc() -> None:
    """A date alone is a time, too."""
    assert read_time("2024-05-01") == NOON.replace(hour=0)


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  the zone follows
def test_times_come_back_from_iso(time: datetime) -> None:
    """Nothing is rounded."""
    assert read_time(time.isoformat()) == time


@pytest.mark.parametrize("value", ["yesterday", "", "12:30", "2024-13-01", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("kind", [str, lambda _: [1], lambda _: {}, lambda _: True])
def test_a_text_that_is_no_time(value: str, kind: Any) -> None:
    """It is named, never guessed."""
    with pytest.raises(InvalidTime):
        read_time(kind(value))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, None], ids=["nan", "inf", "huge", "null"])
def test_what_is_no_time_is_an_invalid_time(value: Any) -> None:
    """It is named, never guessed."""
    with pytest.raises(InvalidTime):
        read_time(value)
