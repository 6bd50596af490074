"""Start the embedded venue: `python -m engine.loopback.server --port 0 --seed 7 --truth FILE [--config FILE]`.

It prints one line of JSON when it is ready, and stops on SIGTERM or SIGINT. On SIGHUP it reads the keys of the
configuration again: those that the file no longer has are rejected.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import IO

import orjson

from engine import clock
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.paper.settings import PaperSettings, markets_of, system_of, traded_at
from engine.loopback.paper.venue import open_paper
from engine.loopback.past import past_orders
from engine.loopback.server.configuration import ServerSettings, read
from engine.loopback.server.server import VenueServer
from engine.loopback.truth import past_gains


def main() -> None:
    """Read the command line and serve until a signal."""
    parser = argparse.ArgumentParser(prog="engine.loopback.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default 0: a free port, printed when ready")
    parser.add_argument("--seed", type=int, help="used instead of the configuration's seed")
    parser.add_argument("--truth", help="append the truth log to this file, and continue its balances")
    parser.add_argument("--config", help="a TOML file with a [venue] table")
    parser.add_argument("--ed25519", metavar="FILE", help="the engine account's private key; created when missing")
    parser.add_argument("--paper", metavar="SYSTEM.toml", help="fill orders on the market data of this running system")
    parser.add_argument("--venue", default="", help="with --paper: the venue of that system, if several have accounts")
    words = parser.parse_args()
    settings = read(words.config, words.ed25519)
    if words.seed is not None:
        settings = replace(settings, venue=replace(settings.venue, seed=words.seed))
    if not settings.venue.first_id:  # ids of an earlier run must not be used again: clients identify fills by them
        settings = replace(settings, venue=replace(settings.venue, first_id=clock.now_ns() // 1_000_000))
    with contextlib.ExitStack() as stack:
        try:
            make = _paper_venue if words.paper else _flow_venue
            venue = make(words, settings.venue, stack)
        except (OSError, ValueError) as error:
            parser.exit(1, f"{error}\n")
        read_keys = partial(_read_keys, venue, words.config, words.ed25519)
        asyncio.run(serve(venue, settings, words.host, words.port, read_keys))


def _flow_venue(words: argparse.Namespace, settings: VenueSettings, stack: contextlib.ExitStack) -> BinanceVenue:
    """The venue with a market of its own."""
    gains, truth = _truth(words.truth, stack)
    return BinanceVenue(settings, clock.now_ns(), truth, gains)


def _paper_venue(words: argparse.Namespace, settings: VenueSettings, stack: contextlib.ExitStack) -> BinanceVenue:
    """The venue on the real market of a running system."""
    config, paper = system_of(words.paper), PaperSettings.read(words.config)
    markets = markets_of(config, traded_at(config, words.venue), settings, paper)
    gains, truth = _truth(words.truth, stack)
    past = past_orders(words.truth, markets.settings.markets) if words.truth else []
    return open_paper(markets, paper.queue, clock.now_ns(), truth, gains, past)


def _truth(path: str | None, stack: contextlib.ExitStack) -> tuple[dict[tuple[str, str], int], IO[bytes] | None]:
    """What an earlier life gained, and the log to continue."""
    if not path:
        return {}, None
    return past_gains(path), stack.enter_context(open(path, "ab"))


async def serve(
    venue: BinanceVenue, settings: ServerSettings, host: str, port: int, on_hangup: Callable[[], None]
) -> None:
    """Serve until a signal that ends it."""
    server = VenueServer(venue, clock.now_ns, pulse_seconds=settings.pulse_seconds, ping_seconds=settings.ping_seconds)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
    port = await server.start(host, port)
    sys.stdout.buffer.write(orjson.dumps(_ready(settings, host, port), option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()
    await stopped.wait()
    await server.stop()


def _read_keys(venue: BinanceVenue, config: str | None, ed25519_file: str | None) -> None:
    """Give the venue the keys of the configuration as it is now."""
    try:
        venue.set_keys(read(config, ed25519_file).venue.keys)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{config}: {error}; the keys from before stay valid\n")


def _ready(settings: ServerSettings, host: str, port: int) -> dict[str, object]:
    """The line for clients: addresses, seed and keys."""
    return {
        "host": host,
        "port": port,
        "rest": f"http://{host}:{port}",
        "stream": f"ws://{host}:{port}",
        "api": f"ws://{host}:{port}/ws-api/v3",
        "seed": settings.venue.seed,
        "keys": [
            {"key": key.name, "account": key.account, "kind": "hmac" if key.public is None else "ed25519"}
            for key in settings.venue.keys
        ],
    }


if __name__ == "__main__":
    main()
