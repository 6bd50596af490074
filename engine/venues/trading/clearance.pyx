# cython: language_level=3
"""Risk's clearance of one request: a session sends nothing without it.

    gate approves ── grant (compiled code alone can call it) ──▶ Clearance ◀── spend ── session.place, replace, amend

A session makes its clearance, and execution's gate follows it. An approval grants exactly one request: this instrument,
side, price and size, in this step. It is spent by the request, and ends with the next check, whatever that finds.
"""

from libc.stdint cimport int64_t


class UnclearedError(Exception):
    """A request that risk has not approved was about to leave."""


cdef class Clearance:
    """Holds at most one approval; a new one holds none."""

    cdef void grant(self, int64_t instrument, int side, int64_t price, int64_t size, int64_t now_ns) noexcept:
        """Let this request leave once; size 0: none."""
        self.instrument, self.side, self.price, self.size, self.now_ns = instrument, side, price, size, now_ns
        self.granted = size > 0

    def spend(self, int64_t instrument, int side, int64_t price, int64_t size, int64_t now_ns):
        """Use the approval of this request; side and price of an amend are 0."""
        if not self.granted or price != self.price or side != self.side or instrument != self.instrument or (
            size != self.size or now_ns != self.now_ns
        ):
            self.refuse(instrument, side, price, size)
        self.granted = False

    def spend_waiting(self, int64_t instrument, int side, int64_t size, int64_t now_ns):
        """Use the approval of an order that waits at the venue: its limit may be none, its trigger was judged."""
        self.spend(instrument, side, self.price, size, now_ns)

    def refuse(self, instrument, side, price, size):
        """Raise what stops the request."""
        raise UnclearedError(
            f"instrument {instrument}, side {side}, price {price}, size {size}: expected risk's approval of this"
            " request in this step, found none: nothing was sent"
        )
