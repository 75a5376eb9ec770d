"""The memory as a learner: a set's haystacks in one memory, taught and asked. Knows no measure and no mathematics.

A haystack's documents lie in the namespace (set, haystack), and lessons move the weights of the one above it, (set,).
So what was learned from one haystack holds in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from am_agent import Embedder, Memory
from am_agent.episode import Namespace
from benchmarks.beir import Haystack, Query
from benchmarks.learning import Feedback
from benchmarks.systems import K, Ranking, episodes


@dataclass(frozen=True, slots=True)
class Pupil:
    """A memory that learns from the feedback on what it recalls.

    Attributes:
        memory: Filled with the documents of the haystacks.
        shared: The namespace above all of theirs, whose weights are learned.
        feedback: Says what was used of a recall.
    """

    memory: Memory
    shared: Namespace
    feedback: Feedback

    def teach(self, haystack: Haystack, queries: Sequence[Query]) -> None:
        """Ask these queries one by one, and reinforce each recall before the next; without feedback, nothing moves."""
        for query in queries:
            recall = self.memory.recall(query.text, k=K, namespace=_namespace(haystack), now=query.asked_at)
            used = self.feedback(query, [found.id for found in recall])
            if used:
                self.memory.reinforce(recall, used, namespace=self.shared)

    def rankings(self, haystack: Haystack, queries: Sequence[Query]) -> list[Ranking]:
        """The ten best for each query; nothing is learned from asking."""
        namespace = _namespace(haystack)
        return [
            [found.id for found in self.memory.recall(query.text, k=K, namespace=namespace, now=query.asked_at)]
            for query in queries
        ]

    def unlearn(self) -> None:
        """Go back to the default weights; the documents stay."""
        self.memory.reset_weights(namespace=self.shared)


@contextmanager
def opened(haystacks: Sequence[Haystack], embedder: Embedder, feedback: Feedback) -> Iterator[Pupil]:
    """A pupil in RAM, filled with the documents of a set's haystacks.

    Args:
        haystacks: Of one set, at least one.
        embedder: The memory's.
        feedback: What it will learn from.

    Example:
        >>> from am_agent import DeterministicEmbedder
        >>> from benchmarks.beir import Document
        >>> from benchmarks.learning import gold
        >>> query = Query("q", "Who barks?", None, {"rex": 1})
        >>> stack = Haystack("pets/dogs", (Document("rex", "Rex barks."), Document("tom", "Tom purrs.")), (query,))
        >>> with opened([stack], DeterministicEmbedder(), gold) as pupil:
        ...     pupil.teach(stack, [query])
        ...     pupil.memory.weights(namespace=("pets",)).rounds, pupil.rankings(stack, [query])
        (1, [['rex', 'tom']])
    """
    with Memory(embedder=embedder) as memory:
        for haystack in haystacks:
            memory.remember_many(episodes(haystack), namespace=_namespace(haystack))
        yield Pupil(memory, _namespace(haystacks[0])[:-1], feedback)


def _namespace(haystack: Haystack) -> Namespace:
    return tuple(haystack.name.split("/"))
