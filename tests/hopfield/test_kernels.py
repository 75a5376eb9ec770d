"""One pass over codes against a full evaluation in float64, by plain torch, by Triton's interpreter, and on a GPU.

The same tests run once more under Triton's interpreter, in a process of their own, since Triton reads its switch when
it is imported.
"""

import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent.hopfield import kernels
from am_agent.hopfield.kernels import Streamed, pays, streamed
from am_agent.hopfield.mirror import CROSSOVER

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
EXAMPLES = 6 if INTERPRETED else 60
MOST = 150 if INTERPRETED else 700
SEEDS = st.integers(0, 2**32)
DTYPES = [torch.int8, torch.bfloat16, torch.float8_e4m3fn]
PEAKS = {torch.int8: 127.0, torch.bfloat16: None, torch.float8_e4m3fn: 448.0}


@dataclass(frozen=True)
class _Store:
    """Patterns, and the codes of them."""

    patterns: np.ndarray
    codes: torch.Tensor
    scales: torch.Tensor
    errors: torch.Tensor

    @staticmethod
    def of(patterns: np.ndarray, dtype: torch.dtype) -> "_Store":
        rows = torch.from_numpy(patterns)
        peak = PEAKS[dtype]
        scales = torch.ones(len(rows)) if peak is None else rows.abs().amax(1) / peak
        scaled = rows / scales.clamp(min=1e-30)[:, None]
        codes = scaled.round().to(dtype) if dtype == torch.int8 else scaled.to(dtype)
        found = codes.double() * scales.double()[:, None]
        errors = (rows.double() - found).norm(dim=1) * (1 + 1e-6)
        return _Store(patterns, codes, scales, errors.float())

    def on(self, device: str) -> "_Store":
        return replace(self, **{name: getattr(self, name).to(device) for name in ("codes", "scales", "errors")})

    def decoded(self) -> np.ndarray:
        return self.codes.cpu().double().numpy() * self.scales.cpu().double().numpy()[:, None]


