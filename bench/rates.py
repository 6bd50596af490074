"""Records a second through one lane with none lost: the lane is lossless, so its writer waits for the reader's cursor.

The reader writes its cursor to a cell: every quarter of the ring if it reads one by one, after every view in batches.
Each run ends with both cursors at the last record: had one been lost, it would not end.
"""

from collections.abc import Callable
from itertools import repeat

import numpy as np

import shm
from bench.measure import clock
from bench.process import Channel, Worker, together
from bench.ringlink import CONSUMER, capacity_of, held_lane, reader, record_of, writer

BATCH_BYTES = 32 << 10
Write = Callable[[shm.RingWriter, int], None]
Read = Callable[[shm.RingReader, Callable[[], None], int], None]


def _rate(size: int, count: int, write: Write, read: Read, cores: tuple[int, int], *, reserve: int = 1) -> float:
    with held_lane(size, reserve=reserve) as (name, cells):

        def sending(channel: Channel) -> int:
            lane = writer(name, size)
            lane.follow(shm.CellReader(cells), 0)
            channel.ready()
            began = clock()
            write(lane, count)
            assert lane.cursor == count
            return began

        def receiving(channel: Channel) -> int:
            lane, cell = reader(name, size), shm.CellWriter(cells, CONSUMER)
            cell.write(0, 0)
            channel.ready()
            read(lane, lambda: cell.write(0, lane.cursor), count)
            assert lane.cursor == count
            return clock()

        ended, began = together(Worker(cores[1], receiving), Worker(cores[0], sending))
    return float(count / ((ended - began) / 1e9))


def one_call(size: int, count: int, cores: tuple[int, int]) -> float:
    """`publish_bytes` and `read_bytes`, a Python call a record on both sides."""
    payload, report_every = bytes(size), capacity_of(size) // 4

    def write(lane: shm.RingWriter, count: int) -> None:
        publish = lane.publish_bytes
        for _ in repeat(None, count):
            while not publish(payload):
                pass

    def read(lane: shm.RingReader, report: Callable[[], None], count: int) -> None:
        read_next = lane.read_bytes
        for _ in repeat(None, count // report_every):
            for _ in repeat(None, report_every):
                while read_next() is None:
                    pass
            report()

    return _rate(size, count // report_every * report_every, write, read, cores)


def typed(size: int, count: int, cores: tuple[int, int]) -> float:
    """`publish` of five Python values, and `read` of a named tuple."""
    rest, report_every = bytes(size - 32), capacity_of(size) // 4

    def write(lane: shm.RingWriter, count: int) -> None:
        publish = lane.publish
        for number in range(count):
            while not publish(number, 1_700_000_000_000_000_000, 6_543_210, 250, rest):
                pass

    def read(lane: shm.RingReader, report: Callable[[], None], count: int) -> None:
        read_next = lane.read
        for start in range(0, count, report_every):
            for number in range(start, start + report_every):
                while (row := read_next()) is None:
                    pass
                assert row[0] == number
            report()

    return _rate(size, count // report_every * report_every, write, read, cores)


def batch(size: int, count: int, cores: tuple[int, int], look: Callable[[np.ndarray], object] | None = None) -> float:
    """32 KiB a publish; the reader gets one view of all new records, checks the last record, and releases the view.

    `look` is further work of the reader on every view.
    """
    reserve = BATCH_BYTES // size
    count = count // reserve * reserve

    def write(lane: shm.RingWriter, count: int) -> None:
        publish, records = lane.publish_bytes, _batch(size, reserve)
        for _ in repeat(None, count // reserve):
            while not publish(records):
                pass

    def read(lane: shm.RingReader, report: Callable[[], None], count: int) -> None:
        done = 0
        while done < count:
            if done == lane.end:
                continue
            view = lane.view()
            records = view.records
            assert records[-1]["sequence"] == reserve - 1
            if look is not None:
                look(records)
            done = lane.cursor
            assert view.release() == 0
            report()

    return _rate(size, count, write, read, cores, reserve=reserve)


def batch_summed(size: int, count: int, cores: tuple[int, int]) -> float:
    """The same, and the reader adds up a field of every record: each line travels from core to core."""
    return batch(size, count, cores, lambda records: records["size"].sum())


def _batch(size: int, reserve: int) -> bytes:
    records = np.zeros(reserve, record_of(size).dtype)
    records["sequence"] = np.arange(reserve)
    return records.tobytes()


def publish_ns(lane: shm.RingWriter, payload: bytes, count: int) -> float:
    """What one publish costs its writer, with and without readers."""
    publish = lane.publish_bytes
    began = clock()
    for _ in repeat(None, count):
        publish(payload)
    return (clock() - began) / count
