"""How sure a memory is, through the facade: verdicts, abstaining, calibration with labels and without, and by use."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from am_agent import Cue, DeterministicEmbedder, Memory, Recall, errors
from am_agent.calibration import conformal_threshold
from am_agent.confidence import SHIPPED, log_odds, sigmoid
from tests.children import Child

TOY = DeterministicEmbedder()
ANA, WORK = ("ana",), ("ana", "work")
THINGS = ["lamp", "rope", "kettle", "violin", "ladder", "compass", "blanket", "hammer", "globe", "mirror"]
PLACES = ["cellar", "attic", "garage", "kitchen", "hall", "shed", "study", "bedroom", "pantry", "yard"]
NOTES = [
    {"id": f"{thing}-{n}", "text": f"The {colour} {thing} that we bought last year is kept in the {place} now."}
    for n, colour in enumerate(("old", "green"))
    for thing, place in zip(THINGS, PLACES[n:] + PLACES[:n], strict=True)
]
PRESENT = [f"Where is the {thing} kept that we bought last year?" for thing in THINGS]
ABSENT = [
    "Who won the regatta off Madeira?",
    "Does penicillin help against measles?",
    "How many moons orbit Neptune?",
    "Which sonata did Clara rehearse?",
    "Why was the tram to Linz cancelled?",
]
DOGS = [
    "Anything frightens our dog, even thunder far away.",
    "Yesterday a dog ran into the traffic at noon.",
    "For the dog they booked a kennel near Graz.",
    "Nobody walked that dog since Tuesday morning.",
    "His dog swam across the river without effort.",
    "Every dog show in Leeds sells out quickly.",
]
OTHERS = [
    "The quarterly report is due on Friday.",
    "Carla plays the cello in a string quartet.",
    "Neptune has sixteen moons, said the guide.",
    "My grandmother was born in Trieste in 1931.",
    "Ben is allergic to peanuts, so no satay.",
    "The spare key lies under the flower pot.",
]
LABELS = [*((cue, True) for cue in PRESENT), *((cue, False) for cue in ABSENT)]


@pytest.fixture
def memory() -> Iterator[Memory]:
    """Twenty episodes in a namespace, and one in the one below."""
    with Memory(embedder=TOY) as memory:
        memory.remember_many(NOTES, namespace=ANA)
        memory.remember("The tram to Linz was cancelled because of snow on the line.", id="tram", namespace=WORK)
        yield memory


def _odds(memory: Memory, cue: str | Cue, namespace: tuple[str, ...] = ANA) -> float:
    shown = memory.recall(cue, namespace=namespace).evidence
    assert shown is not None
    return log_odds(shown, SHIPPED)


def _told(recall: Recall) -> tuple[object, ...]:
    return recall.familiarity, recall.reliability, recall.verdict, recall.reason, recall.evidence


# ------------------------------------------------------------------------------------------------------- the verdict


def test_what_is_here_is_known_and_what_is_not_is_unknown(memory: Memory) -> None:
    """Of questions about the notes, and about other things; the numbers agree with the verdict, and are told."""
    for cue in PRESENT:
        found = memory.recall(cue, namespace=ANA)
        assert found.verdict != "unknown"
        assert found.familiarity > 0.5
    for cue in ABSENT:
        found = memory.recall(cue, namespace=ANA)
        assert (found.verdict, len(found)) == ("unknown", 5)
        assert 0 <= found.familiarity < 0.5
        assert found.told == (
            f"unknown: nothing here seems to answer this (familiarity {found.familiarity * 100:.0f} %)"
        )
        assert found.explain().splitlines()[0] == found.told
    exact = memory.recall(str(NOTES[3]["text"]), namespace=ANA)
    assert (exact.verdict, exact[0].id) == ("known", "violin-0")
    assert exact.familiarity > 0.95


@pytest.mark.parametrize(
    ("count", "reason"),
    [(0, "there is no episode that the cue may see"), (1, "there is one episode only, and nothing to compare it with")],
)
def test_with_nothing_to_compare_all_is_unknown(count: int, reason: str) -> None:
    """A namespace of none, after there was one, and of one; whatever the cue has."""
    cues: list[Any] = ["the old lamp", Cue(actor="ben"), Cue(time=datetime.now(UTC)), "and what was it?"]
    with Memory(embedder=TOY) as memory:
        if not count:
            assert (memory.recall("the old lamp").verdict, memory.recall("the old lamp").reason) == ("unknown", reason)
        memory.remember("The old lamp is kept in the cellar.", id="lamp", actor="ben")
        memory.forget(ids="lamp") if not count else None
        for cue in cues:
            for fields in (None, ("words",), ("cosine",)):
                if fields == ("cosine",) and isinstance(cue, Cue):
                    continue
                found = memory.recall(cue, fields=fields)
                assert (found.verdict, found.reason, found.familiarity, found.reliability) == ("unknown", reason, 0, 0)
                assert found.told == f"unknown: {reason} (familiarity 0 %)"
                assert (found.n_eff, found.margin) == (count, math.inf)
                assert len(found) == count
                assert len(memory.recall(cue, fields=fields, abstain=True)) == 0


def test_from_two_episodes_on_there_is_a_verdict() -> None:
    """Two are enough to tell what is here from what is not."""
    with Memory(embedder=TOY) as memory:
        memory.remember_many(["The old lamp is kept in the cellar.", "Carla plays the cello in an orchestra."])
        assert memory.recall("Is the old lamp kept in the cellar?").verdict == "known"
        assert memory.recall("Does penicillin help against measles?").verdict == "unknown"


def test_who_and_when_are_known_if_something_fits(memory: Memory) -> None:
    """Of a cue without content that is all there is to say."""
    day = datetime(2026, 5, 4, tzinfo=UTC)
    memory.remember("Rex is nine.", namespace=ANA, actor="ben", occurred_at=day)
    assert memory.recall(Cue(actor="ben"), namespace=ANA).verdict == "known"
    assert memory.recall(Cue(time=day), namespace=ANA).verdict == "known"
    nobody = memory.recall(Cue(actor="nobody"), namespace=ANA)
    assert (nobody.verdict, len(nobody)) == ("unknown", 5)


def test_a_cue_of_function_words_is_ambiguous(memory: Memory) -> None:
    """It asks for nothing in particular, so nothing is missing; it still brings back the newest."""
    found = memory.recall("and what was it?", namespace=ANA, abstain=True)
    assert (found.verdict, found.reason, found.familiarity) == (
        "ambiguous",
        "the cue asks for nothing in particular",
        0.5,
    )
    assert len(found) == 5


def test_what_fits_several_is_ambiguous_unless_they_say_the_same() -> None:
    """Rivals make a verdict ambiguous; the same again does not."""
    with Memory(embedder=TOY) as memory:
        memory.remember_many([f"{thing} dog {place}" for thing in THINGS for place in PLACES[:3]])
        memory.remember_many(OTHERS)
        found = memory.recall("Which dog?")
        assert (found.verdict, found.reason) == (
            "ambiguous",
            "what is asked seems to be here, but several episodes fit about as well",
        )
        assert found.n_eff > 10
    with Memory(embedder=TOY) as memory:
        memory.remember_many(THINGS[1:])
        memory.remember_many([{"text": "The lamp stands behind the house.", "id": str(n)} for n in range(10)])
        found = memory.recall("Does the lamp stand behind the house?")
        assert found.verdict == "known"
        assert found.margin == pytest.approx(0, abs=1e-9)
        assert found.evidence is not None
        assert found.evidence.first > 0.9


@pytest.mark.parametrize("cue", [PRESENT[0], ABSENT[0]])
def test_content_alone_has_a_verdict_of_its_own(memory: Memory, cue: str) -> None:
    """By cosine or a vector there are no words to compare; the evidence is the same for both, and so is the verdict."""
    expected = "unknown" if cue in ABSENT else memory.recall(cue, namespace=ANA).verdict
    plain = memory.recall(cue, namespace=ANA, fields=("cosine",))
    given = memory.recall(vector=TOY.queries([cue])[0], namespace=ANA, fields=("cosine",))
    content = memory.recall(cue, namespace=ANA, fields=("content",))
    for found in (plain, given, content, memory.recall(vector=TOY.queries([cue])[0], namespace=ANA)):
        assert found.evidence is not None
        assert found.evidence.coverage is None
        assert found.evidence.nearness is not None
        assert (found.verdict == "unknown") == (expected == "unknown")
        assert found.familiarity == sigmoid(log_odds(found.evidence, SHIPPED))
    assert _told(plain) == _told(given)
    words = memory.recall(cue, namespace=ANA, fields=("words",)).evidence
    assert words is not None
    assert (words.nearness, words.coherence) == (None, None)
    assert words.coverage == memory.recall(cue, namespace=ANA).evidence.coverage  # type: ignore[union-attr]


def test_spread_and_margin_are_those_of_the_weights(memory: Memory) -> None:
    """The inverse of the sum of squares, and the distance between the best two."""
    found = memory.recall(PRESENT[2], namespace=ANA, k=20)
    assert found.n_eff == pytest.approx(1 / sum(each.weight**2 for each in found), rel=1e-6)
    scores = [sum(each.shares.values()) for each in found]
    assert found.margin == pytest.approx(scores[0] - scores[1], abs=1e-9)


def test_more_that_are_recalled_hold_the_answer_no_less(memory: Memory) -> None:
    """Reliability grows with k up to the familiarity, which has nothing to do with k, nor with beta."""
    found = [memory.recall(PRESENT[1], namespace=ANA, k=k, beta=beta) for k in (1, 3, 10, 20) for beta in (None, 9.0)]
    assert len({each.familiarity for each in found}) == 1
    sure = [each.reliability for each in found]
    assert sure == sorted(sure)
    assert sure[0] < sure[-1] <= found[0].familiarity


# ----------------------------------------------------------------------------------------------------------- abstaining


def test_to_abstain_is_to_bring_back_nothing_that_is_unknown(memory: Memory) -> None:
    """And only then; the numbers are those of the recall that does not abstain. Nothing waits for feedback."""
    for cue in (*PRESENT, *ABSENT):
        whole, some = memory.recall(cue, namespace=ANA), memory.recall(cue, namespace=ANA, abstain=True)
        assert (_told(some), some.energy, some.episodes) == (_told(whole), whole.energy, 20)
        if whole.verdict == "unknown":
            assert (list(some), some.id, some.as_prompt()) == ([], "", "")
        else:
            assert [each.id for each in some] == [each.id for each in whole]
            assert some.id
    with pytest.raises(errors.UnknownRecall):
        memory.reinforce(memory.recall(ABSENT[0], namespace=ANA, abstain=True), used="lamp-0")


def test_filters_times_and_namespaces_have_verdicts_of_their_own(memory: Memory) -> None:
    """What a cue may not see is not known: not elsewhere, not filtered out, not recorded yet, not expired."""
    ben, deep = ("ben",), ("ben", "work")
    memory.remember_many(DOGS, namespace=ben)
    memory.remember_many([{"text": text, "metadata": {"n": n}} for n, text in enumerate(OTHERS)], namespace=deep)
    last = memory.remember(
        "Seals sleep on the beach of Sylt.", namespace=deep, ttl=timedelta(hours=1), metadata={"n": 9}
    )
    asked = "Do seals sleep at Sylt beach?"

    def verdict(**where: Any) -> tuple[str, int]:
        found = memory.recall(asked, **where)
        return found.verdict, found.episodes

    assert verdict(namespace=deep) == ("known", 7)
    assert verdict(namespace=ben) == ("unknown", 6)
    assert verdict(namespace=ben, subtree=True) == ("known", 13)
    assert verdict(namespace=deep, where={"n": {"gte": 3}}) == ("known", 4)
    assert verdict(namespace=deep, where={"n": {"lt": 9}}) == ("unknown", 6)
    assert verdict(namespace=deep, where={"n": 9}) == ("unknown", 1)
    recorded = memory.get(last, namespace=deep)[0].recorded_at
    assert recorded is not None
    assert verdict(namespace=ben, subtree=True, as_of=recorded) == ("known", 13)
    assert verdict(namespace=ben, subtree=True, as_of=recorded - timedelta(microseconds=1)) == ("unknown", 12)
    assert verdict(namespace=deep, now=datetime.now(UTC) + timedelta(days=1)) == ("unknown", 6)


def test_a_verdict_is_a_function_of_what_was_remembered(memory: Memory, tmp_path: Path) -> None:
    """To the bit: in RAM and in a file, with codes alone, after reopening, after others came and went."""
    cues: list[str | Cue] = [*PRESENT, *ABSENT, Cue("the lamp", actor="ben")]
    expected = [_told(memory.recall(cue, namespace=ANA)) for cue in cues]
    path = tmp_path / "m.db"
    for resident in ("patterns", "codes"):
        for location in (path, None):
            with Memory(location, embedder=TOY, resident=resident) as other:
                other.remember_many([{**each, "namespace": ANA} for each in NOTES])
                assert [_told(other.recall(cue, namespace=ANA)) for cue in cues[::-1]][::-1] == expected
    memory.remember("Seals were seen on the beach.", id="gone", namespace=ANA)
    memory.recall("seals", namespace=ANA)
    memory.forget(ids="gone", namespace=ANA)
    again = [memory.recall(cue, namespace=ANA) for cue in cues]
    assert [each.familiarity for each in again] == pytest.approx([each[0] for each in expected], abs=1e-9)
    assert [(each.verdict, each.reason) for each in again] == [each[2:4] for each in expected]


# -------------------------------------------------------------------------------------------------- with and without


def test_without_labels_cues_are_made(memory: Memory) -> None:
    """Parts of what is here, and foreign questions; the same twice, and little is corrected by them."""
    before = memory.recall(PRESENT[0], namespace=ANA).familiarity
    found = memory.calibrate(namespace=ANA)
    assert (found.present, found.absent, found.threshold, found.namespace) == (20, 64, 0.5, ANA)
    assert found.slope > 0
    assert memory.calibrate(namespace=ANA) == found
    shown = _odds(memory, PRESENT[0])
    assert memory.recall(PRESENT[0], namespace=ANA).familiarity == sigmoid(found.slope * shown + found.shift) != before
    assert memory.calibrate(namespace=ANA) == found  # what is asked for a sample is asked of the prior


def test_labels_are_asked_and_correct_familiarity(memory: Memory) -> None:
    """With answers the wrong way round, what was known becomes unfamiliar, as far as labels reach."""
    prior = {cue: memory.recall(cue, namespace=ANA).familiarity for cue, _ in LABELS}
    found = memory.calibrate([(cue, cue not in PRESENT) for cue, _ in LABELS] * 5, namespace=ANA)
    assert (found.present, found.absent) == (25, 50)
    for cue in PRESENT:
        assert memory.recall(cue, namespace=ANA).familiarity < prior[cue]
    for cue in ABSENT:
        assert memory.recall(cue, namespace=ANA).familiarity > prior[cue]
    reset = memory.reset_calibration(namespace=ANA)
    assert (reset.slope, reset.shift, reset.present, reset.threshold) == (1, 0, 0, 0.5)
    assert {cue: memory.recall(cue, namespace=ANA).familiarity for cue, _ in LABELS} == prior


def test_labels_may_be_cues_of_any_features_from_any_iterator(memory: Memory) -> None:
    """A generator of pairs; of a vector, of who, of a text."""
    cues = [Cue("the lamp", actor="ben"), Cue(vector=TOY.queries(["the lamp"])[0]), "the lamp", Cue(actor="ben")]
    found = memory.calibrate(((cue, place < 2) for place, cue in enumerate(cues)), namespace=ANA)
    assert (found.present, found.absent) == (2, 2)


@pytest.mark.parametrize(("alpha", "rejected"), [(0.05, 0), (0.1, 0), (0.2, 1), (0.5, 4)])
def test_of_the_labels_alpha_at_most_is_rejected(memory: Memory, alpha: float, rejected: int) -> None:
    """Strictly below the threshold; with fewer labels than 1/alpha - 1 nothing is, whatever it is."""
    least = conformal_threshold(sorted(_odds(memory, cue) for cue in PRESENT), alpha)  # type: ignore[arg-type]
    below = sum(_odds(memory, cue) < least for cue in PRESENT)
    assert below == rejected
    found = memory.calibrate(LABELS, alpha=alpha, namespace=ANA)
    for cue in (*PRESENT, *ABSENT):
        recall = memory.recall(cue, namespace=ANA)
        assert (recall.verdict == "unknown") == (_odds(memory, cue) < least)
        if recall.familiarity < 0.5 and recall.verdict != "unknown":
            assert recall.verdict == "ambiguous"
    assert found.threshold == (0 if least == -math.inf else sigmoid(found.slope * least + found.shift))
    assert memory.calibrate(LABELS, namespace=ANA).threshold == 0.5


def test_calibration_holds_below_and_is_the_nearest(memory: Memory) -> None:
    """A namespace that is calibrated lends it to those below it, until they have their own; beside it nothing holds."""
    above = memory.calibrate(LABELS, alpha=0.2, namespace=ANA)
    deep = memory.reset_calibration(namespace=WORK)
    assert deep == replace(above, namespace=WORK)
    memory.remember_many(["The report is late.", "Ben is on leave in May."], namespace=WORK)
    own = memory.calibrate([("Is the report late?", True), ("Who won the regatta?", False)], namespace=WORK)
    assert (own.present, own.absent) == (1, 1)
    assert own.shift != above.shift
    assert memory.reset_calibration(namespace=WORK) == deep
    memory.remember_many(NOTES, namespace=("ben",))
    assert memory.reset_calibration(namespace=("ben",)).present == 0
    assert memory.recall(PRESENT[0], namespace=("ben",)).familiarity == sigmoid(_odds(memory, PRESENT[0], ("ben",)))


def test_what_is_used_becomes_more_familiar(memory: Memory) -> None:
    """Its like, too; the recall itself stays what it was. By its id alone a recall shows nothing to learn from."""
    cue = "Where is the globe?"
    before = memory.recall(cue, namespace=ANA)
    others = [memory.recall(each, namespace=ANA).familiarity for each in ABSENT]
    last = before.familiarity
    for _ in range(3):
        recall = memory.recall(cue, namespace=ANA)
        memory.reinforce(recall, used=recall[0].id)
        now = memory.recall(cue, namespace=ANA).familiarity
        assert now > last
        last = now
    assert memory.reset_calibration(namespace=("ben",)).present == 0
    assert all(memory.recall(each, namespace=ANA).verdict == "unknown" for each in ABSENT), others
    memory.reinforce(memory.recall(cue, namespace=ANA).id, used=recall[0].id)
    assert memory.recall(cue, namespace=ANA).familiarity == last
    assert memory.reset_calibration(namespace=ANA).present == 0
    assert memory.recall(cue, namespace=ANA).familiarity == before.familiarity


def test_calibration_leaves_waiting_recalls_alone(memory: Memory) -> None:
    """However many cues it asks, what waits for feedback waits on."""
    recall = memory.recall(PRESENT[0], namespace=ANA)
    for _ in range(3):
        memory.calibrate(LABELS * 7, namespace=ANA)
    assert memory.reinforce(recall, used=recall[0].id).rounds == 1


def test_what_was_used_is_remembered_for_two_hundred_times(memory: Memory) -> None:
    """The oldest goes first, so a namespace that changes is followed."""
    recall = memory.recall(PRESENT[0], namespace=ANA)
    for _ in range(203):
        memory._calibrator.used(ANA, 1.5)
    memory.reinforce(recall, used=recall[0].id)
    with memory._database.reading() as connection:
        found = memory._calibrator._told(connection, ANA, 1)
    assert found.present == 200


# --------------------------------------------------------------------------------------------------------- who knows it


def _calibrates(path: Path, pipe: Connection) -> None:
    with Memory(path, embedder=DeterministicEmbedder()) as memory:
        pipe.send(memory.recall(PRESENT[0], namespace=ANA).familiarity)
        pipe.recv()
        pipe.send(memory.recall(PRESENT[0], namespace=ANA).familiarity)
        memory.reset_calibration(namespace=ANA)
        memory.calibrate(namespace=ANA)
        pipe.send(memory.recall(PRESENT[0], namespace=ANA).familiarity)


def test_processes_see_each_others_calibration(tmp_path: Path) -> None:
    """With the next recall, to the bit, in both directions; and after both have closed."""
    path = tmp_path / "m.db"
    with Memory(path, embedder=TOY) as memory:
        memory.remember_many(NOTES, namespace=ANA)
        child = Child(_calibrates, path)
        before = child.hear()
        assert before == memory.recall(PRESENT[0], namespace=ANA).familiarity
        memory.calibrate([(cue, not there) for cue, there in LABELS], namespace=ANA)
        here = memory.recall(PRESENT[0], namespace=ANA).familiarity
        child.say("go")
        assert child.hear() == here < before
        theirs = child.hear()
        child.join()
        assert memory.recall(PRESENT[0], namespace=ANA).familiarity == theirs != here
    with Memory(path, embedder=TOY) as memory:
        assert memory.recall(PRESENT[0], namespace=ANA).familiarity == theirs


def test_after_reembedding_the_prior_holds_again(memory: Memory) -> None:
    """Log-odds of the old embedder are none of the new; an export carries no calibration either."""
    memory.calibrate(LABELS, alpha=0.5, namespace=ANA)
    memory.reembed(DeterministicEmbedder(dimension=128))
    for cue in (*PRESENT, *ABSENT):
        assert memory.recall(cue, namespace=ANA).familiarity == sigmoid(_odds(memory, cue))
    assert memory.reset_calibration(namespace=ANA).threshold == 0.5


def test_the_async_twins_do_the_same(memory: Memory) -> None:
    """Calibrate, reset and abstain, from coroutines at once."""

    async def run() -> list[object]:
        both = await asyncio.gather(*(memory.acalibrate(LABELS, alpha=0.2, namespace=ANA) for _ in range(2)))
        nothing = await memory.arecall(ABSENT[0], namespace=ANA, abstain=True)
        return [
            both[0] == both[1],
            both[0].present,
            len(nothing),
            (await memory.areset_calibration(namespace=ANA)).present,
        ]

    assert asyncio.run(run()) == [True, 10, 0, 0]


def test_what_a_cue_may_not_see_covers_none_of_its_words() -> None:
    """A neighbour in the session that a filter leaves out; where it may be seen, its words count."""
    with Memory(embedder=TOY) as memory:
        for number, text in enumerate(
            ["We met Carla at the harbour.", "The password is xylophone.", "Then it rained."]
        ):
            memory.remember(text, session="s", metadata={"open": number != 1})
        seen, hidden = (memory.recall("xylophone harbour", where=where).evidence for where in (None, {"open": True}))
        assert seen is not None
        assert hidden is not None
        assert seen.coverage == 1.0
        assert hidden.coverage is not None
        assert 0 < hidden.coverage < 1
