"""The real execution at a venue that places over REST and reports over a stream: the seam fits another way to trade."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.model.words import OrderState, Reason
from engine.venues.session import NO_DENIAL
from tests.engine.execution.memory import MS, House
from tests.engine.execution.rest_session import SIZE_MOST, RestSession, RestVenue


class Trader(House):
    """A system at that venue."""

    def __init__(self, directory: Path, **more: Any) -> None:
        """Fresh."""
        self.rest = RestVenue()
        super().__init__(directory, venue=self.rest, **more)

    def make_session(self) -> Any:
        """How execution reaches the venue."""
        return partial(RestSession, self.rest)

    def run(self, steps: int = 1, each_ns: int = MS) -> None:
        """Let time pass; the venue answers when it is polled."""
        for _ in range(steps):
            self.now_ns += each_ns
            self.role.step(self.now_ns)

    def kill(self) -> None:
        """SIGKILL: answers under way are lost with the process."""
        self.rest.poll(self.now_ns)
        self.role.journal.file.abandon()


@pytest.fixture
def house(tmp_path: Path) -> Trader:
    """A system that may trade."""
    house = Trader(tmp_path, balance_interval_ns=100 * MS)
    house.ready()
    return house


def test_an_order_is_placed_over_rest_and_filled_by_the_stream(house: Trader) -> None:
    """The answer comes by one way and the fill by another, in either order."""
    order = house.place(size=1000)
    assert house.rest.requested.count(("POST", "/orders")) == 1
    assert (order.state, order.venue_order_id) == (OrderState.OPEN, b"1")
    house.rest.fill(order.client_id.hex(), 400)
    house.run()
    assert (order.state, order.filled) == (OrderState.PARTLY_FILLED, 400)
    house.cancel(order.intent_id)
    house.run(3)
    assert order.state == OrderState.CANCELLED
    assert house.role.ledger.account[1].size == 400
    assert [row.size for row in house.rings["fills"].rows] == [400]


def test_a_refusal_of_the_venue_ends_the_order(house: Trader) -> None:
    """The venue's own code and words reach the strategy."""
    order = house.place(size=SIZE_MOST + 1)
    assert (order.state, order.error, order.error_text) == (OrderState.REJECTED, b"7", b"too large")
    assert house.role.session.denied == NO_DENIAL


def test_a_placement_whose_answer_is_lost_is_found_by_its_report_or_by_asking(house: Trader) -> None:
    """Over REST it is not known whether a request arrived."""
    house.rest.loses.add("POST")
    house.rest.stream.inbox.clear()
    order = house.place()
    house.settle(3)
    assert order.state == OrderState.OPEN
    assert len(house.rest.orders) == 1, "a request is never sent twice"


def test_a_lost_stream_makes_requests_unknown_and_the_next_session_settles_them(house: Trader) -> None:
    """Unreported fills are found by the listing since the cursor."""
    order = house.place()
    house.rest.stream.close()
    house.rest.fill(order.client_id.hex(), 300)
    house.run()
    assert not house.role.session.up
    refused = house.intent()
    house.role._intake.read_intents(house.now_ns)
    assert house.verdict(refused) == Reason.VENUE_NOT_CONNECTED
    house.settle(3)
    assert house.role.session.connects == 2
    assert (order.filled, house.role.ledger.account[1].size) == (300, 300)


def test_a_killed_execution_finds_its_orders_and_fills_again(house: Trader) -> None:
    """What is journalled before the send is enough, whatever the way to the venue."""
    order = house.place()
    house.restart()
    house.rest.fill(order.client_id.hex(), 200)
    house.settle(3)
    again = house.role.blotter.orders[order.client_id]
    assert (again.filled, house.role.recovery.complete) == (200, True)
    assert len(house.rest.orders) == 1


def test_the_balances_are_compared_with_the_fills(house: Trader) -> None:
    """An unreported fill is found at this venue too."""
    order = house.place()
    house.rest.fill(order.client_id.hex(), 200)
    house.settle(3)
    assert house.role.alarm.instruments == {}
    house.rest.balances["BTC"] += 5
    house.settle(30)
    assert list(house.role.alarm.instruments) == [1]
