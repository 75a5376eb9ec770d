"""A cue taken apart: its parts, whom it mentions, what was misspelt, when, and whether it says anything at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from am_agent import DeterministicEmbedder, Memory
from am_agent.question import parts_of, read
from am_agent.store import namespaces, space
from am_agent.times import Period
from am_agent.working_set import Snapshot, WorkingSet

NOW = datetime(2023, 5, 10, 12, tzinfo=UTC)
SMALL = DeterministicEmbedder(dimension=8)


def snapshots(*lots: Sequence[tuple[str, str | None]]) -> list[Snapshot]:
    """Namespaces that hold texts, each with its actor."""
    with Memory(embedder=SMALL) as memory:
        for number, lot in enumerate(lots):
            items: list[dict[str, Any]] = [{"text": text, "actor": actor} for text, actor in lot]
            memory.remember_many(items, namespace=(str(number),))
        with memory._read() as connection:
            ids = [namespaces.find(connection, (str(number),))[0] for number in range(len(lots))]
            return WorkingSet().snapshots(connection, ids, space.find(connection).id, 8)


# ---------------------------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize("text", ["What is it?", "one. two! three?", "a " * 64, "字" * 640, "x" * 649, "a\nb\nc"])
def test_a_short_text_is_one_part(text: str) -> None:
    """As it is, whatever sentences it has."""
    assert parts_of(text) == [text]


def test_a_long_text_falls_into_its_sentences() -> None:
    """Cut at their ends and at lines, in any script that ends them."""
    filler = "word " * 60
    assert parts_of(f"{filler.strip()}. What is the dog called? Tell me!\nThanks") == [
        " ".join(["word"] * 40),
        " ".join(["word"] * 19 + ["word."]),
        "What is the dog called?",
        "Tell me!",
        "Thanks",
    ]


def test_a_long_sentence_is_cut_every_40_words() -> None:
    """One sentence without an end falls into pieces of 40 words, and all words are kept."""
    words = [f"w{number}" for number in range(101)]
    parts = parts_of(" ".join(words))
    assert [len(part.split()) for part in parts] == [40, 40, 21]
    assert " ".join(parts).split() == words


def test_a_script_without_spaces_is_cut_by_characters() -> None:
    """Each 400 of them, none lost; a full stop of the script needs no space after it only where a line ends."""
    text = "東京の犬" * 250
    parts = parts_of(text)
    assert [len(part) for part in parts] == [400, 400, 200]
    assert "".join(parts) == text


def test_there_are_64_parts_at_the_most() -> None:
    """Of a longer text the parts are longer, and none of it is left out."""
    sentences = [f"Sentence number {number} is here." for number in range(500)]
    parts = parts_of(" ".join(sentences))
    assert len(parts) == 63  # 8 sentences each
    assert " ".join(parts) == " ".join(sentences)


def test_a_long_text_of_blanks_and_ends_keeps_its_words() -> None:
    """Empty lines and repeated marks make no part of their own."""
    text = "Well... yes!?\n\n\n" + "and so on " * 40
    parts = parts_of(text)
    assert parts[:2] == ["Well...", "yes!?"]
    assert all(part.strip() for part in parts)


# ------------------------------------------------------------------------------------------------------------- mentions

PEOPLE = [
    ("hello", "Ana"),
    ("hello", "Ben Okafor"),
    ("hello", "Ida Okafor"),
    ("hello", "Will"),
    ("hello", "user"),
    ("hello", "assistant"),
    ("hello", "Jean-Luc"),
    ("hello", "Dr. Bo van der Berg"),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What did Ana say?", {"ana"}),
        ("what did ANA say?", {"ana"}),
        ("Ana's hello", {"ana"}),
        ("banana and Anabel", set()),
        ("What did Ben say?", {"ben"}),
        ("What did Ben Okafor say?", {"ben", "okafor", "ben okafor"}),
        ("the Okafor family", {"okafor"}),
        ("What does Will say?", {"will"}),
        ("What will Ana say?", {"ana"}),
        ("what did the user say to the Assistant?", set()),
        ("Jean-Luc said hello", {"jean-luc"}),
        ("Nobody said hello", set()),
    ],
)
def test_who_is_mentioned(text: str, names: set[str]) -> None:
    """A whole name or a word of one; roles never, and a stop word only where it has a capital."""
    assert read(text, snapshots(PEOPLE), NOW).names == names


def test_an_actor_of_any_of_the_namespaces_is_mentioned() -> None:
    """Each namespace has its own people."""
    here = snapshots([("hello", "Ana")], [("hello", "Bo")])
    assert read("Ana and Bo said hello", here, NOW).names == {"ana", "bo"}
    assert read("Ana and Bo said hello", here[1:], NOW).names == {"bo"}


@pytest.mark.parametrize(
    ("text", "speaker", "addressed"),
    [
        ("What is my dog called?", True, False),
        ("What did you tell me?", True, True),
        ("Did YOU say hello?", False, True),
        ("Is it ours?", True, False),
        ("mine, mineral, youth", True, False),
        ("Who met the youthful king?", False, False),
        ("hello", False, False),
    ],
)
def test_first_and_second_person(text: str, speaker: bool, addressed: bool) -> None:
    """Whole words only, whatever their case."""
    question = read(text, snapshots(PEOPLE), NOW)
    assert (question.speaker, question.addressed) == (speaker, addressed)


# ------------------------------------------------------------------------------------------------------------- spelling

SPELT = [
    ("The grandmother of Teresa lives near the harbour", "Carla"),
    ("The harbour is closed, the support is gone", "Miranda"),
    ("A sport and a report", None),
    ("The café reopens: we could and would, as in a haven", None),
    ("東京の犬はどこ", None),
]


@pytest.mark.parametrize(
    ("text", "read_as", "notes"),
    [
        ("Where is the harbuor?", "Where is the harbour?", ["'harbuor' is nowhere here; it may be 'harbour'"]),
        ("GRANDMOTER and suport", "grandmother and sport", 2),
        ("Where is the harbour?", "Where is the harbour?", 0),  # it is there
        ("harbours", "harbours", 0),  # and so is its stem
        ("the prot is gona", "the prot is gona", 0),  # too short
        ("wholly unrelated questions", "wholly unrelated questions", 0),  # near to nothing
        ("What did Carlo say?", "What did carla say?", 1),
        ("What did Merinda say?", "What did miranda say?", 1),
        ("the harbuor's suport-line", "the harbour's sport-line", 2),
        ("harbou1 x2suport suport_2", "harbou1 x2suport suport_2", 0),  # codes are not words
        ("Why couldn't, wouldn’t and haven't they?", "Why couldn't, wouldn’t and haven't they?", 0),
        ("東京の犬はここ", "東京の犬はここ", 0),  # nor are sentences of a script without spaces
        ("the reprot, the reprot", "the report, the report", 1),  # told once
    ],
)
def test_misspelt_words(text: str, read_as: str, notes: int | list[str]) -> None:
    """For a word that is nowhere the nearest that is there may be meant; whatever is there, or short, stays."""
    question = read(text, snapshots(SPELT), NOW)
    assert question.parts == (text,)
    assert question.corrected == (read_as,)
    assert (list(question.notes) if isinstance(notes, list) else len(question.notes)) == notes


def test_a_name_is_preferred_to_a_word_that_is_as_near() -> None:
    """One slip from both: whoever is asked about is more likely meant."""
    here = snapshots([("carly hair, carly hair", "Carla"), ("carly hair", "Carla")])
    question = read("What did Carlo say?", here, NOW)
    assert (question.corrected, question.names) == (("What did carla say?",), {"carla"})
    assert read("What did Carlo say?", snapshots([("carly hair", None)]), NOW).corrected == ("What did carly say?",)


def test_of_words_as_near_the_more_frequent_is_meant() -> None:
    """By the number of episodes, over all the namespaces."""
    here = snapshots([("sport", None)], [("suport", None), ("support", None), ("support", None)])
    assert read("suppory", here, NOW).corrected == ("support",)
    here = snapshots([("a tower", None), ("a power", None), ("the power", None)])
    assert read("bower", here, NOW).corrected == ("power",)


@pytest.mark.parametrize(
    ("told", "cue"), [("berth harbour2", "the harbour"), ("we couldn't stop", "couldn"), ("x1zeppelin", "a Zeppelin")]
)
def test_a_part_of_a_code_is_not_misspelt(told: str, cue: str) -> None:
    """It is spelt as it is there, though it is no term there; what is near to it is near to what it means."""
    here = snapshots([(told, None)])
    question = read(cue, here, NOW)
    assert (question.corrected, question.notes) == ((cue,), ())
    slip = read("the harbuor, couldm zepelin", here, NOW)
    assert len(slip.notes) == 1
    assert sorted(slip.terms[0].values()) == [0.7, 1, 1, 1]


def test_nothing_is_read_as_what_was_forgotten() -> None:
    """Neither the words nor the name of an episode that is gone are there to be meant."""
    with Memory(embedder=SMALL) as memory:
        memory.remember("the zeppelin", actor="Zebedee", id="gone")
        memory.remember_many([f"a balloon {number}" for number in range(9)])
        assert len(memory.recall("zepelin Zebedde").notes) == 2
        memory.forget(ids="gone")
        assert memory.recall("zepelin Zebedde").notes == ()


# ---------------------------------------------------------------------------------------------------------------- times


def test_times_of_the_text_come_after_those_that_were_given() -> None:
    """Both count; what cannot be read is told."""
    given = Period("time", NOW, NOW, relative=True)
    question = read("What came in March 2022, and on 31 February 2023?", [], NOW, periods=[given])
    assert question.periods[0] is given
    assert [(each.phrase, f"{each.start:%F}", f"{each.end:%F}", each.relative) for each in question.periods[1:]] == [
        ("in March 2022", "2022-03-01", "2022-04-01", False)
    ]
    (note,) = question.notes
    assert "31 February 2023" in note
    assert note.endswith("was ignored: there is no such date")


def test_last_week_is_seen_from_now() -> None:
    """The moment of asking decides."""
    (period,) = read("What did we do last week?", [], NOW).periods
    assert (period.start, period.end) == (datetime(2023, 5, 1, tzinfo=UTC), datetime(2023, 5, 8, tzinfo=UTC))
    assert read("What did we do?", [], NOW).periods == ()


# -------------------------------------------------------------------------------------------------------------- silence


@pytest.mark.parametrize("text", ["what is it?", "Who are you and why?", "of the", "?!", "🙂"])
def test_function_words_alone_say_nothing(text: str) -> None:
    """Such a cue is silent, unless something stands beside it."""
    assert read(text, [], NOW).silent
    assert not read(text, [], NOW, actor="Ana").silent
    assert not read(text, [], NOW, near=3).silent
    assert not read(text, [], NOW, periods=[Period("time", NOW, NOW, relative=True)]).silent


@pytest.mark.parametrize("text", ["the dog", "who is Will?", "what was it yesterday?", "is it 5?"])
def test_one_word_that_says_something_is_enough(text: str) -> None:
    """A term, a name, or a time."""
    assert not read(text, snapshots(PEOPLE), NOW).silent


def test_a_cue_without_a_text_is_not_silent() -> None:
    """It has what it was given, and no part, term, or note."""
    question = read(None, [], NOW, actor="Ana", near=3)
    assert (question.actor, question.near, question.parts, question.terms, question.notes) == ("Ana", 3, (), (), ())
    assert not question.silent
    assert not read(None, [], NOW).silent


def test_terms_are_counted_for_each_part() -> None:
    """Stemmed, and of a word that may be misspelt also what it may have been meant to be, for less."""
    question = read("Dogs bark. " * 40 + "The harbuor?", snapshots(SPELT), NOW)
    assert question.parts[-1] == "The harbuor?"
    assert question.corrected[-1] == "The harbour?"
    assert question.terms[0] == {"dog": 1, "bark": 1}
    assert question.terms[-1] == {"harbuor": 1, "harbour": 0.7}
    assert len(question.parts) == len(question.corrected) == len(question.terms) == 41


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("harbour", {"harbour": 1}),  # it is there
        ("harbuor", {"harbuor": 1, "harbour": 0.7}),  # two neighbours swapped: one slip
        ("grandmoter", {"grandmot": 1, "grandmoth": 0.7}),  # one letter too few
        ("harbuors", {"harbuor": 1, "harbour": 0.4}),  # and one too many: two slips
        ("harbour and harbuor", {"harbour": 1.7, "harbuor": 1}),
        ("harbuor, Harbuor", {"harbuor": 2, "harbour": 1.4}),
        ("suport, reprot", {"suport": 1, "sport": 0.7, "reprot": 1, "report": 0.7}),
        ("wholly unrelated", {"wholli": 1, "unrel": 1}),  # near to nothing
    ],
)
def test_a_guess_counts_the_less_the_more_slips_it_assumes(text: str, counts: dict[str, float]) -> None:
    """A word that is nowhere here may as well be spelt right, so that it keeps its own count."""
    (found,) = read(text, snapshots(SPELT), NOW).terms
    assert found == pytest.approx(counts, abs=1e-12)


# ------------------------------------------------------------------------------------------------------------- readings


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("harbour", ["harbour"]),
        ("Where is the harbour?", ["Where is the harbour?", "harbour"]),
        ("harbuor", ["harbuor", "harbour"]),
        ("Where is the harbuor?", ["Where is the harbuor?", "Where is the harbour?", "harbour"]),
        ("Who is Will?", ["Who is Will?"]),
    ],
)
def test_a_cue_is_read_as_it_stands_as_corrected_and_as_a_telegram(text: str, readings: list[str]) -> None:
    """Each reading once, and none that is empty."""
    assert list(read(text, snapshots(SPELT), NOW).readings) == readings


def test_a_long_cue_is_read_once_as_corrected() -> None:
    """Its parts are what is compared."""
    question = read("Dogs bark. " * 40 + "The harbuor?", snapshots(SPELT), NOW)
    assert list(question.readings) == ["Dogs bark."] * 40 + ["The harbour?"]
    assert list(read(None, [], NOW).readings) == []


def test_a_word_that_stands_there_as_it_is_spelt_is_not_misspelt() -> None:
    """Even where no term is made of it there: half of a contraction is one."""
    with Memory(embedder=DeterministicEmbedder()) as memory:
        memory.remember("You couldn't see the harbour.")
        assert memory.recall("Where is couldn").notes == ()
