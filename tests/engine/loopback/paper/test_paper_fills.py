"""Orders against the real market: fills as in a simulation, money to the last digit."""

import random
from typing import Any

import numpy as np
import pytest

from engine.loopback.ledger import Ledger
from engine.loopback.market import Market, fixed
from engine.loopback.orders import Kind, Order, OrderRequest, Refused, Rejection, Status, Until
from engine.loopback.paper.matching import PaperMatching
from engine.loopback.paper.places import Queue, Scale
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, OrderType, TimeInForce
from research.simulate import EVENT, Constant, Fees, Models
from research.simulate import Queue as SimulatedQueue
from tests.research.simulate.reference import Own, Reference

SYMBOL, ME = "BTCUSDT", "engine"
SCALE = Scale(2, 3)
BTC = Instrument(1, "venue", SYMBOL, "BTC", "USDT", 2, 3, 1, 1, 1, 10**9, 0)
MARKET = Market(
    SYMBOL, "BTC", "USDT", price_step=SCALE.price_unit, size_step=SCALE.size_unit, size_min=SCALE.size_unit,
    notional_min=0, price_ratio_max=1000, open_orders_max=10_000,
)  # fmt: skip
UNTIL = {
    TimeInForce.GTC: (Kind.LIMIT, Until.GTC),
    TimeInForce.IOC: (Kind.LIMIT, Until.IOC),
    TimeInForce.FOK: (Kind.LIMIT, Until.FOK),
    TimeInForce.POST_ONLY: (Kind.LIMIT_MAKER, Until.GTC),
}


