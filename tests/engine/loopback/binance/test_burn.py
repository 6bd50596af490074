"""Fees in BNB at the embedded venue, as the accounts have them that use BNB to pay for fees."""

from dataclasses import replace
from typing import Any

import pytest

from engine.loopback.binance.settings import FLOWS, MARKETS, TEST_ACCOUNT
from engine.loopback.flow import FlowSettings
from engine.loopback.market import Burn, Market, fixed
from engine.loopback.server import configuration
from tests.engine.loopback.binance.wire import LIMIT, MARKET, Wire, read

BNBUSDT = Market("BNBUSDT", "BNB", "USDT", size_step=fixed("0.001"), size_min=fixed("0.001"))
FLOW = FlowSettings(price=fixed("600"), size=fixed("50"))
USUAL, BURNT = 0.001, 0.00075


def burning(bnb: str, **burn: int) -> Wire:
    """A venue where the test account has so much BNB and pays with it; its books and money are held at every event."""
    wire = Wire(
        markets=(*MARKETS, BNBUSDT), flows={**FLOWS, "BNBUSDT": FLOW}, burns={TEST_ACCOUNT: Burn(**burn)},
        accounts={TEST_ACCOUNT: {"BTC": fixed("100"), "USDT": fixed("10000000"), "BNB": fixed(bnb)}, "engine": {}},
    )  # fmt: skip
    for symbol, price in (("BTCUSDT", "60000"), ("BNBUSDT", "600")):  # a last price
        wire.venue.matching.books[symbol].last_price = fixed(price)
    return wire


def fills(wire: Wire, **values: Any) -> list[dict[str, str]]:
    """The fills of a market order."""
    status, answer = wire.signed("POST", "order", **{**MARKET, **values})
    assert status == 200, answer
    return list(answer["fills"])


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_fee_is_charged_in_bnb_at_its_price_less_the_discount(side: str) -> None:
    """What a trade brings in arrives whole; the fee leaves another purse."""
    wire = burning("1")
    for fill in fills(wire, side=side):
        notional = float(fill["price"]) * float(fill["qty"])
        assert fill["commissionAsset"] == "BNB"
        assert float(fill["commission"]) == pytest.approx(notional * BURNT / 600, abs=1e-8)
    account = wire.venue.ledger.accounts[TEST_ACCOUNT]
    assert account.gained("BTC") == fixed("0.01" if side == "BUY" else "-0.01")
    assert account.gained("BNB") == -sum(fixed(str(line["fee"])) for line in wire.truth("fill"))


def test_a_fee_without_discount() -> None:
    """The discount is the venue's to end."""
    (fill,) = fills(burning("1", discount=0), quantity="0.001")
    assert float(fill["commission"]) == pytest.approx(float(fill["price"]) * 0.001 * USUAL / 600, abs=1e-8)


def test_a_fee_that_the_bnb_does_not_cover_is_charged_as_usual() -> None:
    """Whole, and without the discount: from then on what a trade brings in is short by it."""
    wire = burning("0.0001")  # one fee of an order of 0.001 is 0.000075
    assert [fill["commissionAsset"] for fill in fills(wire, quantity="0.001")] == ["BNB"]
    (fill,) = fills(wire, quantity="0.001")
    assert (fill["commissionAsset"], fill["commission"]) == ("BTC", "0.00000100")
    (fill,) = fills(wire, quantity="0.001", side="SELL")
    assert fill["commissionAsset"] == "USDT"


def test_bnb_that_is_bought_pays_its_own_fee() -> None:
    """An account without BNB that buys some has it at the moment of the fee."""
    (fill,) = fills(burning("0"), symbol="BNBUSDT", quantity="0.1")
    assert (fill["commissionAsset"], fill["commission"]) == ("BNB", "0.00007500")


def test_without_a_price_of_bnb_fees_are_charged_as_usual() -> None:
    """No price shows what it would be worth."""
    wire = burning("1")
    wire.venue.matching.books["BNBUSDT"].last_price = 0
    assert {fill["commissionAsset"] for fill in fills(wire)} == {"BTC"}


def test_events_and_queries_name_the_fees_asset() -> None:
    """The report names it, the account's event has its new balance, and the rates show that it is used."""
    wire = burning("1")
    session = wire.api()
    wire.ask(session, "userDataStream.subscribe.signature")
    read(session)
    wire.send(session, "order.place", **{**LIMIT, "price": "60100", "quantity": "0.001"})
    events = [one["event"] for one in read(session) if "event" in one]
    trade = next(one for one in events if one["e"] == "executionReport" and one["x"] == "TRADE")
    position = next(one for one in events if one["e"] == "outboundAccountPosition")
    assert trade["N"] == "BNB"
    assert {one["a"]: one["f"] for one in position["B"]}["BNB"] == f"{1 - float(trade['n']):.8f}"
    _, rates = wire.signed("GET", "account/commission", symbol="BTCUSDT")
    assert rates["discount"] == {
        "enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.75000000",
    }  # fmt: skip


def test_the_configuration_names_who_burns(tmp_path: Any) -> None:
    """As its own documentation writes it."""
    path = tmp_path / "venue.toml"
    path.write_text('[venue.accounts.engine]\nBNB = "10"\n[venue.burns.engine]\ndiscount = "0.1"\n')
    venue = configuration.read(str(path)).venue
    assert venue.burns == {"engine": replace(Burn(), discount=fixed("0.1"))}
