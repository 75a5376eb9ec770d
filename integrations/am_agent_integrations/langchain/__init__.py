"""am_agent in LangChain: a retriever, a vector store, a middleware, tools. Knows where they are, nothing else."""

from am_agent_integrations.langchain.middleware import AmMemoryMiddleware
from am_agent_integrations.langchain.retriever import AmRetriever
from am_agent_integrations.langchain.tools import memory_tools
from am_agent_integrations.langchain.vector_store import AmVectorStore

__all__ = ["AmMemoryMiddleware", "AmRetriever", "AmVectorStore", "memory_tools"]
