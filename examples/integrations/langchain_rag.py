"""Retrieval-augmented generation in LangChain's expression language, over Python's own help.

The model is LangChain's fake one, so that this runs offline; it answers the same to every prompt. Put a real one in
its place, and the chain is yours.
"""

from __future__ import annotations

from pydoc_data.topics import topics

from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from am_agent import Memory
from am_agent_integrations.langchain import AmRetriever

TOPICS = ("assert", "break", "del", "global", "import", "pass", "while", "with")


def cited(documents: list[Document]) -> str:
    """The documents as context, and their names and weights for the reader."""
    for document in documents:
        print(f"{document.id}: weight {document.metadata['am_agent']['weight']:.2f}")
    return "\n\n".join(document.page_content for document in documents)


def main() -> None:
    """Remember the topics, and ask."""
    with Memory() as memory:
        memory.remember_many({"id": name, "text": topics[name]} for name in TOPICS)
        prompt = ChatPromptTemplate.from_template("Answer from this alone:\n\n{context}\n\nQuestion: {question}")
        chain = (
            {"context": AmRetriever(memory=memory, k=2) | RunnableLambda(cited), "question": RunnablePassthrough()}
            | prompt
            | GenericFakeChatModel(messages=iter(["With a break statement."]))
            | StrOutputParser()
        )
        print(chain.invoke("How do I leave a loop early?"))


if __name__ == "__main__":
    main()
