"""The measurement of a pass over codes, with a clock that counts, on a store that a CPU scans at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from rich.console import Console

from benchmarks import streaming
from benchmarks.streaming import DTYPES, copy_bandwidth, main, plain_ms, random_codes, table, timings


class _Clock:
    """Runs what it times, and says that it took 2 ms."""

    def __init__(self) -> None:
        self.results: list[object] = []

    def __call__(self, function: Callable[[], object]) -> float:
        self.results.append(function())
        return 2.0


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_codes_are_those_of_unit_vectors_and_their_errors_are_stated(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made part by part, the last one shorter."""
    monkeypatch.setattr(streaming, "_CHUNK", 64)
    codes = random_codes(100, DTYPES[dtype], "cpu")
    decoded = codes.values.float() * codes.scales[:, None]
    parts = [streaming._random(64, "cpu", seed=2), streaming._random(36, "cpu", seed=66)]
    errors = (decoded - torch.cat(parts)).norm(dim=1)
    assert (errors <= codes.errors).all()
    assert 0.5 * codes.errors.max() < errors.max() < 0.05
    assert codes.bytes == 100 * (384 * codes.values.itemsize + 8)


def test_every_case_is_timed_against_plain_torch_and_a_copy() -> None:
    clock = _Clock()
    found = list(timings([300], [1, 3], ["int8", "bf16"], "cpu", clock, copied=1e-3))
    assert [(each.batch, each.dtype, each.values) for each in found] == [
        (batch, dtype, values) for dtype in ("int8", "bf16") for batch in (1, 3) for values in (False, True)
    ]
    first = found[0]
    assert (first.rows, first.ms, first.plain_ms, first.ratio) == (300, 2.0, 2.0, 1.0)
    assert first.gb_per_s == pytest.approx(300 * 392 / 2e-3 / 1e9)
    assert first.share_of_copy == pytest.approx(first.gb_per_s / 1e-3)
    assert first.candidates >= 10


def test_a_copy_counts_what_is_read_and_what_is_written() -> None:
    assert copy_bandwidth("cpu", _Clock(), 4096) == pytest.approx(2 * 4096 / 2e-3 / 1e9)


def test_plain_torch_finds_the_best_by_its_own_steps() -> None:
    clock = _Clock()
    assert plain_ms(50, 2, "cpu", clock) == (2.0, 2.0)
    (_, nothing, best), (total, readout, _) = clock.results
    patterns, queries = streaming._random(50, "cpu", seed=2), streaming._random(2, "cpu", seed=1)
    scores = 40.0 * queries @ patterns.T
    assert nothing is None
    assert torch.allclose(best.values, scores.topk(10).values, atol=0.2)
    assert torch.allclose(total, scores.logsumexp(1), atol=0.1)
    assert torch.allclose(readout.float(), scores.softmax(1) @ patterns, atol=0.05)


def test_scores_that_do_not_fit_have_no_time() -> None:
    def full(function: Callable[[], object]) -> float:
        raise torch.OutOfMemoryError("no room")

    assert plain_ms(50, 2, "cpu", full) == (None, None)


def test_the_table_has_a_line_for_each_case() -> None:
    case = streaming.Timing(1_000_000, 256, "int8", True, 2.5, 160.0, 0.04, None, 44.0)
    console = Console(width=100)
    with console.capture() as printed:
        console.print(table("card", [case]))
    assert "1,000,000 │ 256  │ int8  │ yes      │ 2.500 │ 160  │ 4%        │ does not fit" in printed.get()


def test_the_command_needs_a_gpu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 1
    assert "no CUDA device here" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--rows", "0"), ("--rows", "x"), ("--dtypes", "int4")])
def test_what_cannot_be_measured_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([option, value])
    assert value in capsys.readouterr().err
