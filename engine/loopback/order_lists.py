"""Order lists: orders of one account in one market whose events have effects on each other.

  OCO     a pair; only one order may trade: when one is filled in part, or its price is reached, the other expires
  OTO     a working order, and a pending one that is placed when the working order is filled whole
  OTOCO   a working order, and a pending pair

- A pair waits on both sides of the last price and has one size. So the money is locked once: as much as the more
  expensive of the two needs, under the order that the book may fill at any time. Pending orders lock nothing.
- When the working order ends before it is filled, the pending orders expire. A pending order that cannot be placed
  when the working order is filled expires, and its pair with it.
- A cancel of one order cancels all of them. A list is done when it has no open order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from engine.loopback.market import Market
from engine.loopback.orders import (
    STOP_LOSSES,
    Expiry,
    Happening,
    Kind,
    Order,
    OrderRequest,
    Refused,
    Rejection,
    Status,
)
from engine.model.words import SELL

if TYPE_CHECKING:
    from engine.loopback.matching import Matching

ENDED_BY_LIST = frozenset({Expiry.OCO_TRIGGER, Expiry.OTO_PHASE_ONE_EXPIRED})
BAD_PRICES = Rejection(Refused.BAD_PRICES)
View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A new list: a working order or none, and one order or a pair that follows it (or has no working order)."""

    account: str
    symbol: str
    client_id: str
    working: OrderRequest | None
    legs: tuple[OrderRequest, ...]

    @property
    def orders(self) -> tuple[OrderRequest, ...]:
        """All orders, the working one first."""
        return self.legs if self.working is None else (self.working, *self.legs)


@dataclass(eq=False, slots=True)
class OrderList:
    """One accepted list."""

    id: int
    account: str
    market: Market
    client_id: str
    working: Order | None
    legs: tuple[Order, ...]
    update_ns: int
    done: bool = False

    @property
    def orders(self) -> tuple[Order, ...]:
        """All orders, the working one first."""
        return self.legs if self.working is None else (self.working, *self.legs)

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """The orders that may still be filled or cancelled."""
        return tuple(order for order in self.orders if order.open)


class ListMove(Enum):
    """The kinds of a list's events."""

    PLACED = 0
    RENAMED = 1  # an order of it got another client id
    DONE = 2
    REFUSED = 3


class ListEvent(NamedTuple):
    """One event of a list, with the client ids of its orders at that time. A rejected list has the id -1."""

    move: ListMove
    id: int
    account: str
    symbol: str
    client_id: str
    triggers: bool  # whether it has a working order
    orders: tuple[tuple[int, str], ...]
    now_ns: int
    why: Refused | None = None


