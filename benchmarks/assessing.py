"""What the memory's confidence and the known scores are worth on a set. Reads nothing and shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from am_agent import Embedder
from benchmarks.confident import VERDICTS, Judgement, Method, Prior
from benchmarks.cues import Cues
from benchmarks.discrimination import auroc, calibration_error, fpr95
from benchmarks.novelty import SCORES, novelty
from benchmarks.progress import Step

MEMORY = "am_agent"

SYSTEMS = ("baselines", MEMORY)
"""What runs on each haystack, in this order."""

MEASURES = ("auroc", "fpr95", "ece", "reliability_auroc", "auroc_own_unanswerable")
"""What every system has a number for, or None where there is nothing to measure."""

Found = dict[str, float | None]
"""What was measured of one system."""

_KINDS = ("present", "absent", "own")

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def assessed(
    cues: Sequence[Cues], embedder: Embedder, method: Method, prior: Prior | None, step: Step
) -> dict[str, Found]:
    """Score every cue of a set by every system, and pool the scores over its haystacks.

    Args:
        cues: The set's haystacks with what they are asked.
        embedder: The memory's; the baselines read the same vectors.
        method: How the memory is asked.
        prior: The memory's; None for the one that it comes with.
        step: Called with the haystack and the system that come next.

    Returns:
        By system, the memory first, the MEASURES. Of the memory also the shares of its verdicts on present and on
        absent cues, such as `unknown_absent`, and how many cues of each kind there were.
    """
    scores: dict[str, list[Floats]] = {name: [] for name in SCORES}
    judgements: list[Judgement] = []
    for each in cues:
        asked = (*each.haystack.queries, *each.absent, *each.own)
        step(each.haystack, SYSTEMS[0])
        for name, found in novelty(each.haystack, [query.text for query in asked], embedder).items():
            scores[name].append(found)
        step(each.haystack, SYSTEMS[1])
        with method.opened(each.haystack, embedder, prior) as memory:
            judgements += [method.asked(memory, query) for query in asked]
    pool = _Pool(cues, judgements)
    familiarity = pool.of(lambda each: each.familiarity)
    memory_row = pool.measures(familiarity, pool.of(lambda each: each.reliability))
    memory_row["ece"] = calibration_error(familiarity[pool.present], familiarity[pool.absent])
    baselines = {name: np.concatenate(found) for name, found in scores.items()}
    return {MEMORY: memory_row | pool.verdicts()} | {
        name: pool.measures(found, found) for name, found in baselines.items()
    }


class _Pool:
    """All cues of a set, of every haystack in turn: its present ones, its absent ones, its own unanswerable ones."""

    def __init__(self, cues: Sequence[Cues], judgements: Sequence[Judgement]) -> None:
        self._judgements = judgements
        counts = [(len(each.haystack.queries), len(each.absent), len(each.own)) for each in cues]
        kinds = np.concatenate([np.repeat(_KINDS, count) for count in counts])
        self.present, self.absent, self.own = (kinds == kind for kind in _KINDS)
        queries = chain.from_iterable((*each.haystack.queries, *each.absent, *each.own) for each in cues)
        judged = [
            (bool(query.gold), any(found in query.gold for found in judgement.ids))
            for query, judgement in zip(queries, judgements, strict=True)
        ]
        gold, found = np.array(judged, dtype=np.bool_).T
        self._hit, self._missed = self.present & gold & found, self.present & gold & ~found

    def of(self, read: Callable[[Judgement], float]) -> Floats:
        return np.array([read(each) for each in self._judgements], dtype=np.float64)

    def measures(self, familiarity: Floats, reliability: Floats) -> Found:
        """All but the calibration error, which only a probability has."""
        present = familiarity[self.present]
        return {
            "auroc": auroc(present, familiarity[self.absent]),
            "fpr95": fpr95(present, familiarity[self.absent]),
            "ece": None,
            "reliability_auroc": auroc(reliability[self._hit], reliability[self._missed]),
            "auroc_own_unanswerable": auroc(present, familiarity[self.own]),
        }

    def verdicts(self) -> Found:
        """The shares of each verdict, and the numbers of cues."""
        verdicts = np.array([each.verdict for each in self._judgements])
        kinds: dict[str, Flags] = {"present": self.present, "absent": self.absent}
        shares: Found = {
            f"{verdict}_{kind}": float((verdicts[cues] == verdict).mean())
            for kind, cues in kinds.items()
            for verdict in VERDICTS
        }
        counts = {"present": self.present, "absent": self.absent, "own_unanswerable": self.own}
        return shares | {kind: int(cues.sum()) for kind, cues in counts.items()}
