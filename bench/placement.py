"""What the placement of the engine's process is worth: tick to order beside busy neighbours, in one run.

    unpinned       the process may use every core
    pinned         `cores`: one core, which a neighbour may use too
    pinned_fifo    and `schedule = "fifo:10"`, `lock_memory = true`: no neighbour gets the core while it steps

The process is that of `bench.path`. A neighbour for each core computes without an end. The placements are measured in
turns, so that a slow minute of the machine hits all of them; `ratio` is the p99 of `unpinned` over that of the other.
A placement that the machine refuses is left out, and named.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.machine import describe
from bench.path import measure, report
from engine import placement
from engine.config import Process

PREFIX = "STEELYARD__PROCESSES__CORE__"
PLACEMENTS: dict[str, dict[str, str]] = {
    "unpinned": {"CORES": "[]"},
    "pinned": {},
    "pinned_fifo": {"SCHEDULE": '"fifo:10"', "LOCK_MEMORY": "true"},
}
REAL_TIME = Process(name="core", roles=("core",), schedule="fifo:10", lock_memory=True)
TURNS, SECONDS, QUICK_SECONDS = 5, 20.0, 10.0
BUSY = "while True: pass"


@contextmanager
def neighbours() -> Iterator[None]:
    """A process for each core that computes without an end."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


@contextmanager
def placed(keys: Mapping[str, str]) -> Iterator[None]:
    """Set keys of the process's table by the environment."""
    names = {PREFIX + key: value for key, value in keys.items()}
    os.environ.update(names)
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


def permitted() -> dict[str, dict[str, str]]:
    """The placements that this machine and user permit."""
    try:
        placement.check(REAL_TIME)
    except placement.PlacementError:
        return {name: keys for name, keys in PLACEMENTS.items() if "SCHEDULE" not in keys}
    return PLACEMENTS


def run(turns: int, seconds: float) -> dict[str, object]:
    """The figures of every placement."""
    chosen = permitted()
    found: dict[str, list[int]] = {name: [] for name in chosen}
    with neighbours():
        for _ in range(turns):
            for name, keys in chosen.items():
                with placed(keys):
                    found[name].append(report(measure(seconds), seconds)["tick_to_order_p99_ns"])
    p99 = {name: round(statistics.median(values)) for name, values in found.items()}
    return {
        "machine": describe(), "turns": turns, "seconds": seconds, "tick_to_order_p99_ns": p99,
        "ratio": {name: round(p99["unpinned"] / value, 2) for name, value in p99.items() if name != "unpinned"},
        "refused": sorted(set(PLACEMENTS) - set(chosen)),
    }  # fmt: skip


def main() -> None:
    """`python -m bench.placement [--json] [--quick]`."""
    parser = argparse.ArgumentParser(prog="python -m bench.placement", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="one turn: does it run")
    options = parser.parse_args()
    figures = run(1, QUICK_SECONDS) if options.quick else run(TURNS, SECONDS)
    print(json.dumps(figures, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
