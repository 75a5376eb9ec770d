"""Consolidation through the facade: what a pass writes, that it is an overlay, undo, summaries, the background."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent import DeterministicEmbedder, Memory, errors, overlay
from tests.overlays import TABLES, dump, told, unsound

TOY = DeterministicEmbedder()
TEXTS = told(6, 12)


@pytest.fixture
def memory() -> Any:
    """A memory with six themes, and the first text of each said three times in all."""
    with Memory(embedder=TOY) as opened:
        opened.remember_many([{"text": text, "id": f"e{n}"} for n, text in enumerate(TEXTS)])
        opened.remember_many([{"text": text, "id": f"again{n}"} for n, text in enumerate(2 * TEXTS[::12])])
        yield opened


def _groups(memory: Memory, tier: str | None = None) -> set[tuple[str, ...]]:
    return {each.members for each in memory.prototypes(tier=tier)}


# ------------------------------------------------------------------------------------------------------------ a pass


def test_a_pass_says_what_it_wrote_and_what_it_costs(memory: Memory) -> None:
    """Every figure of the report is that of the prototypes which are there then."""
    report = memory.consolidate()
    found = memory.prototypes()
    assert (report.episodes, report.whole, report.overtaken) == (84, True, False)
    assert report.prototypes == report.made == len(found) == memory.stats().prototypes
    assert (report.duplicates, report.themes) == (
        len(memory.prototypes(tier="duplicate")),
        len(memory.prototypes(tier="theme")),
    )
    assert report.covered == len({member for each in found for member in each.members})
    assert report.largest_radius == max(each.radius for each in found)
    assert report.mean_radius == pytest.approx(np.mean([each.radius for each in found]))
    assert 0 < report.energy_change <= report.bound
    assert report.structured
    assert report.saving is not None
    assert report.saving > 0.1
    assert {each.run for each in found} == {report.run_id}
    assert report.seconds > 0
    assert [each.weight for each in found] == sorted((len(each) for each in found), reverse=True)


def test_themes_are_those_of_the_texts_and_duplicates_what_was_said_again(memory: Memory) -> None:
    """No theme mixes words of two; each text that was said three times is a group."""
    memory.consolidate()
    for each in memory.prototypes(tier="theme"):
        assert len({text.split("x")[0] for text in (e.text for e in memory.get(list(each.members)))}) == 1
    for n in range(6):
        assert any({f"e{12 * n}", f"again{n}", f"again{n + 6}"} <= set(each) for each in _groups(memory, "duplicate"))


def test_a_second_pass_over_the_same_writes_nothing_at_all(memory: Memory) -> None:
    """Not even an entry of the change feed."""
    first = memory.consolidate()
    before = dump(memory, journal=True)
    second = memory.consolidate()
    assert dump(memory, journal=True) == before
    assert (second.run_id, second.made, second.changed, second.joined, second.split) == (None, 0, 0, 0, 0)
    assert (second.covered, second.bound) == (first.covered, first.bound)


def test_a_dry_run_says_the_same_and_writes_nothing(memory: Memory) -> None:
    """Nor does it ask the summariser."""
    before = dump(memory, journal=True)
    dry = memory.consolidate(dry_run=True, summarise=lambda texts: pytest.fail("it was asked"))
    assert dump(memory, journal=True) == before
    wet = memory.consolidate()
    assert (dry.run_id, dry.made, dry.covered, dry.bound) == (None, wet.made, wet.covered, wet.bound)


def test_recall_finds_the_same_with_prototypes_as_without(memory: Memory) -> None:
    """An overlay: ids, weights and energies of every recall are what they were."""
    before = [memory.recall(text, k=10) for text in TEXTS[::7]]
    memory.consolidate()
    for text, old in zip(TEXTS[::7], before, strict=True):
        new = memory.recall(text, k=10)
        assert [(each.id, each.weight) for each in new] == [(each.id, each.weight) for each in old]
        assert (new.energy, new.certificate) == (old.energy, old.certificate)


def test_what_is_new_is_put_in_its_place_by_the_next_pass(memory: Memory) -> None:
    """Into the theme of its words, whose id stays; and a memory of twice as many is grouped anew."""
    memory.consolidate()
    themes = {member: each.id for each in memory.prototypes(tier="theme") for member in each.members}
    memory.remember(TEXTS[30] + " indeed", id="new")
    report = memory.consolidate()
    assert not report.whole
    (joined,) = [each.id for each in memory.prototypes(tier="theme") if "new" in each.members]
    assert joined == themes["e30"]
    memory.remember_many(told(6, 15, seed=1))
    assert memory.consolidate().whole


def test_a_namespace_of_nothing_and_one_of_one(memory: Memory) -> None:
    """Nothing to group is no error; the first pass is remembered where there was something to see."""
    assert memory.consolidate(namespace=("nobody",)).run_id is None
    memory.remember("Only this.", namespace=("ana",))
    report = memory.consolidate(namespace=("ana",))
    assert (report.episodes, report.prototypes, report.structured) == (1, 0, False)
    assert memory.consolidate(namespace=("ana",)).run_id is None
    assert memory.prototypes(namespace=("ana",)) == []


def test_namespaces_are_grouped_apart(memory: Memory) -> None:
    """The same text elsewhere is no duplicate, and an id of another namespace is as good as unknown."""
    memory.remember_many([{"text": TEXTS[0], "id": f"x{n}"} for n in range(3)], namespace=("ana",))
    memory.consolidate()
    memory.consolidate(namespace=("ana",), duplicate=0.9)
    (only,) = memory.prototypes(namespace=("ana",))
    assert (only.namespace, only.members, only.text) == (("ana",), ("x0", "x1", "x2"), TEXTS[0])
    assert only in memory.prototypes(subtree=True)
    assert only not in memory.prototypes()
    assert memory.prototype(only.id) == memory.prototype(only.id, namespace=("ana",)) == only
    for call in (memory.prototype, memory.unconsolidate):
        with pytest.raises(errors.UnknownPrototype, match=only.id):
            call(only.id, namespace=("ben",))
        with pytest.raises(errors.UnknownPrototype, match="no prototype and no run 'x'"):
            call("x")


def test_thresholds_are_kept_with_the_run_and_others_group_anew(memory: Memory) -> None:
    """The same thresholds again write nothing; back to none of one's own is a pass over all."""
    one = memory.consolidate(duplicate=0.999, theme=0.2)
    assert memory.consolidate(duplicate=0.999, theme=0.2).run_id is None
    two = memory.consolidate()
    assert (one.whole, two.whole) == (True, True)
    assert two.run_id is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"duplicate": 1.0}, "duplicate is a similarity between 0 and 1, both excluded, not 1.0"),
        ({"theme": 0}, "theme is a similarity"),
        ({"theme": float("nan")}, "theme is a similarity"),
        ({"duplicate": True}, "duplicate is a similarity"),
        ({"duplicate": "high"}, "duplicate is a similarity"),
        ({"duplicate": 0.5, "theme": 0.5}, r"theme=0.5 is not below duplicate=0.5"),
        ({"duplicate": 0.5, "theme": 0.7}, r"theme=0.7 is not below duplicate=0.5"),
        ({"summarise": 3}, "summarise is a callable .* not int"),
        ({"timeout": 0}, "timeout is a positive finite number of seconds, not 0"),
    ],
)
def test_bad_arguments_are_named(memory: Memory, arguments: dict[str, Any], message: str) -> None:
    """And nothing is written."""
    before = dump(memory, journal=True)
    with pytest.raises(errors.InvalidArgument, match=message):
        memory.consolidate(**arguments)
    with pytest.raises(errors.InvalidArgument, match="tier is 'duplicate' or 'theme', not 'topic'"):
        memory.prototypes(tier="topic")
    assert dump(memory, journal=True) == before


