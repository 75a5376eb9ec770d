"""Prototypes and near-duplicates in recall: the laws of their weights, what a cue may see, and what stays as it was."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent import Cue, DeterministicEmbedder, Memory, Recall, errors
from am_agent.hopfield.patterns import PatternSet
from am_agent.hopfield.prototypes import energy_bound
from am_agent.hopfield.roster import Integers, Roster
from am_agent.hopfield.scope import Scope
from am_agent.levels import coarse, stands, summed, widest
from am_agent.readout import plain
from am_agent.store.prototypes import Kept, measure
from tests.overlays import told

TOY = DeterministicEmbedder()
TEXTS = told(6, 12)
START = datetime(2024, 1, 1, tzinfo=UTC)
CUES = ("word0x1 word0x2", "word3x4", "What of word5x1 and word2x7?", "hello", Cue(near="e3"), Cue(actor="odd"))


@pytest.fixture
def memory() -> Any:
    """A memory with six themes, and the first text of each said three times in all."""
    with Memory(embedder=TOY) as opened:
        _fill(opened)
        yield opened


def _fill(memory: Memory, namespace: tuple[str, ...] = ()) -> None:
    for offset, again in ((0, False), (20, True)):
        memory.remember_many(
            [
                {
                    "text": text,
                    "id": f"again{n}" if again else f"e{n}",
                    "actor": "odd" if n % 2 else "even",
                    "occurred_at": START + timedelta(days=offset + n),
                    "metadata": {"n": n},
                    "namespace": namespace,
                }
                for n, text in enumerate(2 * TEXTS[::12] if again else TEXTS)
            ]
        )


def _distinct(memory: Memory) -> int:
    groups = memory.prototypes(tier="duplicate")
    assert len(groups) >= 6
    return memory.count() - sum(len(each) - 1 for each in groups)


def _facts(recall: Recall) -> Recall:
    return replace(recall, id="")


# ------------------------------------------------------------------------------------------- what stays as it was


def test_consolidation_changes_no_recall_of_episodes(memory: Memory) -> None:
    """Bit by bit: order, weights, energy, verdict, all of it, by all fields and by any."""
    asked: list[dict[str, Any]] = [
        {},
        {"k": 90},
        {"fields": ("content", "words")},
        {"where": {"n": {"lt": 30}}},
        {"now": START, "as_of": datetime(2999, 1, 1, tzinfo=UTC)},
    ]
    cues = [(cue, given) for cue in CUES for given in asked] + [(cue, {"fields": ("cosine",)}) for cue in CUES[:4]]
    before = [_facts(memory.recall(cue, **given)) for cue, given in cues]
    assert memory.consolidate().made > 6
    assert [_facts(memory.recall(cue, **given)) for cue, given in cues] == before
    assert [_facts(memory.recall(cue, level="episode", distinct=False, **given)) for cue, given in cues] == before


# ---------------------------------------------------------------------------------------------------- both levels


@pytest.mark.parametrize("cue", CUES)
def test_a_prototype_weighs_what_its_members_do_and_nothing_counts_twice(memory: Memory, cue: str | Cue) -> None:
    """Episodes keep their weights; prototypes, and the episodes that are in none, share one softmax."""
    memory.consolidate()
    alone, both = memory.recall(cue, k=1000), memory.recall(cue, k=1000, level="both")
    weights = {each.id: each.weight for each in alone}
    assert sum(weights.values()) == pytest.approx(1)
    shown = [each for each in both if each.prototype is not None]
    assert {each.id: each.weight for each in both if each.prototype is None} == weights
    assert {each.id for each in shown} == {each.id for each in memory.prototypes(tier="theme")}
    for each in shown:
        assert each.prototype is not None
        assert each.weight == pytest.approx(sum(weights[member] for member in each.prototype.members))
        assert each.episode.id == each.prototype.medoid
        assert each.text == each.prototype.text == memory.prototype(each.id).text
        assert [one.id for one in memory.get(list(each.prototype.members))] == list(each.prototype.members)
    covered = {member for each in shown if each.prototype for member in each.prototype.members}
    rest = sum(weight for id_, weight in weights.items() if id_ not in covered)
    assert sum(each.weight for each in shown) + rest == pytest.approx(1)
    assert both.energy == alone.energy
    if cue != "hello":
        assert [each.weight for each in both] == sorted((each.weight for each in both), reverse=True)
    assert [each.id for each in memory.recall(cue, k=7, level="both")] == [each.id for each in both[:7]]


def test_prototypes_compete_by_their_means(memory: Memory) -> None:
    """Their weights are a softmax of their own, and the energy rises by the bound at the most."""
    memory.consolidate()
    themes = memory.prototypes(tier="theme")
    assert sum(len(each) for each in themes) == 84
    for cue in ("word0x1 word0x2", "word3x4 word3x1"):
        fine = memory.recall(cue, fields=("cosine",), k=84)
        found = memory.recall(cue, fields=("cosine",), level="prototype", k=10)
        assert {each.id for each in found} == {each.id for each in themes}
        assert sum(each.weight for each in found) == pytest.approx(1)
        bound = max(energy_bound(np.array([each.radius]), found.beta, single=True) for each in themes)
        assert -1e-9 <= found.energy - fine.energy <= bound
        assert found.certificate.exact
        assert found.beta == fine.beta
        assert f"word{cue[4]}x" in found[0].text
        assert all(-1 <= each.similarity <= 1 for each in found)
        weights = [math.exp(found.beta * (sum(each.shares.values()) + found.energy)) for each in found]
        assert weights == pytest.approx([each.weight for each in found])
        assert (found.verdict, found.familiarity) == (fine.verdict, fine.familiarity) or len(found) != len(fine)


def test_prototypes_are_found_by_words_and_by_who_said_it_too(memory: Memory) -> None:
    """What other fields give to a prototype is the mean of what they give to its members."""
    memory.consolidate()
    for cue in ("word4x2", Cue("word4x2", actor="odd")):
        found = memory.recall(cue, level="prototype")
        assert "word4x" in found[0].text
        assert found[0].shares["words"] > 0
        assert "strength" in found[0].shares
        assert "links" not in found[0].shares
    assert "actor" in memory.recall(Cue(actor="odd"), level="prototype")[0].shares


def test_a_summary_is_what_a_prototype_says(memory: Memory) -> None:
    """In the recollection, in a prompt, and in an explanation."""
    memory.consolidate(summarise=lambda texts: f"{len(texts)} <notes>")
    found = memory.recall("word0x1", level="both", k=1)
    assert found[0].text == "14 <notes>"
    assert found[0].prototype is not None
    assert found[0].prototype.derived
    assert found.as_prompt() == (
        f'<memory>\n<entry id="{found[0].id}" of="14 entries">14 &lt;notes&gt;</entry>\n</memory>'
    )
    assert "= members" in found.explain()


def test_what_says_nothing_calls_the_heaviest_and_then_the_newest_to_mind(memory: Memory) -> None:
    """A cue of function words has no score."""
    memory.consolidate()
    found = memory.recall("and you", level="both", k=8)
    assert [each.prototype is not None for each in found] == [True] * 6 + [False] * 2
    assert [each.id for each in found[6:]] == [each.id for each in memory.recall("and you", k=2)]
    assert all(each.weight == pytest.approx(1 / 6) for each in memory.recall("and you", level="prototype", k=6))


# ------------------------------------------------------------------------------------------------------ distinct


def test_what_was_said_again_counts_once(memory: Memory) -> None:
    """With the weight of all of it, the newest in front, and the others by their ids."""
    memory.consolidate(duplicate=0.99)
    cue = " ".join(TEXTS[12].split()[:3])
    usual = {each.id: each.weight for each in memory.recall(cue, k=84)}
    found = memory.recall(cue, k=84, distinct=True)
    assert len(found) == _distinct(memory)
    assert sum(each.weight for each in found) == pytest.approx(1)
    twice = next(each for each in found if "e12" in each.also)
    assert (twice.id, twice.also) == ("again7", ("e12", "again1"))
    assert twice.weight == pytest.approx(sum(usual[id_] for id_ in ("e12", "again1", "again7")))
    assert twice.shares["strength"] > 0
    weight = math.exp(found.beta * (sum(twice.shares.values()) + found.energy))
    assert weight == pytest.approx(twice.weight)
    assert [each.weight for each in found] == sorted((each.weight for each in found), reverse=True)
    assert [each.id for each in memory.recall(cue, k=5, distinct=True)] == [each.id for each in found[:5]]
    silent = memory.recall("and you", k=84, distinct=True)
    assert len(silent) == len(found)
    assert [each.id for each in silent[:2]] == [each.id for each in memory.recall("and you", k=2)]


def test_distinct_things_and_prototypes_beside_each_other(memory: Memory) -> None:
    """Themes are shown, duplicates within them count once, and no group is shown twice."""
    memory.consolidate(duplicate=0.99)
    found = memory.recall("word1x1", k=200, level="both", distinct=True)
    ids = [each.id for each in found]
    assert len(ids) == len(set(ids)) == _distinct(memory) + 6
    assert {each.prototype.tier for each in found if each.prototype} == {"theme"}


def test_without_prototypes_everything_is_distinct_and_nothing_is_a_prototype(memory: Memory) -> None:
    """Before the first pass, after an undo, and where there is no episode."""
    usual = memory.recall("word2x1")
    for _ in range(2):
        assert len(memory.recall("word2x1", level="prototype")) == 0
        assert memory.recall("word2x1", level="prototype").energy == math.inf
        assert memory.recall("word2x1", level="both").recollections == usual.recollections
        assert memory.recall("word2x1", distinct=True).recollections == usual.recollections
        run = memory.consolidate().run_id
        assert len(memory.recall("word2x1", level="prototype")) == 5
        assert run is not None
        memory.unconsolidate(run)
    assert len(memory.recall("x", level="both", distinct=True, namespace=("nobody",))) == 0
    memory.forget(namespace=())
    assert len(memory.recall("word2x1", level="both")) == len(memory.recall("word2x1", level="prototype")) == 0


# ------------------------------------------------------------------------------------------- what a cue may see


def test_of_a_prototype_with_a_member_that_may_not_be_seen_nothing_is(memory: Memory) -> None:
    """Neither its text nor its mean; and near-duplicates count by those that may be seen."""
    memory.consolidate(duplicate=0.99)
    seen = {"n": {"lt": 24}}  # the themes of the first 24 and all that was said again
    found = memory.recall("word0x1", where=seen, level="prototype")
    assert {each.text[:5] for each in found} == {"word0", "word1"}
    assert [each.prototype for each in memory.recall("word5x1", where={"n": 70}, level="both")] == [None]
    once = memory.recall(TEXTS[12], k=84, where={"n": {"ne": 7}}, distinct=True)  # without its newest
    assert [each.also for each in once if each.id == "again1"] == [("e12",)]


def test_other_namespaces_have_prototypes_of_their_own() -> None:
    """Those below are seen with `subtree`, and nothing elsewhere is."""
    with Memory(embedder=TOY) as memory:
        for path in (("ana",), ("ana", "work"), ("bob",)):
            _fill(memory, path)
            memory.consolidate(namespace=path)
        cases: list[tuple[tuple[str, ...], bool, set[tuple[str, ...]]]] = [
            (("ana",), False, {("ana",)}),
            (("ana",), True, {("ana",), ("ana", "work")}),
            (("bob",), True, {("bob",)}),
            ((), False, set()),
        ]
        for where, subtree, expected in cases:
            found = memory.recall("word0x1", namespace=where, subtree=subtree, level="prototype", k=50)
            assert {each.prototype.namespace for each in found if each.prototype} == expected


def test_what_was_forgotten_is_in_no_prototype_and_what_is_not_known_then_in_none_either(memory: Memory) -> None:
    """A theme is shown without a member as soon as it is gone; at an earlier time there was another state."""
    memory.consolidate()
    (theme,) = memory.recall("word0x1", level="prototype", k=1)
    memory.forget(ids=["e1"])
    (less,) = memory.recall("word0x1", level="prototype", k=1)
    assert theme.prototype is not None
    assert less.prototype is not None
    assert (less.id, set(less.prototype.members)) == (theme.id, set(theme.prototype.members) - {"e1"})
    assert len(memory.recall("word0x1", level="prototype", as_of=START)) == 0


def test_an_expired_member_hides_its_prototype(memory: Memory) -> None:
    """Before its time to live ends, the prototype is there."""
    memory.remember(TEXTS[1], ttl=timedelta(hours=1), id="brief")
    memory.consolidate()
    held = memory.recall("word0x1", level="prototype", k=1)[0].prototype
    assert held is not None
    assert "brief" in held.members
    later = memory.recall("word0x1", level="prototype", now=datetime.now(UTC) + timedelta(hours=2), k=9)
    assert later
    assert not any("brief" in each.prototype.members for each in later if each.prototype)
    assert memory.recall("word0x1", level="prototype", k=1)[0].prototype == held


def test_another_process_s_pass_and_undo_are_seen(tmp_path: Path) -> None:
    """Prototypes are kept in memory until the journal tells of others."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=TOY) as one, Memory(path, embedder=TOY) as other:
        _fill(one)
        assert len(one.recall("word0x1", level="prototype")) == 0
        run = other.consolidate().run_id
        first = one.recall("word0x1", level="prototype")
        assert len(first) == 5
        one.remember("word0x1 and something new")
        assert [each.id for each in one.recall("word0x1", level="prototype")] == [each.id for each in first]
        assert run is not None
        other.unconsolidate(run)
        assert len(one.recall("word0x1", level="prototype")) == 0


