"""The patient disk: slow operations run elsewhere, and nothing counts as done before it is done."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer, current_thread
from typing import Any

import pytest

from engine.execution.config import JournalConfig
from engine.execution.journal import journal
from engine.execution.journal.journal import Journal
from engine.execution.journal.journal_file import JournalFile, segments
from engine.execution.restore.checkpoint import advance, checkpoints
from engine.execution.restore.disk import DirectDisk, PatientDisk
from tests.engine.execution.journal.test_journal import SEGMENT, add, numbers
from tests.engine.execution.memory import House, Ring
from tests.engine.execution.restore.test_checkpoint import live_through, request_of

PATIENCE_S = 10.0


class SlowDisk:
    """`fdatasync` as on a slow disk: it returns when it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the kernel's place."""
        self.begun, self.go = Event(), Event()
        self.error: OSError | None = None
        monkeypatch.setattr(os, "fdatasync", self.sync)

    def sync(self, _descriptor: int) -> None:
        """Wait."""
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    """A slow disk, released at the end."""
    disk = SlowDisk(monkeypatch)
    yield disk
    disk.go.set()


def patient(directory: Path, policy: Any = "after", room: Any = None) -> tuple[Journal, PatientDisk]:
    """A journal on a patient disk that is due to flush at every settling; with room of its own, at a roll only."""
    disk, ring = PatientDisk(room.reserve) if room else PatientDisk(), Ring("journal")
    file = JournalFile(directory, SEGMENT, disk)
    return Journal(
        JournalConfig(str(directory), policy, flush_interval_ns=0 if room else 1), ring, ring.reader(), file
    ), disk


def test_a_step_does_not_wait_for_a_flush(tmp_path: Path, slow: SlowDisk) -> None:
    """A flush delayed a step by 1.2 ms while an order waited; nor does a write wait for the page's flush."""
    book, disk = patient(tmp_path)
    add(book, 2)
    assert slow.begun.wait(PATIENCE_S)
    add(book, 5)
    assert not disk.synced()
    assert numbers(tmp_path) == [1, 2]
    slow.go.set()
    disk.wait()
    book.settle(10**10)
    assert numbers(tmp_path) == list(range(1, 8))
    book.close()


