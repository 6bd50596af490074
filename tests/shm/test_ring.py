"""A ring against a list, and the promises of its reader: exact losses, checked copies, views with a check."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import shm
from shm import Lapped, Record
from tests.shm.content import HASHED, made, wrong

NUMBERS = count()
CAPACITY, RESERVE = 64, 4
SAFE = CAPACITY - RESERVE
HELD = 1024 // HASHED.size  # what a late reader copies under one check, and goes on delivering


@contextmanager
def ring(lane: str, **shape: object) -> Iterator[tuple[shm.RingWriter, shm.RingReader]]:
    """Make a small ring with both sides attached."""
    shm.create(lane, HASHED, **{"capacity": CAPACITY, "reserve": RESERVE, **shape})  # type: ignore[arg-type]
    writer = shm.RingWriter(lane, HASHED)
    try:
        yield writer, shm.RingReader(lane, HASHED)
    finally:
        writer.close()


class RingAgainstList(RuleBasedStateMachine):
    """Whatever one does to a ring and its readers, they see what a list of all records would show."""

    @initialize(start=st.sampled_from([0, 1, 63, 2**31 - 3, 2**32 - 3, 2**63 - 3]))
    def begin(self, start: int) -> None:
        """Make the ring at a start; the model is a start and a list."""
        self.lane = f"machine{next(NUMBERS)}.lane"
        shm.create(self.lane, HASHED, capacity=CAPACITY, reserve=RESERVE, start=start)
        self.writer = shm.RingWriter(self.lane, HASHED)
        self.reader = shm.RingReader(self.lane, HASHED)
        self.start = self.at = start
        self.all: list[bytes] = []
        self.held = range(0)

    @property
    def end(self) -> int:
        """The model's cursor."""
        return self.start + len(self.all)

    @property
    def oldest(self) -> int:
        """The oldest record that is safe by the model."""
        return max(self.start, self.end - SAFE)

    def publish(self, size: int) -> None:
        """Append to both."""
        records = made(self.end, size, len(self.all))
        if size == 1:
            assert self.writer.publish(*(records[0][name].tolist() for name in HASHED.types))
        else:
            assert self.writer.publish_bytes(records.tobytes())
        self.all.extend(record.tobytes() for record in records)

    @rule(sizes=st.lists(st.integers(1, RESERVE), max_size=40))
    def publish_some(self, sizes: list[int]) -> None:
        """Publish batches, enough at times to lap the reader."""
        for size in sizes:
            self.publish(size)

    @rule()
    def read_one(self) -> None:
        """One record, nothing, or the exact loss."""
        found = self.reader.read()
        if self.at == self.end:
            assert found is None
        elif self.at < self.oldest and self.at not in self.held:
            assert found == Lapped(self.at, self.oldest)
            self.at = self.oldest
        else:
            if self.at not in self.held:
                self.held = range(self.at, min(self.end, self.at + HELD))
            packed = np.array([tuple(found)], HASHED.dtype).tobytes()
            assert packed == self.all[self.at - self.start]
            self.at += 1

    @rule(limit=st.integers(0, 2 * CAPACITY))
    def copy(self, limit: int) -> None:
        """Take a batch: what was lost, then records in order."""
        lost, records = self.reader.copy(limit)
        assert lost == max(0, self.oldest - self.at)
        self.at += lost
        assert records.tobytes() == b"".join(self.all[self.at - self.start :][:limit])
        self.at += len(records)

    @rule(limit=st.integers(0, 2 * CAPACITY), more=st.integers(0, 20))
    def view(self, limit: int, more: int) -> None:
        """Look in place while the writer goes on: the release returns which leading records may be torn."""
        view = self.reader.view(limit)
        assert view.lost == max(0, self.oldest - self.at)
        first = self.at + view.lost
        records, held = view.records, len(view.records)
        for _ in range(more):
            self.publish(1)
        torn = max(0, min(held, self.oldest - first))
        good = b"".join(self.all[first - self.start :][:held][torn:])
        assert records[torn:].tobytes() == good
        assert view.release() == torn
        self.at = first + held

    @rule(most=st.integers(0, 2 * CAPACITY))
    def latest(self, most: int) -> None:
        """The newest records, without moving."""
        expected = self.all[max(self.oldest, self.end - most) - self.start :] if most else []
        assert self.reader.latest(most).tobytes() == b"".join(expected)

    @rule(back=st.integers(0, 2 * CAPACITY))
    def go_back(self, back: int) -> None:
        """A reader may place its cursor anywhere that was written."""
        self.at = max(self.start, self.end - back)
        self.reader.cursor = self.at
        self.held = range(0)

    @rule()
    def restart_writer(self) -> None:
        """A successor goes on at the cursor under the next epoch."""
        epoch = self.writer.epoch
        self.writer.close()
        self.writer = shm.RingWriter(self.lane, HASHED)
        assert self.writer.epoch == self.reader.epoch == epoch + 1

    @invariant()
    def cursors_agree(self) -> None:
        """Both sides and the model are at the same places."""
        if hasattr(self, "writer"):
            assert (self.writer.cursor, self.reader.end, self.reader.cursor) == (self.end, self.end, self.at)

    def teardown(self) -> None:
        """Leave nothing in /dev/shm."""
        if hasattr(self, "writer"):
            self.writer.close()
            shm.remove(self.lane)


