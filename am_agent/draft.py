"""What may enter a memory: a caller's arguments become a valid draft or a named error. Knows no model and no SQL."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from am_agent.episode import Episode, Namespace
from am_agent.errors import (
    DimensionMismatch,
    InvalidArgument,
    InvalidMetadata,
    InvalidNamespace,
    InvalidText,
    InvalidTime,
    InvalidVector,
)

Vectors = npt.NDArray[np.float32]

_LINE_BREAKS = "\t\n\r"
_LONGEST_INTEGER = 14_000  # bits: Python reads and writes no more than 4,300 digits
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Draft:
    """An episode that is valid but not recorded yet."""

    text: str
    namespace: Namespace
    id: str | None = None
    actor: str | None = None
    occurred_at: datetime | None = None
    session: str | None = None
    reply_to: str | None = None
    derived_from: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    vector: Vectors | None = None  # [patterns, d], unit rows
    ttl: timedelta | None = None
    expires_at: datetime | None = None

    @staticmethod
    def of(item: str | Mapping[str, Any] | Episode, *, namespace: Namespace = ()) -> Draft:
        """Check an item of `remember_many`: a text, a dict of the arguments of `remember`, or an episode.

        Args:
            item: What is to be remembered. The namespace of a dict or of an episode goes before the argument.
            namespace: Where it goes otherwise.

        Raises:
            InvalidInput: One of its subclasses, which names the argument.
        """
        if isinstance(item, str):
            return Draft.checked(text=item, namespace=namespace)
        if isinstance(item, Episode):
            return Draft.checked(**{name: getattr(item, name) for name in _KEPT}, expires_at=item.expires_at)
        if isinstance(item, Mapping):
            unknown = [key for key in item if key not in _ARGUMENTS]
            if unknown or "text" not in item:
                wrong = f"unknown key {unknown[0]!r}" if unknown else "no 'text'"
                raise InvalidArgument(f"{wrong}; an item is a dict of {', '.join(_ARGUMENTS)}")
            return Draft.checked(**{"namespace": namespace, **item})
        raise InvalidArgument(f"an item is a str, a dict or an Episode, not {type(item).__name__}")

    @staticmethod
    def checked(
        *,
        text: str,
        namespace: Namespace = (),
        id: str | None = None,  # noqa: A002  the public name of the argument
        actor: str | None = None,
        occurred_at: datetime | None = None,
        session: str | None = None,
        reply_to: str | None = None,
        derived_from: str | Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        vector: npt.ArrayLike | None = None,
        ttl: timedelta | None = None,
        expires_at: datetime | None = None,
    ) -> Draft:
        """Check every argument and copy what the caller could change later."""
        own, answered = checked_label(id, "id"), checked_label(reply_to, "reply_to")
        sources = tuple(dict.fromkeys(ids_of(derived_from, "derived_from")))
        for name, targets in (("reply_to", (answered,)), ("derived_from", sources)):
            if own is not None and own in targets:
                raise InvalidArgument(f"the episode {own!r} names itself in {name}; name another one, or leave it out")
        return Draft(
            text=checked_text(text),
            namespace=checked_namespace(namespace),
            id=own,
            actor=checked_label(actor, "actor"),
            occurred_at=checked_time(occurred_at, "occurred_at"),
            session=checked_label(session, "session"),
            reply_to=answered,
            derived_from=sources,
            metadata=checked_metadata(metadata),
            vector=None if vector is None else unit_vectors(vector),
            ttl=checked_ttl(ttl),
            expires_at=checked_time(expires_at, "expires_at"),
        )


_KEPT = ("text", "namespace", "id", "actor", "occurred_at", "session", "reply_to", "derived_from", "metadata")
_ARGUMENTS = tuple(each.name for each in fields(Draft) if each.name != "expires_at")


def checked_text(text: Any, name: str = "text") -> str:
    """Return the text if it says something and can be stored, otherwise raise InvalidText."""
    if not isinstance(text, str):
        raise InvalidText(f"{name} is a str, not {type(text).__name__}")
    if not text.strip():
        raise InvalidText(f"{name} is {'blank' if text else 'empty'}; there is nothing in it to embed or to recall")
    _check_characters(text, name)
    return str.__str__(text)  # the value of a member of a str enumeration, not its name


def checked_label(label: Any, name: str) -> str | None:
    """Return an id, an actor or a session: a text of one line, or None."""
    if label is None:
        return None
    checked_text(label, name)
    if any(character in label for character in _LINE_BREAKS):
        raise InvalidText(f"{name} {label!r} holds a tab or a line break; it must be one line")
    return str.__str__(label)


def _check_characters(text: str, name: str) -> None:
    # Half of a surrogate pair cannot be written as UTF-8; NUL and the other controls end strings or move a
    # terminal's cursor. They come from broken decoding: storing them would only pass the damage on.
    found = _FORBIDDEN.search(text)
    if found:
        kind = "a lone surrogate" if unicodedata.category(found[0]) == "Cs" else "a control character"
        raise InvalidText(
            f"{name} holds {kind}, U+{ord(found[0]):04X}, at position {found.start()} of {len(text)}; "
            "decode the source with the right encoding or remove the character"
        )


def checked_namespace(namespace: Any) -> Namespace:
    """Return the namespace as a tuple of non-empty strings, otherwise raise InvalidNamespace."""
    if isinstance(namespace, str):
        raise InvalidNamespace(f"a namespace is a tuple of strings; write ({namespace!r},) with the comma")
    if not isinstance(namespace, tuple | list):
        raise InvalidNamespace(f"a namespace is a tuple of strings, not {type(namespace).__name__}")
    for segment in namespace:
        if not isinstance(segment, str) or not segment.strip():
            raise InvalidNamespace(f"segment {segment!r} of namespace {namespace!r} is not a non-empty string")
        try:
            checked_label(segment, "segment")
        except InvalidText as error:
            raise InvalidNamespace(f"namespace {namespace!r}: {error}") from error
    return tuple(namespace)


def checked_time(time: Any, name: str) -> datetime | None:
    """Return the time in UTC, otherwise raise InvalidTime; None stays None."""
    if time is None:
        return None
    if not isinstance(time, datetime):
        raise InvalidTime(f"{name} is a datetime, not {type(time).__name__}")
    if time.utcoffset() is None:
        raise InvalidTime(
            f"{name} {time.isoformat()} has no time zone; write {name}.replace(tzinfo=UTC) or the zone it was meant in"
        )
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise InvalidTime(f"{name} {time.isoformat()} lies outside the years 1 to 9999 in UTC") from error


def checked_ttl(ttl: Any) -> timedelta | None:
    """Return the time to live if it is positive, otherwise raise InvalidArgument."""
    if ttl is None:
        return None
    if not isinstance(ttl, timedelta):
        raise InvalidArgument(f"ttl is a timedelta, such as timedelta(minutes=5), not {ttl!r}")
    if ttl <= timedelta(0):
        raise InvalidArgument(f"ttl is {ttl}; an episode must live for longer than nothing")
    return ttl


def checked_count(number: Any, name: str, least: int = 1) -> int:
    """Return a whole number of at least `least`, otherwise raise InvalidArgument."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise InvalidArgument(f"{name} is a whole number of at least {least}, not {number!r}")
    return int(number)


