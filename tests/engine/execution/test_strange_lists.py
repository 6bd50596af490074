"""An operator's own order lists on the engine's account: strangers' orders, however they wait, trigger and end."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from engine.loopback.binance.desk import Call
from engine.loopback.binance.parameters import Parameters
from engine.model.words import BUY, SELL, OrderFlag, OrderState, OrderType
from tests.engine.execution.memory import MS, SECOND
from tests.engine.execution.simulated import AHEAD_NS, check
from tests.engine.execution.test_simulated import SimulatedHouse

SEED = 5


class Operated(SimulatedHouse):
    """The engine at the simulated venue, and a person with the same account."""

    def ask(self, name: str, **values: str) -> Any:
        """A request of the person's own program."""
        call = Call(Parameters({"symbol": "BTCUSDT", **values}), self.now_ns + AHEAD_NS, account="engine")
        return self.venue.binance.table[name].run(call)

    def text(self, side: int, away: int) -> str:
        """A price so many hundredths from the best of a side."""
        best = self.venue.best("BTCUSDT", 2)[side != BUY]
        return f"{(best + away) / 100:.2f}"

    def oco(self, away: int) -> list[int]:
        """A pair that sells around the market; the orders' ids."""
        found = self.ask(
            "orderList.place.oco", side="SELL", quantity="0.02", aboveType="LIMIT_MAKER",
            abovePrice=self.text(SELL, away), belowType="STOP_LOSS", belowStopPrice=self.text(BUY, -away),
        )  # fmt: skip
        return [one["orderId"] for one in found["orders"]]

    def otoco(self, price: str) -> list[int]:
        """A purchase with a pair after it; the orders' ids."""
        found = self.ask(
            "orderList.place.otoco", workingType="LIMIT", workingSide="BUY", workingPrice=price, workingQuantity="0.02",
            workingTimeInForce="GTC", pendingSide="SELL", pendingQuantity="0.01", pendingAboveType="LIMIT_MAKER",
            pendingAbovePrice=self.text(SELL, 200_000), pendingBelowType="STOP_LOSS_LIMIT",
            pendingBelowStopPrice=self.text(BUY, -200_000), pendingBelowPrice=self.text(BUY, -250_000),
            pendingBelowTimeInForce="GTC",
        )  # fmt: skip
        return [one["orderId"] for one in found["orders"]]

    def strangers(self) -> list[int]:
        """The venue's ids of others' orders, as often as they were published."""
        return [
            int(row.venue_order_id.rstrip(b"\0")) for row in self.rings["orders"].rows if row.flags & OrderFlag.FOREIGN
        ]

    def open_statuses(self) -> list[str]:
        """The state of each open order of the account that is not the engine's."""
        orders = self.venue.binance.matching.open["engine", "BTCUSDT"].values()
        return sorted(order.status for order in orders if not re.fullmatch("[0-9a-f]{32}", order.client_id))

    def check_ours(self) -> None:
        """Our orders and fills against the venue's truth about them alone."""
        lines = self.venue.binance.truth.lines
        lines[:] = [line for line in lines if re.fullmatch("[0-9a-f]{32}", str(line["client_id"]))]
        check(self.venue, self.role, self.rings["fills"].rows)
        self.venue.binance.check()


@pytest.fixture
def house(tmp_path: Path) -> Operated:
    """A system that trades and compares balances every second."""
    house = Operated(tmp_path, SEED, balance_interval_ns=SECOND)
    house.ready()
    house.settle(4)
    house.tell_books()
    return house


def trade_on(house: Operated, rounds: int) -> None:
    """Orders of ours that take and rest, while the market moves."""
    for number in range(rounds):
        bid, ask = house.venue.best("BTCUSDT", 2)
        side = BUY if number % 2 else SELL
        house.intent(side=side, size=500, price=0, order_type=OrderType.MARKET)
        house.intent(side=side, size=300, price=(bid - 500) if side == BUY else (ask + 500), timeout_ns=200 * MS)
        house.run(40, 10 * MS)
        house.tell_books()


