"""The state that a strategy saves, in a whole system whose processes are killed."""

import os
import signal
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import shm
from tests.engine.floor import Floor, until

NUMBER = 3
MORE = f"""
[[strategies]]
name = "tallying"
id = {NUMBER}
class = "tests.engine.tallying:Tallying"
instruments = [2]
[[processes]]
name = "tallying"
roles = ["tallying"]
"""


def saved(floor: Floor) -> list[int]:
    """The tally in shared memory."""
    row = shm.CellReader(f"{floor.system}.states.tallying").read(0)
    return msgspec.msgpack.decode(row.data[: row.size]) if row is not None else [0, 0]


def filled(floor: Floor) -> list[int]:
    """The same of execution's records: every fill once."""
    ring = shm.RingReader(f"{floor.system}.fills.execution")
    ring.cursor = ring.header.first
    rows: dict[bytes, Any] = {row.venue_fill_id: row for row in ring.rows() if row.strategy == NUMBER}
    return [len(rows), sum(row.side * row.size for row in rows.values())]


@pytest.mark.soak
def test_no_fill_is_missing_or_twice_in_the_state_after_kills_of_strategy_and_execution(
    floor: Callable[..., Floor],
) -> None:
    """`kill -9` at any moment; a new run begins without the state of the last one."""
    system = floor(MORE)
    system.up()
    for name in ("tallying", "execution", "tallying", "tallying"):
        before = saved(system)[0]
        until(lambda before=before: saved(system)[0] > before + 4)
        os.kill(system.pid(name), signal.SIGKILL)
    assert system.type("halt") == 0
    until(lambda: saved(system) == filled(system))
    assert saved(system)[0] > 16
    assert "its saved state is loaded" in system.log("tallying")
    assert system.type("down") == 0
    text = system.log("tallying")
    system.up()
    assert system.type("status") in (0, 1)
    assert "saved state" not in system.log("tallying")[len(text) :]
    assert system.type("down") == 0
