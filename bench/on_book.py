"""How long a book takes from its publication to the first instruction of `on_book`, live.

    python -m bench.on_book [--json] [--quick]

on_book_p50_ns         the feed's pipeline and the strategy's role step in turns in one spinning process, as the runtime
                       steps the roles of a process
on_book_cross_p50_ns   each spins in a process of its own, on two cores; the feed publishes one book every `PAUSE_NS`

From `publish_ns` of the record in BOOKS to a clock read as the first instruction of the hook; both are CLOCK_MONOTONIC.
Diffs of a book of Binance; the lanes are those of a system, in shared memory. The first tenth does not count. A hook
gets the newest book of a step, so a process that did not run for a while sees fewer books than were published
(`…_books`).
"""

import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

import shm
from bench import corpus
from bench.command import output, parser_of
from bench.machine import describe, pair
from bench.process import Channel, Worker, together
from bench.rig import Rig
from engine.lanes import LOOKERS, STRATEGY, Owners, open_lanes
from engine.lanes.create import create, lanes_of
from engine.strategy import Book, Strategy
from engine.strategy.role.lanes import open_strategy_lanes
from engine.strategy.role.role import StrategyRole

NAME, NUMBER = "timed", 1
LEFT_OUT = {"frames", "levels"}  # large rings that neither side opens
BOOKS, QUICK_BOOKS = 50_000, 3_000
PAUSE_NS = 50_000
PATIENCE_NS = 20_000_000_000
DECIMALS = 8


class Timed(Strategy):
    """Notes when its hook was entered, and for which book."""

    def on_start(self) -> None:
        """Begin without a book."""
        self.entered: list[tuple[int, int]] = []

    def on_book(self, book: Book, now: Any = time.monotonic_ns) -> None:
        """Read the clock first."""
        entered_ns = now()
        self.entered.append((book.tick_sequence, entered_ns))


class Reader:
    """The strategy's role, with a reader of when each book was published."""

    def __init__(self, system: str) -> None:
        """Start the role."""
        from engine.strategy.harness import BITCOIN

        self.strategy = Timed((BITCOIN,), None)
        lanes = open_strategy_lanes(open_lanes(system, STRATEGY, NAME), 0)
        self.role = StrategyRole(NAME, NUMBER, self.strategy, lanes)
        self._books = open_lanes(system, LOOKERS).ring_reader("books")
        self._published: list[np.ndarray[Any, np.dtype[Any]]] = []
        self.published = 0
        for _ in range(2):  # its recovery, and its start
            self.role.step(time.monotonic_ns())
        self._books.copy()

    def step(self) -> None:
        """Step the role, then note what was published."""
        if self.role.step(time.monotonic_ns()):
            lost, rows = self._books.copy()
            assert not lost, "the ring of books overtook this bench"
            self._published.append(rows[["tick_sequence", "publish_ns"]].copy())
            self.published += len(rows)

    def delays(self) -> list[int]:
        """Nanoseconds from publication to hook of each book that a hook saw, without the first tenth."""
        rows = np.concatenate(self._published)
        published = dict(zip(rows["tick_sequence"].tolist(), rows["publish_ns"].tolist(), strict=True))
        found = [at_ns - published[sequence] for sequence, at_ns in self.strategy.entered if sequence in published]
        return found[len(found) // 10 :]


@contextmanager
def made_lanes() -> Iterator[str]:
    """The lanes of a system with one strategy."""
    system = f"bench_on_book_{uuid.uuid4().hex[:8]}"
    try:
        for name, lane, _ in lanes_of(Owners((NAME,), (NAME,))):
            if lane.name not in LEFT_OUT:
                create(system, name, wake="never")
        yield system
    finally:
        for name in shm.names(system):
            shm.remove(name)


def one_process(books: int) -> list[int]:
    """The feed's pipeline and the role in turns."""
    frames = corpus.made_diffs(books)
    with made_lanes() as system:
        rig, reader = Rig("binance", corpus.made_snapshot(), DECIMALS, system=system), Reader(system)
        for frame in frames:
            now_ns = time.monotonic_ns()
            rig.pipeline.process([frame], now_ns, now_ns)
            reader.step()
        reader.role.close()
        rig.close()
        return reader.delays()


def two_processes(books: int) -> list[int]:
    """The feed on one core, the role on another."""
    frames, (core, other) = corpus.made_diffs(books), pair()
    with made_lanes() as system:

        def feed(channel: Channel) -> int:
            rig = Rig("binance", corpus.made_snapshot(), DECIMALS, system=system)
            channel.ready()
            due_ns = time.monotonic_ns() + 10 * PAUSE_NS
            for frame in frames:
                while (now_ns := time.monotonic_ns()) < due_ns:
                    pass
                due_ns = now_ns + PAUSE_NS
                rig.pipeline.process([frame], now_ns, now_ns)
            return len(frames)

        def strategy(channel: Channel) -> list[int]:
            reader = Reader(system)
            channel.ready()
            ends_ns = time.monotonic_ns() + PATIENCE_NS
            while time.monotonic_ns() < ends_ns and reader.published < len(frames):
                reader.step()
            return reader.delays()

        found: list[int] = together(Worker(core, feed), Worker(other, strategy))[1]
        return found


def measure(books: int) -> dict[str, Any]:
    """Both figures, with the quartiles."""
    figures: dict[str, Any] = {}
    for name, delays in (("on_book", one_process(books)), ("on_book_cross", two_processes(books))):
        quarters = statistics.quantiles(delays, n=4)
        figures[f"{name}_p50_ns"] = round(quarters[1])
        figures[f"{name}_quartiles_ns"] = [round(quarters[0]), round(quarters[2])]
        figures[f"{name}_books"] = len(delays)
    return figures


def main() -> None:
    """Measure and print."""
    options = parser_of("on_book", __doc__, "fewer books: a look, no figures to publish").parse_args()
    found = {"machine": describe(), **measure(QUICK_BOOKS if options.quick else BOOKS)}
    output(found, options, lambda one: print("\n".join(f"{name:28} {value}" for name, value in one.items())))


if __name__ == "__main__":
    main()
