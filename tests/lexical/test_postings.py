"""BM25 against a naive reference over the living documents, and against bm25s; views against later changes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from threading import Thread

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.lexical.postings import K1, LEAD, B, Postings, PostingsView, Statistics

ALPHABET = "abcdefgh"
Document = list[str]
documents = st.lists(st.lists(st.sampled_from(ALPHABET), max_size=6), max_size=8)
queries = st.dictionaries(st.sampled_from(ALPHABET + "z"), st.floats(0.0, 3.0), max_size=5)
steps = st.lists(
    st.tuples(st.sampled_from(["append", "append", "compact"]), documents, st.integers(0, 2**16)), max_size=6
)


def _counts(document: Document) -> dict[str, float]:
    """What the occurrences of each term count: the less, the later."""
    counts: dict[str, float] = {}
    for place, term in enumerate(document):
        counts[term] = counts.get(term, 0.0) + LEAD / (LEAD + place)
    return counts


def _length(document: Document) -> float:
    return sum(_counts(document).values())


def _naive(collection: Sequence[Document], query: dict[str, float], alive: np.ndarray) -> list[float]:
    living = [document for document, lives in zip(collection, alive, strict=True) if lives]
    scores = []
    for document, lives in zip(collection, alive, strict=True):
        score = 0.0
        for term, weight in query.items():
            frequency = sum(term in each for each in living)
            idf = math.log(1 + (len(living) - frequency + 0.5) / (frequency + 0.5))
            count = _counts(document).get(term)
            if lives and count:
                mean = sum(map(_length, living)) / len(living)
                score += weight * idf * count / (count + K1 * (1 - B + B * _length(document) / mean))
        scores.append(score)
    return scores


def _mask(seed: int, size: int, share: float = 0.7) -> np.ndarray:
    return np.random.default_rng(seed).random(size) < share


def _grown(changes: list[tuple[str, list[Document], int]]) -> tuple[Postings, list[Document]]:
    postings, collection = Postings(), []
    for verb, new, seed in changes:
        if verb == "append":
            postings.append(new)
            collection += new
        else:
            kept = _mask(seed, len(collection))
            postings.compact(kept)
            collection = [document for document, keep in zip(collection, kept, strict=True) if keep]
    return postings, collection


def _same(view: PostingsView, collection: Sequence[Document], query: dict[str, float], alive: np.ndarray) -> None:
    assert view.size == len(collection)
    # Counts are float32.
    assert view.bm25(query, alive) == pytest.approx(np.array(_naive(collection, query, alive)), abs=1e-12, rel=1e-6)
    found = view.frequencies(list(query), alive).tolist()
    living = [document for document, lives in zip(collection, alive, strict=True) if lives]
    assert found == [sum(term in document for document in living) for term in query]
    assert view.lengths == pytest.approx(np.array([_length(document) for document in collection]), rel=1e-6)
    held = view.terms_of(range(len(collection)))
    assert held == [pytest.approx(_counts(document), rel=1e-6) for document in collection]
    assert set(view.vocabulary()) >= {term for document in collection for term in document}
    for term in ALPHABET:
        places, counts = view.postings(term)
        assert places.tolist() == [place for place, document in enumerate(collection) if term in document]
        assert counts.tolist() == [held[place][term] for place in places.tolist()]


@given(changes=steps, query=queries, seed=st.integers(0, 2**16))
def test_scores_are_those_of_the_living_alone(
    changes: list[tuple[str, list[Document], int]], query: dict[str, float], seed: int
) -> None:
    postings, collection = _grown(changes)
    _same(postings.view(), collection, query, np.ones(len(collection), dtype=bool))
    _same(postings.view(), collection, query, _mask(seed, len(collection)))
    _same(postings.view(), collection, query, np.zeros(len(collection), dtype=bool))


@given(first=steps, later=steps, query=queries, seed=st.integers(0, 2**16))
def test_a_view_stays_as_it_was(
    first: list[tuple[str, list[Document], int]],
    later: list[tuple[str, list[Document], int]],
    query: dict[str, float],
    seed: int,
) -> None:
    postings, collection = _grown(first)
    view, alive = postings.view(), _mask(seed, len(collection))
    for verb, new, number in later:
        if verb == "append":
            postings.append([*new, ["z", "a"]])
        else:
            postings.compact(_mask(number, postings.view().size))
    _same(view, collection, query, alive)


@given(collection=documents, seed=st.integers(0, 2**16))
def test_one_by_one_is_all_at_once(collection: list[Document], seed: int) -> None:
    """Also to the last bit of the scores."""
    single, bulk, alive = Postings(), Postings(), _mask(seed, len(collection))
    for document in collection:
        single.append([document])
    bulk.append(collection)
    query = dict.fromkeys(ALPHABET, 1.0)
    assert single.view().bm25(query, alive).tolist() == bulk.view().bm25(query, alive).tolist()
    assert single.view().terms_of(range(len(collection))) == bulk.view().terms_of(range(len(collection)))


@given(left=documents, right=documents, query=queries, seed=st.integers(0, 2**16))
def test_the_sum_of_two_views_is_the_view_of_both(
    left: list[Document], right: list[Document], query: dict[str, float], seed: int
) -> None:
    parts, both = [Postings(), Postings()], Postings()
    parts[0].append(left)
    parts[1].append(right)
    both.append(left + right)
    alive = _mask(seed, len(left) + len(right))
    masks = [alive[: len(left)], alive[len(left) :]]
    views = [each.view() for each in parts]
    summed = sum(
        (view.statistics(query, mask) for view, mask in zip(views, masks, strict=True)), Statistics.none(query)
    )
    assert summed == both.view().statistics(query, alive)
    scores = [view.bm25(query, mask, summed) for view, mask in zip(views, masks, strict=True)]
    assert np.concatenate(scores).tolist() == both.view().bm25(query, alive).tolist()


def test_views_are_true_while_a_thread_appends() -> None:
    """Every view that is taken and kept answers as on the day it was taken, without a lock."""
    rng = np.random.default_rng(0)
    collection = [rng.choice(list(ALPHABET), size=5).tolist() for _ in range(600)]
    query = {"a": 1.0, "b": 2.0, "z": 1.0}
    postings, views, failures = Postings(), [], []

    def append() -> None:
        for number, document in enumerate(collection):
            postings.append([document, [f"new{number}", "z"]])
            if number % 50 == 0:
                views.append(postings.view())

    def ask() -> None:
        while writer.is_alive():
            for view in list(views):
                scores = view.bm25(query, np.ones(view.size, dtype=bool))
                if not np.array_equal(scores, expected.setdefault(view.size, scores)):
                    failures.append(view.size)

    expected: dict[int, np.ndarray] = {}
    writer, reader = Thread(target=append), Thread(target=ask)
    writer.start()
    reader.start()
    writer.join()
    reader.join()
    assert failures == []
    assert len(views) == 12
    for view in views:
        alone = Postings()
        for number in range(view.size // 2):
            alone.append([collection[number], [f"new{number}", "z"]])
        alive = np.ones(view.size, dtype=bool)
        assert view.bm25(query, alive).tolist() == alone.view().bm25(query, alive).tolist()
        assert np.array_equal(expected.get(view.size, view.bm25(query, alive)), view.bm25(query, alive))


def test_scores_are_those_of_bm25s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lucene's variant there, in float32, where the opening of a text is no more than the rest."""
    monkeypatch.setattr("am_agent.lexical.postings.LEAD", 1e12)
    rng = np.random.default_rng(1)
    words = [f"w{number}" for number in range(60)]
    collection = [rng.choice(words, size=rng.integers(1, 20), p=_zipf(60)).tolist() for _ in range(300)]
    reference = bm25s.BM25(method="lucene", k1=K1, b=B)
    reference.index(collection, show_progress=False)
    postings = Postings()
    postings.append(collection)
    for _ in range(20):
        query = rng.choice(words, size=4, replace=False).tolist()
        theirs = reference.get_scores(query)
        ours = postings.view().bm25(dict.fromkeys(query, 1.0), np.ones(300, dtype=bool))
        assert ours == pytest.approx(theirs, rel=1e-5)


