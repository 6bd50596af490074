"""Sums that stay exact to about 1e-28 of their largest value, and the window that slides over one.

    Sum     high + low: `low` keeps what the additions to `high` rounded away (TwoSum, fma)
    Moving  a ring of the values of a window, with their sum. `turn` sums what was written since the first place of the
            ring. At its last place these are all its values, so `turn` replaces `total`: an error of `total`
            lives for one turn at most

Zero bytes are the empty state of each.
"""

from libc.math cimport fma
from libc.stdint cimport int64_t

cdef struct Sum:
    double high
    double low

cdef struct Moving:
    Sum total
    Sum turn
    int64_t at
    int64_t count  # values in the ring
    int64_t nonzero  # of them: a window of zeros sums to zero exactly


cdef inline void add_pair(Sum *total, double value, double rest) noexcept nogil:
    """Add a value and the small rest that its own computation rounded away. Only the two additions are a chain."""
    cdef double high = total.high + value
    cdef double added = high - total.high
    total.low += rest + ((total.high - (high - added)) + (value - added))
    total.high = high


cdef inline void add(Sum *total, double value) noexcept nogil:
    """Add one value."""
    add_pair(total, value, 0)


cdef inline void add_product(Sum *total, double left, double right) noexcept nogil:
    """Add left times right, with what the multiplication rounds away."""
    cdef double product = left * right
    add_pair(total, product, fma(left, right, -product))


cdef inline double sum_of(const Sum *total) noexcept nogil:
    """The sum as one number."""
    return total.high + total.low


cdef inline double slide(Moving *moving, double *ring, int64_t window, double value) noexcept nogil:
    """Add a value, remove the one that leaves the window, and return that one; 0 while the window fills."""
    cdef double old = ring[moving.at] if moving.count == window else 0
    cdef double change = value - old
    cdef double gone = change - value
    moving.count += moving.count < window
    moving.nonzero += (value != 0) - (old != 0)
    ring[moving.at] = value
    add_pair(&moving.total, change, (value - (change - gone)) - (old + gone))
    add(&moving.turn, value)
    moving.at += 1
    if moving.at == window:
        moving.total, moving.turn, moving.at = moving.turn, Sum(0, 0), 0
    if moving.nonzero == 0:
        moving.total = Sum(0, 0)
    return old


cdef inline Sum divided(const Sum *total, int64_t count) noexcept nogil:
    """The sum divided by a count: the mean of equal values is this value exactly."""
    cdef double n = <double>count
    cdef double high = total.high / n
    cdef Sum result = Sum(high, 0)
    add(&result, (fma(-high, n, total.high) + total.low) / n)
    return result


cdef inline double mean_of(const Moving *moving) noexcept nogil:
    """The mean of the values in the ring."""
    cdef Sum mean = divided(&moving.total, moving.count)
    return mean.high
