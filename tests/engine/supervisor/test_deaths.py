"""What is left of a process that ended, for each way to end: real processes under a real guard."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import clock, skips
from engine.cli import main as engine_ctl
from engine.config import Config
from engine.control import Refused, Unreachable, call
from engine.role import WorkingOn
from engine.supervisor import life
from engine.supervisor.processes import deaths
from engine.supervisor.processes.deaths import Death
from tests.engine.answers import data_of
from tests.engine.floor import until

Write = Callable[..., Config]


class Mortal:
    """A system of two tiny roles, and the record of their deaths."""

    def __init__(self, config: Config) -> None:
        """Up."""
        self.paths, self.name, self.file = config.paths, config.system.name, config.path
        assert engine_ctl(["up", self.file]) == 0

    def status(self) -> dict[str, Any]:
        """The supervisor's answer, or nothing."""
        try:
            return call(self.paths.control, "status", 1.0)
        except (Unreachable, Refused):
            return {}

    def pid(self, name: str = "alpha") -> int:
        """A process's pid; 0 while it does not run."""
        found = self.status().get("processes", [])
        return next((one["pid"] for one in found if one["name"] == name and one["phase"] == "running"), 0)

    def ask(self, what: str) -> Path:
        """Have alpha misbehave while this file exists."""
        file = self.paths.run / f"alpha.{what}"
        file.touch()
        return file

    def death_of(self, pid: int) -> dict[str, Any]:
        """The record of this process's death, as soon as it is there."""
        return until(lambda: next((one for one in deaths.read(self.paths.deaths) if one["pid"] == pid), None))

    def down(self) -> None:
        """Down, in order."""
        assert engine_ctl(["down", "--system", self.name]) == 0


@pytest.fixture
def mortal(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mortal]:
    """Up, and down at the end; a busy box that keeps a process from a CPU must not change the cause."""
    monkeypatch.setenv("STEELYARD__WATCH__FROZEN_MS", "20000")
    made = Mortal(write(watch="death_limit = 100"))
    yield made
    if life.read(made.paths.system) is not None:
        made.down()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_is_recorded_by_name(mortal: Mortal, number: signal.Signals) -> None:
    """A number at three in the morning is a search in a manual; a crash in compiled code leaves its Python stack."""
    pid = mortal.pid()
    os.kill(pid, number)
    if number == signal.SIGTERM:  # the role drains and exits 0: the supervisor was not asked for it
        assert (mortal.death_of(pid)["exit_code"], mortal.death_of(pid)["signal"]) == (0, None)
        return
    death = mortal.death_of(pid)
    assert (death["process"], death["roles"], death["adopted"]) == ("alpha", ["alpha"], False)
    assert (death["exit_code"], death["signal"], death["cause"]) == (None, number.name, f"killed by {number.name}")
    assert ("runtime.py" in (death["stack"] or "")) == (number == signal.SIGSEGV)
    assert json.loads(death["log"][-1])["event"] == "running"


def test_a_failed_assert_is_recorded_with_its_error_its_record_and_its_last_lines(mortal: Mortal) -> None:
    """The record on which a role fails decides what is halted; the operator reads the error."""
    pid, file = mortal.pid(), mortal.ask("fail")
    death = mortal.death_of(pid)
    file.unlink()
    assert (death["exit_code"], death["cause"]) == (70, "a role failed: AssertionError: asked to fail")
    record = {"lane": "books", "sequence": 7, "strategy": None, "instrument": 1}
    assert death["record"] == {"role": "alpha", **record, "id": "", "from": "process"}
    assert "asked to fail" in json.loads(death["log"][-1])["traceback"]
    assert not (mortal.paths.run / "alpha.failure").exists()


def test_a_second_failure_on_a_record_of_an_instrument_halts_the_instrument_alone(mortal: Mortal) -> None:
    """A role that fails for ever on one record ends in a halt of everything."""
    first, file = mortal.pid(), mortal.ask("fail")
    until(lambda: mortal.status().get("halted_scopes"))
    file.unlink()
    state = mortal.status()
    assert [(one["instrument"], one["reason"]) for one in state["halted_scopes"]] == [(1, "deaths")]
    assert not state["halted"]
    assert skips.read(mortal.paths.run, "alpha") == (WorkingOn("books", 7, 0, 1),)
    until(lambda: mortal.pid() not in (0, first))
    assert engine_ctl(["resume", "--all", "--system", mortal.name]) == 0
    assert not mortal.status()["halted_scopes"]


