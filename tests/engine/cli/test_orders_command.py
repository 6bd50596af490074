"""Orders as an operator lists them."""

from engine.config import Config
from tests.engine.typed import Typed


def test_orders_shows_each_order_once_by_its_last_state(typed: Typed, market: Config) -> None:
    """Open and in flight by default, all when asked, prices as the venue writes them."""
    words = ["orders", "--system", market.system.name]
    rows = typed.rows(*words)
    assert [(row["client_id"], row["state"]) for row in rows] == [("01" * 16, "OPEN"), ("02" * 16, "SENT")]
    assert (rows[0]["symbol"], rows[0]["price"], rows[0]["size"]) == ("BTCUSDT", "100.00", "1.50000")
    assert len(typed.rows(*words, "--all")) == 3
    assert "2 orders" in typed(*words)
