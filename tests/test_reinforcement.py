"""Learning from use, through the facade: who may tell what of which recall, where it holds, and what it does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from am_agent import Cue, DeterministicEmbedder, Memory, Recall, Weights, errors
from am_agent.hopfield.fusion import FIELDS, default_weights
from am_agent.hopfield.learning import Learner, fresh, reinforced
from am_agent.store import uses
from tests.children import Child, rest
from tests.soundness import rows

ANA = ("ana",)
NOTES = [("rex", "Rex is a dog."), ("tom", "Tom is a cat."), ("tea", "Ben likes green tea.")]


def _filled(path: Path | None, *namespaces: tuple[str, ...]) -> Memory:
    memory = Memory(path, embedder=DeterministicEmbedder())
    for namespace in namespaces or [()]:
        memory.remember_many([{"text": text, "id": id_} for id_, text in NOTES], namespace=namespace)
    return memory


# ------------------------------------------------------------------------------------------------------- which recall


def test_a_recall_or_its_id_is_reinforced_by_one_step_of_the_learner() -> None:
    """What comes out is what the learner makes of the logged features; both ways of naming the recall are one."""
    with _filled(None) as memory:
        recall = memory.recall("Which dog is it?")
        use = memory._reinforcement._waiting[recall.id]
        expected = fresh(default_weights())
        for named, used in [(recall, "rex"), (recall.id, ["rex", "tom"]), (recall, ("tom", "tom"))]:
            told = memory.reinforce(named, used=used)
            at = np.array([use.shown[id_] for id_ in ([used] if isinstance(used, str) else used)])
            expected = reinforced(expected, use.features, at, use.beta)
            assert list(told.learned) == list(FIELDS)
            assert list(told.learned.values()) == expected.weights.tolist()
            assert list(told.default.values()) == default_weights().tolist()
        assert (told.rounds, told.ahead, told.namespace) == (3, False, ())
        assert told.learned_loss == expected.learned_loss
        assert told.default_loss == expected.default_loss
        assert memory.weights() == told
        assert told.active == told.default


def test_another_memory_on_the_file_knows_what_was_logged(tmp_path: Path) -> None:
    """By its id, before and after the one that asked is closed; what was not logged only its own process knows."""
    with _filled(tmp_path / "m.db") as asking, Memory(tmp_path / "m.db", embedder=DeterministicEmbedder()) as telling:
        logged, other = asking.recall("dog", log=True), asking.recall("cat")
        assert telling.reinforce(logged, used="rex").rounds == 1
        with pytest.raises(errors.UnknownRecall, match=rf"no recall '{other.id}' waits for feedback: .* log=True"):
            telling.reinforce(other, used="tom")
        assert asking.reinforce(other, used="tom").rounds == 2
        assert asking.weights() == telling.weights()
    with Memory(tmp_path / "m.db", embedder=DeterministicEmbedder()) as memory:
        assert memory.reinforce(logged.id, used="rex").rounds == 3


def test_what_cannot_be_learned_is_refused_and_changes_nothing() -> None:
    """Each with a message that says what is wrong and how it could be right."""
    with _filled(None, ANA, ("ben",)) as memory:
        recall = memory.recall("dog", namespace=ANA, k=2)
        (left,) = {id_ for id_, _ in NOTES} - {each.id for each in recall}
        refused: list[tuple[Recall | str, Sequence[str], dict[str, tuple[str, ...]], str]] = [
            (recall, left, {}, rf"the id '{left}' is not among the 2 episodes that the recall {recall.id} brought"),
            (recall, ["rex", "?"], {}, r"the id '\?' is not among the 2 episodes"),
            (recall, [], {}, "used names none of the 2 episodes"),
            (recall, "rex", {"namespace": ("ben",)}, r"was asked in the namespace \('ana',\); what was used"),
            (recall, "rex", {"namespace": ("ana", "b")}, r"nothing about \('ana', 'b'\). Name that"),
        ]  # fmt: skip
        for named, used, where, message in refused:
            with pytest.raises(errors.InvalidArgument, match=message):
                memory.reinforce(named, used=used, **where)
        for unknown in ("unknown", Recall((), 0.0, 1.0, 0)):
            with pytest.raises(errors.UnknownRecall, match=r"no recall '(unknown)?' waits for feedback"):
                memory.reinforce(unknown, used="rex")
        with pytest.raises(errors.InvalidText, match="recall is empty"):
            memory.reinforce("", used="rex")
        assert (memory.weights(namespace=ANA).rounds, memory.weights(namespace=ANA).namespace) == (0, None)
    with pytest.raises(errors.ClosedMemory):
        memory.reinforce(recall, used="rex")


def test_the_last_256_recalls_of_a_process_wait() -> None:
    """Whatever they were asked with, but for plain cosine, from which no weights can be learned."""
    with _filled(None) as memory:
        plain = memory.recall("dog", fields=("cosine",))
        nothing = memory.recall("dog", namespace=("nobody",))
        recalls = [memory.recall(f"dog {number}", k=1, fields=("words",)) for number in range(257)]
        assert plain.id == nothing.id == memory.complete("dog").recall.id == ""
        assert len({each.id for each in recalls}) == 257
        for unknown in (plain, nothing, recalls[0]):
            with pytest.raises(errors.UnknownRecall):
                memory.reinforce(unknown, used="rex")
        for place in (1, 256):
            memory.reinforce(recalls[place], used="rex")
        assert memory.weights().rounds == 2


def test_a_cue_that_says_nothing_waits_with_what_it_showed() -> None:
    """It teaches nothing, and does not keep a row for every episode there is."""
    with _filled(None) as memory:
        memory.remember_many(f"note {number}" for number in range(300))
        recall = memory.recall("what is it", k=3)
        assert memory._reinforcement._waiting[recall.id].features.shape == (3, len(FIELDS))
        told = memory.reinforce(recall, used=[recall[1].id])
        assert (told.rounds, told.learned) == (1, told.default)


def test_what_is_learned_does_not_depend_on_the_beta_of_the_recall() -> None:
    """However sure it was asked to be: feedback is compared at a nat per standard deviation."""
    with _filled(None) as memory:
        told = []
        for beta in (None, 0.01, 1e200):
            told.append(memory.reinforce(memory.recall("Which dog is it?", beta=beta), used="tom"))
            memory.reset_weights()
        assert told[0] == told[1] == told[2]
        assert told[0].learned != told[0].default


@pytest.mark.parametrize(("k", "logged"), [(3, 50), (70, 70)])
def test_the_fifty_best_and_all_that_is_shown_are_logged(k: int, logged: int) -> None:
    """Each id has the row of its own features, and no candidate left out comes before one that is logged."""
    memory, cues = _synthetic()
    with memory:
        every = memory.recall(cues[0][0], k=200)
        recall = memory.recall(cues[0][0], k=k)
        use = memory._reinforcement._waiting[recall.id]
        assert use.features.shape == (logged, len(FIELDS))
        assert list(use.shown) == [each.id for each in recall] == [each.id for each in every[:k]]
        scores = use.features @ np.array(list(recall.weights.values()))
        for each in recall:
            assert scores[use.shown[each.id]] == pytest.approx(sum(each.shares.values()))
        assert np.sort(scores)[::-1] == pytest.approx([sum(each.shares.values()) for each in every[:logged]])


def test_forgetting_an_episode_ends_the_waiting() -> None:
    """A recall may name what is gone, so that none waits any longer."""
    with _filled(None) as memory:
        recall = memory.recall("dog")
        memory.forget(ids="tea")
        with pytest.raises(errors.UnknownRecall, match="nothing was forgotten since"):
            memory.reinforce(recall, used="rex")


# -------------------------------------------------------------------------------------------------- where it holds


def test_a_namespace_inherits_until_it_has_learned_itself() -> None:
    """From the nearest above; its own go before, begin with what it had inherited, and are what reset takes away."""
    deep = ("ana", "work", "mail")
    with _filled(None, deep, ("ben",)) as memory:
        recall = memory.recall("dog", namespace=deep)
        above = memory.reinforce(recall, used="rex", namespace=ANA)
        assert (above.namespace, above.rounds) == (ANA, 1)
        for below in (("ana", "work"), deep):
            assert memory.weights(namespace=below) == above
        assert memory.weights(namespace=("ben",)).namespace is memory.weights().namespace is None
        own = memory.reinforce(recall, used="tom")
        assert (own.namespace, own.rounds, memory.weights(namespace=deep)) == (deep, 2, own)
        assert memory.weights(namespace=ANA) == above
        top = memory.reinforce(recall, used="tea", namespace=())
        assert (top.namespace, top.rounds, memory.weights(namespace=("ben",))) == ((), 1, top)
        assert memory.reset_weights(namespace=("ana", "work")) == above  # it has none itself
        assert memory.reset_weights(namespace=deep) == memory.weights(namespace=deep) == above
        assert memory.reset_weights(namespace=ANA) == top
        assert memory.reset_weights().namespace is None


def test_after_a_reset_all_is_as_if_nothing_had_been_learned(tmp_path: Path) -> None:
    """Down to the bytes of the learner that holds then, and the row in the file."""
    with _filled(tmp_path / "m.db") as memory:
        before = memory.recall("dog")
        for _ in range(3):
            memory.reinforce(before, used="tom")
        assert len(rows(tmp_path / "m.db", "SELECT * FROM weight")) == 1
        told = memory.reset_weights()
        assert rows(tmp_path / "m.db", "SELECT * FROM weight") == []
        assert told == Weights(told.default, told.default, ahead=False, rounds=0, default_loss=0.0, learned_loss=0.0)
        with memory._database.reading() as connection:
            learner, where = memory._reinforcement._learner(connection, ())
        assert (learner.to_bytes(), where) == (fresh(default_weights()).to_bytes(), None)
        after = memory.recall("dog")
        assert [(each.id, each.weight) for each in after] == [(each.id, each.weight) for each in before]


def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    """Number for number."""
    with _filled(tmp_path / "m.db", ANA) as memory:
        told = memory.reinforce(memory.recall("dog", namespace=ANA), used="rex")
    with Memory(tmp_path / "m.db", embedder=DeterministicEmbedder()) as memory:
        assert memory.weights(namespace=ANA) == told


def test_weights_of_an_older_default_are_ignored() -> None:
    """They were learned about other numbers; those of a namespace above that are not are inherited."""
    old = replace(fresh(default_weights() * 2), ahead=True, rounds=9)
    with _filled(None, ANA) as memory:
        with memory._database.writing() as connection:
            uses.learn(connection, ANA, old.to_bytes())
        assert memory.weights(namespace=ANA).namespace is None
        recall = memory.recall("dog", namespace=ANA)
        above = memory.reinforce(recall, used="rex", namespace=())
        assert memory.weights(namespace=ANA) == above
        assert memory.reinforce(recall, used="rex").rounds == 2


def test_a_learner_of_another_version_is_ignored() -> None:
    """Its numbers mean something else: the next feedback starts afresh, or from a namespace above that can be read."""
    old = fresh(default_weights()).to_bytes()
    old = old[:4] + b"\x01\x00" + old[6:]
    with _filled(None, ANA) as memory:
        with memory._database.writing() as connection:
            uses.learn(connection, ANA, old)
        assert memory.weights(namespace=ANA).namespace is None
        assert memory.reinforce(memory.recall("dog", namespace=ANA), used="rex").rounds == 1
        assert memory.weights(namespace=ANA).namespace == ANA


def _reinforce(path: Path, id_: str, pipe: Connection) -> None:
    with Memory(path, embedder=DeterministicEmbedder()) as memory:
        rest(pipe)
        for _ in range(20):
            memory.reinforce(id_, used="rex")
        pipe.send(memory.weights().rounds)


def test_two_processes_that_reinforce_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each step starts from what the other wrote: the rounds add up, and the weights are those of all in a row."""
    with _filled(tmp_path / "m.db") as memory:
        recall = memory.recall("Which dog?", log=True)
        use = memory._reinforcement._waiting[recall.id]
        children = [Child(_reinforce, tmp_path / "m.db", recall.id) for _ in range(2)]
        assert [child.hear() for child in children] == ["ready", "ready"]
        for child in children:
            child.say("go")
        counts = [child.hear() for child in children]
        for child in children:
            child.join()
            assert child.code == 0
        assert max(counts) == memory.weights().rounds == 40
        expected = fresh(default_weights())
        for _ in range(40):
            expected = reinforced(expected, use.features, np.array([use.shown["rex"]]), use.beta)
        assert list(memory.weights().learned.values()) == expected.weights.tolist()


