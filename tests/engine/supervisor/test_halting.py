"""Halting a real trading system whose supervisor does not help: stopped, dead, or reached too late."""

import os
import re
import signal
import time
from collections.abc import Callable

import pytest

import shm
from engine.control import Unreachable, call
from tests.engine.endless import FLOODS, HANG, RESTING, RISK
from tests.engine.floor import CONFIGS, Floor, until

Make = Callable[..., Floor]
STRATEGY = re.compile(r"class = .*\n(instruments = .*)\n\[strategies.parameters\]\n(?:.+\n)+")  # of demo.toml
RATE = "max_order_rate_per_min = 3000"
PATIENT = "[watch]\nsupervisor_frozen_ms = 3600000\n"  # no guard comes to help


def freeze(floor: Floor) -> int:
    """SIGSTOP the supervisor; its pid."""
    pid = int(floor.status()["pid"])
    os.kill(pid, signal.SIGSTOP)
    return pid


def kill_guard_and_supervisor(floor: Floor) -> int:
    """SIGKILL both; no process reads the control socket then."""
    state = floor.status()
    os.kill(state["guard"], signal.SIGKILL)
    os.kill(state["pid"], signal.SIGKILL)
    return int(state["pid"])


@pytest.mark.parametrize("without", [freeze, kill_guard_and_supervisor])
def test_halt_works_while_the_supervisor_is_frozen_or_dead(
    floor: Make, capfd: pytest.CaptureFixture[str], without: Callable[[Floor], int]
) -> None:
    """180 orders were accepted in the 15 s after a halt that only the supervisor could carry out."""
    system = floor(PATIENT)
    system.up()
    assert system.trades()
    without(system)
    assert system.trades(), "the engine must go on without its supervisor, or this test shows nothing"
    assert system.type("halt", "--strategy", "maker") == 3
    refused = capfd.readouterr().err
    assert "nothing was halted; engine-ctl halt without option halts the whole system now; to halt a" in refused
    assert system.type("halt", "--timeout", "30") == 0
    accepted = system.accepted()
    assert system.open_orders() == set()
    with pytest.raises(AssertionError, match="waited"):
        until(lambda: system.accepted() != accepted, 3)


@pytest.mark.parametrize("way", ["file", "signal"])
def test_the_file_and_the_signal_halt_while_the_supervisor_is_frozen(floor: Make, way: str) -> None:
    """Three ways, so that one of them works; before, one process alone read all three."""
    system = floor(PATIENT)
    system.up()
    assert system.trades()
    execution = system.pid("execution")
    supervisor = freeze(system)
    if way == "file":
        system.paths.halt.touch()
    else:
        os.kill(execution, signal.SIGUSR1)
    until(lambda: not system.open_orders() and "halted by execution" in system.log("execution"))
    accepted = system.accepted()
    with pytest.raises(AssertionError, match="waited"):
        until(lambda: system.accepted() != accepted, 3)
    os.kill(supervisor, signal.SIGCONT)
    assert until(lambda: (state := system.status())["halted"] and state)["halt_reason"] == way


def test_halt_works_with_the_supervisor_frozen_and_every_strategy_in_an_endless_loop(floor: Make) -> None:
    """Nothing that answers is left but execution, and it is flooded: no order follows the halt, and none stays open."""
    found = STRATEGY.finditer((CONFIGS / "demo.toml").read_text())
    endless = {one[0]: f'class = "tests.engine.endless:Endless"\n{one[1]}\n' for one in found}
    system = floor(PATIENT, **endless, **{RATE: RISK})
    limits = system.file.parent / "venue.toml"
    limits.write_text(limits.read_text().replace("orders_10_seconds = 1_000", "orders_10_seconds = 1_000_000"))
    system.up()
    until(lambda: len(system.open_orders()) >= 2 * RESTING)
    freeze(system)
    (system.paths.run.parent / HANG).touch()
    until(lambda: hangs(system))
    assert system.trades(), "the endless loops must submit, or this test shows nothing"
    (system.paths.run.parent / FLOODS).touch()
    assert system.type("halt", "--timeout", "30") == 0
    accepted = system.accepted()
    assert system.open_orders() == set()
    with pytest.raises(AssertionError, match="waited"):
        until(lambda: system.accepted() != accepted, 3)
    assert hangs(system)


def hangs(floor: Floor) -> bool:
    """Whether every strategy's hook has not returned for a second."""
    beats = [shm.CellReader(floor.config.lane("heartbeat", one.name)).read(0) for one in floor.config.strategies]
    return all(time.monotonic_ns() - beat.beat_ns > 10**9 for beat in beats)


def test_what_a_frozen_supervisor_did_not_answer_is_not_carried_out_later(floor: Make) -> None:
    """A `down` or a `resume` that timed out was forgotten by its operator, not by the socket."""
    system = floor(PATIENT)
    system.up()
    pid = freeze(system)
    for command in ("resume", "down"):
        with pytest.raises(Unreachable):
            call(system.paths.control, command, 0.2)
    assert system.type("halt", "--timeout", "30") == 0
    os.kill(pid, signal.SIGCONT)
    state = until(system.status)
    assert (state["halted"], state["stopping"], state["pid"]) == (True, False, pid)
    assert system.type("resume") == 0
    assert system.trades()
    assert system.type("down") == 0