def test_lists_of_an_operator_are_strangers_orders_whatever_becomes_of_them(
    house: Operated, caplog: pytest.LogCaptureFixture
) -> None:
    """Pending, waiting, triggered, filled, expired, cancelled: each published once, none touched, and nothing halts."""
    caplog.set_level(logging.INFO, logger="engine.execution")
    placed = house.oco(1) + house.otoco("30000") + house.otoco(house.text(SELL, 10_000)) + house.oco(400_000)
    house.run(20, 10 * MS)
    trade_on(house, 12)
    single = house.ask("order.place", side="SELL", type="STOP_LOSS", quantity="0.01", trailingDelta="10")
    placed.append(single["orderId"])
    house.ask("order.cancel", orderId=str(placed[2]))
    trade_on(house, 12)
    house.settle(10)
    reported = house.strangers()
    assert sorted(reported) == sorted(placed)
    by_id = {order.id: str(order.status) for (_, _), order in house.venue.binance.matching.orders.items()}
    assert {"FILLED", "EXPIRED", "CANCELED", "NEW"} <= {by_id[one] for one in placed}
    assert not house.halts_asked
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    warned = [one.message for one in caplog.records if one.levelno == logging.WARNING]
    assert set(warned) == {"the account's balance changed; others have traded on it"}
    assert len(warned) <= 8
    before = house.open_statuses()
    house.rest_all()
    house.check_ours()
    assert house.open_statuses() == before


def test_execution_that_starts_beside_a_pending_list_leaves_it_and_trades(
    house: Operated, caplog: pytest.LogCaptureFixture
) -> None:
    """Open orders are listed at the start: an order that is pending, or waits for a price, is no lost order of ours."""
    caplog.set_level(logging.INFO, logger="engine.execution")
    pending = house.otoco("30000")
    house.restart()
    waiting = house.oco(400_000)
    house.ready()
    trade_on(house, 6)
    house.restart()
    house.ready()
    trade_on(house, 6)
    assert set(house.strangers()) == {*pending, *waiting}
    assert house.open_statuses() == ["NEW", "NEW", "NEW", "PENDING_NEW", "PENDING_NEW"]
    assert not house.halts_asked
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    house.rest_all()
    house.check_ours()
    assert house.open_statuses() == ["NEW", "NEW", "NEW", "PENDING_NEW", "PENDING_NEW"]


@pytest.mark.parametrize("mode", ["lost", "late"])
def test_fills_of_a_list_whose_reports_were_lost_find_their_stranger(house: Operated, mode: str) -> None:
    """The account's fills are listed; those of a triggered stop belong to an order that must be asked about."""
    faults = house.venue.binance.faults
    house.run(5, 10 * MS)
    if mode == "lost":
        faults.drop_report(next=6)
    else:
        faults.delay_report(800 * MS, next=6)
    house.otoco(house.text(SELL, 10_000))
    trade_on(house, 8)
    house.venue.cut()
    house.ready()
    trade_on(house, 4)
    assert not house.halts_asked
    assert not house.role.strangers.waiting
    house.rest_all()
    house.check_ours()


def test_events_about_lists_are_read_as_news_of_no_order(house: Operated) -> None:
    """A listStatus names our account's orders, and none of ours: it must change nothing, however often it comes."""
    order = house.intent(side=BUY, price=house.venue.best("BTCUSDT", 2)[0] - 100_000, size=1000)
    house.run(20, 10 * MS)
    ours = house.role.blotter.newest[order]
    for _ in range(30):
        house.ask("order.cancel", orderId=str(house.oco(400_000)[0]))
        house.run(4, 10 * MS)
    house.run(20, 10 * MS)
    assert ours.state == OrderState.OPEN
    assert len(house.strangers()) == 60
    assert not house.halts_asked
