"""How figures grow with the number of patterns: as series, as exponents, as a plot. Knows the layout of the results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Series = dict[str, list[tuple[int, float]]]
"""Of each system the points, ascending: how many patterns, and the figure."""

_PICTURES = (
    ("scan, one cue (ms)", ("scan",), ("one",), ("ms",)),
    ("scan, 64 cues (ms)", ("scan",), ("sixty_four",), ("ms",)),
    ("remember one, recall 5 (ms)", ("store",), (), ("both", "ms")),
    ("bulk load (items per second)", ("bulk",), (), ("per_second",)),
    ("start to first answer (s)", ("cold",), ("vector",), ("seconds",)),
    ("memory of a pattern (bytes)", ("bytes",), (), ("memory",)),
    ("disk of a pattern (bytes)", ("bytes",), (), ("disk",)),
    ("recall while others write, p95 (ms)", ("writes",), (), ("busy", "p95")),
)
"""The title of each picture, and where its figure lies: section, then the size, then these, the system, and those."""

_ACROSS = 2


def series(results: Mapping[str, Any]) -> dict[str, Series]:
    """The points of every picture that has any.

    Example:
        >>> one = {"am_agent": {"ms": 0.5}, "broken": {"error": "it ended with 1"}}
        >>> series({"scan": {"10": {"one": one}}})
        {'scan, one cue (ms)': {'am_agent': [(10, 0.5)]}}
    """
    found: dict[str, Series] = {}
    for title, section, groups, keys in _PICTURES:
        drawn: Series = {}
        for size, node in sorted(_at(results, section).items(), key=lambda each: int(each[0])):
            for system, entry in _at(node, groups).items():
                value = _at(entry, keys)
                if isinstance(value, int | float):
                    drawn.setdefault(system, []).append((int(size), float(value)))
        if drawn:
            found[title] = drawn
    return found


def exponents(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The exponent e of figure = c N^e, fitted by least squares to the logarithms, where there are two sizes and more.

    Example:
        >>> sizes = {str(n): {"one": {"am_agent": {"ms": 3.0 * n}}} for n in (10, 100, 1000)}
        >>> round(exponents({"scan": sizes})["scan, one cue (ms)"]["am_agent"], 6)
        1.0
    """
    fitted = {
        title: {system: _slope(points) for system, points in drawn.items() if len(points) > 1 and _positive(points)}
        for title, drawn in series(results).items()
    }
    return {title: found for title, found in fitted.items() if found}


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draw the pictures side by side into a PNG.

    Raises:
        ImportError: There is no matplotlib.
        ValueError: There is nothing to draw.
    """
    from matplotlib.figure import Figure

    drawn = series(results)
    if not drawn:
        raise ValueError("there are no figures in it that could be drawn")
    down = -(-len(drawn) // _ACROSS)
    figure = Figure(figsize=(7 * _ACROSS, 4.4 * down), layout="constrained")
    axes = figure.subplots(down, _ACROSS, squeeze=False).flat
    systems = sorted({system for found in drawn.values() for system in found} - {"am_agent"})
    for axis, (title, found) in zip(axes, drawn.items(), strict=False):
        for system, points in found.items():
            own = system == "am_agent"
            place = 0 if own else systems.index(system)
            axis.plot(
                [size for size, _ in points],
                [value for _, value in points],
                label=system,
                color="black" if own else f"C{place % 10}",
                linewidth=2.5 if own else 1.2,
                linestyle="solid" if own or place < 10 else "dashed",
                marker="o" if own else ".",
                zorder=3 if own else 2,
            )
        axis.set(title=title, xlabel="patterns", xscale="log", yscale="log" if _drawable(found) else "linear")
        axis.grid(visible=True, which="major", alpha=0.3)
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    for axis in list(figure.axes)[len(drawn) :]:
        axis.set_axis_off()
    figure.savefig(path, dpi=120)


def _at(node: Any, keys: Sequence[str]) -> Any:
    """What lies there; nothing, where a part of the way is missing."""
    for each in keys:
        node = node.get(each, {}) if isinstance(node, Mapping) else {}
    return node


def _drawable(found: Series) -> bool:
    return all(_positive(points) for points in found.values())


def _positive(points: Sequence[tuple[int, float]]) -> bool:
    return all(value > 0 for _, value in points)


def _slope(points: Sequence[tuple[int, float]]) -> float:
    logs = [(math.log(size), math.log(value)) for size, value in points]
    center, level = (math.fsum(column) / len(logs) for column in zip(*logs, strict=True))
    over = math.fsum((size - center) * (value - level) for size, value in logs)
    return over / math.fsum((size - center) ** 2 for size, _ in logs)


def rows(found: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, str, float]]:
    """The exponents one by one: picture, system, exponent."""
    for title, systems in found.items():
        for system, exponent in systems.items():
            yield title, system, exponent
