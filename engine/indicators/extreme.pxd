"""The highest value of a window: a queue of the values that can still become it, the highest first.

A value that is not above a newer one is never the highest again, so it leaves the queue. Each value enters and
leaves once. The lowest is the highest of the negated values. Zero bytes are the empty state.
"""

from libc.stdint cimport int64_t

cdef struct Extreme:
    int64_t first  # place of the highest value in the ring
    int64_t count
    int64_t row


cdef inline double highest(Extreme *of, double *values, double *rows, int64_t window, double value) noexcept nogil:
    """Add a value and return the highest of the last `window` values."""
    cdef int64_t last
    if of.count and <int64_t>rows[of.first] <= of.row - window:
        of.first = 0 if of.first + 1 == window else of.first + 1
        of.count -= 1
    while of.count:
        last = of.first + of.count - 1
        last -= window if last >= window else 0
        if values[last] > value:
            break
        of.count -= 1
    last = of.first + of.count
    last -= window if last >= window else 0
    values[last], rows[last] = value, <double>of.row
    of.count += 1
    of.row += 1
    return values[of.first]
