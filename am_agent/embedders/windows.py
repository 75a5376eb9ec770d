"""Cutting a long text into windows that an encoder can read whole. Knows token offsets, no tokenizer and no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

RULE = 1
"""The number of the rule by which texts are cut: another rule makes other vectors, so fingerprints hold it."""


def windows(text: str, offsets: Sequence[tuple[int, int]], width: int) -> list[str]:
    """Cut a text into overlapping windows of at most `width` tokens.

    Neighbours share an eighth of a window, so that a sentence on the border is whole in one of them. The cuts go
    where a word begins if there is one within a quarter of a window. The last window reaches back to be as full as
    the others: a stub of a few words would resemble anything.

    Args:
        text: The text.
        offsets: Start and end of each token in characters, ascending.
        width: The most tokens in a window.

    Returns:
        The windows in order; the text itself, uncut, when it has no more than `width` tokens.

    Example:
        >>> windows("a b c d e f", [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)], 4)
        ['a b c d', 'c d e f']
    """
    count = len(offsets)
    if count <= width:
        return [text]
    overlap = width // 8
    spans: list[tuple[int, int]] = []
    first = 0
    while count - first > width:
        last = _word_start(text, offsets, first + width, reach=width // 4)
        spans.append((first, last))
        first = max(_word_start(text, offsets, last - overlap, reach=overlap), first + 1)
    # A window that began within a word would be read as other tokens, and perhaps as more than fit.
    full = count - width
    near = range(full, min(first, full + width // 4) + 1)
    spans.append((next((token for token in near if _begins_word(text, offsets, token)), full), count))
    return [text[offsets[first][0] : offsets[last - 1][1]] for first, last in spans]


def readable(text: str, offsets: Callable[[str], Sequence[tuple[int, int]]], width: int) -> list[str]:
    """Cut a text into windows that are still no more than `width` tokens when each is read alone.

    Args:
        text: The text.
        offsets: A tokenizer: start and end of each token of a text in characters, ascending.
        width: The most tokens in a window.

    Returns:
        The windows in order; the text itself, uncut, when it has no more than `width` tokens.

    Example:
        >>> readable("a b c d e f", lambda text: [(at, at + 1) for at in range(0, len(text), 2)], 4)
        ['a b c d', 'c d e f']
    """
    if len(text.encode()) <= width:  # no tokenizer makes more tokens than there are bytes
        return [text]
    return _cut(text, offsets, width, width)


def _cut(text: str, offsets: Callable[[str], Sequence[tuple[int, int]]], width: int, room: int) -> list[str]:
    read = offsets(text)
    if len(read) <= room:
        return [text]
    # A word of hundreds of letters is cut within, and its parts can be read as more tokens than before: cut finer.
    finer = max(width - width // 8 - 1, 1)
    return [part for window in windows(text, read, width) for part in _cut(window, offsets, finer, room)]


def _word_start(text: str, offsets: Sequence[tuple[int, int]], token: int, reach: int) -> int:
    """The nearest token at or before `token` that begins a word, or `token` if there is none within reach."""
    for candidate in range(token, max(token - reach, 0), -1):
        if _begins_word(text, offsets, candidate):
            return candidate
    return token


def _begins_word(text: str, offsets: Sequence[tuple[int, int]], token: int) -> bool:
    start = offsets[token][0]
    return start == 0 or text[start - 1].isspace()
