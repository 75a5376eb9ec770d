"""What recall is asked, checked: a caller's cue and fields become features that are there, or a named error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from am_agent.draft import Vectors, checked_label, checked_text, checked_time, unit_vectors
from am_agent.episode import Cue
from am_agent.errors import InvalidArgument, InvalidTime
from am_agent.hopfield.fusion import FIELDS
from am_agent.times import Period

Fields = tuple[str, ...]

COSINE = ("cosine",)
"""The fields of the readout in order of similarity, which is one of its own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A cue whose features are valid; at least one is there."""

    text: str | None = None
    vectors: Vectors | None = None
    actor: str | None = None
    periods: tuple[Period, ...] = ()
    near: str | None = None

    @staticmethod
    def checked(cue: str | Cue | None, vector: Any, fields: Fields) -> Asked:
        """Check a cue.

        Args:
            cue: A text, or the features of an episode.
            vector: In place of a cue.
            fields: By which it is compared.

        Raises:
            InvalidInput: A feature that cannot be taken, or none at all; the message says which.
        """
        if not isinstance(cue, Cue):
            if (cue is None) == (vector is None):
                both = ", not both: a Cue can have them" if cue is not None else ""
                raise InvalidArgument(f"give either a cue or its vector{both}")
            cue = Cue(text=cue, vector=vector)
        elif vector is not None:
            raise InvalidArgument("give the vector inside of the Cue: Cue(text=..., vector=...)")
        if all(feature is None for feature in (cue.text, cue.vector, cue.actor, cue.time, cue.near)):
            raise InvalidArgument("a Cue needs at least one of text, actor, time, near and vector")
        if fields == COSINE and cue.text is None and cue.vector is None:
            raise InvalidArgument("the field 'cosine' compares by a text or a vector, and this cue has neither")
        return Asked(
            text=None if cue.text is None else checked_text(cue.text, "cue"),
            vectors=None if cue.vector is None else unit_vectors(cue.vector),
            actor=checked_label(cue.actor, "actor"),
            periods=() if cue.time is None else (_period(cue.time),),
            near=checked_label(cue.near, "near"),
        )


def checked_fields(fields: Sequence[str] | None) -> Fields:
    """The fields that may be used; all, where None is given.

    Raises:
        InvalidArgument: One that there is not, none, or "cosine" beside others.
    """
    if fields is None:
        return FIELDS
    if isinstance(fields, str) or not fields or any(name not in (*FIELDS, *COSINE) for name in fields):
        raise InvalidArgument(f"fields is a tuple of {', '.join(map(repr, FIELDS))}, or ('cosine',), not {fields!r}")
    if COSINE[0] in fields and tuple(fields) != COSINE:
        raise InvalidArgument(
            "the field 'cosine' stands alone, as the readout in order of similarity; beside others, name 'content'"
        )
    return tuple(dict.fromkeys(fields))


def _period(time: Any) -> Period:
    """The period of a cue's time."""
    pair = time if isinstance(time, tuple) else (time, time)
    if len(pair) != 2:
        raise InvalidTime(
            f"the time of a cue is a moment, or a pair of the beginning and the end, not {len(pair)} times"
        )
    start, end = (checked_time(each, "time") for each in pair)
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        raise InvalidTime("the time of a cue is a moment, or a pair of the beginning and the end; one of them is None")
    if end < start:
        raise InvalidTime(f"the time of a cue ends at {end}, before it begins at {start}")
    return Period("time", start, end, relative=True)
