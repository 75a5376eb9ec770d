"""What a haystack is asked: cues whose answer it holds, and cues whose answer it does not. Knows texts, no system.

Cues that are absent come from the structure of the sets alone. Where a set has labels and no qrels, and says which of
its queries are of no label, these are the absent ones. Any other set is asked foreign questions: those of its other
haystacks, or else of the next set by name, the last being followed by the first. In a foreign question the names of the
people it was asked about are replaced by names of this haystack's people, so that no name gives it away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.beir import Haystack, Query, is_name

Sets = Mapping[str, Sequence[Haystack]]


@dataclass(frozen=True, slots=True)
class Cues:
    """What one haystack is asked.

    Attributes:
        haystack: It, with the present cues as its queries: those whose answer it holds.
        absent: Cues that it holds no answer to; at most as many as are present, but for those a labelled set has.
        own: The haystack's own unanswerable queries, where these are not the absent ones: of the right topic, and about
            the wrong person or detail.
    """

    haystack: Haystack
    absent: tuple[Query, ...]
    own: tuple[Query, ...] = ()


def cues(sets: Sets) -> dict[str, list[Cues]]:
    """What each haystack of each set is asked.

    Args:
        sets: All that are loaded; `read_sets(..., without_gold=True)` keeps the cues that are needed here.

    Returns:
        The sets that have a source of absent cues; of each, the haystacks that have present ones.
    """
    found = {name: list(_cues_of(name, sets)) for name in sets}
    return {name: each for name, each in found.items() if any(asked.absent for asked in each)}


def _cues_of(name: str, sets: Sets) -> Iterator[Cues]:
    labelled = any(each.labelled for each in sets[name])
    structured = labelled and any(each.unanswerable for each in sets[name])
    for haystack in sets[name]:
        present = _present(haystack)
        if present and structured:
            yield Cues(replace(haystack, queries=present), haystack.unanswerable)
        elif present:
            absent = _absent(haystack, _foreign(name, haystack, sets))
            yield Cues(replace(haystack, queries=present), absent, haystack.unanswerable)


def _present(haystack: Haystack) -> tuple[Query, ...]:
    return haystack.queries or haystack.labelled


def _foreign(name: str, haystack: Haystack, sets: Sets) -> list[Haystack]:
    """Where foreign questions come from: the set's other haystacks, else the next set that has any."""
    names = sorted(sets)
    following = [each for each in names if each > name] + [each for each in names if each < name]
    others = [each for each in sets[name] if each.name != haystack.name]
    for candidates in (others, *(sets[each] for each in following)):
        asking = [each for each in candidates if _present(each)]
        if asking:
            return asking
    return []


def _absent(haystack: Haystack, foreign: Sequence[Haystack]) -> tuple[Query, ...]:
    """Foreign questions with this haystack's names, evenly spaced over all there are, as many as are present at most.

    A question that is, with these names, one of the haystack's own is none. The time at which one is asked is that of a
    present cue, so that it does not tell them apart.
    """
    present = _present(haystack)
    here = people(haystack)
    asked: dict[str, Query] = {}
    for each in foreign:
        there = people(each)
        for query in _present(each):
            text = renamed(query.text, there, here)
            asked.setdefault(text.casefold(), replace(query, text=text, gold={}))
    for query in (*present, *haystack.unanswerable):
        asked.pop(query.text.casefold(), None)
    chosen = evenly(list(asked.values()), len(present))
    return tuple(replace(each, asked_at=like.asked_at) for each, like in zip(chosen, present, strict=False))


def evenly(items: Sequence[Query], count: int) -> list[Query]:
    """So many of the items, evenly spaced, the first among them; all of them where there are no more.

    Example:
        >>> evenly([Query(name, name, None, {}) for name in "abcde"], 2) == [
        ...     Query(name, name, None, {}) for name in "ac"
        ... ]
        True
    """
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def people(haystack: Haystack) -> list[str]:
    """The names of those who speak, by the order of their first words; a role is no name."""
    return list(dict.fromkeys(each.actor for each in haystack.documents if each.actor and is_name(each.actor)))


def renamed(text: str, there: Sequence[str], here: Sequence[str]) -> str:
    """Replace names of one place by those of another, whole and first names, also where an 's follows.

    Args:
        text: A question.
        there: The names to replace, in an order.
        here: The names to take for them, in the same order, from the beginning again when they run out; with none,
            the text stays as it is.

    Example:
        >>> renamed("Did Ana's boss meet Ben Ray?", ["Ana Diaz", "Ben Ray"], ["Tim"])
        "Did Tim's boss meet Tim?"
    """
    names: dict[str, str] = {}
    if here:
        for place, name in enumerate(there):
            names.setdefault(name, here[place % len(here)])
        for place, name in enumerate(there):
            names.setdefault(name.split()[0], here[place % len(here)].split()[0])
    if not names:
        return text
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda found: names[found.group()], text)
