"""What LangGraph's filters and namespace patterns mean. Knows values and tuples, neither episodes nor stores."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.store.base import MatchCondition

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS = ("$eq", "$ne", *_ORDERED)


def check_filter(wanted: Any) -> None:
    """Refuse a filter with an operator that does not exist, before anything is compared.

    Raises:
        ValueError: It names the operator, and those that exist.
    """
    if isinstance(wanted, Mapping):
        unknown = [key for key in wanted if key not in _OPERATORS] if _is_operators(wanted) else []
        if unknown:
            raise ValueError(f"Unsupported operator: {unknown[0]}; there are {' '.join(_OPERATORS)}")
        for part in wanted.values():
            check_filter(part)
    elif isinstance(wanted, list | tuple):
        for part in wanted:
            check_filter(part)


def satisfies(value: Any, wanted: Any) -> bool:
    """Whether a value is what a filter asks for: operators, a part of an object, a list, or the value itself.

    Example:
        >>> satisfies({"n": 3, "tags": ["a"], "more": 1}, {"n": {"$gte": 2}, "tags": ["a"]})
        True
    """
    if isinstance(wanted, Mapping):
        if _is_operators(wanted):
            return all(_holds(value, name, operand) for name, operand in wanted.items())
        return isinstance(value, Mapping) and all(satisfies(value.get(key), part) for key, part in wanted.items())
    if isinstance(wanted, list | tuple):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(satisfies, value, wanted))
    return bool(value == wanted)


def matches(condition: MatchCondition, namespace: Sequence[str]) -> bool:
    """Whether a namespace begins or ends as a condition says, where "*" stands for any one label.

    Raises:
        ValueError: The condition is neither a prefix nor a suffix.
    """
    path = tuple(condition.path)
    if condition.match_type == "prefix":
        part = namespace[: len(path)]
    elif condition.match_type == "suffix":
        part = namespace[len(namespace) - len(path) :] if len(path) <= len(namespace) else ()
    else:
        raise ValueError(f"Unsupported match type: {condition.match_type}; there are prefix and suffix")
    return len(part) == len(path) and all(label in ("*", own) for label, own in zip(path, part, strict=True))


def _is_operators(wanted: Mapping[str, Any]) -> bool:
    return any(key.startswith("$") for key in wanted)


def _holds(value: Any, name: str, operand: Any) -> bool:
    if name == "$eq":
        return bool(value == operand)
    if name == "$ne":
        return bool(value != operand)
    compare = _ORDERED[name]
    numbers = _number(value), _number(operand)
    if None not in numbers:
        return compare(*numbers)
    # What is absent or no number is not ordered; InMemoryStore raises for it, databases leave the item out.
    return isinstance(value, str) and isinstance(operand, str) and compare(value, operand)


def _number(value: Any) -> float | None:
    """The value as a float, as the framework's own stores compare it, numbers in strings included."""
    if not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
