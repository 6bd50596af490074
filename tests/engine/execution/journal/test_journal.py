"""The journal: before the bytes leave, through torn tails, holes, stale bytes and a full disk."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from engine.execution.config import JournalConfig
from engine.execution.journal import journal_file
from engine.execution.journal.journal import (
    Gap,
    Journal,
    JournalDamageError,
    last_run,
    read_journal,
    read_ring,
)
from engine.execution.journal.journal_file import (
    SIZE,
    VERSION_AT,
    JournalFile,
    JournalVersionError,
    read_records,
    segments,
    sequence_of,
)
from engine.execution.journal.journal_record import pack_record
from engine.execution.restore.disk import DirectDisk
from engine.model.words import JournalKind
from tests.engine.execution.memory import SECOND, Ring

SEGMENT = 16 * SIZE


class Disk:
    """A disk with so much room left."""

    def __init__(self, room: int) -> None:
        """In bytes."""
        self.room = room

    def reserve(self, descriptor: int, size: int) -> None:
        """As fallocate does."""
        more = size - os.fstat(descriptor).st_size
        if more > self.room:
            raise OSError(errno.ENOSPC, "no room")
        self.room -= more
        os.posix_fallocate(descriptor, 0, size)


def journal(directory: Path, ring: Ring, disk: Disk | None = None, policy: Any = "after") -> Journal:
    """A journal on this disk and in this memory."""
    file = JournalFile(directory, SEGMENT, DirectDisk((disk or Disk(1 << 30)).reserve))
    return Journal(JournalConfig(str(directory), policy), ring, ring.reader(), file)


def add(book: Journal, count: int, *, settle: bool = True) -> None:
    """Records of a step each."""
    for number in range(count):
        book.add(number, JournalKind.TERMS, (b"payload %d" % number).ljust(296, b"\xff"))
        book.commit(number)
        if settle:
            book.settle(number)


def numbers(directory: Path) -> list[int]:
    """The sequences on the disk."""
    return [sequence_of(record) for record in read_records(directory)]


def test_what_was_written_is_read_back_over_segments(tmp_path: Path) -> None:
    """16 records a segment here."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 40)
    book.close()
    entries = list(read_journal(tmp_path))
    assert [entry.sequence for entry in entries] == list(range(1, 41))
    assert entries[5].payload.startswith(b"payload 5\xff")
    assert len(segments(tmp_path)) == 4  # the last is reserved ahead


def test_before_means_on_the_disk_when_commit_returns(tmp_path: Path) -> None:
    """With this policy a power cut loses nothing that left."""
    add(journal(tmp_path, Ring("journal"), policy="before"), 3, settle=False)
    assert numbers(tmp_path) == [1, 2, 3]


def test_after_a_kill_the_ring_supplies_what_the_file_did_not_get(tmp_path: Path) -> None:
    """SIGKILL between publish and write."""
    ring = Ring("journal")
    book = journal(tmp_path, ring)
    add(book, 5)
    add(book, 4, settle=False)
    book.file.close()
    again = journal(tmp_path, ring)
    assert [entry.sequence for entry in again.replay()] == list(range(1, 10))
    assert again.sequence == 9
    add(again, 1)
    again.close()
    assert numbers(tmp_path) == list(range(1, 11))


def test_a_ring_that_begins_after_the_end_of_the_file_is_a_gap(tmp_path: Path) -> None:
    """Records are missing in between: the journal goes on where the file ends, and what is left is kept for people."""
    ring = Ring("journal")
    book = journal(tmp_path, ring)
    add(book, 5)
    add(book, 4, settle=False)
    book.file.close()
    ring = ring.newest(3)
    again = journal(tmp_path, ring)
    assert again.gap == Gap(6, 6, str(tmp_path / "after-gap.000000000007"))
    assert [entry.sequence for entry in again.replay()] == [1, 2, 3, 4, 5]
    kept = (tmp_path / "after-gap.000000000007").read_bytes()
    assert [sequence_of(kept[at : at + SIZE]) for at in range(0, len(kept), SIZE)] == [7, 8, 9]
    add(again, 3, settle=False)
    again.file.close()
    third = journal(tmp_path, ring)
    assert third.gap is None
    assert [entry.sequence for entry in third.replay()] == list(range(1, 9))


