"""Documents of JSON: the same values as from a parser that reads all at once, in the memory of one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.formats.entry import Broken
from am_agent.formats.json_documents import TooDeep, events, head, members, values

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def _chunks(text: str, size: int = 7) -> Iterator[bytes]:
    content = text.encode()
    return (content[start : start + size] for start in range(0, len(content), size))


def _values(text: str, size: int = 7) -> list[Any]:
    return list(values(events(_chunks(text, size))))


@given(st.lists(_json, max_size=5), st.sampled_from([None, 2]), st.integers(1, 50))
def test_the_elements_of_an_array_are_its_values(document: list[Any], indent: int | None, size: int) -> None:
    """On one line or on many, in chunks of any size."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    assert json.dumps(_values(text, size)) == json.dumps(document)


@given(st.lists(st.dictionaries(st.text(max_size=5), _json, max_size=3), max_size=4), st.data())
def test_what_stands_before_a_cut_is_read(document: list[Any], data: st.DataObject) -> None:
    """Wherever the file ends, the values that are whole come first, then the break."""
    text = json.dumps(document)
    cut = data.draw(st.integers(0, len(text) - 1))
    found = []
    with pytest.raises(Broken, match=r"the file ends in the middle of it|from here on it is not JSON"):  # noqa: PT012
        for value in values(events(_chunks(text[:cut]))):
            found.append(value)
    whole = [place for place in range(len(document) + 1) if len(json.dumps(document[:place])) - 1 <= cut]
    assert found == document[: max(whole, default=0)]


def test_one_value_is_in_memory_at_a_time() -> None:
    """A value is handed out before the next one is read."""
    read = []

    def chunks() -> Iterator[bytes]:
        for chunk in (b'[{"a": 1},', b'{"a": 2},', b'{"a": 3}]'):
            read.append(chunk)
            yield chunk

    found = values(events(chunks()))
    assert next(found) == {"a": 1}
    assert len(read) == 1


def test_values_beside_each_other_are_values() -> None:
    """Several documents in one file, and one that is no array."""
    assert _values('{"a": 1}\n{"b":\n 2}') == [{"a": 1}, {"b": 2}]
    assert _values("42") == [42]
    assert _values("[]") == []


def test_an_error_in_the_middle_is_a_break() -> None:
    """What comes before it is read."""
    found = values(events(_chunks('[{"a": 1}, {"b": }, {"c": 3}]', 100)))
    assert next(found) == {"a": 1}
    with pytest.raises(Broken, match=r"^from here on it is not JSON \(parse error: unallowed token.*\)$"):
        next(found)


def test_what_is_nested_too_deeply_costs_only_itself() -> None:
    """Nothing is built of it, in particular not by recursion."""
    deep = "[" * 100_000 + "]" * 100_000
    before, between, after = _values(f'["a", {{"x": {deep}}}, "b"]', 65536)
    assert (before, after) == ("a", "b")
    assert isinstance(between, TooDeep)


def test_numbers_are_what_json_makes_of_them() -> None:
    """Whole numbers of any size, and floats."""
    assert (
        repr(_values("[1, 1.0, 12345678901234567890123, 1e3, -0.5]"))
        == "[1, 1.0, 12345678901234567890123, 1000.0, -0.5]"
    )


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "1" * 4301, "1e" + "9" * 30])
@pytest.mark.parametrize("size", [7, 65536])
def test_a_number_that_nobody_can_read_is_a_break(number: str, size: int) -> None:
    """The values before it are read, and no parser crashes; digits in a string are no number."""
    found = values(events(_chunks(f'["{"1" * 5000}", 2, {number}, 3]', size)))
    assert next(found) == "1" * 5000
    assert next(found) == 2
    with pytest.raises(Broken):
        next(found)


@given(st.dictionaries(st.text(max_size=5), _json, max_size=5))
def test_the_head_of_an_object_is_its_scalars(document: dict[str, Any]) -> None:
    """Lists and objects are told, but empty."""
    found = head(events(_chunks(json.dumps(document))))
    assert found is not None
    assert found.keys() == document.keys()
    for key, value in document.items():
        assert found[key] == (type(value)() if isinstance(value, list | dict) else value)


def test_only_one_object_has_a_head() -> None:
    """An array has none, nor have several objects."""
    for text in ("[1]", '{"a": 1} {"a": 2}', "7"):
        assert head(events(_chunks(text))) is None
    assert head(events(_chunks('{"a": 1, "b": [1, 2'))) == {"a": 1, "b": []}


@given(st.lists(_json, max_size=5), _json)
def test_the_members_of_an_object_come_one_by_one(document: list[Any], other: Any) -> None:
    """The array under a key, whatever stands around it."""
    text = json.dumps({"a": other, "m": document, "z": {"m": [1]}})
    assert json.dumps(list(members(events(_chunks(text)), "m"))) == json.dumps(document)
