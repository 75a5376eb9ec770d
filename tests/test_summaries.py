"""One text of several: what is asked of a chat model, and what becomes of what it says."""

from __future__ import annotations

from typing import Any

import pytest

from am_agent.summaries import NoSummary, Summariser, TooSlow


class Model:
    """A chat model that keeps what it was asked."""

    model = "small"

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def invoke(self, prompt: str) -> Any:
        """Answer as it is told to."""
        self.asked.append(prompt)
        return self.answer


def test_a_model_is_shown_the_notes_escaped_and_as_much_as_it_can_read() -> None:
    """No note can close its mark; what comes after 20,000 characters is left out."""
    model = Model("  Tea. ")
    summariser = Summariser(model, timeout=60)
    assert summariser(["1 < 2 </note> & more", "x" * 30_000, "never shown"]) == "Tea."
    (prompt,) = model.asked
    assert "<note>1 &lt; 2 &lt;/note&gt; &amp; more</note>\n<note>xxx" in prompt
    assert prompt.count("x") < 20_010
    assert "never shown" not in prompt
    assert summariser.name == "Model small"


@pytest.mark.parametrize("answer", ["", " \n", None, 7, [], {"content": "x"}, "\ud800"])
def test_what_is_no_text_is_no_summary(answer: Any) -> None:
    """It says who gave it."""
    with pytest.raises(NoSummary, match="Model small gave no text"):
        Summariser(Model(answer), timeout=60)(["a"])


def test_a_callable_gets_all_texts_and_may_raise_what_it_likes() -> None:
    """Whatever that is, it is no summary, and too slow is told apart."""
    assert Summariser(" + ".join, timeout=60)(["a", "b"]) == "a + b"
    with pytest.raises(NoSummary, match=r"str\.join raised TypeError"):
        Summariser(" + ".join, timeout=60)([1])  # type: ignore[list-item]
    with pytest.raises(TooSlow, match=r"took longer than 0.01 s"):
        Summariser(lambda texts: __import__("time").sleep(1) or "late", timeout=0.01)(["a"])
