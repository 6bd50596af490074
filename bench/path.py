"""From a tick's bytes to an order's bytes, through the engine's own processes: each hop beside its budget.

    core 0   venue simulator with its order flow           core 1   feed · strategy · execution, one process, spinning

The engine's roles are built by `engine.runtime` from a configuration, as in production; the real
lanes connect them, and the venue is a process with real sockets. The strategy submits an intent on every book event and
every print (an IOC limit far from the market, so that no order fills). Stamps are the engine clock's, read

    received   when the socket's bytes were read       (the port's receive_ns, carried by every record)
    parse      when the decoded event begins to be published  (the record's publish_ns)
    book       when the feed's step ends: book changed, ticks and top published
    strategy   when the strategy's step ends: intent published, STEPS written
    risk       when the gate has approved and the journal's bytes are made, just before they are kept
    submit     when the order's bytes are handed to the kernel: journalled, made, masked; send(2) is about to be entered
    kernel     when send(2) has returned

`tick_to_order` ends with `kernel`, `tick_to_bytes` with `submit`. On loopback send(2) does the venue's receiving, too,
and wakes it: a network card's queue is shorter. What lies before `received` (the wait in the socket until the round
that reads it, at most a round without work, `idle_round_ns`) is in neither.
An order is counted when it leaves in the same round as its tick, alone, which is what sharing a process means.
"""

import argparse
import importlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.machine import describe, pair
from engine.runtime import IDLE_ROUNDS
from engine.strategy import Book, Strategy

BUDGET_NS = {"parse": 10_000, "book": 5_000, "strategy": 50_000, "risk": 10_000, "submit": 10_000, "kernel": 20_000}
TOTAL_BUDGET_NS = 100_000
ROOT = Path(__file__).resolve().parents[1]
SECONDS, QUICK_SECONDS = 40.0, 3.0
WARM_UP = 300  # orders not counted
START_LIMIT_S = 30.0
FAR_BPS = 300
SIZE = 100
CORE_COMMAND = ("-m", "bench.path")
SYSTEM = """
[system]
name = "{name}"
[[venues]]
name = "binance"
kind = "binance"
stream_url = "ws://127.0.0.1:{port}"
request_url = "http://127.0.0.1:{port}"
order_url = "ws://127.0.0.1:{port}/ws-api/v3"
api_key = {{ env = "BENCH_API_KEY" }}
private_key = {{ file = "{place}/engine.pem" }}
[[instruments]]
id = 1
venue = "binance"
symbol = "BTCUSDT"
"""
CONFIG = (
    SYSTEM
    + """[[strategies]]
name = "prompt"
id = 1
class = "bench.path:Prompt"
instruments = [1]
[risk]
max_order_rate_per_min = 1000000
[[processes]]
name = "core"
roles = ["feed", "prompt", "execution"]
cores = [{core}]
wait = "spin"
"""
)
VENUE = """
[venue]
seed = 7
pulse_seconds = 0.002
[[venue.markets]]
symbol = "BTCUSDT"
base = "BTC"
quote = "USDT"
price_step = "0.01"
size_step = "0.00001"
size_min = "0.00001"
notional_min = "5"
[venue.flows.BTCUSDT]
price = "60000"
interval_ns = 4_000_000
size = "0.5"
[venue.limits]
weight_minute = 10_000_000
orders_10_seconds = 10_000_000
orders_day = 100_000_000
stream_messages_second = 5
"""


class Prompt(Strategy):
    """Submits an intent at every book event and at every print, with a price so far away that it never fills."""

    def on_book(self, book: Book) -> None:
        """One intent, no thought."""
        self.one = book.instrument
        self.price = book.best(1) * (10_000 - FAR_BPS) // 10_000 // self.one.price_step * self.one.price_step
        self.enter(self.one, 1, SIZE, self.price)

    def on_print(self, print_: Any) -> None:  # noqa: ARG002 - the hook's shape
        """The same, once a book was seen."""
        if hasattr(self, "price"):
            self.enter(self.one, 1, SIZE, self.price)


