"""The middleware in LangChain's agent keeps the contract of adapters that recall before a turn and save after it."""

from __future__ import annotations

import pytest

from am_agent import Memory
from am_agent.testing import RecallSaveContract
from am_agent.testing.recall_save import AsyncTurn, Turn

from .agents import agent, listener, said


class TestMiddleware(RecallSaveContract):
    """One turn is one run of an agent that is made for it."""

    @pytest.fixture
    def turn(self) -> Turn:
        def run(memory: Memory, user: str, session: str, text: str, *, on_error: str = "raise") -> str:
            model = listener()
            agent(model, memory, namespace=(user,), on_error=on_error).invoke(*said(text, session))
            return model.seen

        return run

    @pytest.fixture
    def aturn(self) -> AsyncTurn:
        async def run(memory: Memory, user: str, session: str, text: str, *, on_error: str = "raise") -> str:
            model = listener()
            await agent(model, memory, namespace=(user,), on_error=on_error).ainvoke(*said(text, session))
            return model.seen

        return run
