"""Whoever finds the ten nearest of vectors in memory, and the bare reading of their bytes. Knows how each is asked.

The memory's own way of scanning is here in one place, `_am_agent`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.batch import scans
from am_agent.hopfield.energy import critical_beta
from am_agent.hopfield.metric import spread
from am_agent.hopfield.partition import partition
from am_agent.hopfield.patterns import PatternSet
from am_agent.hopfield.roster import Roster
from am_agent.hopfield.scan import Matches
from am_agent.hopfield.scope import Scope, best
from benchmarks.material import Floats

Integers = npt.NDArray[np.int64]

K = 10
CANDIDATE = "am_agent"

_BETA = 20.0
_GOOD = 0.99
"""The recall that an approximate index is set to."""

_WIDEST = 1280
"""The widest search that is tried for it."""

_GATHERED = 1 / 16
"""Fewer rows than this share are gathered before they are summed; of more, the whole product is faster."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is prepared for.

    Attributes:
        rows: What is searched, unit rows, float32 [n, d].
        sample: Cues to choose settings by, none of which is timed, float32 [m, d].
        threads: How many each may use.
    """

    rows: Floats
    sample: Floats
    threads: int


@dataclass(frozen=True, slots=True)
class Ready:
    """One that can be asked.

    Attributes:
        ask: From cues [m, d] to the rows found for each, int64 [m, 10]; None from one that finds nothing.
        how: What was chosen while it was prepared, for people.
    """

    ask: Callable[[Floats], Integers | None]
    how: str = ""


@dataclass(frozen=True, slots=True)
class Contender:
    """How one is prepared.

    Attributes:
        prepare: Makes it ready.
        needs: The modules that must be installed.
        largest: It is not prepared for more rows than these: its index would take hours to build.
        batches: Whether it takes several cues at once.
    """

    prepare: Callable[[Setting], Ready]
    needs: tuple[str, ...] = ()
    largest: int = 100_000_000
    batches: bool = True


def exact(rows: Floats, cues: Floats) -> Integers:
    """The ten nearest of each cue, in no order, int64 [m, 10]."""
    return _top(cues @ rows.T)


def recall(found: Integers, truth: Integers) -> float:
    """The share of the ten nearest that were found, over all cues.

    Example:
        >>> recall(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [3, 5]]))
        0.75
    """
    shares = [
        len(set(ours) & set(theirs)) / len(theirs) for ours, theirs in zip(found.tolist(), truth.tolist(), strict=True)
    ]
    return float(np.mean(shares))


def _am_agent(setting: Setting) -> Ready:
    """The memory's scan with its softmax: the ten best, exactly, and the logarithm of Z over all, at its own beta."""
    roster, patterns = Roster(), PatternSet(setting.rows.shape[1])
    for start in range(0, len(setting.rows), 65_536):
        block = setting.rows[start : start + 65_536]
        roster.append(range(start, start + len(block)))
        patterns.append(block, np.ones(len(block), dtype=np.int64))
    scope = Scope.of([(roster.view(), patterns.view())])
    beta = critical_beta(len(setting.rows), spread(patterns.moments))

    def read(matches: Matches) -> Integers:
        partition(scope, matches, beta)
        return best(scope, matches.scores, matches.candidates, K)

    def ask(cues: Floats) -> Integers:
        return np.stack([read(each) for each in scans(scope, list(cues[:, None].astype(np.float64)), K)])

    return Ready(ask, f"top 10 and log Z of all, certified, beta {beta:.0f}")


def _numpy_topk(setting: Setting) -> Ready:
    rows = setting.rows
    return Ready(lambda cues: _top(_scores(rows, cues)), "product, argpartition")


def _numpy_softmax(setting: Setting) -> Ready:
    rows = setting.rows

    def ask(cues: Floats) -> Integers:
        scores = _scores(rows, cues)
        found = _top(scores)
        logits = np.float32(_BETA) * (scores - scores.max(axis=1, keepdims=True))
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return found

    return Ready(ask, "product, argpartition, the weights of all")


def _torch_topk(setting: Setting) -> Ready:
    import torch

    torch.set_num_threads(setting.threads)
    rows = torch.from_numpy(setting.rows)

    def ask(cues: Floats) -> Integers:
        scores = rows @ torch.from_numpy(cues[0]) if len(cues) == 1 else torch.from_numpy(cues) @ rows.T
        found: Integers = scores.reshape(len(cues), -1).topk(K).indices.numpy()
        return found

    return Ready(ask, "product, topk")


