"""The driver: the one process that runs the trials of a sweep and writes its log.

    passes (`passes`) ──▶ children (`forks`) or a cluster (`cluster`) ──rows──▶ trials.log ──all ended──▶ registry

A killed driver loses at most the passes that were running; the next one runs what the log does not have. A trial whose
process ends without a row, twice, is a row with this error.

    python -m research.sweep.run.driver HOME ID [--workers N] [--variants K] [--cluster ADDRESS] [--ready FD]
"""

import argparse
import gc
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Protocol

import msgspec

from research.sweep.registry import seal
from research.sweep.run.forks import Forks
from research.sweep.run.lock import lock
from research.sweep.run.log import LogWriter, Row
from research.sweep.run.passes import Ended, Pass, Passes, Trial, size_of
from research.sweep.study import Folder, Study
from research.sweep.trial import Runner

TRIES = 2  # of a trial that is alone and whose process ends without a row
WAIT_S = 0.25  # how soon a stop is noticed


class Pool(Protocol):
    """Where passes run."""

    @property
    def room(self) -> int:
        """How many may run."""

    @property
    def running(self) -> int:
        """How many run."""

    def start(self, trials: Pass) -> None:
        """Begin a pass."""

    def ended(self, timeout_s: float) -> list[Ended]:
        """The passes that have ended."""

    def close(self) -> None:
        """End what runs."""


class Driver:
    """Runs what the log of a sweep does not have."""

    def __init__(self, folder: Folder, study: Study, log: LogWriter, pool: Pool, variants: int) -> None:
        """Begin with what the log has; `variants` trials in a pass, or at 0 what `size_of` chooses."""
        self.folder, self.log, self.pool = folder, log, pool
        self.count = study.count
        left = [Trial(number, one) for number, one in enumerate(study.points()) if number not in log.rows]
        self.passes = Passes(left, size_of(study, variants, len(left), pool.room))
        self.deaths = Counter[int]()
        self.stopped = False

    def run(self) -> bool:
        """Run to the end, or to a stop; whether every trial has ended."""
        while (self.passes or self.pool.running) and not self.is_stopped():
            while self.passes and self.pool.running < self.pool.room:
                self.pool.start(self.passes.next())
            for one in self.pool.ended(WAIT_S):
                self.record(one)
        return len(self.log.rows) == self.count

    def is_stopped(self) -> bool:
        """Whether a signal or the file asks for the end."""
        return self.stopped or self.folder.stop.exists()

    def record(self, ended: Ended) -> None:
        """Append the rows of a pass; run the trials again if it has none."""
        for row in ended.rows:
            self.log.append(row)
        if ended.rows:
            return
        if len(ended.trials) > 1:
            self.passes.halve(ended)
        else:
            self.record_death(ended)

    def record_death(self, ended: Ended) -> None:
        """Start a trial again whose process has died; the last death is its row."""
        (trial,) = ended.trials
        self.deaths[trial.number] += 1
        if self.deaths[trial.number] < TRIES:
            self.passes.again(ended.trials)
            return
        error = f"its process ended {TRIES} times without a result: {ended.why}"
        self.log.append(Row(*trial, error))

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """End soon: a signal arrived."""
        self.stopped = True


def drive(folder: Folder, workers: int, variants: int, cluster: str, ready: int) -> bool:
    """Run a sweep as its driver; whether it is finished."""
    held = lock(folder.lock)
    folder.stop.unlink(missing_ok=True)
    os.ftruncate(held, 0)
    os.pwrite(held, msgspec.json.encode({"pid": os.getpid(), "workers": workers}), 0)
    study, log = folder.read(), LogWriter(folder.trials)
    pool = _pool(study, workers, cluster, [held])
    driver = Driver(folder, study, log, pool, variants)
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
    parser.add_argument("--variants", type=int, default=0, help="trials in one pass over the data; 0: chosen")
    parser.add_argument("--cluster", default="", help="the address of a Dask scheduler")
    parser.add_argument("--ready", type=int, default=-1, help="a descriptor that gets a byte when the sweep runs")
    options = parser.parse_args()
    try:
        folder = Folder(options.home, options.id)
        return 0 if drive(folder, options.workers, options.variants, options.cluster, options.ready) else 3
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
