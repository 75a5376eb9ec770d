"""What a memory asks of an embedder. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors, several for a text that is longer than the encoder's window.

    **Contract.** `documents` and `queries` return one float32 array [windows, dimension] per text, in the order of
    the texts, with at least one row each and every row of length one. The same text gives the same rows (to 1e-5)
    whatever it is embedded together with. Together the windows cover the whole text. Both are safe from several
    threads. `am_agent.testing.EmbedderContract` checks all of this.

    **Identity.** `name` is cheap and never loads a model: a memory compares it when it opens a file. `fingerprint`
    changes whenever the vectors do, and is compared before the first text is embedded.
    """

    @property
    def name(self) -> str:
        """What people call the model."""

    @property
    def dimension(self) -> int:
        """The length of each vector."""

    @property
    def fingerprint(self) -> str:
        """A digest of everything that decides what the vectors are."""

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed texts that are to be remembered."""

    def queries(self, texts: Sequence[str]) -> list[Vectors]:
        """Embed texts that ask."""
