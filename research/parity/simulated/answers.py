"""Sends a session's orders to a simulated venue, and explains by which model each result differs.

One thing is switched from recorded to simulated at a time, in this order; what changed is the part of that step:

    recorded fills, recorded fees
    recorded fills, modelled fees                                        ─▶ fees
    simulated fills, each request at the venue when it was recorded      ─▶ missing data, queue, unexplained
    simulated fills, each request at the venue by the modelled latency   ─▶ latency

The second step is one of the three by the order: an order that worked while market data was missing is missing data;
else an order that rested in the book is queue; else, of an order that only took liquidity, it is unexplained. All is in
whole numbers, so the parts add up to the difference to the last digit.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engine.model.instrument import Instrument
from engine.model.words import TimeInForce
from engine.monitor.latency import latencies
from research.parity.simulated import money
from research.parity.simulated.fees import in_quote, is_unvalued, measured_fees
from research.parity.simulated.market import Footprint, Market, Span
from research.parity.simulated.models import ParityModels
from research.parity.simulated.orders import PLACE, RecordedOrder, Request, Trade
from research.parity.simulated.pair import PARTS, Answers, Pair, filled
from research.parity.simulated.requests import RecordedRequests
from research.simulate import Constant, Fees, Models, simulate
from research.simulate.models import Latency

NO_FEES, AT_ONCE = Fees.flat("0", "0"), Constant(0)
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class Answering:
    """Simulates the orders of one strategy, one instrument at a time."""

    def __init__(self, strategy: str, orders: list[RecordedOrder], models: ParityModels, place: Path | None) -> None:
        """Begin; `place` is where large files may be."""
        self._models, self._place = models, place
        matched = [one for one in orders if not one.left_out]
        self.found = Answers(strategy, len(orders), left_out=Counter(one.left_out for one in orders if one.left_out))
        taken = [one.taken_ns for order in matched for one in order.requests if one.kind == PLACE]
        self.found.measured_ns = money.middle(max(0, one) for one in taken)
        self.found.queue = models.queue.family
        self.found.stages = next(iter(latencies((one.last for one in matched), {}).values()), {})
        self._latency = self._choose_latency()

    def _choose_latency(self) -> Latency | None:
        table = self._models.order_latency
        latency = table.latency() if table is not None else Constant(self.found.measured_ns)
        self.found.latency = "as recorded" if latency is None else _described(latency)
        return latency

    def choose_fees(self, trades: Iterable[tuple[Instrument, int, Any]]) -> None:
        """The rates of the models, else those that the session was charged."""
        self.found.fees = self._models.fees or measured_fees(trades)

    def add(self, one: Instrument, orders: list[RecordedOrder], market: Market) -> None:
        """Simulate the orders of one instrument."""
        events = market.events(footprint_of(orders), self._place)
        if not len(events):
            self._mark_left_out(orders, "no market data of its instrument is recorded")
            return
        if not market.has_levels:
            self.found.notes.append(f"{one.symbol}: ten levels a side are recorded: `levels = true` in [feed] has all")
        shifted = [shift(order.requests, self._latency) for order in orders]
        models = Models(
            AT_ONCE, AT_ONCE, NO_FEES, self._models.queue.queue(),
            level_returns_empty=True, unseen_level_empty=True, level_before_print=True,
        )  # fmt: skip  # what the recorded book shows, not what is worst for us
        recorded = [order.requests for order in orders]
        as_recorded = fills_of(one, events, orders, recorded, models)
        by_model = as_recorded if shifted == recorded else fills_of(one, events, orders, shifted, models)
        middle2, spans = market.middle2(), market.missing()
        if not middle2:
            self.found.notes.append(f"{one.symbol}: no good book is recorded: what is held is valued at 0")
        if unvalued := sum(is_unvalued(one, row) for order in orders for row in order.fills):
            self.found.notes.append(f"{one.symbol}: {unvalued} fees in a third currency have no value: they count as 0")
        for order, then, now in zip(orders, as_recorded, by_model, strict=True):
            self.found.pairs.append(self._pair(one, order, then, now, middle2, spans))

    def _mark_left_out(self, orders: list[RecordedOrder], why: str) -> None:
        for order in orders:
            order.left_out = why
            self.found.left_out[why] += 1

    def _pair(
        self, one: Instrument, order: RecordedOrder, then: list[Trade], now: list[Trade], middle2: int,
        spans: list[Span],
    ) -> Pair:  # fmt: skip
        """Attribute the difference of one order."""
        side = order.first.side
        recorded = [in_quote(one, row) for row in order.fills]
        earned = [
            _earned(one, side, trades, middle2)
            for trades in (recorded, self._charged(one, recorded), self._charged(one, then), self._charged(one, now))
        ]
        parts = dict.fromkeys(PARTS, 0)
        parts["fees"] = earned[1] - earned[0]
        parts[_cause(order, then, spans)] += earned[2] - earned[1]
        parts["latency"] += earned[3] - earned[2]
        assert sum(parts.values()) == earned[3] - earned[0], "the parts add up"
        return Pair(order, one, filled(recorded), filled(now), earned[0], earned[3], parts)

    def _charged(self, one: Instrument, trades: list[Trade]) -> list[Trade]:
        """The fills with the modelled fees."""
        assert self.found.fees is not None, "the rates are chosen before the first order"
        rates = self.found.fees
        rate = (rates.taker, rates.maker)
        return [trade._replace(fee=money.fee_at(one, rate[trade.maker], trade.price, trade.size)) for trade in trades]


def _described(latency: Latency) -> str:
    return f"{latency.ns} ns" if isinstance(latency, Constant) else f"drawn, at most {latency.most_ns} ns"


def _earned(one: Instrument, side: int, trades: list[Trade], middle2: int) -> int:
    """What fills have earned, less fees."""
    return sum(money.of_trade(one, side, trade.price, trade.size, middle2) - trade.fee for trade in trades)


def _cause(order: RecordedOrder, simulated: list[Trade], spans: list[Span]) -> str:
    """To which part a difference of fills belongs where every request was at the venue as recorded."""
    begin_ns, end_ns = order.span
    if any(one.begin_ns < end_ns and begin_ns < one.end_ns for one in spans):
        return "missing data"
    trades = [*(bool(row.maker) for row in order.fills), *(trade.maker for trade in simulated)]
    rested = order.first.time_in_force not in IMMEDIATE and (any(trades) or not trades)
    return "queue" if rested else "unexplained"


def shift(requests: list[Request], latency: Latency | None) -> list[Request]:
    """The requests at the venue as a latency brings them there; those of others stay where they are."""
    if latency is None:
        return requests
    delay = latency.delay()
    return [
        one._replace(arrive_ns=one.arrive_ns + delay.draw(one.sent_ns) - one.taken_ns) if one.own else one
        for one in requests
    ]


def footprint_of(orders: list[RecordedOrder]) -> Footprint:
    """How much of our orders was open at each price, from each time on."""
    changes: dict[int, list[tuple[int, int]]] = {}
    for order in orders:
        before, at = 0, changes.setdefault(order.first.side * order.first.price, [])
        for now_ns, size in order.sizes:
            at.append((now_ns, size - before))
            before = size
    return {key: _steps(sorted(of_key)) for key, of_key in changes.items()}


def _steps(changes: list[tuple[int, int]]) -> tuple[Any, Any]:
    """Times, and the size from before the first of them and from each of them on."""
    times, sizes = zip(*changes, strict=True)
    return np.array(times, np.int64), np.append(0, np.cumsum(np.array(sizes, np.int64)))


def fills_of(
    one: Instrument, events: Any, orders: list[RecordedOrder], requests: list[list[Request]], models: Models
) -> list[list[Trade]]:
    """The simulated fills of each order."""
    table = [
        (order.first.side, order.first.size, order.first.price, order.first.time_in_force, order.first.order_type)
        for order in orders
    ]
    sent = sorted(_in_order(requests))
    client = RecordedRequests(np.array(table, np.int64), np.array(sent, np.int64), np.zeros(len(orders), np.int32))
    result = simulate(events, client, instruments=[one], models=models)
    found: list[list[Trade]] = [[] for _ in orders]
    for fill in result.fills:
        trade = Trade(int(fill["venue_ns"]), int(fill["price"]), int(fill["size"]), bool(fill["maker"]), 0)
        found[int(fill["intent_id"]) - 1].append(trade)
    return found


def _in_order(requests: list[list[Request]]) -> Iterable[tuple[int, int, int, int]]:
    """Every request as (time, kind, order, size); of one order a request never precedes the one before it."""
    for order, of_order in enumerate(requests):
        latest = 0
        for one in of_order:
            latest = max(latest, one.arrive_ns)
            yield latest, one.kind, order, one.size
