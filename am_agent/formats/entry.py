"""What a format hands over: an entry and its place in the file. Knows no format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from am_agent.errors import InvalidInput

T = TypeVar("T")


class Entry(NamedTuple, Generic[T]):
    """One thing that was read: an item of `remember_many`, or a line of an export."""

    place: str
    content: T


Item = Mapping[str, Any]


class UnknownShape(InvalidInput):
    """A value of JSON that is no record; the message says what it is instead. Never leaves this package."""


class Broken(InvalidInput):
    """Nothing after this place can be read. Never leaves this package."""
