"""Netting: an order is first filled by opposite parents of the account's other strategies; the venue gets the rest.

    order that risk approved ─▶ crosses the middle of the book? ─▶ parents on the other side, oldest first ─▶ matches
                                                                     │ no child at the venue
                                                                     │ what the algorithm spares now
                                                                     └ the limit reaches the price; risk approves it

    price    the middle of our own GOOD book, no older than `[risk] max_book_age_ns`, with a spread of at most
             `max_spread_bps`; rounded to the price step at the cost of the order that arrives
    size     the common part of both, so that neither leaves a rest below the venue's smallest order

Nothing that is at the venue, or on its way there, is netted: it may be filled there at the same moment. The parent's
side is checked by risk as an order of this size; the order was checked with its whole size before.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from engine.execution.algorithms.algorithm import Algorithm
from engine.execution.config import ExecutionConfig
from engine.execution.orders.order import Order
from engine.execution.orders.parent import Parent
from engine.model.client_id import REQUEST_MAX
from engine.model.intent_id import is_routed
from engine.model.words import BUY, TimeInForce
from engine.risk.gate import Refusal, RiskGate, Verdict
from engine.risk.market import Top

MATCHES_MOST = 8  # of one order
NETTABLE = frozenset({TimeInForce.GTC, TimeInForce.IOC})


class Match(NamedTuple):
    """A parent that fills a part of an order."""

    parent: Parent
    price: int
    size: int


class Netting:
    """Finds what of an order other strategies fill. It changes nothing but the order's size."""

    def __init__(self, config: ExecutionConfig, gate: RiskGate, tops: Mapping[int, Top]) -> None:
        """Begin without an algorithm."""
        self.working: dict[int, Algorithm] = {}  # by intent, without the stopped ones; `Parents` keeps it
        self._enabled = config.netting
        self._steps = {one.id: one.price_step for one in config.instruments}
        self._gate = gate
        self._tops = tops

    @property
    def active(self) -> bool:
        """Whether there may be a parent to net an order with."""
        return self._enabled and bool(self.working)

    def split(self, order: Order, check: Callable[[int], Verdict], now_ns: int) -> list[Match] | Refusal:
        """Lower an approved order by what others fill, and have risk check the rest: only that is cleared to leave."""
        matches = self.plan(order, now_ns)
        if not matches:
            return matches
        order.size -= sum(one.size for one in matches)
        if not order.size:
            self._gate.revoke()
            return matches
        verdict = check(order.size)
        return verdict if isinstance(verdict, Refusal) else matches

    def plan(self, order: Order, now_ns: int) -> list[Match]:
        """The parents that fill an order, each with its part; the oldest first."""
        price = self._price(order, now_ns) if self._may_net(order) else 0
        if not price or (order.price - price) * order.side < 0:
            return []
        found: list[Match] = []
        for algorithm in list(self.working.values()):
            left = order.size - sum(one.size for one in found)
            if not left or len(found) == MATCHES_MOST:
                break
            opposes = _opposes(algorithm.parent, order, now_ns)
            size = self._common(algorithm, order, left, price, now_ns) if opposes else 0
            if size and self._approves(algorithm.parent, price, size, found, now_ns):
                found.append(Match(algorithm.parent, price, size))
        return found

    def _may_net(self, order: Order) -> bool:
        """Whether an order would trade at once, for a strategy of this account, and has numbers left for its parts."""
        return (
            self.active
            and order.time_in_force in NETTABLE
            and not order.native
            and not is_routed(order.intent_id)
            and order.child + MATCHES_MOST <= REQUEST_MAX
        )

    def _price(self, order: Order, now_ns: int) -> int:
        """The middle of the book; 0 where it is not known, or too wide to be a price."""
        middle2 = self._gate.price2(now_ns, order.instrument)
        if not middle2 or not self._tops[order.instrument].spread_bps <= self._gate.limits.max_spread_bps:
            return 0
        step2 = 2 * self._steps[order.instrument]
        return (-(-middle2 // step2) if order.side == BUY else middle2 // step2) * (step2 // 2)

    def _common(self, algorithm: Algorithm, order: Order, left: int, price: int, now_ns: int) -> int:
        """The size that both sides have; 0: none that leaves each nothing or an order that the venue accepts."""
        parent, market = algorithm.parent, algorithm.market
        bound, rest = algorithm.bound, algorithm.parent.rest
        if bound and (price - bound) * parent.side > 0:
            return 0
        least = max(market.least(price), market.least(market.lowest(min(order.price, bound or price))))
        size = min(left, rest, algorithm.spare(now_ns))
        if any(0 < one - size < least for one in (left, rest)):
            size = min(size, left - least, rest - least)
        return size if size >= least else 0

    def _approves(self, parent: Parent, price: int, size: int, found: list[Match], now_ns: int) -> bool:
        """Whether risk approves the parent's side, with what its strategy has already given to this order."""
        given = sum(one.size for one in found if one.parent.strategy == parent.strategy)
        whole, of = given + size, (parent.strategy, parent.instrument, parent.side)
        if parent.reduce_only and whole > self._gate.reducible(*of):
            return False
        return self._gate.check_internal(now_ns, *of, price, whole) is None


def _opposes(parent: Parent, order: Order, now_ns: int) -> bool:
    """Whether a parent whose time is not over is another strategy's on the other side of an order's instrument."""
    return (
        (parent.instrument, parent.side) == (order.instrument, -order.side)
        and parent.strategy != order.strategy
        and not is_routed(parent.intent_id)
        and not parent.exhausted
        and not 0 < parent.deadline_ns <= now_ns
    )