def _torch_softmax(setting: Setting) -> Ready:
    import torch

    torch.set_num_threads(setting.threads)
    rows = torch.from_numpy(setting.rows)

    def ask(cues: Floats) -> Integers:
        scores = rows @ torch.from_numpy(cues[0]) if len(cues) == 1 else torch.from_numpy(cues) @ rows.T
        scores = scores.reshape(len(cues), -1)
        torch.softmax(_BETA * scores, dim=1)
        found: Integers = scores.topk(K).indices.numpy()
        return found

    return Ready(ask, "product, topk, the weights of all")


def _torch_values(beta: float) -> Callable[[Setting], Ready]:
    """Softmax retrieval with its value, the sum of all rows by their weights: one step of a Hopfield network."""

    def prepare(setting: Setting) -> Ready:
        import torch

        torch.set_num_threads(setting.threads)
        rows = torch.from_numpy(setting.rows)

        def ask(cues: Floats) -> Integers:
            scores = rows @ torch.from_numpy(cues[0]) if len(cues) == 1 else torch.from_numpy(cues) @ rows.T
            scores = scores.reshape(len(cues), -1)
            weights = torch.softmax(beta * scores, dim=1)
            heavy = torch.nonzero(weights[0] > 1e-9 * weights[0].sum())[:, 0] if len(cues) == 1 else None
            if heavy is not None and len(heavy) < _GATHERED * len(rows):
                weights[:, heavy] @ rows[heavy]
            else:
                weights @ rows
            found: Integers = scores.topk(K).indices.numpy()
            return found

        return Ready(ask, f"beta {beta:g}; product, topk, the weights of all, the sum of all that weigh over 1e-9")

    return prepare


def _torch_attention(setting: Setting) -> Ready:
    import torch

    torch.set_num_threads(setting.threads)
    rows = torch.from_numpy(setting.rows)[None, None]

    def ask(cues: Floats) -> None:
        attend = torch.nn.functional.scaled_dot_product_attention
        attend(torch.from_numpy(cues)[None, None], rows, rows, scale=_BETA)

    return Ready(ask, "scaled_dot_product_attention, patterns as keys and values; the value alone, no top 10")


def _faiss_flat(setting: Setting) -> Ready:
    import faiss

    faiss.omp_set_num_threads(setting.threads)
    index = faiss.IndexFlatIP(setting.rows.shape[1])
    index.add(setting.rows)
    return Ready(lambda cues: _found(index.search(cues, K)[1]), "IndexFlatIP")


def _faiss_sq8(setting: Setting) -> Ready:
    import faiss

    faiss.omp_set_num_threads(setting.threads)
    index = faiss.IndexScalarQuantizer(setting.rows.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(setting.rows[:100_000])
    index.add(setting.rows)
    return Ready(lambda cues: _found(index.search(cues, K)[1]), "IndexScalarQuantizer, QT_8bit, not rescored")


def _faiss_hnsw(setting: Setting) -> Ready:
    import faiss

    faiss.omp_set_num_threads(setting.threads)
    index = faiss.IndexHNSWFlat(setting.rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 80
    index.add(setting.rows)

    def ask(cues: Floats) -> Integers:
        return _found(index.search(cues, K)[1])

    def widen(width: int) -> None:
        index.hnsw.efSearch = width

    width, reached = _wide_enough(setting, ask, widen)
    return Ready(ask, f"IndexHNSWFlat, M 16, efConstruction 80, efSearch {width} (recall {reached:.3f} of a sample)")


def _hnswlib(setting: Setting) -> Ready:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=setting.rows.shape[1])
    index.init_index(max_elements=len(setting.rows), M=16, ef_construction=200, random_seed=0)
    index.set_num_threads(setting.threads)
    index.add_items(setting.rows, num_threads=setting.threads)

    def ask(cues: Floats) -> Integers:
        return _found(index.knn_query(cues, k=K, num_threads=setting.threads)[0])

    width, reached = _wide_enough(setting, ask, index.set_ef)
    return Ready(ask, f"M 16, ef_construction 200, ef {width} (recall {reached:.3f} of a sample)")


def _sqlite_vec(setting: Setting) -> Ready:
    from benchmarks.extensions import connect_with_vec

    connection = connect_with_vec(":memory:")
    dimension = setting.rows.shape[1]
    connection.execute(f"CREATE VIRTUAL TABLE patterns USING vec0(vector float[{dimension}] distance_metric=cosine)")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO patterns (rowid, vector) VALUES (?, ?)",
        ((number, row.tobytes()) for number, row in enumerate(setting.rows)),
    )
    connection.execute("COMMIT")

    def one(cue: Floats) -> list[int]:
        query = "SELECT rowid FROM patterns WHERE vector MATCH ? AND k = ?"
        return [number for (number,) in connection.execute(query, (cue.tobytes(), K))]

    return Ready(lambda cues: np.array([one(cue) for cue in cues], dtype=np.int64), "vec0, float32, cosine, in memory")


