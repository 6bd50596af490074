# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Publishes one instrument's prints: each one once and in the venue's order, from any number of connections.

    7 8 9 ─────▶ published   9 again: dropped        11: a gap; held for as long as another connection may bring 10
                                                     10: published, then 11

A print has the same number on every connection, in each of the venue's numberings (`numbering` in a message). A
subscription starts with past prints. They are published only if this instrument was followed before them.
"""

from libc.stdint cimport int64_t

from engine.feed.books.outbox cimport Outbox
from engine.model.words cimport TICK_PRINT
from engine.venues.market cimport Message

cdef enum:
    HELD_MAX = 256  # prints held at a gap: more than arrive while one is held
    FAR = 10_000  # no connection lags another one by so many prints: the venue restarted its numbering
    LATER_NS = 10_000_000_000  # nor is an older print so much later in time than a newer one


cdef inline bint is_restart(const Message *message, int64_t before) noexcept nogil:
    """Whether the venue restarted its numbering of prints: without this, every later print would look old."""
    return before - message.print_id > FAR and not message.past


cdef class Prints:
    """The prints of one track."""

    def __init__(self, int instrument, Outbox outbox):
        """Begin before the first print."""
        self.instrument, self.outbox, self.held = instrument, outbox, {}
        self.published_id[0] = self.published_id[1] = self.received_id[0] = self.received_id[1] = -1

    cdef bint count(self, Message *message) noexcept nogil:
        """Count a print of this connection; return whether the connection lost the one before it."""
        cdef int64_t before = self.received_id[message.numbering]
        self.received += 1
        if message.print_id <= before and not is_restart(message, before):
            return False
        self.received_id[message.numbering] = message.print_id
        return before >= 0 and message.print_id != before + 1

    cdef int add(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Publish a print, hold it at a gap, or drop it if it was published before."""
        cdef int64_t before = self.published_id[message.numbering]
        if is_restart(message, before) or self.is_later(message, before):
            self.held.clear()
            before = self.published_id[message.numbering] = -1
        if before >= 0 and message.print_id <= before:
            return 0
        if self.has_second_source and before >= 0 and message.print_id != before + 1:
            return self.hold(message, receive_ns, now_ns)
        if self.held and not self.has_second_source and message.print_id != before + 1:
            self.release(True, now_ns)
        self.publish(message, receive_ns, now_ns)
        return self.release(False, now_ns) if self.held else 0

    cdef bint is_later(self, const Message *message, int64_t before) noexcept nogil:
        """Whether a lower number with a much later time shows a restart, at a venue with few prints."""
        cdef int64_t published_ns = self.published_ns[message.numbering]
        return message.print_id < before and not message.past and message.venue_ns - LATER_NS > published_ns > 0

    cdef int hold(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Keep a print that arrived after a gap."""
        if not self.held:
            self.held_ns = now_ns
        self.held.setdefault((message.print_id, message.numbering), (
            message.side, message.price, message.size, message.venue_ns, message.ordinary, message.past,
            receive_ns))
        return self.release(True, now_ns) if len(self.held) >= HELD_MAX else 0

    cdef int release(self, bint gaps, int64_t now_ns) except -1:
        """Publish the held prints that are next in order; with `gaps` all of them, across every gap."""
        cdef Message message
        cdef int64_t receive_ns
        for key in sorted(self.held):
            message.print_id, message.numbering = key
            if not gaps and message.print_id > self.published_id[message.numbering] + 1:
                continue
            (message.side, message.price, message.size, message.venue_ns, message.ordinary, message.past,
             receive_ns) = self.held.pop(key)
            if message.print_id > self.published_id[message.numbering]:
                self.publish(&message, receive_ns, now_ns)
        return 0

    cdef int publish(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Count a print, and publish it if it is an ordinary trade and not from before we followed the instrument."""
        cdef int64_t before = self.published_id[message.numbering]
        self.published += 1
        self.published_id[message.numbering], self.published_ns[message.numbering] = message.print_id, message.venue_ns
        self.gaps += before >= 0 and message.print_id != before + 1
        self.following = self.following or not message.past
        if message.ordinary and (self.following or not message.past or self.has_second_source and before >= 0):
            self.outbox.begin(self.instrument, receive_ns, now_ns, message.venue_ns, message.print_id)
            self.outbox.tick(TICK_PRINT, message.side, message.price, message.size, message.print_id, 0)
            self.outbox.end()
        return 0

    cdef int expire(self, int64_t now_ns, int64_t hold_ns) except -1:
        """Publish the held prints if no connection brought the missing ones in time."""
        if self.held and now_ns - self.held_ns > hold_ns:
            self.release(True, now_ns)
        return 0

    cdef int disconnect(self, int64_t now_ns) except -1:
        """Publish the held prints: the connection is lost, and the next one may begin at any number."""
        self.release(True, now_ns)
        self.following = self.following or self.received > 0
        self.received_id[0] = self.received_id[1] = -1
        return 0

    cdef int replace(self, Prints before) except -1:
        """Continue where the prints of another connection are."""
        self.outbox, before.outbox = before.outbox, self.outbox
        self.published_id, self.published_ns = before.published_id, before.published_ns
        self.following = before.following
        self.held, before.held = before.held, {}
        self.held_ns = before.held_ns
        return 0
