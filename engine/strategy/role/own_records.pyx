# cython: language_level=3
"""The records that answer one strategy's intents, among those of all strategies on the same lanes.

    VERDICTS ─▶ refusals, and what ends a cancel        an approved new order changes nothing, so no row of it is made
    ORDERS   ─▶ `OrderChange`: the fields of a record that the ledger reads
                an order that the router sent is left out: the router publishes what became of the strategy's intent
    FILLS    ─▶ rows

A lane in shared memory is read in place, and the records of other strategies are skipped there. The rows of any other
lane (a replay's history) are read by its reader: a test compares a life with its replay.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from engine.model.intent_id cimport ROUTED_BIT
from engine.model.records cimport Judged, Placed
from engine.model.words cimport INTENT_PLACE
from engine.strategy.role.lane_inputs cimport FILLS, ORDERS, VERDICTS, LaneInputs
from shm.protocol cimport sy_copy, sy_overwritten, sy_read_slot, sy_reader, sy_unread

from engine.model.intent_id import is_routed
from engine.model.records import FILL, ORDER, VERDICT
from engine.model.words import Reason
from engine.strategy.role.lane_inputs import READ_LIMIT

FILLS_LIMIT = 256  # one order that sweeps a book has many fills
ORDERS_REPUBLISHED = 256  # execution publishes its orders again when it begins a life

assert VERDICT.size == sizeof(Judged) and ORDER.size == sizeof(Placed)
cdef int APPROVED = Reason.APPROVED, DUPLICATE = Reason.DUPLICATE_INTENT
cdef Py_ssize_t[3] STRATEGY_AT = [
    next(field.offset for field in record.fields if field.name == "strategy") for record in (VERDICT, ORDER, FILL)]
cdef Py_ssize_t[3] INTENT_AT = [
    next(field.offset for field in record.fields if field.name == "intent_id") for record in (VERDICT, ORDER, FILL)]


cdef class OrderChange:
    """What the ledger reads of an ORDER record, by the names of its row."""


cdef OrderChange change_of(const Placed *record):
    """A record's change."""
    cdef OrderChange change = OrderChange.__new__(OrderChange)
    change.intent_id, change.replaces_id = record.intent_id, record.replaces_id
    change.price, change.size, change.filled = record.price, record.size, record.filled
    change.instrument, change.flags = record.instrument, record.flags
    change.child, change.replaces_child = record.child, record.replaces_child
    change.state, change.side = record.state, record.side
    return change


cdef class OwnRecords:
    """What one step reads of a strategy's verdicts, orders and fills."""

    def __init__(self, LaneInputs inputs not None, number, lanes):
        """Read the lanes of the inputs, for the strategy of this number."""
        self.inputs, self.number = inputs, number
        self.decode_verdict = tuple(getattr(lane, "decode", None) for lane in lanes.verdicts)
        self.decode_fill = tuple(getattr(lane, "decode", None) for lane in lanes.fills)

    cdef bint wait(self) noexcept:
        """Whether a record waits on one of the lanes."""
        cdef LaneInputs inputs = self.inputs
        return not (inputs.is_kind_still(VERDICTS) and inputs.is_kind_still(ORDERS) and inputs.is_kind_still(FILLS))

    cdef int read(self) except -1:
        """Read what waits, up to the limits; fills last, so that every fill that an order counts is there."""
        self.count, self.repeated = 0, False
        self.verdicts = self.read_kind(VERDICTS, READ_LIMIT)
        self.orders = self.read_kind(ORDERS, ORDERS_REPUBLISHED if self.repeated else READ_LIMIT)
        self.fills = self.read_kind(FILLS, FILLS_LIMIT)
        return 0

    cdef list read_kind(self, int kind, int limit):
        """The strategy's own among up to `limit` records of each lane of a kind; none of a lane that was lapped."""
        cdef int index
        cdef list found = []
        for index in range(self.inputs.first[kind], self.inputs.first[kind + 1]):
            if self.inputs.rings[index] != NULL:
                found += self.read_in_place(kind, index, limit)
            else:
                found += self.read_rows(kind, index, limit)
        return found

    cdef list read_rows(self, int kind, int index, int limit):
        """Those of a lane that is read by its reader."""
        rows = self.inputs.read(index, limit)
        self.count += len(rows)
        if kind == VERDICTS and any([row.reason == DUPLICATE for row in rows]):
            self.repeated = True
        own = [row for row in rows if row.strategy == self.number]
        return own if kind == FILLS else [row for row in own if not is_routed(row.intent_id)]

    cdef list read_in_place(self, int kind, int index, int limit):
        """The same of a lane in shared memory."""
        cdef sy_reader *ring = self.inputs.rings[index]
        cdef uint64_t first = ring.next, count = sy_unread(ring), one
        cdef list copies = []
        cdef bytes copy
        if count > ring.capacity - ring.reserve:
            self.inputs.lap_of(index)
            return []
        count = min(count, <uint64_t>limit)
        for one in range(first, first + count):
            if self.concerns(kind, sy_read_slot(ring, one)):
                copy = PyBytes_FromStringAndSize(NULL, ring.record_size)
                sy_copy(PyBytes_AS_STRING(copy), sy_read_slot(ring, one), ring.record_size)
                copies.append(copy)
        if sy_overwritten(ring, first, count):
            self.inputs.lap_of(index)
            return []
        ring.next += count
        self.count += count
        return [self.made_of(kind, index - self.inputs.first[kind], copy) for copy in copies]

    cdef bint concerns(self, int kind, const char *record) noexcept:
        """Whether the strategy must see a record: it is the strategy's, and no approval of a new order."""
        cdef uint32_t strategy
        cdef uint64_t intent_id
        cdef Judged verdict
        memcpy(&strategy, record + STRATEGY_AT[kind - VERDICTS], sizeof(strategy))
        memcpy(&intent_id, record + INTENT_AT[kind - VERDICTS], sizeof(intent_id))
        if kind != FILLS and intent_id >> ROUTED_BIT:
            return False
        if kind != VERDICTS:
            return strategy == self.number
        memcpy(&verdict, record, sizeof(Judged))
        self.repeated |= verdict.reason == DUPLICATE
        return strategy == self.number and not (verdict.reason == APPROVED and verdict.kind == INTENT_PLACE)

    cdef object made_of(self, int kind, int place, bytes record):
        """What the role gives to the ledger and to the hooks."""
        if kind == ORDERS:
            return change_of(<const Placed *>PyBytes_AS_STRING(record))
        return (self.decode_verdict if kind == VERDICTS else self.decode_fill)[place](record)
