"""What episodes say of each other: given back, versioned, forgotten with their targets, exported and loaded."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from am_agent import DeterministicEmbedder, Episode, Memory
from am_agent.errors import InvalidArgument, InvalidFile, InvalidText, UnknownEpisode

START = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = DeterministicEmbedder(dimension=8, width=3)


@pytest.fixture
def memory() -> Iterator[Memory]:
    """A memory in RAM with two episodes that others can name."""
    with Memory(embedder=SMALL) as memory:
        memory.remember_many([{"text": "Who has the key?", "id": "a"}, {"text": "It rains.", "id": "b"}])
        yield memory


def _links(memory: Memory, **where: Any) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """What each episode says, by id, those that say nothing left out."""
    found = {each.id: (each.reply_to, each.derived_from) for each in memory.list(**where)}
    return {id_: said for id_, said in found.items() if said != (None, ())}


def _rows(path: Path) -> list[tuple[int, int, int, int]]:
    """The table as any other program sees it."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT episode_seq, ordinal, kind, target_seq FROM link ORDER BY 1, 2").fetchall()
    connection.close()
    return rows


# ---------------------------------------------------------------------------------------------------------- given back


def test_links_are_given_back_wherever_an_episode_is(memory: Memory) -> None:
    """By `get`, `list`, `recall` and `update`, in the order in which they were given, each once."""
    memory.remember("Ben has.", id="c", reply_to="a", derived_from=["b", "a", "b"])
    memory.remember("So it is wet.", id="d", derived_from="b")
    said = {"c": ("a", ("b", "a")), "d": (None, ("b",))}
    assert _links(memory) == said
    assert _links(memory, newest_first=True, limit=3) == said
    assert _links(memory, where={"not": {"x": 1}}) == said
    assert [each.reply_to for each in memory.get(["c", "a"])] == ["a", None]
    recall = memory.recall("Ben has.", k=4)
    assert {each.id: (each.episode.reply_to, each.episode.derived_from) for each in recall} == {
        "a": (None, ()),
        "b": (None, ()),
        **said,
    }
    assert memory.complete("Ben has").recall[0].episode.derived_from == ("b", "a")
    assert memory.update("c", text="Eva has.").derived_from == ("b", "a")


def test_items_name_what_came_before_them(memory: Memory) -> None:
    """In the same batch or in an earlier one, as dicts and as episodes."""
    items = [
        {"text": "one", "id": "1", "reply_to": "a"},
        Episode("2", "two", reply_to="1", derived_from=("a", "1")),
        {"text": "three", "derived_from": ["2", "b"], "id": "3"},
        {"text": "a is told anew", "id": "a", "derived_from": ["3"]},
    ]
    said = {"1": ("a", ()), "2": ("1", ("a", "1")), "3": (None, ("2", "b")), "a": (None, ("3",))}
    assert memory.remember_many(items, batch=2).recorded == 4
    assert _links(memory) == said
    assert memory.remember_many(items).recorded == 0
    with Memory(embedder=SMALL) as other:
        assert other.remember_many([{"text": "Who?", "id": "a"}, {"text": "b", "id": "b"}, *items]).recorded == 6
        assert _links(other) == said


async def _aremembered(memory: Memory) -> list[Episode]:
    await memory.aremember("Ben has.", id="c", reply_to="a")
    await memory.aupdate("c", derived_from=["b"])
    return await memory.aget("c")


def test_the_twins_take_them_too(memory: Memory) -> None:
    """`aremember` and `aupdate` have the same arguments."""
    (found,) = asyncio.run(_aremembered(memory))
    assert (found.reply_to, found.derived_from) == ("a", ("b",))


