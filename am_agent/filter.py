"""The filter language over metadata: JSON in, a predicate out. Knows nothing of SQL or of episodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from am_agent.errors import InvalidFilter

Predicate = Callable[[Mapping[str, Any]], bool]

_ABSENT = object()
_GROUPS = ("and", "or", "not")


def compile_filter(where: Mapping[str, Any]) -> Predicate:
    """Turn a filter into a predicate over metadata.

    A filter maps paths to values (equality) or to operators; several entries must all hold. A path is a key, or
    keys joined by dots for nested objects (a key that itself contains the dots is preferred). Operators:
    `eq ne gt gte lt lte in nin contains exists`; groups: `and` and `or` over lists of filters, `not` over one.

    `ne` and `nin` are the negations of `eq` and `in`, so they hold where the path is absent. Numbers compare with
    numbers and strings with strings; everything else is unequal and unordered, and true is not 1. `contains`
    finds an element of a list or a part of a string.

    Raises:
        InvalidFilter: An unknown operator, or an operand of the wrong kind.

    Example:
        >>> matches = compile_filter({"topic": "pets", "n": {"gte": 3}})
        >>> matches({"topic": "pets", "n": 4}), matches({"topic": "pets"})
        (True, False)
    """
    try:
        return _compiled(where)
    except RecursionError as error:
        raise InvalidFilter("the filter is nested too deeply or contains itself") from error


def _compiled(where: Mapping[str, Any]) -> Predicate:
    if not isinstance(where, Mapping):
        raise InvalidFilter(f"a filter is a dict such as {{'topic': 'x'}}, not {type(where).__name__}")
    return _all([_entry(key, operand) for key, operand in where.items()])


def _entry(key: str, operand: Any) -> Predicate:
    if not isinstance(key, str) or not key:
        raise InvalidFilter(f"the keys of a filter are paths into the metadata, not {key!r}")
    if key == "not":
        negated = _compiled(operand)
        return lambda metadata: not negated(metadata)
    if key in _GROUPS:
        if not isinstance(operand, Sequence) or isinstance(operand, str):
            raise InvalidFilter(f"'{key}' takes a list of filters, not {operand!r}")
        parts = [_compiled(part) for part in operand]
        return _all(parts) if key == "and" else _any(parts)
    if not isinstance(operand, Mapping):
        operand = {"eq": operand}
    if not operand:
        raise InvalidFilter(f"no operator for '{key}'; to compare with an empty object write {{'eq': {{}}}}")
    return _all([_test(key, name, value) for name, value in operand.items()])


def _test(path: str, operator: Any, operand: Any) -> Predicate:
    make = _OPERATORS.get(operator)
    if make is None:
        known = " ".join(_OPERATORS)
        raise InvalidFilter(
            f"unknown operator {operator!r} for '{path}'; there are {known} and the groups {' '.join(_GROUPS)}"
        )
    test = make(path, operand)
    return lambda metadata: test(_read(metadata, path))


def _all(parts: Sequence[Predicate]) -> Predicate:
    return lambda metadata: all(part(metadata) for part in parts)


def _any(parts: Sequence[Predicate]) -> Predicate:
    return lambda metadata: any(part(metadata) for part in parts)


def _read(metadata: Any, path: str) -> Any:
    if not isinstance(metadata, Mapping):
        return _ABSENT
    if path in metadata:
        return metadata[path]
    for split in range(len(path) - 1, 0, -1):  # the longest key first
        if path[split] == "." and path[:split] in metadata:
            found = _read(metadata[path[:split]], path[split + 1 :])
            if found is not _ABSENT:
                return found
    return _ABSENT


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return type(left) is type(right) and bool(left == right)


Test = Callable[[Any], bool]


def _eq(_path: str, operand: Any) -> Test:
    return lambda value: _equal(value, operand)


def _ne(_path: str, operand: Any) -> Test:
    return lambda value: not _equal(value, operand)


def _ordered(name: str, holds: Callable[[Any, Any], bool]) -> Callable[[str, Any], Test]:
    def make(path: str, operand: Any) -> Test:
        if not (_is_number(operand) or isinstance(operand, str)) or operand != operand:
            raise InvalidFilter(f"'{name}' for '{path}' takes a number or a string, not {operand!r}")

        def test(value: Any) -> bool:
            same_kind = (_is_number(value) and _is_number(operand)) or (
                isinstance(value, str) and isinstance(operand, str)
            )
            return same_kind and holds(value, operand)

        return test

    return make


def _in(path: str, operand: Any) -> Test:
    if not isinstance(operand, Sequence) or isinstance(operand, str | bytes | bytearray):
        raise InvalidFilter(f"'in' and 'nin' for '{path}' take a list, not {operand!r}")
    return lambda value: any(_equal(value, choice) for choice in operand)


def _nin(path: str, operand: Any) -> Test:
    included = _in(path, operand)
    return lambda value: not included(value)


def _contains(path: str, operand: Any) -> Test:
    if isinstance(operand, float) and math.isnan(operand):
        raise InvalidFilter(f"'contains' for '{path}' cannot look for NaN: it equals nothing")

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return isinstance(operand, str) and operand in value
        return isinstance(value, list | tuple) and any(_equal(element, operand) for element in value)

    return test


def _exists(path: str, operand: Any) -> Test:
    if not isinstance(operand, bool):
        raise InvalidFilter(f"'exists' for '{path}' takes true or false, not {operand!r}")
    return lambda value: (value is not _ABSENT) is operand


_OPERATORS: dict[Any, Callable[[str, Any], Test]] = {
    "eq": _eq,
    "ne": _ne,
    "gt": _ordered("gt", lambda value, operand: value > operand),
    "gte": _ordered("gte", lambda value, operand: value >= operand),
    "lt": _ordered("lt", lambda value, operand: value < operand),
    "lte": _ordered("lte", lambda value, operand: value <= operand),
    "in": _in,
    "nin": _nin,
    "contains": _contains,
    "exists": _exists,
}
