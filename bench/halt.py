"""From the store of the halt word to the last order's bytes, and to the last of a hundred cancels.

    core 0   venue simulator, feed, the strategy's process, this bench
    core 1   execution alone, spinning; with --realtime it blocks
    bench    writes the word as `engine-ctl halt` does, and resumes as the supervisor does

The strategy submits 1,000 intents a second, nine entries to one reprice, far from the market, and keeps 100 orders open
(`flood.py`). In each trial the bench reads the clock, stores the halt word, waits until execution confirms it in the
cell GATE and no order is open, and resumes. Execution is the engine's own role in its own loop, built by
`engine.runtime`; its process reads the clock when send(2) has returned for a placement, a replacement or a cancel. The
bytes enter send(2) before that, so no figure is too short.

    halt         from the store to the last send of an entry or a reprice; 0 when none was sent after the store
    cancels_out  from the store to the last send of the cancels of the 100 orders that were open. Five more are being
                 repriced; where the answer is under way, the cancel has to wait for it (`with_those_under_way`)

Three kinds of trial: `running` (the strategy's hooks return), `hung` (its hook is in `while True` and goes on
submitting), `burst` (the same after 1,500 intents at once, which execution is working through when the word is stored:
more than the 1,000 a second of the goal, so its figures are apart). The figures at the top are the worse of the first
two.
"""

import argparse
import array
import bisect
import contextlib
import importlib
import logging
import mmap
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import shm
from bench.command import output, parser_of
from bench.flood import BURST, CONTROL, HANG, OPEN, RUN, SIZE
from bench.machine import describe, pair
from bench.path import SYSTEM, VENUE, quantile

ROOT = Path(__file__).resolve().parents[1]
TRIALS, QUICK_TRIALS = 100, 3
TURN_NS, BACKLOG = 1_000_000, 1_500  # between two intents: 1,000 a second; intents at once in a burst
KINDS = {"running": RUN, "hung": HANG, "burst": BURST}
COUNTED = ("running", "hung")  # whose worse figures are at the top
GOAL_HALT_US, GOAL_CANCELS_MS = 1_000, 10
SETTLE_S = (0.1, 0.2)  # between an open order's last count and the store, drawn: with the hook hanging from its begin
BURST_S = (0.002, 0.02)  # the same for a burst: some of its intents are orders then, and some wait
PATIENCE_S, POLL_S = 60.0, 0.002
STORE_MOST_NS = 50_000  # a longer store was preempted: when it was stored is not known, and the trial is repeated
RATE_NS = 50_000_000  # before each store, in which the orders are counted
ORDER, CANCEL = 1, 2  # kinds of request in the samples
STAMP = 3  # numbers of a sample: when send(2) had returned, the kind, and of a cancel the order's intent
Stamp = tuple[int, int, int]
MARKS = {"place": ORDER, "replace": ORDER, "cancel": CANCEL}
NICE = -10  # of every process, where that is allowed: the venue must keep up beside other work
PRIORITY = 10  # with --realtime
CONFIG = """[[strategies]]
name = "flood"
id = 1
class = "bench.flood:Flood"
instruments = [1]
parameters = {{ turn_ns = {turn_ns}, backlog = {backlog} }}
[risk]
max_order_rate_per_min = 1000000
max_position_usd = 1000000000
[[processes]]
name = "feed"
roles = ["feed"]
cores = [{other}]
[[processes]]
name = "core"
roles = ["execution"]
cores = [{core}]
wait = "spin"
[[processes]]
name = "flood"
roles = ["flood"]
cores = [{other}]
"""


class Sent:
    """The process of execution: its own loop, with a clock after send(2)."""

    def __init__(self, file: str) -> None:
        """Build the role as the runtime does."""
        from engine import runtime
        from engine.config import load

        config = load(file)
        process = config.process("core")
        runtime.place(config, process)
        self.loop = runtime.start(config, process, process.roles)
        self.stamps = array.array("q")
        self.kind = self.intent = 0
        self._stamp(self.loop.roles[0])

    def _stamp(self, execution: Any) -> None:
        """Put the clock after send(2), and have each request of the session leave its kind for it."""
        inlet: Any = importlib.import_module("engine.venues.wire.inlet")
        transmit, now, stamps = inlet.transmit, time.monotonic_ns, self.stamps

        def stamped(descriptor: int, block: bytes) -> int:
            count = int(transmit(descriptor, block))
            if self.kind:
                if count != len(block):
                    raise SystemExit(f"send(2) took {count} of {len(block)} bytes: its stamp is not the last byte's")
                stamps.extend((now(), self.kind, self.intent))
            return count

        inlet.transmit = stamped
        for name, kind in MARKS.items():
            setattr(execution.session, name, self._marked(getattr(execution.session, name), kind))

    def _marked(self, call: Callable[..., bool], kind: int) -> Callable[..., bool]:
        """A request of the session."""

        def marked(*arguments: Any) -> bool:
            self.kind, self.intent = kind, intent_of(arguments[1]) if kind == CANCEL else 0
            left = call(*arguments)
            self.kind = 0
            return left

        return marked

    def run(self, out: str) -> None:
        """Rounds until SIGTERM; then the samples are in the file."""
        from engine import garbage

        signal.signal(signal.SIGTERM, lambda *_: self.loop.stop())
        garbage.exclude_built()
        self.loop.run()
        Path(out).write_bytes(self.stamps.tobytes())
        self.loop.close()