# ------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"id": "c", "reply_to": "x"},
            r"there is no episode 'x' in the namespace \(\) for 'c' to answer; remember it first, or leave it out of "
            "reply_to",
        ),
        ({"reply_to": "elsewhere"}, r"there is no episode 'elsewhere' in the namespace \(\) to answer;"),
        (
            {"id": "c", "derived_from": ["a", "x", "b"]},
            r"there is no episode 'x' in the namespace \(\) for 'c' to be made from; remember it first, or leave it "
            "out of derived_from",
        ),
        ({"id": "c", "derived_from": "A"}, r"there is no episode 'A' in the namespace \(\) for 'c' to be made from"),
        (
            {"namespace": ("other",), "reply_to": "a"},
            r"there is no episode 'a' in the namespace \('other',\) to answer",
        ),
        ({"id": "a", "reply_to": "x"}, r"there is no episode 'x' in the namespace \(\) for 'a' to answer"),
    ],
)
def test_what_is_not_there_cannot_be_named(memory: Memory, facts: dict[str, Any], message: str) -> None:
    """The error names it and the cure, and nothing of the batch is recorded; an id of elsewhere is unknown, too."""
    memory.remember("elsewhere", id="elsewhere", namespace=("other",))
    before = memory.list(subtree=True)
    with pytest.raises(UnknownEpisode, match=f"^{message}"):
        memory.remember("Ben has.", **facts)
    told = rf"^items 0 to 1: {message}.*\(the 0 items of the batches before are recorded\)$"
    with pytest.raises(UnknownEpisode, match=told):
        memory.remember_many(["good", {"text": "Ben has.", **facts}])
    assert memory.list(subtree=True) == before


def test_what_comes_later_in_a_batch_cannot_be_named(memory: Memory) -> None:
    """It is not there yet; the batches before are recorded, as the message says."""
    items = ["0", "1", {"text": "2", "reply_to": "c"}, {"text": "3", "id": "c"}]
    told = r"items 2 to 3: .*'c' .*\(the 2 items of the batches before are recorded\)"
    with pytest.raises(UnknownEpisode, match=told):
        memory.remember_many(items, batch=2)
    assert [each.text for each in memory.list()][2:] == ["0", "1"]


@pytest.mark.parametrize("facts", [{"reply_to": "c"}, {"derived_from": "c"}, {"derived_from": ["a", "c"]}])
def test_an_episode_cannot_name_itself(memory: Memory, facts: dict[str, Any]) -> None:
    """Whether it is there already or not."""
    for _ in range(2):
        before = memory.list()
        for call in (
            lambda: memory.remember("x", id="c", **facts),
            lambda: memory.remember_many([{"text": "x", "id": "c", **facts}]),
            lambda: memory.update("c", **facts),
        ):
            with pytest.raises(InvalidArgument, match=f"the episode 'c' names itself in {next(iter(facts))}; name"):
                call()
        assert memory.list() == before
        memory.remember("c", id="c")


@pytest.mark.parametrize(
    ("facts", "error", "message"),
    [
        ({"reply_to": 3}, InvalidText, "reply_to is a str, not int"),
        ({"reply_to": ""}, InvalidText, "reply_to is empty"),
        ({"reply_to": ["a"]}, InvalidText, "reply_to is a str, not list"),
        ({"derived_from": 3}, InvalidArgument, "derived_from are one str or several, not int"),
        ({"derived_from": None}, InvalidArgument, "derived_from are one str or several, not NoneType"),
        ({"derived_from": ["a", None]}, InvalidArgument, "an id is a str, not None"),
        ({"derived_from": ["a", "b\n"]}, InvalidText, "holds a tab or a line break"),
    ],
)
def test_what_is_no_id_is_refused(memory: Memory, facts: dict[str, Any], error: type[Exception], message: str) -> None:
    """By name, before anything is recorded."""
    for call in (lambda: memory.remember("x", **facts), lambda: memory.update("a", **facts)):
        with pytest.raises(error, match=message):
            call()
    assert memory.count() == 2


# ------------------------------------------------------------------------------------------------------------ versions


def test_the_same_links_change_nothing_and_others_make_the_next_version(memory: Memory) -> None:
    """Order says nothing; what is not given to `remember` is none, as it is with every other fact."""
    facts = {"text": "Ben has.", "id": "c"}
    steps: list[tuple[dict[str, Any], int]] = [
        ({"reply_to": "a", "derived_from": ["a", "b"]}, 1),
        ({"reply_to": "a", "derived_from": ["b", "a", "b"]}, 1),
        ({"reply_to": "b", "derived_from": ["a", "b"]}, 2),
        ({"reply_to": "b", "derived_from": ["a"]}, 3),
        ({"reply_to": "b", "derived_from": "a"}, 3),
        ({"derived_from": "b"}, 4),
        ({}, 5),
        ({"derived_from": []}, 5),
    ]
    for links, version in steps:
        memory.remember(**facts, **links)
        (found,) = memory.get("c")
        assert found.version == version
        assert found.reply_to == links.get("reply_to")
        assert set(found.derived_from) == set(links.get("derived_from", ()))


