# cython: language_level=3, boundscheck=False, wraparound=False
"""Publishes how far each strategy's intents are in the journal: the cells ACCEPTED.

A lossless lane refuses its producer until the consumer has published a cursor, and overwrites only what is before it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from libc.string cimport memset

from engine.model.records cimport Consumed

from engine.model import records

assert records.ACCEPTED.size == sizeof(Consumed)


cdef class Accepted:
    """The ACCEPTED lane: one cell for each strategy, in the order of the configuration."""

    cdef object write

    def __init__(self, cells):
        """Write to these cells."""
        self.write = cells.write_bytes

    def publish(self, lane, int index, int64_t now_ns):
        """Publish the cursor up to which a strategy's intents have been read and journalled."""
        cdef bytes made = PyBytes_FromStringAndSize(NULL, sizeof(Consumed))
        cdef Consumed *record = <Consumed *>PyBytes_AS_STRING(made)
        memset(record, 0, sizeof(Consumed))
        record.cursor, record.now_ns = lane.cursor, now_ns
        self.write(index, made)
