"""The Triton programs of a pass over codes on a GPU: over everything, and over a few blocks again. Knows no selection.

Importable only where Triton is. `am_agent.hopfield.kernels` says what they compute, and computes it without them too.

The softmax is the online one (Milakov & Gimelshein 2018, "Online normalizer calculation for softmax"), with the tile of
codes used for the scores and for the read-out while it is on the chip (Dao et al. 2022, "FlashAttention"), and with the
rows split over all multiprocessors and put together afterwards (Dao et al. 2023, "Flash-Decoding").
"""

import os

import triton
import triton.language as tl

FLOAT = tl.float32 if os.environ.get("TRITON_INTERPRET") == "1" else tl.bfloat16
"""What is multiplied where it is not integers; the interpreter would take the bits of a bfloat16 for an integer."""


@triton.jit
def _opened(codes, FLOAT: tl.constexpr):
    """Codes as numbers that a matrix instruction multiplies.

    The instruction that does nothing keeps Triton from turning the two steps around, changing the layout byte by byte
    and converting afterwards: with that the codes could not be fetched ahead of their use.
    """
    opened = codes.to(FLOAT)
    if FLOAT == tl.bfloat16:  # noqa: SIM102, SIM300
        if codes.dtype != tl.bfloat16:
            opened = tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [opened], tl.bfloat16, False, 2)
    return opened


@triton.jit
def split(
    queries,
    planes,
    weights,
    reaches,
    singles,
    batch,
    padded,
    rounding,
    reach,
    D: tl.constexpr,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
    PACKED: tl.constexpr,
) -> None:
    """Take a query apart into digits of 8 bits, each in -128 to 127; a program a query.

    Args:
        queries: float64 [batch, D].
        planes: The digits, the greatest first, int8 [4, padded, WIDTH].
        weights: What a digit is worth, float32 [4, padded].
        reaches: |y|, and the bound of what a score of a row of scale one is wrong by, float32 [2, padded].
        singles: The queries, float32 [batch, D].
        batch: Queries.
        padded: Queries, with those that fill the last chunk.
        rounding: What the sums are wrong by, of the lengths that are summed.
        reach: What a row of codes is long at most.
        D: Dimension.
        WIDTH: Columns of a plane, D or more.
        COLUMNS: A power of two, WIDTH or more.
        PACKED: Four digits; else the last one is zero.
    """
    row = tl.program_id(0)
    columns = tl.arange(0, COLUMNS)
    inside = (columns < D) & (row < batch)
    query = tl.load(queries + row * D + columns, mask=inside, other=0.0)
    length = tl.sqrt(tl.sum(query * query, axis=0))
    unit = tl.maximum(tl.max(tl.abs(query), axis=0) / 126.0, 7.888609052210118e-31).to(tl.float32)
    last = unit.to(tl.float64) * 5.960464477539063e-08
    lowest: tl.constexpr = 1.0 if PACKED else 256.0
    whole = tl.floor(query / (last * lowest) + 0.5) * lowest
    left = query - whole * last
    # An integer is the sum of its bytes, the lower ones taken as -128 to 127, after 128 was added to each of them.
    bytes_ = whole.to(tl.int32) + 0x808080
    begin = planes + row * WIDTH + columns
    kept = columns < WIDTH
    tl.store(begin, (bytes_ >> 24).to(tl.int8), mask=kept)
    tl.store(begin + padded * WIDTH, (((bytes_ >> 16) & 255) - 128).to(tl.int8), mask=kept)
    tl.store(begin + 2 * padded * WIDTH, (((bytes_ >> 8) & 255) - 128).to(tl.int8), mask=kept)
    tl.store(begin + 3 * padded * WIDTH, ((bytes_ & 255) - 128).to(tl.int8), mask=kept)
    place = tl.arange(0, 4)
    tl.store(weights + place * padded + row, unit * tl.exp2(-8.0 * place.to(tl.float32)))
    tl.store(singles + row * D + columns, query.to(tl.float32), mask=inside)
    # The first digit is y to half a unit an entry, the others together are less than that. 2^-20: the bounds are
    # themselves rounded, added and compared in float32.
    long = 2.0 * length + 1.02 * tl.sqrt(D * 1.0) * unit
    bound = reach * (rounding * long + tl.sqrt(tl.sum(left * left, axis=0)))
    tl.store(reaches + row, (length * 1.00000095367431640625).to(tl.float32))
    tl.store(reaches + padded + row, (bound * 1.00000095367431640625).to(tl.float32))


