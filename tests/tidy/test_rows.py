"""The types of rows are the records' own: a stale type would let mypy pass what fails in the middle of trading."""

from engine.model import rows
from engine.model.row_types import MODULES, ROWS, rows_text, type_name


def test_the_row_types_are_those_that_the_records_generate() -> None:
    """After a change of a record: `python -m engine.model.row_types`."""
    assert ROWS.read_text() == rows_text()


def test_a_row_type_is_the_class_that_a_reader_gives() -> None:
    """Code compares `type(row)` with it, to distinguish a row from a report that the reader was lapped."""
    every = [record for found in MODULES.values() for record in found]
    assert [getattr(rows, type_name(one.name)) for one in every] == [one.row for one in every]
