"""Conversations as applications export them: which messages are shown, in which order. Knows shapes, no files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from am_agent.errors import InvalidInput
from am_agent.formats.entry import UnknownShape
from am_agent.formats.times import read_time

_SESSION = ("session", "session_id", "conversation_id", "thread_id", "id", "uuid")
_TITLE = ("title", "name")
_STARTED = ("occurred_at", "timestamp", "created_at", "create_time")
_CLAUDE = {"human": "user", "assistant": "assistant"}

Message = Mapping[str, Any]


class Thread(NamedTuple):
    """A conversation: its messages as they are in the file, and what makes them messages."""

    session: str | None
    title: str | None
    started: datetime | None
    messages: Iterable[Any]
    message: Callable[[Any], Message | None]  # of one of them; None for what nobody was shown


def streamable(head: Mapping[str, Any]) -> str | None:
    """The key of the messages of a conversation, if they can be taken one by one."""
    if "mapping" in head:
        return None  # a tree, whose branches are known at its end
    return next((key for key in ("chat_messages", "messages") if key in head), None)


def thread_of(record: Mapping[str, Any], messages: Iterable[Any] | None = None) -> Thread | None:
    """Read a conversation, or nothing if the record is none.

    Args:
        record: An object of ChatGPT's export (`mapping`), of Claude's (`chat_messages`), or with `messages`.
        messages: Its messages, where they are not in the record itself.

    Raises:
        UnknownShape: What should be its messages is something else.
    """
    message: Callable[[Any], Message | None]
    if "mapping" in record:
        messages, message = _visible(record), _chatgpt
    else:
        key = streamable(record)
        if key is None:
            return None
        message = _claude if key == "chat_messages" else _plain
        messages = record[key] if messages is None else messages
        if isinstance(messages, str | Mapping) or not isinstance(messages, Iterable):
            raise UnknownShape(f"the {key!r} of a conversation are a list, not {type(messages).__name__}")
    return Thread(_label(record, _SESSION), _label(record, _TITLE), _time(record), messages, message)


def _label(record: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    for key in keys:
        value = record.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value
    return None


def _time(record: Mapping[str, Any]) -> datetime | None:
    given = next((record[key] for key in _STARTED if record.get(key) is not None), None)
    try:
        return None if given is None else read_time(given)
    except InvalidInput:  # it only stands in for the times of messages that have none themselves
        return None


def _plain(given: Any) -> Message | None:
    if not isinstance(given, Mapping):
        raise UnknownShape(f"a message is an object with role and content, not {type(given).__name__}")
    return given


def _claude(given: Any) -> Message | None:
    """A message of Claude's export. Its content says more than its text, which has placeholders for what is no text."""
    if not isinstance(given, Mapping):
        raise UnknownShape(f"a message is an object with sender and text, not {type(given).__name__}")
    sender, parts = given.get("sender"), given.get("content")
    said = isinstance(parts, list) and any(isinstance(part, Mapping) and part.get("text") for part in parts)
    return {
        "role": _CLAUDE.get(sender, sender) if isinstance(sender, str) else None,
        "content": parts if said else given.get("text"),
        "id": given.get("uuid"),
        "created_at": given.get("created_at"),
    }


def _chatgpt(given: Any) -> Message | None:
    """A message of ChatGPT's export, if it was shown: no tool was spoken to, and nothing was hidden."""
    if not isinstance(given, Mapping) or not isinstance(given.get("author"), Mapping):
        raise UnknownShape("a message of ChatGPT's export is an object with an author and a content")
    content, metadata, author = given.get("content"), given.get("metadata"), given["author"]
    hidden = isinstance(metadata, Mapping) and metadata.get("is_visually_hidden_from_conversation")
    if hidden or given.get("recipient", "all") not in ("all", None) or content is None:
        return None
    if not isinstance(content, Mapping):
        raise UnknownShape(f"the content of a message of ChatGPT's export is an object, not {type(content).__name__}")
    if content.get("content_type") not in ("text", "multimodal_text"):
        return None
    parts = content.get("parts") or ()
    if not isinstance(parts, list | tuple):
        raise UnknownShape(f"the parts of a message of ChatGPT's export are a list, not {type(parts).__name__}")
    return {
        "role": author.get("role"),
        "name": author.get("name"),
        "content": [part if isinstance(part, str) else _transcribed(part) for part in parts],
        "id": given.get("id"),
        "create_time": given.get("create_time"),
    }


def _transcribed(part: Any) -> str | None:
    """What was said aloud; nothing of an image."""
    if isinstance(part, Mapping) and part.get("content_type") == "audio_transcription":
        text = part.get("text")
        return text if isinstance(text, str) else None
    return None


def _visible(record: Mapping[str, Any]) -> list[Any]:
    """The messages on the way from the root to the current node: other branches were edited or generated again."""
    nodes = record["mapping"]
    if not isinstance(nodes, Mapping) or not all(isinstance(node, Mapping) for node in nodes.values()):
        raise UnknownShape("the 'mapping' of ChatGPT's export is an object of nodes")
    current = record.get("current_node")
    place = current if isinstance(current, str) and current in nodes else _last(nodes)
    way: dict[str, Any] = {}  # ordered; and a circle of parents ends
    while isinstance(place, str) and place in nodes and place not in way:
        way[place] = nodes[place].get("message")
        place = nodes[place].get("parent")
    return [message for message in reversed(way.values()) if message is not None]


def _last(nodes: Mapping[str, Any]) -> str | None:
    """The end of the newest branch: from the root, always the last child."""
    place = next((name for name, node in nodes.items() if node.get("parent") not in nodes), None)
    seen = set()
    while place is not None and place not in seen:
        seen.add(place)
        children = nodes[place].get("children")
        below = [each for each in children if each in nodes] if isinstance(children, list) else []
        if not below:
            break
        place = below[-1]
    return place
