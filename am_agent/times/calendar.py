"""Stretches of days, counted as `date.toordinal` counts them, from year 1 to year 9999. Knows no text and no zone.

A month is counted too: 12 * year + month - 1. What lies outside the calendar is cut off at its bounds, so nothing here
raises, and a stretch that lies outside altogether is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

FIRST = 1
"""The first day there is. A stretch that starts here has no beginning."""

END = date.max.toordinal() + 1
"""The day after the last. A stretch that ends here has no end."""


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `start` up to but not including `end`."""

    start: int
    end: int

    def widened(self, by: int) -> Days:
        """So many days more on either side; of no days, none."""
        return self if self.start >= self.end else Days(max(self.start - by, FIRST), min(self.end + by, END))

    def third(self, which: int) -> Days:
        """The early (0), middle (1) or late (2) part.

        Decades and longer stretches are cut between years, in parts of 4, 3 and 3 tenths; years between months; shorter
        ones between days, the last part taking the rest. One or two days are not divided.

        Example:
            >>> days_of_years(1990, 1999).third(1) == days_of_years(1994, 1996)
            True
        """
        length = self.end - self.start
        first = month_of(self.start)
        if length > 3_000:
            years = round(length / 365.2425)
            cuts = [start_of_month(first + 12 * (years * tenths // 10)) for tenths in (0, 4, 7)]
        elif length >= 360:
            cuts = [start_of_month(first + months) for months in (0, 4, 8)]
        else:
            cuts = [self.start + length // 3 * part for part in range(3)]
        return self if length < 3 else Days(cuts[which], [*cuts, self.end][which + 1])


def day(ordinal: int) -> Days:
    """One day."""
    return Days(_kept(ordinal), _kept(ordinal + 1))


def days_between(start: int, end: int) -> Days:
    """The days of [start, end), as far as the calendar has them."""
    return Days(_kept(start), _kept(end))


def days_of_months(first: int, count: int = 1) -> Days:
    """So many whole months.

    Example:
        >>> january = days_of_months(12 * 2023)
        >>> january.end - january.start
        31
    """
    return Days(start_of_month(first), start_of_month(first + count))


def days_of_years(first: int, last: int) -> Days:
    """Whole years, both included."""
    return days_of_months(12 * first, 12 * (last - first + 1))


def days_of_week(today: int, offset: int = 0) -> Days:
    """The week from Monday to Sunday that holds today, or one that lies so many weeks after it."""
    monday = today - (today - 1) % 7 + 7 * offset  # 1 January of year 1 was a Monday
    return days_between(monday, monday + 7)


def month_of(ordinal: int) -> int:
    """The month that holds a day."""
    at = date.fromordinal(min(max(ordinal, FIRST), END - 1))
    return 12 * at.year + at.month - 1


def year_of(ordinal: int) -> int:
    """The year that holds a day."""
    return month_of(ordinal) // 12


def start_of_month(month: int) -> int:
    """The first day of a month."""
    year, index = divmod(month, 12)
    if not 1 <= year <= 9999:
        return FIRST if year < 1 else END
    return date(year, index + 1, 1).toordinal()


def months_from(today: int, months: int) -> int:
    """The same day of another month, or the last one it has.

    Example:
        >>> date.fromordinal(months_from(date(2023, 3, 31).toordinal(), -1))
        datetime.date(2023, 2, 28)
    """
    here = month_of(today)
    there = days_of_months(here + months)
    return min(there.start + today - start_of_month(here), max(there.end - 1, there.start))


def date_of(year: int, month: int, of_month: int) -> int | None:
    """The day of a date; month from 1. None where the calendar has no such date.

    Example:
        >>> date_of(2023, 2, 31) is None
        True
    """
    try:
        return date(year, month, of_month).toordinal()
    except ValueError:
        return None


def _kept(ordinal: int) -> int:
    return min(max(ordinal, FIRST), END)
