"""The systems on sentences of the tests' own: orders known beforehand, and the memory beside the plain cosine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from am_agent.embedders import DeterministicEmbedder, SentenceTransformerEmbedder
from am_agent.embedders.protocol import Vectors
from am_agent.errors import InvalidArgument
from benchmarks.beir import Document, Haystack, Query
from benchmarks.perturbing import PROMPT
from benchmarks.systems import DEPTH, ablations, am_agent, asked, bm25, cosine, filled, fuse, rrf
from benchmarks.truncating import TruncatingEncoder


def _haystack(texts: Sequence[str], queries: Sequence[str]) -> Haystack:
    documents = tuple(Document(str(number), text) for number, text in enumerate(texts))
    return Haystack("set/stack", documents, tuple(Query(text, text, None, {"0": 1}) for text in queries))


def test_cosine_ranks_by_the_dot_product_and_ties_by_the_corpus(toy: DeterministicEmbedder) -> None:
    """Equal texts keep their order, and no more than DEPTH are ranked."""
    (ranking,) = cosine(_haystack(["cat", "dog bone", "dog", "dog"], ["dog"]), toy)
    assert ranking[:3] == ["2", "3", "1"]
    (long,) = cosine(_haystack(["dog"] * 300, ["dog"]), toy)
    assert long == [str(number) for number in range(DEPTH)]


def test_bm25_stems_and_knows_no_stop_words() -> None:
    """Rarer words count more, a shorter text more, and what shares no word has no place."""
    texts = ["The dogs bark and the cats sleep", "A dog is barking", "The cat of the house", "Rain"]
    barking, cats, stop, unknown = bm25(_haystack(texts, ["barked dogs", "a cat", "is the of", "photon"]))
    assert barking == ["1", "0"]
    assert cats == ["2", "0"]
    assert (stop, unknown) == ([], [])


def test_bm25_breaks_ties_by_the_corpus() -> None:
    """Equal texts keep their order."""
    assert bm25(_haystack(["rain", "dog", "dog", "rain"], ["dog"])) == [["1", "2"]]


def test_fusion_is_the_sum_of_reciprocal_places() -> None:
    """Two second places are worth more than one first, and a tie goes to the earlier ranking."""
    assert fuse([["a", "b"], ["c", "b"]]) == ["b", "a", "c"]
    assert fuse([["a"], []]) == ["a"]
    assert rrf([["a", "b"], []], [["b"], ["x"]]) == [["b", "a"], ["x"]]


def test_by_the_cosine_alone_the_memory_ranks_short_texts_as_cosine_does(minilm: SentenceTransformerEmbedder) -> None:
    """Ten of twelve, in the same order, whatever their actors and times."""
    texts = [f"{name} likes {what}." for name in ("Ana", "Ben", "Eva") for what in ("tea", "rain", "chess", "bread")]
    plain = _haystack(texts, ["Who drinks tea?", "board games"])
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    documents = tuple(Document(each.id, each.text, "Ana", noon, "1") for each in plain.documents)
    asked = tuple(Query(each.id, each.text, noon, each.gold) for each in plain.queries)
    expected = [ranking[:10] for ranking in cosine(plain, minilm)]
    assert am_agent(Haystack("set/stack", documents, asked), minilm, ("cosine",)) == expected


def test_the_truncating_encoder_stops_at_its_window(minilm: SentenceTransformerEmbedder) -> None:
    """A short text has the memory's vector, and a long one that of its first 254 words alone."""
    encoder = TruncatingEncoder()
    short, long, first = encoder.documents(["Rex barks.", "dog " * 254 + "cat", "dog " * 254])
    np.testing.assert_allclose(short, minilm.documents(["Rex barks."])[0], atol=1e-5)
    np.testing.assert_allclose(long, first, atol=1e-5)
    np.testing.assert_allclose(encoder.queries(["Rex barks."])[0], short, atol=1e-5)
    assert encoder.fingerprint == "truncating:" + minilm.fingerprint.removeprefix("windows-1:")
    assert {each.shape for each in (short, long, first)} == {(1, encoder.dimension)}


def test_a_prompt_fills_the_window_of_the_baselines_encoder(minilm: SentenceTransformerEmbedder) -> None:
    """Behind it all queries have one vector there; the memory's embedder reads on."""
    texts = [f"{PROMPT}\n{question}" for question in ("Who barks?", "How well does frozen helium conduct heat?")]
    first, second = TruncatingEncoder().queries(texts)
    np.testing.assert_allclose(first, second, atol=1e-5)
    one, other = minilm.queries(texts)
    assert np.abs(one[-1] - other[-1]).max() > 0.01


def test_each_system_may_be_asked_for_more_than_there_is(toy: DeterministicEmbedder) -> None:
    """A haystack of one document has rankings of one."""
    one = _haystack(["dog"], ["dog"])
    assert [cosine(one, toy), bm25(one), am_agent(one, toy)] == [[["0"]]] * 3


def test_the_memory_is_asked_at_the_time_of_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document reaches the memory with its features, and every query with its time."""
    seen: list[object] = []

    class Spy:
        def __init__(self, embedder: object, resident: str) -> None:
            seen.append(embedder)
            assert resident == "patterns"

        def __enter__(self) -> Spy:
            return self

        def __exit__(self, *_: object) -> None: ...

        def remember_many(self, items: Sequence[object]) -> None:
            seen.extend(items)

        def recall(self, cue: str, k: int, now: datetime, fields: Sequence[str] | None) -> list[Vectors]:
            seen.append((cue, k, now, fields))
            return []

    monkeypatch.setattr("benchmarks.systems.Memory", Spy)
    noon, later = datetime(2024, 5, 1, 12, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC)
    haystack = Haystack(
        "set/stack", (Document("d", "Ana: Hi.", "Ana", noon, "1"),), (Query("q", "Who?", later, {"d": 1}),)
    )
    embedder = DeterministicEmbedder()
    assert am_agent(haystack, embedder) == [[]]
    facts = {"text": "Ana: Hi.", "id": "d", "actor": "Ana", "occurred_at": noon, "session": "1"}
    assert seen == [embedder, facts, ("Who?", 10, later, None)]
    assert am_agent(haystack, embedder, ("words", "time")) == [[]]
    assert seen[-1] == ("Who?", 10, later, ("words", "time"))


def test_a_filled_memory_is_asked_as_often_as_one_likes(toy: DeterministicEmbedder) -> None:
    """Asking changes nothing, and the fields reach the memory, which knows which there are."""
    haystack = _haystack(["cat", "dog bone", "dog"], ["dog"])
    with filled(haystack, toy) as memory:
        assert asked(memory, haystack) == asked(memory, haystack, ("cosine",)) == [["2", "1", "0"]]
        with pytest.raises(InvalidArgument, match="fields is a tuple of"):
            asked(memory, haystack, ("smell",))
    assert am_agent(haystack, toy) == [["2", "1", "0"]]


def test_each_field_is_switched_off_once() -> None:
    """The others stay, in their order; a single field has no others."""
    assert ablations(("content", "words", "time")) == {
        "am_agent without content": ("words", "time"),
        "am_agent without words": ("content", "time"),
        "am_agent without time": ("content", "words"),
    }
    assert ablations(("cosine",)) == {}
