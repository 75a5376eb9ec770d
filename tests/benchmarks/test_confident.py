"""The memory asked for its judgement: what reaches it, and what is read from its answer."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from am_agent.embedders import DeterministicEmbedder
from benchmarks.beir import Document, Haystack, Query
from benchmarks.confident import Judgement, asked, opened

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_cue_is_asked_at_its_time_and_the_answer_is_read() -> None:
    """Ten are wanted; the ids keep their order."""
    seen: list[object] = []

    class Recall(list[SimpleNamespace]):
        familiarity, reliability, verdict = 0.75, 0.5, "known"

    def recall(cue: str, k: int, now: datetime) -> Recall:
        seen.append((cue, k, now))
        return Recall([SimpleNamespace(id="b"), SimpleNamespace(id="a")])

    judgement = asked(SimpleNamespace(recall=recall), Query("q", "Who?", NOON, {}))
    assert judgement == Judgement(0.75, 0.5, "known", ("b", "a"))
    assert seen == [("Who?", 10, NOON)]


def test_a_memory_is_opened_with_the_documents_in_it(toy: DeterministicEmbedder) -> None:
    """With their ids; it is closed afterwards."""
    haystack = Haystack("set/one", (Document("d", "Rex barks."), Document("e", "Tom purrs.")), ())
    with opened(haystack, toy, None) as memory:
        assert [found.id for found in memory.recall("Rex barks", k=10)] == ["d", "e"]
    with pytest.raises(Exception, match="closed"):
        memory.count()
