"""One pass over codes on a GPU: how long it takes, and how near it comes to copying. Knows no memory.

python -m benchmarks.streaming [--rows N,N] [--batches B,B] [--dtypes D,D] [--json]

The rows are random unit vectors of 384 columns, which no pass is faster or slower for; each has its code, its scale and
its stored error, and the k best are wanted, with and without the read-out. What a pass is held against is a copy of
memory to memory on the same card, bytes read and bytes written, and the same by plain torch on bfloat16 patterns:
product, log-sum-exp, softmax, read-out, top k, in as many steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from am_agent.hopfield.kernels import streamed

DIMENSION, K, BETA = 384, 10, 40.0
DTYPES = {"int8": torch.int8, "bf16": torch.bfloat16, "fp8": torch.float8_e4m3fn}
_PEAKS = {torch.int8: 127.0, torch.bfloat16: None, torch.float8_e4m3fn: 448.0}
_CHUNK = 2**18
_REPEATS = 15

Clock = Callable[[Callable[[], object]], float]
"""What a function takes, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Random patterns as codes.

    Attributes:
        values: [n, d].
        scales: float32 [n].
        errors: float32 [n].
    """

    values: Tensor
    scales: Tensor
    errors: Tensor

    @property
    def bytes(self) -> int:
        """What a pass has to read."""
        return sum(each.nbytes for each in (self.values, self.scales, self.errors))


@dataclass(frozen=True, slots=True)
class Timing:
    """One case.

    Attributes:
        rows: Stored.
        batch: Cues at once.
        dtype: Of the codes.
        values: Whether the read-out is wanted.
        ms: Median of one call, the candidates included.
        gb_per_s: Of codes, scales and errors, each counted once.
        share_of_copy: That, of the bandwidth of a copy.
        plain_ms: Plain torch on bfloat16 patterns; None where its scores do not fit.
        candidates: Rows to be looked at again, for one cue, on average.
    """

    rows: int
    batch: int
    dtype: str
    values: bool
    ms: float
    gb_per_s: float
    share_of_copy: float
    plain_ms: float | None
    candidates: float

    @property
    def ratio(self) -> float | None:
        """How many times as long plain torch takes."""
        return None if self.plain_ms is None else self.plain_ms / self.ms


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 1 where there is no GPU."""
    given = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    if not torch.cuda.is_available():
        errors.print("benchmarks.streaming: no CUDA device here; run it on a machine that has one", markup=False)
        return 1
    copied = copy_bandwidth("cuda", elapsed, 2**32)
    found = list(timings(given.rows, given.batches, given.dtypes, "cuda", elapsed, copied))
    card = torch.cuda.get_device_name()
    if given.json:
        cases = [asdict(each) | {"ratio": each.ratio} for each in found]
        sys.stdout.write(json.dumps({"card": card, "copy_gb_per_s": copied, "cases": cases}, indent=2) + "\n")
    else:
        Console().print(table(f"{card}, copies {copied:.0f} GB/s", found))
    return 0


def timings(
    rows: Sequence[int], batches: Sequence[int], dtypes: Sequence[str], device: str, clock: Clock, copied: float
) -> Iterator[Timing]:
    """Every case, with the patterns made once for each number of rows and dtype.

    Args:
        rows: Numbers of rows.
        batches: Numbers of cues.
        dtypes: Keys of DTYPES.
        device: Where it runs.
        clock: What measures.
        copied: The bandwidth of a copy, GB/s.
    """
    for n in rows:
        plain = {batch: plain_ms(n, batch, device, clock) for batch in batches}
        for name in dtypes:
            codes = random_codes(n, DTYPES[name], device)
            for batch in batches:
                queries = _random(batch, "cpu", seed=1)
                for values in (False, True):

                    def run(codes: Codes = codes, queries: Tensor = queries, values: bool = values) -> Tensor:
                        found = streamed(
                            codes.values,
                            codes.scales,
                            queries,
                            beta=BETA,
                            k=K,
                            errors=codes.errors,
                            values=values,
                            longest=1.01 if codes.values.dtype == torch.bfloat16 else None,
                        )
                        return found.ids

                    ms = clock(run)
                    speed = codes.bytes / ms / 1e6
                    yield Timing(
                        n, batch, name, values, ms, speed, speed / copied, plain[batch][values], len(run()) / batch
                    )
            del codes