class Paper:
    """One symbol at the paper venue, with prices and sizes in the lane's decimals."""

    def __init__(self, queue: Queue | None = None) -> None:
        """An account with money, and a market that is good and empty."""
        self.ledger = Ledger()
        self.matching = PaperMatching([MARKET], self.ledger, 0, queue or Queue(), {SYMBOL: SCALE})
        self.ledger.open(ME)
        for asset in ("BTC", "USDT"):
            self.ledger.deposit(ME, asset, fixed("1000000000"))
        self.matching.set_good(SYMBOL, 0, good=True)
        self.now_ns = self.count = 0

    def level(self, side: int, price: int, size: int) -> None:
        """The real market's level."""
        self.matching.change_level(SYMBOL, side, price * SCALE.price_unit, size * SCALE.size_unit, self.now_ns)

    def trade(self, side: int, price: int, size: int) -> None:
        """A real print, by its aggressor's side."""
        self.matching.trade_real(SYMBOL, side, price * SCALE.price_unit, size * SCALE.size_unit, self.now_ns)

    def place(self, side: int, price: int, size: int, tif: int = TimeInForce.GTC) -> Order | Rejection:
        """An order of ours."""
        self.count += 1
        kind, until = UNTIL[TimeInForce(tif)]
        request = OrderRequest(
            ME, SYMBOL, f"o{self.count}", side, kind, until, price * SCALE.price_unit, size * SCALE.size_unit
        )
        return self.matching.place(request, self.now_ns)

    def rest(self, side: int, price: int, size: int) -> Order:
        """An order of ours that is accepted."""
        order = self.place(side, price, size)
        assert isinstance(order, Order), order
        return order

    def fills(self) -> list[tuple[int, int, int]]:
        """Every fill as (price, size, whether as maker), in the lane's decimals."""
        done = [one.fill for one in self.matching.executions if one.fill is not None]  # type: ignore[union-attr]
        return [(f.price // SCALE.price_unit, f.size // SCALE.size_unit, int(f.maker)) for f in done]


def reference(queue: Queue) -> Reference:
    """The rules of a simulation in plain Python, without latency."""
    models = Models(
        order_latency=Constant(0), answer_latency=Constant(0), fees=Fees.flat("0.001", "0.001"),
        queue=SimulatedQueue(queue.family, queue.exponent),
        level_returns_empty=True, unseen_level_empty=True, level_before_print=True,  # as docs/paper.md names them
    )  # fmt: skip
    made = Reference([], [BTC], models, {}, type("Script", (), {})(), each=False)
    made.at = 0
    return made


def event(kind: int, side: int, price: int, size: int, flags: int = 0) -> Any:
    """A row of the data."""
    row = np.zeros((), EVENT)
    for name, value in (("kind", kind), ("side", side), ("price", price), ("size", size), ("flags", flags)):
        row[name] = value
    row["instrument"] = 1
    return row


@pytest.mark.parametrize("queue", [Queue(), Queue("power", 0.5), Queue("log")], ids=lambda queue: queue.family)
@pytest.mark.parametrize("seed", range(8))
def test_the_paper_venue_fills_what_a_simulation_fills(seed: int, queue: Queue) -> None:
    """A strategy that is simulated, then traded on paper, must not meet two markets."""
    rng, paper, simulated = random.Random(seed), Paper(queue), reference(queue)
    pairs: list[tuple[Order, Own]] = []
    for _ in range(400):
        side, price, size = rng.choice((BUY, SELL)), rng.randrange(100, 112), rng.randrange(0, 9)
        draw = rng.random()
        if draw < 0.55:
            simulated.happen(event(2, side, price, size))
            paper.level(side, price, size)
        elif draw < 0.75:
            simulated.happen(event(3, side, price, size + 1))
            paper.trade(side, price, size + 1)
        elif draw < 0.93:
            pairs += place_in_both(rng, paper, simulated, side, price, size + 1)
        elif draw < 0.98 and pairs:
            order, own = rng.choice(pairs)
            if order.open:
                paper.matching.cancel(order, "", 0)
                simulated.arrive("cancel", own, 0)
        else:
            paper.matching.clear_real(SYMBOL)
            simulated.recorded[1].clear()
        assert paper.fills() == [(fill[3], fill[4], fill[8]) for fill in simulated.fills]
        paper.matching.check()
    assert len(paper.fills()) > 30
    assert {maker for _, _, maker in paper.fills()} == {0, 1}


def place_in_both(
    rng: random.Random, paper: Paper, simulated: Reference, side: int, price: int, size: int
) -> list[tuple[Order, Own]]:
    """Place the same order at both, unless it would meet one of our own."""
    if any(side * (price - other.price) >= 0 for other in simulated.resting(1, -side)):
        return []
    tif = rng.choice(list(UNTIL))
    own = Own(len(simulated.orders), len(simulated.orders), 1, side, price, size, tif, OrderType.LIMIT, size)
    simulated.orders.append(own)
    simulated.arrive("place", own, size)
    placed = paper.place(side, price, size, tif)
    return [(placed, own)] if isinstance(placed, Order) else []


def test_an_order_rests_behind_the_real_level_and_prints_move_it_forward() -> None:
    """A fill before the queue in front has traded is a profit that the real venue does not pay."""
    paper = Paper()
    paper.level(BUY, 100, 5)
    order = paper.rest(BUY, 100, 2)
    paper.trade(SELL, 100, 4)
    assert (paper.fills(), paper.matching.paper[SYMBOL].ahead(order)) == ([], 1 * SCALE.size_unit)
    paper.trade(SELL, 100, 2)
    assert paper.fills() == [(100, 1, 1)]
    paper.trade(SELL, 99, 9)
    assert paper.fills() == [(100, 1, 1), (100, 1, 1)]


def test_what_an_order_took_stays_away_until_the_level_changes() -> None:
    """The real market still shows what we took: a strategy that buys it twice buys what was never there."""
    paper = Paper()
    paper.level(SELL, 101, 3)
    paper.place(BUY, 101, 3, TimeInForce.IOC)
    paper.level(SELL, 101, 3)
    paper.place(BUY, 101, 3, TimeInForce.IOC)
    assert paper.fills() == [(101, 3, 0)]
    paper.level(SELL, 101, 0)
    paper.level(SELL, 101, 2)
    paper.place(BUY, 101, 3, TimeInForce.IOC)
    assert paper.fills() == [(101, 3, 0), (101, 2, 0)]


def test_no_order_fills_or_is_accepted_while_the_markets_data_is_not_good() -> None:
    """A fill on a book that the feed does not trust is a number that means nothing."""
    paper = Paper()
    paper.level(BUY, 100, 1)
    order = paper.rest(BUY, 100, 1)
    paper.matching.set_good(SYMBOL, 1, good=False)
    paper.trade(SELL, 99, 5)
    paper.level(SELL, 100, 5)
    assert paper.fills() == []
    assert paper.place(BUY, 100, 1) == Rejection(Refused.CLOSED)
    paper.matching.set_good(SYMBOL, 2, good=True)
    assert (paper.fills(), order.status) == ([(100, 1, 1)], Status.FILLED)


def test_an_order_that_reaches_one_of_ours_is_prevented_and_not_filled() -> None:
    """A trade with oneself has a price of one's own choice."""
    paper = Paper()
    paper.level(SELL, 105, 5)
    mine = paper.rest(SELL, 103, 2)
    taker = paper.place(BUY, 105, 2, TimeInForce.IOC)
    assert isinstance(taker, Order)
    assert mine.status == Status.EXPIRED_IN_MATCH
    assert paper.fills() == [(105, 2, 0)]
    paper.matching.check()


def test_money_is_what_the_fills_cost_and_what_open_orders_hold() -> None:
    """A strategy sizes its orders by the balance."""
    paper = Paper()
    account = paper.ledger.accounts[ME]
    paper.level(SELL, 10_000, 7)
    paper.place(BUY, 10_000, 5, TimeInForce.IOC)
    assert account.gained("USDT") == -fixed("0.5")
    assert account.gained("BTC") == fixed("0.005") - fixed("0.000005")
    paper.rest(BUY, 9_000, 4)
    assert account.locked["USDT"] == fixed("0.36")
    paper.matching.check()
