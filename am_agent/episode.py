"""The facts that a memory hands out: episodes, recollections, receipts. Knows nothing of vectors, SQL or models."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, overload

Namespace = tuple[str, ...]

_SHOWN = 80
"""Characters of a text that an explanation shows."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One stored event: what was said, by whom, when, next to what.

    Attributes:
        id: The caller's id or a UUIDv7; unique within its namespace.
        text: What was said.
        namespace: The unit of isolation; `()` is the default namespace.
        actor: Who said or did it: a speaker, an author, a tool.
        occurred_at: When it happened, in UTC.
        session: The conversation or document it belongs to.
        metadata: The caller's own JSON.
        version: 1 for the first text under this id, 2 for the next, and so on.
        recorded_at: When the memory was told, in UTC.
        superseded_at: When the next version replaced this one; None for the current one.
        expires_at: When it ceases to be visible; None for never.
        reply_to: The id of the episode that this one answers, in the same namespace.
        derived_from: The ids of the episodes that this one was made from, in the same namespace: those of which it is a
            summary or a conclusion. What is forgotten is left out here, too.
    """

    id: str
    text: str
    namespace: Namespace = ()
    actor: str | None = None
    occurred_at: datetime | None = None
    session: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    recorded_at: datetime | None = None
    superseded_at: datetime | None = None
    expires_at: datetime | None = None
    reply_to: str | None = None
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cue:
    """What recall is asked with: some features of an episode, any of them; the memory fills in the rest.

    Attributes:
        text: A question, or any part of what was said. Actors and times that it names count as given.
        actor: Who said or did it.
        time: When: a moment, or a pair of the beginning and the end.
        near: The id of an episode next to which it happened, or with which it is linked.
        vector: A vector (d,), or the windows of one cue (n, d), in place of the text's embedding.

    Example:
        >>> Cue("the dog", actor="ana").actor
        'ana'
    """

    text: str | None = None
    actor: str | None = None
    time: datetime | tuple[datetime, datetime] | None = None
    near: str | None = None
    vector: Any = None


@dataclass(frozen=True, slots=True)
class Recollection:
    """One episode that came to mind, or a prototype of several.

    Attributes:
        episode: The episode itself; of a prototype the medoid.
        similarity: The best cosine between a pattern of the episode and the cue, in [-1, 1]; 0 for a cue without a
            vector.
        weight: Its share of the softmax over every episode the cue may see, in [0, 1].
        shares: What each field gave to its score: content, words, actor, time, links; those that gave nothing are left
            out. They sum to the score, whose softmax the weight is. What stands for several has "strength", what their
            number added to the score of one, or "members", the score of all of them.
        prototype: Which one it is, if it is one; its members are the sources.
        also: The ids of other episodes that say the same and count with it, where `distinct` was asked for.
    """

    episode: Episode
    similarity: float
    weight: float
    shares: Mapping[str, float] = field(default_factory=dict)
    prototype: Prototype | None = None
    also: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The episode's id, or the prototype's."""
        return self.episode.id if self.prototype is None else self.prototype.id

    @property
    def text(self) -> str:
        """The episode's text, or the prototype's."""
        return self.episode.text if self.prototype is None else self.prototype.text


