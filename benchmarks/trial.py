"""One trial in a process of its own: a peer that fails or fills the memory takes nobody with it. Knows no table.

python -m benchmarks.trial JOB RESULT    both are files of JSON
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import contenders
from benchmarks.contenders import CONTENDERS, Ready, Setting
from benchmarks.machine import resident, stored
from benchmarks.material import DIMENSION, Clusters, Floats, read_rows, sentence
from benchmarks.rounds import WARM, Act, Pair, by_turns, timed
from benchmarks.stores import CANDIDATE, Item, Place, Store, opened, tidied

SAMPLE = 192
"""The first cues of the file choose settings, and none of them is timed."""

GROUPS = {"one": 1, "sixty_four": 64}

BATCH = 1000
"""Items of a bulk load that are recorded at once."""

K = 5
FAILED = "failed"
"""The only name in what a job found that failed."""

_THREADS = 4
_PHASES = 3
_POOL = 8192

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What one process does.

    Attributes:
        kind: "scan", "store", "load" or "writes".
        peer: Who is measured.
        rows: The file of vectors.
        cues: The file of cues.
        count: How many of the vectors are there.
        groups: What is timed of it: names of GROUPS, or "bulk" and "store".
        rounds: How many rounds, at the most.
        seconds: No round begins after so long.
        threads: How many each library may use.
        folder: Where files lie.
    """

    kind: str
    peer: str
    rows: str
    cues: str
    count: int
    groups: tuple[str, ...] = ()
    rounds: int = 1
    seconds: float = 1.0
    threads: int = 1
    folder: str = ""


def main(arguments: Sequence[str]) -> int:
    """Do a job and write down what came of it, or how it failed: libraries that end in disorder say more on stderr."""
    job, result = map(Path, arguments)
    facts: Mapping[str, Any] = json.loads(job.read_text(encoding="utf-8"))
    try:
        found = run(Job(**facts))
    except Exception as error:
        result.write_text(json.dumps({FAILED: f"{type(error).__name__}: {error}"}), encoding="utf-8")
        raise
    result.write_text(json.dumps(found), encoding="utf-8")
    return 0


def run(job: Job) -> Result:
    """Do a job in this process."""
    return _KINDS[job.kind](job)


def _scan(job: Job) -> Result:
    """The candidate and a peer find the nearest of the same vectors to the same cues."""
    rows = read_rows(Path(job.rows), 0, job.count)
    cues = read_rows(Path(job.cues), 0, SAMPLE + 256)
    setting = Setting(rows, cues[:SAMPLE], job.threads)
    started = time.perf_counter()
    peer = CONTENDERS[job.peer].prepare(setting)
    seconds = time.perf_counter() - started
    # The candidate beside itself is one and the same: that shows what the ratio's noise is.
    candidate = peer if job.peer == contenders.CANDIDATE else CONTENDERS[contenders.CANDIDATE].prepare(setting)
    result: Result = {"how": peer.how, "prepared_s": seconds}
    for group in job.groups:
        sets = _sets(cues[SAMPLE:], GROUPS[group])
        pair = by_turns(_asking(candidate, sets), _asking(peer, sets), rounds=job.rounds, seconds=job.seconds)
        result[group] = _times(pair) | _recalled(peer, rows, sets)
    return result


