"""What an operator types, against segments that a test writes."""

from collections.abc import Callable
from typing import Any

import pytest

from engine import instruments
from engine.cli import main
from engine.config import Config
from engine.lanes import EXECUTION, FEED, lane_of, open_lanes
from engine.model.instrument import Instrument
from engine.model.words import (
    BookState,
    OrderState,
    OrderType,
    TimeInForce,
)
from tests.engine.answers import data_of, rows_of

Write = Callable[..., Config]


MARKET = """
[[venues]]
name = "binance"
kind = "binance"
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
"""


PLACED = """
[[processes]]
name = "alpha"
roles = ["alpha"]
[[processes]]
name = "core"
roles = ["execution", "beta"]
"""


BITCOIN = Instrument(7, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 10**7)


class Typed:
    """`engine-ctl` and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing yet."""
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Type words; what came out, or the complaint when another code was expected."""
        self.capsys.readouterr()
        found = main(words)
        out, err = self.capsys.readouterr()
        assert found == code, err
        return err if code and not out else out

    def tree(self, *words: str, code: int = 0) -> Any:
        """Type words with --json; the only object."""
        return data_of(self(*words, "--json", code=code))

    def rows(self, *words: str, code: int = 0) -> list[Any]:
        """Type words with --json; each object."""
        return rows_of(self(*words, "--json", code=code))


def zeros(lane: str, **values: Any) -> tuple[Any, ...]:
    """A record's fields: the values given, zeros elsewhere."""
    record = lane_of(lane).record
    blank = {
        field.name: b"" if field.code == "S" else (0,) * field.count if field.count > 1 else 0
        for field in record.fields
    }
    return tuple({**blank, **values}.values())


def write_book(config: Config) -> None:
    """A good book of ten levels a side, and its instrument."""
    cells = open_lanes(config.system.name, FEED).cell_writer("instruments")
    instruments.write(cells, 0, BITCOIN, 1)
    cells.close()
    tops = open_lanes(config.system.name, FEED).cell_writer("book_tops")
    ten = tuple(range(10))
    values = zeros(
        "book_tops", instrument=7, state=BookState.GOOD, bids=10, asks=10, imbalance=0.5,
        bid_price=tuple(100_00 - i for i in ten), ask_price=tuple(100_01 + i for i in ten),
        bid_size=tuple(150_000 + i for i in ten), ask_size=tuple(50_000 + i for i in ten),
    )  # fmt: skip
    tops.write(3, *values)
    tops.close()


def write_orders(config: Config) -> None:
    """One order that is open, one in flight, one filled."""
    ring = open_lanes(config.system.name, EXECUTION).ring_writer("orders")
    common = {
        "instrument": 7, "strategy": 1, "side": 1, "price": 100_00, "size": 150_000,
        "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC,
    }  # fmt: skip
    for client, states in {b"\1": (OrderState.SENT, OrderState.OPEN), b"\2": (OrderState.SENT,),
                           b"\3": (OrderState.OPEN, OrderState.FILLED)}.items():  # fmt: skip
        for state in states:
            ring.publish(*zeros("orders", client_id=client * 16, state=state, **common))
    ring.close()


def write_fills(config: Config) -> None:
    """Forty fills."""
    ring = open_lanes(config.system.name, EXECUTION).ring_writer("fills")
    for number in range(1, 41):
        values = {"instrument": 7, "strategy": 1, "side": 1, "price": 100_00, "size": 500, "maker": 1}
        ring.publish(*zeros("fills", venue_fill_id=b"%d" % number, venue_ns=number * 10**9, **values))
    ring.close()
