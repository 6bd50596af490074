"""A venue on real sockets for the clients' tests."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from engine import clock
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.server.server import VenueServer

SEED = 20261121
Serve = Callable[..., Any]


@asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[tuple[VenueServer, int]]:
    """A server with the default markets, its books and money checked after every event."""
    settings = replace(VenueSettings(seed=SEED, check=True), **changes)
    server = VenueServer(BinanceVenue(settings, clock.now_ns()), clock.now_ns, pulse_seconds=0.002)
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.stop()


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a test's coroutine, a minute at most: no test hangs; writes the seed for a failure's sake."""
    sys.stdout.write(f"seed {SEED}\n")

    def within(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(asyncio.wait_for(work, 60))

    return within
