"""The router's journal: what a death tears, what a full disk stops, and what a renewed file still has."""

import errno
import os
from pathlib import Path

import pytest

from engine.model.words import OrderState, Reason
from engine.router import journal as journals
from engine.router.journal import Counted, Done, Journal, JournalDamageError, JournalHeldError, Stopped
from tests.engine.router.house import WRITE, House

WHOLE = 10**5


def full_disk(_descriptor: int, _data: bytes) -> None:
    """What the kernel says when there is no room."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A router with books."""
    house = House(tmp_path)
    house.step()
    house.books()
    house.step()
    return house


@pytest.mark.parametrize("torn", [1, 7, 9, 12])
def test_a_torn_record_is_cut_off_and_the_others_are_read(tmp_path: Path, torn: int) -> None:
    """Nothing followed from a record that was not written whole."""
    path = tmp_path / "router.journal"
    journal = Journal(path)
    assert list(journal.replay()) == []
    assert journal.write(Counted(5), Done(7))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:torn])
    again = Journal(path)
    assert list(again.replay()) == [Counted(5), Done(7)]
    assert again.write(Stopped(7, "why", expired=False))
    again.close()
    assert list(Journal(path).replay()) == [Counted(5), Done(7), Stopped(7, "why", expired=False)]


@pytest.mark.parametrize(("byte", "value"), [(0, 0xFF), (1, 0xFF), (5, 0xFF), (9, 0xFF), (0, 1)])
def test_damage_before_a_whole_record_is_refused_by_name(tmp_path: Path, byte: int, value: int) -> None:
    """What follows the damage has happened: without it a size would be traded twice or a living child forgotten."""
    path = tmp_path / "router.journal"
    journal = Journal(path)
    journal.write(Counted(5))
    at = path.stat().st_size
    journal.write(Stopped(7, "why", expired=False))
    after = path.stat().st_size
    journal.write(Done(7))
    journal.close()
    damaged = bytearray(path.read_bytes())
    damaged[at + byte] ^= value
    path.write_bytes(damaged)
    again = Journal(path)
    with pytest.raises(JournalDamageError, match=f"router.journal: the record at byte {at} is damaged .* byte {after}"):
        list(again.replay())
    again.close()
    assert path.read_bytes() == bytes(damaged), "evidence stays"


def test_a_zeroed_end_is_no_record(tmp_path: Path) -> None:
    """A file system may give back zeros for what was not on the disk when the power went."""
    path = tmp_path / "router.journal"
    journal = Journal(path)
    journal.write(Counted(5))
    journal.close()
    path.write_bytes(path.read_bytes() + bytes(64))
    assert list(Journal(path).replay()) == [Counted(5)]


def test_two_routers_cannot_write_one_journal(tmp_path: Path) -> None:
    """Two configurations that name one directory would mix their parents."""
    held = Journal(tmp_path / "router.journal")
    with pytest.raises(JournalHeldError, match="written by another router"):
        Journal(tmp_path / "router.journal")
    held.close()


def test_a_full_disk_begins_no_parent_and_sends_no_child(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that no journal knows would be traded again by the next life."""
    waiting = house.place(WHOLE, price=40_000_00)
    house.step(3)
    with monkeypatch.context() as patch:
        patch.setattr(WRITE, full_disk)
        refused = house.place(WHOLE)
        house.step(5)
        assert house.verdict_of(refused).reason == Reason.JOURNAL_FULL
        house.cancel(waiting)
        house.step(3)
        assert not house.traded()
    assert house.order_of(waiting).state == OrderState.CANCELLED
    later = house.place(WHOLE)
    house.step(5)
    assert house.order_of(later).state == OrderState.FILLED


def test_the_end_of_a_child_survives_a_full_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has happened cannot be refused: it is written when there is room, before anything new."""
    intent = house.place(WHOLE)
    house.now += 1
    house.router.step(house.now)
    with monkeypatch.context() as patch:
        patch.setattr(WRITE, full_disk)
        house.step(5)
    house.step(2)
    assert house.order_of(intent).state == OrderState.FILLED
    house.revive()
    house.step(5)
    assert (house.order_of(intent).filled, house.traded()) == (WHOLE, WHOLE)


def test_a_full_disk_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a record in the middle of the file would hide every record after it."""
    path = tmp_path / "router.journal"
    journal = Journal(path)
    journal.write(Counted(1))

    def half(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(WRITE, half)
        journal.note(Counted(2))
        assert not journal.write(Counted(3))
    journal.settle()
    assert journal.write(Counted(4))
    journal.close()
    assert list(Journal(path).replay()) == [Counted(1), Counted(2), Counted(4)]


def test_a_renewed_journal_has_what_still_matters(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file must not grow with the age of the system, and no parent may be lost by that."""
    monkeypatch.setattr(journals, "RENEW_BYTES", 2_000)
    done = house.place(WHOLE // 2)
    working = house.place(WHOLE, price=40_000_00)
    for _ in range(30):
        house.step(2)
        house.place(WHOLE, price=40_000_00, timeout_ns=1)
    assert house.path.stat().st_size < 60_000
    house.revive()
    house.step(2)
    assert house.order_of(done).filled == WHOLE // 2
    assert working in house.router.parents.living
    repeated = house.router.parents.last_intent
    assert max(repeated.values()) > working
