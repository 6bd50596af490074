# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What our own orders cost beside the price of the book, because what they take moves the price.

    share of a part = `share` * (what was taken with it / `notional`) ** `exponent`   rounded up to 1e-8, at most a half
    cost of a part  = its own notional * that share                                   rounded up to 1e-8

What was taken is that of the same order. With a half-life it is that of every order before it on the same instrument,
bought less sold, of which half is left after each half-life; an order of the other side has no gain from it.
"""

from libc.math cimport ceil, pow
from libc.stdint cimport int64_t

from engine.model.wide cimport wide_t

cdef double UNIT = 1e8, MOST = UNIT / 2  # FEE_DECIMALS; a cost over the notional would be no cost


cdef class Impact:
    """One instrument's, of one portfolio."""

    def __init__(self, double share, double notional, double exponent, double half_life_ns):
        """Begin with nothing taken."""
        self.share, self.notional, self.exponent, self.half_life_ns = share, notional, exponent, half_life_ns
        self.order = -1

    cdef int64_t cost(self, int order, int side, wide_t notional, wide_t scale, int64_t now_ns) noexcept nogil:
        """The cost of a part of an order that takes; `scale` is one unit of the quote currency in `notional`."""
        cdef double share
        cdef wide_t exact
        if self.half_life_ns:
            self.pressed *= pow(0.5, <double>(now_ns - self.pressed_ns) / self.half_life_ns)
            self.pressed_ns = now_ns
        elif order != self.order:
            self.order, self.pressed = order, 0.0
        self.pressed += side * (<double>notional / <double>scale)
        if side * self.pressed <= 0.0:
            return 0
        share = ceil(self.share * pow(side * self.pressed / self.notional, self.exponent) * UNIT)
        exact = notional * <int64_t>min(share, MOST)
        return <int64_t>(exact // scale) + (exact % scale > 0)
