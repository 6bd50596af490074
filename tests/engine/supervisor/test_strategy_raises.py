"""A hook that raises stops its own strategy: its orders end, the others trade on, and the evidence is complete."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.supervisor.processes import deaths
from tests.engine.floor import Floor, until

NUMBER = 3
STRATEGY = f"""
[[strategies]]
name = "raising"
id = {NUMBER}
class = "tests.engine.raising:Raising"
instruments = [2]
"""
OF_DEMO = '[[processes]]\nname = "maker"\nroles = ["maker"]'


def of_raising(floor: Floor) -> set[str]:
    """Its open orders at the venue."""
    return {one for one in floor.open_orders() if int(one[12:18], 16) == NUMBER}


def deaths_of(floor: Floor, process: str) -> list[dict[str, Any]]:
    """The recorded deaths of a process."""
    return [one for one in deaths.read(floor.paths.deaths) if one["process"] == process]


@pytest.mark.soak
def test_one_that_raises_stops_alone_and_the_other_strategy_of_its_process_trades_on(
    floor: Callable[..., Floor],
) -> None:
    """Five strategies share a core: an error in one must not cost the positions of the other four."""
    system = floor(STRATEGY, **{OF_DEMO: '[[processes]]\nname = "both"\nroles = ["raising", "maker"]'})
    system.up()
    found = until(lambda: deaths_of(system, "both.raising"))
    pid = system.pid("both")
    until(lambda: not of_raising(system))
    assert system.trades()
    [death] = deaths_of(system, "both.raising")
    assert death == found[0]
    assert (death["pid"], death["roles"]) == (pid, ["raising"])
    assert death["cause"] == "a strategy failed, its process goes on: KeyError: 2"
    assert "raise KeyError(fill.instrument)" in death["stack"]
    record = {**death["record"], "id": death["record"]["id"][:5]}
    assert record == {"role": "raising", "lane": "fills", "sequence": 0, "strategy": "raising", "instrument": 2,
                      "id": "fill ", "from": "process"}  # fmt: skip
    assert system.type("status") == 1
    assert system.pid("both") == pid
    assert system.type("down") == 0


@pytest.mark.soak
def test_one_that_raises_in_a_process_of_its_own_is_parked_at_its_first_error(floor: Callable[..., Floor]) -> None:
    """A restart would run the same code on the same position, and pay for the same error again."""
    system = floor(STRATEGY + '[[processes]]\nname = "raising"\nroles = ["raising"]\n')
    system.up()
    [death] = until(lambda: deaths_of(system, "raising"))
    process = until(
        lambda: next(
            (one for one in system.status()["processes"] if (one["name"], one["phase"]) == ("raising", "parked")), None
        )
    )
    assert process["deaths"] == 1
    assert (death["raised"], death["exit_code"]) == ("raising", 70)
    assert "raise KeyError(fill.instrument)" in death["stack"]
    until(lambda: not of_raising(system))
    assert system.trades()
    assert system.type("down") == 0