def test_update_keeps_what_is_not_given_and_replaces_what_is(memory: Memory) -> None:
    """None and () take away."""
    memory.remember("Ben has.", id="c", reply_to="a", derived_from=["a", "b"])
    steps: list[tuple[dict[str, Any], tuple[str | None, tuple[str, ...]], int]] = [
        ({"text": "Eva has."}, ("a", ("a", "b")), 2),
        ({"reply_to": "b"}, ("b", ("a", "b")), 3),
        ({"derived_from": ["b", "a"]}, ("b", ("a", "b")), 3),  # as it was
        ({"derived_from": "b", "actor": "Eva"}, ("b", ("b",)), 4),
        ({"reply_to": None}, (None, ("b",)), 5),
        ({"derived_from": ()}, (None, ()), 6),
        ({"ttl": timedelta(days=1)}, (None, ()), 6),
    ]
    for changes, expected, version in steps:
        found = memory.update("c", **changes)
        assert (found.reply_to, found.derived_from, found.version) == (*expected, version)
    with pytest.raises(UnknownEpisode, match="there is no episode 'x'"):
        memory.update("c", derived_from=["a", "x"])
    assert memory.get("c")[0].version == 6


def test_a_link_names_an_episode_not_a_version() -> None:
    """It outlives every update of its target; the version of then says what it said then."""
    with time_machine.travel(START, tick=False) as clock, Memory(embedder=SMALL) as memory:
        memory.remember_many([{"text": "Who has the key?", "id": "a"}, {"text": "It rains.", "id": "b"}])
        memory.remember("Ben has.", id="c", reply_to="a")
        clock.shift(60)
        memory.update("a", text="Where is it?")
        memory.update("a", text="Where is the key?", derived_from=["c"])
        memory.update("c", reply_to="b")
        assert _links(memory) == {"c": ("b", ()), "a": (None, ("c",))}
        assert _links(memory, as_of=START + timedelta(seconds=1)) == {"c": ("a", ())}
        assert [each.reply_to for each in memory.get(["c", "a"], as_of=START + timedelta(seconds=1))] == ["a", None]


# ----------------------------------------------------------------------------------------------------------- forgotten


