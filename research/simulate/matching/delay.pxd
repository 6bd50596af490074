"""The compiled face of a latency."""

from libc.stdint cimport int64_t, uint64_t


cdef inline uint64_t draw(uint64_t *state) noexcept nogil:
    """The next 32 bits of SplitMix64."""
    cdef uint64_t value
    state[0] += 0x9E3779B97F4A7C15ULL
    value = state[0]
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL
    return (value ^ (value >> 31)) >> 32


cdef class Delay:
    cdef readonly int64_t constant_ns
    cdef const int64_t[::1] samples  # drawn from
    cdef const int64_t[::1] from_ns  # with `recorded`: when each was recorded
    cdef const int64_t[::1] recorded
    cdef uint64_t state
    cdef Py_ssize_t next

    cdef int64_t at(self, int64_t now_ns) except -1
