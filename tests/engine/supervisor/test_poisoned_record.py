"""A record on which a role fails in every life: its strategy or its instrument is halted, the others trade on."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

import shm
from engine.supervisor.processes import deaths
from tests.engine.floor import Floor, until
from tests.engine.poisoned import INSTRUMENT, SEQUENCE, STRATEGY

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


def halted(floor: Floor) -> bool:
    """Whether the strategy with the poisoned record is halted, and nothing else is."""
    state = floor.status()
    assert not state["halted"], state["halt_reason"]
    return [one["strategy_name"] for one in state["halted_scopes"]] == ["resting"]


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
    until(lambda: halted(system))
    until(lambda: process(system, "execution")["phase"] == "running")
    found = [one for one in deaths.read(system.paths.deaths) if one["process"] == "execution"]
    record = {
        "role": "execution",
        "lane": "intents",
        "sequence": SEQUENCE,
        "strategy": "resting",
        "instrument": 1,
        "id": "",
    }
    assert [one["record"] for one in found] == [{**record, "from": "process"}] * 2
    assert [one["cause"] for one in found] == ["a role failed: AssertionError: the poisoned record"] * 2
    assert system.trades()
    os.kill(system.pid("execution"), signal.SIGKILL)
    until(lambda: process(system, "execution")["deaths"] == 3)
    assert system.trades(), "the intent is skipped in later lives too"
    assert halted(system)
    assert orders_of_resting(system) == []
    assert system.type("resume", "--strategy", "resting") == 0
    until(lambda: orders_of_resting(system))
    assert system.type("down") == 0


def test_a_parent_on_which_its_algorithm_fails_twice_halts_its_strategy_and_not_the_others(
    floor: Callable[..., Floor],
) -> None:
    """The journal has the parent, so each life works it again, and fails at the next book."""
    system = floor(MORE.replace("poisoned:build", "poisoned:build_chase").replace(":Resting", ":Chasing"))
    system.up()
    until(lambda: halted(system))
    until(lambda: process(system, "execution")["phase"] == "running")
    found = [one for one in deaths.read(system.paths.deaths) if one["process"] == "execution"]
    assert [one["cause"] for one in found] == ["a role failed: AssertionError: the poisoned parent"] * 2
    assert found[0]["record"] == found[1]["record"]
    assert (found[0]["record"]["lane"], found[0]["record"]["strategy"]) == ("parents", "resting")
    assert system.trades()
    assert len([one for one in deaths.read(system.paths.deaths) if one["process"] == "execution"]) == 2
    assert system.type("down") == 0


def halted_instruments(floor: Floor) -> list[int]:
    """The instruments that are halted by the supervisor, where nothing else is."""
    state = floor.status()
    assert not state["halted"], state["halt_reason"]
    assert not any(one["strategy"] or one["account"] for one in state["halted_scopes"])
    return [one["instrument"] for one in state["halted_scopes"]]


def check_left_out(system: Floor, role: str, cause: str, lane: str) -> None:
    """The role has failed twice on one record of instrument 1, the instrument is halted, and the role runs on."""
    until(lambda: halted_instruments(system) == [INSTRUMENT])
    until(lambda: process(system, role)["phase"] == "running")
    found = [one for one in deaths.read(system.paths.deaths) if one["process"] == role]
    assert [one["cause"] for one in found] == [f"a role failed: AssertionError: {cause}"] * 2
    assert found[0]["record"] == found[1]["record"]
    record = found[0]["record"]
    assert (record["lane"], record["strategy"], record["instrument"]) == (lane, None, INSTRUMENT)
    os.kill(system.pid(role), signal.SIGKILL)
    until(lambda: process(system, role)["deaths"] == 3)
    assert system.trades(), "the other instrument"
    assert halted_instruments(system) == [INSTRUMENT]
    assert len([one for one in deaths.read(system.paths.deaths) if one["process"] == role]) == 3


@pytest.mark.soak
def test_a_fill_that_fails_twice_halts_its_instrument_and_execution_trades_the_others(
    floor: Callable[..., Floor], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the fill the position is wrong, so the instrument is not traded; applied, execution never runs."""
    system = floor('[roles]\nexecution = "tests.engine.poisoned:build_fill"\n')
    system.up()
    check_left_out(system, "execution", "the poisoned fill", "fills")
    capsys.readouterr()
    assert system.type("status") == 1
    assert "not_applied" in capsys.readouterr().out
    assert system.type("resume", "--instrument", str(INSTRUMENT)) == 0
    assert system.type("down") == 0


@pytest.mark.soak
def test_a_print_that_fails_twice_halts_its_instrument_and_the_aggregation_goes_on(
    floor: Callable[..., Floor],
) -> None:
    """It reads the ring from its oldest record in each life, so it would fail on the print for ever."""
    system = floor('[roles]\naggregation = "tests.engine.poisoned:build_aggregation"\n')
    system.up()
    check_left_out(system, "aggregation", "the poisoned print", "ticks.feed")
    assert system.type("down") == 0