def test_what_is_forgotten_is_named_by_nobody(tmp_path: Path) -> None:
    """Not by older versions, not in another process that held it, not when its id comes back; and no row is left."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=SMALL) as memory, Memory(path, embedder=SMALL) as other:
        memory.remember_many([{"text": "tea", "id": id_} for id_ in "ab"])
        memory.remember("rain", id="c", reply_to="a", derived_from=["a", "b"])
        memory.update("a", text="more tea", reply_to="c")
        memory.update("c", text="more rain")
        assert other.recall("rain", k=1)[0].episode.reply_to == "a"
        assert _rows(path) == [(3, 0, 1, 1), (3, 1, 2, 1), (3, 2, 2, 2), (4, 0, 1, 3), *_moved(5)]
        memory.forget(ids="a")
        assert _rows(path) == [(3, 2, 2, 2), (5, 2, 2, 2)]
        for each in (memory, other):
            recalled = next(found.episode for found in each.recall("rain", k=3) if found.id == "c")
            assert (recalled.reply_to, recalled.derived_from) == (None, ("b",))
            assert _links(each) == {"c": (None, ("b",))}
            assert recalled.version == 2  # nothing new was said
        memory.remember("tea again", id="a")
        assert _links(other) == {"c": (None, ("b",))}
        memory.forget(namespace=())
        assert _rows(path) == []


def _moved(seq: int) -> list[tuple[int, int, int, int]]:
    """The links that an update took over."""
    return [(seq, 0, 1, 1), (seq, 1, 2, 1), (seq, 2, 2, 2)]


def test_what_has_expired_is_named_no_more() -> None:
    """At once, before the next write rids the file of it; as of an earlier time it is still there."""
    with time_machine.travel(START, tick=False) as clock, Memory(embedder=SMALL) as memory:
        memory.remember("tea", id="a", ttl=timedelta(seconds=9))
        memory.remember("rain", id="c", reply_to="a")
        clock.shift(1)
        memory.update("a", text="more tea")
        clock.shift(7)
        assert _links(memory) == {"c": ("a", ())}
        clock.shift(1)
        assert _links(memory) == {}
        assert memory.recall("rain")[0].episode.reply_to is None
        assert memory.recall("rain", now=START)[0].episode.reply_to == "a"
        assert _links(memory, as_of=START + timedelta(seconds=8)) == {"c": ("a", ())}
        with pytest.raises(UnknownEpisode, match="there is no episode 'a'"):
            memory.remember("again", reply_to="a")
        memory.remember("dry", id="d")
        assert _links(memory, as_of=START + timedelta(seconds=8)) == {}


IDS = st.sampled_from("abcde")
NAMED = st.fixed_dictionaries({"reply_to": st.none() | IDS, "derived_from": st.lists(IDS, max_size=3)})
STEPS = st.one_of(
    st.tuples(st.just("remember"), IDS, st.sampled_from("xyz"), NAMED),
    st.tuples(st.just("update"), IDS, st.sampled_from("xyz"), NAMED),
    st.tuples(st.just("reword"), IDS, st.sampled_from("xyz"), NAMED),
    st.tuples(st.just("forget"), IDS, st.just(""), NAMED),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=20))
def test_what_is_said_is_what_a_dictionary_would_say(steps: list[tuple[Any, ...]]) -> None:
    """After any writes, refused ones included; and an export of it comes back the same."""
    model: dict[str, tuple[str | None, frozenset[str]]] = {}
    with Memory(embedder=SMALL) as memory:
        for verb, id_, text, named in steps:
            answered, sources = named["reply_to"], frozenset(named["derived_from"])
            refused = id_ in {answered, *sources} or not ({answered, *sources} - {None}) <= model.keys()
            try:
                if verb == "remember":
                    memory.remember(text, id=id_, **named)
                elif verb == "update":
                    memory.update(id_, text=text, **named)
                elif verb == "reword":
                    memory.update(id_, text=text)
                else:
                    memory.forget(ids=id_)
            except (UnknownEpisode, InvalidArgument):
                assert (refused and verb in ("remember", "update")) or id_ not in model
                continue
            if verb == "forget":
                model.pop(id_, None)
                model = {each: (a if a != id_ else None, s - {id_}) for each, (a, s) in model.items()}
            elif verb != "reword":
                model[id_] = answered, sources
        shown = memory.list()
        assert {each.id: (each.reply_to, frozenset(each.derived_from)) for each in shown} == model
        _assert_comes_back(memory)


# ------------------------------------------------------------------------------------------------------ export and load


@contextmanager
def _exported(memory: Memory, **where: Any) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        memory.export(path, **where)
        yield path


def _assert_comes_back(memory: Memory) -> None:
    with _exported(memory) as path:
        for batch in (1, 256):
            with Memory(embedder=SMALL) as other:
                loaded = other.load(path, batch=batch, strict=True)
                assert loaded.recorded == memory.stats().versions
                assert other.list(subtree=True) == memory.list(subtree=True)
                assert other.load(path, strict=True).recorded == 0
                with _exported(other) as again:
                    assert again.read_text().splitlines()[1:] == path.read_text().splitlines()[1:]


def test_an_export_carries_the_links_of_all_versions(memory: Memory) -> None:
    """Also where an older episode was made anew from a later one, and in namespaces that have the same ids."""
    memory.remember("Ben has.", id="c", reply_to="a", derived_from=["b", "a"])
    memory.update("a", derived_from=["c"])
    memory.update("b", reply_to="a")
    memory.remember_many([{"text": each, "id": each} for each in "abc"], namespace=("x",))
    memory.update("a", reply_to="b", namespace=("x",))
    _assert_comes_back(memory)
    with _exported(memory, namespace=("x",)) as path, Memory(embedder=SMALL) as other:
        other.load(path, strict=True)
        assert _links(other, namespace=("x",)) == {"a": ("b", ())}


def test_an_export_holds_no_link_to_what_was_forgotten(memory: Memory) -> None:
    """So every version of it can be loaded."""
    memory.remember("Ben has.", id="c", reply_to="a", derived_from=["b", "a"])
    memory.update("c", text="Eva has.")
    memory.forget(ids="a")
    with _exported(memory) as path:
        lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    said = [(each["id"], each["reply_to"], each["derived_from"]) for each in lines]
    assert said == [("b", None, []), ("c", None, ["b"]), ("c", None, ["b"])]
    _assert_comes_back(memory)


def test_what_has_expired_since_the_export_takes_no_line_with_it(tmp_path: Path) -> None:
    """Also where it is named in a later batch: the line is loaded, and names it no more."""
    path = tmp_path / "export.jsonl"
    with time_machine.travel(START, tick=False) as clock:
        with Memory(embedder=SMALL) as memory:
            memory.remember("The code is 4711.", id="a", ttl=timedelta(seconds=9))
            memory.remember("Who knows the code?", id="b")
            memory.remember("Thanks.", id="c", reply_to="a", derived_from=["b", "a"])
            memory.export(path)
        for seconds, said in ((8, ("a", ("b", "a"))), (2, (None, ("b",)))):
            clock.shift(seconds)
            with Memory(embedder=SMALL) as other:
                assert other.load(path, batch=1, strict=True).recorded == 3
                assert _links(other) == {"c": said}
                assert other.stats().versions == (3 if said[0] else 2)


def _edited(path: Path, edit: Any) -> None:
    """Change the versions of an export as a hand would."""
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *(json.dumps(edit(json.loads(line))) for line in lines)]) + "\n")


def test_an_export_of_old_has_no_links(memory: Memory) -> None:
    """It is loaded, and nothing in it names another."""
    with _exported(memory) as path:
        _edited(path, lambda line: {key: line[key] for key in line if key not in ("reply_to", "derived_from")})
        with Memory(embedder=SMALL) as other:
            assert other.load(path, strict=True).recorded == 2
            assert _links(other) == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reply_to": "x"}, "there is no episode 'x' in the namespace () for 'c' to answer; remember it first"),
        ({"derived_from": ["x"]}, "there is no episode 'x' in the namespace () for 'c' to be made from"),
        ({"derived_from": ["c"]}, "the episode 'c' names itself in derived_from"),
        ({"derived_from": 3}, "derived_from are one str or several, not int"),
        ({"reply_to": 3}, "reply_to is a str, not int"),
    ],
)
def test_a_line_that_names_what_is_not_there_is_rejected(memory: Memory, changes: dict[str, Any], reason: str) -> None:
    """With its place and its reason, and so is what names the line in turn; the others are loaded."""
    memory.remember("Ben has.", id="c", reply_to="a")
    memory.remember("Which Ben?", id="d", reply_to="c")
    memory.remember("It is dry.", id="e", reply_to="b")
    with _exported(memory) as path:
        _edited(path, lambda line: {**line, **changes} if line["id"] == "c" else line)
        with Memory(embedder=SMALL) as other:
            loaded = other.load(path)
            assert (loaded.recorded, loaded.rejected) == (3, 2)
            assert [each.place for each in loaded.problems] == ["line 4", "line 5"]
            assert {reason in each.reason for each in loaded.problems} == {True, False}
            assert _links(other) == {"e": ("b", ())}
        with Memory(embedder=SMALL) as other, pytest.raises(InvalidFile, match=r"^line 4: "):
            other.load(path, strict=True)


def test_a_file_that_is_loaded_again_does_not_take_links_back(memory: Memory, tmp_path: Path) -> None:
    """What was linked since is the newer version of what the file says."""
    path = tmp_path / "notes.jsonl"
    path.write_text('{"text": "one", "id": "1"}\n{"text": "two", "id": "2", "reply_to": "x"}\n')
    assert memory.load(path).recorded == 2
    (two,) = memory.get("2")
    assert (two.reply_to, two.metadata) == (None, {"reply_to": "x"})  # somebody's data, whatever it means
    memory.update("2", reply_to="1")
    assert memory.load(path).recorded == 0
    assert _links(memory) == {"2": ("1", ())}


# ------------------------------------------------------------------------------------------------------------- the cost


def test_who_links_nothing_pays_for_no_statement(memory: Memory) -> None:
    """Writing and reading ask for links only where there are some, and then once for a batch."""
    said: list[str] = []
    event.listen(memory._database._engine, "before_cursor_execute", lambda _, __, text, *___: said.append(text))

    def asked(*calls: Any) -> int:
        said.clear()
        for call in calls:
            call()
        return sum(
            "JOIN episode AS target" in each or "min(episode.seq)" in each or "INTO link" in each for each in said
        )

    reads = (lambda: memory.list(), lambda: memory.get(["a", "b"]), lambda: memory.recall("Ben"))
    plain = [{"text": f"note {number}", "id": f"n{number}"} for number in range(40)]
    assert asked(lambda: memory.remember_many(plain), lambda: memory.update("a", text="Where?"), *reads) == 0
    linked = [{**each, "reply_to": "a", "derived_from": ["b", "a"]} for each in plain]
    assert asked(lambda: memory.remember_many(linked)) == 2  # which are there; and the rows
    assert asked(*reads) == 2  # of `get` asks for none that has any
