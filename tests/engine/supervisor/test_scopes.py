"""A halt, a cancel and a flattening of a part of a real system, over deaths, `down` and `up`."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from engine.control import Peer, Refused, call
from engine.lanes import LOOKERS, open_lanes
from engine.model.scope import Held, Scope
from engine.model.words import CommandKind, FlattenState, HaltReason, SessionState
from engine.supervisor import segments
from engine.supervisor.halt import Halt
from engine.supervisor.scopes import HaltedScopes
from tests.engine.answers import data_of
from tests.engine.conftest import Write
from tests.engine.floor import Floor, until

Make = Callable[..., Floor]
MAKER, TAKER = 1, 2
DUST = 0.001  # of BTC and ETH: less than any order of the two strategies


def accepted(floor: Floor, strategy: int) -> int:
    """How many orders of a strategy the venue has accepted."""
    events = [one for one in floor.truth() if one["what"] == "accepted"]
    return sum(int(one["client_id"][12:18], 16) == strategy for one in events)


def trades(floor: Floor, strategy: int) -> bool:
    """Wait until a strategy trades."""
    before = accepted(floor, strategy)
    return bool(until(lambda: accepted(floor, strategy) > before))


def session_state(floor: Floor) -> int:
    """How far execution's session is."""
    row = open_lanes(floor.system, LOOKERS).cell_reader("sessions").read(0)
    return row.state if row is not None else 0


def output(capfd: pytest.CaptureFixture[str]) -> Any:
    """The JSON of the last command."""
    return data_of(capfd.readouterr().out.splitlines()[-1])