def _sets(cues: Floats, size: int) -> list[Floats]:
    """Sets of so many cues; where there are too few, they come again."""
    count = max(len(cues) // size, 1)
    return [np.resize(cues, (count * size, cues.shape[1]))[size * each : size * (each + 1)] for each in range(count)]


def _asking(ready: Ready, sets: Sequence[Floats]) -> Act:
    return lambda number: ready.ask(sets[number % len(sets)])


def _recalled(peer: Ready, rows: Floats, sets: Sequence[Floats]) -> Result:
    """What share of the ten nearest the peer finds, if it finds any."""
    asked = np.concatenate(sets[:64])[:64]
    found = [peer.ask(each) for each in (asked[:, None] if sets[0].shape[0] == 1 else [asked])]
    answers = [each for each in found if each is not None]
    if not answers:
        return {}
    return {"recall_at_10": contenders.recall(np.concatenate(answers), contenders.exact(rows, asked))}


def _store(job: Job) -> Result:
    """The candidate and a peer are filled batch by batch, by turns, and then remember one and recall, by turns."""
    folder = Path(job.folder)
    candidate = opened(CANDIDATE, Place(folder / "candidate", DIMENSION, job.threads))
    peer = opened(job.peer, Place(folder / "peer", DIMENSION, job.threads))
    result: Result = {}
    bulk = _filled(candidate, peer, job)
    if "bulk" in job.groups:
        result["bulk"] = _times(bulk) | {"items": [len(each) for each in _batches(job)]}
    if "store" in job.groups:
        tidied(peer)
        result["store"] = _remembered(candidate, peer, job)
    candidate.close()
    peer.close()
    return result


def _timed_load(store: Store, batch: list[Item]) -> float:
    return timed(lambda _: store.load(batch), 0)


def _filled(candidate: Store, peer: Store, job: Job) -> Pair:
    ours: list[float] = []
    theirs: list[float] = []
    for number, batch in enumerate(_batches(job)):
        order = [(candidate, ours), (peer, theirs)]
        for store, times in order if number % 2 == 0 else reversed(order):
            times.append(_timed_load(store, batch))
    return Pair(tuple(ours), tuple(theirs))


def _remembered(candidate: Store, peer: Store, job: Job) -> Result:
    cues = read_rows(Path(job.cues), 0, SAMPLE + 256)[SAMPLE:]
    fresh = list(itertools.islice(_new(job), job.rounds + WARM))
    parts: dict[str, dict[str, list[float]]] = {}
    answers: dict[str, list[list[str]]] = {"candidate": [], "peer": []}

    def doing(name: str, store: Store) -> Act:
        own = parts[name] = {"remember": [], "recall": []}
        told = 0

        def act(number: int) -> None:
            nonlocal told
            item, cue = fresh[told], cues[number % len(cues)]
            told += 1
            own["remember"].append(timed(lambda _: store.remember(item), number))
            started = time.perf_counter()
            found = store.recall(cue, K)
            own["recall"].append(time.perf_counter() - started)
            answers[name].append(found)

        return act

    pair = by_turns(doing("candidate", candidate), doing("peer", peer), rounds=job.rounds, seconds=job.seconds)
    rounds = len(pair.candidate)  # those that warm up came before
    result: Result = {
        part: {name: parts[name][part][-rounds:] for name in ("candidate", "peer")} for part in ("remember", "recall")
    }
    shares = [
        len(set(ours) & set(theirs)) / len(ours)
        for ours, theirs in zip(answers["candidate"], answers["peer"], strict=True)
    ]
    return result | {"both": _times(pair), "recall_at_5": float(np.mean(shares))}


def _load(job: Job) -> Result:
    """A store is filled, alone, and closed; its files stay."""
    store = opened(job.peer, Place(Path(job.folder), DIMENSION, job.threads))
    before = resident()
    seconds = 0.0
    for batch in _batches(job):
        seconds += _timed_load(store, batch)
    tidied(store)
    gc.collect()
    grown = resident() - before
    store.close()
    return {"seconds": seconds, "grown": grown, "stored": stored(Path(job.folder))}


def _writes(job: Job) -> Result:
    """Four threads recall, in turns with and without four that remember."""
    store = opened(job.peer, Place(Path(job.folder), DIMENSION, job.threads))
    cues = read_rows(Path(job.cues), 0, SAMPLE + 256)[SAMPLE:]
    new = _new(job)
    lock = threading.Lock()

    def remember() -> None:
        with lock:  # over the making of the next item alone
            item = next(new)
        store.remember(item)

    def recall(number: int) -> None:
        store.recall(cues[number % len(cues)], K)

    for number in range(8):
        recall(number)
    quiet: list[list[float]] = []
    busy: list[list[float]] = []
    written: list[float] = []
    for _ in range(_PHASES):
        quiet.append(_phase(recall, None, job.seconds)[0])
        times, wrote = _phase(recall, remember, job.seconds)
        busy.append(times)
        written.extend(wrote)
    store.close()
    return {"quiet": quiet, "busy": busy, "written": written, "seconds": _PHASES * job.seconds}


def _phase(recall: Act, remember: Callable[[], None] | None, seconds: float) -> tuple[list[float], list[float]]:
    """The seconds of every recall and of every remembering, by four threads each."""
    recalls: list[float] = []
    writes: list[float] = []
    failures: list[Exception] = []
    end = time.perf_counter() + seconds

    def repeat(act: Act, times: list[float], first: int) -> None:
        number = first
        try:
            while time.perf_counter() < end and not failures:
                times.append(timed(act, number))
                number += _THREADS
        except Exception as error:  # noqa: BLE001  raised again below, in the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=repeat, args=(recall, recalls, each)) for each in range(_THREADS)]
    if remember is not None:
        write = remember
        threads += [threading.Thread(target=repeat, args=(lambda _: write(), writes, each)) for each in range(_THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if failures:
        raise failures[0]
    return recalls, writes


def _batches(job: Job) -> Iterator[list[Item]]:
    for start in range(0, job.count, BATCH):
        rows = read_rows(Path(job.rows), start, min(BATCH, job.count - start))
        yield [Item(number, sentence(number), row) for number, row in enumerate(rows, start)]


def _new(job: Job) -> Iterator[Item]:
    """Items that are not stored yet, without end; they are made up beforehand, and only their numbers never repeat."""
    rows = Clusters.of().rows(job.count, _POOL)
    texts = [sentence(number) for number in range(job.count, job.count + _POOL)]
    return (Item(number, texts[number % _POOL], rows[number % _POOL]) for number in itertools.count(job.count))


def _times(pair: Pair) -> Result:
    return {"candidate": list(pair.candidate), "peer": list(pair.peer)}


_KINDS: Mapping[str, Callable[[Job], Result]] = {"scan": _scan, "store": _store, "load": _load, "writes": _writes}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
