"""Records into items of `remember_many`: messages, texts, conversations. Knows the keys of records, no files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from am_agent.episode import Rejection
from am_agent.errors import InvalidInput, InvalidMetadata, InvalidText
from am_agent.formats.conversations import Thread, thread_of
from am_agent.formats.entry import Broken, Entry, Item, UnknownShape
from am_agent.formats.times import read_time
from am_agent.identity import Occurrences, derived_id
from am_agent.transcript import counted, episode_of

T = TypeVar("T")
Found = Iterator[Entry[Item] | Rejection]

# The first key of a row is the argument's own name: what it holds must be right. Another key may mean something else
# in somebody's data, and stays in the metadata when it does not fit.
_TEXT = ("text", "content")
_ID = ("id", "_id", "uuid")
_ACTOR = ("actor", "speaker", "author", "sender", "role")
_SESSION = ("session", "session_id", "conversation_id", "thread_id")
_TIME = ("occurred_at", "timestamp", "created_at", "create_time", "time", "date")
_ONLY_TIMES = _TIME[:4]  # these can mean nothing else, so a wrong one is named; a 'time' may be '45 minutes'
_ARGUMENTS = ("namespace", "vector", "ttl")
_ROLES = {"human", "ai", "user", "assistant", "system", "developer", "tool", "function"}
_LEADING = 16  # records that are no records before the file is given up


class Records:
    """Reads the records of one file, one by one.

    Args:
        name: The file's name: the session of messages that have none, and part of the ids that are made.
        session: What the caller says the session is, for records that do not say so themselves.
        undecodable: What to say of bytes that could not be decoded.
        certain: Whether the caller says that these are records, whatever they look like.
    """

    def __init__(
        self, name: str, session: str | None = None, undecodable: str = "undecodable bytes", *, certain: bool = False
    ) -> None:
        self._name = name
        self._certain = certain
        self._session = session
        self._undecodable = undecodable
        self._occurrences = Occurrences()
        self._nameless = 0  # conversations without a session of their own, so far

    def read(self, value: Any, place: str) -> Found:
        """Read any value: a string, a message, a conversation, or an object with a text.

        Raises:
            UnknownShape: It is nothing of that.
        """
        if isinstance(value, str):
            return iter([self._entry({"text": value}, place)])
        if not isinstance(value, Mapping):
            raise UnknownShape(f"{_kind(value)} is no record")
        thread = thread_of(value)
        if thread is not None:
            return self.conversation(thread, place)
        if is_message(value):
            return self._message(value, place)
        if any(key in value for key in _TEXT):
            return iter([self._entry(value, place)])
        keys = ", ".join(map(repr, list(value)[:5])) + (", ..." if len(value) > 5 else "")
        raise UnknownShape(f"an object with the keys {keys} is no record" if keys else "an empty object is no record")

    def read_all(self, values: Iterable[tuple[str, Any] | Rejection]) -> Found:
        """Read values in their places, unless nothing in the file looks like a record.

        Raises:
            UnknownShape: The first values are no records, or there are no others; not if the format is certain.
        """
        leading: list[Rejection] = []
        recognised = self._certain
        for value in values:
            if isinstance(value, Rejection):
                found: Found = iter([value])
            else:
                place, content = value
                try:
                    found = self.read(content, place)
                except UnknownShape as error:
                    shapeless = Rejection(place, str(error))
                    found = iter([shapeless])
                    if not recognised:
                        leading.append(shapeless)
                        if len(leading) == _LEADING:
                            break
                        continue
            yield from leading
            leading, recognised = [], True
            yield from found
        if leading:
            raise UnknownShape(f"{self._name} is JSON of no known shape ({leading[0].place}: {leading[0].reason})")

    def conversation(self, thread: Thread, place: str) -> Found:
        """Read the messages of a conversation; a time that is missing is that of the message before."""
        session = thread.session or self._next_session()
        # One that has a name and is in memory anyway is counted for itself, as `remember_messages` does: when it comes
        # again, whole or longer, only what is new is recorded.
        nth = counted() if thread.session and isinstance(thread.messages, list) else None
        time, number = thread.started, 0
        metadata = {} if thread.title is None else {"title": thread.title}
        try:
            for number, given in enumerate(thread.messages, 1):
                where = f"{place}, message {number}"
                try:
                    message = thread.message(given)
                    item = None if message is None else self._said(message, session, metadata, nth, time)
                except InvalidInput as error:
                    yield Rejection(where, str(error))
                    continue
                if item is not None:
                    time = item["occurred_at"]
                    yield self._checked(item, where)
        except Broken as error:
            yield Rejection(f"{place}, message {number + 1}", str(error))

    def passage(self, text: str, place: str, metadata: Mapping[str, Any]) -> Entry[Item] | Rejection:
        """A piece of running text, which belongs to the file as to a session."""
        session = self._session or self._name
        id_ = derived_id("passage", session, text, str(self._occurrences.count("passage", session, text)))
        return self._checked({"text": text, "id": id_, "session": session, "metadata": metadata}, place)

    def _message(self, record: Mapping[str, Any], place: str) -> Found:
        own, _ = _taken(dict(record), _SESSION, _label)
        session = own or self._session or self._name
        try:
            item = self._said(record, session, {}, None, None)
        except InvalidInput as error:
            yield Rejection(place, str(error))
            return
        if item is not None:
            yield self._checked(item, place)

    def _said(
        self,
        message: Mapping[str, Any],
        session: str,
        metadata: Mapping[str, Any],
        nth: Callable[[str, str], int] | None,
        before: datetime | None,
    ) -> dict[str, Any] | None:
        time, _ = _taken(dict(message), _TIME, read_time, strict=_ONLY_TIMES)
        id_, _ = _taken(dict(message), _ID, _label)
        given = message.get("metadata")
        return episode_of(
            {
                **message,
                "id": id_,
                "occurred_at": time or before,
                "metadata": {**metadata, **given} if isinstance(given, Mapping) else given or metadata,
            },
            session=session,
            nth=nth or (lambda actor, text: self._occurrences.count("message", session, actor, text)),
        )

    def _entry(self, record: Mapping[str, Any], place: str) -> Entry[Item] | Rejection:
        try:
            return self._checked(self._item(record), place)
        except InvalidInput as error:
            return Rejection(place, str(error))

    def _item(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """An item of a record: every key that is no argument goes into the metadata, so that nothing is lost."""
        rest = dict(record)
        item: dict[str, Any] = {"text": rest.pop("text" if "text" in rest else "content")}
        item["id"], rest = _taken(rest, _ID, _label)
        item["actor"], rest = _taken(rest, _ACTOR, _label)
        item["session"], rest = _taken(rest, _SESSION, _label)
        item["occurred_at"], rest = _taken(rest, _TIME, read_time, strict=_ONLY_TIMES)
        item["session"] = item["session"] or self._session
        item |= {name: rest.pop(name) for name in _ARGUMENTS if rest.get(name) is not None}
        own = rest.pop("metadata", None)
        item["metadata"] = _merged({} if own is None else own, rest)
        if item["id"] is None and isinstance(item["text"], str):
            identity = (item["session"] or self._name, item["text"], item["actor"] or "")
            item["id"] = derived_id("item", *identity, str(self._occurrences.count("item", *identity)))
        return item

    def _checked(self, item: Item, place: str) -> Entry[Item] | Rejection:
        text = item["text"]
        if isinstance(text, str) and "\x1a" in text:  # see Source.json_chunks; no valid text holds it
            return Rejection(place, self._undecodable)
        return Entry(place, item)

    def _next_session(self) -> str:
        """Two conversations of one file are never taken for one: the file's name, then with #2, #3, ..."""
        self._nameless += 1
        name = self._session or self._name
        return name if self._nameless == 1 else f"{name}#{self._nameless}"