def random_codes(n: int, dtype: torch.dtype, device: str) -> Codes:
    """Random unit vectors as codes of some dtype, with what these are wrong by."""
    values = torch.empty(n, DIMENSION, dtype=dtype, device=device)
    scales, errors = torch.ones(2, n, device=device)
    peak = _PEAKS[dtype]
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        rows = _random(part.stop - start, device, seed=start + 2)
        if peak is not None:
            scales[part] = rows.abs().amax(1) / peak
        scaled = rows / scales[part, None]
        values[part] = scaled.round().to(dtype) if dtype == torch.int8 else scaled.to(dtype)
        errors[part] = (rows - values[part].to(torch.float32) * scales[part, None]).norm(dim=1) * 1.0001
    return Codes(values, scales, errors)


def plain_ms(n: int, batch: int, device: str, clock: Clock) -> tuple[float | None, float | None]:
    """Plain torch without and with the read-out; None where it does not fit into memory."""
    try:
        patterns = torch.empty(n, DIMENSION, dtype=torch.bfloat16, device=device)
        for start in range(0, n, _CHUNK):
            stop = min(start + _CHUNK, n)
            patterns[start:stop] = _random(stop - start, device, seed=start + 2).to(torch.bfloat16)
        queries = _random(batch, device, seed=1).to(torch.bfloat16)

        def run(values: bool) -> Callable[[], object]:
            def each() -> object:
                logits = BETA * (queries @ patterns.T).float()
                readout = logits.softmax(1).to(torch.bfloat16) @ patterns if values else None
                return logits.logsumexp(1), readout, logits.topk(min(K, n))

            return each

        return clock(run(False)), clock(run(True))
    except torch.OutOfMemoryError:
        return None, None


def copy_bandwidth(device: str, clock: Clock, size: int) -> float:
    """Of a copy from memory to memory, bytes read plus bytes written, GB/s."""
    source = torch.randint(256, (size,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / clock(lambda: target.copy_(source)) / 1e6


def elapsed(function: Callable[[], object]) -> float:
    """Milliseconds of one call on the GPU, the median of several after two that do not count."""
    for _ in range(2):
        function()
    found = []
    for _ in range(_REPEATS):
        event: Any = torch.cuda.Event  # has no types
        start, end = event(enable_timing=True), event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        function()
        end.record()
        torch.cuda.synchronize()
        found.append(float(start.elapsed_time(end)))
    return statistics.median(found)


def table(title: str, found: Sequence[Timing]) -> Table:
    """The cases, a line each."""
    drawn = Table("rows", "cues", "codes", "read-out", "ms", "GB/s", "of a copy", "plain torch", title=title)
    for each in found:
        ratio = "does not fit" if each.ratio is None else f"{each.ratio:.1f} x"
        drawn.add_row(
            f"{each.rows:,}",
            str(each.batch),
            each.dtype,
            "yes" if each.values else "no",
            f"{each.ms:.3f}",
            f"{each.gb_per_s:.0f}",
            f"{each.share_of_copy:.0%}",
            ratio,
        )
    return drawn


def _random(n: int, device: str, seed: int) -> Tensor:
    """Unit vectors, float32 [n, d]."""
    generator = torch.Generator(device).manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(n, DIMENSION, generator=generator, device=device))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=_integers, default=[1_000_000, 10_000_000], metavar="N,N")
    parser.add_argument("--batches", type=_integers, default=[1, 256], metavar="B,B")
    parser.add_argument("--dtypes", type=_dtypes, default=list(DTYPES), metavar="D,D", help="of int8, bf16, fp8")
    parser.add_argument("--json", action="store_true", help="JSON on stdout in place of a table")
    return parser


def _integers(text: str) -> list[int]:
    found = [int(each) for each in text.split(",")]
    if min(found) < 1:
        raise ValueError(f"{text} has numbers below 1")
    return found


def _dtypes(text: str) -> list[str]:
    found = text.split(",")
    if unknown := set(found) - set(DTYPES):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {', '.join(DTYPES)}")
    return found


if __name__ == "__main__":
    sys.exit(main())
