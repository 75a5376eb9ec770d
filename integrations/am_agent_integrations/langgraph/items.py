"""Items of LangGraph as episodes and back: labels, values, times. Knows no store and no vectors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from am_agent import Episode
from am_agent.draft import checked_label
from am_agent.errors import InvalidArgument, InvalidText
from am_agent_integrations.extra import needed

with needed("langgraph"):
    from langgraph.store.base import Item, SearchItem

MARK = "langgraph"
"""The key of an episode's metadata under which the store keeps what the framework has no text for."""

_CODED = "hex:"
_LONGEST_TTL = 1000 * 365 * 24 * 60  # minutes; a date after the year 9999 cannot be written down


def coded(label: str) -> str:
    r"""A key or a label as a memory can hold it: itself if it is one line of text, otherwise its bytes.

    Example:
        >>> coded("user-1"), coded("a\tb"), decoded(coded("a\tb"))
        ('user-1', 'hex:610962', 'a\tb')
    """
    try:
        plain = not label.startswith(_CODED) and checked_label(label, "label") is not None
    except InvalidText:
        plain = False
    return label if plain else _CODED + label.encode("utf-8", "surrogatepass").hex()


def decoded(label: str) -> str:
    """The key or label that was coded."""
    if not label.startswith(_CODED):
        return label
    try:
        return bytes.fromhex(label.removeprefix(_CODED)).decode("utf-8", "surrogatepass")
    except ValueError:  # the id of an episode that did not come from here
        return label


def place_of(namespace: tuple[str, ...]) -> tuple[str, ...]:
    """The namespace of the memory that a namespace of the framework is."""
    return tuple(map(coded, namespace))


def metadata_of(value: Mapping[str, Any], created_at: datetime, ttl: float | None, *, indexed: bool) -> dict[str, Any]:
    """What an episode keeps of an item besides its text."""
    kept = {"created_at": created_at.isoformat(), "indexed": indexed} | ({} if ttl is None else {"ttl": ttl})
    return {"value": dict(value), MARK: kept}


def created_of(episode: Episode) -> datetime:
    """When the item was first put."""
    kept = _kept(episode)
    if kept is not None:
        return datetime.fromisoformat(kept["created_at"])
    assert episode.recorded_at is not None  # a memory sets it
    return episode.recorded_at


def life_of(episode: Episode) -> timedelta | None:
    """How long the item lives after each use; None for ever."""
    return lasting((_kept(episode) or {}).get("ttl"))


def lasting(minutes: float | None) -> timedelta | None:
    """A time to live as a memory takes it; None for ever.

    Raises:
        InvalidArgument: It is longer than there is time.
    """
    if minutes is None:
        return None
    if not minutes <= _LONGEST_TTL:
        raise InvalidArgument(f"ttl is {minutes} minutes, more than a thousand years; use None for ever")
    return timedelta(minutes=minutes)


def is_indexed(episode: Episode) -> bool:
    """Whether a query may find the item by its text."""
    kept = _kept(episode)
    return kept is None or bool(kept["indexed"])


def value_of(episode: Episode) -> dict[str, Any]:
    """The value that was put; of an episode that was remembered in another way, its facts."""
    if _kept(episode) is not None:
        return dict(episode.metadata["value"])
    facts = {"text": episode.text, "actor": episode.actor, "session": episode.session, "metadata": episode.metadata}
    return {name: fact for name, fact in facts.items() if fact}


def item_of(episode: Episode) -> Item:
    """The item that an episode holds."""
    return Item(**_facts(episode))


def found_of(episode: Episode, score: float | None) -> SearchItem:
    """The item that an episode holds, as the result of a search."""
    return SearchItem(**_facts(episode), score=score)


def _facts(episode: Episode) -> dict[str, Any]:
    return {
        "value": value_of(episode),
        "key": decoded(episode.id),
        "namespace": tuple(map(decoded, episode.namespace)),
        "created_at": created_of(episode),
        "updated_at": episode.recorded_at,
    }


def _kept(episode: Episode) -> Mapping[str, Any] | None:
    kept = episode.metadata.get(MARK)
    ours = isinstance(kept, Mapping) and {"created_at", "indexed"} <= kept.keys() and "value" in episode.metadata
    return kept if ours else None
