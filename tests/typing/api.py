"""The types of the public API. Checked by mypy, not run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, assert_type

from am_agent import (
    Calibrated,
    Completion,
    Consolidation,
    Cue,
    DeterministicEmbedder,
    Embedder,
    Episode,
    Erasure,
    Evidence,
    Loaded,
    Memory,
    Prototype,
    Recall,
    Receipt,
    Recollection,
    Rejection,
    SentenceTransformerEmbedder,
    Stats,
    Unconsolidation,
    Weights,
)


def verbs() -> None:
    """What the verbs take and return."""
    embedder: Embedder = DeterministicEmbedder()
    embedder = SentenceTransformerEmbedder(device="cpu")
    memory = Memory(Path("memory.db"), embedder=embedder, timeout=5)
    assert_type(memory.remember("a", namespace=("n",), vector=[1.0], ttl=timedelta(days=1), metadata={"a": [1]}), str)
    assert_type(memory.remember("a", reply_to="b", derived_from=["c", "d"]), str)
    assert_type(memory.remember_many(["a", {"text": "b"}, Episode("c", "d")], progress=print), Receipt)
    assert_type(memory.remember_messages([("user", "a")], session="s"), Receipt)
    assert_type(memory.update("a", text="b", actor=None, reply_to=None, derived_from="c"), Episode)
    assert_type(memory.get("a")[0].derived_from, tuple[str, ...])
    recall = memory.recall("a", k=3, where={"n": {"gt": 1}}, as_of=datetime.now(UTC), beta=1)
    assert_type(recall, Recall)
    assert_type(recall[0], Recollection)
    assert_type(recall[:2], tuple[Recollection, ...])
    assert_type([each.weight for each in recall], list[float])
    assert_type(recall.as_prompt(max_chars=5), str)
    assert_type(recall[0].shares, Mapping[str, float])
    assert_type(recall.explain(), str)
    cue = Cue("a", actor="b", time=(datetime.now(UTC), datetime.now(UTC)), near="c", vector=[1.0])
    assert_type(memory.recall(cue, fields=("content", "words"), log=True), Recall)
    completion = memory.complete(cue, k=2, subtree=True)
    assert_type(completion, Completion)
    assert_type(completion.recall, Recall)
    assert_type(completion.actors, Mapping[str, float])
    assert_type(completion.time, datetime | None)
    assert_type(memory.reinforce(recall, used="a"), Weights)
    assert_type(memory.reinforce(recall.id, used=["a", "b"], namespace=("n",)), Weights)
    assert_type(memory.weights(namespace=("n",)), Weights)
    assert_type(memory.reset_weights().learned, Mapping[str, float])
    assert_type(memory.calibrate([("a", True), (cue, False)], alpha=0.1, namespace=("n",)), Calibrated)
    assert_type(memory.calibrate().threshold, float)
    assert_type(memory.reset_calibration(namespace=("n",)), Calibrated)
    assert_type(memory.recall("a", abstain=True).verdict, Literal["known", "ambiguous", "unknown"])
    assert_type(
        (recall.familiarity, recall.reliability, recall.n_eff, recall.margin), tuple[float, float, float, float]
    )
    assert_type((recall.reason, recall.told), tuple[str, str])
    assert_type(recall.evidence, Evidence | None)
    assert_type(memory.get("a"), list[Episode])
    assert_type(memory.list(limit=1), list[Episode])
    assert_type(memory.count(), int)
    report = memory.consolidate(duplicate=0.9, theme=0.5, summarise=lambda texts: texts[0], progress=print)
    assert_type(report, Consolidation)
    assert_type(report.saving, float | None)
    assert_type(memory.prototypes(tier="theme", subtree=True)[0], Prototype)
    assert_type(memory.prototype("a").members, tuple[str, ...])
    assert_type(memory.unconsolidate("a", namespace=("n",)), Unconsolidation)
    assert_type(memory.forget(ids=["a"]), Erasure)
    assert_type(memory.export("a.jsonl"), int)
    loaded = memory.load("a.jsonl", format="jsonl", encoding="utf-8", namespace=("n",), session="s", rejected=print)
    assert_type(loaded, Loaded)
    assert_type(loaded.problems, tuple[Rejection, ...])
    assert_type(memory.stats(), Stats)


async def twins() -> None:
    """The async twins have the types of the verbs."""
    async with Memory() as memory:
        assert_type(memory, Memory)
        assert_type(await memory.aremember("a", session="s"), str)
        assert_type(await memory.arecall("a", k=1), Recall)
        assert_type(await memory.acomplete(Cue(actor="a")), Completion)
        assert_type(await memory.areinforce("a", used="b"), Weights)
        assert_type(await memory.aweights(), Weights)
        assert_type(await memory.acalibrate(iter([("a", True)])), Calibrated)
        assert_type(await memory.areset_calibration(namespace=("n",)), Calibrated)
        assert_type(await memory.areset_weights(namespace=("n",)), Weights)
        assert_type(await memory.alist(), list[Episode])
        assert_type(await memory.aforget(namespace=()), Erasure)
