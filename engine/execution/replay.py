"""The replay: from the journal back to what was known when the last life ended.

    INTENT     its id is taken: it will not be accepted again       VERDICT    a refused REPLACE waits for nothing
    ORDER      the order as it stood then                           FILL       its order, and the positions
    WATERMARK  fills known up to here                               COMMAND    halted or not

An order found as CREATED or SENT may or may not be at the venue: it is UNKNOWN, and the recovery asks. Nothing here
is written or told; `fills_after` gives the fills that the readers may have missed of the last moment.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from engine.execution import codec
from engine.execution.blotter import STRATEGY_SHIFT, Blotter
from engine.execution.chase import Chase
from engine.execution.journal import Entry
from engine.execution.order import CREATED, Order
from engine.model.words import DONE_STATES, CommandKind, FillFlag, IntentKind, JournalKind, OrderFlag, OrderType

FILLS_TOLD_AGAIN = 4096
ORDERS_TOLD_AGAIN = 64  # more than one commit can hold: what a death between journal and telling leaves untold


def _told(row: Any, last: Any) -> bool:
    """Whether a fill is the last one told, or stands in the opening that was told last."""
    if last.flags & FillFlag.OPENING:
        return bool(row.receive_ns <= last.receive_ns)
    return (row.instrument, row.venue_fill_id) == (last.instrument, last.venue_fill_id)


class Replay:
    """What the journal says, once."""

    def __init__(self, blotter: Blotter) -> None:
        """Begin with the empty blotter to fill."""
        self.halted = False
        self.command_life = self.commands_followed = 0  # which COMMANDS ring, and how far it was followed
        self.placed_ns: list[int] = []  # when requests left, for the rate
        self.chases: list[Chase] = []
        self.fills: deque[Any] = deque(maxlen=FILLS_TOLD_AGAIN)
        self.last_orders: deque[Order] = deque(maxlen=ORDERS_TOLD_AGAIN)
        self.records = 0
        self._blotter = blotter
        self._chases: dict[int, list[Order]] = {}
        self._replaces: dict[int, Any] = {}

    def run(self, entries: Iterable[Entry]) -> None:
        """Read the journal through."""
        for entry in entries:
            self.records += 1
            self._read(entry)
        self._restore_chases()
        self._restore_heirs()

    def fills_after(self, last: Any) -> list[Any]:
        """The fills behind the last one that the readers were told of."""
        behind: list[Any] = []
        for row in reversed(self.fills):
            if last is not None and _told(row, last):
                break
            behind.append(row)
        return behind[::-1]

    def _read(self, entry: Entry) -> None:
        """One entry."""
        if entry.kind == JournalKind.INTENT:
            self._read_intent(codec.INTENT.unpack(entry.payload))
        elif entry.kind == JournalKind.VERDICT:
            if self._replaces and (verdict := codec.VERDICT.unpack(entry.payload)).reason:
                self._replaces.pop(verdict.intent_id, None)
        elif entry.kind == JournalKind.ORDER:
            self._read_order(codec.ORDER.unpack(entry.payload), entry.now_ns)
        elif entry.kind == JournalKind.FILL:
            self._read_fill(codec.FILL.unpack(entry.payload))
        elif entry.kind == JournalKind.WATERMARK:
            row = codec.FILL.unpack(entry.payload)
            self._blotter.watermarks[row.instrument] = row.venue_fill_id
        elif entry.kind == JournalKind.COMMAND:
            self._read_command(codec.COMMAND.unpack(entry.payload))

    def _read_intent(self, row: Any) -> None:
        """An intent that was taken."""
        strategy = row.intent_id >> STRATEGY_SHIFT
        self._blotter.last_intent[strategy] = max(row.intent_id, self._blotter.last_intent.get(strategy, 0))
        if row.kind == IntentKind.REPLACE:
            self._replaces[row.intent_id] = row

    def _read_order(self, row: Any, now_ns: int) -> None:
        """An order as it stood."""
        order = self._blotter.orders.get(row.client_id)
        if order is None:
            order = self._enter(row)
        if row.state == CREATED:
            self.placed_ns.append(now_ns)
        order.venue_order_id, order.sent_ns, order.answer_ns = row.venue_order_id, row.sent_ns, row.answer_ns
        order.expires_ns, order.error, order.flags = row.expires_ns, row.error, row.flags
        order.now_ns = row.now_ns
        self._blotter.restore(order, row.state)
        self.last_orders.append(order)

    def _enter(self, row: Any) -> Order:
        """An order seen for the first time."""
        order = Order(
            row.client_id, row.intent_id, row.strategy, row.instrument, row.side, row.order_type, row.time_in_force,
            row.price, row.size,
        )  # fmt: skip
        order.intent_ns, order.receive_ns, order.timeout_ns = row.intent_ns, row.receive_ns, row.timeout_ns
        order.reprice, order.limit_price, order.replaces_id = row.reprice, row.limit_price, row.replaces_id
        self._replaces.pop(row.intent_id, None)
        before = self._blotter.by_intent.get(row.replaces_id)
        if before is not None and before.live:
            order.predecessor, before.successor = before, order
        if row.order_type == OrderType.CHASE:
            self._chases.setdefault(row.intent_id, []).append(order)
        self._blotter.enter(order)
        return order

    def _read_fill(self, row: Any) -> None:
        """A fill: its order stands in the journal before it."""
        order = self._blotter.orders[row.client_id]
        self._blotter.fill_ids[row.instrument].add(row.venue_fill_id)
        self._blotter.take(order, tuple(row)[:-1])
        self.fills.append(row)
        self.last_orders.append(order)

    def _read_command(self, row: Any) -> None:
        """A halt outlives the process; a command is followed once."""
        self.commands_followed, self.command_life, _ = row.spare
        if row.kind in (CommandKind.HALT, CommandKind.RESUME):
            self.halted = row.kind == CommandKind.HALT

    def _restore_chases(self) -> None:
        """Chases that had not ended."""
        for orders in self._chases.values():
            chase = Chase(orders[0])
            for order in orders[1:]:
                chase.add(order)
            chase.stopped = bool(chase.order.flags & OrderFlag.CANCEL_WANTED)
            if chase.order.live or chase.standing.live or chase.order.flags & OrderFlag.REPRICING:
                self.chases.append(chase)

    def _restore_heirs(self) -> None:
        """REPLACE intents that waited for their target to end."""
        for row in self._replaces.values():
            order = self._blotter.by_intent.get(row.target_id)
            if order is not None and order.state not in DONE_STATES:
                order.heir = row
