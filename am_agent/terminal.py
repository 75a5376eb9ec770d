"""What a terminal shows of a memory: tables, JSON, progress, errors. Knows no command and opens no file."""

from __future__ import annotations

import json
import math
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, NoReturn, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from am_agent.episode import Calibrated, Completion, Consolidation, Episode, Prototype, Recall, Weights

_SHOWN = 300  # characters of a text in a list; `am show` has all of it


def fail(reason: object) -> NoReturn:
    """End the program with one line on stderr and the exit code 1."""
    sys.stderr.write(f"Error: {' '.join(str(reason).split())}\n")
    raise SystemExit(1)


def note(line: str) -> None:
    """Write one line to stderr, beside what a program reads from stdout."""
    sys.stderr.write(f"{' '.join(line.split())}\n")


def say(line: str) -> None:
    """Write one line, or a text of several, to stdout as it is."""
    sys.stdout.write(f"{line}\n")


def say_json(value: Any) -> None:
    """Write a value to stdout as one JSON document."""
    say(json.dumps(value, ensure_ascii=False, indent=2, default=_json))


def say_recall(recall: Recall) -> None:
    """Write what a cue brought back, with the verdict and the energy below; how the cue was read goes to stderr."""
    for line in recall.notes:
        note(line)
    table = _table("similarity", "weight", "")
    for each in recall:
        shown = _entry(each.episode) if each.prototype is None else _group(each.prototype)
        table.add_row(f"{each.similarity:.3f}", f"{each.weight:.3f}", shown)
    if not len(recall):
        note(recall.told)
        return
    Console().print(table)
    say(recall.told)
    say(f"energy {recall.energy:.3f} over {counted(recall.episodes, 'episode')}")


def say_completion(completion: Completion) -> None:
    """Write the episodes that a cue may be a part of, and below who, when and what came next, each with its share."""
    say_recall(completion.recall)
    span = [_day(each) for each in (completion.time, completion.earliest, completion.latest) if each is not None]
    say_facts(
        {
            "who": _likely(completion.actors),
            "when": f"{span[0]}, between {span[1]} and {span[2]}" if span else None,
            "next": _likely(completion.following),
        }
    )


def say_calibrated(found: Calibrated) -> None:
    """Write how the confidence of a namespace is corrected, and by what."""
    say(
        f"log-odds x {found.slope:.3f} + {found.shift:.3f}, by {counted(found.present, 'cue')} whose answer is here "
        f"and {found.absent} whose answer is not; unknown below a familiarity of {found.threshold:.3f}"
    )


def say_weights(weights: Weights) -> None:
    """Write what each field counts, by default and as learned, and below which of the two recall uses, and why."""
    table = _table("field", "default", "learned")
    for name, worth in weights.default.items():
        table.add_row(name, f"{worth:.3f}", f"{weights.learned[name]:.3f}")
    Console().print(table)
    if weights.namespace is None:
        say("nothing was learned here yet; recall uses the default weights")
        return
    where, used = "/".join(weights.namespace) or "the default namespace", "learned" if weights.ahead else "default"
    say(
        f"{counted(weights.rounds, 'feedback')} in {where}: recall uses the {used} weights "
        f"(loss {weights.learned_loss:.2f} learned, {weights.default_loss:.2f} default)"
    )


def say_consolidation(found: Consolidation) -> None:
    """Write what a pass found, in a few lines."""
    where = "/".join(found.namespace) or "the default namespace"
    say(
        f"{where}: {counted(found.prototypes, 'prototype')} ({found.duplicates} of near-duplicates, {found.themes} of "
        f"themes) cover {found.covered:,} of {counted(found.episodes, 'episode')}"
    )
    say(f"{found.made} made, {found.changed} changed, {found.joined} joined, {found.split} split")
    if found.prototypes:
        say(
            f"radius {found.mean_radius:.3f} in the mean, {found.largest_radius:.3f} at the most; the energy rises by "
            f"{found.bound:.3f} at the most, by {found.energy_change:.3f} for sampled cues"
        )
    if found.saving is not None and not found.structured:
        say(f"no structure: themes would save {found.saving:.1%} of the description, no more than noise does")
    written = f"run {found.run_id}" if found.run_id else "nothing was written"
    why = " because another process has just consolidated" if found.overtaken else ""
    say(f"{written}{why}, {found.seconds:.1f} s")


def say_prototypes(prototypes: Sequence[Prototype]) -> None:
    """Write prototypes, each with its facts below its text."""
    if not prototypes:
        note("there is no prototype here; am consolidate makes them")
    for each in prototypes:
        Console().print(_group(each))


def say_episodes(episodes: Sequence[Episode]) -> None:
    """Write episodes, each with its facts below its text."""
    if not episodes:
        note("there is no episode here")
    for each in episodes:
        Console().print(_entry(each))


