# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Runs a feed's last frames again without publishing, so that the next frame does not run from cold caches.

    the last frame of each kind ─▶ the port ─▶ scanner ─▶ WarmTrack: rule ─▶ book ─▶ muted outbox

In a quiet market milliseconds pass between two frames, in which the process only reads empty sockets. After that
the processor's caches hold neither this code nor the slots that it writes, and a frame needs five times as long. So
a process that spins calls `warm_up` now and then. Book and rule belong to the rehearsal. The scanner and the rings are
the real ones: a scanner keeps no state from one frame to the next, and no reader reads a slot before it is published.
"""

from libc.stdint cimport int64_t

from engine.feed.books.outbox cimport Outbox
from engine.feed.books.pipeline cimport KINDS, Pipeline
from engine.feed.books.track cimport Track
from engine.model.words cimport BOOK_GOOD
from engine.venues.market cimport BEST, DELTA, PRINT, TOP, Market, Message, Rule

cdef enum:
    DEPTH = 20  # levels a side: the messages are of several instruments, and the book must not grow


cdef class WarmTrack(Track):
    """A track for which each message is the next one of a good book."""

    cdef int rehearse(self, Market market, Message *message, object now_ns) except -1:
        """Apply a message; the outbox is muted."""
        cdef int64_t now = now_ns
        self.published.state = BOOK_GOOD
        if message.kind == DELTA:
            self.rule.last = message.previous if message.previous >= 0 else message.first - 1
            self.rule.bridged = True
            self.rule.admit(message)
            message.checksum = -1  # it is the real book's
            return self.apply(market, message, now, now, True)
        if message.kind == BEST or message.kind == TOP:
            self.audit.tickers.count = self.audit.books.count = self.audit.pending = 0
            self.published.best.sequence = self.published.best.bid_price = self.published.best.ask_price = -1
            return self.best(message, now, now)
        if message.kind == PRINT:
            self.prints.received_id[message.numbering] = self.prints.published_id[message.numbering] = -1
            self.prints.following = True
            self.check_print(message, now, now)
            return self.trade(message, now, now)
        return 0


cdef class Rehearsal:
    """The rehearsal of one feed."""

    def __init__(self, Outbox outbox, Rule rule):
        """Use a rule of its own, and the slots after the cursors of the outbox's rings."""
        self.track = WarmTrack(0, 0, "", rule, outbox.muted(), DEPTH)

    def warm_up(self, port, Pipeline pipeline, now_ns):
        """Rehearse one kind of frame, the next kind at the next call; `port` is the one that received the frames."""
        cdef int _place
        for _place in range(KINDS):
            self.kind = (self.kind + 1) % KINDS
            frame = pipeline.samples[self.kind]
            if frame is not None:
                port.rehearse(frame)
                self.rehearse(pipeline, frame, now_ns)
                return

    cdef int rehearse(self, Pipeline pipeline, bytes frame, object now_ns) except -1:
        """Run a frame as far as the rings' slots."""
        cdef int count, i
        cdef Message *message
        count = pipeline.market.scan(frame, len(frame))
        for i in range(count):
            message = &pipeline.market.messages[i]
            if message.index >= 0:
                self.track.rehearse(pipeline.market, message, now_ns)
        return 0
