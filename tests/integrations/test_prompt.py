"""What a model reads of a recall: the verdict where it is not known, and nothing that was stored outside the block."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent import Memory
from am_agent.episode import Episode, Recall, Recollection
from am_agent_integrations.prompt import prompt_of

SURE = Recall((Recollection(Episode("1", "Rex is a dog."), 0.9, 0.8),), -0.9, 2.5, 3, verdict="known", reason="it is")


@given(st.text(min_size=1), st.none() | st.integers(0, 200))
def test_what_is_known_is_the_block_alone(text: str, max_chars: int | None) -> None:
    """And what is not is the same block after one line, whatever was stored."""
    recall = replace(SURE, recollections=(Recollection(Episode("1", text), 0.9, 0.8),))
    block = recall.as_prompt(max_chars=max_chars)
    assert prompt_of(recall, max_chars=max_chars) == block
    line = "The memory's verdict is ambiguous: it is; what follows need not hold the answer.\n"
    unsure = replace(recall, verdict="ambiguous")
    assert prompt_of(unsure, max_chars=max_chars) == (line + block if block else "")


def test_where_nothing_is_found_nothing_is_said() -> None:
    """No sentence stands alone."""
    assert prompt_of(Recall((), float("inf"), 1.0, 0)) == ""


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (
            ["Ana is allergic to peanuts."],
            "The memory's verdict is unknown: there is one episode only, and nothing to compare it with; what follows "
            "is only what is nearest.",
        ),
        (
            ["Ana is allergic to peanuts.", "The report is due on Friday."],
            "<memory>",
        ),
    ],
)
def test_one_episode_is_not_said_to_be_no_answer(memory: Memory, texts: list[str], line: str) -> None:
    """The reason is the memory's own; with a second to compare with, the first is known."""
    memory.remember_many(texts)
    assert prompt_of(memory.recall("What is Ana allergic to?")).split("\n")[0] == line
