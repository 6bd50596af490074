"""Fees in BNB from end to end: the embedded venue charges them, the engine counts them, the audit finds every unit."""

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from engine.demo import audit
from engine.loopback.binance.settings import FLOWS, MARKETS
from engine.loopback.flow import FlowSettings
from engine.loopback.market import Burn, Market, fixed
from engine.model.words import BUY, SELL, FillFlag, OrderType, PositionFlag
from engine.monitor import profit
from tests.engine.execution.memory import BTC, MS, START_NS, STRATEGY, House
from tests.engine.execution.orders.test_prices import BNB
from tests.engine.execution.simulated import SimulatedVenue
from tests.engine.execution.test_simulated import SimulatedHouse

BNBUSDT = Market("BNBUSDT", "BNB", "USDT", size_step=fixed("0.001"), size_min=fixed("0.001"))
LINES = {"flows": {**FLOWS, "BNBUSDT": FlowSettings(price=fixed("600"), size=fixed("50"))}}
DISCOUNTED = 0.00075


class BurnHouse(SimulatedHouse):
    """A new account that holds dollars and BNB; with `valued` the engine follows BNBUSDT too."""

    def __init__(self, directory: Path, bnb: str, *, valued: bool) -> None:
        """At a venue that burns, with a system that compares its balances every second."""
        venue = SimulatedVenue(
            START_NS, purse={"USDT": fixed("100000"), "BNB": fixed(bnb)}, markets=(*MARKETS, BNBUSDT),
            burns={"engine": Burn()}, **LINES,
        )  # fmt: skip
        House.__init__(self, directory, venue=venue, balance_interval_ns=1000 * MS)
        self.kill()
        self.directory, self.valued = directory, valued
        self.config = msgspec.structs.replace(self.config, instruments=(BTC, BNB) if valued else (BTC,))
        self.role = self.live()

    def tell_books(self) -> None:
        """What a feed would publish."""
        self.book(*self.venue.best("BTCUSDT", 2), instrument=BTC.id)
        if self.valued:
            self.book(*self.venue.best("BNBUSDT", 2), instrument=BNB.id)

    def ready(self) -> None:
        """Until trading may begin, and BNB has been traded: before that it has no price."""
        while not self.venue.binance.matching.books["BNBUSDT"].last_price:
            self.run(10, 10 * MS)
        super().ready()

    def trade(self, side: int, size: int) -> None:
        """Take so much of the other side, and let it become known."""
        self.tell_books()
        self.intent(side=side, size=size, price=0, order_type=OrderType.MARKET)
        self.run(30, 10 * MS)

    def cell(self) -> Any:
        """The account's position in BTC, as any onlooker reads it."""
        rows = self.rows("positions")
        return next(row for row in rows if not row.strategy and row.instrument == BTC.id)

    def differences(self) -> list[str]:
        """What the demo's audit finds between the journal and the venue's log."""
        self.role.journal.close()
        known = {one.id: one for one in self.config.instruments}
        ours = audit.read_ours(self.directory, known)
        ours.gained = audit.gains(audit.read_ledger(self.directory, known, (STRATEGY,)), ours.apart)
        path = self.directory / "truth.log"
        path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in self.venue.binance.truth.lines))
        truth = audit.read_truth(path, "engine")
        assert truth.gained["BNB"] < 0
        return [one.text for one in audit.compare(ours, truth)]


def traded(house: BurnHouse) -> None:
    """Five buys and the way out of all of them."""
    house.ready()
    for _ in range(5):
        house.trade(BUY, 100)
    assert house.role.ledger.account[BTC.id].size == 500
    house.trade(SELL, 500)
    house.settle(5)


@pytest.mark.parametrize("restart", [False, True])
def test_fees_in_bnb_are_valued_where_its_price_is_followed(tmp_path: Path, *, restart: bool) -> None:
    """Position, fees and net are right, the balances agree, and after a restart nothing has moved."""
    house = BurnHouse(tmp_path, "1", valued=True)
    traded(house)
    if restart:
        house.restart()
        house.ready()
        house.settle(3)
    row, fills = house.cell(), [one for one in house.rings["fills"].rows if not one.flags & FillFlag.OPENING]
    assert {(one.fee_asset.rstrip(b"\0"), one.flags) for one in fills} == {(b"BNB", FillFlag.FEE_VALUED)}
    assert (row.size, row.dust, row.flags, row.unrealised) == (0, 0, 0, 0.0)
    notional = sum(one.price * one.size for one in fills) / 10**7
    assert row.fees == pytest.approx(sum(one.fee_value for one in fills) / 10**8)
    assert row.fees == pytest.approx(notional * DISCOUNTED, rel=0.01)
    assert row.net == pytest.approx(house.venue.gained("USDT") / 10**8 - row.fees)
    assert -house.venue.gained("BNB") == sum(one.fee for one in fills)
    assert house.role.alarm.instruments == {}
    assert house.differences() == []


def test_fees_in_bnb_are_named_where_no_price_is_followed(tmp_path: Path) -> None:
    """They are shown as 0 nowhere: the amount and the asset are beside the sum."""
    house = BurnHouse(tmp_path, "1", valued=False)
    traded(house)
    row = house.cell()
    burnt = -house.venue.gained("BNB")
    assert (row.flags, row.fees, row.fee_unvalued) == (PositionFlag.FEES_UNVALUED, 0.0, burnt)
    assert profit.fees_text(row) == f"0.00 + {burnt / 10**8:.8f} BNB unvalued"
    assert house.role.alarm.instruments == {}
    assert house.differences() == []


def test_bnb_that_runs_out_in_between_leaves_dust_and_no_difference(tmp_path: Path) -> None:
    """From one fill to the next the fee is charged in what was bought: less can be sold."""
    house = BurnHouse(tmp_path, "0.0002", valued=True)
    house.ready()
    for _ in range(5):
        house.trade(BUY, 100)
    house.settle(5)
    fills = [one for one in house.rings["fills"].rows if not one.flags & FillFlag.OPENING]
    assert {one.fee_asset.rstrip(b"\0") for one in fills} == {b"BNB", b"BTC"}
    position = house.role.ledger.account[BTC.id]
    assert position.held == house.venue.gained("BTC")
    assert (position.size, position.dust > 0) == (499, True)
    house.trade(SELL, 499)
    house.settle(5)
    assert (position.size, house.role.alarm.instruments) == (0, {})
    assert house.differences() == []
