"""Events a second of a simulation by the engine's own roles, with and without orders, on one core.

The strategy is called for every message and reads the best prices. `engine_events_per_s` is with a cancel and an order
every 100 events, with queue position, latency and fees: execution's gate, journal and records are in it.
`engine_quiet_events_per_s` is without an order. The time is the processor's time of the whole call of `simulate`, with
the start of the roles; rounds are interleaved and their median counts. Both runs are compared with `fast`, fill for
fill.
"""

import time
from statistics import median
from typing import Any

from bench.market import BTC
from engine.strategy import BUY, SELL, Book, Strategy, TimeInForce
from research.simulate import Models, Result, simulate
from research.simulate.data.events import LAST, Events

MOST, SIZE = 1_000_000, 1_000


class Quotes(Strategy):
    """Keeps one quote a side, and moves one of them every `EVERY` messages."""

    every = 0

    def on_start(self) -> None:
        """Begin without a quote."""
        self.left, self.side, self.narrow = self.every, BUY, 0
        self.quotes: dict[int, Any] = {}

    def on_book(self, book: Book) -> None:
        """Count narrow books; now and then cancel a quote and place it at the best price."""
        self.narrow += book.best_ask - book.best_bid == 1
        self.left -= 1
        if self.left:
            return
        self.left, side, self.side = self.every, self.side, SELL if self.side == BUY else BUY
        if side in self.quotes:
            self.cancel(self.quotes[side])
        self.quotes[side] = self.place(
            book.instrument, side, SIZE, book.best(side), time_in_force=TimeInForce.POST_ONLY
        )  # fmt: skip


class Quoting(Quotes):
    """A quote for every 100 events of the made market."""

    every = 29


def run(events: Events, kind: type[Strategy], models: Models, speed: str) -> tuple[float, Result]:
    """Events a second of the processor, and the result."""
    before = time.process_time()
    result = simulate(events, kind, instruments=[BTC], models=models, speed=speed)
    return len(events) / (time.process_time() - before), result


def measure(events: Events, rounds: int, models: Models) -> dict[str, Any]:
    """Both figures with their lowest and highest, and what was traded."""
    short = events[: _message_end(events, min(MOST, len(events)))]
    rates: dict[str, list[float]] = {"engine": [], "engine_quiet": []}
    results: dict[str, Result] = {}
    for _ in range(rounds):
        for name, kind in (("engine", Quoting), ("engine_quiet", Quotes)):
            rate, results[name] = run(short, kind, models, "engine")
            rates[name].append(rate)
    quoted, fast = results["engine"], run(short, Quoting, models, "fast")[1]
    names = ["venue_ns", "price", "size", "fee"]
    assert quoted.fills[names].tolist() == fast.fills[names].tolist(), "the two speeds differ"
    found: dict[str, Any] = {f"{name}_events_per_s": round(median(rates[name])) for name in rates}
    found["engine_spread"] = {name: [round(min(one)), round(max(one))] for name, one in rates.items()}
    return found | {"engine_orders": len(quoted.orders), "engine_fills": len(quoted.fills), "engine_events": len(short)}


def _message_end(events: Events, at: int) -> int:
    """The end of the message at a row."""
    while not events[at - 1]["flags"] & LAST:
        at += 1
    return at
