"""The short way against the desk's: the same intents, and every lane, the journal and the wire the same to the byte."""

import os
import random
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest

import shm
from engine.book import spread_bps
from engine.execution.intents.intake import apply_book
from engine.execution.journal.journal import read_journal
from engine.execution.journal.journal_record import checksums, pack_record
from engine.model import records
from engine.model.words import BUY, SELL, BookState, CommandKind, IntentKind, OrderState, OrderType
from engine.risk.market import Top
from tests.engine.execution.memory import MS, OTHER, SECOND, STRATEGY, House, Ring

CUT_AT_ONCE = 100910  # the seed of a drive whose session is cut after its first order
ARRAYS = tuple((0,) * 10 for _ in range(4))


class LongWay:
    """An express that is closed."""

    def send(self, *_: Any) -> None:
        """Leave everything to the desk."""


def drive(house: House, seed: int) -> None:
    """Intents of every kind, sound and unsound, while books, connection and operator change."""
    random_ = random.Random(seed)

    def mostly(usual: int, *others: int) -> int:
        return usual if random_.random() < 0.9 else random_.choice(others)

    for _ in range(150):
        for _ in range(random_.randint(0, 3)):
            strategy = random_.choice((STRATEGY, OTHER))
            house.intent(
                side=random_.choice((BUY, SELL)), size=mostly(1_000, 0, 1, 100_000, 10**12), strategy=strategy,
                price=mostly(5_999_000, 0, 5_990_000, 6_000_100, 7_000_000), instrument=mostly(1, 2, 3),
                order_type=mostly(1, 2, 3, 9), time_in_force=mostly(1, 2, 3, 4, 0), timeout_ns=mostly(0, 5 * MS),
                ttl_ns=mostly(SECOND, 0, 1), now_ns=house.now_ns - mostly(0, MS, 2 * SECOND),
                kind=mostly(IntentKind.PLACE, *IntentKind),
                target_id=strategy << 40 | max(1, house.counts[strategy] - random_.randint(0, 3)),
            )  # fmt: skip
        if random_.random() < 0.3:
            house.book(state=random_.choice((BookState.GOOD,) * 5 + (BookState.SUSPECT,)))
        if random_.random() < 0.01:
            house.venue.cut()
        if random_.random() < 0.1:
            house.command(random_.choice((CommandKind.HALT, *(CommandKind.RESUME,) * 4)))
        house.run(random_.randint(1, 3), random_.choice((MS, 30 * MS)))


def trade_at_last(house: House) -> None:
    """Sound limit orders of both strategies, once a halt is lifted and a cut's doubts are over.

    Without them a drive in which the session is cut early has every order refused until its end: after a cut, no
    order leaves until the fate of those in flight is known, which lasts their whole window, longer than a drive.
    """
    house.command(CommandKind.RESUME)
    house.settle(10)
    house.book()
    for strategy, side, price in ((STRATEGY, BUY, 5_999_000), (OTHER, SELL, 6_001_000)):
        house.intent(strategy=strategy, side=side, price=price)
    house.run(5)


def reported(house: House, directory: Path) -> dict[str, Any]:
    """Everything that left this execution."""
    lanes = {name: bytes(ring.log) for name, ring in house.rings.items()}
    return lanes | {"wire": list(house.venue.outgoing), "file": list(read_journal(directory))}


@pytest.mark.parametrize("disk", ["after", "before"])
@pytest.mark.parametrize("seed", [CUT_AT_ONCE, None])
def test_the_short_way_leaves_the_same_bytes_as_the_long_one(tmp_path: Path, seed: int | None, disk: str) -> None:
    """What is journalled, sent and published must not depend on the way of an order."""
    compare_ways(tmp_path, random.randrange(1 << 32) if seed is None else seed, disk)


@pytest.mark.soak
def test_the_short_way_leaves_the_same_bytes_over_many_seeds(tmp_path: Path) -> None:
    """One difference in a thousand drives is still a difference."""
    first = random.randrange(1 << 31)
    for seed in range(first, first + 2_000):
        compare_ways(tmp_path / str(seed), seed, ("after", "before")[seed % 2])
        shutil.rmtree(tmp_path / str(seed))


