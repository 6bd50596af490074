"""An operator's day: systems that are brought up, looked at and stopped."""

import json
import os
import re
import select
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import shm
from engine.cli.prepared import PreparedGuard
from engine.control import call
from engine.model.words import HaltReason
from engine.supervisor import operator
from tests.engine.typed import MARKET, PLACED, Typed, Write, write_orders


def test_an_operators_day(typed: Typed, write: Write, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up, status, halt, restart, resume, cancel, up again over a killed supervisor, down without one."""
    monkeypatch.setenv("STEELYARD__ROLES__EXECUTION", "tiny_role:build")
    config = write(PLACED)
    state = typed.tree("up", config.path)
    assert {one["phase"] for one in state["processes"]} == {"running"}
    assert "is up already" in typed("up", config.path, code=1)
    of = ["--system", system]
    assert f"{system} (paper): trading" in typed("status", *of)
    halted = typed.tree("halt", *of)
    assert (halted["on_disk"], halted["was_halted"], halted["orders_before"]) == (True, False, 0)
    assert typed.tree("status", *of, code=1)["halted"]
    again = typed.tree("halt", *of)
    assert again["was_halted"]
    assert 0 < again["was_halted_since_ns"] <= time.time_ns()
    assert re.search(r"was halted since \d{4}-\S+Z; open orders before: 0", typed("halt", *of))
    assert re.search(r"trading again; was halted since \d{4}-\S+Z \(operator\)", typed("resume", *of))
    assert "trading again; was not halted" in typed("resume", *of)
    assert typed.tree("resume", *of)["was_halted"] is False
    assert "no instrument 'X'" in typed("cancel-all", "--instrument", "X", *of, code=2)
    assert typed.tree("cancel-all", *of)["sequence"] >= 2
    assert "open orders before: 0" in typed("cancel-all", *of)
    assert "unknown process 'gamma', expected one of alpha, core" in typed("restart", "gamma", *of, code=1)
    _kill_keepers(state)
    again = typed.tree("up", config.path)
    assert {one["pid"] for one in again["processes"]} == {one["pid"] for one in state["processes"]}
    _kill_keepers(again)
    assert "is down" in typed("down", *of)
    assert shm.names(system) == []


TINY_TRADERS = """
[[strategies]]
name = "gamma"
id = 3
class = "engine.strategy.samples:MomentumTaker"
instruments = [7]
"""


def test_a_strategy_that_will_not_start_is_parked_by_name_and_the_others_trade_on(
    typed: Typed, write: Write, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typo in one strategy's parameters must be shown to the operator and must not halt the others."""
    for role in ("FEED", "EXECUTION", "STRATEGY"):
        monkeypatch.setenv(f"STEELYARD__ROLES__{role}", "tiny_role:build")
    config = write(MARKET + TINY_TRADERS, watch="backoff_cap_ms = 20")
    monkeypatch.setattr("engine.cli.system.check", lambda _: None)
    refuse = config.paths.run / "gamma.refuse"
    refuse.touch()
    of = ["--system", system]
    printed = typed("up", config.path, code=1)
    assert "gamma is PARKED, the other processes trade on: ValueError: asked to refuse" in printed
    printed = typed("status", *of, code=1)
    assert f"{system} (paper): trading, without gamma, which is parked" in printed
    assert "ValueError: asked to refuse" in printed
    assert "gamma does not run: ValueError: asked to refuse" in typed("restart", "gamma", *of, code=1)
    refuse.unlink()
    assert "gamma runs again" in typed("restart", "gamma", *of)
    assert {one["phase"] for one in call(config.paths.control, "status")["processes"]} == {"running"}
    assert "is down" in typed("down", *of)


def test_up_after_a_halt_by_deaths_comes_up_halted(typed: Typed, write: Write, system: str) -> None:
    """The halt is that of an earlier life: the command called the new processes dead while they were starting."""
    config = write()
    config.paths.make()
    assert operator.write_file(config.paths.halt, time.time_ns(), HaltReason.DEATHS)
    printed = typed("up", config.path)
    assert f"{system} is up" in printed
    assert "HALTED: engine-ctl resume ends the halt" in printed
    status = typed.tree("status", "--system", system, code=1)
    assert (status["halted"], status["halt_reason"]) == (True, "deaths")
    assert {one["phase"] for one in status["processes"]} == {"running"}
    assert "is down" in typed("down", "--system", system)


def _kill_keepers(state: dict[str, Any]) -> None:
    """The guard and the supervisor, with SIGKILL."""
    supervisor = os.pidfd_open(state["pid"])
    for pid in (state["guard"], state["pid"]):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(state["guard"], 0)
    select.select([supervisor], [], [])
    os.close(supervisor)


def test_up_names_the_process_that_does_not_run(typed: Typed, write: Write, system: str, tmp_path: Path) -> None:
    """An operator needs the name and the error of a process that cannot start, not a wait of forty seconds."""
    config = write(
        '[[processes]]\nname = "venue"\ncommand = ["{python}", "-m", "engine.loopback.server"]\nready_line = true\n'
        f'environment = {{ PYTHONPATH = "{tmp_path}:{os.environ["PYTHONPATH"]}" }}\n'
        '[[processes]]\nname = "core"\nroles = ["alpha", "beta"]'
    )
    (tmp_path / "aiohttp.py").write_text("raise ModuleNotFoundError")  # as on a machine without the extra
    complaint = typed("up", config.path, code=1)
    assert "venue is waiting (died 5 times, exit 1: ModuleNotFoundError: the embedded venue needs aiohttp" in complaint
    assert "pip install 'steelyard[sim]'" in complaint.splitlines()[-1]
    assert "is down" in typed("down", "--system", system)


def test_up_that_stops_waiting_lists_what_still_runs(
    typed: Typed, write: Write, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator must not conclude from the error that nothing runs."""
    monkeypatch.setattr(PreparedGuard, "begin", lambda prepared, _: prepared.popen)
    printed = typed("up", write().path, "--timeout", "0", code=1)
    assert "after 0 s not every process runs: the supervisor does not answer" in printed
    assert f"{system} STAYS UP" in printed


def test_a_system_without_execution_refuses_to_cancel(typed: Typed, write: Write, system: str) -> None:
    """`cancel-all` in a replay reported success although there is no execution."""
    config = write()
    typed("up", config.path)
    assert "(paper) has no execution" in typed("cancel-all", "--system", system, code=1)
    typed("down", "--system", system)


def test_down_names_the_orders_it_leaves_and_is_not_content(typed: Typed, write: Write, system: str) -> None:
    """The segments are removed with the system: after that only the venue knows these orders."""
    config = write()
    typed("up", config.path)
    write_orders(config)
    printed = typed("down", "--system", system, code=1)
    assert "2 orders are left at the venue" in printed
    assert "01" * 16 in printed
    assert shm.names(system) == []
    assert json.loads(config.paths.audit.read_text().splitlines()[-1])["orders_left"][1]["state"] == "sent"
