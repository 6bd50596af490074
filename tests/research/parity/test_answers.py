"""Recorded orders at a simulated venue: each model's switch moves its own part, and the parts add up exactly."""

import random
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.lanes import lane_of
from engine.model.instrument import Instrument
from engine.model.records import FILL, ORDER
from engine.model.words import BUY, SELL, BookState, OrderState, OrderType, TickKind, TimeInForce
from research.parity.recorded.lane import Chunk, RecordedLane
from research.parity.simulated import money
from research.parity.simulated.answers import Answering
from research.parity.simulated.market import Lanes, Market
from research.parity.simulated.models import FeeRates, OrderLatency, ParityModels
from research.parity.simulated.orders import RecordedOrder, mark_left_out, orders_of
from research.parity.simulated.pair import PARTS, Answers

BTC = Instrument(1, "venue", "BTCUSDT", "BTC", "USDT", 2, 3, 1, 1, 1, 0, 0)
BEGIN, MS = 1_700_000_000_000_000_000, 1_000_000
RATES = FeeRates(Decimal("0.001"), Decimal("0.002"))
STRATEGY = 1
AS_RECORDED = ParityModels(order_latency=OrderLatency(recorded=True), fees=RATES)


class Tape:
    """A market of two levels, and one strategy's orders in it; times are in milliseconds."""

    def __init__(self) -> None:
        """Begin with a good book of 10 at 100.00 and 10 at 100.02."""
        self.ticks: list[Any] = []
        self.levels: list[Any] = []
        self.books: list[Any] = []
        self.orders: list[Any] = []
        self.fills: list[Any] = []
        self.book(0, 10, 10)

    def book(self, at: float, bid: int, ask: int, state: int = BookState.GOOD) -> None:
        """The sizes of the two best levels."""
        now = BEGIN + int(at * MS)
        bids, asks = (((size, *(0,) * 9) if size else (0,) * 10) for size in (bid, ask))
        prices = tuple((price, *(0,) * 9) for price in (10_000, 10_002))
        lane = lane_of("books").record
        self.books.append(
            lane.row(now, now, now, 0, 0, 0.0, 0.0, 1, state, 1, 1, 1, 0, prices[0], bids, prices[1], asks)
        )
        for side, size, price in ((BUY, bid, 10_000), (SELL, ask, 10_002)):
            self.levels.append((now, now, now, 0, price, size, 0, 1, int(TickKind.LEVEL), side, 0))
        self.levels.append((now, now, now, 0, 0, 0, state, 1, int(TickKind.STATE), 0, 1))

    def print_(self, at: float, side: int, size: int, price: int) -> None:
        """A trade between others."""
        now = BEGIN + int(at * MS)
        self.ticks.append((now, now, now, 0, price, size, 0, 1, int(TickKind.PRINT), side, 1))

    def order(
        self, at: float, side: int, price: int, size: int, *, end: float = 0.0,
        fills: tuple[tuple[float, int, int], ...] = (), tif: TimeInForce = TimeInForce.GTC,
    ) -> None:  # fmt: skip
        """An order that reaches the venue 1 ms after its decision, with fills of (at, price, size); then its end."""
        number = len({row.intent_id for row in self.orders}) + 1
        now = BEGIN + int(at * MS)
        maker = tif is TimeInForce.GTC

        def state(name: OrderState, when: float, filled: int) -> None:
            self.orders.append(
                ORDER.row(
                    client_id=b"%d" % number, intent_id=number, venue_order_id=b"", intent_ns=now, receive_ns=now,
                    sent_ns=now + MS // 2, answer_ns=now + 3 * MS // 2, now_ns=BEGIN + int(when * MS), price=price,
                    size=size, filled=filled, expires_ns=0, replaces_id=0, strategy=STRATEGY, instrument=1, child=0,
                    replaces_child=0, account=1, state=name, side=side, order_type=OrderType.LIMIT, time_in_force=tif,
                    flags=0, limit_price=0, timeout_ns=0, error=b"", error_text=b"",
                )
            )  # fmt: skip

        state(OrderState.SENT, at + 0.5, 0)
        state(OrderState.OPEN, at + 1.5, 0)
        filled = 0
        for when, at_price, part in fills:
            filled += part
            fee = money.fee_at(BTC, RATES.maker if maker else RATES.taker, at_price, part) // money.FEE_UNIT
            self.fills.append(
                FILL.row(
                    client_id=b"%d" % number, intent_id=number, venue_fill_id=b"%d" % len(self.fills),
                    venue_order_id=b"", venue_ns=BEGIN + int(when * MS), receive_ns=BEGIN + int(when * MS),
                    price=at_price, size=part, fee=fee, fee_value=0, dust=0, fee_asset=b"USDT", strategy=STRATEGY,
                    instrument=1, side=side, maker=maker, flags=0, account=1,
                )
            )  # fmt: skip
            state(OrderState.PARTLY_FILLED if filled < size else OrderState.FILLED, when, filled)
        if filled < size and maker:
            state(OrderState.CANCELLING, end - 1, filled)
            state(OrderState.CANCELLED, end, filled)
        elif filled < size:
            state(OrderState.EXPIRED, end, filled)

    def simulate(self, models: ParityModels, *, lost_books: int = 0, holds_ours: bool = True) -> Answers:
        """Compare the orders with their simulation."""
        orders = orders_of(self.orders, self.fills, STRATEGY)
        mark_left_out(orders, set(), {1: BTC}, BEGIN)
        lanes = Lanes(*(lane(name, getattr(self, name), lost_books) for name in ("levels", "books", "ticks")))
        answering = Answering("maker", orders, models, None)
        answering.choose_fees((BTC, one.first.side, row) for one in orders for row in one.fills)
        answering.add(BTC, [one for one in orders if not one.left_out], Market(1, lanes, holds_ours=holds_ours))
        return answering.found


