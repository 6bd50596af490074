"""The lanes of one run: real shared memory without a name, so that it ends with the process, however that ends.

The compiled parts of the roles read a lane in place only where it is shared memory. Each segment has its name until the
roles have opened it, for milliseconds.
"""

import dataclasses
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from engine.lanes import AGGREGATION, EXECUTION, FEED, LOOKERS, STRATEGY, SUPERVISOR, Lane, Owners
from engine.lanes.create import create, lanes_of
from engine.lanes.open import open_lanes
from shm.segment import path_of

NAME = "strategy"  # of the only one of a run
USED = frozenset(
    {
        "ticks", "books", "intents", "accepted", "verdicts", "orders", "parents", "fills", "positions", "journal",
        "commands", "halt", "steps", "parameters", "beliefs", "states", "gate", "sessions", "instrument_halts",
        "scope_halts",
        "limits", "balances", "reconciliations", "disagreements", "bars",
    }
)  # fmt: skip
JOURNAL_RECORDS = 1 << 12  # a run has one life, which never reads its journal again: its ring may be short


class RunLanes:
    """The opened lanes of each role of a run."""

    def __init__(self, system: str, owners: Owners) -> None:
        """Open nothing yet."""
        self.feed = open_lanes(system, FEED, owners=owners)
        self.strategies = {name: open_lanes(system, STRATEGY, name, owners) for name in owners.strategies}
        self.execution = open_lanes(system, EXECUTION, owners=owners)
        self.aggregation = open_lanes(system, AGGREGATION, owners=owners)
        self.looker = open_lanes(system, LOOKERS, owners=owners)

    def close(self) -> None:
        """Close every writer."""
        for lanes in (self.feed, *self.strategies.values(), self.execution, self.aggregation):
            lanes.close()


@contextmanager
def run_lanes(strategies: tuple[str, ...]) -> Iterator[RunLanes]:
    """Make the lanes of these strategies; the block opens them, and at its end their names are gone."""
    owners = Owners(strategies, (*strategies, EXECUTION))
    system = f"simulate{secrets.token_hex(8)}"
    names = []
    try:
        for name, lane, of in lanes_of(owners):
            if lane.name in USED and of != SUPERVISOR:
                names.append(name)
                create(system, name, _sized(lane), wake="never")
        yield RunLanes(system, owners)
    finally:
        for name in names:
            _unlink(path_of(f"{system}.{name}"))


def _sized(lane: Lane) -> Lane:
    """The lane as a run needs it."""
    return dataclasses.replace(lane, capacity=JOURNAL_RECORDS) if lane.name == "journal" else lane


def _unlink(path: str) -> None:
    """Remove a segment's name and its lock's."""
    for file in (path, path + ".lock"):
        with suppress(FileNotFoundError):
            os.unlink(file)
