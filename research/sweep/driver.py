"""The driver: the one process that runs the trials of a sweep and writes its log.

    pending trials ──▶ children (`forks`) or a cluster (`cluster`) ──rows──▶ trials.log ──all ended──▶ registry

A killed driver loses at most the trials that were running; the next one runs what the log does not have. A trial whose
process ends without a row, twice, is a row with this error.

    python -m research.sweep.driver HOME ID [--workers N] [--cluster ADDRESS] [--ready FD]
"""

import argparse
import gc
import os
import signal
import sys
from collections import Counter, deque
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import msgspec

from research.sweep.forks import Died, Forks
from research.sweep.lock import lock
from research.sweep.log import LogWriter, Row
from research.sweep.registry import seal
from research.sweep.study import Folder, Study
from research.sweep.trial import Runner

TRIES = 2  # of a trial whose process ends without a row
WAIT_S = 0.25  # how soon a stop is noticed


class Pool(Protocol):
    """Where trials run."""

    @property
    def room(self) -> int:
        """How many may run."""

    @property
    def running(self) -> int:
        """How many run."""

    def start(self, number: int, parameters: dict[str, Any]) -> None:
        """Begin a trial."""

    def ended(self, timeout_s: float) -> list[Row | Died]:
        """The trials that have ended."""

    def close(self) -> None:
        """End what runs."""


class Driver:
    """Runs what the log of a sweep does not have."""

    def __init__(self, folder: Folder, study: Study, log: LogWriter, pool: Pool) -> None:
        """Begin with what the log has."""
        self.folder, self.log, self.pool = folder, log, pool
        self.points = list(study.points())
        self.pending = deque(number for number in range(study.count) if number not in log.rows)
        self.deaths = Counter[int]()
        self.stopped = False

    def run(self) -> bool:
        """Run to the end, or to a stop; whether every trial has ended."""
        while (self.pending or self.pool.running) and not self.is_stopped():
            while self.pending and self.pool.running < self.pool.room:
                number = self.pending.popleft()
                self.pool.start(number, self.points[number])
            for one in self.pool.ended(WAIT_S):
                self.record(one)
        return len(self.log.rows) == len(self.points)

    def is_stopped(self) -> bool:
        """Whether a signal or the file asks for the end."""
        return self.stopped or self.folder.stop.exists()

    def record(self, ended: Row | Died) -> None:
        """Append a row; start a trial again whose process has died."""
        if isinstance(ended, Row):
            self.log.append(ended)
            return
        self.deaths[ended.number] += 1
        if self.deaths[ended.number] < TRIES:
            self.pending.appendleft(ended.number)
            return
        error = f"its process ended {TRIES} times without a result: {ended.why}"
        self.log.append(Row(ended.number, self.points[ended.number], error))

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """End soon: a signal arrived."""
        self.stopped = True


def drive(folder: Folder, workers: int, cluster: str, ready: int) -> bool:
    """Run a sweep as its driver; whether it is finished."""
    held = lock(folder.lock)
    folder.stop.unlink(missing_ok=True)
    os.ftruncate(held, 0)
    os.pwrite(held, msgspec.json.encode({"pid": os.getpid(), "workers": workers}), 0)
    study, log = folder.read(), LogWriter(folder.trials)
    pool = _pool(study, workers, cluster, [held])
    driver = Driver(folder, study, log, pool)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, driver.stop)
    if ready >= 0:
        os.write(ready, b"!")
        os.close(ready)
    try:
        finished = driver.run()
    finally:
        pool.close()
        log.close()
    if finished:
        gc.unfreeze()
        seal(folder, study, log.rows.values())
    return finished


def _pool(study: Study, workers: int, cluster: str, close: list[int]) -> Pool:
    """The children of this process, or a cluster."""
    if cluster:
        from research.sweep.cluster import Cluster  # noqa: PLC0415 - loads dask

        return Cluster(study, cluster)
    runner = Runner(study)
    runner.check()
    return Forks(runner, workers, close)


def main() -> int:
    """Run; 0 when finished, 3 when stopped before the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("id")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cluster", default="", help="the address of a Dask scheduler")
    parser.add_argument("--ready", type=int, default=-1, help="a descriptor that gets a byte when the sweep runs")
    options = parser.parse_args()
    try:
        return 0 if drive(Folder(options.home, options.id), options.workers, options.cluster, options.ready) else 3
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
