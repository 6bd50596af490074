"""Runs passes on a cluster by Dask distributed: the same function as a local child, with the same rows.

Each worker of the cluster loads the strategy and maps the data from the same paths, so the data and the strategy's
files are on a file system that all machines share; a worker with other code or other data refuses, and the sweep stops.
A pass whose worker dies runs again on another. Workers should have one thread each: trials of one process share its
modules. The bound of a worker's memory is its own (`--memory-limit`).
"""

from typing import Any

import msgspec

from research.sweep.run.log import Row
from research.sweep.run.passes import Ended, Pass, SharedStateError
from research.sweep.study import Study

AHEAD = 2  # passes on the way for each thread, so that none waits for the next


class Cluster:
    """A pool of passes on the workers of a scheduler."""

    def __init__(self, study: Study, address: str) -> None:
        """Connect to the scheduler."""
        try:
            import distributed  # noqa: PLC0415 - an extra, and it starts threads
        except ImportError as error:
            raise ValueError("a cluster needs Dask: pip install 'steelyard[dask]'") from error
        self._dask: Any = distributed
        self._client: Any = self._dask.Client(address, timeout="10s")
        self._description = msgspec.json.encode(study)
        self._futures = dict[Any, Pass]()

    @property
    def room(self) -> int:
        """How many passes are on their way at once."""
        return max(1, AHEAD * int(sum(self._client.nthreads().values())))

    @property
    def running(self) -> int:
        """How many are on their way."""
        return len(self._futures)

    def start(self, trials: Pass) -> None:
        """Send a pass."""
        future = self._client.submit(run_pass, self._description, trials, pure=False)
        self._futures[future] = trials

    def ended(self, timeout_s: float) -> list[Ended]:
        """The passes that have ended."""
        try:
            done = self._dask.wait(list(self._futures), timeout=timeout_s, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return []
        return [self._ended(one, self._futures.pop(one)) for one in done]

    def _ended(self, future: Any, trials: Pass) -> Ended:
        """The rows of a pass; the death of its workers; an error of the cluster is raised."""
        error = future.exception()
        if isinstance(error, self._dask.KilledWorker):
            return Ended(trials, [], "the workers of the cluster that ran it died")
        if isinstance(error, (MemoryError, SharedStateError)):
            return Ended(trials, [], str(error))
        if error is not None:
            raise error
        return Ended(trials, msgspec.msgpack.decode(future.result(), type=list[Row]))

    def close(self) -> None:
        """Withdraw what has not ended."""
        self._client.cancel(list(self._futures))
        self._client.close()


def run_pass(description: bytes, trials: Pass) -> bytes:
    """Run one pass in a worker of the cluster."""
    from research.sweep.trial import runner_of  # noqa: PLC0415 - loads the simulation, in the worker

    return msgspec.msgpack.encode(runner_of(description).run(trials))