TestRingAgainstList = RingAgainstList.TestCase
TestRingAgainstList.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class LosslessAgainstList(RuleBasedStateMachine):
    """No record is lost on a lossless lane: the producer is refused exactly when its consumer is a full lane late."""

    CELL = Record("consumed", 64, {"cursor": "u8", "rest": "7u8"})

    @initialize(start=st.sampled_from([0, 2**32 - 3, 2**63 - 3]))
    def begin(self, start: int) -> None:
        """Make the lane and its consumer's cell."""
        number = next(NUMBERS)
        self.lane, self.cells = f"machine{number}.lossless", f"machine{number}.consumed"
        shm.create(self.lane, HASHED, "lossless", capacity=CAPACITY, reserve=RESERVE, start=start)
        shm.create(self.cells, self.CELL, "cells", count=2)
        self.consumed = shm.CellWriter(self.cells, self.CELL)
        self.writer = shm.RingWriter(self.lane, HASHED)
        self.writer.follow(shm.CellReader(self.cells, self.CELL), 1)
        self.reader = shm.RingReader(self.lane, HASHED)
        self.end = self.at = start
        self.acknowledged: int | None = None

    @rule(size=st.integers(1, RESERVE), times=st.integers(1, 40))
    def publish(self, size: int, times: int) -> None:
        """Publish until refused, and be refused only when full."""
        for _ in range(times):
            room = self.acknowledged is not None and self.end + size - self.acknowledged <= SAFE
            assert self.writer.publish_bytes(made(self.end, size).tobytes()) is room
            self.end += size * room

    @rule(limit=st.integers(0, CAPACITY))
    def take(self, limit: int) -> None:
        """Every record comes, in order, none lapped."""
        lost, records = self.reader.copy(limit)
        assert (lost, wrong(records, self.at), len(records)) == (0, 0, min(limit, self.end - self.at))
        self.at += len(records)

    @rule()
    def acknowledge(self) -> None:
        """Acknowledge how far the consumer has read."""
        self.consumed.write(1, self.at, [0] * 7)
        self.acknowledged = self.at

    def teardown(self) -> None:
        """Leave nothing in /dev/shm."""
        if hasattr(self, "writer"):
            self.writer.close()
            self.consumed.close()
            shm.remove(self.lane)
            shm.remove(self.cells)


TestLosslessAgainstList = LosslessAgainstList.TestCase
TestLosslessAgainstList.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("power", [31, 32, 63])
@pytest.mark.parametrize("wake", ["never", "idle_edge"])
def test_a_sequence_crosses_a_power_of_two_unnoticed(lane: str, power: int, wake: str) -> None:
    """Days of records reach 2^31; the futex word is the low half and wraps at 2^32."""
    start = 2**power - 100
    with ring(lane, start=start, wake=wake) as (writer, reader):
        for sequence in range(start, start + 300):
            assert not reader.wait(0)
            assert writer.publish_bytes(made(sequence, 1).tobytes())
            assert reader.wait(0)
            lost, records = reader.copy()
            assert (lost, len(records), wrong(records, sequence)) == (0, 1, 0)
        assert wrong(reader.latest(SAFE), start + 300 - SAFE) == 0


def test_a_refused_value_publishes_nothing(lane: str) -> None:
    """A record that was packed by half must stay invisible."""
    with ring(lane) as (writer, reader):
        with pytest.raises(OverflowError):
            writer.publish(1, 2, [1, 2, 3, 4, 5, 2**64])
        with pytest.raises(ValueError, match="expected 6 values"):
            writer.publish(1, 2, [1])
        assert reader.read() is None
        assert reader.end == 0


def test_a_batch_above_the_reserve_is_refused(lane: str) -> None:
    """The reserve is what readers trust: one record more could be torn under them."""
    with ring(lane) as (writer, _):
        with pytest.raises(ValueError, match="1 to 4 records"):
            writer.publish_bytes(made(0, RESERVE + 1).tobytes())
        with pytest.raises(ValueError, match="1 to 4 records"):
            writer.publish_bytes(b"")


def test_a_value_that_closes_the_lane_does_not_publish(lane: str) -> None:
    """A value's own code runs inside publish; once the lock is gone nothing may be written."""

    class Closing:
        def __index__(self) -> int:
            writer.close()
            return 1

    with ring(lane) as (writer, reader):
        with pytest.raises(ValueError, match="closed"):
            writer.publish(Closing(), 0, [0] * 6)
        assert reader.end == 0


def test_a_cursor_beyond_the_lane_is_refused(lane: str) -> None:
    """A reader placed ahead would wait for ever without a word."""
    with ring(lane) as (_, reader), pytest.raises(ValueError, match="beyond"):
        reader.cursor = 1


def test_a_cursor_before_the_first_record_is_refused(lane: str) -> None:
    """The slots there were never written and would read as records of zeros."""
    with ring(lane, start=2**32) as (_, reader), pytest.raises(ValueError, match="before the lane's first"):
        reader.cursor = 2**32 - 1


def test_a_released_view_refuses_its_records(lane: str) -> None:
    """Once given back, the slots may hold anything."""
    with ring(lane) as (writer, reader):
        writer.publish_bytes(made(0, 2).tobytes())
        view = reader.view()
        assert view.release() == 0
        with pytest.raises(ValueError, match="released"):
            _ = view.records
