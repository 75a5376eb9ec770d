"""Recall before and after a pass, and with prototypes in memory: the same, and what is counted."""

from __future__ import annotations

from am_agent import DeterministicEmbedder
from benchmarks.beir import Document, Haystack, Query
from benchmarks.overlaid import before_and_after
from tests.overlays import told


def test_a_pass_changes_no_ranking(toy: DeterministicEmbedder) -> None:
    """Each query counts as much as any, whatever haystack it is asked of; one without queries is left out."""
    texts = told(6, 12)
    documents = tuple(Document(f"d{number}", text) for number, text in enumerate(texts))
    queries = (Query("q1", texts[3], None, {"d3": 1}), Query("q2", "nowhere", None, {"d4": 1, "d5": 1}))
    sets = [Haystack("s/1", documents, queries), Haystack("s/2", documents[:2], ())]
    found = before_and_after(sets, toy)
    both = {"recall@5": 0.5, "recall@10": 0.5, "patterns": 72, "bytes": 72 * (5 * toy.dimension + 8 + 8)}
    assert found["before"] == both
    assert {name: found["after"][name] for name in both} == both
    assert found["after"]["prototypes"] >= 6
    assert found["after"]["other_rankings"] == 0
    assert found["after"]["seconds_per_1000"] > 0
    few = found["resident_prototypes"]
    assert few["patterns"] < 20
    assert few["bytes"] < both["bytes"] / 3
    kept = {"recall@5": 0.5, "recall@10": 0.5, "kept@10": 1, "kept_cosine@10": 1, "read": 72}
    assert {name: few[name] for name in kept} == kept
    assert before_and_after([], toy)["after"]["recall@10"] == 0
