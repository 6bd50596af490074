# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Boosted trees for one row at a time: bit for bit what the library that trained them computes.

    walker = Walker(trees)
    walker.margin(row)       the sum of the leaves; `row` is an array or a sequence of floats
    walker.over(rows)        the same for each row

Compiled code calls `walk` with a row of the walker's own type (`walk.h`). Everything is allocated and touched once, in
the constructor, so the first call costs what every later one costs. The numbers of a row are rounded to float32 for a
model of XGBoost, as XGBoost does.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

cimport numpy as cnp

import numpy as np

from engine.inference.trees import DOUBLE, FLOAT, TreesError

cnp.import_array()

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #include <time.h>
    static inline int64_t sy_walk_clock(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    """
    int64_t sy_walk_clock() nogil
    void *aligned_alloc(size_t, size_t) nogil

assert sizeof(sy_node_float) == 8
assert sizeof(sy_node_double) == 16
cdef enum:
    LINE = 64


cdef void *room(size_t size) except NULL:
    """Zeroed memory on lines of the cache."""
    size = (size // LINE + 1) * LINE
    cdef void *found = aligned_alloc(LINE, size)
    if found == NULL:
        raise MemoryError(f"a model of {size} bytes")
    memset(found, 0, size)
    return found


cdef class Walker:
    """The trees of one model."""

    def __init__(self, trees):
        """Check the trees, and lay them out."""
        if trees.real not in (FLOAT, DOUBLE):
            raise TreesError(f"trees of {trees.real}: expected {FLOAT} or {DOUBLE}")
        depths = trees.depths
        cdef int count = len(trees.firsts), nodes = len(trees.links), place
        self.trees, self.groups, self.features = count, (count + SY_GROUP - 1) // SY_GROUP, trees.features
        self.is_double = trees.real == DOUBLE
        self.base_double = trees.base
        self.base_float = <float>self.base_double
        self.nodes = room(nodes * (sizeof(sy_node_double) if self.is_double else sizeof(sy_node_float)))
        self.values = room(nodes * (sizeof(double) if self.is_double else sizeof(float)))
        self.row = room(self.features * sizeof(double))
        self.firsts = <uint32_t *>room(self.groups * SY_GROUP * sizeof(uint32_t))
        self.depths = <int32_t *>room(self.groups * sizeof(int32_t))
        for place in range(self.groups * SY_GROUP):
            self.firsts[place] = trees.firsts[min(place, count - 1)]
            if place < count:
                self.depths[place // SY_GROUP] = max(self.depths[place // SY_GROUP], <int32_t>depths[place])
        self.fill(trees, nodes)

    def __dealloc__(self):
        free(self.nodes)
        free(self.values)
        free(self.row)
        free(self.firsts)
        free(self.depths)

    cdef int fill(self, object trees, int nodes) except -1:
        """Write the nodes and the values."""
        cdef int place
        cdef const uint32_t[::1] links = trees.links
        cdef const double[::1] thresholds = trees.thresholds.astype(np.float64)
        cdef const double[::1] values = trees.values.astype(np.float64)
        for place in range(nodes):
            if self.is_double:
                (<sy_node_double *>self.nodes)[place] = sy_node_double(thresholds[place], links[place])
                (<double *>self.values)[place] = values[place]
            else:
                (<sy_node_float *>self.nodes)[place] = sy_node_float(<float>thresholds[place], links[place])
                (<float *>self.values)[place] = <float>values[place]
        return 0

    cdef double walk(self, const void *row) noexcept nogil:
        """The margin of a row of the walker's own type."""
        if self.is_double:
            return sy_walk_double(<sy_node_double *>self.nodes, <double *>self.values, self.firsts, self.depths,
                                  self.groups, self.trees, <const double *>row, self.features, self.base_double)
        return sy_walk_float(<sy_node_float *>self.nodes, <float *>self.values, self.firsts, self.depths, self.groups,
                             self.trees, <const float *>row, self.features, self.base_float)

    def margin(self, row):
        """The margin of one row."""
        cdef int kind
        if cnp.PyArray_CheckExact(row):
            if cnp.PyArray_NDIM(row) != 1 or cnp.PyArray_DIM(row, 0) != self.features:
                raise self.wrong(row)
            kind = cnp.PyArray_TYPE(row)
            if cnp.PyArray_IS_C_CONTIGUOUS(row) and kind == (cnp.NPY_DOUBLE if self.is_double else cnp.NPY_FLOAT):
                return self.walk(cnp.PyArray_DATA(row))
        elif len(row) != self.features:
            raise self.wrong(row)
        self.convert(row)
        return self.walk(self.row)

    def over(self, rows):
        """The margin of each row of a table."""
        table = np.ascontiguousarray(rows, np.float64 if self.is_double else np.float32)
        if table.ndim != 2 or table.shape[1] != self.features:
            raise self.wrong(table)
        found = np.empty(len(table), table.dtype)
        cdef Py_ssize_t place, count = len(table)
        cdef char *row = <char *>cnp.PyArray_DATA(table)
        cdef size_t step = self.features * (sizeof(double) if self.is_double else sizeof(float))
        cdef void *result = cnp.PyArray_DATA(found)
        for place in range(count):
            if self.is_double:
                (<double *>result)[place] = self.walk(row + place * step)
            else:
                (<float *>result)[place] = <float>self.walk(row + place * step)
        return found

    def time_of(self, rows, size_t flush=0):
        """The nanoseconds of `walk` for each row; before each, `flush` bytes are written, so that caches are cold."""
        table = np.ascontiguousarray(rows, np.float64 if self.is_double else np.float32)
        if table.ndim != 2 or table.shape[1] != self.features:
            raise self.wrong(table)
        found = np.empty(len(table), np.int64)
        cdef int64_t[::1] result = found
        cdef Py_ssize_t place, count = len(table)
        cdef char *row = <char *>cnp.PyArray_DATA(table)
        cdef size_t step = self.features * (sizeof(double) if self.is_double else sizeof(float))
        cdef char *filler = <char *>room(flush) if flush else NULL
        cdef int64_t begin_ns
        cdef double sum = 0
        for place in range(count):
            if flush:
                memset(filler, <int>place, flush)
            begin_ns = sy_walk_clock()
            sum += self.walk(row + place * step)
            result[place] = sy_walk_clock() - begin_ns
        free(filler)
        self.sum = sum  # keeps the compiler from leaving the walks out
        return found

    cdef int convert(self, object row) except -1:
        """Copy a row into the walker's own memory."""
        cdef int place
        for place in range(self.features):
            if self.is_double:
                (<double *>self.row)[place] = row[place]
            else:
                (<float *>self.row)[place] = <float><double>row[place]
        return 0

    cdef object wrong(self, object row):
        """The error of a row of another length."""
        return ValueError(f"row: expected {self.features} numbers, was {getattr(row, 'shape', None) or len(row)}")
