"""A replay waits for those who are to read it, and not for ever."""

from types import SimpleNamespace
from typing import Any

from engine.feed.replay.audience import LIMIT_NS, Audience
from engine.model.words import RoleState


class Beats:
    """A heartbeat cell that a test writes."""

    def __init__(self) -> None:
        """Never written."""
        self.row: Any = None

    def read(self, _index: int = 0, /) -> Any:
        """Give what was written last."""
        return self.row

    def set_state(self, state: RoleState) -> None:
        """Beat."""
        self.row = SimpleNamespace(state=state)


def test_a_replay_waits_until_every_role_runs() -> None:
    """A strategy that starts a moment later would decide on the rest of the day only, another rest each time."""
    maker, taker = Beats(), Beats()
    audience = Audience({"maker": maker, "taker": taker}, lambda: True)
    assert audience.holds_back(1)
    maker.set_state(RoleState.RUNNING)
    taker.set_state(RoleState.STARTING)
    assert audience.holds_back(2)
    assert not audience.complete
    taker.set_state(RoleState.RUNNING)
    assert not audience.holds_back(3)
    maker.set_state(RoleState.STARTING)  # it died and comes again: the replay goes on
    assert not audience.holds_back(4)
    assert audience.complete


def test_the_replay_waits_for_no_reader_before_the_instruments_are_shown() -> None:
    """A strategy cannot start without them; where they come in the recording itself, both would wait for ever."""
    shown = [False]
    audience = Audience({"maker": Beats()}, lambda: shown[0])
    assert not audience.holds_back(1)
    assert not audience.complete
    shown[0] = True
    assert audience.holds_back(2)


def test_a_role_that_never_runs_is_named_and_left(caplog: Any) -> None:
    """One broken strategy must not keep the others from their replay."""
    audience = Audience({"broken": Beats()}, lambda: True)
    assert audience.holds_back(1)
    assert audience.holds_back(LIMIT_NS)
    assert not audience.holds_back(2 + LIMIT_NS)
    assert [record.roles for record in caplog.records] == [["broken"]]
