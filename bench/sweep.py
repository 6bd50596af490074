"""How many variants of a strategy a second a sweep runs, with one worker and with two, over one mapped data set.

    python -m bench.sweep [--json] [--quick]

A variant is one trial of `research.sweep`: the compiled sample Quoter at its own size and pace over the whole made
market (`bench.market`), a row in the log. A forked child runs `variants_per_pass` of them in one pass over the data,
the number that the sweep chooses for two workers. One worker and two use the same driver and passes of the same size;
the driver is warm (data mapped, modules loaded) and asleep while children run. `sweep_speedup_2` is the median of
interleaved pairs of the ratio of variants a second, `machine_speedup_2` the same ratio of a pure arithmetic loop in
forked processes: what two cores of this machine can give. `pass_speedup_1` is the median of the ratio of one worker's
time with a child for each variant to its time with passes, measured in turn. `data_copies_2` is the share of two
workers together in the mapped data (PSS of its mapping), over its size; `worker_private_bytes` is what one worker has
for itself, largest while it runs a pass.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.machine import describe
from bench.market import BTC, made
from research.simulate import Constant, Fees, Models, Queue
from research.simulate.samples import Quoter
from research.sweep.run.driver import Driver
from research.sweep.run.forks import Forks
from research.sweep.run.log import LogWriter
from research.sweep.run.passes import Passes, Trial, size_of
from research.sweep.start import describe as described
from research.sweep.trial import Runner

ROOT = Path(__file__).resolve().parent.parent
EVENTS, PAIRS, VARIANTS, LOOPS = 1_000_000, 5, 64, 4_000_000
QUICK_EVENTS, QUICK_PAIRS, QUICK_LOOPS = 20_000, 1, 400_000
LATENCY_NS = 1_000_000
MODELS = Models(Constant(LATENCY_NS), Constant(LATENCY_NS), Fees.flat("0.0002", "0.0005"), Queue("power"))
SPACE = {"size": [1_000 * one for one in range(1, 9)], "every": [100 * one for one in range(1, 9)]}


class Bench:
    """One sweep, run again and again."""

    def __init__(self, place: Path, events: int) -> None:
        """Write its data and load what every trial shares."""
        self.folder = described(
            made(events), Quoter, space=SPACE, instruments=[BTC], models=MODELS, home=place, called="event"
        )
        self.study = self.folder.read()
        self.runner = Runner(self.study)
        self.variants = size_of(self.study, 0, self.study.count, 2)

    def seconds(self, workers: int, variants: int = 0) -> float:
        """How long the whole sweep runs with so many workers; `variants` trials in a pass, or those of the bench."""
        self.folder.trials.unlink(missing_ok=True)
        log, pool = LogWriter(self.folder.trials), Forks(self.runner, workers, [])
        driver = Driver(self.folder, self.study, log, pool, variants or self.variants)
        began = time.perf_counter()
        is_whole = driver.run()
        passed = time.perf_counter() - began
        log.close()
        failed = [row.error for row in log.rows.values() if row.error]
        if not is_whole or failed:
            raise RuntimeError(f"{len(failed)} of {self.study.count} variants failed: {failed[:1]}")
        return passed

    def memory(self, variants: int) -> tuple[int, int]:
        """The largest share of two workers in the data, and the largest private memory of one, while passes run."""
        pool, shared, private = Forks(self.runner, 2, []), 0, 0
        passes = Passes([Trial(*one) for one in enumerate(self.study.points())], variants)
        for _ in range(2):
            pool.start(passes.next())
        while pool.running == 2:
            _signal(pool.pids(), signal.SIGSTOP)  # so that both are read at one moment
            found = [_memory_of(pid, self.study.experiment.data) for pid in pool.pids()]
            _signal(pool.pids(), signal.SIGCONT)
            shared = max(shared, sum(one for one, _ in found))
            private = max([private, *(one for _, one in found)])
            pool.ended(0.001)
        pool.close()
        return shared, private


def _signal(pids: list[int], number: int) -> None:
    """Send a signal to children, which are not reaped yet."""
    for pid in pids:
        os.kill(pid, number)


def _memory_of(pid: int, data: str) -> tuple[int, int]:
    """The share of a process in the mapping of a file (PSS), and its private memory beside; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return 0, 0
    shared = private = 0
    is_data = False
    for line in text.splitlines():
        name, *words = line.split()
        if "-" in name:
            is_data = line.endswith(data)
        elif name == "Pss:" and is_data:
            shared += 1024 * int(words[0])
        elif name.startswith("Private_") and not is_data:
            private += 1024 * int(words[0])
    return shared, private


def loop_seconds(workers: int, loops: int) -> float:
    """How long so many processes need for one amount of arithmetic, shared evenly."""
    began = time.perf_counter()
    children = []
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            _count(loops // workers)
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return time.perf_counter() - began


def _count(loops: int) -> int:
    """Arithmetic that touches no memory."""
    total = 0
    for one in range(loops):
        total = (total * 31 + one) & 0xFFFF
    return total


def ratios(run: Callable[[int], float], other: Callable[[int], float], pairs: int) -> tuple[list[float], ...]:
    """The ratio of one worker's time to that of two, of both, in turn; and the times of one worker of the first."""
    found: tuple[list[float], ...] = ([], [], [])
    for each in (run, other):
        each(2)  # warm
    for pair in range(pairs):
        order = (1, 2) if pair % 2 == 0 else (2, 1)
        times = [{workers: each(workers) for workers in order} for each in (run, other)]
        for place, one in enumerate(times):
            found[place].append(one[1] / one[2])
        found[2].append(times[0][1])
    return found


def measure(events: int, pairs: int, loops: int) -> dict[str, Any]:
    """Every figure."""
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place), events)
        sweep, machine, alone = ratios(bench.seconds, lambda workers: loop_seconds(workers, loops), pairs)
        passes = [bench.seconds(1, variants=1) / bench.seconds(1) for _ in range(pairs)]
        data = Path(bench.study.experiment.data).stat().st_size
        shared, private = bench.memory(bench.variants)
    return {
        "sweep_speedup_2": round(median(sweep), 3),
        "machine_speedup_2": round(median(machine), 3),
        "variants_per_s_1": round(VARIANTS / median(alone), 2),
        "variants_per_pass": bench.variants,
        "pass_speedup_1": round(median(passes), 2),
        "pass_spread": [round(min(passes), 2), round(max(passes), 2)],
        "sweep_spread": [round(min(sweep), 3), round(max(sweep), 3)],
        "machine_spread": [round(min(machine), 3), round(max(machine), 3)],
        "variants": VARIANTS,
        "events": events,
        "data_bytes": data,
        "data_copies_2": round(shared / data, 3),
        "worker_private_bytes": private,
    }


def figures(*, quick: bool = False) -> dict[str, Any]:
    """The figures, measured in a process of their own: a fork of a large process is slower."""
    command = [sys.executable, "-m", "bench.sweep", "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one object instead of lines")
    parser.add_argument("--quick", action="store_true", help="few events, one pair: whether it runs, no figures")
    options = parser.parse_args()
    sizes = (QUICK_EVENTS, QUICK_PAIRS, QUICK_LOOPS) if options.quick else (EVENTS, PAIRS, LOOPS)
    report = {"machine": describe(), **measure(*sizes)}
    print(json.dumps(report) if options.json else "\n".join(f"{name:20} {value}" for name, value in report.items()))


if __name__ == "__main__":
    main()
