"""Stretches of days: cut off at the bounds of the calendar, and never an error."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from am_agent.times import calendar
from am_agent.times.calendar import END, FIRST, Days

ORDINALS = st.integers(FIRST, END - 1)


@given(ORDINALS)
def test_a_day_lies_in_its_week_and_month(ordinal: int) -> None:
    week, month = calendar.days_of_week(ordinal), calendar.days_of_months(calendar.month_of(ordinal))
    assert week.start <= ordinal < week.end
    assert month.start <= ordinal < month.end
    assert date.fromordinal(week.start).weekday() == 0
    assert date.fromordinal(month.start).day == 1
    assert calendar.year_of(ordinal) == date.fromordinal(ordinal).year


@given(ORDINALS, st.integers(1, 500_000))
def test_thirds_follow_each_other_and_make_up_the_whole(start: int, length: int) -> None:
    days = calendar.days_between(start, start + length)
    thirds = [days.third(which) for which in range(3)]
    if days.end - days.start < 3:
        assert thirds == [days] * 3
    elif date.fromordinal(start).day == 1:
        assert thirds[0].start == days.start
        assert thirds[2].end == days.end
        assert thirds[0].end == thirds[1].start
        assert thirds[1].end == thirds[2].start


@given(ORDINALS, st.integers(-200_000, 200_000))
def test_the_same_day_of_another_month(ordinal: int, months: int) -> None:
    """Or the last one it has; outside the calendar, its bound."""
    there = calendar.months_from(ordinal, months)
    month = calendar.month_of(ordinal) + months
    if 12 <= month < 120_000:
        assert calendar.month_of(there) == month
        assert date.fromordinal(there).day <= date.fromordinal(ordinal).day
    else:
        assert there in (FIRST, END) or month < 12


def test_what_lies_outside_is_empty_and_stays_so() -> None:
    assert calendar.days_of_years(-5, 0) == Days(FIRST, FIRST)
    assert calendar.days_of_years(10_000, 12_000) == Days(END, END)
    assert calendar.days_of_years(-5, 0).widened(14) == Days(FIRST, FIRST)
    assert calendar.date_of(2023, 2, 29) is None
