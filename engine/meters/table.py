"""Every meter: what it counts, and its place among the words of the lane METERS.

    counter     1 word; one for each label where it has labels
    gauge       1 word
    histogram   SUM · LARGEST · BUCKETS words; its unit is nanoseconds

Every role has a lane of all these words. A meter that a role does not update stays 0. `METERS` has the hash of this
table in its field's name, so a reader of another version refuses the lane by its schema.
"""

import zlib
from enum import IntEnum
from typing import NamedTuple

from engine.meters.buckets import BUCKETS
from engine.model.words import Reason
from shm.record import Record

SUM, LARGEST, FIRST_BUCKET = 0, 1, 2  # words of a histogram
HISTOGRAM_WORDS = FIRST_BUCKET + BUCKETS


class MeterKind(IntEnum):
    """What a meter's words hold."""

    COUNTER = 0
    GAUGE = 1
    HISTOGRAM = 2


class Meter(NamedTuple):
    """One meter. `labels`: the values of its label `label`, a word for each, in the order of their numbers."""

    name: str
    kind: MeterKind
    help: str
    label: str = ""
    labels: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        """How many words it has."""
        return HISTOGRAM_WORDS if self.kind == MeterKind.HISTOGRAM else len(self.labels) or 1


def _counter(name: str, text: str, label: str = "", labels: tuple[str, ...] = ()) -> Meter:
    return Meter(name, MeterKind.COUNTER, text, label, labels)


def _gauge(name: str, text: str) -> Meter:
    return Meter(name, MeterKind.GAUGE, text)


def _histogram(name: str, text: str) -> Meter:
    return Meter(name, MeterKind.HISTOGRAM, text)


REASONS = tuple(
    Reason(number).name.lower() if number in set(Reason) else f"reason_{number}" for number in range(max(Reason) + 1)
)

HOPS = (
    _histogram("receive", "Reading one batch of frames from a socket: read, decrypt, unframe; one read in 4."),
    _histogram("decode", "Decoding one frame of market data; one frame in 4."),
    _histogram("book", "Applying one frame to its books and publishing it; one frame in 4."),
    _histogram("publish", "From the receipt of a frame's bytes to the end of its publication; one frame in 4."),
    _histogram("deliver", "From the receipt of the bytes that changed a book to the strategy's hook; one book in 4."),
    _histogram("strategy", "The strategy's hook for one book; one call in 4."),
    _histogram("intent", "From the receipt of the bytes that caused an intent to the intent."),
    _histogram("wait", "From the intent to the step of execution that read it."),
    _histogram("gate", "Risk's verdict on one intent."),
    _histogram("submit", "From risk's verdict to the end of the order's write to the socket: journal and send."),
    _histogram("order", "From the receipt of the bytes that caused an order to its write to the socket."),
    _histogram("acknowledge", "From the order's write to the venue's first answer."),
    _histogram("fill", "From the step that read a fill from the venue to its publication on FILLS."),
    _histogram("position", "From the step that read a fill from the venue to the publication of the position."),
    _histogram("gc", "One collection of Python's garbage."),
)
COUNTERS = (
    _counter("frames", "Frames of market data that were decoded."),
    _counter("frame_bytes", "Bytes of the decoded frames."),
    _counter("messages", "Messages in the decoded frames: deltas, snapshots, best prices and prints."),
    _counter("malformed", "Frames that could not be decoded."),
    _counter("gaps", "Gaps in the venue's sequence numbers."),
    _counter("connects", "Connections to the venue that were opened."),
    _counter("disconnects", "Connections to the venue that were lost or dropped."),
    _counter("snapshots", "Requests for a book's snapshot, by REST or by a new subscription."),
    _counter("books", "Books that a strategy's hook was called for."),
    _counter("prints", "Prints that a strategy's hook was called for."),
    _counter("laps", "Times that the writer of a lane overtook this role's reader."),
    _counter("intents", "Intents that a strategy published."),
    _counter("verdicts", "Risk's verdicts, by reason; approved is no refusal.", "reason", REASONS),
    _counter("orders", "Orders whose request was written to the venue's socket."),
    _counter("acknowledged", "Orders that the venue answered for the first time."),
    _counter("rejects", "Orders that the venue rejected."),
    _counter("fills", "Fills of the venue that were published; not those between our own strategies."),
    _counter("cancels", "Cancels that were written to the venue's socket."),
    _counter("session_losses", "Losses of the connection that carries the orders."),
    _counter("steps", "Steps of the role."),
    _counter("work", "What the steps did, in the role's own unit."),
    _counter("errors", "Errors that the role counted: unreadable messages, lost connections, laps, alarms."),
    _counter("exceptions", "Steps that ended with an exception."),
    _counter("collections", "Collections of Python's garbage."),
)
USAGE = (
    _counter("cpu_user_ns", "Processor time of the role's process in user mode."),
    _counter("cpu_system_ns", "Processor time of the role's process in the kernel."),
    _counter("faults_minor", "Page faults of the role's process without disk."),
    _counter("faults_major", "Page faults of the role's process that read the disk."),
    _counter("switches_voluntary", "Context switches of the role's process that waited."),
    _counter("switches_forced", "Context switches of the role's process that was interrupted."),
)
GAUGES = (
    _gauge("queue", "Unread records on the input lane on which most wait."),
    _gauge("memory_bytes", "Resident memory of the role's process."),
)
TABLE = (*HOPS, *COUNTERS, *USAGE, *GAUGES)
PLACES: dict[str, int] = {}
for _meter in TABLE:
    PLACES[_meter.name] = sum(one.words for one in TABLE[: len(PLACES)])
assert len(PLACES) == len(TABLE), "two meters have one name"
WORDS = sum(one.words for one in TABLE)
BY_NAME = {one.name: one for one in TABLE}
VERSION = zlib.crc32(repr([(one.name, one.kind, one.label, one.labels) for one in TABLE]).encode())
METERS: Record[tuple[int]] = Record("meters", 8, {f"word_{VERSION:08x}": "i8"})


def place_of(name: str, label: str = "") -> int:
    """The first word of a meter, or its word for a label; a name or label that does not exist is refused."""
    meter = BY_NAME.get(name)
    if meter is None:
        msg = f"meter {name!r}: expected one of {', '.join(BY_NAME)}"
        raise KeyError(msg)
    if not label:
        return PLACES[name]
    if label not in meter.labels:
        msg = f"meter {name!r}: label {label!r}: expected one of {', '.join(meter.labels) or 'none'}"
        raise KeyError(msg)
    return PLACES[name] + meter.labels.index(label)
