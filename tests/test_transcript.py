"""Conversations as episodes: every usual shape of a message, and ids that make telling it twice harmless."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.draft import Draft
from am_agent.errors import InvalidArgument
from am_agent.transcript import episodes_of

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@dataclass
class LikeLangChain:
    """A message as LangChain's classes have it: a type, a content, perhaps a name and an id."""

    content: Any
    type: str = "human"
    name: str | None = None
    id: str | None = None


@dataclass
class LikeOpenAI:
    """A message object with a role instead of a type, and with nothing else."""

    role: str
    content: Any


def _told(*messages: Any, session: str = "s1") -> list[dict[str, Any]]:
    return list(episodes_of(messages, session=session))


def _ids(*messages: Any, session: str = "s1") -> list[str]:
    return [item["id"] for item in _told(*messages, session=session)]


# --------------------------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("message", "actor", "role"),
    [
        ({"role": "user", "content": "Hi!"}, "user", "user"),
        ({"role": "assistant", "content": "Hi!"}, "assistant", "assistant"),
        ({"role": "system", "content": "Hi!"}, "system", "system"),
        ({"role": "user", "content": "Hi!", "name": "Ana"}, "Ana", "user"),
        ({"role": "user", "content": "Hi!", "name": ""}, "user", "user"),
        ({"role": "tool", "content": "Hi!", "name": "search", "tool_call_id": "7"}, "search", "tool"),
        ({"type": "human", "content": "Hi!"}, "user", "user"),
        (("user", "Hi!"), "user", "user"),
        (["assistant", "Hi!"], "assistant", "assistant"),
        (("human", "Hi!"), "user", "user"),
        (("ai", "Hi!"), "assistant", "assistant"),
        (LikeLangChain("Hi!"), "user", "user"),
        (LikeLangChain("Hi!", type="ai"), "assistant", "assistant"),
        (LikeLangChain("Hi!", type="system"), "system", "system"),
        (LikeLangChain("Hi!", type="tool", name="search"), "search", "tool"),
        (LikeLangChain("Hi!", name="Ana"), "Ana", "user"),
        (LikeOpenAI("user", "Hi!"), "user", "user"),
    ],
    ids=repr,
)
def test_every_usual_shape_is_a_message(message: Any, actor: str, role: str) -> None:
    """Dicts, pairs and objects give the text, the name or else the role as actor, and the role as metadata."""
    (item,) = _told(message)
    assert item["id"].startswith("message-")
    assert {key: value for key, value in item.items() if key != "id"} == {
        "text": "Hi!",
        "actor": actor,
        "session": "s1",
        "occurred_at": None,
        "metadata": {"role": role},
    }


def test_one_message_has_one_id_in_every_shape() -> None:
    """The same thing said by the same one is the same episode, whichever framework hands it over."""
    shapes = ({"role": "user", "content": "Hi!"}, ("human", "Hi!"), LikeLangChain("Hi!"), LikeOpenAI("user", ["Hi!"]))
    assert len({_ids(shape)[0] for shape in shapes}) == 1


def test_a_time_is_kept() -> None:
    """A dict may say when it was said."""
    (item,) = _told({"role": "user", "content": "Hi!", "occurred_at": NOON})
    assert item["occurred_at"] == NOON


def test_the_items_are_what_remember_many_takes() -> None:
    """Each item is a valid draft."""
    draft = Draft.of(_told({"role": "user", "content": "Hi!", "occurred_at": NOON})[0], namespace=("ana",))
    assert (draft.text, draft.actor, draft.session, draft.occurred_at) == ("Hi!", "user", "s1", NOON)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("  kept as it is \n", "  kept as it is \n"),
        (["one", "two"], "one\ntwo"),
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one\ntwo"),
        ([{"type": "input_text", "text": "one"}, {"type": "output_text", "text": "two"}], "one\ntwo"),
        ([{"text": "one"}, "two"], "one\ntwo"),
        (({"type": "text", "text": "one"},), "one"),
        ([{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "text", "text": "a dog"}], "a dog"),
        ([{"type": "text", "text": "I look it up."}, {"type": "tool_use", "id": "7", "input": {}}], "I look it up."),
        ([{"type": "reasoning", "text": "hidden"}, {"type": "text", "text": "said"}], "said"),
        ([{"type": "text", "text": ""}, {"type": "text", "text": "said"}], "said"),
        ([{"type": "text", "text": None}, None, 7, "said"], "said"),
    ],
    ids=repr,
)
def test_the_texts_of_a_content_are_joined(content: Any, text: str) -> None:
    """A string is taken as it is, and of a list of parts the texts, each on its line."""
    assert [item["text"] for item in _told({"role": "assistant", "content": content})] == [text]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "7", "function": {"name": "search"}}]},
        {"role": "assistant", "tool_calls": []},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": " \n"},
        {"role": "assistant", "content": []},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "7", "name": "search", "input": {}}]},
        LikeLangChain("", type="ai"),
        LikeLangChain(None, type="ai"),
    ],
    ids=repr,
)
def test_a_message_without_text_is_left_out(message: Any) -> None:
    """A tool call or an image alone is nothing that was said, and its neighbours are not disturbed."""
    before, after = ("user", "before"), ("user", "after")
    assert [item["text"] for item in _told(before, message, after)] == ["before", "after"]
    assert _ids(before, message, after) == _ids(before, after)


