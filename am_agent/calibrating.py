"""Calibrates the confidence of a namespace: asks cues with known answers, or makes some. Knows requests and rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from am_agent.asked import Asked
from am_agent.calibration import foreign_cues, own_cues
from am_agent.calibrator import Calibrator, checked_sample
from am_agent.confidence import log_odds
from am_agent.episode import Calibrated, Cue, Namespace
from am_agent.errors import InvalidArgument, InvalidInput
from am_agent.hopfield.fusion import FIELDS
from am_agent.question import ADDRESSED, SPEAKERS
from am_agent.retrieval import Request, Retrieval, View
from am_agent.store import episodes, namespaces, space
from am_agent.store.calibrations import LABELLED, OWN
from am_agent.store.database import Database
from am_agent.store.episodes import Visibility

_READ = 512
"""Texts that are read to make cues of, evenly spread."""

_SHOWN = 10
"""Episodes that a cue is asked for, as those were that the prior was fitted on."""

_ROLES = frozenset((*SPEAKERS, *ADDRESSED, "system", "tool"))


class Calibrating:
    """Calibrates namespaces.

    Args:
        database: Where the episodes are.
        retrieval: What answers cues.
        calibrator: What keeps the result.
    """

    def __init__(self, database: Database, retrieval: Retrieval, calibrator: Calibrator) -> None:
        self._database = database
        self._retrieval = retrieval
        self._calibrator = calibrator

    def calibrate(
        self, labelled: Sequence[tuple[str | Cue, bool]] | None, alpha: float | None, path: Namespace
    ) -> Calibrated:
        """Ask cues, and write down what came of it; see `Memory.calibrate`."""
        with self._database.reading() as connection:
            found = space.find(connection)
            ids = namespaces.find(connection, path)
            known = _made(connection, ids) if labelled is None else labelled
            seen = episodes.count(connection, ids, Visibility(datetime.now(UTC), None), None)
        if found.space is None or not seen:
            raise InvalidArgument(f"the namespace {path!r} holds no episode, so there is nothing to calibrate")
        pairs = [_pair(place, each) for place, each in enumerate(known)]
        odds = [(self._log_odds(asked, path), there) for asked, there in pairs]
        origin = OWN if labelled is None else LABELLED
        present, absent = ([value for value, there in odds if there is kind] for kind in (True, False))
        return self._calibrator.keep(path, found.id, origin, checked_sample(present, absent, alpha, origin))

    def _log_odds(self, asked: Asked, path: Namespace) -> float:
        view = View(path, subtree=False, visibility=Visibility(datetime.now(UTC), None), predicate=None)
        shown = self._retrieval.shown(Request(asked, view, FIELDS, _SHOWN, None))
        if shown is None:
            raise InvalidArgument(f"the namespace {path!r} holds no episode any more")
        return log_odds(shown, self._retrieval.prior)


def _pair(place: int, pair: tuple[str | Cue, bool]) -> tuple[Asked, bool]:
    if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[1], bool):
        raise InvalidArgument(f"label {place} is a pair of a cue and True or False, not {pair!r}")
    try:
        return Asked.checked(pair[0], None, FIELDS), pair[1]
    except InvalidInput as error:
        raise type(error)(f"label {place}: {error}") from error


def _made(connection: Connection, ids: Sequence[int]) -> Sequence[tuple[str | Cue, bool]]:
    """Cues with known answers, made of what is there and of what is not."""
    now = Visibility(datetime.now(UTC), None)
    seqs = episodes.seqs_in(connection, ids, now)
    count = min(len(seqs), _READ)
    texts = episodes.texts_of(connection, [seqs[place * len(seqs) // count] for place in range(count)])
    people = [name for name in episodes.actors_in(connection, ids, now) if name.casefold() not in _ROLES]
    own = own_cues([texts[seq] for seq in sorted(texts)])
    return [*((cue, True) for cue in own), *((cue, False) for cue in foreign_cues(people))]
