"""Shared memory that outlives any process: rings, cells and words, one writer, many readers, no locks.

    ring = shm.attach("demo.ticks")      # read-only: an attempt to write raises
    ring.latest(1000)                    # a checked copy, a numpy structured array
    view = ring.view()                   # the slots themselves; use the result only if view.release() == 0

Files: ring.h the protocol, layout.h the offsets, _ring.c the extension, segment.py segments, lock.py the one writer.
"""

from shm.cell import CellReader, CellWriter
from shm.header import SegmentError
from shm.record import Record
from shm.registry import attach, names, systems
from shm.ring import Lapped, RingReader, RingWriter, View
from shm.segment import create, remove
from shm.words import WordReader, WordWriter

__all__ = [
    "CellReader", "CellWriter", "Lapped", "Record", "RingReader", "RingWriter", "SegmentError", "View",
    "WordReader", "WordWriter", "attach", "create", "names", "remove", "systems",
]  # fmt: skip
