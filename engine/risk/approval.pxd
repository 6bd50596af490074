"""The compiled face of the quick approval."""

from libc.stdint cimport int64_t

from engine.risk.cap_table cimport CapTable
from engine.risk.market cimport Top
from engine.risk.rate cimport SharedRate, SlidingRate
from engine.venues.trading.clearance cimport Clearance

cdef class Terms:
    cdef bint quick
    cdef int64_t price_step
    cdef int64_t size_step
    cdef int64_t size_min
    cdef int64_t size_max
    cdef int64_t notional_min
    cdef int64_t price_min
    cdef int64_t price_max
    cdef int64_t notional_max
    cdef int64_t position_max
    cdef int64_t up[2]  # of a seller, of a buyer: how far from the middle, in millionths; 0: no such limit
    cdef int64_t down[2]
    cdef int64_t scale

cdef class Seat:
    cdef frozenset permitted
    cdef SlidingRate account
    cdef SlidingRate own

cdef class Approval:
    cdef public bint halted
    cdef public bint draining
    cdef public bint reconciled
    cdef public bint connected
    cdef public int exits_only  # a Reason; 0: entries are approved too
    cdef public int64_t backoff_until_ns
    cdef public bint crowded  # so many orders are open that a limit of the venue on their number may be reached
    cdef public int64_t entries_from_ns  # until then the venue's limits have no room for an entry
    cdef public int account_halted  # the account's number; 0: it is not halted
    cdef readonly set halted_strategies
    cdef readonly set halted_instruments
    cdef readonly dict stopped
    cdef readonly set disabled  # the strategies that may send no order
    cdef readonly SharedRate rate
    cdef readonly SharedRate reserve
    cdef dict seats
    cdef dict terms
    cdef dict tops
    cdef dict exposures
    cdef public int64_t checks  # how many were evaluated
    cdef bint quick
    cdef public Clearance clearance  # of the session that sends what is approved
    cdef CapTable further  # None: no further cap is configured
    cdef int64_t each  # how many checks an approval evaluates
    cdef int64_t price_age_ns  # the oldest book that values a position
    cdef int64_t book_age_ns
    cdef int64_t intent_age_ns
    cdef int64_t intent_ahead_ns
    cdef int64_t spread_bps
    cdef int64_t collar_bps
    cdef int64_t max_order
    cdef int64_t max_position

    cpdef bint approves(
        self, int64_t now_ns, object strategy, object instrument_id, int side, int64_t price, int64_t size,
        int64_t decided_ns, int64_t ttl_ns
    ) except -1
    cpdef int revoke(self) except -1
    cpdef int mark(self, int64_t now_ns, object strategy, bint reserved) except -1
    cdef bint book_allows(self, Top top, int64_t now_ns, int64_t price) noexcept
    cdef bint further_allow(
        self, int64_t now_ns, object strategy, object instrument_id, int side, int64_t price, int64_t size,
        int64_t decided_ns, int64_t ttl_ns
    ) except -1
    cdef bint caps_allow(
        self, Terms terms, Top top, object instrument_id, int side, int64_t price, int64_t size
    ) except -1
