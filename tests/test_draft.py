"""What may enter a memory: every kind of bad input has its named error, and what is good comes through unchanged."""

from __future__ import annotations

import copy
import json
import math
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from am_agent.draft import (
    Draft,
    checked_beta,
    checked_count,
    checked_label,
    checked_metadata,
    checked_namespace,
    checked_text,
    checked_time,
    checked_ttl,
    ids_of,
    unit_vectors,
)
from am_agent.episode import Episode
from am_agent.errors import (
    AmError,
    DimensionMismatch,
    InvalidArgument,
    InvalidInput,
    InvalidMetadata,
    InvalidNamespace,
    InvalidText,
    InvalidTime,
    InvalidVector,
)

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def _short(each: Any) -> str | None:
    """The start of a message for a test's name; what it is about is numbered by pytest."""
    return each[:30] if isinstance(each, str) and each.isprintable() else None


class Role(str, Enum):  # noqa: UP042  str() of such a member is 'Role.USER', which is the trap
    """Strings as many programs keep theirs."""

    USER = "user"


# ----------------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "^text is empty; there is nothing in it to embed"),
        (" \t\r\n\u3000", "^text is blank; there is nothing in it to embed"),
        (None, "^text is a str, not NoneType$"),
        (b"bytes", "^text is a str, not bytes$"),
        (7, "^text is a str, not int$"),
        ("half \ud83d a smile", r"^text holds a lone surrogate, U\+D83D, at position 5 of 14; decode the source"),
        ("\udfff", r"^text holds a lone surrogate, U\+DFFF, at position 0 of 1"),
        ("end\x00", r"^text holds a control character, U\+0000, at position 3 of 4; .* or remove the character$"),
        ("\x1b[2J", r"^text holds a control character, U\+001B, at position 0 of 4"),
        ("a\x0bb", r"^text holds a control character, U\+000B, at position 1 of 3"),
        ("a\x7f", r"^text holds a control character, U\+007F, at position 1 of 2"),
        ("a\x85b", r"^text holds a control character, U\+0085, at position 1 of 3"),
    ],
    ids=ascii,
)
def test_a_text_that_cannot_be_stored_is_an_invalid_text(text: Any, message: str) -> None:
    """Empty, blank, damaged and non-string texts raise InvalidText, which says where the damage is and the cure."""
    with pytest.raises(InvalidText, match=message):
        checked_text(text)


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_tab_and_line_breaks_are_the_only_controls_a_text_may_hold(code: int) -> None:
    """Of all control characters and surrogates, only tab, line feed and carriage return are text."""
    text = f"a{chr(code)}b"
    if chr(code) in "\t\n\r":
        assert checked_text(text) == text
    else:
        with pytest.raises(InvalidText, match=rf"U\+{code:04X}, at position 1 of 3"):
            checked_text(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\t\n\r")).filter(str.strip))
def test_an_ordinary_text_comes_through_unchanged(text: str) -> None:
    """Every text of assigned characters, in any script, is returned as it was."""
    assert checked_text(text) == text


def test_the_error_names_the_argument_that_was_checked() -> None:
    """The name that the caller knows the argument by opens the message."""
    with pytest.raises(InvalidText, match=r"^cue is blank"):
        checked_text("  ", "cue")


def test_a_string_of_an_enumeration_is_stored_as_its_value() -> None:
    """A member of a str enumeration becomes the plain string that it is equal to."""
    assert (checked_text(Role.USER), checked_label(Role.USER, "actor")) == ("user", "user")
    assert (type(checked_text(Role.USER)), type(checked_label(Role.USER, "actor"))) == (str, str)


# --------------------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("", "^actor is empty"),
        ("  ", "^actor is blank"),
        (5, "^actor is a str, not int$"),
        ("a\nb", r"^actor 'a\\nb' holds a tab or a line break; it must be one line$"),
        ("a\tb", "^actor .* holds a tab or a line break"),
        ("a\rb", "^actor .* holds a tab or a line break"),
        ("a\x00b", r"^actor holds a control character, U\+0000"),
        ("a\ud800", r"^actor holds a lone surrogate, U\+D800"),
    ],
    ids=ascii,
)
def test_a_label_is_one_line_of_text(label: Any, message: str) -> None:
    """An id, an actor or a session that is no line of text raises InvalidText with its name."""
    with pytest.raises(InvalidText, match=message):
        checked_label(label, "actor")


