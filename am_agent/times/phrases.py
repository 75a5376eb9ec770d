"""The times that a text names, as periods in UTC or as years. Knows how times are joined; their rules are elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from am_agent.errors import InvalidTime
from am_agent.times import calendar
from am_agent.times.calendar import END, FIRST, Days
from am_agent.times.reading import WEEK, YEAR, Reading
from am_agent.times.rules import Unit, units
from am_agent.times.words import DECADES, MONTHS, SEASONS, WEEKDAYS, pattern


@dataclass(frozen=True, slots=True)
class Period:
    """A time that a text names.

    Attributes:
        phrase: The words of it as they stand in the text, with the preposition: "in May".
        start: Its beginning in UTC; `datetime.min` if it has none.
        end: The first moment after it, in UTC; `datetime.max` if it has no end.
        relative: Whether the moment at which it was said matters: "last week" and "in May", not "in May 2023".
    """

    phrase: str
    start: datetime
    end: datetime
    relative: bool


@dataclass(frozen=True, slots=True)
class Unread:
    """Words that look like a time and name none, such as "31 February 2023"; and why."""

    phrase: str
    reason: str


@dataclass(frozen=True, slots=True)
class Times:
    """What a text says about time, in its order."""

    periods: tuple[Period, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mention:
    phrase: str
    days: Days | str
    relative: bool


# fmt: off
_WORDS = frozenset(word.encode() for word in (
    *MONTHS, *(month[:3] for month in MONTHS), "sept", *WEEKDAYS, *(weekday[:3] for weekday in WEEKDAYS), "tues",
    "thur", "thurs", *SEASONS, *DECADES, "yesterday", "today", "tonight", "tomorrow", "weekend", "last", "past",
    "previous", "next", "this", "coming", "current", "ago", "now", "century",
))
# fmt: on
_NUMBER = re.compile(r"[0-9](?:[0-9]{3}|[0-9]?/|0['\u2019]?s)")
_LETTERS = bytes(at if chr(at).isalpha() and at < 128 else 32 for at in range(256))
_YEAR_NUMBER = re.compile(r"[0-9'\u2019](?:(?<=[0-9])(?:[0-9]{3}|[0-9]?/|0['\u2019]?s)|(?<=['\u2019])[0-9]{2})")
_LEAD = pattern(
    r"\b(?=[a-z])(?P<word>(?:since|after|before|until|till|by|from|between|in|on|during|over|throughout|within|at){_})?"
    r"(?P<the>the{_})?(?:(?:in{_})?years?{_}|month{_}of{_})?"
    r"(?:(?P<third>early|mid(?:dle{_}of)?|late|(?:beginning|start|end){_}of)(?:{_}|-)(?:the{_})?(?:year{_})?)?"
    r"(?:(?:about|around|circa|roughly|ad){_}|ca?\.{_}?)?['\u2019]?$"
)
_THIRDS = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1, "late": 2, "end": 2}
_TO = pattern(
    r"(?:[\s\xa0]*[-\u2013\u2014][\s\xa0]*|,?{_}(?P<word>to|and|until|till|through|thru){_})(?:the{_})?(?:years?{_})?"
    r"(?:(?P<third>early|mid(?:dle{_}of)?|late|(?:beginning|start|end){_}of)(?:{_}|-)(?:the{_})?)?"
)
_APPOSED = pattern(r"(?:,|,?{_}(?:(?:the|of|on|in){_})?)\s*")
_ONWARDS = pattern(r"{_}(?:onwards?|forward|and{_}(?:later|after|onwards?|beyond))\b")
_ON = pattern(r"{_}on\b")
_TO_NOW = pattern(
    r"(?:[\s\xa0]*[-\u2013\u2014][\s\xa0]*|{_}(?:to|until|till|through){_})(?:the{_})?"
    r"(?:present(?:{_}day)?|now|today|date)\b"
)


def holds_time(text: str) -> bool:
    """Whether a text holds a word or a number that could be part of a time. Where it does not, nothing else is tried.

    Example:
        >>> holds_time("What did we say last week?"), holds_time("What is my cat called?")
        (True, False)
    """
    letters = text.encode("ascii", "replace").lower().translate(_LETTERS)  # three times as fast as a pattern
    return not _WORDS.isdisjoint(letters.split()) or _NUMBER.search(text) is not None


def times_in(text: str, now: datetime) -> Times:
    """Read the times that a text names, as someone means them who says it now.

    Calendar days are those of the zone of `now`; weeks begin on Monday. Times of day are not read: "last night" is
    yesterday. Where the words leave it open, the past is meant: "on Tuesday" is the last before today, "in May" the
    last that has begun, "May 8" the last up to today. "In the last month" reaches back from today, "last month" is the
    calendar's. "Two days ago" is that day, "two weeks ago" also three days on either side, "two months ago" that month
    and two weeks on either side, "two years ago" that year and three months. Seasons are those of the northern
    hemisphere, from the first of March, June, September and December. A range is one period.

    A bare number of four digits is a year from 1000 to 2100, unless what stands around it makes it a quantity, a price
    or the number of a thing. "5/8" is the eighth of May; common fractions are no dates, and neither are marks out of
    ten, unless "on" or the like goes before.

    Args:
        text: Any text, in English.
        now: The moment at which it is said, with a time zone.

    Raises:
        InvalidTime: `now` has no time zone.

    Example:
        >>> now = datetime(2023, 5, 10, 12, tzinfo=UTC)
        >>> (monday,) = times_in("Who came on Monday?", now).periods
        >>> monday.phrase, f"{monday.start:%F}", f"{monday.end:%F}", monday.relative
        ('on Monday', '2023-05-08', '2023-05-09', True)
        >>> times_in("What happened on 31 February 2023?", now).unread
        (Unread(phrase='31 February 2023', reason='there is no such date'),)
    """
    zone = now.tzinfo
    if zone is None or now.utcoffset() is None:
        raise InvalidTime(f"now is a datetime with a time zone, not {now!r}")
    if not holds_time(text):
        return Times()
    read = [_period(mention, zone) for mention in _mentions(text, _merged(text, units(text)), now.toordinal())]
    return Times(
        tuple(each for each in read if isinstance(each, Period)),
        tuple(each for each in read if isinstance(each, Unread)),
    )


def years_in(text: str) -> list[tuple[int, int]]:
    """The years that a text names, first and last of each time; for indexing, so nothing depends on a moment.

    The rules are those of `times_in`, without what is relative. A time without beginning starts in year 0, one without
    end ends in 9999.

    Example:
        >>> years_in("Born in March 1998, he lived abroad from 2005 to 2009 and has taught since 2011.")
        [(1998, 1998), (2005, 2009), (2011, 9999)]
    """
    if _YEAR_NUMBER.search(text) is None and "century" not in text and "ties" not in text:
        return []
    return [
        (
            0 if mention.days.start <= FIRST else calendar.year_of(mention.days.start),
            9999 if mention.days.end >= END else calendar.year_of(mention.days.end - 1),
        )
        for mention in _mentions(text, _merged(text, units(text, absolute=True)), _SOME_DAY)
        if not isinstance(mention.days, str) and not mention.relative and mention.days.start < mention.days.end
    ]


_SOME_DAY = date(2000, 1, 1).toordinal()


def _period(mention: _Mention, zone: tzinfo) -> Period | Unread:
    if isinstance(mention.days, str):
        return Unread(mention.phrase, mention.days)
    start, end = _moment(mention.days.start, zone), _moment(mention.days.end, zone)
    if start >= end:
        return Unread(mention.phrase, "it lies outside the calendar")
    return Period(mention.phrase, start, end, mention.relative)


def _moment(ordinal: int, zone: tzinfo) -> datetime:
    """Where a day begins, in UTC."""
    if ordinal <= FIRST:
        return datetime.min.replace(tzinfo=UTC)
    if ordinal >= END:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(date.fromordinal(ordinal), datetime.min.time(), zone).astimezone(UTC)


def _mentions(text: str, found: list[Unit], today: int) -> Iterator[_Mention]:
    """Single times, ranges of two, and times without beginning or end."""
    position = at = 0
    while at < len(found):
        unit, begin = found[at], found[at].start
        at += 1
        lead = _LEAD.search(text, max(position, begin - 40), begin)
        word = (lead["word"] or "").strip().lower() if lead else ""
        if isinstance(unit.reading, str):
            yield _Mention(text[lead.start("the") if lead and lead["the"] else begin : unit.end], unit.reading, False)
            position = unit.end
            continue
        begin = lead.start() if lead else begin
        reading, end = _narrowed(unit.reading, lead), unit.end
        other = found[at] if at < len(found) else None
        if other and (last := _last_of_range(text, end, other, word)):
            days, relative = _range(reading, last, today)
            end = other.end
            at += 1
        elif onwards := _onwards(text, end, word):
            days, relative, end = _open("since", reading.seen_from(today)), reading.relative, onwards.end()
        else:
            days, relative = _open(word, reading.seen_from(today)), reading.relative
        yield _Mention(text[begin:end], days, relative)
        position = end


def _merged(text: str, found: Iterator[Unit]) -> list[Unit]:
    """The units, two that are one time taken together."""
    merged: list[Unit] = []
    for unit in found:
        apposed = _apposed(text, merged[-1], unit) if merged else None
        if apposed:
            merged[-1] = Unit(merged[-1].start, unit.end, apposed)
        else:
            merged.append(unit)
    return merged


def _apposed(text: str, unit: Unit, other: Unit) -> Reading | None:
    """Two times side by side that are one: "Monday, 8 May 2023", "on Monday last week", "last year in May"."""
    first, second = unit.reading, other.reading
    if isinstance(first, str) or isinstance(second, str):
        return None
    if not _APPOSED.fullmatch(text, unit.end, other.start):
        return None
    if first.cycle == WEEK and second.cycle != WEEK and _length(second, _SOME_DAY) == 1:
        return second
    part, whole = (first, second) if first.cycle else (second, first)
    if part.cycle and not whole.cycle and whole.relative and _length(whole, _SOME_DAY) in _WHOLES[part.cycle]:
        return Reading(lambda today: _within(part, whole.seen_from(today)))
    return None


_WHOLES = {WEEK: range(7, 8), YEAR: range(365, 367)}


def _length(reading: Reading, today: int) -> int:
    days = reading.seen_from(today)
    return days.end - days.start


def _within(part: Reading, whole: Days) -> Days:
    """A weekday of a week, a month of a year. A weekday is sought before a day, a month or a date up to it."""
    return part.seen_from(whole.end if part.cycle == WEEK else whole.end - 1) if whole.start < whole.end else whole


def _narrowed(reading: Reading, words: re.Match[str] | None) -> Reading:
    if words is None or not words["third"]:
        return reading
    return reading.third(_THIRDS[words["third"].lower().split()[0]])


def _last_of_range(text: str, end: int, other: Unit, word: str) -> Reading | None:
    to = _TO.fullmatch(text, end, other.start)
    if to is None or isinstance(other.reading, str):
        return None
    if ((to["word"] or "").lower() == "and") != (word == "between"):
        return None
    return _narrowed(other.reading, to)


def _onwards(text: str, end: int, word: str) -> re.Match[str] | None:
    return _ONWARDS.match(text, end) or _TO_NOW.match(text, end) or (_ON.match(text, end) if word == "from" else None)


def _range(first: Reading, last: Reading, today: int) -> tuple[Days | str, bool]:
    """From the beginning of one to the end of the other.

    "January to March 1979": what comes again every year or week is the nearest to the end that does not.
    """
    start, end = first.seen_from(today), last.seen_from(today)
    relative = first.relative or last.relative
    if first.cycle and not last.relative:
        start, relative = first.seen_from(end.end - 1), False
    elif last.cycle and not first.relative:
        end, relative = last.seen_from(start.start + last.cycle), False
    elif first.cycle and start.start > end.start:
        start = first.seen_from(end.end - 1)
    if start.start >= end.end:
        return "it ends before it starts", relative
    return Days(start.start, end.end), relative


def _open(word: str, days: Days) -> Days:
    if days.start >= days.end:
        return days
    if word in ("since", "after"):
        return Days(days.start if word == "since" else days.end, END)
    if word in ("until", "till", "by", "before"):
        return Days(FIRST, days.start if word == "before" else days.end)
    return days
