"""The recorded orders of a strategy, with their fills, and the requests that made them: what a simulation sends again.

When the venue received a request is not recorded. An order that took liquidity was there just before its first fill, by
the venue's clock; any other request is put in the middle between its sending and its answer, by ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from engine.model.instrument import Instrument
from engine.model.intent_id import is_routed
from engine.model.words import DONE_STATES, FillFlag, OrderFlag, OrderState, OrderType, TimeInForce

PLACE, CANCEL, AMEND = 1, 2, 3  # the kinds of `research/simulate/trading/session.pxd`
SIMULATED = (OrderType.LIMIT, OrderType.MARKET)


class Trade(NamedTuple):
    """One fill, recorded or simulated. `fee` is in the quote currency, in its smallest part that counts here."""

    venue_ns: int
    price: int
    size: int
    maker: bool
    fee: int


class Request(NamedTuple):
    """What was sent to the venue for an order."""

    sent_ns: int  # when execution sent it; of an order: when the strategy decided it
    arrive_ns: int  # when the venue had it
    taken_ns: int  # from `sent_ns` until then, by our own stamps
    kind: int
    size: int
    own: bool = True  # sent by us; False: the venue ended the order


@dataclass
class RecordedOrder:
    """One order, as execution published it."""

    first: Any  # its first record
    last: Any  # its newest one
    requests: list[Request] = field(default_factory=list)
    fills: list[Any] = field(default_factory=list)  # rows
    sizes: list[tuple[int, int]] = field(default_factory=list)  # what of it was open, from each time on
    left_out: str = ""  # why it is not simulated; "": it is

    @property
    def key(self) -> tuple[int, bytes]:
        """Its identity: the account, and the id that it has at the venue."""
        return self.first.account, self.first.client_id

    @property
    def span(self) -> tuple[int, int]:
        """From when it was decided until it had ended."""
        return self.first.intent_ns, self.last.now_ns


def orders_of(rows: Iterable[Any], fills: Iterable[Any], strategy: int) -> list[RecordedOrder]:
    """The orders of a strategy, in the order in which they were sent, with their fills.

    The orders of an earlier session that were done then are published once more at the start, and do not count.
    """
    found: dict[tuple[int, bytes], list[Any]] = {}
    for row in rows:
        if row.strategy == strategy and not row.flags & OrderFlag.FOREIGN:
            found.setdefault((row.account, row.client_id), []).append(row)
    orders = {key: RecordedOrder(records[0], records[-1]) for key, records in found.items()}
    firsts: dict[tuple[int, bytes], int] = {}
    for row in fills:
        key = row.account, row.client_id
        if row.strategy == strategy and not row.flags & FillFlag.OPENING and key in orders:
            orders[key].fills.append(row)
            if not row.maker:
                firsts.setdefault(key, row.venue_ns)
    for key, order in orders.items():
        order.requests = list(requests_of(found[key], firsts.get(key, 0)))
        order.sizes = list(_open_sizes(found[key]))
    return [order for order in orders.values() if order.first.state not in DONE_STATES]


def requests_of(records: list[Any], taken_ns: int) -> Iterator[Request]:
    """The requests behind the records of an order; `taken_ns` is the venue's time of its first fill as a taker."""
    first = records[0]
    answer_ns = next((row.answer_ns for row in records if row.answer_ns), first.sent_ns)
    middle_ns = (first.sent_ns + answer_ns) // 2
    arrive_ns = taken_ns - 1 if taken_ns else middle_ns
    yield Request(first.intent_ns, arrive_ns, middle_ns - first.intent_ns, PLACE, first.size)
    cancel_ns = 0
    for before, row in pairwise(records):
        if row.state == OrderState.CANCELLING:
            cancel_ns = cancel_ns or row.now_ns
        elif row.state in DONE_STATES:
            yield from _end(row, cancel_ns)
            return
        if row.size < before.size:
            yield Request(row.now_ns, row.now_ns, 0, AMEND, row.size, own=False)


def _end(row: Any, cancel_ns: int) -> Iterator[Request]:
    """The cancel that ended an order; none of one that was filled, or that cannot rest."""
    if row.state in (OrderState.FILLED, OrderState.REJECTED) or row.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return
    if cancel_ns:
        middle_ns = (cancel_ns + row.now_ns) // 2
        yield Request(cancel_ns, middle_ns, middle_ns - cancel_ns, CANCEL, 0)
    else:
        yield Request(row.now_ns, row.now_ns, 0, CANCEL, 0, own=False)


def _open_sizes(records: list[Any]) -> Iterator[tuple[int, int]]:
    """What of an order may be in the venue's book, from each time on."""
    for row in records:
        yield row.now_ns, 0 if row.state in DONE_STATES else row.size - row.filled


def mark_left_out(
    orders: Iterable[RecordedOrder], algorithms: set[int], known: dict[int, Instrument], begin_ns: int
) -> None:
    """Mark the orders that a simulation cannot send again, each with its reason."""
    for order in orders:
        early = order.first.intent_ns < begin_ns
        order.left_out = "decided before this session" if early else _reason(order, algorithms, known)


def _reason(order: RecordedOrder, algorithms: set[int], known: dict[int, Instrument]) -> str:
    row = order.first
    instrument = known.get(row.instrument)
    rules = (
        (instrument is not None, "its instrument is not recorded"),
        (instrument is None or instrument.kind == "spot", "not spot: `fast` has no margin, funding or liquidation"),
        (not is_routed(row.intent_id), "a child of the router"),
        (row.intent_id not in algorithms and not row.child, "a child of an execution algorithm"),
        (row.order_type in SIMULATED, "a native order type, which waits at the venue for its trigger"),
        (order.last.state != OrderState.REJECTED, "the venue rejected it"),
        (bool(row.sent_ns), "it was not sent"),
        (not any(one.flags & FillFlag.INTERNAL for one in order.fills), "netted inside the account"),
    )
    return next((text for holds, text in rules if not holds), "")
