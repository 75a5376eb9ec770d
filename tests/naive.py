"""A recall worked out episode by episode, in plain loops and float64: what the fast one is held against."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from am_agent import DeterministicEmbedder, Episode
from am_agent.draft import unit_vectors
from am_agent.lexical.entities import entities
from am_agent.lexical.terms import keywords, terms
from am_agent.times import times_in, years_in

WEIGHTS = {"content": 1.0, "words": 0.7, "actor": 3.0, "time": 3.0, "links": 1.2}
WEEK = 7 * 86_400.0


@dataclass
class Asked:
    """A cue whose words need no correction, and what else it has."""

    text: str | None = None
    actor: str | None = None
    period: tuple[datetime, datetime] | None = None
    near: str | None = None
    fields: Sequence[str] = tuple(WEIGHTS)


@dataclass
class Naive:
    """What a cue finds among episodes given in the order of recording.

    Attributes:
        episodes: Of all the namespaces asked, alive.
        eligible: The ids of those that may be seen.
        scores: By id, of those that may be seen.
        beta: Inverse temperature.
    """

    episodes: Sequence[Episode]
    eligible: frozenset[str]
    asked: Asked
    now: datetime
    embedder: DeterministicEmbedder
    scores: dict[str, float] = field(init=False)
    steps: list[float] = field(init=False)
    entities: float = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {
            each.id: unit_vectors(self.embedder.documents([each.text])[0]).astype(np.float64) for each in self.episodes
        }
        self.coded = {id_: _coded(rows) for id_, rows in self.rows.items()}
        self.stack = np.concatenate([self.coded[each.id] for each in self.episodes])
        count, dimension = self.stack.shape
        ridge = 3 * count / dimension + 3
        self.metric = np.linalg.inv(self.stack.T @ self.stack + ridge * np.eye(dimension)) * ridge
        self.steps, self.entities = self._gates()
        self.scores = self._all()
        self.beta = math.sqrt(2 * math.log(len(self.eligible) + 1))

    @property
    def energy(self) -> float:
        """Of the eligible ones."""
        top = max(self.scores.values())
        return -top - math.log(sum(math.exp(self.beta * (s - top)) for s in self.scores.values())) / self.beta

    def weight(self, id_: str) -> float:
        """The share of one in the softmax."""
        return math.exp(self.beta * (self.scores[id_] + self.energy))

    # ------------------------------------------------------------------------------------------------ the first stage

    def _all(self) -> dict[str, float]:
        asked, fields = self.asked, self.asked.fields
        columns: dict[str, Mapping[str, float]] = {}
        if "words" in fields and asked.text is not None and terms(asked.text):
            columns["words"] = self._words(asked.text)
        if "actor" in fields:
            columns["actor"] = {each.id: self._actor(each) for each in self.episodes}
        periods = self._periods()
        if "time" in fields and periods:
            columns["time"] = {each.id: max(self._time(each, *period) for period in periods) for each in self.episodes}
        if "links" in fields and asked.near is not None:
            columns["links"] = self._beside(asked.near)
        columns = {
            name: column
            for name, column in columns.items()
            if len({column[id_] for id_ in self.eligible}) > 1  # one value for all says nothing
        }
        query = np.zeros(self.stack.shape[1])
        dense = "content" in fields and asked.text is not None
        if dense:
            query = self._query(asked.text or "")
        norm = math.hypot(
            *(WEIGHTS[name] for name in ("content", "words") if name in columns or name == "content" * dense)
        )
        worth = {name: weight / (norm or 1.0) for name, weight in WEIGHTS.items()}
        scores, sure = {}, {}
        for each in self.episodes:
            products = self.rows[each.id] @ query
            content = 0.4 * products.max() + 0.6 * products[0] if len(products) > 1 else products[0]
            others = sum(worth[name] * column[each.id] for name, column in columns.items())
            scores[each.id] = worth["content"] * content + others
            sure[each.id] = sum(worth[name] * column[each.id] for name, column in columns.items() if name != "words")
        mean = worth["content"] * (self.stack @ query).mean()
        if "words" in columns:
            mean += worth["words"] * sum(columns["words"].values()) / len(self.episodes)
        scores = {id_: score for id_, score in scores.items() if id_ in self.eligible}
        return self._linked(scores, sure, mean, worth["links"]) if "links" in fields else scores

    def _deviation(self, query: np.ndarray) -> float:
        """The standard deviation of a query's products, shrunk towards 0.1 of its length by 20 pseudo-patterns."""
        products = self.stack @ query
        count = len(products)
        return math.sqrt((count * products.var() + 20 * 0.01 * (query @ query)) / (count + 20))

    def _query(self, text: str) -> np.ndarray:
        readings = list(dict.fromkeys(filter(None, (text, keywords(text)))))
        vectors = [unit_vectors(self.embedder.queries([reading])[0])[0] for reading in readings]
        cue = unit_vectors(np.mean(vectors, axis=0))[0].astype(np.float64)
        projected = self.metric @ cue
        query = projected / self._deviation(projected) + 0.5 * cue / self._deviation(cue)
        return query / self._deviation(query)

    def _words(self, text: str) -> dict[str, float]:
        counted = {}
        for each in self.episodes:
            counts: Counter[str] = Counter()
            for place, term in enumerate(terms(each.text)):
                counts[term] += _fading(place)  # type: ignore[assignment]
            counted[each.id] = counts
        count = len(counted)
        mean = sum(sum(counts.values()) for counts in counted.values()) / count
        scores = dict.fromkeys(counted, 0.0)
        for term, weight in Counter(terms(text)).items():
            holding = [id_ for id_, counts in counted.items() if term in counts]
            idf = math.log(1 + (count - len(holding) + 0.5) / (len(holding) + 0.5))
            for id_ in holding:
                often = float(np.float32(counted[id_][term]))  # as it is kept
                length = sum(counted[id_].values())
                scores[id_] += weight * idf * often / (often + 0.6 * (1 - 0.75 + 0.75 * length / mean))
        deviation = math.sqrt((count * np.var(list(scores.values())) + 20 * 0.25) / (count + 20))
        return {id_: score / deviation for id_, score in scores.items()}

    def _actor(self, each: Episode) -> float:
        if each.actor is None:
            return 0.0
        if each.actor == self.asked.actor:
            return 1.0
        if self.asked.text is None:
            return 0.0
        said = " ".join(re.findall(r"\w+", self.asked.text.casefold()))
        whole = each.actor.casefold()
        named = {whole, *whole.split()} - {"user", "assistant"}
        if any(f" {name} " in f" {said} " for name in named):
            return 1.0
        spoken = {"user": {"i", "me", "my"}, "assistant": {"you", "your"}}.get(whole, set())
        return 0.8 if spoken & set(said.split()) else 0.0

    def _periods(self) -> list[tuple[datetime, datetime, bool]]:
        given = [] if self.asked.period is None else [(*self.asked.period, True)]
        named = [] if self.asked.text is None else times_in(self.asked.text, self.now).periods
        return given + [(each.start, each.end, each.relative) for each in named]

    def _time(self, each: Episode, start: datetime, end: datetime, relative: bool) -> float:
        assert each.occurred_at is not None
        if not relative:
            last = end.year - 1 if (end.month, end.day) == (1, 1) else end.year
            if any(a <= last and b >= start.year for a, b in years_in(each.text)):
                return 1.0
        away = max((start - each.occurred_at).total_seconds(), (each.occurred_at - end).total_seconds(), 0.0)
        return math.exp(-away / WEEK)

    def _chain(self, each: Episode, among: Sequence[Episode]) -> list[str]:
        """The ids of a session, in its order; those of a namespace only."""
        if each.session is None:
            return [each.id]
        mine = [o for o in among if (o.session, o.namespace) == (each.session, each.namespace)]
        return [other.id for other in sorted(mine, key=lambda other: other.occurred_at)]  # type: ignore[arg-type,return-value]

    def _beside(self, near: str) -> dict[str, float]:
        found = dict.fromkeys(self.rows, 0.0)
        centre = next(each for each in self.episodes if each.id == near)
        chain = self._chain(centre, self.episodes)
        at = chain.index(near)
        for distance, given in enumerate((2.0, 1.2, 0.8), start=1):
            for other in (at - distance, at + distance):
                if 0 <= other < len(chain):
                    found[chain[other]] = given
        return found | dict.fromkeys(self._bound(centre, self.episodes), 2.0)

    # ----------------------------------------------------------------------------------------------- the second stage

    def _linked(self, scores: dict[str, float], sure: dict[str, float], mean: float, worth: float) -> dict[str, float]:
        seen = [each for each in self.episodes if each.id in self.eligible]
        activation = {id_: score - sure[id_] - mean for id_, score in scores.items()}
        seeds = sorted(seen, key=lambda each: -round(scores[each.id], 12))[:200]
        seeds = [each for each in seeds if activation[each.id] > 2.0]
        along_sessions = [link for seed in seeds for link in self._from_session(seed, seen)]
        along_bonds = [(seed.id, other, 0.4) for seed in seeds for other in self._bound(seed, seen)]
        along_entities = [link for seed in seeds[:3] for link in self._from_entities(seed, seen)]
        added = dict.fromkeys(scores, 0.0)
        for links, bound in ((along_sessions, 0.9), (along_bonds, 0.9), (along_entities, 0.7)):
            for target in {target for _, target, strength in links if strength > 0}:
                sources = [(source, strength) for source, to, strength in links if to == target and strength > 0]
                flow = worth * sum(strength * (activation[source] - 2.0) for source, strength in sources)
                ceiling = bound * max(activation[source] for source, _ in sources) - activation[target]
                added[target] = max(added[target], min(flow, ceiling))
        return {id_: score + added[id_] for id_, score in scores.items()}

    def _from_session(self, seed: Episode, seen: Sequence[Episode]) -> list[tuple[str, str, float]]:
        """From a seed to the two before and after it: who, to whom, how strongly."""
        chain = self._chain(seed, seen)
        at = chain.index(seed.id)
        return [
            (seed.id, chain[other], share * self.steps[distance - 1])
            for distance, share in ((1, 0.4), (2, 0.3))
            for other in (at - distance, at + distance)
            if 0 <= other < len(chain)
        ]

    def _bound(self, one: Episode, among: Sequence[Episode]) -> list[str]:
        """The ids of what one answers or was made from, and of what answers it or was made from it."""
        return [
            other.id
            for other in among
            if other.namespace == one.namespace
            if other.id in (one.reply_to, *one.derived_from) or one.id in (other.reply_to, *other.derived_from)
        ]

    def _from_entities(self, seed: Episode, seen: Sequence[Episode]) -> list[tuple[str, str, float]]:
        """From a seed to what names the same, unless the cue names it, too."""
        asked = set(re.findall(r"\w+", (self.asked.text or "").casefold()))
        linking = []
        for name in _naming(seed):
            others = [other for other in seen if other.namespace == seed.namespace and name in _naming(other)]
            if 1 < len(others) <= 20 and not asked.issuperset(re.findall(r"\w+", name)):
                linking.append((name, others))
        fan = max(1.0, len(linking) / 3)
        return [
            (seed.id, other.id, 0.8 * self.entities * _naming(other)[name] / (fan * math.sqrt(len(others) - 1)))
            for name, others in linking
            for other in others
            if other.id != seed.id
        ]

    def _gates(self) -> tuple[list[float], float]:
        """What links are worth: how much closer than chance linked episodes lie, in standard deviations."""
        chance: list[float] = []
        linked: dict[str | int, list[float]] = {1: [], 2: [], 3: [], "entity": []}
        for namespace in {each.namespace for each in self.episodes}:
            here = [each for each in self.episodes if each.namespace == namespace]
            size = min(len(here), 128)
            sample = [here[number * len(here) // size] for number in range(size)]
            if size < 2:
                continue
            chance += [self._close(a.id, b.id) for a in sample for b in sample if a is not b]
            for each in sample:
                chain = self._chain(each, here)
                for distance in (1, 2, 3):
                    if chain.index(each.id) + distance < len(chain):
                        other = chain[chain.index(each.id) + distance]
                        linked[distance].append(self._close(each.id, other))
                shared = []
                for name in sorted(_naming(each)):
                    holding = [other.id for other in here if name in _naming(other)]
                    if 1 < len(holding) <= 20:
                        shared.append((len(holding), name, holding))
                if shared:
                    _, _, holding = min(shared)
                    other = holding[(holding.index(each.id) + 1) % len(holding)]
                    linked["entity"].append(self._close(each.id, other))
        near, second, named = (_above(chance, linked[kind], 1.5) for kind in (1, 2, "entity"))
        far = _above(chance, linked[3], 0.5)
        local = _ramp((near - far) / near, 0.2, 0.5) if near > 0 else 0.0
        return [local * _ramp(near, 1.0, 2.0), local * _ramp(second, 1.0, 2.0)], _ramp(named, 1.5, 3.0)

    def _close(self, one: str, other: str) -> float:
        return float(self.coded[one][0] @ self.metric @ self.coded[other][0])


def _coded(rows: np.ndarray) -> np.ndarray:
    """Vectors as their codes of eight bits have them: what the moments of the set are those of."""
    single = rows.astype(np.float32)
    steps = np.abs(single).max(axis=1, keepdims=True) / np.float32(127)
    return np.rint(single / steps).astype(np.float64) * steps.astype(np.float64)


def _fading(place: int) -> float:
    """What an occurrence counts by its place, as it is kept: a multiple of 2^-24."""
    return round(35 / (35 + place) * 2**24) / 2**24


def _naming(each: Episode) -> dict[str, float]:
    """The entities of a text and how often it names them, the opening's twice, later ones of many a little less."""
    found = entities(each.text)
    named = [name for name, start in found.items() if start < 60] + list(found)
    counts = dict.fromkeys(found, 0.0)
    for place, name in enumerate(named):
        counts[name] += _fading(place)
    return {name: float(np.float32(count)) for name, count in counts.items()}


def _above(chance: Sequence[float], linked: Sequence[float], prior: float) -> float:
    deviation = float(np.std(chance)) if chance else 0.0
    if not linked or deviation < 1e-9:
        return prior
    z = (float(np.mean(linked)) - float(np.mean(chance))) / deviation
    return (z * len(linked) + prior * 10) / (len(linked) + 10)


def _ramp(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
