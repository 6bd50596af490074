"""The compiled face of the opportunities."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from engine.aggregation.ladder cimport Member
from engine.model.aggregates cimport GlobalBook, Opportunity

cdef class Opportunities:
    cdef readonly uint64_t published, unshown
    cdef object ring, cells, published_storage, current_storage, record_storage, view, place_storage, taken_storage
    cdef Opportunity *last_published  # of each pair, as the ring has it; kind 0: none is open
    cdef Opportunity *current  # of each pair, the newest figures
    cdef Opportunity *record
    cdef int *place  # of each pair: its cell, -1 where it has none
    cdef uint8_t *taken  # of each cell
    cdef int64_t min_edge_e8, change_e8, change_share_e8
    cdef Py_ssize_t cell_count

    cdef int weigh(self, Py_ssize_t pair, const Member *buy, const Member *sell, const GlobalBook *book,
                   int64_t now_ns) except -1
    cdef int see(self, Py_ssize_t pair, const Member *buy, const Member *sell, const GlobalBook *book,
                 int64_t now_ns) except -1
    cdef int publish(self, const Opportunity *one, int kind) except -1
    cdef int write_cell(self, Py_ssize_t pair, const Opportunity *one, int kind) except -1
    cdef int free_cell(self) noexcept nogil
    cdef void figure(self, Opportunity *one, const Member *buy, const Member *sell) noexcept nogil
    cdef bint matters(self, const Opportunity *one, const Opportunity *before) noexcept nogil
