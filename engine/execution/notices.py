"""Publishes the cells of execution's state: its session at the venue, and the instruments that it has halted."""

from engine.execution.config import ExecutionConfig
from engine.execution.ports import ExecutionLanes
from engine.execution.venue.alarm import Alarm, Standstill
from engine.model import records
from engine.model.records import ERROR_CODE
from engine.model.rows import InstrumentHaltRow
from engine.model.words import SessionState
from engine.venues.session import Stage, VenueSession

SESSION_TEXT, HALT_TEXT = (one.fields[-1].size for one in (records.SESSION, records.INSTRUMENT_HALT))
STATES = {
    Stage.CONNECTING: SessionState.CONNECTING,
    Stage.CLOCK: SessionState.CLOCK,
    Stage.LOGON: SessionState.LOGON,
    Stage.SUBSCRIBE: SessionState.SUBSCRIBE,
}


class Notices:
    """Writes the cells `sessions` and `instrument_halts` when their contents have changed."""

    def __init__(self, lanes: ExecutionLanes, session: VenueSession, alarm: Alarm, config: ExecutionConfig) -> None:
        """Begin with nothing published: each life writes every cell once."""
        self._sessions, self._halts = lanes.sessions, lanes.instrument_halts
        self._session = session
        self._alarm = alarm
        self._venue = config.venue.encode()[:16]
        self._instruments = tuple(one.id for one in config.instruments)
        self._published: tuple[object, ...] = ()
        self._halts_published: dict[int, Standstill | None] = {}
        self._since_ns = self._ready_ns = 0
        self._ready = False

    def write(self, now_ns: int, *, reconciled: bool) -> None:
        """Write the cells whose contents have changed since the last call."""
        session, alarm = self._session, self._alarm
        mark = (
            session.stage, session.connects, session.error, session.denied, reconciled, alarm.unreadable_count,
        )  # fmt: skip
        if mark != self._published:
            self._published = mark
            self._write_session(now_ns, self._state(reconciled=reconciled))
        if len(self._halts_published) != len(self._instruments) or alarm.instruments_changed:
            alarm.instruments_changed = False
            self._write_halts(now_ns)

    def _state(self, *, reconciled: bool) -> SessionState:
        """The session's state, from its stage, its trading right and the recovery."""
        session = self._session
        if session.up and session.denied[0]:
            return SessionState.DENIED
        if session.up:
            return SessionState.READY if reconciled else SessionState.RECONCILING
        return STATES.get(session.stage, SessionState.REFUSED if session.code else SessionState.LOST)

    def _write_session(self, now_ns: int, state: SessionState) -> None:
        """Write the session's cell."""
        session, ready = self._session, state == SessionState.READY
        if ready != self._ready or not self._since_ns:
            self._ready, self._since_ns = ready, now_ns
            self._ready_ns = self._ready_ns or now_ns * ready
        retry_ns = session.retry_ns if session.stage is Stage.DOWN else 0
        denied = state == SessionState.DENIED
        code, text = ("", "") if ready else session.denied if denied else (session.code, session.error)
        self._sessions.write(0, *records.SESSION.row(
            now_ns=now_ns, since_ns=self._since_ns, ready_ns=self._ready_ns, retry_ns=retry_ns,
            attempts=session.connects, unreadable=self._alarm.unreadable_count, state=state,
            error=cut(code, ERROR_CODE), venue=self._venue,
            text=cut(text, SESSION_TEXT),
        ))  # fmt: skip

    def _write_halts(self, now_ns: int) -> None:
        """Write the cell of each instrument whose halt began or ended."""
        for index, instrument in enumerate(self._instruments):
            stop = self._alarm.instruments.get(instrument)
            if instrument not in self._halts_published or self._halts_published[instrument] != stop:
                self._halts_published[instrument] = stop
                self._halts.write(index, *halt_row(instrument, stop, now_ns))


def halt_row(instrument: int, stop: Standstill | None, now_ns: int) -> InstrumentHaltRow:
    """The INSTRUMENT_HALT record of an instrument; None: it is not halted."""
    if stop is None:
        return records.INSTRUMENT_HALT.row(
            now_ns=now_ns, since_ns=0, difference=0, venue_fill_id=b"", venue_order_id=b"", instrument=instrument,
            reason=0, text=b"",
        )  # fmt: skip
    alarm = stop.alarm
    return records.INSTRUMENT_HALT.row(
        now_ns=now_ns, since_ns=stop.since_ns, difference=alarm.difference, venue_fill_id=alarm.venue_fill_id,
        venue_order_id=alarm.venue_order_id, instrument=instrument, reason=stop.reason, text=cut(stop.text, HALT_TEXT),
    )  # fmt: skip


def cut(text: str, most: int) -> bytes:
    """The text's bytes, cut to the size of a field, without half a character."""
    return text.encode(errors="replace")[:most].decode(errors="ignore").encode()
