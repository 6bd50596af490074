"""What the role alerts costs the way from a tick to an order: without it, with it, and while its endpoint hangs.

    core 0   venue simulator · alerts
    core 1   feed · strategy · execution, one process, spinning (bench/path.py)

Alerts has more to do here than it ever should: a cause that lasts all the time is made into a message at every check
(4 a second), each is sent or queued, and the queue is written to the disk. The three are measured in turn, round by
round; a ratio is that of one round's figures, so that a machine that changes its speed changes both. The medians of the
rounds are printed with their range.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import path
from bench.command import output, parser_of
from bench.machine import describe, pair

SECONDS, ROUNDS, QUICK_SECONDS = 8.0, 4, 2.0
HANG_S = 30.0
WITHOUT, WITH, HANGING = "without", "with", "hanging"
FIGURES = ("tick_to_order_p50_ns", "tick_to_order_p99_ns")
TABLE = """
[[processes]]
name = "alerts"
roles = ["alerts"]
cores = [{core}]
[alerts]
disk_free_mib = 1_000_000_000
repeat_ms = 1
repeat_cap_ms = 1
[[alerts.targets]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:{port}/"
"""


class Endpoint:
    """Accepts messages, or answers none of them in time."""

    def __init__(self, delay_s: float) -> None:
        """Listen in threads of this process."""
        self.begun = 0
        self.first, self.ended = threading.Event(), threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def log_message(self, *_: object) -> None:
                """Print nothing."""

            def do_POST(self) -> None:
                """Answer a message."""
                endpoint.begun += 1
                endpoint.first.set()
                endpoint.ended.wait(delay_s)
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


class Role:
    """The role in a process, as a supervisor starts it, and the share of a core that it uses."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Send to this endpoint."""
        self.endpoint, self.cpu_pct = endpoint, 0.0

    @contextmanager
    def beside(self, config: Any) -> Iterator[None]:
        """Run the role; its start is over when the first message arrives."""
        words = [sys.executable, "-m", "engine.runtime", "--config", config.path, "--process", "alerts"]
        process = subprocess.Popen(words, cwd=path.ROOT, stderr=subprocess.DEVNULL)
        try:
            if not self.endpoint.first.wait(path.START_LIMIT_S):
                raise SystemExit("no message of the role alerts arrived: nothing was measured")
            began_s, used_s = time.monotonic(), cpu_s(process.pid)
            yield
            self.cpu_pct = 100 * (cpu_s(process.pid) - used_s) / (time.monotonic() - began_s)
        finally:
            process.kill()
            process.wait()


def cpu_s(pid: int) -> float:
    """The processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(mode: str, seconds: float) -> dict[str, Any]:
    """The figures of one mode in one round."""
    if mode == WITHOUT:
        return figures(path.measure(seconds), seconds)
    endpoint = Endpoint(HANG_S if mode == HANGING else 0.0)
    try:
        table = TABLE.format(core=pair()[0], port=endpoint.server.server_address[1])
        role = Role(endpoint)
        found = figures(path.measure(seconds, table, role.beside), seconds)
        return {**found, "messages": endpoint.begun, "cpu_pct": role.cpu_pct}
    finally:
        endpoint.close()


def figures(measured: dict[str, Any], seconds: float) -> dict[str, int]:
    """The two figures that are compared."""
    found = path.report(measured, seconds)
    return {name: found[name] for name in FIGURES}


def compare(rounds: list[dict[str, dict[str, Any]]], mode: str) -> dict[str, Any]:
    """A mode's figures, and their ratios to the mode without the role."""
    found: dict[str, Any] = {name: median(one[mode][name] for one in rounds) for name in FIGURES}
    if mode != WITHOUT:
        for name in FIGURES:
            ratios = sorted(one[mode][name] / one[WITHOUT][name] for one in rounds)
            short = name.removeprefix("tick_to_order_").removesuffix("_ns")
            found[f"{short}_ratio"] = round(median(ratios), 3)
            found[f"{short}_ratio_range"] = [round(ratios[0], 3), round(ratios[-1], 3)]
        found["messages"] = sum(one[mode]["messages"] for one in rounds)
        found["cpu_pct"] = round(median(one[mode]["cpu_pct"] for one in rounds), 2)
    return found


def report(seconds: float, count: int) -> dict[str, Any]:
    """All rounds; the order of the modes turns from round to round."""
    modes = (WITHOUT, WITH, HANGING)
    rounds = []
    for number in range(count):
        turn = number % len(modes)
        rounds.append({mode: measure(mode, seconds) for mode in (*modes[turn:], *modes[:turn])})
    venue_core, engine_core = pair()
    return {
        "machine": describe(),
        "placement": f"venue simulator and alerts on core {venue_core}; "
        f"feed, strategy and execution in one spinning process on core {engine_core}",
        "rounds": count,
        "seconds": seconds,
        **{mode: compare(rounds, mode) for mode in modes},
    }


def show(found: dict[str, Any]) -> None:
    """The table."""
    print(found["machine"])
    print(found["placement"])
    print(f"{'alerts':<10}{'p50 us':>9}{'p99 us':>9}{'p50 ratio':>11}{'p99 ratio':>11}   range of both")
    for mode in (WITHOUT, WITH, HANGING):
        row = found[mode]
        line = f"{mode:<10}{row[FIGURES[0]] / 1e3:>9.1f}{row[FIGURES[1]] / 1e3:>9.1f}"
        if mode != WITHOUT:
            line += f"{row['p50_ratio']:>11.3f}{row['p99_ratio']:>11.3f}"
            line += f"   {row['p50_ratio_range']} {row['p99_ratio_range']}, alerts used {row['cpu_pct']} % of a core"
        print(line)


def main() -> None:
    """`python -m bench.alerts [--json] [--quick]`."""
    parser = parser_of("alerts", __doc__, f"one round of {QUICK_SECONDS:.0f} s: does it run")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    found = report(QUICK_SECONDS, 1) if options.quick else report(options.seconds, options.rounds)
    output(found, options, show)


if __name__ == "__main__":
    main()
