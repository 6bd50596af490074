"""Systems of one feed process and the venues on loopback that it speaks to."""

import gc
import os
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import shm
from tests.engine.feed.live.engine_process import PATIENCE, Engine, Venue
from tests.engine.feed.live.speakers import BinanceWire, CoinbaseWire, KrakenWire
from tests.engine.feed.live.wire import LiveServer, Wire

Serve = Callable[[str, Wire, tuple[str, ...]], Venue]
Start = Callable[..., Engine]
SYMBOLS = {
    "binance": ("BTCUSDT", "ETHUSDT"),
    "usdm": ("BTCUSDT", "ETHUSDT"),
    "coinbase": ("BTC-USD", "ETH-USD"),
    "kraken": ("BTC/USD", "ETH/USD"),
}


@pytest.fixture
def seed() -> int:
    """A seed; printed, so that a failure can be had again by setting LIVE_SEED."""
    chosen = int(os.environ.get("LIVE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"LIVE_SEED={chosen}")  # noqa: T201 - pytest shows it with the failure
    return chosen


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a wire at a port, as a venue of a configuration."""
    servers: list[LiveServer] = []

    def make(name: str, wire: Wire, symbols: tuple[str, ...]) -> Venue:
        servers.append(LiveServer(wire))
        product = "usdm" if isinstance(wire, BinanceWire) and wire.futures else "spot"
        kind = {BinanceWire: "binance", CoinbaseWire: "coinbase", KrakenWire: "kraken"}[type(wire)]
        return Venue(name, kind, servers[-1], symbols, product)

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a system over these venues."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    system = f"t{uuid.uuid4().hex[:12]}"
    engines: list[Engine] = []

    def make(*venues: Venue, feed: str = PATIENCE, role: str = "feed", others: Sequence[Venue] = ()) -> Engine:
        engines.append(Engine(tmp_path, system, list(venues), feed, role, others))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()
    gc.collect()
    for name in [*shm.names(system), *shm.names(system, aside=True)]:
        shm.remove(name)


def wire_of(kind: str, seed: int, symbols: tuple[str, ...] = ()) -> Wire:
    """A venue of a kind."""
    symbols = symbols or SYMBOLS[kind]
    if kind == "coinbase":
        return CoinbaseWire(seed, symbols)
    if kind == "kraken":
        return KrakenWire(seed, symbols)
    return BinanceWire(seed, symbols, "usdm" if kind == "usdm" else "spot")
