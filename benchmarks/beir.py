"""Reading evaluation sets in BEIR's layout as documents and queries with their gold. Knows no system and no measure."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

_ROLES = frozenset({"user", "assistant", "system", "tool"})
_HEADER = ["query-id", "corpus-id", "score"]
# What a memory refuses, since it comes from broken decoding; public corpora hold some of it.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class MissingData(Exception):
    """A folder, a set or a file that should be there is not."""


class BrokenLine(Exception):
    """A line of a file that cannot be read; the message begins with the file and the line."""

    def __init__(self, path: Path, number: int, reason: object) -> None:
        super().__init__(f"{path}:{number}: {reason}")


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a haystack.

    Attributes:
        id: Its id in the set.
        text: What every system reads: with the title in front, and with the speaker's name where a person speaks.
        actor: Who said it, a person or a role.
        occurred_at: When, in UTC.
        session: The conversation or article it belongs to.
        label: What it is about, where the set says so.
    """

    id: str
    text: str
    actor: str | None = None
    occurred_at: datetime | None = None
    session: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    Attributes:
        id: Its id in the set.
        text: What is asked.
        asked_at: When, in UTC.
        gold: The ids of the documents that answer it, each with its grade, a positive whole number.
        label: What it is about, where the set says so.
    """

    id: str
    text: str
    asked_at: datetime | None
    gold: Mapping[str, int]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Haystack:
    """A store of its own, with the queries asked of it.

    Attributes:
        name: The set and the haystack, such as "locomo/conv-26".
        documents: In the order of the file.
        queries: Those that have gold, in the order of the file.
        notes: What was left out and why, in sentences for people.
        labelled: Where there are no qrels, the queries whose label a document has. They have no gold.
        unanswerable: The queries that it says have no answer here.
    """

    name: str
    documents: tuple[Document, ...]
    queries: tuple[Query, ...]
    notes: tuple[str, ...] = ()
    labelled: tuple[Query, ...] = ()
    unanswerable: tuple[Query, ...] = ()


def read_sets(
    folder: Path, names: Sequence[str] | None = None, *, without_gold: bool = False
) -> dict[str, list[Haystack]]:
    """Read sets whole, so that what is broken shows before anything is measured.

    Args:
        folder: Where `<set>/<haystack>/corpus.jsonl.gz` lies, with queries.jsonl.gz and qrels/test.tsv.
        names: The sets; None for every one there is, by name.
        without_gold: See `read_haystack`.

    Raises:
        MissingData: The folder, a set or a file is not there.
        BrokenLine: A line that cannot be read.
    """
    found = set_names(folder)
    wanted = found if names is None else list(dict.fromkeys(names))
    if not wanted:
        raise MissingData(f"there is no set in {folder}: no file fits {folder}/<set>/<haystack>/corpus.jsonl.gz")
    for name in wanted:
        if name not in found:
            raise MissingData(f"there is no set {name!r} in {folder}; there is {', '.join(found) or 'none'}")
    return {
        name: [read_haystack(each, without_gold=without_gold) for each in _haystacks(folder / name)] for name in wanted
    }


def set_names(folder: Path) -> list[str]:
    """The names of the sets in a folder, in their order: of its folders that hold a haystack.

    Raises:
        MissingData: The folder is not there.
    """
    if not folder.is_dir():
        raise MissingData(f"there is no folder {folder}")
    return [each.name for each in sorted(folder.iterdir()) if each.is_dir() and _haystacks(each)]


def _haystacks(folder: Path) -> list[Path]:
    return sorted(corpus.parent for corpus in folder.glob("*/corpus.jsonl.gz"))


def read_haystack(folder: Path, *, without_gold: bool = False) -> Haystack:
    """Read one haystack; without qrels it has no queries, since no answer to them could be judged.

    Args:
        folder: Where its files lie.
        without_gold: Keep the unanswerable queries, and where there are no qrels, the labelled ones.

    Raises:
        MissingData: A file is not there.
        BrokenLine: A line that cannot be read.
    """
    name = f"{folder.parent.name}/{folder.name}"
    qrels = folder / "qrels" / "test.tsv"
    judged = _qrels(qrels) if qrels.is_file() else None
    if judged is None and not without_gold:
        return Haystack(name, (), (), (f"{name}: left out, for it has no qrels/test.tsv",))
    corpus = list(_read(folder / "corpus.jsonl.gz", _document))
    asked = list(_read(folder / "queries.jsonl.gz", lambda row: _query(row, judged or {})))
    documents = tuple(document for document, _ in corpus if document.text.strip())
    if not documents:
        raise MissingData(f"there is no text in {folder / 'corpus.jsonl.gz'}")
    queries = tuple(each.query for each in asked if each.answerable and each.query.gold)
    labels = {label for _, label in corpus} - {None} if judged is None else frozenset()
    labelled = tuple(each.query for each in asked if each.answerable and each.label in labels)
    unanswerable = tuple(each.query for each in asked if not each.answerable)
    known = {each.id for each in documents}
    unjudged = len(asked) - len(unanswerable) - len(queries) - len(labelled)
    left_out = (
        (0 if without_gold else len(unanswerable), "unanswerable queries left out"),
        (
            unjudged,
            "queries left out, for no document has their label" if judged is None else "queries without qrels left out",
        ),
        (len(corpus) - len(documents), "blank documents left out"),
        (
            sum(each not in known for query in queries for each in query.gold),
            "gold documents are not in the corpus and count as not found",
        ),
    )
    notes = tuple(f"{name}: {count} {what}" for count, what in left_out if count)
    return Haystack(name, documents, queries, notes, labelled, unanswerable if without_gold else ())


class _Asked(NamedTuple):
    """A query with what the set says of it."""

    query: Query
    label: str | None
    answerable: bool


T = TypeVar("T", "tuple[Document, str | None]", _Asked)


def _read(path: Path, build: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    """Read a file line by line; each id may be there once."""
    if not path.is_file():
        raise MissingData(f"there is no file {path}")
    seen: set[str] = set()
    number = 0
    with gzip.open(path, "rb") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _built(path, number, line, seen, build)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BrokenLine(path, number + 1, f"not gzip, or cut off ({error})") from error


def _built(path: Path, number: int, line: bytes, seen: set[str], build: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"an object was expected, not {type(row).__name__}")
        key = _string(row, "_id")
        if key in seen:
            raise ValueError(f"the _id {key!r} is there already")
        seen.add(key)
        return build(row)
    except (ValueError, RecursionError) as error:
        raise BrokenLine(path, number, error) from error


def _document(row: Mapping[str, Any]) -> tuple[Document, str | None]:
    metadata = _metadata(row)
    actor = _optional(metadata, "speaker") or None
    title, text = _optional(row, "title") or "", _string(row, "text")
    session = metadata.get("session")
    document = Document(
        id=_string(row, "_id"),
        text=_spoken(actor, f"{title} {text}" if title else text),
        actor=actor,
        occurred_at=_time(metadata, "time"),
        session=None if session is None else str(session),
        label=_label(metadata),
    )
    return document, _label(metadata)


def is_name(actor: str | None) -> bool:
    """Whether an actor is a person who could be named, rather than a role or nobody.

    Example:
        >>> is_name("Ana"), is_name("User"), is_name(None)
        (True, False, False)
    """
    return actor is not None and actor.lower() not in _ROLES


def _spoken(actor: str | None, text: str) -> str:
    """Put a person's name in front: a question names people, and so would a transcript."""
    text = _CONTROL.sub(" ", text)
    if not is_name(actor) or not text.strip():
        return text
    return f"{actor}: {text}"


