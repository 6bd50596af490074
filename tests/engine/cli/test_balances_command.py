"""Balances as an operator lists them."""

from engine.config import Config
from engine.lanes import EXECUTION, open_lanes
from tests.engine.typed import Typed, zeros

BALANCE = {"asset": b"BTC", "amount_low": 175_000_000, "locked_low": 25_000_000, "account": 1, "now_ns": 10**18}


def test_balances_shows_total_free_and_locked(typed: Typed, market: Config) -> None:
    """An order that the venue rejects for lack of money is explained by what other orders lock."""
    lanes, words = open_lanes(market.system.name, EXECUTION), ("balances", "--system", market.system.name)
    lanes.cell_writer("balances").write(0, *zeros("balances", **BALANCE))
    lanes.close()
    [row] = typed.rows(*words)
    assert (row["asset"], row["amount"], row["free"], row["locked"]) == (
        "BTC", "1.75000000", "1.50000000", "0.25000000"
    )  # fmt: skip
    text = typed(*words)
    assert all(number in text for number in ("BTC", "1.75000000", "1.50000000", "0.25000000"))
