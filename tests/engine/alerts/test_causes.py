"""Each cause finds its trouble, does not find it in a healthy system, and no longer finds it when it has ended."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.alerts.causes import REGISTRY, Cause
from engine.alerts.causes.cause import cause
from engine.alerts.deaths import Death
from engine.alerts.message import Severity
from engine.alerts.outbox import Failed
from engine.alerts.scene import Gap
from engine.model import records
from engine.model.words import (
    AlarmReason,
    BookState,
    CancellerState,
    CancelReason,
    FlattenState,
    HaltReason,
    OrderState,
    Reason,
    RoleState,
    SessionState,
)
from tests.engine.alerts.made import SECOND_NS, Stage, message, zero

ROUTED = """
[[venues]]
name = "second"
kind = "binance"
[[instruments]]
id = 2
venue = "second"
symbol = "BTCUSDT"
[[accounts]]
name = "execution"
number = 1
venue = "binance"
[[accounts]]
name = "other"
number = 2
venue = "second"
[router]
taker_fee_bps = { binance = 1, second = 1 }
[[router.routes]]
name = "BTCUSDT"
instruments = [1, 2]
"""
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "alerts.md"


class Watcher:
    """Every cause over one stage."""

    def __init__(self, stage: Stage) -> None:
        """Make the causes; the system is healthy."""
        self.stage = stage
        self.causes = [kind() for kind in REGISTRY.values()]
        stage.write("sessions.execution", state=SessionState.READY)
        stage.write("gate.execution")
        stage.write("book_tops.feed", instrument=1, state=BookState.GOOD)
        stage.tick()
        assert self.names() == set(), "a healthy system has no cause"

    def names(self, seconds: float = 0.0, step: float = 0.25) -> set[str]:
        """What is found during this time, check by check."""
        found: set[str] = set()
        for _ in range(max(1, int(seconds / step))):
            scene = self.stage.tick(step)
            found |= {one.cause for each in self.causes for one in each.find(scene)}
        return found

    def last(self) -> dict[str, tuple[str, str]]:
        """What is found now: the text and the advice, by cause."""
        scene = self.stage.tick()
        return {one.cause: (one.what, one.to_do) for each in self.causes for one in each.find(scene)}


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    """A healthy system with every cause watching; it has a router over two accounts."""
    return Watcher(Stage(tmp_path, ROUTED))


def order(stage: Stage, state: OrderState) -> None:
    """Publish a change of one order."""
    row = {one.name: zero(one) for one in records.ORDER.fields}
    values = {"client_id": b"1234567890123456", "instrument": 1, "state": state, "now_ns": stage.now_ns}
    stage.system.rings["orders.execution"].publish(*records.ORDER.row(**{**row, **values}))


def kill(stage: Stage, role: str) -> None:
    """Its process is gone: it does not beat again."""
    stage.machine.ended.add(stage.pids[role])
    stage.silent.add(role)


def freeze(stage: Stage, role: str) -> None:
    """Its process is there and does not beat."""
    stage.silent.add(role)


def routed(stage: Stage, state: OrderState, filled: int = 0) -> None:
    """Publish a change of one parent of the router."""
    row = {one.name: zero(one) for one in records.ORDER.fields}
    values = {
        "intent_id": 5, "strategy": 1, "instrument": 2, "state": state, "size": 1000, "filled": filled,
        "now_ns": stage.now_ns, "expires_ns": stage.now_ns + SECOND_NS,
    }  # fmt: skip
    stage.system.rings["route_orders.router"].publish(*records.ORDER.row(**{**row, **values}))


def freeze_router(stage: Stage) -> None:
    """It has an open parent, and does not beat; nor do the others, whose causes are of no interest here."""
    routed(stage, OrderState.OPEN)
    freeze(stage, "router")


def thaw_router(stage: Stage) -> None:
    """It beats, and its parent has ended."""
    stage.silent.clear()
    routed(stage, OrderState.FILLED, 1000)


Change = Callable[[Stage], object]
LASTING: dict[str, tuple[Change, Change, float, str]] = {
    "process_frozen": (
        lambda stage: freeze(stage, "feed"), lambda stage: stage.silent.clear(), 2.0,
        "The process feed (pid 100) runs and has not stepped for"),
    "supervisor_down": (
        lambda stage: freeze(stage, "supervisor"), lambda stage: stage.silent.clear(), 2.0,
        "The supervisor is frozen: no beat for"),
    "guard_down": (
        lambda stage: setattr(stage.machine, "guard_pid", 0), lambda stage: setattr(stage.machine, "guard_pid", 9), 0.0,
        "The guard does not run"),
    "halted": (
        lambda stage: stage.write("halt", halted=1, since_ns=stage.now_ns, reason=HaltReason.DEATHS),
        lambda stage: stage.write("halt"), 0.0, "(deaths): no new order is sent."),
    "scope_halted": (
        lambda stage: stage.write(
            "scope_halts.execution", 1, since_ns=stage.now_ns, strategy=1, reason=HaltReason.FLATTEN,
            state=FlattenState.CLOSING, text=b"1 position is open"),
        lambda stage: stage.write("scope_halts.execution", 1, strategy=1), 0.0,
        "(flatten). Flattening: closing; 1 position is open"),
    "breaker": (
        lambda stage: stage.write(
            "scope_halts.execution", 1, since_ns=stage.now_ns, strategy=1, reason=HaltReason.BREAKER,
            text=b"max_drawdown_pct (cancel): DRAWDOWN"),
        lambda stage: stage.write("scope_halts.execution", 1, strategy=1), 0.0,
        ": max_drawdown_pct (cancel): DRAWDOWN."),
    "canceller_acts": (
        lambda stage: stage.write(
            "cancels.execution", state=CancellerState.CANCELLING, reason=CancelReason.DEAD, sent=7, open=2),
        lambda stage: stage.write("cancels.execution", state=CancellerState.CLEAN, reason=CancelReason.DEAD), 0.0,
        "The canceller cancels every order of execution at the venue (dead): 7 cancels sent, 2 orders open"),
    "execution_silent": (
        lambda stage: stage.write("monitored_account.execution", execution_silent_ns=stage.now_ns),
        lambda stage: stage.write("monitored_account.execution"), 0.0,
        "The monitor has seen no heartbeat of execution for"),
    "limit_exceeded": (
        lambda stage: stage.write("monitored_account.execution", drawdown=0.16, drawdown_limit=0.15),
        lambda stage: stage.write("monitored_account.execution", drawdown=0.15, drawdown_limit=0.15), 0.0,
        "By the monitor's figures execution exceeds a limit: drawdown 0.1600 (max_drawdown_pct 0.1500)."),
    "entries_stopped": (
        lambda stage: stage.write("gate.execution", exits_only=Reason.SUPERVISOR_LOST),
        lambda stage: stage.write("gate.execution"), 0.0, "execution sends no entries, only exits: supervisor_lost."),
    "journal_full": (
        lambda stage: stage.write("gate.execution", exits_only=Reason.JOURNAL_FULL),
        lambda stage: stage.write("gate.execution"), 0.0, "no room for the journal of execution"),
    "instrument_halted": (
        lambda stage: stage.write(
            "instrument_halts.execution", instrument=1, reason=AlarmReason.FALSE_FILL, text=b"a fill"),
        lambda stage: stage.write("instrument_halts.execution", instrument=1), 0.0,
        "execution has halted binance:BTCUSDT (false_fill): a fill."),
    "book_not_good": (
        lambda stage: stage.write("book_tops.feed", instrument=1, state=BookState.SUSPECT),
        lambda stage: stage.write("book_tops.feed", instrument=1, state=BookState.GOOD), 30.0,
        "The book of binance:BTCUSDT has not been good for"),
    "wide_spread": (
        lambda stage: stage.write("instruments.feed", id=1, spread_alarm_bps=55.0),
        lambda stage: stage.write("instruments.feed", id=1), 0.0, "wider than allowed: 55.0 bps."),
    "order_in_doubt": (
        lambda stage: order(stage, OrderState.UNKNOWN), lambda stage: order(stage, OrderState.FILLED), 10.0,
        "of binance:BTCUSDT, has been unknown for"),
    "session_down": (
        lambda stage: stage.write("sessions.execution", state=SessionState.LOST, text=b"reset by peer"),
        lambda stage: stage.write("sessions.execution", state=SessionState.READY), 10.0, "(lost): reset by peer."),
    "router_silent": (
        freeze_router, thaw_router, 1.0, "The role router has not stepped for"),
    "parent_late": (
        lambda stage: routed(stage, OrderState.OPEN), lambda stage: routed(stage, OrderState.EXPIRED), 3.0,
        "Routed orders are open after their deadline (1): 5 of maker for"),
    "disk_full": (
        lambda stage: stage.machine.free.update(shm=1), lambda stage: stage.machine.free.clear(), 0.0,
        "/dev/shm has 1 MiB of free space, expected 8 MiB or more."),
}  # fmt: skip


@pytest.mark.parametrize("name", LASTING)
def test_a_cause_is_found_after_its_limit_while_it_lasts_and_not_longer(watcher: Watcher, name: str) -> None:
    """Too early is noise, too late is a loss, and one that never ends is ignored by its readers."""
    begin, end, limit_s, text = LASTING[name]
    begin(watcher.stage)
    if limit_s:
        assert name not in watcher.names(limit_s - 0.5)
    assert name in watcher.names(1.0)
    what, to_do = watcher.last()[name]
    assert text in what
    assert to_do
    end(watcher.stage)
    assert name not in watcher.names()


def test_a_death_without_a_supervisor_is_found_by_the_pid(watcher: Watcher) -> None:
    """The supervisor that would report it can be dead itself."""
    kill(watcher.stage, "supervisor")
    kill(watcher.stage, "feed")
    assert {"process_died", "supervisor_died"} <= watcher.names(1.0)
    assert {"process_down", "supervisor_down"} <= watcher.names(4.0)
    assert "does not run" in watcher.last()["supervisor_down"][0]
    assert "process_died" not in watcher.names(10.0)


def test_a_death_that_the_supervisor_records_is_found_once_with_its_cause(watcher: Watcher) -> None:
    """The pid and the file show the same death: two messages would be two deaths for the reader."""
    stage, found = watcher.stage, []
    pid = stage.pids["maker"]
    stage.machine.ended.add(pid)
    stage.deaths.lines.append(Death("maker", ("maker",), pid, stage.now_ns, "SIGKILL"))
    stage.pids["maker"] = 999
    for _ in range(20):
        scene = stage.tick()
        found += [one.what for each in watcher.causes for one in each.find(scene) if one.cause == "process_died"]
    assert found == [f"The process maker (pid {pid}) died. Cause: SIGKILL."]


def test_a_process_that_was_stopped_by_command_is_no_death(watcher: Watcher) -> None:
    """`engine-ctl restart` and `down` must not wake anybody."""
    stage = watcher.stage
    stage.state["maker"] = RoleState.STOPPED
    stage.tick()
    kill(stage, "maker")
    assert watcher.names(10.0) == set()


def test_a_restart_by_command_that_was_not_seen_to_stop_is_left_to_the_supervisors_file(watcher: Watcher) -> None:
    """The successor can beat before alerts reads the last beat of the process before it."""
    stage = watcher.stage
    stage.machine.ended.add(stage.pids["maker"])
    stage.pids["maker"] = 999
    assert watcher.names(10.0) == set()


def test_a_process_that_never_started_is_found_after_the_start_limit(tmp_path: Path) -> None:
    """One that cannot start has no heartbeat to grow old."""
    stage = Stage(tmp_path, "[watch]\nstart_limit_ms = 20000\n")
    stage.silent.add("maker")
    watcher = Watcher(stage)
    assert watcher.names(19.0) == set()
    assert watcher.names(3.0) == {"process_down"}


def test_a_step_of_the_wall_clock_is_found_once(watcher: Watcher) -> None:
    """A clock that was set spoils the venue's time window, and nothing else shows it."""
    watcher.stage.machine.wall += 2 * SECOND_NS
    assert watcher.names() == {"clock_step"}
    assert watcher.names() == set()


