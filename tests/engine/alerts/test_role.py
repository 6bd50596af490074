"""The role: what it sends, what it keeps when it is killed, and that no target makes its step wait."""

from pathlib import Path

import pytest

from engine.alerts.delivery import ThreadDelivery
from engine.alerts.message import Message, State
from engine.alerts.outbox import Failed, Outcome, Sent
from engine.alerts.store import FileStore, Stored
from tests.engine.alerts.house import House
from tests.engine.alerts.made import SECOND_NS, MadeTarget, message
from tests.engine.floor import until

OUTSIDE = 'heartbeat_url = "https://outside.example"\nheartbeat_every_ms = 10000\n'


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A healthy system."""
    one = House(tmp_path)
    one.run(2)
    assert one.said == []
    return one


def test_a_halt_is_one_message_and_its_end_another(house: House) -> None:
    """With the system's name, the text and what to do."""
    house.halt()
    house.run(10)
    house.halt(halted=False)
    house.run(10)
    assert house.said == [("halted", State.BEGIN, 1), ("halted", State.OVER, 1)]
    assert house.target.accepted[0].title == "[made paper] CRITICAL halted: system"


def test_a_killed_role_sends_what_it_had_queued(house: House) -> None:
    """The endpoint was dead, the role was killed: the message is still sent, once."""
    house.target.outcome = Failed("refused")
    house.halt()
    house.run(5)
    house.role = house.live()
    house.target.outcome = Sent()
    house.run(20)
    assert [one for one in house.said if one[0] == "halted"] == [("halted", State.BEGIN, 1)]


def test_a_killed_role_reports_the_time_without_checks(house: House) -> None:
    """No other process reports that alerts did not look."""
    house.run(6)
    house.stage.now_ns += 9 * SECOND_NS
    house.stage.machine.wall += 9 * SECOND_NS
    house.role = house.live()
    house.run(1)
    assert house.said == [("unwatched", State.BEGIN, 1)]


def test_a_role_that_was_frozen_reports_the_time_without_checks(house: House) -> None:
    """SIGSTOP leaves the role alive, with the time of its last check."""
    house.stage.now_ns += 9 * SECOND_NS
    house.stage.machine.wall += 9 * SECOND_NS
    house.run(1)
    assert house.said == [("unwatched", State.BEGIN, 1)]


def test_an_orderly_end_is_no_gap_and_begins_the_episodes_anew(house: House) -> None:
    """After `down` and `up` a halt that is still in force is reported again."""
    house.halt()
    house.run(2)
    assert house.role.drain(house.stage.now_ns)
    house.role.close()
    house.stage.now_ns += 9 * SECOND_NS
    house.stage.machine.wall += 9 * SECOND_NS
    house.role = house.live()
    house.run(1)
    assert house.said == [("halted", State.BEGIN, 1), ("halted", State.BEGIN, 1)]


def test_a_role_that_ends_waits_for_a_dead_endpoint_only_shortly(house: House) -> None:
    """`down` must not hang because a chat is down."""
    house.target.outcome = Failed("refused")
    house.halt()
    house.run(1)
    assert not house.role.drain(house.stage.now_ns)
    assert house.role.drain(house.stage.now_ns + 3 * SECOND_NS)


def test_a_full_disk_loses_no_message(house: House) -> None:
    """The queue is in memory then, and the full disk is itself a message."""
    house.store.full = True
    house.stage.machine.free["made"] = 0
    house.target.outcome = Failed("refused")
    house.run(5)
    house.target.outcome = Sent()
    house.run(60)
    assert house.said[0] == ("disk_full", State.BEGIN, 1)
    house.store.full = False
    house.run(6)
    assert [one.cause for one in house.store.stored.episodes] == ["disk_full"]


def test_the_outside_heartbeat_stops_while_the_system_is_not_healthy(tmp_path: Path) -> None:
    """The service outside reports the absence; a halt alone is no absence."""
    house = House(tmp_path, OUTSIDE)
    house.run(35)
    assert len(house.outside.accepted) == 4
    house.halt()
    house.run(30)
    assert len(house.outside.accepted) == 7
    house.stage.silent.add("feed")
    house.run(60)
    assert len(house.outside.accepted) == 7
    house.stage.silent.clear()
    house.run(2)
    assert len(house.outside.accepted) == 8


def test_a_heartbeat_that_fails_is_made_again_at_its_next_time(tmp_path: Path) -> None:
    """An answer that is lost must not be the last request."""
    house = House(tmp_path, OUTSIDE)
    house.outside.outcome = Failed("timed out")
    house.run(25)
    house.outside.outcome = Sent()
    house.run(20)
    assert len(house.outside.accepted) == 2


class Hanging(MadeTarget):
    """A target whose call returns when it is aborted."""

    def __init__(self, name: str) -> None:
        """Begin without a call."""
        super().__init__(name)
        self.aborted = False

    def deliver(self, message: Message) -> Outcome:
        """Hang."""
        del message
        until(lambda: self.aborted)
        return Failed("aborted")

    def abort(self) -> None:
        """End the call."""
        self.aborted = True


def test_a_target_that_hangs_delays_no_other_and_is_ended() -> None:
    """Each has a thread: `begin` returns at once, the other one is done, the limit ends the call."""
    other, hanging = MadeTarget("other"), Hanging("hanging")
    delivery = ThreadDelivery({"hanging": hanging, "other": other}, limit_ns=5 * SECOND_NS)
    delivery.begin("hanging", message(), 1)
    delivery.begin("other", message(), 1)
    assert until(lambda: delivery.finished(SECOND_NS)) == [("other", Sent())]
    assert not hanging.aborted
    assert until(lambda: delivery.finished(6 * SECOND_NS)) == [("hanging", Failed("aborted"))]
    delivery.close()


def test_a_file_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    """A spoilt file must not keep alerts from starting; what was missed is reported."""
    store = FileStore(tmp_path / "alerts.json")
    assert store.read().closed
    (tmp_path / "alerts.json").write_text('{"version": 1, "queues": {"hook": [')
    assert not store.read().closed


def test_the_file_holds_the_whole_state_and_a_failed_write_keeps_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queues, episodes and the place in the file of deaths change together or not at all."""
    store = FileStore(tmp_path / "alerts.json")
    stored = Stored(seen_ns=7, closed=False, deaths_offset=99, episodes=[], queues={"hook": [message(1), message(2)]})
    store.write(stored)
    assert FileStore(tmp_path / "alerts.json").read() == stored

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.alerts.store.open_private", full)
    store.write(Stored())
    assert store.read() == stored
