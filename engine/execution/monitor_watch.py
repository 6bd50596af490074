"""What execution does for the monitor: entries stop while it is silent, and its disagreements halt instruments.

The monitor has no way to an order. It writes records of DISAGREEMENTS while a difference lasts; the first one halts the
instrument by the alarm, whose halt is journalled and ends by an operator's RESUME.
"""

import logging
from collections.abc import Iterator

from engine.execution.ports import Beating
from engine.execution.venue.alarm import Alarm
from engine.lanes.ports import RingReader
from engine.model.rows import DisagreementRow
from engine.model.text import shown

logger = logging.getLogger("engine.execution")

MS = 1_000_000


class MonitorWatch:
    """The monitor's heartbeat and its disagreements."""

    def __init__(self, late_ns: int, beating: Beating | None, lane: RingReader, alarm: Alarm) -> None:
        """Begin with a silent monitor, until the first heartbeat is found; None: the system has no monitor."""
        self._late_ns, self._beating, self._lane, self._alarm = late_ns, beating, lane, alarm
        self.silent = beating is not None  # for so long that entries stop
        self._late = False  # for so long that it is an error: a monitor may start after execution
        self._unjudged: list[DisagreementRow] = []  # that were read before a RESUME

    def judge(self, now_ns: int) -> None:
        """Look at the heartbeat, and halt the instruments of new disagreements."""
        if self._beating is None:
            return
        self._note(self._beating.silent_ns(now_ns))
        if not self._lane.lag and not self._unjudged:
            return
        rows, self._unjudged = [*self._unjudged, *self._read()], []
        for row in rows:
            self._alarm.monitor_differs(row.instrument, row.difference, shown(row.text), now_ns)

    def expect_resume(self) -> None:
        """Skip what repeats a halt that a RESUME is about to end; what is new is judged after the RESUME."""
        self._unjudged += [row for row in self._read() if row.instrument not in self._alarm.instruments]

    def _read(self) -> Iterator[DisagreementRow]:
        """The disagreements that wait."""
        while self._lane.lag and (row := self._lane.read()) is not None:
            if type(row) is DisagreementRow:
                yield row

    def _note(self, silent_ns: int) -> None:
        """Log when entries stop and when they are sent again."""
        assert self._beating is not None, "a system without a monitor has none to note"
        late = silent_ns > self._late_ns
        if late and not self._late:
            logger.error("the monitor sends no heartbeat: only exits are sent", extra={"silent_ms": silent_ns // MS})
        elif self._late and not late:
            logger.warning("the monitor sends heartbeats again: orders are sent")
        self._late, self.silent = late, late or not self._beating.changed