def test_a_good_label_comes_through_and_none_stays_none() -> None:
    """A label is returned unchanged, and no label is no error."""
    assert checked_label("Ana María 🙂", "actor") == "Ana María 🙂"
    assert checked_label(None, "actor") is None


@pytest.mark.parametrize(
    ("given_", "expected"), [("a", ("a",)), (["a", "b"], ("a", "b")), ((), ()), (iter(["x"]), ("x",))]
)
def test_ids_may_come_one_or_several(given_: Any, expected: tuple[str, ...]) -> None:
    """A single id and a sequence of ids both become a tuple."""
    assert ids_of(given_) == expected


@pytest.mark.parametrize(
    ("given_", "error", "message"),
    [
        ([None], InvalidArgument, "an id is a str, not None"),
        (["a", 3], InvalidText, "id is a str, not int"),
        (["a", ""], InvalidText, "id is empty"),
        ("", InvalidText, "id is empty"),
        (5, InvalidArgument, "ids .* int"),
        (None, InvalidArgument, "ids .* None"),
    ],
)
def test_a_wrong_id_is_a_named_error(given_: Any, error: type[InvalidInput], message: str) -> None:
    """What is no id raises an error that says what an id is."""
    with pytest.raises(error, match=message):
        ids_of(given_)


# ----------------------------------------------------------------------------------------------------------- namespaces


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        ("ana", r"^a namespace is a tuple of strings; write \('ana',\) with the comma$"),
        ("", "^a namespace is a tuple of strings; write"),
        (None, "^a namespace is a tuple of strings, not NoneType$"),
        (7, "^a namespace is a tuple of strings, not int$"),
        ({"ana"}, "^a namespace is a tuple of strings, not set$"),
        (("ana", ""), r"^segment '' of namespace \('ana', ''\) is not a non-empty string$"),
        (("  ",), "^segment '  ' of namespace .* is not a non-empty string$"),
        (("ana", 3), r"^segment 3 of namespace \('ana', 3\) is not a non-empty string$"),
        ((None,), "^segment None of namespace"),
        ((b"ana",), "^segment b'ana' of namespace"),
        ((("ana",),), r"^segment \('ana',\) of namespace"),
        (("a\x00b",), r"^namespace .*: segment holds a control character, U\+0000, at position 1 of 3"),
        (("a\nb",), r"^namespace .*: segment 'a\\nb' holds a tab or a line break"),
        (("a\udc80",), r"^namespace .*: segment holds a lone surrogate, U\+DC80"),
    ],
    ids=ascii,
)
def test_a_wrong_namespace_is_an_invalid_namespace(namespace: Any, message: str) -> None:
    """Whatever is not a tuple of non-empty lines raises InvalidNamespace, which names the segment or the cure."""
    with pytest.raises(InvalidNamespace, match=message):
        checked_namespace(namespace)


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [((), ()), (("ana",), ("ana",)), (["ana", "chat 1"], ("ana", "chat 1")), (("a/b", "ü.c"), ("a/b", "ü.c"))],
)
def test_a_good_namespace_becomes_a_tuple(namespace: Any, expected: tuple[str, ...]) -> None:
    """A tuple or a list of non-empty strings comes back as a tuple."""
    assert checked_namespace(namespace) == expected


# ---------------------------------------------------------------------------------------------------------------- times