def checked_beta(beta: Any) -> float | None:
    """Return a positive, finite inverse temperature, otherwise raise InvalidArgument; None stays None."""
    if beta is None:
        return None
    try:
        real = isinstance(beta, int | float | np.integer | np.floating) and not isinstance(beta, bool)
        number = float(beta) if real else math.nan
    except OverflowError:
        number = math.inf
    if not 0 < number < math.inf:
        raise InvalidArgument(f"beta is a positive finite number, not {beta!r}; None lets the memory choose")
    return number


def checked_share(number: Any, name: str, what: str = "a similarity") -> float | None:
    """Return a number between 0 and 1, both excluded, otherwise raise InvalidArgument; None stays None."""
    if number is None:
        return None
    real = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    if not real or not 0 < number < 1:
        raise InvalidArgument(f"{name} is {what} between 0 and 1, both excluded, not {number!r}")
    return float(number)


def checked_seconds(number: Any, name: str) -> float:
    """Return a positive, finite number of seconds, otherwise raise InvalidArgument."""
    real = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    if not real or not 0 < number < math.inf:
        raise InvalidArgument(f"{name} is a positive finite number of seconds, not {number!r}")
    return float(number)


def checked_choice(choice: Any, name: str, choices: Sequence[str]) -> str:
    """Return one of some words, otherwise raise InvalidArgument."""
    if not isinstance(choice, str) or choice not in choices:
        raise InvalidArgument(f"{name} is {' or '.join(map(repr, choices))}, not {choice!r}")
    return choice