def _rows(rng: np.random.Generator, kind: str, n: int, d: int) -> np.ndarray:
    if kind == "random":
        rows = rng.standard_normal((n, d))
    elif kind == "clustered":
        rows = rng.standard_normal((5, d))[rng.integers(0, 5, n)] + 0.05 * rng.standard_normal((n, d))
    elif kind == "duplicates":
        rows = rng.standard_normal((7, d))[rng.integers(0, 7, n)]
    else:  # nearly tied: closer to each other than the codes can tell
        rows = rng.standard_normal(d) + 1e-5 * rng.standard_normal((n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _best(store: _Store, query: np.ndarray, others: np.ndarray, k: int) -> set[int]:
    """The rows whose exact score reaches the k-th best, as a caller scores them."""
    scores = (store.patterns.astype(np.float64) * query).sum(axis=1) + others
    seen = scores[scores > -np.inf]
    if not len(seen):
        return set()
    return set(np.flatnonzero((scores > -np.inf) & (scores >= np.sort(seen)[-min(k, len(seen))])).tolist())


def _log_partition(scores: np.ndarray, beta: float) -> np.ndarray:
    logits = beta * scores
    top = logits.max(axis=1, initial=-np.inf)
    base = np.where(np.isneginf(top), 0, top)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(logits - base[:, None]).sum(axis=1)) + base


def _check(store: _Store, queries: np.ndarray, others: np.ndarray | None, beta: float, k: int, found: Streamed) -> None:
    """Everything that a pass promises."""
    batch, n = len(queries), len(store.patterns)
    given_by_others = np.broadcast_to(np.zeros(n) if others is None else others, (batch, n)).astype(np.float64)
    decoded = store.decoded()
    scores = queries @ decoded.T + given_by_others
    expected = _log_partition(scores, beta)
    log_partition = found.log_partition.cpu().numpy()
    assert np.array_equal(np.isneginf(log_partition), np.isneginf(expected))
    seen = ~np.isneginf(expected)
    allowed = np.maximum(1e-5 * np.abs(expected), 1e-5 * np.maximum(1, beta * np.linalg.norm(queries, axis=1)))
    assert (np.abs(log_partition[seen] - expected[seen]) <= allowed[seen]).all()
    if found.readout is not None:
        weights = np.zeros_like(scores)
        weights[seen] = np.exp(beta * scores[seen] - expected[seen, None])
        assert found.readout.cpu().numpy() == pytest.approx(weights @ decoded, abs=1e-4)
    assert int(found.counts.sum()) == len(found.ids) == len(found.scores) == len(found.radii)
    for query in range(batch):
        ids, approximate = (each.cpu().numpy() for each in found.of(query))
        assert ids.tolist() == sorted(set(ids.tolist()))
        assert _best(store, queries[query], given_by_others[query], k) <= set(ids.tolist())
        radii = found.radii.cpu().numpy()[int(found.counts[:query].sum()) :][: len(ids)]
        exact = store.patterns[ids].astype(np.float64) @ queries[query] + given_by_others[query, ids]
        assert (np.abs(approximate - exact) <= radii).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@settings(max_examples=EXAMPLES, deadline=None)
@given(
    seed=SEEDS,
    kind=st.sampled_from(["random", "clustered", "duplicates", "tied"]),
    n=st.integers(1, MOST),
    d=st.sampled_from([16, 48, 96, 100]),
    batch=st.sampled_from([1, 3, 4, 5]),
    k=st.sampled_from([1, 5, 40, 1000]),
    beta=st.sampled_from([1.0, 40.0]),
    others=st.sampled_from([None, "row", "pair", "hidden"]),
    wide=st.booleans(),
)
def test_a_pass_keeps_its_promises(
    device: str,
    dtype: torch.dtype,
    seed: int,
    kind: str,
    n: int,
    d: int,
    batch: int,
    k: int,
    beta: float,
    others: str | None,
    wide: bool,
) -> None:
    """The exact k best are among the candidates, no score is further off than its radius, log Z and read-out agree."""
    rng = np.random.default_rng(seed)
    store = _Store.of(_rows(rng, kind, n, d), dtype)
    queries = store.patterns[rng.integers(0, n, batch)] + 0.1 * rng.standard_normal((batch, d)) * rng.uniform(0, 3)
    queries = queries if wide else queries.astype(np.float32).astype(np.float64)
    given_by_others = None
    if others is not None:
        given_by_others = 0.3 * rng.standard_normal((batch, n) if others == "pair" else n)
        given_by_others = given_by_others.astype(np.float32)
        given_by_others[..., rng.random(n) < (1.0 if others == "hidden" else 0.3)] = -np.inf
    there = store.on(device)
    found = streamed(
        there.codes,
        there.scales,
        torch.from_numpy(queries if wide else queries.astype(np.float32)),
        beta=beta,
        k=k,
        errors=there.errors,
        others=None if given_by_others is None else torch.from_numpy(given_by_others).to(device),
        values=True,
    )
    _check(store, queries, given_by_others, beta, k, found)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("batch", [1, 70])
def test_rows_of_384_columns_are_read_in_two_parts(device: str, batch: int) -> None:
    """The usual dimension, one cue and more than fill one chunk."""
    rng = np.random.default_rng(0)
    store = _Store.of(_rows(rng, "clustered", 70 if INTERPRETED else 300, 384), torch.int8)
    queries = rng.standard_normal((batch, 384))
    there = store.on(device)
    for values in (False, True):
        found = streamed(
            there.codes,
            there.scales,
            torch.from_numpy(queries).to(device),
            beta=1.5,
            k=2,
            errors=there.errors,
            values=values,
        )
        assert (found.readout is not None) is values
        _check(store, queries, None, 1.5, 2, found)


@pytest.mark.parametrize("device", DEVICES)
def test_few_rows_are_left_where_the_codes_are_the_truth(device: str) -> None:
    """Without stored errors the interval is that of rounding, and the candidates are the best themselves."""
    rng = np.random.default_rng(3)
    store = _Store.of(_rows(rng, "random", 400, 64), torch.int8).on(device)
    truth = _Store(store.decoded(), store.codes, store.scales, torch.zeros(400))
    query = rng.standard_normal((1, 64))
    found = streamed(store.codes, store.scales, torch.from_numpy(query), beta=1.0, k=10)
    _check(truth, query, None, 1.0, 10, found)
    assert len(found.ids) == 10


@pytest.mark.parametrize("device", DEVICES)
def test_one_row_with_a_great_error_does_not_widen_the_others(device: str) -> None:
    """Each row has its own interval."""
    rng = np.random.default_rng(4)
    store = _Store.of(_rows(rng, "random", 400, 64), torch.int8).on(device)
    query = torch.from_numpy(rng.standard_normal((1, 64)))
    before = streamed(store.codes, store.scales, query, beta=1.0, k=5, errors=store.errors)
    worst = min(set(range(400)) - set(before.ids.tolist()))
    errors = store.errors.clone()
    errors[worst] = 10.0
    after = streamed(store.codes, store.scales, query, beta=1.0, k=5, errors=errors)
    assert set(after.ids.tolist()) == {*before.ids.tolist(), worst}


@pytest.mark.parametrize("device", DEVICES)
def test_a_stated_length_takes_the_place_of_the_measured_one(device: str) -> None:
    rng = np.random.default_rng(5)
    store = _Store.of(_rows(rng, "random", 100, 32), torch.bfloat16).on(device)
    query = rng.standard_normal((2, 32))
    for longest in (None, 1.01):
        found = streamed(
            store.codes, store.scales, torch.from_numpy(query), beta=2.0, k=3, errors=store.errors, longest=longest
        )
        _check(store, query, None, 2.0, 3, found)


@pytest.mark.parametrize("device", DEVICES)
def test_rows_too_wide_for_the_chip_go_the_plain_way(device: str) -> None:
    rng = np.random.default_rng(6)
    store = _Store.of(_rows(rng, "random", 140, 1040), torch.int8).on(device)
    query = rng.standard_normal((2, 1040))
    found = streamed(store.codes, store.scales, torch.from_numpy(query), beta=1.0, k=3, errors=store.errors)
    _check(store, query, None, 1.0, 3, found)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["clustered", "duplicates"])