def test_a_routed_order_that_has_traded_more_than_its_size_is_found_once(watcher: Watcher) -> None:
    """Nobody but the operator can reduce the excess; the router publishes it again in each of its lives."""
    routed(watcher.stage, OrderState.FILLED, 1000)
    assert "parent_overfilled" not in watcher.names()
    routed(watcher.stage, OrderState.FILLED, 1200)
    what, _ = watcher.last()["parent_overfilled"]
    assert "5 of maker on second:BTCUSDT has traded 20.00% more" in what
    routed(watcher.stage, OrderState.FILLED, 1200)
    assert "parent_overfilled" not in watcher.names()


def test_a_router_that_rests_without_an_order_is_not_reported(watcher: Watcher) -> None:
    """Its process has causes of its own."""
    freeze(watcher.stage, "router")
    assert "router_silent" not in watcher.names(3.0)


def test_a_slow_clock_is_no_step(watcher: Watcher) -> None:
    """NTP slews a clock for hours."""
    for _ in range(100):
        watcher.stage.machine.wall += 400_000_000
        assert watcher.names() == set()


def test_a_stopped_guard_is_found(watcher: Watcher) -> None:
    """A guard that is stopped restarts no supervisor, and has no heartbeat."""
    watcher.stage.machine.stopped = True
    assert watcher.names() == {"guard_down"}


