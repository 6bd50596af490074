"""How long the engine is without one of its parts: real processes, a real supervisor, kill(2) and SIGSTOP.

    venue        the embedded venue with its order flow, a process of its own that is not killed
    engine       `engine-ctl up`: guard, supervisor, feed, aggregation, execution, and a strategy
                 that submits an intent at each book

    restart         from kill(2) to the successor's first step with all its lanes open: the time of
                    its first RUNNING beat
    frozen_noticed  from SIGSTOP to the death of the frozen process, which the supervisor kills
    execution_ready from kill(2) to the first verdict on an intent, with RESTING open orders in the journal. Until the
                    venue has answered every query, the correct verdict is NOT_RECONCILED or VENUE_NOT_CONNECTED.
                    `venue_wait` is the time from there to the first approved intent. It is 0 where the strategy submits
                    nothing before execution reads its intents: then the verdict's time includes the venue's answers
    cold_start      from the exec of `engine-ctl up` to its end: every process runs, and orders can be sent
    router          the same of configs/routed.toml, whose three venues and three accounts run on
    pss             the proportional set size of each role's process, without the shared segments
    halt, cancels_out  from the store of the halt word to the last order and to the last of 100 cancels: `bench/halt.py`

All deaths are first deaths (`death_window_ms = 1`): a process that dies again and again is started with delays.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import shm
from bench import halt
from bench.command import output, parser_of
from bench.machine import describe
from bench.path import SYSTEM, VENUE
from engine.config import Config, load
from engine.loopback.server.configuration import ENGINE_KEY
from engine.model.words import OrderState, Reason, RoleState, SessionState

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
OWN_VENUE = re.compile(r'\[\[processes\]\]\nname = "venue".*?(?=\[\[processes\]\])', re.DOTALL)  # of demo.toml
ROLES = {"feed": "feed", "strategy": "prober", "execution": "execution", "aggregation": "aggregation"}  # kind: name
COUNT, LONG_COUNT, QUICK_COUNT = 100, 1000, 3
FREEZES, READIES, COLD_STARTS = 20, 20, 5
RESTING = 1000
SETTLE_S = 0.1  # between a restart and the next kill
POLL_S = 0.0005
PATIENCE_S = 60.0
NOT_YET = (Reason.NOT_RECONCILED, Reason.VENUE_NOT_CONNECTED, Reason.DUPLICATE_INTENT)  # the last: read a second time
PEER, PEER_MODULE = "NautilusTrader", "nautilus_trader"
PEER_CODE = """
import asyncio, time
from nautilus_trader.live.node import TradingNode
from nautilus_trader.config import LoggingConfig, TradingNodeConfig
async def run():
    node = TradingNode(config=TradingNodeConfig(logging=LoggingConfig(log_level="ERROR")))
    node.build()
    task = asyncio.ensure_future(node.run_async())
    while not node.is_running():
        await asyncio.sleep(0.001)
    print("running", flush=True)
    await node.stop_async()
    task.cancel()
asyncio.run(run())
"""
DIRECTORIES = 'run_directory = "{place}/run"\nstate_directory = "{place}/state"\n'
CONFIG = (
    SYSTEM.replace("[[venues]]", f"{DIRECTORIES}[[venues]]")
    + """[[strategies]]