def test_a_torn_tail_is_in_the_log_and_reserved_room_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An operator who compares the journal with the venue must know what the disk lost."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 3)
    book.close()
    journal(tmp_path, Ring("journal")).close()
    assert caplog.records == []
    [path] = segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[3 * SIZE : 3 * SIZE + 100] = b"x" * 100
    path.write_bytes(data)
    journal(tmp_path, Ring("journal")).close()
    [line] = caplog.records
    assert "torn" in line.getMessage()
    assert (vars(line)["file"], vars(line)["after_record"], vars(line)["bytes"]) == (str(path), 3, 100)


@pytest.mark.parametrize("torn", [1, 100, SIZE - 1])
def test_a_torn_tail_is_cut_off(tmp_path: Path, torn: int) -> None:
    """A machine that died while writing."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 20)
    book.close()
    second = segments(tmp_path)[1]
    data = bytearray(second.read_bytes())
    data[3 * SIZE + torn : 4 * SIZE] = bytes(SIZE - torn)
    second.write_bytes(data)
    assert numbers(tmp_path) == list(range(1, 20))
    again = journal(tmp_path, Ring("journal"))
    add(again, 2)
    again.close()
    assert numbers(tmp_path) == list(range(1, 22))


def punch(segment: Path, index: int) -> None:
    """Make a hole where this record was."""
    data = bytearray(segment.read_bytes())
    data[index * SIZE : (index + 1) * SIZE] = bytes(SIZE)
    segment.write_bytes(data)


def test_old_bytes_after_a_hole_never_come_back(tmp_path: Path) -> None:
    """A later page reached the disk and an earlier did not: what follows the hole must not pass for new."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 30)
    book.close()
    punch(segments(tmp_path)[1], 4)
    again = journal(tmp_path, Ring("journal"))
    assert again.sequence == 20
    add(again, 1)
    again.close()
    assert numbers(tmp_path) == list(range(1, 22))


@pytest.mark.parametrize("index", [0, 4, 14])
def test_a_hole_before_the_last_segment_stops_the_start_and_cuts_nothing(tmp_path: Path, index: int) -> None:
    """Each segment is flushed before the next begins, so this is a damaged disk: what follows is still evidence."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 50)
    book.close()
    punch(segments(tmp_path)[1], index)
    before = [path.read_bytes() for path in segments(tmp_path)]
    again = journal(tmp_path, Ring("journal"))
    assert again.sequence == 50
    with pytest.raises(JournalDamageError, match=f"ends at record 50, and its record {17 + index} is missing"):
        list(again.replay())
    again.close()
    assert [path.read_bytes() for path in segments(tmp_path)] == before


def test_a_segment_that_does_not_follow_its_predecessor_is_no_end(tmp_path: Path) -> None:
    """The end of the segment before is missing: the journal ends there, and the stale segment goes."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 20)
    book.close()
    punch(segments(tmp_path)[0], 15)
    again = journal(tmp_path, Ring("journal"))
    add(again, 3)
    again.close()
    assert numbers(tmp_path) == list(range(1, 19))


def test_the_end_is_found_without_reading_what_lies_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start reads each segment once: the replay uses what was read to find the end."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 100)
    book.close()
    read: list[str] = []
    whole = journal_file.read_whole
    monkeypatch.setattr(journal_file, "read_whole", lambda path, *more: read.append(path.name) or whole(path, *more))
    again = journal(tmp_path, Ring("journal"))
    assert read == ["journal.00000007"]
    assert sum(1 for _ in again.replay()) == 100
    assert sorted(read) == [path.name for path in segments(tmp_path)]
    again.close()


