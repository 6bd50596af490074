"""Execution's own halt: it has seen what must not be, and only a person may trade on.

It is in force at once, stands in the journal (a COMMAND record with flags, which no operator's has), is logged as an
error, and the supervisor is asked for the halt of the whole system, whose word stands in the halt cell. No cell ends
it: only an operator's RESUME does. What was disputed and resumed once is not raised again.
"""

import logging
from collections.abc import Callable, Iterable
from enum import IntEnum
from zlib import crc32

from engine.execution import codec
from engine.execution.blotter import Blotter
from engine.execution.journal import Gap
from engine.execution.order import Order
from engine.execution.seams import ExecutionLanes
from engine.model.words import CommandKind, JournalKind
from engine.venues.trading import FillNews, OrderNews, UnreadableError

logger = logging.getLogger("engine.execution")

TEXT_MOST = 500  # bytes of what could not be read
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
    OPERATOR = 5  # an operator asked, by a way that does not need the supervisor


class Alarm:
    """Raised or not."""

    def __init__(self, lanes: ExecutionLanes, blotter: Blotter, ask_halt: Callable[[str], None]) -> None:
        """Begin silent."""
        self.raised = False
        self.fresh = False  # raised, and nothing done about it yet
        self._again: Callable[[int], None] = lambda _: None
        self._lanes = lanes
        self._blotter = blotter
        self._ask_halt = ask_halt
        self._settled: set[tuple[int, int, int]] = set()  # disputes that were raised by an earlier life
        self._disputed: set[tuple[int, int, int]] = set()  # those of this one
        blotter.on_dispute = self.dispute

    def restore(self, disputes: Iterable[tuple[int, int, int]], *, raised: bool) -> None:
        """Go on as the journal has it."""
        self.raised = raised
        self._settled.update(disputes)

    def dispute(self, order: Order, fill: FillNews, now_ns: int) -> None:
        """A fill's number was known for something else: halt, and count its size as one that will not come."""
        key = (order.instrument, fill.fill_id, fill.venue_order_id)
        if key in self._disputed:
            return
        self._disputed.add(key)
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
        if key in self._disputed or key in self._settled:
            return
        self._disputed.add(key)
        text = (
            f"the venue calls order {news.venue_order_id} of {news.symbol} {news.odd!r}, which is unknown. {ODD_ADVICE}"
        )
        self._raise(AlarmReason.STATUS_ODD, key[1], now_ns, text, order, news.venue_order_id)

    def unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """The venue said what cannot be read: halt, once a life for one reason."""
        key = (0, crc32(error.why.encode()), 0)
        if key in self._disputed:
            return
        self._disputed.add(key)
        said = error.text[:TEXT_MOST].decode(errors="replace")
        text = f"the venue said what cannot be read ({error.why}): {said}. {UNREADABLE_ADVICE}"
        self._raise(AlarmReason.UNREADABLE, key[1], now_ns, text)

    def gap(self, gap: Gap, now_ns: int) -> None:
        """The journal has lost records."""
        kept = f"those behind them are in {gap.kept}" if gap.kept else "there was no room to keep those behind them"
        text = f"journal records {gap.first} to {gap.last} are lost, {kept}. {GAP_ADVICE}"
        self._raise(AlarmReason.JOURNAL_GAP, gap.first, now_ns, text)

    def operator(self, way: str, now_ns: int) -> None:
        """An operator asks for a halt by a way that the supervisor has not answered yet: halt, until RESUME."""
        self._raise(AlarmReason.OPERATOR, 0, now_ns, f"an operator asked for a halt by {way}; resume ends it")

    def resume(self, now_ns: int) -> bool:
        """An operator's RESUME: it ends what it can have known of, not what was raised in this very step."""
        if self.fresh:
            self._again(now_ns)
        self.raised = self.fresh
        return self.raised

    def _raise(
        self, reason: AlarmReason, value: int, now_ns: int, text: str, order: Order | None = None, number: int = 0
    ) -> None:
        """Halt: in the journal, in the log, at the supervisor."""
        self.raised = self.fresh = True
        self._again = lambda now_ns: self._raise(reason, value, now_ns, text, order, number)
        strategy, instrument = (0, 0) if order is None else (order.strategy, order.instrument)
        lanes, journal = self._lanes, self._blotter.journal
        spare = (lanes.commands.cursor, lanes.commands_life, number)
        row = (now_ns, value, CommandKind.HALT, reason, strategy, instrument, 0, 0, 0, *spare)
        journal.add(now_ns, JournalKind.COMMAND, codec.COMMAND.pack(*row))
        journal.commit(now_ns)
        logger.error("halted by execution", extra={"reason": reason.name.lower(), "what": text})
        self._ask_halt(text)
