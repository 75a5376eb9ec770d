"""Records as items: which keys are which features, that nothing is lost, and that ids are always the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from am_agent.draft import Draft
from am_agent.episode import Rejection
from am_agent.formats.entry import Entry, UnknownShape
from am_agent.formats.records import Records
from am_agent.transcript import episodes_of

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def _items(*values: Any, session: str | None = None) -> list[dict[str, Any]]:
    records = Records("file.jsonl", session)
    found = []
    for number, value in enumerate(values, 1):
        for each in records.read(value, f"record {number}"):
            assert isinstance(each, Entry)
            found.append(dict(each.content))
    return found


def _reason(value: Any) -> str:
    (found,) = Records("file.jsonl").read(value, "record 1")
    assert isinstance(found, Rejection)
    return found.reason


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("a text", {"text": "a text"}),
        ({"text": "a", "content": "b"}, {"text": "a", "metadata": {"content": "b"}}),
        ({"content": "a"}, {"text": "a"}),
        ({"text": "a", "id": 7}, {"text": "a", "id": "7"}),
        ({"text": "a", "_id": "x", "title": "T"}, {"text": "a", "id": "x", "metadata": {"title": "T"}}),
        ({"text": "a", "id": "x", "uuid": "y"}, {"text": "a", "id": "x", "metadata": {"uuid": "y"}}),
        ({"text": "a", "speaker": "Ana"}, {"text": "a", "actor": "Ana"}),
        ({"text": "a", "author": {"name": "Ana"}}, {"text": "a", "metadata": {"author": {"name": "Ana"}}}),
        ({"text": "a", "role": "user"}, {"text": "a", "actor": "user"}),
        ({"text": "a", "thread_id": 3}, {"text": "a", "session": "3"}),
        (
            {"text": "a", "session": "s", "thread_id": "t"},
            {"text": "a", "session": "s", "metadata": {"thread_id": "t"}},
        ),
        ({"text": "a", "created_at": "2024-05-01T12:00:00"}, {"text": "a", "occurred_at": NOON}),
        ({"text": "a", "date": 1714564800000}, {"text": "a", "occurred_at": NOON}),
        ({"text": "a", "time": "45 minutes"}, {"text": "a", "metadata": {"time": "45 minutes"}}),
        ({"text": "a", "type": "note", "n": None}, {"text": "a", "metadata": {"type": "note", "n": None}}),
        ({"text": "a", "metadata": {"x": 1}, "y": 2}, {"text": "a", "metadata": {"x": 1, "y": 2}}),
        ({"text": "a", "namespace": ["n"], "vector": [1.0]}, {"text": "a", "namespace": ["n"], "vector": [1.0]}),
        ({"text": "a", "id": "", "session": "", "actor": None}, {"text": "a"}),
    ],
)
def test_every_key_becomes_a_feature_or_metadata(record: Any, expected: dict[str, Any]) -> None:
    """Nothing of a record is lost, and no key means two things."""
    (item,) = _items(record)
    if "id" not in expected:
        assert item["id"].startswith("item-")
        del item["id"]
    assert {key: value for key, value in item.items() if value not in (None, {})} == expected
    Draft.of(item)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"text": "a", "occurred_at": "yesterday"}, "occurred_at: the time 'yesterday' is no time in ISO 8601"),
        ({"text": "a", "timestamp": [1]}, "timestamp: the time is a string of ISO 8601 or a number"),
        ({"text": "a", "id": [1]}, "id: a string was expected, not a list"),
        ({"text": "a", "session": True}, "session: a string was expected, not true or false"),
        ({"text": "a", "metadata": [1]}, "metadata is an object, not a list"),
        ({"text": "a", "metadata": {"x": 1}, "x": 2}, "'x' is in the record and, with another value, in its metadata"),
        ({"text": "a\x1a"}, "undecodable bytes"),
        ({"role": "user", "content": 7}, "the content of the message is a str"),
        ({"role": 7, "content": "a"}, "the message has no role"),
        ({"role": "user", "content": "a", "created_at": "x"}, "created_at: the time 'x' is no time"),
    ],
)
def test_what_is_wrong_is_named(record: Any, reason: str) -> None:
    """A key that can mean only one thing must hold that."""
    assert _reason(record).startswith(reason)


@pytest.mark.parametrize("value", [7, None, True, [], ["a"], {}, {"foo": 1}, {"messages": 7}])
def test_what_is_no_record_has_no_shape(value: Any) -> None:
    """It may be that the whole file is something else."""
    with pytest.raises(UnknownShape):
        Records("x").read(value, "record 1")


def test_the_session_is_the_records_own_then_the_arguments_then_the_files() -> None:
    """The file's name stands in for messages only: texts beside each other need not belong together."""
    message = {"role": "user", "content": "a"}
    values = ({**message, "session_id": "own"}, message, "text", {"text": "b", "session": "own"})
    assert [each["session"] for each in _items(*values)] == ["own", "file.jsonl", None, "own"]
    assert [each["session"] for each in _items(*values, session="given")] == ["own", "given", "given", "own"]


