"""A memory that keeps codes alone in RAM, or prototypes, against one that keeps the patterns, too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from am_agent import Cue, DeterministicEmbedder, Memory, Recall, errors
from am_agent.hopfield.patterns import PatternSet
from am_agent.working_set import RESIDENT
from tests.overlays import told

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = [
    "dog",
    "cat",
    "harbour",
    "violin",
    "snow",
    "tea",
    "invoice",
    "kitchen",
    "trieste",
    "rex",
    "ana",
    "the",
    "my",
    "in",
]


def _texts(seed: int, count: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(2, 9))) for _ in range(count)]


def _told(recall: Recall) -> list[object]:
    """All but the id, which is new each time."""
    found = [(each.id, each.text, each.similarity, each.weight, dict(each.shares)) for each in recall]
    return [found, recall.energy, recall.beta, recall.episodes, dict(recall.weights), recall.certificate]


@pytest.fixture(params=["file", "RAM"])
def alike(request: pytest.FixtureRequest, tmp_path: Path, toy: DeterministicEmbedder) -> list[Memory]:
    """The same episodes three times, some of them of several patterns, some forgotten again."""
    memories = []
    for resident in RESIDENT:
        location = tmp_path / f"{resident}.db" if request.param == "file" else None
        memory = Memory(location, embedder=toy, resident=resident)
        memory.remember_many(
            {
                "id": str(number),
                "text": text,
                "actor": "Ana" if number % 3 else "Ben",
                "session": str(number // 20),
                "occurred_at": START + timedelta(hours=number),
                "metadata": {"n": number % 2},
            }
            for number, text in enumerate(_texts(1, 600))
        )
        memory.recall("the dog")  # so that what follows is taken over, not loaded
        memory.remember_many({"id": f"long{n}", "text": " . ".join(_texts(n, 60))} for n in range(20))
        memory.forget(ids=[str(number) for number in range(0, 600, 7)])
        memory.update("1", text="a violin in the harbour")
        memories.append(memory)
    return memories


@pytest.mark.parametrize(
    ("cue", "options"),
    [
        ("my dog in the snow", {}),
        ("my dog in the snow", {"fields": ("cosine",), "k": 50}),
        ("what did Ana say in January 2026", {"k": 300}),
        (Cue("violin", near="8"), {}),
        ("tea", {"where": {"n": 1}, "beta": 30.0}),
        ("kitchen " * 300 + ". where is rex", {}),
    ],
)
def test_all_give_the_same_answers(alike: list[Memory], cue: str | Cue, options: dict[str, object]) -> None:
    """To the last bit: order, scores, weights, energy and certificate; prototypes are none before a pass."""
    one, other, third = (_told(memory.recall(cue, **options)) for memory in alike)  # type: ignore[arg-type]
    assert one == other == third
    if isinstance(cue, str):
        expected = alike[0].complete(cue).actors
        assert [memory.complete(cue).actors for memory in alike[1:]] == [expected, expected]


def test_codes_take_a_fifth_of_the_memory() -> None:
    """Of 384 dimensions: 0.4 KiB a pattern, where the pattern itself would take 1.5 more."""
    rows = np.random.default_rng(2).standard_normal((1000, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    taken = []
    for resident in (True, False):
        patterns = PatternSet(384, resident=resident)
        patterns.append(rows, np.ones(len(rows), dtype=np.int64))
        view = patterns.view()
        arrays = [view.starts, view.codes.values, view.codes.scales, view.codes.errors, view.rows]
        taken.append(sum(each.nbytes for each in arrays if each is not None) / 1000)
    assert taken == [400 + 1536, 400]


@pytest.mark.parametrize("resident", ["rows", "", None, 1, "PATTERNS"])
def test_there_are_three_ways_to_be_resident(resident: object) -> None:
    """Anything else is refused before a file is made."""
    with pytest.raises(errors.InvalidArgument, match="resident is 'patterns' or 'codes' or 'prototypes', not"):
        Memory(resident=resident)  # type: ignore[arg-type]


def test_a_recall_says_what_is_certain(alike: list[Memory]) -> None:
    """Every weight lies in the interval, whose ends are those of the log-partition."""
    recall = alike[0].recall("my dog in the snow")
    least, most = recall.certificate.log_partition
    assert recall.certificate.exact
    assert 200 <= recall.certificate.rescored <= recall.episodes
    assert least <= -recall.beta * recall.energy <= most
    assert recall.certificate.width == most - least
    for each in recall:
        score = sum(each.shares.values())
        assert np.exp(recall.beta * score - most) <= each.weight <= np.exp(recall.beta * score - least)


def test_a_recall_of_nothing_is_certain_of_it(toy: DeterministicEmbedder) -> None:
    """Nothing was ever stored, or nothing may be seen."""
    memory = Memory(embedder=toy)
    assert memory.recall("tea").certificate.width == 0
    memory.remember("tea")
    hidden = memory.recall("tea", where={"n": 1})
    assert hidden.certificate.exact
    assert (hidden.certificate.rescored, hidden.certificate.width) == (0, 0)


def _near(one: Recall, other: Recall) -> None:
    """The same, but for what the sum over all is known to: of one from codes, of the other from what was read."""
    assert [each.id for each in one] == [each.id for each in other]
    assert [each.similarity for each in one] == [each.similarity for each in other]
    assert [each.weight for each in one] == pytest.approx([each.weight for each in other], abs=1e-4)
    assert (one.verdict, one.episodes) == (other.verdict, other.episodes)


def test_what_prototypes_stand_for_is_followed(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Whatever another process does to the overlay and to its members, a recall is that of all patterns."""
    location, texts = tmp_path / "memory.db", told(8, 24)
    with (
        Memory(location, embedder=toy) as memory,
        Memory(location, embedder=toy, resident="prototypes") as few,
    ):

        def same() -> int:
            for cue in (texts[5], texts[100], "word3x1 word3x4", "nothing of it"):
                for options in ({}, {"fields": ("cosine",)}, {"distinct": True}, {"level": "both"}, {"beta": 3.0}):
                    _near(memory.recall(cue, k=8, **options), few.recall(cue, k=8, **options))  # type: ignore[arg-type]
            return few.stats().resident_patterns

        memory.remember_many({"id": str(number), "text": text} for number, text in enumerate(texts))
        assert same() == 192
        report = memory.consolidate()
        assert report.covered == 192
        assert same() == report.themes
        memory.remember_many({"id": f"new{number}", "text": text} for number, text in enumerate(told(8, 2, seed=3)))
        assert same() == report.themes + 16
        memory.consolidate()
        within = same()
        assert within < report.themes + 16
        memory.update("7", text=texts[100])
        memory.update("9", metadata={"seen": True})
        same()
        memory.forget(ids=["8", "30", "new4"])
        same()
        memory.unconsolidate(str(report.run_id))
        assert 205 <= same() <= 207  # two versions are gone, and take their place until there are more of them
        memory.consolidate()
        assert same() <= within + 4
        few.reembed(DeterministicEmbedder(dimension=32))
        assert few.recall(texts[5]).episodes == 205
        assert few.stats().resident_patterns == 205  # the overlay went with the old vectors
        assert not memory.prototypes()


