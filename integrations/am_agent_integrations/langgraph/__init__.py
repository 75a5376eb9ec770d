"""A LangGraph store over a memory. Knows where its parts are."""

from am_agent_integrations.langgraph.store import AmStore

__all__ = ["AmStore"]
