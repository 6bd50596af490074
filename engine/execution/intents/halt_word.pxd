"""The compiled face of the operator's halt word."""

from libc.stdint cimport uint64_t

from shm.protocol cimport sy_word

cdef class HaltWord:
    cdef sy_word *word
    cdef object cells  # it keeps the word alive
    cdef uint64_t seen

    cdef bint changed(self) except -1
