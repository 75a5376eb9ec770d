"""The rules for what is relative to the day on which it is said. Knows weeks, months and seasons, and no dates."""

from __future__ import annotations

import re

from am_agent.times import calendar, words
from am_agent.times.calendar import Days
from am_agent.times.reading import PERIODIC, RECURRING, WEEK, YEAR, Match, Reading, Rule, after, before, last_month
from am_agent.times.words import count_of, month_number, pattern

_ROLLING = pattern(r"\b(?:in|over|within|during|for|throughout){_}the{_}$")
_TITLE = re.compile(r" (?!I\b|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))[A-Z][a-z]")
_CLAUSE_END = pattern(r"\s*(?:$|[^\w\s'\u2019])|{_}(?:and|or|to|when|with|at|in|for|on|we|i|he|she|they|but|as)\b")
_ON = pattern(r"\b(?:on|since|until|till|by|before|after|from|between|to|and|through|[-\u2013]){_}$")
_HALF = pattern(r"\bhalf{_}$")
_OF = pattern(r"{_}of\b")
_NAMED_DAYS = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1, "last": -1, "this": 0}


def _shifted(today: int, count: int, unit: str) -> int:
    """The day so many units after today. A part of a day counts as one."""
    if unit in ("minute", "hour"):
        per_day = 24 if unit == "hour" else 1440
        return today + (count // per_day if count < 0 else -(-count // per_day))
    if unit in ("day", "week"):
        return today + count * (7 if unit == "week" else 1)
    return calendar.months_from(today, count * {"month": 1, "year": 12, "decade": 120}[unit])


def _ago(match: Match) -> Reading | None:
    """A time so long ago, as exact as people mean it.

    Days: that day. Weeks: that day and three on either side. Months: that month and two weeks on either side. Years:
    that year and three months on either side. Decades: that year and two on either side. "A couple" goes one further
    on either side, "a few" and "several" two. Hours and minutes: from the day they reach back to until today.
    """
    if before(match, _HALF):
        return None
    count, slack = count_of(match["count"])
    unit = match["unit"].lower()
    sign = -1 if match["way"].lower() == "ago" else 1

    def seen_from(today: int) -> Days:
        there = _shifted(today, sign * count, unit)
        if unit in ("minute", "hour"):
            return calendar.days_between(min(there, today), max(there, today) + 1)
        if unit in ("day", "week"):
            reach = slack if unit == "day" else 3 + 7 * slack
            return calendar.days_between(there - reach, there + reach + 1)
        here = calendar.month_of(today)
        if unit == "month":
            return calendar.days_of_months(here + sign * count - slack, 1 + 2 * slack).widened(14)
        years = 10 if unit == "decade" else 1
        first = 12 * (here // 12 + (sign * count - slack) * years)
        reach = 24 if unit == "decade" else 3
        return calendar.days_of_months(first - reach, 12 * (1 + 2 * slack * years) + 2 * reach)

    return Reading(seen_from)


def _which(match: Match) -> str:
    which = match["which"].lower()
    return {"previous": "last", "coming": "next", "current": "this"}.get(which, which)


def _rolling(match: Match) -> Reading | None:
    """The last three months: up to and with today. The next three months: from today."""
    which, unit = _which(match), match["unit"].lower()
    if which == "this":
        return None
    count, slack = count_of(match["count"])
    return _stretch(count + slack, unit, forward=which == "next")


def _stretch(count: int, unit: str, *, forward: bool) -> Reading:
    def seen_from(today: int) -> Days:
        if forward:
            return calendar.days_between(today, _shifted(today, count, unit) + 1)
        return calendar.days_between(_shifted(today, -count, unit), today + 1)

    return Reading(seen_from)


def _calendar_unit(match: Match) -> Reading:
    """What is "last week" is the calendar's week; "the past week" and "in the last week" are the days up to now."""
    which, unit = _which(match), match["unit"].lower()
    if unit != "weekend" and (which == "past" or unit == "decade" or (which == "last" and before(match, _ROLLING))):
        return _stretch(1, unit, forward=which == "next")
    return _offset({"last": -1, "past": -1, "this": 0, "next": 1}[which], unit)


def _offset(offset: int, unit: str) -> Reading:
    def seen_from(today: int) -> Days:
        if unit in ("week", "weekend"):
            week = calendar.days_of_week(today, offset)
            return week if unit == "week" else calendar.days_between(max(week.end - 2, week.start), week.end)
        if unit == "month":
            return calendar.days_of_months(calendar.month_of(today) + offset)
        year = calendar.year_of(today) + offset
        return calendar.days_of_years(year, year)

    return Reading(seen_from)


def _before_last(match: Match) -> Reading:
    return _offset(-2, match["unit"].lower())


def _weekend(_match: Match) -> Reading:
    return _offset(-1, "weekend")


def _part(match: Match) -> Reading:
    """Earlier this year: until today. Later this year: from today."""
    earlier, unit = match["part"].lower() == "earlier", match["unit"].lower()

    def seen_from(today: int) -> Days:
        whole = _offset(0, unit).seen_from(today)
        return calendar.days_between(whole.start, today + 1) if earlier else calendar.days_between(today, whole.end)

    return Reading(seen_from)


def _named_day(match: Match) -> Reading:
    offset = _NAMED_DAYS[match["name"].lower().split()[0]]
    return Reading(lambda today: calendar.day(today + offset))


def _day_beyond(match: Match) -> Reading:
    offset = -2 if match["name"] else 2
    return Reading(lambda today: calendar.day(today + offset))


def _weekday(match: Match) -> Reading | None:
    """A weekday alone: the last before today."""
    name = match["weekday"]
    led = before(match, _ON)
    if before(match, RECURRING) or (not led and (not name.lower().endswith("day") or after(match, _TITLE))):
        return None
    if not name.lower().endswith("day") and not name.istitle():
        return None
    return _some_weekday("last", words.weekday_number(name))


def _some_weekday(which: str, number: int) -> Reading:
    """The last before today, the next after today, or that of this week."""

    def seen_from(today: int) -> Days:
        if which == "this":
            return calendar.day(calendar.days_of_week(today).start + number)
        if which == "next":
            return calendar.day(today + 1 + (number - today) % WEEK)
        return calendar.day(today - 1 - (today - 2 - number) % WEEK)

    return Reading(seen_from, cycle=WEEK)


def _which_weekday(match: Match) -> Reading | None:
    name = match["weekday"]
    if not name.lower().endswith("day") and not name.istitle():
        return None
    return Reading(_some_weekday(_which(match), words.weekday_number(name)).seen_from)


def _which_month(match: Match) -> Reading | None:
    """Last May is over, next May is to come, this May is that of the year."""
    name, which = match["month"].rstrip("."), _which(match)
    if name.lower() in words.HOMOGRAPHS and not name.istitle() and not after(match, _CLAUSE_END):
        return None
    number = month_number(name)

    def seen_from(today: int) -> Days:
        here = calendar.month_of(today)
        if which == "this":
            return calendar.days_of_months(here - here % 12 + number)
        if which == "next":
            return calendar.days_of_months(last_month(here, number) + 12)
        return calendar.days_of_months(last_month(here - 1, number))

    return Reading(seen_from)


def _season(match: Match) -> Reading | None:
    """A season without a year: the last that has begun."""
    if not before(match, PERIODIC) or after(match, _OF):
        return None
    return Reading(_some_season("", match["season"]).seen_from, cycle=YEAR)


def _which_season(match: Match) -> Reading:
    return _some_season(_which(match), match["season"])


def _some_season(which: str, name: str) -> Reading:
    number = words.SEASONS[name.lower()]

    def seen_from(today: int) -> Days:
        begun = last_month(calendar.month_of(today), number)
        if which in ("last", "past"):
            begun -= 12 if calendar.start_of_month(begun + 3) > today else 0
        elif which == "next" or (which == "this" and _is_nearer(begun + 12, begun, today)):
            begun += 12
        return calendar.days_of_months(begun, 3)

    return Reading(seen_from)


def _is_nearer(month: int, other: int, today: int) -> bool:
    """Whether a month that is to come is nearer than the end of a season of three months that has begun."""
    return calendar.start_of_month(month) - today < today - calendar.start_of_month(other + 3)


_WHICH = r"(?:this{_})?(?P<which>last|past|previous|next|this|coming|current){_}"

COUNTS: list[Rule] = [
    (pattern(r"(?P<count>{count}){_}(?P<unit>{unit})s?{_}(?P<way>ago|from{_}now)\b"), _ago),
]

SEASONS: list[Rule] = [(pattern(r"(?P<season>{season})"), _season)]

WEEKDAYS: list[Rule] = [(pattern(r"(?P<weekday>{weekday})"), _weekday)]

WHICH: list[Rule] = [
    (pattern(r"(?P<name>last{_}(?:night|evening)|this{_}(?:morning|afternoon|evening))\b"), _named_day),
    (pattern(_WHICH + r"(?P<unit>weekend|week|month|year|decade)\b(?!{_}of\b)"), _calendar_unit),
    (pattern(_WHICH + r"(?P<count>{count}){_}(?P<unit>{unit})s?\b(?!{_}of\b)"), _rolling),
    (pattern(_WHICH + r"(?P<weekday>{weekday})"), _which_weekday),
    (pattern(_WHICH + r"(?P<season>{season})"), _which_season),
    (pattern(_WHICH + r"(?P<month>{month})"), _which_month),
]

OTHERS: list[Rule] = [
    (pattern(r"(?P<name>yesterday|today|tonight|tomorrow)\b"), _named_day),
    (pattern(r"day{_}(?:before{_}(?P<name>yesterday)|after{_}tomorrow)\b"), _day_beyond),
    (pattern(r"(?P<unit>weekend|week|month|year){_}before{_}last\b"), _before_last),
    (pattern(r"(?<=\bthe )weekend\b"), _weekend),
    (pattern(r"(?P<part>earlier|later){_}this{_}(?P<unit>week|month|year)\b"), _part),
]
