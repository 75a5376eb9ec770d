"""What was made of things, kept as long as these are the same ones. Knows nothing of the things."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_ROOM = 32
"""Names under which something is kept; what is made of large namespaces can take a megabyte."""


class Derived(Generic[T]):
    """Keeps what was made last under each name, and makes it anew where what it was made of is another.

    Things are compared by identity, so they must not change. Safe from several threads: two that miss the same name at
    a time both make it.

    Example:
        >>> derived, source = Derived[int](), [1, 2]
        >>> derived.of("sum", [source], lambda: sum(source)), derived.of("sum", [source], lambda: 0)
        (3, 3)
        >>> derived.of("sum", [[4]], lambda: 4)
        4
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Sequence[object], T]] = OrderedDict()

    def of(self, name: Hashable, sources: Sequence[object], make: Callable[[], T]) -> T:
        """What was made of the sources, now or before.

        Args:
            name: Of what is kept in its place otherwise.
            sources: All that it depends on.
            make: Makes it.
        """
        with self._lock:
            kept = self._kept.get(name)
        if kept is not None and len(kept[0]) == len(sources) and all(map(_same, kept[0], sources)):
            return kept[1]
        made = make()
        with self._lock:
            self._kept.pop(name, None)
            self._kept[name] = sources, made
            while len(self._kept) > _ROOM:
                self._kept.popitem(last=False)
        return made


def _same(one: object, other: object) -> bool:
    return one is other
