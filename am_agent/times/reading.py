"""What one time means, and what the words around it say. Knows no ranges, no zone and no clock, only days."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from am_agent.times.calendar import Days
from am_agent.times.words import pattern

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a time means.

    Attributes:
        seen_from: The days that are meant, given the day on which it is said.
        relative: Whether that day matters.
        cycle: After how many days at most there is another one ("Tuesday": 7, "May": 366), or 0.
    """

    seen_from: Callable[[int], Days]
    relative: bool = True
    cycle: int = 0

    def third(self, which: int) -> Reading:
        """Its early (0), middle (1) or late (2) part."""
        return Reading(lambda today: self.seen_from(today).third(which), self.relative, self.cycle)


Rule = tuple[re.Pattern[str], Callable[[Match], Reading | str | None]]
"""A pattern, and what its match means: a reading, or the reason why there is none, or None for what is no time."""

WEEK, YEAR = 7, 366
"""The cycles, in days at most."""

COUNTED = pattern(r"[\s\xa0-]*(?:{measures}|{beings})")
RECURRING = pattern(r"\b(?:every|each|good|black|ash|easter|palm|bloody|cyber|super){_}$")
PERIODIC = pattern(
    r"\b(?:in|during|since|after|before|until|till|by|from|between|around|over|throughout|"
    r"(?:week|weekend|weeks|month|half|rest|part|beginning|start|middle|end|early|mid|late){_}of|early|mid|late)"
    r"(?:{_}|-)(?:the{_}(?:month{_}of{_})?)?$"
)


def absolute(days: Days) -> Reading:
    """The same days whenever it is said."""
    return Reading(lambda _: days, relative=False)


def before(match: Match, lead: re.Pattern[str]) -> bool:
    """Whether the text just before a match ends in a pattern, which ends in `$`. It is at most 32 characters long."""
    return lead.search(match.string, max(match.start() - 32, 0), match.start()) is not None


def after(match: Match, rest: re.Pattern[str]) -> bool:
    """Whether a pattern follows a match."""
    return rest.match(match.string, match.end()) is not None


def last_month(here: int, number: int) -> int:
    """The last month with a number, up to this one."""
    return here - (here - number) % 12
