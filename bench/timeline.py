"""What happens to an order and when, from real orders on the embedded venue; beside it a sequential poll loop.

    event    feed, strategy and execution in one spinning process (`bench.path_engine`): the strategy buys and sells in
             turn by IOC orders that fill. Every line has quantiles over the filled orders, from the moment when the
             tick's bytes were read (T+0). `fill` is when the step begins that reads the venue's answer, which has the
             fill in it; `on_fill` is when the strategy's hook is called; `position` is when another process reads it
             in POSITIONS. `after_fill` has the last two from `fill` on, each with a limit of 1 ms
    poll     as most bots do: fetch candles and trades by REST, compute two averages, compare them, place an order by
             REST, each after the other, over one kept connection. Its decision is as old as the oldest trade that it
             had not seen before; `pause_s` is the sleep between two turns

Both read the same venue with the same order flow, in turns.
"""

import atexit
import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

from bench import path
from bench.command import output, parser_of
from bench.machine import describe, pair
from bench.path_engine import Row
from bench.profit import LIMIT_NS, LOOK_S, Turner
from engine import clock
from engine.strategy import Fill

SECONDS, QUICK_SECONDS, TURNS = 15.0, 3.0, 2
PAUSES_S = (0.0, 0.5)
MS, US = 1_000_000, 1_000
LONG, SHORT = 30, 10  # candles of the two averages
WARM_UP = 20
STEPS = ("parse", "book", "strategy", "risk", "submit", "kernel", "fill", "on_fill", "position")
GOALS_US = {"kernel": 70, "fill": 2_000, "position": 2_100}  # T+
LOOKER = "import sys; from bench.timeline import look; look(*sys.argv[1:])"


def look(system: str, core: str, file: str, seconds: str) -> None:
    """A looker's process: when each number of fills was first seen in the account's position."""
    from engine.lanes import LOOKERS, open_lanes

    os.sched_setaffinity(0, {int(core)})
    cells, seen = open_lanes(system, LOOKERS).cell_reader("positions"), 0
    found: dict[int, int] = {}
    end_ns = clock.now_ns() + int(float(seconds) * 1e9)
    while (now_ns := clock.now_ns()) < end_ns:
        row = cells.read(0) if cells.sequence(0) != seen else None
        if row is None:
            time.sleep(LOOK_S)
            continue
        seen = cells.sequence(0)
        found.setdefault(row.fill_count, now_ns)
    Path(file).write_text(json.dumps(found))


class Noting(Turner):
    """The same trades; notes when each fill reached its hook, in the run directory at the end of the process."""

    def on_start(self) -> None:
        """Nothing is noted yet."""
        self.noted: dict[int, int] = {}
        atexit.register(lambda: hooks_file().write_text(json.dumps(self.noted)))

    def on_fill(self, fill: Fill) -> None:
        """Note the time of the intent's first fill."""
        self.noted.setdefault(fill.intent_id, clock.now_ns())


def hooks_file() -> Path:
    """Where the engine's process leaves the times of the hooks."""
    return Path(os.environ["STEELYARD_RUN_DIRECTORY"]) / "hooks.json"


class Event:
    """One measurement of the event-driven way; FILLS is read while the lanes exist."""

    def __init__(self, seconds: float) -> None:
        """Run it."""
        self.seconds = seconds
        self.fills: dict[int, tuple[int, int, int]] = {}  # by intent: the step's time, the hook's, the position's
        text = path.SYSTEM + path.STRATEGY + path.ALL_LIMITS + path.TOGETHER
        text = text.replace("bench.path:Prompt", "bench.timeline:Noting").replace("refuse_self_trade = true\n", "")
        self.rows = path.measure(seconds, "", self.beside, text=text)["rows"]

    @contextmanager
    def beside(self, config: Any) -> Iterator[None]:
        """Look on from another process, and read the records of fills at the end."""
        from engine.lanes import LOOKERS, open_lanes

        file = Path(config.paths.run) / "seen.json"
        words = [config.system.name, str(pair()[0]), str(file), str(self.seconds + path.START_LIMIT_S / 3)]
        looking = subprocess.Popen([sys.executable, "-c", LOOKER, *words], cwd=path.ROOT)
        lanes = open_lanes(config.system.name, LOOKERS)
        fills = lanes.ring_reader("fills")
        fills.cursor = 0
        yield
        looking.wait()
        seen, hooks = (json.loads(one.read_bytes()) for one in (file, hooks_file()))
        for count, row in enumerate(iter(fills.read, None), 1):
            times = row.receive_ns, hooks.get(str(row.intent_id), 0), seen.get(str(count), 0)
            self.fills.setdefault(row.intent_id, times)

    def ways(self) -> Any:
        """Of each filled order that was seen everywhere: T+ of each step."""
        found = []
        for values in self.rows[WARM_UP:].tolist():
            row = Row(*values)
            after = self.fills.get(row.intent, (0,))
            if row.published and all(after):
                found.append([one - row.received for one in (*row[1:7], *after)])
        return np.array(found, np.int64).reshape(-1, len(STEPS))


