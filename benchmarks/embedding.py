"""How long the packaged model takes by ONNX Runtime and by sentence-transformers: `python -m benchmarks.embedding`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median

from am_agent.embedders import Embedder, OnnxEmbedder, SentenceTransformerEmbedder

COUNTS = (1, 8, 32, 256)

_SENTENCES = (
    "I moved to Oslo last spring, and I still get lost on the way home.",
    "Ben says hi!",
    "Could you remind me on Thursday that the rent for the studio is due, and that Ana pays half of it this time?",
    "We had a picnic by the lake, the dog ate all the sandwiches, and nobody was angry with him for long.",
    "What was the name of that band we heard in Lisbon?",
)

_LOADING = """
import time
start = time.perf_counter()
from am_agent import {name}
{name}().documents(["x"])
print(time.perf_counter() - start)
"""


def texts(count: int) -> list[str]:
    """Turns of a chat, each another text, of 4 to 50 tokens."""
    return [f"{number}. " + " ".join(_SENTENCES[number % 5 :][: 1 + number % 2]) for number in range(count)]


def loading(name: str) -> float:
    """Seconds from the start of a program's first import to its first vector, in a process of its own."""
    run = subprocess.run([sys.executable, "-c", _LOADING.format(name=name)], capture_output=True, text=True, check=True)
    return float(run.stdout)


def timed(candidates: Mapping[str, Embedder], batch: Sequence[str], rounds: int) -> dict[str, float]:
    """Median seconds of each candidate for a batch, measured in turns, after one that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, embedder in candidates.items():
            start = time.perf_counter()
            embedder.documents(batch)
            taken[name].append(time.perf_counter() - start)
    return {name: median(each[1:]) for name, each in taken.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each number of texts, and one for what it takes to load."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="How often each is measured.")
    rounds = parser.parse_args(arguments).rounds
    candidates: dict[str, Embedder] = {"onnx": OnnxEmbedder(), "torch": SentenceTransformerEmbedder(device="cpu")}
    _say("", *candidates)
    for count in COUNTS:
        times = timed(candidates, texts(count), rounds)
        _say(f"{count} text" + "s" * (count > 1), *(f"{1000 * seconds:.1f} ms" for seconds in times.values()))
    loads = [median(loading(type(each).__name__) for _ in range(min(rounds, 3))) for each in candidates.values()]
    _say("to the first vector", *(f"{1000 * seconds:.0f} ms" for seconds in loads))


def _say(name: str, *cells: str) -> None:
    sys.stdout.write(f"{name:<20}" + "".join(f"{cell:>12}" for cell in cells) + "\n")


if __name__ == "__main__":
    main()
