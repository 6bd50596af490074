"""Checkpoints: the whole state of a replay at the end of a closed segment, so that a start reads only what follows.

    checkpoint.00000012      magic │ version │ crc │ segment · last sequence · identity │ the state (`replay_state`)

A checkpoint is made from the journal itself: `advance` loads the newest good one, replays the closed segments after it,
and writes the new state. So it equals a full replay by construction, and needs nothing from execution. `advance` runs
in a process of its own at idle priority (`checkpoint_process`), which the step that closes a segment only starts.

A checkpoint is written to a temporary file, flushed, and renamed; the newest two are kept. One that is torn or damaged,
of another version, journal, instruments or strategies, or ahead of the journal is skipped with a logged reason; the one
before it is used, or the whole journal. The segments of the journal are kept: they are the audit.
"""

import fcntl
import logging
import os
import sys
import zlib
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import msgspec

from engine.config.paths import FIRST_ACCOUNT
from engine.config.private import open_private, sync_directory
from engine.execution.journal.journal import open_records
from engine.execution.journal.journal_file import SIZE, number_of, read_segments, segments, sequence_of
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.ledger import Ledger, Position
from engine.execution.orders.order import Order
from engine.execution.restore import replay_state
from engine.execution.restore.replay import Replay
from engine.model.instrument import Instrument
from engine.venues import catalogue

logger = logging.getLogger("engine.execution.restore.checkpoint")

MAGIC = b"STLYCKPT"
REVISION = 12  # of what a replay makes of the journal: raise it when that changes
SHAPES = (
    Order.__slots__,
    Position.__slots__,
    replay_state.ReplayState.__struct_fields__,
    codec.ORDER.record.fields,
    codec.FILL.record.fields,
    codec.INTENT.record.fields,
    codec.PARENT.record.fields,
    codec.NETTED.record.fields,
)
VERSION = zlib.crc32(repr((REVISION, SHAPES)).encode())
HEADER = Struct("<8sIIQQ16s")
CHECKED_FROM = 16  # the crc covers everything after itself
KEPT = 2
TEMPORARY, LOCK = "checkpoint.new", "checkpoint.lock"


class Request(msgspec.Struct):
    """What the process that makes a checkpoint must know."""

    directory: str
    segment: int  # the last closed one
    instruments: tuple[Instrument, ...]
    strategies: tuple[int, ...]
    fill_order: str  # the name of the venue's FillOrder
    account: int = FIRST_ACCOUNT  # the account's number

    @property
    def identity(self) -> bytes:
        """Whose state it is: account, instruments, strategies, and the journal, known by its first record."""
        of = [
            (one.id, one.symbol, one.base, one.quote, one.price_decimals, one.size_decimals) for one in self.instruments
        ]
        return blake2b(
            repr((self.account, of, self.strategies, self.fill_order, self._beginning())).encode(), digest_size=16
        ).digest()

    def _beginning(self) -> bytes:
        """The first record, which has the time of the journal's beginning: a new journal has another one."""
        for first in segments(Path(self.directory))[:1]:
            with first.open("rb") as file:
                return file.read(SIZE)
        return b""


class Checkpoint(NamedTuple):
    """A good checkpoint."""

    segment: int
    sequence: int
    state: bytes


class NoOutput:
    """The outputs of a blotter in a replay: no publishing and no recording."""

    cursor = 0

    def publish(self, *fields: object) -> bool:
        """Fail: a replay publishes no record."""
        raise AssertionError(fields)

    def publish_bytes(self, buffer: bytes) -> bool:
        """Fail: a replay publishes no record."""
        raise AssertionError(buffer)

    def add(self, now_ns: int, kind: int, payload: bytes) -> None:
        """Fail: a replay records no change."""
        raise AssertionError((now_ns, kind, payload))

    def commit(self, now_ns: int) -> None:
        """Fail: a replay records no change."""
        raise AssertionError(now_ns)


class NoLanes(NamedTuple):
    """The lanes of a blotter in a replay."""

    orders: NoOutput = NoOutput()
    parents: NoOutput = NoOutput()
    fills: NoOutput = NoOutput()


def checkpoints(directory: Path) -> list[Path]:
    """The checkpoints of a directory, oldest first."""
    return sorted(directory.glob("checkpoint.[0-9]*"))


