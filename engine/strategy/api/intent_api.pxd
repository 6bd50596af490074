"""The compiled face of a strategy's requests."""

from libc.stdint cimport int64_t, uint64_t

from engine.model.records cimport Intent

cdef class IntentSink:
    cdef object submit(self, Intent *intent)

cdef class IntentApi:
    cdef readonly int64_t now_ns
    cdef readonly bint halted  # an operator's word: no new orders
    cdef readonly bint draining
    cdef readonly dict instruments, books, groups
    cdef readonly object parameters
    cdef uint64_t withheld  # calls that gave None because of `halted` or `draining`
    cdef IntentSink sink
    cdef object ledger
    cdef bint plain
    cdef tuple belief  # what the strategy published in this step, and the regime; None: nothing

    cdef object submit_order(self, Intent *intent, int64_t side, int64_t size, int64_t price)
    cdef object order_of(self, object intent_id)
    cdef object submit_cancel_all(self, object instrument)
    cdef object submit(self, Intent *intent)
