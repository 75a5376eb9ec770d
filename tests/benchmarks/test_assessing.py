"""What systems are worth on a set: scores of several haystacks pooled, each kind of cue where it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from am_agent import Embedder, Memory
from am_agent.embedders import DeterministicEmbedder
from benchmarks.assessing import MEASURES, assessed
from benchmarks.beir import Document, Haystack, Query
from benchmarks.confident import Judgement, Method
from benchmarks.cues import Cues
from benchmarks.novelty import SCORES

DOCUMENTS = (Document("0", "rain falls on the roof"), Document("1", "the dog has a bone"))
# What the memory says of each cue: familiarity, reliability, verdict, what it recalls.
SAID = {
    "known": Judgement(1.0, 0.9, "known", ("0", "1")),
    "likely": Judgement(0.8, 0.2, "known", ("1",)),
    "unsure": Judgement(0.4, 0.4, "ambiguous", ("0",)),
    "doubted": Judgement(0.4, 0.1, "ambiguous", ()),
    "new": Judgement(0.0, 0.0, "unknown", ("1",)),
    "own": Judgement(0.8, 0.5, "known", ("1",)),
}


def _asks(*texts: str, gold: str = "") -> tuple[Query, ...]:
    return tuple(Query(text, text, None, {gold: 1} if gold else {}) for text in texts)


class Oracle:
    """Says of each cue what SAID has, and writes down what it was opened with."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, object]] = []

    @contextmanager
    def open(self, haystack: Haystack, embedder: Embedder, prior: object) -> Iterator[Memory]:
        self.opened.append((haystack.name, prior))
        with Memory(embedder=embedder) as memory:
            yield memory

    def method(self, like: Method) -> Method:
        return replace(like, opened=self.open, asked=lambda _, query: SAID[query.text])


ONE = Cues(Haystack("set/one", DOCUMENTS, _asks("known", "unsure", gold="0")), _asks("new"), _asks("own"))
TWO = Cues(Haystack("set/two", DOCUMENTS, _asks("likely", gold="0")), _asks("doubted"))


def test_scores_are_pooled_over_the_haystacks(toy: DeterministicEmbedder, by_similarity: Method) -> None:
    """Present 1, 0.4 and 0.8, absent 0 and 0.4, its own 0.8; the gold of two was recalled, and of one not."""
    oracle, steps = Oracle(), list[tuple[str, str]]()
    found = assessed(
        [ONE, TWO], toy, oracle.method(by_similarity), "prior", lambda each, system: steps.append((each.name, system))
    )
    assert list(found) == ["am_agent", *SCORES]
    memory = found["am_agent"]
    assert list(memory)[: len(MEASURES)] == list(MEASURES)
    assert memory == pytest.approx(
        {
            "auroc": 5.5 / 6,
            "fpr95": 0.5,
            "ece": 0.2 / 6,  # at 0.8; at 0.4 a third of the present ones and half of the absent ones make up for it
            "reliability_auroc": 1.0,
            "auroc_own_unanswerable": 0.5,
            "known_present": 2 / 3,
            "ambiguous_present": 1 / 3,
            "unknown_present": 0.0,
            "known_absent": 0.0,
            "ambiguous_absent": 0.5,
            "unknown_absent": 0.5,
            "present": 3,
            "absent": 2,
            "own_unanswerable": 1,
        }
    )
    assert oracle.opened == [("set/one", "prior"), ("set/two", "prior")]
    assert steps == [(name, system) for name in ("set/one", "set/two") for system in ("baselines", "am_agent")]


def test_baselines_score_the_same_cues(toy: DeterministicEmbedder, by_similarity: Method) -> None:
    """By cosine and by words, whatever the memory says; hits are the memory's, and a score is no probability."""
    said = {"rain on the roof": SAID["known"], "a bone": SAID["likely"], "photons": SAID["new"], "dogs": SAID["own"]}
    method = replace(Oracle().method(by_similarity), asked=lambda _, query: said[query.text])
    stack = Haystack("set/one", DOCUMENTS, _asks("rain on the roof", "a bone", gold="0"))
    found = assessed([Cues(stack, _asks("photons"))], toy, method, None, lambda *_: None)
    for name in SCORES:
        assert list(found[name]) == list(MEASURES)
        assert (found[name]["auroc"], found[name]["fpr95"], found[name]["ece"]) == (1.0, 0.0, None), name
        assert found[name]["auroc_own_unanswerable"] is None
    assert found["max_cosine"]["reliability_auroc"] == 1.0  # four words in common, against two
    own = assessed([Cues(stack, _asks("photons"), _asks("dogs"))], toy, method, None, lambda *_: None)
    assert own["max_bm25"]["auroc_own_unanswerable"] == 0.75  # dogs and bones are as rare as each other


def test_labelled_cues_have_no_reliability(toy: DeterministicEmbedder, by_similarity: Method) -> None:
    """Nobody says what of the ten answers them; nor is there any where all were found."""
    method = Oracle().method(by_similarity)
    labelled = Cues(Haystack("set/one", DOCUMENTS, _asks("known", "likely")), _asks("new"))
    found = Cues(Haystack("set/one", DOCUMENTS, _asks("known", "unsure", gold="0")), _asks("new"))
    for each in (labelled, found):
        measured = assessed([each], toy, method, None, lambda *_: None)
        assert {row["reliability_auroc"] for row in measured.values()} == {None}
        assert measured["am_agent"]["auroc"] == 1.0
