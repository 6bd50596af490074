"""The ring as a link: lanes of 256 KiB that live as long as a measurement."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count

import shm
from bench.measure import Receive, Send
from shm import Record

RING_BYTES = 256 << 10
PATIENCE_NS = 30_000_000_000
CONSUMER = Record("consumer", 8, {"cursor": "u8"})
_numbers = count()


def record_of(size: int) -> Record:
    """A tick's head, filled up to this size."""
    types = {"sequence": "u8", "sent_ns": "i8", "price": "i8", "size": "i8", "rest": f"S{size - 32}"}
    return Record(f"bench{size}", size, types)


def capacity_of(size: int) -> int:
    """Records in a ring of 256 KiB."""
    return RING_BYTES // size


@contextmanager
def segment(record: Record, kind: str, **shape: int | str) -> Iterator[str]:
    """A segment of our own, removed in the end."""
    name = f"bench{os.getpid()}.lane{next(_numbers)}"
    shm.create(name, record, kind, **shape)  # type: ignore[arg-type]
    try:
        yield name
    finally:
        shm.remove(name)


@contextmanager
def lane(size: int, *, reserve: int = 1, wake: str = "never") -> Iterator[str]:
    """A broadcast ring."""
    with segment(record_of(size), "ring", capacity=capacity_of(size), reserve=reserve, wake=wake) as name:
        yield name


@contextmanager
def held_lane(size: int, *, reserve: int = 1) -> Iterator[tuple[str, str]]:
    """A lossless ring: its writer waits for the one reader that writes its cursor to a cell."""
    shape = {"capacity": capacity_of(size), "reserve": reserve}
    with segment(record_of(size), "lossless", **shape) as name, segment(CONSUMER, "cells", count=1) as cells:
        yield name, cells


def writer(name: str, size: int) -> shm.RingWriter:
    """The lane's writer, its pages touched."""
    return shm.RingWriter(name, record_of(size), populate=True)


def reader(name: str, size: int) -> shm.RingReader:
    """A reader from now on, its pages touched."""
    return shm.RingReader(name, record_of(size), populate=True)


class RingLink:
    """One broadcast lane. It does not hold its writer back: send fewer records than it has slots, or wait for each."""

    wake = "never"

    def __init__(self, size: int) -> None:
        """Make the lane."""
        self._size, self._stack = size, ExitStack()
        self._name = self._stack.enter_context(lane(size, wake=self.wake))

    def sender(self) -> Send:
        """`RingWriter.publish_bytes`."""
        return writer(self._name, self._size).publish_bytes

    def receiver(self) -> Receive:
        """`RingReader.spin_bytes`."""
        return partial(reader(self._name, self._size).spin_bytes, PATIENCE_NS)

    def close(self) -> None:
        """Remove the lane."""
        self._stack.close()


class PollingLink(RingLink):
    """The same, with the reader's loop in Python: a reader that looks at several lanes."""

    def receiver(self) -> Receive:
        """`RingReader.read_bytes` until there is something."""
        read = reader(self._name, self._size).read_bytes

        def receive() -> object:
            while (record := read()) is None:
                pass
            return record

        return receive


class TypedLink(RingLink):
    """Python values in, a named tuple out."""

    def sender(self) -> Send:
        """`RingWriter.publish`, one value a field."""
        publish = writer(self._name, self._size).publish
        rest = bytes(self._size - 32)
        return lambda _: publish(1, 1_700_000_000_000_000_000, 6_543_210, 250, rest)

    def receiver(self) -> Receive:
        """`RingReader.spin`."""
        return partial(reader(self._name, self._size).spin, PATIENCE_NS)