def test_namespaces_with_and_without_prototypes_are_asked_together(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """One that has been consolidated, one that has not, and one below; with a filter, a cue of parts, a completion."""
    location, texts = tmp_path / "memory.db", told(5, 20)
    with (
        Memory(location, embedder=toy) as memory,
        Memory(location, embedder=toy, resident="prototypes") as few,
    ):
        for path in (("a",), ("a", "b"), ("a", "c")):
            memory.remember_many(
                (
                    {"text": f"{text} {path[-1]}", "actor": "Ana" if n % 3 else "Ben", "metadata": {"n": n % 2}}
                    for n, text in enumerate(texts)
                ),
                namespace=path,
            )
        assert memory.consolidate(namespace=("a", "b")).covered == 100
        for cue in (texts[3], f"{texts[3]}. {texts[50]}. " * 9, Cue(texts[70], actor="Ben")):
            for options in ({}, {"where": {"n": 1}}, {"prefer": "latest"}, {"fields": ("words", "actor")}):
                one, other = (
                    each.recall(cue, k=9, namespace=("a",), subtree=True, **options)  # type: ignore[arg-type]
                    for each in (memory, few)
                )
                _near(one, other)
        one_, other_ = (each.complete(texts[9], namespace=("a",), subtree=True) for each in (memory, few))
        assert one_.actors == pytest.approx(other_.actors, abs=1e-4)
        assert few.stats().resident_patterns < memory.stats().resident_patterns - 80
        long = f"{texts[3]}. {texts[50]}. " * 9
        assert few.recall(long, namespace=("a", "b"), where={"n": 2}).episodes == 0
        memory.forget(namespace=("a", "b"))
        assert len(few.recall(long, namespace=("a", "b"))) == 0
        _near(memory.recall(long, namespace=("a",), subtree=True), few.recall(long, namespace=("a",), subtree=True))


def test_threads_recall_while_prototypes_come_and_go(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Every answer is of one state: what is never touched comes first for its own text, with the cosine of equals."""
    texts = told(6, 20)
    kept = {texts[number]: str(number) for number in range(0, 120, 10)}
    with Memory(tmp_path / "memory.db", embedder=toy, resident="prototypes") as memory:
        memory.remember_many({"id": str(number), "text": text} for number, text in enumerate(texts))
        stopped = threading.Event()

        def asked(turn: int) -> int:
            count = 0
            while not count or not stopped.is_set():
                text, id_ = list(kept.items())[(turn + count) % len(kept)]
                found = memory.recall(text, k=3, fields=("cosine",))
                assert found[0].similarity == pytest.approx(1, abs=1e-6)
                assert texts[int(found[0].id)] == text
                assert id_ in {each.id for each in memory.recall(text, k=130)}
                count += 1
            return count

        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(asked, turn) for turn in range(3)]
            try:
                for turn in range(6):
                    run = memory.consolidate().run_id
                    memory.forget(ids=str(turn * 20 + 3))
                    memory.update(str(turn * 20 + 5), text=f"{texts[turn * 20 + 5]} again")
                    memory.remember(texts[turn * 20 + 3], id=f"new{turn}")
                    if run is not None and turn % 2:
                        memory.unconsolidate(run)
            finally:
                stopped.set()
            assert min(each.result() for each in asking) > 0


def test_of_many_the_best_are_found_in_all_likelihood() -> None:
    """At a thirtieth of the patterns in memory; the certificate says that it is not certain, and bounds the sum."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((60, 64))
    vectors = centres.repeat(50, axis=0) + 0.9 * rng.standard_normal((3000, 64))
    embedder = DeterministicEmbedder(dimension=64)
    whole, few = Memory(embedder=embedder), Memory(embedder=embedder, resident="prototypes")
    for memory in (whole, few):
        memory.remember_many(
            {"id": str(number), "text": f"t{number}", "vector": vector} for number, vector in enumerate(vectors)
        )
        assert memory.consolidate().themes == 60
    kept, certain = [], 0
    for cue in vectors[::60] + 0.2 * rng.standard_normal((50, 64)):
        one, other = (memory.recall(vector=cue, k=10, fields=("cosine",)) for memory in (whole, few))
        kept.append(len({each.id for each in one} & {each.id for each in other}) / 10)
        certain += other.certificate.exact
        assert 512 <= other.certificate.rescored < 3000
        lowest, highest = other.certificate.log_partition
        assert lowest <= -one.beta * one.energy <= highest
    assert np.mean(kept) >= 0.99
    assert certain < 50
    assert (few.stats().resident_patterns, few.stats().patterns) == (60, 3000)
    assert few.stats().resident_bytes * 10 < whole.stats().resident_bytes
