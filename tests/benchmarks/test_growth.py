"""How figures grow: which points there are, and the exponents."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.growth import exponents, series

SIZES = (100, 1000, 10_000)
RESULTS: dict[str, Any] = {
    "machine": {"cores": 2},
    "scan": {
        str(size): {
            "one": {"am_agent": {"ms": 0.001 * size}, "hnswlib": {"ms": 0.01 * size**0.5}, "broken": {"error": "no"}},
            "sixty_four": {"am_agent": {"ms": 0.02 * size}},
        }
        for size in reversed(SIZES)
    },
    "store": {"1000": {"am_agent": {"both": {"ms": 2.0}}, "chroma": {"both": {"ms": 12.0}}}},
    "bytes": {str(size): {"am_agent": {"memory": 2000.0, "disk": -1.0}} for size in SIZES},
}


def test_points_are_ascending_and_failures_have_none() -> None:
    """A picture that has no point is not there."""
    found = series(RESULTS)
    assert found["scan, one cue (ms)"]["am_agent"] == [(100, 0.1), (1000, 1.0), (10_000, 10.0)]
    assert set(found["scan, one cue (ms)"]) == {"am_agent", "hnswlib"}
    assert found["remember one, recall 5 (ms)"] == {"am_agent": [(1000, 2.0)], "chroma": [(1000, 12.0)]}
    assert "bulk load (items per second)" not in found


def test_exponents_are_those_of_the_law() -> None:
    """Of one size, and of what is not positive, there is none."""
    found = exponents(RESULTS)
    assert found["scan, one cue (ms)"] == pytest.approx({"am_agent": 1.0, "hnswlib": 0.5})
    assert found["memory of a pattern (bytes)"] == pytest.approx({"am_agent": 0.0})
    assert "remember one, recall 5 (ms)" not in found
    assert "disk of a pattern (bytes)" not in found
