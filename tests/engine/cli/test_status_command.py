"""What `status` calls healthy, and the words of its first line."""

import os
from typing import Any

import pytest

from engine.cli import main, sessions
from engine.cli.health import entries_unknown, unreadable_lanes
from engine.cli.system import headline
from engine.config import Config
from engine.lanes import EXECUTION, open_lanes
from engine.model.words import (
    Reason,
)
from shm.segment import path_of
from tests.engine.floor import until
from tests.engine.typed import Typed, Write, zeros


def test_a_gate_that_cannot_be_read_is_not_healthy(market: Config) -> None:
    """`status` exited 0 although nothing was known of what execution sends."""
    system = market.system.name
    unknown = {"execution": "UNKNOWN whether execution sends entries: its cell GATE cannot be read"}
    assert entries_unknown(system, ["execution"]) == unknown, "it runs and has not written its gate"
    cell = open_lanes(system, EXECUTION).cell_writer("gate")
    cell.write(0, *zeros("gate"))
    cell.close()
    assert entries_unknown(system, ["execution"]) == {}
    os.truncate(path_of(f"{system}.gate.execution"), 0)
    assert entries_unknown(system, ["execution"]) == unknown


def test_a_word_that_this_version_does_not_know_is_shown_as_its_number(market: Config) -> None:
    """A newer version, or a damaged cell, may write it; `status` must still show everything else."""
    system = market.system.name
    for lane, values in (("sessions", {"state": 77}), ("instrument_halts", {"instrument": 1, "reason": 88})):
        cell = open_lanes(system, EXECUTION).cell_writer(lane)
        cell.write(0, *zeros(lane, **values))
        cell.close()
    session = sessions.sessions(system, [EXECUTION])[EXECUTION]
    assert session is not None
    assert (session["state"], session["ready"]) == ("77", False)
    assert [one["reason"] for one in sessions.halts(system, {})] == ["88"]


def test_a_lane_that_cannot_be_read_is_not_healthy_until_it_is_made_again(
    typed: Typed, write: Write, system: str
) -> None:
    """Halts and books of such a lane were shown as none, and `status` exited 0; the remedy it prints must work."""
    config = write()
    typed("up", config.path)
    try:
        for lane in ("gate.execution", "scope_halts.execution", "instrument_halts.execution", "book_tops.feed"):
            name = f"{system}.{lane}"
            os.truncate(path_of(name), 0)
            assert list(typed.tree("status", "--system", system, code=1)["unreadable_lanes"]) == [name]
            printed = typed("status", "--system", system, code=1)
            assert f"UNKNOWN what lane {name} holds, it cannot be read: {path_of(name)}: " in printed
            assert f"rm -f {path_of(name)}: the supervisor creates" in printed
            os.remove(path_of(name))
            assert until(lambda: main(["status", "--system", system]) == 0)
    finally:
        typed("down", "--system", system)


def test_every_lane_that_the_roles_need_is_looked_for(market: Config) -> None:
    """A lane whose file is gone is not among the files: its books would be forgotten with it."""
    system = market.system.name
    processes = [{"roles": ["feed"], "kinds": ["feed"]}]
    assert unreadable_lanes(system, processes) == {}
    os.remove(path_of(f"{system}.instruments.feed"))
    [(name, error)] = unreadable_lanes(system, processes).items()
    assert (name, "no such segment" in error) == (f"{system}.instruments.feed", True)
    assert unreadable_lanes(system, []) == {}, "and no lane of a role that the system does not have"


def test_status_shows_that_a_full_disk_has_stopped_entries(typed: Typed, write: Write, system: str) -> None:
    """Every process runs and no entry is sent: the operator must see the reason."""
    config = write()
    typed("up", config.path)
    try:
        assert typed.tree("status", "--system", system)["entries_stopped"] == ""
        cell = open_lanes(config.system.name, EXECUTION).cell_writer("gate")
        cell.write(0, *zeros("gate", exits_only=Reason.JOURNAL_FULL))
        cell.close()
        printed = typed("status", "--system", system, code=1)
        assert "ENTRIES ARE STOPPED" in printed
        assert "NOT trading, JOURNAL_FULL" in printed.splitlines()[0], "the first line is the one that is read"
        assert "JOURNAL_FULL: the disk has no room for the journal" in printed
    finally:
        typed("down", "--system", system)


def _state(phase: str, **more: Any) -> dict[str, Any]:
    """A status with one process, execution, in a phase."""
    one = {
        "name": "core",
        "roles": ["execution"],
        "kinds": ["execution"],
        "phase": phase,
        "exit_code": None,
        "starting_ms": 0,
        **more,
    }
    return {"halted": False, "halt_reason": "none", "stopping": False, "processes": [one]}


def test_the_headline_is_trading_only_while_execution_runs() -> None:
    """An operator may read the first word only; it must be right."""
    assert headline(_state("running")) == "trading"
    assert headline(_state("starting", starting_ms=21_000)) == "NOT trading, execution is starting for 21 s"
    assert headline(_state("running"), {"execution": "the order session is connecting"}) == (
        "NOT trading, the order session is connecting"
    )
    dead = _state("waiting", exit_code=69, start_in_ms=9_000)
    assert headline(dead) == "NOT trading, execution is dead (exit 69), starts again in 9 s"
    assert headline({**dead, "halted": True, "halt_reason": "deaths"}).startswith("HALTED (deaths), execution is dead")
    two = [
        {**dead["processes"][0], "roles": [name], "phase": phase}
        for name, phase in (("a", "running"), ("b", "waiting"))
    ]
    assert headline({**dead, "processes": two}) == "trading in part, b is dead (exit 69), starts again in 9 s"


def test_a_silent_supervisor_that_lives_is_not_to_be_started_again(
    typed: Typed, market: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` would be refused; a halt works without it."""
    monkeypatch.setattr("engine.cli.system.supervisor_pid", lambda _: 77)
    printed = typed("status", "--system", market.system.name, code=3)
    assert "engine-ctl halt works without it" in printed
    assert "engine-ctl up" not in printed
