"""Files into a memory: every format, the same twice, what is rejected, and no more memory for a larger file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from am_agent import DeterministicEmbedder, Loaded, Memory, Rejection, errors, loading

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(embedder=DeterministicEmbedder(dimension=8)) as memory:
        yield memory


def _file(folder: Path, content: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


MESSAGES = [
    {"role": "user", "content": "I moved to Oslo.", "time": "2024-05-01T12:00:00Z"},
    {"role": "assistant", "content": "How is the weather there?"},
]
NODES = {
    "r": {"message": None, "parent": None, "children": ["a"]},
    "a": {
        "message": {"id": "m", "author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hi!"]}},
        "parent": "r",
        "children": [],
    },
}
FILES: dict[str, tuple[str, list[tuple[str, str | None, str | None]]]] = {
    "lines.jsonl": (
        "\n".join(map(json.dumps, [*MESSAGES, "a text", {"text": "b", "actor": "Ben", "session": "s"}])),
        [
            ("I moved to Oslo.", "user", "lines.jsonl"),
            ("How is the weather there?", "assistant", "lines.jsonl"),
            ("a text", None, None),
            ("b", "Ben", "s"),
        ],
    ),
    "messages.json": (
        json.dumps(MESSAGES, indent=2),
        [("I moved to Oslo.", "user", "messages.json"), ("How is the weather there?", "assistant", "messages.json")],
    ),
    "one.json": (
        json.dumps({"messages": MESSAGES, "id": "c1"}),
        [("I moved to Oslo.", "user", "c1"), ("How is the weather there?", "assistant", "c1")],
    ),
    "conversations.json": (
        json.dumps([{"title": "T", "mapping": NODES, "current_node": "a", "conversation_id": "c1"}]),
        [("Hi!", "user", "c1")],
    ),
    "one-chatgpt.json": (
        json.dumps({"title": "T", "mapping": NODES, "current_node": "a", "conversation_id": "c1"}),
        [("Hi!", "user", "c1")],
    ),
    "claude.json": (
        json.dumps([{"uuid": "u", "name": "N", "chat_messages": [{"uuid": "p", "sender": "human", "text": "Hi!"}]}]),
        [("Hi!", "user", "u")],
    ),
    "one-claude.json": (
        json.dumps({"chat_messages": [{"uuid": "p", "sender": "human", "text": "Hi!"}], "uuid": "u", "name": "N"}),
        [("Hi!", "user", "u")],
    ),
    "strings.json": ('["a", "b", "a"]', [("a", None, None), ("b", None, None), ("a", None, None)]),
    "notes.md": (
        "# Notes\n\nOne.\n\n- two\n- three\n",
        [("# Notes\nOne.", None, "notes.md"), ("- two\n- three", None, "notes.md")],
    ),
    "plain.txt": ("One.\n\nTwo\nlines.\n", [("One.", None, "plain.txt"), ("Two\nlines.", None, "plain.txt")]),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_loaded_once(memory: Memory, tmp_path: Path, name: str) -> None:
    """Text, actor and session are those of the file, in its order; the second load records nothing."""
    content, expected = FILES[name]
    path = _file(tmp_path, content, name)
    assert memory.load(path, namespace=("n",)) == Loaded(len(expected), 0, 0, ())
    assert [(each.text, each.actor, each.session) for each in memory.list(namespace=("n",))] == expected
    before = memory.list(subtree=True)
    assert memory.load(path, namespace=("n",)) == Loaded(0, len(expected), 0, ())
    assert memory.list(subtree=True) == before


def test_features_are_kept(memory: Memory, tmp_path: Path) -> None:
    """Times are in UTC, headings and titles are metadata that a filter can ask for."""
    for name in FILES:
        memory.load(_file(tmp_path, FILES[name][0], name))
    assert memory.list(where={"title": "T"})[0].text == "Hi!"
    assert memory.list(where={"headings": {"contains": "Notes"}})[1].text == "- two\n- three"
    (moved,) = (each for each in memory.list() if each.session == "c1" and each.text.startswith("I moved"))
    assert moved.occurred_at == NOON


def test_a_file_that_grew_adds_what_is_new(memory: Memory, tmp_path: Path) -> None:
    """Appended records are recorded, the others are known."""
    lines = [json.dumps({"role": "user", "content": text}) for text in ("yes", "no", "yes")]
    for length in range(1, 4):
        loaded = memory.load(_file(tmp_path, "\n".join(lines[:length]), "chat.jsonl"))
        assert (loaded.recorded, loaded.unchanged) == (1, length - 1)
    assert [each.text for each in memory.list()] == ["yes", "no", "yes"]


def test_a_chat_that_was_told_live_is_known(memory: Memory, tmp_path: Path) -> None:
    """A file and `remember_messages` give a message the same id."""
    memory.remember_messages([("user", "yes"), ("assistant", "sure?"), ("user", "yes")], session="monday")
    content = [{"role": role, "content": text} for role, text in (("user", "yes"), ("assistant", "sure?"))]
    path = _file(tmp_path, json.dumps(content), "chat.json")
    assert memory.load(path, session="monday") == Loaded(0, 2, 0, ())


def test_an_id_that_comes_twice_is_versions_and_loaded_once(memory: Memory, tmp_path: Path) -> None:
    """The later record replaces the earlier one, and no second load turns that back, nor an update since."""
    path = _file(tmp_path, '{"id": 1, "text": "old"}\n{"id": 1, "text": "new"}\n', "a.jsonl")
    assert memory.load(path).recorded == 2
    assert memory.load(path, batch=1) == Loaded(0, 2, 0, ())
    memory.update("1", text="newest")
    assert memory.load(path) == Loaded(0, 2, 0, ())
    assert [(each.text, each.version) for each in memory.list()] == [("newest", 3)]


def test_rejections_have_their_places_and_stop_nothing(memory: Memory, tmp_path: Path) -> None:
    """Bad JSON, a wrong shape, a text that cannot be stored, bytes that are no text, a wrong vector."""
    content = (
        b'{"text": "a"}\n{bad\n[1]\n{"text": " "}\n{"text": "\xff"}\n{"text": "v", "vector": [1]}\n{"text": "b"}\n{"te'
    )
    told: list[Rejection] = []
    loaded = memory.load(_file(tmp_path, content), rejected=told.append)
    assert (loaded.recorded, loaded.unchanged, loaded.rejected) == (2, 0, 6)
    assert list(loaded.problems) == told
    assert sorted(each.place for each in told) == [f"line {number}" for number in (2, 3, 4, 5, 6, 8)]
    reasons = {each.place: each.reason for each in told}
    assert "encoding=" in reasons["line 5"]
    assert "has 1 dimensions" in reasons["line 6"]
    assert [each.text for each in memory.list()] == ["a", "b"]


@pytest.mark.parametrize("cut", [30, 60, 90])
@pytest.mark.parametrize("whole", ["document", "export", "conversation"])
def test_a_file_that_was_cut_is_loaded_up_to_there(memory: Memory, tmp_path: Path, whole: str, cut: int) -> None:
    """What is whole is recorded, and the rest is one rejection."""
    if whole == "export":
        memory.remember_many([{"text": f"text {number}", "id": str(number)} for number in range(9)])
        memory.export(tmp_path / "file")
        memory.forget(namespace=())
        content = (tmp_path / "file").read_bytes()
    else:
        texts = [{"role": "user", "content": f"text {number}"} for number in range(9)]
        content = json.dumps(texts if whole == "document" else {"messages": texts}).encode()
    loaded = memory.load(_file(tmp_path, content[: len(content) * cut // 100]))
    assert 0 < loaded.recorded < 9
    assert loaded.rejected == 1
    assert [each.text for each in memory.list()] == [f"text {number}" for number in range(loaded.recorded)]


def test_undecodable_bytes_cost_one_record_of_a_document(memory: Memory, tmp_path: Path) -> None:
    """Also when the whole file is one line of JSON."""
    content = json.dumps([{"role": "user", "content": text} for text in ("a", "grüße", "b")], ensure_ascii=False)
    path = _file(tmp_path, content.encode("cp1252"), "chat.json")
    loaded = memory.load(path)
    assert (loaded.recorded, [each.place for each in loaded.problems]) == (2, ["record 2"])
    assert memory.load(path, encoding="cp1252") == Loaded(1, 2, 0, ())


def test_strict_stops_at_the_first_rejection(memory: Memory, tmp_path: Path) -> None:
    """The error names the place; the batches before it are recorded, its own is not."""
    path = _file(tmp_path, "\n".join(['{"text": "a"}'] * 5 + ["{bad", '{"text": "b"}']))
    with pytest.raises(errors.InvalidFile, match=r"^line 6: not JSON .*batches before it are recorded"):
        memory.load(path, strict=True, batch=2)
    assert memory.count() == 4


def test_only_the_first_hundred_problems_are_kept(memory: Memory, tmp_path: Path) -> None:
    """All are counted and told."""
    told: list[Rejection] = []
    loaded = memory.load(_file(tmp_path, '{"text": "a"}\n' + "{bad\n" * 250), rejected=told.append)
    assert (loaded.rejected, len(loaded.problems), len(told)) == (250, 100, 250)


def test_progress_counts_what_is_safe(memory: Memory, tmp_path: Path) -> None:
    """After each commit; a batch ends early when its texts are large."""
    path = _file(tmp_path, "\n".join(json.dumps(f"text {number}") for number in range(5)))
    seen: list[int] = []
    memory.load(path, batch=2, progress=seen.append)
    assert seen == [2, 4, 5]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_BATCH_CHARACTERS", 10)
        memory.load(path, progress=seen.append, namespace=("n",))
    assert seen[3:] == [2, 4, 5]


def test_a_line_of_ten_megabytes_is_loaded(memory: Memory, tmp_path: Path) -> None:
    """As JSON, and as a paragraph."""
    long = "x" * 10_000_000
    assert memory.load(_file(tmp_path, f'{{"text": "a"}}\n{{"text": "{long}"}}\n')).recorded == 2
    assert memory.load(_file(tmp_path, f"a\n\n{long}", "a.txt")).recorded == 2
    assert {len(each.text) for each in memory.list()} == {1, 10_000_000}


@pytest.mark.parametrize("given", [{"namespace": ("n",)}, {"namespace": ()}, {"session": "s"}])
def test_an_export_goes_where_it_says(memory: Memory, tmp_path: Path, given: dict[str, Any]) -> None:
    """A namespace or a session beside it would contradict it."""
    memory.export(tmp_path / "e")
    with pytest.raises(errors.InvalidArgument, match=r"an export says itself"):
        memory.load(tmp_path / "e", **given)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_error(memory: Memory, tmp_path: Path, content: bytes) -> None:
    """It says so, whatever format is asked for."""
    for format_ in (None, "jsonl", "text", "export"):
        with pytest.raises(errors.InvalidFile, match=r"is empty"):
            memory.load(_file(tmp_path, content), format=format_)


def test_what_is_in_no_known_format_is_named(memory: Memory, tmp_path: Path) -> None:
    """Binary files, and JSON that is something else."""
    for content, name, message in [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.png", r"NUL byte at position 8"),
        (b'{"type": "FeatureCollection", "features": []}', "a.json", r"keys 'type', 'features'.*formats are export"),
        (b"[1, 2, 3]", "a.json", r"record 1: a number is no record"),
    ]:
        with pytest.raises(errors.UnknownFormat, match=message):
            memory.load(_file(tmp_path, content, name))
    assert memory.count() == 0


def test_the_caller_may_say_what_it_is(memory: Memory, tmp_path: Path) -> None:
    """A format that is given is not doubted."""
    path = _file(tmp_path, '{"text": "a"}\n\n{"text": "b"}')
    assert memory.load(path, format="text").recorded == 2
    assert memory.list()[0].text == '{"text": "a"}'
    assert memory.load(_file(tmp_path, "hello"), format="jsonl").rejected == 1
    assert memory.load(_file(tmp_path, "[1]"), format="json").rejected == 1


_MEASURED = """
import resource, sys
from am_agent import DeterministicEmbedder, Memory
with Memory(sys.argv[2], embedder=DeterministicEmbedder(dimension=8)) as memory:
    loaded = memory.load(sys.argv[1])
