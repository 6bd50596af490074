"""Execution's own halt: it has seen what must not be, and only a person may trade on.

It is in force at once, stands in the journal (a COMMAND record with flags, which no operator's has), is logged as an
error, and the supervisor is asked for the halt of the whole system, whose word stands in the halt cell. No cell ends
it: only an operator's RESUME does. What was disputed and resumed once is not raised again.

What the venue contradicts itself on about one instrument halts that instrument alone (`instruments`): its open orders
are cancelled, and every new order of it is refused, exits too, for their size comes from the position that is in doubt.
It outlives the process by the same record, and ends by a RESUME of the instrument or of the whole system.
"""

import logging
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple
from zlib import crc32

from engine.execution.journal.journal import Gap
from engine.execution.operator import COMMAND, SIGNAL
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order
from engine.execution.seams import ExecutionLanes
from engine.log import BoundedLog
from engine.model.fixed import INT64_MAX
from engine.model.words import CommandKind, HaltReason, JournalKind
from engine.venues.trading.news import FillNews, OrderNews, UnreadableError

logger = logging.getLogger("engine.execution")

TEXT_MOST = 500  # bytes of what could not be read
KEYS_KEPT = 65_536  # causes that are remembered, so that none is raised twice
FILLS_ABSENT = -1  # the value of a FALSE_FILL: not a fill that is false, but one that is not there
GAP_ADVICE = (
    "The disk was full for longer than the shared memory reaches back, and then execution died. What is missing is"
    " asked of the venue: open orders are cancelled, fills are listed. Compare orders, fills and positions with the"
    " venue's own account, free the disk, then resume."
)
DISPUTE_ADVICE = (
    "It was not taken in, so the position may be wrong by its size. Compare the account with the venue's own, correct"
    " by hand what differs, then resume."
)


ODD_ADVICE = (
    "The order counts as open until the venue says otherwise, and is cancelled. Look at it at the venue; this program"
    " has to learn the word. Then resume."
)
FALSE_ADVICE = (  # for the log; the cell has no room for it
    "The position may differ from the account's. Orders of this instrument are cancelled and refused until"
    " `engine-ctl resume`. Compare the order, its fills and the balances with the venue's own account first."
)
UNREADABLE_ADVICE = (
    "What it was about is asked of the venue. If that cannot be read either, the venue has changed its answers and this"
    " program has to learn them; compare orders, fills and positions with the venue's own account, then resume."
)


class AlarmReason(IntEnum):
    """Why execution halted itself: the flags of its COMMAND record."""

    FILL_DISPUTED = 1  # value: the fill's number; the third spare word: the venue's order
    JOURNAL_GAP = 2  # value: the first record that is missing
    STATUS_ODD = 3  # value: the CRC-32 of the venue's word for the order's status; the third spare word: its order
    UNREADABLE = 4  # value: the CRC-32 of why
    OPERATOR = 5  # an operator asked, by a way that does not need the supervisor; value: HaltReason
    FALSE_FILL = 6  # halts the instrument; value: the fill's number, or FILLS_ABSENT; the third spare word: the order
    FALSE_STATUS = 7  # halts the instrument; value: the CRC-32 of why; the third spare word: the venue's order
    BALANCE_DIFFERS = 8  # halts the instrument; value: the difference in the asset's eighth decimals


WAYS = {SIGNAL: HaltReason.SIGNAL, COMMAND: HaltReason.OPERATOR}  # of an operator; any other is the file
INSTRUMENT_REASONS = frozenset({AlarmReason.FALSE_FILL, AlarmReason.FALSE_STATUS, AlarmReason.BALANCE_DIFFERS})


class Standstill(NamedTuple):
    """Why an instrument is halted."""

    since_ns: int
    reason: int  # AlarmReason
    value: int
    text: str  # what was found; "" after a restart: the journal keeps reason and value


