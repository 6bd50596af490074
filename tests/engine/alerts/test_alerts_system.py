"""Whole systems with alerts and an endpoint: what is killed, frozen, halted or full is a message within seconds.

The times are printed (`-s` shows them). The assertion is a deadline far above the promised 5 s, because a busy machine
of the tests is not the machine of the promise.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.alerts.store import FILE
from engine.control import Unreachable
from engine.supervisor.life import guard_pid
from tests.engine.alerts.endpoints import Endpoint
from tests.engine.disk import Disk, mounted
from tests.engine.floor import Floor, until

Make = Callable[..., Floor]


def table(endpoint: Endpoint, more: str = "") -> str:
    """A system's table with one webhook."""
    target = f'[[alerts.targets]]\nname = "hook"\nkind = "webhook"\nurl = "{endpoint.url}"\n'
    return f'[alerts]\nheartbeat_url = "{endpoint.url}"\nheartbeat_every_ms = 200\n{more}\n{target}'


def state_of(floor: Floor) -> dict[str, Any]:
    """What the role has stored."""
    found: dict[str, Any] = json.loads((floor.paths.state / FILE).read_bytes())
    return found


class Clock:
    """Measures how long a message takes from what caused it."""

    def __init__(self, one: Floor, endpoint: Endpoint) -> None:
        """Begin without a figure."""
        self.one, self.endpoint = one, endpoint
        self.took_s: dict[str, float] = {}

    def message(self, name: str, act: Callable[[], object], cause: str, subject: str) -> dict[str, Any]:
        """Do something, wait for its message, and note the time; an earlier episode of the cause must be over."""
        until(
            lambda: (
                (cause, subject) not in {(each["cause"], each["subject"]) for each in state_of(self.one)["episodes"]}
            )
        )
        before, began = len(self.endpoint.trees()), time.monotonic()
        act()

        def found() -> Any:
            new = self.endpoint.trees()[before:]
            return next((one for one in new if (one["cause"], one["subject"]) == (cause, subject)), None)

        tree: dict[str, Any] = self.endpoint.wait_for(found)
        self.took_s[name] = time.monotonic() - began
        return tree


@pytest.mark.timeout(300)
def test_every_death_a_freeze_and_a_halt_is_a_message(floor: Make, endpoint: Endpoint) -> None:
    """The process that dies cannot report it, and the one that should may be dead too."""
    one = floor(table(endpoint, "over_ms = 1000") + "[watch]\ndeath_limit = 2\n")
    one.up()
    clock = Clock(one, endpoint)
    endpoint.wait_for(lambda: any(not tree for _, tree, _ in endpoint.requests))  # the outside heartbeat
    for role in ("feed", "aggregation", "execution", "maker"):
        pid = living(one, role)
        tree = clock.message(f"SIGKILL {role}", lambda pid=pid: os.kill(pid, signal.SIGKILL), "process_died", role)
        assert f"pid {pid}" in tree["what"]
    frozen = living(one, "taker")
    clock.message("SIGSTOP taker", lambda: os.kill(frozen, signal.SIGSTOP), "process_died", "taker")
    again = living(one, "maker")
    clock.message("parked", lambda: os.kill(again, signal.SIGKILL), "process_down", "maker")
    clock.message("halt", lambda: one.type("halt"), "halted", "system")
    assert one.type("resume") == 0
    supervisor = until(lambda: _supervisor(one))
    clock.message("SIGKILL supervisor", lambda: os.kill(supervisor, signal.SIGKILL), "supervisor_died", "supervisor")
    second = until(lambda: _supervisor(one, supervisor))
    clock.message("SIGSTOP supervisor", lambda: os.kill(second, signal.SIGSTOP), "supervisor_down", "supervisor")
    until(lambda: _supervisor(one, second))
    guard = until(lambda: guard_pid(one.paths.guard_lock))
    clock.message("SIGKILL guard", lambda: os.kill(guard, signal.SIGKILL), "guard_down", "guard")
    killed = living(one, "alerts")
    clock.message("SIGKILL alerts", lambda: os.kill(killed, signal.SIGKILL), "unwatched", "alerts")
    print("seconds to the message:", {name: round(took_s, 2) for name, took_s in clock.took_s.items()})  # noqa: T201
    contents = {json.dumps(tree) for tree in endpoint.trees()}  # the answer to one message can be lost with the role
    assert len(contents) == len({tree["id"] for tree in endpoint.trees()})


