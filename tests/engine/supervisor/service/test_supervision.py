"""Which processes count as overdue, and what the guard reports of them."""

from typing import Any

import pytest

from engine.model.rows import SupervisionRow
from engine.supervisor.processes.watch import Phase
from engine.supervisor.service.supervision import AS_IT_SHOULD_BE, Deadlines
from engine.supervisor.service.watchdog import EXTEND, Reports, status

LIMIT_NS = 100


def begun() -> Reports:
    """Reports of a guard that has seen a first cell."""
    reports = Reports()
    assert reports.lines(row(1)) == []
    return reports


def row(now_ns: int, **other: Any) -> SupervisionRow:
    """The cell of a system of two processes that is up."""
    made = {"up_ns": 1, "overdue_ns": 0, "processes": 2, "running": 2, "parked": 0, "stopping": 0, "waits_for": b""}
    return SupervisionRow(now_ns=now_ns, **{**made, **other})


@pytest.mark.parametrize("phase", list(Phase))
def test_a_process_is_overdue_after_its_limit_unless_it_is_as_it_should_be(phase: Phase) -> None:
    """A parked process is an operator's to restart: a restart of the unit would not bring it back."""
    deadlines = Deadlines(LIMIT_NS)
    deadlines.step([("feed", phase)], 1000)
    deadlines.step([("feed", phase)], 1000 + LIMIT_NS)
    assert deadlines.overdue_ns(1000 + LIMIT_NS) == 0
    late = 0 if phase in AS_IT_SHOULD_BE else 1000
    assert deadlines.overdue_ns(1001 + LIMIT_NS) == late


def test_a_deadline_counts_from_the_first_step_without_the_process_and_ends_when_it_runs() -> None:
    """A process that dies, starts and dies again within the limit was never brought back."""
    deadlines = Deadlines(LIMIT_NS)
    for now_ns, phase in ((10, Phase.WAITING), (50, Phase.STARTING), (60, Phase.WAITING)):
        deadlines.step([("feed", phase), ("maker", Phase.RUNNING)], now_ns)
    assert deadlines.longest == ("feed", 10)
    deadlines.step([("feed", Phase.RUNNING), ("maker", Phase.RUNNING)], 70)
    assert deadlines.longest == ("", 0)
    deadlines.step([("feed", Phase.WAITING)], 80)
    assert deadlines.overdue_ns(80 + LIMIT_NS) == 0


def test_a_time_without_the_supervisor_does_not_count() -> None:
    """A suspended machine, or a supervisor that was stopped, could bring nothing back."""
    deadlines = Deadlines(LIMIT_NS)
    deadlines.step([("feed", Phase.WAITING)], 10)
    deadlines.allow_gap(1000)
    assert deadlines.overdue_ns(1010 + LIMIT_NS) == 0
    assert deadlines.overdue_ns(1011 + LIMIT_NS) == 1010


def test_the_watchdog_is_fed_once_for_each_round_of_the_supervisor() -> None:
    """A cell that stays the same is that of a supervisor that has stopped."""
    reports = begun()
    assert "WATCHDOG=1" in reports.lines(row(5))
    assert reports.lines(row(5)) == []
    assert reports.lines(None) == []
    assert "WATCHDOG=1" in reports.lines(row(6))


def test_the_cell_of_an_earlier_supervisor_is_not_reported() -> None:
    """The next guard finds it: a system is up when a supervisor that runs now writes so."""
    reports = Reports()
    assert reports.lines(row(5)) == []
    assert reports.lines(row(5)) == []
    assert "READY=1" in reports.lines(row(6))


def test_an_overdue_process_is_named_and_the_watchdog_is_not_fed() -> None:
    """`systemctl status` must name what a restart by the watchdog is about."""
    lines = begun().lines(row(5, running=1, overdue_ns=2, waits_for=b"feed"))
    assert lines == ["READY=1", "STATUS=1 of 2 processes run, feed is overdue"]


def test_ready_is_reported_once_when_the_system_is_up() -> None:
    """Units that are ordered after this one start by it."""
    reports = begun()
    assert "READY=1" not in reports.lines(row(5, up_ns=0, running=1, waits_for=b"maker"))
    assert "READY=1" in reports.lines(row(6))
    assert "READY=1" not in reports.lines(row(7))


def test_a_drain_extends_the_time_of_the_stop_as_long_as_the_supervisor_runs() -> None:
    """Orders are cancelled in this time: systemd must wait for a supervisor that works, and for no other."""
    reports = begun()
    assert reports.lines(row(5, stopping=1))[1:] == ["STOPPING=1", "WATCHDOG=1", EXTEND, "STATUS=stopping"]
    assert reports.lines(row(5, stopping=1)) == []
    assert reports.lines(row(6, stopping=1)) == ["WATCHDOG=1", EXTEND, "STATUS=stopping"]


def test_the_status_counts_parked_processes() -> None:
    """A system that trades without a strategy is up, and not whole."""
    assert status(row(5, running=1, parked=1)) == "1 of 2 processes run, 1 parked"
    assert status(row(5, running=1, waits_for=b"feed")) == "1 of 2 processes run, waits for feed"
