"""A life after a death: what was in the journal, what the readers received, what the venue knows."""

import contextlib
from pathlib import Path

import pytest

from engine.execution.orders import blotter, fills
from engine.execution.orders.order import Order
from engine.model.words import CommandKind, FillFlag, IntentKind, OrderFlag, OrderState
from tests.engine.execution.memory import MS, OTHER, SECOND, STRATEGY, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER))
    house.ready()
    return house


def test_a_halt_in_the_cell_is_a_halt_and_outlives_a_death(house: House) -> None:
    """The cell in memory is enough, and a restart does not forget it."""
    order = house.place()
    house.cells["halt"].write(0, 1, house.now_ns, 0, 0, 0, (0, 0, 0, 0))
    house.run(1)
    assert house.role.gate.halted
    house.restart()
    assert house.role.gate.halted
    house.settle(3)
    assert house.role.blotter.orders[order.client_id].state == OrderState.CANCELLED


def test_a_halt_outlives_the_loss_of_memory(house: House) -> None:
    """After a power cut only the disk knows."""
    house.command(CommandKind.HALT)
    house.run(1)
    house.kill()
    house.power_on()
    house.role = house.live()
    assert house.role.gate.halted


def test_a_timeout_outlives_a_death(house: House) -> None:
    """It is in the journal with the order."""
    order = house.place(timeout_ns=5 * SECOND)
    house.restart()
    house.settle(7)
    assert house.role.blotter.orders[order.client_id].state == OrderState.CANCELLED
    house.check_truth()


def test_fills_missing_at_a_death_are_fetched_by_the_next_life(house: House) -> None:
    """The answer to the cancel had 300, and the fill had not arrived."""
    order = house.place()
    house.venue.event_latency_ns = 200 * MS
    house.venue.fill(order.client_id.hex(), 300)
    house.cancel(order.intent_id)
    house.run(5)
    assert order.flags & OrderFlag.FILLS_MISSING
    house.restart()
    house.settle(5)
    again = house.role.blotter.orders[order.client_id]
    assert (again.state, again.filled, again.flags & OrderFlag.FILLS_MISSING) == (OrderState.CANCELLED, 300, 0)
    house.check_truth()


def test_a_mute_venue_is_left_and_everything_asked_again(house: House) -> None:
    """Connected but silent for hours is a known disease."""
    before = house.role.session.connects
    house.venue.fault("time", "mute")
    house.settle(20)
    assert house.role.session.connects == before + 1
    assert house.role.recovery.complete


def test_a_power_cut_is_survived_by_the_disk_alone(tmp_path: Path) -> None:
    """Shared memory is gone; with `before` nothing that left is unknown."""
    house = House(tmp_path, disk="before")
    house.ready()
    order = house.place()
    house.venue.fill(order.client_id.hex(), 400)
    house.run(3)
    house.venue.fault("order.place", "mute")
    house.venue.lose_events = 1
    unknown = house.intent()
    house.run(1)
    house.kill()
    house.rings["orders"].rows.clear()
    fills = house.rings["fills"]
    house.power_on()
    house.rings["fills"] = fills
    house.role = house.live()
    house.settle(10)
    assert house.role.blotter.newest[unknown].state == OrderState.OPEN
    house.check_truth()


def started_anew(directory: Path) -> tuple[House, Order]:
    """A system that was down and up with 400 of an order filled, before the first step of execution; the order."""
    house = House(directory)
    house.ready()
    order = house.place(size=1000)
    house.venue.fill(order.client_id.hex(), 400)
    house.run(3)
    house.kill()
    house.power_on()
    house.role = house.live()
    return house, order


def test_a_fresh_fills_ring_begins_with_what_is_held(tmp_path: Path) -> None:
    """After down and up the segments are new: a strategy that reads fills alone must not believe that it is flat."""
    house, order = started_anew(tmp_path)
    house.ready()
    house.venue.fill(order.client_id.hex(), 600)
    house.run(3)
    reported = [(row.strategy, row.side * row.size, row.flags) for row in house.rings["fills"].rows]
    assert reported == [(STRATEGY, 400, FillFlag.OPENING), (STRATEGY, 600, 0)]


def die(*_: object) -> None:
    """A SIGKILL at this call."""
    raise InterruptedError


