"""The whole engine at work: feed, strategies, execution and supervisor trade at the embedded venue.

    make demo                 until Ctrl-C
    make demo DURATION=30     for 30 seconds
    make demo CHAOS=1         a role, or the supervisor, is killed with SIGKILL every few seconds

It is a normal system: `engine-ctl status`, `halt` and `down` in another terminal find it. It ends with `down`, as an
operator would end it. Then it compares the journal with the venue's own truth log: every order, every fill and every
balance. Exit code 1 if they differ.
"""

import argparse
import errno
import importlib.util
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

import engine
import shm
from engine import instruments
from engine.cli import main as engine_ctl
from engine.cli.keys import QUIT, Keys
from engine.clock import now_ns
from engine.config import Config, known_systems, load
from engine.config.paths import FIRST_ACCOUNT, STATE_VARIABLE, link_of
from engine.dashboard import ADDRESS
from engine.demo import audit
from engine.execution.journal.journal_file import segments
from engine.execution.orders import codec
from engine.execution.orders.ledger import Ledger
from engine.execution.orders.positions import DAY_NS
from engine.execution.restore.checkpoint import checkpoints
from engine.lanes import LOOKERS, open_lanes
from engine.model.instrument import Instrument
from engine.monitor import profit
from engine.monitor.figures import Figures
from engine.view.screen import screen

CONFIGS = Path(engine.__file__).parent / "configs"  # in the source tree a link to configs/, in a wheel the files
NAME, PORT = "demo", 9710  # as in configs/demo.toml
ACCOUNT = "engine"
DASHBOARD = """
[dashboard]
port = 0
rights = "trade"
"""
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
DASHBOARD_S = 10.0
CHECKPOINT_S, POLL_S = 10.0, 0.02  # how long after `down` a checkpoint may still be written


@dataclass
class Chaos:
    """Kills roles at random, and counts the kills."""

    seed: int
    every_s: float = KILL_EVERY_S
    only: str = ""  # kill this role only
    killed: dict[str, int] = field(default_factory=dict)
    next_s: float = 0.0

    def __post_init__(self) -> None:
        """Start the random generator from the seed."""
        self._draw = random.Random(self.seed)  # noqa: S311 - must be repeatable, not secret
        self._plan()

    def strike(self, figures: Figures) -> None:
        """Kill one running role, or the supervisor, if a kill is due."""
        if time.monotonic() < self.next_s:
            return
        self._plan()
        alive = sorted(role.name for role in figures.roles.values() if role.life == "alive")
        alive = [name for name in alive if self.only in ("", name)]
        if not alive:
            return
        name = self._draw.choice(alive)
        os.kill(figures.roles[name].pid, signal.SIGKILL)
        self.killed[name] = self.killed.get(name, 0) + 1

    @property
    def text(self) -> str:
        """The kills by role, in words."""
        return (
            ", ".join(
                f"{name} {'once' if count == 1 else f'{count} times'}" for name, count in sorted(self.killed.items())
            )
            or "no role yet"
        )

    def _plan(self) -> None:
        """Choose the time of the next kill, with up to half the interval added or subtracted."""
        self.next_s = time.monotonic() + self.every_s * self._draw.uniform(0.5, 1.5)


def watch(figures: Figures, config: Config, duration_s: float | None, chaos: Chaos | None, console: Console) -> None:
    """Draw the live view until the time is over, `q`, Ctrl-C, or until an operator brings the system down."""
    end_s = time.monotonic() + duration_s if duration_s is not None else float("inf")
    with (
        Keys() as keys,
        Live(console=console, auto_refresh=False, redirect_stdout=True, screen=console.is_terminal) as live,
    ):
        while time.monotonic() < end_s and config.paths.system.exists():
            figures.poll()
            note = "" if chaos is None else f"killed with SIGKILL: {chaos.text}"
            live.update(screen(figures, console.width, console.height, note), refresh=True)
            if chaos is not None:
                chaos.strike(figures)
            if keys.wait(min(LOOK_EVERY_S, max(end_s - time.monotonic(), 0))) == QUIT:
                break
    if not console.is_terminal:  # the last table has no line end
        console.print()


def judge(state: Path, known: dict[int, Instrument], ledger: Ledger, console: Console) -> int:
    """Compare the journal with the truth log and print the result; the exit code."""
    ours, truth = audit.read_ours(state / "journal", known), audit.read_truth(state / "venue-truth.log", ACCOUNT)
    ours.gained = audit.gains(ledger, ours.apart)
    findings = audit.compare(ours, truth)
    console.print(
        f"journal: {len(ours.orders):,} orders, {ours.fills.total():,} fills · "
        f"venue: {len(truth.orders):,} orders, {truth.fills.total():,} fills · {len(findings)} differences"
    )
    for line in audit.explain(ours, truth):
        console.print(f"  {line}", markup=False)
    count, made = len(segments(state / "journal")), len(checkpoints(state / "journal"))
    console.print(f"the journal has {count} segments and {made} checkpoints")
    for finding in findings[:FINDINGS_SHOWN]:
        console.print(f"  {finding.text}", markup=False)
    if not truth.orders:
        console.print("no order reached the venue")
    return int(bool(findings) or not truth.orders)


def marks2(figures: Figures) -> dict[int, int]:
    """Twice the middle of each book with both sides, as last published."""
    tops = figures.cells("book_tops")
    return {row.instrument: row.bid_price[0] + row.ask_price[0] for row in tops if row.bids and row.asks}


