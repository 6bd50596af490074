"""From a tick's bytes to an order's bytes, through the engine's own processes: each hop beside its budget.

    core 0   embedded venue with its order flow           core 1   feed · strategy · execution, one process, spinning

The engine's roles are built by `engine.runtime` from a configuration, as in production; the real lanes connect them,
and the venue is a process with real sockets. The strategy submits an intent on every book event and every print (an
IOC limit far from the market, so that no order fills). `bench.path_engine` lists the stamps. `tick_to_order` ends
with `kernel`, `tick_to_bytes` with `submit`, `wire_to_intent` with `strategy`. On loopback send(2) does the venue's
receiving, too, and wakes it: a network card's queue is shorter. What lies before `received` (the wait in the socket
until the round that reads it, at most a round without work, `idle_round_ns`) is in none.

Every limit of `[risk]` is on, each with a value above the load; `checks` counts how many were evaluated. At 25 a
second the ticks are those of the venue's order flow; at higher rates a metronome adds trades (`bench.path_venue`).
Every intent is followed: `counted` orders and the first ones (`warm_up`), `refused` ones, and `left_out`, which must
be 0. A hop has the orders whose tick's own round is known.

`separate` has a process for each role, all blocking and on no core of their own, as a configuration without
`[[processes]]`. `nautilus` is NautilusTrader in process at the same rates, from its data client's callback to its
execution client's submit: no wire, no journal (`bench.peers.nautilus_path`). All are measured in turns within one
run. `--long` runs 10^6 ticks at 5 000 a second instead and lists each round longer than 1 ms: a stall is one in which
neither the process's involuntary switches nor the stolen time of its core grew. Each is shown with its parts (the
roles' steps, and the rest of the round), how long the process waited for its core, and its page faults.
"""

import argparse
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.command import output, parser_of
from bench.machine import describe, pair
from bench.path_engine import PARTS, Row
from engine.strategy import Book, Strategy

BUDGET_NS = {"parse": 10_000, "book": 5_000, "strategy": 50_000, "risk": 10_000, "submit": 10_000, "kernel": 20_000}
TOTAL_BUDGET_NS = 100_000
ROOT = Path(__file__).resolve().parents[1]
FLOW_RATE = 25  # orders a second of the order flow alone
RATES = (FLOW_RATE, 1_000, 5_000)
SECONDS, QUICK_SECONDS = 40.0, 3.0
TURN_SECONDS = {25: 16.0, 1_000: 6.0, 5_000: 5.0}  # of a rate, in a turn
TURNS = 2
LONG_TICKS, LONG_RATE = 1_000_000, 5_000
WARM_UP = 300  # orders not counted
START_LIMIT_S = 30.0
FAR_BPS = 300
SIZE = 100
SIZES = 2_000  # different sizes in turn, so that no order repeats another within `duplicate_window_ms`
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
STRATEGY = """[[strategies]]
name = "prompt"
id = 1
class = "bench.path:Prompt"
instruments = [1]
"""
RISK = """[risk]
max_order_rate_per_min = 1000000
"""
ALL_LIMITS = (
    RISK
    + """capital_usd = 100000000
max_position_usd = 50000000
max_order_size_usd = 100000
max_gross_usd = 50000000
max_net_usd = 50000000
sectors = {{ majors = [1] }}
max_sector_usd = 50000000
max_portfolio_concentration = 0.9
max_leverage = 3.0
margin_buffer = 0.05
var_history = "{place}/history.csv"
var_limit_1d_95 = 50000000
max_open_orders = 100000
refuse_self_trade = true
duplicate_window_ms = 100
max_volume_share = {{ share = 1, minutes = 60 }}
max_drawdown_pct = 0.5
max_strategy_drawdown_usd = 1000000
margin_call_threshold = 0.05
max_daily_loss_usd = 1000000
max_strategy_daily_loss_usd = 1000000
max_loss_streak = 1000
flash_crash = {{ move_pct = 0.5, seconds = 10 }}
max_ack_p99_ms = 10000
max_heartbeat_p99_ms = 10000
"""
)
TOGETHER = """[[processes]]
name = "core"
roles = ["feed", "prompt", "execution"]
cores = [{core}]
wait = "spin"
"""
SEPARATE = """[[processes]]
name = "feed"
roles = ["feed"]
[[processes]]
name = "prompt"
roles = ["prompt"]
[[processes]]
name = "core"
roles = ["execution"]
"""
CONFIG = SYSTEM + STRATEGY + RISK + TOGETHER
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
DAY_MS, HISTORY_DAYS = 86_400_000, 300