def test_a_death_before_the_opening_leaves_it_to_the_next_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fills of earlier systems in its place would be counted once more by a reader that has them already."""
    house, order = started_anew(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(blotter.Blotter, "open_positions", die)
        with pytest.raises(InterruptedError):
            house.run(1)
    house.restart()
    house.ready()
    house.venue.fill(order.client_id.hex(), 600)
    house.run(3)
    reported = [(row.strategy, row.side * row.size, row.flags) for row in house.rings["fills"].rows]
    assert reported == [(STRATEGY, 400, FillFlag.OPENING), (STRATEGY, 600, 0)]


def test_a_death_after_the_opening_publishes_no_fill_twice(tmp_path: Path) -> None:
    """The opening is a sum: what it contains must not be published again, what came after it must."""
    house, order = started_anew(tmp_path)
    house.ready()
    house.restart()
    house.ready()
    house.venue.fill(order.client_id.hex(), 100)
    house.run(3)
    assert [row.side * row.size for row in house.rings["fills"].rows] == [400, 100]


def test_a_command_given_to_a_dead_execution_is_followed_by_the_next_life(house: House) -> None:
    """An operator who got "accepted" must not find the order still open after a restart."""
    house.command(CommandKind.CANCEL_ALL)
    house.run(3)
    order = house.place()
    house.kill()
    house.now_ns += MS
    house.command(CommandKind.CANCEL_ALL)
    house.role = house.live()
    house.settle(5)
    assert house.role.blotter.orders[order.client_id].state == OrderState.CANCELLED
    house.book()
    later = house.place()
    house.restart()
    house.settle(2)
    assert house.role.blotter.orders[later.client_id].state == OrderState.OPEN, "a command is followed once"


def test_a_clock_set_back_between_two_lives_hides_no_command(tmp_path: Path) -> None:
    """A command is known by its place on its ring; a time would make a new one look old."""
    house = House(tmp_path)
    house.ready()
    house.now_ns += 3600 * SECOND
    house.command(CommandKind.CANCEL_ALL)
    house.now_ns -= 3600 * SECOND
    house.run(1)
    house.kill()
    house.power_on()
    house.role = house.live()
    house.ready()
    order = house.place()
    house.command(CommandKind.CANCEL_ALL)
    house.settle(2)
    assert house.role.blotter.orders[order.client_id].state == OrderState.CANCELLED


def test_a_cancel_requested_without_a_session_outlives_a_death(house: House) -> None:
    """Only execution knows of the cancel: it must be in the journal, or the order stays at the venue for ever."""
    order = house.place()
    house.role.session.close()
    house.cancel(order.intent_id)
    house.role._intake.read_intents(house.now_ns)
    house.kill()
    house.role = house.live()
    house.settle(3)
    assert house.role.blotter.orders[order.client_id].state == OrderState.CANCELLED


def test_a_fill_journalled_but_not_published_is_published_by_the_next_life(house: House) -> None:
    """Killed between the journal and the ring."""
    order = house.place()
    publish = house.role.blotter._publish_fill
    house.role.blotter._publish_fill = lambda _: True
    house.venue.fill(order.client_id.hex(), 400)
    house.run(3)
    assert len(house.rings["fills"].rows) == 0
    house.role.blotter._publish_fill = publish
    house.restart()
    house.settle(5)
    assert [row.size for row in house.rings["fills"].rows] == [400]
    house.check_truth()


@pytest.mark.parametrize("fills_kept", [1000, 1])
def test_an_order_forgotten_and_adopted_again_knows_its_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fills_kept: int
) -> None:
    """An unreported fill arrives long after: the earlier ones are counted, not missed for ever."""
    monkeypatch.setattr(blotter, "DONE_KEPT", 1)
    monkeypatch.setattr(fills, "FILLS_KEPT", fills_kept)
    house = House(tmp_path)
    house.ready()
    order = house.place(size=1000)
    house.venue.fill(order.client_id.hex(), 300)
    house.run(3)
    house.settle(31)
    house.book()
    for _ in range(3):
        other = house.place(size=100)
        house.venue.fill(other.client_id.hex(), 100)
        house.run(3)
    house.cancel(order.intent_id)
    house.run(10)
    for _ in range(3):
        other = house.place(size=100)
        house.venue.fill(other.client_id.hex(), 100)
        house.run(3)
    house.run(200)
    assert order.client_id not in house.role.blotter.orders
    there = house.venue.orders[order.client_id.hex()]
    there.status, house.venue.lose_events = "NEW", 1
    house.venue.fill(order.client_id.hex(), 200)
    there.status = "CANCELED"
    house.settle(40)
    again = house.role.blotter.orders[order.client_id]
    assert (again.filled, again.state, again.flags & OrderFlag.FILLS_MISSING) == (500, OrderState.CANCELLED, 0)
    assert house.role.ledger.account[1].size == 1100
    asked = len(house.venue.outgoing)
    house.settle(5)
    assert not any(b"myTrades" in frame for frame in house.venue.outgoing[asked:])
    house.restart()
    house.settle(5)
    assert house.role.ledger.account[1].size == 1100


class DeathError(Exception):
    """Death, in the middle of a step."""


def die_after_commits(house: House, count: int) -> None:
    """SIGKILL after this commit of the journal: nothing of the step follows."""
    publish, left = house.rings["journal"].publish_bytes, [count]

    def cut(data: bytes) -> bool:
        if not left[0]:
            raise DeathError
        left[0] -= 1
        return publish(data)

    house.role.journal.ring.publish_bytes = cut


@pytest.mark.parametrize("word", ["cancel", "cancel all of a strategy", "command", "halt and resume"])
@pytest.mark.parametrize("commits", range(5))
def test_a_cancel_that_is_in_the_journal_is_sent_by_the_next_life(house: House, word: str, commits: int) -> None:
    """It is carried out once: a life that dies after the commit and before the bytes must not be its end."""
    order = house.place()
    if word == "cancel":
        house.cancel(order.intent_id)
    elif word == "cancel all of a strategy":
        house.intent(kind=IntentKind.CANCEL_ALL)
    else:
        house.command(CommandKind.CANCEL_ALL if word == "command" else CommandKind.HALT)
    die_after_commits(house, commits)
    with contextlib.suppress(DeathError):
        house.run(3)
    del house.rings["journal"].publish_bytes
    house.restart()
    if word == "halt and resume":
        house.command(CommandKind.RESUME)
    house.settle(5)
    assert house.role.blotter.orders[order.client_id].state == OrderState.CANCELLED
    house.check_truth()


def test_a_cancel_requested_while_a_refused_one_waits_outlives_a_death(house: House) -> None:
    """The pause after a refusal is no reason to forget what was asked for in it."""
    order = house.place()
    house.venue.fill(order.client_id.hex(), 100)
    house.run(5)
    house.venue.fault("order.cancel", "busy")
    house.intent(kind=IntentKind.REPLACE, target_id=order.intent_id, price=5_999_500)
    house.run(20)
    house.cancel(order.intent_id)
    house.run(2)
    house.restart()
    house.settle(20)
    assert house.role.blotter.orders[order.client_id].state == OrderState.CANCELLED
    assert not any(one.open for one in house.venue.orders.values())
    house.check_truth()
