"""The filter language: each operator by values, its laws, its errors, and an evaluator written another way."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from am_agent.errors import InvalidFilter
from am_agent.filter import compile_filter

# ------------------------------------------------------------------------------- a reference, interpreted, not compiled


def _canonical(value: Any) -> tuple[Any, ...]:
    """The value as a tagged tuple, such that two values are equal where their tuples are."""
    match value:
        case None:
            return ("null",)
        case bool():
            return ("truth", value)
        case int() | float():
            return ("number", Fraction(value))
        case str():
            return ("string", value)
        case list():
            return ("list", tuple(map(_canonical, value)))
        case dict():
            return ("object", frozenset((key, _canonical(each)) for key, each in value.items()))
    raise AssertionError(f"{value!r} is not JSON")


def _reachable(node: Any, parts: list[str]) -> Iterator[Any]:
    """Every value that the parts of a path lead to, the keys that contain most dots first."""
    if not parts:
        yield node
    elif isinstance(node, dict):
        for taken in range(len(parts), 0, -1):
            key = ".".join(parts[:taken])
            if key in node:
                yield from _reachable(node[key], parts[taken:])


def _holds(where: dict[str, Any], metadata: dict[str, Any]) -> bool:
    verdicts = []
    for key, operand in where.items():
        if key == "and":
            verdicts.append(False not in [_holds(part, metadata) for part in operand])
        elif key == "or":
            verdicts.append(True in [_holds(part, metadata) for part in operand])
        elif key == "not":
            verdicts.append(not _holds(operand, metadata))
        else:
            present = [_canonical(value) for value in _reachable(metadata, key.split("."))][:1]
            tests = operand if isinstance(operand, dict) else {"eq": operand}
            verdicts += [_passes(name, present, value) for name, value in tests.items()]
    return False not in verdicts


def _passes(name: str, present: list[tuple[Any, ...]], operand: Any) -> bool:
    """Whether a value, in a list that is empty where there is none, passes one operator."""
    match name:
        case "exists":
            return bool(present) == operand
        case "ne" | "nin":
            return not _passes({"ne": "eq", "nin": "in"}[name], present, operand)
        case "in":
            return any(_passes("eq", present, choice) for choice in operand)
    if not present:
        return False
    (kind, *rest), (other_kind, *other_rest) = present[0], _canonical(operand)
    match name:
        case "eq":
            return (kind, rest) == (other_kind, other_rest)
        case "contains" if kind == "string":
            return other_kind == "string" and other_rest[0] in rest[0]
        case "contains":
            return kind == "list" and _canonical(operand) in rest[0]
    if kind != other_kind:
        return False
    sign = (rest > other_rest) - (rest < other_rest)
    return sign in {"gt": (1,), "gte": (0, 1), "lt": (-1,), "lte": (-1, 0)}[name]


_names = st.sampled_from(["a", "b", "c", "a.b", "b.c"])
_paths = st.sampled_from(["a", "b", "c", "a.b", "b.c", "a.b.c", "a.b.c.a", "b.c.b", "a.a"])
_numbers = st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, 1.5, -2.0, 1e300, 2**53 + 1, 10**400])
_strings = st.text("ab", max_size=3)
_scalars = st.none() | st.booleans() | _numbers | _strings
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3), max_leaves=6
)
_metadata = st.dictionaries(_names, _values, max_size=4)
_ordered = st.fixed_dictionaries({}, optional=dict.fromkeys(("gt", "gte", "lt", "lte"), _numbers | _strings))
_tests = st.one_of(
    st.fixed_dictionaries({}, optional={"eq": _values, "ne": _values, "contains": _values, "exists": st.booleans()}),
    st.fixed_dictionaries({}, optional={name: st.lists(_values, max_size=3) for name in ("in", "nin")}),
    _ordered,
).filter(bool)
_leaves = st.dictionaries(_paths, _tests | _values.filter(lambda value: not isinstance(value, dict)), max_size=2)
_filters = st.recursive(
    _leaves,
    lambda inner: st.fixed_dictionaries(
        {}, optional={"and": st.lists(inner, max_size=3), "or": st.lists(inner, max_size=3), "not": inner}
    ),
    max_leaves=5,
)


@settings(max_examples=300)
@given(_filters, _metadata)
@example({"a.b.c": 2}, {"a": {"b": {"c": 1}}, "a.b": {"c": 2}})
@example({"a.b.c": 1}, {"a": {"b": {"c": 1}}, "a.b": {"a": 2}})
@example({"a": {"eq": 2**53 + 1}}, {"a": float(2**53)})
def test_a_compiled_filter_agrees_with_the_reference(where: dict[str, Any], metadata: dict[str, Any]) -> None:
    """A predicate says of any metadata what the interpreted reference says."""
    assert compile_filter(where)(metadata) is _holds(where, metadata)


# ----------------------------------------------------------------------------------------------------------------- laws


@given(_filters, _filters, _metadata)
def test_de_morgan_holds_for_and(left: dict[str, Any], right: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Not (A and B) is (not A) or (not B)."""
    negated = compile_filter({"not": {"and": [left, right]}})
    assert negated(metadata) is compile_filter({"or": [{"not": left}, {"not": right}]})(metadata)


