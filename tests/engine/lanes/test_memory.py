"""Lanes in the memory of one process behave as those in shared memory do."""

import dataclasses
import random
import secrets
from collections.abc import Iterator

import pytest

import shm
from engine.lanes import EXECUTION, FEED, STRATEGY, Lane, LaneError, Owners, lane_of
from engine.lanes.create import create
from engine.lanes.memory import MemoryCells, MemoryRing, MemorySystem, ring_of
from engine.model.records import ACCEPTED, TICK

SMALL = dataclasses.replace(lane_of("ticks"), capacity=64, reserve=8)
LOSSLESS = dataclasses.replace(SMALL, kind="lossless")
CELLS = lane_of("accepted")
WRITERS: list[shm.RingWriter | shm.CellWriter] = []


@pytest.fixture
def system() -> Iterator[str]:
    """A name for segments, whose writers are closed before they are removed."""
    name = f"test-memory-{secrets.token_hex(6)}"
    yield name
    for writer in WRITERS:
        writer.close()
    WRITERS.clear()
    for lane in shm.names(name):
        shm.remove(lane)


def rings(system: str, lane: Lane) -> tuple[shm.RingWriter, MemoryRing]:
    """The same ring twice."""
    create(system, "ring", lane, wake="never")
    writer = shm.RingWriter(f"{system}.ring", lane.record)
    WRITERS.append(writer)
    return writer, MemoryRing(lane)


def cells(system: str) -> tuple[shm.CellWriter, MemoryCells]:
    """The same cells twice."""
    create(system, "cells", CELLS)
    writer = shm.CellWriter(f"{system}.cells", ACCEPTED)
    WRITERS.append(writer)
    return writer, MemoryCells(CELLS)


def ticks(number: int, count: int = 1) -> bytes:
    """Records that carry a number."""
    return b"".join((number + k).to_bytes(8, "little").ljust(TICK.size, b"\0") for k in range(count))


@pytest.mark.parametrize("seed", range(5))
def test_a_reader_reads_and_loses_the_same_records_as_in_shared_memory(system: str, seed: int) -> None:
    """What a simulation loses must be what the engine would lose."""
    draw, (shared, memory) = random.Random(seed), rings(system, SMALL)
    readers = shm.RingReader(f"{system}.ring", TICK, cursor=0), memory.reader(0)
    number = 0
    for _ in range(2_000):
        if draw.random() < 0.5:
            count = draw.randrange(1, 9) if draw.random() < 0.95 else 8
            for _ in range(9 if draw.random() < 0.03 else 1):
                assert shared.publish_bytes(ticks(number, count)) == memory.publish_bytes(ticks(number, count))
                number += count
        for _ in range(draw.randrange(8)):
            assert readers[0].read() == readers[1].read()
        for name in ("cursor", "end", "oldest", "lag"):
            assert getattr(readers[0], name) == getattr(readers[1], name), name
    assert readers[0].read_bytes() == readers[1].read_bytes()


@pytest.mark.parametrize("seed", range(5))
def test_a_lossless_ring_is_full_where_one_in_shared_memory_is(system: str, seed: int) -> None:
    """A strategy is refused there: a simulation that never refuses would trade what the engine does not."""
    draw, (shared, memory) = random.Random(seed), rings(system, LOSSLESS)
    writer, consumer = cells(system)
    shared.follow(shm.CellReader(f"{system}.cells", ACCEPTED), 3)
    memory.follow(consumer, 3)
    refused = consumed = 0
    for number in range(2_000):
        count = draw.randrange(1, 9)
        accepted = shared.publish_bytes(ticks(number, count)), memory.publish_bytes(ticks(number, count))
        assert accepted[0] == accepted[1]
        refused += not accepted[0]
        if draw.random() < 0.2:
            consumed = draw.randrange(consumed, memory.cursor + 1)
            row = (consumed, 0, number, (0,) * 5)
            writer.write(3, *row)
            consumer.write(3, *row)
    assert shared.cursor == memory.cursor
    assert refused > 100


def test_cells_count_their_writes_as_in_shared_memory(system: str) -> None:
    """Execution learns of a halt by the sequence of a cell."""
    writer, memory = cells(system)
    reader = shm.CellReader(f"{system}.cells", ACCEPTED)
    for number in range(5):
        for index in (0, 7):
            assert reader.read(index) == memory.read(index)
            assert reader.sequence(index) == memory.sequence(index)
        writer.write(7, number, 0, 1, (2,) * 5)
        memory.write(7, number, 0, 1, (2,) * 5)
    for one in (writer, memory):
        with pytest.raises(IndexError):
            one.write(CELLS.count, 0, 0, 0, (0,) * 5)


def test_a_batch_beyond_the_reserve_is_refused_as_in_shared_memory(system: str) -> None:
    """A role that publishes too much at once must fail in its tests, not at its customer's."""
    for ring in rings(system, SMALL):
        with pytest.raises(ValueError, match="expected 1 to 8 records of 64 bytes, got 576 bytes"):
            ring.publish_bytes(ticks(0, 9))


def test_a_ring_that_keeps_all_overtakes_no_reader_and_is_never_full() -> None:
    """A replay reads a day from its first record."""
    ring = ring_of(LOSSLESS, [TICK.row(number, *(0,) * (len(TICK.fields) - 1)) for number in range(1_000)])
    reader = ring.reader(0)
    assert [reader.read().receive_ns for _ in range(1_000)] == list(range(1_000))
    assert reader.read() is None


def test_the_door_to_memory_is_as_narrow_as_the_one_to_shared_memory() -> None:
    """A role that runs in memory must not read what it could not read in its process."""
    memory = MemorySystem(Owners(("maker", "taker"), ("execution", "maker", "taker")))
    assert memory.open_lanes(STRATEGY, "maker").ring_writer("intents") is memory.rings["intents.maker.execution"]
    assert memory.open_lanes(EXECUTION).ring_reader("intents", "taker").ring is memory.rings["intents.taker.execution"]
    assert memory.open_lanes(EXECUTION).cell_reader("accepted") is memory.open_lanes(EXECUTION).cell_writer("accepted")
    with pytest.raises(LaneError, match="may not write lane 'ticks'"):
        memory.open_lanes(EXECUTION).ring_writer("ticks")
    with pytest.raises(LaneError, match="may not read lane 'positions'"):
        memory.open_lanes(FEED).cell_reader("positions")


def test_a_new_life_goes_on_where_the_last_one_stopped() -> None:
    """Memory outlives the roles, as shared memory does."""
    memory = MemorySystem(Owners((), ("feed",)))
    memory.open_lanes(FEED).ring_writer("ticks").publish_bytes(ticks(0, 3))
    assert memory.open_lanes(FEED).ring_writer("ticks").cursor == 3