def intent_of(client_id: bytes) -> int:
    """The intent of an order, from its id."""
    return int.from_bytes(client_id.ljust(16, b"\0")[6:14], "big")


class Trial(NamedTuple):
    """One halt."""

    store_ns: int  # read just before the store of the word
    resume_ns: int
    intents: frozenset[int]  # of the orders that were open at the store
    took_ns: int = 0  # between the clocks around the store


class Bench:
    """A venue, a feed, a strategy and an execution, and the two ends of a halt."""

    def __init__(self, place: Path, *, realtime: bool) -> None:
        """Start every process; `realtime`: all but the strategy at real-time priority, and execution blocks."""
        from bench.recovery import free_port
        from engine import clock
        from engine.config import load
        from engine.supervisor import segments
        from engine.supervisor.halt import Halt

        self.place, self.clock, self.realtime = place, clock, realtime
        self.other, self.core = pair()
        text = SYSTEM.format(name=f"bench{os.getpid()}", port=free_port(), place=place)
        (place / "system.toml").write_text(
            text + CONFIG.format(core=self.core, other=self.other, turn_ns=TURN_NS, backlog=BACKLOG)
        )
        if realtime:  # a spinning process of this priority is stopped by the kernel for 5 % of each second
            file = place / "system.toml"
            file.write_text(file.read_text().replace('wait = "spin"', 'wait = "block"'))
        (place / "venue.toml").write_text(VENUE)
        (place / "control").write_bytes(bytes(1))
        os.environ[CONTROL], os.environ[clock.OFFSET_VARIABLE] = str(place / "control"), str(clock.offset_ns())
        with open(place / "control", "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 1)
        self.log = (place / "log").open("wb")
        self.file, self.children = str(place / "system.toml"), []
        self.port = text.partition("http://127.0.0.1:")[2].partition('"')[0]
        self._start_venue()
        self.config = load(self.file)
        self.config.paths.make()
        segments.create(self.config)
        self.halt = Halt(self.config, clock.now_ns())
        for process in ("feed", "flood"):
            self._start("-m", "engine.runtime", "--config", self.file, "--process", process)
        self._start("-m", "bench.halt", "--core", self.file, "--out", str(place / "stamps"))
        self.gate = shm.CellReader(self.config.lane("gate", "execution"))
        self.orders = shm.RingReader(self.config.lane("orders", "execution"), cursor=0)
        self.states: dict[bytes, Any] = {}

    def _start(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, *words], cwd=ROOT, stderr=self.log, **options)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
        if self.realtime and "flood" not in words:
            os.sched_setscheduler(child.pid, os.SCHED_FIFO, os.sched_param(PRIORITY))
        self.children.append(child)
        return child

    def _start_venue(self) -> None:
        words = ("--port", self.port, "--config", str(self.place / "venue.toml"), "--truth", os.devnull)
        words += ("--ed25519", str(self.place / "engine.pem"))
        venue = self._start("-m", "engine.loopback.server", *words, stdout=subprocess.PIPE)
        os.sched_setaffinity(venue.pid, {self.other})
        assert venue.stdout is not None
        if not venue.stdout.readline():
            raise SystemExit("the venue did not start")

    def trial(self, kind: int, draw: random.Random) -> "Trial":
        """Halt once, and resume."""
        from engine.supervisor import operator

        self._until(lambda: len(self._open_intents()) == OPEN, f"{OPEN} orders are not open")
        intents = self._open_intents()
        self.control[0] = kind
        time.sleep(draw.uniform(*(BURST_S if kind == BURST else SETTLE_S)))
        store_ns, took_ns = self._store()
        sequence = self.halt.word.sequence(0)
        self._until(lambda: operator.confirmed(self.gate, sequence), "execution does not confirm the halt")
        self._until(lambda: not self._states(), "orders are left after a halt")
        self.halt.step(self.clock.now_ns())
        resume_ns = time.monotonic_ns()
        self.control[0] = RUN
        self.halt.resume(self.clock.now_ns(), self.halt.me, self.clock.now_ns())
        return Trial(store_ns, resume_ns, frozenset(intents), took_ns)

    def _open_intents(self) -> set[int]:
        """The intents of the resting orders that the venue has confirmed as open."""
        from engine.model.words import OrderState

        found = self._states().values()
        return {row.intent_id for row in found if row.state == OrderState.OPEN and row.size == SIZE}

    def _states(self) -> dict[bytes, Any]:
        """The newest record of each order that is not done, by its id."""
        from engine.model.words import DONE_STATES
        from engine.supervisor import leftovers

        for row in self.orders.rows():
            if isinstance(row, shm.Lapped):
                found = leftovers.rows(self.config.system.name, "execution")
                self.states = {one.client_id: one for one in found}
            elif row.state in DONE_STATES:
                self.states.pop(row.client_id, None)
            else:
                self.states[row.client_id] = row
        return self.states

    def _store(self) -> tuple[int, int]:
        """Store the halt word; the time before, and how long it took."""
        from engine.model.records import HALT
        from engine.model.words import HaltReason
        from engine.supervisor import operator

        with operator.held_word(self.config.system.name) as word:
            assert word is not None
            row = HALT.row(
                halted=1, since_ns=self.clock.now_ns(), command_sequence=0, uid=0, reason=HaltReason.OPERATOR
            )
            stored_ns = time.monotonic_ns()
            word.write(0, *row)
            took_ns = time.monotonic_ns() - stored_ns
        return stored_ns, took_ns

    def _until(self, what: Callable[[], bool], failure: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            if time.monotonic() > deadline or any(child.poll() is not None for child in self.children):
                lines = (self.place / "log").read_text(errors="replace").splitlines()[-20:]
                raise SystemExit("\n".join([*lines, f"{failure}; {len(self.states)} orders are not done"]))
            time.sleep(POLL_S)

    def stamps(self) -> list[Stamp]:
        """End execution: when each request had left, its kind, and a cancel's intent."""
        self.children[-1].terminate()
        self.children[-1].wait(PATIENCE_S)
        numbers = array.array("q", (self.place / "stamps").read_bytes())
        return list(zip(numbers[::STAMP], numbers[1::STAMP], numbers[2::STAMP], strict=True))

    def close(self) -> None:
        """End every process."""
        from engine.supervisor import segments

        for child in self.children:
            child.kill()
            child.wait()
        self.halt.close()
        self.log.close()
        segments.remove(self.config)


@contextlib.contextmanager
def running(*, realtime: bool) -> Iterator[Bench]:
    """The system in a directory of its own."""
    from engine.loopback.server.configuration import ENGINE_KEY

    place = Path(tempfile.mkdtemp(prefix="steelyard-bench-"))
    changed = {
        "STEELYARD_RUN_DIRECTORY": str(place), "STEELYARD_STATE_DIRECTORY": str(place), "BENCH_API_KEY": ENGINE_KEY,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    before = dict(os.environ)
    os.environ.update(changed)
    cores = os.sched_getaffinity(0)
    try:
        bench = Bench(place, realtime=realtime)
        os.sched_setaffinity(0, {bench.other})
        try:
            yield bench
        finally:
            bench.close()
    finally:
        os.sched_setaffinity(0, cores)
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without the log of each halt and resume, which the bench itself carries out."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def measure(trials: int = TRIALS, seed: int = 7, *, realtime: bool = False) -> dict[str, Any]:
    """The figures of each kind of trial; the kinds take turns, so that they share what the machine does beside."""
    machine, draw = describe(), random.Random(seed)
    trials_of: dict[str, list[Trial]] = {kind: [] for kind in KINDS}
    preempted = 0
    with silent(), running(realtime=realtime) as bench:
        while any(len(found) < trials for found in trials_of.values()):
            for kind, number in KINDS.items():
                trial = bench.trial(number, draw)
                if trial.took_ns <= STORE_MOST_NS:
                    trials_of[kind].append(trial)
                else:
                    preempted += 1
        sent = bench.stamps()
        other, core = bench.other, bench.core
    rows = {kind: figures(of_kind[:trials], sent) for kind, of_kind in trials_of.items()}
    counted = [rows[kind] for kind in COUNTED]
    how = "at real-time priority as venue and feed" if realtime else "spinning"
    return {
        "machine": machine,
        "placement": f"execution alone on core {core}, {how}; venue, feed, strategy and bench on core {other}",
        "trials": trials,
        "trials_repeated": preempted,
        "open_orders": OPEN,
        "halt_p99_us": max(row["halt_p99_us"] for row in counted),
        "cancels_out_p99_ms": max(row["cancels_out_p99_ms"] for row in counted),
        "halt_rows": rows,
    }


def figures(trials: list[Trial], sent: list[Stamp]) -> dict[str, Any]:
    """One kind's: `sent` are the samples of every request, in the order of time."""
    orders = [last_order(one, sent) for one in trials]
    cancels = [last_cancel(one, sent) for one in trials]
    all_cancels = [
        max(at_ns for at_ns, kind, _ in within(one, sent) if kind == CANCEL) - one.store_ns for one in trials
    ]
    return {
        "halt_p50_us": round(quantile(orders, 0.5) / 1e3, 1),
        "halt_p99_us": round(quantile(orders, 0.99) / 1e3, 1),
        "halt_max_us": round(max(orders) / 1e3, 1),
        "trials_with_an_order_after": sum(one > 0 for one in orders),
        "cancels_out_p50_ms": round(quantile(cancels, 0.5) / 1e6, 2),
        "cancels_out_p99_ms": round(quantile(cancels, 0.99) / 1e6, 2),
        "cancels_out_max_ms": round(max(cancels) / 1e6, 2),
        "with_those_under_way_p99_ms": round(quantile(all_cancels, 0.99) / 1e6, 2),
        "submitted_per_second": round(sum(rate(one.store_ns, sent) for one in trials) / len(trials)),
    }


def within(trial: Trial, sent: list[Stamp]) -> list[Stamp]:
    """The requests between a store and its resume."""
    return sent[bisect.bisect_left(sent, (trial.store_ns,)) : bisect.bisect_left(sent, (trial.resume_ns,))]


def last_order(trial: Trial, sent: list[Stamp]) -> int:
    """Nanoseconds to the last entry or reprice after the store; 0 without one."""
    return max((at_ns - trial.store_ns for at_ns, kind, _ in within(trial, sent) if kind == ORDER), default=0)


def last_cancel(trial: Trial, sent: list[Stamp]) -> int:
    """Nanoseconds to the cancel of the last of the open orders."""
    times: dict[int, int] = {}
    for at_ns, kind, intent_id in within(trial, sent):
        if kind == CANCEL:
            times.setdefault(intent_id, at_ns)
    missing = trial.intents - times.keys()
    if missing or not trial.intents:
        raise SystemExit(f"of {len(trial.intents)} open orders {len(missing)} were not cancelled by the halt")
    return max(times[one] for one in trial.intents) - trial.store_ns


def rate(store_ns: int, sent: list[Stamp]) -> float:
    """Entries and reprices a second in the RATE_NS before a store."""
    before = sent[bisect.bisect_left(sent, (store_ns - RATE_NS,)) : bisect.bisect_left(sent, (store_ns,))]
    return sum(kind == ORDER for _, kind, _ in before) * 1e9 / RATE_NS


def show(found: dict[str, Any]) -> None:
    """Print the figures for a reader, beside their goals."""
    print(found["machine"])
    print(found["placement"])
    print(
        f"{found['trials']} halts of each kind, {found['open_orders']} open orders, a strategy in a process of its own"
    )
    print(f"{'':<10}{'orders/s':>9}{'halt p50 us':>13}{'p99':>8}{'max':>8}{'cancels p50 ms':>16}{'p99':>8}{'max':>8}")
    for kind, row in found["halt_rows"].items():
        print(
            f"{kind:<10}{row['submitted_per_second']:>9}{row['halt_p50_us']:>13}{row['halt_p99_us']:>8}"
            f"{row['halt_max_us']:>8}{row['cancels_out_p50_ms']:>16}{row['cancels_out_p99_ms']:>8}"
            f"{row['cancels_out_max_ms']:>8}"
        )
    print(
        f"last order p99 {found['halt_p99_us']} us (goal {GOAL_HALT_US}),"
        f" last of {found['open_orders']} cancels p99 {found['cancels_out_p99_ms']} ms (goal {GOAL_CANCELS_MS})"
    )


def main() -> None:
    """`python -m bench.halt [--json] [--quick] [--realtime]`."""
    parser = parser_of("halt", __doc__, f"{QUICK_TRIALS} halts of each kind: does it run")
    parser.add_argument("--trials", type=int, default=TRIALS, help="halts of each kind")
    parser.add_argument("--realtime", action="store_true", help="at real-time priority, for a machine with other work")
    parser.add_argument("--core", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.core:
        Sent(options.core).run(options.out)
        return
    found = measure(QUICK_TRIALS if options.quick else options.trials, realtime=options.realtime)
    output(found, options, show)


if __name__ == "__main__":
    main()
