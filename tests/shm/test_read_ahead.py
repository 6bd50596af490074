"""A reader that is late copies a few records under one check: no caller may notice except by its speed."""

import os
from collections.abc import Iterator

import pytest

import shm
from shm import Lapped, Record, RingReader, RingWriter

RECORD = Record("ahead", 16, {"number": "u8", "square": "u8"})
CAPACITY, RESERVE = 256, 4


@pytest.fixture
def lane() -> Iterator[tuple[RingWriter, RingReader]]:
    """A ring of 256 records, its writer and a reader."""
    name = f"ahead{os.getpid()}.lane"
    shm.create(name, RECORD, capacity=CAPACITY, reserve=RESERVE)
    writer = RingWriter(name, RECORD)
    yield writer, RingReader(name, RECORD)
    writer.close()
    shm.remove(name)


def publish(writer: RingWriter, count: int) -> None:
    """The next numbers and their squares."""
    for number in range(writer.cursor, writer.cursor + count):
        assert writer.publish(number, number * number)


def test_what_was_copied_survives_the_lap_and_the_rest_is_counted(lane: tuple[RingWriter, RingReader]) -> None:
    """Every record is delivered once or lost once, also across a lap in the middle of a held copy."""
    writer, reader = lane
    publish(writer, 100)
    assert reader.read() == (0, 0)
    publish(writer, 3 * CAPACITY)
    seen, lost = 1, 0
    while (row := reader.read()) is not None:
        if isinstance(row, Lapped):
            assert row.first == seen
            lost += row.lost
        else:
            assert row == (seen + lost, (seen + lost) ** 2)
            seen += 1
    assert lost > 0
    assert seen + lost == writer.cursor


def test_the_cursor_is_the_next_record_to_read_and_not_the_copied_one(lane: tuple[RingWriter, RingReader]) -> None:
    """A consumer publishes this number; records it has not been given may not be counted as read."""
    writer, reader = lane
    publish(writer, 20)
    reader.read()
    assert (reader.cursor, reader.lag) == (1, 19)


def test_views_go_on_where_single_reads_stopped(lane: tuple[RingWriter, RingReader]) -> None:
    """The forms of reading can be mixed."""
    writer, reader = lane
    publish(writer, 40)
    assert reader.read().number == 0
    lost, records = reader.copy(5)
    assert (lost, records["number"].tolist()) == (0, [1, 2, 3, 4, 5])
    assert reader.read().number == 6
    view = reader.view(3)
    assert view.records["number"].tolist() == [7, 8, 9]
    assert view.release() == 0
    assert reader.read().number == 10


def test_going_back_reads_again(lane: tuple[RingWriter, RingReader]) -> None:
    """A cursor that was set is obeyed, wherever the copied records lie."""
    writer, reader = lane
    publish(writer, 200)
    for start in (150, 3, 149, 151, 0):
        reader.cursor = start
        assert [reader.read().number for _ in range(40)] == list(range(start, start + 40))


def test_a_spin_returns_what_is_held_first(lane: tuple[RingWriter, RingReader]) -> None:
    """Reading and spinning share one order."""
    writer, reader = lane
    publish(writer, 3)
    assert [reader.read().number, reader.spin().number, reader.read().number] == [0, 1, 2]
    assert reader.spin(0) is None


def test_a_refused_value_leaves_the_slot_and_the_cursor_alone(lane: tuple[RingWriter, RingReader]) -> None:
    """A record is whole before a byte of it is written."""
    writer, reader = lane
    publish(writer, 2)
    with pytest.raises(OverflowError):
        writer.publish(1 << 63, -1)
    assert writer.cursor == 2
    assert [row.number for row in reader.rows()] == [0, 1]
