"""What recall is asked: every feature alone and together, and every error with its words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from am_agent import Cue, DeterministicEmbedder, Memory, errors
from am_agent.asked import COSINE, Asked, checked_fields
from am_agent.hopfield.fusion import FIELDS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEATURES: dict[str, Any] = {
    "text": "the dog",
    "actor": "Ana",
    "time": (NOON, NOON + timedelta(days=1)),
    "near": "here",
    "vector": np.ones(16),
}


def test_a_text_a_vector_and_a_cue_of_either_ask_the_same() -> None:
    """Each way of saying it."""
    assert (
        Asked.checked("the dog", None, FIELDS) == Asked(text="the dog") == Asked.checked(Cue("the dog"), None, FIELDS)
    )
    for asked in (Asked.checked(None, [3.0, 4.0], FIELDS), Asked.checked(Cue(vector=[3.0, 4.0]), None, FIELDS)):
        assert asked.vectors is not None
        assert asked.vectors.tolist() == [[np.float32(0.6), np.float32(0.8)]]
        assert asked.text is None


def test_a_time_is_a_period_in_utc() -> None:
    """A moment begins where it ends; a pair in any zone is the same in UTC."""
    (moment,) = Asked.checked(Cue(time=NOON), None, FIELDS).periods
    assert (moment.start, moment.end, moment.relative) == (NOON, NOON, True)
    east = timezone(timedelta(hours=5))
    (day,) = Asked.checked(Cue(time=(NOON.astimezone(east), NOON + timedelta(days=1))), None, FIELDS).periods
    assert (day.start, day.end) == (NOON, NOON + timedelta(days=1))
    assert day.start.tzinfo is UTC


@pytest.mark.parametrize("size", range(1, 6))
def test_any_features_make_a_cue(size: int) -> None:
    """Every subset is asked and answered, and only the fields it has give to a score."""
    fields = {"text": {"content", "words"}, "vector": {"content"}, "actor": {"actor"}, "time": {"time"}}
    with Memory(embedder=DeterministicEmbedder(dimension=16)) as memory:
        memory.remember("a cat", actor="Ana", occurred_at=NOON, id="cat", session="s")
        memory.remember("the dog barks", actor="Ben", occurred_at=NOON - timedelta(days=30), id="here", session="s")
        memory.remember("a bird", occurred_at=NOON - timedelta(days=60), id="bird", session="s")
        for names in combinations(FEATURES, size):
            recall = memory.recall(Cue(**{name: FEATURES[name] for name in names}), now=NOON)
            assert len(recall) == 3
            assert sum(each.weight for each in recall) == pytest.approx(1, abs=1e-12)
            gave = {field for each in recall for field in each.shares}
            expected = set().union(*(fields.get(name, set()) for name in names))
            assert gave - {"links"} == expected
            assert ("links" in gave) or "near" not in names


@pytest.mark.parametrize(
    ("cue", "vector", "fields", "kind", "message"),
    [
        (None, None, None, errors.InvalidArgument, "give either a cue or its vector"),
        (
            "dog",
            [1.0],
            None,
            errors.InvalidArgument,
            r"give either a cue or its vector, not both: a Cue can have them",
        ),
        (
            Cue("dog"),
            [1.0],
            None,
            errors.InvalidArgument,
            r"give the vector inside of the Cue: Cue\(text=..., vector=...\)",
        ),
        (Cue(), None, None, errors.InvalidArgument, "a Cue needs at least one of text, actor, time, near and vector"),
        (
            Cue(actor="Ana"),
            None,
            ("cosine",),
            errors.InvalidArgument,
            "the field 'cosine' compares by a text or a vector, and this cue has neither",
        ),
        (Cue(" "), None, None, errors.InvalidText, "cue is blank; there is nothing in it"),
        ("", None, None, errors.InvalidText, "cue is empty; there is nothing in it"),
        (7, None, None, errors.InvalidText, "cue is a str, not int"),
        (Cue(text=7), None, None, errors.InvalidText, "cue is a str, not int"),  # type: ignore[arg-type]
        ("a\x00b", None, None, errors.InvalidText, r"cue holds a control character, U\+0000, at position 1 of 3"),
        (Cue(actor="a\nb"), None, None, errors.InvalidText, "actor 'a.nb' holds a tab or a line break"),
        (Cue(actor=""), None, None, errors.InvalidText, "actor is empty"),
        (Cue(near="a\tb"), None, None, errors.InvalidText, "near 'a.tb' holds a tab or a line break"),
        (Cue(near=7), None, None, errors.InvalidText, "near is a str, not int"),  # type: ignore[arg-type]
        (Cue(vector=[0.0, 0.0]), None, None, errors.InvalidVector, "the vector is all zero"),
        (None, [float("nan"), 1.0], None, errors.InvalidVector, "NaN or infinity in 1 of 2 places"),
        (None, "words", None, errors.InvalidVector, "a vector is a sequence of numbers"),
        (Cue(time="May"), None, None, errors.InvalidTime, "time is a datetime, not str"),  # type: ignore[arg-type]
        (Cue(time=NOON.replace(tzinfo=None)), None, None, errors.InvalidTime, "has no time zone"),
        (
            Cue(time=(NOON, NOON, NOON)),  # type: ignore[arg-type]
            None,
            None,
            errors.InvalidTime,
            "the time of a cue is a moment, or a pair of the beginning and the end, not 3 times",
        ),
        (
            Cue(time=(NOON, None)),  # type: ignore[arg-type]
            None,
            None,
            errors.InvalidTime,
            "the time of a cue is a moment, or a pair of the beginning and the end; one of them is None",
        ),
        (
            Cue(time=(NOON, NOON - timedelta(1))),
            None,
            None,
            errors.InvalidTime,
            r"the time of a cue ends at 2026-02-28 12:00:00\+00:00, before it begins at 2026-03-01 12:00:00\+00:00",
        ),
    ],
)
def test_what_cannot_be_asked_is_named(cue: Any, vector: Any, fields: Any, kind: type[Exception], message: str) -> None:
    """The error says what is wrong, and so does the facade, which raises it before it looks at anything."""
    with pytest.raises(kind, match=message):
        Asked.checked(cue, vector, fields or FIELDS)
    with Memory(embedder=DeterministicEmbedder()) as memory, pytest.raises(kind, match=message):
        memory.recall(cue, vector=vector, fields=fields)


def test_fields_are_checked() -> None:
    """All where none are given, each once, and the cosine alone."""
    assert checked_fields(None) == FIELDS == ("content", "words", "actor", "time", "links")
    assert checked_fields(["words", "content", "words"]) == ("words", "content")
    assert checked_fields(("cosine",)) == checked_fields(["cosine", "cosine"][:1]) == COSINE


@pytest.mark.parametrize("fields", ["content", (), [], ("sense",), ("content", "sense"), ("words", None)])
def test_fields_that_there_are_not(fields: Any) -> None:
    """The message names those that there are, and what was given."""
    with pytest.raises(errors.InvalidArgument) as caught:
        checked_fields(fields)
    assert str(caught.value) == (
        "fields is a tuple of 'content', 'words', 'actor', 'time', 'links', or ('cosine',), not " + repr(fields)
    )


def test_the_cosine_stands_alone() -> None:
    """It is a readout of its own, not a field beside others."""
    with pytest.raises(errors.InvalidArgument, match=r"the field 'cosine' stands alone.*name 'content'"):
        checked_fields(("cosine", "words"))


def test_near_to_anything_in_an_empty_memory() -> None:
    """Nothing is there, as anywhere else."""
    with Memory(embedder=DeterministicEmbedder()) as memory, pytest.raises(errors.UnknownEpisode, match="'nobody'"):
        memory.recall(Cue("cat", near="nobody"))


@pytest.mark.parametrize("near", ["nobody", "elsewhere", "gone"])
def test_near_to_what_is_not_there(near: str) -> None:
    """An unknown id, one of another namespace, and one that was forgotten are the same error."""
    with Memory(embedder=DeterministicEmbedder()) as memory:
        memory.remember("a cat", id="cat")
        memory.remember("a cat", id="gone")
        memory.remember("a cat", id="elsewhere", namespace=("other",))
        memory.forget(ids="gone")
        with pytest.raises(errors.UnknownEpisode) as caught:
            memory.recall(Cue("cat", near=near))
    assert str(caught.value) == f"there is no episode {near!r} in the namespace () for a cue to be near to"
