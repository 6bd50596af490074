"""The monitor in a whole system: killed, stopped and lied to, with real processes and the embedded venue."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

import shm
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import AlarmReason, OrderState, Reason
from tests.engine.floor import Floor, until

LIES = "tests.engine.monitor.recount.lies"
OFTEN = "\n[execution]\nbalance_interval_ns = 500_000_000\n"
QUICK = {"[monitor] #": "[monitor]\nlate_ms = 60\ndiffers_ms = 300 #"}


def rows(system: Floor, lane: str) -> list[Any]:
    """Every record that a ring of execution holds."""
    ring = open_lanes(system.system, LOOKERS).ring_reader(lane, "execution")
    ring.cursor = ring.oldest
    return [row for row in ring.rows() if not isinstance(row, shm.Lapped)]


def halts(system: Floor) -> dict[int, tuple[int, str]]:
    """The instruments that execution has halted, with reason and text."""
    cells = open_lanes(system.system, LOOKERS).cell_reader("instrument_halts", "execution")
    found = [row for place in range(2) if (row := cells.read(place)) is not None and row.reason]
    return {row.instrument: (row.reason, row.text.rstrip(b"\0").decode()) for row in found}


def watches(system: Floor) -> bool:
    """Whether the monitor has read every fill, and agrees."""
    row = open_lanes(system.system, LOOKERS).cell_reader("monitored_account", "execution").read(0)
    return row is not None and row.fill_count > 0 and not row.differences


def silenced(system: Floor) -> bool:
    """Whether an entry was refused because the monitor is silent."""
    return any(row.reason == Reason.MONITOR_SILENT for row in rows(system, "verdicts"))


@pytest.mark.soak
def test_a_killed_and_a_stopped_monitor_stop_entries_and_halt_nothing(floor: Callable[..., Floor]) -> None:
    """Entries need two who count; exits and cancels do not, and a new monitor begins with the same sums."""
    system = floor(OFTEN, **QUICK)
    system.up()
    until(lambda: watches(system))
    for number in (signal.SIGSTOP, signal.SIGKILL):
        pid = system.pid("monitor")
        os.kill(pid, number)
        until(lambda was=pid: system.pid("monitor") not in (0, was))
        assert system.trades()
    assert silenced(system), "the supervisor replaces a stopped process only after several times late_ms"
    cancelled = [row for row in rows(system, "orders") if row.state == OrderState.CANCELLED]
    assert cancelled, "cancels go on"
    os.kill(system.pid("execution"), signal.SIGKILL)
    assert system.trades()
    until(lambda: watches(system))
    assert (halts(system), rows(system, "disagreements")) == ({}, [])
    assert system.type("monitor") == 0
    assert system.differences() == []


@pytest.mark.soak
def test_an_execution_that_publishes_a_false_position_has_that_instrument_halted(floor: Callable[..., Floor]) -> None:
    """The other program counts 0.001 BTC less, and reports it before the exit is sent that is too large."""
    system = floor(f'{OFTEN}[roles]\nexecution = "{LIES}:build"\n', **QUICK)
    system.up()
    until(lambda: watches(system))
    (system.paths.state / "lie").touch()
    until(lambda: halts(system))
    [(instrument, (reason, text))] = halts(system).items()
    assert (instrument, reason) == (1, AlarmReason.MONITOR_DIFFERS)
    sums, _, published = text.partition(", execution has ")
    assert float(published) - float(sums.rpartition(" ")[2]) == pytest.approx(0.001)
    assert system.trades(), "the other instrument"
    assert system.type("monitor") == 1
    (system.paths.state / "lie").unlink()
    os.kill(system.pid("execution"), signal.SIGKILL)
    assert system.trades()
    assert set(halts(system)) == {1}, "the halt is in the journal"
    assert system.type("resume", "--instrument", "BTCUSDT") == 0
    until(lambda: not halts(system))
    assert system.differences() == []


@pytest.mark.soak
def test_a_venue_that_holds_another_balance_has_that_instrument_halted(floor: Callable[..., Floor]) -> None:
    """Half an ETH that no fill explains may be a fill that was never reported."""
    system = floor(OFTEN, **QUICK, **{'"engine.loopback.server"': f'"{LIES}"'})
    system.up()
    until(lambda: watches(system))
    balances = open_lanes(system.system, LOOKERS).cell_reader("balances", "execution")
    until(lambda: balances.sequence(0) > 4)
    assert system.type("reconcile") == 0
    (system.paths.state / "pay").touch()
    until(lambda: halts(system))
    [(instrument, (reason, text))] = halts(system).items()
    assert (instrument, reason) == (2, AlarmReason.MONITOR_DIFFERS)
    assert text.startswith("ETH: the account holds ")
    there, ours = (float(word) for word in text.split() if word[0].isdigit())
    assert there - ours == pytest.approx(0.5)
    until(lambda: system.type("reconcile") == 1 or any(row.differences for row in rows(system, "reconciliations")))
    assert system.type("resume", "--instrument", "ETHUSDT") == 0
    until(lambda: not halts(system))
    assert system.trades()
