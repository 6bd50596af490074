"""Execution's own halt: a fill that contradicts another, a journal that has lost records."""

import os
from pathlib import Path

import pytest

from engine.execution.journal.journal import read_journal
from engine.model.text import bare
from engine.model.words import AlarmReason, CommandKind, IntentKind, JournalKind, OrderState, Reason
from tests.engine.execution.memory import CHASE, MS, SECOND, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def reuse_a_fill_number(house: House) -> None:
    """Two orders, each with a fill, both under one number."""
    first, second = house.place(), house.place()
    number = int(house.venue.fill(first.client_id.hex(), 400)["id"])
    house.run(5)
    house.venue.ids = number - 1
    house.venue.fill(second.client_id.hex(), 300)
    house.venue.ids = number + 100


def alarms(house: House) -> list[int]:
    """The reasons in the journal."""
    from engine.execution.orders import codec

    rows = [row for row in house.rings["journal"].rows if row.kind == JournalKind.ALARM]
    return [codec.ALARM.unpack(row.payload[: row.size]).reason for row in rows]


def test_a_fill_number_used_again_halts(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Dropped unnoticed it is a position that is wrong, and a maker that trades on it."""
    reuse_a_fill_number(house)
    house.run(5)
    assert house.role.gate.halted
    assert alarms(house) == [AlarmReason.FILL_DISPUTED]
    assert len(house.halts_asked) == 1
    assert "correct by hand" in house.halts_asked[0]
    assert any("halted by execution" in one.message for one in caplog.records)
    house.book()
    refused = house.intent()
    house.settle(3)
    assert house.verdict(refused) == Reason.HALTED
    assert not any(one.open for one in house.venue.orders.values())


def test_an_alarm_stops_the_next_steps_intents(house: House) -> None:
    """The message that raises it is read after a step's intents: those of the next step must find the halt."""
    reuse_a_fill_number(house)
    while not house.role.gate.halted:
        house.book()
        sent = house.intent()
        house.run(1)
    house.book()
    refused = house.intent()
    house.run(1)
    assert (house.verdict(sent), house.verdict(refused)) == (Reason.APPROVED, Reason.HALTED)


def test_a_real_repetition_is_silent(house: House) -> None:
    """Every fill is reported two or three times."""
    order = house.place()
    house.venue.fill(order.client_id.hex(), 400)
    for port in house.venue.ports:
        port.inbox.extend(port.inbox)
    house.settle(40)
    assert (order.filled, alarms(house)) == (400, [])
    house.check_truth()


def test_only_an_operators_resume_ends_it(house: House) -> None:
    """Neither the cell, which did not know of it, nor a death; and what was resumed once is not raised again."""
    house.cells["halt"].write(0, 0, 0, 0, 0, 0, (0, 0, 0, 0))
    house.run(1)
    reuse_a_fill_number(house)
    house.run(5)
    house.cells["halt"].write(0, 0, 0, 0, 0, 0, (0, 0, 0, 0))
    house.run(5)
    assert house.role.gate.halted
    house.restart()
    house.settle(5)
    assert house.role.gate.halted
    house.command(CommandKind.RESUME)
    house.settle(5)
    house.book()
    assert house.place().state == OrderState.OPEN
    house.restart()
    house.settle(40)
    house.book()
    assert not house.role.gate.halted
    assert house.place().state == OrderState.OPEN
    assert alarms(house) == [AlarmReason.FILL_DISPUTED]


def test_a_resume_in_the_very_step_does_not_end_what_nobody_can_have_known(house: House) -> None:
    """It was given before."""
    reuse_a_fill_number(house)
    house.run(1)
    house.command(CommandKind.RESUME)
    house.run(1)
    assert house.role.gate.halted
    house.restart()
    assert house.role.gate.halted


def test_a_gap_in_the_journal_starts_halted_and_loses_nothing(tmp_path: Path) -> None:
    """A disk full for longer than memory reaches back, then a death: the venue is asked for what is missing."""
    full = False

    def reserve(descriptor: int, size: int) -> None:
        if full:
            raise OSError(28, "no room")
        os.posix_fallocate(descriptor, 0, size)

    house = House(tmp_path, segment_size=8192, reserve=reserve)
    house.ready()
    held, resting = house.place(), house.place()
    house.venue.fill(held.client_id.hex(), 400)
    house.run(5)
    full = True
    while not house.role.journal.full:
        house.place(size=100)
    for _ in range(12):
        house.cancel(resting.intent_id)
        house.run(3)
    house.venue.fill(held.client_id.hex(), 100)
    house.run(5)
    for _ in range(10):
        house.intent()
        house.run(2)
    house.venue.fill(held.client_id.hex(), 200)
    house.kill()
    house.put("journal", house.rings["journal"].newest(4))
    house.role = house.live()
    assert house.role.journal.gap is not None
    house.settle(10)
    assert house.role.gate.halted
    assert alarms(house) == [AlarmReason.JOURNAL_GAP]
    assert "journal records" in house.halts_asked[0]
    assert "resume" in house.halts_asked[0]
    reported = [(row.instrument, bare(row.venue_fill_id)) for row in house.rings["fills"].rows]
    assert sorted(reported) == sorted(house.venue.own_fills(house.mark))
    assert not any(one.open for one in house.venue.orders.values())
    assert house.role.ledger.account[1].size == 700
    full = False
    house.run(1200, MS)
    house.command(CommandKind.RESUME)
    house.settle(2)
    house.book()
    assert house.place().state == OrderState.OPEN
    house.restart()
    house.settle(5)
    assert house.role.journal.gap is None
    assert (house.role.ledger.account[1].size, house.role.gate.halted) == (700, False)
    house.role.journal.close()
    entries = [entry.sequence for entry in read_journal(tmp_path)]
    assert entries == list(range(1, len(entries) + 1))


@pytest.mark.parametrize("orphans", ["cancel", "keep"])
@pytest.mark.parametrize("begun", ["before", "behind"])
def test_a_gap_ends_chases_and_leaves_no_order_open(tmp_path: Path, orphans: str, begun: str) -> None:
    """A chase's fills in the gap are not known: going on could buy them again, and ending could forget them."""
    room = [True]

    def reserve(descriptor: int, size: int) -> None:
        if not room[0]:
            raise OSError(28, "no room")
        os.posix_fallocate(descriptor, 0, size)

    house = House(tmp_path, segment_size=8192, reserve=reserve, orphans=orphans)
    house.ready()
    chase = {"algorithm": CHASE, "price": 0, "size": 1000, "timeout_ns": 3600 * SECOND}
    intent_id = house.intent(**chase) if begun == "before" else 0
    house.run(5)
    room[0] = False
    bid = 6_000_000
    while not house.role.journal.file.waiting:
        bid += 100
        house.book(bid, bid + 100)
        house.run(40, 5 * MS)
        house.intent(kind=IntentKind.CANCEL, target_id=1)
    if begun == "behind":
        house.role.gate.exits_only = 0  # the last order before it was known
        intent_id = house.intent(**chase)
        house.run(5)
    (order,) = [one for one in house.role.blotter.live.values() if one.intent_id == intent_id]
    house.venue.fill(order.client_id.hex(), 400)
    house.run(5)
    for _ in range(40):
        house.intent(kind=IntentKind.CANCEL, target_id=1)
        house.run(1)
    house.kill()
    house.put("journal", house.rings["journal"].newest(4))
    house.role = house.live()
    assert house.role.journal.gap is not None
    for _ in range(2):
        house.settle(10)
        house.book(bid, bid + 100)
        house.run(500)
        assert not any(one.open for one in house.venue.orders.values())
        room[0] = True
        house.command(CommandKind.RESUME)
        house.settle(10)
        house.restart()
    house.check_sizes()
    assert house.role.ledger.account[1].size == house.venue.holding(house.mark, "BTCUSDT")
    house.ready()
    assert house.place().state == OrderState.OPEN
