"""One order that closes a position: its size, its price, and why none is sent now.

    position ─ what open and unconfirmed orders already close ─▶ whole size steps, at most the venue's largest order
    book ─▶ the worst price inside `exit_collar_bps`, as an IOC limit ─▶ `gate.check_closing` ─▶ journal, then bytes

The book must be GOOD and young: a price that is taken from a wrong book closes at a wrong price. After an order that
did not fill, the next one for this position waits, twice as long each time, so that a thin book does not use up the
order rate.
"""

from collections.abc import Mapping
from typing import NamedTuple

from engine.execution.orders.blotter import Blotter
from engine.execution.orders.ledger import Position
from engine.execution.orders.order import Order
from engine.execution.venue.order_sender import OrderSender
from engine.model import client_id
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.intent_id import CLOSING, closing_id, count_of
from engine.model.refusals import refusal_text
from engine.model.words import BUY, SELL, OrderFlag, OrderType, Reason, TimeInForce
from engine.risk.gate import Refusal, RiskGate
from engine.risk.market import Top

MS = 1_000_000
EPOCH_MS = 1_577_836_800_000  # 2020-01-01: as a strategy's count on a new lane, but in the upper half
PAUSE_NS, PAUSE_MOST_NS = 50 * MS, 2_000 * MS
TOO_SMALL = frozenset({Reason.SIZE_STEP, Reason.NOTIONAL_TOO_SMALL})


class Rest(NamedTuple):
    """What is left of a position, and why."""

    position: Position
    why: str
    closable: bool  # false: too little for an order


class Pause(NamedTuple):
    """When the next order may leave, and how long the pause after it is."""

    until_ns: int
    next_ns: int
    held: int  # the position when the order left: a smaller one begins again with the shortest pause


class Closing:
    """Sends the orders that close positions."""

    def __init__(
        self, system: bytes, gate: RiskGate, sender: OrderSender, blotter: Blotter, tops: Mapping[int, Top]
    ) -> None:
        """Continue the numbers of the orders that the blotter knows."""
        self._system = system
        self._gate = gate
        self._sender = sender
        self._blotter = blotter
        self._tops = tops
        self._count = 0
        self._pauses: dict[tuple[int, int], Pause] = {}

    def close(self, position: Position, now_ns: int) -> Rest | None:
        """Send what closes this position; what is left of it, None when it is flat."""
        if not position.size:
            return Rest(position, "less than a size step", closable=False) if position.held else None
        if not position.closable:
            return Rest(position, "an order closes it, or its fills are not known yet", closable=True)
        return self._send(position, SELL if position.size > 0 else BUY, abs(position.closable), now_ns)

    def _send(self, position: Position, side: int, rest: int, now_ns: int) -> Rest:
        """Send an order for at most this size, if the book, risk and the pause allow one."""
        instrument, place = position.instrument, (position.strategy, position.instrument.id)
        size, price = _whole(instrument, rest), self._price(instrument, side, rest)
        verdict = self._gate.check_closing(now_ns, position.strategy, instrument.id, side, price, size)
        if isinstance(verdict, Refusal):
            why = refusal_text(verdict.reason, verdict.value, verdict.limit, instrument)
            return Rest(position, why, closable=verdict.reason not in TOO_SMALL or not price)
        pause = self._pauses.get(place, Pause(0, PAUSE_NS, 0))
        if now_ns < pause.until_ns and abs(position.size) == pause.held:
            return Rest(position, "the last order did not fill: the next one follows", closable=True)
        pause_ns = pause.next_ns if abs(position.size) == pause.held else PAUSE_NS
        self._pauses[place] = Pause(now_ns + pause_ns, min(2 * pause_ns, PAUSE_MOST_NS), abs(position.size))
        self._sender.close(self._order(position, side, price, size, verdict.flags, now_ns), now_ns)
        return Rest(position, f"an order for {to_text(size, instrument.size_decimals)} was sent", closable=True)

    def _price(self, instrument: Instrument, side: int, size: int) -> int:
        """The worst price that the collar allows; the best opposite price where only that passes the least notional."""
        price = self._gate.protective_price(instrument.id, side, 0, exits=True)
        top = self._tops[instrument.id]
        best = top.bid if side == SELL else top.ask
        if price * size < instrument.notional_min <= best * size:
            return int(best)
        return price

    def _order(self, position: Position, side: int, price: int, size: int, flags: int, now_ns: int) -> Order:
        """The order, under an id of execution's own half of the strategy's ids."""
        intent_id = closing_id(position.strategy, self._next(now_ns))
        order = Order(
            client_id.encode(self._system, intent_id, 0), intent_id, position.strategy, position.instrument.id, side,
            OrderType.LIMIT, TimeInForce.IOC, price, size,
        )  # fmt: skip
        order.intent_ns, order.receive_ns = now_ns, self._tops[position.instrument.id].receive_ns
        order.limit_price, order.flags = price, flags | OrderFlag.CLOSING
        return order

    def _next(self, now_ns: int) -> int:
        """A number above that of every earlier order: of this life, of the journal, and by the clock of older ones."""
        if not self._count:
            known = (one.intent_id for one in self._blotter.orders.values() if one.flags & OrderFlag.CLOSING)
            self._count = max((count_of(one) - CLOSING for one in known), default=0)
        self._count = max(self._count + 1, now_ns // MS - EPOCH_MS)
        return self._count


def _whole(instrument: Instrument, size: int) -> int:
    """The size in whole steps, at most the venue's largest order."""
    most = min(size, instrument.size_max) if instrument.size_max > 0 else size
    return most - most % instrument.size_step
