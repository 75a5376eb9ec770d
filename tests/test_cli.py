"""`am`: every command does what its verb does, says what went wrong in one line, and is documented as it is."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import typer.main

from am_agent import DeterministicEmbedder, Memory, cli

ROOT = Path(__file__).parent.parent
COMMANDS = sorted(
    f"{name} {below}".strip()
    for name, command in typer.main.get_command(cli.app).commands.items()  # type: ignore[attr-defined]
    for below in getattr(command, "commands", [""])
)


NOTHING = "unknown: there is no episode that the cue may see (familiarity 0 %)"


class Run(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Am = Callable[..., Run]


@pytest.fixture
def am(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Am:
    """Run `am` in an empty folder, on the file memory.db, with the embedder that needs no model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AM_DB", "memory.db")
    monkeypatch.setenv("AM_EMBEDDER", "am_agent/deterministic-64")
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Run:
        monkeypatch.setattr(sys, "argv", ["am", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return Run(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


def _remembered(am: Am, *arguments: str) -> str:
    run = am("remember", *arguments)
    assert (run.code, run.err) == (0, "")
    return run.out.strip()


# -------------------------------------------------------------------------------------------------------- the verbs


def test_what_belongs_together_is_grouped_listed_and_ungrouped(am: Am) -> None:
    """A dry run writes nothing; the report, the list and the undo say the same in lines and in JSON."""
    for n, text in enumerate(["Rex is a dog.", "Tea is hot.", "Rex is a dog."]):
        _remembered(am, text, "--id", f"e{n}")
    _remembered(am, "Rex is a dog.", "-n", "ana")
    dry = am("consolidate", "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert dry.out.splitlines()[:2] == [
        "the default namespace: 1 prototype (1 of near-duplicates, 0 of themes) cover 2 of 3 episodes",
        "1 made, 0 changed, 0 joined, 0 split",
    ]
    assert re.search(r"^no structure: themes would save .*, no more than noise does$", dry.out, re.M)
    assert re.search(r"^nothing was written, \d+\.\d s$", dry.out, re.M)
    assert am("prototypes") == Run(0, "", "there is no prototype here; am consolidate makes them\n")
    report = am("consolidate", "--json").json
    assert (report["prototypes"], report["covered"], report["made"]) == (1, 2, 1)
    (one,) = am("prototypes", "--json").json
    assert (one["members"], one["tier"], one["run"]) == (["e0", "e2"], "duplicate", report["run_id"])
    assert am("stats", "--json").json["prototypes"] == 1
    listed = am("prototypes", "--tier", "duplicate").out.split("\n")
    assert listed[0] == "Rex is a dog."
    assert listed[1].startswith("duplicate · 2 episodes within 0.000 · ")
    assert [each["run_id"] for each in am("consolidate", "--subtree", "--json").json[:1]] == [None]
    assert am("consolidate", "--theme", "1").err == (
        "Error: theme is a similarity between 0 and 1, both excluded, not 1.0\n"
    )
    undone = am("unconsolidate", one["id"])
    assert undone == Run(0, f"1 prototype gone, 0 as before\nundone: run {report['run_id']}\n", "")
    unknown = am("unconsolidate", one["id"])
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err.startswith(f"Error: there is no prototype and no run '{one['id']}'; ")


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_periodic_passes_go_on_until_they_are_stopped(am: Am, told: signal.Signals) -> None:
    """In the foreground; what comes meanwhile is grouped by the next pass, and a signal ends it in order."""
    _remembered(am, "Rex is a dog.", "--id", "a")
    command = [sys.executable, "-m", "am_agent", "consolidate", "--every", "1s"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "0 prototypes" in process.stdout.readline()
    _remembered(am, "Rex is a dog.", "--id", "b")
    assert any("1 prototype (1 of near" in line for line in process.stdout)
    process.send_signal(told)
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "stopped\n")
    assert [each["members"] for each in am("prototypes", "--json").json] == [["a", "b"]]


def test_what_is_remembered_is_recalled_in_its_namespace(am: Am) -> None:
    """Remember prints the id, recall the texts with their weights and the energy; another namespace sees nothing."""
    id_ = _remembered(am, "Ana's dog is called Rex.", "-n", "ana", "--actor", "user")
    _remembered(am, "Ana plays the cello.", "-n", "ana", "-n", "music")
    run = am("recall", "Who is the dog?", "-n", "ana")
    assert (run.code, run.err) == (0, "")
    assert re.search(r"^ +0\.\d{3} +1\.000 +Ana's dog is called Rex\. *$", run.out, re.M)
    assert f"ana · user · {datetime.now():%Y-%m-%d}" in run.out  # noqa: DTZ005  the time on the wall
    assert id_ in run.out
    (only,) = (found := am("recall", "Who is the dog?", "-n", "ana", "--json").json)["recollections"]
    assert f"\nenergy {found['energy']:.3f} over 1 episode\n" in run.out
    assert found["energy"] == pytest.approx(-sum(only["shares"].values()))
    assert am("recall", "cello", "-n", "ana", "--subtree", "-k", "1", "--json").json["episodes"] == 2
    assert am("recall", "dog") == Run(0, "", f"{NOTHING}\n")


def test_recall_as_json_and_as_a_prompt(am: Am) -> None:
    """JSON has all that the library has, the prompt is the library's block, and an empty recall is valid JSON."""
    _remembered(am, "The report is due on Friday.", "--id", "report", "--metadata", '{"topic": "work"}')
    _remembered(am, "Ben likes tea.", "--id", "tea")
    found = am("recall", "When is the report due?", "--json", "--beta", "9", "--where", '{"topic": "work"}').json
    assert (found["beta"], found["episodes"], [each["id"] for each in found["recollections"]]) == (9.0, 1, ["report"])
    (only,) = found["recollections"]
    assert (only["weight"], only["text"], only["metadata"]) == (1.0, "The report is due on Friday.", {"topic": "work"})
    assert list(only["shares"]) == ["content"]  # words tell nothing apart where the filter leaves one episode
    assert sum(only["shares"].values()) == pytest.approx(-found["energy"])
    assert (list(found["weights"]), found["notes"]) == (["content", "words", "actor", "time", "links"], [])
    assert UUID(found["id"]).version == 7
    plain = am("recall", "When is the report due?", "--json", "--fields", "cosine", "-k", "1").json
    (first,) = plain["recollections"]
    assert (plain["id"], plain["weights"]) == (None, {})  # which teaches nothing, so that reinforce does not know it
    assert first["shares"] == {"content": pytest.approx(first["similarity"])}
    assert '<entry id="report"' in am("recall", "report", "--prompt", "-k", "1").out
    nothing = am("recall", "x", "-n", "nobody", "--json").json
    assert nothing == {
        "id": None, "energy": None, "beta": pytest.approx(found["beta"], rel=2), "episodes": 0, "recollections": [],
        "notes": [], "weights": {"content": 1.0, "words": 0.7, "actor": 3.0, "time": 3.0, "links": 1.2},
        "verdict": "unknown", "reason": "there is no episode that the cue may see", "familiarity": 0.0,
        "reliability": 0.0, "n_eff": 0.0, "margin": None,
    }  # fmt: skip


def test_recall_tells_the_verdict_and_may_abstain(am: Am) -> None:
    """Below the table, in JSON, and on stderr where nothing is brought back for it."""
    for text in ("The quarterly report is due on Friday.", "Carla plays the cello.", "Ben is allergic to peanuts."):
        _remembered(am, text)
    known, unknown = ("recall", "Is the quarterly report due?"), ("recall", "Which sonata won at Linz?")
    for arguments in (known, (*known, "--abstain")):
        run = am(*arguments)
        assert "The quarterly report" in run.out
        told = re.search(r"^known: what is asked .* \(familiarity (\d+) %, reliability (\d+) %\)$", run.out, re.M)
        assert told is not None
        found = am(*arguments, "--json").json
        assert (found["verdict"], found["reason"]) == ("known", "what is asked is here, and the first fits best")
        assert (int(told[1]), int(told[2])) == (round(found["familiarity"] * 100), round(found["reliability"] * 100))
        assert 1 <= found["n_eff"] < 3
        assert found["margin"] > 0
    shown = am(*unknown)
    line = re.search(r"^unknown: nothing here seems to answer this \(familiarity .*\)$", shown.out, re.M)
    assert line is not None
    assert "Carla" in shown.out
    assert am(*unknown, "--abstain") == am(*unknown, "--abstain", "--explain") == Run(0, "", f"{line[0]}\n")
    assert am(*unknown, "--abstain", "--prompt") == Run(0, "\n", "")
    abstained, whole = am(*unknown, "--abstain", "--json").json, am(*unknown, "--json").json
    assert (abstained["recollections"], abstained["id"]) == ([], None)
    assert abstained["familiarity"] == whole["familiarity"] < 0.5
    assert len(whole["recollections"]) == 3


def test_confidence_is_calibrated_with_labels_and_without(
    am: Am, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file or stdin, in lines and in JSON; --reset forgets it, and so does nothing else."""
    for n, place in enumerate(("cellar", "attic", "garage", "hall")):
        _remembered(am, f"The box number {n} of the move is kept in the {place}.", "-n", "ana")
    labels = [("Where is the box number 2 kept?", True), ("Which sonata won\u2028at Linz?", False)]
    lines = "\n\n".join(json.dumps({"cue": c, "present": p, "by": "me"}, ensure_ascii=False) for c, p in labels)
    (tmp_path / "asked.jsonl").write_text(f"\ufeff{lines}\r\n", encoding="utf-8")
    run = am("calibrate", "--labels", "asked.jsonl", "-n", "ana")
    assert run.err == ""
    assert re.fullmatch(
        r"log-odds x \d\.\d{3} \+ -?\d\.\d{3}, by 1 cue whose answer is here and 1 whose answer is not; "
        r"unknown below a familiarity of 0\.500\n",
        run.out,
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    found = am("calibrate", "--labels", "-", "--alpha", "0.5", "-n", "ana", "--json").json
    assert list(found) == ["slope", "shift", "threshold", "present", "absent", "namespace"]
    assert (found["present"], found["absent"], found["namespace"]) == (1, 1, ["ana"])
    assert found["threshold"] == am("recall", labels[0][0], "-n", "ana", "--json").json["familiarity"]
    made = am("calibrate", "-n", "ana", "--json").json
    assert (made["present"], made["absent"]) == (5, 65)
    reset = am("calibrate", "--reset", "-n", "ana", "--json").json
    assert reset == {
        "slope": 1.0, "shift": 0.0, "threshold": 0.5, "present": 0, "absent": 0, "namespace": ["ana"]
    }  # fmt: skip
    assert "by 4 cues whose answer is here and 64 whose answer is not" in am("calibrate", "-n", "ana").out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"cue": "a", "present": true}\nhello\n', r"line 2 of asked.jsonl is no JSON \(Expecting value"),
        ('\n["a", true]\n', r'line 2 of asked.jsonl is not \{"cue": "...", "present": true\} or false'),
        ('{"cue": "a", "present": 1}', r"line 1 of asked.jsonl is not"),
        ('{"cue": 7, "present": true}', r"line 1 of asked.jsonl is not"),
        ('{"cue": " ", "present": true}', r"label 0: cue is blank"),
        ('{"cue": "a", "present": true}', r"there are 1 cues whose answer is here and 0 whose .*: give some of both"),
        ("", r"there are 0 cues whose answer is here and 0 whose answer is not: give some of both"),
        (b"\xff\xfe", r"the labels in asked.jsonl cannot be read: .* codec"),
        (None, r"the labels in asked.jsonl cannot be read: .*No such file"),
    ],
)
def test_labels_that_are_none_are_named_by_their_line(
    am: Am, tmp_path: Path, content: str | bytes | None, message: str
) -> None:
    """In one line, and nothing is calibrated."""
    _remembered(am, "The report is due.", "--id", "report")
    if content is not None:
        (tmp_path / "asked.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    run = am("calibrate", "--labels", "asked.jsonl")
    assert (run.code, run.out) == (1, "")
    assert re.fullmatch(f"Error: {message}.*\n", run.err)
    assert am("calibrate", "--reset", "--json").json["present"] == 0


def test_recall_by_features_with_a_cue_or_without_one(am: Am) -> None:
    """By whom, when, and next to what; a time is a moment or a period; all of them may be given at once."""
    for n, (actor, day) in enumerate([("ana", "04"), ("ben", "05"), ("ana", "20"), ("ben", "21")]):
        _remembered(am, f"note {n}", "--id", f"n{n}", "--actor", actor, "--at", f"2026-05-{day}", "--session", "s")

    def first(*arguments: str) -> list[str]:
        return [each["id"] for each in am("recall", "--json", "-k", "2", *arguments).json["recollections"]]

    assert first("--actor", "ben") == ["n1", "n3"]
    assert first("--time", "2026-05-20..2026-05-21T12:00") == ["n2", "n3"]
    assert first("--time", "2026-05-21", "--actor", "ben")[0] == "n3"
    assert set(first("--near", "n1")) == {"n0", "n2"}
    assert first("note", "--actor", "ana", "--time", "2026-05-20")[0] == "n2"


def test_links_are_remembered_and_shown(am: Am) -> None:
    """By id; `show` tells them in lines and in JSON, and what is not there is named with its cure."""
    for id_ in ("key", "rain"):
        _remembered(am, f"about {id_}", "--id", id_)
    linking = ("--reply-to", "key", "--derived-from", "rain", "--derived-from", "key")
    assert _remembered(am, "Ben has it.", "--id", "ben", *linking) == "ben"
    shown = am("show", "ben").out
    assert re.search(r"^reply_to +key$", shown, re.M)
    assert re.search(r'^derived_from +\["rain", "key"\]$', shown, re.M)
    assert not re.search("reply_to|derived_from", am("show", "key").out)
    facts = [am("show", "ben", "--json").json, am("list", "--json").json[-1], am("list", "--json").json[0]]
    assert [(each["reply_to"], each["derived_from"]) for each in facts] == [("key", ["rain", "key"])] * 2 + [(None, [])]
    (first,) = am("recall", "Ben", "-k", "1", "--json").json["recollections"]
    assert (first["id"], first["reply_to"], first["derived_from"]) == ("ben", "key", ["rain", "key"])
    unknown = "there is no episode 'x' in the namespace () to answer; remember it first, or leave it out of reply_to"
    assert am("remember", "Who?", "--reply-to", "x") == Run(1, "", f"Error: {unknown}\n")


def test_recall_shows_prototypes_distinct_things_and_what_is_newest(am: Am) -> None:
    """The options of the library, in a table and in JSON; what there is not is a named error."""
    for id_, text, at in (
        ("a", "Ana moved to Oslo.", 5),
        ("b", "Ana moved to Oslo!", 3),
        ("c", "Ana moved to Porto.", 9),
    ):
        _remembered(am, text, "--id", id_, "--at", f"2024-01-0{at}")
    assert am("consolidate").code == 0
    cue = ("recall", "who moved to oslo", "--json")
    (one, *_) = am(*cue, "--distinct").json["recollections"]
    assert (one["id"], one["also"], one["prototype"]) == ("a", ["b"], None)
    (group,) = am(*cue, "--level", "prototype").json["recollections"]
    assert (group["prototype"]["tier"], group["prototype"]["members"]) == ("duplicate", ["a", "b"])
    assert "2 episodes within" in am("recall", "Oslo", "--level", "both").out
    assert am(*cue).json["recollections"][0]["id"] != "c"
    assert am(*cue, "--prefer", "latest").json["recollections"][0]["id"] == "c"
    for option, value in (("--level", "theme"), ("--prefer", "oldest")):
        run = am("recall", "Oslo", option, value)
        assert run.code != 0
        assert f"not '{value}'" in run.err


def test_recall_explains_itself(am: Am) -> None:
    """What each field gave, in the library's words; how the cue was read is told beside a table and in JSON."""
    _remembered(am, "The quarterly report is due on Friday.", "--id", "report")
    _remembered(am, "Ben likes tea.", "--id", "tea")
    explained = am("recall", "the quartrly report", "--explain")
    read = "'quartrly' is nowhere here; it may be 'quarterly'"
    assert (explained.code, explained.err) == (0, "")
    assert explained.out.splitlines()[2] == read
    told = am("recall", "the quartrly report").out.splitlines()[-2]
    assert re.fullmatch(r"known: what is asked is here, .* \(familiarity \d+ %, reliability \d+ %\)", told)
    assert explained.out.splitlines()[0] == told
    first = r"^1\. \d+\.\d %  score .* = content .* \+ words .*  The quarterly report is due"
    assert re.search(first, explained.out, re.M)
    assert am("recall", "the quartrly report").err == f"{read}\n"
    assert am("recall", "the quartrly report", "--json").json["notes"] == [read]
    nobody = Run(0, "", f"{NOTHING}\n")
    assert am("recall", "report", "--explain", "-n", "nobody") == nobody


def test_a_text_may_come_from_a_file_or_from_stdin(am: Am, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is one episode, whole; - reads stdin; the line break at the end is not part of the text."""
    (tmp_path / "letter.txt").write_text("\ufeffDear Ana,\n\nall is well.\n", encoding="utf-8")
    _remembered(am, "letter.txt", "--id", "letter")
    monkeypatch.setattr("sys.stdin", open(os.devnull, encoding="utf-8"))  # noqa: PTH123, SIM115
    assert am("remember", "-").err == "Error: text is empty; there is nothing in it to embed or to recall\n"
    sys.stdin.close()
    listed = am("list", "--json").json
    assert [(each["id"], each["text"]) for each in listed] == [("letter", "Dear Ana,\n\nall is well.")]
    piped = subprocess.run(
        [sys.executable, "-m", "am_agent", "recall", "-", "--json"],
        input="all is well", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(piped.stdout)["recollections"][0]["id"] == "letter"


def test_list_and_show_tell_what_there_is(am: Am) -> None:
    """In the order of recording or against it, in pages, filtered, and as it was at an earlier time."""
    for n in range(5):
        _remembered(am, f"note {n} [bold]", "--id", f"n{n}", "--metadata", json.dumps({"n": n}), "--session", "s")
    assert [each["id"] for each in am("list", "--json", "--limit", "2", "--offset", "1").json] == ["n1", "n2"]
    assert [each["id"] for each in am("list", "--json", "--newest", "--limit", "2").json] == ["n4", "n3"]
    assert [each["id"] for each in am("list", "--json", "--where", '{"n": {"gte": 3}}').json] == ["n3", "n4"]
    assert am("list", "--limit", "1").out.splitlines()[0] == "note 0 [bold]"
    assert am("list", "-n", "nobody") == Run(0, "", "there is no episode here\n")
    before = am("show", "n2", "--json").json["recorded_at"]
    _remembered(am, "changed", "--id", "n2")
    shown = am("show", "n2")
    assert "changed" in shown.out
    assert re.search(r"^version +2$", shown.out, re.M)
    assert am("show", "n2", "--as-of", before, "--json").json["text"] == "note 2 [bold]"
    assert am("list", "--as-of", before, "--json").json[-1]["id"] == "n2"
    assert am("show", "nobody") == Run(
        1, "", "Error: there is no episode 'nobody' in the namespace (); `am list` shows what there is\n"
    )


def test_times_and_durations_are_read_as_people_write_them(am: Am) -> None:
    """A time without a zone is the time on the wall; a life is a number with a unit."""
    _remembered(am, "then", "--id", "x", "--at", "2026-05-04T09:30+02:00", "--ttl", "8h")
    shown = am("show", "x", "--json").json
    assert shown["occurred_at"] == "2026-05-04T07:30:00+00:00"
    life = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["recorded_at"])
    assert life == timedelta(hours=8)
    _remembered(am, "there", "--id", "y", "--at", "2026-05-04")
    here = datetime(2026, 5, 4).astimezone()
    assert datetime.fromisoformat(am("show", "y", "--json").json["occurred_at"]) == here


def test_forget_erases_and_gives_a_receipt(am: Am, tmp_path: Path) -> None:
    """By id, by filter, by age, or the whole namespace if that is said; the bytes are gone."""
    for n in range(6):
        _remembered(am, f"secret{n}", "--id", f"n{n}", "--metadata", json.dumps({"n": n}), "--at", f"2020-01-0{n + 1}")
    run = am("forget", "n0", "n1", "unknown")
    assert run.code == 0
    assert re.fullmatch(r"2 episodes, 2 versions erased; receipt 1: [0-9a-f]{64}\n", run.out)
    erasure = am("forget", "--where", '{"n": 2}', "--json").json
    assert (erasure["episodes"], erasure["erased"], erasure["receipt"]["number"]) == (1, True, 2)
    assert am("forget", "--older-than", "2020-01-05").out.startswith("1 episode, 1 version erased")
    assert am("forget", "--older-than", "30d", "--json").json["episodes"] == 2
    assert am("forget", "n5").out == "0 episodes, 0 versions erased\n"
    _remembered(am, "another", "-n", "ana")
    assert am("forget", "--all", "-n", "ana", "--json").json["episodes"] == 1
    assert am("stats", "--json").json["versions"] == 0
    assert b"secret" not in (tmp_path / "memory.db").read_bytes()


def test_export_and_import_carry_a_memory_over(am: Am, tmp_path: Path) -> None:
    """What one file exports another imports, through a file or a pipe; the second time nothing is new."""
    _remembered(am, "one", "--id", "x", "-n", "ana")
    _remembered(am, "two", "--id", "x", "-n", "ana")
    _remembered(am, "three", "-n", "ben")
    assert am("export", "all.jsonl", "--vectors").out == "3 versions written\n"
    assert am("export", "-", "-n", "ana").out.count("\n") == 3
    assert am("import", "all.jsonl", "--db", "copy.db") == Run(0, "3 recorded, 0 unchanged, 0 left out\n", "")
    again = am("import", "all.jsonl", "--db", "copy.db", "--json").json
    assert (again["recorded"], again["unchanged"], again["rejected"]) == (0, 3, 0)
    assert am("show", "x", "-n", "ana", "--db", "copy.db", "--json").json == am("show", "x", "-n", "ana", "--json").json


def test_import_shows_what_it_leaves_out(am: Am, tmp_path: Path) -> None:
    """Malformed records are named on stderr with their place, the rest is there; --strict stops at the first."""
    chat = [("user", "I moved to Oslo."), ("user", 7), ("assistant", "When was that?")]
    (tmp_path / "chat.jsonl").write_text(
        "".join(json.dumps({"role": role, "content": content}) + "\n" for role, content in chat) + "{broken\n"
    )
    run = am("import", "chat.jsonl", "-n", "ana")
    assert run.code == 0
    assert run.out.startswith("2 recorded, 0 unchanged, ")
    assert "chat.jsonl: line 4: " in run.err
    assert [each["actor"] for each in am("list", "-n", "ana", "--json").json] == ["user", "assistant"]
    strict = am("import", "chat.jsonl", "-n", "strict", "--strict")
    assert (strict.code, strict.out) == (1, "")
    assert re.fullmatch(r"Error: .*line \d.*\n", strict.err)


def test_stats_and_path_say_what_and_where(am: Am, tmp_path: Path) -> None:
    """Sizes and settings; the path is known before there is a file."""
    assert am("path").out == f"{tmp_path / 'memory.db'}\n"
    assert not (tmp_path / "memory.db").exists()
    _remembered(am, "one")
    stats = am("stats", "--json").json
    assert (stats["episodes"], stats["embedder"], stats["schema"]) == (1, "am_agent/deterministic-64", "0007")
    assert re.search(r"^episodes +1$", am("stats").out, re.M)


def test_without_a_name_the_file_lies_where_the_system_keeps_such_data(
    am: Am, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is made with the first text, and not before."""
    monkeypatch.delenv("AM_DB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "platform", "linux")
    place = Path(am("path", "--json").json["path"])
    assert place == tmp_path / "data" / "am_agent" / "memory.db"
    assert am("list").err.startswith(f"Error: there is no memory at {place} yet; make one with am remember TEXT, or ")
    assert not place.parent.exists()
    _remembered(am, "one")
    assert place.exists()


def test_reembed_moves_the_file_to_another_embedder(am: Am, tmp_path: Path) -> None:
    """The file is opened with its own embedder, whichever that is, and has the new one afterwards."""
    _remembered(am, "Ana plays the cello.")
    _remembered(am, "Ben likes tea.")
    assert am("reembed", "am_agent/deterministic-128").out == "2 versions embedded\n"
    assert am("stats", "--json").json["embedder"] == "am_agent/deterministic-128"
    assert am("recall", "cello", "-k", "1", "--json").json["recollections"][0]["text"] == "Ana plays the cello."
    assert am("reembed", "am_agent/deterministic-128", "--json").json == {
        "embedded": 0, "embedder": "am_agent/deterministic-128"
    }  # fmt: skip
    refused = am("remember", "three")
    assert refused.code == 1
    assert re.fullmatch(r"Error: the file was made with .*deterministic-128', not with .*am reembed\n", refused.err)


def test_a_recall_is_reinforced_by_another_process(am: Am) -> None:
    """--log prints the id; what was used moves the weights of its namespace or of one above; --reset forgets it."""
    _remembered(am, "The report is due on Friday.", "--id", "report", "-n", "ana", "-n", "work")
    _remembered(am, "Ben likes tea.", "--id", "tea", "-n", "ana", "-n", "work")
    told = re.search(
        r"^recall ([0-9a-f-]{36})$", am("recall", "the report", "-n", "ana", "-n", "work", "--log").out, re.M
    )
    assert told is not None
    assert am("reinforce", told[1], "--used", "report", "--used", "tea", "--json").json["rounds"] == 1
    assert am("reinforce", told[1], "--used", "report", "-n", "ana").out.splitlines()[-1] == (
        "1 feedback in ana: recall uses the default weights (loss 0.04 learned, 0.00 default)"
    )
    prompt = am("recall", "the report", "-n", "ana", "-n", "work", "--log", "--prompt")
    assert prompt.out.endswith("</memory>\n")
    assert re.fullmatch(r"recall [0-9a-f-]{36}\n", prompt.err)
    own = am("weights", "-n", "ana", "-n", "work", "--json").json
    assert (own["namespace"], own["rounds"], own["ahead"], own["active"]) == (["ana", "work"], 1, False, own["default"])
    inherited = am("weights", "-n", "ana", "-n", "work", "--reset", "--json").json
    assert (inherited["namespace"], inherited["rounds"]) == (["ana"], 1)
    assert am("weights", "-n", "ana", "--reset").out.endswith(
        "nothing was learned here yet; recall uses the default weights\n"
    )
    assert am("weights", "-n", "ana", "-n", "work", "--json").json["namespace"] is None


def test_complete_fills_in_who_when_and_what_came_next(am: Am) -> None:
    """The table, and three lines below it; JSON has the same by name; a namespace without an episode says so."""
    chat = [("opera", "Shall we go to the opera?", "ana"), ("never", "Gladly, I have never been there.", "ben")]
    for minute, (id_, text, actor) in enumerate(chat):
        _remembered(am, text, "--id", id_, "--actor", actor, "--session", "s", "--at", f"2026-05-04T09:3{minute}")
    shown = am("complete", "go to the opera")
    assert (shown.code, shown.err) == (0, "")
    assert re.search(r"^who   ana 0\.9\d\d, ben 0\.0\d\d$", shown.out, re.M)
    assert "when  2026-05-04 09:30, between 2026-05-04 09:30 and 2026-05-04 09:30\n" in shown.out
    assert re.search(r"^next  never 0\.9\d\d$", shown.out, re.M)
    found = am("complete", "go to the opera", "-k", "1", "--json").json
    assert [each["id"] for each in found["recall"]["recollections"]] == ["opera"]
    assert max(found["actors"], key=found["actors"].get) == "ana"
    assert list(found["following"]) == ["never"]
    assert am("complete", "opera", "-n", "nobody") == Run(0, "", f"{NOTHING}\n")
    assert am("complete", "opera", "-n", "nobody", "--json").json["time"] is None


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["remember", " "], 1, "Error: text is blank"),
        (["remember", "a\x07"], 1, r"Error: text holds a control character, U\+0007"),
        (["recall", "a", "-k", "0"], 1, "Error: k is a whole number of at least 1, not 0"),
        (["recall", "a", "-k", "x"], 2, "Invalid value for '--k'"),
        (["recall", "a", "--beta", "-1"], 1, "Error: beta is a positive finite number"),
        (["recall", "a", "--where", "{"], 2, "Invalid value for '--where': '{' is not JSON"),
        (["recall", "a", "--where", "[1]"], 2, "is not a JSON object"),
        (["recall", "a", "--where", '{"n": {"like": 1}}'], 1, "Error: unknown operator 'like'"),
        (["recall", "a", "--as-of", "yesterday"], 2, "'yesterday' is not a time, such as"),
        (["recall", "a", "-n", ""], 1, "Error: segment '' of namespace"),
        (["remember", "a", "--ttl", "8"], 2, "'8' is not a duration, such as 90s"),
        (["remember", "a", "--ttl", "0s"], 1, "Error: ttl is 0:00:00"),
        (["remember", "a", "--metadata", "3"], 2, "is not a JSON object"),
        (["recall"], 2, "give a CUE, --actor, --time or --near"),
        (["recall", "--time", "yesterday"], 2, "'yesterday' is not a time, such as"),
        (["recall", "--time", "2026-05-05..2026-05-04"], 1, "Error: the time of a cue ends at"),
        (["recall", "--time", "2026-05-05.."], 2, "'' is not a time, such as"),
        (["recall", "a", "--fields", "smell"], 1, "Error: fields is a tuple of 'content', "),
        (["recall", "a", "--near", "nobody"], 1, "Error: there is no episode 'nobody' in the namespace"),
        (["complete", " "], 1, "Error: cue is blank"),
        (["reinforce", "a"], 2, "Missing option '--used'"),
        (["reinforce", "a", "--used", "x"], 1, "Error: no recall 'a' waits for feedback"),
        (["weights", "-n", ""], 1, "Error: segment '' of namespace"),
        (["calibrate", "-n", "nobody"], 1, r"Error: the namespace \('nobody',\) holds no episode"),
        (["calibrate"], 1, "there are 0 cues whose answer is here and 64 .*: a namespace needs episodes of six words"),
        (["calibrate", "--alpha", "0.1"], 1, "Error: alpha needs labelled=...: a bound holds for cues like those"),
        (["calibrate", "--alpha", "1"], 1, "Error: alpha is a share between 0 and 1, both excluded, not 1.0"),
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["list", "--nonsense"], 2, "No such option"),
        (["list", "--limit", "-1"], 1, "Error: limit is a whole number of at least 0"),
        (["forget"], 2, "name ids, --where or --older-than, or say --all"),
        (["forget", "--where", "{}"], 1, "Error: an empty filter matches everything"),
        (["export", "no/such/folder.jsonl"], 1, "Error: the folder .*no/such does not exist; create it"),
        (["import", "nothing.txt"], 1, "Error: there is no file .*nothing.txt"),
        (["stats", "--db", "."], 1, r"Error: .* is a folder; name a file in it"),
        (["stats", "--db", "none.db"], 1, r"Error: there is no memory at .*none.db yet; make one"),
        (["stats", "--db", "notes.txt"], 1, r"Error: .*notes.txt is not an SQLite database; name another file"),
        (["stats", "--db", "postgresql://localhost/x"], 1, "Error: .* is not supported yet"),
        (["remember", "a", "--embedder", "no/such"], 1, "Error: the file was made with the embedder"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    am: Am, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    """1 where the memory refuses, 2 where the command line is wrong; the last line says what and the cure."""
    _remembered(am, "one", "--id", "x")
    (tmp_path / "notes.txt").write_text("shopping list\n" * 100)
    run = am(*arguments)
    assert (run.code, run.out) == (code, "")
    lines = run.err.splitlines()
    assert re.search(message, lines[-1])
    assert len(lines) == 1 or code == 2
    assert [each["id"] for each in am("list", "--json").json] == ["x"]


def test_progress_is_for_terminals_and_results_are_for_pipes(am: Am, tmp_path: Path) -> None:
    """Run as a program with its output in pipes, a command writes its result to stdout and nothing to stderr."""
    (tmp_path / "notes.txt").write_text("one paragraph\n\nanother paragraph\n")
    run = subprocess.run(
        [sys.executable, "-m", "am_agent", "import", "notes.txt"], capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("2 recorded, 0 unchanged, 0 left out\n", "")
    assert am("reembed", "am_agent/deterministic-32").err == ""


# ------------------------------------------------------------------------------------------------------------ the docs


def _help(am: Am, command: str) -> str:
    run = am(*command.split(), "--help")
    assert (run.code, run.err) == (0, "")
    return run.out


def test_every_command_and_option_is_documented_as_it_is(am: Am) -> None:
    """The page has a section for each command, and its block is the very help of that command."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `am ([\w ]+)`\n.*?^```text\n(.*?)^```$", page, re.M | re.S))
    assert sorted(sections) == COMMANDS
    for command in COMMANDS:
        assert sections[command] == _help(am, command).strip() + "\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_in_each_help_runs(am: Am, tmp_path: Path, command: str) -> None:
    """Every help ends with an example of its command, which works where something is remembered."""
    _remembered(am, "The report is due on Friday.", "--id", "report", "-n", "ana")
    (tmp_path / "notes.md").write_text("# Notes\n\nThe heating is serviced in October.\n")
    (example,) = re.findall(r"^  Example: am (.*)$", _help(am, command), re.M)
    # In place of the model, which takes seconds to load, the embedder that needs none.
    arguments = shlex.split(example.replace("sentence-transformers/all-MiniLM-L6-v2", "am_agent/deterministic-32"))
    assert shlex.join(arguments).startswith(command)
    if command == "calibrate":  # labels that are there
        labels = [("When is the report due?", True), ("Who won the regatta?", False)]
        lines = [json.dumps({"cue": cue, "present": present}) for cue, present in labels]
        (tmp_path / "asked.jsonl").write_text("\n".join(lines))
    if command == "reinforce":  # an id that is there
        arguments[1] = am("recall", "report", "-n", "ana", "--log", "--json").json["id"]
    if command in ("prototypes", "unconsolidate"):  # where something was consolidated
        _remembered(am, "The report is due on Friday.", "--id", "again", "-n", "ana")
        run_id = am("consolidate", "-n", "ana", "--json").json["run_id"]
        arguments = [each.replace("theme", "duplicate") for each in arguments]
        if command == "unconsolidate":
            arguments[1] = run_id
    if command == "mcp":
        _serves_until_its_client_is_gone(arguments)
        return
    run = am(*arguments)
    assert (run.code, run.err) == (0, "")
    assert run.out


def _serves_until_its_client_is_gone(arguments: list[str]) -> None:
    """A server with nobody at its stdin ends at once; without the SDK it says in one line what to install."""
    run = subprocess.run(
        [sys.executable, "-m", "am_agent", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if find_spec("mcp") is not None:
        assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    else:
        assert (run.returncode, run.stdout) == (1, "")
        assert re.fullmatch(
            r'Error: this needs a package .* Install it with: pip install "am-agent\[mcp\]"\n', run.stderr
        )


def test_reading_commands_have_json(am: Am) -> None:
    """Every command that answers can answer in JSON; export writes JSON lines as it is, mcp the protocol's."""
    assert [command for command in COMMANDS if "--json" not in _help(am, command)] == ["export", "mcp"]


def test_am_is_installed_as_a_program(tmp_path: Path) -> None:
    """The installation puts `am` on the path, and it starts without torch."""
    am = Path(sys.executable).with_name("am")
    assert subprocess.run([am, "--help"], capture_output=True, text=True, check=True).stdout.startswith("Usage: am ")
    code = "import sys; from am_agent import cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_file_of_a_program_can_be_read_in_a_terminal(am: Am, tmp_path: Path) -> None:
    """The embedder of the file decides, so that nothing has to be said to read what a program remembered."""
    with Memory(tmp_path / "other.db", embedder=DeterministicEmbedder(dimension=32)) as memory:
        memory.remember("Ana plays the cello.", id="cello")
    assert am("recall", "cello", "--db", "other.db", "--json").json["recollections"][0]["id"] == "cello"
