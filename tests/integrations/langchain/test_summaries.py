"""A chat model of LangChain makes the texts of themes."""

from langchain_core.language_models import FakeListChatModel

from am_agent import DeterministicEmbedder, Memory
from tests.overlays import told


def test_a_chat_model_makes_the_text_of_each_theme() -> None:
    """It is told apart from a callable by itself, and its name is kept with the text."""
    with Memory(embedder=DeterministicEmbedder()) as memory:
        memory.remember_many(told(6, 12))
        report = memory.consolidate(summarise=FakeListChatModel(responses=["They are about one thing."]))
        themes = memory.prototypes(tier="theme")
        assert report.summaries == len(themes) > 1
        assert {(each.text, each.author) for each in themes} == {("They are about one thing.", "FakeListChatModel")}
