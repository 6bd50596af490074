"""Orders with an end (good till date): execution cancels each in its first step at or after that time."""

from pathlib import Path
from typing import Any

import pytest

from engine.chaos.world import CALM, Mishaps, RoleSlot, World
from engine.lanes import EXECUTION
from engine.loopback.orders import Status
from engine.model.words import BUY, OrderFlag, OrderState
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_of
from tests.engine.chaos.runs import opened
from tests.engine.execution.memory import MS
from tests.engine.execution.test_simulated import SimulatedHouse

SECONDS, MOST = 3.0, 16
ENDING = OrderFlag.CANCEL_WANTED | OrderFlag.REPRICING


class Dated(Strategy):
    """Rests one percent below the market, until 20 to 220 ms from now."""

    def on_book(self, book: Book) -> None:
        """Ask for the next."""
        if len(self.orders(book.instrument)) < MOST:
            price = price_down(book.instrument, book.best(BUY) * 99 // 100)
            until_ns = self.now_ns + (20 + self.now_ns // MS % 200) * MS
            self.place(book.instrument, BUY, size_of(book.instrument, "0.02"), price, good_till_ns=until_ns)


class Dates(World):
    """A world whose taker's orders have an end; each step of execution is checked."""

    ended = 0

    def make_strategy(self, name: str) -> Strategy:
        """The taker has dates, the maker is as ever."""
        if name != "taker":
            return super().make_strategy(name)
        return Dated(tuple(one for one in self.instruments if one.symbol == "ETHUSDT"), None)

    def _step(self, slot: RoleSlot) -> None:
        """Check what execution has left after its step."""
        super()._step(slot)
        execution: Any = slot.role
        if slot.name == EXECUTION and execution.recovery.complete:
            over = [one for one in execution.blotter.live.values() if 0 < one.deadline_ns <= self.now_ns]
            self.ended += len(over)
            for one in over:
                late_ms = (self.now_ns - one.deadline_ns) // MS
                assert one.flags & ENDING or one.state == OrderState.CANCELLING, f"{late_ms} ms after its end: {one}"


@pytest.mark.parametrize("mishaps", [CALM, Mishaps()])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 40))])
def test_every_order_is_cancelled_in_the_first_step_after_its_end(seed: int, mishaps: Mishaps) -> None:
    """One that stays is filled by a price that its author never saw."""
    with opened(lambda number: Dates(number, mishaps), seed) as made:
        made.run(SECONDS)
        made.settle()
        made.check_end()
        assert made.ended or mishaps is not CALM


def test_the_loopback_venue_has_the_cancel_in_that_very_step(tmp_path: Path) -> None:
    """The request leaves in the step itself, and not in one of the steps after it."""
    house = SimulatedHouse(tmp_path)
    house.ready()
    bid, _ = house.venue.best("BTCUSDT", 2)
    began_ns = house.now_ns
    intent_id = house.intent(price=bid - 50_000, size=1_000, timeout_ns=50 * MS)
    house.run(1, MS)
    order = house.role.blotter.newest[intent_id]
    at_venue = house.venue.binance.matching.by_client_id["engine", "BTCUSDT", order.client_id.hex()]
    while house.now_ns < began_ns + 49 * MS:
        house.run(1, MS)
        assert at_venue.status == Status.NEW
    house.run(1, MS)
    assert (house.now_ns, at_venue.status) == (order.deadline_ns, Status.CANCELED)
