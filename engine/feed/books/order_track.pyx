# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An instrument whose venue tells every order: the book of orders behind the levels that everyone reads.

Numbers, gaps, states and what is told are those of any track. What differs is how a message changes the book, and that
a message can contradict it: a match with an order that the book does not have, or more of one than there is, means that
the book was wrong before. So it is suspect at once, as if a number had been missing.
"""

from libc.stdint cimport int64_t

from engine.book.orders cimport LevelChange, OrderBook, Resting
from engine.feed.books.track cimport Track
from engine.venues.market cimport (
    DONE, MATCHED, NUMBERED, OPENED, SEVERAL, SNAPSHOT, Identity, Level, Market, Message, OrderEvent,
)

from engine.model import words

cdef enum:
    TICK_LEVEL = 2
    KEPT_MAX = 1 << 16  # frames kept while a snapshot is on its way: a minute at a thousand a second

assert words.TickKind.LEVEL == TICK_LEVEL


cdef class OrderTrack(Track):
    """One instrument of a connection, order by order."""

    def __init__(self, *arguments, **named):
        """As any track."""
        super().__init__(*arguments, **named)
        self.orders = OrderBook()
        self.book = self.orders.levels
        self.kept_max = KEPT_MAX

    cdef void forget(self) noexcept nogil:
        """Empty the book."""
        self.orders.empty()

    cdef bint change(self, Market market, Message *message, bint telling) noexcept nogil:
        """Put a message's orders into the book; False when it contradicts the book."""
        cdef bint held
        if message.action == SEVERAL:
            held = self.follow_events(market.events + message.event_start, message.event_count, telling)
        elif message.kind == SNAPSHOT:
            held = (self.fill_side(1, market.levels + message.bid_start, market.identities + message.bid_start,
                                   message.bid_count)
                    and self.fill_side(-1, market.levels + message.ask_start, market.identities + message.ask_start,
                                       message.ask_count))
        else:
            held = self.follow(message)
            if telling:
                self.tell_levels()
        self.contradictions += not held
        return held

    cdef bint fill_side(self, int side, Level *levels, Identity *identities, Py_ssize_t count) noexcept nogil:
        """A snapshot's side, best price first and first in turn first: worst price first each level is an append."""
        cdef Py_ssize_t end = count, start, i
        cdef const Identity *owner
        while end > 0:
            start = end - 1
            while start > 0 and levels[start - 1].price == levels[end - 1].price:
                start -= 1
            for i in range(start, end):
                owner = &identities[i]
                if not self.orders.enter(owner.high, owner.low, side, levels[i].price, levels[i].size, 0):
                    return False
            end = start
        return True

    cdef bint follow(self, Message *message) noexcept nogil:
        """What became of one order."""
        self.orders.change_count = 0
        if message.action == OPENED:
            return self.orders.enter(
                message.order.high, message.order.low, message.side, message.price, message.size, 0)
        if message.action == MATCHED:
            return self.take_match(message)
        return message.action == NUMBERED or self.take_change(message)

    cdef bint take_match(self, Message *message) noexcept nogil:
        """A maker's order is on the book, at the trade's price, with at least the trade's size."""
        cdef const Resting *order = self.orders.find(message.order.high, message.order.low)
        if order == NULL or order.side != message.side or order.price != message.price:
            return False
        return self.orders.reduce(message.order.high, message.order.low, message.size)

    cdef bint take_change(self, Message *message) noexcept nogil:
        """An order not on the book is of no interest: not there yet, filled on arrival, or gone with a match."""
        cdef const Resting *order = self.orders.find(message.order.high, message.order.low)
        if order == NULL:
            return True
        if order.side != message.side or (message.before >= 0 and order.size != message.before):
            return False
        if message.action == DONE:
            return self.orders.leave(message.order.high, message.order.low)
        return self.orders.alter(message.order.high, message.order.low, message.price, message.size, 0)

    cdef bint follow_events(self, OrderEvent *events, Py_ssize_t count, bint telling) noexcept nogil:
        """What became of many orders, in this order."""
        cdef Py_ssize_t i
        for i in range(count):
            if not self.take_event(&events[i], telling):
                return False
            if telling:
                self.tell_levels()
        return True

    cdef bint take_event(self, OrderEvent *event, bint telling) noexcept nogil:
        """What became of one of many: an order that is told again stands where it is told, not where it stood."""
        cdef const Resting *order = self.orders.find(event.order.high, event.order.low)
        if order != NULL and order.side != event.side:
            return False
        if event.action == OPENED:
            if order != NULL:
                self.orders.leave(event.order.high, event.order.low)
                if telling:
                    self.tell_levels()
            return self.orders.enter(
                event.order.high, event.order.low, event.side, event.price, event.size, event.stamp_ns)
        if event.action == DONE:
            return self.orders.leave(event.order.high, event.order.low)
        return self.orders.alter(event.order.high, event.order.low, event.price, event.size, event.stamp_ns)

    cdef void cut(self) noexcept nogil:
        """Keep the levels that the venue keeps in step, and their orders."""
        self.orders.cut(self.depth)

    cdef bint holds(self, Message *message) noexcept nogil:
        """Whether the queues are what the venue says they are."""
        return self.rule.holds_orders(self.orders, message)

    cdef void tell_levels(self) noexcept nogil:
        """What the message did to levels."""
        cdef int i
        cdef LevelChange *change
        for i in range(self.orders.change_count):
            change = &self.orders.changes[i]
            if change.size != change.before:
                self.outbox.level(TICK_LEVEL, change.side, change.price, change.size, change.before, 0)

    cdef bint touches(self, Message *message) noexcept nogil:
        """Whether a message is about the book: most orders come and go without ever being on it."""
        if message.kind == SNAPSHOT or message.action in (OPENED, MATCHED, SEVERAL):
            return True
        return message.action != NUMBERED and self.orders.find(message.order.high, message.order.low) != NULL

    cdef int settle(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns, bint telling) except -1:
        """As any track; a message that does not touch a book that is told needs no telling."""
        if telling and not self.touches(message):
            return 0
        return Track.settle(self, market, message, receive_ns, now_ns, telling)
