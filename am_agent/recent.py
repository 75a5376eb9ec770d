"""Vectors of texts that were embedded lately, by a digest of the text. Knows no embedder, and keeps no text."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from am_agent.draft import Vectors

ROOM = 4096
"""Vectors that are kept: 6 MB of the packaged model's."""


class Recent:
    """Gives each text the vectors that it was given before, and forgets the ones that were not asked for the longest.

    It is safe from several threads. Two that miss the same text at a time both make it; the vectors are the same.

    Args:
        room: How many vectors are kept, of all texts together.

    Example:
        >>> import numpy as np
        >>> recent = Recent()
        >>> made = recent.vectors(["a", "b"], lambda texts: [np.ones((1, 2), np.float32) for _ in texts])
        >>> recent.vectors(["b"], lambda texts: [])[0] is made[1]
        True
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._kept: OrderedDict[bytes, Vectors] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str], make: Callable[[Sequence[str]], list[Vectors]]) -> list[Vectors]:
        """The vectors of texts, in their order.

        Args:
            texts: The texts.
            make: Makes the vectors of those that are not here; it is called once, or not at all.

        Returns:
            For each text [patterns, d], not to be written to.
        """
        digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
        with self._lock:
            found = {digest: self._kept[digest] for digest in digests if digest in self._kept}
            for digest in found:
                self._kept.move_to_end(digest)
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in found}
        if missing:
            made = dict(zip(missing, make(list(missing.values())), strict=True))
            found |= made
            self._keep(made)
        return [found[digest] for digest in digests]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self._rows = 0

    def __len__(self) -> int:
        """How many vectors are kept."""
        with self._lock:
            return self._rows

    def _keep(self, made: dict[bytes, Vectors]) -> None:
        for rows in made.values():
            rows.flags.writeable = False
        with self._lock:
            for digest, rows in made.items():
                if digest not in self._kept:
                    self._kept[digest] = rows
                    self._rows += len(rows)
            while self._rows > self._room:
                self._rows -= len(self._kept.popitem(last=False)[1])
