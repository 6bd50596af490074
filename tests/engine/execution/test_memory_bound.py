"""Execution's memory is bounded: what it keeps of orders that are done does not grow with their number."""

import gc
from collections import Counter
from pathlib import Path
from typing import Any, Self

import pytest

from engine.execution.blotter import DONE_KEPT
from engine.execution.desk import DEADLINES_LEAST
from engine.execution.disk import DirectDisk
from engine.execution.fills import FILLS_KEPT
from engine.execution.order import Order
from engine.model.words import IntentKind
from tests.engine.execution.memory import MS, SECOND, House

BATCH = 200
ORDERS = 100_000
FULL = 50_000  # by then every table has reached its bound
ROWS_KEPT = 4096


class Tail(list[Any]):
    """The rows of a ring that forgets, as a ring does: its length counts them all."""

    first = 0

    def append(self, row: Any) -> None:
        """Keep the newest."""
        super().append(row)
        if super().__len__() > 2 * ROWS_KEPT:
            del self[:ROWS_KEPT]
            self.first += ROWS_KEPT

    def __len__(self) -> int:
        """How many there ever were."""
        return self.first + super().__len__()

    def __getitem__(self, place: Any) -> Any:
        """By its place among all."""
        return super().__getitem__(place - self.first)


class NoLog(bytearray):
    """Bytes that nobody compares."""

    def __iadd__(self, other: Any) -> Self:
        """Keep the last record."""
        self[:] = other
        return self


def reachable(house: House) -> Counter[str]:
    """How many objects of each kind execution holds, its lanes and the venue apart."""
    seen = {id(house.venue), id(house), id(house.role._lanes)}
    waiting, found = [house.role], Counter[str]()
    while waiting:
        one: Any = waiting.pop()
        kind = type(one)
        if id(one) not in seen and not issubclass(kind, type) and not kind.__module__.startswith("tests"):
            seen.add(id(one))
            found[kind.__name__] += 1
            if kind.__name__ not in ("module", "function"):
                waiting.extend(gc.get_referents(one))
    return found


def trade(house: House) -> None:
    """A batch of orders, every second one filled and the others cancelled; each has an hour's time."""
    house.book()
    placed = [house.intent(size=100, timeout_ns=3600 * SECOND) for _ in range(BATCH)]
    house.run(4)
    for intent_id in placed[::2]:
        house.venue.fill(house.role.blotter.by_intent[intent_id].client_id.hex(), 100)
    house.intent(kind=IntentKind.CANCEL_ALL)
    house.run(3)
    house.run(1, 800 * MS)
    forget(house)


def forget(house: House) -> None:
    """The venue in memory keeps what an audit may ask for, and no more."""
    mark = house.role.blotter.watermarks.get(1, 0)
    house.venue.fills = [fill for fill in house.venue.fills if fill["id"] > mark]
    house.venue.orders = dict(list(house.venue.orders.items())[-10 * BATCH :])
    house.venue.outgoing.clear()


@pytest.mark.timeout(600)
def test_a_hundred_thousand_orders_leave_no_more_than_their_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that grows with its orders ends in the middle of a long day."""
    monkeypatch.setattr(DirectDisk, "checkpoint", lambda *_: None)
    limits = {"max_order_rate_per_min": 10**9, "max_position_usd": 10**12}
    house = House(tmp_path, segment_size=1 << 24, limits=limits)
    house.ready()
    for lane in (*house.rings.values(), *house.intents.values()):
        lane.rows, lane.log = Tail(lane.rows), NoLog()
    counts = []
    for batch in range(1, ORDERS // BATCH + 1):
        trade(house)
        if batch * BATCH in (FULL, ORDERS):
            gc.collect()
            counts.append(reachable(house))
    before, after = counts
    assert len(house.role.blotter.done) <= DONE_KEPT + BATCH
    assert len(house.role.blotter.fills[1].trades) <= FILLS_KEPT
    assert len(house.role.desk._deadlines) <= 2 * DEADLINES_LEAST
    assert after[Order.__name__] <= DONE_KEPT + BATCH
    assert after.total() <= before.total() * 1.02, (before, after)