def test_a_long_store_is_taken_in_parts(device: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at once is bounded, and its size changes nothing."""
    rng = np.random.default_rng(7)
    store = _Store.of(_rows(rng, kind, 700, 32), torch.int8).on(device)
    queries = rng.standard_normal((3, 32))
    for name, small in {"_ELEMENTS": 4096, "_PAIRS": 4, "_GROUP": 2, "_ROOM": 0}.items():
        monkeypatch.setattr(kernels, name, small)
    for k in (1, 20):
        found = streamed(
            store.codes, store.scales, torch.from_numpy(queries), beta=2.0, k=k, errors=store.errors, values=True
        )
        _check(store, queries, None, 2.0, k, found)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("memory", [101_376, 166_912, 232_448])
def test_the_work_is_cut_so_that_it_fits_on_the_chip(dtype: torch.dtype, memory: int) -> None:
    """The digits of the queries and a tile of codes at least, for every width that is taken at all."""
    for width in range(32, min(1024, memory // 224) + 1, 32):
        for batch in (1, 4, 5, 16, 17, 64, 65, 256):
            for values in (False, True):
                shape = kernels._cut(dtype, width, batch, values, memory, 100)
                tile = shape.rows * width * dtype.itemsize
                digits = 0 if shape.packed else 3 * shape.queries * width * (1 if dtype == torch.int8 else 2)
                assert digits + tile * max(1, shape.stages - 1) <= memory
                assert shape.packed is (batch <= 4)
                assert shape.rows >= 16
                assert shape.programs in (100, 200)


def test_nothing_stored_and_nothing_asked() -> None:
    empty = streamed(
        torch.empty(0, 16, dtype=torch.int8), torch.empty(0), torch.ones(2, 16), beta=1.0, k=3, values=True
    )
    assert empty.log_partition.tolist() == [-math.inf] * 2
    assert empty.readout is not None
    assert empty.readout.tolist() == [[0.0] * 16] * 2
    assert empty.counts.tolist() == [0, 0]
    assert [each.tolist() for each in empty.of(1)] == [[], []]
    unasked = streamed(torch.ones(3, 16, dtype=torch.int8), torch.ones(3), torch.empty(0, 16), beta=1.0, k=3)
    assert (unasked.log_partition.tolist(), unasked.ids.tolist(), unasked.readout) == ([], [], None)


CODES, SCALES, QUERIES = torch.ones(3, 16, dtype=torch.int8), torch.ones(3), torch.ones(2, 16)


@pytest.mark.parametrize(
    ("given_instead", "said"),
    [
        ({"beta": 0.0}, "beta must be positive and finite, got 0.0"),
        ({"beta": math.inf}, "beta must be positive and finite, got inf"),
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"codes": CODES[0]}, r"codes must be \[n, d\] with d at least 1, got shape \(16,\)"),
        ({"codes": CODES.float()}, "codes must be int8, bfloat16 or float8_e4m3fn, got torch.float32"),
        ({"codes": CODES.to("meta")}, "codes lie on meta"),
        ({"codes": torch.ones(16, 3, dtype=torch.int8).T}, r"codes must lie row by row, got strides \(1, 3\)"),
        ({"queries": torch.ones(2, 8)}, r"queries must be \[b, 16\] for these codes, got shape \(2, 8\)"),
        ({"queries": torch.ones(16)}, r"queries must be \[b, 16\] for these codes, got shape \(16,\)"),
        ({"queries": QUERIES.half()}, "queries must be float32 or float64, got torch.float16"),
        ({"queries": QUERIES.to("meta")}, "queries lie on meta, codes on cpu"),
        ({"queries": QUERIES * math.nan}, "2 of 2 queries have NaN or infinite entries"),
        ({"scales": torch.ones(4)}, r"scales must be \[3\] for these codes, got \[4\]"),
        ({"scales": torch.ones(3).double()}, "scales must be float32, got torch.float64"),
        ({"errors": torch.ones(3).to("meta")}, "errors lie on meta, codes on cpu"),
        ({"others": torch.ones(2)}, r"others must be \[3\] or \[2, 3\] for these codes, got \[2\]"),
        ({"others": torch.ones(3, dtype=torch.bool)}, "others must be float32 or float64, got torch.bool"),
    ],
)
def test_what_does_not_fit_is_named(given_instead: dict[str, object], said: str) -> None:
    arguments = {"codes": CODES, "scales": SCALES, "queries": QUERIES, "beta": 1.0, "k": 1} | given_instead
    with pytest.raises(ValueError, match=said):
        streamed(arguments.pop("codes"), arguments.pop("scales"), arguments.pop("queries"), **arguments)


def test_a_gpu_pays_from_some_number_of_rows_on() -> None:
    assert not pays(CROSSOVER - 1)
    assert pays(CROSSOVER) is torch.cuda.is_available()


def test_the_switch_of_the_interpreter_decides_on_the_cpu() -> None:
    """So that what is tested under it is what runs on a GPU."""
    assert kernels._on_chip(CODES) is INTERPRETED


if not INTERPRETED and find_spec("triton") is not None:

    def test_the_programs_for_a_gpu_keep_the_same_promises_under_the_interpreter() -> None:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(Path(__file__))]
        run = subprocess.run(
            command,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