def test_a_loop_without_an_end_is_recorded_with_its_stack(mortal: Mortal) -> None:
    """A frozen process reports where it hangs only by the handler of a signal, without the interpreter."""
    pid, file = mortal.pid(), mortal.ask("loop")
    death = mortal.death_of(pid)
    file.unlink()
    assert death["cause"].startswith("is frozen: runs without a heartbeat, no heartbeat for ")
    assert (death["exit_code"], death["signal"]) == (None, "SIGKILL")
    assert 'tiny_role.py", line' in death["stack"]
    assert " in step" in death["stack"]


def test_a_stopped_process_is_recorded_with_its_state_and_is_never_continued(mortal: Mortal) -> None:
    """Its handler would run only after a SIGCONT, and the role with it."""
    pid = mortal.pid()
    os.kill(pid, signal.SIGSTOP)
    death = mortal.death_of(pid)
    assert death["cause"].startswith("is frozen: stopped by a signal, no heartbeat for ")
    assert "(state T" in death["cause"]
    assert (death["signal"], death["stack"]) == ("SIGKILL", None)


@pytest.mark.parametrize(("how", "code", "text"), [
    ("fail", 70, "a role failed: AssertionError: asked to fail"),
    ("kill", None, "its exit code is unknown, because an earlier supervisor started it"),
    ("crash", None, "killed by SIGABRT"),
])  # fmt: skip
def test_the_death_of_an_adopted_process_is_recorded_as_far_as_it_can_be_known(
    mortal: Mortal, how: str, code: int | None, text: str
) -> None:
    """Only a parent learns an exit code; the process itself has left the rest."""
    supervisor, pid = mortal.status()["pid"], mortal.pid()
    os.kill(supervisor, signal.SIGKILL)
    killed = mortal.death_of(supervisor)
    assert (killed["process"], killed["signal"]) == ("supervisor", "SIGKILL")
    until(lambda: mortal.pid() == pid)
    if how == "fail":
        file = mortal.ask("fail")
    else:
        os.kill(pid, signal.SIGKILL if how == "kill" else signal.SIGABRT)
    death = mortal.death_of(pid)
    if how == "fail":
        file.unlink()
    assert (death["adopted"], death["exit_code"]) == (True, code)
    assert text in death["cause"]
    assert [json.loads(line)["event"] for line in death["log"] if line.startswith("{")][:2] == ["built", "running"]


@pytest.mark.parametrize("recorded", [False, True])
def test_a_death_is_recorded_once_when_no_supervisor_runs_after_it(mortal: Mortal, recorded: bool) -> None:
    """The night in which the supervisor dies too is the one that an operator asks about."""
    state, pid = mortal.status(), mortal.pid()
    for victim in (state["guard"], state["pid"], pid):
        os.kill(victim, signal.SIGKILL)
    if recorded:  # by the last supervisor, which died before it started alpha again
        deaths.append(mortal.paths.deaths, Death(clock.now_ns(), "alpha", ("alpha",), pid, "killed by SIGKILL"))
    assert engine_ctl(["up", mortal.file]) == 0
    until(lambda: mortal.pid() not in (0, pid))
    (death,) = (one for one in deaths.read(mortal.paths.deaths) if one["process"] == "alpha")
    assert (death["pid"], death["adopted"]) == (pid, not recorded)
    if not recorded:
        assert "its exit code is unknown, because an earlier supervisor started it" in death["cause"]
        assert [json.loads(line)["event"] for line in death["log"]] == ["built", "running"]


def test_an_orderly_down_is_no_death(mortal: Mortal) -> None:
    """The log of a system that went down in order ended with an error about its supervisor."""
    mortal.down()
    assert list(deaths.read(mortal.paths.deaths)) == []
    assert '"died"' not in (mortal.paths.logs / "supervisor.log").read_text()


def test_deaths_are_shown_while_the_system_runs_and_when_it_is_down(
    mortal: Mortal, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator asks why it died in the morning, when the system has been down for hours."""
    pid, file = mortal.pid(), mortal.ask("fail")
    mortal.death_of(pid)
    file.unlink()
    until(mortal.pid)
    other = mortal.pid("beta")
    os.kill(other, signal.SIGKILL)
    mortal.death_of(other)
    until(lambda: mortal.pid("beta"))
    for _ in range(2):
        capsys.readouterr()
        assert engine_ctl(["deaths", "--system", mortal.name, "--process", "alpha"]) == 0
        text = capsys.readouterr().out
        assert f"alpha (pid {pid}): a role failed: AssertionError: asked to fail\n    exit code 70, roles alpha" in text
        assert "record books 7, instrument 1 (by its own report)" in text
        assert "ERROR    alpha: a role failed" in text
        assert f"pid {other}" not in text
        if mortal.status():
            mortal.down()
    assert engine_ctl(["deaths", "--system", mortal.name, "--json", "-n", "1"]) == 0
    assert data_of(capsys.readouterr().out)["pid"] == other
