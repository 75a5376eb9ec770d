"""What the memory says of its own knowledge, asked cue by cue. Knows the library's interface, no set and no measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from am_agent import Embedder, Memory
from benchmarks.beir import Haystack, Query
from benchmarks.systems import K, filled

VERDICTS = ("known", "ambiguous", "unknown")

Prior: TypeAlias = Any
"""am_agent.confidence.Prior: the numbers that the library ships, fitted on development sets."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a memory says of a cue.

    Attributes:
        familiarity: Its probability that the memory holds the answer.
        reliability: Its probability that one of the ten recalled is an answer.
        verdict: One of VERDICTS.
        ids: The ten that it recalled, the heaviest first.
    """

    familiarity: float
    reliability: float
    verdict: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Cues to fit a prior on.

    Attributes:
        features: What the memory made of each, float64 [cues, features].
        present: Which have an answer in their haystack, bool [cues].
        mass: What each weighs: every set the same, and in it the present cues as much as the absent ones, [cues]. The
            sum is 1.
        judged: The present ones of sets with gold, bool [cues].
        hit: Those of them of which one of the ten recalled is gold, bool [cues].
        judged_mass: What each of the judged weighs, every set the same, [cues]; 0 for the others. The sum is 1, or 0
            where none is judged.
    """

    features: npt.NDArray[np.float64]
    present: npt.NDArray[np.bool_]
    mass: npt.NDArray[np.float64]
    judged: npt.NDArray[np.bool_]
    hit: npt.NDArray[np.bool_]
    judged_mass: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Method:
    """How the memory is asked, and how its prior is fitted.

    Attributes:
        opened: A memory of the documents of a haystack, under a prior; under the one it comes with for None.
        asked: What it says of a cue.
        features: What a prior is fitted on and applied to, with the ids of the ten recalled.
        fit: The prior that fits a sample.
    """

    opened: Callable[[Haystack, Embedder, Prior | None], AbstractContextManager[Memory]]
    asked: Callable[[Memory, Query], Judgement]
    features: Callable[[Memory, Query], tuple[Sequence[float], Sequence[str]]]
    fit: Callable[[Sample], Prior]


@contextmanager
def opened(haystack: Haystack, embedder: Embedder, prior: Prior | None) -> Iterator[Memory]:
    """A memory that holds the haystack's documents, with its defaults but for the prior."""
    with filled(haystack, embedder) as memory:
        if prior is not None:
            raise NotImplementedError("a memory takes no prior yet")
        yield memory


def asked(memory: Memory, query: Query) -> Judgement:
    """Ask a cue at its time."""
    recall: Any = memory.recall(query.text, k=K, now=query.asked_at)
    ids = tuple(found.id for found in recall)
    return Judgement(recall.familiarity, recall.reliability, recall.verdict, ids)


def features(memory: Memory, query: Query) -> tuple[Sequence[float], Sequence[str]]:
    """What the memory's familiarity and reliability are computed from, and the ids of the ten recalled."""
    raise NotImplementedError("the library has no features yet")


def fit(sample: Sample) -> Prior:
    """The prior that fits a sample."""
    raise NotImplementedError("the library fits no prior yet")


LIBRARY = Method(opened, asked, features, fit)
"""The library's own."""
