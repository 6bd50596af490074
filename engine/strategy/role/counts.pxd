"""The compiled face of a role's counts."""

from libc.stdint cimport uint64_t

cdef class Counts:
    cdef public uint64_t steps, intents, intents_refused_full, laps, recoveries