def _zipf(count: int) -> np.ndarray:
    weights = 1 / np.arange(1, count + 1)
    return weights / weights.sum()


def test_terms_of_the_forgotten_go_with_them() -> None:
    postings = Postings()
    postings.append([["secret", "dog"], ["dog", "cat"]])
    postings.compact(np.array([False, True]))
    assert "secret" not in vars(postings)["_terms"]
    assert postings.view().vocabulary() == ["dog", "cat"]
    assert postings.view().terms_of([0]) == [{"dog": 1.0, "cat": pytest.approx(LEAD / (LEAD + 1))}]
    assert postings.view().frequencies(["secret", "dog"], np.array([True])).tolist() == [0, 1]


def test_the_vocabulary_is_what_a_view_saw() -> None:
    """Terms of dead places included, those that came later not."""
    postings = Postings()
    assert postings.view().vocabulary() == []
    postings.append([["dog", "rex", "dog"], [], ["cat", "dog"]])
    view = postings.view()
    postings.append([["cow", "dog"]])
    assert view.vocabulary() == ["dog", "rex", "cat"]
    assert postings.view().vocabulary() == ["dog", "rex", "cat", "cow"]
    postings.compact(np.array([False, True, True, True]))
    assert postings.view().vocabulary() == ["dog", "cat", "cow"]
    assert view.vocabulary() == ["dog", "rex", "cat"]


