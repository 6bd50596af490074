"""The compiled face of a strategy's own records."""

from libc.stdint cimport int8_t, int64_t, uint16_t, uint32_t, uint64_t, uint8_t

from engine.strategy.role.lane_inputs cimport LaneInputs

cdef class OrderChange:
    cdef readonly uint64_t intent_id, replaces_id
    cdef readonly int64_t price, size, filled
    cdef readonly uint32_t instrument, flags
    cdef readonly uint16_t child, replaces_child
    cdef readonly uint8_t state
    cdef readonly int8_t side

cdef class OwnRecords:
    cdef LaneInputs inputs
    cdef uint32_t number
    cdef tuple decode_verdict, decode_fill  # by place among the lanes of their kind
    cdef list verdicts, orders, fills
    cdef int count  # the records of this step, those of other strategies included
    cdef bint repeated  # whether execution judged an intent of some strategy a second time

    cdef bint wait(self) noexcept
    cdef int read(self) except -1
    cdef list read_kind(self, int kind, int limit)
    cdef list read_rows(self, int kind, int index, int limit)
    cdef list read_in_place(self, int kind, int index, int limit)
    cdef bint concerns(self, int kind, const char *record) noexcept
    cdef object made_of(self, int kind, int place, bytes record)
