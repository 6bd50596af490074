"""Spare fields: padding that no code gives a meaning, and that a row is made without."""

import pytest

from engine.model import aggregates, records
from engine.model.codec import Codec
from engine.model.journal_records import JOURNAL_RECORDS, WATERMARK
from shm.record import Record


@pytest.mark.parametrize("record", JOURNAL_RECORDS, ids=lambda record: record.name)
def test_a_row_of_the_journal_is_made_by_the_names_of_its_fields(record: Record) -> None:
    """A row packed by position needs its padding too, and the next field added there gets the padding's zero."""
    values = {one.name: b"" if one.code == "S" else 0 for one in record.fields if not one.name.startswith("spare")}
    data = Codec(record).pack_row(record.row(**values))
    assert data == bytes(record.size)


@pytest.mark.parametrize("record", [*records.RECORDS, *aggregates.RECORDS], ids=lambda record: record.name)
def test_the_spare_fields_of_a_lane_are_its_last(record: Record) -> None:
    """A spare field between others must be written by every writer, and one that writes by position can fill it."""
    named = [one.name.startswith("spare") for one in record.fields]
    assert named == sorted(named), [one.name for one in record.fields]


def test_a_field_that_carries_meaning_has_no_default() -> None:
    """A forgotten cursor must be an error, and not a watermark at nothing."""
    with pytest.raises(TypeError, match="cursor"):
        WATERMARK.row(instrument=1)


def test_spare_fields_of_every_form_are_zero() -> None:
    """A scalar, an array and bytes are padded by values of three forms."""
    record = Record("padded", 32, {"spare_first": "u8", "number": "u8", "spare": "2u4", "spare_text": "S8"})
    assert record.row(spare_first=1, number=2) == (1, 2, (0, 0), b"")
    with pytest.raises(TypeError, match="spare_first"):
        record.row(number=2)
