"""Facts that change, made up: who lives where, and then elsewhere, among statements like them. Knows no memory.

Everything is drawn by a seed, so that the same facts are asked of whatever is measured.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_START = datetime(2024, 1, 1, 9, tzinfo=UTC)

_PEOPLE = (
    ("Ana", "Boris", "Chloe", "Dimitri", "Elena"),
    ("Farid", "Greta", "Hassan", "Ingrid", "Jonas"),
    ("Katya", "Liam", "Mei", "Nadia", "Omar"),
    ("Priya", "Quentin", "Rosa", "Sven", "Tomas"),
    ("Ulrike", "Viktor", "Wanda", "Xavier", "Yusuf"),
)


class Kind(NamedTuple):
    """A kind of fact: how it is asked for, how it is told at first, how a change is told, and what it can be."""

    question: str
    first: tuple[str, ...]
    change: tuple[str, ...]
    values: tuple[str, ...]


_KINDS = (
    Kind(
        "Where does {who} live?",
        ("{who} moved to {what}.", "{who} lives in {what}."),
        ("{who} moved to {what}.", "{who} has left and lives in {what} now."),
        ("Lisbon", "Porto", "Oslo", "Prague", "Dublin", "Turin"),
    ),
    Kind(
        "Where does {who} work?",
        ("{who} works at {what}.", "{who} started a job at {what}."),
        ("{who} works at {what}.", "{who} changed jobs and is with {what} now."),
        ("the city library", "a bakery", "the power company", "a law firm", "the zoo", "an airline"),
    ),
    Kind(
        "What is {who}'s phone number?",
        ("{who}'s phone number is {what}.",),
        ("{who}'s phone number is {what}.", "{who} has a new phone number, {what}."),
        ("555-0142", "555-0198", "555-0173", "555-0116", "555-0161", "555-0127"),
    ),
    Kind(
        "What colour does {who} like best?",
        ("{who}'s favourite colour is {what}.", "{who} likes {what} best of all colours."),
        ("{who}'s favourite colour is {what}.", "These days {who} likes the colour {what} best."),
        ("green", "violet", "orange", "turquoise", "red", "grey"),
    ),
    Kind(
        "When does {who} have the dentist's appointment?",
        ("{who}'s dentist appointment is on {what}.",),
        ("{who}'s dentist appointment is on {what}.", "The dentist moved {who}'s appointment to {what}."),
        (
            "Monday at nine",
            "Tuesday at noon",
            "Thursday at four",
            "Friday at ten",
            "Wednesday at two",
            "Monday at five",
        ),
    ),
    Kind(
        "Which car does {who} drive?",
        ("{who} drives {what}.", "{who} bought {what}."),
        ("{who} drives {what}.", "{who} sold the old car and drives {what} now."),
        ("a blue Skoda", "a white Volvo", "an old Fiat", "a red Toyota", "a small Renault", "a black Ford"),
    ),
    Kind(
        "How much rent does {who} pay?",
        ("{who} pays {what} of rent a month.",),
        ("{who} pays {what} of rent a month.", "The rent that {who} pays is now {what}."),
        ("700 euros", "850 euros", "910 euros", "1,040 euros", "1,200 euros", "640 euros"),
    ),
    Kind(
        "Which instrument is {who} learning?",
        ("{who} is learning the {what}.", "{who} takes lessons on the {what}."),
        ("{who} is learning the {what}.", "{who} gave it up and is learning the {what} instead."),
        ("piano", "cello", "trumpet", "guitar", "flute", "drums"),
    ),
    Kind(
        "What does {who} have for breakfast?",
        ("{who} has {what} for breakfast.",),
        ("{who} has {what} for breakfast.", "For breakfast {who} now eats {what}."),
        ("porridge", "toast with honey", "scrambled eggs", "fruit and yoghurt", "rice and fish", "pancakes"),
    ),
    Kind(
        "Who is {who}'s manager?",
        ("{who}'s manager is {what}.", "{who} reports to {what}."),
        ("{who}'s manager is {what}.", "After the reorganisation {who} reports to {what}."),
        ("Mrs Novak", "Mr Ibarra", "Dr Lindqvist", "Ms Okafor", "Mr Tanaka", "Mrs Weiss"),
    ),
    Kind(
        "Which language is {who} studying?",
        ("{who} is studying {what}.", "{who} takes a course in {what}."),
        ("{who} is studying {what}.", "{who} switched to a course in {what}."),
        ("Japanese", "Finnish", "Arabic", "Portuguese", "Welsh", "Korean"),
    ),
    Kind(
        "How many pages does {who}'s thesis have?",
        ("{who}'s thesis has {what} pages.",),
        ("{who}'s thesis has {what} pages.", "{who} wrote on: the thesis is at {what} pages."),
        ("40", "75", "110", "132", "158", "190"),
    ),
    Kind(
        "What is {who} allergic to?",
        ("{who} is allergic to {what}.",),
        ("{who} is allergic to {what}.", "The new test says that {who} is allergic to {what}."),
        ("peanuts", "cats", "pollen", "shellfish", "dust", "penicillin"),
    ),
    Kind(
        "What is the name of {who}'s boat?",
        ("{who}'s boat is called {what}.", "{who} named the boat {what}."),
        ("{who}'s boat is called {what}.", "{who} has renamed the boat; it is {what} now."),
        ("Morning Star", "Albatross", "Lady Blue", "Windrose", "Kestrel", "Old Tom"),
    ),
    Kind(
        "Where will {who} spend the holidays?",
        ("{who} will spend the holidays in {what}.", "{who} booked the holidays in {what}."),
        ("{who} will spend the holidays in {what}.", "{who} changed the booking: the holidays will be in {what}."),
        ("Crete", "the Alps", "Iceland", "Sicily", "Brittany", "Madeira"),
    ),
    Kind(
        "What is the deadline of {who}'s project?",
        ("The deadline of {who}'s project is {what}.",),
        ("The deadline of {who}'s project is {what}.", "{who}'s project got another deadline, {what}."),
        ("March 3", "April 12", "May 20", "June 8", "July 15", "August 2"),
    ),
    Kind(
        "Which sport does {who} do?",
        ("{who} goes {what} every week.",),
        ("{who} goes {what} every week.", "{who}'s sport is {what} since the injury."),
        ("swimming", "climbing", "rowing", "running", "fencing", "cycling"),
    ),
    Kind(
        "In which room is {who}'s office?",
        ("{who}'s office is in room {what}.", "You find {who} in room {what}."),
        ("{who}'s office is in room {what}.", "{who} moved the office to room {what}."),
        ("114", "207", "312", "B05", "421", "109"),
    ),
    Kind(
        "How much does {who} weigh?",
        ("{who} weighs {what}.",),
        ("{who} weighs {what}.", "On the scales today {who} was at {what}."),
        ("61 kilos", "67 kilos", "72 kilos", "79 kilos", "84 kilos", "90 kilos"),
    ),
    Kind(
        "Which book is {who} reading?",
        ("{who} is reading {what}.",),
        ("{who} is reading {what}.", "{who} finished that book and is reading {what} now."),
        ("Middlemarch", "Dracula", "Don Quixote", "Walden", "The Odyssey", "Ulysses"),
    ),
)

_ASIDE = (
    "{who} called in the evening and talked for an hour.",
    "{who} sent a photo of the sunset.",
    "It was {who}'s turn to cook, and everybody liked it.",
    "{who} asked how the weather would be at the weekend.",
    "{who} forgot the umbrella on the bus.",
    "We met {who} at the market.",
)


@dataclass(frozen=True, slots=True)
class Said:
    """One statement, under an id of its own."""

    id: str
    text: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Changed:
    """A fact that has changed: how it is asked for, and the ids of what was said of it at first and at last."""

    question: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Story:
    """What some people were said to do, in the order of recording, and the facts that have changed in it."""

    said: Sequence[Said]
    changed: Sequence[Changed]


def stories(*, seed: int = 0) -> list[Story]:
    """Five stories of a hundred changed facts each: five people, twenty facts of each, and asides.

    What is asked about one of them was said about the four others, too, before and after. Half of the changes are told
    in the words in which the fact was told at first. One story in five was recorded in an order of its own.

    Example:
        >>> first = stories()[0]
        >>> len(first.said), len(first.changed), sum(len(each.changed) for each in stories())
        (230, 100, 500)
    """
    rng = random.Random(seed)
    return [_story(people, rng, shuffled=number == 0) for number, people in enumerate(_PEOPLE)]


def _story(people: Sequence[str], rng: random.Random, *, shuffled: bool) -> Story:
    before: list[tuple[str, str]] = []
    after: list[tuple[str, str]] = []
    changed: list[Changed] = []
    for place, kind in enumerate(_KINDS):
        for who in people:
            old, new = rng.sample(kind.values, 2)
            name = f"{who}-{place}"
            before.append((f"{name}-first", rng.choice(kind.first).format(who=who, what=old)))
            after.append((f"{name}-last", rng.choice(kind.change).format(who=who, what=new)))
            changed.append(Changed(kind.question.format(who=who), f"{name}-first", f"{name}-last"))
    asides = [(f"{who}-aside-{place}", text.format(who=who)) for who in people for place, text in enumerate(_ASIDE)]
    rng.shuffle(before)
    rng.shuffle(after)
    told = [*before, *after]
    for aside in asides:
        told.insert(rng.randrange(len(told)), aside)
    said = [Said(id_, text, _START + timedelta(hours=7 * number)) for number, (id_, text) in enumerate(told)]
    if shuffled:
        rng.shuffle(said)
    return Story(said, changed)
