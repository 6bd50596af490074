"""The recorder as a process of a configured system."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from engine.config import Config
from engine.lanes import FEED, open_lanes
from engine.lanes.create import create, lanes_of
from engine.lanes.owners import owners_of
from engine.model.records import TICK
from tests.engine.conftest import Write
from tests.engine.floor import until
from tests.engine.recorder.conftest import rows

TABLE = '[recorder]\nlanes = ["ticks"]\nseal_seconds = 0\nfree_mib = 0\nflush_ms = 1\n'


@contextmanager
def begun(config: Config) -> Iterator["subprocess.Popen[bytes]"]:
    """The process as the supervisor starts it; a failed test leaves none."""
    command = [sys.executable, "-m", "engine.runtime", *config.runtime_arguments(config.process("recorder"))]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def recorded(directory: Path) -> list[int]:
    """The prices of the recorded ticks."""
    found = rows(directory)
    return found["price"].tolist() if len(found) else []


def test_the_table_gives_the_system_a_recorder_in_a_process_of_its_own(write: Write) -> None:
    """Without the table there is none; with it nothing else of the file changes."""
    assert "recorder" not in write().role_names
    config = write(TABLE)
    assert config.role_names[-1] == "recorder"
    assert config.process("recorder").roles == ("recorder",)


def test_a_killed_recorder_loses_nothing_that_the_ring_still_has(write: Write) -> None:
    """A SIGKILL between two records is no gap in the day."""
    config = write(TABLE)
    for name, lane, _ in lanes_of(owners_of(config)):
        create(config.system.name, name, lane)
    lanes = open_lanes(config.system.name, FEED, "feed")
    ticks = lanes.ring_writer("ticks")
    directory = config.paths.history()
    for life in range(3):
        with begun(config) as process:
            row = np.zeros(10, TICK.dtype)
            row["price"] = np.arange(life * 10, life * 10 + 10)
            ticks.publish_bytes(row.tobytes())
            until(lambda: len(recorded(directory)) == life * 10 + 10)  # noqa: B023 - called in this round
            process.send_signal(signal.SIGKILL if life < 2 else signal.SIGTERM)
            assert process.wait(10) == (-signal.SIGKILL if life < 2 else 0)
    assert recorded(directory) == list(range(30))
    lanes.close()
