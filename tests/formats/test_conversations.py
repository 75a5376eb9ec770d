"""Conversations as applications export them: what was shown, in its order, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from am_agent.episode import Rejection
from am_agent.formats.conversations import thread_of
from am_agent.formats.entry import UnknownShape
from am_agent.formats.records import Records

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def said(id_: str, role: str, *parts: Any, **changes: Any) -> dict[str, Any]:
    """A message as ChatGPT's export has it."""
    message = {
        "id": id_,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": NOON.timestamp(),
        "content": {"content_type": "text", "parts": list(parts)},
        "status": "finished_successfully",
        "recipient": "all",
        "metadata": {},
    }
    return message | changes


def chatgpt(*messages: Any, branches: dict[str, list[Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """A conversation as ChatGPT's export has it; branches end at a message that is not shown any more."""
    mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": []}}
    parent = "root"
    for number, message in enumerate(messages):
        for place, other in enumerate((branches or {}).get(parent, [])):
            name = f"{parent}-{place}"
            mapping[name] = {"id": name, "message": other, "parent": parent, "children": []}
            mapping[parent]["children"].append(name)
        name = f"node{number}"
        mapping[name] = {"id": name, "message": message, "parent": parent, "children": []}
        mapping[parent]["children"].append(name)
        parent = name
    conversation = {
        "title": "Moving",
        "create_time": NOON.timestamp(),
        "mapping": mapping,
        "current_node": parent,
        "conversation_id": "c1",
    }
    return conversation | changes


CHATGPT = chatgpt(
    said("m0", "system", ""),
    said("m1", "user", "About me", metadata={"is_visually_hidden_from_conversation": True}),
    said("m2", "user", "Where is Oslo?"),
    said("m3", "assistant", "search('Oslo')", recipient="browser"),
    said("m4", "tool", "Oslo is in Norway.", author={"role": "tool", "name": "browser"}),
    said("m5", "assistant", content={"content_type": "code", "text": "print()"}),
    said("m6", "assistant", content={"content_type": "thoughts", "thoughts": []}),
    said("m7", "assistant", "In Norway.", create_time=None),
    said(
        "m8",
        "user",
        content={
            "content_type": "multimodal_text",
            "parts": [
                {"content_type": "image_asset_pointer", "asset_pointer": "file-service://1"},
                "Is this it?",
                {"content_type": "audio_transcription", "text": "I wonder."},
            ],
        },
        create_time=NOON.timestamp() + 90.5,
    ),
    branches={
        "node1": [said("m2-old", "user", "Where is Olso?")],
        "node6": [said("m7-old", "assistant", "I don't know.")],
    },
)

CLAUDE: dict[str, Any] = {
    "uuid": "u1",
    "name": "Recipes",
    "created_at": "2024-05-01T12:00:00.000000Z",
    "account": {"uuid": "a1"},
    "chat_messages": [
        {"uuid": "p1", "text": "Bake?", "sender": "human", "created_at": "2024-05-01T12:00:00Z", "attachments": []},
        {
            "uuid": "p2",
            "text": "Yes.\n\nThis block is not supported on your current device yet.",
            "content": [{"type": "text", "text": "Yes."}, {"type": "tool_use", "name": "artifacts", "input": {}}],
            "sender": "assistant",
            "created_at": "2024-05-01T12:00:05Z",
        },
        {"uuid": "p3", "text": "", "content": [], "sender": "human", "created_at": "2024-05-01T12:01:00Z"},
    ],
}


def _read(record: Any) -> list[tuple[Any, ...]]:
    found = []
    for each in Records("chats.json").read(record, "conversation 1"):
        if isinstance(each, Rejection):
            found.append((each.place, each.reason))
        else:
            item = each.content
            found.append((item["text"], item["actor"], item["session"], item["occurred_at"], item["metadata"]))
    return found


def test_the_visible_thread_of_chatgpt_is_read() -> None:
    """The current branch in its order; no hidden, empty or internal message; times in UTC, the title in metadata."""
    after = datetime(2024, 5, 1, 12, 1, 30, 500_000, tzinfo=UTC)
    assert _read(CHATGPT) == [
        ("Where is Oslo?", "user", "c1", NOON, {"title": "Moving", "role": "user"}),
        ("Oslo is in Norway.", "browser", "c1", NOON, {"title": "Moving", "role": "tool"}),
        ("In Norway.", "assistant", "c1", NOON, {"title": "Moving", "role": "assistant"}),
        ("Is this it?\nI wonder.", "user", "c1", after, {"title": "Moving", "role": "user"}),
    ]


def test_without_a_current_node_the_newest_branch_is_read() -> None:
    """From the root, always the last child."""
    for missing in ({**CHATGPT, "current_node": None}, {**CHATGPT, "current_node": "gone"}):
        assert _read(missing) == _read(CHATGPT)


def test_an_id_is_that_of_the_message() -> None:
    """A message that was edited in place is the next version of the same episode, and no id depends on the order."""

    def ids(record: dict[str, Any]) -> list[str]:
        return [each.content["id"] for each in Records("x").read(record, "c") if not isinstance(each, Rejection)]

    longer = chatgpt(said("m2", "user", "Edited"), said("m9", "user", "New"))
    assert ids(longer)[0] == ids(CHATGPT)[0]
    assert len({*ids(longer), *ids(CHATGPT)}) == 5


def test_circles_end() -> None:
    """A damaged tree is read as far as it goes."""
    circle = {
        "a": {"message": said("m1", "user", "one"), "parent": "b", "children": ["b"]},
        "b": {"message": said("m2", "user", "two"), "parent": "a", "children": ["a"]},
    }
    assert [each[0] for each in _read({"id": "c", "mapping": circle, "current_node": "a"})] == ["two", "one"]
    assert _read({"id": "c", "mapping": circle}) == []


def test_claude_is_read() -> None:
    """Senders become roles, content goes before text, which holds placeholders; the name is the title."""
    assert _read(CLAUDE) == [
        ("Bake?", "user", "u1", NOON, {"title": "Recipes", "role": "user"}),
        ("Yes.", "assistant", "u1", NOON.replace(second=5), {"title": "Recipes", "role": "assistant"}),
    ]


def test_plain_conversations_are_read() -> None:
    """Messages with an own time keep it, the next ones have it, too; the name of the file stands in for a session."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi!", "name": "Ana", "timestamp": NOON.timestamp()},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
    ]
    assert _read({"messages": messages}) == [
        ("Be brief.", "system", "chats.json", None, {"role": "system"}),
        ("Hi!", "Ana", "chats.json", NOON, {"role": "user"}),
        ("Hello.", "assistant", "chats.json", NOON, {"role": "assistant"}),
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (chatgpt(said("m", "user", "a"), {"no": "author"}), r"message 2: a message of ChatGPT's export"),
        (chatgpt(said("m", "user", "a"), said("n", "user", content="x")), r"message 2: the content .* not str"),
        (chatgpt(said("m", "user", "a"), said("n", "user", create_time="x")), r"message 2: create_time: .*no time"),
        ({"chat_messages": [CLAUDE["chat_messages"][0], 7]}, r"message 2: a message is .*sender and text, not int"),
        ({"chat_messages": [CLAUDE["chat_messages"][0], {"text": "x"}]}, r"message 2: the message has no role"),
        ({"messages": [("user", "x")]}, r"message 1: a message is an object with role and content, not tuple"),
        ({"messages": [{"role": "user", "content": 7}]}, r"message 1: the content of the message is a str"),
        ({"messages": [{"role": "user", "content": "x", "metadata": 7}]}, r"message 1: the metadata of the message"),
    ],
)
def test_a_wrong_message_costs_no_other(record: dict[str, Any], reason: str) -> None:
    """It is rejected with its place, and the others are read."""
    found = _read(record)
    rejected = [": ".join(each) for each in found if len(each) == 2]
    assert len(rejected) == 1
    assert re.search(rf"^conversation 1, {reason}", rejected[0])
    assert len(found) in (1, 2)


@pytest.mark.parametrize("record", [{"mapping": []}, {"mapping": {"a": 1}}, {"messages": "x"}, {"chat_messages": {}}])
def test_what_only_looks_like_a_conversation_is_none(record: dict[str, Any]) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(UnknownShape):
        thread_of(record)
    assert thread_of({"text": "x"}) is None
