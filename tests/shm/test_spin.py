"""The pinned reader's call: it looks without a pause, and comes back with a record, a lap or nothing."""

import os
from collections.abc import Iterator

import pytest

import shm
from shm import Lapped, Record, RingReader, RingWriter

RECORD = Record("spun", 16, {"number": "u8", "price": "i8"})
SECOND_NS = 1_000_000_000


@pytest.fixture
def lane() -> Iterator[tuple[RingWriter, RingReader]]:
    """A ring of 256 records, its writer and a reader."""
    name = f"spin{os.getpid()}.lane"
    shm.create(name, RECORD, capacity=256, reserve=4)
    writer = RingWriter(name, RECORD)
    yield writer, RingReader(name, RECORD)
    writer.close()
    shm.remove(name)


def test_a_record_that_waits_comes_at_once(lane: tuple[RingWriter, RingReader]) -> None:
    """Spinning is reading: in order, once each, as a row or as bytes."""
    writer, reader = lane
    writer.publish(1, -5)
    writer.publish(2, 7)
    assert reader.spin() == (1, -5)
    assert reader.spin_bytes() == (2).to_bytes(8, "little") + (7).to_bytes(8, "little")


def test_nothing_comes_back_as_nothing_when_the_time_is_over(lane: tuple[RingWriter, RingReader]) -> None:
    """A spinning reader must return to its loop, where signals and other lanes are."""
    _, reader = lane
    assert reader.spin(0) is None
    assert reader.spin_bytes(20_000) is None


def test_a_lapped_reader_gets_the_number_that_it_lost(lane: tuple[RingWriter, RingReader]) -> None:
    """Spinning hides no loss."""
    writer, reader = lane
    for number in range(300):
        writer.publish(number, 0)
    lap = reader.spin()
    assert isinstance(lap, Lapped)
    assert (lap.first, lap.after) == (0, 300 + 4 - 256)
    assert reader.spin()[0] == lap.after


def test_what_another_process_writes_ends_the_spin(lane: tuple[RingWriter, RingReader]) -> None:
    """The spin must see the other core's store, not a value it once loaded."""
    writer, reader = lane
    writer.close()
    child = os.fork()
    if child == 0:
        RingWriter(reader.path.removeprefix("/dev/shm/"), RECORD).publish(9, 9)
        os._exit(0)
    assert reader.spin(10 * SECOND_NS) == (9, 9)
    os.waitpid(child, 0)


def test_a_limit_that_is_invalid_is_refused(lane: tuple[RingWriter, RingReader]) -> None:
    """A wrong argument is an error, not an endless spin."""
    _, reader = lane
    with pytest.raises(TypeError):
        reader.spin(1, 2)  # type: ignore[call-arg]
    with pytest.raises(OverflowError):
        reader.spin(-1)