print(loaded.recorded, loaded.rejected, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _write(path: Path, kind: str, megabytes: int) -> int:
    """Write a file of about that size; one word of 5,000 letters in each record is embedded fastest."""
    count = megabytes * 200
    texts = (f"{number} {'x' * 5000}" for number in range(count))
    with path.open("w", encoding="utf-8") as file:
        if kind == "jsonl":
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        elif kind == "txt":
            file.writelines(text + "\n\n" for text in texts)
        else:
            file.write("[")
            for number, text in enumerate(texts):
                content = {"content_type": "text", "parts": [text]}
                node = {"parent": None, "message": {"id": "m", "author": {"role": "user"}, "content": content}}
                talk = {"id": str(number), "mapping": {"a": node}, "current_node": "a"}
                file.write((", " if number else "") + json.dumps(talk))
            file.write("]")
    return count


@pytest.mark.skipif(sys.platform == "win32", reason="counts memory as POSIX does")
@pytest.mark.parametrize("kind", ["jsonl", "txt", "json"])
def test_a_larger_file_needs_no_more_memory(tmp_path: Path, kind: str) -> None:
    """Ten times the size, in a process of its own: fewer than 16 MB more at the peak, of 45 MB more in the file."""
    peaks = []
    for megabytes in (5, 50):
        path = tmp_path / f"{megabytes}.{kind}"
        count = _write(path, kind, megabytes)
        command = [sys.executable, "-c", _MEASURED, str(path), str(tmp_path / f"{megabytes}.db")]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        recorded, rejected, kilobytes = map(int, run.stdout.split())
        assert (recorded, rejected) == (count, 0)
        peaks.append(kilobytes * (1 if sys.platform == "linux" else 1 / 1024))
    assert peaks[1] - peaks[0] < 16 * 1024
