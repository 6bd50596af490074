"""From a fill to the profit and position that any process can read.

    core 0   venue simulator with its order flow, and a reader that looks at the account's POSITIONS cell every 50 us
    core 1   feed · strategy · execution, one process, spinning: the engine's own roles from a configuration

The strategy buys and sells at once, one order after the other, so that every order fills. The cell carries the time of
the step that read the fill from the socket (`update_ns`, the `receive_ns` of the FILL record); the reader, a process
of its own, looks at the same clock when it has the new cell. So the figure holds the fill's journal entry, the ledger,
the FILL and ORDER records, the rest of the step, the cell, the reader's nap and its turn on a core that is shared.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.command import output, parser_of
from bench.machine import describe, pair
from bench.path import CONFIG, ROOT, SIZE, START_LIMIT_S, VENUE, quantile
from engine.strategy import Book, Strategy

LIMIT_NS = 1_000_000
SECONDS, QUICK_SECONDS = 20.0, 3.0
WARM_UP = 50  # fills not counted
SLIP_STEPS = 10_000
LOOK_S = 50e-6  # how often the reader looks
STILL_NS = 3_000_000_000  # the reader ends when no fill came for so long
MAKE = "import sys; from bench.profit import {0}; {0}(*sys.argv[1:])"


class Turner(Strategy):
    """Trades in turns against either side, one order at a time."""

    def on_book(self, book: Book) -> None:
        """Buy when flat, else leave."""
        if self.orders(book.instrument):
            return
        if self.position(book.instrument):
            self.exit(book.instrument, book.best(1) - SLIP_STEPS)
        else:
            self.enter(book.instrument, 1, SIZE, book.best(-1) + SLIP_STEPS)


def engine(file: str, seconds: str) -> None:
    """The engine's process: its roles in turn, for this long after the first fill."""
    from engine import clock, runtime
    from engine.config import load

    config = load(file)
    process = config.process("core")
    runtime.place(config, process)
    loop = runtime.start(config, process, process.roles)
    account: Any = loop.roles[2].ledger.account[1]  # type: ignore[attr-defined]
    end_ns, filled = clock.now_ns() + int(START_LIMIT_S * 1e9), False
    while (now_ns := clock.now_ns()) < end_ns:
        for role in loop.roles:
            role.step(now_ns)
        if account.fill_count and not filled:
            end_ns, filled = now_ns + int(float(seconds) * 1e9), True
    loop.close()


def reader(system: str, core: str) -> None:
    """A looker's process: how old the newest fill is whenever the account's cell shows one more."""
    from engine import clock
    from engine.lanes import LOOKERS, open_lanes

    os.sched_setaffinity(0, {int(core)})
    cells = open_lanes(system, LOOKERS).cell_reader("positions")
    ages, fills, seen = [], 0, cells.sequence(0)
    end_ns = clock.now_ns() + int(START_LIMIT_S * 1e9)
    while (now_ns := clock.now_ns()) < end_ns:
        if cells.sequence(0) == seen:
            time.sleep(LOOK_S)
            continue
        seen = cells.sequence(0)
        row = cells.read(0)
        age_ns = clock.now_ns() - row.update_ns
        if row.fill_count != fills:
            fills, end_ns = row.fill_count, now_ns + STILL_NS
            ages.append(age_ns)
    print(json.dumps(ages))


def measure(seconds: float) -> list[int]:
    """Venue, engine and reader up; the ages that the reader saw."""
    from engine.clock import OFFSET_VARIABLE, offset_ns
    from engine.config import load
    from engine.loopback.server.configuration import ENGINE_KEY
    from engine.supervisor import segments

    near, engine_core = pair()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = Path(tempfile.mkdtemp(prefix="steelyard-bench-"))
    os.environ.update(
        STEELYARD_RUN_DIRECTORY=str(place), STEELYARD_STATE_DIRECTORY=str(place), BENCH_API_KEY=ENGINE_KEY
    )
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    os.environ[OFFSET_VARIABLE] = str(offset_ns())  # one clock for all, as the supervisor hands it out
    file, venue_file, name = place / "profit.toml", place / "venue.toml", f"bench{os.getpid()}"
    text = CONFIG.format(name=name, port=port, place=place, core=engine_core)
    file.write_text(text.replace("bench.path:Prompt", "bench.profit:Turner"))
    venue_file.write_text(VENUE)
    words = ["-m", "engine.loopback.server", "--port", str(port), "--config", str(venue_file)]
    pinned = ["taskset", "-c", str(near), sys.executable, *words]
    venue = subprocess.Popen(
        [*pinned, "--truth", os.devnull, "--ed25519", str(place / "engine.pem")], stdout=subprocess.PIPE, cwd=ROOT
    )
    config = None
    try:
        assert venue.stdout is not None
        if not venue.stdout.readline():
            raise SystemExit("the venue did not start")
        config = load(str(file))
        config.paths.make()
        segments.create(config)
        looking = subprocess.Popen(
            [sys.executable, "-c", MAKE.format("reader"), name, str(near)], cwd=ROOT, stdout=subprocess.PIPE
        )
        command = [sys.executable, "-c", MAKE.format("engine"), str(file), str(seconds)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=seconds + 2 * START_LIMIT_S)
        ages: list[int] = json.loads(looking.communicate(timeout=START_LIMIT_S)[0])
        return ages
    finally:
        venue.terminate()
        venue.wait()
        if config is not None:
            segments.remove(config)
        shutil.rmtree(place, ignore_errors=True)


def report(ages: list[int], seconds: float) -> dict[str, Any]:
    """The figures, beside their limit."""
    counted = ages[min(WARM_UP, len(ages) // 4) :]
    if not counted:
        raise SystemExit("no fill was seen: nothing was measured")
    return {
        "machine": describe(),
        "fills": len(counted),
        "seconds": seconds,
        "fill_to_profit_p50_ns": quantile(counted, 0.5),
        "fill_to_profit_p99_ns": quantile(counted, 0.99),
        "fill_to_profit_max_ns": max(counted),
        "within_limit": sum(age <= LIMIT_NS for age in counted) / len(counted),
        "limit_ns": LIMIT_NS,
    }


def show(figures: dict[str, Any]) -> None:
    """The figures as text."""
    print(figures["machine"])
    p50, p99, most = (figures[f"fill_to_profit_{name}_ns"] / 1e3 for name in ("p50", "p99", "max"))
    print(f"fill -> position and profit in another process: p50 {p50:.0f} us, p99 {p99:.0f} us, longest {most:.0f} us")
    share, seconds = figures["within_limit"], figures["seconds"]
    print(f"{figures['fills']:,} fills in {seconds:.0f} s, {share:.2%} within {LIMIT_NS / 1e3:.0f} us")


def main() -> None:
    """`python -m bench.profit [--json] [--quick]`."""
    parser = parser_of("profit", __doc__, f"{QUICK_SECONDS:.0f} s: does it run")
    options = parser.parse_args()
    seconds = QUICK_SECONDS if options.quick else SECONDS
    output(report(measure(seconds), seconds), options, show)


if __name__ == "__main__":
    main()
