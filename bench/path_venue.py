"""The embedded venue of the benches of orders, with a metronome: trades leave at an exact rate, beside the order flow.

The order flow alone moves the book some ten times a second. A rate above it is made by the metronome: the venue's loop
spins, and whenever the next trade is due it sends one to the listeners of the stream, at the best ask. Such a trade is
in no history and moves no money. The venue keeps every order, so it collects young garbage alone: a whole collection
would pause it longer and longer, and the ticks that are due meanwhile would arrive together.
"""

import argparse
import asyncio
import os
from typing import TYPE_CHECKING

import orjson

from engine import clock, garbage
from engine.loopback.binance.render import text
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.server.configuration import read
from engine.loopback.server.server import VenueServer

if TYPE_CHECKING:
    from engine.loopback.binance.streams import Tape

SECOND_NS, MS = 1_000_000_000, 1_000_000
SYMBOL, SIZE = "BTCUSDT", 100_000
FIRST_ID = 1 << 40  # far from the ids of real trades
LATE_MOST_NS = 100 * MS  # trades that are due longer than this are left out, so that a pause is no burst


class Metronome:
    """Sends trades at an exact rate."""

    def __init__(self, server: VenueServer, rate: int) -> None:
        """Send so many a second; 0: none."""
        self.server, self.interval_ns = server, SECOND_NS // rate if rate else 0
        self.tape: Tape = server.venue._tapes[SYMBOL]  # noqa: SLF001 - a bench of this venue
        self.count = 0

    async def run(self) -> None:
        """Spin, and send what is due."""
        due_ns = clock.now_ns()
        while self.interval_ns:
            await asyncio.sleep(0)
            now_ns = clock.now_ns()
            due_ns = max(due_ns, now_ns - LATE_MOST_NS)
            if now_ns >= due_ns:
                due_ns += self.interval_ns
                self.send(now_ns)

    def send(self, now_ns: int) -> None:
        """Send one trade to everyone who listens."""
        stream, self.count = f"{self.tape.name}@trade", self.count + 1
        ask, _ = self.tape.book.asks.best()
        event = {"e": "trade", "E": now_ns // MS, "s": SYMBOL, "t": FIRST_ID + self.count, "p": text(ask)}
        payload = orjson.dumps({**event, "q": text(SIZE), "T": now_ns // MS, "m": False, "M": True})
        for session in self.tape.hub.listeners(stream):
            session.deliver(stream, payload)
        self.server.flush()


async def serve(server: VenueServer, port: int, rate: int) -> None:
    """Serve until the process is ended."""
    await server.start("127.0.0.1", port)
    garbage.exclude_built()
    print("ready", flush=True)
    await Metronome(server, rate).run()
    await asyncio.Event().wait()


def main() -> None:
    """`python -m bench.path_venue --port PORT --config FILE --ed25519 FILE [--rate RATE]`."""
    parser = argparse.ArgumentParser(prog="python -m bench.path_venue", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--ed25519", required=True)
    parser.add_argument("--rate", type=int, default=0, help="trades a second")
    options = parser.parse_args()
    settings = read(options.config, options.ed25519)
    with open(os.devnull, "wb") as truth:
        venue = BinanceVenue(settings.venue, clock.now_ns(), truth, {})
        server = VenueServer(venue, clock.now_ns, pulse_seconds=settings.pulse_seconds)
        asyncio.run(serve(server, options.port, options.rate))


if __name__ == "__main__":
    main()