class Stamps:
    """The engine's process, with a clock at every border."""

    def __init__(self, config: Any) -> None:
        """Build the roles as the runtime does, with stamps where a request is journalled and where it is sent."""
        import shm
        from engine import clock, runtime

        self.now = clock.now_ns
        self.handed_ns = self.sent_ns = self.judged_ns = self.orders = self.rounds = 0
        process = config.process("core")
        runtime.place(config, process)
        self.loop = runtime.start(config, process, process.roles)
        self._stamp()
        self.ticks = shm.RingReader(config.lane("ticks", "feed"))

    def _stamp(self) -> None:
        """Put clocks around the journal's and the socket's part of an order's way."""
        journal: Any = self.loop.roles[2].journal  # type: ignore[attr-defined]
        transport: Any = importlib.import_module("engine.venues.wire.transport")
        append, transmit, now = journal.append, transport.transmit, self.now
        journalled = False

        def stamped_append(*arguments: Any) -> None:
            nonlocal journalled
            self.judged_ns, journalled = now(), True
            append(*arguments)

        def stamped_transmit(*arguments: Any) -> Any:
            nonlocal journalled
            handed_ns = now()
            count = transmit(*arguments)
            if journalled:
                self.handed_ns, self.sent_ns, journalled = handed_ns, now(), False
                self.orders += 1
            return count

        journal.append, transport.transmit = stamped_append, stamped_transmit

    def run(self, seconds: float) -> list[tuple[int, ...]]:
        """Rounds until the time is over: each order's way, in nanoseconds between its stamps."""
        import gc

        feed, prompt, execution = self.loop.roles
        now, ways, idle, idle_rounds = self.now, [], self.loop.idle, 0
        gc.collect()
        gc.freeze()
        end_ns = now() + int(seconds * 1e9)
        while (start_ns := now()) < end_ns:
            self.orders = 0
            self.rounds += 1
            work = feed.step(start_ns)
            fed_ns = now()
            work += prompt.step(start_ns)
            decided_ns = now()
            work += execution.step(start_ns)
            idle_rounds = 0 if work else idle_rounds + 1
            if idle_rounds > IDLE_ROUNDS:
                idle(idle_rounds - IDLE_ROUNDS)
            if self.orders == 1:  # of two in one round the second waited for the first
                tick = self.ticks.latest(1)[0]
                received_ns, published_ns = int(tick["receive_ns"]), int(tick["publish_ns"])
                if received_ns >= start_ns:
                    within = (fed_ns, decided_ns, self.judged_ns, self.handed_ns, self.sent_ns)
                    stamps = (received_ns, published_ns, *within)
                    ways.append(tuple(after - before for before, after in itertools.pairwise(stamps)))
        return ways