# ---------------------------------------------------------------------------------------------------- what it does


def _synthetic() -> tuple[Memory, list[tuple[Cue, str]]]:
    """200 episodes of common words, and cues of half of one's words: their vectors are noise, the words decide."""
    rng = np.random.default_rng(3)
    memory = Memory(embedder=DeterministicEmbedder())
    texts = [[f"word{word}" for word in rng.choice(40, 6, replace=False)] for _ in range(200)]
    memory.remember_many(
        [{"id": str(n), "text": " ".join(text), "vector": rng.normal(size=64)} for n, text in enumerate(texts)]
    )
    picked = rng.integers(200, size=220).tolist()
    asked = [" ".join(rng.permutation(texts[n])[:3]) for n in picked]
    return memory, [(Cue(text, vector=rng.normal(size=64)), str(n)) for text, n in zip(asked, picked, strict=True)]


def _taught(memory: Memory, cues: list[tuple[Cue, str]], choose: Callable[[Recall, str], str | None]) -> Weights:
    for cue, target in cues:
        recall = memory.recall(cue, k=10)
        used = choose(recall, target)
        if used is not None:
            memory.reinforce(recall, used=used)
    return memory.weights()


def _found(memory: Memory, cues: list[tuple[Cue, str]], k: int) -> float:
    return float(np.mean([target in {each.id for each in memory.recall(cue, k=k)} for cue, target in cues]))