name = "prober"
id = 1
class = "bench.prober:Prober"
instruments = [1]
parameters = {{ resting = {resting} }}
[aggregation]
[risk]
max_order_rate_per_min = 1000000
[watch]
death_limit = 1000000
death_window_ms = 1
"""
)
ROOMY_VENUE = VENUE.replace("[venue.flows", "open_orders_max = 2000\n[venue.flows")


class Bench:
    """A venue, and an engine beside it."""

    def __init__(self, place: Path, config: str, venue: str) -> None:
        """Start the venue; the engine is down."""
        (place / "system.toml").write_text(config)
        (place / "venue.toml").write_text(venue)
        self.file = str(place / "system.toml")
        port = config.partition("http://127.0.0.1:")[2].partition('"')[0]
        words = ["-m", "engine.loopback.server", "--port", port, "--config", str(place / "venue.toml")]
        words += ["--truth", os.devnull, "--ed25519", str(place / "engine.pem")]
        self.config: Config = load(self.file)
        self.venue = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, cwd=ROOT)
        assert self.venue.stdout is not None
        if not self.venue.stdout.readline():
            raise SystemExit("the venue did not start")

    def command(self, *words: str) -> float:
        """Run an operator's command; the seconds that it needed."""
        before = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli", *words], cwd=ROOT, check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"engine-ctl {' '.join(words)}: {done.stdout}{done.stderr}")
        return time.monotonic() - before

    def up(self) -> float:
        """Start the engine; the seconds until it can trade."""
        return self.command("up", self.file)

    def close(self) -> None:
        """Stop the engine and the venue."""
        try:
            if self.config.paths.system.exists():
                self.command("down", "--system", self.config.system.name)
        finally:
            self.venue.terminate()
            self.venue.wait()

    def heartbeat(self, role: str) -> Any:
        """The last beat of a role."""
        return self._cell("heartbeat", role).read(0)

    def session_ready(self) -> bool:
        """Whether orders can be sent."""
        row = self._cell("sessions", "execution").read(0)
        return row is not None and row.state == SessionState.READY

    def await_open_orders(self, count: int) -> None:
        """Wait until so many orders rest at the venue, by the lane ORDERS."""
        ring, states = shm.RingReader(self.config.lane("orders", "execution"), cursor=0), {}
        deadline = time.monotonic() + PATIENCE_S
        while sum(state == OrderState.OPEN for state in states.values()) < count:
            states |= {row.client_id: row.state for row in ring.rows() if not isinstance(row, shm.Lapped)}
            if time.monotonic() > deadline:
                raise SystemExit(f"after {PATIENCE_S:.0f} s fewer than {count} orders rest at the venue")
            time.sleep(SETTLE_S)

    def kill(self, role: str, number: signal.Signals = signal.SIGKILL) -> "Killed":
        """Send a signal to a role's process."""
        pid = self.heartbeat(role).pid
        killed = Killed(pid, os.pidfd_open(pid), time.monotonic_ns())
        os.kill(pid, number)
        return killed

    def await_successor(self, role: str, killed: "Killed") -> int:
        """Wait for the first beat of the next process after its first step; its time."""
        return until(lambda: self._first_step(role, killed.pid), f"{role} does not run again")

    def verdicts(self) -> shm.RingReader:
        """A reader of the verdicts from now on."""
        return shm.RingReader(self.config.lane("verdicts", "execution"))

    def _first_step(self, role: str, victim: int) -> int:
        beat = self.heartbeat(role)
        return beat.beat_ns if beat.pid != victim and beat.state == RoleState.RUNNING else 0

    def _cell(self, lane: str, of: str) -> shm.CellReader:
        return shm.CellReader(self.config.lane(lane, of))


class RoutedBench(Bench):
    """The system of configs/routed.toml, with its own venues."""

    def __init__(self, place: Path) -> None:
        """Write its files; it is down."""
        text = (CONFIGS / "routed.toml").read_text()
        for port in ("9730", "9731", "9732"):
            text = text.replace(port, str(free_port()))
        directories = f'run_directory = "{place}/run"\nstate_directory = "{place}/state"'
        head = f'name = "bench{os.getpid()}routed"\n{directories}'
        text = text.replace('name = "routed"', head) + "[watch]\ndeath_limit = 1000000\ndeath_window_ms = 1\n"
        shutil.copytree(CONFIGS / "venues", place / "venues")
        (place / "system.toml").write_text(text)
        self.file = str(place / "system.toml")
        self.config = load(self.file)

    def close(self) -> None:
        """Stop all of it."""
        if self.config.paths.system.exists():
            self.command("down", "--system", self.config.system.name)

    def session_ready(self) -> bool:
        """Whether every account can send orders."""
        rows = [self._cell("sessions", account).read(0) for account in self.config.execution_names]
        return all(row is not None and row.state == SessionState.READY for row in rows)


@dataclass(frozen=True, slots=True)
class Killed:
    """A process that got a signal, and when."""

    pid: int
    pidfd: int
    ns: int

    def await_death(self) -> int:
        """Wait until it is dead; the time."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        if not poll.poll(PATIENCE_S * 1000):
            raise SystemExit(f"pid {self.pid} does not end")
        os.close(self.pidfd)
        return time.monotonic_ns()


def until(what: Callable[[], int], failure: str) -> int:
    """Poll until the value is not 0; the value."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        if time.monotonic() > deadline:
            raise SystemExit(failure)
        time.sleep(POLL_S)
    return found


def restarts(bench: Bench, role: str, count: int) -> list[float]:
    """Milliseconds from each kill of a role to its successor's first step."""
    found = []
    for _ in range(count):
        until(bench.session_ready, "no order can be sent")
        time.sleep(SETTLE_S)
        killed = bench.kill(role)
        killed.await_death()
        found.append((bench.await_successor(role, killed) - killed.ns) / 1e6)
    return found


