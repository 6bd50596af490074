"""The map of lanes, held against the records and against the picture in ARCHITECTURE.md."""

import re
from pathlib import Path

import pytest

from engine.lanes import LANES, Lane
from engine.model import aggregates, records
from engine.model.journal_records import JOURNAL_RECORDS
from shm.record import Record
from shm.segment import Shape

RECORDS = records.RECORDS + aggregates.RECORDS + JOURNAL_RECORDS
PICTURE = (Path(__file__).resolve().parents[2] / "ARCHITECTURE.md").read_text()

SIZES = {
    "tick": 64, "level": 64, "print": 64, "book_top": 448, "intent": 128, "verdict": 64, "order": 288, "fill": 192,
    "parent": 192,
    "position": 256, "step": 192, "heartbeat": 64, "command": 1024, "settings": 256, "state": 16_384, "belief": 320,
    "halt": 64,
    "gate": 64,
    "cancelling": 256, "listed": 128,
    "mode": 64, "supervision": 128, "accepted": 64, "budget": 64, "budgeted": 64,
    "session": 320, "instrument_halt": 320, "scope_halt": 256,
    "account_balance": 144, "monitored": 128, "monitored_account": 256, "disagreement": 256,
    "reconciled": 320,
    "journal": 320, "instrument": 256, "frame": 256, "connection": 256,
    "terms": 56, "alarm": 112, "followed": 64, "setting": 288, "watermark": 48, "day": 24, "balance": 88,
    "breaker": 224, "netted": 160,
    "bar": 192, "group": 192, "global_book": 448, "opportunity": 192,
}  # fmt: skip


def test_records_keep_their_sizes() -> None:
    """A record that grew is another schema: old readers must refuse it."""
    assert {record.name: record.size for record in RECORDS} == SIZES


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_numpy_sees_the_offsets_that_the_codec_uses(record: Record) -> None:
    """Two descriptions of one record would drift; there is one, and both sides derive from it."""
    dtype = record.dtype
    assert dtype.itemsize == record.size
    assert dtype.fields is not None
    assert [dtype.fields[field.name][1] for field in record.fields] == [field.offset for field in record.fields]


@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
def test_every_lane_can_be_made(lane: Lane) -> None:
    """A capacity that does not fill whole pages would be found at the first start of a customer."""
    shape = Shape(lane.record, lane.kind, lane.capacity, lane.reserve, lane.count, lane.wake, lane.start)
    assert shape.header().total_size > 0


def test_the_picture_in_the_architecture_is_the_map() -> None:
    """A picture that lies is worse than none: lane, record, kind, writer and readers are compared."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| (\w+) \| (\w+) \| ([\w ]+) \| ([\w, ]+) \|$", PICTURE, re.MULTILINE)
    drawn = {
        name: (record, kind, writer.strip(), tuple(r.strip() for r in readers.split(",")))
        for name, record, kind, writer, readers in rows
    }
    built = {
        lane.name + (f".{lane.each}" if lane.each else ""): (lane.record.name, lane.kind, lane.writer, lane.readers)
        for lane in LANES
    }
    assert drawn == built