class Prompt(Strategy):
    """Submits an intent at every book event and at every print, with a price so far away that it never fills."""

    turn = 0

    def on_book(self, book: Book) -> None:
        """One intent, no thought."""
        self.one = book.instrument
        self.price = book.best(1) * (10_000 - FAR_BPS) // 10_000 // self.one.price_step * self.one.price_step
        self.turn = (self.turn + 1) % SIZES
        self.enter(self.one, 1, SIZE + self.turn, self.price)

    def on_print(self, print_: Any) -> None:  # noqa: ARG002 - the hook's shape
        """The same, once a book was seen."""
        if hasattr(self, "price"):
            self.turn = (self.turn + 1) % SIZES
            self.enter(self.one, 1, SIZE + self.turn, self.price)


@contextmanager
def venue_of(place: Path, rate: int, core: int | None, port: int) -> Iterator[None]:
    """The venue's process, whose metronome adds what the order flow lacks of this rate."""
    (place / "venue.toml").write_text(VENUE)
    words = ["--port", str(port), "--config", str(place / "venue.toml"), "--ed25519", str(place / "engine.pem")]
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pinned, sys.executable, "-m", "bench.path_venue", *words, "--rate", str(max(0, rate - FLOW_RATE))]
    venue = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert venue.stdout is not None
        if not venue.stdout.readline():
            raise SystemExit("the venue did not start: its error is above")
        yield
    finally:
        venue.terminate()
        venue.wait()


@contextmanager
def roles_of(config: Any, names: tuple[str, ...]) -> Iterator[None]:
    """The processes of a system beside the measured one."""
    words = [sys.executable, "-m", "engine.runtime", "--config", config.path, "--process"]
    started = [subprocess.Popen([*words, name], cwd=ROOT, stderr=subprocess.DEVNULL) for name in names]
    try:
        yield
    finally:
        for one in started:
            one.terminate()
        for one in started:
            one.wait()


def write_history(file: Path) -> None:
    """A file of daily closes up to today, for the value at risk."""
    today = int(time.time()) * 1000 // DAY_MS
    days = range(today - HISTORY_DAYS, today)
    file.write_text("time_ms,symbol,close\n" + "".join(f"{one * DAY_MS},BTCUSDT,{60_000 + one % 7}\n" for one in days))


