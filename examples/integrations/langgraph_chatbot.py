"""A chatbot as a LangGraph graph that remembers across restarts, with no key and no server.

Each message goes through one node, which first searches the store and then puts the message into it, so a message is
never its own answer. Run it twice on one file: what was said in the first process is known in the second.

    python examples/integrations/langgraph_chatbot.py --db chat.db "My sister Clara moved to Lisbon."
    python examples/integrations/langgraph_chatbot.py --db chat.db "Where does my sister live?"
"""

from __future__ import annotations

import argparse
import uuid
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from am_agent_integrations.langgraph import AmStore


class State(TypedDict, total=False):
    """One turn of the conversation."""

    user: str
    message: str
    answer: str


def scripted_model(memories: list[str], message: str) -> str:
    """Stands in for a language model: to a question it quotes the first memory, the rest it acknowledges."""
    if not message.endswith("?"):
        return "I'll keep that in mind."
    return f'You told me: "{memories[0]}"' if memories else "You have not told me yet."


def chat(state: State, runtime: Runtime[None]) -> State:
    """Recall, answer, and remember what the user told."""
    store, namespace = runtime.store, (state["user"], "told")
    assert store is not None  # the graph is compiled with one
    found = store.search(namespace, query=state["message"], limit=3)
    answer = scripted_model([item.value["text"] for item in found], state["message"])
    if not state["message"].endswith("?"):
        store.put(namespace, str(uuid.uuid4()), {"text": state["message"]})
    return {"answer": answer}


def graph(store: AmStore) -> Any:
    """The compiled graph."""
    builder = StateGraph(State)
    builder.add_node("chat", chat)
    builder.add_edge(START, "chat")
    builder.add_edge("chat", END)
    return builder.compile(store=store)


def main() -> None:
    """Say some messages, each in a turn of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("messages", nargs="*", default=["My sister Clara moved to Lisbon.", "Where is my sister?"])
    parser.add_argument("--db", help="the file; without it, the memory ends with the program")
    parser.add_argument("--user", default="ana")
    given = parser.parse_args()
    with AmStore(given.db) as store:
        bot = graph(store)
        for message in given.messages:
            print(f"{given.user}: {message}")
            print(f"bot: {bot.invoke({'user': given.user, 'message': message})['answer']}")


if __name__ == "__main__":
    main()