def test_order_is_kept() -> None:
    """The items come in the order of the messages."""
    assert [item["text"] for item in _told(("user", "b"), ("assistant", "a"), ("user", "c"))] == ["b", "a", "c"]


# ------------------------------------------------------------------------------------------------------------------ ids


_turns = st.tuples(st.sampled_from(["user", "assistant"]), st.sampled_from(["yes", "no", "and then?", "fine"]))
_conversations = st.lists(_turns, max_size=12)


@given(_conversations, _conversations)
def test_a_longer_conversation_repeats_the_ids_of_the_shorter(before: list[Any], added: list[Any]) -> None:
    """Given again whole and with more turns, what was there keeps its ids, and every turn has one of its own."""
    ids, longer = _ids(*before), _ids(*before, *added)
    assert longer[: len(before)] == ids
    assert len(set(longer)) == len(before) + len(added)


@given(_conversations, st.integers(0, 12))
def test_the_last_turns_alone_bring_no_new_ids(conversation: list[Any], kept: int) -> None:
    """Given only its last turns, a conversation records nothing that it had not recorded whole."""
    last = conversation[max(len(conversation) - kept, 0) :]
    assert set(_ids(*last)) <= set(_ids(*conversation))


def test_identical_turns_keep_distinct_ids() -> None:
    """The same one who says the same thing three times has said three things."""
    ids = _ids(("user", "yes"), ("assistant", "sure?"), ("user", "yes"), ("user", "yes"))
    assert len(set(ids)) == 4


def test_the_same_words_of_another_speaker_are_another_episode() -> None:
    """Who said it belongs to what was said; the name counts as well as the role."""
    said = [("user", "yes"), ("assistant", "yes"), {"role": "user", "content": "yes", "name": "Ana"}]
    assert len(set(_ids(*said))) == 3


def test_another_session_has_other_ids() -> None:
    """Two conversations that begin alike share no episode."""
    assert not set(_ids(("user", "Hi!"), ("assistant", "Hi!"))) & set(
        _ids(("user", "Hi!"), ("assistant", "Hi!"), session="s2")
    )


def test_the_messages_own_id_wins() -> None:
    """A message with an id of its own is known by it, wherever it stands and whatever became of its text."""
    first, second = _ids({"role": "user", "content": "Hi!", "id": "m1"}, {"role": "user", "content": "Hi!", "id": "m2"})
    assert first != second
    assert _ids(("user", "before"), LikeLangChain("edited", id="m1"))[1] == first
    assert _ids({"role": "user", "content": "Hi!", "id": "m1"}, session="s2") != [first]


def test_an_id_is_a_function_of_what_was_said() -> None:
    """The ids are the same in every process and in every version, or a conversation would be recorded twice."""
    assert _ids(("user", "Hi!"), {"role": "user", "content": "Hi!", "id": "m1"}) == [
        "message-cc5f79d6ab4013db830b434e32165a1c",
        "message-e6ed2c6c5b8f67ada3aec13119fecd0e",
    ]


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("hello", r"message 1 has no role; a message is \{'role': 'user', 'content': '\.\.\.'\}, .*, not str$"),
        ({"content": "x"}, r"message 1 has no role; .*, not dict$"),
        ({"role": None, "content": "x"}, r"message 1 has no role"),
        ({"role": "", "content": "x"}, r"message 1 has no role"),
        ({"role": 3, "content": "x"}, r"message 1 has no role"),
        ((None, "x"), r"message 1 has no role; .*, not tuple$"),
        (("user",), r"message 1 has no role; .*, not tuple$"),
        (("user", "x", "y"), r"message 1 has no role; .*, not tuple$"),
        (None, r"message 1 has no role; .*, not NoneType$"),
        (7, r"message 1 has no role; .*, not int$"),
        (object(), r"message 1 has no role; .* object with type and content, not object$"),
        (("user", 7), r"the content of message 1 is a str or a list of parts, not int$"),
        ({"role": "user", "content": b"x"}, r"the content of message 1 is a str or a list of parts, not bytes$"),
        ({"role": "user", "content": {"text": "x"}}, r"the content of message 1 is a str or a list .* not dict$"),
        (LikeLangChain(7), r"the content of message 1 is a str or a list of parts, not int$"),
        ({"role": "user", "content": "x", "name": 7}, r"name .*message 1|message 1.* name"),
        ({"role": "user", "content": "x", "id": 7}, r"id .*message 1|message 1.* id"),
        (LikeLangChain("x", id=7), r"id .*message 1|message 1.* id"),  # type: ignore[arg-type]
    ],
    ids=lambda each: None if type(each) is object else repr(each)[:50],
)
def test_another_shape_is_an_invalid_argument_with_its_place(message: Any, complaint: str) -> None:
    """What is no message raises InvalidArgument, which says where it stands and what a message is."""
    items = episodes_of([("user", "fine"), message], session="s1")
    assert next(items)["text"] == "fine"
    with pytest.raises(InvalidArgument, match=complaint):
        next(items)
