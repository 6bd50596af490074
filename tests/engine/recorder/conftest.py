"""A recorder over real lanes of shared memory, and what it wrote."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from engine import instruments
from engine.config.tables import Recorder
from engine.lanes import FEED, open_lanes
from engine.lanes.create import create
from engine.lanes.map import lane_of
from engine.lanes.open import RoleLanes
from engine.model.instrument import Instrument
from engine.model.records import TICK
from engine.recorder.locks import PARTS
from engine.recorder.part import GAP, ROWS, UnfinishedError, parts_of, read_blocks, read_head
from engine.recorder.role import RecorderRole
from tests.engine.conftest import remove_segments

NUMBERS = count()
DAY_NS = 86_400_000_000_000
NOON_NS = 20_000 * DAY_NS + DAY_NS // 2
KEYS = dict(flush_ms=1, cell_ms=1, free_mib=0, seal_seconds=0)  # noqa: C408 - keywords
BTC = Instrument(id=1, venue="binance", symbol="BTCUSDT", base="BTC", quote="USDT", kind="spot", price_decimals=2,
                 size_decimals=3, price_step=1, size_step=1, size_min=1, size_max=10**9, notional_min=0)  # fmt: skip


class Market:
    """A feed's lanes, written by the test."""

    def __init__(self, system: str) -> None:
        """Create them."""
        self.system = system
        for name in ("ticks.feed", "instruments.feed", "book_tops.feed"):
            create(system, name)
        self.lanes = open_lanes(system, FEED, "feed")
        self.ticks = self.lanes.ring_writer("ticks")
        self.cells = self.lanes.cell_writer("instruments")
        self.list(BTC)

    def list(self, *listed: Instrument) -> None:
        """Publish instruments."""
        for index, one in enumerate(listed):
            instruments.write(self.cells, index, one, 1)

    def send(self, number: int, *, at_ns: int = NOON_NS, step_ns: int = 1_000, instrument: int = 1) -> None:
        """Publish ticks: the number of each record in its lane is also its price."""
        reserve = lane_of("ticks").reserve
        while number:
            rows = np.zeros(size := min(number, reserve), TICK.dtype)
            first = self.ticks.cursor
            rows["price"] = np.arange(first, first + size)
            rows["publish_ns"] = at_ns + np.arange(first, first + size) * step_ns
            rows["receive_ns"], rows["size"], rows["instrument"] = rows["publish_ns"] - 5, 7, instrument
            self.ticks.publish_bytes(rows.tobytes())
            number -= size

    def tick(self) -> np.ndarray:
        """One tick, to fill and publish."""
        return np.zeros(1, TICK.dtype)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """A feed's lanes under a name of their own."""
    del tmp_path
    name = f"rec{os.getpid()}n{next(NUMBERS)}"
    made = Market(name)
    yield made
    made.lanes.close()
    remove_segments(name)


Recorders = Callable[..., RecorderRole]


@pytest.fixture
def recorder(market: Market, tmp_path: Path) -> Iterator[Recorders]:
    """Begin a life of the recorder; each ends with the test."""
    lives: list[RecorderRole] = []

    def begin(**keys: object) -> RecorderRole:
        lanes = RoleLanes(market.system, "recorder")
        lives.append(RecorderRole(lanes, Recorder(**{**KEYS, **keys}), tmp_path, None))
        return lives[-1]

    yield begin
    for life in lives:
        if life.sources:
            kill(life)


def kill(life: RecorderRole) -> None:
    """End a life as SIGKILL does: nothing is written, and the kernel frees the lock."""
    for parts in life.parts.values():
        if parts._part is not None:
            os.close(parts._part._file)
    if life.sources:
        os.close(life._lock)
    life.sources.clear()
    life.parts.clear()


def paths(directory: Path, lane: str = "ticks.feed") -> list[Path]:
    """The parts of a lane, oldest first."""
    where = directory / PARTS / lane
    return sorted([*parts_of(where, ".part"), *parts_of(where, ".open")])


def rows(directory: Path, lane: str = "ticks.feed") -> np.ndarray:
    """Every recorded row of a lane."""
    found = []
    for path in paths(directory, lane):
        try:
            head, size = read_head(path)
        except UnfinishedError:  # the recorder writes it at this moment
            continue
        found += [np.frombuffer(one.rows, head.dtype) for one, _ in read_blocks(path, size) if one.kind == ROWS]
    return np.concatenate(found) if found else np.empty(0)


def gaps(directory: Path, lane: str = "ticks.feed") -> list[tuple[int, int, int]]:
    """Every recorded gap of a lane: the first lost number, the one after the last, and the time of the gap."""
    found = []
    for path in paths(directory, lane):
        blocks = read_blocks(path, read_head(path)[1])
        found += [(one.first, one.after, one.end_ns - one.begin_ns) for one, _ in blocks if one.kind == GAP]
    return found
