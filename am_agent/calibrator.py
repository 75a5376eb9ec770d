"""Keeps the confidence of namespaces calibrated: which samples there are, and what follows. Knows rows, no cue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection

from am_agent.calibration import calibrated
from am_agent.confidence import Calibration, sigmoid
from am_agent.episode import Calibrated, Namespace
from am_agent.errors import EmbedderMismatch, InvalidArgument
from am_agent.store import calibrations, space
from am_agent.store.calibrations import OWN, USED, Sample
from am_agent.store.database import Database

_USED = 200
"""Recalls that were reinforced, as far back as they count."""


class Calibrator:
    """What is known of the confidence of namespaces. Safe from several threads.

    Args:
        database: Where it is kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self, connection: Connection, path: Namespace, space_id: int) -> Calibration:
        """How confidence is corrected in a namespace, or the nearest one above it that has anything to go by."""
        return calibrated(calibrations.find(connection, path, space_id))

    def keep(self, path: Namespace, space_id: int, origin: str, sample: Sample) -> Calibrated:
        """Write a sample down, in the place of the one of the same origin before.

        Raises:
            EmbedderMismatch: The file was moved to another embedder while the sample was made.
        """
        with self._database.writing() as connection:
            if space.find(connection).id != space_id:
                raise EmbedderMismatch("the file was moved to another embedder meanwhile; calibrate again")
            calibrations.keep(connection, path, space_id, origin, sample)
            return self._told(connection, path, space_id)

    def used(self, path: Namespace, log_odds: float) -> None:
        """Take into account that what a recall brought back was used: what was asked was there."""
        with self._database.writing() as connection:
            found = space.find(connection)
            if found.space is None:
                return
            before = calibrations.own(connection, path, found.id, USED)
            known = np.empty(0) if before is None else before.present
            sample = Sample(np.append(known, log_odds)[-_USED:], np.empty(0))
            calibrations.keep(connection, path, found.id, USED, sample)

    def reset(self, path: Namespace) -> Calibrated:
        """Forget what was learned in a namespace itself."""
        with self._database.writing() as connection:
            calibrations.reset(connection, path)
            return self._told(connection, path, space.find(connection).id)

    def _told(self, connection: Connection, path: Namespace, space_id: int) -> Calibrated:
        samples = calibrations.find(connection, path, space_id)
        now = calibrated(samples)
        return Calibrated(
            slope=now.slope,
            shift=now.shift,
            threshold=sigmoid(now.threshold),
            present=sum(len(each.present) for each in samples.values()),
            absent=sum(len(each.absent) for each in samples.values()),
            namespace=path,
        )


def checked_sample(present: Sequence[float], absent: Sequence[float], alpha: float | None, origin: str) -> Sample:
    """A sample to calibrate on.

    Raises:
        InvalidArgument: It has cues of one kind only.
    """
    if not present or not absent:
        cure = (
            "a namespace needs episodes of six words and more for that; give labelled=..."
            if origin == OWN
            else "give some of both: (cue, True) for what is remembered here, (cue, False) for what is not"
        )
        raise InvalidArgument(
            f"there are {len(present)} cues whose answer is here and {len(absent)} whose answer is not: {cure}"
        )
    return Sample(np.array(present), np.array(absent), alpha or 0.0)