def checked_metadata(metadata: Any) -> dict[str, Any]:
    """Return a copy of the metadata if JSON carries it without loss, otherwise raise InvalidMetadata."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidMetadata(f"metadata is a dict, not {type(metadata).__name__}")
    try:
        copy: dict[str, Any] = _json_copy(metadata, "metadata")
    except RecursionError as error:
        raise InvalidMetadata("metadata is nested too deeply or contains itself") from error
    return copy


def _json_copy(value: Any, path: str) -> Any:
    if isinstance(value, str):
        _check_encodable(value, path)
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        _check_number(value, path)
        return value
    if isinstance(value, list | tuple):
        return [_json_copy(element, f"{path}[{index}]") for index, element in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidMetadata(f"{path} has the key {key!r}; JSON has only strings for keys")
            _check_encodable(key, path)
        return {key: _json_copy(element, f"{path}.{key}") for key, element in value.items()}
    raise InvalidMetadata(f"{path} is a {type(value).__name__}, which JSON does not have; convert it first")


def _check_number(value: float, path: str) -> None:
    if isinstance(value, int) and value.bit_length() > _LONGEST_INTEGER:
        raise InvalidMetadata(f"{path} is an integer of {value.bit_length()} bits; write it as a string")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidMetadata(f"{path} is {value}, which JSON does not have; use None")


def _check_encodable(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidMetadata(f"{path} holds a lone surrogate at position {error.start}; decode it again") from error


def unit_vectors(vector: npt.ArrayLike, dimension: int | None = None) -> Vectors:
    """Turn a caller's vector into patterns.

    Args:
        vector: One vector [d] or several [patterns, d], of any length but zero.
        dimension: The dimension it must have; None for any.

    Returns:
        Unit rows, float32 [patterns, d].

    Raises:
        InvalidVector: NaN, infinite, zero, empty, or not numbers.
        DimensionMismatch: Another dimension than asked for.

    Example:
        >>> unit_vectors([3.0, 4.0])
        array([[0.6, 0.8]], dtype=float32)
    """
    try:
        given = np.asarray(vector)
        if given.dtype.kind not in "biufO":  # text that looks like a number, and complex numbers, would be converted
            raise TypeError(f"not of {given.dtype.name}")
        rows = np.atleast_2d(given.astype(np.float64)) if given.ndim or given.dtype.kind == "O" else given
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise InvalidVector(f"a vector is a sequence of numbers: {error}") from error
    if rows.ndim != 2 or rows.size == 0:
        raise InvalidVector(f"a vector has the shape (d,) or (n, d), not {np.shape(vector)}")
    if dimension is not None:
        check_dimension(rows, dimension)
    if not np.isfinite(rows).all():
        raise InvalidVector(
            f"the vector holds NaN or infinity in {int((~np.isfinite(rows)).sum())} of {rows.size} places"
        )
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not largest.all():
        raise InvalidVector("the vector is all zero, so it points nowhere and resembles nothing")
    rows = rows / largest  # keeps the squares below from overflow and underflow
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def check_dimension(rows: npt.NDArray[Any], dimension: int) -> None:
    """Raise DimensionMismatch for rows [n, d] of another dimension."""
    if rows.shape[1] != dimension:
        raise DimensionMismatch(
            f"the vector has {rows.shape[1]} dimensions and the memory's have {dimension}; "
            "use the embedder that made the stored ones, or another file"
        )


def ids_of(ids: str | Sequence[str], name: str = "ids") -> tuple[str, ...]:
    """Return one id or several as a tuple of checked ids."""
    if not isinstance(ids, Iterable):
        raise InvalidArgument(f"{name} are one str or several, not {type(ids).__name__}")
    listed = (ids,) if isinstance(ids, str) else tuple(ids)
    for each in listed:
        if checked_label(each, "id") is None:
            raise InvalidArgument("an id is a str, not None")
    return listed
