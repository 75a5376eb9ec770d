"""Confidence fitted to one namespace, from cues whose answers are known or made. Knows texts and log-odds, no SQL."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np

from am_agent.confidence import UNKNOWN, Calibration
from am_agent.hopfield.codes import Reals
from am_agent.store.calibrations import LABELLED, OWN, USED, Sample

_MADE = 64
"""Cues of each kind that are made, at the most."""

_SHORTEST = 6
"""Words of a text of which a part can be asked for."""

_LONGEST = 24
"""Words of such a part."""

_EASE = 3.0
"""By how much the log-odds of a part of an episode exceed those of a question about it, as the development sets show:
it has the episode's own words."""

_WORTH = {LABELLED: 1.0, USED: 0.5, OWN: 0.1}
"""What a cue of each origin counts: one that was made says little about those that people will ask."""

_USUAL_ABSENT = (-6.0, -3.0, -0.5)
"""Log-odds of absent cues, low, usual and high, to stand against cues that are only known to be present."""

_SLOPE_SPREAD = 0.5
_SHIFT_SPREAD = 1.5
"""How far, as a rule, the slope and the shift of a namespace are from 1 and 0, as the development sets show."""

_FLATTEST = 0.1
"""The least slope: a namespace in which log-odds tell nothing, or the contrary, would turn them around."""

_STEPS = 30

_SOMEBODY = ("my cousin", "my neighbour", "the landlord")


def foreign_cues(names: Sequence[str]) -> list[str]:
    """Cues that hardly any memory can answer, written for this; with names of its own, the answer is still not there.

    Args:
        names: Of people that the memory knows; others are asked about where it knows none.

    Example:
        >>> foreign_cues(["Ana"])[0]
        'When did Ana finish restoring the old grandfather clock?'
    """
    lines = files("am_agent").joinpath("foreign_cues.txt").read_text(encoding="utf-8").splitlines()
    who = list(names) or _SOMEBODY
    # Where people are known, most cues name one: to share a name is not to be about the same.
    kept = [line for line in lines if "{name}" in line] if names else lines
    return [line.replace("{name}", who[place % len(who)]) for place, line in enumerate(kept[:_MADE])]


def own_cues(texts: Sequence[str]) -> list[str]:
    """Parts of texts, to ask for the texts themselves: of evenly spread ones, the middle half of the words.

    Example:
        >>> own_cues(["Rex", "Ana's dog is called Rex and he is nine."])
        ['is called Rex and']
    """
    found = [text.split() for text in texts]
    long = [words for words in found if len(words) >= _SHORTEST]
    count = min(len(long), _MADE)
    chosen = (long[place * len(long) // count] for place in range(count))
    return [" ".join(words[len(words) // 4 :][: min(len(words) // 2, _LONGEST)]) for words in chosen]


def calibrated(samples: Mapping[str, Sample]) -> Calibration:
    """The correction that fits samples best, each weighed by its origin, and the default where there is none.

    Logistic calibration (Platt 1999) with Gaussian priors on both numbers, present and absent cues of the same mass:
    a few labels correct little. The threshold, where one was asked for, is `conformal_threshold`.

    Args:
        samples: By origin.

    Example:
        >>> calibrated({})
        Calibration(slope=1.0, shift=0.0, threshold=0.0)
    """
    present = [(value, worth) for value, worth in _told(samples, present=True)]
    absent = [(value, worth) for value, worth in _told(samples, present=False)]
    if not present:
        return Calibration()
    mass = sum(worth for _, worth in present)
    if not absent:
        absent = [(value, 1.0) for value in _USUAL_ABSENT]
    whole = sum(worth for _, worth in absent)
    values = np.array([value for value, _ in (*present, *absent)])
    labels = np.array([True] * len(present) + [False] * len(absent))
    masses = np.array([worth for _, worth in present] + [worth * mass / whole for _, worth in absent])
    slope, shift = _fitted(values, labels, masses)
    threshold = math.log(UNKNOWN / (1 - UNKNOWN))
    labelled = samples.get(LABELLED)
    if labelled is not None and labelled.alpha:
        threshold = slope * conformal_threshold(labelled.present, labelled.alpha) + shift
    return Calibration(slope, shift, threshold)


def conformal_threshold(present: Reals, alpha: float) -> float:
    """The log-odds below which a cue may be rejected, so that a present one is rejected with probability alpha at most.

    Split-conformal (Vovk et al. 2005; Papadopoulos et al. 2002): of n calibration cues and the next present one, which
    come in any order alike, the next is among the lowest `floor(alpha (n + 1))` with that share at most. It says
    nothing about absent cues.

    Args:
        present: The log-odds of present cues, float64 [n].
        alpha: In (0, 1).

    Returns:
        Minus infinity where n is below 1/alpha - 1: nothing is rejected.

    Example:
        >>> conformal_threshold(np.array([3.0, 1.0, 2.0]), 0.25), conformal_threshold(np.array([3.0, 1.0]), 0.25)
        (1.0, -inf)
    """
    # The smallest float above: 0.1 * 30 is 3.0000000000000004 in one order of the factors and 3 in the other.
    rank = math.floor(alpha * (len(present) + 1) + 1e-9)
    return float(np.sort(present)[rank - 1]) if rank else -math.inf


def _told(samples: Mapping[str, Sample], *, present: bool) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for origin, sample in samples.items():
        values = sample.present if present else sample.absent
        ease = _EASE if origin == OWN and present else 0.0
        found += [(value - ease, _WORTH[origin]) for value in values.tolist()]
    return found


def _fitted(values: Reals, labels: Reals, masses: Reals) -> tuple[float, float]:
    """The slope and the shift of the greatest posterior, of all slopes that are not too flat."""
    slope, shift = _climbed(values, labels, masses, np.array([1.0, 0.0]), free=slice(0, 2))
    if slope < _FLATTEST:
        slope, shift = _climbed(values, labels, masses, np.array([_FLATTEST, shift]), free=slice(1, 2))
    return float(slope), float(shift)


def _climbed(values: Reals, labels: Reals, masses: Reals, found: Reals, *, free: slice) -> Reals:
    """The same from a first guess, by Newton's method on a concave function of the numbers that are free."""
    design = np.column_stack([values, np.ones(len(values))])
    usual = np.array([1.0, 0.0])
    precision = np.diag([_SLOPE_SPREAD**-2, _SHIFT_SPREAD**-2])
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-np.clip(design @ found, -500, 500)))
        gradient = design.T @ (masses * (labels - likely)) - precision @ (found - usual)
        curvature = (design * (masses * likely * (1 - likely))[:, None]).T @ design + precision
        step = np.linalg.solve(curvature[free, free], gradient[free])
        found = found.copy()
        found[free] += step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))
    return found