@triton.jit
def stream(
    codes,
    scales,
    errors,
    others,
    planes,
    weights,
    reaches,
    uppers,
    tops,
    sums,
    readouts,
    n,
    batch,
    padded,
    chunks,
    blocks,
    beta2,
    stride,
    D: tl.constexpr,
    LEFT: tl.constexpr,
    RIGHT: tl.constexpr,
    ROWS: tl.constexpr,
    QUERIES: tl.constexpr,
    PACKED: tl.constexpr,
    WHOLE: tl.constexpr,
    HAS_ERRORS: tl.constexpr,
    HAS_OTHERS: tl.constexpr,
    VALUES: tl.constexpr,
    FLOAT: tl.constexpr,
    STAGES: tl.constexpr,
) -> None:
    """Score every row for a chunk of queries.

    Every program takes every `groups`-th block of ROWS rows. Programs of one block and different chunks lie side by
    side, so that the codes come from memory for the first of them, and from the cache for the others.

    Args:
        codes: [n, D], int8, bfloat16 or float8.
        scales: float32 [n].
        errors: float32 [n], if HAS_ERRORS.
        others: float32 [n] (stride 0) or [batch, n] (stride n), if HAS_OTHERS.
        planes: The queries, digit by digit, int8 [4, padded, LEFT + RIGHT].
        weights: What a digit is worth, float32 [4, padded].
        reaches: |y|, and the bound of the rounding for a row of scale one, float32 [2, padded].
        uppers: The greatest upper bound of a score in a block, float32 [blocks, padded].
        tops: The greatest score of a program, float32 [groups, padded].
        sums: Of exp(beta (score - top)), float32 [groups, padded].
        readouts: Of exp(beta (score - top)) x, float32 [groups, padded, LEFT + RIGHT], if VALUES.
        n: Rows.
        batch: Queries.
        padded: Queries, with those that fill the last chunk.
        chunks: Of QUERIES queries.
        blocks: Of ROWS rows.
        beta2: beta log2(e).
        stride: Of `others`.
        D: Dimension, LEFT + RIGHT or less.
        LEFT: A power of two: the columns of the first part of a row.
        RIGHT: A power of two, or 0: the columns of the second.
        ROWS: Of a block.
        QUERIES: Of a chunk.
        PACKED: The four digits of four queries are one operand of sixteen rows; else each of the first three is one.
        WHOLE: D is LEFT + RIGHT.
        HAS_ERRORS: There are errors.
        HAS_OTHERS: There are others.
        VALUES: The read-out is wanted.
        FLOAT: As above.
        STAGES: Blocks under way at once.
    """
    chunk = tl.program_id(0) % chunks
    group = tl.program_id(0) // chunks
    groups = tl.num_programs(0) // chunks
    width: tl.constexpr = LEFT + RIGHT
    left = tl.arange(0, LEFT)
    queries = chunk * QUERIES + tl.arange(0, QUERIES)
    length = tl.load(reaches + queries)
    reach = tl.load(reaches + padded + queries)
    integers: tl.constexpr = codes.dtype.element_ty == tl.int8
    summed: tl.constexpr = tl.int32 if integers else tl.float32
    if PACKED:
        lines = tl.arange(0, 4 * QUERIES)
        first_left = tl.load(planes + lines[:, None] * width + left[None, :])
        worth = tl.load(weights + tl.arange(0, 4)[:, None] * padded + queries[None, :])
    else:
        first_left = tl.load(planes + queries[:, None] * width + left[None, :])
        second_left = tl.load(planes + (padded + queries)[:, None] * width + left[None, :])
        third_left = tl.load(planes + (2 * padded + queries)[:, None] * width + left[None, :])
        first_worth = tl.load(weights + queries)
        second_worth = tl.load(weights + padded + queries)
        third_worth = tl.load(weights + 2 * padded + queries)
    if RIGHT > 0:
        right = LEFT + tl.arange(0, RIGHT)
        if PACKED:
            first_right = tl.load(planes + lines[:, None] * width + right[None, :])
        else:
            first_right = tl.load(planes + queries[:, None] * width + right[None, :])
            second_right = tl.load(planes + (padded + queries)[:, None] * width + right[None, :])
            third_right = tl.load(planes + (2 * padded + queries)[:, None] * width + right[None, :])
    if not integers:
        first_left = _opened(first_left, FLOAT)
        if RIGHT > 0:
            first_right = _opened(first_right, FLOAT)
        if not PACKED:
            second_left = _opened(second_left, FLOAT)
            third_left = _opened(third_left, FLOAT)
            if RIGHT > 0:
                second_right = _opened(second_right, FLOAT)
                third_right = _opened(third_right, FLOAT)
    top = tl.full([QUERIES], float("-inf"), tl.float32)
    total = tl.zeros([QUERIES], tl.float32)
    if VALUES:
        held: tl.constexpr = 4 * QUERIES if PACKED else QUERIES
        out_left = tl.zeros([held, LEFT], tl.float32)
        if RIGHT > 0:
            out_right = tl.zeros([held, RIGHT], tl.float32)
    for block in tl.range(group, blocks, groups, num_stages=STAGES):
        rows = (block * ROWS + tl.arange(0, ROWS)).to(tl.int64)
        live = rows < n
        mask = live[:, None] if WHOLE else live[:, None] & (left < D)[None, :]
        code_left = tl.load(codes + rows[:, None] * D + left[None, :], mask=mask, other=0.0)
        if RIGHT > 0:
            mask = live[:, None] if WHOLE else live[:, None] & (right < D)[None, :]
            code_right = tl.load(codes + rows[:, None] * D + right[None, :], mask=mask, other=0.0)
        if not integers:
            # Where the codes have one use only, the loads are ahead of it in any case.
            code_left = _opened(code_left, FLOAT) if VALUES else code_left.to(FLOAT)
            if RIGHT > 0:
                code_right = _opened(code_right, FLOAT) if VALUES else code_right.to(FLOAT)
        scale = tl.load(scales + rows, mask=live, other=0.0)
        if PACKED:
            product = tl.dot(first_left, tl.trans(code_left), out_dtype=summed)
            if RIGHT > 0:
                product = tl.dot(first_right, tl.trans(code_right), product, out_dtype=summed)
            digits = tl.reshape(product.to(tl.float32), [4, QUERIES, ROWS])
            score = tl.sum(digits * worth[:, :, None], axis=0)
        else:
            product = tl.dot(first_left, tl.trans(code_left), out_dtype=summed)
            if RIGHT > 0:
                product = tl.dot(first_right, tl.trans(code_right), product, out_dtype=summed)
            score = product.to(tl.float32) * first_worth[:, None]
            product = tl.dot(second_left, tl.trans(code_left), out_dtype=summed)
            if RIGHT > 0:
                product = tl.dot(second_right, tl.trans(code_right), product, out_dtype=summed)
            score += product.to(tl.float32) * second_worth[:, None]
            product = tl.dot(third_left, tl.trans(code_left), out_dtype=summed)
            if RIGHT > 0:
                product = tl.dot(third_right, tl.trans(code_right), product, out_dtype=summed)
            score += product.to(tl.float32) * third_worth[:, None]
        score *= scale[None, :]
        radius = reach[:, None] * scale[None, :]
        if HAS_ERRORS:
            radius += length[:, None] * tl.load(errors + rows, mask=live, other=0.0)[None, :]
        if HAS_OTHERS:
            seen = live[None, :] & (queries < batch)[:, None]
            own = queries.to(tl.int64)[:, None] * stride + rows[None, :]
            other = tl.load(others + own, mask=seen, other=float("-inf"))
            score += other
            radius += tl.where(other == float("-inf"), 0.0, tl.abs(other) * 4.76837158203125e-07)
        score = tl.where(live[None, :], score, float("-inf"))
        at = (tl.zeros([QUERIES], tl.int64) + block) * padded + queries
        tl.store(uppers + at, tl.max(score + radius, axis=1))
        higher = tl.maximum(top, tl.max(score, axis=1))
        base = tl.where(higher == float("-inf"), 0.0, higher)
        decay = tl.exp2((top - base) * beta2)
        mass = tl.exp2((score - base[:, None]) * beta2)
        total = total * decay + tl.sum(mass, axis=1)
        top = higher
        if VALUES:
            # A bfloat16 has 8 bits; with what it leaves as a second one the weights have 16.
            mass *= scale[None, :]
            coarse = mass.to(FLOAT)
            fine = mass - coarse.to(tl.float32)
            value_left = _opened(code_left, FLOAT)
            if RIGHT > 0:
                value_right = _opened(code_right, FLOAT)
            if PACKED:
                which = tl.arange(0, 4)[:, None, None]
                pair = tl.where(which == 1, fine[None, :, :], 0.0)
                pair = tl.where(which == 0, coarse.to(tl.float32)[None, :, :], pair)
                pair = tl.reshape(pair, [4 * QUERIES, ROWS]).to(FLOAT)
                decays = tl.reshape(tl.broadcast_to(decay[None, :], [4, QUERIES]), [4 * QUERIES])
                out_left = tl.dot(pair, value_left, out_left * decays[:, None])
                if RIGHT > 0:
                    out_right = tl.dot(pair, value_right, out_right * decays[:, None])
            else:
                out_left = tl.dot(coarse, value_left, out_left * decay[:, None])
                fine = fine.to(FLOAT)
                out_left = tl.dot(fine, value_left, out_left)
                if RIGHT > 0:
                    out_right = tl.dot(coarse, value_right, out_right * decay[:, None])
                    out_right = tl.dot(fine, value_right, out_right)
    tl.store(tops + group * padded + queries, top)
    tl.store(sums + group * padded + queries, total)
    if VALUES:
        begin = readouts + (group * padded + queries).to(tl.int64)[:, None] * width
        if PACKED:
            tl.store(begin + left[None, :], tl.sum(tl.reshape(out_left, [4, QUERIES, LEFT]), axis=0))
            if RIGHT > 0:
                tl.store(begin + right[None, :], tl.sum(tl.reshape(out_right, [4, QUERIES, RIGHT]), axis=0))
        else:
            tl.store(begin + left[None, :], out_left)
            if RIGHT > 0:
                tl.store(begin + right[None, :], out_right)