def restore(request: Request, replay: Replay, last: int) -> int:
    """Load the newest good checkpoint not ahead of record `last`; the segment at whose end it was made, 0: none."""
    for path in reversed(checkpoints(Path(request.directory))):
        found = read(path, request.identity)
        if isinstance(found, str):
            logger.warning("a checkpoint is skipped", extra={"file": str(path), "why": found})
        elif found.sequence > last:
            why = f"it was made at record {found.sequence}, the journal ends at {last}"
            logger.warning("a checkpoint is skipped", extra={"file": str(path), "why": why})
        else:
            replay_state.load(found.state, replay)
            logger.info("a checkpoint was loaded", extra={"file": str(path), "record": found.sequence})
            return found.segment
    return 0


def read(path: Path, identity: bytes) -> Checkpoint | str:
    """The checkpoint in a file, or why it is not good."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if len(data) < HEADER.size:
        return f"it has {len(data)} bytes, expected at least {HEADER.size}"
    magic, version, check, segment, sequence, of = HEADER.unpack_from(data)
    wrong = {
        f"it begins with {magic!r}, not {MAGIC!r}": magic != MAGIC,
        f"it is of version {version:08x}, this program reads {VERSION:08x}": version != VERSION,
        "its checksum is wrong": zlib.crc32(data[CHECKED_FROM:]) != check,
        "it was made for another journal or account, other instruments or strategies": of != identity,
        f"it was made at the end of segment {segment}": segment != number_of(path),
    }
    for why, holds in wrong.items():
        if holds:
            return why
    return Checkpoint(segment, sequence, data[HEADER.size :])


def advance(request: Request) -> None:
    """Make the checkpoint of the last closed segment, unless it exists or another process makes it now."""
    directory = Path(request.directory)
    try:
        descriptor = open_private(directory / LOCK, os.O_WRONLY)
    except OSError as error:
        _warn(request.segment, error)
        return
    with open(descriptor, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        replay = blank(request)
        made = restore(request, replay, sys.maxsize)
        if made >= request.segment:
            return
        last = _feed(replay, read_segments(directory, made, replay.sequence + 1, request.segment))
        closed = next(path for path in segments(directory) if number_of(path) == request.segment)
        whole = sequence_of(closed.read_bytes()[-SIZE:])
        if last != whole:  # the next start refuses such a journal
            of = {"record": last + 1, "directory": str(directory)}
            logger.error("a checkpoint was not made: the journal is damaged", extra=of)
            return
        write(directory, Checkpoint(request.segment, last, replay_state.dump(replay)), request.identity)


def blank(request: Request) -> Replay:
    """A new replay with a blotter of its own."""
    ledger = Ledger(request.instruments, request.strategies)
    order = catalogue.fill_order(request.fill_order)
    return Replay(Blotter(NoLanes(), NoOutput(), ledger, order, account=request.account))


def _feed(replay: Replay, wholes: Iterable[bytes]) -> int:
    """Apply whole segments; the last record's number."""
    for whole in wholes:
        for entry in open_records(whole):
            replay.feed(entry)
    return replay.sequence


def write(directory: Path, one: Checkpoint, identity: bytes) -> None:
    """Write to a temporary file, flush it, rename it, and remove all but the newest two checkpoints."""
    rest = HEADER.pack(MAGIC, VERSION, 0, one.segment, one.sequence, identity)[CHECKED_FROM:] + one.state
    head = HEADER.pack(MAGIC, VERSION, zlib.crc32(rest), one.segment, one.sequence, identity)[:CHECKED_FROM]
    temporary = directory / TEMPORARY
    try:
        _write_whole(temporary, head + rest)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        _warn(one.segment, error)
        return
    os.rename(temporary, directory / f"checkpoint.{one.segment:08}")
    sync_directory(directory)
    for old in checkpoints(directory)[:-KEPT]:
        os.unlink(old)


def _warn(segment: int, error: OSError) -> None:
    """Log that no checkpoint was made; the only effect is a slower next start."""
    logger.warning("a checkpoint was not made", extra={"segment": segment, "why": error.strerror or str(error)})


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file and flush it to the disk."""
    descriptor = open_private(path, os.O_WRONLY | os.O_TRUNC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
