"""The compiled face of the models of an order's place in the queue."""

from libc.stdint cimport int64_t

cdef enum:
    CONSERVATIVE, POWER, LOGARITHM

cdef struct QueueModel:
    int family
    double exponent
    int64_t step  # of sizes

cdef int64_t ahead_after(
    const QueueModel *model, int64_t ahead, int64_t traded, int64_t before, int64_t after
) noexcept nogil
