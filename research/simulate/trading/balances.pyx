# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The balances of one account: the venue rejects an order that the free balance cannot pay.

    an order arrives        a buy reserves its size at its limit price and the highest fee, a sell its size
    a buy without a limit   takes only what its reserve and the free balance pay: a stop reserves at its stop price
    it is filled            it pays from what this size had reserved; what is left of that is free again
    it ends or gets smaller  what the size had reserved is free again

`capital.py` chooses the decimals of each asset. Every fee is charged in the quote currency.
"""

from cython cimport final
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from engine.model.wide cimport int_of, wide_of, wide_t
from research.simulate.matching.orders cimport Order

cdef wide_t MOST = wide_of(1 << 32, 0)  # of a balance: times a rate it fits 128 bits


cdef wide_t wide(object number):
    """A Python int of at most 127 bits."""
    return wide_of(number >> 64, number & 0xFFFFFFFFFFFFFFFF)


@final
cdef class Balances:
    """One account's."""

    def __cinit__(self, amounts, units, int64_t rate):
        """Begin with these free amounts; `units` has the fields of `Units` for each instrument."""
        self.count, self.rate = <int>len(amounts), rate
        self.amounts = <Amount *>calloc(len(amounts), sizeof(Amount))
        self.units = <Units *>calloc(len(units), sizeof(Units))
        if self.amounts == NULL or self.units == NULL:
            raise MemoryError
        for place, amount in enumerate(amounts):
            self.amounts[<Py_ssize_t>place].free = wide(amount)
        for place, (base, quote, scale, notional_by, fee_by, size_by) in enumerate(units):
            self.units[<Py_ssize_t>place] = Units(
                base, quote, wide(scale), wide(notional_by), wide(fee_by), wide(size_by))

    def __dealloc__(self):
        free(self.amounts)
        free(self.units)

    def amounts_of(self):
        """What is free and what is locked of each asset."""
        return [(int_of(self.amounts[place].free), int_of(self.amounts[place].locked)) for place in range(self.count)]

    cdef Amount *pays(self, const Order *order) noexcept nogil:
        """The asset that an order pays with."""
        cdef const Units *unit = &self.units[order.market]
        return &self.amounts[unit.quote if order.side > 0 else unit.base]

    cdef wide_t needed(self, const Order *order, int64_t size) noexcept nogil:
        """What a size of an order reserves."""
        cdef const Units *unit = &self.units[order.market]
        cdef wide_t notional = <wide_t>order.price * size, fee = notional * self.rate
        if order.side < 0:
            return size * unit.size_by
        return notional * unit.notional_by + (fee // unit.scale + (fee % unit.scale > 0)) * unit.fee_by

    cdef bint reserve(self, const Order *order) noexcept nogil:
        """Reserve what an order may need; False if less is free."""
        cdef const Units *unit = &self.units[order.market]
        cdef Amount *amount = self.pays(order)
        cdef wide_t number = <wide_t>order.price * order.size if order.side > 0 else order.size, need
        if amount.free < 0 or number > amount.free // (unit.notional_by if order.side > 0 else unit.size_by):
            return False  # and what is needed fits 128 bits from here on
        need = self.needed(order, order.size)
        if need > amount.free:
            return False
        amount.free -= need
        amount.locked += need
        return True

    cdef bint pays_for(self, const Order *order, int64_t price, int64_t size) noexcept nogil:
        """Whether an order can pay for a part at this price, with what the part has reserved and what is free."""
        cdef const Units *unit = &self.units[order.market]
        cdef int64_t left = order.size - order.filled
        cdef wide_t number = <wide_t>price * size, fee
        cdef wide_t most = self.pays(order).free + self.needed(order, left) - self.needed(order, left - size)
        if order.side < 0:
            return True  # what it sells is locked
        if number > most // unit.notional_by:
            return False
        fee = number * self.rate
        return number * unit.notional_by + (fee // unit.scale + (fee % unit.scale > 0)) * unit.fee_by <= most

    cdef void release(self, const Order *order, int64_t size) noexcept nogil:
        """Free what a part of the unfilled size of an order has reserved."""
        cdef int64_t left = order.size - order.filled
        cdef Amount *amount = self.pays(order)
        cdef wide_t part = self.needed(order, left) - self.needed(order, left - size)
        amount.locked -= part
        amount.free += part

    cdef int fill(self, const Order *order, int64_t price, int64_t size, int64_t fee) except -1:
        """Pay for a part of an order that is filled now."""
        cdef const Units *unit = &self.units[order.market]
        self.release(order, size)
        self.change(&self.amounts[unit.base], order.side, size, unit.size_by)
        self.change(&self.amounts[unit.quote], -order.side, <wide_t>price * size, unit.notional_by)
        return self.change(&self.amounts[unit.quote], -1, fee, unit.fee_by)

    cdef int change(self, Amount *amount, int sign, wide_t number, wide_t by) except -1:
        """Add to a free amount, or subtract."""
        if number > MOST // by or amount.free > MOST:
            raise OverflowError("capital: a fill leads to a balance beyond 2^96 in the decimals of its asset: "
                                "check the prices and sizes of the data")
        amount.free += sign * number * by
        return 0
