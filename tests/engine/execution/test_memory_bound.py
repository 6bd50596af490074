"""Execution's memory is bounded: what it keeps of orders that are done does not grow with their number."""

import gc
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.execution.intents import desk
from engine.execution.operator import POLL_NS
from engine.execution.orders import blotter, fills
from engine.execution.orders.order import Order
from engine.execution.restore.disk import DirectDisk
from engine.execution.venue import strangers
from engine.lanes.memory import MemoryReader
from engine.model.words import SELL, IntentKind, OrderState, Reason
from engine.venues.binance.trading import requests
from engine.venues.binance.trading.stages import FRAMES_MOST
from tests.engine.execution.memory import MS, SECOND, House, Ring

BATCH = 100
ANSWERED = 2 + 3 * BATCH // FRAMES_MOST  # steps in which every message about a batch is read
WRITTEN = ("journal", "verdicts", "orders", "fills", "steps")


class Sink:
    """A ring without a reader: it counts its records and keeps none."""

    def __init__(self, ring: Ring) -> None:
        """In the place of one that is empty."""
        self.ring = ring
        self.cursor = 0

    def publish(self, *_: object) -> bool:
        """One record."""
        self.cursor += 1
        return True

    def publish_bytes(self, buffer: bytes) -> bool:
        """Whole records."""
        self.cursor += len(buffer) // self.ring.codec.record.size
        return True

    def reader(self) -> MemoryReader:
        """A reader of nothing."""
        return self.ring.reader()


def reachable(house: House) -> Counter[str]:
    """How many objects of each kind execution holds; its lanes, the venue, and what reads the logs apart."""
    seen = {id(house.venue), id(house), id(house.role._lanes)}
    waiting, found = [house.role], Counter[str]()
    while waiting:
        one: Any = waiting.pop()
        kind = type(one)
        if id(one) not in seen and not issubclass(kind, type) and not kind.__module__.startswith("tests"):
            seen.add(id(one))
            found[kind.__name__] += 1
            if kind.__name__ not in ("module", "function", "Logger"):
                waiting.extend(gc.get_referents(one))
    return found


def trade(house: House) -> None:
    """A batch of orders, every second one filled and the others cancelled; each has an hour's time."""
    house.book()
    placed = [house.intent(size=100, timeout_ns=3600 * SECOND) for _ in range(BATCH)]
    house.run(ANSWERED)
    for intent_id in placed[::2]:
        house.venue.fill(house.role.blotter.newest[intent_id].client_id.hex(), 100)
    house.intent(kind=IntentKind.CANCEL_ALL)
    house.run(ANSWERED)


def refused(house: House) -> int:
    """An entry, and time for its verdict."""
    house.book()
    intent_id = house.intent()
    house.run(3)
    return intent_id


def forget(house: House) -> None:
    """The venue in memory keeps what an audit may ask for, and no more."""
    mark = int(house.role.blotter.watermarks.get(1, b"0"))
    house.venue.fills = [fill for fill in house.venue.fills if fill["id"] > mark]
    house.venue.orders = dict(list(house.venue.orders.items())[-20 * BATCH :])
    house.venue.outgoing.clear()


