"""Which vectors a text gets in a file: the embedder, held against the file's space. Knows no transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from am_agent.draft import Vectors, unit_vectors
from am_agent.embedders import DEFAULT_MODEL, Embedder, packaged
from am_agent.errors import DimensionMismatch, EmbedderMismatch
from am_agent.recent import Recent
from am_agent.store.space import FOREIGN, Space


class Encoder:
    """An embedder that refuses to mix its vectors with those of another.

    Args:
        embedder: None for the packaged one, which then gives way to vectors of the caller's in a new file. What it made
            lately is kept, so that a text that is remembered and recalled is embedded once.
    """

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder: Embedder = packaged() if embedder is None else embedder
        self._given = embedder is not None
        self._own: Space | None = None
        self._recent = _recent(self._embedder)

    @property
    def embedder(self) -> Embedder:
        """The embedder, as it was given or as it is by default."""
        return self._embedder

    def replace(self, embedder: Embedder) -> None:
        """Embed with another embedder from now on."""
        self._embedder, self._given, self._own = embedder, True, None
        self._recent = _recent(embedder)

    def forget(self) -> None:
        """Keep no vector of any text."""
        if self._recent is not None:
            self._recent.clear()

    def check_name(self, found: Space | None) -> None:
        """Compare by name, which loads no model: for the moment a file is opened.

        Raises:
            EmbedderMismatch: The file's vectors are another embedder's.
        """
        if found is None or found.name == self._embedder.name or (found.name == FOREIGN and not self._given):
            return
        raise EmbedderMismatch(
            f"the file was made with the embedder '{found.name}', not with '{self._embedder.name}', and their vectors "
            "cannot be compared. Open it with the first, or move it to the second with: am reembed",
            found=found.name,
        )

    def documents(self, texts: Iterable[str], found: Space | None) -> dict[str, Vectors]:
        """Embed texts for a file, each once.

        Raises:
            EmbedderMismatch: The file's vectors are not this embedder's.
        """
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return {}
        space = self._agreed(found)
        return dict(zip(distinct, self._vectors(distinct, space, queries=False), strict=True))

    def cue(self, text: str, found: Space) -> Vectors:
        """Embed a cue, one row for each of its windows.

        Raises:
            EmbedderMismatch: The file's vectors are not this embedder's.
        """
        space = self._agreed(found)  # first: a cue for another embedder's file must not load a model
        return self._vectors([text], space, queries=True)[0]

    def cues(self, parts: Sequence[str], found: Space) -> Vectors:
        """Embed the parts of a cue, one row for each: its first window, which is all of what is not very long.

        Raises:
            EmbedderMismatch: The file's vectors are not this embedder's.
        """
        space = self._agreed(found)
        return np.stack([rows[0] for rows in self._vectors(list(parts), space, queries=True)])

    def accepts(self, origin: Space, found: Space | None) -> bool:
        """Whether the vectors of an export can be taken into a file as they are."""
        if found is not None:
            return origin == found
        if origin.name == FOREIGN:
            return not self._given
        return origin.name == self._embedder.name and origin == self._agreed(None)

    def space(self, found: Space | None, given: Sequence[Vectors], *, embedded: bool) -> Space:
        """The space that a batch is to be recorded in.

        Args:
            found: The file's, if it has one.
            given: Vectors that came from the caller.
            embedded: Whether the batch has vectors of the embedder's, too.

        Raises:
            DimensionMismatch: A vector of another dimension.
            EmbedderMismatch: Vectors of the embedder's, in a file of another's.
        """
        if embedded or (found is None and (self._given or not given)):
            found = self._agreed(found)
        elif found is None:
            found = Space(FOREIGN, given[0].shape[1], "")
        for rows in given:
            if rows.shape[1] != found.dimension:
                raise DimensionMismatch(
                    f"the vector has {rows.shape[1]} dimensions, and those of this memory ({found.name}) have "
                    f"{found.dimension}; use the embedder that made them, or another file"
                )
        return found

    def _vectors(self, texts: Sequence[str], space: Space, *, queries: bool) -> list[Vectors]:
        recent = self._recent  # before the embedder: what a thread makes during a change goes into the old ones
        embedder = self._embedder
        embed = embedder.queries if queries else embedder.documents

        def made(missing: Sequence[str]) -> list[Vectors]:
            return [unit_vectors(rows, space.dimension) for rows in embed(missing)]

        return made(texts) if recent is None else recent.vectors(texts, made)

    def _agreed(self, found: Space | None) -> Space:
        """The embedder's own space, if the file's is the same or there is none yet."""
        if found is not None and found.name == FOREIGN:
            raise EmbedderMismatch(
                f"this memory holds vectors of dimension {found.dimension} that its caller gave, and no embedding of a "
                "text can be compared with them; give vector=..., too, or embed every text with: am reembed",
                found=FOREIGN,
            )
        self.check_name(found)
        if self._own is None:
            self._own = space_of(self._embedder)
        if found is not None and found != self._own:
            raise EmbedderMismatch(
                f"the embedder '{found.name}' has changed since the file was made: its vectors had {found.dimension} "
                f"dimensions and the fingerprint {found.fingerprint}, now {self._own.dimension} and "
                f"{self._own.fingerprint}. Bring the old one back, or move the file to the new one with: am reembed",
                found=found.name,
            )
        return self._own


def _recent(embedder: Embedder) -> Recent | None:
    """Room for vectors of the packaged model, which reads a text that asks as it reads one that tells."""
    return Recent() if embedder.name == DEFAULT_MODEL else None


def space_of(embedder: Embedder) -> Space:
    """The space of an embedder's vectors. It may have to load the model to know."""
    return Space(embedder.name, embedder.dimension, embedder.fingerprint)
