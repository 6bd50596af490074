"""The journal: what execution received, decided and sent, recorded before the bytes leave.

A record goes to the ring in shared memory first (it survives SIGKILL there) and to the file by the configured policy.
The ring and the file hold the same bytes of a record, so after a death the file is read to its last whole record and
the ring supplies what the file did not get. Records of one decision are published together, all or none.

If the oldest record of the ring is newer than the end of the file, records are lost: the disk was full for longer than
the ring reaches back, and then execution died. This is a `gap`. The journal continues where the file ends, the records
of the ring are saved in a file beside it, and execution starts halted and asks the venue for what is missing.

    sequence │ now_ns │ kind · version · size · checksum │ payload: the bytes of the record it carries
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.config.private import open_private, sync_directory
from engine.execution.config import JournalConfig
from engine.execution.journal.journal_file import (
    SIZE,
    JournalFile,
    is_whole,
    read_segments,
    refuse_other_version,
    sequence_of,
)
from engine.execution.journal.journal_record import pack_record
from engine.execution.orders import codec
from engine.lanes.ports import RingReader, RingWriter
from engine.model import records
from engine.model.netted import fills_of
from engine.model.rows import FillRow
from engine.model.words import JournalKind

PAYLOAD_SIZE = records.JOURNAL.fields[-1].size
WAITING_MOST = 16_384  # records that wait for the disk: a quarter of the records that the ring holds if execution dies
PATIENCE = 10  # flush intervals that a busy journal may wait for an idle step


class Entry(NamedTuple):
    """One journal record without its head's checksum and version."""

    sequence: int
    now_ns: int
    kind: int  # JournalKind
    payload: bytes


def fills_in(entry: Entry) -> tuple[FillRow, ...]:
    """The fills that a record carries: one, both sides of an internal fill, or none."""
    if entry.kind == JournalKind.NETTED:
        return fills_of(codec.NETTED.unpack(entry.payload))
    return (codec.FILL.unpack(entry.payload),) if entry.kind == JournalKind.FILL else ()


class Gap(NamedTuple):
    """Records that the ring has lost and the file never got, and where the records after them were written."""

    first: int
    last: int
    kept: str  # the file with the records that the ring still held, "" when the disk had no space for it


class JournalDamageError(Exception):
    """Records from the middle of the journal are missing on the disk; execution does not start and changes nothing."""


def open_records(whole: bytes) -> Iterator[Entry]:
    """The entries in whole records."""
    for sequence, now_ns, kind, _, size, _, payload in codec.JOURNAL.unpack_each(whole):
        yield Entry(sequence, now_ns, kind, payload[:size])


def read_journal(directory: Path) -> Iterator[Entry]:
    """Read a journal's files from the beginning, beside execution or without it."""
    refuse_other_version(directory)
    for whole in read_segments(directory):
        yield from open_records(whole)


def read_ring(reader: RingReader, last: int) -> list[bytes]:
    """The whole records that the ring still holds, oldest first, from the first after record `last` on.

    The ring's newest record is always read. Its number shows how many records follow `last`, so a start does not copy
    the whole ring; if the newest one is damaged, everything is read.
    """
    first, reader.cursor = reader.cursor, max(reader.cursor, reader.end - 1)
    newest = reader.read_bytes()
    count = max(1, sequence_of(newest) - last) if isinstance(newest, bytes) and is_whole(newest) else reader.end
    reader.cursor = max(first, reader.end - count)
    read = iter(reader.read_bytes, None)
    return [record for record in read if isinstance(record, bytes) and is_whole(record)]


def last_run(found: list[bytes]) -> list[bytes]:
    """The records at the end that follow each other without a break; those before a break are from before a gap."""
    numbers = [sequence_of(one) for one in found]
    breaks = [at for at in range(1, len(numbers)) if numbers[at] != numbers[at - 1] + 1]
    return found[breaks[-1] :] if breaks else found


