"""Whether an execution runs: its heartbeat is RUNNING and has changed within a quarter of the limit.

An execution that ran and has not sent a heartbeat for the limit is silent: the monitor logs it, alerts report it, and
the canceller, which watches by itself too, lists the open orders at once.
"""

import logging

from engine.lanes.ports import CellReader
from engine.model.words import RoleState

AWAY_NS = 250_000_000  # between two looks: the monitor itself did not run, and has missed heartbeats
ATTENDING = (RoleState.RUNNING, RoleState.DRAINING)

logger = logging.getLogger("engine.monitor")


class Silence:
    """Judges one heartbeat."""

    def __init__(self, name: str, beats: CellReader, late_ns: int) -> None:
        """Begin without a heartbeat."""
        self.since_ns = 0  # since when a running execution is silent; 0: it is not
        self._name, self._beats, self._late_ns = name, beats, late_ns
        self._beat = -1
        self._seen_ns = self._looked_ns = 0

    def judge(self, now_ns: int) -> bool:
        """Look at the heartbeat; whether execution runs, so that its cells are those of this life."""
        beat, row, away_ns = self._beats.sequence(0), self._beats.read(0), now_ns - self._looked_ns
        self._looked_ns = now_ns
        if beat != self._beat:
            self._beat, self._seen_ns = beat, now_ns
        elif away_ns > AWAY_NS:
            self._seen_ns += away_ns
        age_ns = now_ns - self._seen_ns
        self._note(self._seen_ns if age_ns > self._late_ns and row is not None and row.state in ATTENDING else 0)
        return row is not None and row.state == RoleState.RUNNING and age_ns <= self._late_ns // 4

    def _note(self, since_ns: int) -> None:
        """Log when the heartbeat stops and when it returns."""
        if since_ns and not self.since_ns:
            logger.error("execution sends no heartbeat", extra={"execution": self._name})
        elif self.since_ns and not since_ns:
            logger.warning("execution sends heartbeats again", extra={"execution": self._name})
        self.since_ns = since_ns