def test_progress_goes_from_nothing_to_all(memory: Memory) -> None:
    """Never backwards, with texts as without."""
    for summarise in (None, lambda texts: texts[0]):
        shares: list[float] = []
        memory.remember(f"new {summarise}")
        memory.consolidate(progress=shares.append, summarise=summarise)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert shares[0] >= 0.0


# -------------------------------------------------------------------------------------------------------------- undo


def test_undo_restores_every_byte_newest_first_or_all_that_was_built_on_it(memory: Memory) -> None:
    """Of all tables but the change feed, the numbers of the next rows included."""
    states, runs = [], []
    for n in range(3):
        states.append(dump(memory))
        runs.append(memory.consolidate().run_id or "")
        if n < 2:
            memory.remember(TEXTS[n] + " more", id=f"more{n}")
    with_more = dump(memory)
    memory.unconsolidate(runs[2])
    memory.consolidate()
    assert memory.stats().prototypes
    undone = memory.unconsolidate(runs[1])
    assert (undone.runs[-1], len(undone.runs)) == (runs[1], 2)
    assert with_more != dump(memory)
    for table in TABLES:  # the two episodes that came since are there, and the groups are those of before
        assert [row for row in dump(memory)[table] if row not in states[1][table]] == []
    memory.forget(ids=["more0", "more1"])
    assert memory.unconsolidate(runs[0]).runs == (runs[0],)
    assert all(rows == [] for rows in dump(memory, only=TABLES).values())
    with pytest.raises(errors.UnknownPrototype):
        memory.unconsolidate(runs[0])