def grown(house: House, orders: int, each_ns: int) -> Counter[str]:
    """What execution holds after so many more orders, a batch every `each_ns`."""
    for _ in range(orders // BATCH):
        trade(house)
        house.run(1, each_ns)
        forget(house)
    gc.collect()
    house.role.desk._sweep()  # between two sweeps the deadlines grow to twice what is left by one
    return reachable(house)


def new_house(directory: Path) -> House:
    """Execution among lanes that keep nothing."""
    house = House(directory, segment_size=1 << 24, limits={"max_order_rate_per_min": 10**9, "max_position_usd": 10**12})
    house.kill()
    for name in WRITTEN:
        house.put(name, Sink(Ring(name)))  # type: ignore[arg-type]
    house.role = house.live()
    house.ready()
    return house


@pytest.fixture(autouse=True)
def no_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are another process's memory."""
    monkeypatch.setattr(DirectDisk, "checkpoint", lambda *_: None)


def check_flat(house: House, before: Counter[str], after: Counter[str]) -> None:
    """Nothing grew, and each table is within its bound."""
    assert len(house.role.blotter.done) <= blotter.DONE_KEPT + BATCH
    assert len(house.role.blotter.fills[1].trades) <= fills.FILLS_KEPT
    assert len(house.role.desk._deadlines) <= 2 * desk.DEADLINES_LEAST
    assert after[Order.__name__] <= blotter.DONE_KEPT + BATCH
    assert after.total() <= before.total() * 1.02, (before, after)


def test_what_is_kept_of_done_orders_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that grows with its orders ends in the middle of a long day; here with bounds soon reached."""
    for where, name in ((blotter, "DONE_KEPT"), (fills, "FILLS_KEPT"), (desk, "DEADLINES_LEAST")):
        monkeypatch.setattr(where, name, 6 * BATCH)  # more than the batches between two audits
    house = new_house(tmp_path)
    house.role.desk._sweep_at = 6 * BATCH
    before = grown(house, 16 * BATCH, 7 * SECOND)
    check_flat(house, before, grown(house, 16 * BATCH, 7 * SECOND))


def test_done_orders_are_forgotten_a_few_in_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of them at once held up the intents that came next: that was the p99 at thousands of orders a second."""
    house = new_house(tmp_path)
    trade(house)
    done = house.role.blotter.done
    monkeypatch.setattr(blotter, "DONE_KEPT", BATCH // 2)
    kept = [len(done)]
    while len(done) > BATCH // 2:
        house.run(1)
        kept.append(len(done))
    assert kept[0] == BATCH
    assert all(0 < before - after <= blotter.FORGOTTEN_MOST for before, after in pairwise(kept))
    assert len(house.role.blotter.orders) == len(house.role.blotter.newest) == kept[-1]


def test_entries_stop_while_the_venue_lists_no_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Fills that no listing has gone past are never forgotten: what is kept of them must end somewhere."""
    monkeypatch.setattr(fills, "FILLS_KEPT", 2)
    monkeypatch.setattr(fills, "UNAUDITED_MOST", 4)
    house = House(tmp_path)
    house.ready()
    house.venue.fault("myTrades", *["unknown_not"] * 10_000)
    for _ in range(5):
        house.venue.fill(house.place(size=100).client_id.hex(), 100)
        house.run(3)
    assert house.verdict(refused(house)) == Reason.FILLS_UNAUDITED
    assert "the venue's listing of fills cannot be read: only exits are sent" in caplog.messages
    house.run(POLL_NS // MS)
    assert house.cells["gate"].read(0).exits_only == Reason.FILLS_UNAUDITED
    way_out = house.intent(side=SELL, price=6_000_000, size=500)
    house.run(3)
    assert house.verdict(way_out) == Reason.APPROVED
    house.restart()
    assert house.role.blotter.overdue == {1}
    house.venue.faults.clear()
    house.ready()
    house.settle(40)
    house.book()
    assert "the venue's listing of fills was read again: orders are sent" in caplog.messages
    assert len(house.role.blotter.fills[1].trades) <= fills.FILLS_KEPT
    assert house.place().state == OrderState.OPEN


def test_fills_that_wait_for_an_owner_are_listed_no_further_than_their_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue that lists fills without their orders would fill the memory with everything that others traded."""
    page, most = 5, 20
    monkeypatch.setattr(strangers, "HELD_MOST", most)
    monkeypatch.setattr(requests, "FILLS_LIMIT", page)
    house = House(tmp_path)
    house.ready()
    house.venue.lose_events = 10**6
    house.venue.fault("order.status", *["unknown_not"] * 10_000)
    for number in range(100):
        house.venue.foreign(client_id=f"web_{number}")
        house.venue.fill(f"web_{number}", 500)
    house.settle(100)
    held = [fill for fills_of_one in house.role.strangers._held.values() for fill in fills_of_one]
    assert most <= len(held) < most + page
    house.venue.faults.clear()
    house.settle(60)
    assert not house.role.strangers.waiting
    assert int(house.role.blotter.watermarks[1]) == int(house.venue.fills[-1]["id"]), (
        "all of them were listed in the end"
    )


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_orders_leave_no_more_than_their_bounds(tmp_path: Path) -> None:
    """The same with the bounds as they are."""
    house = new_house(tmp_path)
    before = grown(house, 50_000, 800 * MS)
    check_flat(house, before, grown(house, 50_000, 800 * MS))
