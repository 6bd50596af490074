"""The compiled face of a connection's lag."""

from libc.stdint cimport int64_t

cdef struct Target:
    bint compared  # the two connections were compared at least once
    bint pending  # the own connection has not reached `number`
    int64_t seen  # the other connection's number at the last comparison
    int64_t number
    int64_t since_ns

cdef class ConnectionLag:
    cdef Target *targets
