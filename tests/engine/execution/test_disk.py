"""The patient disk: what takes long is done elsewhere, and nothing is believed before it is done."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from engine.execution import journal
from engine.execution.checkpoint import advance, checkpoints
from engine.execution.config import JournalConfig
from engine.execution.disk import PatientDisk
from engine.execution.journal import Journal
from engine.execution.journal_file import JournalFile, segments
from tests.engine.execution.memory import House, Ring
from tests.engine.execution.test_checkpoint import live_through, request_of
from tests.engine.execution.test_journal import SEGMENT, add, numbers

PATIENCE_S = 10.0


class SlowDisk:
    """`fdatasync` as a slow disk has it: it returns when it is let go."""

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
    """A slow disk, let go at the end."""
    disk = SlowDisk(monkeypatch)
    yield disk
    disk.go.set()


def patient(directory: Path, policy: Any = "after") -> tuple[Journal, PatientDisk]:
    """A journal on a patient disk that is due to flush at every settling."""
    disk, ring = PatientDisk(), Ring("journal")
    file = JournalFile(directory, SEGMENT, disk)
    return Journal(JournalConfig(str(directory), policy, SEGMENT, 1), ring, ring.reader(), file), disk


def test_a_step_does_not_wait_for_a_flush(tmp_path: Path, slow: SlowDisk) -> None:
    """It took 1.2 ms out of a step that another order was waiting for; nor does a write wait for the page's flush."""
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
    """What waits in memory has only the ring behind it, and that reaches back so far and no further."""
    monkeypatch.setattr(journal, "BEHIND_MOST", 10)
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


def test_a_segment_is_not_followed_before_it_stands_on_the_disk(tmp_path: Path, slow: SlowDisk) -> None:
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


def test_what_must_stand_before_the_send_is_waited_for_over_a_roll(tmp_path: Path) -> None:
    """`sync = "each"`: whatever else is under way, the record is on the disk when commit returns."""
    book, _ = patient(tmp_path, "before")
    for count in range(1, 40):
        add(book, 1, settle=bool(count % 3))
        assert numbers(tmp_path) == list(range(1, count + 1))
    book.close()


def test_a_flush_that_failed_is_not_passed_over(tmp_path: Path, slow: SlowDisk) -> None:
    """The kernel forgets the error once told, and may have dropped the pages: only a new life may go on."""
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
    """To the byte; and a supervisor does not take it for one of its children."""
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
