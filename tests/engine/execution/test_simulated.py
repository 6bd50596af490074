"""Execution on the simulated Binance: its wire, its checks and its faults; the truth log decides."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.loopback.binance.faults import FaultRates
from engine.model.words import BUY, SELL, IntentKind, OrderState, OrderType, TimeInForce
from tests.engine.execution.memory import AS_CHASE, AS_LIMIT, AS_MARKET, CHASE, MS, SECOND, START_NS, House
from tests.engine.execution.simulated import SimulatedVenue, check


class SimulatedHouse(House):
    """A system at the simulated venue, with books from there."""

    def __init__(self, directory: Path, seed: int = 0, rates: FaultRates | None = None, **more: Any) -> None:
        """A venue with a living market."""
        super().__init__(directory, venue=SimulatedVenue(START_NS, seed, rates), **more)

    def tell_books(self) -> None:
        """What a feed would publish."""
        self.book(*self.venue.best("BTCUSDT", 2), instrument=1)
        self.book(*self.venue.best("ETHUSDT", 2), instrument=2)

    def ready(self) -> None:
        """Until trading may begin."""
        while not (self.role.recovery.complete and self.role.session.up):
            self.run(1, 5 * MS)
        self.tell_books()
        self.run()

    def rest_all(self) -> None:
        """No more faults; everything cancelled and known."""
        self.venue.binance.faults.rates = FaultRates()
        self.venue.binance.faults._drawing = False
        self.settle(8)
        self.role.drain(self.now_ns)
        self.settle(35)
        assert not self.role.blotter.live

    def verify(self) -> None:
        """Against the truth log, and the money against itself."""
        check(self.venue, self.role, self.rings["fills"].rows)
        self.check_positions()
        self.venue.binance.check()

    def check_positions(self) -> None:
        """What we hold, and what we paid and took with every fee, is what the venue's balances have gained."""
        positions = self.role.ledger.account.values()
        for position in positions:
            assert position.terms.decimals == 8
            assert position.held == self.venue.gained(position.instrument.base)
        cash = sum(one.cash - one.fees for one in positions)
        assert cash == self.venue.gained("USDT") * 10**2


FAULTS: dict[str, Callable[[Any], None]] = {
    "none": lambda _: None,
    "lost response": lambda faults: faults.lose_response(),
    "lost request": lambda faults: faults.lose_request(),
    "timed out, executed": lambda faults: faults.time_out(executed=True),
    "timed out, not executed": lambda faults: faults.time_out(executed=False),
    "late request": lambda faults: faults.delay_request(3_000 * MS),
    "late beyond its expiry": lambda faults: faults.delay_request(6_000 * MS),
    "late response": lambda faults: faults.delay_response(3_000 * MS),
    "cut after execution": lambda faults: faults.disconnect_after(),
    "doubled reports": lambda faults: faults.duplicate_report(next=3),
    "late reports": lambda faults: faults.delay_report(700 * MS, next=2),
    "dropped reports": lambda faults: faults.drop_report(next=3),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_ends_in_the_truth(tmp_path: Path, fault: str) -> None:
    """An order that fills in part and rests, and its cancel, under one fault each."""
    house = SimulatedHouse(tmp_path)
    house.ready()
    for method in ("place", "cancel"):
        if method == "place":
            FAULTS[fault](house.venue.binance.faults)
        _, ask = house.venue.best("BTCUSDT", 2)
        intent_id = house.intent(price=ask, size=30_000)
        house.run(20, 10 * MS)
        if method == "cancel":
            FAULTS[fault](house.venue.binance.faults)
        house.cancel(intent_id)
        house.run(20, 10 * MS)
        house.tell_books()
    house.rest_all()
    house.verify()


def actions(house: SimulatedHouse) -> list[Callable[[], Any]]:
    """A run with every kind of order."""
    ids: dict[str, int] = {}

    def make(name: str, **more: Any) -> Callable[[], None]:
        def act() -> None:
            bid, ask = house.venue.best("BTCUSDT", 2)
            price = {"bid": bid - 2000, "ask": ask + 2000, "cross": ask, "free": 0}[more.pop("at")]
            ids[name] = house.intent(price=price, **more)

        return act

    def replace() -> None:
        bid, _ = house.venue.best("BTCUSDT", 2)
        house.intent(kind=IntentKind.REPLACE, target_id=ids["a"], side=BUY, price=bid - 1000, size=1500, order_type=0)

    return [
        make("a", at="bid", size=1000, time_in_force=TimeInForce.POST_ONLY),
        make("b", at="cross", size=3000),
        make("c", at="free", size=5000, algorithm=CHASE),
        make("d", at="free", size=800, side=SELL, order_type=OrderType.MARKET),
        replace,
        make("e", at="ask", size=700, side=SELL, timeout_ns=30 * MS),
        lambda: house.cancel(ids["c"]),
        lambda: house.cancel(ids["b"]),
    ]


STEPS_AN_ACTION = 3


@pytest.mark.parametrize("kill_at", range(8 * STEPS_AN_ACTION))
def test_killed_at_any_step_every_order_and_fill_is_accounted_for(tmp_path: Path, kill_at: int) -> None:
    """The object is dropped at any point, and built again from journal and memory."""
    house = SimulatedHouse(tmp_path, seed=kill_at)
    house.ready()
    step = 0
    for action in actions(house):
        house.tell_books()
        action()
        for _ in range(STEPS_AN_ACTION):
            house.run(1, 7 * MS)
            if step == kill_at:
                house.restart()
                house.ready()
            step += 1
    house.rest_all()
    house.verify()


RATES = FaultRates(
    lose_request=20_000, lose_response=20_000, time_out_executed=20_000, time_out_not_executed=20_000,
    delay_request=40_000, delay_response=40_000, duplicate_report=50_000, delay_report=50_000, disconnect=10_000,
    delay_most_ns=3_000_000_000,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_a_living_market_with_drawn_faults_and_deaths_ends_in_the_truth(tmp_path: Path, seed: int) -> None:
    """Everything at once, from one seed."""
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw = random.Random(seed)
    house = SimulatedHouse(tmp_path, seed, RATES)
    house.ready()
    for _ in range(220):
        bid, ask = house.venue.best("BTCUSDT", 2)
        live = [one for one in house.role.blotter.live.values() if one.instrument == 1]
        act = draw.random()
        if act < 0.5:
            side = draw.choice((BUY, SELL))
            kind = draw.choice((AS_LIMIT, AS_LIMIT, AS_CHASE, AS_MARKET))
            near = bid if side == BUY else ask
            price = near + draw.randrange(-1500, 1500) if kind is AS_LIMIT else 0
            timeout_ns = draw.choice((0, SECOND))
            house.intent(side=side, size=draw.randrange(100, 9000), price=price, **kind, timeout_ns=timeout_ns)
        elif act < 0.65 and live:
            house.cancel(draw.choice(live).intent_id)
        elif act < 0.75 and live:
            one = draw.choice(live)
            house.intent(
                kind=IntentKind.REPLACE, target_id=one.intent_id, side=one.side, size=draw.randrange(100, 9000),
                price=one.price + draw.randrange(-500, 500), order_type=0, time_in_force=0,
            )  # fmt: skip
        elif act > 0.98:
            house.restart()
        house.run(draw.randrange(1, 4), draw.choice((2 * MS, 30 * MS, 200 * MS)))
        house.tell_books()
    house.rest_all()
    house.verify()
    states = {order.state for order in house.role.blotter.orders.values()}
    assert {OrderState.FILLED, OrderState.CANCELLED} <= states
