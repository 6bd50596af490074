"""Execution that keeps dying, or cannot start, with orders open at the venue: real processes, the venue's own word."""

import fcntl
import json
import os
import signal
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