@triton.jit
def _scored(
    codes,
    scales,
    errors,
    others,
    queries,
    reaches,
    query,
    block,
    n,
    padded,
    stride,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    HAS_ERRORS: tl.constexpr,
    HAS_OTHERS: tl.constexpr,
):
    """Score the rows of a block for a query in float32: row numbers, scores (-inf beyond the last row) and radii."""
    rows = block.to(tl.int64) * ROWS + tl.arange(0, ROWS)
    live = rows < n
    score = tl.zeros([ROWS], tl.float32)
    for start in range(0, D, COLUMNS):
        columns = start + tl.arange(0, COLUMNS)
        inside = columns < D
        code = tl.load(codes + rows[:, None] * D + columns[None, :], mask=live[:, None] & inside[None, :], other=0.0)
        part = tl.load(queries + query * D + columns, mask=inside, other=0.0)
        score += tl.sum(code.to(tl.float32) * part[None, :], axis=1)
    scale = tl.load(scales + rows, mask=live, other=0.0)
    score *= scale
    radius = tl.load(reaches + padded + query) * scale
    if HAS_ERRORS:
        radius += tl.load(reaches + query) * tl.load(errors + rows, mask=live, other=0.0)
    if HAS_OTHERS:
        other = tl.load(others + query.to(tl.int64) * stride + rows, mask=live, other=float("-inf"))
        score += other
        radius += tl.where(other == float("-inf"), 0.0, tl.abs(other) * 4.76837158203125e-07)
    return rows, tl.where(live, score, float("-inf")), radius


