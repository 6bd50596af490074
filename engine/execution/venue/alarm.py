"""Execution's own halt: it has found something that must not happen, and only an operator may resume.

The halt is in force at once. It is an ALARM record in the journal, an error in the log, and a request to the supervisor
to halt the whole system (the cell HALT). Only an operator's RESUME ends it; the cell does not. A cause that was resumed
once is not raised again.

When the venue contradicts itself about one instrument, only that instrument is halted (`instruments`): its open orders
are cancelled and every new order is refused, exits too, because the size of an exit comes from the position in doubt.
This halt outlives the process by the same record. A RESUME of the instrument or of the whole system ends it. A report
of the venue on which execution failed twice is not applied, and halts the instrument in the same way.
"""

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple
from zlib import crc32

from engine.execution.journal.journal import Gap
from engine.execution.operator import COMMAND, SIGNAL
from engine.execution.orders import codec
from engine.execution.orders.fills import Trade
from engine.execution.orders.order import Order
from engine.execution.ports import Appender
from engine.log import BoundedLog
from engine.model.fixed import clamped
from engine.model.journal_records import ALARM
from engine.model.rows import AlarmRow
from engine.model.text import bare, shown
from engine.model.words import AlarmReason, HaltReason, JournalKind
from engine.venues.trading.news import FillNews, OrderNews, UnreadableError

logger = logging.getLogger("engine.execution")

TEXT_MOST = 500  # bytes of what could not be read
KEYS_KEPT = 65_536  # causes that are remembered, so that no cause is raised twice
GAP_ADVICE = (
    "The disk was full for longer than the shared memory reaches back, and then execution died. Execution restores the"
    " missing records from the venue: it cancels open orders and lists fills. Compare orders, fills and positions with"
    " the venue's own account, free space on the disk, then resume."
)
DISPUTE_ADVICE = (
    "The fill was not applied, so the position may be wrong by its size. Compare the account with the venue's own,"
    " correct by hand what differs, then resume."
)
UNKNOWN_STATUS_ADVICE = (
    "The order counts as open until the venue reports another status, and is cancelled. Check the order at the venue,"
    " then resume. Report the status to the developers: this program must be extended by it."
)
DEATHS_ADVICE = "`engine-ctl deaths` shows the error."
FALSE_ADVICE = (  # for the log; the cell has no room for it
    "The position may differ from the account's. Orders of this instrument are cancelled and refused until"
    " `engine-ctl resume`. Compare the order, its fills and the balances with the venue's own account first."
)
UNREADABLE_ADVICE = (
    "Execution asks the venue for the same data again. If that answer cannot be read either, the venue has changed its"
    " answers and this program must be changed too. Compare orders, fills and positions with the venue's own account,"
    " then resume."
)
WAYS = {SIGNAL: HaltReason.SIGNAL, COMMAND: HaltReason.OPERATOR}  # of an operator; any other is the file


class Cause(NamedTuple):
    """What an alarm is about; empty or 0 where the cause has none."""

    instrument: int
    order: bytes = b""  # the venue's id
    fill: bytes = b""  # the venue's id
    statement: int = 0  # CRC-32 of the venue's statement

    @classmethod
    def of(cls, row: AlarmRow) -> "Cause":
        """The cause in an ALARM record."""
        return cls(row.instrument, bare(row.venue_order_id), bare(row.venue_fill_id), row.statement)


class Standstill(NamedTuple):
    """Why an instrument is halted."""

    since_ns: int
    alarm: AlarmRow
    text: str  # the finding; "" after a restart: the journal has only the record

    @property
    def reason(self) -> int:
        """The AlarmReason."""
        return int(self.alarm.reason)


