"""The memory asked for its judgement: what reaches it, and what is read from its answer."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from am_agent.confidence import SHIPPED, Prior, log_odds, logit, sigmoid
from am_agent.embedders import DeterministicEmbedder
from benchmarks.beir import Document, Haystack, Query
from benchmarks.confident import DEPTHS, Judgement, Sample, asked, features, fit, opened

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_cue_is_asked_at_its_time_and_the_answer_is_read() -> None:
    """Ten are wanted; the ids keep their order."""
    seen: list[object] = []

    class Recall(list[SimpleNamespace]):
        familiarity, reliability, verdict = 0.75, 0.5, "known"

    def recall(cue: str, k: int, now: datetime) -> Recall:
        seen.append((cue, k, now))
        return Recall([SimpleNamespace(id="b"), SimpleNamespace(id="a")])

    judgement = asked(SimpleNamespace(recall=recall), Query("q", "Who?", NOON, {}))
    assert judgement == Judgement(0.75, 0.5, "known", ("b", "a"))
    assert seen == [("Who?", 10, NOON)]


def test_a_memory_is_opened_with_the_documents_in_it(toy: DeterministicEmbedder) -> None:
    """With their ids; it is closed afterwards."""
    haystack = Haystack("set/one", (Document("d", "Rex barks."), Document("e", "Tom purrs.")), ())
    with opened(haystack, toy, None) as memory:
        assert [found.id for found in memory.recall("Rex barks", k=10)] == ["d", "e"]
    with pytest.raises(Exception, match="closed"):
        memory.count()


STACK = Haystack(
    "set/one", tuple(Document(tree, f"The {tree} has leaves.") for tree in ("ash", "elm", "oak", "fir")), ()
)


def test_what_a_prior_is_fitted_on_is_what_it_is_applied_to(toy: DeterministicEmbedder) -> None:
    """The evidence of the recall, and under a prior that is given the familiarity follows from it."""
    prior = Prior((1.0, 2.0, 3.0, 4.0), SHIPPED.content, SHIPPED.words, (0.5, 0.25, 0.125))
    with opened(STACK, toy, prior) as memory:
        (nearness, coherence, coverage, *masses), ids = features(memory, Query("q", "the elm", NOON, {}))
        assert sorted(ids) == ["ash", "elm", "fir", "oak"]
        shown = memory.recall("the elm", k=10, now=NOON).evidence
        assert shown is not None
        assert (nearness, coherence, coverage) == (shown.nearness, shown.coherence, shown.coverage)
        assert masses == [logit(sum(shown.shares[:depth])) for depth in DEPTHS]
        assert masses == sorted(masses)
        judgement = asked(memory, Query("q", "the elm", NOON, {}))
        assert judgement.familiarity == sigmoid(log_odds(shown, prior))
        assert judgement.familiarity == pytest.approx(sigmoid(1 + 2 * nearness + 3 * coherence + 4 * coverage))
        assert judgement.reliability == pytest.approx(sigmoid(0.5 + 0.25 * logit(shown.mass) + 0.125 * np.log(4)))
        silent, _ = features(memory, Query("q", "what was it?", NOON, {}))
        assert np.isnan(silent[:3]).all()


def test_each_regression_is_fitted_on_the_cues_that_have_what_it_needs() -> None:
    """What is no number is left out, and where one kind is missing the shipped regression stays."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((80, 3 + len(DEPTHS)))
    present = rows[:, 0] + rng.logistic(size=80) > 0
    rows[::4, 2] = np.nan
    none, all_, far = np.zeros(80), np.full(80, 1 / 80), np.full(80, np.inf)
    prior = fit(Sample(rows, present, all_, none > 0, far, none))
    assert prior.hit == SHIPPED.hit
    assert prior.content[1] > abs(prior.content[2])
    kept = np.isfinite(rows[:, 2])
    some = fit(Sample(rows[kept], present[kept], np.full(60, 1 / 60), none[kept] > 0, far[kept], none[kept]))
    assert some.whole == pytest.approx(prior.whole, rel=1e-9)
    assert some.words == pytest.approx(prior.words, rel=1e-9)
    assert some.content != pytest.approx(prior.content, rel=1e-3)
    rows[:, 3:] = np.sort(rows[:, 3:], axis=1)
    place = np.where(rows[:, 3] > 0, 1.0, np.where(rows[:, -1] > 0, 10.0, np.inf))
    judged = fit(Sample(rows, all_ > 0, all_, all_ > 0, place, all_))
    assert (judged.whole, judged.content, judged.words) == (SHIPPED.whole, SHIPPED.content, SHIPPED.words)
    assert judged.hit[1] > 1
