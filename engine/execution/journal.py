"""The journal: what execution was told, decided and sent, written before the bytes leave.

A record goes to the ring in shared memory first (it survives SIGKILL there) and to the file by the configured policy.
The ring and the file hold the same 256 bytes, so after a death the file is read to its last whole record and the
ring supplies what the file did not get. Records of one decision are published together: all are there or none is.

    sequence │ now_ns │ kind · size · checksum │ payload: the bytes of the record it carries
"""

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from engine.execution import codec
from engine.execution.config import JournalConfig
from engine.execution.journal_file import CHECKSUM_AT, SIZE, JournalFile, is_whole, read_segments, sequence_of
from engine.execution.seams import Reader, Writer

PAYLOAD_SIZE = 232
RECORD = Struct(f"<QqHHI{PAYLOAD_SIZE}s")
pack_record = RECORD.pack
pack_checksum = Struct("<I").pack_into
PATIENCE = 10  # flush intervals that a busy journal may wait for an idle step


class Entry(NamedTuple):
    """One journal record, opened."""

    sequence: int
    now_ns: int
    kind: int  # JournalKind
    payload: bytes


class JournalGapError(Exception):
    """The ring has lost records that the file never got: positions could be wrong, so nothing is guessed."""


class JournalDamageError(Exception):
    """The disk has lost records from the middle of the journal: nothing is guessed, and nothing is cut off."""


def open_records(whole: bytes) -> Iterator[Entry]:
    """The entries in whole records."""
    for sequence, now_ns, kind, size, _, payload in RECORD.iter_unpack(whole):
        yield Entry(sequence, now_ns, kind, payload[:size])


def read_journal(directory: Path) -> Iterator[Entry]:
    """A journal's file from the beginning, for whoever looks on or proves."""
    for whole in read_segments(directory):
        yield from open_records(whole)


def read_ring(reader: Reader) -> list[bytes]:
    """The whole records that the ring still holds, oldest first."""
    found: list[bytes] = []
    while (row := reader.read()) is not None:
        if hasattr(row, "payload"):
            record = codec.JOURNAL.pack(*row[:-1], bytes(row.payload))
            if is_whole(record):
                found.append(record)
    return found


class Journal:
    """Appends to ring and file, and reads both at start."""

    def __init__(self, config: JournalConfig, ring: Writer, past: Reader, file: JournalFile) -> None:
        """Catch the file up with the ring, and remember what both hold for the replay."""
        self.file = file
        self._ring = ring
        self._before = config.disk == "before"
        self._flush_interval_ns = config.flush_interval_ns
        self._flush_ns = 0
        self._pending = bytearray()
        self._batch = bytearray()
        self._beyond: list[bytes] = []  # what only the ring had at start
        self.had_ring = False  # the ring outlived the last life: memory was not lost
        self.sequence = 0  # of the last record
        self._catch_up(past)

    @property
    def full(self) -> bool:
        """Whether the disk has no room ahead: entries must stop."""
        return self.file.full

    def replay(self) -> Iterator[Entry]:
        """Everything from the beginning, read once; to be read before anything is added."""
        last = 0
        for whole in read_segments(self.file.directory):
            last = sequence_of(whole[-SIZE:])
            yield from open_records(whole)
        if last < self.file.sequence:
            msg = f"the journal ends at {self.file.sequence}, its record {last + 1} is damaged: {self.file.directory}"
            raise JournalDamageError(msg)
        for record in self._beyond:
            if sequence_of(record) > last:
                yield from open_records(record)

    def add(self, now_ns: int, kind: int, payload: bytes) -> None:
        """Put a record into the batch that `commit` makes lasting."""
        assert len(payload) <= PAYLOAD_SIZE, (kind, len(payload))
        self.sequence += 1
        record = pack_record(self.sequence, now_ns, kind, len(payload), 0, payload)
        at = len(self._batch) + CHECKSUM_AT
        self._batch += record
        pack_checksum(self._batch, at, crc32(record))

    def commit(self, now_ns: int) -> None:
        """Make the batch lasting: in shared memory always, on the disk if the policy says before."""
        if not self._batch:
            return
        batch = bytes(self._batch)
        self._batch.clear()
        self._ring.publish_bytes(batch)
        if self._before:
            self.file.append(batch, now_ns)
            self.file.flush()
        else:
            self._pending += batch

    def settle(self, now_ns: int, *, idle: bool = True) -> None:
        """After the bytes left: hand the file its share, look ahead for room, flush it when due and nothing waits."""
        if self._pending:
            pending = bytes(self._pending)
            self._pending.clear()
            self.file.append(pending, now_ns)
        self.file.look_ahead(now_ns)
        waited_ns = now_ns - self._flush_ns
        if self._flush_interval_ns and waited_ns >= self._flush_interval_ns * (1 if idle else PATIENCE):
            self._flush_ns = now_ns
            self.file.flush()

    def close(self) -> None:
        """Write what is left and let go of the file."""
        if self._pending:
            self.file.append(bytes(self._pending), 0)
            self._pending.clear()
        self.file.close()

    def _catch_up(self, past: Reader) -> None:
        """Append to the file the ring's records beyond the file's last."""
        self.sequence = self.file.sequence
        for record in read_ring(past):
            self.had_ring = True
            number = sequence_of(record)
            if number <= self.sequence:
                continue
            if number != self.sequence + 1:
                msg = f"the journal's file ends at {self.sequence}, its ring begins at {number}"
                raise JournalGapError(msg)
            self.file.append(record, 0)
            self._beyond.append(record)
            self.sequence = number
        self.file.flush()
