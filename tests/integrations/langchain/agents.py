"""Agents for tests: LangChain's own loop, and its fake model that notes what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import Field

from am_agent import Memory
from am_agent_integrations.langchain import AmMemoryMiddleware


class Listener(GenericFakeChatModel):
    """The fake model, which notes the prompts, and takes tools without using them of its own accord."""

    prompts: list[list[BaseMessage]] = Field(default_factory=list)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.prompts.append(messages)
        return super()._generate(messages, *args, **kwargs)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Listener:
        return self

    @property
    def seen(self) -> str:
        """All text of the last prompt."""
        return "\n".join(message.text for message in self.prompts[-1])


def listener(*answers: str | AIMessage) -> Listener:
    """A model that gives these answers, one after the other; "Noted." when none is left."""

    def said() -> Iterator[str | AIMessage]:
        yield from answers
        while True:
            yield "Noted."

    return Listener(messages=said())


def agent(model: Listener, memory: Memory, *, tools: Sequence[Any] = (), **arguments: Any) -> Any:
    """LangChain's agent with the middleware, in the namespace `("ana",)` where none is given."""
    middleware = AmMemoryMiddleware(memory, **{"namespace": ("ana",), **arguments})
    return create_agent(model, tools=list(tools), middleware=[middleware], system_prompt="You are a helpful friend.")


def said(text: str, session: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The input and the config of a turn."""
    config = {} if session is None else {"configurable": {"thread_id": session}}
    return {"messages": [{"role": "user", "content": text}]}, config
