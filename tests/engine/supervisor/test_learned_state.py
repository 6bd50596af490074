"""What a strategy has learned outlives SIGKILL, in a whole system that trades on the embedded venue."""

import math
import os
import signal
from collections.abc import Callable

import msgspec
import pytest

import shm
from engine.strategy.samples import EnsembleTaker
from tests.engine.floor import Floor, until

MORE = """
[[strategies]]
name = "learning"
id = 3
class = "engine.strategy.samples:EnsembleTaker"
instruments = [1]
parameters = { size = "0.001", horizon_ms = 200 }
[[processes]]
name = "learning"
roles = ["learning"]
"""


def outcomes(floor: Floor) -> int:
    """From how many outcomes the strategy has learned, by its saved state."""
    row = shm.CellReader(f"{floor.system}.states.learning").read(0)
    if row is None:
        return 0
    return int(msgspec.msgpack.decode(row.data[: row.size], type=EnsembleTaker.State).learned.weights.outcomes)


def test_after_sigkill_it_goes_on_with_what_it_has_learned(floor: Callable[..., Floor]) -> None:
    """Weights that begin anew with every restart never learn anything."""
    system = floor(MORE)
    system.up()
    until(lambda: outcomes(system) >= 10)
    cell = shm.CellReader(f"{system.system}.beliefs.learning")
    for _ in range(2):
        pid, count = system.pid("learning"), outcomes(system)
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: system.pid("learning") not in (0, pid))
        assert outcomes(system) >= count
        until(lambda count=count: outcomes(system) > count + 2)
        assert outcomes(system) >= count + 3
    assert "its saved state is loaded" in system.log("learning")
    row = cell.read(0)
    assert math.fsum(row.weights[:3]) == pytest.approx(1.0)
    assert system.type("down") == 0