class Autumn(tzinfo):
    """A zone in which every wall clock time comes twice, as in the night in which summer time ends."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(hours=1 if when is not None and when.fold else 2)

    def dst(self, when: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, when: datetime | None) -> str:
        return "autumn"


_offsets = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(timezone)
_times = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001  the zone is drawn apart
    datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=_offsets | st.just(UTC) | st.builds(Autumn),
    allow_imaginary=True,
)


@given(_times)
def test_a_time_of_any_zone_comes_back_equal_and_in_utc(time: datetime) -> None:
    """The checked time is the same moment, to the microsecond, told in UTC; also a wall clock time that came twice."""
    checked = checked_time(time, "occurred_at")
    offset = time.utcoffset()
    assert checked is not None
    assert offset is not None
    assert checked.tzinfo is UTC
    assert checked.replace(tzinfo=None) == time.replace(tzinfo=None, fold=0) - offset


def test_a_time_that_is_in_utc_stays_as_it_is() -> None:
    """UTC in, the same out; and no time is no error."""
    assert checked_time(NOON, "occurred_at") == NOON
    assert checked_time(None, "occurred_at") is None


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (
            datetime(2024, 5, 1, 12, 0),  # noqa: DTZ001  the very mistake
            r"^as_of 2024-05-01T12:00:00 has no time zone; write as_of\.replace\(tzinfo=UTC\)",
        ),
        ("2024-05-01", "^as_of is a datetime, not str$"),
        (1714564800, "^as_of is a datetime, not int$"),
        (date(2024, 5, 1), "^as_of is a datetime, not date$"),
        (
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
            r"^as_of 9999-12-31T23:59:59\.999999-01:00 lies outside the years 1 to 9999 in UTC$",
        ),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "^as_of 0001-01-01T00:00:00.* outside the years"),
    ],
    ids=repr,
)
def test_a_wrong_time_is_an_invalid_time(time: Any, message: str) -> None:
    """A naive datetime, no datetime at all and a moment that UTC cannot tell raise InvalidTime with the cure."""
    with pytest.raises(InvalidTime, match=message):
        checked_time(time, "as_of")


@pytest.mark.parametrize(
    ("ttl", "message"),
    [
        (60, r"^ttl is a timedelta, such as timedelta\(minutes=5\), not 60$"),
        ("1h", "^ttl is a timedelta, .* not '1h'$"),
        (timedelta(0), "^ttl is 0:00:00; an episode must live for longer than nothing$"),
        (timedelta(seconds=-1), "^ttl is -1 day, 23:59:59; an episode must live"),
    ],
)
def test_a_wrong_ttl_is_an_invalid_argument(ttl: Any, message: str) -> None:
    """A time to live that is no positive timedelta raises InvalidArgument."""
    with pytest.raises(InvalidArgument, match=message):
        checked_ttl(ttl)


def test_a_good_ttl_comes_through_and_none_stays_none() -> None:
    """The shortest time to live is a microsecond."""
    assert checked_ttl(timedelta(microseconds=1)) == timedelta(microseconds=1)
    assert checked_ttl(None) is None


# -------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("number", [0, -1, True, 2.0, "3", None, np.float64(3), np.int64(0)], ids=repr)
def test_a_wrong_count_is_an_invalid_argument(number: Any) -> None:
    """What is not a whole number of at least one raises InvalidArgument, which shows it."""
    with pytest.raises(InvalidArgument, match=r"^k is a whole number of at least 1, not "):
        checked_count(number, "k")


def test_a_good_count_becomes_an_int() -> None:
    """Python's and NumPy's integers are counts, and the least one can be zero."""
    assert (checked_count(3, "k"), checked_count(0, "limit", least=0)) == (3, 0)
    assert type(checked_count(np.int32(7), "k")) is int
    with pytest.raises(InvalidArgument, match=r"^limit is a whole number of at least 0, not -1$"):
        checked_count(-1, "limit", least=0)


@pytest.mark.parametrize(
    "beta",
    [0, -1.0, math.inf, -math.inf, math.nan, True, "20", [20.0], np.float32("inf"), np.complex128(1), 10**400],
    ids=lambda each: repr(each)[:20],
)
def test_a_wrong_beta_is_an_invalid_argument(beta: Any) -> None:
    """What is no positive finite number raises InvalidArgument, which says what None does."""
    with pytest.raises(
        InvalidArgument, match=r"^beta is a positive finite number, not .*; None lets the memory choose$"
    ):
        checked_beta(beta)


@pytest.mark.parametrize("beta", [20, 0.5, np.float32(0.5), np.int64(3), 1e300])
def test_a_good_beta_becomes_a_float(beta: Any) -> None:
    """Python's and NumPy's positive numbers are inverse temperatures."""
    checked = checked_beta(beta)
    assert type(checked) is float
    assert checked == beta


def test_no_beta_is_no_error() -> None:
    """None, with which the memory chooses, stays None."""
    assert checked_beta(None) is None


# ------------------------------------------------------------------------------------------------------------- metadata


_SELF: dict[str, Any] = {}
_SELF["me"] = [_SELF]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{}", "^metadata is a dict, not str$"),
        ([("a", 1)], "^metadata is a dict, not list$"),
        ({1: "x"}, "^metadata has the key 1; JSON has only strings for keys$"),
        ({"a": {None: "x"}}, r"^metadata\.a has the key None; JSON has only strings"),
        ({"a": [{("b",): 1}]}, r"^metadata\.a\[0\] has the key \('b',\)"),
        ({"a": math.nan}, r"^metadata\.a is nan, which JSON does not have; use None$"),
        ({"a": [0, {"b": -math.inf}]}, r"^metadata\.a\[1\]\.b is -inf, which JSON does not have"),
        ({"a": b"x"}, r"^metadata\.a is a bytes, which JSON does not have; convert it first$"),
        ({"a": {1, 2}}, r"^metadata\.a is a set, which JSON does not have"),
        ({"a": NOON}, r"^metadata\.a is a datetime, which JSON does not have"),
        ({"a": np.zeros(2)}, r"^metadata\.a is a ndarray, which JSON does not have"),
        ({"a": np.int64(3)}, r"^metadata\.a is a int64, which JSON does not have"),
        ({"a": 1j}, r"^metadata\.a is a complex, which JSON does not have"),
        ({"a": ["x\ud800"]}, r"^metadata\.a\[0\] holds a lone surrogate at position 1; decode it again$"),
        ({"a": {"\udcff": 1}}, r"^metadata\.a holds a lone surrogate at position 0"),
        (_SELF, "^metadata is nested too deeply or contains itself$"),
        ({"a": 10**5000}, r"^metadata\.a "),
    ],
    ids=_short,
)
def test_metadata_that_json_would_damage_are_an_invalid_metadata(metadata: Any, message: str) -> None:
    """Whatever JSON has no word for raises InvalidMetadata, which leads to the place and says the cure."""
    with pytest.raises(InvalidMetadata, match=message):
        checked_metadata(metadata)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), _json, max_size=4))
@example({"": {"\x00": [True, 1, 1.0, -0.0, 5e-324, 2**64, None, "\u2028", "\uffff"]}})
def test_any_json_comes_through_unchanged(metadata: dict[str, Any]) -> None:
    """Metadata are equal after the check, in value, type and order, and equal again after a trip through JSON."""
    checked = checked_metadata(metadata)
    assert repr(checked) == repr(metadata)
    assert repr(json.loads(json.dumps(checked))) == repr(metadata)


@given(st.dictionaries(st.text(), _json, max_size=4))
def test_what_the_caller_changes_later_does_not_show(metadata: dict[str, Any]) -> None:
    """The checked metadata share no list and no dict with the caller's object."""
    before = copy.deepcopy(metadata)
    checked = checked_metadata(metadata)
    _spoil(metadata)
    assert checked == before