def test_the_postings_of_a_term_are_what_a_view_saw() -> None:
    postings = Postings()
    postings.append([["dog", "rex"], ["cat"], ["cat", "dog", "dog"]])
    view = postings.view()
    postings.append([["dog", "cow"]])
    twice = LEAD / (LEAD + 1) + LEAD / (LEAD + 2)
    places, counts = view.postings("dog")
    assert places.tolist() == [0, 2]
    assert counts.tolist() == pytest.approx([1.0, twice])
    assert postings.view().postings("dog")[0].tolist() == [0, 2, 3]
    for unknown in ("cow", "horse"):
        assert [part.tolist() for part in view.postings(unknown)] == [[], []]
    postings.compact(np.array([False, True, True, True]))
    assert postings.view().postings("dog")[0].tolist() == [1, 2]
    assert postings.view().postings("rex")[0].tolist() == []


def test_an_opening_counts_more_than_the_rest() -> None:
    """Of two documents of the same terms, the one that begins with the term of the query is the better."""
    postings = Postings()
    postings.append([["dog", *"abcdefgh"], [*"abcdefgh", "dog"]])
    first, last = postings.view().bm25({"dog": 1.0}, np.ones(2, dtype=bool))
    assert first > last > 0


@given(collection=documents, order=st.randoms(use_true_random=False), query=queries, seed=st.integers(0, 2**16))
def test_the_dead_leave_nothing_behind(
    collection: list[Document], order: random.Random, query: dict[str, float], seed: int
) -> None:
    """Statistics are those of the living alone to the last bit, whatever the order; of none alive, they are none."""
    alive, postings, living = _mask(seed, len(collection)), Postings(), Postings()
    postings.append(collection)
    left = [document for document, lives in zip(collection, alive, strict=True) if lives]
    order.shuffle(left)
    living.append(left)
    statistics = postings.view().statistics(query, alive)
    assert statistics == living.view().statistics(query, np.ones(len(left), dtype=bool))
    none = np.zeros(len(collection), dtype=bool)
    assert postings.view().statistics(query, none) == Statistics.none(query)
    assert not postings.view().bm25(query, none).any()


def test_a_weight_scales_its_term() -> None:
    postings = Postings()
    postings.append([["dog"], ["cat", "cat"], []])
    view, alive = postings.view(), np.ones(3, dtype=bool)
    whole, half = view.bm25({"dog": 1.0, "cat": 1.0}, alive), view.bm25({"dog": 1.0, "cat": 0.5}, alive)
    assert half.tolist() == [whole[0], whole[1] / 2, 0.0]


def test_idf_is_lucenes() -> None:
    postings = Postings()
    postings.append([["dog"], ["cat"], ["dog"]])
    alive = np.array([True, True, False])
    assert postings.view().idf("dog", alive) == math.log(1 + 1.5 / 1.5)
    assert postings.view().idf("cow", alive) == math.log(1 + 2.5 / 0.5)


@pytest.mark.parametrize(
    "asked",
    [
        lambda view, mask: view.bm25({"dog": 1.0}, mask),
        lambda view, mask: view.frequencies(["dog"], mask),
        lambda view, mask: view.statistics(["dog"], mask),
        lambda view, mask: view.bm25({"dog": 1.0}, mask, Statistics(1, 1, {"dog": 1})),
    ],
)
def test_a_mask_of_another_size_is_an_error(asked: Callable[[PostingsView, np.ndarray], object]) -> None:
    postings = Postings()
    postings.append([["dog"], ["cat"]])
    with pytest.raises(ValueError, match=r"the mask must be bool \[2\], got bool \[3\]"):
        asked(postings.view(), np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match=r"got int64 \[2\]"):
        asked(postings.view(), np.ones(2, dtype=np.int64))


def test_what_does_not_fit_is_an_error() -> None:
    postings = Postings()
    postings.append([["dog"]])
    view = postings.view()
    with pytest.raises(ValueError, match="the mask must be"):
        postings.compact(np.ones(2, dtype=bool))
    with pytest.raises(ValueError, match=r"different terms: \['cat', 'dog'\]"):
        Statistics.none(["dog"]) + Statistics.none(["cat"])
    with pytest.raises(KeyError, match="dog"):
        view.bm25({"dog": 1.0}, np.ones(1, dtype=bool), Statistics(1, 1, {}))
    for place in (-1, 1):
        with pytest.raises(IndexError, match=f"place {place} of 1"):
            view.terms_of([place])


def test_an_empty_index_answers() -> None:
    view, alive = Postings().view(), np.empty(0, dtype=bool)
    assert view.bm25({"dog": 1.0}, alive).tolist() == []
    assert view.statistics(["dog"], alive) == Statistics.none(["dog"])
    assert view.terms_of([]) == []
