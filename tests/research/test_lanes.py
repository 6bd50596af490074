"""What a notebook reads of a live lane: numbers with the meaning that their names promise."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shm
from engine import instruments
from engine.lanes import FEED, lane_of, open_lanes
from engine.lanes.create import create
from engine.model.instrument import Instrument
from engine.model.words import FillFlag, TickKind
from research.lanes import frame

README = Path(__file__).resolve().parents[2] / "README.md"
BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
ETH = Instrument(2, "binance", "ETHUSDT", "ETH", "USDT", 3, 4, 1, 1, 1, 10**12, 0)
LANES = {
    "ticks": "feed",
    "books": "feed",
    "instruments": "feed",
    "orders": "execution",
    "fills": "execution",
    "positions": "execution",
}  # with their owners


class Lanes:
    """A system's lanes with one writer each."""

    def __init__(self) -> None:
        """Make them."""
        self.system = f"test-research-{secrets.token_hex(6)}"
        self.writers: dict[str, Any] = {}
        for name, of in LANES.items():
            lane = lane_of(name)
            full = f"{self.system}.{name}.{of}"
            create(self.system, f"{name}.{of}")
            self.writers[name] = (shm.CellWriter if lane.kind == "cells" else shm.RingWriter)(full, lane.record)
        for place, one in enumerate((BTC, ETH)):
            instruments.write(self.writers["instruments"], place, one, 0)

    def write(self, lane: str, **values: Any) -> None:
        """One record; fields that are not given are zero."""
        record = lane_of(lane).record
        row = []
        for field in record.fields:
            many = field.code != "S" and record.types[field.name][0].isdigit()
            row.append(values.get(field.name, b"" if field.code == "S" else (0,) * field.count if many else 0))
        if lane_of(lane).kind == "cells":
            self.writers[lane].write(values["cell"], *row)
        else:
            self.writers[lane].publish(*row)

    def remove(self) -> None:
        """Take them down."""
        for writer in self.writers.values():
            writer.close()
        for name in shm.names(self.system):
            shm.remove(name)


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    """Lanes that are removed after the test in every case."""
    made = Lanes()
    yield made
    made.remove()


def print_(lanes: Lanes, price: int, instrument: int = 1, kind: TickKind = TickKind.PRINT) -> None:
    """One tick."""
    lanes.write(
        "ticks", price=price, size=100, instrument=instrument, kind=kind, side=1, receive_ns=1_700_000_000 * 10**9
    )


def test_the_readmes_example_prints_a_number_that_means_something(
    lanes: Lanes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It averaged raw integers of two symbols, best prices and trades alike."""
    print_(lanes, 6_000_000)
    print_(lanes, 6_000_200)
    print_(lanes, 3_000_000, instrument=2)
    print_(lanes, 5_000_000, kind=TickKind.BEST)
    (code,) = re.findall(r"## Look from a notebook\n\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(code.replace('"demo"', f'"{lanes.system}"'), {})  # noqa: S102 - the README is ours
    assert capsys.readouterr().out == "2 trades, 60,001.00 on average, the last at 2023-11-14T22:13:20.000000000\n"


def test_each_symbol_has_its_own_decimals(lanes: Lanes) -> None:
    """Read at another's decimals, a price is ten times too large."""
    print_(lanes, 6_000_000)
    print_(lanes, 3_000_000, instrument=2)
    found = frame(lanes.system, "ticks")
    assert [(str(row["symbol"]), float(row["price"]), float(row["size"])) for row in found] == [
        ("BTCUSDT", 60_000.0, 0.001), ("ETHUSDT", 3_000.0, 0.01),
    ]  # fmt: skip
    assert len(frame(lanes.system, "ticks", "ETHUSDT")) == 1


def test_what_was_held_before_the_ring_is_no_fill_unless_asked_for(lanes: Lanes) -> None:
    """Dated 1970 and without a fee, it makes every figure of fills wrong."""
    lanes.write("fills", flags=int(FillFlag.OPENING), price=6_000_000, size=5, instrument=1)
    lanes.write("fills", price=6_000_000, size=7, instrument=1, fee=12_000_000, fee_asset=b"USDT", venue_ns=10**18)
    (fill,) = frame(lanes.system, "fills", "BTCUSDT")
    assert (fill["size"], fill["fee"], fill["fee_asset"]) == (0.00007, 0.12, "USDT")
    assert fill["venue_ns"] == np.datetime64(10**18, "ns")
    assert np.isnat(frame(lanes.system, "fills", openings=True)["venue_ns"][0])


def test_books_orders_and_positions_are_read_too(lanes: Lanes) -> None:
    """The same helper for whatever a notebook asks about."""
    ten = (0,) * 8
    lanes.write("books", instrument=1, state=1, bids=1, bid_price=(6_000_000, 0, *ten), bid_size=(5, 0, *ten))
    lanes.write("orders", instrument=1, state=4, price=6_000_000, size=100, filled=50)
    lanes.write("positions", cell=0, instrument=2, size=-3, dust=-5, net=-1.5, price_decimals=3, size_decimals=4)
    (book,) = frame(lanes.system, "books", levels=2)
    assert (book["state"], book["bid_price_1"], book["bid_size_1"]) == ("good", 60_000.0, 0.00005)
    assert np.isnan(book["bid_price_2"])
    (order,) = frame(lanes.system, "orders")
    assert (order["state"], order["filled"]) == ("open", 0.0005)
    (position,) = frame(lanes.system, "positions")
    assert (position["symbol"], position["size"], position["dust"], position["net"]) == (
        "ETHUSDT",
        -0.0003,
        -5e-8,
        -1.5,
    )


def test_what_is_not_there_is_named(lanes: Lanes) -> None:
    """A user would accept an empty table as an answer."""
    with pytest.raises(ValueError, match=r"no instrument 'XRPUSDT' in .*: expected one of BTCUSDT, ETHUSDT"):
        frame(lanes.system, "ticks", "XRPUSDT")
    with pytest.raises(ValueError, match="lane 'verdicts': expected one of ticks, books"):
        frame(lanes.system, "verdicts")
    assert len(frame(lanes.system, "fills")) == 0


def test_a_frame_has_the_records_of_every_feed_in_the_order_of_their_times() -> None:
    """A notebook asks for the ticks of a system; which process wrote them is not its concern."""
    system = f"test-research-{secrets.token_hex(6)}"
    writers = []
    for place, (feed, one) in enumerate((("east", BTC), ("west", ETH))):
        for lane in ("ticks", "instruments"):
            create(system, f"{lane}.{feed}")
        opened = open_lanes(system, FEED, feed)
        writers += [opened.ring_writer("ticks"), opened.cell_writer("instruments")]
        instruments.write(writers[-1], place, one, 0)
    for at_ns, ring, one in ((1, writers[2], ETH), (2, writers[0], BTC), (3, writers[2], ETH)):
        ring.publish(at_ns, at_ns, 0, 1, 100, 10, 0, one.id, TickKind.PRINT, 1, 1)
    try:
        assert frame(system, "ticks")["symbol"].tolist() == ["ETHUSDT", "BTCUSDT", "ETHUSDT"]
        assert frame(system, "ticks", last=2)["symbol"].tolist() == ["BTCUSDT", "ETHUSDT"]
    finally:
        for writer in writers:
            writer.close()
        for name in shm.names(system):
            shm.remove(name)