def test_use_teaches_which_field_decides() -> None:
    """Where only the words tell, feedback makes them count for more, and more is found, first and among ten."""
    memory, cues = _synthetic()
    with memory:
        held_out = cues[120:]
        before = [_found(memory, held_out, k) for k in (1, 10)]
        told = _taught(memory, cues[:120], lambda recall, target: target if target in [x.id for x in recall] else None)
        after = [_found(memory, held_out, k) for k in (1, 10)]
        assert told.ahead
        assert told.learned_loss < told.default_loss
        ratio = {name: told.active[name] / told.default[name] for name in ("content", "words")}
        assert ratio["words"] > ratio["content"]
        assert after[0] >= before[0] + 0.3
        assert after[1] >= before[1] + 0.1
        memory.reset_weights()
        assert [_found(memory, held_out, k) for k in (1, 10)] == before


def test_random_feedback_does_no_harm() -> None:
    """Whatever is clicked on at random, as much is found among ten as before, to two points."""
    memory, cues = _synthetic()
    rng = random.Random(5)
    with memory:
        held_out = cues[120:]
        before = _found(memory, held_out, 10)
        told = _taught(memory, cues[:120], lambda recall, _: rng.choice(recall).id)
        assert (told.rounds, told.ahead) == (120, False)
        assert abs(_found(memory, held_out, 10) - before) <= 0.02
        shares = np.array(list(told.learned.values())) / default_weights()
        assert 0.5 <= shares.min() <= shares.max() <= 2


# ------------------------------------------------------------------------------------------------------- the twins


def test_the_async_twins_do_the_same() -> None:
    """Reinforce, weights and their reset, from a coroutine."""

    async def learn() -> list[int]:
        async with _filled(None) as memory:
            recall = await memory.arecall("dog", log=True)
            told = await memory.areinforce(recall, used="rex")
            assert await memory.aweights() == told
            with pytest.raises(errors.UnknownRecall):
                await memory.areinforce("unknown", used="rex")
            return [told.rounds, (await memory.areset_weights()).rounds]

    assert asyncio.run(learn()) == [1, 0]


def test_the_bytes_of_a_learner_are_what_the_file_holds(tmp_path: Path) -> None:
    """One row, which any other program can read by the learner's own format."""
    with _filled(tmp_path / "m.db") as memory:
        told = memory.reinforce(memory.recall("dog"), used="rex")
        ((data,),) = rows(tmp_path / "m.db", "SELECT data FROM weight")
    assert Learner.from_bytes(data).weights.tolist() == list(told.learned.values())
