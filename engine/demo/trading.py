"""The whole engine at work: feed, strategies, execution and supervisor trading on the embedded venue.

    make demo                 until Ctrl-C
    make demo DURATION=30     ends by itself
    make demo CHAOS=1         a role, or the supervisor, is killed with SIGKILL every few seconds

It ends as an operator would end it, with `down`, and then compares the journal with the venue's own log of the truth,
order for order and fill for fill. Exit 1 if they differ in anything.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live

import shm
from engine import instruments
from engine.cli import main as engine_ctl
from engine.clock import now_ns
from engine.config import load
from engine.config.paths import RUN_VARIABLE, STATE_VARIABLE
from engine.demo import audit
from engine.execution import codec
from engine.execution.checkpoint import checkpoints
from engine.execution.journal_file import segments
from engine.execution.ledger import Ledger
from engine.execution.positions import DAY_NS
from engine.model.instrument import Instrument
from engine.monitor import profit
from engine.monitor.figures import Figures
from engine.monitor.view import screen

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NAME, PORT = "demo", 9710  # as configs/demo.toml has them
ACCOUNT = "engine"
UNDER_CHAOS = """
[journal]
segment_mib = 0.0625
[watch]
death_limit = 1000
backoff_cap_ms = 100
"""
KILL_EVERY_S = 4.0
LOOK_EVERY_S = 0.25
FINDINGS_SHOWN = 20


@dataclass
class Chaos:
    """Kills what it can reach, and remembers whom."""

    seed: int
    every_s: float = KILL_EVERY_S
    only: str = ""  # this role and no other
    killed: dict[str, int] = field(default_factory=dict)
    next_s: float = 0.0

    def __post_init__(self) -> None:
        """Draw from the seed."""
        self._draw = random.Random(self.seed)  # noqa: S311 - to be repeated, not to be secret
        self._wait()

    def strike(self, figures: Figures) -> None:
        """If it is time, kill one living role; the supervisor counts as one."""
        if time.monotonic() < self.next_s:
            return
        self._wait()
        alive = sorted(role.name for role in figures.roles.values() if role.life == "alive")
        alive = [name for name in alive if self.only in ("", name)]
        if not alive:
            return
        name = self._draw.choice(alive)
        os.kill(figures.roles[name].pid, signal.SIGKILL)
        self.killed[name] = self.killed.get(name, 0) + 1

    def _wait(self) -> None:
        """Until the next, give or take a half: not in step with anything that goes by seconds."""
        self.next_s = time.monotonic() + self.every_s * self._draw.uniform(0.5, 1.5)


def show(figures: Figures, duration_s: float | None, chaos: Chaos | None, console: Console) -> None:
    """The live view, until the time is over or Ctrl-C."""
    end_s = time.monotonic() + duration_s if duration_s is not None else float("inf")
    with Live(console=console, auto_refresh=False, redirect_stdout=True) as live:
        while time.monotonic() < end_s:
            figures.poll()
            title = "demo" if chaos is None else f"demo · killed: {chaos.killed}"
            live.update(screen(figures, title), refresh=True)
            if chaos is not None:
                chaos.strike(figures)
            time.sleep(min(LOOK_EVERY_S, max(end_s - time.monotonic(), 0)))


def judge(state: Path, known: dict[int, Instrument], ledger: Ledger, console: Console) -> int:
    """Hold the journal against the truth; the exit code."""
    ours, truth = audit.read_ours(state / "journal", known), audit.read_truth(state / "venue-truth.log", ACCOUNT)
    ours.gained = audit.gains(ledger)
    findings = audit.compare(ours, truth)
    console.print(
        f"journal: {len(ours.orders):,} orders, {ours.fills.total():,} fills · "
        f"venue: {len(truth.orders):,} orders, {truth.fills.total():,} fills · {len(findings)} differences"
    )
    count, made = len(segments(state / "journal")), len(checkpoints(state / "journal"))
    console.print(f"the journal has {count} segments, and {made} checkpoints are kept")
    for finding in findings[:FINDINGS_SHOWN]:
        console.print(f"  {finding.text}", markup=False)
    if not truth.orders:
        console.print("not one order reached the venue")
    return int(bool(findings) or not truth.orders)


def marks2(figures: Figures) -> dict[int, int]:
    """Twice the middle of each book, as last shown; of none that lacks a side."""
    tops = figures.cells("book_tops")
    return {row.instrument: row.bid_price[0] + row.ask_price[0] for row in tops if row.bids and row.asks}


def earned(ledger: Ledger, marks: dict[int, int], known: dict[int, Instrument]) -> str:
    """What the journal's positions come to at these prices; the demo's quotes are dollars."""
    day_ns = now_ns() // DAY_NS * DAY_NS
    rows = [one.row(0, marks.get(one.instrument.id, 0), 1.0, day_ns) for one in ledger.positions]
    sums = profit.profits([codec.POSITION.unpack(codec.POSITION.pack(*row)) for row in rows], known)
    return profit.line(sums[profit.ACCOUNT])


def own_config(place: Path, *, chaos: bool) -> str:
    """configs/demo.toml as it stands, under another name and port where those are taken by another demo.

    Under chaos the journal's segments are full in seconds, so that deaths meet their ends and the checkpoints too, and
    no number of deaths halts the system.
    """
    name = NAME if NAME not in shm.systems() else f"{NAME}{os.getpid()}"
    text = (CONFIGS / "demo.toml").read_text()
    text = text.replace(f'name = "{NAME}"', f'name = "{name}"').replace(str(PORT), str(free_port()))
    (place / "demo.toml").write_text(text + (UNDER_CHAOS if chaos else ""))
    shutil.copy(CONFIGS / "venue.toml", place)
    return str(place / "demo.toml")


def free_port() -> int:
    """The demo's port, or any that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(duration_s: float | None, chaos: Chaos | None) -> int:
    """The demo's life: up, show, down, judge. Its files lie in a directory of its own, gone when all is well."""
    console = Console()
    place = Path(tempfile.mkdtemp(prefix="steelyard-demo-"))
    os.environ[RUN_VARIABLE] = os.environ[STATE_VARIABLE] = str(place)
    file = own_config(place, chaos=chaos is not None)
    config = load(file)
    verdict, last_line = 1, "what was earned is not known: the system did not come down"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if (code := engine_ctl(["up", file])) != 0:
            console.print(f"what it wrote is in {place}")
            return code
        known = {one.id: one for one in instruments.read(config.system.name)}
        figures = Figures(config.system.name)
        try:
            show(figures, duration_s, chaos, console)
        except KeyboardInterrupt:
            console.print("ending")
        marks, strategies = marks2(figures), tuple(one.id for one in config.strategies)
        verdict = engine_ctl(["down", "--system", config.system.name])
        if not verdict:
            ledger = audit.read_ledger(config.paths.state / "journal", known, strategies)
            verdict, last_line = judge(config.paths.state, known, ledger, console), earned(ledger, marks, known)
    finally:
        if verdict == 0:
            shutil.rmtree(place)
        else:
            console.print(f"what it wrote is in {place}")
    if chaos is not None:
        console.print(f"killed with SIGKILL: {chaos.killed} (seed {chaos.seed})")
    console.print(last_line)
    return verdict


def main(argv: list[str] | None = None) -> int:
    """`python -m engine.demo`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m engine.demo", description=__doc__, formatter_class=raw)
    parser.add_argument("--duration", type=float, help="seconds; without it, until Ctrl-C")
    parser.add_argument("--chaos", action="store_true", help="kill a role every few seconds")
    parser.add_argument("--seed", type=int, default=1, help="of the chaos")
    parser.add_argument("--every", type=float, default=KILL_EVERY_S, help="seconds between kills, about")
    parser.add_argument("--only", default="", metavar="ROLE", help="kill this role and no other")
    options = parser.parse_args(argv)
    if options.duration is not None and options.duration <= 0:
        parser.error(f"--duration must be positive, was {options.duration}")
    if options.every <= 0:
        parser.error(f"--every must be positive, was {options.every}")
    chaos = Chaos(options.seed, options.every, options.only) if options.chaos else None
    return run(options.duration, chaos)


if __name__ == "__main__":
    sys.exit(main())