class Alarm:
    """Raised or not."""

    def __init__(self, lanes: ExecutionLanes, blotter: Blotter, ask_halt: Callable[[HaltReason, str], None]) -> None:
        """Begin silent."""
        self.raised = False
        self.fresh = False  # raised, and nothing done about it yet
        self.due = False  # the step has something to do about it, or about an instrument
        self._again: Callable[[int], None] = lambda _: None
        self._lanes = lanes
        self._blotter = blotter
        self._ask_halt = ask_halt
        self.instruments: dict[int, Standstill] = {}  # those that are halted
        self.fresh_instruments: set[int] = set()  # halted, and nothing done about it yet
        self.instruments_changed = False  # since their cells were written
        self.unreadable_count = 0
        self.error_count = 0  # frames that could not be read, and alarms
        self._settled: set[tuple[int, int, int]] = set()  # disputes that were raised by an earlier life
        self._disputed: dict[tuple[int, int, int], None] = {}  # those of this one
        self._log = BoundedLog(logger)
        blotter.on_dispute = self.dispute

    def restore(
        self, disputes: Iterable[tuple[int, int, int]], instruments: dict[int, tuple[int, int, int]], *, raised: bool
    ) -> None:
        """Go on as the journal has it; `instruments`: since when, why and the value, of those that are halted."""
        self.raised = raised
        self._settled.update(disputes)
        self.instruments.update((number, Standstill(*why, "")) for number, why in instruments.items())

    def dispute(self, order: Order, fill: FillNews, now_ns: int) -> None:
        """A fill's number was known for something else: halt, and count its size as one that will not come."""
        key = (order.instrument, fill.fill_id, fill.venue_order_id)
        if not self._is_new(key):
            return
        order.disputed += fill.size
        if key in self._settled:
            return
        known = self._blotter.fills[order.instrument].trades.get(fill.fill_id)
        text = (
            f"fill {fill.fill_id} of {fill.symbol} says order {fill.venue_order_id}, price {fill.price}, size"
            f" {fill.size}; known under that number: {known or 'one that is forgotten'}. {DISPUTE_ADVICE}"
        )
        self._raise(AlarmReason.FILL_DISPUTED, fill.fill_id, now_ns, text, order, fill.venue_order_id)

    def odd(self, order: Order, news: OrderNews, now_ns: int) -> None:
        """An order has a status that nobody here knows: halt, once for an order and a status."""
        key = (order.instrument, crc32(news.odd.encode()), news.venue_order_id)
        if not self._is_new(key) or key in self._settled:
            return
        text = (
            f"the venue calls order {news.venue_order_id} of {news.symbol} {news.odd!r}, which is unknown. {ODD_ADVICE}"
        )
        self._raise(AlarmReason.STATUS_ODD, key[1], now_ns, text, order, news.venue_order_id)

    def false_fill(self, order: Order, fill: FillNews, why: str, now_ns: int) -> None:
        """A fill contradicts its order: it is not taken in, and its instrument is halted."""
        key = (order.instrument, fill.fill_id, fill.venue_order_id)
        if not self._is_new(key):
            return
        order.disputed += fill.size
        text = (
            f"fill {fill.fill_id} of {fill.symbol} at {fill.price} of {fill.size} was not taken in as one of order"
            f" {order.client_id.hex()} (the venue's {fill.venue_order_id}): {why}"
        )
        self._stop(AlarmReason.FALSE_FILL, fill.fill_id, now_ns, text, order, fill.venue_order_id)

    def fills_absent(self, order: Order, now_ns: int) -> None:
        """The venue says that an order filled and has no fills of it: they are not waited for any longer."""
        absent = order.venue_filled - order.filled - order.disputed
        order.disputed += absent
        text = (
            f"the venue filled {order.venue_filled} of order {order.client_id.hex()} (the venue's"
            f" {order.venue_order_id}) and lists no fills for {absent} of it"
        )
        if self._is_new((order.instrument, FILLS_ABSENT, order.venue_order_id)):
            self._stop(AlarmReason.FALSE_FILL, FILLS_ABSENT, now_ns, text, order, order.venue_order_id)

    def false_news(self, order: Order, news: OrderNews, why: str, now_ns: int) -> None:
        """The venue's view of an order contradicts it: it is not taken in, and its instrument is halted."""
        value = crc32(why.encode())
        if self._is_new((order.instrument, value, order.venue_order_id)):
            text = f"the venue's word on order {order.client_id.hex()} cannot be: {why}"
            self._stop(AlarmReason.FALSE_STATUS, value, now_ns, text, order, news.venue_order_id)

    def not_adopted(self, instrument: int, news: OrderNews, why: str, now_ns: int) -> None:
        """An order under an id of ours, which the journal does not know, cannot be taken in."""
        value = crc32(why.encode())
        key = (instrument, value, news.venue_order_id)
        if not self._is_new(key) or key in self._settled:
            return
        text = f"the venue has an order {news.client_id.hex()} of ours that cannot be: {why}"
        if not instrument:
            self._raise(AlarmReason.FALSE_STATUS, value, now_ns, text, None, news.venue_order_id)
        else:
            self._stop_instrument(instrument, AlarmReason.FALSE_STATUS, value, now_ns, text, 0, news.venue_order_id)

    def balance_differs(self, instrument: int, difference: int, text: str, now_ns: int) -> None:
        """The account's balance is not what the fills make it."""
        value = max(-INT64_MAX, min(INT64_MAX, difference))
        self._stop_instrument(instrument, AlarmReason.BALANCE_DIFFERS, value, now_ns, text, 0, 0)

    def unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """The venue said what cannot be read: count it, and halt unless that was done for this reason."""
        self.unreadable_count += 1
        self.error_count += 1
        said = error.text[:TEXT_MOST].decode(errors="replace")
        self._log.warning(now_ns, "the venue sent what cannot be read", why=error.why, said=said)
        key = (0, crc32(error.why.encode()), 0)
        if self.raised or not self._is_new(key):
            return
        text = f"the venue said what cannot be read ({error.why}): {said}. {UNREADABLE_ADVICE}"
        self._raise(AlarmReason.UNREADABLE, key[1], now_ns, text)

    def gap(self, gap: Gap, now_ns: int) -> None:
        """The journal has lost records."""
        kept = f"those behind them are in {gap.kept}" if gap.kept else "there was no room to keep those behind them"
        text = f"journal records {gap.first} to {gap.last} are lost, {kept}. {GAP_ADVICE}"
        self._raise(AlarmReason.JOURNAL_GAP, gap.first, now_ns, text)

    def operator(self, way: str, now_ns: int) -> None:
        """An operator asks for a halt by a way that the supervisor has not answered yet: halt, until RESUME."""
        text = f"an operator asked for a halt by {way}; resume ends it"
        self._raise(AlarmReason.OPERATOR, WAYS.get(way, HaltReason.FILE), now_ns, text)

    def resume(self, now_ns: int) -> bool:
        """An operator's RESUME: it ends what it can have known of, not what was raised in this very step."""
        if self.fresh:
            self._again(now_ns)
        self.raised = self.fresh
        for instrument in list(self.instruments):
            self.resume_instrument(instrument)
        return self.raised

    def resume_instrument(self, instrument: int) -> None:
        """An operator's RESUME of one instrument."""
        if self.instruments.pop(instrument, None) is None:
            return
        self.instruments_changed = True
        logger.warning("the instrument is traded again", extra={"instrument": instrument})

    def _is_new(self, key: tuple[int, int, int]) -> bool:
        """Whether a cause was not seen in this life; the oldest are forgotten."""
        if key in self._disputed:
            return False
        self._disputed[key] = None
        if len(self._disputed) > KEYS_KEPT:
            del self._disputed[next(iter(self._disputed))]
        return True

    def _stop(self, reason: AlarmReason, value: int, now_ns: int, text: str, order: Order, number: int) -> None:
        """Halt an order's instrument, unless an operator has resumed after the same cause before."""
        if (order.instrument, value, number) not in self._settled:
            self._stop_instrument(order.instrument, reason, value, now_ns, text, order.strategy, number)

    def _stop_instrument(
        self, instrument: int, reason: AlarmReason, value: int, now_ns: int, text: str, strategy: int, number: int
    ) -> None:
        """Halt one instrument: in the journal, in the log, in its cell. One that is halted is not halted again."""
        if instrument in self.instruments:
            self._log.warning(now_ns, "a further contradiction", instrument=instrument, what=text)
            return
        self.instruments[instrument] = Standstill(now_ns, reason, value, text)
        self.fresh_instruments.add(instrument)
        self.due = self.instruments_changed = True
        self._write(reason, value, now_ns, strategy, instrument, number)
        extra = {"instrument": instrument, "reason": reason.name.lower(), "what": text, "advice": FALSE_ADVICE}
        logger.error("an instrument is halted by execution", extra=extra)

    def _raise(
        self, reason: AlarmReason, value: int, now_ns: int, text: str, order: Order | None = None, number: int = 0
    ) -> None:
        """Halt: in the journal, in the log, at the supervisor."""
        self.raised = self.fresh = self.due = True
        self._again = lambda now_ns: self._raise(reason, value, now_ns, text, order, number)
        strategy, instrument = (0, 0) if order is None else (order.strategy, order.instrument)
        self._write(reason, value, now_ns, strategy, instrument, number)
        logger.error("halted by execution", extra={"reason": reason.name.lower(), "what": text})
        self._ask_halt(HaltReason(value) if reason == AlarmReason.OPERATOR else HaltReason.EXECUTION, text)

    def _write(self, reason: int, value: int, now_ns: int, strategy: int, instrument: int, number: int) -> None:
        """The record that outlives the process."""
        self.error_count += 1
        lanes, journal = self._lanes, self._blotter.journal
        spare = (lanes.commands.cursor, lanes.commands_life, max(0, number))
        row = (now_ns, value, CommandKind.HALT, reason, strategy, instrument, 0, 0, 0, *spare)
        journal.add(now_ns, JournalKind.COMMAND, codec.COMMAND.pack(*row))
        journal.commit(now_ns)