def _spoil(node: Any) -> None:
    if isinstance(node, dict):
        for each in node.values():
            _spoil(each)
        node["spoilt"] = True
    elif isinstance(node, list):
        for each in node:
            _spoil(each)
        node.append("spoilt")


def test_no_metadata_are_an_empty_dict_and_tuples_are_lists() -> None:
    """None means nothing, and a tuple is stored as the list that JSON makes of it."""
    assert checked_metadata(None) == {}
    assert checked_metadata({"a": (1, (2,))}) == {"a": [1, [2]]}


# -------------------------------------------------------------------------------------------------------------- vectors


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([1.0, math.nan, 2.0], "^the vector holds NaN or infinity in 1 of 3 places$"),
        ([[1.0, math.inf], [-math.inf, math.nan]], "^the vector holds NaN or infinity in 3 of 4 places$"),
        ([None, 1.0], "^the vector holds NaN or infinity in 1 of 2 places$"),
        ([0.0, -0.0], "^the vector is all zero, so it points nowhere and resembles nothing$"),
        ([[1.0, 0.0], [0.0, 0.0]], "^the vector is all zero"),
        ([], r"^a vector has the shape \(d,\) or \(n, d\), not \(0,\)$"),
        ([[], []], r"^a vector has the shape \(d,\) or \(n, d\), not \(2, 0\)$"),
        (np.ones((2, 2, 2)), r"^a vector has the shape \(d,\) or \(n, d\), not \(2, 2, 2\)$"),
        (3.0, r"^a vector has the shape \(d,\) or \(n, d\), not \(\)$"),
        ([[1.0, 2.0], [3.0]], "^a vector is a sequence of numbers: "),
        ("abc", "^a vector is a sequence of numbers"),
        ("12", "^a vector is a sequence of numbers"),
        (["a", "b"], "^a vector is a sequence of numbers"),
        (["1.0", "2.0"], "^a vector is a sequence of numbers"),
        ({"x": 1.0}, "^a vector is a sequence of numbers: .*dict"),
        ({1.0, 2.0}, "^a vector is a sequence of numbers: .*set"),
        ((each for each in (1.0, 2.0)), "^a vector is a sequence of numbers: .*generator"),
        ([1j, 1.0], "^a vector is a sequence of numbers: .*complex"),
        (np.array([1j, 1.0]), "^a vector is a sequence of numbers"),
        ([10**400, 1], "^a vector is a sequence of numbers"),
        (torch.ones(3, requires_grad=True), "^a vector is a sequence of numbers: .*detach"),
    ],
    ids=_short,
)
def test_what_is_no_direction_is_an_invalid_vector(vector: Any, message: str) -> None:
    """NaN, infinity, zero, a wrong shape and what are no numbers raise InvalidVector, which says how much is wrong."""
    with pytest.raises(InvalidVector, match=message):
        unit_vectors(vector)


