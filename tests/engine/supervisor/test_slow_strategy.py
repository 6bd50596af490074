"""A slow strategy with a cadence: it delays nobody, and it is not killed for being slow."""

from collections.abc import Callable

import pytest

from engine.config import ConfigError
from engine.lanes import LOOKERS, open_lanes
from tests.engine.floor import Floor, until

SLOW = """
[[strategies]]
name = "slow"
id = 3
class = "tests.engine.slow:Slow"
instruments = [1, 2]
cadence_ms = 2000
"""
OWN = '[[processes]]\nname = "slow"\nroles = ["slow"]\n'


def test_a_slow_strategy_in_a_process_with_others_is_refused(floor: Callable[..., Floor]) -> None:
    """Its hooks would hold up the maker's quotes."""
    shared = {
        '[[processes]]\nname = "maker"\nroles = ["maker"]': '[[processes]]\nname = "b"\nroles = ["slow", "maker"]'
    }
    with pytest.raises(ConfigError, match="expected a process of its own for 'slow': in 'b' its slow hooks delay"):
        floor(SLOW, **shared)


@pytest.mark.soak
def test_a_hook_of_seconds_delays_no_other_strategy_and_no_feed(floor: Callable[..., Floor]) -> None:
    """Without a cadence it would be killed as frozen; with it, the others never miss a beat meanwhile."""
    system = floor(SLOW + OWN)
    system.up()
    pid = system.pid("slow")
    beats = open_lanes(system.system, LOOKERS).cell_reader("heartbeat", "slow")
    for _ in range(3):
        first = beats.read(0).beat_ns
        before = system.accepted()
        until(lambda first=first: beats.read(0).beat_ns > first + 1_000_000_000)
        assert system.accepted() > before, "the maker trades while the hook of the slow one computes"
    processes = {one["name"]: one for one in system.status()["processes"]}
    assert all(one["deaths"] == 0 for one in processes.values())
    assert system.pid("slow") == pid
    assert all(processes[name]["phase"] == "running" for name in ("feed", "execution", "maker"))
    assert system.type("down") == 0
