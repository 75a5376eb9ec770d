"""Sets as documents and queries: the mapping on a tiny set, what is left out, and every broken line by its place."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from benchmarks.beir import BrokenLine, Document, MissingData, Query, read_haystack, read_sets, set_names

Write = Callable[..., Path]

TEXT = {"_id": "d", "text": "Rex barks."}
ASKED = {"_id": "q", "text": "Who barks?"}
JUDGED = [("q", "d", 1)]


def _document(write: Write, folder: Path, **fields: object) -> Document:
    """One corpus line, read."""
    haystack = read_haystack(write(folder / "set" / "stack", [TEXT | fields], [ASKED], JUDGED))
    return haystack.documents[0]


def test_a_turn_of_a_chat_becomes_an_episode_with_its_features(write_haystack: Write, tmp_path: Path) -> None:
    """The name goes in front of the text, a naive time is UTC, a session of a number is a string."""
    metadata = {"speaker": "Ana", "time": "2024-05-01T09:30:00", "session": 3, "answer": "secret"}
    assert _document(write_haystack, tmp_path, title="", metadata=metadata) == Document(
        id="d", text="Ana: Rex barks.", actor="Ana", occurred_at=datetime(2024, 5, 1, 9, 30, tzinfo=UTC), session="3"
    )


@pytest.mark.parametrize("role", ["user", "assistant", "System", "tool"])
def test_a_role_is_an_actor_and_no_name(write_haystack: Write, tmp_path: Path, role: str) -> None:
    """It says nothing that a question could name."""
    document = _document(write_haystack, tmp_path, metadata={"speaker": role})
    assert (document.actor, document.text) == (role, "Rex barks.")


@pytest.mark.parametrize("metadata", [None, {}, {"speaker": None, "time": None, "session": None}, {"speaker": ""}])
def test_what_is_not_known_is_none(write_haystack: Write, tmp_path: Path, metadata: object) -> None:
    """No speaker, no time and no session."""
    assert _document(write_haystack, tmp_path, metadata=metadata) == Document("d", "Rex barks.")


def test_a_title_goes_before_the_text(write_haystack: Write, tmp_path: Path) -> None:
    """As BEIR joins them, and the name goes before both."""
    assert _document(write_haystack, tmp_path / "1", title="Dogs").text == "Dogs Rex barks."
    spoken = _document(write_haystack, tmp_path / "2", title="Dogs", metadata={"speaker": "Ana"})
    assert spoken.text == "Ana: Dogs Rex barks."


def test_a_time_with_a_zone_is_brought_to_utc(write_haystack: Write, tmp_path: Path) -> None:
    """Half past nine in a zone of two hours is half past seven."""
    document = _document(write_haystack, tmp_path, metadata={"time": "2024-05-01T09:30:00+02:00"})
    assert document.occurred_at == datetime(2024, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert document.occurred_at.utcoffset() == timedelta(0)


def test_a_control_character_becomes_a_space(write_haystack: Write, tmp_path: Path) -> None:
    """What no memory takes is the same space for every system."""
    assert _document(write_haystack, tmp_path, text="Rex\x00barks\x92\n").text == "Rex barks \n"


def test_only_queries_with_gold_are_asked(write_haystack: Write, tmp_path: Path) -> None:
    """Unanswerable ones, those without qrels and blank documents are left out, and each is said."""
    corpus = [{"_id": f"d{number}", "title": "", "text": f"Sentence {number}."} for number in range(3)]
    queries = [
        {"_id": "q1", "text": "One?", "metadata": {"question_date": "2024-05-02T00:00:00", "answerable": True}},
        {"_id": "q2", "text": "Two?", "metadata": {"answerable": False}},
        {"_id": "q3", "text": "Three?"},
        {"_id": "q4", "text": "Four?"},
    ]
    qrels = [("q1", "d0", 2), ("q1", "d1", 1), ("q1", "d2", 0), ("q1", "gone", 1), ("q2", "d0", 1), ("q3", "d0", 0)]
    folder = write_haystack(tmp_path / "set" / "stack", [*corpus, {"_id": "d3", "text": " \n"}], queries, qrels)
    haystack = read_haystack(folder)
    asked_at = datetime(2024, 5, 2, tzinfo=UTC)
    assert haystack.queries == (Query("q1", "One?", asked_at, {"d0": 2, "d1": 1, "gone": 1}),)
    assert [each.id for each in haystack.documents] == ["d0", "d1", "d2"]
    assert haystack.notes == (
        "set/stack: 1 unanswerable queries left out",
        "set/stack: 2 queries without qrels left out",
        "set/stack: 1 blank documents left out",
        "set/stack: 1 gold documents are not in the corpus and count as not found",
    )


def test_a_haystack_without_qrels_asks_nothing(write_haystack: Write, tmp_path: Path) -> None:
    """It is said, and is no error."""
    haystack = read_haystack(write_haystack(tmp_path / "labels" / "all", [TEXT], [ASKED], None))
    assert (haystack.queries, haystack.notes) == ((), ("labels/all: left out, for it has no qrels/test.tsv",))


def test_what_has_no_gold_is_kept_where_it_is_wanted(write_haystack: Write, tmp_path: Path) -> None:
    """Unanswerable queries apart from the others, and then nothing says that they were left out."""
    queries = [ASKED, {"_id": "none", "text": "Who purrs?", "metadata": {"answerable": False, "label": "x"}}]
    folder = write_haystack(tmp_path / "set" / "stack", [TEXT], queries, JUDGED)
    haystack = read_haystack(folder, without_gold=True)
    assert haystack.unanswerable == (Query("none", "Who purrs?", None, {}, "x"),)
    assert (haystack.queries, haystack.labelled, haystack.notes) == (
        (Query("q", "Who barks?", None, {"d": 1}),),
        (),
        (),
    )
    assert read_haystack(folder).unanswerable == ()
    assert read_sets(tmp_path, without_gold=True) == {"set": [haystack]}


def test_labels_stand_for_qrels_where_there_are_none(write_haystack: Write, tmp_path: Path) -> None:
    """A query whose label no document has is not known to be present, and one without a label neither."""
    corpus = [
        {"_id": f"d{label}", "text": f"Text {label}.", "metadata": {"label": label}} for label in (1, "pay", None)
    ]
    queries = [
        {"_id": "q1", "text": "One?", "metadata": {"label": "1", "answerable": True}},
        {"_id": "q2", "text": "Two?", "metadata": {"label": "pay"}},
        {"_id": "q3", "text": "Three?", "metadata": {"label": "sing"}},
        {"_id": "q4", "text": "Four?"},
        {"_id": "q5", "text": "Five?", "metadata": {"label": "oos", "answerable": False}},
    ]
    haystack = read_haystack(write_haystack(tmp_path / "labels" / "all", corpus, queries, None), without_gold=True)
    assert [each.id for each in haystack.documents] == ["d1", "dpay", "dNone"]
    assert haystack.labelled == (Query("q1", "One?", None, {}, "1"), Query("q2", "Two?", None, {}, "pay"))
    assert haystack.unanswerable == (Query("q5", "Five?", None, {}, "oos"),)
    assert haystack.queries == ()
    assert haystack.notes == ("labels/all: 2 queries left out, for no document has their label",)


def test_sets_are_read_by_name_in_the_order_asked(write_haystack: Write, tmp_path: Path) -> None:
    """All of them by name where none is asked for; folders that hold no haystack are no sets."""
    for name in ("b/1", "a/2", "a/1"):
        write_haystack(tmp_path / name, [TEXT], [ASKED], JUDGED)
    (tmp_path / "notes").mkdir()
    names = {name: [each.name for each in found] for name, found in read_sets(tmp_path).items()}
    assert names == {"a": ["a/1", "a/2"], "b": ["b/1"]}
    assert list(names) == ["a", "b"]
    assert list(read_sets(tmp_path, ["b", "a", "b"])) == ["b", "a"]
    assert set_names(tmp_path) == ["a", "b"]


def test_what_is_not_there_is_named(write_haystack: Write, tmp_path: Path) -> None:
    """The folder, a set, a file, and a folder without a set."""
    with pytest.raises(MissingData, match=r"^there is no folder .*/absent$"):
        read_sets(tmp_path / "absent")
    with pytest.raises(MissingData, match=r"^there is no set in .*: no file fits .*/<set>/<haystack>/corpus.jsonl.gz$"):
        read_sets(tmp_path)
    folder = write_haystack(tmp_path / "set" / "stack", [TEXT], [ASKED], JUDGED)
    with pytest.raises(MissingData, match=r"^there is no set 'other' in .*; there is set$"):
        read_sets(tmp_path, ["set", "other"])
    (folder / "queries.jsonl.gz").unlink()
    with pytest.raises(MissingData, match=r"^there is no file .*/set/stack/queries\.jsonl\.gz$"):
        read_sets(tmp_path)


def test_a_corpus_without_a_text_is_an_error(write_haystack: Write, tmp_path: Path) -> None:
    """There is nothing to look in."""
    with pytest.raises(MissingData, match=r"^there is no text in .*corpus\.jsonl\.gz$"):
        read_haystack(write_haystack(tmp_path / "set" / "stack", [TEXT | {"text": ""}], [ASKED], JUDGED))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "an object was expected, not list"),
        ({"text": "x"}, "there is no _id"),
        ({"_id": 3, "text": "x"}, "_id is a string, not int"),
        ({"_id": "e"}, "there is no text"),
        ({"_id": "e", "text": ["x"]}, "text is a string, not list"),
        ({"_id": "e", "text": "x", "metadata": "x"}, "metadata is an object, not str"),
        ({"_id": "e", "text": "x", "metadata": {"time": "noon"}}, "Invalid isoformat string: 'noon'"),
        (TEXT, "the _id 'd' is there already"),
    ],
)
def test_a_broken_line_is_named_with_its_file(write_haystack: Write, tmp_path: Path, line: object, reason: str) -> None:
    """The message begins with the file and the line, and says what is wrong."""
    folder = write_haystack(tmp_path / "set" / "stack", [TEXT, "", line], [ASKED], JUDGED)
    with pytest.raises(BrokenLine) as caught:
        read_haystack(folder)
    assert str(caught.value).startswith(f"{folder / 'corpus.jsonl.gz'}:3: {reason}")


def test_a_file_that_is_cut_off_is_named(write_haystack: Write, tmp_path: Path) -> None:
    """Half of a gzip file, a file that is none, and one that is not UTF-8."""
    folder = write_haystack(tmp_path / "set" / "stack", [TEXT], [ASKED], JUDGED)
    corpus = folder / "corpus.jsonl.gz"
    whole = corpus.read_bytes()
    for content, reason in (
        (whole[:-9], ":1: not gzip, or cut off"),
        (b"plain", ":1: not gzip, or cut off"),
        (gzip.compress(b'{"_id": "d", "text": "\xff"}\n'), ":1: 'utf-8' codec"),
    ):
        corpus.write_bytes(content)
        with pytest.raises(BrokenLine, match=rf"corpus\.jsonl\.gz{reason}"):
            read_haystack(folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("q\td\t1\n", "1: the first line is not the header"),
        ("query-id\tcorpus-id\tscore\nq\td\n", "2: not enough values"),
        ("query-id\tcorpus-id\tscore\nq\td\tyes\n", "2: invalid literal"),
    ],
)
def test_a_broken_judgement_is_named(write_haystack: Write, tmp_path: Path, content: str, reason: str) -> None:
    """A header that is missing would cost a judgement in silence."""
    folder = write_haystack(tmp_path / "set" / "stack", [TEXT], [ASKED], JUDGED)
    (folder / "qrels" / "test.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(BrokenLine, match=rf"test\.tsv:{reason}"):
        read_haystack(folder)
