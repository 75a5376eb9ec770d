"""The rules for dates, months, years, decades and centuries. Knows the day on which it is said only for "8 May"."""

from __future__ import annotations

from am_agent.times import calendar, words
from am_agent.times.calendar import FIRST, Days
from am_agent.times.reading import (
    COUNTED,
    PERIODIC,
    RECURRING,
    YEAR,
    Match,
    Reading,
    Rule,
    absolute,
    after,
    before,
    last_month,
)
from am_agent.times.words import month_number, pattern

_MEASURED = pattern(r"[\s\xa0-]*{measures}")
_BEINGS = pattern(r"{_}(?:[a-z]+{_})?{beings}")
_BETWEEN = pattern(r"\bbetween{_}(?:the{_})?$")
_DATING = pattern(r"\b(?:on|since|by|until|till|before|after|from|to|between){_}(?:the{_})?$")
_DECADE_LEAD = pattern(r"(?:\bthe{_}|['\u2019]|\b(?:early|mid|late)[\s-])$")
_OF_YEAR = pattern(r"{_}(?:of{_})?(?:last|this|next){_}year\b")
_LISTED = pattern(
    r"(?:\b(?:in|during|since|from|between|until|last|this|next){_}{month}(?:,{_}{month})*|[0-9])(?:{to}|,{_}|{_}or{_})$"
)
_PLAIN_LEAD = pattern(r"\b(?:in|during|since){_}$")
# fmt: off
_NUMBERED = frozenset((
    "call", "dial", "text", "phone", "number", "no", "no.", "room", "page", "pages", "line", "lines", "chapter",
    "verse", "version", "v", "model", "flight", "route", "highway", "bus", "train", "gate", "flat", "apartment",
    "apt", "apt.", "suite", "box", "code", "pin", "error", "port", "id", "order", "item", "over", "under", "nearly",
    "almost", "exactly", "at", "least", "most", "than", "only", "some", "usd", "eur", "gbp", "paid", "cost", "costs",
    "price", "extension", "ext", "ext.", "times",
))
# fmt: on
"""After these words a number is a quantity, a price or the number of a thing."""