def test_undo_of_one_prototype_leaves_the_others(memory: Memory) -> None:
    """Its members are members of none, and the next pass with as much as this one does not make it again."""
    memory.consolidate()
    one, *others = memory.prototypes()
    undone = memory.unconsolidate(one.id)
    assert (undone.gone, undone.restored, undone.runs) == (1, 0, ())
    assert memory.prototypes() == others
    with pytest.raises(errors.UnknownPrototype, match=one.id):
        memory.prototype(one.id)
    assert memory.consolidate().run_id is None


# ------------------------------------------------------------------------------------------------------- un-learning


def test_forgetting_a_member_leaves_no_byte_of_it_in_any_group(memory: Memory) -> None:
    """The mean is that of the others, its text in a summary is gone, and so it is in what earlier runs have made."""
    memory.remember("A secretword beside " + TEXTS[0], id="secret")
    memory.consolidate(summarise=" / ".join)
    (theme,) = [each for each in memory.prototypes(tier="theme") if "secret" in each.members]
    assert "secretword" in theme.text
    assert theme.derived
    memory.remember(TEXTS[0] + " as well", id="later")
    memory.consolidate(summarise=" / ".join)
    assert "secretword" in str(dump(memory))
    memory.forget(ids="secret")
    assert "secretword" not in str(dump(memory))
    left = memory.prototype(theme.id)
    assert "secret" not in left.members
    assert (left.weight, left.derived) == (len(left.members), False)
    assert unsound(memory) == []
    report = memory.consolidate(summarise=lambda texts: f"{len(texts)} texts")
    assert (report.summaries, memory.prototype(theme.id).text) == (1, f"{len(left)} texts")


def test_a_group_of_one_is_none() -> None:
    """With the last but one, the prototype goes."""
    with Memory(embedder=TOY) as memory:
        memory.remember_many([{"text": "Rex is a dog.", "id": each} for each in "ab"])
        memory.consolidate()
        (pair,) = memory.prototypes(tier="duplicate")
        memory.forget(ids="a")
        assert memory.prototypes() == []
        with pytest.raises(errors.UnknownPrototype):
            memory.prototype(pair.id)
        assert memory.stats().prototypes == 0


def test_a_new_text_leaves_its_group_and_new_metadata_does_not(memory: Memory) -> None:
    """The next pass puts it where it belongs now."""
    memory.consolidate(summarise=lambda texts: "told")
    (before,) = [each for each in memory.prototypes(tier="theme") if "e5" in each.members]
    memory.update("e5", metadata={"seen": True})
    after = memory.prototype(before.id)
    assert (set(after.members), after.text) == (set(before.members), "told")
    memory.update("e5", text=TEXTS[40])
    after = memory.prototype(before.id)
    assert (set(after.members), after.derived) == (set(before.members) - {"e5"}, False)
    memory.consolidate()
    assert any({"e5", "e40"} <= set(each) for each in _groups(memory, "theme"))