class Journal:
    """Appends to ring and file, and reads both at start."""

    def __init__(self, config: JournalConfig, ring: RingWriter, past: RingReader, file: JournalFile) -> None:
        """Append to the file what only the ring has, and keep it for the replay."""
        self.file = file
        self.ring = ring
        self._before = config.disk == "before"
        self._flush_interval_ns = config.flush_interval_ns
        self._flush_ns = 0
        self._pending = bytearray()
        self._batch = bytearray()
        self._beyond: list[bytes] = []  # the records that only the ring had at the start
        self.gap: Gap | None = None
        self.had_ring = False  # the ring had records at the start: shared memory was not lost
        self.sequence = 0  # of the last record
        self._catch_up(past)

    @property
    def full(self) -> bool:
        """Whether the disk has no space for the next segment, or is too slow: entries must stop."""
        return self.file.full or self.file.choked or self.file.waiting > WAITING_MOST

    @property
    def closed(self) -> int:
        """The last segment to which nothing is appended any more, 0: none."""
        return max(0, self.file.number - 1)

    def replay(self, after: int = 0, last: int = 0) -> Iterator[Entry]:
        """Every entry after this segment, which ends with record `last`; read once, before anything is added."""
        file = self.file
        for whole in read_segments(file.directory, after, last + 1, file.tail_number - 1):
            last = sequence_of(whole[-SIZE:])
            yield from open_records(whole)
        if file.tail_number > after and sequence_of(file.tail[:SIZE]) == last + 1:
            whole, file.tail, last = file.tail, b"", file.sequence
            yield from open_records(whole)
        if last < file.sequence:
            msg = (
                f"{file.directory}: the journal ends at record {file.sequence}, and its record {last + 1} is"
                " missing or damaged. Restore the directory from a copy, or set the journal aside with no order and no"
                " position open: engine-ctl journal --set-aside"
            )
            raise JournalDamageError(msg)
        for record in self._beyond:
            if sequence_of(record) > last:
                yield from open_records(record)

    def add(self, now_ns: int, kind: int, payload: bytes) -> None:
        """Put a record into the batch that `commit` writes."""
        assert len(payload) <= PAYLOAD_SIZE, (kind, len(payload))
        self.sequence += 1
        self._batch += pack_record(self.sequence, now_ns, kind, payload)

    def commit(self, now_ns: int) -> None:
        """Write the batch: to shared memory always, to the disk if the policy is "before"."""
        if not self._batch:
            return
        batch = bytes(self._batch)
        self._batch.clear()
        self._publish(batch, now_ns)

    def append(self, batch: bytes, count: int, now_ns: int) -> None:
        """Write records that were packed elsewhere, numbered from `sequence` + 1 on."""
        assert not self._batch, "a batch was begun and not committed"
        self.sequence += count
        self._publish(batch, now_ns)

    def _publish(self, batch: bytes, now_ns: int) -> None:
        """Write to the ring, and to the file by the policy."""
        self.ring.publish_bytes(batch)
        if self._before:
            self.file.append(batch, now_ns)
            self.file.flush()  # also what waits for the next segment
        else:
            self._pending += batch

    def settle(self, now_ns: int, *, idle: bool = True) -> None:
        """After the bytes have left: write to the file, reserve the next segment, flush when due and nothing waits."""
        if self._pending:
            pending = bytes(self._pending)
            self._pending.clear()
            self.file.append(pending, now_ns)
        self.file.look_ahead(now_ns)
        waited_ns = now_ns - self._flush_ns
        if self._flush_interval_ns and waited_ns >= self._flush_interval_ns * (1 if idle else PATIENCE):
            self._flush_ns = now_ns
            self.file.begin_flush()

    def close(self) -> None:
        """Write the rest, and close the file."""
        if self._pending:
            self.file.append(bytes(self._pending), 0)
            self._pending.clear()
        self.file.close()

    def _catch_up(self, past: RingReader) -> None:
        """Append to the file the ring's records after the file's last one, if none is missing between them."""
        self.sequence = self.file.sequence
        found = read_ring(past, self.sequence)
        self.had_ring = bool(found)
        run = [one for one in last_run(found) if sequence_of(one) > self.sequence]
        if run and sequence_of(run[0]) != self.sequence + 1:
            self.gap = Gap(self.sequence + 1, sequence_of(run[0]) - 1, self._keep(run))
            return
        for record in run:
            self.file.append(record, 0)
            self._beyond.append(record)
            self.sequence = sequence_of(record)
        self.file.flush()

    def _keep(self, run: list[bytes]) -> str:
        """Write records that cannot be appended to the journal into a file of their own, for a person to inspect."""
        path = self.file.directory / f"after-gap.{sequence_of(run[0]):012}"
        try:
            with open(open_private(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
                file.write(b"".join(run))
            sync_directory(self.file.directory)
        except OSError:
            path.unlink(missing_ok=True)
            return ""
        return str(path)