_NO_YEAR_END = pattern(r"[\w%\xb0$\u20ac\xa3]|[-.,:/\u2013][0-9]|{_}[0-9]{3}")
_NO_YEAR_END_ALONE = pattern(r"[\w%]|[.,:/][0-9]")
_FRACTIONS = {(1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (24, 7), (9, 11)}


def _date(year: int, month: int, of_month: int) -> Reading | str:
    """A date; month from 1."""
    ordinal = calendar.date_of(year, month, of_month)
    if ordinal is None:
        return "there is no such date"
    return absolute(calendar.day(ordinal))


def _recent_date(month: int, of_month: int) -> Reading | str:
    """The last such date up to today; month from 1."""
    if calendar.date_of(2000, month, of_month) is None:
        return "there is no such date"

    def seen_from(today: int) -> Days:
        year = calendar.year_of(today)
        dates = (calendar.date_of(year - back, month, of_month) for back in range(9))  # leap years are 8 apart at most
        return next((calendar.day(date) for date in dates if date is not None and date <= today), Days(FIRST, FIRST))

    return Reading(seen_from, cycle=YEAR)


def _number(of_month: str) -> int:
    return int(of_month[:2]) if of_month[:2].isdigit() else int(of_month[0])


def _iso(match: Match) -> Reading | str:
    return _date(int(match["year"]), int(match["month"]), int(match["day"]))


def _slashed(match: Match) -> Reading | str | None:
    """The month goes first, as in the US, unless it cannot be one. Fractions and marks out of ten are no dates."""
    first, second = int(match["first"]), int(match["second"])
    month, of_month = (second, first) if first > 12 else (first, second)
    if match["year"]:
        year = int(match["year"]) if len(match["year"]) == 4 else words.full_year(match["year"])
        return _date(year, month, of_month)
    number = (first, second) in _FRACTIONS or second == 10
    if calendar.date_of(2000, month, of_month) is None or after(match, COUNTED):
        return None
    return None if number and not before(match, _DATING) else _recent_date(month, of_month)


def _date_of_month(match: Match) -> Reading | str | None:
    """Such as "8 May 2023" and "May 8": the words around show whether a lower-case "may" is a month."""
    month, of_month = match["month"], _number(match["day"])
    if match["year"]:
        return _date(int(match["year"]), month_number(month) + 1, of_month)
    sure = not match["day"].isdigit() or match["of"] is not None
    if not sure and (of_month > 31 or after(match, COUNTED)):
        return None
    if not sure and month.lower().rstrip(".") in words.HOMOGRAPHS and month.islower() and not before(match, _DATING):
        return None
    return _recent_date(month_number(month) + 1, of_month)


def _dates_of_month(match: Match) -> Reading | str | None:
    """Such as "3-10 May 2023" and "May 3 to 10"."""
    if ("and" in match["to"].lower()) != before(match, _BETWEEN) or after(match, COUNTED):
        return None
    month, first, last = month_number(match["month"]) + 1, _number(match["day"]), _number(match["last"])
    year = int(match["year"]) if match["year"] else None
    start, end = (_recent_date(month, at) if year is None else _date(year, month, at) for at in (first, last))
    if isinstance(start, str) or isinstance(end, str):
        return "there is no such date"
    if last <= first:
        return "it ends before it starts"
    length = last - first + 1

    def seen_from(today: int) -> Days:
        began = start.seen_from(today).start
        return calendar.days_between(began, began + length)

    return Reading(seen_from, start.relative, start.cycle)


def _month_of_year(match: Match) -> Reading | None:
    year = words.full_year(match["two"]) if match["two"] else int(match["year"])
    if not 1000 <= year <= 2100 or after(match, COUNTED) or after(match, _NO_YEAR_END_ALONE):
        return None
    return absolute(calendar.days_of_months(12 * year + month_number(match["month"])))


def _month(match: Match) -> Reading | None:
    """A month without day and year: the last that has begun."""
    name = match["month"].rstrip(".")
    if name.lower() in words.HOMOGRAPHS and not name.istitle() and not before(match, _PLAIN_LEAD):
        return None
    alone = len(name) > 3 and name.lower() not in words.HOMOGRAPHS | words.NAMESAKES
    sure = alone or before(match, PERIODIC) or before(match, _LISTED) or after(match, _OF_YEAR)
    if not sure or before(match, RECURRING):
        return None
    number = month_number(name)

    def seen_from(today: int) -> Days:
        return calendar.days_of_months(last_month(calendar.month_of(today), number))

    return Reading(seen_from, cycle=YEAR)


def _is_quantity(match: Match) -> bool:
    """Whether what stands before a number says that it is no year."""
    before_it = match.string[max(match.start() - 16, 0) : match.start()]
    words_before = before_it.split()
    if before_it[-1:] in _SIGNS and before_it:
        return True
    return bool(words_before) and (words_before[-1].lower() in _NUMBERED or words_before[-1][-1].isdigit())


_SIGNS = "\u20ac\xa3\xa5\u2013"


def _is_year(match: Match) -> bool:
    """Whether a number of four digits is a year: from 1000 to 2100, and no quantity, price, or number of a thing.

    What counts people or things is no year, unless it follows "in", "during" or "since".
    """
    return (
        1000 <= int(match.group()[:4]) <= 2100
        and not after(match, _NO_YEAR_END)
        and not after(match, _MEASURED)
        and not _is_quantity(match)
        and (not after(match, _BEINGS) or before(match, _PLAIN_LEAD))
    )


def _year(match: Match) -> Reading | None:
    year = int(match.group()[:4])
    return absolute(calendar.days_of_years(year, year)) if _is_year(match) else None


def _years(match: Match) -> Reading | None:
    """Such as "1995-1999", "1995-99", and "1995-03", which is a month where it cannot be a range of years."""
    first, last = int(match["first"]), int(match["last"])
    if not 1000 <= first <= 2100 or after(match, COUNTED) or _is_quantity(match):
        return None
    if len(match["last"]) == 2:
        if last <= first % 100 and match["dash"] == "-":
            return absolute(calendar.days_of_months(12 * first + last - 1)) if 1 <= last <= 12 else None
        last += first - first % 100 + (100 if last <= first % 100 else 0)
    return absolute(calendar.days_of_years(first, last)) if first <= last <= 2100 else None


def _decade(match: Match) -> Reading | None:
    first = int(match["decade"])
    if len(match["decade"]) == 2:
        if not before(match, _DECADE_LEAD):
            return None
        first += 1900 if first >= 20 else 2000
    return absolute(calendar.days_of_years(first, first + 9)) if 1000 <= first <= 2100 else None


def _named_decade(match: Match) -> Reading | None:
    first = words.DECADES[match.group().lower()]
    return absolute(calendar.days_of_years(first, first + 9)) if before(match, _DECADE_LEAD) else None


def _century(match: Match) -> Reading | None:
    century = int(match["century"])
    return absolute(calendar.days_of_years(100 * century - 99, 100 * century)) if 1 <= century <= 21 else None


def _season_of_year(match: Match) -> Reading | None:
    """The winter of a year is the one that begins in it."""
    year = int(match["year"])
    if not 1000 <= year <= 2100 or after(match, COUNTED):
        return None
    return absolute(calendar.days_of_months(12 * year + words.SEASONS[match["season"].lower()], 3))


_YEAR_AFTER = r"(?:,?{_}(?P<year>{year}))?"

FOUR_DIGITS: list[Rule] = [
    (
        pattern(
            r"(?P<year>{year})[-/](?P<month>[0-9]{1,2})[-/](?P<day>[0-9]{1,2})(?![0-9]|[-/][0-9])"
            r"(?:T[0-9:.]+(?:Z|[+-][0-9:]+)?)?"
        ),
        _iso,
    ),
    (
        pattern(
            r"(?P<first>{year})[\s\xa0]?(?P<dash>[-\u2013\u2014])[\s\xa0]?(?P<last>[0-9]{4}|[0-9]{2})"
            r"(?![\w%]|[-/.,:\u2013][0-9])"
        ),
        _years,
    ),
    (pattern(r"(?P<decade>[0-9]{3}0)['\u2019]?s\b"), _decade),
    (pattern(r"{year}"), _year),
]

NUMBERS: list[Rule] = [
    (
        pattern(
            r"(?P<first>[0-9]{1,2})/(?P<second>[0-9]{1,2})(?![0-9])(?:/(?P<year>[0-9]{4}|[0-9]{2}))?"
            r"(?![\w/%]|\.[0-9])"
        ),
        _slashed,
    ),
    (
        pattern(r"(?P<day>{of_month})(?P<to>{to})(?P<last>{of_month}){_}(?:of{_})?(?P<month>{month})" + _YEAR_AFTER),
        _dates_of_month,
    ),
    (pattern(r"(?P<day>{of_month}){_}(?P<of>of{_})?(?P<month>{month})" + _YEAR_AFTER), _date_of_month),
    (pattern(r"(?P<decade>[0-9]0)['\u2019]?s\b"), _decade),
    (pattern(r"(?P<century>[0-9]{1,2})(?:st|nd|rd|th)(?:{_}|-)century\b(?!{_}b)"), _century),
]

MONTHS: list[Rule] = [
    (
        pattern(
            r"(?P<month>{month}){_}(?P<day>{of_month})(?P<to>{to})(?P<last>{of_month})(?!{_}(?:of{_})?{month})"
            + _YEAR_AFTER
        ),
        _dates_of_month,
    ),
    (
        pattern(r"(?P<month>{month}){_}(?:the{_})?(?P<day>{of_month})(?:(?:,|{_}(?P<of>of))?{_}(?P<year>{year}))?"),
        _date_of_month,
    ),
    (
        pattern(r"(?P<month>{month})(?:,|{_}of)?{_}(?:(?P<year>{year})|['\u2019](?P<two>[0-9]{2})\b)"),
        _month_of_year,
    ),
    (pattern(r"(?P<month>{month})"), _month),
]

DECADES: list[Rule] = [(pattern(r"(?:{decades})\b"), _named_decade)]

SEASONS: list[Rule] = [(pattern(r"(?P<season>{season})(?:{_}of|,)?{_}(?P<year>{year})"), _season_of_year)]
