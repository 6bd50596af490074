"""Many messages of the venue at once: a step reads a few of them, so that an intent does not wait for all."""

from pathlib import Path
from typing import Any

import pytest

from engine.venues.binance.trading.stages import FRAMES_MOST
from engine.venues.session import Ask
from engine.venues.trading.news import Outcome
from tests.engine.execution.memory import SECOND, House, requests

MOVED = b'{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"B":[]}}'


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Execution that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def deliver(house: House, frames: list[bytes]) -> Any:
    """Have these frames arrive at once at the next poll, and nothing after them."""
    port: Any = house.role.session._port
    blocks = iter([frames])
    port.poll = lambda _: next(blocks, [])
    return port


def test_an_intent_leaves_before_the_rest_of_the_messages(house: House) -> None:
    """At thousands of orders a second hundreds of answers arrive in one block: an order would wait milliseconds."""
    deliver(house, [MOVED] * (2 * FRAMES_MOST + 1))
    session, before = house.role.session, len(requests(house, "order.place"))
    house.run()
    assert len(session._frames) == FRAMES_MOST + 1
    house.intent()
    house.run()
    assert len(requests(house, "order.place")) == before + 1
    assert len(session._frames) == 1
    house.run()
    assert not session._frames


def test_an_answer_that_was_received_in_time_is_not_overdue(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order called UNKNOWN although its answer lies in memory would be asked about for nothing."""
    found: list[tuple[int, int]] = []
    port = deliver(house, [])
    house.intent()
    house.run()
    number = max(house.role.session._requests)
    note = lambda request, answer, _: found.append((request.kind, answer.outcome))  # noqa: E731
    monkeypatch.setattr(house.role.session._listener, "on_answer", note)
    answer = b'{"id":%d,"status":400,"error":{"code":-2010,"msg":"no"},"rateLimits":[]}' % number
    blocks = iter([[MOVED] * FRAMES_MOST + [answer]])
    port.poll = lambda _: next(blocks, [])
    house.now_ns += 5 * SECOND
    house.role.session.step(house.now_ns)
    assert not found
    house.role.session.step(house.now_ns)
    assert found == [(Ask.PLACE, Outcome.REFUSED)]


def test_the_messages_of_a_lost_connection_are_dropped(house: House) -> None:
    """The next connection asks for everything: an older message that is read after that answer would turn time back."""
    port = deliver(house, [MOVED] * (3 * FRAMES_MOST))
    house.run()
    house.role.session._drop(house.now_ns, "lost")
    assert not house.role.session._frames
    assert house.role.session._port is not port
