"""Orders as an operator lists them."""

import shm
from engine.config import Config
from engine.lanes import lane_of
from engine.model import algorithms
from engine.model.records import PARENT
from engine.model.words import SELL, IntentFlag, ParentStatus
from tests.engine.typed import Typed


def test_orders_shows_each_order_once_by_its_last_state(typed: Typed, market: Config) -> None:
    """Open and in flight by default, all when asked, prices as the venue writes them."""
    words = ["orders", "--system", market.system.name]
    rows = typed.rows(*words)
    assert [(row["client_id"], row["state"]) for row in rows] == [("01" * 16, "OPEN"), ("02" * 16, "SENT")]
    assert (rows[0]["symbol"], rows[0]["price"], rows[0]["size"]) == ("BTCUSDT", "100.00", "1.50000")
    assert len(typed.rows(*words, "--all")) == 3
    assert "2 orders" in typed(*words)


def test_orders_shows_a_stop_that_waits_with_its_price(typed: Typed, market: Config) -> None:
    """Nothing of it is at the venue: without this line its owner believes that the position has no stop."""
    number, parameters = algorithms.encode("stop", {"stop_price": 9_950, "slippage_bps": 20})
    zeros = [b"" if one.code == "S" else (0,) * one.count if one.count > 1 else 0 for one in PARENT.fields]
    row = PARENT.row(*zeros)._replace(
        intent_id=77, now_ns=1_700_000_000_000_000_000, size=150_000, strategy=1, instrument=7, algorithm=number,
        status=ParentStatus.WORKING, side=SELL, parameters=parameters, flags=IntentFlag.REDUCE_ONLY,
    )  # fmt: skip
    ring = shm.RingWriter(market.lane("parents", "execution"), lane_of("parents").record)
    ring.publish(*row)
    ring.close()
    words = ["orders", "--system", market.system.name]
    [tree] = [one for one in typed.rows(*words) if one["intent_id"] == 77]
    assert (tree["algorithm_name"], tree["children"], tree["flags"]) == ("stop", [], ["REDUCE_ONLY"])
    assert tree["terms"] == {"stop_price": "99.50", "slippage_bps": 20}
    assert "stop stop_price=99.50 slippage_bps=20" in typed(*words)