def test_a_vector_of_another_dimension_is_a_dimension_mismatch() -> None:
    """The error names both dimensions and the cure, and whoever catches InvalidVector catches it."""
    message = "^the vector has 3 dimensions and the memory's have 4; use the embedder that made the stored ones"
    with pytest.raises(DimensionMismatch, match=message) as caught:
        unit_vectors([1.0, 2.0, 3.0], 4)
    assert isinstance(caught.value, InvalidVector)
    assert unit_vectors([1.0, 2.0, 3.0, 4.0], 4).shape == (1, 4)


_rows = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8)


@given(_rows)
@example([1e-300, -2e-300, 0.0])
@example([1e300, -1.7e308, 1.7e308])
@example([5e-324, 0.0])
@example([1e300, 1e-300])
@example([1.7e308] * 8)
def test_any_finite_vector_becomes_unit_and_keeps_its_direction(vector: list[float]) -> None:
    """However large or small, a vector that is not zero becomes float32 of length one, parallel to the original."""
    assume(any(vector))
    unit = unit_vectors(vector)
    # Halving exactly until the largest component lies below one changes no direction and overflows nowhere.
    exponent = math.frexp(max(map(abs, vector)))[1]
    scaled = [math.ldexp(component, -exponent) for component in vector]
    length = math.sqrt(math.fsum(component * component for component in scaled))
    assert unit.shape == (1, len(vector))
    assert unit.dtype == np.float32
    assert np.linalg.norm(unit.astype(np.float64)) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(unit[0], [component / length for component in scaled], rtol=0, atol=1e-6)


@given(_rows, _rows)
def test_each_row_is_normalised_by_itself(left: list[float], right: list[float]) -> None:
    """Two vectors given together become what they become one by one."""
    size = min(len(left), len(right))
    left, right = left[:size], right[:size]
    assume(any(left) and any(right))
    together = unit_vectors([left, right])
    np.testing.assert_array_equal(together, np.concatenate([unit_vectors(left), unit_vectors(right)]))


@pytest.mark.parametrize(
    "vector", [(3, 4), np.array([3, 4], dtype=np.int8), np.array([[3, 4]], dtype=np.float16), torch.tensor([3.0, 4.0])]
)
def test_a_vector_may_come_as_any_array(vector: Any) -> None:
    """Tuples, arrays of any number type and tensors are vectors."""
    np.testing.assert_array_equal(unit_vectors(vector), np.array([[0.6, 0.8]], dtype=np.float32))


def test_the_caller_keeps_the_vector() -> None:
    """The caller's array is not changed, and changing it later changes no pattern."""
    given_ = np.array([[0.6, 0.8]], dtype=np.float32)
    unit = unit_vectors(given_)
    given_[:] = 7.0
    np.testing.assert_array_equal(unit, np.array([[0.6, 0.8]], dtype=np.float32))


# --------------------------------------------------------------------------------------------------------------- drafts


def test_a_text_becomes_a_draft_in_the_namespace_of_the_call() -> None:
    """A bare text has nothing but the namespace."""
    draft = Draft.of("Rex is a dog.", namespace=("ana",))
    assert draft == Draft(text="Rex is a dog.", namespace=("ana",))
    assert (draft.id, draft.metadata, draft.vector) == (None, {}, None)


