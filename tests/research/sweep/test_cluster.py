"""The same sweep on a cluster: worker processes of Dask, one of which dies in the middle."""

import os
import signal
from pathlib import Path

import pytest
from distributed import LocalCluster

from bench.market import made
from research.sweep import sweep
from tests.research.sweep.cases import begun, described, driven
from tests.research.sweep.strategies import Every


@pytest.mark.soak  # a cluster starts in seconds
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("variants", [1, 3])
def test_a_cluster_that_loses_a_worker_gives_the_table_of_one_machine(tmp_path: Path, variants: int) -> None:
    """A sweep that needs many machines must not need another strategy, and gets the same numbers."""
    tape, space = made(8_000), {"every": list(range(1, 20)), "fault": ["", "raise"]}
    expected = driven(described(tmp_path / "local", data=tape, space=space), 2)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        found = begun(tmp_path / "cluster", data=tape, space=space, cluster=cluster, variants=variants)
        while found.progress().ended < 3:
            assert found.progress().running, found.last_words()
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        found.wait(100)
    assert found.folder.table.read_bytes() == expected


def test_a_wrong_address_is_refused_by_name() -> None:
    """A cluster inside one process cannot be reached by the driver."""
    for wrong in ("inproc://1", "localhost", 8786):
        with pytest.raises(ValueError, match=r"cluster: found .*, expected the address of a Dask scheduler"):
            sweep("day.npy", Every, cluster=wrong)
