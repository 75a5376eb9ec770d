"""`am`, the command line: one command for each verb. Knows arguments and their spelling; the rest is Memory's."""

from __future__ import annotations

import functools
import json
import re
import shutil
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import platformdirs
import typer

from am_agent import terminal
from am_agent.embedders import DEFAULT_MODEL, export_packaged, named
from am_agent.episode import Consolidation, Cue, Namespace
from am_agent.errors import (
    AmError,
    DiskFull,
    EmbedderMismatch,
    InvalidArgument,
    LockedDatabase,
    StoreError,
    UnknownEpisode,
)

if TYPE_CHECKING:  # it brings SQLAlchemy, for which `am mcp` does not let its client wait
    from am_agent.memory import Memory

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help and one-line errors, the same in a terminal, in a pipe and in the docs
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Transport(StrEnum):
    """How a client reaches `am mcp`."""

    STDIO = "stdio"
    HTTP = "http"


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{text!r} is not a JSON object, such as " + """'{"topic": "pets"}'""")
    return value


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()  # without a zone, it is the time on the wall
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is not a time, such as 2026-05-04T09:30 or 2026-05-04") from error


def _span(text: str) -> datetime | tuple[datetime, datetime]:
    start, dots, end = text.partition("..")
    return (_moment(start), _moment(end)) if dots else _moment(start)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration, such as 90s, 30m, 8h, 7d or 2w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _age(text: str) -> datetime:
    return datetime.now(UTC) - _duration(text) if re.fullmatch(r"\w+", text) else _moment(text)


Db = Annotated[
    str | None,
    typer.Option("--db", envvar="AM_DB", metavar="FILE", help="The memory's file; without, see `am path`."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        envvar="AM_EMBEDDER",
        metavar="MODEL",
        help="The embedder of a new file, by its name or folder; or else the packaged one.",
    ),
]
Scope = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", metavar="SEGMENT", help="The namespace; again for one below it."),
]
Subtree = Annotated[bool, typer.Option("--subtree", help="Look in the namespaces below it, too.")]
Where = Annotated[
    dict[str, Any] | None,
    typer.Option("--where", metavar="JSON", parser=_json_object, help="A filter over the metadata."),
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", metavar="TIME", parser=_moment, help="Look at what was recorded by then."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.callback()
def _am() -> None:
    """Memory for LLM agents: remember texts in one file, and recall them by what they say."""


@app.command(epilog='Example: am remember "Ana\'s dog is called Rex." --namespace ana --actor user')
def remember(
    text: Annotated[str, typer.Argument(metavar="TEXT|FILE|-", help="A text, a file that holds one, or - for stdin.")],
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The episode's id; otherwise a new one.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Who said or did it.")] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="NAME", help="The conversation or document it belongs to.")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option("--reply-to", metavar="ID", help="The episode that it answers.")
    ] = None,
    derived_from: Annotated[
        list[str] | None,
        typer.Option("--derived-from", metavar="ID", help="An episode that it was made from; again for more."),
    ] = None,
    at: Annotated[
        datetime | None, typer.Option("--at", metavar="TIME", parser=_moment, help="When it happened; otherwise now.")
    ] = None,
    metadata: Annotated[
        dict[str, Any] | None, typer.Option("--metadata", metavar="JSON", parser=_json_object, help="Any JSON object.")
    ] = None,
    ttl: Annotated[
        timedelta | None,
        typer.Option("--ttl", metavar="DURATION", parser=_duration, help="How long it lives: 90s, 30m, 8h, 7d, 2w."),
    ] = None,
    namespace: Scope = None,
    db: Db = None,
    embedder: Model = None,
    as_json: AsJson = False,
) -> None:
    """Remember one text, and print its id.

    The same id with the same facts changes nothing; with another text, it is the next version.
    """
    with _memory(db, embedder, new=True) as memory:
        recorded = memory.remember(
            _text(text),
            id=id_,
            namespace=_path(namespace),
            actor=actor,
            session=session,
            reply_to=reply_to,
            derived_from=derived_from or (),
            occurred_at=at,
            metadata=metadata,
            ttl=ttl,
        )
    terminal.say_json({"id": recorded}) if as_json else terminal.say(recorded)


@app.command(epilog='Example: am recall "What is my dog\'s name?" --namespace ana -k 3')
def recall(
    cue: Annotated[
        str | None,
        typer.Argument(metavar="CUE", help="A question or any text; - for stdin. Not needed beside a feature below."),
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="A feature: who said or did it.")] = None,
    time: Annotated[
        Any,
        typer.Option("--time", metavar="TIME|FROM..TO", parser=_span, help="A feature: when it happened."),
    ] = None,
    near: Annotated[
        str | None, typer.Option("--near", metavar="ID", help="A feature: next to which episode it happened.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", metavar="N", help="How many episodes, at the most.")] = 5,
    beta: Annotated[
        float | None,
        typer.Option("--beta", metavar="X", help="The inverse temperature; otherwise the namespace's own."),
    ] = None,
    fields: Annotated[
        Any,
        typer.Option(
            "--fields",
            metavar="a,b",
            parser=_names,
            help="Compare by these of content, words, actor, time, links; or by cosine alone.",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each field gave to each episode instead of a table.")
    ] = False,
    prompt: Annotated[
        bool, typer.Option("--prompt", help="Write a block for a language model's prompt instead of a table.")
    ] = False,
    abstain: Annotated[
        bool, typer.Option("--abstain", help="Bring back nothing where the answer seems not to be here.")
    ] = False,
    level: Annotated[
        str,
        typer.Option("--level", metavar="LEVEL", help="Bring back each episode, or prototype, or both."),
    ] = "episode",
    distinct: Annotated[
        bool, typer.Option("--distinct", help="Let what was said again count once, with all of its weight.")
    ] = False,
    prefer: Annotated[
        str,
        typer.Option(
            "--prefer", metavar="WHICH", help="The heaviest first: weight; or latest: the newest of what has changed."
        ),
    ] = "weight",
    log: Annotated[bool, typer.Option("--log", help="Write the recall down, for `am reinforce`.")] = False,
    where: Where = None,
    as_of: AsOf = None,
    namespace: Scope = None,
    subtree: Subtree = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Bring back the episodes that a cue calls to mind."""
    if all(feature is None for feature in (cue, actor, time, near)):
        raise typer.BadParameter("give a CUE, --actor, --time or --near")
    text = _text(cue) if cue == "-" else cue
    with _memory(db) as memory:
        found = memory.recall(
            Cue(text, actor=actor, time=time, near=near),
            k=k,
            fields=fields,
            beta=beta,
            where=where,
            as_of=as_of,
            namespace=_path(namespace),
            subtree=subtree,
            log=log,
            abstain=abstain,
            level=level,
            distinct=distinct,
            prefer=prefer,
        )
    if as_json:
        terminal.say_json(terminal.recall_facts(found))
    elif prompt:
        terminal.say(found.as_prompt())
    elif explain and len(found):
        terminal.say(found.explain())
    else:
        terminal.say_recall(found)
    if log and found.id and not as_json:
        told = f"recall {found.id}"
        terminal.note(told) if prompt else terminal.say(told)  # a prompt goes on as it is


