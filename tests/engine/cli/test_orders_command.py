"""Orders as an operator lists them."""

from typing import Any

import shm
from engine.config import Config
from engine.lanes import lane_of
from engine.model import algorithms
from engine.model.records import ORDER, PARENT
from engine.model.words import SELL, IntentFlag, OrderState, OrderType, ParentStatus, TimeInForce
from shm.record import Record
from tests.engine.typed import Typed


def test_orders_shows_each_order_once_by_its_last_state(typed: Typed, market: Config) -> None:
    """Open and in flight by default, all when asked, prices as the venue writes them."""
    words = ["orders", "--system", market.system.name]
    rows = typed.rows(*words)
    assert [(row["client_id"], row["state"]) for row in rows] == [("01" * 16, "OPEN"), ("02" * 16, "SENT")]
    assert (rows[0]["symbol"], rows[0]["price"], rows[0]["size"]) == ("BTCUSDT", "100.00", "1.50000")
    assert len(typed.rows(*words, "--all")) == 3
    assert "2 orders" in typed(*words)


def empty(record: Record[Any]) -> Any:
    """A row of zeros."""
    zeros = [b"" if one.code == "S" else (0,) * one.count if one.count > 1 else 0 for one in record.fields]
    return record.row(*zeros)


def publish(market: Config, lane: str, row: Any) -> None:
    """A record on a lane of execution."""
    ring = shm.RingWriter(market.lane(lane, "execution"), lane_of(lane).record)
    ring.publish(*row)
    ring.close()


def publish_stop(market: Config) -> None:
    """A stop that waits."""
    number, parameters = algorithms.encode("stop", {"stop_price": 9_950, "slippage_bps": 20})
    publish(market, "parents", empty(PARENT)._replace(
        intent_id=77, now_ns=1_700_000_000_000_000_000, size=150_000, strategy=1, instrument=7, algorithm=number,
        status=ParentStatus.WORKING, side=SELL, parameters=parameters, flags=IntentFlag.REDUCE_ONLY,
    ))  # fmt: skip


def test_orders_shows_a_stop_that_waits_with_its_price(typed: Typed, market: Config) -> None:
    """Nothing of it is at the venue: without this line its owner believes that the position has no stop."""
    publish_stop(market)
    words = ["orders", "--system", market.system.name]
    [tree] = [one for one in typed.rows(*words) if one["intent_id"] == 77]
    assert (tree["algorithm_name"], tree["children"], tree["flags"]) == ("stop", [], ["REDUCE_ONLY"])
    assert tree["terms"] == {"stop_price": "99.50", "slippage_bps": 20}
    assert "stop stop_price=99.50 slippage_bps=20 (kept)" in typed(*words)


def test_orders_shows_that_a_stop_waits_at_the_venue(typed: Typed, market: Config) -> None:
    """A kept one dies with the machine, a native one does not: its owner must see which one it is."""
    publish_stop(market)
    publish(market, "orders", empty(ORDER)._replace(
        client_id=b"\7" * 16, intent_id=77, now_ns=1_700_000_000_000_000_000, price=9_930, size=150_000, strategy=1,
        instrument=7, state=OrderState.OPEN, side=SELL, order_type=OrderType.STOP_LIMIT, time_in_force=TimeInForce.GTC,
    ))  # fmt: skip
    words = ["orders", "--system", market.system.name]
    [tree] = [one for one in typed.rows(*words) if one["intent_id"] == 77]
    assert (tree["waits"], [one["order_type"] for one in tree["children"]]) == ("native", ["STOP_LIMIT"])
    text = typed(*words)
    assert "slippage_bps=20 (native)" in text
    assert "stop_limit gtc" in text