def test_a_session_that_lacks_a_right_is_found_at_once(watcher: Watcher) -> None:
    """It does not mend itself."""
    watcher.stage.write("sessions.execution", state=SessionState.DENIED, text=b"no right")
    assert watcher.names() == {"session_down"}


def test_a_canceller_that_could_not_cancel_is_found_and_one_of_a_stop_is_not(watcher: Watcher) -> None:
    """`down` cancels by the canceller each time; orders that remain after a sweep are a person's work."""
    watcher.stage.write("cancels.execution", state=CancellerState.CANCELLING, reason=CancelReason.STOPPING)
    assert watcher.names() == set()
    watcher.stage.write("cancels.execution", state=CancellerState.GAVE_UP, reason=CancelReason.FROZEN, open=3)
    assert "could not cancel every order of execution" in watcher.last()["canceller_acts"][0]


def test_an_order_that_is_answered_is_not_in_doubt(watcher: Watcher) -> None:
    """A thousand orders a second pass through these states."""
    for _ in range(50):
        order(watcher.stage, OrderState.SENT)
        order(watcher.stage, OrderState.OPEN)
        assert watcher.names() == set()


def test_a_gap_is_found_before_the_check_after_it(watcher: Watcher) -> None:
    """Its own death is what alerts cannot report while it happens."""
    scene = watcher.stage.scene
    scene.update(watcher.stage.now_ns, Gap(watcher.stage.now_ns - 9 * SECOND_NS, watcher.stage.now_ns))
    found = [one for each in watcher.causes for one in each.find(scene)]
    assert [one.cause for one in found] == ["unwatched"]
    assert "(9.0 s)" in found[0].what


