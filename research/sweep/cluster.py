"""Runs trials on a cluster by Dask distributed: the same function as a local child, with the same rows.

Each worker of the cluster loads the strategy and maps the data from the same paths, so the data and the strategy's
files are on a file system that all machines share; a worker with other code or other data refuses, and the sweep stops.
A trial whose worker dies runs again on another. Workers should have one thread each: trials of one process share its
modules.
"""

from typing import Any

import msgspec

from research.sweep.forks import Died
from research.sweep.log import Row
from research.sweep.study import Study

AHEAD = 2  # trials on the way for each thread, so that none waits for the next


class Cluster:
    """A pool of trials on the workers of a scheduler."""

    def __init__(self, study: Study, address: str) -> None:
        """Connect to the scheduler."""
        try:
            import distributed  # noqa: PLC0415 - an extra, and it starts threads
        except ImportError as error:
            raise ValueError("a cluster needs Dask: pip install 'steelyard[dask]'") from error
        self._dask: Any = distributed
        self._client: Any = self._dask.Client(address, timeout="10s")
        self._description = msgspec.json.encode(study)
        self._futures = dict[Any, int]()

    @property
    def room(self) -> int:
        """How many trials are on their way at once."""
        return max(1, AHEAD * int(sum(self._client.nthreads().values())))

    @property
    def running(self) -> int:
        """How many are on their way."""
        return len(self._futures)

    def start(self, number: int, parameters: dict[str, Any]) -> None:
        """Send a trial."""
        future = self._client.submit(run_trial, self._description, number, parameters, pure=False)
        self._futures[future] = number

    def ended(self, timeout_s: float) -> list[Row | Died]:
        """The trials that have ended."""
        try:
            done = self._dask.wait(list(self._futures), timeout=timeout_s, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return []
        return [self._row_of(one, self._futures.pop(one)) for one in done]

    def _row_of(self, future: Any, number: int) -> Row | Died:
        """The row of a trial; the death of its workers; an error of the cluster is raised."""
        error = future.exception()
        if isinstance(error, self._dask.KilledWorker):
            return Died(number, "the workers of the cluster that ran it died")
        if error is not None:
            raise error
        return msgspec.msgpack.decode(future.result(), type=Row)

    def close(self) -> None:
        """Withdraw what has not ended."""
        self._client.cancel(list(self._futures))
        self._client.close()


def run_trial(description: bytes, number: int, parameters: dict[str, Any]) -> bytes:
    """Run one trial in a worker of the cluster."""
    from research.sweep.trial import runner_of  # noqa: PLC0415 - loads the simulation, in the worker

    return msgspec.msgpack.encode(runner_of(description).run(number, parameters))
