"""The types of what hooks are given are those of the records: a field that is not there is found by mypy."""

import typing
from typing import Any

import pytest

from engine.model import aggregates, records
from engine.strategy.api import rows
from shm.record import Record

PAIRS = [
    (rows.Print, records.TICK),
    (rows.Fill, records.FILL),
    (rows.Verdict, records.VERDICT),
    (rows.Bar, aggregates.BAR),
    (rows.GlobalBook, aggregates.GLOBAL_BOOK),
    (rows.Opportunity, aggregates.OPPORTUNITY),
]


@pytest.mark.parametrize(("kind", "record"), PAIRS)
def test_a_rows_type_has_the_fields_of_its_record(kind: type, record: Record) -> None:
    """An editor that offers a field which no row has leads to an error in the middle of trading."""
    expected = {field.name: kind_of(record, field) for field in record.fields if not field.name.startswith("spare")}
    assert typing.get_type_hints(kind) == expected


def kind_of(record: Record, field: Any) -> Any:
    """What a reader gives for a field."""
    one = bytes if field.code == "S" else float if field.code.startswith("f") else int
    return tuple[one, ...] if field.code != "S" and record.types[field.name][0].isdigit() else one  # type: ignore[valid-type]
