"""A notebook attached to lanes: what it reads, what it is refused, and that it changes nothing."""

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import research
import shm
from engine import instruments
from engine.lanes.create import create
from engine.lanes.map import lane_of
from engine.model.words import BookState, Flag, TickKind
from tests.research.test_lanes import BTC, Lanes, print_

SECOND = 1_000_000_000
WRITE = """
import ctypes, sys, research
slots = research.attach(sys.argv[1]).slots("ticks").records
print(float(slots["price"][0]), flush=True)
ctypes.memset(slots.ctypes.data, 0, 8)
print("written", flush=True)
"""


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    """Lanes that are removed after the test in every case."""
    made = Lanes()
    yield made
    made.remove()


def test_a_frame_has_symbols_floats_and_times_in_utc(lanes: Lanes) -> None:
    """A time without a zone is read as local time, and is hours off."""
    print_(lanes, 6_000_150)
    for form in ("pandas", "polars"):
        frame = research.attach(lanes.system, to=form).ticks("BTCUSDT")
        assert (frame["symbol"][0], frame["price"][0], frame["kind"][0]) == ("BTCUSDT", 60_001.5, "print")
        assert str(frame["receive_ns"][0]).startswith("2023-11-14 22:13:20+00:00")
    assert isinstance(research.attach(lanes.system).ticks(to="polars"), pl.DataFrame)
    assert research.attach(lanes.system).ticks(to="numpy")["price"].tolist() == [60_001.5]


def test_bars_have_prices_volumes_and_their_interval(lanes: Lanes) -> None:
    """A volume is 128 bits in two fields: a notebook that adds raw fields adds halves."""
    create(lanes.system, "bars")
    lane = lane_of("bars")
    writer = lanes.writers["bars"] = shm.RingWriter(f"{lanes.system}.bars", lane.record)
    values = {"instrument": 1, "open": 6_000_000, "high": 6_000_300, "low": 5_999_900, "close": 6_000_100}
    sums = {"volume_low": 250_000, "notional_high": 1, "notional_low": 5, "start_ns": 60 * SECOND}
    for length in (1, 60):
        row = {**values, **sums, "interval_ns": length * SECOND, "price_decimals": 2, "size_decimals": 5}
        writer.publish(*(row.get(f.name, (0, 0) if f.name == "spare" else 0) for f in lane.record.fields))
    attached = research.attach(lanes.system)
    (bar,) = attached.bars("BTCUSDT", "1m", to="numpy")
    assert (bar["open"], bar["close"], bar["volume"]) == (60_000.0, 60_001.0, 2.5)
    assert bar["notional"] == (2.0**64 + 5) / 1e7
    assert (bar["start_ns"], bar["interval"]) == (np.datetime64(60, "s"), np.timedelta64(60, "s"))
    with pytest.raises(ValueError, match=r"interval 'minute': expected a number and s, m, h or d"):
        attached.bars(interval="minute")


def test_positions_and_profit_name_accounts_and_strategies(lanes: Lanes) -> None:
    """Numbers of strategies mean nothing in a notebook."""
    lanes.write("positions", cell=0, instrument=1, size=5, account=1, realised=2.5, net=1.5, fees=1.0)
    profit = research.attach(lanes.system).pnl()
    assert profit[["account", "strategy", "symbol", "net"]].to_numpy().tolist() == [["1", "account", "BTCUSDT", 1.5]]
    assert research.attach(lanes.system).positions("ETHUSDT").empty


def test_events_are_the_newest_whole_book_and_what_followed(lanes: Lanes) -> None:
    """A simulation over half a snapshot trades on prices that nobody quoted."""
    create(lanes.system, "levels.feed")
    levels = lanes.writers["levels"] = shm.RingWriter(f"{lanes.system}.levels.feed", lane_of("levels").record)

    def publish(kind: int, side: int, price: int, size: int, flags: int, at_ns: int, detail: int = 0) -> None:
        levels.publish(at_ns, at_ns, at_ns, 0, price, size, detail, 1, kind, side, flags)

    attached = research.attach(lanes.system)
    publish(TickKind.LEVEL, 1, 100, 5, Flag.LAST, SECOND)
    with pytest.raises(ValueError, match=r"LEVELS has no whole book: set levels = true in \[feed\]"):
        attached.events("BTCUSDT")
    publish(TickKind.STATE, 0, 0, 0, Flag.RESET, 2 * SECOND, BookState.RESYNCING)
    publish(TickKind.LEVEL, 1, 99, 5, 0, 2 * SECOND)
    publish(TickKind.STATE, 0, 0, 0, Flag.LAST, 2 * SECOND, BookState.GOOD)
    publish(TickKind.LEVEL, -1, 101, 5, 0, 3 * SECOND)  # the rest of its event is not published yet
    lanes.write(
        "ticks", instrument=1, kind=TickKind.PRINT, side=1, price=100, size=1, flags=Flag.LAST, receive_ns=4 * SECOND
    )
    events = attached.events("BTCUSDT")
    assert events["kind"].tolist() == [TickKind.STATE, TickKind.LEVEL, TickKind.STATE, TickKind.PRINT]
    assert attached.instrument("BTCUSDT") == BTC


