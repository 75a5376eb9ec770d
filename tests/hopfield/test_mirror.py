"""Codes on a device of torch's against those in memory; a GPU is one where there is one, and the CPU always."""

import logging
import threading

import numpy as np
import pytest
import torch

from am_agent import Memory, errors
from am_agent.hopfield.codes import Codes, Probe, products
from am_agent.hopfield.mirror import Mirror, mirrored
from am_agent.hopfield.patterns import PatternSet
from am_agent.hopfield.roster import Roster
from am_agent.hopfield.scan import scan
from am_agent.hopfield.scope import Scope, best

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def _unit(rng: np.random.Generator, count: int, dimension: int = 64) -> np.ndarray:
    rows = rng.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("windows", [1, 3, 8, 9])
def test_products_are_the_same_to_the_last_bit(device: str, windows: int) -> None:
    """For one query and for several, before and after more codes came."""
    rng = np.random.default_rng(0)
    patterns, mirror = PatternSet(64, resident=False), Mirror(device, least=0)
    probe = Probe.of(rng.standard_normal((windows, 64)))
    for count in (40, 1, 100, 3, 500):
        patterns.append(_unit(rng, count), np.ones(count, dtype=np.int64))
        codes = patterns.view().codes
        assert mirror.products(codes, probe).tobytes() == products(codes, probe).tobytes()


@pytest.mark.parametrize("device", DEVICES)
def test_older_views_and_compacted_sets_have_their_own_products(device: str) -> None:
    """A view keeps what it saw, whatever was copied for a later one; after a compaction the rows are others."""
    rng = np.random.default_rng(1)
    roster, patterns, mirror = Roster(), PatternSet(64), Mirror(device, least=0)
    probe = Probe.of(rng.standard_normal((1, 64)))
    roster.append(range(100))
    patterns.append(_unit(rng, 100), np.ones(100, dtype=np.int64))
    old = patterns.view().codes
    patterns.append(_unit(rng, 50), np.ones(50, dtype=np.int64))
    roster.append(range(100, 150))
    new = patterns.view().codes
    places = np.arange(0, 150, 2)
    patterns.discard(places)
    kept = roster.discard(places)
    assert kept is not None
    patterns.compact(kept)
    for codes in (old, new, patterns.view().codes, new, old):
        assert mirror.products(codes, probe).tobytes() == products(codes, probe).tobytes()


@pytest.mark.parametrize("device", DEVICES)
def test_a_scan_finds_the_same_by_either(device: str) -> None:
    """Places of several patterns, and a bound that rests on the codes in memory."""
    rng = np.random.default_rng(2)
    roster, patterns = Roster(), PatternSet(64)
    heights = rng.integers(1, 4, 300)
    roster.append(range(300))
    patterns.append(_unit(rng, int(heights.sum())), heights)
    query = rng.standard_normal((2, 64))
    found = []
    for mirror in (None, Mirror(device, least=0)):
        patterns.mirror = mirror
        scope = Scope.of([(roster.view(), patterns.view())])
        matches = scan(scope, query, 10, lead=0.6)
        found.append((matches.scores.tobytes(), best(scope, matches.scores, matches.candidates, 10).tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize("device", DEVICES)
def test_several_threads_may_ask_at_once(device: str) -> None:
    """Each for codes of its own age."""
    rng = np.random.default_rng(3)
    patterns, mirror, views = PatternSet(64), Mirror(device, least=0), []
    for _ in range(20):
        patterns.append(_unit(rng, 40), np.ones(40, dtype=np.int64))
        views.append(patterns.view().codes)
    probe, wrong = Probe.of(rng.standard_normal((1, 64))), []

    def ask(order: list[int]) -> None:
        wrong.extend(
            number
            for number in order
            if mirror.products(views[number], probe).tobytes() != products(views[number], probe).tobytes()
        )

    threads = [threading.Thread(target=ask, args=(rng.permutation(20).tolist(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_without_room_the_cpu_goes_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Once, with a warning; what is asked for then and later is right."""

    def full(*_: object, **__: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    rng = np.random.default_rng(4)
    codes, probe = Codes.of(_unit(rng, 60)), Probe.of(rng.standard_normal((1, 64)))
    mirror = Mirror("cpu", least=0)
    monkeypatch.setattr(torch, "empty", full)
    with caplog.at_level(logging.WARNING, logger="am_agent"):
        for _ in range(2):
            assert mirror.products(codes, probe).tobytes() == products(codes, probe).tobytes()
    assert [record.getMessage() for record in caplog.records] == [
        "cpu has no room for 60 codes; the CPU goes on: CUDA out of memory"
    ]


def test_few_rows_stay_where_they_are() -> None:
    """Below the crossover nothing is copied."""
    rng = np.random.default_rng(5)
    codes, probe = Codes.of(_unit(rng, 60)), Probe.of(rng.standard_normal((1, 64)))
    mirror = Mirror("nowhere", least=61)
    assert mirror.products(codes, probe).tobytes() == products(codes, probe).tobytes()


def test_a_gpu_that_is_not_there_is_missed_at_once() -> None:
    """Asked for by name it is an error; by default it is nothing."""
    assert mirrored("cpu") is None
    if torch.cuda.is_available():
        assert isinstance(mirrored("cuda"), Mirror)
        assert isinstance(mirrored("auto"), Mirror)
        return
    assert mirrored("auto") is None
    with pytest.raises(errors.InvalidArgument, match="torch finds no GPU for device='cuda'"):
        Memory(device="cuda")


def test_there_are_three_devices() -> None:
    """Anything else is refused before a file is made."""
    with pytest.raises(errors.InvalidArgument, match="device is 'auto' or 'cpu' or 'cuda', not 'tpu'"):
        Memory(device="tpu")