def measure(
    seconds: float,
    more: str = "",
    beside: Callable[[Any], AbstractContextManager[object]] = nullcontext,
    *,
    rate: int = FLOW_RATE,
    text: str = CONFIG,
    pinned: bool = True,
    warm_seconds: float = 0.0,
) -> dict[str, Any]:
    """Start the venue and the engine; return the rows and the counts.

    `more` is further text of the configuration; `beside(config)` runs while the engine is measured. Orders of the first
    `warm_seconds` are not counted.
    """
    from engine.clock import OFFSET_VARIABLE, measure_offset_ns
    from engine.config import load
    from engine.loopback.server.configuration import ENGINE_KEY
    from engine.supervisor import segments

    venue_core, engine_core = pair()
    place = Path(tempfile.mkdtemp(prefix="steelyard-bench-"))
    os.environ.update(
        STEELYARD_RUN_DIRECTORY=str(place), STEELYARD_STATE_DIRECTORY=str(place), BENCH_API_KEY=ENGINE_KEY,
        PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    )  # fmt: skip
    os.environ[OFFSET_VARIABLE] = str(measure_offset_ns())  # one clock for all, as the supervisor hands it out
    write_history(place / "history.csv")
    file, port, rows = place / "path.toml", free_port(), place / "rows"
    file.write_text(text.format(name=f"bench{os.getpid()}", port=port, place=place, core=engine_core) + more)
    config = None
    try:
        with venue_of(place, rate, venue_core if pinned else None, port):
            config = load(str(file))
            config.paths.make()
            segments.create(config)
            words = ["--core", str(file), "--seconds", str(seconds), "--warm", str(warm_seconds), "--rows", str(rows)]
            with beside(config):
                command = [sys.executable, "-m", "bench.path", *words]
                subprocess.run(command, cwd=ROOT, check=True, timeout=seconds + warm_seconds + START_LIMIT_S)
            counts: dict[str, Any] = json.loads((place / "counts").read_bytes())
            found = np.fromfile(rows, np.int64).reshape(-1, len(Row._fields))
            return {**counts, "rows": found}
    finally:
        os.environ.pop(OFFSET_VARIABLE, None)
        if config is not None:
            segments.remove(config)
        shutil.rmtree(place, ignore_errors=True)


def free_port() -> int:
    """A port that no process uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def quantile(values: Any, share: float) -> int:
    """The quantile: this share of the values is below it."""
    return int(sorted(values)[min(len(values) - 1, int(len(values) * share))])


def report(measured: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The figures of the single process, and beside each hop its budget."""
    return {
        "machine": describe(), "placement": placement_of(), "seconds": seconds, "budget_ns": TOTAL_BUDGET_NS,
        **figures(measured),
    }  # fmt: skip


def placement_of() -> str:
    """Which process is on which core."""
    venue_core, engine_core = pair()
    return (
        f"venue and its order flow on core {venue_core}; "
        f"feed, strategy and execution in one spinning process on core {engine_core}"
    )


