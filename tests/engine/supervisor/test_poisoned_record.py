"""A record on which a role fails in every life: the one that sent it is halted, the others trade on."""

import os
import signal
from collections.abc import Callable
from typing import Any

import shm
from engine.supervisor.processes import deaths
from tests.engine.floor import Floor, until
from tests.engine.poisoned import SEQUENCE, STRATEGY

MORE = f"""
[roles]
execution = "tests.engine.poisoned:build"
[[strategies]]
name = "resting"
id = {STRATEGY}
class = "tests.engine.resting:Resting"
instruments = [1]
[[processes]]
name = "resting"
roles = ["resting"]
"""


def process(floor: Floor, name: str) -> dict[str, Any]:
    """A process's part of the status."""
    return next(one for one in floor.status()["processes"] if one["name"] == name)


def disabled(floor: Floor) -> bool:
    """Whether the strategy with the poisoned intent is disabled."""
    return bool((floor.status()["settings"].get("resting") or {}).get("disabled"))


def orders_of_resting(floor: Floor) -> list[Any]:
    """The orders of the strategy, by execution's records."""
    ring = shm.RingReader(f"{floor.system}.orders.execution")
    ring.cursor = ring.oldest
    return [row for row in ring.rows() if not isinstance(row, shm.Lapped) and row.strategy == STRATEGY]


def test_a_record_that_fails_an_assert_twice_halts_its_strategy_and_not_the_others(
    floor: Callable[..., Floor],
) -> None:
    """Execution died on it in each life, until the limit of deaths halted every strategy."""
    system = floor(MORE)
    system.up()
    until(lambda: disabled(system))
    until(lambda: process(system, "execution")["phase"] == "running")
    found = [one for one in deaths.read(system.paths.deaths) if one["process"] == "execution"]
    record = {"role": "execution", "lane": "intents", "sequence": SEQUENCE, "strategy": "resting", "instrument": 1}
    assert [one["record"] for one in found] == [{**record, "from": "process"}] * 2
    assert [one["cause"] for one in found] == ["a role failed: AssertionError: the poisoned record"] * 2
    assert system.trades()
    os.kill(system.pid("execution"), signal.SIGKILL)
    until(lambda: process(system, "execution")["deaths"] == 3)
    assert system.trades(), "the intent is skipped in later lives too"
    assert not system.status()["halted"]
    assert orders_of_resting(system) == []
    assert system.type("strategy", "enable", "resting") == 0
    until(lambda: orders_of_resting(system))
    assert system.type("down") == 0