def _query(row: Mapping[str, Any], judged: Mapping[str, Mapping[str, int]]) -> _Asked:
    metadata = _metadata(row)
    key, text = _string(row, "_id"), _CONTROL.sub(" ", _string(row, "text"))
    if not text.strip():
        raise ValueError("the query is blank")
    query = Query(
        id=key, text=text, asked_at=_time(metadata, "question_date"), gold=judged.get(key, {}), label=_label(metadata)
    )
    return _Asked(query, query.label, metadata.get("answerable") is not False)


def _label(metadata: Mapping[str, Any]) -> str | None:
    label = metadata.get("label")
    return None if label is None else str(label)


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read the judgements of each query; a grade of zero says that a document is no answer."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            fields = line.decode().split("\t")
            if number == 1 and fields != _HEADER:
                raise ValueError("the first line is not the header 'query-id', 'corpus-id', 'score', parted by tabs")
            if number > 1 and line.strip():
                query, document, score = fields
                if int(score) > 0:
                    judged.setdefault(query, {})[document] = int(score)
        except ValueError as error:
            raise BrokenLine(path, number, error) from error
    return judged


def _metadata(row: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ValueError(f"metadata is an object, not {type(metadata).__name__}")
    return metadata


def _string(row: Mapping[str, Any], name: str) -> str:
    value = _optional(row, name)
    if value is None:
        raise ValueError(f"there is no {name}")
    return value


def _optional(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is a string, not {type(value).__name__}")
    return value


def _time(metadata: Mapping[str, Any], name: str) -> datetime | None:
    """Read a time; the sets say none of their zones, so a naive one is taken as UTC."""
    text = _optional(metadata, name)
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.utcoffset() is None else time.astimezone(UTC)
