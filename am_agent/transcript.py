"""A conversation's messages as episodes: roles, order, the same twice. Knows message shapes, no storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from am_agent.errors import InvalidArgument, InvalidMetadata
from am_agent.identity import derived_id

_ROLES = {"human": "user", "ai": "assistant"}  # LangChain's names for what everybody else calls so


class _Message(NamedTuple):
    role: str
    content: Any
    name: str | None = None
    id: str | None = None
    occurred_at: datetime | None = None
    metadata: Mapping[str, Any] | None = None


def episodes_of(messages: Iterable[Any], *, session: str) -> Iterator[dict[str, Any]]:
    """Turn messages into items of `remember_many`.

    A message is a dict `{"role": ..., "content": ...}`, with `name`, `id`, `occurred_at` and `metadata` if there are
    any; a pair `(role, content)`; or an object with `type` or `role` and `content`, as LangChain has them. Content is
    a string, or a list of parts whose texts are joined. Messages without text (a tool call, an image) are left out.
    The actor is the message's `name`, or its role.

    An episode's id is made of the session and the message's own id or, where it has none, of who said what for which
    time in this list. So the same conversation, given again whole, longer, or only its last turns, records only what
    is new.

    Raises:
        InvalidArgument: A message of another shape; it says which.

    Example:
        >>> [item["actor"] for item in episodes_of([{"role": "user", "content": "Hi!"}], session="s1")]
        ['user']
    """
    nth = counted()
    for place, given in enumerate(messages):
        item = episode_of(given, session=session, nth=nth, label=f"message {place}")
        if item is not None:
            yield item


def counted() -> Callable[[str, str], int]:
    """A function that counts exactly how often an actor has said a text, for one conversation."""
    said: Counter[tuple[str, str]] = Counter()

    def nth(actor: str, text: str) -> int:
        said[actor, text] += 1
        return said[actor, text]

    return nth


def episode_of(
    given: Any, *, session: str, nth: Callable[[str, str], int], label: str = "the message"
) -> dict[str, Any] | None:
    """Turn one message into an item of `remember_many`, or into nothing when it has no text.

    Args:
        given: The message, in any shape that `episodes_of` takes.
        session: The conversation it belongs to.
        nth: Called with the actor and the text of a message that has no id: how often that was said, this time
            included.
        label: What to call the message in an error.

    Raises:
        InvalidArgument: A message of another shape.
        InvalidMetadata: Its metadata is not a dict.

    Example:
        >>> episode_of(("user", "Hi!"), session="s1", nth=counted())["metadata"]
        {'role': 'user'}
    """
    message = _read(given, label)
    text = _text(message.content, label)
    if not text.strip():
        return None
    role = _ROLES.get(message.role, message.role)
    actor = message.name or role
    identity = [message.id] if message.id else [actor, text, str(nth(actor, text))]
    return {
        "text": text,
        "id": derived_id("message", session, *identity),
        "actor": actor,
        "session": session,
        "occurred_at": message.occurred_at,
        "metadata": {**(message.metadata or {}), "role": role},
    }


def _read(given: Any, label: str) -> _Message:
    if isinstance(given, Mapping):
        role = given.get("role") or given.get("type")
        message = _Message(
            role or "",
            given.get("content"),
            given.get("name"),
            given.get("id"),
            given.get("occurred_at"),
            given.get("metadata"),
        )
    elif isinstance(given, tuple | list) and len(given) == 2:
        message = _Message(*given)
    else:
        role = getattr(given, "role", None) or getattr(given, "type", None)
        message = _Message(
            role or "",
            getattr(given, "content", None),
            getattr(given, "name", None),
            getattr(given, "id", None),
        )
    if not isinstance(message.role, str) or not message.role:
        raise InvalidArgument(
            f"{label} has no role; a message is {{'role': 'user', 'content': '...'}}, ('user', '...') or an "
            f"object with type and content, not {type(given).__name__}"
        )
    for name, value in (("name", message.name), ("id", message.id)):
        if value is not None and not isinstance(value, str):
            raise InvalidArgument(f"{label} has the {name} {value!r}; it must be a str")
    if message.metadata is not None and not isinstance(message.metadata, Mapping):
        raise InvalidMetadata(f"the metadata of {label} is a dict, not {type(message.metadata).__name__}")
    return message


def _text(content: Any, label: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        return "\n".join(filter(None, map(_part, content)))
    raise InvalidArgument(f"the content of {label} is a str or a list of parts, not {type(content).__name__}")


def _part(part: Any) -> str:
    """The text of one part of a message's content; empty for an image, a tool call and the like."""
    if isinstance(part, Mapping):
        part = part.get("text") if part.get("type", "text") in ("text", "input_text", "output_text") else None
    return part if isinstance(part, str) else ""
