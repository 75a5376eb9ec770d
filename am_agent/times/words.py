"""The words of time in English, as parts of patterns and what they stand for. Knows no calendar."""

from __future__ import annotations

import re

# fmt: off
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)
# fmt: on
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SEASONS = {"spring": 2, "summer": 5, "autumn": 8, "fall": 8, "winter": 11}
"""The month it begins with, from 0: the meteorological seasons of the northern hemisphere, of three months each."""

COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
COUNTS |= {"nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50}
VAGUE = {"couple": (2, 1), "few": (4, 2), "several": (5, 2)}
"""Counts that mean one of several numbers: the middle one, and how far it goes on either side."""

DECADES = {"twenties": 1920, "thirties": 1930, "forties": 1940, "fifties": 1950}
DECADES |= {"sixties": 1960, "seventies": 1970, "eighties": 1980, "nineties": 1990}

NAMESAKES = frozenset({"april", "june"})
"""Months that are also names of people; like the abbreviations, they count only next to another word of time."""

HOMOGRAPHS = frozenset({"may", "march", "august", "mar"})
"""Months that are also other words: they need a capital as well, or one of a few words before them."""

_GAP = r"[\s\xa0]+"
_DASH = r"[-\u2013\u2014]"
_PARTS = {
    "_": _GAP,
    "dash": rf"(?:[\s\xa0]*{_DASH}[\s\xa0]*)",
    "to": rf"(?:[\s\xa0]*{_DASH}[\s\xa0]*|{_GAP}(?:to|and|through|thru|until|till){_GAP}(?:the{_GAP})?)",
    "month": r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?",
    "weekday": r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)\b",
    "season": r"(?:spring|summer|autumn|fall|winter)\b",
    "count": rf"(?:[0-9]{{1,6}}|(?:an?{_GAP})?(?:couple(?:{_GAP}of)?|few)|{'|'.join(sorted(COUNTS, key=len)[::-1])}"
    r"|several)",
    "unit": r"(?:minute|hour|day|week|month|year|decade)",
    "decades": "|".join(DECADES),
    "year": r"[0-9]{4}(?![0-9])",
    "of_month": r"[0-9]{1,2}(?:st|nd|rd|th)?(?![\w:/%]|[.,][0-9])",
    # What is counted, so that the number before it is no year and no day of a month.
    "beings": r"(?:people|persons|men|women|children|kids|students|pupils|soldiers|troops|members|workers|employees"
    r"|users|guests|inhabitants|residents|voters|spectators|players|families|prisoners|refugees|fans|subscribers)\b",
    "measures": r"(?:dollars?|euros?|bucks|pounds?|yen|usd|eur|gbp|cents|miles?|kilomet(?:er|re)s?|km|met(?:er|re)s?|m"
    r"|cm|mm|inch(?:es)?|feet|foot|ft|yards?|acres?|hectares?|square|cubic|kg|kilos?|grams?|g|lbs?|tons?|tonnes?"
    r"|lit(?:er|re)s?|ml|gallons?|cups?|calories|kcal|words|pages|lines|points|times|years?|days|hours?|minutes?|mins?"
    r"|seconds?|weeks|months|tokens|steps|bytes|[kmg]b|hz|[mg]hz|watts?|horsepower|hp|rpm|volts?|degrees|percent"
    r"|pixels|px|copies|files|items|photos|species|units|votes|seats|runs|goals|ships|aircraft|households|houses|homes"
    r"|rooms|books|animals|cats|dogs|horses|trees|theat(?:er|re)s|schools|stores|shops|deaths|casualties|views|likes|or{_}(?:more|so)|bce?|b\.c\.|of{_}(?:an?|the|them|us|those|these|my|your)\b)(?!\w)",
}


def pattern(source: str, *, cased: bool = False) -> re.Pattern[str]:
    """Compile a pattern written with the parts above in braces, such as `{count}{_}{unit}s?`.

    Letters and digits are those of ASCII: a dotless i is not the i of "friday".

    Args:
        source: A regular expression; all parts are in lower case.
        cased: Whether case counts.
    """
    for _ in range(2):  # parts may contain the gap
        source = re.sub(r"\{([a-z_]+)\}", lambda part: _PARTS[part[1]], source)
    return re.compile(source, re.ASCII if cased else re.ASCII | re.IGNORECASE)


def month_number(name: str) -> int:
    """From 0, of a name or an abbreviation of three letters or more, whatever its case.

    Example:
        >>> month_number("Sept.")
        8
    """
    return next(at for at, month in enumerate(MONTHS) if month.startswith(name[:3].lower()))


def weekday_number(name: str) -> int:
    """From 0 for Monday, of a name or an abbreviation, whatever its case."""
    return next(at for at, weekday in enumerate(WEEKDAYS) if weekday.startswith(name[:3].lower()))


def count_of(words: str) -> tuple[int, int]:
    """The number a count stands for, and how far it may be off.

    Example:
        >>> count_of("12"), count_of("a couple of"), count_of("an")
        ((12, 0), (2, 1), (1, 0))
    """
    if words.isdigit():
        return int(words), 0
    for word in words.lower().split():
        if word in VAGUE:
            return VAGUE[word]
    return COUNTS[words.lower()], 0


def full_year(digits: str) -> int:
    """The year that two digits stand for, from 1970 to 2069."""
    return (1900 if int(digits) >= 70 else 2000) + int(digits)
