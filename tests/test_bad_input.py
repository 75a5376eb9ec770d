"""Bad input to every verb: a named error that says what happened and the cure, and a memory that is as it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from am_agent import DeterministicEmbedder, Memory, errors

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  the point of it
DEEP: dict[str, Any] = {}
DEEP["self"] = DEEP


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, toy: DeterministicEmbedder) -> Iterator[Memory]:
    with Memory(tmp_path_factory.mktemp("bad") / "memory.db", embedder=toy) as memory:
        memory.remember("Ana's dog is called Rex.", id="dog", metadata={"n": 1})
        memory.remember("Ben likes tea.", id="tea", namespace=("ben",))
        yield memory


CASES: list[tuple[str, Callable[[Memory], object], type[errors.AmError], str]] = [
    ("empty text", lambda m: m.remember(""), errors.InvalidText, r"text is empty"),
    ("blank text", lambda m: m.remember(" \n\t"), errors.InvalidText, r"text is blank"),
    ("no text", lambda m: m.remember(None), errors.InvalidText, r"text is a str, not NoneType"),  # type: ignore[arg-type]
    ("surrogate", lambda m: m.remember("a\ud800b"), errors.InvalidText, r"lone surrogate, U\+D800, at position 1 of 3"),
    ("NUL", lambda m: m.remember("a\x00"), errors.InvalidText, r"control character, U\+0000.*remove"),
    ("escape", lambda m: m.remember("\x1b[31mred"), errors.InvalidText, r"U\+001B, at position 0"),
    ("C1 control", lambda m: m.update("dog", text="a\x85"), errors.InvalidText, r"U\+0085"),
    ("blank cue", lambda m: m.recall("  "), errors.InvalidText, r"cue is blank"),
    ("NUL in cue", lambda m: m.recall("a\x00"), errors.InvalidText, r"cue holds a control character"),
    ("no cue", lambda m: m.recall(), errors.InvalidArgument, r"either a cue or its vector"),
    ("two cues", lambda m: m.recall("a", vector=[1.0]), errors.InvalidArgument, r"not both"),
    ("blank id", lambda m: m.remember("a", id=" "), errors.InvalidText, r"id is blank"),
    ("id of two lines", lambda m: m.remember("a", id="x\ny"), errors.InvalidText, r"one line"),
    ("actor", lambda m: m.remember("a", actor=""), errors.InvalidText, r"actor is empty"),
    ("session", lambda m: m.remember("a", session="\x07"), errors.InvalidText, r"session holds"),
    ("number as id", lambda m: m.get([7]), errors.InvalidText, r"id is a str, not int"),  # type: ignore[list-item]
    ("wrong dimension", lambda m: m.remember("a", vector=[1, 2]), errors.DimensionMismatch, r"has 2 dimensions.*64"),
    ("cue's dimension", lambda m: m.recall(vector=[1, 2]), errors.DimensionMismatch, r"2 dimensions.*64"),
    ("NaN", lambda m: m.remember("a", vector=[math.nan] * 64), errors.InvalidVector, r"NaN or infinity in 64 of 64"),
    ("infinity", lambda m: m.recall(vector=[math.inf, *[0] * 63]), errors.InvalidVector, r"in 1 of 64 places"),
    ("zero", lambda m: m.remember("a", vector=[0.0] * 64), errors.InvalidVector, r"all zero"),
    ("no numbers", lambda m: m.remember("a", vector=["x"] * 64), errors.InvalidVector, r"sequence of numbers"),
    ("no vector", lambda m: m.remember("a", vector=[]), errors.InvalidVector, r"shape"),
    ("naive", lambda m: m.remember("a", occurred_at=NAIVE), errors.InvalidTime, r"no time zone.*replace\(tzinfo=UTC\)"),
    ("naive as_of", lambda m: m.recall("a", as_of=NAIVE), errors.InvalidTime, r"as_of .* has no time zone"),
    ("naive now", lambda m: m.recall("a", now=NAIVE), errors.InvalidTime, r"now .* has no time zone"),
    ("naive get", lambda m: m.get("dog", as_of=NAIVE), errors.InvalidTime, r"no time zone"),
    ("naive list", lambda m: m.list(as_of=NAIVE), errors.InvalidTime, r"no time zone"),
    ("naive forget", lambda m: m.forget(older_than=NAIVE), errors.InvalidTime, r"older_than .* has no time zone"),
    ("text as time", lambda m: m.remember("a", occurred_at="now"), errors.InvalidTime, r"not str"),  # type: ignore[arg-type]
    ("k of 0", lambda m: m.recall("a", k=0), errors.InvalidArgument, r"k is a whole number of at least 1, not 0"),
    ("k of 1.5", lambda m: m.recall("a", k=1.5), errors.InvalidArgument, r"not 1.5"),  # type: ignore[arg-type]
    ("k of True", lambda m: m.recall("a", k=True), errors.InvalidArgument, r"not True"),
    ("beta of 0", lambda m: m.recall("a", beta=0), errors.InvalidArgument, r"beta is a positive finite number, not 0"),
    ("beta below 0", lambda m: m.recall("a", beta=-2.0), errors.InvalidArgument, r"not -2.0; None lets"),
    ("beta of NaN", lambda m: m.recall("a", beta=math.nan), errors.InvalidArgument, r"not nan"),
    ("infinite beta", lambda m: m.recall("a", beta=math.inf), errors.InvalidArgument, r"not inf"),
    ("fields", lambda m: m.recall("a", fields=("smell",)), errors.InvalidArgument, r"'cosine'.*smell"),
    ("no field", lambda m: m.recall("a", fields=()), errors.InvalidArgument, r"'cosine'"),
    ("limit", lambda m: m.list(limit=-1), errors.InvalidArgument, r"limit .* at least 0"),
    ("offset", lambda m: m.list(offset=-1), errors.InvalidArgument, r"offset .* at least 0"),
    ("batch", lambda m: m.remember_many(["a"], batch=0), errors.InvalidArgument, r"batch .* at least 1"),
    ("ttl of 0", lambda m: m.remember("a", ttl=timedelta(0)), errors.InvalidArgument, r"longer than nothing"),
    ("ttl in seconds", lambda m: m.remember("a", ttl=5), errors.InvalidArgument, r"timedelta\(minutes=5\)"),  # type: ignore[arg-type]
    ("str namespace", lambda m: m.remember("a", namespace="ana"), errors.InvalidNamespace, r"\('ana',\) with"),  # type: ignore[arg-type]
    ("empty segment", lambda m: m.recall("a", namespace=("a", "")), errors.InvalidNamespace, r"segment ''"),
    ("number segment", lambda m: m.list(namespace=(7,)), errors.InvalidNamespace, r"segment 7"),  # type: ignore[arg-type]
    ("separator", lambda m: m.count(namespace=("a\x1fb",)), errors.InvalidNamespace, r"U\+001F"),
    ("None namespace", lambda m: m.forget(namespace=None), errors.InvalidNamespace, r"NoneType"),  # type: ignore[arg-type]
    ("bad prefix", lambda m: m.namespaces(("",)), errors.InvalidNamespace, r"segment ''"),
    ("list metadata", lambda m: m.remember("a", metadata=[1]), errors.InvalidMetadata, r"a dict, not list"),  # type: ignore[arg-type]
    ("bytes", lambda m: m.remember("a", metadata={"x": b"y"}), errors.InvalidMetadata, r"metadata.x is a bytes"),
    ("NaN metadata", lambda m: m.update("dog", metadata={"x": [math.nan]}), errors.InvalidMetadata, r"x\[0\] is nan"),
    ("int key", lambda m: m.remember("a", metadata={1: 2}), errors.InvalidMetadata, r"the key 1"),  # type: ignore[dict-item]
    ("recursion", lambda m: m.remember("a", metadata=DEEP), errors.InvalidMetadata, r"contains itself"),
    ("operator", lambda m: m.recall("a", where={"n": {"like": 1}}), errors.InvalidFilter, r"'like' for 'n'.*eq"),
    ("operand", lambda m: m.list(where={"n": {"in": 3}}), errors.InvalidFilter, r"take a list, not 3"),
    ("filter", lambda m: m.count(where=["n"]), errors.InvalidFilter, r"a filter is a dict"),  # type: ignore[arg-type]
    ("forget where", lambda m: m.forget(where={"n": {"~": 1}}), errors.InvalidFilter, r"unknown operator"),
    ("forget nothing", lambda m: m.forget(), errors.InvalidArgument, r"would erase everything"),
    ("forget all", lambda m: m.forget(where={}), errors.InvalidArgument, r"an empty filter matches everything"),
    ("unknown id", lambda m: m.update("nope", text="a"), errors.UnknownEpisode, r"no episode 'nope'"),
    ("elsewhere", lambda m: m.update("tea", text="a"), errors.UnknownEpisode, r"in the namespace \(\)"),
    ("item", lambda m: m.remember_many([3]), errors.InvalidArgument, r"item 0: .* not int"),  # type: ignore[list-item]
    ("key", lambda m: m.remember_many([{"text": "a", "speaker": "b"}]), errors.InvalidArgument, r"key 'speaker'"),
    ("no key", lambda m: m.remember_many([{"txt": "a"}]), errors.InvalidArgument, r"item 0: unknown key 'txt'"),
    ("message", lambda m: m.remember_messages(["hello"], session="s"), errors.InvalidArgument, r"0 has no role"),
    ("no session", lambda m: m.remember_messages([("user", "a")], session=""), errors.InvalidText, r"session is empty"),
    ("no file", lambda m: m.load("/no/such/file.jsonl"), errors.InvalidArgument, r"there is no file /no/such"),
    ("a folder", lambda m: m.load(Path(__file__).parent), errors.InvalidArgument, r"tests is a folder; name a file"),
    ("format", lambda m: m.load(__file__, format="csv"), errors.InvalidArgument, r"'csv'.*jsonl.*markdown, text"),
    ("encoding", lambda m: m.load(__file__, encoding="utf-9"), errors.InvalidArgument, r"no encoding 'utf-9'"),
    ("no codec", lambda m: m.load(__file__, encoding="base64"), errors.InvalidArgument, r"no encoding 'base64'"),
    ("loaded session", lambda m: m.load(__file__, session="a\n"), errors.InvalidText, r"session .* one line"),
    ("load's batch", lambda m: m.load(__file__, batch=0), errors.InvalidArgument, r"batch .* at least 1"),
    ("load into str", lambda m: m.load(__file__, namespace="a"), errors.InvalidNamespace, r"\('a',\) with"),  # type: ignore[arg-type]
    ("no namespace", lambda m: m.calibrate(namespace=("x",)), errors.InvalidArgument, r"\('x',\) holds no episode"),
    ("no label", lambda m: m.calibrate([]), errors.InvalidArgument, r"are 0 cues whose answer is here and 0 whose"),
    ("labels", lambda m: m.calibrate([("a", True), ("b", True)]), errors.InvalidArgument, r"2 .* and 0 .*: give some"),
    ("absent", lambda m: m.calibrate([("a", False)]), errors.InvalidArgument, r"are 0 cues .* and 1 .*\(cue, True"),
    ("label", lambda m: m.calibrate(["a"]), errors.InvalidArgument, r"label 0 is a pair of a cue and True .* not 'a'"),  # type: ignore[list-item]
    ("label of 1", lambda m: m.calibrate([("a", 1)]), errors.InvalidArgument, r"label 0 is a pair .* not \('a', 1\)"),  # type: ignore[list-item]
    ("label's cue", lambda m: m.calibrate([("a", True), (" ", False)]), errors.InvalidText, r"label 1: cue is blank"),
    ("few words", lambda m: m.calibrate(), errors.InvalidArgument, r"episodes of six words and more .*labelled="),
    ("alpha of 1", lambda m: m.calibrate([("a", True)], alpha=1), errors.InvalidArgument, r"alpha is a share .* not 1"),
    ("alpha of 0", lambda m: m.calibrate([("a", True)], alpha=0.0), errors.InvalidArgument, r"excluded, not 0.0"),
    ("alpha of NaN", lambda m: m.calibrate([("a", True)], alpha=math.nan), errors.InvalidArgument, r"not nan"),
    ("alpha alone", lambda m: m.calibrate(alpha=0.1), errors.InvalidArgument, r"alpha needs labelled=..."),
    ("calibrate str", lambda m: m.calibrate(namespace="x"), errors.InvalidNamespace, r"\('x',\) with"),  # type: ignore[arg-type]
    ("no folder", lambda m: m.export("/no/such/file.jsonl"), errors.InvalidArgument, r"folder /no/such does not exist"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "error", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input_is_named_and_changes_nothing(
    filled: Memory, verb: Callable[[Memory], object], error: type[errors.AmError], message: str, tmp_path: Path
) -> None:
    """The error has its name and says the cure; an export before and one after are the same."""
    filled.export(tmp_path / "before.jsonl", vectors=True)
    with pytest.raises(error, match=message):
        verb(filled)
    filled.export(tmp_path / "after.jsonl", vectors=True)
    assert (tmp_path / "before.jsonl").read_bytes() == (tmp_path / "after.jsonl").read_bytes()
    assert filled.count(subtree=True) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello\n", r"line 1: not JSON"),
        ('{"text": "a"}\n', r"line 1: not an export"),
        ('{"format": "am_agent episodes", "version": 9}\n', r"version 9.*Update it"),
        (
            '{"format": "am_agent episodes", "version": 1, "embedder": null}\n{"id": "x"}\n',
            r"line 2: no 'text'|line 2: no",
        ),
        ('{"format": "am_agent episodes", "version": 1, "embedder": null}\n[1]\n', r"line 2: an object was expected"),
    ],
)
def test_a_file_that_is_no_export_is_refused(filled: Memory, tmp_path: Path, content: str, message: str) -> None:
    """The line is named, and nothing of its batch is loaded."""
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(errors.InvalidFile, match=message):
        filled.load(path, format="export", strict=True)
    assert filled.count(subtree=True) == 2


def test_every_error_inherits_what_a_caller_would_catch() -> None:
    """The tree in the module's docstring is the tree of classes."""
    for name, parent in [
        ("InvalidInput", ValueError),
        ("InvalidText", ValueError),
        ("UnknownEpisode", KeyError),
        ("UnknownRecall", KeyError),
        ("UnknownPrototype", KeyError),
        ("ClosedMemory", RuntimeError),
        ("DimensionMismatch", errors.InvalidVector),
    ]:
        assert issubclass(getattr(errors, name), parent)
    drawn = [line.strip("|- `").split()[0] for line in (errors.__doc__ or "").splitlines()[2:] if line.strip()]
    declared = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert sorted(drawn) == sorted(declared)


def test_times_outside_utc_are_converted() -> None:
    """Any zone is taken, and UTC comes back."""
    with Memory(embedder=DeterministicEmbedder()) as memory:
        memory.remember("a", id="x", occurred_at=datetime.fromisoformat("2026-05-01T12:00:00+02:00"))
        assert memory.get("x")[0].occurred_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
        assert str(memory.get("x")[0].occurred_at).endswith("+00:00")
