# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What `over` returned, for the same input again; never for another input.

    cache.over(rsi, closes)                                              an array
    cache.over_records(rsi, ("demo", "bars", symbol, epoch), 0, end, read)    records of a lane, by their sequences

Arrays: an entry is found by the indicator, the length and the last element of each column. It is a hit only if every
byte of every column equals the copy that the entry keeps, so a change of any element is a miss. Comparing costs
time: a hit takes less than 1 µs up to about a thousand rows. Records: a published record never changes, so the
source (which includes the epoch of its writer) and the range of sequences are the whole key, and a hit reads no record.

A result is read-only, since every caller receives the same array. The entries that were used longest ago leave when all
together have more than `bytes_max`.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp

cimport numpy as cnp

from engine.indicators.indicator cimport Indicator

import numpy as np

cnp.import_array()


cdef class Entry:
    """A result and the columns it was computed from; no columns if the key is enough."""

    cdef list columns
    cdef object result
    cdef int64_t size

    cdef bint equals(self, tuple columns) noexcept:
        """Whether these are the columns, byte for byte."""
        cdef Py_ssize_t i
        cdef cnp.ndarray ours, theirs
        for i in range(len(self.columns)):
            ours, theirs = self.columns[i], columns[i]
            if memcmp(cnp.PyArray_DATA(ours), cnp.PyArray_DATA(theirs), <size_t>cnp.PyArray_NBYTES(ours)):
                return False
        return True


cdef class Cache:
    """Results of indicators."""

    cdef dict entries  # the one used last at the end
    cdef readonly int64_t bytes_max
    cdef readonly int64_t bytes
    cdef readonly int64_t hits
    cdef readonly int64_t misses

    def __init__(self, bytes_max=256 << 20):
        """An empty cache that keeps at most so many bytes of columns and results."""
        if bytes_max < 0:
            raise ValueError(f"bytes_max is {bytes_max}; expected 0 or more")
        self.entries, self.bytes_max = {}, bytes_max

    def over(self, Indicator indicator not None, *columns):
        """`indicator.over(*columns)`, read-only."""
        columns = plain(indicator, columns)
        key = key_of(indicator.key, columns)
        cdef Entry entry = self.entries.get(key)
        if entry is not None and entry.equals(columns):
            return self.hit(key, entry)
        return self.store(key, indicator.over(*columns), [np.array(one) for one in columns])

    def over_records(self, Indicator indicator not None, source, int64_t begin, int64_t end, read):
        """The indicator over the records `begin` to `end` (exclusive) of a source. A miss calls `read()`."""
        key = (indicator.key, source, begin, end)
        cdef Entry entry = self.entries.get(key)
        if entry is not None:
            return self.hit(key, entry)
        columns = read()
        if len(columns[0]) != end - begin:
            raise ValueError(f"{source}: read {len(columns[0])} rows; expected {end - begin}, from {begin} to {end}")
        return self.store(key, indicator.over(*columns), [])

    cdef hit(self, key, Entry entry):
        """An entry that was used again is the last one to leave."""
        self.hits += 1
        del self.entries[key]
        self.entries[key] = entry
        return entry.result

    cdef store(self, key, result, list columns):
        """Keep a new result, and drop the oldest ones above the bound."""
        cdef Entry entry = Entry()
        result.flags.writeable = False
        entry.columns, entry.result = columns, result
        entry.size = result.nbytes + sum(one.nbytes for one in columns)
        self.misses += 1
        self.drop(key)
        self.entries[key] = entry
        self.bytes += entry.size
        while self.bytes > self.bytes_max:
            self.drop(next(iter(self.entries)))
        return result

    cdef int drop(self, key) except -1:
        """Forget an entry, if there is one."""
        cdef Entry entry = self.entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.size
        return 0

    def clear(self):
        """Forget every entry."""
        self.entries.clear()
        self.bytes = 0

    def __len__(self):
        return len(self.entries)


cdef tuple plain(Indicator indicator, tuple columns):
    """The columns as the indicator reads them. One that is already contiguous floats is not copied."""
    cdef Py_ssize_t i
    for i in range(len(columns)):
        if not is_plain(columns[i]):
            return tuple(indicator.arrays_of(columns))
    return columns


cdef bint is_plain(column):
    """Whether this is one column of contiguous floats in the machine's order."""
    return (
        type(column) is np.ndarray
        and cnp.PyArray_NDIM(column) == 1
        and cnp.PyArray_TYPE(column) == cnp.NPY_FLOAT64
        and cnp.PyArray_ISCARRAY_RO(column)
    )


cdef tuple key_of(tuple indicator, tuple columns):
    """The indicator, the length and the bits of the last element of each column."""
    cdef list key = [indicator]
    cdef cnp.ndarray one
    cdef cnp.npy_intp length
    for one in columns:
        length = cnp.PyArray_DIM(one, 0)
        key.append(length)
        if length:
            key.append((<uint64_t *>cnp.PyArray_DATA(one))[length - 1])
    return tuple(key)