def earned(ledger: Ledger, marks: dict[int, int], known: dict[int, Instrument]) -> str:
    """The profit of the journal's positions at these prices; the demo's quotes are dollars."""
    day_ns = now_ns() // DAY_NS * DAY_NS
    rows = [one.row(0, marks.get(one.instrument.id, 0), 1.0, day_ns, FIRST_ACCOUNT) for one in ledger.positions]
    sums = profit.profits([codec.POSITION.unpack(codec.POSITION.pack_row(row)) for row in rows], known)
    return profit.line(sums[profit.ACCOUNT])


def own_config(place: Path, *, chaos: bool) -> str:
    """A copy of configs/demo.toml, with another name and port if another demo uses those.

    With chaos the journal's segments are small, so that kills also fall on a change of segment and on a checkpoint, and
    no number of deaths halts the system.
    """
    name = NAME if NAME not in {*shm.systems(), *known_systems()} else f"{NAME}{os.getpid()}"
    directories = f'run_directory = "{place}"\nstate_directory = "{place / "state"}"'
    text = (CONFIGS / "demo.toml").read_text().replace(str(PORT), str(free_port()))
    text = text.replace(f'name = "{NAME}"', f'name = "{name}"\n{directories}')
    (place / "demo.toml").write_text(text + DASHBOARD + (UNDER_CHAOS if chaos else ""))
    shutil.copy(CONFIGS / "venue.toml", place)
    return str(place / "demo.toml")


def free_port() -> int:
    """The demo's port, or another free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(duration_s: float | None, chaos: Chaos | None) -> int:
    """Run the demo: up, live view, down, comparison. Its directory is removed unless something went wrong."""
    console = Console()
    place = Path(tempfile.mkdtemp(prefix="steelyard-demo-"))
    os.environ.pop(STATE_VARIABLE, None)  # the compared journal must be this demo's own
    file = own_config(place, chaos=chaos is not None)
    config = load(file)
    verdict, last_line = 1, "the profit is not known: the system did not come down"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if (code := engine_ctl(["up", file])) != 0:
            return code
        known = {one.id: one for one in instruments.read(open_lanes(config.system.name, LOOKERS))}
        console.print(f"in another terminal: engine-ctl status --system {config.system.name} (or view, halt, down …)")
        console.print(f"in a browser: {dashboard_of(config)}", soft_wrap=True)
        figures = Figures(config.system.name)
        try:
            watch(figures, config, duration_s, chaos, console)
        except KeyboardInterrupt:
            console.print("stopping")
        marks, strategies = marks2(figures), tuple(one.id for one in config.strategies)
        verdict = down(config, console)
        if not verdict:
            ledger = audit.read_ledger(config.paths.state / "journal", known, strategies)
            verdict, last_line = judge(config.paths.state, known, ledger, console), earned(ledger, marks, known)
    finally:
        if verdict == 0:
            clear(config, place)
        else:
            console.print(f"the demo's files are in {place}")
    if chaos is not None:
        console.print(f"killed with SIGKILL: {chaos.text} (seed {chaos.seed})")
    console.print(last_line)
    return verdict


def dashboard_of(config: Config) -> str:
    """The address of the dashboard, as its role has written it; it is up before the first order, or soon."""
    until, file = time.monotonic() + DASHBOARD_S, config.paths.run / ADDRESS
    while not file.exists() and time.monotonic() < until:
        time.sleep(POLL_S)
    return (
        file.read_text(encoding="utf-8") if file.exists() else "the dashboard is not up yet: engine-ctl log dashboard"
    )


def down(config: Config, console: Console) -> int:
    """Bring the system down, unless an operator did so already."""
    if not config.paths.system.exists():
        console.print(f"{config.system.name} was brought down by another command")
        return 0
    return engine_ctl(["down", "--system", config.system.name])


def clear(config: Config, place: Path) -> None:
    """Remove the demo's files, and the link to its run directory."""
    link = link_of(config.system.name)
    if link.is_symlink() and link.resolve() == config.paths.run:
        link.unlink()
    shutil.rmtree(config.paths.run, ignore_errors=True)  # the environment may set another run directory
    remove(place)


def remove(place: Path) -> None:
    """Remove a folder to which a checkpoint process may still write: it may run longer than its execution."""
    until = time.monotonic() + CHECKPOINT_S
    while place.exists():
        try:
            shutil.rmtree(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or time.monotonic() > until:
                raise
            time.sleep(POLL_S)


def main(argv: list[str] | None = None) -> int:
    """`python -m engine.demo`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m engine.demo", description=__doc__, formatter_class=raw)
    parser.add_argument("--duration", type=float, help="seconds; default: until Ctrl-C")
    parser.add_argument("--chaos", action="store_true", help="kill a role every few seconds")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the chaos (default 1)")
    parser.add_argument("--every", type=float, default=KILL_EVERY_S, help="average seconds between kills")
    parser.add_argument("--only", default="", metavar="ROLE", help="kill this role only")
    options = parser.parse_args(argv)
    if options.duration is not None and options.duration <= 0:
        parser.error(f"--duration must be more than 0, was {options.duration}")
    if importlib.util.find_spec("aiohttp") is None:
        parser.error("the embedded venue needs aiohttp: pip install 'steelyard[sim]'")
    if options.every <= 0:
        parser.error(f"--every must be more than 0, was {options.every}")
    chaos = Chaos(options.seed, options.every, options.only) if options.chaos else None
    return run(options.duration, chaos)


if __name__ == "__main__":
    sys.exit(main())