def test_a_target_that_fails_is_found_for_the_other_targets(watcher: Watcher) -> None:
    """A wrong token is otherwise noticed on the day of the trouble."""
    queue = watcher.stage.outbox.queues["hook"]
    queue.add(message())
    queue.next_due(watcher.stage.now_ns)
    queue.apply(Failed("answered 401"), watcher.stage.now_ns)
    assert watcher.names(119.0, 1.0) == set()
    assert watcher.names(5.0, 1.0) == {"target_failing"}
    assert "answered 401" in watcher.last()["target_failing"][0]


def test_a_cause_is_added_by_one_class(watcher: Watcher) -> None:
    """A later part of the engine enters its cause without a change here."""

    class Breaker(Cause):
        """A made cause."""

        name, severity, to_do = "made_breaker", Severity.CRITICAL, "nothing"

        def find(self, scene):  # noqa: ANN001, ANN202
            """Always."""
            yield self.finding("made", f"at {scene.now_ns}")

    try:
        cause(Breaker)
        watcher.causes = [kind() for kind in REGISTRY.values()]
        assert watcher.names() == {"made_breaker"}
    finally:
        del REGISTRY["made_breaker"]


def test_every_cause_is_in_the_document() -> None:
    """The reader of a message looks its cause up there at three in the morning."""
    text = DOCUMENT.read_text()
    assert [name for name in REGISTRY if f"| `{name}` |" not in text] == []


def test_every_cause_is_found_by_a_test() -> None:
    """A cause that was never seen to be found may never be found."""
    others = {"process_died", "process_down", "supervisor_died", "clock_step", "unwatched", "target_failing",
              "parent_overfilled", "anomaly"}  # fmt: skip
    assert set(REGISTRY) == set(LASTING) | others


def test_the_document_names_what_stops_the_outside_heartbeat() -> None:
    """An operator sets the outside check by this list."""
    text = DOCUMENT.read_text()
    listed = text[text.index("Healthy means") : text.index("lasts. So the loss")]
    assert {name for name, kind in REGISTRY.items() if kind.unhealthy} == set(re.findall(r"`(\w+)`", listed))
