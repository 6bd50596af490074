# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One instrument's prints: each told once and in the venue's order, whoever brings it.

    7 8 9 ─────▶ told        9 again: dropped        11: a hole, held for as long as another connection may fill it
                                                     10: told, and 11 behind it

Prints have the venue's numbers on every connection, in each of its numberings (`chain`). Those that a subscription
begins with are from before it: news only to who followed what came before them.
"""

from libc.stdint cimport int64_t

from engine.feed.books.outbox cimport Outbox
from engine.venues.market cimport Message

from engine.model import words

cdef enum:
    TICK_PRINT = 3
    HELD_MAX = 256  # prints behind a hole: more than comes in the time that one is waited for
    FAR = 10_000  # no connection comes so far behind another one, so the venue counts anew
    LATER_NS = 10_000_000_000  # nor does an old print happen so long after a later one

assert words.TickKind.PRINT == TICK_PRINT


cdef inline bint is_anew(const Message *message, int64_t before) noexcept nogil:
    """Whether a venue that was away counts its prints anew: told as old ones, they would be missing for ever."""
    return before - message.print_id > FAR and not message.past


cdef class Prints:
    """What a track has of them."""

    def __init__(self, int instrument, Outbox outbox):
        """None heard, none told."""
        self.instrument, self.outbox, self.held = instrument, outbox, {}
        self.told_id[0] = self.told_id[1] = self.heard_id[0] = self.heard_id[1] = -1

    cdef bint hear(self, Message *message) noexcept nogil:
        """Note one that this connection brought; whether it did not bring the one before."""
        cdef int64_t before = self.heard_id[message.chain]
        self.heard += 1
        if message.print_id <= before and not is_anew(message, before):
            return False
        self.heard_id[message.chain] = message.print_id
        return before >= 0 and message.print_id != before + 1

    cdef int take(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Tell one; what was told already is not told again, what was missed while away is told late."""
        cdef int64_t before = self.told_id[message.chain]
        if is_anew(message, before) or self.is_later(message, before):
            self.held.clear()
            before = self.told_id[message.chain] = -1
        if before >= 0 and message.print_id <= before:
            return 0
        if self.patient and before >= 0 and message.print_id != before + 1:
            return self.hold(message, receive_ns, now_ns)
        if self.held and not self.patient and message.print_id != before + 1:
            self.release(True, now_ns)
        self.tell(message, receive_ns, now_ns)
        return self.release(False, now_ns) if self.held else 0

    cdef bint is_later(self, const Message *message, int64_t before) noexcept nogil:
        """The same of a venue with few prints, whose times tell what its numbers are too small to show."""
        cdef int64_t told_ns = self.told_ns[message.chain]
        return message.print_id < before and not message.past and message.venue_ns - LATER_NS > told_ns > 0

    cdef int hold(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Keep one behind a hole."""
        if not self.held:
            self.held_ns = now_ns
        self.held.setdefault((message.print_id, message.chain), (
            message.side, message.price, message.size, message.venue_ns, message.ordinary, message.past,
            receive_ns))
        return self.release(True, now_ns) if len(self.held) >= HELD_MAX else 0

    cdef int release(self, bint gaps, int64_t now_ns) except -1:
        """Tell those held whose turn has come; with `gaps` all of them, whatever is missing between."""
        cdef Message message
        cdef int64_t receive_ns
        for key in sorted(self.held):
            message.print_id, message.chain = key
            if not gaps and message.print_id > self.told_id[message.chain] + 1:
                continue
            (message.side, message.price, message.size, message.venue_ns, message.ordinary, message.past,
             receive_ns) = self.held.pop(key)
            if message.print_id > self.told_id[message.chain]:
                self.tell(&message, receive_ns, now_ns)
        return 0

    cdef int tell(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Count one, and tell it if it is a trade that is news."""
        cdef int64_t before = self.told_id[message.chain]
        self.told += 1
        self.told_id[message.chain], self.told_ns[message.chain] = message.print_id, message.venue_ns
        self.gaps += before >= 0 and message.print_id != before + 1
        self.followed = self.followed or not message.past
        if message.ordinary and (self.followed or not message.past or self.patient and before >= 0):
            self.outbox.begin(self.instrument, receive_ns, now_ns, message.venue_ns, message.print_id)
            self.outbox.tick(TICK_PRINT, message.side, message.price, message.size, message.print_id, 0)
            self.outbox.end()
        return 0

    cdef int expire(self, int64_t now_ns, int64_t hold_ns) except -1:
        """Nobody has filled a hole in time: go on without the missing ones."""
        if self.held and now_ns - self.held_ns > hold_ns:
            self.release(True, now_ns)
        return 0

    cdef int disconnect(self, int64_t now_ns) except -1:
        """The connection is gone: the next one's may begin anywhere."""
        self.release(True, now_ns)
        self.followed = self.followed or self.heard > 0
        self.heard_id[0] = self.heard_id[1] = -1
        return 0

    cdef int take_over(self, Prints before) except -1:
        """Go on telling where another connection's stand."""
        self.outbox, before.outbox = before.outbox, self.outbox
        self.told_id, self.told_ns, self.followed = before.told_id, before.told_ns, before.followed
        self.held, before.held = before.held, {}
        self.held_ns = before.held_ns
        return 0