@given(_filters, _filters, _metadata)
def test_de_morgan_holds_for_or(left: dict[str, Any], right: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Not (A or B) is (not A) and (not B)."""
    negated = compile_filter({"not": {"or": [left, right]}})
    assert negated(metadata) is compile_filter({"and": [{"not": left}, {"not": right}]})(metadata)


@given(_paths, _values, _metadata)
def test_ne_is_the_negation_of_eq(path: str, value: Any, metadata: dict[str, Any]) -> None:
    """Exactly one of eq and ne holds, for every value and also where the path is absent."""
    equal, unequal = compile_filter({path: {"eq": value}}), compile_filter({path: {"ne": value}})
    assert equal(metadata) is not unequal(metadata)


@given(_paths, st.lists(_values, max_size=4), _metadata)
def test_nin_is_the_negation_of_in(path: str, choices: list[Any], metadata: dict[str, Any]) -> None:
    """Exactly one of in and nin holds, for every list and also where the path is absent."""
    assert compile_filter({path: {"in": choices}})(metadata) is not compile_filter({path: {"nin": choices}})(metadata)


@given(_paths, _numbers | _strings, _metadata)
def test_order_is_total_within_a_kind(path: str, operand: Any, metadata: dict[str, Any]) -> None:
    """Of lt, eq and gt one holds for a value of the operand's kind, and none for a value of another kind."""
    outcomes = [compile_filter({path: {name: operand}})(metadata) for name in ("lt", "eq", "gt")]
    kind = compile_filter({path: {"lte": operand}})(metadata) or compile_filter({path: {"gte": operand}})(metadata)
    assert sum(outcomes) == kind


@given(_filters)
def test_compiling_and_asking_leave_the_filter_as_it_was(where: dict[str, Any]) -> None:
    """A filter is read, not changed, and its predicate gives the same answer twice."""
    before = repr(where)
    predicate = compile_filter(where)
    assert predicate({"a": 1}) is predicate({"a": 1})
    assert repr(where) == before


# ------------------------------------------------------------------------------------------------------ what each means


class Topic(StrEnum):
    """Strings as many programs keep theirs."""

    PETS = "pets"


_CASES = [
    # a plain value is eq
    ({"topic": "pets"}, {"topic": "pets"}, True),
    ({"topic": "pets"}, {"topic": "Pets"}, False),
    ({"topic": "pets"}, {}, False),
    ({"topic": Topic.PETS}, {"topic": "pets"}, True),
    ({"topic": {"in": [Topic.PETS]}}, {"topic": "pets"}, True),
    ({"topic": None}, {"topic": None}, True),
    ({"topic": None}, {}, False),
    ({"tags": ["a", "b"]}, {"tags": ["a", "b"]}, True),
    ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, False),
    ({"tags": ["a"]}, {"tags": "a"}, False),
    ({"n": {"eq": {}}}, {"n": {}}, True),
    ({"n": {"eq": {"x": 1}}}, {"n": {"x": 1.0}}, True),
    ({"n": {"eq": {"x": 1}}}, {"n": {"x": 1, "y": 2}}, False),
    # true is not 1, and 1 is 1.0, at any depth
    ({"n": 1}, {"n": True}, False),
    ({"n": True}, {"n": 1}, False),
    ({"n": 0}, {"n": False}, False),
    ({"n": False}, {"n": False}, True),
    ({"n": 1}, {"n": 1.0}, True),
    ({"n": [1, [0]]}, {"n": [1.0, [0.0]]}, True),
    ({"n": [1, [0]]}, {"n": [True, [False]]}, False),
    ({"n": {"in": [True]}}, {"n": 1}, False),
    ({"n": {"contains": 1}}, {"n": [True]}, False),
    ({"n": "1"}, {"n": 1}, False),
    ({"n": 2**53 + 1}, {"n": float(2**53)}, False),
    # ne and nin hold where there is nothing
    ({"n": {"ne": 1}}, {}, True),
    ({"n": {"ne": 1}}, {"n": 2}, True),
    ({"n": {"ne": 1}}, {"n": 1.0}, False),
    ({"n": {"ne": 1}}, {"n": True}, True),
    ({"n": {"ne": None}}, {}, True),
    ({"n": {"ne": None}}, {"n": None}, False),
    ({"n": {"nin": [1, 2]}}, {}, True),
    ({"n": {"nin": [1, 2]}}, {"n": 3}, True),
    ({"n": {"nin": [1, 2]}}, {"n": 2}, False),
    ({"n": {"nin": []}}, {"n": 2}, True),
    # in
    ({"n": {"in": [1, "x", None]}}, {"n": "x"}, True),
    ({"n": {"in": [1, "x", None]}}, {"n": None}, True),
    ({"n": {"in": [1, "x", None]}}, {}, False),
    ({"n": {"in": []}}, {"n": 1}, False),
    ({"n": {"in": (1, 2)}}, {"n": 2}, True),
    ({"n": {"in": [[1]]}}, {"n": [1]}, True),
    # order, within a kind only
    ({"n": {"gt": 3}}, {"n": 4}, True),
    ({"n": {"gt": 3}}, {"n": 3}, False),
    ({"n": {"gte": 3}}, {"n": 3.0}, True),
    ({"n": {"gte": 3}}, {"n": 2.9}, False),
    ({"n": {"lt": 3}}, {"n": 2.9}, True),
    ({"n": {"lt": 3}}, {"n": 3}, False),
    ({"n": {"lte": 3}}, {"n": 3}, True),
    ({"n": {"lte": 3}}, {"n": 4}, False),
    ({"n": {"lt": float("inf")}}, {"n": 10**400}, True),
    ({"n": {"gte": "b"}}, {"n": "b"}, True),
    ({"n": {"gt": "b"}}, {"n": "a"}, False),
    ({"n": {"gt": "2024-01-31"}}, {"n": "2024-02-01"}, True),
    ({"n": {"gt": 3}}, {"n": "4"}, False),
    ({"n": {"lt": "4"}}, {"n": 3}, False),
    ({"n": {"gte": 1}}, {"n": True}, False),
    ({"n": {"lte": 1}}, {"n": None}, False),
    ({"n": {"lte": 1}}, {"n": [0]}, False),
    ({"n": {"lte": 1}}, {}, False),
    # contains
    ({"tags": {"contains": "pet"}}, {"tags": ["pet", "dog"]}, True),
    ({"tags": {"contains": "pe"}}, {"tags": ["pet", "dog"]}, False),
    ({"tags": {"contains": "pe"}}, {"tags": "a pet"}, True),
    ({"tags": {"contains": ""}}, {"tags": "a pet"}, True),
    ({"tags": {"contains": 1}}, {"tags": "1"}, False),
    ({"tags": {"contains": 1}}, {"tags": [0, 1.0]}, True),
    ({"tags": {"contains": None}}, {"tags": [None]}, True),
    ({"tags": {"contains": ["a"]}}, {"tags": [["a"]]}, True),
    ({"tags": {"contains": "a"}}, {"tags": {"a": 1}}, False),
    ({"tags": {"contains": "a"}}, {"tags": None}, False),
    ({"tags": {"contains": "a"}}, {}, False),
    # exists
    ({"n": {"exists": True}}, {"n": None}, True),
    ({"n": {"exists": True}}, {}, False),
    ({"n": {"exists": False}}, {}, True),
    ({"n": {"exists": False}}, {"n": False}, False),
    # nested paths and keys that contain dots
    ({"a.b": 1}, {"a": {"b": 1}}, True),
    ({"a.b": 1}, {"a": {"b": 2}}, False),
    ({"a.b": 1}, {"a.b": 1}, True),
    ({"a.b": 1}, {"a.b": 2, "a": {"b": 1}}, False),
    ({"a.b.c": 1}, {"a": {"b": {"c": 1}}}, True),
    ({"a.b.c": 1}, {"a.b": {"c": 1}}, True),
    ({"a.b.c": 1}, {"a": {"b.c": 1}}, True),
    ({"a.b.c": 2}, {"a": {"b": {"c": 1}}, "a.b": {"c": 2}}, True),
    ({"a.b.c": 1}, {"a": {"x": 0}, "a.b": {"c": 1}}, True),
    ({"a.b": {"exists": False}}, {"a": 1}, True),
    ({"a.b": {"exists": False}}, {"a": [{"b": 1}]}, True),
    ({"a.b": {"exists": True}}, {"a": {"b": None}}, True),
    ({"a.b": {"ne": 1}}, {"a": "b"}, True),
    ({"a.": 1}, {"a": {"": 1}}, True),
    # several entries, several operators, groups
    ({}, {"n": 1}, True),
    ({"n": {"gt": 1, "lt": 3}}, {"n": 2}, True),
    ({"n": {"gt": 1, "lt": 3}}, {"n": 3}, False),
    ({"n": 1, "m": 2}, {"n": 1, "m": 2}, True),
    ({"n": 1, "m": 2}, {"n": 1}, False),
    ({"and": []}, {}, True),
    ({"or": []}, {}, False),
    ({"and": [{"n": 1}, {"m": 2}]}, {"n": 1, "m": 2}, True),
    ({"and": [{"n": 1}, {"m": 2}]}, {"n": 1, "m": 3}, False),
    ({"or": [{"n": 1}, {"m": 2}]}, {"m": 2}, True),
    ({"or": [{"n": 1}, {"m": 2}]}, {"m": 3}, False),
    ({"or": ({"n": 1}, {"m": 2})}, {"n": 1}, True),
    ({"not": {"n": 1}}, {"n": 2}, True),
    ({"not": {"n": 1}}, {"n": 1}, False),
    ({"not": {}}, {}, False),
    ({"n": 1, "not": {"m": 1}}, {"n": 1, "m": 1}, False),
    ({"not": {"not": {"or": [{"n": 1}, {"and": [{"m": 1}]}]}}}, {"m": 1}, True),
]