def test_conversations_without_a_session_are_kept_apart() -> None:
    """The first has the file's name, so that one alone is what `remember_messages` would make of it."""
    talk = {"messages": [{"role": "user", "content": "a"}]}
    assert [each["session"] for each in _items(talk, talk, talk)] == ["file.jsonl", "file.jsonl#2", "file.jsonl#3"]
    assert [each["session"] for each in _items(talk, talk, session="s")] == ["s", "s#2"]
    assert len({each["id"] for each in _items(talk, talk, talk)}) == 3


def test_a_conversation_has_the_ids_of_remember_messages() -> None:
    """A chat that was told live, and then loaded from a file, is the same chat."""
    messages = [
        {"role": "user", "content": "yes"},
        {"role": "ai", "content": "sure?"},
        {"role": "user", "content": "yes"},
    ]
    live = [each["id"] for each in episodes_of(messages, session="s")]
    assert [each["id"] for each in _items({"messages": messages}, session="s")] == live
    assert [each["id"] for each in _items({"messages": messages, "id": "s"})] == live
    assert [each["id"] for each in _items(*messages, session="s")] == live
    assert [
        each["id"] for each in _items({"messages": messages[:1], "id": "s"}, {"messages": messages, "id": "s"})
    ] == [
        live[0],
        *live,
    ]


def test_equal_records_are_told_apart_by_how_often_they_came() -> None:
    """So the same file gives the same ids, and none is lost."""
    values = ["a", "b", "a", {"text": "a", "actor": "x"}, {"text": "a", "session": "s"}]
    ids = [each["id"] for each in _items(*values)]
    assert len(set(ids)) == len(ids)
    assert [each["id"] for each in _items(*values)] == ids
    assert [each["id"] for each in _items("new", *values)][1:] == ids


def test_a_file_is_given_up_only_when_nothing_in_it_is_a_record() -> None:
    """One record among other things is enough; and the caller may know better."""

    def read(values: list[Any], certain: bool = False) -> list[Any]:
        numbered = [(f"line {number}", value) for number, value in enumerate(values, 1)]
        return list(Records("x.json", certain=certain).read_all(numbered))

    found = read([1, {"foo": 2}, "text", 3])
    assert [type(each) for each in found] == [Rejection, Rejection, Entry, Rejection]
    assert [each.place for each in found] == ["line 1", "line 2", "line 3", "line 4"]
    assert [each.reason for each in read([1, {"foo": 2}], certain=True)] == [
        "a number is no record",
        "an object with the keys 'foo' is no record",
    ]
    with pytest.raises(UnknownShape, match=r"^x\.json is JSON of no known shape \(line 1: a number is no record\)$"):
        read([1, {"foo": 2}])
    with pytest.raises(UnknownShape):
        read([1] * 16 + ["text"])
    assert read([]) == []
