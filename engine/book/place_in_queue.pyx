# cython: language_level=3, cdivision=True
"""How much size is ahead of a resting order at its price, where the data has levels and not single orders.

An order joins at the end: `ahead` is the level's size when it arrives. Every print at its price subtracts its size from
`ahead`, in every model. When the level changes from `before` to `after`, the part of a decrease that no print explains
was cancelled, and a model decides how much of it was ahead:

    conservative    nothing: only prints move the order forward
    power n         cancelled * (1 - p),  p = f(behind) / (f(ahead) + f(behind)),  f(x) = x ^ n;  0.5 is the square root
    log             the same with f(x) = log(1 + x)

`behind` is `before - ahead`; the part that was behind is rounded up to a size step, so fills stay on steps. What cannot
have been behind was ahead. In every model `ahead` is at most `after`: the whole level is no larger. The families are
those of the literature: p is the probability that a cancel is in the rear part.
"""

from libc.math cimport log1p, pow
from libc.stdint cimport int64_t


cdef inline double weight(const QueueModel *model, double size) noexcept nogil:
    """The weight of a part of the queue."""
    return pow(size, model.exponent) if model.family == POWER else log1p(size)


cdef int64_t ahead_after(
    const QueueModel *model, int64_t ahead, int64_t traded, int64_t before, int64_t after
) noexcept nogil:
    """The size ahead of an order when its level has changed; `traded` is what prints took since its last change."""
    cdef int64_t cancelled = before - after - traded
    cdef int64_t behind = before - ahead
    cdef int64_t in_rear
    cdef double front, rear
    if model.family != CONSERVATIVE and cancelled > 0 and ahead > 0:
        front = weight(model, <double>ahead)
        rear = weight(model, <double>behind) if behind > 0 else 0.0
        in_rear = <int64_t>(<double>cancelled * (rear / (front + rear))) // model.step * model.step + model.step
        in_rear = min(in_rear, cancelled, max(behind, <int64_t>0))
        ahead = max(ahead - (cancelled - in_rear), <int64_t>0)
    return min(ahead, after)


def ahead_of(family, exponent, step, ahead, traded, before, after):
    """The same for a caller in Python."""
    cdef QueueModel model
    model.family, model.exponent, model.step = family, exponent, step
    return ahead_after(&model, ahead, traded, before, after)
