"""Priors without the set that is scored: what they are fitted on, what each cue weighs, and how often it is asked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from am_agent import Embedder, Memory
from am_agent.embedders import DeterministicEmbedder
from benchmarks.beir import Document, Haystack, Query
from benchmarks.confident import Method, Sample
from benchmarks.priors import DEVELOPMENT, development, fitted, folds, main

Write = Callable[..., Path]

TREES = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "yew")


def _stack(name: str, *trees: str, gold: bool = True, unanswerable: str | None = None) -> Haystack:
    """A document for each tree, a query for each, and ten documents of no tree."""
    documents = tuple(Document(tree, f"{tree} leaves") for tree in trees)
    filler = tuple(Document(f"x{number}", f"stone {number}") for number in range(10))
    queries = tuple(Query(tree, f"{tree} tree", None, {tree: 1} if gold else {}) for tree in trees)
    none = () if unanswerable is None else (Query("none", unanswerable, None, {}),)
    return Haystack(
        name, documents + filler, queries if gold else (), labelled=() if gold else queries, unanswerable=none
    )


A, B, C = ([_stack(f"{name}/one", *TREES[place : place + 2])] for place, name in enumerate("abc"))


def _console() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, soft_wrap=True, highlight=False), file


def test_a_fold_is_as_if_the_set_were_not_there() -> None:
    """Its questions are foreign ones to nobody; where nothing is left to fit on there is no fold."""
    found = folds({"a": A, "b": B, "c": C}, ["b", "locomo"])
    asked = {
        out: {name: [query.text for each in one for query in each.absent] for name, one in fold.items()}
        for out, fold in found.items()
    }
    assert asked["b"] == {"a": ["cedar tree", "elm tree"], "c": ["ash tree", "birch tree"]}
    assert asked["locomo"]["a"] == ["cedar tree"]  # of b, whose first one is a's own
    assert list(asked["locomo"]) == ["a", "b", "c"]
    assert folds({"a": A, "b": B}, ["a", "b"]) == {}


def test_every_set_and_in_it_each_kind_weighs_the_same(toy: DeterministicEmbedder, by_similarity: Method) -> None:
    """What was judged, too, where there is gold; the fit is given the rows in one order."""
    samples: list[Sample] = []

    def fit(sample: Sample) -> str:
        samples.append(sample)
        return "a prior"

    labelled = [_stack("d/one", "oak", "pine", "yew", gold=False, unanswerable="moon river")]
    long = [_stack("e/one", "ash", "elm", "fir"), _stack("e/two", "larch")]
    by_fold = folds({"a": A, "d": labelled, "e": long}, [""])
    console, file = _console()
    assert fitted(by_fold, toy, replace(by_similarity, fit=fit), console) == {"": "a prior"}
    (sample,) = samples
    kinds = [True] * 2 + [False] * 2 + [True] * 3 + [False] + [True] * 4 + [False] * 2
    assert sample.present.tolist() == kinds
    assert sample.mass.tolist() == pytest.approx([1 / 12] * 4 + [1 / 18] * 3 + [1 / 6] + [1 / 24] * 4 + [1 / 12] * 2)
    assert sample.judged.tolist() == [True] * 2 + [False] * 6 + [True] * 4 + [False] * 2
    assert sample.judged_mass.tolist() == pytest.approx([0.25] * 2 + [0] * 6 + [0.125] * 4 + [0] * 2)
    assert np.isfinite(sample.place).tolist() == sample.judged.tolist()  # each shares a word with its answer
    assert (sample.mass.sum(), sample.judged_mass.sum()) == pytest.approx((1, 1))
    assert sample.features.shape == (14, 1)
    shared = np.array(kinds) & (sample.features[:, 0] > 0.4)
    assert shared.tolist() == kinds
    assert file.getvalue().splitlines() == [
        "a/one: 12 documents, 4 cues to fit priors on",
        "d/one: 13 documents, 4 cues to fit priors on",
        "e/one: 13 documents, 4 cues to fit priors on",
        "e/two: 11 documents, 2 cues to fit priors on",
    ]


def test_a_miss_is_no_hit(toy: DeterministicEmbedder, by_similarity: Method) -> None:
    """And no gold anywhere means that nothing was judged."""
    (stack,) = A
    wrong = tuple(replace(query, gold={"x": 1}) for query in stack.queries)
    sets = {"a": [replace(stack, queries=wrong)], "b": [_stack("b/one", "yew", gold=False)]}
    samples: list[Sample] = []
    method = replace(by_similarity, fit=samples.append)
    fitted(folds(sets, [""]), toy, method, _console()[0])
    fitted(folds({"b": sets["b"], "c": [_stack("c/one", "fir", gold=False)]}, [""]), toy, method, _console()[0])
    first, second = samples
    assert first.judged.tolist() == [True, True, False, False, False]
    assert first.place.tolist() == [np.inf] * 5
    assert (second.judged.any(), second.judged_mass.sum()) == (False, 0)


def test_what_several_folds_ask_is_asked_once(toy: DeterministicEmbedder, by_similarity: Method) -> None:
    """A memory for each haystack, and every cue of it once, under the shipped prior."""
    opened: list[tuple[str, object]] = []
    asked: list[tuple[Memory, str]] = []

    @contextmanager
    def opening(haystack: Haystack, embedder: Embedder, prior: object) -> Iterator[Memory]:
        opened.append((haystack.name, prior))
        with by_similarity.opened(haystack, embedder, None) as memory:
            yield memory

    def features(memory: Memory, query: Query) -> tuple[list[float], list[str]]:
        asked.append((memory, query.text))
        return [0.0], []

    sets = {"a": A, "b": B, "c": C}
    method = replace(by_similarity, opened=opening, features=features)
    priors = fitted(folds(sets, ["a", "b", "c", "locomo"]), toy, method, _console()[0])
    assert list(priors) == ["a", "b", "c", "locomo"]
    assert sorted(opened) == [("a/one", None), ("b/one", None), ("c/one", None)]
    assert len(asked) == len(set(asked))
    assert len({memory for memory, _ in asked}) == 3


def test_only_sets_that_may_be_shipped_are_fitted_on(write_haystack: Write, tmp_path: Path) -> None:
    """LoCoMo's licence forbids it, and of a set that is unknown nothing is known."""
    assert "locomo" not in DEVELOPMENT
    for name in ("locomo", "musique", "clinc150", "mine"):
        write_haystack(
            tmp_path / name / "one", [{"_id": "d", "text": "Rex barks."}], [{"_id": "q", "text": "Who?"}], []
        )
    assert list(development(tmp_path)) == ["clinc150", "musique"]
    (tmp_path / "empty").mkdir()
    assert development(tmp_path / "empty") == {}