@app.command("list", epilog="Example: am list --namespace ana --newest --limit 10")
def list_(
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many, at the most.")] = 50,
    offset: Annotated[int, typer.Option("--offset", metavar="N", help="How many to skip.")] = 0,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first, instead of the oldest.")] = False,
    where: Where = None,
    as_of: AsOf = None,
    namespace: Scope = None,
    subtree: Subtree = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List the episodes of a namespace in the order of recording."""
    with _memory(db) as memory:
        found = memory.list(
            namespace=_path(namespace),
            subtree=subtree,
            where=where,
            as_of=as_of,
            newest_first=newest,
            limit=limit,
            offset=offset,
        )
    if as_json:
        terminal.say_json([terminal.episode_facts(each) for each in found])
    else:
        terminal.say_episodes(found)


@app.command(epilog="Example: am show report --namespace ana")
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The episode's id.")],
    as_of: AsOf = None,
    namespace: Scope = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of one episode."""
    path = _path(namespace)
    with _memory(db) as memory:
        found = memory.get(id_, namespace=path, as_of=as_of)
    if not found:
        raise UnknownEpisode(f"there is no episode {id_!r} in the namespace {path!r}; `am list` shows what there is")
    facts = terminal.episode_facts(found[0])
    terminal.say_json(facts) if as_json else terminal.say_facts(facts)


@app.command(epilog="Example: am forget report --namespace ana")
def forget(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Episodes to erase.")] = None,
    older_than: Annotated[
        datetime | None,
        typer.Option(
            "--older-than", metavar="AGE", parser=_age, help="What occurred longer ago (30d), or before a time."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Erase the whole namespace.")] = False,
    where: Where = None,
    namespace: Scope = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Erase episodes with all their versions and vectors, so that no file holds their bytes.

    Conditions that are given must all hold.
    """
    path = _path(namespace)
    conditions: dict[str, Any] = {"ids": ids or None, "where": where, "older_than": older_than}
    given = {name: value for name, value in conditions.items() if value is not None}
    if not given and not everything:
        raise typer.BadParameter("name ids, --where or --older-than, or say --all for the whole namespace")
    with _memory(db) as memory:
        erasure = memory.forget(namespace=path, **given)
    receipt = erasure.receipt
    if as_json:
        facts = {"episodes": erasure.episodes, "versions": erasure.versions, "erased": erasure.erased}
        terminal.say_json({**facts, "receipt": None if receipt is None else terminal.facts_of(receipt)})
        return
    told = f"{terminal.counted(erasure.episodes, 'episode')}, {terminal.counted(erasure.versions, 'version')} erased"
    terminal.say(told if receipt is None else f"{told}; receipt {receipt.number}: {receipt.digest}")
    if not erasure.erased:
        terminal.note("another process still reads an older state; the next write or opening rids the file of the rest")


@app.command("import", epilog="Example: am import notes.md --namespace ana")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, JSON, JSON lines, Markdown or plain text.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="export, jsonl, json, markdown or text; or else by its content."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option("--encoding", metavar="NAME", help="The file's encoding; or else UTF-8, or by its mark."),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="NAME", help="The session of what has none; or else the file's name."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first record that cannot be taken.")] = False,
    namespace: Scope = None,
    db: Db = None,
    embedder: Model = None,
    as_json: AsJson = False,
) -> None:
    """Remember what a file holds: a chat, a conversation export, notes, an export of `am`.

    Records that cannot be taken are shown with their place and left out. The same file again changes nothing.
    """
    with _memory(db, embedder, new=True) as memory, terminal.progress(file.name) as move:
        loaded = memory.load(
            file,
            format=format_,
            encoding=encoding,
            namespace=None if namespace is None else _path(namespace),
            session=session,
            strict=strict,
            progress=move,
            rejected=None if strict else lambda each: terminal.note(f"{file.name}: {each.place}: {each.reason}"),
        )
    if as_json:
        terminal.say_json(terminal.facts_of(loaded))
    else:
        terminal.say(f"{loaded.recorded} recorded, {loaded.unchanged} unchanged, {loaded.rejected} left out")


@app.command(epilog="Example: am export backup.jsonl")
def export(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The file to write; - for stdout.")],
    vectors: Annotated[bool, typer.Option("--vectors", help="Write the vectors, too.")] = False,
    namespace: Scope = None,
    db: Db = None,
) -> None:
    """Write episodes with all their versions as JSON lines, which `am import` reads.

    Without a namespace, the whole memory is written; with one, it and those below it.
    """
    scope = None if namespace is None else _path(namespace)
    with _memory(db) as memory:
        if file != "-":
            count = memory.export(file, namespace=scope, vectors=vectors)
            terminal.say(f"{terminal.counted(count, 'version')} written")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "export.jsonl"
            memory.export(path, namespace=scope, vectors=vectors)
            with path.open(encoding="utf-8") as lines:
                shutil.copyfileobj(lines, sys.stdout)


@app.command(epilog="Example: am stats --json")
def stats(db: Db = None, as_json: AsJson = False) -> None:
    """Say how large the memory is, and how it is set up."""
    with _memory(db) as memory:
        facts = terminal.facts_of(memory.stats())
    facts = {name: fact for name, fact in facts.items() if not name.startswith("resident_")}  # nothing was asked yet
    terminal.say_json(facts) if as_json else terminal.say_facts(facts)


@app.command(epilog="Example: am reembed sentence-transformers/all-MiniLM-L6-v2")
def reembed(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="The new embedder's name or folder; or else the packaged one."),
    ] = DEFAULT_MODEL,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Move the file to another embedder.

    It can be read meanwhile, and if it is interrupted, the same command goes on where it stopped.
    """
    with _memory(db) as memory:
        with terminal.progress("embedding", total=memory.stats().versions) as move:
            embedded = memory.reembed(named(model), progress=move)
        facts = {"embedded": embedded, "embedder": memory.stats().embedder}
    terminal.say_json(facts) if as_json else terminal.say(f"{terminal.counted(embedded, 'version')} embedded")


@app.command(epilog='Example: am complete "is due on" --namespace ana')
def complete(
    cue: Annotated[str, typer.Argument(metavar="CUE", help="Part of what was said; - for stdin.")],
    k: Annotated[int, typer.Option("--k", "-k", metavar="N", help="How many episodes, at the most.")] = 5,
    where: Where = None,
    as_of: AsOf = None,
    namespace: Scope = None,
    subtree: Subtree = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Fill in what a fragment leaves out: of which episode it is, who said it, when, and what came next."""
    with _memory(db) as memory:
        found = memory.complete(
            _text(cue) if cue == "-" else cue,
            k=k,
            where=where,
            as_of=as_of,
            namespace=_path(namespace),
            subtree=subtree,
        )
    terminal.say_json(terminal.completion_facts(found)) if as_json else terminal.say_completion(found)


@app.command(epilog="Example: am reinforce 0199c3a2-5d1e-7c4b-9f60-2b8d3e1a7c55 --used report")
def reinforce(
    recall: Annotated[str, typer.Argument(metavar="RECALL", help="The id that `am recall --log` printed.")],
    used: Annotated[list[str], typer.Option("--used", metavar="ID", help="An episode that helped; again for more.")],
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace", "-n", metavar="SEGMENT", help="Where to learn: that of the recall, or one above it."
        ),
    ] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Tell which episodes of a recall were of use: the weights of the fields come to fit that."""
    given: dict[str, Any] = {} if namespace is None else {"namespace": _path(namespace)}
    with _memory(db) as memory:
        weights = memory.reinforce(recall, used, **given)
    terminal.say_json(terminal.weights_facts(weights)) if as_json else terminal.say_weights(weights)


@app.command(epilog="Example: am calibrate --labels asked.jsonl --alpha 0.05 --namespace ana")
def calibrate(
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="FILE", help='Lines of {"cue": "...", "present": true}; - for stdin.'),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option("--alpha", metavar="X", help="The share of present cues that may be called unknown."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what was learned in the namespace itself.")] = False,
    namespace: Scope = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Fit familiarity and verdict to a namespace, with labels or with cues that are made."""
    path, labelled = _path(namespace), None if labels is None else _labels(labels)
    with _memory(db) as memory:
        if reset:
            found = memory.reset_calibration(namespace=path)
        else:
            found = memory.calibrate(labelled, alpha=alpha, namespace=path)
    terminal.say_json(asdict(found)) if as_json else terminal.say_calibrated(found)


@app.command(epilog="Example: am weights --namespace ana")
def weights(
    reset: Annotated[bool, typer.Option("--reset", help="Forget what was learned in the namespace itself.")] = False,
    namespace: Scope = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Say what each field counts in a namespace: by default, as learned, and which of the two recall uses."""
    path = _path(namespace)
    with _memory(db) as memory:
        found = memory.reset_weights(namespace=path) if reset else memory.weights(namespace=path)
    terminal.say_json(terminal.weights_facts(found)) if as_json else terminal.say_weights(found)


@app.command(epilog="Example: am consolidate --namespace ana")
def consolidate(
    every: Annotated[
        timedelta | None,
        typer.Option("--every", metavar="DURATION", parser=_duration, help="Again and again: 90s, 30m, 1h, 7d."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    duplicate: Annotated[
        float | None,
        typer.Option("--duplicate", metavar="X", help="The similarity of near-duplicates; or else measured."),
    ] = None,
    theme: Annotated[
        float | None,
        typer.Option("--theme", metavar="X", help="The similarity below which two are no neighbours; or else none."),
    ] = None,
    namespace: Scope = None,
    subtree: Annotated[
        bool, typer.Option("--subtree", help="Each of the namespaces below it, too, on its own.")
    ] = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Group the episodes that belong together; none of them is hidden or changed.

    With --every it goes on until Ctrl-C or SIGTERM, which take nothing away from what was written.
    """
    path = _path(namespace)
    with _memory(db) as memory, terminal.Stoppable() as stop:

        def one(scope: Namespace) -> Consolidation:
            with terminal.progress("consolidating", total=100) as move:
                return memory.consolidate(
                    namespace=scope,
                    dry_run=dry_run,
                    duplicate=duplicate,
                    theme=theme,
                    progress=lambda share: move(round(100 * share)),
                )

        while True:
            try:
                found = [one(scope) for scope in (memory.namespaces(path) if subtree else [path])]
            except (DiskFull, LockedDatabase) as error:
                if every is None:
                    raise
                terminal.note(str(error))
                found = []
            if as_json:
                facts = [terminal.consolidation_facts(each) for each in found]
                terminal.say_json(facts if subtree or not facts else facts[0])
            else:
                for each in found:
                    terminal.say_consolidation(each)
            if every is None:
                return
            sys.stdout.flush()
            stop.wait(every.total_seconds())
    terminal.note("stopped")
    if every is None:
        raise typer.Exit(1)


@app.command(epilog="Example: am prototypes --namespace ana --tier theme")
def prototypes(
    tier: Annotated[
        str | None, typer.Option("--tier", metavar="NAME", help="duplicate or theme; otherwise both.")
    ] = None,
    namespace: Scope = None,
    subtree: Subtree = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List the groups that `am consolidate` has made, the heaviest first."""
    with _memory(db) as memory:
        found = memory.prototypes(namespace=_path(namespace), subtree=subtree, tier=tier)
    if as_json:
        terminal.say_json([terminal.facts_of(each) for each in found])
    else:
        terminal.say_prototypes(found)


@app.command(epilog="Example: am unconsolidate 01a21aff-9134-75a8-be40-6f3c1d9e2b51")
def unconsolidate(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Of a run of `am consolidate`, or of a prototype.")],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Undo a run, or what made one prototype, with all that was built on it."""
    with _memory(db) as memory:
        undone = memory.unconsolidate(id_)
    if as_json:
        terminal.say_json(terminal.facts_of(undone))
        return
    terminal.say(f"{terminal.counted(undone.gone, 'prototype')} gone, {undone.restored} as before")
    for run in undone.runs:
        terminal.say(f"undone: run {run}")


@app.command(epilog="Example: am path")
def path(db: Db = None, as_json: AsJson = False) -> None:
    """Say where the memory's file lies, whether there is one yet or not."""
    from am_agent.store.database import database_path

    place = str(database_path(_location(db)))
    terminal.say_json({"path": place}) if as_json else terminal.say(place)


@app.command(epilog="Example: am mcp --namespace ana")
def mcp(
    transport: Annotated[
        Transport, typer.Option("--transport", metavar="stdio|http", help="How a client reaches the server.")
    ] = Transport.STDIO,
    host: Annotated[str, typer.Option("--host", metavar="NAME", help="Where http listens.")] = "localhost",
    port: Annotated[int, typer.Option("--port", metavar="N", min=1, max=65535, help="Where http listens.")] = 8765,
    namespace: Scope = None,
    db: Db = None,
    embedder: Model = None,
) -> None:
    """Serve a namespace to the clients of the Model Context Protocol.

    Clients see this namespace only. Over stdio the server ends with its client; over http it has no password, and
    listens at /mcp until it is stopped.
    """
    try:
        from am_agent_integrations.mcp import serve
    except ImportError as error:
        terminal.fail(error)
    if transport is Transport.HTTP:
        terminal.note(f"serving http://{host}:{port}/mcp")
    serve(
        functools.partial(_memory, db, embedder, new=True),
        namespace=_path(namespace),
        transport=transport.value,
        host=host,
        port=port,
    )


_embedder = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(_embedder, name="embedder", help="Prepare the packaged embedder.")


@_embedder.command("export", epilog="Example: am embedder export")
def embedder_export(
    force: Annotated[bool, typer.Option("--force", help="Write it anew, whether it is there or not.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write what ONNX Runtime reads of the packaged model into the user's cache.

    The first text does the same; to delete it loses nothing.
    """
    written = export_packaged(force=force)
    facts = {"path": str(written.path), "bytes": written.size, "sha256": written.sha256}
    terminal.say_json(facts) if as_json else terminal.say_facts(facts)


def main() -> None:
    """Run a command; what the library raises on purpose becomes one line and the exit code 1."""
    try:
        app(prog_name="am")
    except AmError as error:
        terminal.fail(error)


def _location(db: str | None) -> str | Path:
    return db or platformdirs.user_data_path("am_agent", appauthor=False) / "memory.db"


def _memory(db: str | None, embedder: str | None = None, *, new: bool = False) -> Memory:
    """Open a file with its own embedder, which is not loaded for that, and a new one with what was asked for."""
    from am_agent.memory import Memory
    from am_agent.store.database import database_path

    location = _location(db)
    file = database_path(location)
    if file is not None and not file.exists():
        if not new:
            raise StoreError(f"there is no memory at {file} yet; make one with am remember TEXT, or name it with --db")
        if db is None:
            file.parent.mkdir(parents=True, exist_ok=True)
    try:
        return Memory(location, embedder=None if embedder is None else named(embedder))
    except EmbedderMismatch as error:
        if embedder is not None:
            raise
        return Memory(location, embedder=named(error.found))


def _path(namespace: list[str] | None) -> Namespace:
    return tuple(namespace or ())


def _labels(name: str) -> list[tuple[str, bool]]:
    """The labels of a file of JSON lines."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"the labels in {name} cannot be read: {error}") from error
    found: list[tuple[str, bool]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidArgument(f"line {number} of {name} is no JSON ({error})") from error
        if not isinstance(row, dict) or not isinstance(row.get("cue"), str) or not isinstance(row.get("present"), bool):
            raise InvalidArgument(f'line {number} of {name} is not {{"cue": "...", "present": true}} or false')
        found.append((row["cue"], row["present"]))
    return found


def _text(argument: str) -> str:
    """The text that an argument means: stdin, a file's content, or itself."""
    if argument == "-":
        return sys.stdin.read().rstrip("\r\n")
    try:
        is_file = Path(argument).is_file()
    except (OSError, ValueError):  # longer than a name can be, or no name at all
        is_file = False
    return Path(argument).read_text(encoding="utf-8-sig").rstrip("\r\n") if is_file else argument
