"""Known scores of familiarity on points laid by hand, and by a second way of computing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from am_agent.embedders import DeterministicEmbedder
from am_agent.embedders.protocol import Vectors
from benchmarks import novelty as module
from benchmarks.beir import Document, Haystack, Query
from benchmarks.novelty import SCORES, novelty
from benchmarks.systems import bm25, word_scores


class Laid:
    """An embedder of points laid by hand: angles in degrees on the unit circle, by text."""

    name = fingerprint = "laid by hand"
    dimension = 2

    def __init__(self, points: Mapping[str, Sequence[float]]) -> None:
        self._points = points

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        angles = [np.radians(self._points[text]) for text in texts]
        return [np.stack([np.cos(each), np.sin(each)], axis=1).astype(np.float32) for each in angles]

    queries = documents


def _haystack(texts: Sequence[str]) -> Haystack:
    return Haystack("set/stack", tuple(Document(str(number), text) for number, text in enumerate(texts)), ())


def _cosine(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


def test_the_scores_of_three_points() -> None:
    """The nearest, the mean of all, their log-sum-exp, and the density here against the density there."""
    laid = Laid({"ash": [0], "birch": [10], "cedar": [60], "cue": [20]})
    found = novelty(_haystack(["ash", "birch", "cedar"]), ["cue"], laid)
    assert list(found) == list(SCORES)
    to_cue = [_cosine(20), _cosine(10), _cosine(40)]
    assert found["max_cosine"].tolist() == pytest.approx([_cosine(10)])
    assert found["mean_top5"].tolist() == pytest.approx([np.mean(to_cue)])
    assert found["energy"].tolist() == pytest.approx([np.log(np.exp(40 * np.array(to_cue)).sum()) / 40])
    own = [(_cosine(10) + _cosine(60)) / 2, (_cosine(10) + _cosine(50)) / 2, (_cosine(60) + _cosine(50)) / 2]
    assert found["lof"].tolist() == pytest.approx([np.mean(to_cue) / np.mean(own)])


def test_the_best_window_of_a_text_is_its_cosine() -> None:
    """Of documents with documents, and of cues with documents."""
    laid = Laid({"ash": [0, 170], "birch": [30], "cedar": [90, 200, 65], "cue": [175, 60]})
    found = novelty(_haystack(["ash", "birch", "cedar"]), ["cue"], laid)
    to_cue = [_cosine(5), _cosine(30), _cosine(5)]
    own = [(_cosine(30) + _cosine(30)) / 2, (_cosine(30) + _cosine(35)) / 2, (_cosine(30) + _cosine(35)) / 2]
    assert found["max_cosine"].tolist() == pytest.approx([_cosine(5)])
    assert found["mean_top5"].tolist() == pytest.approx([np.mean(to_cue)])
    assert found["lof"].tolist() == pytest.approx([np.mean(to_cue) / np.mean(own)])


def test_a_document_alone_has_no_density_but_one() -> None:
    """The ratio is the cosine; and neighbours with nothing in common divide by next to nothing, not by zero."""
    laid = Laid({"ash": [0], "birch": [90], "cue": [20]})
    assert novelty(_haystack(["ash"]), ["cue"], laid)["lof"].tolist() == pytest.approx([_cosine(20)])
    apart = novelty(_haystack(["ash", "birch"]), ["cue"], laid)["lof"]
    assert np.isfinite(apart).all()
    assert apart[0] > 1


def test_no_cues_have_no_scores() -> None:
    """By the same names."""
    found = novelty(_haystack(["ash"]), [], Laid({"ash": [0]}))
    assert {name: each.tolist() for name, each in found.items()} == {name: [] for name in SCORES}


def test_blocks_change_nothing(toy: DeterministicEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of one window and of several, in blocks of three and all at once; ten and five of many are the nearest."""
    words = ["rain", "falls", "on", "the", "roof", "while", "dogs", "sleep", "near", "warm", "bread", "and", "tea"]
    texts = [" ".join(words[place % 7 : place % 7 + 2 + place % 5]) + f" {place}" for place in range(30)]
    texts[4] = " ".join(words * 9)
    cues = [texts[4] + " again", "a dog near the roof", "warm tea", "unheard of"]
    stack = _haystack(texts)
    whole = novelty(stack, cues, toy)
    monkeypatch.setattr(module, "_BLOCK", 3)
    for name, scores in novelty(stack, cues, toy).items():
        assert scores.tolist() == pytest.approx(whole[name].tolist(), abs=1e-6), name
    documents = toy.documents(texts)
    cosines = np.array([[(cue @ each.T).max() for each in documents] for cue in toy.queries(cues)])
    assert len(documents[4]) > 1
    ordered = -np.sort(-cosines, axis=1)
    assert whole["max_cosine"].tolist() == pytest.approx(ordered[:, 0].tolist(), abs=1e-6)
    assert whole["mean_top5"].tolist() == pytest.approx(ordered[:, :5].mean(axis=1).tolist(), abs=1e-6)
    own = np.array([[(one @ other.T).max() for other in documents] for one in documents])
    np.fill_diagonal(own, -np.inf)
    density = -np.sort(-own, axis=1)[:, :10].mean(axis=1)
    around = [density[np.argsort(-row)[:10]].mean() for row in cosines]
    assert whole["lof"].tolist() == pytest.approx((ordered[:, :10].mean(axis=1) / around).tolist(), abs=1e-5)


def test_words_are_those_of_the_baseline_of_recall() -> None:
    """The best BM25 that any document has; nothing in common is nothing."""
    texts = ["The dogs bark and the cats sleep", "A dog is barking", "Rain"]
    cues = ["barked dogs", "photon", "is the of"]
    points = {text: [number] for number, text in enumerate([*texts, *cues])}
    found = novelty(_haystack(texts), cues, Laid(points))["max_bm25"]
    scores = list(word_scores(_haystack(texts), cues))
    assert found.tolist() == [scores[0].max(), 0.0, 0.0]
    asked = Haystack("set/stack", _haystack(texts).documents, (Query("q", cues[0], None, {}),))
    assert bm25(asked) == [[str(place) for place in np.argsort(-scores[0]) if scores[0][place] > 0]]
    assert scores[0][1] > scores[0][0] > scores[0][2] == 0