def living(one: Floor, process: str) -> int:
    """The pid of a process that runs; never 0, which would mean the tests' own processes to a signal."""
    return int(until(lambda: one.pid(process)))


def _supervisor(one: Floor, before: int = 0) -> int:
    """The pid of a supervisor that answers and is not the one before; 0 when none does."""
    try:
        found = int(one.status()["pid"])
    except Unreachable:
        return 0
    return found if found != before else 0


def test_what_was_queued_for_a_dead_endpoint_is_delivered_once_after_kills(floor: Make, endpoint: Endpoint) -> None:
    """Endpoint down with 429 and then dead, the role killed in between: every cause arrives, none of them twice."""
    one = floor(table(endpoint))
    one.up()
    endpoint.status, endpoint.headers = 429, {"Retry-After": "1"}
    os.kill(living(one, "aggregation"), signal.SIGKILL)
    assert one.type("halt") == 0
    until(lambda: {message["cause"] for message in state_of(one)["queues"]["hook"]} >= {"process_died", "halted"})
    queued = {message["id"] for message in state_of(one)["queues"]["hook"]}
    assert any(status == 429 for _, status in endpoint.tried)
    port = endpoint.port
    endpoint.close()
    killed = living(one, "alerts")
    os.kill(killed, signal.SIGKILL)
    until(lambda: one.pid("alerts") not in (0, killed) and not state_of(one)["closed"])
    until(lambda: "unwatched" in {message["cause"] for message in state_of(one)["queues"]["hook"]})
    again = Endpoint(port)
    try:
        again.wait_for(lambda: {"process_died", "halted", "unwatched"} <= {tree["cause"] for tree in again.trees()})
        until(lambda: not state_of(one)["queues"]["hook"])
        ids = [tree["id"] for tree in again.trees()]
        assert queued <= set(ids)
        assert len(set(ids)) == len(ids)
    finally:
        again.close()


def test_trading_goes_on_while_the_endpoint_hangs(floor: Make, endpoint: Endpoint) -> None:
    """A chat that does not answer must block neither the start, nor orders, nor the stop."""
    endpoint.delay_s = 30.0
    one = floor(table(endpoint))
    one.up()
    os.kill(living(one, "aggregation"), signal.SIGKILL)
    until(lambda: state_of(one)["queues"]["hook"])
    assert one.trades()
    beat = next(process for process in one.status()["processes"] if process["name"] == "alerts")
    assert beat["phase"] == "running"
    assert one.type("down") == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 24 MiB at the state directory; without the right to mount one the test is skipped."""
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    with mounted(place, 24) as made:
        if not made.own:
            pytest.skip("no file system can be mounted here")
        yield made


def test_a_full_disk_is_a_message_although_no_file_can_be_written(disk: Disk, floor: Make, endpoint: Endpoint) -> None:
    """The queue of alerts is on the disk that is full."""
    elsewhere = {"{state}/venue-truth.log": "{run}/venue-truth.log"}
    one = floor(table(endpoint, "disk_free_mib = 2") + "[journal]\nsegment_mib = 0.0625\n", **elsewhere)
    one.up()
    clock = Clock(one, endpoint)

    clock.message("full disk", disk.fill, "disk_full", "state")
    endpoint.wait_for(lambda: endpoint.trees("journal_full"))
    print("seconds to the message:", clock.took_s)  # noqa: T201
    disk.free()
    endpoint.wait_for(lambda: endpoint.trees("disk_full", "over"))