@pytest.mark.parametrize(("where", "metadata", "expected"), _CASES, ids=lambda each: repr(each)[:60])
def test_each_operator_means_what_it_says(where: dict[str, Any], metadata: dict[str, Any], expected: bool) -> None:
    """A filter holds for these metadata, or does not."""
    assert compile_filter(where)(metadata) is expected


# --------------------------------------------------------------------------------------------------------------- errors


_KNOWN = "eq ne gt gte lt lte in nin contains exists"
_SELF: dict[str, Any] = {}
_SELF["not"] = _SELF


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("topic", r"a filter is a dict such as \{'topic': 'x'\}, not str"),
        (None, "a filter is a dict .* not NoneType"),
        ([{"n": 1}], "a filter is a dict .* not list"),
        ({1: "x"}, "keys of a filter are paths into the metadata, not 1"),
        ({"": "x"}, "keys of a filter are paths into the metadata, not ''"),
        ({"n": {"near": 3}}, rf"unknown operator 'near' for 'n'; there are {_KNOWN} and the groups and or not"),
        ({"n": {"$gte": 3}}, r"unknown operator '\$gte' for 'n'"),
        ({"n": {"GT": 3}}, "unknown operator 'GT' for 'n'"),
        ({"n": {1: 3}}, "unknown operator 1 for 'n'"),
        ({"n": {None: 3}}, "unknown operator None for 'n'"),
        ({"n": {"and": []}}, "unknown operator 'and' for 'n'"),
        ({"n": {"gte": 1, "near": 3}}, "unknown operator 'near' for 'n'"),
        ({"not": {"or": [{"a.b": {"like": "x"}}]}}, "unknown operator 'like' for 'a.b'"),
        ({"n": {}}, r"no operator for 'n'; to compare with an empty object write \{'eq': \{\}\}"),
        ({"n": {"gt": None}}, "'gt' for 'n' takes a number or a string, not None"),
        ({"n": {"gte": True}}, "'gte' for 'n' takes a number or a string, not True"),
        ({"n": {"lt": [1]}}, r"'lt' for 'n' takes a number or a string, not \[1\]"),
        ({"n": {"lte": float("nan")}}, "'lte' for 'n' takes a number or a string, not nan"),
        ({"n": {"in": "abc"}}, "'in' and 'nin' for 'n' take a list, not 'abc'"),
        ({"n": {"in": b"abc"}}, "'in' and 'nin' for 'n' take a list, not b'abc'"),
        ({"n": {"nin": 3}}, "'in' and 'nin' for 'n' take a list, not 3"),
        ({"n": {"nin": {"a": 1}}}, "'in' and 'nin' for 'n' take a list"),
        ({"n": {"contains": float("nan")}}, "'contains' for 'n' cannot look for NaN"),
        ({"n": {"exists": 1}}, "'exists' for 'n' takes true or false, not 1"),
        ({"n": {"exists": None}}, "'exists' for 'n' takes true or false, not None"),
        ({"and": {"n": 1}}, r"'and' takes a list of filters, not \{'n': 1\}"),
        ({"or": "n"}, "'or' takes a list of filters, not 'n'"),
        ({"or": 3}, "'or' takes a list of filters, not 3"),
        ({"and": ["n"]}, "a filter is a dict .* not str"),
        ({"not": [{"n": 1}]}, "a filter is a dict .* not list"),
        (_SELF, "nested too deeply or contains itself"),
    ],
    ids=lambda each: repr(each)[:60],
)
def test_a_wrong_filter_is_a_named_error(where: Any, message: str) -> None:
    """What is no filter raises InvalidFilter when it is compiled, before any metadata are seen, and says why."""
    with pytest.raises(InvalidFilter, match=message):
        compile_filter(where)


def test_an_invalid_filter_is_a_value_error() -> None:
    """Whoever catches ValueError catches a wrong filter, too."""
    with pytest.raises(ValueError, match="unknown operator 'near'"):
        compile_filter({"n": {"near": 3}})
