"""Builds each role of the chaos for each of its lives, exactly as its process builds it.

A role's writes and sends go through `Mortal`, so that it can die at each of them. Compiled code writes the feed's
records straight into its rings: the feed dies at its ports and between its steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from engine.chaos.in_flight import InFlightPort
from engine.chaos.lanes import SystemLanes
from engine.chaos.mortality import Fuse, Mortal
from engine.chaos.network import Network
from engine.execution.build import open_execution_lanes
from engine.execution.config import ExecutionConfig, JournalConfig
from engine.execution.operator import NoOperator
from engine.execution.ports import Beating, ExecutionLanes, ExecutionPorts, OperatorPort
from engine.execution.restore.disk import Disk
from engine.execution.role import Execution
from engine.feed.books.outbox import Outbox
from engine.feed.build import instrument_publisher
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.lanes import EXECUTION, FEED, STRATEGY, open_lanes
from engine.model.instrument import Instrument
from engine.risk.limits import RiskLimits
from engine.role import Role
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.lanes import open_strategy_lanes
from engine.strategy.role.role import StrategyRole
from engine.venues.binance.signing import Ed25519Signer
from engine.venues.binance.trading.reader import BinanceTrading
from engine.venues.binance.trading.session import BinanceSession
from engine.venues.port import RequestPort, StreamPort

VENUE = "binance"
NO_OPTIONS: Mapping[str, Any] = {}
API_KEY = "SteelyardSimulationKey".ljust(64, "0")
EXECUTION_WRITES = ("journal", "verdicts", "orders", "parents", "fills", "steps", "positions", "accepted", "sessions")
TRADING_PATH = "/ws-api/v3"


class Cleanup(list[Callable[[], object]]):
    """What the kernel does for a dead process: it releases its locks, connections and files."""

    def run(self) -> None:
        """Release everything, in the order in which it was acquired."""
        for release in self:
            release()
        self.clear()


Make = Callable[[Fuse, Cleanup], Role]


class Key:
    """The trading key of one run."""

    def __init__(self, seed: int) -> None:
        """Draw the key from the seed."""
        draw = Random(f"key:{seed}")  # noqa: S311 - a chaos must be repeatable
        self.private = Ed25519PrivateKey.from_private_bytes(draw.randbytes(32))
        self.system = UUID(int=draw.getrandbits(128), version=4)

    @property
    def public_pem(self) -> bytes:
        """The public half, for the venue."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def signer(self) -> Ed25519Signer:
        """The private half, for execution."""
        return Ed25519Signer(API_KEY, self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class FeedPorts:
    """The feed's ports, at which it can die."""

    def __init__(self, network: Network, fuse: Fuse, cleanup: Cleanup) -> None:
        """Open ports on this network."""
        self._network, self._fuse, self._cleanup = network, fuse, cleanup

    def stream(self, target: str) -> StreamPort:
        """Open a stream."""
        port = self._network.stream(target)
        self._cleanup.append(port.close)
        return Mortal(port, self._fuse)  # has every method of the wrapped port

    def requests(self) -> RequestPort:
        """Open a port for REST requests."""
        port = self._network.requests()
        self._cleanup.append(port.close)
        return Mortal(port, self._fuse)  # as above


def feed_maker(lanes: SystemLanes, network: Network, instruments: tuple[Instrument, ...], seed: int) -> Make:
    """Builds the feed."""
    symbols = {one.symbol: one.id for one in instruments}

    def make(fuse: Fuse, cleanup: Cleanup) -> Role:
        opened = open_lanes(lanes.system, FEED)
        ticks, books = opened.ring_writer("ticks"), opened.ring_writer("books")
        tops, cells = opened.cell_writer("book_tops"), opened.cell_writer("instruments")
        cleanup.extend(writer.close for writer in (ticks, books, tops, cells))
        config = FeedConfig(VENUE, symbols, seed=seed)
        return Feed(
            config, FeedPorts(network, fuse, cleanup), Outbox(ticks, books, tops), instrument_publisher(cells, VENUE)
        )

    return make


def strategy_maker(
    lanes: SystemLanes, name: str, number: int, index: int, make_strategy: Callable[[], Strategy]
) -> Make:
    """Builds a strategy's role."""

    def make(fuse: Fuse, cleanup: Cleanup) -> Role:
        opened = open_strategy_lanes(open_lanes(lanes.system, STRATEGY, name), index)
        cleanup.append(opened.close)
        mortal = replace(
            opened, intents=tuple(Mortal(lane, fuse) for lane in opened.intents), steps=Mortal(opened.steps, fuse)
        )
        return StrategyRole(name, number, make_strategy(), mortal)

    return make


def execution_maker(
    lanes: SystemLanes,
    network: Network,
    instruments: tuple[Instrument, ...],
    strategies: dict[str, int],
    key: Key,
    directory: Path,
    watch: Callable[[StreamPort], StreamPort],
    make_disk: Callable[[], Disk],
    make_operator: Callable[[], OperatorPort] = NoOperator,
    make_monitor: Callable[[], Beating | None] = lambda: None,
    supervisor_lost_ns: int = 0,
    options: Mapping[str, Any] = NO_OPTIONS,
) -> Make:
    """Builds execution; `watch` wraps its connection and checks every message. Each life gets its own disk.

    `make_operator` is what a life polls for a halt without the supervisor, `make_monitor` the monitor's heartbeat;
    entries stop `supervisor_lost_ns` after the supervisor's last heartbeat, with 0 never. `options` are further keys of
    its configuration.
    """
    config = ExecutionConfig(
        venue=VENUE,
        system=key.system,
        instruments=instruments,
        strategies=dict.fromkeys(strategies.values(), frozenset(one.id for one in instruments)),
        supervisor_lost_ns=supervisor_lost_ns,
        journal=JournalConfig(str(directory), segment_size=1 << 15),
        **{"limits": RiskLimits(max_order_rate_per_min=300), **options},
    )

    def make(fuse: Fuse, cleanup: Cleanup) -> Role:
        def connect(now_ns: int) -> StreamPort:
            del now_ns
            port = network.stream(TRADING_PATH)
            cleanup.append(port.close)
            return watch(InFlightPort(Mortal(port, fuse)))  # as above

        wire = BinanceTrading(list(instruments), key.signer)
        ports = ExecutionPorts(partial(BinanceSession, wire, connect), operator=make_operator(), monitor=make_monitor())
        role = Execution(config, execution_lanes(lanes, strategies, fuse, cleanup), ports, make_disk())
        cleanup.append(role.journal.file.close)  # closes the descriptors; what is in memory is lost
        return role

    return make


def execution_lanes(lanes: SystemLanes, strategies: dict[str, int], fuse: Fuse, cleanup: Cleanup) -> ExecutionLanes:
    """Open execution's lanes as its process does, with every writer wrapped in Mortal."""
    opened = open_execution_lanes(
        open_lanes(lanes.system, EXECUTION), {number: name for name, number in strategies.items()}
    )
    cleanup.extend(closer.close for closer in opened.closers)
    mortal: dict[str, Any] = {name: Mortal(getattr(opened, name), fuse) for name in EXECUTION_WRITES}
    return replace(
        opened, **mortal, closers=(), commands_life=1
    )  # a fixed life, because the ring's random name would change it
