"""The benchmark of changed facts: what it asks, and what is stated of `prefer="latest"`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from am_agent import DeterministicEmbedder, SentenceTransformerEmbedder
from benchmarks.beir import read_sets
from benchmarks.changes import stories
from benchmarks.changing import Tally, judged, made_up


def test_the_stories_are_the_same_each_time_and_every_fact_changes() -> None:
    """Each fact has two statements of another wording or value, of which the last occurred later."""
    told = stories()
    assert told == stories()
    assert told != stories(seed=1)
    assert sum(len(story.changed) for story in told) == 500
    for story in told:
        said = {each.id: each for each in story.said}
        assert len(said) == len(story.said)
        for fact in story.changed:
            first, last = said[fact.first], said[fact.last]
            assert first.occurred_at < last.occurred_at
            assert first.text != last.text
            assert fact.first.split("-")[0] in fact.question
    orders = [[each.occurred_at for each in story.said] for story in told]
    assert [order == sorted(order) for order in orders] == [False, True, True, True, True]


def test_of_changed_facts_the_newest_is_preferred(minilm: SentenceTransformerEmbedder) -> None:
    """Of those of which both statements are recalled; and mostly it comes before everything else, too."""
    found = made_up(minilm)
    assert found["latest"]["share"] >= 0.95
    assert found["latest"]["both_recalled"] == found["weight"]["both_recalled"] >= 450
    assert found["latest"]["first_of_all"] > 0.8 > found["weight"]["first_of_all"]


def test_a_fact_counts_where_both_statements_are_recalled() -> None:
    """The better of several counts on each side, and one that is both says nothing."""
    tally = Tally()
    tally.add(["c", "b", "a"], ["a"], ["b"])
    tally.add(["a", "b", "c"], ["a", "c"], ["b"])
    tally.add(["a"], ["a"], ["b"])
    tally.add(["a", "b"], ["a"], ["a", "b"])
    assert tally.figures == {"facts": 4, "both_recalled": 2, "updated_above": 1, "share": 0.5}
    assert Tally().figures["share"] == 0


def test_a_set_is_judged_by_both_preferences(
    tmp_path: Path, write_haystack: Callable[..., Path], toy: DeterministicEmbedder
) -> None:
    """Its updates are found in the metadata of its queries; a document stands for a turn and the answer to it."""
    corpus = [
        {"_id": f"chat:1:{n}", "title": "", "text": text, "metadata": {"time": f"2024-01-0{1 + n}T09:00:00"}}
        for n, text in ((0, "My budget is 40 euros."), (2, "The cat sleeps."), (4, "By now the budget is 60 euros."))
    ]
    queries = [
        {
            "_id": "q",
            "text": "What is my budget?",
            "metadata": {"source_chat_ids": {"original_info": [1], "updated_info": [4]}},
        }
    ]
    write_haystack(tmp_path / "chats" / "one", corpus, queries, [("q", "chat:1:4", 1)])
    figures = judged(tmp_path, read_sets(tmp_path)["chats"], toy)
    assert figures["weight"] == {
        "facts": 1,
        "both_recalled": 1,
        "updated_above": 0,
        "share": 0,
        "queries": 1,
        "recall@5": 1,
        "recall@10": 1,
    }
    assert figures["latest"] == {**figures["weight"], "updated_above": 1, "share": 1}