def is_message(record: Mapping[str, Any]) -> bool:
    """Whether a record is a message: who speaks, in which role, and a content. A `type` may be of anything else."""
    if "content" not in record and "tool_calls" not in record:
        return False
    kind = record.get("type")
    return "role" in record or (isinstance(kind, str) and kind in _ROLES)


def _taken(
    record: dict[str, Any], keys: Sequence[str], read: Callable[[Any], T], *, strict: Sequence[str] = ()
) -> tuple[T | None, dict[str, Any]]:
    """The value of the first key that has one, and the record without that key."""
    for key in keys:
        given = record.get(key)
        if given is None or given == "":
            continue
        try:
            value = read(given)
        except InvalidInput as error:
            if key == keys[0] or key in strict:
                raise type(error)(f"{key}: {error}") from error
            continue
        return value, {name: each for name, each in record.items() if name != key}
    return None, {name: each for name, each in record.items() if name != keys[0]}


def _label(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # ids are numbers in many data sets
    if not isinstance(value, str):
        raise InvalidText(f"a string was expected, not {_kind(value)}")
    return value


def _merged(metadata: Any, rest: Mapping[str, Any]) -> Any:
    if not isinstance(metadata, Mapping):
        raise InvalidMetadata(f"metadata is an object, not {_kind(metadata)}")
    twice = [key for key in rest if key in metadata and metadata[key] != rest[key]]
    if twice:
        raise InvalidMetadata(f"{twice[0]!r} is in the record and, with another value, in its metadata")
    return {**rest, **metadata}


def _kind(value: Any) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "a string"}
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")
