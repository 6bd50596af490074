"""The walker for compiled code: one call with a row in place, without an object."""

from libc.stdint cimport int32_t, uint32_t

cdef extern from "walk.h" nogil:
    ctypedef struct sy_node_float:
        float threshold
        uint32_t link
    ctypedef struct sy_node_double:
        double threshold
        uint32_t link
    int SY_GROUP
    float sy_walk_float(const sy_node_float *, const float *, const uint32_t *, const int32_t *, int, int,
                        const float *, int, float)
    double sy_walk_double(const sy_node_double *, const double *, const uint32_t *, const int32_t *, int, int,
                          const double *, int, double)

cdef class Walker:
    cdef readonly int features
    cdef int trees, groups
    cdef bint is_double
    cdef float base_float
    cdef double base_double
    cdef void *nodes
    cdef void *values
    cdef uint32_t *firsts
    cdef int32_t *depths
    cdef void *row  # of a call from Python, converted
    cdef double sum

    cdef int fill(self, object trees, int nodes) except -1
    cdef int convert(self, object row) except -1
    cdef object wrong(self, object row)

    cdef double walk(self, const void *row) noexcept nogil
