"""The compiled face of a strategy's voice."""

from libc.stdint cimport int64_t

from engine.model.records cimport Intent

cdef class Outlet:
    cdef object say(self, Intent *wish)

cdef class Voice:
    cdef public int64_t now_ns
    cdef public bint halted  # an operator's word: no new orders
    cdef public bint draining
    cdef Outlet outlet
    cdef object ledger
    cdef bint plain

    cdef object want(self, Intent *wish, int side, int64_t size, int64_t price)
    cdef object want_gone(self, object instrument)
    cdef object ask(self, Intent *wish)