def _read_float32(setting: Setting) -> Ready:
    return _reading(setting.rows.reshape(-1))


def _read_int8(setting: Setting) -> Ready:
    codes = np.empty(setting.rows.shape, dtype=np.int8)
    for start in range(0, len(codes), 65_536):
        codes[start : start + 65_536] = np.rint(127 * setting.rows[start : start + 65_536])
    return _reading(codes.reshape(-1))


def _reading(numbers: npt.NDArray[np.generic]) -> Ready:
    """Every byte is read once, by whatever reads these the fastest: the limit of all that must read them."""
    import torch

    whole = numbers[: numbers.nbytes // 8 * 8 // numbers.itemsize]
    halves, words = whole.view(np.int32), whole.view(np.int64)
    tensor = torch.from_numpy(words)
    passes: Mapping[str, Callable[[], object]] = {
        "the maximum as int32, numpy": lambda: np.maximum.reduce(halves),
        "the sum as int64, numpy": lambda: np.add.reduce(words),
        "the sum as int64, torch": lambda: tensor.sum(),
    }
    times: dict[str, float] = {}
    for _ in range(3):
        for name, run in passes.items():
            started = time.perf_counter()
            run()
            times[name] = min(times.get(name, np.inf), time.perf_counter() - started)
    fastest = min(times, key=lambda name: times[name])
    read = passes[fastest]

    def ask(_: Floats) -> None:
        read()  # once, however many cues there are

    return Ready(ask, f"{fastest}; of {', '.join(passes)} the fastest here")


CONTENDERS: Mapping[str, Contender] = {
    CANDIDATE: Contender(_am_agent),
    "read_float32": Contender(_read_float32),
    "read_int8": Contender(_read_int8),
    "numpy_topk": Contender(_numpy_topk),
    "numpy_softmax": Contender(_numpy_softmax),
    "torch_topk": Contender(_torch_topk),
    "torch_softmax": Contender(_torch_softmax),
    "torch_values_20": Contender(_torch_values(20.0)),
    "torch_values_50": Contender(_torch_values(50.0)),
    "torch_attention": Contender(_torch_attention),
    "faiss_flat": Contender(_faiss_flat, ("faiss",)),
    "faiss_sq8": Contender(_faiss_sq8, ("faiss",)),
    "faiss_hnsw": Contender(_faiss_hnsw, ("faiss",), largest=100_000),
    "hnswlib": Contender(_hnswlib, ("hnswlib",), largest=100_000),
    "sqlite_vec": Contender(_sqlite_vec, ("sqlite_vec",), batches=False),
}


def _scores(rows: Floats, cues: Floats) -> Floats:
    # For one cue a product of matrix and vector reads the rows as they lie, which is the fastest.
    return (rows @ cues[0])[None] if len(cues) == 1 else cues @ rows.T


def _top(scores: Floats) -> Integers:
    """The ten greatest of each row, the greatest first."""
    count = min(K, scores.shape[1])
    found = np.argpartition(scores, -count, axis=1)[:, -count:]
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1)
    return np.take_along_axis(found, order, axis=1).astype(np.int64, copy=False)


def _found(labels: npt.NDArray[np.integer]) -> Integers:
    return labels.astype(np.int64, copy=False)


def _wide_enough(
    setting: Setting, ask: Callable[[Floats], Integers], widen: Callable[[int], object]
) -> tuple[int, float]:
    """The narrowest search, by halves of an octave, that finds 99 % of the nearest; or the widest one."""
    truth = exact(setting.rows, setting.sample)
    reached, width = 0.0, 0
    for step in range(15):
        width = min(round(K * 2 ** (step / 2)), _WIDEST)
        widen(width)
        reached = recall(ask(setting.sample), truth)
        if reached >= _GOOD:
            break
    return width, reached