# ------------------------------------------------------------------------------------------------ feedback, errors


def test_feedback_reaches_the_episodes_that_were_shown(memory: Memory) -> None:
    """In front of others, and beside prototypes; a prototype itself is nothing that was said."""
    memory.consolidate(duplicate=0.99)
    found = memory.recall(TEXTS[0], distinct=True)
    assert memory.reinforce(found, used=[found[0].id]).rounds == 1
    both = memory.recall(TEXTS[0], level="both", k=9)
    (episode, *_) = [each.id for each in both if each.prototype is None]
    (prototype, *_) = [each.id for each in both if each.prototype is not None]
    with pytest.raises(errors.InvalidArgument, match=prototype):
        memory.reinforce(both, used=prototype)
    assert memory.reinforce(both, used=episode).rounds == 2
    assert memory.recall(TEXTS[0], level="prototype").id == ""


@pytest.mark.parametrize("level", ["theme", "", None, 3])
def test_a_level_that_there_is_not(memory: Memory, level: Any) -> None:
    """The message names those that there are."""
    with pytest.raises(errors.InvalidArgument, match="level is 'episode' or 'prototype' or 'both', not"):
        memory.recall("a", level=level)


# ------------------------------------------------------------------------------------------------ against the naive


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_the_heaviest_are_those_of_a_sum_over_everything(seed: int, k: int) -> None:
    """However many there are: what codes leave open is scored exactly, and the order is that of float64."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(700, 16)).astype(np.float32) + 2 * rng.normal(size=(7, 16)).astype(np.float32).repeat(
        100, 0
    )
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    roster, patterns = Roster(), PatternSet(16)
    roster.append(list(range(1, 701)))
    patterns.append(rows, np.ones(700, dtype=np.int64))
    scope = Scope.of([(roster.view(), patterns.view())])
    cue = rng.normal(size=16)
    cue /= np.linalg.norm(cue)
    scores = np.einsum("ij,j->i", rows.astype(np.float64), cue)
    times = rng.integers(0, 50, 700)
    order = rng.permutation(700)[:500]
    kept = [_kept(number, keys, rows) for number, keys in enumerate(np.array_split(order + 1, 90))]
    found = stands(kept, scope)
    readout = plain(scope, cue[None, :].astype(np.float32), k, beta := 12.0)
    cue = cue.astype(np.float32).astype(np.float64)
    scores = np.einsum("ij,j->i", rows.astype(np.float64), cue)
    masses = np.exp(beta * scores)
    summed_ = [float(masses[each.positions].sum()) for each in found]

    both = summed(readout, times, k, prototypes=widest(found, 700))
    expected = sorted([*summed_, *masses.tolist()], reverse=True)[:k]
    assert np.exp([each.mass for each in both.shown]) == pytest.approx(expected, rel=1e-9)

    once = summed(readout, times, k, duplicates=found)
    free = np.setdiff1d(np.arange(700), order)
    expected = sorted([*summed_, *masses[free].tolist()], reverse=True)[:k]
    assert np.exp([each.mass for each in once.shown]) == pytest.approx(expected, rel=1e-9)
    for each in once.shown:
        if each.stand is not None:
            newest = max(each.stand.positions.tolist(), key=lambda place: (times[place], place))
            assert each.position == newest

    ranking = coarse(readout, found, k)
    means = np.array([each.kept.shape.mean for each in found], dtype=np.float64) @ cue
    sizes = np.array([len(each.positions) for each in found])
    logs = beta * means + np.log(sizes)
    assert [each.mass for each in ranking.shown] == pytest.approx(sorted(logs, reverse=True)[:k])
    assert ranking.log == pytest.approx(np.logaddexp.reduce(logs))
    assert np.all(logs <= np.log(summed_) + 1e-6)  # Jensen: no mean outweighs its members


def _kept(number: int, keys: Integers, rows: Any) -> Kept:
    ordered = sorted(int(key) for key in keys)
    shape = measure(ordered, [1.0] * len(ordered), {key: rows[key - 1 : key] for key in ordered}, "theme")
    return Kept(number + 1, f"p{number}", 1, "run", shape)