def test_a_disk_that_does_not_keep_up_stops_entries(
    tmp_path: Path, slow: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that wait in memory are safe only in the ring, which keeps a limited number."""
    monkeypatch.setattr(journal, "WAITING_MOST", 10)
    book, disk = patient(tmp_path)
    add(book, 2)
    assert slow.begun.wait(PATIENCE_S)
    add(book, 10)
    assert not book.full
    add(book, 1)
    assert book.full
    slow.go.set()
    disk.wait()
    book.settle(10**10)
    assert not book.full
    book.close()


class SlowRoom:
    """`fallocate` as on a slow disk: it returns when it is released, in its own thread."""

    def __init__(self) -> None:
        """Quick, until it is made slow."""
        self.go, self.begun = Event(), Event()
        self.go.set()
        self.full = False
        self.threads: set[str] = set()

    def reserve(self, descriptor: int, size: int) -> None:
        """Wait, and make room or not."""
        self.threads.add(current_thread().name)
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        if self.full:
            raise OSError(errno.ENOSPC, "no room")
        os.posix_fallocate(descriptor, 0, size)


def test_a_step_does_not_wait_for_the_next_segment(tmp_path: Path) -> None:
    """Blocks for 16 MiB and the directory's flush are milliseconds; what comes meanwhile waits in memory."""
    room = SlowRoom()
    book, disk = patient(tmp_path, room=room)
    assert room.threads == {"journal-disk"}
    room.go.clear()
    add(book, 15)
    assert disk.prepared() is None, "half a segment is left when the next is asked for"
    add(book, 10)
    assert (book.file.waiting > 0, book.full) == (True, False)
    room.go.set()
    disk.prepared(wait=True)
    for now_s in range(10, 14):
        book.settle(now_s * 10**9)
        disk.wait()
    assert numbers(tmp_path) == list(range(1, 26))
    book.close()
    assert numbers(tmp_path) == list(range(1, 26))


def test_a_disk_that_turns_out_full_stops_entries_and_is_asked_again(tmp_path: Path) -> None:
    """The result comes later than the request, and is used all the same."""
    room = SlowRoom()
    book, disk = patient(tmp_path, room=room)
    room.full = True
    add(book, 10)
    for now_s in (10, 20):
        disk.prepared(wait=True)
        book.settle(now_s * 10**9)
    assert book.full
    disk.prepared(wait=True)
    assert len(segments(tmp_path)) == 1, "what could not be had is not left lying"
    room.full = False
    for now_s in (30, 40, 50):
        book.settle(now_s * 10**9)
        disk.prepared(wait=True)
    assert not book.full
    book.close()


def test_each_record_is_on_the_disk_although_its_segment_is_late(tmp_path: Path) -> None:
    """`sync = "each"` waits where there is nowhere to write, and only there."""
    room = SlowRoom()
    book, disk = patient(tmp_path, "before", room=room)
    room.go.clear()
    add(book, 14)
    assert disk.prepared() is None
    assert numbers(tmp_path) == list(range(1, 15))
    Timer(0.05, room.go.set).start()
    add(book, 20)
    assert numbers(tmp_path) == list(range(1, 35))
    book.close()


def test_a_death_while_a_segment_is_made_leaves_the_journal_whole(tmp_path: Path) -> None:
    """Its file has no name, no blocks, or nothing in it yet."""
    room = SlowRoom()
    book, disk = patient(tmp_path, room=room)
    room.go.clear()
    room.begun.clear()
    add(book, 10)
    assert room.begun.wait(PATIENCE_S), "the file has no room when the next life begins"
    again = Journal(JournalConfig(str(tmp_path), "after"), Ring("journal"), Ring("journal").reader(),
                    JournalFile(tmp_path, SEGMENT, DirectDisk()))  # fmt: skip
    assert again.sequence == 10
    add(again, 30)
    again.close()
    assert numbers(tmp_path) == [*range(1, 41)]
    room.go.set()
    disk.prepared(wait=True)
    assert numbers(tmp_path) == [*range(1, 41)]


def test_no_segment_is_begun_before_the_one_before_is_on_the_disk(tmp_path: Path, slow: SlowDisk) -> None:
    """What comes meanwhile waits in memory (the ring has it too): so a power cut can tear the last segment only."""
    book, disk = patient(tmp_path)
    for _ in range(15):
        add(book, 2)
    assert slow.begun.wait(PATIENCE_S)
    assert numbers(tmp_path) == [1, 2]
    assert book.closed == 0
    slow.go.set()
    disk.wait()
    book.settle(10**10)
    disk.wait()
    book.settle(2 * 10**10)
    assert numbers(tmp_path) == list(range(1, 31))
    assert book.closed == 1
    book.close()


def test_a_flush_before_the_send_is_waited_for_over_a_change_of_segment(tmp_path: Path) -> None:
    """`sync = "each"`: whatever else is under way, the record is on the disk when commit returns."""
    book, _ = patient(tmp_path, "before")
    for count in range(1, 40):
        add(book, 1, settle=bool(count % 3))
        assert numbers(tmp_path) == list(range(1, count + 1))
    book.close()


def test_a_flush_that_failed_is_raised(tmp_path: Path, slow: SlowDisk) -> None:
    """The kernel reports the error once, and may have dropped the pages: only a new life may continue."""
    book, disk = patient(tmp_path)
    slow.error = OSError(5, "Input/output error")
    add(book, 2)
    assert slow.begun.wait(PATIENCE_S)
    slow.go.set()
    assert disk._over.wait(PATIENCE_S)
    with pytest.raises(OSError, match="Input/output error"):
        add(book, 1)


def test_closing_waits_and_leaves_everything_on_the_disk(tmp_path: Path) -> None:
    """A drained system leaves nothing in memory."""
    book, _ = patient(tmp_path)
    add(book, 100)
    book.close()
    assert numbers(tmp_path) == list(range(1, 101))


def test_a_process_of_its_own_makes_the_same_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte; and a supervisor does not count it as one of its children."""
    house = House(tmp_path, segment_size=8192)
    live_through(house, 3, 60)
    house.role.journal.close()
    request = request_of(house)
    for path in checkpoints(tmp_path):
        path.unlink()
    advance(request)
    (path,) = checkpoints(tmp_path)
    made = path.read_bytes()
    path.unlink()
    environments: list[dict[str, str]] = []
    spawn = os.posix_spawn

    def see(path: str, arguments: list[str], environment: dict[str, str], **more: Any) -> int:
        environments.append(environment)
        return spawn(path, arguments, environment, **more)

    monkeypatch.setenv("STEELYARD_PROCESS", "execution")
    monkeypatch.setattr(os, "posix_spawn", see)
    disk = PatientDisk()
    disk.checkpoint(request)
    child = disk._child
    disk.checkpoint(request)
    assert disk._child == child, "one at a time"
    os.waitpid(child, 0)
    assert path.read_bytes() == made
    assert "STEELYARD_PROCESS" not in environments[0]
    disk.checkpoint(request)
    assert disk._child != child
    os.waitpid(disk._child, 0)
    assert segments(tmp_path)
