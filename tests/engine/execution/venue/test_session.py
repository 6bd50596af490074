"""The session at the venue: what ends it, what does not, and what is logged of it."""

from pathlib import Path

import pytest

from engine.model.words import OrderState
from engine.venues.session import Stage
from tests.engine.execution.memory import MS, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


@pytest.mark.parametrize("fault", ["busy", "unknown_not"])
def test_a_clock_that_does_not_arrive_leaves_the_session_alive(house: House, fault: str) -> None:
    """A refusal is an answer: giving the connection up for it makes every order in flight unknown, for nothing."""
    before, order = house.role.session.connects, house.place()
    house.venue.fault("time", *[fault] * 3)
    house.settle(60)
    assert not house.venue.faults["time"]
    assert (house.role.session.connects, order.state) == (before, OrderState.OPEN)
    assert house.role.recovery.complete


def test_a_limit_that_is_reported_by_the_clock_is_kept(house: House) -> None:
    """Asking on through a limit is how a limit becomes a ban."""
    house.venue.fault("time", *["busy"] * 100)
    house.role.session._clock_ns = house.now_ns
    sent = [frame for frame in house.venue.outgoing if b'"time"' in frame]
    house.run(900)
    assert len([frame for frame in house.venue.outgoing if b'"time"' in frame]) == len(sent) + 1


def test_a_limit_that_is_reported_before_the_logon_is_waited_for(tmp_path: Path) -> None:
    """A connection is a request too. Before its clock is known the venue's time is treated as ours."""
    house = House(tmp_path)
    house.venue.fault("time", "busy")
    house.run(2_000)
    assert house.role.session.connects == 1
    house.run(600)
    assert (house.role.session.connects, house.role.session.stage) == (2, Stage.UP)


def test_why_a_session_ended_is_logged_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """An engine that cannot reach its venue must log it, and not a thousand times."""
    house.venue.fault("session.logon", *["unknown_not"] * 50)
    house.venue.cut()
    house.run(200, 100 * MS)
    reported = [one.why for one in caplog.records if one.message == "session ended"]
    assert reported == ["closed", "logon refused: -1007 Timeout"]