def freezes(bench: Bench, role: str, count: int) -> list[float]:
    """Milliseconds from each SIGSTOP to the end of the frozen process."""
    found = []
    for _ in range(count):
        until(bench.session_ready, "no order can be sent")
        time.sleep(SETTLE_S)
        killed = bench.kill(role, signal.SIGSTOP)
        found.append((killed.await_death() - killed.ns) / 1e6)
        bench.await_successor(role, killed)
    return found


def readies(bench: Bench, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each kill of execution to its first verdict, and from there to the first approved intent."""
    first, waits = [], []
    for _ in range(count):
        until(bench.session_ready, "no order can be sent")
        time.sleep(SETTLE_S)
        killed = bench.kill("execution")
        killed.await_death()
        ring, times = bench.verdicts(), {}
        until(lambda: note_verdicts(ring, times), "no intent is approved again")  # noqa: B023 - awaited here
        first.append((times["first"] - killed.ns) / 1e6)
        waits.append((times["approved"] - times["first"]) / 1e6)
    return first, waits


def note_verdicts(ring: shm.RingReader, times: dict[str, int]) -> bool:
    """Note when the first verdict and the first approval are seen; True after the approval."""
    for row in ring.rows():
        if isinstance(row, shm.Lapped):
            raise SystemExit("the reader of the verdicts was lapped")
        times.setdefault("first", time.monotonic_ns())
        if row.reason == Reason.APPROVED:
            times.setdefault("approved", time.monotonic_ns())
        elif "approved" not in times and row.reason not in NOT_YET:
            raise SystemExit(f"the first verdicts were {Reason(row.reason).name}, expected one of {NOT_YET}")
    return "approved" in times


def pss_mb(pid: int) -> float:
    """A process's proportional set size in MiB, without the shared segments."""
    total, counted = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0]:
            counted = not line.partition("/")[2].startswith("dev/shm/")
        elif counted and words[0] == "Pss:":
            total += int(words[1])
    return total / 1024


def cold_start(count: int) -> list[float]:
    """Milliseconds of `engine-ctl up` for the system of configs/demo.toml; its venue runs already."""
    found = []
    with directory() as place:
        text = re.sub(
            r'\[\[processes\]\]\nname = "venue".*?(?=\[\[processes\]\])',
            "",
            (CONFIGS / "demo.toml").read_text(),
            flags=re.DOTALL,
        )
        text = text.replace("9710", str(free_port())).replace("{state}/demo.pem", f"{place}/engine.pem")
        directories = f'run_directory = "{place}/run"\nstate_directory = "{place}/state"'
        text = text.replace('name = "demo"', f'name = "bench{os.getpid()}"\n{directories}')
        bench = Bench(place, text, (CONFIGS / "venue.toml").read_text())
        try:
            for _ in range(count):
                found.append(bench.up() * 1e3)
                bench.command("down", "--system", bench.config.system.name)
        finally:
            bench.close()
    return found


def routed_restarts(count: int) -> list[float]:
    """Milliseconds from each kill of the router to its successor's first step."""
    with directory() as place:
        bench = RoutedBench(place)
        try:
            bench.up()
            return restarts(bench, "router", count)
        finally:
            bench.close()


def peer_start() -> float:
    """Milliseconds from exec to a running node of NautilusTrader that has no venue and no strategy."""
    before = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", PEER_CODE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as node:
        assert node.stdout is not None
        runs = any(line == b"running\n" for line in node.stdout)  # lines of its log may come before
        after = time.monotonic()
        node.kill()
    if not runs:
        raise SystemExit(f"{PEER} did not start")
    return (after - before) * 1e3


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A directory for one system, and an environment that leads to no other system's files."""
    place = Path(tempfile.mkdtemp(prefix="steelyard-bench-"))
    os.environ.pop("STEELYARD_RUN_DIRECTORY", None)
    os.environ.pop("STEELYARD_STATE_DIRECTORY", None)
    os.environ["BENCH_API_KEY"] = ENGINE_KEY
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def running(resting: int) -> Iterator[Bench]:
    """The system that is killed, up; with so many resting orders."""
    with directory() as place:
        text = CONFIG.format(name=f"bench{os.getpid()}", place=place, port=free_port(), resting=resting)
        bench = Bench(place, text, ROOMY_VENUE)
        try:
            bench.up()
            if resting:
                bench.await_open_orders(resting)
            yield bench
        finally:
            bench.close()


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def quantile(values: list[float], share: float) -> float:
    """The quantile: this share of the values is below it."""
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 2)


