"""Episodes as lines of JSON: they come back to the last bit, a wrong line is named, a failed export leaves no trace."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from am_agent.draft import Vectors, unit_vectors
from am_agent.episode import Episode, Rejection
from am_agent.errors import InvalidArgument, InvalidFile
from am_agent.formats import source
from am_agent.formats.entry import Entry
from am_agent.formats.export import FORMAT, VERSION, Line, header, read_header, read_lines, replacing, write_line

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def _read(lines: Iterable[str]) -> Iterator[Entry[Line] | Rejection]:
    """Read lines as they stand after a header."""
    return read_lines(source.Line(number, line) for number, line in enumerate(lines, 2))


def _good(lines: Iterable[str]) -> list[Line]:
    """The lines, none of which may be rejected."""
    found = []
    for each in _read(lines):
        assert isinstance(each, Entry)
        found.append(each.content)
    return found


def _through_a_file(lines: Iterable[str]) -> list[Line]:
    """Write lines as a text file has them and read them back as a text file is read."""
    written = "".join(line + "\n" for line in lines).encode("utf-8")
    return _good(io.TextIOWrapper(io.BytesIO(written), encoding="utf-8"))


_text_characters = st.characters(exclude_categories=["Cs", "Cc", "Cn"])
_texts = st.text(_text_characters | st.sampled_from('\t\n\r\u2028"\\'), min_size=1).filter(str.strip)
_labels = st.text(_text_characters, min_size=1, max_size=10).filter(str.strip)
_times = st.datetimes(timezones=st.just(UTC))
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_episodes = st.builds(
    Episode,
    id=_labels.map("of {}".format),
    text=_texts,
    namespace=st.lists(_labels, max_size=3).map(tuple),
    actor=st.none() | _labels,
    occurred_at=_times,
    session=st.none() | _labels,
    reply_to=st.none() | _labels.map("to {}".format),
    derived_from=st.lists(_labels.map("to {}".format), max_size=3, unique=True).map(tuple),
    metadata=st.dictionaries(st.text(), _json, max_size=3),
    version=st.integers(1, 10**6),
    recorded_at=_times,
    superseded_at=st.none() | _times,
    expires_at=st.none() | _times,
)
_components = st.floats(-1e6, 1e6, width=32)
_vectors = st.integers(1, 5).flatmap(
    lambda size: st.lists(st.lists(_components, min_size=size, max_size=size).filter(any), min_size=1, max_size=3).map(
        unit_vectors
    )
)


# ----------------------------------------------------------------------------------------------------------- round trip


@given(st.lists(st.tuples(_episodes, st.none() | _vectors), max_size=4))
@example([(Episode("1", "a\u2028b\r\nc", occurred_at=NOON, recorded_at=NOON), None)])
def test_episodes_come_back_as_they_were(given_: list[tuple[Episode, Vectors | None]]) -> None:
    """Every field comes back equal, in the order of writing, and every vector bit by bit."""
    lines = _through_a_file(write_line(episode, vectors) for episode, vectors in given_)
    assert [line.episode for line in lines] == [episode for episode, _ in given_]
    for line, (episode, vectors) in zip(lines, given_, strict=True):
        assert repr(line.episode.metadata) == repr(episode.metadata)
        assert all(time is None or time.tzinfo is UTC for time in (line.episode.occurred_at, line.episode.expires_at))
        if vectors is None:
            assert line.vectors is None
        else:
            assert line.vectors is not None
            assert (line.vectors.dtype, line.vectors.shape) == (np.dtype(np.float32), vectors.shape)
            assert line.vectors.tobytes() == vectors.tobytes()


def test_vectors_keep_signed_zeros_and_the_smallest_numbers() -> None:
    """Nothing is rounded, flushed or normalised on the way."""
    vectors = np.array([[1.0, -0.0, 1e-45, np.nextafter(np.float32(0), np.float32(1))]], dtype=np.float32)
    (line,) = _through_a_file([write_line(Episode("1", "x", occurred_at=NOON, recorded_at=NOON), vectors)])
    assert line.vectors is not None
    assert line.vectors.tobytes() == vectors.tobytes()


def test_a_line_is_readable_json_of_one_line() -> None:
    """Text and metadata stand in the line as they are, times in ISO 8601, and line breaks are escaped."""
    episode = Episode(
        "1", "Grüße\n🙂", ("ana", "b"), occurred_at=NOON, recorded_at=NOON, metadata={"k": [1]}, version=2
    )
    line = write_line(episode, np.array([[0.0, 1.0]], dtype=np.float32))
    assert "\n" not in line
    assert "Grüße\\n🙂" in line
    assert json.loads(line) == {
        "id": "1",
        "namespace": ["ana", "b"],
        "version": 2,
        "text": "Grüße\n🙂",
        "actor": None,
        "session": None,
        "reply_to": None,
        "derived_from": [],
        "metadata": {"k": [1]},
        "occurred_at": "2024-05-01T12:00:00+00:00",
        "recorded_at": "2024-05-01T12:00:00+00:00",
        "superseded_at": None,
        "expires_at": None,
        "vectors": ["AAAAAAAAgD8="],
    }


def test_times_of_any_zone_are_read_into_utc() -> None:
    """A line that was written elsewhere may tell its times in another zone."""
    (line,) = _good([_line(occurred_at="2024-05-01T14:00:00+02:00")])
    assert line.episode.occurred_at == NOON
    assert line.episode.occurred_at is not None
    assert line.episode.occurred_at.tzinfo is UTC


def test_lines_are_read_one_by_one() -> None:
    """A line is handed out before the next one is read, so that a large file needs no memory."""
    read = []

    def written() -> Iterable[str]:
        for number in range(3):
            read.append(number)
            yield _line(id=str(number))

    assert isinstance(first := next(_read(written())), Entry)
    assert first.content.episode.id == "0"
    assert read == [0]


# -------------------------------------------------------------------------------------------------------------- headers


@pytest.mark.parametrize("space", [None, {"name": "módel", "dimension": 384, "fingerprint": "sha256:0"}])
def test_a_header_tells_whose_the_vectors_are(space: dict[str, Any] | None) -> None:
    """The embedder that is written is the embedder that is read, or none."""
    line = header(space)
    assert "\n" not in line
    assert read_header(line + "\n") == space


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", r"^line 1: not JSON"),
        ("id,text\n", r"^line 1: not JSON"),
        ("[1]", r"^line 1: an object was expected, not list$"),
        ("{}", r"^line 1: not an export of am_agent; its first line says \{'format': 'am_agent episodes'"),
        (json.dumps({"format": "other", "version": VERSION}), r"^line 1: not an export of am_agent"),
        (
            json.dumps({"format": FORMAT, "version": VERSION + 1, "embedder": None}),
            rf"^line 1: the format has the version {VERSION + 1} and this am_agent reads {VERSION}\. "
            "Update it with: pip install --upgrade am-agent$",
        ),
        (json.dumps({"format": FORMAT}), r"^line 1: the format has the version None and this am_agent reads 1"),
        (json.dumps({"format": FORMAT, "version": VERSION, "embedder": "MiniLM"}), r"^line 1: .*embedder"),
        (json.dumps({"format": FORMAT, "version": VERSION, "embedder": {"name": "m"}}), r"^line 1: .*embedder"),
        (f'{{"format": "{FORMAT}", "version": {"1" * 5000}}}', r"^line 1: "),
        ("[" * 100_000, r"^line 1: "),
    ],
    ids=lambda each: each[:40],
)
def test_a_wrong_header_is_an_invalid_file(line: str, message: str) -> None:
    """Another file, a damaged header and a newer format raise InvalidFile with line 1 and the cure."""
    with pytest.raises(InvalidFile, match=message):
        read_header(line)


# ---------------------------------------------------------------------------------------------------------- wrong lines


_GOOD: dict[str, Any] = {
    "id": "1",
    "namespace": ["ana"],
    "version": 1,
    "text": "x",
    "actor": None,
    "session": None,
    "metadata": {},
    "occurred_at": "2024-05-01T12:00:00+00:00",
    "recorded_at": "2024-05-01T12:00:00+00:00",
    "superseded_at": None,
    "expires_at": None,
}


def _line(**changes: Any) -> str:
    return json.dumps(_GOOD | changes)


def _without(key: str) -> str:
    return json.dumps({name: value for name, value in _GOOD.items() if name != key})


def _packed(*components: float) -> str:
    return base64.b64encode(np.array(components, dtype="<f4").tobytes()).decode()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("{'id': 1}", r"not JSON \(Expecting property name", id="not JSON"),
        pytest.param(_line()[:-5], r"not JSON \(", id="cut off"),
        pytest.param("[" * 100_000, "", id="too deep"),
        pytest.param(f'{{"id": {"1" * 5000}}}', "", id="a number too long"),
        pytest.param('["1"]', r"an object was expected, not list$", id="a list"),
        pytest.param("null", r"an object was expected, not NoneType$", id="null"),
        *(pytest.param(_without(key), rf"no '{key}'$", id=f"no {key}") for key in _GOOD),
        pytest.param(_line(id=None), r"id, occurred_at and recorded_at must be given$", id="id is null"),
        pytest.param(_line(recorded_at=None), r"id, occurred_at and recorded_at must", id="recorded_at is null"),
        pytest.param(_line(occurred_at=None), r"id, occurred_at and recorded_at must", id="occurred_at is null"),
        pytest.param(_line(id=7), r"id is a str, not int$", id="id is a number"),
        pytest.param(_line(text=" "), r"text is blank", id="blank text"),
        pytest.param(_line(text="\ud800"), r"text holds a lone surrogate, U\+D800", id="lone surrogate"),
        pytest.param(_line(text=None), r"text is a str, not NoneType$", id="text is null"),
        pytest.param(_line(actor="a\nb"), r"actor .* holds a tab or a line break", id="actor of two lines"),
        pytest.param(_line(namespace="ana"), r"a namespace is a tuple of strings", id="namespace is a string"),
        pytest.param(_line(namespace={"ana": 1}), r"a namespace is a tuple of strings", id="namespace is an object"),
        pytest.param(_line(namespace=None), "", id="namespace is null"),
        pytest.param(_line(namespace=["ana", ""]), r"segment '' of namespace", id="empty segment"),
        pytest.param(_line(metadata=[1]), r"metadata is a dict, not list$", id="metadata is a list"),
        pytest.param(_line(metadata={"a": float("nan")}), r"metadata\.a is nan", id="NaN in metadata"),
        pytest.param(_line(version=0), r"version is a whole number of at least 1, not 0$", id="version 0"),
        pytest.param(_line(version="1"), r"version is a whole number of at least 1, not '1'$", id="version a string"),
        pytest.param(_line(occurred_at="2024-05-01T12:00:00"), r"occurred_at .* has no time zone", id="naive time"),
        pytest.param(_line(expires_at="2024-05-01T12:00:00"), r"expires_at .* has no time zone", id="naive expiry"),
        pytest.param(_line(occurred_at="yesterday"), r"Invalid isoformat string: 'yesterday'", id="no time"),
        pytest.param(_line(superseded_at=5), "", id="time is a number"),
        pytest.param(_line(vectors=["!!!!"]), "", id="bad base64"),
        pytest.param(_line(vectors=["AAAAA"]), "", id="cut base64"),
        pytest.param(_line(vectors=["AAAA"]), "", id="three bytes"),
        pytest.param(_line(vectors=[]), "", id="no vectors"),
        pytest.param(_line(vectors=[""]), "", id="an empty vector"),
        pytest.param(_line(vectors=_packed(1.0)), "", id="vectors are a string"),
        pytest.param(_line(vectors=[[1.0, 0.0]]), "", id="vectors as numbers"),
        pytest.param(_line(vectors=7), "", id="vectors are a number"),
        pytest.param(_line(vectors=[_packed(1.0), _packed(0.6, 0.8)]), "", id="vectors of two dimensions"),
        pytest.param(_line(vectors=[_packed(1.0, float("nan"))]), "", id="NaN in a vector"),
        pytest.param(_line(vectors=[_packed(0.0, 0.0)]), "", id="a zero vector"),
        pytest.param(_line(vectors=[_packed(3.0, 4.0)]), "", id="a vector of length five"),
    ],
)
def test_a_wrong_line_is_rejected_with_its_number(line: str, message: str) -> None:
    """The lines around it are read, and the rejection counts the header as line 1 and says what is wrong."""
    before, rejection, after = _read([_line(id="before"), "\n", line, _line(id="after")])
    assert isinstance(before, Entry)
    assert isinstance(after, Entry)
    assert (before.content.episode.id, after.content.episode.id) == ("before", "after")
    assert isinstance(rejection, Rejection)
    assert rejection.place == "line 4"
    assert re.search(message, rejection.reason)


def test_blank_lines_are_passed_over() -> None:
    """A file that ends in empty lines is whole."""
    assert [line.episode.id for line in _good([_line(), "\n", "  \n"])] == ["1"]


# ---------------------------------------------------------------------------------------------------------- replacing


def test_a_file_is_replaced_when_all_is_written(tmp_path: Path) -> None:
    """Until the last line is written the old file stands; then the new one stands alone in its place."""
    target = tmp_path / "episodes.jsonl"
    target.write_text("old\n", encoding="utf-8")
    with replacing(target) as write:
        write("Grüße 🙂")
        write("second")
        assert target.read_text(encoding="utf-8") == "old\n"
    assert target.read_bytes() == "Grüße 🙂\nsecond\n".encode()
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    """A new file appears under its name only when it is complete."""
    target = tmp_path / "episodes.jsonl"
    with replacing(target) as write:
        write("first")
        assert not target.exists()
    assert target.read_text(encoding="utf-8") == "first\n"


@pytest.mark.parametrize("failure", [ValueError("no more"), KeyboardInterrupt()], ids=repr)
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    """Whatever ends the writing, the old file stays byte for byte, no part of the new one stays, the error goes on."""
    target = tmp_path / "episodes.jsonl"
    target.write_text("old\n", encoding="utf-8")
    with pytest.raises(type(failure)), replacing(target) as write:  # noqa: PT012
        write("half of the new")
        raise failure
    assert target.read_text(encoding="utf-8") == "old\n"
    assert list(tmp_path.iterdir()) == [target]


def test_a_line_that_cannot_be_encoded_leaves_nothing_behind(tmp_path: Path) -> None:
    """A failure of the file itself is cleaned up like one of the writer."""
    with pytest.raises(UnicodeEncodeError), replacing(tmp_path / "episodes.jsonl") as write:
        write("\ud800")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_an_invalid_argument(tmp_path: Path) -> None:
    """The error names the folder and the cure, and no folder is made."""
    target = tmp_path / "nowhere" / "episodes.jsonl"
    with (
        pytest.raises(
            InvalidArgument, match=r"the folder .*nowhere does not exist; create it, or name a file elsewhere"
        ),
        replacing(target),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
