"""A strategy's process that is killed or stopped: its open order is still followed, by the records' own times."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import shm
from engine.model.words import DONE_STATES, OrderState
from tests.engine.floor import Floor, until
from tests.engine.resting import TIMEOUT_NS

RESTING = 3
MORE = """
[[strategies]]
name = "resting"
id = 3
class = "tests.engine.resting:Resting"
instruments = [1]
[[processes]]
name = "resting"
roles = ["resting"]
[watch]
late_ms = 3600000
frozen_ms = 3600000
"""


def rows(floor: Floor, state: OrderState, client_id: bytes = b"") -> list[Any]:
    """The records of the resting strategy's orders in a state."""
    ring = shm.RingReader(f"{floor.system}.orders.execution")
    ring.cursor = ring.oldest
    found = [row for row in ring.rows() if not isinstance(row, shm.Lapped) and row.strategy == RESTING]
    return [row for row in found if row.state == state and client_id in (b"", row.client_id)]


def times_of(floor: Floor, client_id: bytes) -> dict[str, int]:
    """When each thing happened to an order, by the venue's own log."""
    name = client_id.ljust(16, b"\0").hex()
    return {event["what"]: event["now_ns"] for event in floor.truth() if event["client_id"] == name}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_an_open_order_times_out_while_its_strategy_is_killed_or_stopped(
    floor: Callable[..., Floor], how: signal.Signals
) -> None:
    """Execution, not the strategy, must watch orders: a strategy that hangs would leave its orders open."""
    system = floor(MORE)
    system.up()
    opened = until(lambda: rows(system, OrderState.OPEN))[0]
    strategy = system.pid("resting")
    os.kill(strategy, how)
    gone_ns = time.time_ns()
    ended = until(lambda: rows(system, OrderState.CANCELLED, opened.client_id))[0]
    assert ended.now_ns - opened.intent_ns >= TIMEOUT_NS
    assert opened.client_id.ljust(16, b"\0").hex() not in system.open_orders()
    at_venue = times_of(system, opened.client_id)
    assert at_venue["accepted"] < gone_ns < at_venue["cancelled"]
    if how == signal.SIGSTOP:
        assert Path(f"/proc/{strategy}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        os.kill(strategy, signal.SIGCONT)
    assert system.type("down") == 0


def live(floor: Floor) -> list[Any]:
    """The newest records of the resting strategy's orders that are not done."""
    ring = shm.RingReader(f"{floor.system}.orders.execution")
    ring.cursor = ring.oldest
    newest = {row.client_id: row for row in ring.rows() if not isinstance(row, shm.Lapped) and row.strategy == RESTING}
    return [row for row in newest.values() if row.state not in DONE_STATES]


def test_a_chase_is_repriced_and_ends_while_its_strategy_is_stopped(floor: Callable[..., Floor]) -> None:
    """A chase left at a price that the market has left neither fills nor ends."""
    system = floor(MORE.replace("Resting", "Chasing"))
    system.up()
    strategy = system.pid("resting")

    def moved(since_ns: int) -> bool:
        return any(row.child and row.sent_ns > since_ns for row in rows(system, OrderState.OPEN))

    for _ in range(50):  # one that is filled before the price moves shows nothing
        until(lambda: live(system))
        os.kill(strategy, signal.SIGSTOP)
        gone_ns = time.time_ns()
        since_ns = system.status()["now_ns"]
        until(lambda since_ns=since_ns: moved(since_ns) or not live(system))
        if moved(since_ns):
            break
        os.kill(strategy, signal.SIGCONT)
    assert moved(since_ns)
    until(lambda: not live(system))
    children = [row.client_id for row in rows(system, OrderState.OPEN) if row.child]
    assert any(times_of(system, one)["accepted"] > gone_ns for one in children)
    assert Path(f"/proc/{strategy}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    assert system.open_orders().isdisjoint(
        row.client_id.ljust(16, b"\0").hex() for row in rows(system, OrderState.OPEN)
    )
    os.kill(strategy, signal.SIGCONT)
    assert system.type("down") == 0


def test_an_order_is_cancelled_by_an_operator_while_its_strategy_is_stopped(floor: Callable[..., Floor]) -> None:
    """An order without a time of its own must not need its strategy for its end."""
    system = floor(MORE.replace("Resting", "Lasting"))
    system.up()
    opened = until(lambda: rows(system, OrderState.OPEN))[0]
    strategy = system.pid("resting")
    os.kill(strategy, signal.SIGSTOP)
    gone_ns = time.time_ns()
    assert system.type("cancel", "--strategy", "resting") == 0
    until(lambda: "cancelled" in times_of(system, opened.client_id))
    assert times_of(system, opened.client_id)["cancelled"] > gone_ns
    os.kill(strategy, signal.SIGCONT)
    assert system.type("down") == 0