def measure(
    count: int, freeze_count: int, ready_count: int, cold_count: int, resting: int, halt_count: int
) -> dict[str, Any]:
    """Everything that this bench knows."""
    machine = describe()
    with running(0) as bench:
        restart = {kind: restarts(bench, role, count) for kind, role in ROLES.items()}
        frozen = [one for role in ROLES.values() for one in freezes(bench, role, max(1, freeze_count // len(ROLES)))]
        pss = {kind: round(pss_mb(bench.heartbeat(role).pid), 1) for kind, role in ROLES.items()}
    restart["router"] = routed_restarts(count)
    with running(resting) as bench:
        first, waits = readies(bench, ready_count)
    starts = cold_start(cold_count)
    halts = halt.measure(halt_count)
    installed = find_spec(PEER_MODULE) is not None
    peers = {PEER: {"node_start_ms": round(min(peer_start() for _ in range(2)))}} if installed else {}
    return {
        "machine": machine,
        "restarts": count,
        "restart_p50_ms": max(quantile(times, 0.5) for times in restart.values()),
        "restart_p99_ms": max(quantile(times, 0.99) for times in restart.values()),
        "restart": {
            role: {"p50_ms": quantile(times, 0.5), "p99_ms": quantile(times, 0.99)} for role, times in restart.items()
        },
        "frozen_noticed_p50_ms": quantile(frozen, 0.5),
        "frozen_noticed_p99_ms": quantile(frozen, 0.99),
        "resting_orders": resting,
        "execution_ready_p50_ms": quantile(first, 0.5),
        "venue_wait_p50_ms": quantile(waits, 0.5),
        "cold_start_ms": round(statistics.median(starts)),
        "halts": halt_count,
        "halt_p99_us": halts["halt_p99_us"],
        "cancels_out_p99_ms": halts["cancels_out_p99_ms"],
        "halt_rows": halts["halt_rows"],
        "pss_mb": pss,
        "peers": peers,
        "peers_missing": {} if installed else {PEER: f"{PEER_MODULE} is not installed: make setup-bench"},
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures for a reader, beside their goals."""
    print(found["machine"])
    print(f"from kill(2) to the successor's first step, {found['restarts']} kills each (goal: p50 20 ms, p99 50 ms)")
    for role, times in found["restart"].items():
        print(f"  {role:<12} p50 {times['p50_ms']:>7.1f} ms   p99 {times['p99_ms']:>7.1f} ms")
    print(f"a frozen process is killed after {found['frozen_noticed_p99_ms']:.0f} ms (p99)")
    print(
        f"execution with {found['resting_orders']} open orders gives its first verdict after"
        f" {found['execution_ready_p50_ms']:.1f} ms (p50; goal 100 ms); its first approval comes"
        f" {found['venue_wait_p50_ms']:.0f} ms later, when the venue has answered every query"
    )
    print(f"engine-ctl up of the demo, its venue running: {found['cold_start_ms']} ms (goal 1500 ms)")
    print(
        f"{found['halts']} halts of each kind: last order after {found['halt_p99_us']} us"
        f" (p99; goal {halt.GOAL_HALT_US}), last of {halt.OPEN} cancels after {found['cancels_out_p99_ms']} ms"
        f" (p99; goal {halt.GOAL_CANCELS_MS})"
    )
    for name, figures in found["peers"].items():
        print(f"  {name}: a node without venue and strategy runs after {figures['node_start_ms']} ms")
    for name, why in found["peers_missing"].items():
        print(f"  {name}: MISSING ({why})")
    print(
        "PSS without the shared segments (goal 40 MB): "
        + ", ".join(f"{r} {mb:.0f} MB" for r, mb in found["pss_mb"].items())
    )


def main() -> None:
    """`python -m bench.recovery [--json] [--quick | --long]`."""
    parser = parser_of("recovery", __doc__, f"{QUICK_COUNT} kills a role: does it run")
    parser.add_argument("--long", action="store_true", help=f"{LONG_COUNT} kills a role")
    options = parser.parse_args()
    counts = (COUNT, FREEZES, READIES, COLD_STARTS, RESTING, halt.TRIALS)
    if options.quick:
        counts = (QUICK_COUNT, 1, QUICK_COUNT, 1, 100, halt.QUICK_TRIALS)
    elif options.long:
        counts = (LONG_COUNT, *counts[1:])
    found = measure(*counts)
    output(found, options, show)


if __name__ == "__main__":
    main()
