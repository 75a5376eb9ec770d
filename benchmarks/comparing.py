"""Which systems run on a set, and what each is worth there. Knows rankings and measures; reads and shows nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from am_agent import Embedder
from benchmarks import systems
from benchmarks.beir import Haystack
from benchmarks.learning import Lesson, Opening, taught
from benchmarks.measures import judge, summary
from benchmarks.progress import Step
from benchmarks.systems import Ranking

SYSTEMS = ("cosine", "bm25", "rrf", "am_agent")
"""What always runs, in the order in which it does and is shown."""

Results = dict[str, dict[str, float]]
"""The measures by system."""


@dataclass(frozen=True, slots=True)
class School:
    """How the memory is taught.

    Attributes:
        opening: Makes one that learns.
        lesson: The feedback it learns from.
    """

    opening: Opening
    lesson: Lesson


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared on every set.

    Attributes:
        encoder: The baselines'.
        embedder: The memory's own.
        ablations: The fields that are left, by the name of the system that has no others.
        school: How the memory is taught; None if it is not. The untaught one is then asked in the same memory.
    """

    encoder: Embedder
    embedder: Embedder
    ablations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    school: School | None = None

    @property
    def systems(self) -> tuple[str, ...]:
        """The names of all that run, in the order in which they are shown."""
        return (*SYSTEMS, *self.ablations, *(() if self.school is None else (self.school.lesson.system,)))


def measured(haystacks: Sequence[Haystack], comparison: Comparison, step: Step) -> Results:
    """Judge every system on every query of a set; a set without queries has no results.

    Every system's queries are in the same order, so that all are resampled alike.
    """
    judged: dict[str, list[tuple[float, ...]]] = {name: [] for name in comparison.systems}
    asked = [each for each in haystacks if each.queries]
    for name, haystack, rankings in _rankings(asked, comparison, step):
        judged[name] += [judge(ranking, query.gold) for ranking, query in zip(rankings, haystack.queries, strict=True)]
    return {name: summary(np.array(values)) for name, values in judged.items() if values}


Ranked = Iterator[tuple[str, Haystack, list[Ranking]]]


def _rankings(haystacks: Sequence[Haystack], comparison: Comparison, step: Step) -> Ranked:
    for haystack in haystacks:
        yield from _baselines(haystack, comparison.encoder, step)
        if comparison.school is None:
            yield from _memory(haystack, comparison, step)
    if comparison.school is not None and haystacks:
        yield from _pupil(haystacks, comparison.embedder, comparison.school, step)


def _baselines(haystack: Haystack, encoder: Embedder, step: Step) -> Ranked:
    step(haystack, "cosine")
    by_cosine = systems.cosine(haystack, encoder)
    yield "cosine", haystack, by_cosine
    step(haystack, "bm25")
    by_words = systems.bm25(haystack)
    yield "bm25", haystack, by_words
    step(haystack, "rrf")
    yield "rrf", haystack, systems.rrf(by_cosine, by_words)


def _memory(haystack: Haystack, comparison: Comparison, step: Step) -> Ranked:
    """Fill a memory once, and ask it with all its fields and without each."""
    step(haystack, "am_agent")
    with systems.filled(haystack, comparison.embedder) as memory:
        yield "am_agent", haystack, systems.asked(memory, haystack)
        for name, fields in comparison.ablations.items():
            step(haystack, name)
            yield name, haystack, systems.asked(memory, haystack, fields)


def _pupil(haystacks: Sequence[Haystack], embedder: Embedder, school: School, step: Step) -> Ranked:
    """Fill one memory with all haystacks, and ask it before and after it was taught."""
    after = school.lesson.system
    with school.opening(haystacks, embedder, school.lesson.feedback) as learner:
        for haystack in haystacks:
            step(haystack, "am_agent")
            yield "am_agent", haystack, learner.rankings(haystack, haystack.queries)
        rankings = taught(haystacks, learner, lambda haystack: step(haystack, after))
    for haystack, each in zip(haystacks, rankings, strict=True):
        yield after, haystack, each
