"""Entries of a file into a memory: batches, what is rejected, what is counted. Knows no format and no storage."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Final, TypeVar

from am_agent.episode import Loaded, Rejection
from am_agent.errors import InvalidFile, InvalidInput, UnknownEpisode
from am_agent.formats.entry import Entry
from am_agent.store.recording import Outcome

T = TypeVar("T")
D = TypeVar("D")

_PROBLEMS: Final = 100
_BATCH_CHARACTERS: Final = 4 * 2**20  # a batch ends there, too: its texts and their vectors are in memory at once


class Loading:
    """Takes what a file holds into a memory, in the space of one batch, whatever the file's size.

    Args:
        batch: Entries in a batch, at the most.
        strict: Whether the first rejection is an error.
        progress: Called after each commit with how much of the file is in the memory by then.
        rejected: Called with each rejection at once.
    """

    def __init__(
        self,
        *,
        batch: int,
        strict: bool,
        progress: Callable[[int], object] | None,
        rejected: Callable[[Rejection], object] | None,
    ) -> None:
        self._batch = batch
        self._strict = strict
        self._progress = progress
        self._callback = rejected
        self._recorded = 0
        self._unchanged = 0
        self._rejected = 0
        self._problems: list[Rejection] = []

    def load(
        self,
        entries: Generator[Entry[T] | Rejection, None, None],
        prepare: Callable[[T], tuple[D, int]],
        record: Callable[[Sequence[D]], Sequence[Outcome]],
    ) -> Loaded:
        """Record the entries, in their order.

        Args:
            entries: What a format has read.
            prepare: Makes of an entry's content what can be recorded, with its size in characters, or raises
                InvalidInput.
            record: Records a batch in one transaction.

        Raises:
            InvalidFile: The first rejection, if the loading is strict. The batches before it are recorded.
        """
        with closing(entries):
            for batch in self._batches(entries, prepare):
                self._count(self._put(batch, record))
                if self._progress is not None:
                    self._progress(self._recorded + self._unchanged)
        return Loaded(self._recorded, self._unchanged, self._rejected, tuple(self._problems))

    def _batches(
        self, entries: Iterable[Entry[T] | Rejection], prepare: Callable[[T], tuple[D, int]]
    ) -> Iterator[list[Entry[D]]]:
        batch: list[Entry[D]] = []
        size = 0
        for entry in entries:
            if isinstance(entry, Rejection):
                self._reject(entry)
                continue
            try:
                content, characters = prepare(entry.content)
            except InvalidInput as error:
                self._reject(Rejection(entry.place, str(error)))
                continue
            batch.append(Entry(entry.place, content))
            size += characters
            if len(batch) == self._batch or size >= _BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _put(self, batch: Sequence[Entry[D]], record: Callable[[Sequence[D]], Sequence[Outcome]]) -> Sequence[Outcome]:
        try:
            return record([entry.content for entry in batch])
        except (InvalidInput, UnknownEpisode) as error:
            if len(batch) == 1:
                self._reject(Rejection(batch[0].place, str(error)))
                return ()
        # One of them does not fit this memory, such as a vector of another dimension, or answers an episode that is not
        # there. The others do.
        return [outcome for entry in batch for outcome in self._put([entry], record)]

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        recorded = sum(outcome.recorded for outcome in outcomes)
        self._recorded += recorded
        self._unchanged += len(outcomes) - recorded

    def _reject(self, rejection: Rejection) -> None:
        self._rejected += 1
        if len(self._problems) < _PROBLEMS:
            self._problems.append(rejection)
        if self._callback is not None:
            self._callback(rejection)
        if self._strict:
            raise InvalidFile(f"{rejection.place}: {rejection.reason} (the batches before it are recorded)")