def test_the_command_prints_the_prior_to_ship(
    write_haystack: Write, tmp_path: Path, by_similarity: Method, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fitted on all there are; without two of them it says so, with the exit code 2."""
    texts = {"musique": "Rex barks at the moon.", "scifact": "Helium conducts heat."}
    for name, text in texts.items():
        assert main([str(tmp_path)], by_similarity) == 2
        assert capsys.readouterr().err == (
            f"benchmarks.priors: there are no cues to fit on in {tmp_path}; {', '.join(DEVELOPMENT)} have some\n"
        )
        corpus, query = [{"_id": "d", "text": text}], {"_id": "q", "text": text}
        write_haystack(tmp_path / name / "one", corpus, [query], [("q", "d", 1)])
    assert main([str(tmp_path), "--cache", str(tmp_path / "cache")], by_similarity) == 0
    shown = capsys.readouterr()
    slope, offset = (float(each) for each in shown.out.strip("()\n").split(", "))
    assert slope == 10.0
    assert -6.0 < offset < -4.5  # present ones have a similarity of 1, and absent ones next to none
    assert shown.err.splitlines() == [
        "musique/one: 1 documents, 2 cues to fit priors on",
        "scifact/one: 1 documents, 2 cues to fit priors on",
    ]
    assert main([str(tmp_path / "absent")], by_similarity) == 2
    assert capsys.readouterr().err == f"benchmarks.priors: there is no folder {tmp_path / 'absent'}\n"