def test_any_flipped_bit_ends_the_journal_there(tmp_path: Path) -> None:
    """The checksum covers the whole record."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 10)
    book.close()
    first = segments(tmp_path)[0]
    whole = first.read_bytes()
    for bit in range(0, SIZE * 8, 37):
        data = bytearray(whole)
        data[6 * SIZE + bit // 8] ^= 1 << bit % 8
        first.write_bytes(data)
        assert numbers(tmp_path) == [1, 2, 3, 4, 5, 6]


def test_a_full_disk_is_known_while_there_is_room_left(tmp_path: Path) -> None:
    """Half a segment remains for the exits."""
    book = journal(tmp_path, Ring("journal"), Disk(SEGMENT))
    add(book, 7)
    assert not book.full
    add(book, 1)
    assert book.full
    assert numbers(tmp_path) == list(range(1, 9))


def test_what_does_not_fit_waits_and_is_written_when_there_is_room(tmp_path: Path) -> None:
    """Nothing is dropped, nothing is out of order."""
    disk = Disk(SEGMENT)
    book = journal(tmp_path, Ring("journal"), disk)
    add(book, 24)
    assert numbers(tmp_path) == list(range(1, 17))
    disk.room = 1 << 20
    book.settle(2 * SECOND)
    assert not book.full
    assert numbers(tmp_path) == list(range(1, 25))


@pytest.mark.parametrize("policy", ["after", "before"])
def test_room_that_was_promised_and_is_not_there_stops_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    """A file system that copies on write needs new blocks for reserved ones too; the exits go on in memory."""
    book = journal(tmp_path, Ring("journal"), policy=policy)
    add(book, 3)
    with monkeypatch.context() as full:

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, "no room")

        full.setattr(os, "pwrite", refuse)
        add(book, 4)
        assert book.full
        assert numbers(tmp_path) == [1, 2, 3]
    add(book, 1)
    assert not book.full
    assert numbers(tmp_path) == list(range(1, 9))
    book.close()


def test_a_disk_full_from_the_beginning_is_known_at_once(tmp_path: Path) -> None:
    """Before the first intent."""
    assert journal(tmp_path, Ring("journal"), Disk(0)).full


def test_room_that_was_got_in_part_is_given_back(tmp_path: Path) -> None:
    """Zeros between a segment's last record and its successor would end the journal there at the next start."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 3)
    book.close()
    reserve = Disk(1 << 30).reserve

    def in_part(descriptor: int, size: int) -> None:
        reserve(descriptor, size - SEGMENT // 2)
        raise OSError(errno.ENOSPC, "no room")

    ring = Ring("journal")
    file = JournalFile(tmp_path, SEGMENT, DirectDisk(in_part))
    again = Journal(JournalConfig(str(tmp_path), "after"), ring, ring.reader(), file)
    assert again.full
    file._disk = DirectDisk(reserve)
    for number in range(5):
        again.add(number, JournalKind.TERMS, b"more")
        again.commit(number)
        again.settle(number + 2 * SECOND)
    again.close()
    assert numbers(tmp_path) == list(range(1, 9))
    assert journal(tmp_path, Ring("journal")).sequence == 8


def test_a_journal_of_another_version_is_refused_and_nothing_is_wiped(tmp_path: Path) -> None:
    """Records of another form look torn, and what is torn is wiped: positions would be forgotten in silence."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 3)
    book.close()
    [first] = segments(tmp_path)
    data = bytearray(first.read_bytes())
    data[VERSION_AT] = 1
    first.write_bytes(data)
    advice = "format 1, this program reads format 3.* With the release that wrote it, .* --set-aside"
    for refused in (lambda: journal(tmp_path, Ring("journal")), lambda: list(read_journal(tmp_path))):
        with pytest.raises(JournalVersionError, match=advice) as error:
            refused()
        assert str(tmp_path) in str(error.value)
    assert first.read_bytes() == bytes(data)


def test_a_segment_that_was_reserved_and_never_written_has_no_version(tmp_path: Path) -> None:
    """A death before the first record leaves zeros, and the next start must not refuse them."""
    journal(tmp_path, Ring("journal")).close()
    assert not any(segments(tmp_path)[0].read_bytes())
    book = journal(tmp_path, Ring("journal"))
    add(book, 1)
    assert numbers(tmp_path) == [1]


def test_a_journal_without_its_beginning_stops_the_start(tmp_path: Path) -> None:
    """Removed segments held positions; without a checkpoint nothing else has them."""
    add(journal(tmp_path, Ring("journal")), 40)
    segments(tmp_path)[0].unlink()
    book = journal(tmp_path, Ring("journal"))
    with pytest.raises(JournalDamageError, match=r"ends at record 40, and its record 1 is missing"):
        list(book.replay())
    assert [one.sequence for one in book.replay(1, 16)] == list(range(17, 41))


def test_a_start_copies_from_the_ring_only_what_the_file_lacks(tmp_path: Path) -> None:
    """The ring holds 65,536 records, and a start that copied and checked them all would need longer than its goal."""
    book = journal(tmp_path, ring := Ring("journal"))
    add(book, 100)
    for last in (0, 60, 97, 99, 100, 140):
        assert [sequence_of(one) for one in read_ring(ring.reader(), last)] == list(range(min(last + 1, 100), 101))
    assert read_ring(Ring("journal").reader(), 0) == []
    ring.publish_bytes(bytes(SIZE))
    assert len(read_ring(ring.reader(), 99)) == 100, "after a damaged record everything is read"


def test_after_a_gap_a_start_finds_the_same_in_a_part_of_the_ring_as_in_all_of_it() -> None:
    """After a gap the numbers begin anew where the file ended, so a number alone does not show where a record lies."""
    ring = Ring("journal")
    for number in (*range(90, 120), *range(80, 88), *range(100, 106)):
        ring.publish_bytes(pack_record(number, 0, JournalKind.TERMS, b"one"))
    for last in range(70, 110):
        part, whole = (last_run(read_ring(ring.reader(), one)) for one in (last, 0))
        assert [one for one in part if sequence_of(one) > last] == [one for one in whole if sequence_of(one) > last]


def test_a_segment_that_was_reserved_ahead_is_kept(tmp_path: Path) -> None:
    """Making it again costs a start more than reading the journal; it must not need a disk with room either."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 9)
    book.close()
    reserved = segments(tmp_path)[1].stat().st_ino
    again = journal(tmp_path, Ring("journal"), Disk(0))
    assert segments(tmp_path)[1].stat().st_ino == reserved
    assert not again.full
    add(again, 10)
    assert numbers(tmp_path) == list(range(1, 20))
    again.close()


@pytest.mark.parametrize("spoil", [lambda file: file.write(b"x"), lambda file: file.truncate(SEGMENT // 2)])
def test_a_later_segment_that_is_not_as_it_was_reserved_is_made_again(tmp_path: Path, spoil: Any) -> None:
    """Old bytes after the journal's end would look like records one day, and a short segment has no room."""
    book = journal(tmp_path, Ring("journal"))
    add(book, 9)
    book.close()
    with segments(tmp_path)[1].open("r+b") as file:
        spoil(file)
    again = journal(tmp_path, Ring("journal"))
    assert segments(tmp_path)[1].read_bytes() == bytes(SEGMENT)
    again.close()


def test_a_full_segment_is_not_extended_where_the_configured_size_has_grown(tmp_path: Path) -> None:
    """A checkpoint covers it and ends there: records appended to it would not be read by the next start."""
    book = journal(tmp_path, Ring("journal"))
    add(book, SEGMENT // SIZE)
    book.close()
    for later in segments(tmp_path)[1:]:
        later.unlink()
    file = JournalFile(tmp_path, 4 * SEGMENT, DirectDisk(Disk(1 << 30).reserve))
    ring = Ring("journal")
    again = Journal(JournalConfig(str(tmp_path), "after"), ring, ring.reader(), file)
    add(again, 1)
    assert [path.stat().st_size for path in segments(tmp_path)[:2]] == [SEGMENT, 4 * SEGMENT]
    assert numbers(tmp_path) == list(range(1, SEGMENT // SIZE + 2))
    again.close()
