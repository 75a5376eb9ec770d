"""A conversation's messages as episodes: roles, order, the same twice. Knows message shapes, no storage."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from am_agent.errors import InvalidArgument

_ROLES = {"human": "user", "ai": "assistant"}  # LangChain's names for what everybody else calls so


class _Message(NamedTuple):
    role: str
    content: Any
    name: str | None = None
    id: str | None = None
    occurred_at: datetime | None = None


def episodes_of(messages: Iterable[Any], *, session: str) -> Iterator[dict[str, Any]]:
    """Turn messages into items of `remember_many`.

    A message is a dict `{"role": ..., "content": ...}`, with `name`, `id` and `occurred_at` if there are any; a pair
    `(role, content)`; or an object with `type` or `role` and `content`, as LangChain has them. Content is a string,
    or a list of parts whose texts are joined. Messages without text (a tool call, an image) are left out. The actor
    is the message's `name`, or its role.

    An episode's id is made of the session and the message's own id or, where it has none, of who said what for which
    time in this list. So the same conversation, given again whole, longer, or only its last turns, records only what
    is new.

    Raises:
        InvalidArgument: A message of another shape; it says which.

    Example:
        >>> [item["actor"] for item in episodes_of([{"role": "user", "content": "Hi!"}], session="s1")]
        ['user']
    """
    said: Counter[tuple[str, str]] = Counter()
    for place, given in enumerate(messages):
        message = _read(given, place)
        text = _text(message.content, place)
        if not text.strip():
            continue
        role = _ROLES.get(message.role, message.role)
        actor = message.name or role
        said[actor, text] += 1
        identity = [message.id] if message.id else [actor, text, str(said[actor, text])]
        digest = hashlib.blake2b("\0".join([session, *identity]).encode("utf-8", "surrogatepass"), digest_size=16)
        yield {
            "text": text,
            "id": f"message-{digest.hexdigest()}",
            "actor": actor,
            "session": session,
            "occurred_at": message.occurred_at,
            "metadata": {"role": role},
        }


def _read(given: Any, place: int) -> _Message:
    if isinstance(given, Mapping):
        role = given.get("role") or given.get("type")
        message = _Message(
            role or "", given.get("content"), given.get("name"), given.get("id"), given.get("occurred_at")
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
            f"message {place} has no role; a message is {{'role': 'user', 'content': '...'}}, ('user', '...') or an "
            f"object with type and content, not {type(given).__name__}"
        )
    for label, value in (("name", message.name), ("id", message.id)):
        if value is not None and not isinstance(value, str):
            raise InvalidArgument(f"message {place} has the {label} {value!r}; it must be a str")
    return message


def _text(content: Any, place: int) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        return "\n".join(filter(None, map(_part, content)))
    raise InvalidArgument(f"the content of message {place} is a str or a list of parts, not {type(content).__name__}")


def _part(part: Any) -> str:
    """The text of one part of a message's content; empty for an image, a tool call and the like."""
    if isinstance(part, Mapping):
        part = part.get("text") if part.get("type", "text") in ("text", "input_text", "output_text") else None
    return part if isinstance(part, str) else ""