@triton.jit
def lowers(
    codes,
    scales,
    errors,
    others,
    queries,
    reaches,
    chosen,
    found,
    n,
    padded,
    wanted,
    stride,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    HAS_ERRORS: tl.constexpr,
    HAS_OTHERS: tl.constexpr,
) -> None:
    """What the rows of some blocks score at least; a program a block.

    Args:
        codes: [n, D].
        scales: float32 [n].
        errors: float32 [n], if HAS_ERRORS.
        others: float32 [n] (stride 0) or [batch, n] (stride n), if HAS_OTHERS.
        queries: float32 [batch, D].
        reaches: As for `stream`.
        chosen: The blocks of each query, int64 [batch, wanted].
        found: float32 [batch, wanted, ROWS]; -inf for rows that are hidden or do not exist.
        n: Rows.
        padded: Queries in `reaches`.
        wanted: Blocks a query.
        stride: Of `others`.
        D: Dimension.
        ROWS: Of a block.
        COLUMNS: A power of two: read at once.
        HAS_ERRORS: There are errors.
        HAS_OTHERS: There are others.
    """
    program = tl.program_id(0)
    block = tl.load(chosen + program)
    _, score, radius = _scored(
        codes, scales, errors, others, queries, reaches, program // wanted, block, n, padded, stride,
        D, ROWS, COLUMNS, HAS_ERRORS, HAS_OTHERS,
    )  # fmt: skip
    tl.store(found + program.to(tl.int64) * ROWS + tl.arange(0, ROWS), score - radius)


