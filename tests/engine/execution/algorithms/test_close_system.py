"""Amend and close in a real system on the loopback venue, with execution killed while it closes."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from engine.lanes import LOOKERS, open_lanes
from engine.model.words import ParentStatus
from tests.engine.floor import Floor, until

STRATEGY = 3
MORE = """
[[strategies]]
name = "leaving"
id = 3
class = "tests.engine.leaving:Leaving"
instruments = [1]
[[processes]]
name = "leaving"
roles = ["leaving"]
[watch]
death_limit = 1000
late_ms = 3600000
frozen_ms = 3600000
"""


def newest(system: Floor) -> Any:
    """The newest record of the strategy's parent; None before the first."""
    ring = open_lanes(system.system, LOOKERS).ring_reader("parents")
    ring.cursor, found = ring.oldest, None
    while (row := ring.read()) is not None:
        if getattr(row, "strategy", 0) == STRATEGY:
            found = row
    return found


@pytest.mark.soak
@pytest.mark.timeout(150)
def test_a_position_is_closed_whole_through_deaths_of_execution(floor: Callable[..., Floor]) -> None:
    """A rest of a position that its owner believes closed is a risk that no person decided on."""
    system = floor(MORE)
    system.up()
    until(lambda: newest(system) is not None)
    for _ in range(2):
        pid = system.pid("execution")
        os.kill(pid, signal.SIGKILL)
        until(lambda old=pid: system.pid("execution") not in (0, old))
    until(lambda: newest(system).status == ParentStatus.DONE)
    row = newest(system)
    print(row)  # noqa: T201 - the figures of the run
    assert row.filled == row.size > 0
    assert sum(event["what"] == "amended" for event in system.truth()) == 1
    cells = open_lanes(system.system, LOOKERS).cell_reader("positions")
    held = [cell for index in range(cells.count) if (cell := cells.read(index)) is not None and cell.strategy == 3]
    assert [cell.size for cell in held if cell.instrument == 1] == [0]
    assert not any(cell.open_buy or cell.open_sell for cell in held)
    assert system.differences() == []