def lane(name: str, rows: list[Any], lost: int) -> RecordedLane:
    """A recorded lane, of the levels without some in its middle."""
    of = lane_of(name)
    middle = range(len(rows) // 2, len(rows) // 2 + (lost if name == "levels" else 0))
    kept = [place for place in range(len(rows)) if place not in middle]
    chunk = Chunk(np.array(kept, np.int64), np.array([tuple(rows[place]) for place in kept], of.record.dtype))
    return RecordedLane(of, [chunk])


def parts_of(found: Answers) -> dict[str, int]:
    """The parts of the difference that are not 0."""
    sums = found.money()["USDT"]
    assert sums["recorded"] + sum(sums[name] for name in PARTS) == sums["simulated"]
    return {name: sums[name] for name in PARTS if sums[name]}


def ideal() -> Tape:
    """A maker that is filled when the queue before it is gone, and a taker of the best level."""
    tape = Tape()
    tape.order(10, BUY, 10_000, 2, fills=((30, 10_000, 2),))
    tape.book(15, 12, 10)  # with our two
    tape.print_(20, SELL, 10, 10_000)
    tape.book(21, 2, 10)
    tape.print_(30, SELL, 2, 10_000)
    tape.book(31, 0, 10)
    tape.book(32, 7, 10)
    tape.order(40, BUY, 10_002, 3, fills=((41, 10_002, 3),), tif=TimeInForce.IOC)
    tape.book(42, 7, 7)
    tape.order(50, SELL, 10_002, 1, end=60)
    tape.book(70, 7, 7)
    return tape


def test_the_ideal_has_no_difference() -> None:
    """A simulation that differs where every model is as recorded would make each of its figures a guess."""
    found = ideal().simulate(AS_RECORDED)
    assert len(found.pairs) == found.orders == 3
    assert parts_of(found) == {}
    assert [(pair.recorded.size, pair.simulated.size) for pair in found.pairs] == [(2, 2), (3, 3), (0, 0)]
    assert [pair.price_bps for pair in found.pairs] == [0.0, 0.0, None]
    assert found.pairs[0].later_ns == 0


def test_other_rates_move_the_fees_alone() -> None:
    """A user who changes tier sees what it costs, and nothing else."""
    rates = FeeRates(Decimal("0.002"), Decimal("0.002"))
    found = ideal().simulate(ParityModels(order_latency=OrderLatency(recorded=True), fees=rates))
    assert parts_of(found) == {"fees": -money.fee_at(BTC, Decimal("0.001"), 10_000, 2)}


def test_more_latency_moves_the_latency_alone() -> None:
    """The price of a slower line is a figure of its own."""
    found = ideal().simulate(ParityModels(order_latency=OrderLatency(constant_ns=25 * MS), fees=RATES))
    assert set(parts_of(found)) == {"latency"}
    assert found.pairs[0].simulated.size == 0, "the print came before the order"


def test_a_fill_before_its_turn_is_the_queue() -> None:
    """Who was filled before the queue was gone was luckier than the model, and must see by how much."""
    tape = Tape()
    tape.order(10, BUY, 10_000, 2, fills=((20, 10_000, 2),))
    tape.print_(20, SELL, 2, 10_000)
    tape.book(40, 10, 10)
    assert set(parts_of(tape.simulate(AS_RECORDED))) == {"queue"}


def test_a_difference_while_data_is_missing_is_named_so() -> None:
    """A hole in the recording must not be read as a fault of a model."""
    tape = Tape()
    tape.order(10, BUY, 10_000, 2, fills=((20, 10_000, 2),))
    tape.book(15, 0, 0, BookState.DISCONNECTED)
    tape.book(40, 10, 10)
    assert set(parts_of(tape.simulate(AS_RECORDED))) == {"missing data"}


def test_lost_records_of_the_book_are_missing_data() -> None:
    """The same for what the recorder lost."""
    tape = Tape()
    tape.order(10, BUY, 10_000, 2, fills=((25, 10_000, 2),))
    for at in range(11, 31):
        tape.book(at, 10, 10)
    assert set(parts_of(tape.simulate(AS_RECORDED, lost_books=30))) == {"missing data"}


def test_a_taker_at_a_price_that_the_data_did_not_have_is_unexplained() -> None:
    """What no model explains is shown; a remainder that is hidden in a model makes that model a lie."""
    tape = Tape()
    tape.order(10, BUY, 10_003, 1, fills=((11, 10_003, 1),), tif=TimeInForce.IOC)
    tape.book(20, 10, 10)
    parts = parts_of(tape.simulate(AS_RECORDED))
    assert parts["unexplained"] == money.of_trade(BTC, BUY, 10_002, 1, 0) - money.of_trade(BTC, BUY, 10_003, 1, 0) + (
        money.fee_at(BTC, RATES.taker, 10_003, 1) - money.fee_at(BTC, RATES.taker, 10_002, 1)
    )
    assert set(parts) == {"unexplained"}


def test_our_own_size_is_not_the_queue_before_us() -> None:
    """The recorded book holds our order; to wait behind it would make every maker look worse than it was."""
    tape = Tape()
    tape.book(5, 0, 10)
    tape.order(10, BUY, 10_000, 2, fills=((30, 10_000, 2),))
    tape.book(11, 2, 10)
    tape.print_(30, SELL, 2, 10_000)
    tape.book(40, 0, 10)
    late = ParityModels(order_latency=OrderLatency(constant_ns=5 * MS), fees=RATES)
    assert parts_of(tape.simulate(late)) == {}


@pytest.mark.parametrize(("holds_ours", "filled"), [(False, 0), (True, 2)])
def test_nothing_is_taken_from_a_market_that_never_had_our_orders(*, holds_ours: bool, filled: int) -> None:
    """On paper the two at our price are of others: to take them away would let the simulation jump the queue."""
    tape = Tape()
    tape.book(5, 2, 10)
    tape.order(10, BUY, 10_000, 2, end=60)
    tape.book(20, 2, 10)
    tape.print_(30, SELL, 2, 10_000)
    tape.book(40, 0, 10)
    [pair] = tape.simulate(AS_RECORDED, holds_ours=holds_ours).pairs
    assert pair.simulated.size == filled


@pytest.mark.parametrize("seed", range(8))
def test_the_parts_always_add_up(seed: int) -> None:
    """An attribution whose parts do not add up attributes nothing."""
    draw, tape = random.Random(seed), Tape()
    for at in range(5, 400, 2):
        if draw.random() < 0.5:
            tape.book(at, draw.randrange(12), draw.randrange(12), draw.choice((1, 1, 1, 1, 3)))
        if draw.random() < 0.4:
            side = draw.choice((BUY, SELL))
            tape.print_(at, side, draw.randrange(1, 9), 10_001 + side)
        if draw.random() < 0.3:
            side, size = draw.choice((BUY, SELL)), draw.randrange(1, 5)
            fills = ((at + 2 + draw.randrange(9), 10_001 - side, size),) * (draw.random() < 0.6)
            tape.order(at, side, 10_001 - side, size, end=at + 14, fills=fills)
    models = ParityModels(
        order_latency=OrderLatency(samples_ns=(0, MS, 30 * MS)), fees=FeeRates(Decimal(0), Decimal(0))
    )
    found = tape.simulate(models)
    parts = parts_of(found)
    assert len(found.pairs) == found.orders > 20
    assert {"fees", "latency"} <= set(parts)


def test_orders_that_cannot_be_simulated_are_counted_by_their_reason() -> None:
    """What is silently left out of a comparison makes it look better."""
    tape = ideal()
    tape.orders = [row._replace(order_type=OrderType.STOP) if row.intent_id == 3 else row for row in tape.orders]
    orders = orders_of(tape.orders, tape.fills, STRATEGY)
    mark_left_out(orders, {1}, {1: BTC}, BEGIN)
    reasons = [one.left_out for one in orders]
    assert reasons[0] == "a child of an execution algorithm"
    assert reasons[1] == ""
    assert reasons[2].startswith("a native order type")
    assert isinstance(orders[0], RecordedOrder)
