"""What is measured, step by step, and the figures of each step. Knows no options of the command and no table."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import contenders
from benchmarks.contenders import CONTENDERS
from benchmarks.rounds import milliseconds, quantile, ratio
from benchmarks.running import Failed, Runner
from benchmarks.stores import CANDIDATE, WORDED
from benchmarks.trial import GROUPS, Job

SECTIONS = ("scan", "store", "bulk", "cold", "bytes", "writes", "growth")

LARGEST_STORE = 100_000
"""Stores are not filled further: some of the peers would take hours."""

_FEW = 16
"""Items of a store that takes as much memory as an empty one."""

_WARM_STARTS, _STARTS = 1, 5
_CUE = "What did Ana say about the journey?"

Results = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Files of vectors.

    Attributes:
        rows: What is stored.
        cues: What is asked.
        count: How many are stored, at the most.
    """

    rows: Path
    cues: Path
    count: int


@dataclass(frozen=True, slots=True)
class Step:
    """A thing to do.

    Attributes:
        words: What it is, for people.
        act: Does it, and writes down what it found.
    """

    words: str
    act: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured of whom.

    Attributes:
        sections: Names of SECTIONS.
        sizes: How many vectors, ascending.
        scanners: Names of CONTENDERS that are installed, the candidate first.
        stores: Names of STORES that are installed, the candidate first.
        rounds: How many rounds, at the most.
        seconds: Of one measurement, roughly.
    """

    sections: Sequence[str]
    sizes: Sequence[int]
    scanners: Sequence[str]
    stores: Sequence[str]
    rounds: int
    seconds: float


@dataclass(slots=True)
class Measurement:
    """Does what is planned, and has the figures.

    Attributes:
        plan: What is measured.
        runner: Starts the processes.
        made_up: Vectors without end.
        real: Vectors of texts; None where none were given.
        failed: Told of each peer that failed, in words.
        results: What was found, by section, size and system.
    """

    plan: Plan
    runner: Runner
    made_up: Vectors
    real: Vectors | None
    failed: Callable[[str], object]
    results: Results = field(default_factory=dict)
    _own: dict[tuple[str, ...], list[float]] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        """All there is to do, in order."""
        return [*self._scans(), *self._stores()]

    # ------------------------------------------------------------------------------------------------- scan

    def _scans(self) -> Iterator[Step]:
        if "scan" not in self.plan.sections:
            return
        sources = [(self.made_up, size, {name: name for name in GROUPS}) for size in self.plan.sizes]
        if self.real is not None:
            sources.append((self.real, self.real.count, {"one": "real", "sixty_four": "real_sixty_four"}))
        for vectors, size, groups in sources:
            for name in self.plan.scanners:
                if size <= CONTENDERS[name].largest:
                    what = "vectors" if vectors is self.made_up else "real vectors"
                    yield Step(f"scan, {size} {what}: {name}", partial(self._scan, vectors, size, groups, name))

    def _scan(self, vectors: Vectors, size: int, groups: Mapping[str, str], name: str) -> None:
        asked = tuple(GROUPS) if CONTENDERS[name].batches else ("one",)
        job = self._job("scan", name, size, vectors, groups=asked)
        found = self._tried(job, f"scan, {size}: {name}")
        for group in asked:
            place = ("scan", str(size), groups[group])
            if isinstance(found, Failed):
                self._write(place, name, {"error": str(found)})
                continue
            part = found[group]
            facts = {key: part[key] for key in ("recall_at_10",) if key in part}
            facts |= {"how": found["how"], "prepared_s": found["prepared_s"]}
            self._write_pair(place, name, contenders.CANDIDATE, part, facts)

    # ------------------------------------------------------------------------------------------------ stores

    def _stores(self) -> Iterator[Step]:
        wanted = set(self.plan.sections)
        for size in self.plan.sizes:
            if size > LARGEST_STORE:
                continue
            if wanted & {"store", "bulk"}:
                for name in self.plan.stores[1:]:
                    yield Step(f"store, {size} items: {name}", partial(self._store, size, name))
            if wanted & {"bytes", "cold", "writes"}:
                yield from self._kept(size, wanted)

    def _store(self, size: int, name: str) -> None:
        groups = tuple(each for each in ("bulk", "store") if each in self.plan.sections)
        with _folder(self.runner.folder / "pair") as folder:
            job = self._job("store", name, size, self.made_up, groups=groups, folder=folder)
            found = self._tried(job, f"store, {size}: {name}")
        for section in groups:
            place = (section, str(size))
            if isinstance(found, Failed):
                self._write(place, name, {"error": str(found)})
            elif section == "bulk":
                self._write_bulk(place, name, found["bulk"])
            else:
                self._write_store(place, name, found["store"])

    def _write_bulk(self, place: tuple[str, ...], name: str, part: Mapping[str, Any]) -> None:
        for system, times in ((CANDIDATE, part["candidate"]), (name, part["peer"])):
            rates = self._own.setdefault((*place, "rate"), []) if system == CANDIDATE else []
            rates.append(sum(part["items"]) / sum(times))
            compared = {"ratio": 1.0} if system == CANDIDATE else ratio(part["candidate"], part["peer"])
            self._write(place, system, {"per_second": statistics.median(rates)} | compared)

    def _write_store(self, place: tuple[str, ...], name: str, part: Mapping[str, Any]) -> None:
        for act in ("remember", "recall", "both"):
            own = self._own.setdefault((*place, act), [])
            own.extend(part[act]["candidate"])
            entry = milliseconds(part[act]["peer"]) | ratio(part[act]["candidate"], part[act]["peer"])
            self._write(place, CANDIDATE, {act: milliseconds(own) | {"ratio": 1.0}})
            self._write(place, name, {act: entry})
        self._write(place, name, {"recall_at_5": part["recall_at_5"]})

    def _kept(self, size: int, wanted: set[str]) -> Iterator[Step]:
        """Stores that are filled and left as files, for what is done with those."""
        folder = self.runner.folder / "kept"
        for name in self.plan.stores:
            yield Step(f"bytes, {size} items: {name}", partial(self._bytes, size, name, folder))
        if "cold" in wanted:
            yield Step(f"cold, {size} items: a vector", partial(self._cold, size, folder))
            yield Step(f"cold, {size} items: a text", partial(self._cold_text, size, folder))
        if "writes" in wanted:
            for name in self.plan.stores:
                yield Step(f"writes, {size} items: {name}", partial(self._writes, size, name, folder))
        yield Step(f"{size} items: away with the files", partial(shutil.rmtree, folder, ignore_errors=True))

    def _bytes(self, size: int, name: str, folder: Path) -> None:
        try:
            few = self._loaded(name, min(_FEW, size), folder / f"{name}-few")
            full = self._loaded(name, size, folder / name)
            empty, filled = (self._answered(name, folder / each)[1] for each in (f"{name}-few", name))
        except Failed as error:
            self._complain(f"bytes, {size}: {name}", error)
            shutil.rmtree(folder / name, ignore_errors=True)
            if "bytes" in self.plan.sections:
                self._write(("bytes", str(size)), name, {"error": str(error)})
            return
        if "bytes" in self.plan.sections:
            more = max(size - _FEW, 1)
            entry = {
                "memory": (filled["resident"] - empty["resident"]) / more,
                "memory_loading": full["grown"] / size,
                "disk": (full["stored"] - few["stored"]) / more,
            }
            self._write(("bytes", str(size)), name, entry)

    def _loaded(self, name: str, size: int, folder: Path) -> dict[str, Any]:
        return self.runner.trial(self._job("load", name, size, self.made_up, folder=folder))

    def _answered(self, name: str, folder: Path) -> tuple[float, dict[str, Any]]:
        arguments = ["-m", "benchmarks.starting", name, str(folder), str(self.made_up.cues)]
        seconds, line = self.runner.first_line(arguments)
        return seconds, json.loads(line)

    def _cold(self, size: int, folder: Path) -> None:
        there = [name for name in self.plan.stores if (folder / name).is_dir()]
        starts = {name: partial(self._answered, name, folder / name) for name in there}
        self._started(("cold", str(size), "vector"), CANDIDATE, starts)

    def _cold_text(self, size: int, folder: Path) -> None:
        place = ("cold", str(size), "text")
        try:
            self._loaded(WORDED, size, folder / WORDED)
        except Failed as error:
            self._complain(f"cold, {size}: a text", error)
            self._write(place, "am recall", {"error": str(error)})
            return
        commands = {
            "am recall": ["-m", "am_agent", "recall", _CUE, "--db", str(folder / WORDED / "memory.db")],
            "import sentence_transformers": ["-c", "import sentence_transformers; print()"],
            "import torch": ["-c", "import torch; print()"],
            "import numpy": ["-c", "import numpy; print()"],
        }
        starts = {name: partial(self.runner.first_line, command) for name, command in commands.items()}
        self._started(place, "am recall", starts)

    def _started(
        self, place: tuple[str, ...], candidate: str, starts: Mapping[str, Callable[[], tuple[float, Any]]]
    ) -> None:
        """Start each in every round, after those that warm the files up."""
        times: dict[str, list[float]] = {name: [] for name in starts}
        failed: dict[str, Failed] = {}
        for number in range(_WARM_STARTS + _STARTS):
            for name, start in starts.items():
                if name in failed:
                    continue
                try:
                    seconds, _ = start()
                except Failed as error:
                    failed[name] = error
                    self._complain(f"{', '.join(place)}: {name}", error)
                else:
                    times[name] += [seconds] if number >= _WARM_STARTS else []
        for name, own in times.items():
            if name in failed:
                self._write(place, name, {"error": str(failed[name])})
                continue
            compared = ratio(times[candidate], own) if candidate in times and candidate not in failed else {}
            self._write(place, name, {"seconds": statistics.median(own)} | compared)

    def _writes(self, size: int, name: str, folder: Path) -> None:
        if not (folder / name).is_dir():
            return  # it failed when it was filled, and that was said
        job = self._job("writes", name, size, self.made_up, folder=folder / name)
        found = self._tried(job, f"writes, {size}: {name}", everywhere=True)
        place = ("writes", str(size))
        if isinstance(found, Failed):
            self._write(place, name, {"error": str(found)})
            return
        quiet, busy = found["quiet"], found["busy"]
        entry: Results = {
            "quiet": milliseconds([each for phase in quiet for each in phase]),
            "busy": milliseconds([each for phase in busy for each in phase]),
            "remember": milliseconds(found["written"]),
            "remembered_per_second": len(found["written"]) / found["seconds"],
        }
        for share, key in ((0.5, "ratio"), (0.95, "ratio:p95")):
            rounds = zip(quiet, busy, strict=True)
            entry[key] = statistics.median(quantile(after, share) / quantile(before, share) for before, after in rounds)
        self._write(place, name, entry)

    # ----------------------------------------------------------------------------------------------- results

    def _job(
        self,
        kind: str,
        name: str,
        size: int,
        vectors: Vectors,
        *,
        groups: tuple[str, ...] = (),
        folder: Path | None = None,
    ) -> Job:
        return Job(
            kind=kind,
            peer=name,
            rows=str(vectors.rows),
            cues=str(vectors.cues),
            count=size,
            groups=groups,
            rounds=self.plan.rounds,
            seconds=self.plan.seconds,
            threads=self.runner.threads,
            folder="" if folder is None else str(folder),
        )

    def _tried(self, job: Job, words: str, *, everywhere: bool = False) -> dict[str, Any] | Failed:
        try:
            return self.runner.trial(job, everywhere=everywhere)
        except Failed as error:
            self._complain(words, error)
            return error

    def _complain(self, words: str, error: Failed) -> None:
        self.failed(f"{words} failed: {error}")

    def _write_pair(
        self, place: tuple[str, ...], name: str, candidate: str, part: Mapping[str, Any], facts: Results
    ) -> None:
        """The figures of a peer, and the candidate's over all that it was measured beside."""
        own = self._own.setdefault(place, [])
        own.extend(part["candidate"])
        entry = {"rounds": len(part["peer"])} | ratio(part["candidate"], part["peer"]) | facts
        if name != candidate:
            self._write(place, candidate, milliseconds(own))
            self._write(place, name, milliseconds(part["peer"]) | entry)
        else:
            self._write(place, candidate, milliseconds(own) | entry)

    def _write(self, place: tuple[str, ...], name: str, entry: Results) -> None:
        node = self.results
        for each in (*place, name):
            node = node.setdefault(each, {})
        node.update(entry)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """A folder that goes when it is done with, whatever happens."""
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
