"""Execution on real shared memory: its lanes by the map, and a life after a death in them."""

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import shm
from engine.execution.build import hold, open_execution_lanes, read_or_make_uuid
from engine.execution.config import ExecutionConfig, JournalConfig
from engine.execution.ports import ExecutionPorts
from engine.execution.role import Execution
from engine.lanes import EXECUTION, FEED, LOOKERS, Owners, lane_of, open_lanes
from engine.lanes.create import create, lanes_of
from engine.model.words import OrderState
from engine.venues.binance.signing import Ed25519Signer
from engine.venues.binance.trading.reader import BinanceTrading
from engine.venues.binance.trading.session import BinanceSession
from tests.engine.execution.memory import BTC, MS, START_NS, STRATEGY, SYSTEM
from tests.engine.execution.venue_double import KEY_PEM, FakeVenue


@pytest.fixture
def system() -> Iterator[str]:
    """Every lane of a system with one strategy."""
    name = f"t{secrets.token_hex(4)}"
    for full, lane, _ in lanes_of(Owners(("maker",), (EXECUTION,))):
        create(name, full, lane)
    yield name
    for path in Path("/dev/shm").glob(f"steelyard.{name}.*"):
        path.unlink()


def live(system: str, directory: Path, venue: FakeVenue) -> Execution:
    """A life of execution on these lanes."""
    config = ExecutionConfig(
        venue="binance",
        system=SYSTEM,
        instruments=(BTC,),
        strategies={STRATEGY: frozenset({1})},
        journal=JournalConfig(str(directory), "after", 1 << 16),
    )
    wire = BinanceTrading([BTC], Ed25519Signer("key", KEY_PEM))
    ports = ExecutionPorts(partial(BinanceSession, wire, venue.connect))
    return Execution(config, open_execution_lanes(open_lanes(system, EXECUTION), {STRATEGY: "maker"}), ports)


def test_an_order_lives_through_a_death_on_real_lanes(system: str, tmp_path: Path) -> None:
    """The same bytes as in memory: intent in by the lossless lane, order and verdict out, journal back."""
    venue = FakeVenue(("BTCUSDT",))
    role = live(system, tmp_path, venue)
    intents = open_lanes(system, "strategy", "maker").ring_writer("intents")
    intents.follow(open_lanes(system, LOOKERS).cell_reader("accepted"), 0)
    books = open_lanes(system, FEED).ring_writer("books")
    orders = open_lanes(system, LOOKERS).ring_reader("orders")
    verdicts = open_lanes(system, LOOKERS).ring_reader("verdicts")
    now_ns = START_NS

    def run(count: int) -> None:
        nonlocal now_ns
        for _ in range(count):
            now_ns += MS
            venue.advance(now_ns)
            role.step(now_ns)

    def book() -> None:
        zeros = (0,) * 9
        sides = ((6_000_000, *zeros), (1, *zeros), (6_000_100, *zeros), (1, *zeros))
        assert books.publish(now_ns, now_ns, 0, 0, 0, 0.0, 0.0, 1, 1, 1, 1, 0, 1, *sides, (0,) * 7)

    run(60)
    book()
    intent_id = STRATEGY << 40 | 1
    fields = (intent_id, 0, now_ns, 10**9, 0, 0, 5_999_000, 1000, 0, STRATEGY, 1, 1, 1, 1, 1, 0, 0, 0.0, (0, 0, 0, 0))
    assert intents.publish(*fields)
    run(10)
    assert [row.reason for row in verdicts.rows()] == [0]
    assert [row.state for row in orders.rows()] == [OrderState.SENT, OrderState.OPEN]
    (client_id,) = venue.orders
    role.close()
    venue.cut()
    venue.fill(client_id, 1000)
    role = live(system, tmp_path, venue)
    run(100)
    assert role.blotter.newest[intent_id].state == OrderState.FILLED
    position = open_lanes(system, LOOKERS).cell_reader("positions").read(1)
    assert (position.size, position.strategy) == (1000, STRATEGY)
    fills = shm.RingReader(f"{system}.fills.execution", lane_of("fills").record, cursor=0)
    assert [row.client_id for row in fills.rows()] == [bytes.fromhex(client_id)]
    role.close()


def test_the_uuid_of_an_account_is_made_once(tmp_path: Path) -> None:
    """Another one would make our own orders foreign."""
    assert read_or_make_uuid(tmp_path / "uuid") == read_or_make_uuid(tmp_path / "uuid")


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    """Two systems that were given one directory would write into each other's records."""
    lock = hold(tmp_path / "journal")
    with pytest.raises(ValueError, match="written by another execution"):
        hold(tmp_path / "journal")
    lock.close()
    hold(tmp_path / "journal").close()