def compare_ways(tmp_path: Path, seed: int, disk: str) -> None:
    """Drive two executions by one seed, one without the short way, and compare everything that left them."""
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    results = []
    for way in ("short", "long"):
        house = House(tmp_path / way, strategies=(STRATEGY, OTHER), disk=disk)
        house.ready()
        if way == "long":
            house.role.desk._express = LongWay()  # type: ignore[assignment]
        drive(house, seed)
        trade_at_last(house)
        house.settle(10)  # beyond the time after which "no such order" is believed
        house.check_truth()
        taken = sum(order.order_type == OrderType.LIMIT for order in house.role.blotter.orders.values())
        assert taken >= 2, f"{way} way: no order was placed, nothing is compared"
        results.append(reported(house, tmp_path / way))
        house.role.close()
    short, long = results
    for name in long:
        assert short[name] == long[name], name


def test_the_common_order_takes_the_short_way(tmp_path: Path) -> None:
    """A way that is never used is equal without proving anything."""
    house = House(tmp_path)
    house.ready()
    desk = house.role.desk
    desk.on_intent = None  # type: ignore[assignment, method-assign]
    order = house.place()
    assert order.state == OrderState.OPEN


def test_warming_leaves_no_trace(tmp_path: Path) -> None:
    """It runs an order's code between orders: a byte or a number that it left would be an order without an intent."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    results = []
    for way in ("warm", "cold"):
        house = House(tmp_path / way, strategies=(STRATEGY, OTHER))
        house.role.warm(house.now_ns)
        house.ready()
        step = house.role.step

        def warmed(now_ns: int, role: Any = house.role, step: Any = step) -> int:
            for _ in range(3):
                role.warm(now_ns)
            return int(step(now_ns))

        if way == "warm":
            house.role.step = warmed  # type: ignore[method-assign]
        drive(house, seed)
        house.settle(5)
        results.append(reported(house, tmp_path / way))
    warm, cold = results
    for name in cold:
        assert warm[name] == cold[name], name


def test_what_could_not_be_sent_is_in_doubt(tmp_path: Path) -> None:
    """By the journal it may have left, so execution must ask the venue."""
    house = House(tmp_path)
    house.ready()
    house.intent()
    house.role.session.place = lambda *_: False  # type: ignore[method-assign]
    house.role.step(house.now_ns)
    (order,) = house.role.blotter.live.values()
    assert order.state == OrderState.UNKNOWN
    del house.role.session.place
    house.settle(10)
    assert order.state == OrderState.REJECTED or not order.live
    house.check_truth()


@pytest.mark.parametrize("size", [64, 80, 112, 128, 256, 4096])
def test_the_checksum_is_zlibs(size: int) -> None:
    """A reader on another machine checks with zlib."""
    for _ in range(50):
        data = os.urandom(size)
        assert checksums(data) == (zlib.crc32(data),) * 2


def test_a_record_of_every_payload_length_is_whole() -> None:
    """Nothing of an earlier record may remain after a short payload."""
    for size in range(297):
        payload = os.urandom(size)
        whole = pack_record(7, -8, 3, payload)
        bare = whole[:20] + bytes(4) + whole[24:]
        assert int.from_bytes(whole[20:24], "little") == zlib.crc32(bare)
        assert (whole[24 : 24 + size], whole[24 + size :]) == (payload, bytes(296 - size))
    with pytest.raises(AssertionError):
        pack_record(7, 8, 3, bytes(297))


@pytest.mark.parametrize("bids", [0, 1, 10])
@pytest.mark.parametrize("asks", [0, 1, 10])
def test_a_top_from_bytes_is_the_rows(bids: int, asks: int) -> None:
    """A price read from the wrong place would be traded on."""
    ring, top = Ring("books"), Top()
    bid, ask = (6_000_000, *range(9)), (6_000_100, *range(9))
    sides, spread = (bid, ARRAYS[0], ask, ARRAYS[1]), spread_bps(bid[0] if bids else 0, ask[0] if asks else 0)
    ring.publish(77, 2, 3, 4, 5, 0.5, spread, 9, BookState.GOOD, bids, asks, 0, 6, *sides, (0,) * 7)
    assert apply_book(bytes(ring.log), {9: top}) == 9
    both = bids and asks
    assert (top.bid, top.ask) == (6_000_000 if bids else 0, 6_000_100 if asks else 0)
    assert (top.state, top.receive_ns) == (BookState.GOOD if both else BookState.EMPTY, 77)
    assert str(top.spread_bps) == str(spread)
    assert apply_book(bytes(ring.log), {1: top}) == 0
    assert apply_book(shm.Lapped(0, 5), {9: top}) == -1
    assert len(ring.log) == records.BOOK_TOP.size
