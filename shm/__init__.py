"""Shared memory that outlives any process: rings and cells, one writer, many readers, no locks.

    ring = shm.attach("demo.ticks")      # read-only; a slip raises, it cannot write
    ring.latest(1000)                    # a checked copy, a numpy structured array
    view = ring.view()                   # the slots themselves; act on it only if view.release() == 0

What it is made of: ring.h the protocol, _ring.c its Python face, segment.py the files, lock.py the one writer.
"""

from shm.cell import CellReader, CellWriter
from shm.header import SegmentError
from shm.record import Record
from shm.registry import attach, names, systems
from shm.ring import Lapped, RingReader, RingWriter, View
from shm.segment import create, remove

__all__ = [
    "CellReader", "CellWriter", "Lapped", "Record", "RingReader", "RingWriter", "SegmentError", "View",
    "attach", "create", "names", "remove", "systems",
]  # fmt: skip