Verdict = Literal["known", "ambiguous", "unknown"]
"""Whether a memory holds what a cue asks for."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is certain about a recall, though most episodes were scored by codes of a quarter of their bytes.

    Attributes:
        exact: Whether the recollections are, in this order, those of an evaluation of every episode in float64.
        log_partition: The least and the most that `log sum_i exp(beta s_i)` can be, in nats. Every weight lies between
            `exp(beta s - most)` and `exp(beta s - least)`.
        rescored: How many episodes were scored from their patterns themselves for that.

    Example:
        >>> Certificate(exact=True, log_partition=(1.25, 1.5), rescored=200).width
        0.25
    """

    exact: bool
    log_partition: tuple[float, float]
    rescored: int

    @property
    def width(self) -> float:
        """How much the log-partition can vary, in nats, and with it the logarithm of every weight."""
        least, most = self.log_partition
        return most - least if most > least else 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a recall shows of whether the answer is there; None for what the cue does not have.

    Attributes:
        nearness: The mean cosine of the cue with its five nearest episodes, over the mean cosine of the nearest with
            their own nearest, both above what is usual here: about 1 for a cue that could be an episode itself, less
            for one from elsewhere.
        coherence: The mean cosine between the ten heaviest episodes.
        coverage: The greatest share of the cue's words, by their rarity, that one of the ten heaviest episodes has
            together with its neighbours in the session.
        mass: The share of the softmax that is on the k heaviest episodes, one nat for a standard deviation.
        first: The same share of the heaviest and of what says the same.
        k: How many were asked for.
        episodes: How many the cue may see.
        matched: Whether any of them has something that the cue names.
        silent: Whether the cue names nothing.
        shares: The shares of the softmax that `mass` is the sum of, the heaviest first.
    """

    nearness: float | None
    coherence: float | None
    coverage: float | None
    mass: float
    first: float
    k: int
    episodes: int
    matched: bool = True
    silent: bool = False
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Recall(Sequence[Recollection]):
    """What a cue brought back: a sequence of recollections, heaviest first.

    Attributes:
        recollections: The k heaviest; as `prefer` has them, where that was given.
        energy: `-(1/beta) log sum_i exp(beta s_i)` over the scores s of every episode the cue may see. Infinite when
            there is no such episode.
        beta: The inverse temperature that was used, per unit of the score: a standard deviation of the fused fields, or
            of cosine where that was asked for alone.
        episodes: How many episodes the softmax ran over.
        id: What `reinforce` knows this recall by; empty where it waits for no feedback.
        weights: What each field of the cue counted.
        notes: How the cue was read, where a person should know: misspelt words, times that make no sense.
        certificate: What is certain about the order and the weights.
        familiarity: The probability that the memory holds what the cue asks for, where as many cues ask for something
            that is there as for something that is not.
        reliability: The probability that it is among the recollections, if the memory holds it.
        verdict: "known"; "ambiguous", if several episodes that say different things are about as heavy; or "unknown".
        reason: Why, in words.
        evidence: What familiarity and reliability follow from; None where nothing was looked at.
        n_eff: How many episodes share the weight: `1 / sum_i weight_i^2`; 0 where there is none.
        margin: By how much the score of the heaviest exceeds that of the second; infinite where there is no second.

    Example:
        >>> recall = Recall((Recollection(Episode("1", "Rex is a dog."), 0.9, 0.8),), -0.9, 20.0, 3)
        >>> recall[0].text, len(recall)
        ('Rex is a dog.', 1)
    """

    recollections: tuple[Recollection, ...]
    energy: float
    beta: float
    episodes: int
    id: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    certificate: Certificate = Certificate(True, (-math.inf, -math.inf), 0)
    familiarity: float = 0.0
    reliability: float = 0.0
    verdict: Verdict = "unknown"
    reason: str = "there is no episode that the cue may see"
    evidence: Evidence | None = None
    n_eff: float = 0.0
    margin: float = math.inf

    @overload
    def __getitem__(self, index: int) -> Recollection: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Recollection, ...]: ...
    def __getitem__(self, index: int | slice) -> Recollection | tuple[Recollection, ...]:
        return self.recollections[index]

    def __len__(self) -> int:
        return len(self.recollections)

    @property
    def told(self) -> str:
        """The verdict in a line for a person; of what seems not to be here, reliability says nothing.

        Example:
            >>> Recall((), math.inf, 1.0, 0).told
            'unknown: there is no episode that the cue may see (familiarity 0 %)'
        """
        sure = f"familiarity {self.familiarity * 100:.0f} %"
        if self.verdict != "unknown":
            sure += f", reliability {self.reliability * 100:.0f} %"
        return f"{self.verdict}: {self.reason} ({sure})"

    def explain(self) -> str:
        """Say in lines for a person how sure the recall is, what each field gave, and how the cue was read.

        Example:
            >>> dog = Recollection(Episode("1", "Rex is a dog."), 0.9, 0.8, {"content": 3.25, "words": 1.5})
            >>> sure = {"familiarity": 0.9, "reliability": 0.8, "verdict": "known", "reason": "the answer is there"}
            >>> print(Recall((dog,), -0.9, 2.5, 3, weights={"content": 0.8, "words": 0.6}, **sure).explain())
            known: the answer is there (familiarity 90 %, reliability 80 %)
            fields: content x 0.80, words x 0.60; beta 2.5, energy -0.900 over 3 episodes
            1. 80.0 %  score 4.75 = content 3.25 + words 1.50  Rex is a dog.
        """
        fields = ", ".join(f"{name} x {worth:.2f}" for name, worth in self.weights.items()) or "cosine"
        seen = f"{self.episodes} episode" + ("" if self.episodes == 1 else "s")
        lines = [
            self.told,
            f"fields: {fields}; beta {self.beta:.3g}, energy {self.energy:.3f} over {seen}",
            *self.notes,
        ]
        for place, each in enumerate(self.recollections, start=1):
            gave = " + ".join(f"{name} {share:.2f}" for name, share in each.shares.items()) or "nothing"
            text = " ".join(each.text.split())
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            lines.append(f"{place}. {each.weight * 100:.1f} %  score {sum(each.shares.values()):.2f} = {gave}  {shown}")
        return "\n".join(lines)

    def as_prompt(self, *, max_chars: int | None = None) -> str:
        """Write the recollections as a block for a language model's prompt.

        Everything that was stored is escaped, so that no text can close the block or pose as its markup. Entries
        are taken in order of weight; the one that no longer fits is cut with an ellipsis, later ones are left out.

        Args:
            max_chars: The most characters the block may have; None for no limit.

        Returns:
            The block, or the empty string where there is nothing to say.

        Example:
            >>> recall = Recall((Recollection(Episode("1", "1 < 2", actor="ana"), 0.9, 0.8),), -0.9, 20.0, 3)
            >>> print(recall.as_prompt())
            <memory>
            <entry id="1" actor="ana">1 &lt; 2</entry>
            </memory>
        """
        room = None if max_chars is None else max_chars - len("<memory>\n</memory>")
        lines: list[str] = []
        for recollection in self.recollections:
            line = _entry(recollection, recollection.text)
            if room is not None and len(line) + 1 > room:
                line = _cut(recollection, room - 1)
                if line:
                    lines.append(line)
                break
            lines.append(line)
            if room is not None:
                room -= len(line) + 1
        return "\n".join(["<memory>", *lines, "</memory>"]) if lines else ""


def _entry(given: Recollection, text: str) -> str:
    facts: dict[str, str | None] = {"id": given.id}
    if given.prototype is not None:
        facts |= {"of": f"{len(given.prototype)} entries"}
    else:
        facts |= {"actor": given.episode.actor, "session": given.episode.session}
        if given.episode.occurred_at is not None:
            facts["time"] = given.episode.occurred_at.isoformat(timespec="seconds")
    attributes = "".join(f' {name}="{_escaped(fact)}"' for name, fact in facts.items() if fact is not None)
    return f"<entry{attributes}>{_escaped(text)}</entry>"


def _escaped(text: str) -> str:
    # No XML can hold these two, so a strict reader would refuse the whole block for one of them.
    return html.escape(text).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def _cut(given: Recollection, room: int) -> str:
    """The longest entry of at most `room` characters, or nothing when not one character of text fits."""
    low, high = 0, len(given.text)
    while low < high:  # escaping lengthens the text unevenly, so the cut is searched, not computed
        middle = (low + high + 1) // 2
        if len(_entry(given, given.text[:middle] + "…")) <= room:
            low = middle
        else:
            high = middle - 1
    return _entry(given, given.text[:low] + "…") if low else ""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the fields count in a namespace: by default, and as learned from use.

    Attributes:
        default: Of each field, to begin with.
        learned: Of each field, after all feedback: between half and twice the default.
        ahead: Whether recall uses the learned ones: as long as they predict better what is used.
        rounds: How many feedbacks there were.
        default_loss: How badly the default predicted them, in nats, at whichever of several temperatures fits them
            best.
        learned_loss: How badly the learned ones did, each before the feedback changed them.
        namespace: Where they were learned: the namespace itself, or the nearest one above it; None for nowhere.

    Example:
        >>> weights = Weights({"content": 1.0}, {"content": 1.2}, ahead=True, rounds=40, default_loss=9, learned_loss=1)
        >>> weights.active
        {'content': 1.2}
    """

    default: Mapping[str, float]
    learned: Mapping[str, float]
    ahead: bool
    rounds: int
    default_loss: float
    learned_loss: float
    namespace: Namespace | None = None

    @property
    def active(self) -> Mapping[str, float]:
        """Those that recall uses."""
        return self.learned if self.ahead else self.default


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How the confidence of a namespace is corrected, and by what.

    Attributes:
        slope: What the log-odds of the familiarity are multiplied by.
        shift: What is added to them then.
        threshold: The familiarity below which a verdict is `unknown`; 0 if nothing is rejected.
        present: How many cues, whose answer is there, it was fitted on.
        absent: How many cues, whose answer is not.
        namespace: Where it holds, and below it where nothing else is known.
    """

    slope: float
    shift: float
    threshold: float
    present: int
    absent: int
    namespace: Namespace = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a fragment of an episode is completed to: the episode, and the features that the cue left out.

    Each posterior sums over all episodes that the cue may see, by their weights, and to 1 with what no episode tells.

    Attributes:
        recall: The episodes that the cue may be a part of.
        actors: Who said it, the likeliest first.
        time: When: the median of the posterior; None where there is no episode.
        earliest: A tenth of the posterior lies before it.
        latest: A tenth of it lies after.
        following: What came next, by the id of the episode, the likeliest first: the successors of the likeliest.
    """

    recall: Recall
    actors: Mapping[str, float]
    time: datetime | None
    earliest: datetime | None
    latest: datetime | None
    following: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a bulk write did.

    Attributes:
        ids: The ids in the order of the items.
        recorded: How many new episodes or versions were written.
        unchanged: How many were already there, word for word.
    """

    ids: tuple[str, ...]
    recorded: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """The evidence of one erasure, chained to the one before it.

    It tells what was erased by numbers that mean nothing outside the file, so that it can be kept and shown after
    the text, the ids and the names are gone. Who keeps the digest of the newest receipt can tell later whether any
    receipt up to it was changed or taken away.

    Attributes:
        number: 1 for the first erasure of the file, 2 for the next, and so on.
        at: When it was made, in UTC.
        episodes: How many episodes were erased.
        versions: How many versions that were.
        rows: The row numbers of these versions in the file, as ranges: "3-5,9".
        previous: The digest of the receipt before this one; 64 zeros before the first.
        digest: sha256 over `previous`, `number`, `at` in microseconds since 1970, `episodes`, `versions` and `rows`,
            joined by "|", in hexadecimal.
    """

    number: int
    at: datetime
    episodes: int
    versions: int
    rows: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something in a file that could not be loaded.

    Attributes:
        place: Where: "line 17", "record 5", "conversation 3, message 12".
        reason: Why, and the cure if there is one.
    """

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` did. It does not grow with the file.

    Attributes:
        recorded: How many new episodes or versions were written.
        unchanged: How many were already there, word for word.
        rejected: How much could not be loaded.
        problems: The first 100 rejections.
    """

    recorded: int
    unchanged: int
    rejected: int
    problems: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What `forget` did.

    Attributes:
        episodes: How many episodes are gone, each with all its versions and vectors.
        versions: How many versions that were.
        erased: True when no file holds their bytes any more. False while another process still reads an older
            state, or the disk has no room to write the file anew; the next write, opening or close finishes it.
        receipt: The evidence; None if there was nothing to erase.
    """

    episodes: int
    versions: int
    erased: bool
    receipt: ErasureReceipt | None = None


@dataclass(frozen=True, slots=True)
class Prototype:
    """Episodes that belong together, as one; an overlay, which changes and hides none of them.

    Attributes:
        id: Its own, which it keeps while its members come and go.
        tier: "duplicate", the same thing said again, or "theme".
        namespace: Of all its members.
        text: What a summariser has made of its members, or the text of its medoid.
        weight: The sum of its members' strengths.
        radius: The largest Euclidean distance of any pattern of any member to the mean of their patterns.
        members: The ids of its episodes, in the order of recording.
        medoid: The id of the member nearest to the mean.
        run: The id of the pass that gave it its shape.
        author: The name of the summariser, which made `text` of the texts of `members`; None where it is the medoid's.

    Example:
        >>> tea = Prototype("p1", "theme", (), "Ana drinks tea.", 2.0, 0.4, ("1", "2"), "1", "r1")
        >>> len(tea), tea.derived
        (2, False)
    """

    id: str
    tier: str
    namespace: Namespace
    text: str
    weight: float
    radius: float
    members: tuple[str, ...]
    medoid: str
    run: str
    author: str | None = None

    def __len__(self) -> int:
        return len(self.members)

    @property
    def derived(self) -> bool:
        """Whether the text was made by a summariser, and said by nobody."""
        return self.author is not None


@dataclass(frozen=True, slots=True)
class Consolidation:
    """What a pass of `consolidate` found and wrote.

    Attributes:
        namespace: Where.
        run_id: What `unconsolidate` knows it by; None where nothing was written.
        whole: Whether all episodes were grouped anew; otherwise what came since the last pass was put in its place.
        episodes: How many episodes it was over.
        covered: How many of them are in a prototype.
        duplicates: How many prototypes of near-duplicates there are now.
        themes: How many prototypes of themes there are now.
        made: Prototypes that are new.
        changed: Prototypes whose members or text are others now.
        joined: Prototypes that were given up because others took over members of theirs.
        split: Prototypes whose members are now in several.
        largest_radius: Of all prototypes; 0.0 without any.
        mean_radius: The same.
        bound: How far the energy of content can rise, for any cue, where each episode's widest prototype stands for it.
        energy_change: By how much it did rise at the most, for some episodes as cues.
        beta: The inverse temperature of both.
        saving: The share of the description of the walk from neighbour to neighbour that themes save; None where the
            pass had nothing to look at.
        structured: Whether that is more than noise saves: otherwise there are no themes.
        summaries: Texts that the summariser made.
        failures: How often it raised, took too long, or said nothing; those prototypes have their medoid's text.
        overtaken: Whether somebody else has consolidated or undone meanwhile, so that the pass looked again at what was
            left to do: mostly nothing, and the rest of the report says what there is.
        seconds: How long it took.

    Example:
        >>> nothing = Consolidation(namespace=())
        >>> nothing.run_id, nothing.prototypes
        (None, 0)
    """

    namespace: Namespace
    run_id: str | None = None
    whole: bool = False
    episodes: int = 0
    covered: int = 0
    duplicates: int = 0
    themes: int = 0
    made: int = 0
    changed: int = 0
    joined: int = 0
    split: int = 0
    largest_radius: float = 0.0
    mean_radius: float = 0.0
    bound: float = 0.0
    energy_change: float = 0.0
    beta: float = 0.0
    saving: float | None = None
    structured: bool = False
    summaries: int = 0
    failures: int = 0
    overtaken: bool = False
    seconds: float = 0.0

    @property
    def prototypes(self) -> int:
        """How many prototypes there are now."""
        return self.duplicates + self.themes


@dataclass(frozen=True, slots=True)
class Unconsolidation:
    """What `unconsolidate` took back.

    Attributes:
        runs: The ids of the runs of which nothing is left, newest first: the one that was named, and those that were
            built on it.
        gone: How many prototypes are gone.
        restored: How many others are as they were before, those that had been given up included.
    """

    runs: tuple[str, ...]
    gone: int
    restored: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The size and the settings of a memory.

    Attributes:
        path: Where the file lies; None in RAM.
        file_bytes: Size of the database file with its write-ahead log; 0 in RAM.
        schema: Revision of the database's schema.
        namespaces: How many namespaces hold at least one visible episode.
        episodes: Current episodes that have not expired.
        versions: All versions that are stored, current or not.
        patterns: Stored vectors of the memory's embedder.
        prototypes: Groups of episodes that `consolidate` has made.
        embedder: Name of the embedder the vectors were made with; None before the first one.
        dimension: Dimension of the vectors; None before the first one.
        reembedding: Name of the embedder that the file is being moved to; None while it is not.
        unfinished_erasures: Erasures whose bytes a file still holds, for a reader's sake.
        resident_patterns: Vectors in memory, of the namespaces that this process has asked so far.
        resident_bytes: What these take, with what is kept of those that are not in memory themselves.
    """

    path: str | None
    file_bytes: int
    schema: str
    namespaces: int
    episodes: int
    versions: int
    patterns: int
    prototypes: int
    embedder: str | None
    dimension: int | None
    reembedding: str | None
    unfinished_erasures: int
    resident_patterns: int
    resident_bytes: int
