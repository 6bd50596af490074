"""The view shows the orders of an algorithm below their parent."""

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.console import Console

from engine import instruments
from engine.config import Config
from engine.lanes import EXECUTION, FEED, lane_of, open_lanes
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, OrderState, ParentStatus
from engine.monitor.figures import Figures
from engine.supervisor import segments
from engine.view.screen import screen
from tests.engine.conftest import Write

BITCOIN = Instrument(7, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 10**7)
CHASED, PLAIN = 3 << 40 | 5, 3 << 40 | 6


@pytest.fixture
def config(write: Write) -> Config:
    """A system with one instrument, and no running process."""
    made = write()
    segments.create(made)
    cells = open_lanes(made.system.name, FEED).cell_writer("instruments")
    instruments.write(cells, 0, BITCOIN, 1)
    cells.close()
    return made


@pytest.fixture
def publish(config: Config) -> Iterator[Callable[..., None]]:
    """Publishes a record of this system's execution, zero except for some values."""
    lanes = open_lanes(config.system.name, EXECUTION)
    rings = {lane: lanes.ring_writer(lane) for lane in ("orders", "parents")}

    def one(lane: str, **values: Any) -> None:
        record = lane_of(lane).record
        empty = [b"" if at.code == "S" else (0,) * at.count if at.count > 1 else 0 for at in record.fields]
        common = {"strategy": 3, "instrument": 7, "intent_ns": time.time_ns(), "side": BUY, "size": 1000}
        named = {name: value for name, value in (common | values).items() if name in record.row._fields}
        rings[lane].publish(*record.row(*empty)._replace(**named))

    yield one
    for ring in rings.values():
        ring.close()


def shown(figures: Figures, height: int = 60, width: int = 110) -> list[list[str]]:
    """The lines of the view's orders, each as its words."""
    figures.poll()
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(screen(figures, width, height))
    lines = [line.split() for line in console.export_text().splitlines()]
    begin = next(place for place, line in enumerate(lines) if line[:2] == ["OPEN", "ORDERS"])
    end = next(place for place, line in enumerate(lines) if line[:1] == ["FILLS"])
    return lines[begin:end]


def parent(publish: Callable[..., None], status: ParentStatus = ParentStatus.WORKING, filled: int = 300) -> None:
    """A record of the chase of 1000."""
    publish("parents", intent_id=CHASED, status=status, filled=filled, limit_price=60_000_00, algorithm=1)


def child(publish: Callable[..., None], number: int, state: OrderState, **values: Any) -> None:
    """A record of an order of that chase."""
    publish("orders", client_id=b"chase%d" % number, intent_id=CHASED, child=number, state=state, **values)


def test_children_are_below_their_parent_and_only_orders_are_counted(
    config: Config, publish: Callable[..., None]
) -> None:
    """An operator asks how much of an intent is done and which orders work it: a flat list answers neither."""
    parent(publish)
    child(publish, 0, OrderState.CANCELLED, filled=300)
    child(publish, 1, OrderState.OPEN, size=400, price=59_999_00)
    publish("orders", client_id=b"plain", intent_id=PLAIN, side=SELL, price=60_100_00, state=OrderState.OPEN)
    child(publish, 2, OrderState.SENT, size=300, price=59_998_00)
    figures = Figures(config.system.name)
    head, *rows = shown(figures)
    assert head[:3] == ["OPEN", "ORDERS", "3"]
    assert [row[:-2] for row in rows] == [
        ["3", "BTCUSDT", "buy", "0.01000", "0.00300", "60000.00", "chase"],
        ["child", "2", "BTCUSDT", "buy", "0.00300", "0.00000", "59998.00", "sent"],
        ["child", "1", "BTCUSDT", "buy", "0.00400", "0.00000", "59999.00", "open"],
        ["3", "BTCUSDT", "sell", "0.01000", "0.00000", "60100.00", "open"],
    ]


def test_a_parent_is_shown_between_two_orders_and_until_it_is_done(
    config: Config, publish: Callable[..., None]
) -> None:
    """A chase that waits to place its next order still works: without its line it would seem to have ended."""
    figures = Figures(config.system.name)
    parent(publish)
    child(publish, 0, OrderState.OPEN)
    assert len(shown(figures)) == 3
    child(publish, 0, OrderState.CANCELLED, filled=300)
    parent(publish, ParentStatus.STOPPING)
    head, *rows = shown(figures)
    assert head[:3] == ["OPEN", "ORDERS", "0"]
    assert [row[-2:] for row in rows] == [["stopping", "-"]]
    parent(publish, ParentStatus.DONE)
    assert len(shown(figures)) == 1
    child(publish, 1, OrderState.OPEN)
    assert [row[:2] for row in shown(figures)[1:]] == [["3", "BTCUSDT"]]


def test_a_parents_line_fits_a_terminal_of_80_columns(config: Config, publish: Callable[..., None]) -> None:
    """A line that wraps pushes the last rows off the screen."""
    parent(publish)
    child(publish, 40, OrderState.CANCELLING, price=59_999_00)
    rows = shown(Figures(config.system.name), 24, 80)[1:]
    assert [row[0] for row in rows] == ["3", "child"]


def test_rows_that_do_not_fit_are_counted_in_orders(config: Config, publish: Callable[..., None]) -> None:
    """A parent's line counted as an order would promise an order that does not exist."""
    parent(publish)
    for number in range(40):
        child(publish, number, OrderState.OPEN)
    figures = Figures(config.system.name)
    head, *rows = shown(figures, 24)
    assert head[:5] == ["OPEN", "ORDERS", str(len(rows) - 1), "of", "40"]
