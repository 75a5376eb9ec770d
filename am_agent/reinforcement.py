"""Learning from use: recalls wait for feedback, and feedback moves the weights of a namespace. Knows ids and rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection

from am_agent.episode import Namespace, Weights
from am_agent.errors import InvalidArgument, UnknownRecall
from am_agent.hopfield.codes import Reals
from am_agent.hopfield.fusion import FIELDS, default_weights
from am_agent.hopfield.learning import AnotherVersion, Learner, fresh, reinforced
from am_agent.store import uses
from am_agent.store.database import Database
from am_agent.store.uses import Use

_WAITING = 256
"""Recalls of this process that wait for feedback; older ones give way."""


class Reinforcement:
    """The recalls that wait for feedback, and what was learned. Safe from several threads.

    Args:
        database: Where it is kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()  # over the recalls
        self._waiting: OrderedDict[str, Use] = OrderedDict()

    def wait(self, id_: str, use: Use, *, written: bool) -> None:
        """Let a recall wait for feedback, in this process or, written down, for any."""
        with self._lock:
            self._waiting[id_] = use
            while len(self._waiting) > _WAITING:
                self._waiting.popitem(last=False)
        if written:
            with self._database.writing() as connection:
                uses.keep(connection, id_, use, datetime.now(UTC))

    def forget(self) -> None:
        """Let no recall wait any more: one of them may name what was erased."""
        with self._lock:
            self._waiting.clear()

    def reinforce(self, id_: str, used: Sequence[str], path: Namespace | None) -> Weights:
        """Learn from what was used of a recall.

        Args:
            id_: Of the recall.
            used: Ids of episodes that it brought back.
            path: The namespace whose weights move; None for the one that was asked.
        """
        use = self._find(id_)
        if path is None:
            path = use.path
        if use.path[: len(path)] != path:
            raise InvalidArgument(
                f"the recall {id_} was asked in the namespace {use.path!r}; what was used of it says nothing about "
                f"{path!r}. Name that namespace, or one above it"
            )
        unknown = [each for each in used if each not in use.shown]
        if unknown or not used:
            wrong = f"the id {unknown[0]!r} is not among" if unknown else "used names none of"
            raise InvalidArgument(f"{wrong} the {len(use.shown)} episodes that the recall {id_} brought back")
        rows = np.array([use.shown[each] for each in used])
        with self._database.writing() as connection:
            learner, _ = self._learner(connection, path)
            learner = reinforced(learner, use.features, rows, use.beta)
            uses.learn(connection, path, learner.to_bytes())
        return _weights(learner, path)

    def active(self, connection: Connection, path: Namespace) -> Reals:
        """The weights that recall in a namespace uses, float64 [fields]."""
        return self._learner(connection, path)[0].active

    def weights(self, path: Namespace) -> Weights:
        """What the fields count in a namespace."""
        with self._database.reading() as connection:
            return _weights(*self._learner(connection, path))

    def reset(self, path: Namespace) -> Weights:
        """Forget what was learned in a namespace itself."""
        with self._database.writing() as connection:
            uses.unlearn(connection, path)
            return _weights(*self._learner(connection, path))

    def _find(self, id_: str) -> Use:
        with self._lock:
            use = self._waiting.get(id_)
        if use is None:
            with self._database.reading() as connection:
                use = uses.find(connection, id_, len(FIELDS))
        if use is None:
            raise UnknownRecall(
                f"no recall {id_!r} waits for feedback: a process keeps its last {_WAITING}, and others know of one "
                "if it was asked with log=True and nothing was forgotten since. Ask again, and reinforce that"
            )
        return use

    def _learner(self, connection: Connection, path: Namespace) -> tuple[Learner, Namespace | None]:
        """What was learned in a namespace or the nearest one above it, if it was about the fields of today."""
        default = default_weights()
        for where, data in uses.learned(connection, path):
            try:
                learner = Learner.from_bytes(data)
            except AnotherVersion:  # its sums and its region are not those of today, like the weights of an old default
                continue
            if np.array_equal(learner.default, default):
                return learner, where
        return fresh(default), None


def _weights(learner: Learner, path: Namespace | None) -> Weights:
    return Weights(
        default=dict(zip(FIELDS, learner.default.tolist(), strict=True)),
        learned=dict(zip(FIELDS, learner.weights.tolist(), strict=True)),
        ahead=learner.ahead,
        rounds=learner.rounds,
        default_loss=learner.default_loss,
        learned_loss=learner.learned_loss,
        namespace=path,
    )
