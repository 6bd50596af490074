# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What readers receive of one book: its state, its best prices, its levels.

    EMPTY ──snapshot──▶ (not published) ──first event in order──▶ GOOD ◀──▶ CROSSED, STALE, SHUT
      ▲                        ▲                                    │ gap, wrong checksum
    DISCONNECTED           RESYNCING ◀──snapshot requested──── SUSPECT (published at once)

Readers follow a book's changes while it is GOOD, CROSSED, STALE or SHUT. When a book becomes one of these, the whole
book is published as one event that begins with RESET. In the other states only a change of state is published.

The best bid and ask come from the book and, if the venue has one, from its faster ticker channel: the one with the
newer sequence number is published. This class does not decide when a book is wrong; the track decides (see track.pyx).
"""

from libc.stdint cimport int64_t

from engine.book.book cimport Book
from engine.feed.books.best_price_audit cimport Best
from engine.feed.books.level_lane cimport LevelLane
from engine.feed.books.outbox cimport Outbox
from engine.model.words cimport (
    BOOK_CROSSED, BOOK_GOOD, BOOK_SHUT, BOOK_STALE, FLAG_MUTE, FLAG_RESET, FLAG_SNAPSHOT, TICK_BEST, TICK_STATE,
)
from engine.venues.market cimport Rule


cdef Best best_of(Book book, int64_t sequence) noexcept nogil:
    """Return a book's best bid and ask."""
    cdef Best best
    best.sequence = sequence
    book.best_bid(&best.bid_price, &best.bid_size)
    book.best_ask(&best.ask_price, &best.ask_size)
    return best


