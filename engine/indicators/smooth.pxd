"""An exponential average whose seed is the mean of the first values, as TA-Lib has it.

    first `window` values    their mean
    each later value         average += factor · (value - average)

`low` keeps what the addition rounds away, so that a small factor does not add up rounding errors. Zero bytes are the
empty state.
"""

from libc.stdint cimport int64_t

from engine.indicators.sums cimport Sum, add, divided

cdef struct Smooth:
    Sum average
    int64_t count  # values of the seed


cdef inline bint smooth(Smooth *into, int64_t window, double factor, double value) noexcept nogil:
    """Add a value; whether the average is there."""
    if into.count == window:
        add(&into.average, factor * ((value - into.average.high) - into.average.low))
        return True
    add(&into.average, value)
    into.count += 1
    if into.count < window:
        return False
    into.average = divided(&into.average, window)
    return True