@triton.jit
def collect(
    codes,
    scales,
    errors,
    others,
    queries,
    reaches,
    uppers,
    floors,
    counts,
    keys,
    scores,
    radii,
    n,
    padded,
    batch,
    blocks,
    room,
    stride,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    BLOCKS: tl.constexpr,
    HAS_ERRORS: tl.constexpr,
    HAS_OTHERS: tl.constexpr,
) -> None:
    """Write down the rows that can reach a floor, in no order; a program looks at BLOCKS blocks for one query.

    Args:
        codes: [n, D].
        scales: float32 [n].
        errors: float32 [n], if HAS_ERRORS.
        others: float32 [n] (stride 0) or [batch, n] (stride n), if HAS_OTHERS.
        queries: float32 [batch, D].
        reaches: As for `stream`.
        uppers: As `stream` left them, float32 [blocks, padded].
        floors: float32 [batch].
        counts: How many were found for each query, and for all together, int64 [batch + 1], zeros before.
        keys: query * n + row, int64 [room].
        scores: float32 [room].
        radii: float32 [room].
        n: Rows.
        padded: Queries in `reaches` and `uppers`.
        batch: Queries.
        blocks: Of ROWS rows.
        room: How many can be written; more are counted only.
        stride: Of `others`.
        D: Dimension.
        ROWS: Of a block.
        COLUMNS: A power of two: read at once.
        BLOCKS: A power of two.
        HAS_ERRORS: There are errors.
        HAS_OTHERS: There are others.
    """
    query = tl.program_id(0) % batch
    first = tl.program_id(0) // batch * BLOCKS
    floor = tl.load(floors + query)
    at = first + tl.arange(0, BLOCKS)
    upper = tl.load(uppers + at.to(tl.int64) * padded + query, mask=at < blocks, other=float("-inf"))
    reaching = (upper >= floor) & (upper > float("-inf"))
    if tl.max(reaching.to(tl.int32), axis=0) > 0:
        for block in range(first, tl.minimum(first + BLOCKS, blocks)):
            if tl.max(tl.where(at == block, reaching, False).to(tl.int32), axis=0) > 0:
                rows, score, radius = _scored(
                    codes, scales, errors, others, queries, reaches, query, first * 0 + block, n, padded, stride,
                    D, ROWS, COLUMNS, HAS_ERRORS, HAS_OTHERS,
                )  # fmt: skip
                kept = (score + radius >= floor) & (score > float("-inf"))
                places = tl.cumsum(kept.to(tl.int32), axis=0)
                found = tl.sum(kept.to(tl.int32), axis=0).to(tl.int64)
                tl.atomic_add(counts + query, found)
                begin = tl.atomic_add(counts + batch, found)
                to = begin + places - 1
                fits = kept & (to < room)
                tl.store(keys + to, query.to(tl.int64) * n + rows, mask=fits)
                tl.store(scores + to, score, mask=fits)
                tl.store(radii + to, radius, mask=fits)