cdef class PublishedBook:
    """One instrument's state and prices, as the outbox published them."""

    def __init__(self, int instrument, int cell, Book book, Rule rule, Outbox outbox, bint levels):
        """Publish this book, with the venue's number from its rule; `levels`: on the lane LEVELS as well."""
        self.instrument, self.cell, self.book, self.rule, self.outbox = instrument, cell, book, rule, outbox
        self.levels = LevelLane(outbox, levels)
        self.accepts_orders = True
        self.best.sequence = -1

    cdef bint is_followed(self) noexcept nogil:
        """Whether readers follow this book's changes."""
        return (self.state == BOOK_GOOD or self.state == BOOK_CROSSED
                or self.state == BOOK_STALE or self.state == BOOK_SHUT)

    cdef int state_in_order(self) noexcept nogil:
        """The state of a book that misses nothing."""
        return BOOK_CROSSED if self.book.crossed() else BOOK_GOOD if self.accepts_orders else BOOK_SHUT

    cdef void begin(self, int64_t receive_ns, int64_t now_ns, int64_t venue_ns, int64_t sequence) noexcept nogil:
        """Begin an event."""
        self.outbox.begin(self.instrument, receive_ns, now_ns, venue_ns, sequence)

    cdef int publish_change(self, Best *best, bint sequenced) except -1:
        """End the event of a change: the best prices unless newer ones were published, the state, the top."""
        cdef int state = self.state_in_order()
        if best.sequence >= self.best.sequence or not sequenced:
            self.add_best(best, 0)
        if state != self.state:
            self.crossings += state == BOOK_CROSSED
            self.state = state
            self.outbox.tick(TICK_STATE, 0, 0, 0, state, 0)
        self.outbox.end()
        self.outbox.publish_top(self.book, self.cell, self.state, 0, self.changes)
        return 0

    cdef int publish_newer_best(self, Best *best, int64_t receive_ns, int64_t now_ns, int64_t venue_ns) except -1:
        """Publish the venue's best prices if they are newer than the published ones."""
        if best.sequence <= self.best.sequence or not self.is_followed():
            return 0
        self.begin(receive_ns, now_ns, venue_ns, best.sequence)
        self.add_best(best, 0)
        self.outbox.end()
        return 0

    cdef void add_best(self, Best *best, int flags) noexcept nogil:
        """Add each side that differs from the published one to the event; with flags, both sides."""
        if flags or best.bid_price != self.best.bid_price or best.bid_size != self.best.bid_size:
            self.outbox.tick(TICK_BEST, 1, best.bid_price, best.bid_size, 0, flags)
        if flags or best.ask_price != self.best.ask_price or best.ask_size != self.best.ask_size:
            self.outbox.tick(TICK_BEST, -1, best.ask_price, best.ask_size, 0, flags & ~FLAG_RESET)
        self.best = best[0]

    cdef int set_state(self, int state, int64_t receive_ns, int64_t now_ns) except -1:
        """Change the state; a book that readers begin to follow is published whole."""
        cdef bint before = self.is_followed()
        if state == self.state:
            return 0
        self.crossings += state == BOOK_CROSSED
        self.state = state
        if self.is_followed() and not before:
            return self.publish_whole(receive_ns, now_ns)
        return self.publish_state(receive_ns, now_ns)

    cdef int publish_state(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Publish the state."""
        cdef int flags = self.stale_flags()
        self.begin(receive_ns, now_ns, self.venue_ns, self.rule.last)
        self.outbox.tick(TICK_STATE, 0, 0, 0, self.state, flags)
        self.outbox.end()
        self.outbox.publish_top(self.book, self.cell, self.state, flags, self.changes)
        return 0

    cdef int publish_whole(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Publish the whole book as one event, from RESET to its state."""
        cdef Best best = best_of(self.book, self.rule.last)
        self.changes = 1
        self.begin(receive_ns, now_ns, self.venue_ns, self.rule.last)
        self.add_best(&best, FLAG_RESET | FLAG_SNAPSHOT)
        if self.levels.enabled:
            self.levels.restart()
            self.levels.add_side(1, &self.book.bids)
            self.levels.add_side(-1, &self.book.asks)
        self.outbox.tick(TICK_STATE, 0, 0, 0, self.state, FLAG_SNAPSHOT | self.stale_flags())
        self.outbox.end()
        self.outbox.publish_top(
            self.book, self.cell, self.state, FLAG_RESET | FLAG_SNAPSHOT | self.stale_flags(), self.changes)
        return 0

    cdef int stale_flags(self) noexcept nogil:
        """The flag MUTE of a stale book whose whole connection is silent."""
        return FLAG_MUTE if self.state == BOOK_STALE and self.silent_connection else 0

    cdef int set_accepting_orders(self, bint accepting, int64_t now_ns) except -1:
        """Note whether the venue accepts every kind of order: a book in order is GOOD then, else SHUT."""
        self.accepts_orders = accepting
        if self.state == BOOK_GOOD or self.state == BOOK_SHUT:
            self.set_state(self.state_in_order(), now_ns, now_ns)
        return 0

    cdef int mark_stale(self, int64_t now_ns, bint silent_connection) except -1:
        """Publish that a followed book is stale; on a silent connection prints may be missing too."""
        if self.state == BOOK_STALE and self.silent_connection != silent_connection:
            self.silent_connection = silent_connection
            self.publish_state(now_ns, now_ns)
        elif self.state != BOOK_STALE and self.is_followed():
            self.silent_connection = silent_connection
            self.set_state(BOOK_STALE, now_ns, now_ns)
        return 0

    cdef int clear_stale(self, int64_t now_ns) except -1:
        """Publish that a stale book is up to date again."""
        if self.state == BOOK_STALE:
            self.set_state(self.state_in_order(), now_ns, now_ns)
        return 0

    cdef int republish_levels(self, int64_t now_ns, Py_ssize_t count) except -1:
        """Publish the next `count` levels again, for readers of LEVELS that joined late."""
        if self.is_followed() and self.levels.is_due(now_ns):
            self.begin(now_ns, now_ns, self.venue_ns, self.rule.last)
            self.levels.add_round(self.state, &self.book.bids, &self.book.asks, count, now_ns)
            self.outbox.end()
        return 0

    cdef int replace(self, PublishedBook before) except -1:
        """Exchange outboxes with another connection's book, and follow the venue's word on orders from there."""
        self.outbox, before.outbox = before.outbox, self.outbox
        self.levels.outbox, before.levels.outbox = self.outbox, before.outbox
        self.accepts_orders = before.accepts_orders
        if self.state == BOOK_GOOD or self.state == BOOK_SHUT:
            self.state = self.state_in_order()
        return 0

    cdef int announce(self, int state_before, int64_t now_ns) except -1:
        """Publish this book to readers that received another connection's book, which had the state `state_before`."""
        cdef int state = self.state
        if self.is_followed():
            return self.publish_whole(now_ns, now_ns)
        self.state = state_before
        return self.set_state(state, now_ns, now_ns)
