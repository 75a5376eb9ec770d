"""Codes on a GPU, beside those in memory, and their products there. Knows torch, which it imports when it is needed."""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from am_agent.hopfield.codes import Codes, Probe, Reals, products

if TYPE_CHECKING:
    import torch

_log = logging.getLogger("am_agent")

CROSSOVER = 20_000
"""From so many rows on, one cue is scored sooner by a GPU than by the CPU.

Measured with 384 columns on one machine: an H200 takes 1.2 to 1.6 ms from a cue on the CPU to ids and log Z on the
CPU, whatever the rows up to 10^6, for what it costs to launch; its CPU scans codes, with log Z and the 200 best, in
0.8 ms for 10,000 rows, 1.3 for 20,000, 2.6 for 50,000 and 7 for 100,000.
"""

_COLUMNS = 8
"""An int8 product on a GPU takes a multiple of so many queries at once."""

_ROWS = 32
"""It takes more rows than 16."""


class Mirror:
    """A copy of codes on a device, which follows them as they grow. Safe from several threads.

    What comes back is the same to the last bit: sums of whole numbers, times the same factors in float64. Where the
    device has no room, the codes in memory are multiplied instead, and a warning says so.

    Args:
        device: As torch names it.
        least: Fewer rows than these are left to the CPU.
    """

    def __init__(self, device: str, *, least: int = CROSSOVER) -> None:
        self._device = device
        self._least = least
        self._lock = threading.Lock()
        self._source: Any = None  # the array whose first rows are there
        self._height = 0
        self._values: torch.Tensor | None = None
        self._scales: torch.Tensor | None = None
        self._full = False

    def products(self, codes: Codes, probe: Probe) -> Reals:
        """See `codes.products`."""
        if len(codes.values) < max(self._least, _ROWS) or self._full:
            return products(codes, probe)
        import torch

        if torch.device(self._device).type == "cuda" and not torch.cuda.is_available():
            self._full = True  # a driver, and no GPU for it, or a torch without CUDA
            return products(codes, probe)
        try:
            return self._multiplied(codes, probe)
        except torch.OutOfMemoryError as error:
            self._full, self._values, self._scales, self._source = True, None, None, None
            _log.warning("%s has no room for %d codes; the CPU goes on: %s", self._device, len(codes.values), error)
            return products(codes, probe)

    def _multiplied(self, codes: Codes, probe: Probe) -> Reals:
        import torch

        width = len(probe.values)
        padded = np.zeros((-(-width // _COLUMNS) * _COLUMNS, codes.values.shape[1]), dtype=np.int8)
        padded[:width] = probe.values
        queries = torch.from_numpy(padded).to(self._device).t()
        steps = torch.from_numpy(probe.steps).to(self._device)
        with self._lock:  # to the end: for codes of another array, another thread writes over these rows
            values, scales = self._following(codes)
            sums = torch._int_mm(values, queries)[:, :width].to(torch.float64)
            found: Reals = (sums * (scales[:, None] * steps)).cpu().numpy()
        return found

    def _following(self, codes: Codes) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows on the device, those that came since included."""
        import torch

        height, source = len(codes.values), codes.values.base
        if source is None or source is not self._source:
            self._source, self._height = source, 0
        if self._values is None or self._scales is None or len(self._values) < height:
            room = height if self._height == 0 else 2 * height
            values = torch.empty((room, codes.values.shape[1]), dtype=torch.int8, device=self._device)
            scales = torch.empty(room, dtype=torch.float64, device=self._device)
            if self._values is not None and self._scales is not None:
                values[: self._height] = self._values[: self._height]
                scales[: self._height] = self._scales[: self._height]
            self._values, self._scales = values, scales
        if self._height < height:
            fresh = slice(self._height, height)
            self._values[fresh] = torch.from_numpy(codes.values[fresh].copy()).to(self._device)
            self._scales[fresh] = torch.from_numpy(codes.scales[fresh].astype(np.float64)).to(self._device)
            self._height = height
        return self._values[:height], self._scales[:height]


def mirrored(device: str) -> Mirror | None:
    """A mirror on a device, or None where there is nothing to mirror to.

    Args:
        device: "cpu", "cuda", or "auto" for a GPU if there is one.

    Raises:
        ValueError: A GPU was asked for, and torch finds none.

    Example:
        >>> mirrored("cpu") is None
        True
    """
    if device == "cpu":
        return None
    if device == "auto":  # torch is asked when there are rows enough: to import it takes seconds
        return Mirror("cuda") if _driver() else None
    import torch

    if torch.cuda.is_available():
        return Mirror(device)
    raise ValueError(f"torch finds no GPU for device={device!r}; leave it out, or install the torch for your GPU")


def _driver() -> bool:
    """Whether a GPU's driver is installed: asking torch would cost seconds where there is none."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    with suppress(OSError):
        ctypes.CDLL(name)
        return True
    return False