class Poll:
    """The sequential loop, over one kept connection."""

    def __init__(self, port: int, key: str, pem: Path) -> None:
        """Read this venue with this key."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self.connection, self.key = http.client.HTTPConnection("127.0.0.1", port), key
        self.private: Any = load_pem_private_key(pem.read_bytes(), None)
        self.newest, self.turns = 0, 0

    def get(self, target: str) -> Any:
        """One public question."""
        self.connection.request("GET", target)
        return json.loads(self.connection.getresponse().read())

    def place(self, price: float) -> None:
        """One signed order that never fills."""
        values = {
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.00100",
            "price": f"{price * 0.97:.2f}", "timestamp": time.time_ns() // MS,
        }  # fmt: skip
        query = urllib.parse.urlencode(values)
        signature = base64.b64encode(self.private.sign(query.encode())).decode()
        target = f"/api/v3/order?{query}&signature={urllib.parse.quote(signature)}"
        self.connection.request("POST", target, headers={"X-MBX-APIKEY": self.key})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"the venue refused the poll loop's order: {answer.status} {body.decode()}")

    def turn(self) -> tuple[int, int] | None:
        """Candles, averages, signal, order: how old the oldest new trade was at the decision, and after the order."""
        closes = [float(one[4]) for one in self.get(f"/api/v3/klines?symbol=BTCUSDT&interval=1s&limit={LONG}")]
        trades = [one for one in self.get("/api/v3/trades?symbol=BTCUSDT&limit=100") if one["id"] > self.newest]
        if not trades or not closes:
            return None
        first, self.newest = not self.newest, trades[-1]["id"]
        short, long = sum(closes[-SHORT:]) / len(closes[-SHORT:]), sum(closes) / len(closes)
        decided_ns = time.time_ns()
        self.place(min(short, long))
        began_ns = trades[0]["time"] * MS
        return None if first else (decided_ns - began_ns, time.time_ns() - began_ns)


def poll(seconds: float, pause_s: float) -> list[tuple[int, int]]:
    """The ages of the decisions and of the placed orders of the loop."""
    from engine.loopback.server.configuration import ENGINE_KEY

    place, port, found = Path(tempfile.mkdtemp(prefix="steelyard-bench-")), path.free_port(), []
    try:
        with path.venue_of(place, path.FLOW_RATE, pair()[0], port):
            loop, end_s = Poll(port, ENGINE_KEY, place / "engine.pem"), time.monotonic() + seconds
            while time.monotonic() < end_s:
                if (ages := loop.turn()) is not None:
                    found.append(ages)
                time.sleep(pause_s)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return found


def run(seconds: float, turns: int) -> dict[str, Any]:
    """Both ways in turns."""
    ways: list[Any] = []
    polled: dict[float, list[tuple[int, int]]] = {pause: [] for pause in PAUSES_S}
    for _ in range(turns):
        ways.append(Event(seconds).ways())
        for pause in PAUSES_S:
            polled[pause] += poll(seconds, pause)
    event = np.concatenate(ways)
    if not len(event) or not all(polled.values()):
        raise SystemExit("no order was followed to its position, or the poll loop placed none: nothing was measured")
    steps = {name: spread(event[:, index]) for index, name in enumerate(STEPS)}
    return {
        "machine": describe(), "orders": len(event), "timeline": steps, "after_fill": after_fill(event),
        "poll": {
            str(pause): {"orders": len(ages), "decision": spread([one for one, _ in ages]),
                         "placed": spread([one for _, one in ages])}
            for pause, ages in polled.items()
        },
        "decision_ratio": {
            str(pause): round(spread([one for one, _ in ages])["p50_ns"] / steps["strategy"]["p50_ns"])
            for pause, ages in polled.items()
        },
    }  # fmt: skip


def after_fill(event: Any) -> dict[str, dict[str, float]]:
    """From the fill's step to what follows it: the quantiles, and the share within the limit."""
    ages = {name: event[:, STEPS.index(name)] - event[:, STEPS.index("fill")] for name in ("on_fill", "position")}
    return {name: {**spread(age), "within_limit": float(np.mean(age <= LIMIT_NS))} for name, age in ages.items()}


def spread(values: Any) -> dict[str, int]:
    """Median and p99."""
    return {"p50_ns": path.quantile(values, 0.5), "p99_ns": path.quantile(values, 0.99)}


def show(found: dict[str, Any]) -> None:
    """The timeline as text."""
    print(found["machine"])
    print(f"{found['orders']:,} filled orders, T+ in microseconds\n{'':<12}{'p50':>10}{'p99':>10}{'goal':>10}")
    for name, row in found["timeline"].items():
        print(f"{name:<12}{row['p50_ns'] / US:>10.0f}{row['p99_ns'] / US:>10.0f}{GOALS_US.get(name, ''):>10}")
    for name, row in found["after_fill"].items():
        print(
            f"fill -> {name}: p50 {row['p50_ns'] / US:.0f} us, p99 {row['p99_ns'] / US:.0f} us,"
            f" {row['within_limit']:.2%} within {LIMIT_NS / US:,.0f} us"
        )
    for pause, row in found["poll"].items():
        decision, placed, ratio = row["decision"], row["placed"], found["decision_ratio"][pause]
        print(
            f"poll loop, pause {pause} s: decided after {decision['p50_ns'] / MS:.1f} ms"
            f" (p99 {decision['p99_ns'] / MS:.1f}), placed after {placed['p50_ns'] / MS:.1f} ms:"
            f" {ratio:,} times as long as the event's way to the intent"
        )


def main() -> None:
    """`python -m bench.timeline [--json] [--quick]`."""
    parser = parser_of("timeline", __doc__, "one short turn: does it run")
    options = parser.parse_args()
    found = run(QUICK_SECONDS, 1) if options.quick else run(SECONDS, TURNS)
    output(found, options, show)


if __name__ == "__main__":
    main()