class Alarm:
    """The halt of the system, and the halts of single instruments."""

    def __init__(self, journal: Appender, ask_halt: Callable[[HaltReason, str], None]) -> None:
        """Begin without a halt."""
        self.raised = False
        self.fresh = False  # raised, and not acted on yet
        self.due = False  # the step has to act on a halt of the system or of an instrument
        self._again: Callable[[int], None] = lambda _: None
        self._journal = journal
        self._ask_halt = ask_halt
        self.instruments: dict[int, Standstill] = {}  # the halted instruments
        self.fresh_instruments: set[int] = set()  # halted, and not acted on yet
        self.instruments_changed = False  # since their cells were written
        self.unreadable_count = 0
        self.error_count = 0  # frames that could not be read, and alarms
        self._settled: set[Cause] = set()  # raised in an earlier life
        self._known: dict[Cause, None] = {}  # seen in this life
        self._log = BoundedLog(logger)

    def restore(self, settled: Iterable[Cause], instruments: dict[int, Standstill], *, raised: bool) -> None:
        """Continue from what the journal has."""
        self.raised = raised
        self._settled.update(settled)
        self.instruments.update(instruments)

    def dispute(self, order: Order, fill: FillNews, known: Trade | None, now_ns: int) -> None:
        """Halt: a known fill's id came again with other contents. Its size counts as filled without a fill.

        `known` is what the id meant before; None: it was forgotten.
        """
        cause = Cause(order.instrument, fill.venue_order_id, fill.fill_id)
        if not self._is_new(cause):
            return
        order.disputed += fill.size
        if cause in self._settled:
            return
        text = (
            f"fill {shown(fill.fill_id)} of {fill.symbol} has order {shown(fill.venue_order_id)}, price {fill.price},"
            f" size {fill.size}; known under that id: {known or 'a fill that was forgotten'}. {DISPUTE_ADVICE}"
        )
        self._raise(AlarmReason.FILL_DISPUTED, cause, now_ns, text, order.strategy)

    def unknown_status(self, order: Order, news: OrderNews, now_ns: int) -> None:
        """Halt, once for an order and a status: this program does not know the status."""
        cause = Cause(order.instrument, news.venue_order_id, statement=crc32(news.unknown_status.encode()))
        if not self._is_new(cause) or cause in self._settled:
            return
        order_id = shown(news.venue_order_id)
        found = f"order {order_id} of {news.symbol} has the status {news.unknown_status!r}, which is unknown"
        text = f"{found}. {UNKNOWN_STATUS_ADVICE}"
        self._raise(AlarmReason.STATUS_UNKNOWN, cause, now_ns, text, order.strategy)

    def false_fill(self, order: Order, fill: FillNews, why: str, now_ns: int) -> None:
        """Halt the instrument: a fill contradicts its order and was not applied."""
        cause = Cause(order.instrument, fill.venue_order_id, fill.fill_id)
        if not self._is_new(cause):
            return
        order.disputed += fill.size
        text = (
            f"fill {shown(fill.fill_id)} of {fill.symbol} at {fill.price} of {fill.size} was not applied to order"
            f" {order.client_id.hex()} (the venue's {shown(fill.venue_order_id)}): {why}"
        )
        self._stop(AlarmReason.FALSE_FILL, cause, now_ns, text, order.strategy)

    def not_applied(self, order: Order, fill: FillNews | None, now_ns: int) -> None:
        """Halt the instrument: execution failed twice on this report of an order, and leaves it out."""
        venue_order_id = order.venue_order_id if fill is None else fill.venue_order_id
        cause = Cause(order.instrument, venue_order_id, b"" if fill is None else fill.fill_id)
        if not self._is_new(cause):
            return
        order.disputed += 0 if fill is None else fill.size
        what = "the venue's view" if fill is None else f"fill {shown(fill.fill_id)} at {fill.price} of {fill.size}"
        text = f"{what} of order {order.client_id.hex()} was not applied: execution failed on it twice. {DEATHS_ADVICE}"
        self._stop(AlarmReason.NOT_APPLIED, cause, now_ns, text, order.strategy)

    def fills_absent(self, order: Order, now_ns: int) -> None:
        """Halt the instrument: the venue filled an order and lists no fills for it. Stop waiting for them."""
        absent = order.venue_filled - order.filled - order.disputed
        order.disputed += absent
        text = (
            f"the venue filled {order.venue_filled} of order {order.client_id.hex()} (the venue's"
            f" {shown(order.venue_order_id)}) and lists no fills for {absent} of it"
        )
        cause = Cause(order.instrument, order.venue_order_id)
        if self._is_new(cause):
            self._stop(AlarmReason.FILLS_ABSENT, cause, now_ns, text, order.strategy)

    def false_news(self, order: Order, news: OrderNews, why: str, now_ns: int) -> None:
        """Halt the instrument: the venue's view of an order contradicts the order and was not applied."""
        cause = Cause(order.instrument, order.venue_order_id, statement=crc32(why.encode()))
        if self._is_new(cause):
            text = f"the venue's view of order {order.client_id.hex()} contradicts it: {why}"
            cause = cause._replace(order=news.venue_order_id)
            self._stop(AlarmReason.FALSE_STATUS, cause, now_ns, text, order.strategy)

    def not_adopted(self, instrument: int, news: OrderNews, why: str, now_ns: int) -> None:
        """Halt: the venue has an order under an id of ours that is not in the journal and that cannot be ours."""
        cause = Cause(instrument, news.venue_order_id, statement=crc32(why.encode()))
        if not self._is_new(cause) or cause in self._settled:
            return
        text = f"the venue has an order {news.client_id.hex()} of ours that cannot be ours: {why}"
        if not instrument:
            self._raise(AlarmReason.FALSE_STATUS, cause, now_ns, text)
        else:
            self._stop_instrument(AlarmReason.FALSE_STATUS, cause, now_ns, text)

    def balance_differs(self, instrument: int, difference: int, text: str, now_ns: int) -> None:
        """Halt the instrument: the account's balance differs from the sum of the fills."""
        reason = AlarmReason.BALANCE_DIFFERS
        self._stop_instrument(reason, Cause(instrument), now_ns, text, difference=clamped(difference))

    def monitor_differs(self, instrument: int, difference: int, text: str, now_ns: int) -> None:
        """Halt the instrument: the monitor's own sums are not ours, or not the venue's.

        The monitor repeats what lasts: after a restart the halt has its text from there.
        """
        reason, known = AlarmReason.MONITOR_DIFFERS, self.instruments.get(instrument)
        if known is None:
            self._stop_instrument(reason, Cause(instrument), now_ns, text, difference=difference)
        elif known.reason == reason and not known.text:
            self.instruments[instrument] = known._replace(text=text)
            self.instruments_changed = True

    def unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """Count a message of the venue that cannot be read; halt, once for each reason."""
        self.unreadable_count += 1
        self.error_count += 1
        sent = error.text[:TEXT_MOST].decode(errors="replace")
        self._log.warning(now_ns, "a message of the venue cannot be read", why=error.why, sent=sent)
        cause = Cause(0, statement=crc32(error.why.encode()))
        if self.raised or not self._is_new(cause):
            return
        text = f"a message of the venue cannot be read ({error.why}): {sent}. {UNREADABLE_ADVICE}"
        self._raise(AlarmReason.UNREADABLE, cause, now_ns, text)

    def gap(self, gap: Gap, now_ns: int) -> None:
        """Halt: the journal has lost records."""
        kept = f"the later ones are in {gap.kept}" if gap.kept else "the disk had no room to keep the later ones"
        text = f"journal records {gap.first} to {gap.last} are lost, {kept}. {GAP_ADVICE}"
        self._raise(AlarmReason.JOURNAL_GAP, Cause(0), now_ns, text, first_lost=gap.first)

    def operator(self, way: str, now_ns: int) -> None:
        """Halt until RESUME: an operator asked for it, and the supervisor has not answered yet."""
        text = f"an operator asked for a halt by {way}; resume ends it"
        self._raise(AlarmReason.OPERATOR, Cause(0), now_ns, text, operator_way=WAYS.get(way, HaltReason.FILE))

    def resume(self, now_ns: int) -> bool:
        """Apply an operator's RESUME, which ends every halt that was raised before this step; whether one remains."""
        if self.fresh:
            self._again(now_ns)
        self.raised = self.fresh
        for instrument in list(self.instruments):
            self.resume_instrument(instrument)
        return self.raised

    def resume_instrument(self, instrument: int) -> None:
        """Apply an operator's RESUME of one instrument."""
        if self.instruments.pop(instrument, None) is None:
            return
        self.instruments_changed = True
        logger.warning("the instrument is traded again", extra={"instrument": instrument})

    def _is_new(self, cause: Cause) -> bool:
        """Whether a cause is new in this life; the oldest causes are forgotten."""
        if cause in self._known:
            return False
        self._known[cause] = None
        if len(self._known) > KEYS_KEPT:
            del self._known[next(iter(self._known))]
        return True

    def _stop(self, reason: AlarmReason, cause: Cause, now_ns: int, text: str, strategy: int) -> None:
        """Halt an order's instrument, unless an operator has resumed after the same cause before."""
        if cause not in self._settled:
            self._stop_instrument(reason, cause, now_ns, text, strategy=strategy)

    def _stop_instrument(
        self, reason: AlarmReason, cause: Cause, now_ns: int, text: str, *, strategy: int = 0, difference: int = 0
    ) -> None:
        """Halt one instrument: in the journal, in the log, in its cell. One that is halted is not halted again."""
        instrument = cause.instrument
        if instrument in self.instruments:
            self._log.warning(now_ns, "a further contradiction", instrument=instrument, what=text)
            return
        row = alarm_row(reason, cause, strategy=strategy, difference=difference)
        self.instruments[instrument] = Standstill(now_ns, row, text)
        self.fresh_instruments.add(instrument)
        self.due = self.instruments_changed = True
        self._record(row, now_ns)
        extra = {"instrument": instrument, "reason": reason.name.lower(), "what": text, "advice": FALSE_ADVICE}
        logger.error("an instrument is halted by execution", extra=extra)

    def _raise(
        self,
        reason: AlarmReason,
        cause: Cause,
        now_ns: int,
        text: str,
        strategy: int = 0,
        *,
        first_lost: int = 0,
        operator_way: HaltReason = HaltReason.NONE,
    ) -> None:
        """Halt the system: in the journal, in the log, at the supervisor."""
        row = alarm_row(reason, cause, strategy=strategy, first_lost=first_lost, operator_way=operator_way)
        self._again = lambda now_ns: self._halt(row, text, now_ns)
        self._halt(row, text, now_ns)

    def _halt(self, row: AlarmRow, text: str, now_ns: int) -> None:
        """Halt the system for the reason in this record."""
        self.raised = self.fresh = self.due = True
        self._record(row, now_ns)
        logger.error("halted by execution", extra={"reason": AlarmReason(row.reason).name.lower(), "what": text})
        self._ask_halt(HaltReason(row.operator_way) or HaltReason.EXECUTION, text)

    def _record(self, row: AlarmRow, now_ns: int) -> None:
        """Write the record that outlives the process."""
        self.error_count += 1
        self._journal.add(now_ns, JournalKind.ALARM, codec.ALARM.pack_row(row))
        self._journal.commit(now_ns)


def alarm_row(
    reason: AlarmReason,
    cause: Cause,
    *,
    strategy: int = 0,
    difference: int = 0,
    first_lost: int = 0,
    operator_way: HaltReason = HaltReason.NONE,
) -> AlarmRow:
    """The ALARM record of a halt."""
    return ALARM.row(
        venue_order_id=cause.order, venue_fill_id=cause.fill, difference=difference, first_lost=first_lost,
        statement=cause.statement, strategy=strategy, instrument=cause.instrument, reason=reason,
        operator_way=operator_way,
    )  # fmt: skip