def test_a_halted_strategy_stays_halted_over_deaths_down_and_up_while_the_other_trades(
    floor: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    """The operator halts what misbehaves, and the rest earns."""
    system = floor()
    system.up()
    assert trades(system, MAKER)
    assert system.type("halt", "--strategy", "maker", "--timeout", "30") == 0
    assert "strategy maker is halted" in capfd.readouterr().out
    before = accepted(system, MAKER)
    assert not [one for one in system.open_orders() if int(one[12:18], 16) == MAKER]
    os.kill(system.pid("execution"), signal.SIGKILL)
    os.kill(system.status()["pid"], signal.SIGKILL)
    until(lambda: system.type("status") == 1 and "strategy maker" in capfd.readouterr().out)
    until(lambda: session_state(system) == SessionState.READY)
    system.type("status")
    assert "strategy maker" in capfd.readouterr().out
    assert accepted(system, MAKER) == before
    assert system.type("down") == 0
    system.up()
    capfd.readouterr()
    assert system.type("resume") == 0
    assert "strategy maker is STILL HALTED" in capfd.readouterr().out
    assert trades(system, TAKER)
    assert accepted(system, MAKER) == before
    assert system.type("resume", "--strategy", "maker") == 0
    assert trades(system, MAKER)
    assert system.type("down") == 0


def test_flatten_closes_everything_and_holds_over_a_death_and_a_restart(
    floor: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    """Flat by the venue's own account of it, and no strategy buys back."""
    system = floor()
    system.up()
    assert trades(system, MAKER)
    assert trades(system, TAKER)
    capfd.readouterr()
    assert system.type("flatten", "--json", "--timeout", "60") == 0
    assert output(capfd)["flat"] is True
    assert system.open_orders() == set()
    gained: dict[str, str] = {}
    for event in system.truth():
        gained |= event["gained"]
    assert {abs(float(gained[one])) < DUST for one in ("BTC", "ETH")} == {True}, gained
    before, pid = system.accepted(), system.pid("execution")
    os.kill(pid, signal.SIGKILL)
    until(lambda: system.pid("execution") not in (0, pid))
    assert system.type("down") == 0
    system.up()
    assert system.status()["halt_reason"] == "flatten"
    assert system.accepted() == before
    assert system.type("resume") == 0
    assert system.trades()
    assert system.type("down") == 0


def test_flatten_without_a_supervisor_prints_one_document_also_the_second_time(
    floor: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line of text before the JSON broke scripts, and a second flatten waited for a command that was carried out."""
    system = floor()
    system.up()
    assert trades(system, MAKER)
    found = system.status()
    for pid in (found["guard"], found["pid"]):
        os.kill(pid, signal.SIGKILL)
    capfd.readouterr()
    for _ in range(2):
        assert system.type("flatten", "--json", "--timeout", "60") == 0
        assert data_of(capfd.readouterr().out)["flat"] is True
    assert system.type("down") == 0


def test_a_flatten_after_a_halt_closes_positions_also_by_an_operator_who_cannot_write_the_word(floor: Make) -> None:
    """The older halt word ended the flattening at each poll: the system was shown as flattening and held everything."""
    system = floor()
    system.up()
    assert trades(system, MAKER)
    assert system.type("halt", "--timeout", "30") == 0
    call(system.paths.control, "flatten")
    assert until(lambda: _is_flat(system))
    assert system.status()["halt_reason"] == "flatten"
    call(system.paths.control, "halt")
    word = open_lanes(system.system, LOOKERS).cell_reader("operator_halt").read(0)
    assert (word.halted, word.reason) == (1, HaltReason.OPERATOR), "and the other way round"
    assert system.type("resume") == 0
    assert trades(system, MAKER)
    assert system.type("down") == 0


def _is_flat(system: Floor) -> bool:
    """By what execution shows of the whole system."""
    row = open_lanes(system.system, LOOKERS).cell_reader("scope_halts", "execution").read(0)
    return row is not None and row.state == FlattenState.FLAT


def test_cancel_prints_what_has_ended(floor: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """One order by its id, then all of a strategy; both without a halt."""
    system = floor()
    system.up()
    assert trades(system, MAKER)
    capfd.readouterr()
    assert until(lambda: _cancel_one(system, capfd))
    assert system.type("cancel", "--strategy", "maker", "--json", "--timeout", "30") == 0
    assert all(one["state"] in ("cancelled", "filled") for one in output(capfd)["ended"])
    assert system.type("cancel") == 2
    assert "expected ORDER" in capfd.readouterr().err
    assert system.type("cancel", "no-such-order") == 3
    assert not system.status()["halted"]
    assert trades(system, MAKER)
    assert system.type("down") == 0


def _cancel_one(system: Floor, capfd: pytest.CaptureFixture[str]) -> bool:
    """Cancel an order that is open now; it may have ended before the cancel came."""
    system.type("orders", "--json")
    lines = capfd.readouterr().out.splitlines()
    order = data_of(lines[0])["client_id"] if lines else ""
    if not order or system.type("cancel", order, "--json", "--timeout", "30"):
        capfd.readouterr()
        return False
    return [one["client_id"] for one in output(capfd)["ended"]] == [order]


def test_a_part_that_does_not_exist_is_refused_with_those_that_do(floor: Make) -> None:
    """A halt of nothing would leave the operator in the belief that it is halted."""
    system = floor()
    system.up()
    assert system.type("halt", "--strategy", "mikar") == 2
    assert system.type("halt", "--strategy", "maker", "--instrument", "1") == 2
    for arguments in ({"account": 9}, {"venue": "moon"}, {"strategy": 1, "instrument": 1}):
        with pytest.raises(Refused, match="expected"):
            call(system.paths.control, "halt", **arguments)
    assert system.type("halt", "--account", "binance", "--timeout", "30") == 0
    assert system.type("resume", "--all") == 0
    assert system.status()["halted_scopes"] == []
    assert system.type("down") == 0


def test_each_supervisor_publishes_the_halted_scopes_again(write: Write) -> None:
    """An execution that was dead until `down` never read the command; its lanes are gone."""
    config = write()
    segments.create(config)
    halt = Halt(config, 1)
    me = Peer(1, 0)
    halt.halt_scope(2, me, Scope(strategy=3), HaltReason.OPERATOR)
    halt.halt_scope(3, me, Scope(instrument=4), HaltReason.FLATTEN, flattens=True)
    halt.halt_scope(4, me, Scope(account=1), HaltReason.OPERATOR)
    halt.resume_scope(5, me, Scope(account=1))
    halt.close()
    segments.remove(config)
    segments.create(config)
    halt = Halt(config, 6)
    ring = open_lanes(config.system.name, LOOKERS).ring_reader("commands")
    ring.cursor = 0
    rows = [(row.kind, row.strategy, row.instrument, row.account) for row in ring.rows()]
    assert rows == [(CommandKind.HALT, 3, 0, 0), (CommandKind.FLATTEN, 0, 4, 0)]
    halt.close()
    segments.remove(config)


def test_a_damaged_file_of_scopes_is_set_aside(write: Write) -> None:
    """The supervisor must start: without it no operator can resume."""
    config = write()
    for text in ("{", "[7]", '[{"account": 0}]', '[{"account": "x"}]'):
        config.paths.halts.write_text(text)
        assert HaltedScopes(config.paths.halts).held == {}
        assert config.paths.halts.with_suffix(".damaged").read_text() == text
    scopes = HaltedScopes(config.paths.halts)
    assert scopes.add(Scope(strategy=3), Held(1, HaltReason.OPERATOR, 0, flattens=False))
    assert HaltedScopes(config.paths.halts).held == scopes.held
    assert scopes.remove(Scope(strategy=3))
    assert HaltedScopes(config.paths.halts).held == {}
