"""The audit reads everything that a killed venue has written."""

from pathlib import Path

import msgspec
import orjson
import pytest

from engine.demo.audit import Side, compare, explain, gains, read_ours, read_truth
from engine.execution.orders.ledger import Ledger
from engine.model.words import BUY, OrderState
from tests.engine.execution.memory import BTC, House
from tests.engine.execution.venue.test_faults import INSUFFICIENT, reject

LINE = {
    "what": "fill", "account": "engine", "client_id": "aa", "symbol": "BTCUSDT", "size": "2.0", "filled": "1.0",
    "fill_id": 7, "fill_price": "10.0", "fill_size": "1.0",
}  # fmt: skip


def test_a_truncated_last_line_is_skipped(tmp_path: Path) -> None:
    """The venue writes whole lines; no client has received the event of an incomplete line."""
    path = tmp_path / "truth"
    whole = orjson.dumps(LINE) + b"\n"
    for torn in range(len(whole)):
        path.write_bytes(whole + whole[:torn])
        truth = read_truth(path, "engine")
        assert truth.orders == {"aa": (int(OrderState.PARTLY_FILLED), 100_000_000)}
        assert truth.fills.total() == 1


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    """If it were skipped, an order at the venue would be missed."""
    path = tmp_path / "truth"
    path.write_bytes(b'{"what":\n' + orjson.dumps(LINE) + b"\n")
    with pytest.raises(msgspec.DecodeError):
        read_truth(path, "engine")


def test_rejected_orders_are_explained_by_the_venues_words_and_not_by_a_guess(tmp_path: Path) -> None:
    """Binance has one code for a post-only order that would trade and for an account without the money."""
    house = House(tmp_path / "journal")
    house.ready()
    house.book()
    house.run()
    would = "Order would immediately match and take."
    for text in (would, INSUFFICIENT, would):
        reject(house, text=text)
    ours = read_ours(Path(house.config.journal.directory), {BTC.id: BTC})
    assert explain(ours, Side()) == [
        f"2 orders of the journal are not in the venue's log: rejected by the venue (-2010 {would})",
        f"1 orders of the journal are not in the venue's log: rejected by the venue (-2010 {INSUFFICIENT})",
    ]


def test_balances_are_compared_to_the_last_digit(tmp_path: Path) -> None:
    """Orders and fills may agree while what is held is rounded: an exit of one step too much is rejected for ever."""
    path, ledger = tmp_path / "truth", Ledger((BTC,), ())
    line = LINE | {"account": "engine", "gained": {"BTC": "0.00099999", "USDT": "-60.00000000"}}
    path.write_bytes(orjson.dumps(line) + b"\n")
    ledger.account[BTC.id].apply(BUY, 6_000_000, 100, 1, b"BTC", None, 1)
    truth = read_truth(path, "engine")
    assert compare(Side(truth.orders, truth.fills, gains(ledger, {})), truth) == []
    ledger.account[BTC.id].held += 1
    (finding,) = compare(Side(truth.orders, truth.fills, gains(ledger, {})), truth)
    assert finding.text == "balance of BTC: ours changed by 0.001, the venue's by 0.00099999"
