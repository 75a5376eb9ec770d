"""Where times are in a text, one by one: the first word shows which rules to try. Knows no meanings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from am_agent.times import dates, relative
from am_agent.times.reading import Reading, Rule
from am_agent.times.words import pattern


@dataclass(frozen=True, slots=True)
class Unit:
    """A reading, or the reason for none, and the place of its words in the text."""

    start: int
    end: int
    reading: Reading | str


def units(text: str, *, absolute: bool = False) -> Iterator[Unit]:
    """All single times of a text, in its order.

    Args:
        text: Any text.
        absolute: Look for months, seasons and numbers only, which is faster; "in May" is still among what is found.
    """
    leads = _ABSOLUTE_LEADS if absolute else _LEADS
    low = text.encode("ascii", "replace").lower().decode()  # as long as the text; to ignore case in a pattern is slow
    position = 0
    while lead := leads.search(low, position):
        position = lead.end()
        for rule, read in _RULES[str(lead.lastgroup)]:
            match = rule.match(text, lead.start(str(lead.lastgroup)))
            reading = read(match) if match else None
            if match and reading:
                yield Unit(match.start(), match.end(), reading)
                position = match.end()
                break


_RULES: dict[str, list[Rule]] = {
    "four": [*relative.COUNTS, *dates.FOUR_DIGITS],
    "number": [*dates.NUMBERS, *relative.COUNTS],
    "month": dates.MONTHS,
    "decades": dates.DECADES,
    "season": [*dates.SEASONS, *relative.SEASONS],
    "weekday": relative.WEEKDAYS,
    "which": relative.WHICH,
    "other": relative.OTHERS,
    "count": relative.COUNTS,
}

# A group that cannot begin here is found out slowly, so two letters are looked at first.
_DATED = (
    r"(?=[0-9])(?<![.,$#/:+=&@])(?:(?<![^d]-)|(?=[0-9]{1,2}/[0-9]))(?:(?P<four>[0-9]{4}(?![0-9]))|(?P<number>.))"
    r"|(?=j[au]|f[eaoi]|ma|a[pu]|s[epui]|oc|n[oi]|de|t[wh]|ei|wi)"
    r"(?:(?P<month>{month})|(?P<decades>(?:{decades})\b)|(?P<season>{season}))"
)
_RELATIVE = (
    r"(?=mo|t[ueohwr]|we|f[rieo]|s[aueix]|la|p[ar]|n[ei]|co|cu|ye|da|mo|ea|[0-9]|an?\b|on|ei|el|zero)"
    r"(?:(?P<weekday>{weekday})|(?P<which>(?:last|past|previous|next|this|coming|current){_})"
    r"|(?P<other>(?:yesterday|today|tonight|tomorrow|weekend)\b|day{_}(?:before|after)\b|(?:week|month|year){_}before\b"
    r"|(?:earlier|later){_}this\b)|(?P<count>{count}{_}{unit}))"
)
_ABSOLUTE_LEADS = pattern(rf"\b(?:{_DATED})", cased=True)
_LEADS = pattern(rf"\b(?:{_DATED}|{_RELATIVE})", cased=True)
