"""Execution that keeps dying, or cannot start, with orders open at the venue: real processes, the venue's own word."""

import fcntl
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import shm
from engine.control import call
from engine.model.words import OrderState
from engine.venues.binance.signing import Ed25519Signer, signed_query
from tests.engine.floor import Floor, until

KEY = "SteelyardLoopbackEngineKey00000000000000000000000000000000000000"  # demo.toml has it
NEVER_MS = 3_600_000  # no later start of execution does what is to be shown here
STRATEGY = 3
LASTING = """
[[strategies]]
name = "lasting"
id = 3
class = "tests.engine.resting:Lasting"
instruments = [1]
[[processes]]
name = "lasting"
roles = ["lasting"]
"""
WATCH = f"[watch]\nslow_retry_ms = {NEVER_MS}\n"
SOON = "[canceller]\ndead_ms = 1000\n"
OTHERS = "web_1"  # a person's order on the same account


def rest(floor: Floor, method: str, path: str, **parameters: str) -> Any:
    """What the venue answers the account's owner over REST."""
    signer = Ed25519Signer(KEY, (floor.paths.state / "demo.pem").read_bytes())
    query = "&".join(f"{key}={value}" for key, value in {**parameters, "timestamp": time.time_ns() // 10**6}.items())
    url = f"{floor.config.venues[0].request_url}{path}?{signed_query(signer, query)}"
    request = urllib.request.Request(url, method=method, headers={"X-MBX-APIKEY": KEY})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return json.load(answer)


def ids(floor: Floor) -> set[str]:
    """The account's open orders by the venue's own list."""
    symbols = [one.symbol for one in floor.config.instruments]
    listed = [order for symbol in symbols for order in rest(floor, "GET", "/api/v3/openOrders", symbol=symbol)]
    return {order["clientOrderId"] for order in listed}


def ours(floor: Floor) -> set[str]:
    """Those of the engine, by the venue's log: a listing costs weight of the account."""
    return floor.open_orders() - {OTHERS}


def order_is_open(floor: Floor) -> bool:
    """Whether the order that only execution cancels is open, by execution's own records."""
    ring = shm.RingReader(f"{floor.system}.orders.execution")
    ring.cursor = ring.oldest
    found = [row for row in ring.rows() if not isinstance(row, shm.Lapped) and row.strategy == STRATEGY]
    return any(row.state == OrderState.OPEN for row in found)


def kill(floor: Floor) -> None:
    """Kill execution each time it lives, until the supervisor has halted the system for it."""
    seen = set()
    while not (state := floor.status())["halted"]:
        pid = next(one["pid"] for one in state["processes"] if one["name"] == "execution")
        if pid and pid not in seen:
            seen.add(pid)
            os.kill(pid, signal.SIGKILL)


def take_journal(floor: Floor) -> Any:
    """Be another writer of the journal, as a second system with the same directory would."""
    pid = floor.pid("execution")
    lock = (floor.paths.state / "journal" / "journal.lock").open("r+")
    os.kill(pid, signal.SIGKILL)
    until(lambda: _took(lock))
    return lock


def _took(lock: Any) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def spoil_strategies(floor: Floor) -> None:
    """An operator edits the file while the system is up."""
    floor.file.write_text(floor.file.read_text() + '\n[[strategies]]\nname = "No Name"\n')
    os.kill(floor.pid("execution"), signal.SIGKILL)


def spoil_start(floor: Floor) -> None:
    """An assert fails while the role is built."""
    roles = '\n[roles]\nexecution = "tests.engine.supervisor.broken_role:build"\n'
    floor.file.write_text(floor.file.read_text() + roles)
    os.kill(floor.pid("execution"), signal.SIGKILL)


def spoil_text(floor: Floor) -> None:
    """A file that is half edited when execution dies."""
    floor.file.write_text(floor.file.read_text() + "\n[[strategies]\n")
    os.kill(floor.pid("execution"), signal.SIGKILL)


def empty_soon(floor: Floor) -> None:
    """The system is halted, execution does not run, and the venue has no order of it."""
    until(lambda: floor.status()["halted"])
    until(lambda: not ours(floor))
    state = until(lambda: (found := floor.status()) and found["cancellers"]["execution"]["clean"] and found)
    assert state["halt_reason"] == "deaths"
    assert floor.pid("execution") == 0
    assert ids(floor) == {OTHERS}


SOAK = pytest.mark.soak


@pytest.mark.parametrize(
    "end",
    [
        kill,
        spoil_start,
        pytest.param(take_journal, marks=SOAK),
        pytest.param(spoil_strategies, marks=SOAK),
        pytest.param(spoil_text, marks=SOAK),
    ],
)
def test_orders_of_an_execution_that_dies_five_times_are_cancelled_at_the_venue(
    floor: Callable[..., Floor], end: Callable[[Floor], Any]
) -> None:
    """They stayed open for as long as execution did not start: others filled them, and no risk check saw it."""
    system = floor(LASTING + WATCH + SOON)
    system.up()
    price = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": "30000.00"}
    rest(system, "POST", "/api/v3/order", symbol="BTCUSDT", newClientOrderId=OTHERS, **price)
    until(lambda: order_is_open(system))
    assert ids(system) > {OTHERS}
    held = end(system)
    empty_soon(system)
    assert "the venue lists no open order of this account" in system.log("canceller")
    assert system.type("status") == 1
    assert system.type("down") == 0, "no order is left, and `down` reports it"
    del held


def test_orders_of_an_execution_that_hangs_at_its_start_are_cancelled_at_the_venue(
    floor: Callable[..., Floor],
) -> None:
    """A start that does not end is no death: orders stayed open for as long as five such starts may last."""
    system = floor(LASTING + WATCH + SOON)
    system.up()
    until(lambda: order_is_open(system))
    roles = '\n[roles]\nexecution = "tests.engine.supervisor.broken_role:hang"\n'
    system.file.write_text(system.file.read_text() + roles)
    os.kill(system.pid("execution"), signal.SIGKILL)
    until(lambda: not ours(system))
    assert until(lambda: (found := system.status()) and found["cancellers"]["execution"]["clean"] and found)
    execution = next(one for one in system.status()["processes"] if one["name"] == "execution")
    assert (execution["deaths"], execution["phase"]) == (1, "starting"), "it is not dead, and does not start"


def test_down_of_a_system_whose_execution_cannot_start_cancels_its_orders(floor: Callable[..., Floor]) -> None:
    """The last process that could cancel them is about to end."""
    system = floor(LASTING + WATCH + SOON)
    system.up()
    until(lambda: order_is_open(system))
    held = take_journal(system)
    call(system.paths.control, "down")
    pid = system.status()["pid"]
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert not system.open_orders(), "by the venue's own record"
    assert not system.paths.left.exists()
    del held


HANGING = LASTING.replace(":Lasting", ":Hanging").partition("[[processes]]")[0]


def last_beat(floor: Floor, pid: int) -> int:
    """Of execution's life with this pid; 0 when another life beats."""
    row = shm.CellReader(f"{floor.system}.heartbeat.execution").read(0)
    return int(row.wall_ns) if row is not None and row.pid == pid else 0


def test_a_hook_that_hangs_beside_execution_has_the_orders_cancelled_by_the_canceller(
    floor: Callable[..., Floor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Execution shares its process with the strategy and can send nothing; the canceller needs neither of them."""
    file = tmp_path / "hang"
    monkeypatch.setenv("HANG_FILE", str(file))
    shared = {'roles = ["execution"]': 'roles = ["execution", "lasting"]'}
    system = floor(HANGING + WATCH + f"[canceller]\ndead_ms = {NEVER_MS}\n", **shared)
    system.up()
    until(lambda: order_is_open(system))
    pid, [order] = system.pid("execution"), lasting(system)
    beats = [last_beat(system, pid)]
    file.touch()
    until(lambda: beats.append(last_beat(system, pid)) or not system.open_orders() & {order})
    file.unlink()
    ends = [event for event in system.truth() if event["client_id"] == order and event["what"] == "cancelled"]
    assert len(ends) == 1
    late_ms = (ends[0]["now_ns"] - max(beats)) / 10**6
    sys.stdout.write(f"cancelled {late_ms:.1f} ms after the last beat, late_ms is {system.config.watch.late_ms}\n")
    assert late_ms > system.config.watch.late_ms
    assert '"reason": "frozen"' in system.log("canceller")


def lasting(floor: Floor) -> list[str]:
    """The order that only execution or the canceller ends."""
    ring = shm.RingReader(f"{floor.system}.orders.execution")
    ring.cursor = ring.oldest
    rows = [row for row in ring.rows() if not isinstance(row, shm.Lapped) and row.strategy == STRATEGY]
    return sorted({row.client_id.hex() for row in rows})


def by_command(floor: Floor) -> int:
    """By the operator."""
    return floor.type("down")


def by_guard(floor: Floor) -> int:
    """By `systemctl stop`, which sends SIGTERM to the guard."""
    return ended(floor, floor.status()["guard"], signal.SIGTERM)


def by_interrupt(floor: Floor) -> int:
    """By ^C in a terminal."""
    return ended(floor, floor.status()["guard"], signal.SIGINT)


def ended(floor: Floor, pid: int, number: signal.Signals) -> int:
    """Send the signal and wait for the end."""
    os.kill(pid, number)
    until(lambda: not floor.paths.system.exists())
    return int(floor.paths.left.exists())


def nothing(floor: Floor) -> None:
    """Everything runs."""


def freeze_execution(floor: Floor) -> None:
    """Execution cannot drain."""
    os.kill(floor.pid("execution"), signal.SIGSTOP)


def kill_both(floor: Floor) -> None:
    """The process that would cancel in place of execution dies with it."""
    for name in ("execution", "canceller"):
        os.kill(floor.pid(name), signal.SIGKILL)


@pytest.mark.parametrize(
    ("trouble", "stop"),
    [
        (kill_both, by_command),
        (freeze_execution, by_guard),
        pytest.param(nothing, by_command, marks=SOAK),
        pytest.param(nothing, by_guard, marks=SOAK),
        pytest.param(nothing, by_interrupt, marks=SOAK),
        pytest.param(freeze_execution, by_command, marks=SOAK),
        pytest.param(kill_both, by_guard, marks=SOAK),
    ],
)
def test_every_way_to_stop_ends_without_an_order_at_the_venue(
    floor: Callable[..., Floor], trouble: Callable[[Floor], None], stop: Callable[[Floor], int]
) -> None:
    """No process looks after an order when the system is down."""
    system = floor(LASTING + WATCH)
    system.up()
    until(lambda: order_is_open(system))
    trouble(system)
    assert stop(system) == 0
    assert not system.open_orders(), "by the venue's own record"
    assert not system.paths.left.exists()


@SOAK
def test_fills_that_race_the_cancels_of_down_are_in_the_journal(floor: Callable[..., Floor]) -> None:
    """What was bought at the last moment is owned all the same."""
    system = floor()
    system.up()
    assert system.trades()
    assert system.differences() == []
    assert not system.open_orders()
