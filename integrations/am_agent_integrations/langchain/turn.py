"""The current turn of an agent's messages: what asks, what is told already, what is new. Knows no memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from am_agent.transcript import counted, episode_of
from am_agent_integrations.extra import needed

with needed("langchain"):
    from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """The current turn, which begins with the last messages of the user that stand together.

    Attributes:
        cue: What the user says in it; empty if that is no text.
        said: The ids that the messages of the whole conversation have in a memory.
        new: What is to be remembered of this turn, as items of `remember_many`.
    """

    cue: str
    said: frozenset[str]
    new: tuple[Item, ...]

    @staticmethod
    def of(messages: Sequence[AnyMessage], *, session: str) -> Turn:
        """Find the current turn.

        Only what the user said and what was answered counts: no system message, no call of a tool and its result, no
        summary that stands for older messages. Ids are those of `Memory.remember_messages` for messages without ids
        of their own: LangGraph gives a message a new random id each time it is passed in.
        """
        nth, begin = counted(), _begin(messages)
        cue: list[str] = []
        said: list[str] = []
        new: list[Item] = []
        for place, message in enumerate(messages):
            role = _role(message)
            if role is None:
                continue
            given = {"role": role, "content": message.content, "name": message.name}
            item = episode_of(given, session=session, nth=nth, label=f"message {place}")
            if item is None:
                continue
            said.append(item["id"])
            if place >= begin:
                new.append(item)
                if role == "user":
                    cue.append(item["text"])
        return Turn("\n".join(cue), frozenset(said), tuple(new))


def _begin(messages: Sequence[AnyMessage]) -> int:
    """Where the last run of the user's messages begins; the end if there is none."""
    begin = len(messages)
    for place in range(len(messages) - 1, -1, -1):
        if _role(messages[place]) == "user":
            begin = place
        elif begin < len(messages):
            break
    return begin


def _role(message: AnyMessage) -> str | None:
    if isinstance(message, HumanMessage):
        # Written by LangChain's SummarizationMiddleware in the place of older messages, not by the user.
        return None if message.additional_kwargs.get("lc_source") == "summarization" else "user"
    if isinstance(message, AIMessage) and not message.tool_calls:
        return "assistant"
    return None