def test_what_has_expired_is_in_no_group(memory: Memory) -> None:
    """At once for who looks, and from the next write on in the file."""
    memory.remember(TEXTS[0], id="short", ttl=timedelta(hours=1))
    memory.consolidate()
    assert any("short" in each for each in _groups(memory))
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        assert not any("short" in each for each in _groups(memory))
        assert memory.stats().prototypes == len(memory.prototypes())
        memory.remember("something else", id="later")
        (left,) = [each for each in _groups(memory, "duplicate") if "e0" in each]
        assert "short" not in left
        assert unsound(memory) == []


def test_another_embedder_takes_the_groups_with_the_old_vectors(memory: Memory) -> None:
    """A mean of other vectors means nothing; the next pass is the first."""
    memory.consolidate()
    memory.reembed(DeterministicEmbedder(dimension=128))
    assert all(rows == [] for rows in dump(memory, only=TABLES).values())
    assert unsound(memory) == []
    assert memory.consolidate().whole


def test_forgetting_a_namespace_takes_its_runs_along(memory: Memory) -> None:
    """No number of it is left."""
    memory.consolidate()
    memory.forget(namespace=())
    assert all(rows == [] for rows in dump(memory, only=TABLES).values())
    assert memory.consolidate().episodes == 0


# ------------------------------------------------------------------------------------------------------- summarisers


def test_a_callable_or_a_chat_model_makes_the_text(memory: Memory) -> None:
    """With the name of what made it; unchanged themes keep theirs, and duplicates are not asked for."""

    def first(texts: list[str]) -> str:
        return f"{len(texts)} like {texts[0]}"

    report = memory.consolidate(summarise=first)
    themes = memory.prototypes(tier="theme")
    assert report.summaries == len(themes) > 1
    for each in themes:
        texts = [memory.get(member)[0].text for member in each.members]
        assert (each.text, each.derived) == (first(texts), True)
        assert (each.author or "").endswith("first")
    assert not any(each.derived for each in memory.prototypes(tier="duplicate"))
    assert memory.consolidate(summarise=first).run_id is None
    memory.unconsolidate(report.run_id or "")
    memory.consolidate(summarise=Chat())
    for each in memory.prototypes(tier="theme"):
        texts = [memory.get(member)[0].text for member in each.members]
        assert (each.text, each.author) == (f"Of {len(texts)}: {texts[-1]}.", "Chat tiny-1")


class Message(NamedTuple):
    """What a chat model answers: text and what else it has to say."""

    content: list[Any]


