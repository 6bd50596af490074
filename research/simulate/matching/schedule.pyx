# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The fees of fills: rates of maker and taker by tier, exact, in the quote currency at 8 decimals.

The tier of a UTC day follows from the volume of the 30 days before it, as venues compute it; what was traded before the
data counts as traded evenly on the 30 days before it. A fee is rounded up and a rebate (a negative rate) down in its
amount: never in the strategy's favour.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

from engine.model.wide cimport wide_t

cdef int64_t MICRO = 1_000_000, DAY_NS = 86_400_000_000_000


cdef class Schedule:
    """One account's."""

    def __init__(self, tiers, traded_before=0, first_ns=0):
        """Tiers are (volume from, maker, taker): millionths of the quote currency, and rates of 1e-8."""
        self.count, self.day = len(tiers), first_ns // DAY_NS
        for place, (volume, maker, taker) in enumerate(tiers):
            self.volume_from[place], self.maker[place], self.taker[place] = volume, maker, taker
        for place in range(DAYS):
            self.traded[place] = traded_before // DAYS
        self.traded[self.day % DAYS] += traded_before % DAYS  # of the oldest day
        self.choose()
        self.traded[self.day % DAYS] = 0

    cdef int64_t fee(self, int64_t now_ns, wide_t notional, wide_t scale, bint is_maker) noexcept nogil:
        """The fee of a fill; `scale` is one unit of the quote currency in the decimals of `notional`."""
        cdef int64_t day = now_ns // DAY_NS
        cdef wide_t exact
        if day != self.day:
            self.turn_to(day)
        self.traded[day % DAYS] += <int64_t>(notional * MICRO // scale)
        exact = notional * (self.maker[self.tier] if is_maker else self.taker[self.tier])
        return <int64_t>(exact // scale) + (exact % scale > 0)

    cdef void turn_to(self, int64_t day) noexcept nogil:
        """Begin a day: its tier counts the 30 days before it, and its volume uses the place of the first of them."""
        cdef int64_t one
        if day - self.day > DAYS:
            memset(self.traded, 0, sizeof(self.traded))
        for one in range(self.day + 1, min(day, self.day + DAYS)):  # days without a fill
            self.traded[one % DAYS] = 0
        self.day = day
        self.choose()
        self.traded[day % DAYS] = 0

    cdef void choose(self) noexcept nogil:
        """The highest tier that the volume of the days kept reaches."""
        cdef int64_t volume = 0
        cdef int place
        for place in range(DAYS):
            volume += self.traded[place]
        self.tier = 0
        for place in range(self.count):
            if volume >= self.volume_from[place]:
                self.tier = place

    def charge(self, now_ns, price, size, decimals, is_maker):
        """The fee of a fill, for a caller in Python."""
        cdef wide_t scale = 1
        cdef int _
        for _ in range(decimals):
            scale *= 10
        return self.fee(now_ns, <wide_t><int64_t>price * <int64_t>size, scale, is_maker)
