"""Every algorithm in a real system on the loopback venue, with execution killed in its middle."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.lanes import LOOKERS, open_lanes
from engine.model import algorithms
from engine.model.words import ParentStatus
from tests.engine.floor import Floor, until
from tests.engine.working import PARENTS

STRATEGY = 3
MORE = """
[execution]
volume_profile = "{profile}"
[[strategies]]
name = "working"
id = 3
class = "tests.engine.working:Working"
instruments = [1]
[[processes]]
name = "working"
roles = ["working"]
[watch]
death_limit = 1000
late_ms = 3600000
frozen_ms = 3600000
"""


def records(system: Floor) -> Iterator[Any]:
    """Every record of a parent of the strategy's, oldest first."""
    ring = open_lanes(system.system, LOOKERS).ring_reader("parents")
    ring.cursor = ring.oldest
    while (row := ring.read()) is not None:
        if getattr(row, "strategy", 0) == STRATEGY:
            yield row


def last(system: Floor) -> dict[int, Any]:
    """The newest record of each parent."""
    return {row.intent_id: row for row in records(system)}


def name(row: Any) -> str:
    """A parent's algorithm."""
    return algorithms.name_of(row.algorithm)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_every_algorithm_ends_in_the_venue_s_truth_through_deaths_of_execution(
    floor: Callable[..., Floor], tmp_path: Path
) -> None:
    """An order that is lost, doubled or left at the venue is money that its author does not know of."""
    profile = tmp_path / "profile.csv"
    profile.write_text("time_ms,symbol,volume\n1700000000000,BTCUSDT,1\n")
    system = floor(MORE.replace("{profile}", str(profile)))
    system.up()
    until(lambda: len(last(system)) == len(PARENTS))
    for _ in range(3):
        before = sum(1 for _ in records(system))
        until(lambda known=before: sum(1 for _ in records(system)) > known + 4)
        pid = system.pid("execution")
        os.kill(pid, signal.SIGKILL)
        until(lambda old=pid: system.pid("execution") not in (0, old))
    until(lambda: all(row.status == ParentStatus.DONE for row in last(system).values()))
    found = [(name(row), row.filled, row.size, row.children) for row in last(system).values()]
    print(*found, sep="\n")  # noqa: T201 - the figures of the run
    assert all(filled <= size for _, filled, size, _ in found)
    whole = {one for one, filled, size, _ in found if filled == size}
    assert {"twap", "adaptive_twap", "vwap", "chase", "improve", "protected"} <= whole, found
    assert system.differences() == []
