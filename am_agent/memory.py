"""The one facade: wires embedder, store and associative memory together. Knows no SQL and no mathematics of its own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

import numpy.typing as npt
from sqlalchemy import Connection

from am_agent.asked import Asked, checked_fields
from am_agent.calibrating import Calibrating
from am_agent.calibrator import Calibrator
from am_agent.confidence import log_odds
from am_agent.draft import (
    Draft,
    checked_beta,
    checked_choice,
    checked_count,
    checked_label,
    checked_namespace,
    checked_seconds,
    checked_share,
    checked_time,
    ids_of,
)
from am_agent.embedders import Embedder
from am_agent.encoding import Encoder
from am_agent.episode import (
    Calibrated,
    Completion,
    Consolidation,
    Cue,
    Episode,
    Erasure,
    ErasureReceipt,
    Loaded,
    Namespace,
    Prototype,
    Recall,
    Receipt,
    Rejection,
    Stats,
    Unconsolidation,
    Weights,
)
from am_agent.errors import ClosedMemory, DamagedDatabase, InvalidArgument, InvalidInput, UnknownEpisode
from am_agent.filter import compile_filter
from am_agent.formats import Export, opened
from am_agent.formats import export as exports
from am_agent.hopfield.fusion import FIELDS
from am_agent.hopfield.mirror import mirrored
from am_agent.intake import Intake
from am_agent.levels import LEVELS
from am_agent.loading import Loading
from am_agent.overlay import TIERS, Overlay
from am_agent.overlay import Asked as Pass
from am_agent.periodic import Periodic
from am_agent.reembedding import reembed
from am_agent.reinforcement import Reinforcement
from am_agent.retrieval import Request, Retrieval, View
from am_agent.store import episodes, erasures, namespaces, space
from am_agent.store import prototypes as overlays
from am_agent.store.database import Database, database_path
from am_agent.store.episodes import Visibility
from am_agent.store.recording import Outcome
from am_agent.store.schema import REVISION
from am_agent.store.space import Space
from am_agent.store.vectors import vectors_of
from am_agent.summaries import Summariser
from am_agent.transcript import episodes_of
from am_agent.working_set import RESIDENT, Resident

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Episodes = list[Episode]
Outcomes = list[Outcome]
Item = str | Mapping[str, Any] | Episode
Progress = Callable[[int], object]


class _Unset:
    """The type of an argument that was not given, where None already means something."""


_UNSET: Final = _Unset()

_SUMMARY: Final = 60.0
"""Seconds that a summariser may take for one text, where nothing else is said."""


def _in_thread(
    method: Callable[Concatenate[Memory, P], R],
) -> Callable[Concatenate[Memory, P], Coroutine[Any, Any, R]]:
    """The method as a coroutine that runs it in a thread: the loop never waits for a model or a disk."""

    @functools.wraps(method)
    async def call(self: Memory, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self, *args, **kwargs)

    call.__doc__ = f"Run `{method.__name__}` in a thread."
    return call


class Memory:
    """A memory of episodes: remember, recall, forget.

    Everything lies in one SQLite file, or in RAM. Every method is safe from several threads, several processes may
    use one file, and each method has a twin with `a` in front for async code.

    Args:
        location: A path, a `sqlite:///` URL, or None for a memory in RAM.
        embedder: What turns text into vectors; the packaged all-MiniLM-L6-v2 where none is given. It is loaded
            with the first text, not before.
        timeout: Seconds to wait for another process's lock on the file.
        resident: What of each vector is kept in memory: "patterns", the vector and its code, or "codes", a code of a
            quarter of the bytes alone; the few vectors that an answer needs exactly are then read from the file. The
            answers are the same. Of what lies ready in `memory.db-cache`, codes alone are kept in both cases. With
            "prototypes", what `consolidate` has put together is in memory as one vector, and its members are read
            from the file where a cue comes near: the best are found in all likelihood, and the recall's certificate
            says so; see docs/consolidation.md.
        consolidate_every: Make a pass of `consolidate`, in the background, over each namespace in which so many
            episodes are new; None for never. What a namespace holds already counts with the first that is recorded.
        summarise: What the passes make a text of a theme's members with, where they are given nothing else; see
            `consolidate`.
        device: Where vectors are compared: "cpu", "cuda", or "auto" for a GPU if there is one and a namespace holds so
            many that it pays. The answers are the same.

    Raises:
        StoreError: The file cannot be used; the subclass says why.
        EmbedderMismatch: The file was made with another embedder.

    Example:
        >>> from am_agent import DeterministicEmbedder
        >>> with Memory(embedder=DeterministicEmbedder()) as memory:
        ...     _ = memory.remember("Ana's dog is called Rex.", namespace=("ana",))
        ...     memory.recall("What is the dog called?", namespace=("ana",))[0].text
        "Ana's dog is called Rex."
    """

    def __init__(
        self,
        location: str | Path | None = None,
        *,
        embedder: Embedder | None = None,
        timeout: float = 30.0,
        resident: Resident = "patterns",
        device: str = "auto",
        consolidate_every: int | None = None,
        summarise: Any = None,
    ) -> None:
        self._closed = False
        every = None if consolidate_every is None else checked_count(consolidate_every, "consolidate_every", 2)
        self._summariser = None if summarise is None else Summariser(summarise, timeout=_SUMMARY)
        checked_choice(resident, "resident", RESIDENT)
        device = checked_choice(device, "device", ("auto", "cpu", "cuda"))
        try:
            mirrored(device)
        except ValueError as error:
            raise InvalidArgument(str(error)) from error
        self._encoder = Encoder(embedder)
        self._database = Database(database_path(location), timeout=timeout)
        try:
            with self._database.reading() as connection:
                self._encoder.check_name(space.find(connection).space)
            self._intake = Intake(self._database, self._encoder)
            self._overlay = Overlay(self._database, self._intake)
            self._periodic = None if every is None else Periodic(every, self._overlay.due, self._pass_over)
            if self._periodic is not None:
                self._intake.recorded = self._periodic.recorded
            self._reinforcement = Reinforcement(self._database)
            self._calibrator = Calibrator(self._database)
            self._retrieval = Retrieval(
                self._database,
                self._encoder,
                self._reinforcement,
                self._calibrator,
                resident=resident,
                device=device,
            )
            self._calibration = Calibrating(self._database, self._retrieval, self._calibrator)
            self._intake.finish_erasure()
        except BaseException:
            self._database.close()
            raise

    @property
    def embedder(self) -> Embedder:
        """What turns text into vectors; to load its model before the first text, embed one with it."""
        return self._encoder.embedder

    # ---------------------------------------------------------------------------------------------- remember

    def remember(
        self,
        text: str,
        *,
        namespace: Namespace = (),
        id: str | None = None,  # noqa: A002  the word everybody uses
        actor: str | None = None,
        occurred_at: datetime | None = None,
        session: str | None = None,
        reply_to: str | None = None,
        derived_from: str | Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        vector: npt.ArrayLike | None = None,
        ttl: timedelta | None = None,
    ) -> str:
        """Record one episode; when this returns, it is on the disk.

        The same id with the same facts changes nothing. With anything changed it records the next version, and
        the one before stays readable `as_of` an earlier time.

        Args:
            text: What was said. Longer than the encoder's window, it becomes several patterns of one episode.
            namespace: The unit of isolation.
            id: The caller's id, unique in its namespace; a UUIDv7 where none is given.
            actor: Who said or did it.
            occurred_at: When it happened, an aware datetime; now, where none is given.
            session: The conversation or document it belongs to.
            reply_to: The id of the episode that it answers.
            derived_from: The id, or ids, of the episodes that it was made from, as a summary or a conclusion is.
            metadata: The caller's JSON.
            vector: A vector (d,), or several (n, d), in place of the text's embedding.
            ttl: How long it stays visible; the first write after that deletes it, and closing or `forget` rids the
                file of its last bytes.

        Returns:
            The episode's id.

        Raises:
            InvalidInput: An argument that cannot be taken; nothing was recorded.
            UnknownEpisode: It answers, or was made from, an episode that is not in its namespace; nothing was recorded.
        """
        draft = Draft.checked(
            text=text,
            namespace=namespace,
            id=id,
            actor=actor,
            occurred_at=occurred_at,
            session=session,
            reply_to=reply_to,
            derived_from=derived_from,
            metadata=metadata,
            vector=vector,
            ttl=ttl,
        )
        self._check_open()
        return self._intake.record([draft])[0].id

    def remember_many(
        self,
        items: Iterable[Item],
        *,
        namespace: Namespace = (),
        batch: int = 256,
        progress: Progress | None = None,
    ) -> Receipt:
        """Record any number of episodes, each batch in a transaction of its own.

        Args:
            items: Texts, dicts of the arguments of `remember`, or episodes; an iterator of any length. An item can
                answer, or be made from, one that comes before it.
            namespace: Where items go that name no namespace themselves.
            batch: Items in a transaction.
            progress: Called after each commit with the number of items that are on the disk.

        Raises:
            InvalidInput: An item that cannot be taken; the message says which. The batches before it are recorded,
                its own is not.
            UnknownEpisode: An item answers, or was made from, an episode that is not in its namespace; the same holds.
        """
        namespace, batch = checked_namespace(namespace), checked_count(batch, "batch")

        def record(chunk: Sequence[Item], start: int) -> Sequence[Outcome]:
            drafts = [_draft(item, namespace, place, start) for place, item in enumerate(chunk, start)]
            try:
                return self._intake.record(drafts)
            except UnknownEpisode as error:
                within = f"items {start} to {start + len(drafts) - 1}"
                told = f"{within}: {error} (the {start} items of the batches before are recorded)"
                raise UnknownEpisode(told) from error

        return self._in_batches(items, batch, progress, record)

    def remember_messages(self, messages: Iterable[Any], *, namespace: Namespace = (), session: str) -> Receipt:
        """Record a conversation, in order; what is recorded already is left as it is.

        Args:
            messages: Dicts `{"role": ..., "content": ...}`, pairs `(role, content)`, or LangChain messages.
            namespace: The unit of isolation.
            session: The conversation they belong to.
        """
        if checked_label(session, "session") is None:
            raise InvalidArgument("a conversation needs a session: any name that tells it from others")
        return self.remember_many(episodes_of(messages, session=session), namespace=namespace)

    def update(
        self,
        id: str,  # noqa: A002
        *,
        namespace: Namespace = (),
        text: str | _Unset = _UNSET,
        actor: str | _Unset | None = _UNSET,
        occurred_at: datetime | _Unset = _UNSET,
        session: str | _Unset | None = _UNSET,
        reply_to: str | _Unset | None = _UNSET,
        derived_from: str | Sequence[str] | _Unset = _UNSET,
        metadata: Mapping[str, Any] | _Unset = _UNSET,
        vector: npt.ArrayLike | None = None,
        ttl: timedelta | None = None,
    ) -> Episode:
        """Change some facts of an episode and keep the others; the version before stays readable by `as_of`.

        Args:
            id: The episode.
            namespace: Its namespace.
            text: See `remember`; so for the others. What is not given stays.
            actor: See `remember`.
            occurred_at: See `remember`.
            session: See `remember`.
            reply_to: See `remember`; None for no episode.
            derived_from: Replaces the old as a whole; `()` for no episode.
            metadata: Replaces the old as a whole.
            vector: Replaces the old; where only the text is given, it is embedded.
            ttl: A new time to live from now on; the old expiry stays where none is given.

        Returns:
            The episode as it is now.

        Raises:
            UnknownEpisode: There is no such id in that namespace, or none of those that it is to name.
        """
        self._check_open()
        given = {
            "text": text,
            "actor": actor,
            "occurred_at": occurred_at,
            "session": session,
            "reply_to": reply_to,
            "derived_from": derived_from,
            "metadata": metadata,
        }
        changes: dict[str, Any] = {name: value for name, value in given.items() if not isinstance(value, _Unset)}
        Draft.checked(**{"text": "unchanged", **changes}, id=id, vector=vector, ttl=ttl)
        return self._intake.update(checked_namespace(namespace), id, changes, vector=vector, ttl=ttl)

    # ---------------------------------------------------------------------------------------------- recall

    def recall(
        self,
        cue: str | Cue | None = None,
        *,
        vector: npt.ArrayLike | None = None,
        k: int = 5,
        namespace: Namespace = (),
        subtree: bool = False,
        where: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
        now: datetime | None = None,
        fields: Sequence[str] | None = None,
        beta: float | None = None,
        log: bool = False,
        abstain: bool = False,
        level: str = "episode",
        distinct: bool = False,
        prefer: str = "weight",
    ) -> Recall:
        """Bring back the episodes that a cue calls to mind.

        Every field of the cue scores every episode that it may see: what was said, in which words, by whom, when, and
        next to what. The scores are fused into one softmax; the k heaviest are returned, exactly, ties in the order of
        recording.

        Args:
            cue: A text of any length, or a Cue of any features. Of a long text, the parts count that resemble
                something; one of function words only calls the newest to mind.
            vector: A vector (d,), or the windows of one cue (n, d), in place of a cue.
            k: How many, at the most.
            namespace: Where to look; nothing elsewhere is seen.
            subtree: Look in the namespaces below it, too.
            where: A filter over metadata, such as `{"topic": "pets", "n": {"gte": 3}}`.
            as_of: Look at what was recorded by then, in the version of then.
            now: The time at which the cue is asked; it decides what has expired, and what "last week" means.
            fields: The fields that may be used: "content", "words", "actor", "time", "links"; None for all. With
                ("cosine",) the episodes come in the order of their similarity.
            beta: The inverse temperature per unit of the score; None for the namespace's own: the point where the
                softmax condenses from all episodes to a few, `sqrt(2 ln(n + 1))` over the deviation of the scores.
            log: Write the recall down in the file, so that another process can reinforce it by its id.
            abstain: Bring back nothing where the verdict is `unknown`, in place of the k that are least unlike.
            level: What to bring back: "episode"; "prototype", the groups that `consolidate` has made, by their means;
                or "both", a prototype then with the weight of all its members. Where an episode is in two, the theme
                stands for it; one of which the cue may not see every member takes no part.
            distinct: Let near-duplicates that `consolidate` has found count once, with the weight of all of them, and
                the newest in front; k is then a number of distinct things.
            prefer: "weight" for the heaviest first, or "latest": what is newer, by `occurred_at`, comes before what it
                says something else of, as "Ana moved to Porto" does of "Ana moved to Lisbon". It helps where things
                change, and costs where the question is about what once was.

        Raises:
            InvalidInput: An argument that cannot be taken.
            UnknownEpisode: The cue is near to an episode that is not there.
        """
        self._check_open()
        wanted = checked_fields(fields)
        asked = Asked.checked(cue, vector, wanted)
        view = _view(namespace, subtree, where, as_of, now)
        k, beta, level = checked_count(k, "k"), checked_beta(beta), checked_choice(level, "level", LEVELS)
        newest = checked_choice(prefer, "prefer", ("weight", "latest")) == "latest"
        seen = Request(asked, view, wanted, k, beta, log, False, abstain, level, bool(distinct), newest)
        return self._retrieval.recall(seen)

    def complete(
        self,
        cue: str | Cue,
        *,
        k: int = 5,
        namespace: Namespace = (),
        subtree: bool = False,
        where: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
        now: datetime | None = None,
        beta: float | None = None,
    ) -> Completion:
        """Fill in what a fragment of an episode leaves out: which episode it is, who said it, when, what came next.

        Recall asks which episodes answer a cue, and follows their links; completion asks which one the cue is a part
        of, so content is compared by the metric readout alone, and links count nothing.

        Args:
            cue: Part of what was said, or a Cue of any features of the episode.
            k: How many episodes, at the most.
            namespace: See `recall`; so for the others.
            subtree: See `recall`.
            where: See `recall`.
            as_of: See `recall`.
            now: See `recall`.
            beta: See `recall`.

        Example:
            >>> from am_agent import DeterministicEmbedder
            >>> with Memory(embedder=DeterministicEmbedder()) as memory:
            ...     _ = memory.remember("Shall we go to the opera?", actor="ana", session="s")
            ...     _ = memory.remember("Gladly, I have never been there.", actor="bob", session="s")
            ...     found = memory.complete("go to the opera")
            ...     found.recall[0].text, max(found.actors, key=found.actors.get)
            ('Shall we go to the opera?', 'ana')
        """
        self._check_open()
        asked, view = Asked.checked(cue, None, FIELDS), _view(namespace, subtree, where, as_of, now)
        k, beta = checked_count(k, "k"), checked_beta(beta)
        return self._retrieval.complete(Request(asked, view, FIELDS, k, beta, identity=True))

    def reinforce(
        self, recall: Recall | str, used: str | Sequence[str], *, namespace: Namespace | _Unset = _UNSET
    ) -> Weights:
        """Tell what was used of a recall; the weights of the namespace's fields come to fit that.

        They change little at a time, never below half or above twice the default, and recall follows them only as long
        as they predict better than the default what is used. What is learned in a namespace holds in those below it
        that have learned nothing themselves.

        Args:
            recall: A recall, or its id. A process keeps its last 256; for others, it is asked with `log=True`.
            used: The id, or ids, of what helped, among those that it brought back.
            namespace: Whose weights move: that of the recall, where none is given, or one above it.

        Returns:
            The weights as they are now.

        Raises:
            UnknownRecall: It waits for feedback no more.
            InvalidArgument: An id that it did not bring back, or a namespace that it was not asked in.

        Example:
            >>> from am_agent import DeterministicEmbedder
            >>> with Memory(embedder=DeterministicEmbedder()) as memory:
            ...     _ = memory.remember("Rex is a dog.", id="rex"), memory.remember("Tom is a cat.", id="tom")
            ...     recall = memory.recall("Which dog?")
            ...     memory.reinforce(recall, used="rex").rounds
            1
        """
        id_ = recall.id if isinstance(recall, Recall) else checked_label(recall, "recall")
        self._check_open()
        path = None if isinstance(namespace, _Unset) else checked_namespace(namespace)
        found = self._reinforcement.reinforce(id_ or "", ids_of(used), path)
        if isinstance(recall, Recall) and recall.evidence is not None and found.namespace is not None:
            self._calibrator.used(found.namespace, log_odds(recall.evidence, self._retrieval.prior))
        return found

    def calibrate(
        self,
        labelled: Iterable[tuple[str | Cue, bool]] | None = None,
        *,
        alpha: float | None = None,
        namespace: Namespace = (),
    ) -> Calibrated:
        """Fit familiarity and verdict to a namespace, and to those below it that are not calibrated themselves.

        Nobody has to: both come fitted on many kinds of text, and `reinforce` corrects them on the way. It is worth it
        with labels, or with an embedder of your own. Cues are asked, not kept; what is kept are numbers, which hold for
        the embedder that the file has.

        Args:
            labelled: Pairs of a cue and whether its answer is here, 20 of each kind or more. Without them, cues are
                made: parts of what is remembered here, and questions about things that hardly anybody remembers.
            alpha: The share of the cues with an answer here that the verdict `unknown` may reject, by mistake, at the
                most: counted over the labels and the next such cue. With fewer than 1/alpha - 1 of them, nothing is
                rejected. None for a verdict at even odds.
            namespace: Where.

        Returns:
            How both are corrected from now on.

        Raises:
            InvalidArgument: Labels of one kind only, none that can be made, or an alpha that is no share.

        Example:
            >>> from am_agent import DeterministicEmbedder
            >>> with Memory(embedder=DeterministicEmbedder()) as memory:
            ...     _ = memory.remember_many([f"The box {n} is kept on the shelf {n + 1}." for n in range(30)])
            ...     found = memory.calibrate()
            ...     found.present, found.absent
            (30, 64)
        """
        self._check_open()
        path, alpha = checked_namespace(namespace), checked_share(alpha, "alpha", "a share")
        if labelled is None and alpha is not None:
            raise InvalidArgument("alpha needs labelled=...: a bound holds for cues like those it was measured on")
        return self._calibration.calibrate(None if labelled is None else list(labelled), alpha, path)

    def reset_calibration(self, *, namespace: Namespace = ()) -> Calibrated:
        """Forget what was learned of confidence in a namespace itself; returns what holds there now."""
        self._check_open()
        return self._calibrator.reset(checked_namespace(namespace))

    def weights(self, *, namespace: Namespace = ()) -> Weights:
        """What the fields count in a namespace: by default, as learned, and which of the two recall uses."""
        self._check_open()
        return self._reinforcement.weights(checked_namespace(namespace))

    def reset_weights(self, *, namespace: Namespace = ()) -> Weights:
        """Forget what was learned in a namespace itself; returns what holds there now."""
        self._check_open()
        return self._reinforcement.reset(checked_namespace(namespace))

    def get(self, ids: str | Sequence[str], *, namespace: Namespace = (), as_of: datetime | None = None) -> Episodes:
        """Read episodes by id, in the order of the ids; unknown ones are skipped."""
        wanted, namespace = ids_of(ids), checked_namespace(namespace)
        as_of = checked_time(as_of, "as_of")
        with self._read() as connection:
            found = namespaces.find(connection, namespace)
            return episodes.by_id(connection, found, wanted, Visibility(as_of or _now(), as_of))

    def list(
        self,
        *,
        namespace: Namespace = (),
        subtree: bool = False,
        where: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> Episodes:
        """Read the episodes of a namespace in the order of recording, or against it."""
        namespace, as_of = checked_namespace(namespace), checked_time(as_of, "as_of")
        predicate = None if where is None else compile_filter(where)
        limit = None if limit is None else checked_count(limit, "limit", least=0)
        offset = checked_count(offset, "offset", least=0)
        with self._read() as connection:
            return episodes.select_episodes(
                connection,
                namespaces.find(connection, namespace, subtree=subtree),
                Visibility(as_of or _now(), as_of),
                predicate=predicate,
                newest_first=newest_first,
                limit=limit,
                offset=offset,
            )

    def count(self, *, namespace: Namespace = (), subtree: bool = False, where: Mapping[str, Any] | None = None) -> int:
        """Count the episodes of a namespace."""
        namespace = checked_namespace(namespace)
        predicate = None if where is None else compile_filter(where)
        with self._read() as connection:
            ids, visibility = namespaces.find(connection, namespace, subtree=subtree), Visibility(_now())
            return episodes.count(connection, ids, visibility, predicate)

    def namespaces(self, prefix: Namespace = ()) -> Sequence[Namespace]:
        """The namespaces at and below a prefix that hold at least one episode, sorted."""
        prefix = checked_namespace(prefix)
        with self._read() as connection:
            return namespaces.occupied(connection, prefix, _now())

    # ---------------------------------------------------------------------------------------------- consolidate

    def consolidate(
        self,
        *,
        namespace: Namespace = (),
        dry_run: bool = False,
        duplicate: float | None = None,
        theme: float | None = None,
        summarise: Any = None,
        timeout: float = _SUMMARY,
        progress: Callable[[float], object] | None = None,
    ) -> Consolidation:
        """Group the episodes of a namespace that belong together, as an overlay that hides and changes none of them.

        There are two tiers: *duplicate*, the same thing said again, and *theme*, episodes in which a walk from
        neighbour to neighbour stays, the partition with the shortest description (docs/consolidation.md). The first
        pass is over all episodes, and so is one with other thresholds, or when there are twice as many, or half as
        many, as at the last one that was; the others put what is new in its place. A pass over what has not changed
        writes nothing. Recall, and writing, go on meanwhile, here and in other processes.

        Args:
            namespace: Where; not below it.
            dry_run: Only say what would be done. No text is made.
            duplicate: The similarity from which on two episodes are near-duplicates, in (0, 1); None to let the
                distances around them decide.
            theme: The similarity below which two episodes are no neighbours, in (0, 1) and below that of duplicates;
                None for none.
            summarise: What makes one text of those of a theme's members: a callable from a list of texts to a text, or
                a chat model of LangChain. It is stored with the name of what made it, and made anew by the next pass
                with a summariser when members have changed. None for the memory's own; without that, the text of a
                prototype is its medoid's.
            timeout: Seconds that one text may take.
            progress: Called with the share of the work that is done, from 0.0 to 1.0.

        Raises:
            InvalidArgument: A threshold outside (0, 1), or that of themes not below that of duplicates; or a summariser
                that is none.

        Example:
            >>> from am_agent import DeterministicEmbedder
            >>> with Memory(embedder=DeterministicEmbedder()) as memory:
            ...     _ = memory.remember_many(["The car is red.", "Ana likes tea.", "The car is red."])
            ...     report = memory.consolidate(duplicate=0.99)
            ...     [each.text for each in memory.prototypes(tier="duplicate")]
            ['The car is red.']
        """
        self._check_open()
        duplicate, theme = checked_share(duplicate, "duplicate"), checked_share(theme, "theme")
        if duplicate is not None and theme is not None and theme >= duplicate:
            raise InvalidArgument(
                f"theme={theme!r} is not below duplicate={duplicate!r}; give themes the lower similarity"
            )
        timeout = checked_seconds(timeout, "timeout")
        summariser = self._summariser if summarise is None else Summariser(summarise, timeout=timeout)
        path = checked_namespace(namespace)
        return self._overlay.consolidate(
            Pass(path, duplicate, theme, dry_run=dry_run, summariser=summariser, progress=progress)
        )

    def unconsolidate(self, id: str, *, namespace: Namespace | None = None) -> Unconsolidation:  # noqa: A002
        """Undo a pass, or what made one prototype: the groups are then as they were before, to the byte.

        With a run, all that came after it in its namespace is undone, too. With a prototype, all that has happened
        since it was made is undone for it and for those with which it has exchanged members; other prototypes stay.

        Args:
            id: Of a run, or of a prototype.
            namespace: Where it must be; None for anywhere.

        Raises:
            UnknownPrototype: There is no run and no prototype of that id.
        """
        self._check_open()
        return self._overlay.unconsolidate(id, None if namespace is None else checked_namespace(namespace))

    def prototypes(
        self, *, namespace: Namespace = (), subtree: bool = False, tier: str | None = None
    ) -> Sequence[Prototype]:
        """The groups that `consolidate` has made, the heaviest first.

        Args:
            namespace: Where.
            subtree: Those of the namespaces below it, too.
            tier: "duplicate" or "theme"; None for both.
        """
        self._check_open()
        tier = None if tier is None else checked_choice(tier, "tier", TIERS)
        return self._overlay.prototypes(checked_namespace(namespace), tier, subtree=subtree)

    def prototype(self, id: str, *, namespace: Namespace | None = None) -> Prototype:  # noqa: A002
        """One of the groups that `consolidate` has made.

        Args:
            id: Its id.
            namespace: Where it must be; None for anywhere.

        Raises:
            UnknownPrototype: There is none of that id, or not any more.
        """
        self._check_open()
        return self._overlay.prototype(id, None if namespace is None else checked_namespace(namespace))

    # ---------------------------------------------------------------------------------------------- forget

    def forget(
        self,
        *,
        ids: str | Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        namespace: Namespace | _Unset = _UNSET,
        older_than: datetime | timedelta | None = None,
    ) -> Erasure:
        """Erase episodes with all their versions and vectors, so that no file holds their bytes.

        Conditions that are given must all hold. Unknown ids are ignored.

        Args:
            ids: One id or several.
            where: A filter over the metadata of the current versions.
            namespace: Where; alone, everything in it (not below it) is erased.
            older_than: Erase what occurred before a time, or longer ago than a timedelta.

        Raises:
            InvalidArgument: No condition at all, which would erase the default namespace by accident.
        """
        self._check_open()
        path: Namespace = () if isinstance(namespace, _Unset) else checked_namespace(namespace)
        if ids is None and where is None and older_than is None and isinstance(namespace, _Unset):
            raise InvalidArgument(
                "forget() without a condition would erase everything; name ids, where, older_than or a namespace "
                "(namespace=() for the default one)"
            )
        if where is not None and not where:
            raise InvalidArgument("an empty filter matches everything; to erase a namespace, name it")
        wanted = None if ids is None else ids_of(ids)
        predicate = None if where is None else compile_filter(where)
        self._reinforcement.forget()
        return self._intake.erase(path, wanted, predicate, _before(older_than))

    def erasures(self) -> Sequence[ErasureReceipt]:
        """The receipts of everything that was erased, by `forget` or by its time to live, oldest first.

        Their chain of digests is checked.

        Raises:
            DamagedDatabase: A receipt was changed, or one before it taken away; the message says which.
        """
        with self._read() as connection:
            chain = erasures.receipts(connection)
        wrong = erasures.broken(chain)
        if wrong is not None:
            raise DamagedDatabase(
                f"the receipt {wrong.number} of {len(chain)} erasures in {self._database.path or 'RAM'} does not match "
                "its digest: it, or the one before it, was changed from outside. Compare with the receipts you kept"
            )
        return chain

    # ---------------------------------------------------------------------------------------------- files

    def export(self, path: str | Path, *, namespace: Namespace | None = None, vectors: bool = False) -> int:
        """Write episodes with all their versions to a JSONL file, which appears when it is complete.

        Args:
            path: The file; an older one is replaced.
            namespace: The namespace, with those below it; None for the whole memory.
            vectors: Write the vectors, too; without them `load` embeds the texts again.

        Returns:
            How many versions were written.

        Raises:
            DiskFull: No room for it. No part of it is left behind, and an older file is as it was.
            StoreError: The file cannot be written for another reason; the same holds.
        """
        target = Path(path).expanduser()
        scope = () if namespace is None else checked_namespace(namespace)
        self._check_open()
        with self._intake.writing():
            pass  # what has expired is erased, and so not exported
        with self._read() as connection, exports.replacing(target) as write:
            found = space.find(connection)
            write(exports.header(None if found.space is None else asdict(found.space)))
            versions = episodes.all_versions(connection, namespaces.find(connection, scope, subtree=True))
            count = 0
            for chunk in _batches(versions, 256):
                seqs = [seq for seq, _ in chunk]
                rows = vectors_of(connection, seqs, found.id) if vectors else {}
                for seq, episode in chunk:
                    write(exports.write_line(episode, rows.get(seq)))
                count += len(chunk)
        return count

    def load(
        self,
        path: str | Path,
        *,
        format: str | None = None,  # noqa: A002
        encoding: str | None = None,
        namespace: Namespace | None = None,
        session: str | None = None,
        strict: bool = False,
        batch: int = 256,
        progress: Progress | None = None,
        rejected: Callable[[Rejection], object] | None = None,
    ) -> Loaded:
        """Read a file of any size: an export, JSON lines, chats as ChatGPT or Claude export them, Markdown, text.

        What is here already is left as it is, so a file can be loaded again when a load was interrupted, or when
        something was added to it. What cannot be read is rejected with its place, and does not stop the rest. What
        becomes of each format is in docs/formats.md; a time without a zone is read as UTC.

        An export comes back with its ids, versions, times and namespaces as they were. An id that has another
        history here takes the loaded text as its next version.

        Args:
            path: The file.
            format: "export", "jsonl", "json", "markdown" or "text"; None to find out by what is in the file.
            encoding: Of its text; None for UTF-8, or what a byte order mark says.
            namespace: Where records go that name no namespace themselves; the default one where none is given.
            session: The session of records that name none; the file's name for messages and passages of text.
            strict: Let the first rejection be an error.
            batch: Episodes in a transaction.
            progress: Called after each commit with the number of episodes that are on the disk.
            rejected: Called with each rejection at once; only the first 100 are returned.

        Raises:
            InvalidArgument: No such file, format or encoding, or a namespace or a session for an export.
            UnknownFormat: A file in no known format.
            InvalidFile: An empty file or, with `strict`, the first rejection; the batches before it are recorded.
            EmbedderMismatch: The file holds vectors that were given by the caller, and this memory has others.

        Example:
            >>> import tempfile
            >>> from am_agent import DeterministicEmbedder
            >>> with tempfile.TemporaryDirectory() as folder, Memory(embedder=DeterministicEmbedder()) as memory:
            ...     chat = Path(folder) / "chat.jsonl"
            ...     _ = chat.write_text('{"role": "user", "content": "I moved to Oslo.", "time": "2026-05-04T09:30Z"}')
            ...     memory.load(chat).recorded, memory.load(chat).recorded
            (1, 0)
        """
        self._check_open()
        batch, session = checked_count(batch, "batch"), checked_label(session, "session")
        scope = () if namespace is None else checked_namespace(namespace)
        reading = opened(Path(path).expanduser(), format=format, encoding=encoding, session=session)
        loading = Loading(batch=batch, strict=strict, progress=progress, rejected=rejected)
        if isinstance(reading, Export):
            if namespace is not None or session is not None:
                raise InvalidArgument(
                    "an export says itself in which namespace and session each episode is; load it without them"
                )
            origin = None if reading.space is None else Space(**reading.space)
            loaded = loading.load(
                reading.entries, lambda line: (line, len(line.episode.text)), lambda x: self._intake.restore(x, origin)
            )
            with self._intake.writing():
                pass  # what has expired since the export is erased
            return loaded

        def draft(item: Mapping[str, Any]) -> tuple[Draft, int]:
            return Draft.of(item, namespace=scope), len(item["text"])

        return loading.load(reading.entries, draft, self._intake.load)

    def reembed(self, embedder: Embedder, *, batch: int = 256, progress: Progress | None = None) -> int:
        """Move the whole memory, all versions, to another embedder, which it uses from then on.

        The memory can be read and written meanwhile, here and in other processes, with the old embedder. When the
        last vector is there, one transaction changes over, and the old vectors are deleted, those that a caller gave
        in place of an embedding included. A move that was interrupted goes on where it stopped when it is asked for
        again; asked for with a third embedder, it begins anew.

        Args:
            embedder: The new embedder.
            batch: Versions in a transaction.
            progress: Called after each commit with the number of versions whose new vectors are on the disk.

        Returns:
            How many versions were embedded, by this call.
        """
        batch = checked_count(batch, "batch")
        self._check_open()
        embedded = reembed(self._database, embedder, batch=batch, progress=progress)
        self._intake.drop_caches()
        self._encoder.replace(embedder)
        return embedded

    def stats(self) -> Stats:
        """The size and the settings of the memory."""
        with self._read() as connection:
            found = space.find(connection)
            target = space.pending(connection).space
            totals = episodes.totals(connection, _now(), found.id)
            occupied = len(namespaces.occupied(connection, (), _now()))
            unfinished = erasures.unfinished(connection)
            groups = overlays.count(connection, _now())
        path, held = self._database.path, self._retrieval.held()
        return Stats(
            path=None if path is None else str(path),
            file_bytes=self._database.file_bytes(),
            schema=REVISION,
            namespaces=occupied,
            episodes=totals.episodes,
            versions=totals.versions,
            patterns=totals.patterns,
            prototypes=groups,
            embedder=None if found.space is None else found.space.name,
            dimension=None if found.space is None else found.space.dimension,
            reembedding=None if target is None else target.name,
            unfinished_erasures=unfinished,
            resident_patterns=held[0],
            resident_bytes=held[1],
        )

    def close(self) -> None:
        """Close the file; every method but this one raises ClosedMemory from then on."""
        if not self._closed:
            self._closed = True
            if self._periodic is not None:
                self._periodic.stop()
            try:
                self._intake.leave()
                self._retrieval.leave()
            finally:
                self._database.close()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    aremember = _in_thread(remember)
    aremember_many = _in_thread(remember_many)
    aremember_messages = _in_thread(remember_messages)
    aupdate = _in_thread(update)
    arecall = _in_thread(recall)
    acomplete = _in_thread(complete)
    areinforce = _in_thread(reinforce)
    acalibrate = _in_thread(calibrate)
    areset_calibration = _in_thread(reset_calibration)
    aweights = _in_thread(weights)
    areset_weights = _in_thread(reset_weights)
    aget = _in_thread(get)
    alist = _in_thread(list)
    acount = _in_thread(count)
    anamespaces = _in_thread(namespaces)
    aconsolidate = _in_thread(consolidate)
    aunconsolidate = _in_thread(unconsolidate)
    aprototypes = _in_thread(prototypes)
    aprototype = _in_thread(prototype)
    aforget = _in_thread(forget)
    aerasures = _in_thread(erasures)
    aexport = _in_thread(export)
    aload = _in_thread(load)
    areembed = _in_thread(reembed)
    astats = _in_thread(stats)
    aclose = _in_thread(close)

    # ---------------------------------------------------------------------------------------------- inside

    def _pass_over(self, path: Namespace, check: Callable[[], None]) -> None:
        """A pass in the background, with the thresholds of the one before."""
        self._overlay.consolidate(Pass(path, again=True, summariser=self._summariser, progress=lambda _: check()))

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedMemory("this memory was closed; open it again with Memory(...)")

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        self._check_open()
        with self._database.reading() as connection:
            yield connection

    def _in_batches(
        self,
        items: Iterable[T],
        batch: int,
        progress: Progress | None,
        record: Callable[[Sequence[T], int], Sequence[Outcome]],
    ) -> Receipt:
        """Record items batch by batch and acknowledge each after its commit."""
        self._check_open()
        outcomes: Outcomes = []
        for chunk in _batches(items, batch):
            outcomes.extend(record(chunk, len(outcomes)))
            if progress is not None:
                progress(len(outcomes))
        recorded = sum(outcome.recorded for outcome in outcomes)
        return Receipt(tuple(outcome.id for outcome in outcomes), recorded, len(outcomes) - recorded)


def _view(
    namespace: Namespace,
    subtree: bool,
    where: Mapping[str, Any] | None,
    as_of: datetime | None,
    now: datetime | None,
) -> View:
    as_of = checked_time(as_of, "as_of")
    return View(
        checked_namespace(namespace),
        subtree,
        Visibility(checked_time(now, "now") or as_of or _now(), as_of),
        None if where is None else compile_filter(where),
    )


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _now() -> datetime:
    return datetime.now(UTC)


def _draft(item: Item, namespace: Namespace, place: int, start: int) -> Draft:
    """Check the item at a place of an iterator whose first `start` items are recorded."""
    try:
        return Draft.of(item, namespace=namespace)
    except InvalidInput as error:
        raise type(error)(f"item {place}: {error} (the {start} items of the batches before are recorded)") from error


def _before(older_than: datetime | timedelta | None) -> datetime | None:
    if isinstance(older_than, timedelta):
        return _now() - older_than
    return checked_time(older_than, "older_than")