def figures(measured: dict[str, Any]) -> dict[str, Any]:
    """The figures of one rate."""
    warm = min(WARM_UP, len(measured["rows"]) // 4)
    rows = measured["rows"][warm:]
    if not len(rows):
        raise SystemExit("no order left: nothing was measured")
    ways = {"tick_to_bytes": rows[:, 5] - rows[:, 0], "tick_to_order": rows[:, 6] - rows[:, 0]}
    known = rows[rows[:, 1] > 0]
    if len(known):
        ways["wire_to_intent"] = known[:, 3] - known[:, 0]
    found: dict[str, Any] = {
        "orders": len(rows), "counted": len(rows), "warm_up": warm, "refused": measured["refused"],
        "left_out": measured["left_out"], "ticks": measured["ticks"], "checks": measured["checks"],
        "idle_round_ns": measured["round_ns"],
    }  # fmt: skip
    for name, values in ways.items():
        ordered = np.sort(values)
        found |= {f"{name}_{short}_ns": quantile_of(ordered, share) for short, share in SHARES.items()}
        found[f"{name}_max_ns"] = int(ordered[-1])
    found["hops"] = {}
    for index, (hop, budget_ns) in enumerate(BUDGET_NS.items() if len(known) else ()):
        ordered = np.sort(known[:, index + 1] - known[:, index])
        p50_ns, p99_ns = quantile_of(ordered, 0.5), quantile_of(ordered, 0.99)
        found["hops"][hop] = {"p50_ns": p50_ns, "p99_ns": p99_ns, "budget_ns": budget_ns}
    return found


SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


def quantile_of(ordered: Any, share: float) -> int:
    """The quantile of sorted values."""
    return int(ordered[min(len(ordered) - 1, int(len(ordered) * share))])


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The measurements of several turns as one; the first orders of each turn are not counted."""
    sums = {name: sum(one[name] for one in parts) for name in ("refused", "left_out", "ticks", "checks")}
    return {
        **sums, "rows": np.concatenate([one["rows"] for one in parts]),
        "round_ns": quantile([one["round_ns"] for one in parts], 0.5),
        "stalls": [stall for one in parts for stall in one["stalls"]],
    }  # fmt: skip


def separate(seconds: float) -> dict[str, Any]:
    """The same system with a process for each role, at the rate of the order flow."""
    text = SYSTEM + STRATEGY + ALL_LIMITS + SEPARATE
    return measure(seconds, "", lambda config: roles_of(config, ("feed", "prompt")), text=text, pinned=False)


def nautilus(rate: int, seconds: float) -> list[int] | None:
    """NautilusTrader's times at this rate, None where it is not installed."""
    if importlib.util.find_spec("nautilus_trader") is None:
        return None
    words = ["taskset", "-c", str(pair()[1]), sys.executable, "-m", "bench.peers.nautilus_path"]
    done = subprocess.run(
        [*words, "--rate", str(rate), "--seconds", str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, check=True,
        timeout=seconds + 2 * START_LIMIT_S,
    )  # fmt: skip
    return [int(one) for one in json.loads(done.stdout.splitlines()[-1])]


def run(rates: tuple[int, ...], turns: int, scale: float) -> dict[str, Any]:
    """Every rate, the separate processes and NautilusTrader, in turns."""
    text = SYSTEM + STRATEGY + ALL_LIMITS + TOGETHER
    found: dict[int, list[dict[str, Any]]] = {rate: [] for rate in rates}
    peer: dict[int, list[int]] = {rate: [] for rate in rates}
    apart = []
    for _ in range(turns):
        for rate in rates:
            seconds = TURN_SECONDS.get(rate, 6.0) * scale
            found[rate].append(measure(seconds, rate=rate, text=text))
            peer[rate] += nautilus(rate, seconds) or []
        apart.append(separate(TURN_SECONDS[FLOW_RATE] * scale))
    apart_figures = figures(joined(apart))
    return {
        "machine": describe(), "placement": placement_of(), "turns": turns, "budget_ns": TOTAL_BUDGET_NS,
        "rates": {
            str(rate): {**figures(joined(parts)), "long_rounds": long_rounds(parts)} for rate, parts in found.items()
        },
        "separate": {name: value for name, value in apart_figures.items() if name not in ("hops", "idle_round_ns")},
        "nautilus": {str(rate): spread(times) for rate, times in peer.items() if times},
    }  # fmt: skip


def spread(times: list[int]) -> dict[str, int]:
    """The quantiles of NautilusTrader's times."""
    ordered = np.sort(times)
    return {f"{short}_ns": quantile_of(ordered, share) for short, share in SHARES.items()} | {"orders": len(times)}


def long_rounds(parts: list[dict[str, Any]]) -> dict[str, int]:
    """How many rounds were longer than 1 ms, and in how many of them the machine did nothing to the process."""
    rounds = [stall for one in parts for stall in one["stalls"]]
    return {
        "count": len(rounds),
        "stalls": len(stalls_of(rounds)),
        "longest_ns": max((one["round_ns"] for one in rounds), default=0),
    }


def stalls_of(rounds: list[dict[str, int]]) -> list[dict[str, int]]:
    """The long rounds that the machine does not explain."""
    return [one for one in rounds if not one["switches"] and not one["steal"]]


def run_long(ticks: int) -> dict[str, Any]:
    """So many ticks at 5 000 a second in the single process, and every round longer than 1 ms."""
    seconds = ticks / LONG_RATE
    measured = measure(seconds, rate=LONG_RATE, text=SYSTEM + STRATEGY + ALL_LIMITS + TOGETHER)
    rounds = measured["stalls"]
    return {
        "machine": describe(), "placement": placement_of(), "seconds": seconds,
        "rates": {str(LONG_RATE): figures(measured)}, "long_rounds": rounds, "stalls": stalls_of(rounds),
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    """The table."""
    print(found["machine"])
    print(found["placement"])
    for rate, row in found["rates"].items():
        show_rate(int(rate), row)
    if apart := found.get("separate"):
        print(f"\na process for each role, {FLOW_RATE} a second: {line(apart, 'tick_to_order')}")
    for rate, row in found.get("nautilus", {}).items():
        print(f"NautilusTrader, no wire, {int(rate):,} a second: {texts(row, '', SHARES)}")
    for one in sorted(found.get("long_rounds", ()), key=lambda one: bool(stalls_of([one]))):
        print(long_round_text(one))
    if "stalls" in found:
        print(f"{len(found['stalls'])} stalls, {len(found['long_rounds'])} rounds longer than 1 ms")


def long_round_text(one: dict[str, int]) -> str:
    """A long round in one line: its parts, and what the machine did meanwhile."""
    parts = ", ".join(f"{name.removesuffix('_ns')} {one[name] / 1e6:.2f}" for name in PARTS)
    why = "STALL" if stalls_of([one]) else f"by the machine ({one['switches']} switches, {one['steal']} ticks stolen)"
    waited = f"waited {one['waited_ns'] / 1e6:.2f} ms for the core, {one['page_faults']} page faults"
    return f"a round of {one['round_ns'] / 1e6:.2f} ms ({parts}): {why}; {waited}"


def show_rate(rate: int, row: dict[str, Any]) -> None:
    """The table of one rate."""
    print(
        f"\n{rate:,} orders a second: {row['counted']:,} counted, {row['left_out']} left out, {row['refused']} refused"
    )
    print(f"{row['ticks']:,} ticks were published, {row['checks']:,} checks of risk were evaluated")
    print(f"{'hop':<14}{'p50 us':>10}{'p99 us':>10}{'budget us':>12}")
    for hop, one in row["hops"].items():
        print(f"{hop:<14}{one['p50_ns'] / 1e3:>10.1f}{one['p99_ns'] / 1e3:>10.1f}{one['budget_ns'] / 1e3:>12.0f}")
    for name in ("wire_to_intent", "tick_to_bytes", "tick_to_order"):
        print(f"{name.replace('_', ' '):<14}{line(row, name)}")
    print(f"a round needs {row['idle_round_ns'] / 1e3:.1f} us in the mean: a tick waits half of it to be read")


def line(row: dict[str, Any], name: str) -> str:
    """The quantiles of a way."""
    return texts(row, f"{name}_", (*SHARES, "max"))


def texts(row: dict[str, Any], prefix: str, shorts: Iterable[str]) -> str:
    """These quantiles of a row in microseconds."""
    return ", ".join(f"{short} {row[f'{prefix}{short}_ns'] / 1e3:.1f}" for short in shorts) + " us"


def main() -> None:
    """`python -m bench.path [--json] [--quick] [--long] [--rate RATE …]`."""
    parser = parser_of("path", __doc__, "one short turn: does it run")
    parser.add_argument(
        "--long", action="store_true", help=f"{LONG_TICKS:,} ticks at {LONG_RATE:,} a second, and every long round"
    )
    parser.add_argument(
        "--rate", type=int, action="append", help="orders a second, several times; default 25, 1000, 5000"
    )
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--warm", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--core", help=argparse.SUPPRESS)
    parser.add_argument("--rows", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.core:
        from bench.path_engine import run as run_core

        run_core(options.core, "core", options.seconds, options.warm, Path(options.rows))
        return
    if options.long:
        found = run_long(LONG_TICKS // 50 if options.quick else LONG_TICKS)
    else:
        found = run(tuple(options.rate or RATES), 1 if options.quick else TURNS, 0.25 if options.quick else 1.0)
    output(found, options, show)


if __name__ == "__main__":
    main()
