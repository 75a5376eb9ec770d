"""What the memory says of its own knowledge, asked cue by cue. Knows the library's interface, no set and no measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from am_agent import Embedder, Memory
from am_agent.confidence import SHIPPED, Prior, fitted, logit
from am_agent.episode import Recall
from benchmarks.beir import Haystack, Query
from benchmarks.systems import K, filled

DEPTHS = (1, 3, 5, 10)
"""How many are asked for, of those whose reliability is fitted."""

VERDICTS = ("known", "ambiguous", "unknown")


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
        place: Where the first gold is among the ten recalled, from 1 on; infinite where it is not, float64 [cues].
        judged_mass: What each of the judged weighs, every set the same, [cues]; 0 for the others. The sum is 1, or 0
            where none is judged.
    """

    features: npt.NDArray[np.float64]
    present: npt.NDArray[np.bool_]
    mass: npt.NDArray[np.float64]
    judged: npt.NDArray[np.bool_]
    place: npt.NDArray[np.float64]
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
            memory._retrieval.prior = prior
        yield memory


def asked(memory: Memory, query: Query) -> Judgement:
    """Ask a cue at its time."""
    recall = memory.recall(query.text, k=K, now=query.asked_at)
    return Judgement(recall.familiarity, recall.reliability, recall.verdict, _ids(recall))


def features(memory: Memory, query: Query) -> tuple[Sequence[float], Sequence[str]]:
    """What the memory's familiarity and reliability are computed from, and the ids of the ten recalled.

    Nearness, coherence, coverage, and the logits of the mass of the DEPTHS heaviest; not a number where the cue has no
    words that count.
    """
    recall = memory.recall(query.text, k=K, now=query.asked_at)
    shown = recall.evidence
    if shown is None:
        raise ValueError("a memory of nothing shows nothing to fit a prior on")
    masses = (logit(sum(shown.shares[:depth])) for depth in DEPTHS)
    row = (shown.nearness, shown.coherence, shown.coverage, *masses)
    return [np.nan if each is None else each for each in row], _ids(recall)


def fit(sample: Sample) -> Prior:
    """The prior that fits a sample: each of its regressions on the cues that have what it needs.

    Where these are all of one kind, as hits are if everything is found, the regression that is shipped stays.
    """

    def regression(columns: Sequence[int], shipped: tuple[float, ...]) -> Any:
        return _regression(sample.features[:, columns], sample.present, sample.mass, shipped)

    return Prior(
        whole=regression([0, 1, 2], SHIPPED.whole),
        content=regression([0, 1], SHIPPED.content),
        words=regression([2], SHIPPED.words),
        hit=_hit(sample),
    )


def _hit(sample: Sample) -> Any:
    """The regression of what is among the k heaviest, on each of the DEPTHS at once."""
    rows, found = [], []
    for place, depth in enumerate(DEPTHS, start=3):
        rows.append(np.column_stack([sample.features[:, place], np.full(len(sample.place), np.log(depth))]))
        found.append(sample.place <= depth)
    masses = np.tile(sample.judged_mass, len(DEPTHS))
    return _regression(np.concatenate(rows), np.concatenate(found), masses, SHIPPED.hit)


def _regression(
    rows: npt.NDArray[np.float64],
    labels: npt.NDArray[np.bool_],
    mass: npt.NDArray[np.float64],
    shipped: tuple[float, ...],
) -> tuple[float, ...]:
    kept = np.isfinite(rows).all(axis=1) & (mass > 0)
    if len(set(labels[kept].tolist())) < 2:
        return shipped
    return fitted(rows[kept], labels[kept], mass[kept])


def _ids(recall: Recall) -> tuple[str, ...]:
    return tuple(found.id for found in recall)


LIBRARY = Method(opened, asked, features, fit)
"""The library's own."""