class Chat:
    """A chat model that speaks of the last note."""

    model_name = "tiny-1"

    def invoke(self, prompt: str) -> Message:
        """Answer in parts, as models that reason do."""
        notes = re.findall(r"^<note>(.*)</note>$", prompt, re.M)
        return Message(
            [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": f"Of {len(notes)}: "}, f"{notes[-1]}."]
        )


def _raises(texts: list[str]) -> str:
    raise RuntimeError("no quota")


def _hangs(texts: list[str]) -> str:
    threading.Event().wait()
    return "never"


@pytest.mark.parametrize(
    ("summarise", "said"),
    [
        (_raises, "_raises raised RuntimeError: no quota"),
        (_hangs, "_hangs took longer than 0.05 s"),
        (lambda texts: "", "gave no text"),
        (lambda texts: None, "gave no text"),
        (lambda texts: 5, "gave no text"),
    ],
)
def test_without_an_answer_the_medoids_text_stays(
    memory: Memory, summarise: Callable[[list[str]], Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each failure is counted and logged, the groups are written all the same, and the next pass asks again."""
    with caplog.at_level(logging.WARNING, "am_agent"):
        report = memory.consolidate(summarise=summarise, timeout=0.05)
    assert (report.failures, report.summaries) == (report.themes, 0)
    assert said in caplog.text
    for each in memory.prototypes():
        assert (each.text, each.author) == (memory.get(each.medoid)[0].text, None)
    before = dump(memory, journal=True)
    assert memory.consolidate(summarise=summarise, timeout=0.05).failures == report.themes
    assert dump(memory, journal=True) == before
    assert memory.consolidate(summarise=lambda texts: "at last").summaries == report.themes


def test_a_hanging_summariser_is_given_up_after_three(memory: Memory) -> None:
    """It is not asked for each of the themes."""
    asked: list[int] = []

    def hangs(texts: list[str]) -> str:
        asked.append(len(texts))
        return _hangs(texts)

    report = memory.consolidate(summarise=hangs, timeout=0.05)
    assert report.failures == report.themes > 3
    assert len(asked) == 3


# -------------------------------------------------------------------------------------------------------- meanwhile


def test_what_is_erased_or_changed_during_a_pass_is_left_out(memory: Memory) -> None:
    """The rest of what was found is written, and holds as if it had been found without that."""
    done: list[str] = []

    def meanwhile(texts: list[str]) -> str:
        if not done:
            done.append(memory.update("e1", text="Now this says something else.").id)
            memory.forget(ids=["e0", "e2"])
            memory.remember("And this came in between.", id="between")
        return " / ".join(texts)

    report = memory.consolidate(summarise=meanwhile)
    assert report.run_id is not None
    members = {member for each in memory.prototypes() for member in each.members}
    assert members.isdisjoint({"e0", "e1", "e2", "between"})
    assert len(members) > 50
    assert TEXTS[2] not in str(dump(memory, only=TABLES))
    assert unsound(memory) == []
    assert not memory.consolidate().whole


def test_who_comes_second_writes_nothing(memory: Memory) -> None:
    """A pass during which another one was written leaves what that wrote, and says so."""
    inner: list[Any] = []

    def meanwhile(share: float) -> None:
        if not inner:
            inner.append(None)
            inner.append(memory.consolidate())

    outer = memory.consolidate(progress=meanwhile)
    assert (outer.run_id, outer.overtaken) == (None, True)
    assert {each.run for each in memory.prototypes()} == {inner[1].run_id}


def test_who_is_overtaken_stops_in_the_middle(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not group to the end what another one has grouped already."""
    monkeypatch.setattr(overlay, "_LOOK", 0.0)
    shares: list[float] = []

    def meanwhile(share: float) -> None:
        shares.append(share)
        if len(shares) == 1:
            memory.consolidate()

    outer = memory.consolidate(progress=meanwhile)
    assert (outer.run_id, outer.overtaken, outer.prototypes) == (None, True, len(memory.prototypes()))
    assert len(shares) == 2
    assert shares[-1] == 1.0


def test_recall_and_remember_go_on_during_a_pass(memory: Memory) -> None:
    """A pass that waits in its summariser holds up nobody, even in RAM."""
    waiting, go = threading.Event(), threading.Event()

    def wait(texts: list[str]) -> str:
        waiting.set()
        go.wait(60)
        return texts[0]

    thread = threading.Thread(target=memory.consolidate, kwargs={"summarise": wait})
    thread.start()
    assert waiting.wait(60)
    assert memory.recall(TEXTS[3], k=1)[0].text == TEXTS[3]
    memory.remember("While it waits.", id="meanwhile")
    assert memory.prototypes() == []
    go.set()
    thread.join()
    assert memory.stats().prototypes > 0


# -------------------------------------------------------------------------------------------------------- background


def _until(condition: Callable[[], object]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it has not happened within a minute")


def test_every_so_many_new_episodes_a_pass_is_made_in_the_background() -> None:
    """By namespace; what lay there before counts, too, and texts are made with the memory's own summariser."""
    with Memory(embedder=TOY, consolidate_every=30, summarise=lambda texts: "by itself") as memory:
        memory.remember_many(TEXTS[:29])
        memory.remember_many(told(3, 12), namespace=("ana",))
        _until(lambda: memory.prototypes(namespace=("ana",)))
        assert {each.text for each in memory.prototypes(namespace=("ana",), tier="theme")} == {"by itself"}
        assert memory.prototypes() == []
        memory.remember(TEXTS[29])
        _until(memory.prototypes)


def test_the_background_keeps_the_thresholds_that_were_asked_for() -> None:
    """It goes on from the pass that somebody made by hand, and does not group anew without them."""
    with Memory(embedder=TOY, consolidate_every=30) as memory:
        memory.remember_many(TEXTS[:20])
        first = memory.consolidate(duplicate=0.999)
        memory.remember_many(TEXTS[20:50] + TEXTS[20:21])
        _until(lambda: {each.run for each in memory.prototypes()} - {first.run_id})
        assert memory.consolidate(duplicate=0.999).run_id is None


def test_closing_stops_the_background() -> None:
    """Whatever it is at: the memory closes, and the thread is gone."""
    memory = Memory(embedder=TOY, consolidate_every=2, summarise=_hangs)
    memory.remember_many(TEXTS)
    memory.remember_many(TEXTS)
    memory._summariser._timeout = 0.05  # type: ignore[union-attr]
    memory.close()
    assert not any(each.name == "am_agent consolidation" for each in threading.enumerate())


def test_a_pass_in_the_background_that_fails_is_told_and_the_next_is_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever went wrong."""
    with Memory(embedder=TOY, consolidate_every=10) as memory:
        right, wrong = memory._overlay.consolidate, [errors.LockedDatabase("locked"), ValueError("a fault")]

        def fails(asked: Any) -> Any:
            if wrong:
                raise wrong.pop(0)
            return right(asked)

        monkeypatch.setattr(memory._overlay, "consolidate", fails)
        for start in range(0, 70, 10):
            memory.remember_many(TEXTS[start : start + 10])
            _until(lambda: not memory._periodic._waiting)  # type: ignore[union-attr]
        _until(memory.prototypes)
    assert "was not made: locked" in caplog.text
    assert "ValueError: a fault" in caplog.text


def test_bad_settings_of_the_background_are_named() -> None:
    """Before a file is made."""
    with pytest.raises(errors.InvalidArgument, match="consolidate_every is a whole number of at least 2, not 0"):
        Memory(consolidate_every=0)
    with pytest.raises(errors.InvalidArgument, match="summarise is a callable"):
        Memory(summarise="gpt")


def test_the_asynchronous_twins_do_the_same() -> None:
    """In threads."""

    async def run() -> None:
        async with Memory(embedder=TOY) as memory:
            await memory.aremember_many(["Rex is a dog.", "Rex is a dog.", "Tea is hot."])
            report = await memory.aconsolidate()
            (only,) = await memory.aprototypes()
            assert await memory.aprototype(only.id) == only
            assert (await memory.aunconsolidate(report.run_id or "")).gone == 1

    asyncio.run(run())


# --------------------------------------------------------------------------------------------------------------- laws


@settings(max_examples=15)
@given(st.lists(st.integers(0, 60), min_size=3, max_size=40))
def test_a_pass_keeps_its_promises_whatever_there_is(chosen: list[int]) -> None:
    """Members lie within the radius, strengths add up, the energy stays within its bound, undo leaves no byte."""
    with Memory(embedder=TOY) as memory:
        memory.remember_many([{"text": TEXTS[n], "id": f"{place}"} for place, n in enumerate(chosen)])
        before = dump(memory)
        report = memory.consolidate()
        assert memory.consolidate().run_id is None
        vectors = {each.id: TOY.documents([each.text])[0].astype(np.float64) for each in memory.list(limit=100)}
        for each in memory.prototypes():
            rows = np.stack([vectors[member] for member in each.members])
            mean = rows.mean(axis=0)
            assert np.linalg.norm(rows - mean, axis=1).max() <= each.radius + 1e-6
            assert each.weight == len(each.members) == len(set(each.members))
        for tier in ("duplicate", "theme"):  # what is in a group counts there, the rest for itself: nothing is lost
            groups = memory.prototypes(tier=tier)
            grouped = {member for each in groups for member in each.members}
            assert sum(each.weight for each in groups) + len(vectors.keys() - grouped) == report.episodes
        assert 0 <= report.energy_change <= report.bound + 1e-7  # what a mean is rounded by
        if report.run_id is not None:
            memory.unconsolidate(report.run_id)
        assert dump(memory) == before
