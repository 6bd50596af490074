"""What a meter costs: one update of a counter and of a histogram, from compiled code and from Python.

    python -m bench.meters [--json]

`update_ns` is the dearer of the two compiled updates, the histogram's, at the median of the rounds. Each round updates
a lane in shared memory, as a role does.
"""

import argparse
import secrets
import statistics
import time
from collections.abc import Callable

import orjson

import shm
from bench.machine import describe
from engine.lanes import open_lanes
from engine.lanes.create import create
from engine.meters import current
from engine.meters.table import place_of

UPDATES, PYTHON_UPDATES, ROUNDS = 2_000_000, 200_000, 15


def python_ns(update: Callable[[int, int], None], place: int) -> float:
    """Nanoseconds of one update from Python, the call and the loop included."""
    begin_ns = time.perf_counter_ns()
    for count in range(PYTHON_UPDATES):
        update(place, count)
    return (time.perf_counter_ns() - begin_ns) / PYTHON_UPDATES


def measure() -> dict[str, float]:
    """The medians and the spread of interleaved rounds."""
    counter, histogram = place_of("orders"), place_of("gate")
    rounds: list[tuple[float, float, float, float]] = []
    for _ in range(ROUNDS):
        count_ns, observe_ns = current.time_updates(counter, histogram, UPDATES)
        python = python_ns(current.add, counter), python_ns(current.observe, histogram)
        rounds.append((count_ns / UPDATES, observe_ns / UPDATES, *python))
    counted, observed, added, python_observed = (sorted(column) for column in zip(*rounds, strict=True))
    return {
        "update_ns": statistics.median(observed), "update_least_ns": observed[0], "update_most_ns": observed[-1],
        "count_ns": statistics.median(counted), "python_count_ns": statistics.median(added),
        "python_observe_ns": statistics.median(python_observed),
    }  # fmt: skip


def main() -> None:
    """Make a lane, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    system = f"bench{secrets.token_hex(6)}"
    create(system, "meters.maker")
    try:
        meters = current.Meters(open_lanes(system, "strategy", "maker").word_writer("meters"))
        meters.select()
        figures = measure()
        meters.close()
    finally:
        shm.remove(f"{system}.meters.maker")
    if options.json:
        print(orjson.dumps({"machine": describe(), **figures}).decode())
        return
    print(describe())
    for name, value in figures.items():
        print(f"{name:20} {value:8.2f}")


if __name__ == "__main__":
    main()
