"""The supervisor with real processes: killed, stopped, looping, failing, and the supervisor itself killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import shm
from engine.clock import OFFSET_VARIABLE
from engine.control import call
from engine.supervisor import life, segments
from shm.segment import path_of
from tests.engine.conftest import Write
from tests.engine.floor import until
from tests.engine.supervisor.house import DEADLINE_S, House, gone


def test_up_status_down_leaves_nothing(house: House, system: str) -> None:
    """Segments, processes, socket: all made by `up`, all gone after `down`, and every role was drained."""
    house.up()
    assert f"{system}.heartbeat.supervisor" in shm.names(system)
    pids = [house.pid("alpha"), house.pid("beta")]
    assert house.down() == 0
    for pid in pids:
        gone(pid)
    assert shm.names(system) == []
    left = sorted(path.name for path in house.paths.run.iterdir() if path.suffix in {".drained", ".closed", ".sock"})
    assert left == ["alpha.closed", "alpha.drained", "beta.closed", "beta.drained"]


def test_a_killed_role_comes_back_and_the_other_does_not_notice(house: House) -> None:
    """Kill -9 of any role at any moment is answered within moments."""
    house.up()
    alpha, beta = house.pid("alpha"), house.pid("beta")
    os.kill(alpha, signal.SIGKILL)
    until(lambda: house.of("alpha")["pid"] not in (0, alpha) and house.all_run())
    assert house.pid("beta") == beta
    assert (house.of("alpha")["deaths"], house.of("alpha")["exit_code"]) == (1, -9)
    assert shm.CellReader(house.config.lane("heartbeat", "alpha")).epoch == 2


@pytest.mark.parametrize("how", ["stopped", "looping"])
def test_a_frozen_role_is_dead(house: House, how: str) -> None:
    """A process that exists but does not step does not watch its orders."""
    house.up()
    alpha = house.pid("alpha")
    if how == "stopped":
        os.kill(alpha, signal.SIGSTOP)
    else:
        (house.paths.run / "alpha.loop").touch()
        gone(alpha)
        (house.paths.run / "alpha.loop").unlink()
    until(lambda: house.of("alpha")["pid"] not in (0, alpha) and house.all_run())
    gone(alpha)


def test_a_failed_assert_ends_the_process_and_the_traceback_is_logged(house: House) -> None:
    """After a failed assert a role must not continue with a state that may be wrong."""
    house.up()
    (house.paths.run / "alpha.fail").touch()
    until(lambda: house.of("alpha")["exit_code"] == 70)
    (house.paths.run / "alpha.fail").unlink()
    until(house.all_run)
    assert "asked to fail" in house.paths.log("alpha").read_text()
    assert not (house.paths.run / "alpha.closed").exists()


def test_a_role_that_cannot_live_halts_the_system_and_is_tried_on(write: Write) -> None:
    """Five deaths: nothing new is traded, the supervisor lives, and the role comes back once it can."""
    house = House(write(watch="slow_retry_ms = 200\ndeath_limit = 3")).up()
    try:
        (house.paths.run / "alpha.fail").touch()
        until(house.halted)
        assert house.status()["halt_reason"] == "deaths"
        (house.paths.run / "alpha.fail").unlink()
        until(house.all_run)
        assert house.halted()
    finally:
        house.kill_supervisor()
        house.sweep()


def test_a_killed_supervisor_finds_its_roles_and_the_halt_again(house: House) -> None:
    """No role dies with it; the next one starts no role twice, keeps clock and halt, and watches what it adopted."""
    house.up()
    before = life.read(house.paths.system)
    call(house.paths.control, "halt")
    pids = [house.pid("alpha"), house.pid("beta")]
    house.kill_supervisor()
    os.kill(pids[1], signal.SIGKILL)
    gone(pids[1])
    house.up()
    after = life.read(house.paths.system)
    assert before is not None
    assert after is not None
    assert (after.offset_ns, after.supervisor_pid == before.supervisor_pid) == (before.offset_ns, False)
    assert (house.pid("alpha"), house.of("alpha")["adopted"]) == (pids[0], True)
    assert house.pid("beta") != pids[1]
    assert house.status()["halted"]
    assert house.halted()
    os.kill(pids[0], signal.SIGKILL)
    until(lambda: house.of("alpha")["pid"] not in (0, pids[0]) and house.all_run())
    environment = Path(f"/proc/{house.pid('alpha')}/environ").read_bytes()
    assert f"{OFFSET_VARIABLE}={before.offset_ns}\0".encode() in environment
    assert house.down() == 0


def test_a_second_supervisor_is_refused(house: House) -> None:
    """Two would start every role twice."""
    house.up()
    words = [sys.executable, "-m", "engine.supervisor", "--config", house.config.path]
    second = subprocess.run(words, capture_output=True, check=False, timeout=DEADLINE_S)
    assert second.returncode == 75
    assert b"another supervisor" in second.stderr


def test_three_ways_halt_and_only_the_command_resumes(house: House) -> None:
    """Socket, file and signal: one of them works whatever is broken; a halt ends only on purpose."""
    house.up()
    assert house.supervisor is not None
    commands = shm.RingReader(house.config.lane("commands"), cursor=0)
    for way in ("command", "file", "signal"):
        if way == "command":
            call(house.paths.control, "halt")
        elif way == "file":
            house.paths.halt.touch()
        else:
            house.supervisor.send_signal(signal.SIGUSR1)
        until(house.halted)
        house.paths.halt.unlink()
        assert house.status()["halted"]
        assert call(house.paths.control, "resume")["halted"] is False
        assert not house.halted()
    kinds = [row.kind for row in commands.rows()]
    assert kinds == [1, 2] * 3
    audit = house.paths.audit.read_text().splitlines()
    assert len(audit) == 4
    assert f'"uid": {os.getuid()}' in audit[0]


def test_halt_outlives_down_and_up(house: House) -> None:
    """Who halted before going home finds it halted in the morning, whatever was restarted at night."""
    house.up()
    call(house.paths.control, "halt")
    house.down()
    house.up()
    assert house.status()["halted"]
    assert house.halted()


def test_roles_can_share_a_process_and_commands_start_before_them(write: Write) -> None:
    """Placement is configuration: two roles in one process on one core, after a command with a ready line."""
    core = min(os.sched_getaffinity(0))
    venue = "import signal; print('{}', flush=True); signal.pause()"
    text = (
        f'[[processes]]\nname = "venue"\ncommand = ["{{python}}", "-c", "{venue}"]\nready_line = true\n'
        f'[[processes]]\nname = "core"\nroles = ["alpha", "beta"]\ncores = [{core}]\n'
    )
    house = House(write(text)).up()
    try:
        pid = house.pid("core")
        assert os.sched_getaffinity(pid) == {core}
        cells = [shm.CellReader(house.config.lane("heartbeat", role)) for role in ("alpha", "beta")]
        assert [cell.read(0).pid for cell in cells] == [pid, pid]
        assert Path(f"/proc/{pid}/comm").read_text().strip() == f"{house.config.system.name}-core"[:15]
        assert house.down() == 0
    finally:
        house.sweep()


@pytest.mark.parametrize("halted", [False, True])
def test_segments_unlinked_while_running_are_created_again_and_all_map_the_same(
    house: House, system: str, halted: bool
) -> None:
    """A logout under logind unlinks them; processes that started later then mapped other memory than earlier ones."""
    house.up()
    if halted:
        call(house.paths.control, "halt")
    alpha = house.pid("alpha")
    for name in shm.names(system):
        Path(path_of(name)).unlink()
    until(lambda: house.pid("alpha") not in (0, alpha) and house.all_run())
    for role in ("alpha", "beta"):
        assert shm.CellReader(house.config.lane("heartbeat", role)).read(0).pid == house.pid(role)
    assert (house.halted(), house.status()["halted"]) == (halted, halted)
    assert house.down() == 0
    assert shm.names(system) == []


def test_one_lost_segment_restarts_only_the_processes_that_map_it(house: House) -> None:
    """A strategy that uses none of the lost segments trades on."""
    house.up()
    alpha, beta = house.pid("alpha"), house.pid("beta")
    found = segments.users_of(house.config, {house.config.lane("heartbeat", "alpha")})
    assert "alpha" in found
    os.unlink(path_of(house.config.lane("heartbeat", "alpha")))
    until(lambda: house.pid("alpha") not in (0, alpha) and house.all_run())
    assert house.pid("beta") == beta or "beta" in found


def test_up_without_room_leaves_nothing_and_down_succeeds(write: Write, system: str) -> None:
    """With a full /dev/shm `up` reports it, and neither `up` nor `down` leaves segments."""
    if os.getuid() or subprocess.run(["/usr/bin/unshare", "-m", "true"], check=False).returncode:
        pytest.skip("needs a mount namespace of its own")
    config = write()
    ctl = f"{sys.executable} -m engine.cli"
    script = (
        "mount -t tmpfs -o size=2m tmpfs /dev/shm || exit 99\n"
        f"{ctl} up {config.path}; echo up $?\nls /dev/shm | grep -v lock; echo ---\n"
        f"{ctl} down --system {system}; echo down $?\nls /dev/shm | grep -v lock\n"
    )
    done = subprocess.run(
        ["/usr/bin/unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False, timeout=90
    )
    up, down = done.stdout.split("---\n")
    assert up == "up 1\n", done.stdout + done.stderr
    assert "do not fit in /dev/shm" in done.stderr
    assert down == f"{system} is down\ndown 0\n", done.stdout + done.stderr


def restart_and_count(house: House, count: int) -> None:
    """Kill a role or bring the whole system down and up, so often; the segments stay the same ones."""
    house.up()
    names = shm.names(house.config.system.name)
    for number in range(count):
        if number % 10 == 9:
            assert house.down() == 0
            assert shm.names(house.config.system.name) == []
            house.up()
        else:
            victim = house.pid("alpha")
            os.kill(victim, signal.SIGKILL)
            until(lambda: house.pid("alpha") not in (0, victim) and house.all_run())  # noqa: B023 - awaited here
        assert shm.names(house.config.system.name) == names
        assert not shm.names(house.config.system.name, aside=True)
    assert house.down() == 0
    assert not list(Path("/dev/shm").glob(f"steelyard.{house.config.system.name}.*"))


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_restarts_leave_no_segment(write: Write, count: int) -> None:
    """A system that is restarted for months must not fill /dev/shm."""
    house = House(write(watch="death_limit = 100000\nbackoff_cap_ms = 10"))
    try:
        restart_and_count(house, count)
    finally:
        house.sweep()
