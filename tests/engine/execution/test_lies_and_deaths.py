"""Fills that contradict their order, over real sockets and with execution killed: the wire to the venue lies."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.lanes import LOOKERS, open_lanes
from engine.model.words import SessionState
from tests.engine.floor import Floor, until
from tests.engine.lying_wire import LyingWire

SYMBOL = "BTCUSDT"  # the maker's: its orders rest, so their fills come in reports alone
SECOND = "ETHUSDT"
READABLE = dict.fromkeys(("q", "l", "z"), "0.0010")  # sizes of SECOND have fewer decimals than those of SYMBOL
MORE = """
[watch]
death_limit = 1000
[execution]
audit_interval_ns = 2_000_000_000
"""
Event = dict[str, Any]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[LyingWire]:
    """The venue of execution."""
    made = LyingWire()
    monkeypatch.setenv("STEELYARD__VENUES__BINANCE__ORDER_URL", f'"{made.url}"')
    yield made
    made.close()


@pytest.fixture
def system(floor: Callable[..., Floor], wire: LyingWire) -> Floor:
    """A system that trades past the liar."""
    made = floor(MORE)
    wire.venue = f"{made.config.venues[0].stream_url}/ws-api/v3"
    made.up()
    return made


def halted(system: Floor) -> set[int]:
    """The instruments that execution has halted, as `status` reads them."""
    cells = open_lanes(system.system, LOOKERS).cell_reader("instrument_halts")
    rows = [cells.read(index) for index in range(cells.count)]
    return {row.instrument for row in rows if row is not None and row.reason}


def ready(system: Floor) -> bool:
    """Whether orders can leave."""
    row = open_lanes(system.system, LOOKERS).cell_reader("sessions").read(0)
    return row is not None and row.state == SessionState.READY


def kill(system: Floor) -> None:
    """SIGKILL execution, and wait until its next life is ready."""
    pid = system.pid("execution")
    os.kill(pid, signal.SIGKILL)
    until(lambda: system.pid("execution") not in (0, pid))
    until(lambda: ready(system))


def fill_of(frame: Event) -> Event:
    """The report of a fill of the maker's in a frame, or nothing."""
    event = frame.get("event", {})
    ours = event.get("e") == "executionReport" and event["s"] == SYMBOL and event["x"] == "TRADE" and event["m"]
    return event if ours else {}


def once(wire: LyingWire, lie: Callable[[Event], list[Event]]) -> list[Event]:
    """Replace the report of the maker's next fill by another; return the true reports that were replaced."""
    reported: list[Event] = []

    def tell(frame: Event) -> list[Event]:
        event = fill_of(frame)
        if not event or reported:
            return [frame]
        reported.append(event)
        return [frame | {"event": said} for said in lie(event)]

    wire.lie = tell
    return reported


def worse(event: Event) -> str:
    """A price on the wrong side of the order's limit."""
    return f"{float(event['p']) * (1.01 if event['S'] == 'BUY' else 0.99):.2f}"


LIES: dict[str, Callable[[Event], list[Event]]] = {
    "more than the order's size": lambda event: [event | {"l": "7.00000", "z": "7.00000"}],
    "one trade under three ids": lambda event: [event | {"t": event["t"] + far} for far in (0, 10**9, 10**9 + 1)],
    "the other side": lambda event: [event | {"S": "SELL" if event["S"] == "BUY" else "BUY"}],
    "another symbol": lambda event: [event | READABLE | {"s": SECOND}],
    "price 0": lambda event: [event | {"L": "0.00"}],
    "worse than the limit": lambda event: [event | {"L": worse(event)}],
    "FILLED without a fill": lambda event: [event | {"x": "NEW", "t": -1, "X": "FILLED", "l": "0", "L": "0", "z": "0"}],
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_fill_that_contradicts_its_order_halts_its_instrument_beyond_a_death(
    system: Floor, wire: LyingWire, lie: str
) -> None:
    """The next life must not trade on; and the true fills that the venue lists are applied, once."""
    reported = once(wire, LIES[lie])
    until(lambda: reported)
    until(lambda: halted(system))
    kill(system)
    assert halted(system) == {1}
    assert system.type("status") == 1
    kill(system)
    assert halted(system) == {1}
    assert system.log("execution").count("an instrument is halted by execution") == 1
    assert system.type("resume", "--instrument", SYMBOL) == 0
    until(lambda: not halted(system))
    more = once(wire, lambda event: [event])
    until(lambda: more)
    assert system.differences() == []


def test_a_death_between_the_lie_and_its_alarm_loses_neither_the_fill_nor_a_later_alarm(
    system: Floor, wire: LyingWire
) -> None:
    """A life that ends with the frame unread learns the truth from the listing; the same lie to the next life halts."""
    reported = once(wire, lambda _: [])
    until(lambda: reported)
    kill(system)
    assert halted(system) == set()
    wire.push({"subscriptionId": 0, "event": LIES["the other side"](reported[0])[0]})
    once(wire, LIES["worse than the limit"])
    until(lambda: halted(system))
    assert system.differences() == []


def test_older_reports_of_a_fill_that_the_listing_brought_first_change_nothing(system: Floor, wire: LyingWire) -> None:
    """After a death the listing overtakes the stream: a fill counted twice is a wrong position, an alarm is false."""
    kept: list[Event] = []

    def keep(frame: Event) -> list[Event]:
        return [frame] if frame.get("event", {}).get("e") != "executionReport" else kept.append(frame) or []

    wire.lie = keep
    until(lambda: sum(bool(fill_of(frame)) for frame in kept) > 1)
    kill(system)
    wire.lie = lambda frame: [frame]
    for frame in kept[::-1] + kept:
        wire.push(frame)
    assert system.trades()
    assert halted(system) == set()
    kill(system)
    assert system.differences() == []