def test_a_write_to_an_attached_lane_ends_the_process_that_writes(lanes: Lanes) -> None:
    """A notebook with a bug must not be able to change what the engine trades on."""
    print_(lanes, 6_000_000)
    command = [sys.executable, "-c", WRITE, lanes.system]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGSEGV, done.stderr
    assert done.stdout == "6000000.0\n"


def test_attaching_leaves_every_byte_of_the_system_as_it_was(lanes: Lanes) -> None:
    """A reader that registers itself is one that a writer must wait for, or clean up after."""
    print_(lanes, 6_000_000)
    files = sorted(Path("/dev/shm").glob(f"steelyard.{lanes.system}.*"))
    before = [hashlib.sha256(file.read_bytes()).digest() for file in files]
    attached = research.attach(lanes.system)
    tail = attached.tail("ticks")
    assert attached.slots("ticks").release() == 0
    assert len(tail.read()) == 0
    assert len(attached.ticks()) == 1
    assert attached.books().empty
    assert attached.orders().empty
    assert attached.fills().empty
    assert sorted(Path("/dev/shm").glob(f"steelyard.{lanes.system}.*")) == files
    assert [hashlib.sha256(file.read_bytes()).digest() for file in files] == before


def test_a_wrong_name_is_answered_with_the_systems_that_run(lanes: Lanes) -> None:
    """An empty table would be taken for a quiet market."""
    with pytest.raises(research.NotRunningError, match=rf"no system 'dmeo' runs; running: .*{lanes.system}"):
        research.attach("dmeo")
    attached = research.attach(lanes.system)
    with pytest.raises(ValueError, match=r"no instrument 'XRPUSDT' in .*: expected one of BTCUSDT, ETHUSDT"):
        attached.ticks("XRPUSDT")
    with pytest.raises(ValueError, match="lane 'verdict': expected one of ticks, books, bars"):
        attached.tail("verdict")
    with pytest.raises(ValueError, match="lane 'positions' has only the newest values"):
        attached.tail("positions")
    with pytest.raises(ValueError, match="to='panda': expected one of pandas, polars, numpy"):
        attached.ticks(to="panda")


def test_a_tail_returns_each_record_once_and_counts_what_it_lost(lanes: Lanes) -> None:
    """A mean over ticks of which half are missing looks like any other mean."""
    tail = research.attach(lanes.system, to="numpy").tail("ticks", "BTCUSDT")
    print_(lanes, 6_000_000)
    print_(lanes, 3_000_000, instrument=2)
    assert tail.read()["price"].tolist() == [60_000.0]
    assert (len(tail.read()), tail.lost) == (0, 0)
    count = lane_of("ticks").capacity + 1_000
    one = bytes(lanes.writers["ticks"].header.record.size)
    for _ in range(0, count, 1_000):
        lanes.writers["ticks"].publish_bytes(one * 1_000)
    tail.read()
    assert tail.lost >= 1_000


def test_a_tail_reads_the_end_of_one_life_of_the_system_and_then_the_next_life(lanes: Lanes) -> None:
    """`engine-ctl down` and `up` make other lanes: a notebook that keeps the old ones shows yesterday for ever."""
    attached = research.attach(lanes.system, to="numpy")
    tail = attached.tail("ticks")
    print_(lanes, 6_000_000)
    lanes.remove()
    assert tail.read()["price"].tolist() == [60_000.0]
    with pytest.raises(research.NotRunningError, match=f"no system '{lanes.system}' runs"):
        tail.read()
    with pytest.raises(research.NotRunningError):
        attached.ticks()
    for name in ("ticks", "instruments"):
        create(lanes.system, f"{name}.feed")
        kind = shm.CellWriter if name == "instruments" else shm.RingWriter
        lanes.writers[name] = kind(f"{lanes.system}.{name}.feed", lane_of(name).record)
    instruments.write(lanes.writers["instruments"], 0, BTC, 0)
    print_(lanes, 6_100_000)
    assert (tail.read()["price"].tolist(), tail.restarts) == ([61_000.0], 1)
    assert attached.ticks()["price"].tolist() == [61_000.0]


def test_a_tail_reads_what_came_just_before_the_end(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its look at the ring and its look at the end: the last records of a life were skipped in silence."""
    tail = research.attach(lanes.system, to="numpy").tail("ticks")
    replaced = shm.RingReader.replaced

    def ends(ring: shm.RingReader) -> bool:
        if shm.names(lanes.system):
            print_(lanes, 6_000_000)
            lanes.remove()
        return replaced(ring)

    monkeypatch.setattr(shm.RingReader, "replaced", ends)
    assert tail.read()["price"].tolist() == [60_000.0]