def test_a_dict_becomes_a_draft_with_every_argument() -> None:
    """Each argument of remember may stand in an item, and its own namespace goes before that of the call."""
    zone = timezone(timedelta(hours=2))
    draft = Draft.of(
        {
            "text": "Rex is a dog.",
            "namespace": ["ben"],
            "id": "e1",
            "actor": "ana",
            "occurred_at": datetime(2024, 5, 1, 14, 0, tzinfo=zone),
            "session": "s1",
            "metadata": {"topic": "pets"},
            "vector": [3.0, 4.0],
            "ttl": timedelta(days=1),
        },
        namespace=("ana",),
    )
    assert (draft.text, draft.namespace, draft.id, draft.actor) == ("Rex is a dog.", ("ben",), "e1", "ana")
    assert (draft.occurred_at, draft.session, draft.metadata) == (NOON, "s1", {"topic": "pets"})
    assert (draft.ttl, draft.expires_at) == (timedelta(days=1), None)
    assert draft.vector is not None
    np.testing.assert_array_equal(draft.vector, np.array([[0.6, 0.8]], dtype=np.float32))


def test_a_dict_without_a_namespace_takes_that_of_the_call() -> None:
    """What an item does not say, the call says."""
    assert Draft.of({"text": "x"}, namespace=("ana",)).namespace == ("ana",)


def test_an_episode_becomes_a_draft_that_keeps_what_the_caller_may_say() -> None:
    """An episode keeps its id, namespace, times and metadata; its version is the memory's to give."""
    episode = Episode(
        id="e1",
        text="Rex is a dog.",
        namespace=("ben",),
        actor="ana",
        occurred_at=NOON,
        session="s1",
        metadata={"topic": "pets"},
        version=3,
        recorded_at=NOON,
        expires_at=NOON + timedelta(days=1),
    )
    assert Draft.of(episode, namespace=("ana",)) == Draft(
        text="Rex is a dog.",
        namespace=("ben",),
        id="e1",
        actor="ana",
        occurred_at=NOON,
        session="s1",
        metadata={"topic": "pets"},
        expires_at=NOON + timedelta(days=1),
    )


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (
            {"text": "x", "speaker": "ana"},
            InvalidArgument,
            "^unknown key 'speaker'; an item is a dict of text, namespace",
        ),
        ({"text": "x", 3: "ana"}, InvalidArgument, "^unknown key 3; an item is a dict of text"),
        ({"text": "x", "expires_at": NOON}, InvalidArgument, "^unknown key 'expires_at'; .* vector, ttl$"),
        ({"actor": "ana"}, InvalidArgument, "^no 'text'; an item is a dict of text"),
        ({}, InvalidArgument, "^no 'text'"),
        (7, InvalidArgument, "^an item is a str, a dict or an Episode, not int$"),
        (None, InvalidArgument, "^an item is a str, a dict or an Episode, not NoneType$"),
        (("x", {}), InvalidArgument, "^an item is a str, a dict or an Episode, not tuple$"),
        ("", InvalidText, "^text is empty"),
        ({"text": None}, InvalidText, "^text is a str, not NoneType$"),
        ({"text": "x", "id": ""}, InvalidText, "^id is empty"),
        ({"text": "x", "actor": 3}, InvalidText, "^actor is a str, not int$"),
        ({"text": "x", "session": "a\nb"}, InvalidText, "^session .* holds a tab or a line break"),
        ({"text": "x", "namespace": "ana"}, InvalidNamespace, "write .* with the comma$"),
        ({"text": "x", "occurred_at": "today"}, InvalidTime, "^occurred_at is a datetime, not str$"),
        ({"text": "x", "metadata": {"a": math.inf}}, InvalidMetadata, r"^metadata\.a is inf"),
        ({"text": "x", "vector": [0.0]}, InvalidVector, "^the vector is all zero"),
        ({"text": "x", "ttl": 5}, InvalidArgument, "^ttl is a timedelta"),
        (Episode("e1", " "), InvalidText, "^text is blank"),
    ],
    ids=_short,
)
def test_a_wrong_item_is_a_named_error(item: Any, error: type[InvalidInput], message: str) -> None:
    """Every argument of an item is checked, and an unknown one is named together with the known ones."""
    with pytest.raises(error, match=message) as caught:
        Draft.of(item)
    assert isinstance(caught.value, AmError)
    assert isinstance(caught.value, ValueError)