class OrderLists:
    """All lists of a matching engine."""

    def __init__(self, matching: "Matching", first_id: int) -> None:
        """Begin without lists; the first list's id is `first_id`."""
        self.lists: dict[int, OrderList] = {}
        self._matching = matching
        self._next_id = first_id
        self._by_client_id: dict[tuple[str, str], OrderList] = {}  # the latest of each id

    def place(self, request: ListRequest, now_ns: int, view: Callable[[OrderList], View]) -> View | Rejection:
        """Accept a list, or return why not. `view` is called before the pending orders are placed, as at the venue."""
        drafts = [self._matching.draft(one, now_ns) for one in request.orders]
        rejection = self._refused(request, drafts)
        if rejection is not None:
            if rejection.why != Refused.FILTER:
                self._report_refused(request, rejection.why, now_ns)
            return rejection
        one = self._accept(request, drafts, now_ns)
        for order in one.orders:
            if order.status != Status.PENDING_NEW:
                self._matching.start(order, now_ns)
        seen = view(one)
        self._matching.follow_up(now_ns)
        return seen

    def find(self, account: str, list_id: int | None, client_id: str) -> OrderList | None:
        """The account's list by its id, or the latest one by its client id; if both are given, both must match."""
        one = self._by_client_id.get((account, client_id)) if list_id is None else self.lists.get(list_id)
        if one is None or one.account != account or (client_id and one.client_id != client_id):
            return None
        return one

    def of(self, account: str) -> list[OrderList]:
        """All lists of an account, the oldest first."""
        return [one for one in self.lists.values() if one.account == account]

    def partners(self, order: Order) -> tuple[Order, ...]:
        """The other order of a pair, while it is open."""
        one = order.order_list
        if one is None or order is one.working:
            return ()
        return tuple(other for other in one.legs if other is not order and other.open)

    def renamed(self, order: Order, now_ns: int) -> None:
        """Report that an order, if it is in a list, has another client id."""
        if order.order_list is not None:
            self._report(ListMove.RENAMED, order.order_list, now_ns)

    def expire_partner(self, order: Order, now_ns: int) -> None:
        """Expire the partner of an order that begins to trade, and lock only what the order itself needs."""
        partners = self.partners(order)
        for other in partners:
            self._matching.end(other, Status.EXPIRED, now_ns, Expiry.OCO_TRIGGER)
        if partners and order.open:
            self._matching.relock(order, order.worth)

    def follow(self, order: Order, now_ns: int) -> None:
        """Apply the effects of one order's event to the others of its list."""
        one = order.order_list
        assert one is not None, order
        if order is one.working:
            self._follow_working(one, order, now_ns)
        elif order.expiry not in ENDED_BY_LIST and (not order.open or order.remaining < order.size):
            self.expire_partner(order, now_ns)
        if not one.done and not one.open_orders:
            one.done = True
            self._report(ListMove.DONE, one, now_ns)

    def check(self) -> None:
        """Check every list against its orders."""
        for one in self.lists.values():
            assert one.done == (not one.open_orders), one
            waits = one.working is not None and one.working.open
            for leg in one.legs:
                assert (leg.status == Status.PENDING_NEW) == (waits and leg.open), one
                assert leg.status != Status.PENDING_NEW or not (leg.hold or leg.works), leg
            if len(partners := [leg for leg in one.legs if leg.open]) > 1:
                assert len({leg.size for leg in partners}) == 1, partners
                assert all(leg.remaining == leg.size for leg in partners), partners
                assert not (partners[0].works and partners[1].works), partners
                assert waits or sum(bool(leg.hold) for leg in partners) == 1, partners

    def _follow_working(self, one: OrderList, working: Order, now_ns: int) -> None:
        """Place the pending orders when the working order is filled; expire them when it ended otherwise."""
        pending = [leg for leg in one.legs if leg.status == Status.PENDING_NEW]
        if not pending or working.open:
            return
        if working.status != Status.FILLED:
            self._expire(pending, Expiry.OTO_PHASE_ONE_EXPIRED, now_ns)
            return
        for leg in pending:
            self._matching.appraise(leg)
        if self._unplaceable(pending):
            self._expire(pending, Expiry.REJECTED, now_ns)
            return
        for leg, hold in zip(pending, _holds(pending), strict=True):
            leg.status, leg.update_ns = Status.NEW, now_ns
            leg.working_ns = -1 if leg.contingent else now_ns
            self._matching.relock(leg, hold)
            self._matching.report(Happening.TRIGGERED, leg, now_ns)
            self._matching.remove_from_open(leg)
        for leg in pending:
            self._matching.start(leg, now_ns)

    def _unplaceable(self, legs: list[Order]) -> Rejection | None:
        """Why one order or a pair cannot be placed now."""
        failed = next(filter(None, map(self._matching.measure_failed, legs)), "")
        if failed:
            return Rejection(Refused.FILTER, failed)
        if not _straddles(legs, self._matching.books[legs[0].symbol].last_price):
            return BAD_PRICES
        hold = max(leg.worth for leg in legs)
        return next(filter(None, (self._matching.unplaceable(leg, hold) for leg in legs)), None)

    def _expire(self, orders: list[Order], why: Expiry, now_ns: int) -> None:
        """Expire the open ones of these orders."""
        for order in orders:
            if order.open:
                self._matching.end(order, Status.EXPIRED, now_ns, why)

    def _refused(self, request: ListRequest, drafts: list[Order]) -> Rejection | None:
        """Why a list would be rejected."""
        matching = self._matching
        failed = next(filter(None, map(matching.measure_failed, drafts)), "") or self._room_failed(request)
        if failed:
            return Rejection(Refused.FILTER, failed)
        if not drafts[0].market.trading:
            return Rejection(Refused.CLOSED)
        if self._is_name_used(request):
            return Rejection(Refused.DUPLICATE)
        legs = drafts[-len(request.legs) :]
        if request.working is None:
            return self._unplaceable(legs)
        if not _straddles(legs, 0):
            return BAD_PRICES
        return matching.unplaceable(drafts[0], drafts[0].worth)

    def forget(self, one: OrderList) -> None:
        """Remove a done list, and its client id unless a later list has it."""
        self.lists.pop(one.id, None)
        key = (one.account, one.client_id)
        if self._by_client_id.get(key) is one:
            del self._by_client_id[key]

    def _is_name_used(self, request: ListRequest) -> bool:
        """Whether an open list or order has one of this list's client ids, or two orders of this list share one."""
        known = self._by_client_id.get((request.account, request.client_id))
        names = [one.client_id for one in request.orders]
        if (known is not None and not known.done) or len(set(names)) < len(names):
            return True
        return any(self._matching.is_client_id_used(request.account, request.symbol, name) for name in names)

    def _room_failed(self, request: ListRequest) -> str:
        """The limit on open orders or lists that this list would exceed, or ""."""
        market = self._matching.books[request.symbol].market
        open_lists = sum(one.market is market and not one.done for one in self.of(request.account))
        return self._matching.room_failed(request.orders) or (
            "MAX_NUM_ORDER_LISTS" if open_lists >= market.order_lists_max else ""
        )

    def _accept(self, request: ListRequest, drafts: list[Order], now_ns: int) -> OrderList:
        """Give the list and its orders their ids and report them."""
        legs = drafts[-len(request.legs) :]
        working = None if request.working is None else drafts[0]
        one = OrderList(
            self._next_id, request.account, drafts[0].market, request.client_id, working, tuple(legs), now_ns
        )
        self._next_id += 1
        self.lists[one.id] = self._by_client_id[one.account, one.client_id] = one
        holds = _holds(legs) if working is None else [working.worth, *(0 for _ in legs)]
        for order, hold in zip(one.orders, holds, strict=True):
            order.order_list = one
            if working is not None and order is not working:
                order.status = Status.PENDING_NEW
            self._matching.accept(order, hold)
        self._report(ListMove.PLACED, one, now_ns)
        return one

    def _report(self, move: ListMove, one: OrderList, now_ns: int) -> None:
        """Append an event of a list."""
        one.update_ns = now_ns
        names = tuple((order.id, order.client_id) for order in one.orders)
        triggers = one.working is not None
        event = ListEvent(move, one.id, one.account, one.market.symbol, one.client_id, triggers, names, now_ns)
        self._matching.executions.append(event)

    def _report_refused(self, request: ListRequest, why: Refused, now_ns: int) -> None:
        """Append the event of a rejected list."""
        names = tuple((-1, one.client_id) for one in request.orders)
        triggers = request.working is not None
        event = ListEvent(
            ListMove.REFUSED, -1, request.account, request.symbol, request.client_id, triggers, names, now_ns, why
        )
        self._matching.executions.append(event)


def _holds(legs: list[Order]) -> list[int]:
    """The price at which each order is locked: for a pair, the higher price, under the order that the book may fill."""
    dearest = max(leg.worth for leg in legs)
    carrier = next((leg for leg in legs if leg.kind == Kind.LIMIT_MAKER), legs[0])
    return [dearest if leg is carrier else 0 for leg in legs]


def _straddles(legs: list[Order], last: int) -> bool:
    """Whether a pair waits on both sides of the last price (0: of each other), with the stop loss on its side."""
    if len(legs) == 1:
        return True
    loss, gain = sorted(legs, key=lambda leg: leg.kind not in STOP_LOSSES)
    levels = [level for level in (loss.stop, last, gain.price or gain.stop) if level]
    if loss.side != SELL:
        levels.reverse()
    return all(low < high for low, high in pairwise(levels))