def say_facts(facts: Mapping[str, Any]) -> None:
    """Write facts as lines of name and value; those that are not there are left out."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value not in (None, [], {}):
            shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
            say(f"{name:<{width}}  {shown}")


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 episode, 2 episodes."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def episode_facts(episode: Episode) -> dict[str, Any]:
    """The facts of an episode in the order in which people look for them."""
    facts = asdict(episode)
    sources = list(facts.pop("derived_from"))
    return {"id": facts.pop("id"), "namespace": list(facts.pop("namespace")), **facts, "derived_from": sources}


def facts_of(receipt: Any) -> dict[str, Any]:
    """The facts of a receipt or of stats, under their own names."""
    return asdict(receipt)


def recall_facts(recall: Recall) -> dict[str, Any]:
    """A recall as JSON has it."""
    return {
        "id": recall.id or None,
        "energy": recall.energy if len(recall) else None,  # infinite where nothing is seen, and JSON has no infinity
        "beta": recall.beta,
        "episodes": recall.episodes,
        "verdict": recall.verdict,
        "reason": recall.reason,
        "familiarity": recall.familiarity,
        "reliability": recall.reliability,
        "n_eff": recall.n_eff,
        "margin": recall.margin if math.isfinite(recall.margin) else None,
        "weights": dict(recall.weights),
        "notes": list(recall.notes),
        "recollections": [
            {
                **episode_facts(each.episode),
                "similarity": each.similarity,
                "weight": each.weight,
                "shares": dict(each.shares),
                "also": list(each.also),
                "prototype": None if each.prototype is None else asdict(each.prototype),
            }
            for each in recall
        ],
    }


def completion_facts(completion: Completion) -> dict[str, Any]:
    """A completion as JSON has it."""
    told = ("actors", "time", "earliest", "latest", "following")
    return {"recall": recall_facts(completion.recall), **{name: getattr(completion, name) for name in told}}


def consolidation_facts(found: Consolidation) -> dict[str, Any]:
    """A pass as JSON has it."""
    return {"prototypes": found.prototypes, **asdict(found)}


def weights_facts(weights: Weights) -> dict[str, Any]:
    """Weights as JSON has them, with those that recall uses."""
    return {"active": weights.active, **asdict(weights)}


class Stoppable:
    """Lets Ctrl-C and SIGTERM end a block in order, whatever it is doing: what follows the block goes on."""

    def __init__(self) -> None:
        self._told = False
        self._waiting = threading.Event()  # that nobody sets: a signal ends the wait by its exception
        self._before: list[Any] = []

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal comes."""
        self._waiting.wait(seconds)

    def __enter__(self) -> Self:
        self._before = [(each, signal.signal(each, self._tell)) for each in (signal.SIGINT, signal.SIGTERM)]
        return self

    def __exit__(self, kind: object, *_: object) -> bool:
        for each, handler in self._before:
            signal.signal(each, handler)
        return kind is KeyboardInterrupt and self._told

    def _tell(self, *_: object) -> NoReturn:
        self._told = True
        raise KeyboardInterrupt


@contextmanager
def progress(doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A function that moves a bar on stderr to a count; where stderr is no terminal, nothing is shown."""
    console = Console(stderr=True)
    known = (
        (BarColumn(), MofNCompleteColumn()) if total is not None else (SpinnerColumn(), TextColumn("{task.completed}"))
    )
    with Progress(
        TextColumn("{task.description}"), *known, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda count: bar.update(task, completed=count)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name else "left")
    return table


def _entry(episode: Episode) -> Text:
    """The beginning of a text, and in the line below who said it, when, and under which id it is found."""
    when = "" if episode.occurred_at is None else f"{episode.occurred_at.astimezone():%Y-%m-%d %H:%M}"
    facts = " · ".join(filter(None, ["/".join(episode.namespace), episode.actor, when, episode.id]))
    # Text, since "[bold]" in a plain string would be markup.
    return Text.assemble(_short(episode.text), "\n", (facts, "dim"))


def _group(given: Prototype) -> Text:
    """The beginning of a prototype's text, and in the line below what it is of."""
    author = None if given.author is None else f"by {given.author}"
    size = f"{counted(len(given), 'episode')} within {given.radius:.3f}"
    facts = " · ".join(filter(None, ["/".join(given.namespace), given.tier, size, author, given.id]))
    return Text.assemble(_short(given.text), "\n", (facts, "dim"))


def _short(text: str) -> str:
    return textwrap.shorten(text, _SHOWN, placeholder=" …")


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _likely(shares: Mapping[str, float]) -> str | None:
    return ", ".join(f"{name} {share:.3f}" for name, share in shares.items()) or None


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON")
