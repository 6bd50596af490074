"""How many events a second a simulation runs through, on one core, beside other simulators.

    python -m bench.simulate [--json] [--events 10000000] [--rounds 3] [--no-peers] [--simulation-only]

An event is one level change or one print of a made market (`bench.market`: seeded, 9:1); a message of n levels is n
events. The strategy is called for every event and reads the best prices. `python` is a plain class of
`engine.strategy`, `compiled` the sample Watcher, `orders` the sample Quoter: a cancel and an order every 100 events,
with queue position, latency and fees. A run's time is the processor's time of the whole call of `simulate`, with the
check of its data. Rounds are interleaved; the median counts, with the lowest and the highest beside it.
`last_tenth_ratio` is the rate of the last tenth of a run over that of its first, of a strategy that trades every few
events (`fills_behind` fills).

`bars` is a moving-average cross on arrays of bars (`bench/bars.py`), `engine` the same run by the engine's own roles
(`bench/simulate_engine.py`), `variants_speedup_64` what one pass over the data saves (`bench/variants.py`, over a fifth
of the events). `history_rows_per_s`, `hot_rows_per_s` and
`recorder_records_per_s` are those of `bench/history.py`, with fewer rows and shorter rates; `on_book_p50_ns` and
`on_book_cross_p50_ns` those of `bench/on_book.py`; the sweep's those of `bench/sweep.py`. `--simulation-only` leaves
these out. `capture` has the figures of a simulation over a recorded market (`bench/capture.py`, STEELYARD_CAPTURES),
null without one.

Peers run in a process of their own, with the Python of `.bench-venv`, over the same rows. A peer that cannot run is
named in `peers_missing` with the reason. A key of a figure that does not exist yet is null.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import bars, history, on_book, simulate_engine, sweep, variants
from bench.capture import recorded
from bench.machine import describe, pair
from bench.market import BTC, made
from bench.peers.simulators import PEERS
from engine.model.instrument import Instrument
from engine.strategy import Book, Strategy
from research.simulate import Constant, Fees, Models, Queue, Result, save, simulate
from research.simulate.data.events import Events
from research.simulate.samples import Quoter, Taker, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
EVENTS, ROUNDS, PYTHON_SHARE, EVERY, TAKE_EVERY = 10_000_000, 3, 5, 100, 6
LATENCY_NS = 1_000_000
MODELS = Models(Constant(LATENCY_NS), Constant(LATENCY_NS), Fees.flat("0.0002", "0.0005"), Queue("power"))
ELSEWHERE = (
    "history_rows_per_s", "hot_rows_per_s", "recorder_records_per_s", "on_book_p50_ns", "on_book_cross_p50_ns",
    "sweep_speedup_2", "machine_speedup_2", "variants_per_s_1",
)  # fmt: skip
STORED_ROWS, RATE_SECONDS, BOOKS = 4_000_000, 1.5, 20_000  # of the benches of others, so that all end in minutes
QUICK_ROWS, QUICK_SECONDS, QUICK_BOOKS, FULL = 200_000, 0.3, 2_000, 1_000_000
PEER_TIMEOUT_S = 300


class Reader(Strategy):
    """Reads the best prices at every event."""

    def on_start(self) -> None:
        """Begin to count."""
        self.narrow = 0

    def on_book(self, book: Book) -> None:
        """Count the books whose spread is one price step."""
        if book.best_ask - book.best_bid == 1:
            self.narrow += 1


def run(events: Events, strategy: Any, instrument: Instrument = BTC) -> tuple[float, Result]:
    """Events a second of the processor, and the result."""
    before = time.process_time()
    result = simulate(events, strategy, instruments=[instrument], models=MODELS, called="event")
    return len(events) / (time.process_time() - before), result


def measure(events: Events, rounds: int) -> dict[str, Any]:
    """Every figure of a simulation of ours over the made market."""
    short = events[: _message_end(events, len(events) // PYTHON_SHARE)]
    found = simulated(events, short, BTC, 1_000, rounds)
    found |= variants.measure(short, MODELS, rounds)
    return {**found, **bars.measure(events, rounds), **linearity(events, rounds)}


def simulated(events: Events, short: Events, instrument: Instrument, size: int, rounds: int) -> dict[str, Any]:
    """The rates of the three strategies; the plain one over the short events."""
    contenders: dict[str, Callable[[], tuple[float, Result]]] = {
        "python": lambda: run(short, Reader, instrument),
        "compiled": lambda: run(events, Watcher(), instrument),
        "orders": lambda: run(events, Quoter(size, EVERY), instrument),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    results: dict[str, Result] = {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            rate, results[name] = contender()
            rates[name].append(rate)
    found: dict[str, Any] = {f"{name}_events_per_s": round(median(rates[name])) for name in contenders}
    spread = {name: [round(min(found)), round(max(found))] for name, found in rates.items()}
    quoted = results["orders"]
    counted = {"orders": len(quoted.orders), "orders_fills": len(quoted.fills), "events": len(events)}
    return {**found, "spread": spread, **counted}


def of_capture(rounds: int) -> dict[str, Any] | None:
    """The figures of a recorded market; None without one."""
    market = recorded()
    if market is None:
        return None
    size = 10**market.instrument.size_decimals // 100  # 0.01, as over the made market
    found = simulated(market.events, market.events, market.instrument, size, rounds)
    return {"name": market.name, **found, **bars.measure(market.events, rounds)}


def elsewhere(*, quick: bool) -> dict[str, Any]:
    """The figures of the recorder, the history, the live hook and the sweep, from their own benches."""
    rows, seconds = (QUICK_ROWS, QUICK_SECONDS) if quick else (STORED_ROWS, RATE_SECONDS)
    usual, (core, other) = os.sched_getaffinity(0), pair()
    os.sched_setaffinity(0, {core})
    try:
        found = {**history.rate_without_loss(seconds, other), **history.reading(rows)}
    finally:
        os.sched_setaffinity(0, usual)
    found |= on_book.measure(QUICK_BOOKS if quick else BOOKS)
    found |= sweep.figures(quick=quick)
    return {name: found.get(name) for name in ELSEWHERE}


def linearity(events: Events, rounds: int) -> dict[str, Any]:
    """The rate of the last tenth of a run over that of the first, with many fills behind it."""
    ratios, fills = [], 0
    for _ in range(2 * rounds - 1):
        taker = Taker(1_000, TAKE_EVERY, len(events) // 10)
        fills = len(run(events, taker)[1].fills)
        tenths = [after - before for before, after in zip(taker.stamps, taker.stamps[1:], strict=False)]
        ratios.append(tenths[0] / tenths[9 if len(tenths) > 9 else -1])
    spread = [round(min(ratios), 3), round(max(ratios), 3)]
    return {"last_tenth_ratio": round(median(ratios), 3), "last_tenth_spread": spread, "fills_behind": fills}


def _message_end(events: Events, at: int) -> int:
    """The end of the message at a row."""
    while not events[at - 1]["flags"] & 1:
        at += 1
    return at


def peers(events: Events) -> tuple[dict[str, Any], dict[str, str]]:
    """The figures of each peer, and why others have none."""
    found, missing = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.npy"
        save(path, events)
        for name in PEERS:
            outcome = _peer(name, path)
            (found if isinstance(outcome, dict) else missing)[name] = outcome
    return found, missing  # type: ignore[return-value]


def _peer(name: str, path: Path) -> dict[str, Any] | str:
    """One peer's figures, or why it has none."""
    python = ROOT / ".bench-venv" / "bin" / "python"
    if not python.exists():
        return "no .bench-venv: make setup-bench"
    command = [str(python), "-m", "bench.peers.simulators", name, str(path)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PEER_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"ran for over {PEER_TIMEOUT_S} s"
    if done.returncode:
        return f"{(done.stderr.strip().splitlines() or ['ended without a word'])[-1]} ({' '.join(command[1:4])})"
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one object instead of lines")
    parser.add_argument("--events", type=int, default=EVENTS, help="of the made market")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--no-peers", action="store_true", help="only our own figures")
    text = "without the figures of the recorder, the history, the live hook, the sweep and a capture"
    parser.add_argument("--simulation-only", action="store_true", help=text)
    options = parser.parse_args()
    if options.events < 1_000 or options.rounds < 1:
        parser.error(f"--events {options.events} --rounds {options.rounds}: expected at least 1000 events and 1 round")
    alone, report = options.simulation_only, {"machine": describe(), **dict.fromkeys(ELSEWHERE)}
    report |= {} if alone else elsewhere(quick=options.events < FULL)  # before the events take the memory
    events = made(options.events)
    report |= {**measure(events, options.rounds), **simulate_engine.measure(events, options.rounds, MODELS)}
    report["capture"] = None if alone else of_capture(options.rounds)
    report["peers"], report["peers_missing"] = ({}, {}) if options.no_peers else peers(events)
    print(json.dumps(report) if options.json else _lines(report))


def _lines(report: dict[str, Any]) -> str:
    """The figures as lines."""
    return "\n".join(f"{name:24} {value}" for name, value in report.items() if value is not None)


if __name__ == "__main__":
    main()
