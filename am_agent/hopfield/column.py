"""An array that grows at its end, and whose views stay as they are. Knows no meaning of its rows."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

S = TypeVar("S", bound=np.generic)

_ROOM = 64  # rows of the first allocation


class Column(Generic[S]):
    """A growing array, one row per place. Appending costs the new rows only, amortised.

    Rows beyond the end are room to grow, and no view reaches there: appending is invisible in views that were handed
    out. Every other change is a `replace` by another array.

    Example:
        >>> column = Column(np.dtype(np.int64))
        >>> column.append(np.array([3, 4]))
        >>> view = column.view()
        >>> column.append(np.array([5]))
        >>> view.tolist(), column.view().tolist()
        ([3, 4], [3, 4, 5])
    """

    def __init__(self, dtype: np.dtype[S], *shape: int) -> None:
        """Make an empty one.

        Args:
            dtype: Of its entries.
            shape: Of one row; nothing where a row is a number.
        """
        self._array: npt.NDArray[S] = np.empty((0, *shape), dtype=dtype)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, rows: npt.ArrayLike) -> None:
        """Add rows [n, ...] at the end."""
        added = np.asarray(rows, dtype=self._array.dtype)
        size = self._size + len(added)
        if size > len(self._array):
            # Twice as much as before whenever it has to move: each row is copied twice at most, on average.
            grown = np.empty((max(size, 2 * len(self._array), _ROOM), *self._array.shape[1:]), self._array.dtype)
            grown[: self._size] = self._array[: self._size]
            self._array = grown
        self._array[self._size : size] = added
        self._size = size

    def replace(self, rows: npt.NDArray[S]) -> None:
        """Hold other rows from now on; views that were handed out keep the old ones."""
        self._array, self._size = rows, len(rows)

    def view(self) -> npt.NDArray[S]:
        """The rows as they are now, without a copy."""
        return self._array[: self._size]
