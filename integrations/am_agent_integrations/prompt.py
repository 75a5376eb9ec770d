"""A recall as a model reads it: the block of its entries, and the verdict before it. Knows words, no framework."""

from __future__ import annotations

from am_agent.episode import Recall

_FOLLOWS = {"unknown": "what follows is only what is nearest", "ambiguous": "what follows need not hold the answer"}


def prompt_of(recall: Recall, *, max_chars: int | None = None) -> str:
    """Write a recall so that no model takes a weak match for an answer.

    Where the verdict is not `known`, one sentence with the verdict and its reason comes before the block; no word of it
    is of anything that was stored.

    Args:
        recall: What to write.
        max_chars: The most characters that the block may have, as `Recall.as_prompt` takes it; the sentence is extra.

    Returns:
        Both, or the empty string where there is no entry.

    Example:
        >>> from am_agent.episode import Episode, Recollection
        >>> dog = Recollection(Episode("1", "Rex is a dog."), 0.9, 0.8)
        >>> print(prompt_of(Recall((dog,), -0.9, 2.5, 3, reason="nothing here seems to answer this")))
        The memory's verdict is unknown: nothing here seems to answer this; what follows is only what is nearest.
        <memory>
        <entry id="1">Rex is a dog.</entry>
        </memory>
    """
    block = recall.as_prompt(max_chars=max_chars)
    if not block or recall.verdict == "known":
        return block
    return f"The memory's verdict is {recall.verdict}: {recall.reason}; {_FOLLOWS[recall.verdict]}.\n{block}"
