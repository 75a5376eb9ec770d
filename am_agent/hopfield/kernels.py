"""Softmax retrieval in one pass over codes, on a GPU by Triton and anywhere by torch. Knows tensors only.

A pattern x_i is stored as scale_i * code_i, called x^_i, and e_i is at least |x_i - x^_i|. The score of a row is
s_i = x^_i.y + g_i. One pass reads the codes once and leaves, for each query, the log-sum-exp of beta s over all rows,
on demand the read-out sum_i p_i x^_i, and the greatest upper bound of each block of rows, from which the candidates for
the exact k best follow without a matrix of all scores.

The log-sum-exp and the read-out are the online ones (Milakov & Gimelshein 2018, "Online normalizer calculation for
softmax"), fused over tiles (Dao et al. 2022, "FlashAttention") and split over the rows (Dao et al. 2023,
"Flash-Decoding").

What a score can be wrong by, against the exact x_i.y + g_i, is the sum of

* e_i |y|, what the code leaves out (Cauchy-Schwarz);
* |x^_i| |y - y^|: the query is a sum of digits of 8 bits, in units of 2^-8p of its greatest entry, and y - y^ is what
  they leave, measured in float64. Three digits, or four where they cost nothing, leave as little as float32 does;
* the rounding of the sums, |x^_i| L times the unit below, with L = |y| + sum_p |digit p of y|. On int8 the products
  are summed in int32, so exactly, and what is left is to put the digits together and the second look in float32:
  d u / (1 - d u) in whatever order (Higham 2002, "Accuracy and Stability of Numerical Algorithms", eq. 3.5), u = 2^-24.
  On float codes the products are exact and tensor cores add them with truncation and a few guard bits (Fasi, Higham,
  Mikaitis & Pranesh 2021, "Numerical behavior of NVIDIA tensor cores"; Blanchard et al. 2020, "Mixed precision block
  fused multiply-add"), for which u = 2^-22 is taken. In plain torch it is float64, u = 2^-53;
* 2^-21 |g_i|, for rounding g itself and adding it.

|x^_i| is at most scale_i times the greatest length that a row of codes can have. To d, 16 are added for the few
operations at the end, and for the float64 of whoever scores the candidates exactly.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from am_agent.hopfield.mirror import CROSSOVER

_PEAKS = {torch.int8: 128.0, torch.float8_e4m3fn: 448.0}
_DTYPES = (torch.int8, torch.bfloat16, torch.float8_e4m3fn)
_PAIRS = 2**16  # pairs of a query and a block that are looked at together, the plain way
_ELEMENTS = 2**23  # float64 that the plain way holds at once
_WIDEST = 1024  # columns of a row that fit on the chip together with what is made of them
_ROOM = 2048  # candidates of a query that there is room for at first, beside some for those that are wanted
_FETCHED = 3 * 2**15  # bytes on the chip for what other fields give, fetched ahead like the codes
_GROUP = 64  # blocks that stand for each other where only good ones are wanted, not the best


@dataclass(frozen=True, slots=True)
class Streamed:
    """What one pass found for each query.

    Attributes:
        log_partition: log sum_i exp(beta s_i), float64 [b]; -inf where no row is seen.
        readout: sum_i p_i x^_i with p = softmax(beta s), float64 [b, d]; zero where no row is seen; None if not wanted.
        ids: Rows that may be among the k best, ascending for each query, one query after the other, int64 [m]. Every
            row whose exact score reaches the k-th best exact score is there, ties too.
        scores: Of these rows, float64 [m].
        radii: What each of these scores is wrong by at most, float64 [m].
        counts: How many of the rows are a query's, int64 [b].
    """

    log_partition: Tensor
    readout: Tensor | None
    ids: Tensor
    scores: Tensor
    radii: Tensor
    counts: Tensor

    def of(self, query: int) -> tuple[Tensor, Tensor]:
        """The rows of one query, int64 [m], and their scores, float64 [m]."""
        end = int(self.counts[: query + 1].sum())
        rows = slice(end - int(self.counts[query]), end)
        return self.ids[rows], self.scores[rows]


def streamed(
    codes: Tensor,
    scales: Tensor,
    queries: Tensor,
    *,
    beta: float,
    k: int,
    errors: Tensor | None = None,
    others: Tensor | None = None,
    values: bool = False,
    longest: float | None = None,
) -> Streamed:
    """Log-sum-exp over all rows, and what is needed for the exact k best, in one pass over the codes.

    On CUDA with Triton it runs there; elsewhere, and for more than 1024 columns, plain torch does the same in float64,
    block by block. Both find the exact k best, though not with the same other candidates.

    Args:
        codes: int8, bfloat16 or float8_e4m3fn, [n, d], contiguous. d may be anything, and is best a multiple of 16.
        scales: float32 [n]; x^_i = scales_i * codes_i.
        queries: float32 or float64 [b, d]; on the device of the codes or on the CPU.
        beta: Inverse temperature, in units of 1/score.
        k: How many are wanted; more than n are n.
        errors: What |x_i - x^_i| is at most, float32 [n]; None where the codes are the truth.
        others: g, what is added to each score, finite or -inf to hide a row, float32 or float64, [n] or [b, n].
        values: Whether the read-out is wanted.
        longest: What a row of codes is long at most. None takes the most that int8 and float8 can be, and measures
            bfloat16, which reads them once more.

    Returns:
        What the pass found, on the device of the codes.

    Raises:
        ValueError: Shapes, dtypes or devices do not fit, k is below 1, beta is not positive and finite, or a query is
            not finite.

    Example:
        >>> codes = torch.tensor([[127, 0], [0, 127], [90, 90]], dtype=torch.int8)
        >>> found = streamed(codes, torch.full((3,), 1 / 127), torch.tensor([[1.0, 0.0]]), beta=8.0, k=1, values=True)
        >>> found.ids, found.log_partition.numpy().round(3), found.readout.numpy().round(3)
        (tensor([0]), array([8.093]), array([[0.974, 0.063]]))
    """
    _require(codes, scales, queries, beta, k, errors, others)
    device, (n, d), batch = codes.device, codes.shape, len(queries)
    if not n or not batch:
        return Streamed(
            torch.full((batch,), -math.inf, dtype=torch.float64, device=device),
            torch.zeros(batch, d, dtype=torch.float64, device=device) if values else None,
            torch.empty(0, dtype=torch.int64, device=device),
            torch.empty(0, dtype=torch.float64, device=device),
            torch.empty(0, dtype=torch.float64, device=device),
            torch.zeros(batch, dtype=torch.int64, device=device),
        )
    reach = _reach(codes) if longest is None else longest
    exact = queries.to(torch.float64)
    way = _Tiles if _on_chip(codes) else _Plain
    scan = way(codes, scales, exact, reach, errors, others, values=values)
    uppers, log_partition, readout = scan.everything(beta)
    floors = scan.floors(uppers, min(k, n))
    ids, scores, radii, counts = scan.candidates(uppers, floors, k)
    return Streamed(log_partition, readout, ids, scores, radii, counts)


def pays(rows: int) -> bool:
    """Whether one cue over so many rows is answered sooner by a GPU than by the CPU.

    Example:
        >>> pays(0)
        False
    """
    return rows >= CROSSOVER and torch.cuda.is_available()


class _Plain:
    """In float64, with as many rows at once as fit a bounded space."""

    rows = 128  # of a block

    def __init__(
        self,
        codes: Tensor,
        scales: Tensor,
        queries: Tensor,
        reach: float,
        errors: Tensor | None,
        others: Tensor | None,
        *,
        values: bool,
    ) -> None:
        self._codes, self._scales, self._errors, self._values = codes, scales, errors, values
        self._others = None if others is None else others.expand(len(queries), -1)
        self._queries = queries.to(codes.device)
        self._lengths = self._queries.norm(dim=1)
        self._reaches = reach * 2 * (codes.shape[1] + 16) * 2.0**-53 * self._lengths

    def everything(self, beta: float) -> tuple[Tensor, Tensor, Tensor | None]:
        """The upper bounds of the blocks [blocks, b], log Z [b], and the read-out [b, d], the softmax kept online."""
        batch, (n, d) = len(self._queries), self._codes.shape
        top = torch.full((batch,), -math.inf, dtype=torch.float64, device=self._codes.device)
        total, readout = torch.zeros_like(top), torch.zeros_like(self._queries)
        uppers = []
        step = self.rows * max(1, _ELEMENTS // (d + 4 * batch) // self.rows)
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            patterns = self._codes[rows].to(torch.float64)
            scales = self._scales[rows].to(torch.float64)
            scores = (self._queries @ patterns.T) * scales
            radii = self._reaches[:, None] * scales
            if self._errors is not None:
                radii += self._lengths[:, None] * self._errors[rows].to(torch.float64)
            if self._others is not None:
                scores, radii = _with(scores, radii, self._others[:, rows])
            missing = -len(patterns) % self.rows
            padded = torch.nn.functional.pad(scores + radii, (0, missing), value=-math.inf)
            uppers.append(padded.view(batch, -1, self.rows).amax(2).T)
            higher = torch.maximum(top, scores.amax(1))
            base = higher.masked_fill(higher == -math.inf, 0.0)
            decay = (beta * (top - base)).exp()
            masses = (beta * (scores - base[:, None])).exp()
            top, total = higher, total * decay + masses.sum(1)
            if self._values:
                readout = readout * decay[:, None] + (masses * scales) @ patterns
        return torch.cat(uppers), *_joined(beta, top[None], total[None], readout[None] if self._values else None)

    def _again(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and upper bounds of the rows of pairs of query and block, [2, m] -> [m, rows] each."""
        n, d = self._codes.shape
        scores, uppers = [], []
        for queries, blocks in zip(
            *(torch.split(pair, max(1, _ELEMENTS // (self.rows * d))) for pair in pairs), strict=True
        ):
            rows = blocks[:, None] * self.rows + torch.arange(self.rows, device=pairs.device)
            beyond, rows = rows >= n, rows.clamp(max=n - 1)
            scales = self._scales[rows].to(torch.float64)
            # a float8 tensor knows few operations, but its bytes can be gathered
            gathered = self._codes.view(torch.uint8).view(n, -1)[rows].view(self._codes.dtype).to(torch.float64)
            found = torch.einsum("mrd,md->mr", gathered, self._queries[queries]) * scales
            radii = self._reaches[queries][:, None] * scales
            if self._errors is not None:
                radii += self._lengths[queries][:, None] * self._errors[rows].to(torch.float64)
            if self._others is not None:
                found, radii = _with(found, radii, self._others[queries[:, None], rows])
            found.masked_fill_(beyond, -math.inf)
            scores.append(found)
            uppers.append(found + radii)
        return torch.cat(scores), torch.cat(uppers)

    def floors(self, uppers: Tensor, k: int) -> Tensor:
        """A score that k rows are sure to reach [b]: the k-th best lower bound in the k blocks of the best bounds."""
        blocks, batch = uppers.shape
        wanted = min(k, blocks)
        best = uppers.T.topk(wanted, sorted=False).indices
        floors = []
        step = max(1, _PAIRS // wanted)
        for start in range(0, batch, step):
            part = best[start : start + step]
            queries = torch.arange(start, start + len(part), device=uppers.device).repeat_interleave(wanted)
            scores, bounds = self._again(torch.stack([queries, part.flatten()]))
            lowers = torch.where(scores == -math.inf, scores, scores - (bounds - scores)).view(len(part), -1)
            floors.append(lowers.topk(k).values[:, -1])
        return torch.cat(floors)

    def candidates(self, uppers: Tensor, floors: Tensor, _k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The rows that can reach the floors: ids, scores, radii, and how many for each query."""
        bounds = uppers.T
        pairs = torch.stack(((bounds >= floors[:, None]) & (bounds > -math.inf)).nonzero(as_tuple=True))
        found = list(self._reaching(pairs, floors))
        owners, ids, scores, radii = (torch.cat(each) for each in zip(*found, strict=True))
        return ids, scores, radii, torch.bincount(owners, minlength=len(floors))

    def _reaching(self, pairs: Tensor, floors: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Query, row, score and radius of the rows of some pairs that can reach the floors, part by part."""
        for part in torch.split(pairs, _PAIRS, dim=1):
            scores, bounds = self._again(part)
            pair, row = ((bounds >= floors[part[0]][:, None]) & (scores > -math.inf)).nonzero(as_tuple=True)
            kept = scores[pair, row]
            yield part[0][pair], part[1][pair] * self.rows + row, kept, bounds[pair, row] - kept


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the work is cut for a chip.

    Attributes:
        rows: Of a block.
        queries: Of a chunk; 4 of them have all their digits in one operand.
        warps: Of a program.
        stages: Blocks under way at once.
        programs: That run at once.
    """

    rows: int
    queries: int
    warps: int
    stages: int
    programs: int

    @property
    def packed(self) -> bool:
        """Whether all digits of a chunk are one operand."""
        return self.queries == 4


def _shape(codes: Tensor, batch: int, values: bool, others: bool) -> _Shape:
    """How to cut the work, by what the multiprocessors of the device hold; measured on an H200 where it matters."""
    if not codes.is_cuda:
        return _Shape(32, 4 if batch <= 4 else 64, 4, 1, 6)
    chip: Any = torch.cuda.get_device_properties(codes.device)
    return _cut(
        codes.dtype,
        sum(_parts(codes.shape[1])),
        batch,
        values,
        chip.shared_memory_per_block_optin - (_FETCHED if others and batch > 4 else 0),
        chip.multi_processor_count,
    )


def _cut(dtype: torch.dtype, width: int, batch: int, values: bool, memory: int, processors: int) -> _Shape:
    """The same from bare numbers.

    Args:
        dtype: Of the codes.
        width: Columns of a row on the chip.
        batch: Queries.
        values: Whether the read-out is wanted.
        memory: Bytes on the chip for a program.
        processors: Of the chip.
    """
    integers = dtype == torch.int8
    line = width * dtype.itemsize
    memory -= 2**13  # for what is passed between threads
    if batch <= 4:
        alone = integers and not values
        rows = 128 if alone else 64 if dtype.itemsize == 1 else 32
        while rows > 16 and rows * line > (49152 if alone else 24576):
            rows //= 2
        spare = memory if alone else memory // 2 - 2**13
        spare -= rows * width * 2 if values and dtype.itemsize == 1 else 0
        return _Shape(rows, 4, 8 if alone else 4, _stages(spare, rows * line, 4), processors * (1 if alone else 2))
    rows = 64 if integers and not values else 32
    # beside the tile that they came in, bytes are widened
    held = rows * width * 2 if dtype.itemsize == 1 and (values or not integers) else 0
    digits = 3 * width * (1 if integers else 2)
    # What is read out for 64 queries fits into no registers, and that for 128 only beside integers.
    sizes = ((128,) if integers else ()) if values else (128, 64)
    most = next((each for each in (16, *sorted(sizes)) if batch <= each), 128)
    fitting = (each for each in sizes if each <= most and each * digits + held + 2 * rows * line <= memory)
    queries, stages = next(fitting, 16), 2 if values else 3
    if queries == 16:
        twice = 16 * digits + held + (stages - 1) * rows * line <= memory // 2
        return _Shape(rows, queries, 4, stages, processors * (2 if twice else 1))
    stages = _stages(memory - queries * digits - held, rows * line, stages)
    return _Shape(rows, queries, queries // 16, stages, processors)


def _stages(memory: int, tile: int, most: int) -> int:
    """How many tiles fit, at least one."""
    return max(1, min(most, memory // tile))


class _Tiles:
    """By Triton, a tile of codes at a time."""

    def __init__(
        self,
        codes: Tensor,
        scales: Tensor,
        queries: Tensor,
        reach: float,
        errors: Tensor | None,
        others: Tensor | None,
        *,
        values: bool,
    ) -> None:
        from am_agent.hopfield import tiles

        self._tiles: Any = tiles
        self._codes, self._values, self._batch = codes, values, len(queries)
        self._shape = _shape(codes, len(queries), values, others is not None)
        self._has = {"HAS_ERRORS": errors is not None, "HAS_OTHERS": others is not None}
        self._stored = (
            codes,
            scales,
            scales if errors is None else errors,
            scales if others is None else others.to(torch.float32).contiguous(),
        )
        self._stride = len(codes) if others is not None and others.ndim == 2 else 0
        self._sizes = {"D": codes.shape[1], "ROWS": self._shape.rows, "COLUMNS": 64, **self._has}
        self._take_apart(queries.to(codes.device), reach)

    def _take_apart(self, queries: Tensor, reach: float) -> None:
        """The queries in digits, and how far a score can be off."""
        (batch, d), device = queries.shape, self._codes.device
        width, padded = sum(_parts(d)), -(-batch // self._shape.queries) * self._shape.queries
        unit = 2.0**-24 if self._codes.dtype == torch.int8 else 2.0**-22
        self._digits = torch.empty(4, padded, width, dtype=torch.int8, device=device)
        numbers = torch.empty(6 * padded + batch * d, device=device)
        self._weights, self._reaches, self._queries = torch.split(numbers, [4 * padded, 2 * padded, batch * d])
        self._tiles.split[(padded,)](
            queries.contiguous(),
            self._digits,
            self._weights,
            self._reaches,
            self._queries,
            batch,
            padded,
            1.01 * (d + 16) * unit,
            reach,
            D=d,
            WIDTH=width,
            COLUMNS=1 << (width - 1).bit_length(),
            PACKED=self._shape.packed,
        )

    def everything(self, beta: float) -> tuple[Tensor, Tensor, Tensor | None]:
        """The upper bounds of the blocks [blocks, padded], log Z [b], and the read-out [b, d]: one launch."""
        shape, (n, d), device = self._shape, self._codes.shape, self._codes.device
        left, right = _parts(d)
        padded = self._digits.shape[1]
        chunks, blocks = padded // shape.queries, -(-n // shape.rows)
        groups = max(1, min(blocks, shape.programs // chunks))
        uppers = torch.empty(blocks, padded, device=device)
        tops, sums = torch.empty(2, groups, padded, device=device)
        readouts = torch.empty(groups, padded, left + right, device=device) if self._values else sums
        self._tiles.stream[(groups * chunks,)](
            *self._stored,
            self._digits,
            self._weights,
            self._reaches,
            uppers,
            tops,
            sums,
            readouts,
            n,
            self._batch,
            padded,
            chunks,
            blocks,
            beta / math.log(2),
            self._stride,
            D=d,
            LEFT=left,
            RIGHT=right,
            ROWS=shape.rows,
            QUERIES=shape.queries,
            PACKED=shape.packed,
            WHOLE=left + right == d,
            VALUES=self._values,
            FLOAT=self._tiles.FLOAT,
            STAGES=shape.stages,
            num_warps=shape.warps,
            **self._has,
        )
        own = slice(self._batch)
        totals = _joined(beta, tops[:, own], sums[:, own], readouts[:, own, :d] if self._values else None)
        return uppers, *totals

    def floors(self, uppers: Tensor, k: int) -> Tensor:
        """A score that k rows are sure to reach [b]: the k-th best lower bound in k blocks with good upper ones."""
        blocks, batch = len(uppers), self._batch
        wanted = min(k, blocks)
        whole = blocks // _GROUP
        if whole >= 4 * wanted:
            # Any rows give a floor. The best of each group of blocks are nearly the best ones, and found sooner.
            grouped = uppers[: whole * _GROUP].view(whole, _GROUP, -1).max(1)
            groups = grouped.values[:, :batch].T.topk(wanted, sorted=False).indices
            best = groups * _GROUP + grouped.indices[:, :batch].T.gather(1, groups)
        else:
            best = uppers[:, :batch].T.topk(wanted, sorted=False).indices.contiguous()
        lowers = torch.empty(batch, wanted * self._shape.rows, device=uppers.device)
        self._tiles.lowers[(batch * wanted,)](
            *self._stored,
            self._queries,
            self._reaches,
            best,
            lowers,
            len(self._codes),
            uppers.shape[1],
            wanted,
            self._stride,
            **self._sizes,
        )
        return lowers.topk(k).values[:, -1].contiguous()

    def candidates(self, uppers: Tensor, floors: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The rows that can reach the floors: ids, scores, radii, and how many for each query."""
        n, batch, (blocks, padded) = len(self._codes), self._batch, uppers.shape
        room = batch * min(n, 4 * k + _ROOM)
        while True:
            counts = torch.zeros(batch + 1, dtype=torch.int64, device=uppers.device)
            keys = torch.full((room,), torch.iinfo(torch.int64).max, device=uppers.device)
            numbers = torch.empty(2, room, device=uppers.device)
            self._tiles.collect[(batch * -(-blocks // 32),)](
                *self._stored,
                self._queries,
                self._reaches,
                uppers,
                floors,
                counts,
                keys,
                *numbers,
                n,
                padded,
                batch,
                blocks,
                room,
                self._stride,
                BLOCKS=32,
                **self._sizes,
            )
            # All of this is under way before the one number is waited for that says how much of it counts.
            keys, order = keys.sort()
            scores, radii = numbers[:, order].to(torch.float64)
            ids = keys if batch == 1 else keys % n
            found = int(counts[batch])
            if found <= room:
                return ids[:found], scores[:found], radii[:found], counts[:batch]
            room = found


def _on_chip(codes: Tensor) -> bool:
    """Whether Triton can run where the codes are."""
    if codes.shape[1] > _WIDEST or len(codes) >= 2**31 or find_spec("triton") is None:
        return False
    if not codes.is_cuda:
        return os.environ.get("TRITON_INTERPRET") == "1"  # Triton's own switch: its programs run on the CPU, slowly
    chip: Any = torch.cuda.get_device_properties(codes.device)
    least = (8, 9) if codes.dtype == torch.float8_e4m3fn else (8, 0)
    fits = 224 * sum(_parts(codes.shape[1])) <= chip.shared_memory_per_block_optin
    return torch.version.cuda is not None and (chip.major, chip.minor) >= least and fits


def _reach(codes: Tensor) -> float:
    """What a row of codes is long at most."""
    if codes.dtype in _PEAKS:
        return _PEAKS[codes.dtype] * math.sqrt(codes.shape[1])
    step = max(1, _ELEMENTS // max(1, codes.shape[1]))
    longest = torch.stack([part.to(torch.float32).norm(dim=1).amax() for part in torch.split(codes, step)])
    return float(longest.amax()) * (1 + 2.0**-10)


def _parts(d: int) -> tuple[int, int]:
    """Two powers of two that hold d columns, the second 0 where one does; a matrix instruction takes 32 at least."""
    left = max(32, 1 << (d.bit_length() - 1))
    return left, 0 if d <= left else max(32, 1 << (d - left - 1).bit_length())


def _with(scores: Tensor, radii: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """The scores with g, and the bounds with what that adds."""
    given = others.to(torch.float64)
    return scores + given, radii + given.abs().masked_fill(given == -math.inf, 0.0) * 2.0**-21


def _joined(beta: float, tops: Tensor, sums: Tensor, readouts: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Log Z [b] and the read-out [b, d] from those of parts, [parts, b] and [parts, b, d]."""
    tops, sums = tops.to(torch.float64), sums.to(torch.float64)
    top = tops.amax(0)
    base = top.masked_fill(top == -math.inf, 0.0)
    decays = (beta * (tops - base)).exp()
    total = (decays * sums).sum(0)
    log_partition = beta * base + total.log()
    if readouts is None:
        return log_partition, None
    shares = decays / total.masked_fill(total == 0, 1.0)
    return log_partition, torch.einsum("gb,gbd->bd", shares, readouts.to(torch.float64))


def _require(
    codes: Tensor,
    scales: Tensor,
    queries: Tensor,
    beta: float,
    k: int,
    errors: Tensor | None,
    others: Tensor | None,
) -> None:
    """Refuse what does not fit together."""
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be positive and finite, got {beta}; try energy.critical_beta(count, spread)")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}; ask for one row at least")
    _require_codes(codes)
    _require_queries(queries, codes)
    row: tuple[int, ...] = (len(codes),)
    _require_beside("scales", scales, (torch.float32,), (row,), codes)
    if errors is not None:
        _require_beside("errors", errors, (torch.float32,), (row,), codes)
    if others is not None:
        _require_beside("others", others, (torch.float32, torch.float64), (row, (len(queries), *row)), codes)


def _require_codes(codes: Tensor) -> None:
    if codes.ndim != 2 or not codes.shape[1]:
        raise ValueError(f"codes must be [n, d] with d at least 1, got shape {tuple(codes.shape)}; one row a pattern")
    if codes.dtype not in _DTYPES:
        raise ValueError(f"codes must be int8, bfloat16 or float8_e4m3fn, got {codes.dtype}; quantise them row by row")
    if codes.device.type not in {"cpu", "cuda"}:
        raise ValueError(f"codes lie on {codes.device}, where there is no float64; move them to the CPU or to CUDA")
    if not codes.is_contiguous():
        raise ValueError(f"codes must lie row by row, got strides {codes.stride()}; pass codes.contiguous()")


def _require_queries(queries: Tensor, codes: Tensor) -> None:
    d = codes.shape[1]
    if queries.ndim != 2 or queries.shape[1] != d:
        raise ValueError(f"queries must be [b, {d}] for these codes, got shape {tuple(queries.shape)}; use one encoder")
    if queries.dtype not in {torch.float32, torch.float64}:
        raise ValueError(f"queries must be float32 or float64, got {queries.dtype}; pass queries.float()")
    if queries.device.type != "cpu" and queries.device != codes.device:
        raise ValueError(f"queries lie on {queries.device}, codes on {codes.device}; move them there")
    if not bool(queries.isfinite().all()):
        bad = int((~queries.isfinite()).any(1).sum())
        raise ValueError(f"{bad} of {len(queries)} queries have NaN or infinite entries; check what encoded them")


def _require_beside(
    name: str,
    array: Tensor,
    dtypes: tuple[torch.dtype, ...],
    shapes: tuple[tuple[int, ...], ...],
    codes: Tensor,
) -> None:
    """Refuse numbers of the rows that do not fit the codes."""
    if tuple(array.shape) not in shapes:
        fitting = " or ".join(str(list(shape)) for shape in shapes)
        raise ValueError(f"{name} must be {fitting} for these codes, got {list(array.shape)}; one number a row")
    if array.dtype not in dtypes:
        allowed = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        raise ValueError(f"{name} must be {allowed}, got {array.dtype}; convert them")
    if array.device != codes.device:
        raise ValueError(f"{name} lie on {array.device}, codes on {codes.device}; move them there")
