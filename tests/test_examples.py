"""The examples and the demo: what they print is what they promise, in a real process and with the real encoder."""

from __future__ import annotations

import importlib.util
import io
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from am_agent import Memory
from am_agent.embedders import SentenceTransformerEmbedder

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run an example as a user would, in a folder of its own, and return what it prints."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def module(name: str) -> ModuleType:
    """Import an example by its path."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    return module("demo.py")


@pytest.fixture(scope="module")
def cut(demo: ModuleType) -> dict[str, str]:
    """The paragraphs of the whole reference by id."""
    return {item["id"]: item["text"] for item in demo.episodes(demo.reference)}


def paragraph_with(cut: dict[str, str], words: str) -> str:
    """The one paragraph that holds these words."""
    (found,) = (text for text in cut.values() if words in text)
    return found


# -------------------------------------------------------------------------------------------------- examples


def test_the_first_example_recalls_by_meaning_and_within_its_namespace(tmp_path: Path) -> None:
    """The allergy answers the question about food, weights are shares, and nothing of the other user is printed."""
    output = run("01_remember_and_recall.py", tmp_path)
    found = re.findall(r"similarity (\S+)  weight (\S+)  (\w+): (.+)", output)
    assert found[0][2:] == ("ana", "I never eat nuts, I am allergic to them.")
    weights = [float(weight) for _, weight, _, _ in found]
    assert len(weights) == 3
    assert weights == sorted(weights, reverse=True)
    assert 0.9 < sum(weights) < 1
    assert re.search(r"energy -\d\.\d{3} over 4 episodes", output)
    assert "only the topic pets)\n  My dog Rex is afraid of thunder.\n\n" in output
    assert re.search(r'<memory>\n<entry .*actor="assistant".*>The vet said .* in March\.</entry>\n</memory>', output)
    assert "Mia" not in output
    assert list(tmp_path.iterdir()) == []


def test_the_chatbot_answers_after_a_restart_from_what_was_said_before(tmp_path: Path) -> None:
    """The second session quotes the facts of the first; another user who asks the same learns nothing."""
    output = run("02_chatbot.py", tmp_path, "--db", "chat.db")
    monday, thursday = output.split("--- Thursday, after a restart: 6 messages of Ana are in the file\n")
    assert monday.count("bot: I'll keep that in mind.") == 3
    assert thursday.splitlines() == [
        "ana: Where does my sister live?",
        'bot: You told me: "My sister Clara moved to Lisbon."',
        "ana: Which food must I avoid?",
        'bot: You told me: "I am allergic to peanuts."',
        "ben: Where does my sister live?",
        "bot: You have not told me yet.",
    ]
    with Memory(tmp_path / "chat.db") as memory:
        said = memory.list(namespace=("ana",))
        assert [(each.actor, each.session) for each in said[::6]] == [("user", "monday"), ("user", "thursday")]
        assert memory.count(namespace=("ben",)) == 2


def test_a_person_may_talk_to_the_chatbot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is typed in one run is the answer in the next one, and both end with their input."""
    chatbot = module("02_chatbot.py")
    for typed in ("My car is a red Volvo.\n", "Which car do I drive?\n\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        chatbot.interactive(tmp_path / "chat.db")
    assert 'bot: You told me: "My car is a red Volvo."' in capsys.readouterr().out


def test_a_turn_is_never_its_own_memory(minilm: SentenceTransformerEmbedder) -> None:
    """The model sees nothing in the first turn, and in the second the first with its answer, each once."""
    chatbot = module("02_chatbot.py")
    seen: list[str] = []

    class Listener:
        def reply(self, memories: str, message: str) -> str:
            seen.append(memories)
            return f"Understood: {message}"

    with Memory(embedder=minilm) as memory:
        bot = chatbot.Chatbot(memory, Listener(), user="ana", session="monday")
        bot.say("I like tea.")
        bot.say("I like coffee.")
    assert seen[0] == ""
    assert sorted(re.findall(r">(.+)</entry>", seen[1])) == ["I like tea.", "Understood: I like tea."]


def test_the_retriever_finds_the_source_and_the_filter_the_year(tmp_path: Path) -> None:
    """The end of the long document is found; without the filter both prices come up, with it only the new one."""
    output = run("03_retriever.py", tmp_path)
    assert output.startswith("4 documents, 5 patterns")
    sources = {
        block.split("  (energy")[0]: re.findall(r"weight \S+  (\S+):", block)
        for block in output.split("\n\n")
        if "(energy" in block
    }
    assert sources["Where does the key of the dome go?"][0] == "dome.md"
    assert set(sources["How much does a ticket cost?"]) == {"visits-2019.md", "visits-2025.md"}
    assert sources["How much does a ticket cost? [visitors, since 2020]"] == ["visits-2025.md"]
    prompt = output.split("The prompt of a chain:")[1]
    assert "twelve euros" in prompt
    assert "eight euros" not in prompt
    assert prompt.endswith("</memory>\n\nQuestion: How much does a ticket cost?\n")
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------------- demo


def test_the_reference_is_cut_into_hundreds_of_distinct_paragraphs(demo: ModuleType, cut: dict[str, str]) -> None:
    """Ids and texts are unique, no text is blank, and their number is that of a reference, whatever its version."""
    items = list(demo.episodes(demo.reference))
    assert 700 <= len(items) <= 1000
    assert len(cut) == len(set(cut.values())) == len(items)
    assert all(text.strip() for text in cut.values())
    assert all(item["id"].rpartition("-")[0] == item["metadata"]["topic"] for item in items)
    assert {item["metadata"]["topic"] for item in items} <= set(demo.reference)


def test_cutting_depends_on_the_pages_alone(demo: ModuleType) -> None:
    """The same pages in another order give the same items in the same order."""
    shuffled = dict(sorted(demo.reference.items(), key=lambda page: page[0][::-1]))
    assert list(shuffled) != list(demo.reference)
    assert list(demo.episodes(shuffled)) == list(demo.episodes(demo.reference))


def test_cutting_loses_no_word(demo: ModuleType) -> None:
    """All words of a page are in its paragraphs, in order: only underlines and rules are left out."""
    for page in demo.reference.values():
        words = [word for text in demo.paragraphs(page) for word in re.findall(r"\w+", text)]
        assert words == re.findall(r"\w+", page)


def test_a_paragraph_can_be_understood_alone(cut: dict[str, str]) -> None:
    """None is a heading, begins inside code or a table, or is only grammar; few end with a promise of more."""
    for text in cut.values():
        assert "\n***" not in text
        assert "\n====" not in text
        assert not text.startswith((" ", ">>>", "|", "New in version", "Changed in version", "Added in version"))
        assert "::=" not in text.split("\n")[0]
    assert sum(text.endswith(":") for text in cut.values()) < 10


def test_code_and_headings_stay_with_the_paragraph_they_belong_to(cut: dict[str, str]) -> None:
    """A snippet follows what introduces it, and a heading and its grammar precede what they are the heading of."""
    default = paragraph_with(cut, "penguin.append(")
    assert default.startswith("**Default parameter values are evaluated from left to right")
    assert default.endswith("       return penguin")
    several = paragraph_with(cut, "with A() as a, B() as b:")
    assert several.startswith("With more than one item")
    assert several.endswith("   with A() as a:\n       with B() as b:\n           SUITE")
    statement = next(text for text in cut.values() if text.startswith('The "yield" statement\n\n'))
    assert "is semantically equivalent to a yield expression" in " ".join(statement.split())


def test_a_definition_is_a_paragraph_of_its_own(demo: ModuleType) -> None:
    """Signatures begin paragraphs, with their bodies, at whatever depth they stand."""
    page = (
        "Methods\n=======\n\na.f(x)\n\n   Does f.\n\n   It takes x.\n\n      >>> a.f(1)\n      2\n\n"
        "a.g()\n\n   h()\n\n      Is inside.\n\nChanged in version 3.9: It is new.\n\nA last word, which is "
        "so long that it can stand for itself, since a hundred and twenty characters are enough for a paragraph."
    )
    assert list(demo.paragraphs(page)) == [
        "Methods\n\na.f(x)\n\n   Does f.\n\n   It takes x.\n\n      >>> a.f(1)\n      2",
        "a.g()",
        "h()\n\n   Is inside.",
        "Changed in version 3.9: It is new.\n\nA last word, which is so long that it can stand for itself, since a "
        "hundred and twenty characters are enough for a paragraph.",
    ]


def test_the_demo_answers_and_embeds_nothing_twice(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a few pages: what comes first, energies, where the file is; the second run finds every paragraph there."""
    names = ("exceptions", "function", "objects", "power", "try", "yield")
    pages = {name: demo.reference[name] for name in names}
    db = tmp_path / "new" / "python.db"
    count = len(list(demo.episodes(pages)))

    demo.main(db, pages)
    first = capsys.readouterr().out
    answers = re.split("|".join(map(re.escape, demo.QUESTIONS)), first)[1:]
    assert len(answers) == 6
    found = [re.findall(r"│ ([a-z]+)-\d+: ", answer) for answer in answers]
    assert [len(topics) for topics in found] == [3] * 6
    # These pages have the word "catch" once, under "objects", where it is not about how to: the rarest word decides.
    assert found[0] == ["objects", "try", "try"]
    assert (found[1][0], found[5][0]) == ("function", "yield")
    assert len(re.findall(r"energy -\d\.\d{3}", first)) == 6
    assert f"Remembering {count} paragraphs of 6 pages" in first
    assert f"{count} embedded, 0 there already" in first
    assert re.search(rf"^{re.escape(str(db))}: {count} paragraphs, 0\.\d MiB$", first, re.MULTILINE)

    demo.main(db, pages)
    second = capsys.readouterr().out
    assert f"0 embedded, {count} there already" in second
    tables = slice(second.index(demo.QUESTIONS[0]), second.index(str(db)))
    assert second[tables] == first[first.index(demo.QUESTIONS[0]) : first.index(str(db))]