def core(config_path: str, seconds: float) -> None:
    """The engine's process: run, and print the ways as JSON."""
    from engine.config import load

    stamps = Stamps(load(config_path))
    ways = stamps.run(seconds)
    stamps.loop.close()
    print(json.dumps({"ways": ways, "round_ns": int(seconds * 1e9) // max(1, stamps.rounds)}))


def quantile(values: list[int], share: float) -> int:
    """The quantile: this share of the values is below it."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(
    seconds: float, more: str = "", beside: Callable[[Any], AbstractContextManager[object]] = nullcontext
) -> dict[str, Any]:
    """Start the venue and the engine; return the ways and the mean time of a round (nearly every round is idle).

    `more` is further text of the configuration; `beside(config)` runs while the engine is measured.
    """
    from engine.config import load
    from engine.loopback.server.configuration import ENGINE_KEY
    from engine.supervisor import segments

    venue_core, engine_core = pair()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = Path(tempfile.mkdtemp(prefix="steelyard-bench-"))
    os.environ.update(STEELYARD_RUN_DIRECTORY=str(place), STEELYARD_STATE_DIRECTORY=str(place))
    os.environ["BENCH_API_KEY"] = ENGINE_KEY
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    file, venue_file, name = place / "path.toml", place / "venue.toml", f"bench{os.getpid()}"
    file.write_text(CONFIG.format(name=name, port=port, place=place, core=engine_core) + more)
    venue_file.write_text(VENUE)
    words = ["-m", "engine.loopback.server", "--port", str(port), "--config", str(venue_file)]
    pinned = ["taskset", "-c", str(venue_core), sys.executable]
    command = [*pinned, *words, "--truth", os.devnull, "--ed25519", str(place / "engine.pem")]
    venue = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    config = None
    try:
        assert venue.stdout is not None
        if not venue.stdout.readline():
            raise SystemExit("the venue did not start")
        config = load(str(file))
        config.paths.make()
        segments.create(config)
        engine = [sys.executable, *CORE_COMMAND, "--core", str(file), "--seconds", str(seconds)]
        with beside(config):
            done = subprocess.run(engine, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=seconds + START_LIMIT_S)
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return measured
    finally:
        venue.terminate()
        venue.wait()
        if config is not None:
            segments.remove(config)
        shutil.rmtree(place, ignore_errors=True)


def report(measured: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The figures, and beside each hop its budget."""
    ways: list[list[int]] = measured["ways"]
    counted = ways[min(WARM_UP, len(ways) // 4) :]
    if not counted:
        raise SystemExit("no order left in the round of its tick: nothing was measured")
    totals = [sum(way) for way in counted]
    handed = [sum(way[:-1]) for way in counted]
    hops = {}
    for index, (hop, budget_ns) in enumerate(BUDGET_NS.items()):
        values = [way[index] for way in counted]
        hops[hop] = {"p50_ns": quantile(values, 0.5), "p99_ns": quantile(values, 0.99), "budget_ns": budget_ns}
    venue_core, engine_core = pair()
    return {
        "machine": describe(),
        "placement": f"venue simulator and order flow on core {venue_core}; "
        f"feed, strategy and execution in one spinning process on core {engine_core}",
        "orders": len(counted),
        "seconds": seconds,
        "tick_to_order_p50_ns": quantile(totals, 0.5),
        "tick_to_order_p99_ns": quantile(totals, 0.99),
        "tick_to_order_max_ns": max(totals),
        "tick_to_bytes_p50_ns": quantile(handed, 0.5),
        "tick_to_bytes_p99_ns": quantile(handed, 0.99),
        "idle_round_ns": measured["round_ns"],
        "budget_ns": TOTAL_BUDGET_NS,
        "hops": hops,
    }


def show(figures: dict[str, Any]) -> None:
    """The table."""
    print(figures["machine"])
    print(figures["placement"])
    print(f"{'hop':<12}{'p50 us':>10}{'p99 us':>10}{'budget us':>12}")
    for hop, row in figures["hops"].items():
        print(f"{hop:<12}{row['p50_ns'] / 1e3:>10.1f}{row['p99_ns'] / 1e3:>10.1f}{row['budget_ns'] / 1e3:>12.0f}")
    p50, p99 = figures["tick_to_order_p50_ns"], figures["tick_to_order_p99_ns"]
    print(f"{'tick to order':<13}{p50 / 1e3:>9.1f}{p99 / 1e3:>10.1f}{TOTAL_BUDGET_NS / 1e3:>12.0f}")
    p50, p99 = figures["tick_to_bytes_p50_ns"], figures["tick_to_bytes_p99_ns"]
    print(f"{'tick to bytes':<13}{p50 / 1e3:>9.1f}{p99 / 1e3:>10.1f}   without the kernel's send")
    print(f"a round needs {figures['idle_round_ns'] / 1e3:.1f} us in the mean: a tick waits half of it to be read")
    longest = figures["tick_to_order_max_ns"] / 1e3
    print(f"{figures['orders']:,} orders in {figures['seconds']:.0f} s, longest {longest:.0f} us")


def main() -> None:
    """`python -m bench.path [--json] [--quick]`."""
    parser = argparse.ArgumentParser(prog="python -m bench.path", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS:.0f} s: does it run")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--core", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.core:
        core(options.core, options.seconds)
        return
    seconds = QUICK_SECONDS if options.quick else options.seconds
    figures = report(measure(seconds), seconds)
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)


if __name__ == "__main__":
    main()
