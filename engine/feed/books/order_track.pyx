# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A track of a venue that sends every order: the book of orders, and the book of levels that readers receive.

Numbers, gaps, states and what is published are as in any track. Two things differ: how a message changes the book, and
that a message can contradict the book. A match with an order that the book does not hold, or of more than the order's
size, shows that the book was wrong before: it is suspect at once, as after a missing number.
"""

from libc.stdint cimport int64_t

from engine.book.orders cimport LevelChange, OrderBook, Resting
from engine.feed.books.track cimport APPLIED, Track
from engine.venues.market cimport (
    DONE, MATCHED, NUMBERED, OPENED, SEVERAL, SNAPSHOT, Identity, Level, Market, Message, OrderEvent,
)

cdef enum:
    KEPT_MAX = 1 << 16  # frames while a snapshot is requested: a minute at a thousand a second


cdef class OrderTrack(Track):
    """One instrument of a connection, order by order."""

    def __init__(self, *arguments, **named):
        """The arguments are those of any track."""
        self.orders = OrderBook()
        super().__init__(*arguments, book=self.orders.levels, kept_max=KEPT_MAX, **named)

    cdef void empty_book(self) noexcept nogil:
        """Empty the book."""
        self.orders.empty()

    cdef bint change(self, Market market, Message *message, bint levels) noexcept nogil:
        """Put a message's orders into the book; return False when the message contradicts the book."""
        cdef bint fits
        if message.action == SEVERAL:
            fits = self.apply_events(market.events + message.event_start, message.event_count, levels)
        elif message.kind == SNAPSHOT:
            fits = (self.fill_side(1, market.levels + message.bid_start, market.identities + message.bid_start,
                                   message.bid_count)
                    and self.fill_side(-1, market.levels + message.ask_start, market.identities + message.ask_start,
                                       message.ask_count))
        else:
            fits = self.apply_order(message)
            if levels:
                self.add_levels()
        self.contradictions += not fits
        return fits

    cdef bint fill_side(self, int side, Level *rows, Identity *identities, Py_ssize_t count) noexcept nogil:
        """Enter a snapshot's side. It is sent best price first; entered worst price first, each level is an append."""
        cdef Py_ssize_t end = count, start, i
        cdef const Identity *owner
        while end > 0:
            start = end - 1
            while start > 0 and rows[start - 1].price == rows[end - 1].price:
                start -= 1
            for i in range(start, end):
                owner = &identities[i]
                if not self.orders.enter(owner.high, owner.low, side, rows[i].price, rows[i].size, 0):
                    return False
            end = start
        return True

    cdef bint apply_order(self, Message *message) noexcept nogil:
        """Apply a change of one order."""
        self.orders.change_count = 0
        if message.action == OPENED:
            return self.orders.enter(
                message.order.high, message.order.low, message.side, message.price, message.size, 0)
        if message.action == MATCHED:
            return self.apply_match(message)
        return message.action == NUMBERED or self.apply_change(message)

    cdef bint apply_match(self, Message *message) noexcept nogil:
        """Reduce a resting order: the book must hold it at the trade's price, with at least the trade's size."""
        cdef const Resting *order = self.orders.find(message.order.high, message.order.low)
        if order == NULL or order.side != message.side or order.price != message.price:
            return False
        return self.orders.reduce(message.order.high, message.order.low, message.size)

    cdef bint apply_change(self, Message *message) noexcept nogil:
        """Alter or remove a resting order. Others are ignored: not yet open, filled on arrival, or gone by a match."""
        cdef const Resting *order = self.orders.find(message.order.high, message.order.low)
        if order == NULL:
            return True
        if order.side != message.side or (message.before >= 0 and order.size != message.before):
            return False
        if message.action == DONE:
            return self.orders.drop(message.order.high, message.order.low)
        return self.orders.alter(message.order.high, message.order.low, message.price, message.size, 0)

    cdef bint apply_events(self, OrderEvent *events, Py_ssize_t count, bint levels) noexcept nogil:
        """Apply the changes of several orders, one after the other."""
        cdef Py_ssize_t i
        for i in range(count):
            if not self.apply_event(&events[i], levels):
                return False
            if levels:
                self.add_levels()
        return True

    cdef bint apply_event(self, OrderEvent *event, bint levels) noexcept nogil:
        """Apply the change of one of several orders; a reopened order gets its new place in the queue."""
        cdef const Resting *order = self.orders.find(event.order.high, event.order.low)
        if order != NULL and order.side != event.side:
            return False
        if event.action == OPENED:
            if order != NULL:
                self.orders.drop(event.order.high, event.order.low)
                if levels:
                    self.add_levels()
            return self.orders.enter(
                event.order.high, event.order.low, event.side, event.price, event.size, event.stamp_ns)
        if event.action == DONE:
            return self.orders.drop(event.order.high, event.order.low)
        return self.orders.alter(event.order.high, event.order.low, event.price, event.size, event.stamp_ns)

    cdef void cut_book(self) noexcept nogil:
        """Cut the levels to the depth, with their orders."""
        self.orders.cut(self.depth)

    cdef bint passes(self, Message *message) noexcept nogil:
        """Whether the queues have the message's checksum."""
        return self.rule.holds_orders(self.orders, message)

    cdef void add_levels(self) noexcept nogil:
        """Add the message's changes of levels to the event."""
        cdef int i
        cdef LevelChange *change
        for i in range(self.orders.change_count):
            change = &self.orders.changes[i]
            if change.size != change.before:
                self.published.levels.change(change.side, change.price, change.size, change.before)

    cdef bint touches(self, Message *message) noexcept nogil:
        """Whether a message changes the book: most orders come and go without resting on it."""
        if message.kind == SNAPSHOT or message.action in (OPENED, MATCHED, SEVERAL):
            return True
        return message.action != NUMBERED and self.orders.find(message.order.high, message.order.low) != NULL

    cdef int apply(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns, bint publish) except -1:
        """Apply as any track does; publish nothing for a message that does not change a followed book."""
        if publish and not self.touches(message):
            return APPLIED
        return Track.apply(self, market, message, receive_ns, now_ns, publish)
