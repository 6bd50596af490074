# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A feed's last frames once more, told to nobody: so that the next one does not run from cold caches.

    a frame kept of each kind ─▶ the port's motions ─▶ scanner ─▶ Understudy: rule ─▶ book ─▶ muted outbox

Between two frames of a quiet market lie milliseconds of looking at empty sockets, after which neither this code nor the
slots it will write are in the processor's caches, and a frame takes five times as long. A process that spins calls `go`
now and then. Book and rule are an understudy's own; the scanner and the rings are the real ones: a scanner keeps
nothing from one frame to the next, and slots behind the cursor are nobody's before they are published.
"""

from libc.stdint cimport int64_t

from engine.feed.books.outbox cimport Outbox
from engine.feed.books.pipeline cimport KINDS, Pipeline
from engine.feed.books.track cimport Track
from engine.venues.market cimport BEST, DELTA, PRINT, TOP, Market, Message, Rule

from engine.model.words import BookState

cdef enum:
    GOOD = 1
    DEPTH = 20  # its book is of whatever was rehearsed: it must not grow

assert BookState.GOOD == GOOD


cdef class Understudy(Track):
    """A track that takes each message as the next one of a good book."""

    cdef int play(self, Market market, Message *message, object now_ns) except -1:
        """Take a message; nobody is told."""
        cdef int64_t now = now_ns
        self.state = GOOD
        if message.kind == DELTA:
            self.rule.last = message.previous if message.previous >= 0 else message.first - 1
            self.rule.bridged = True
            self.rule.admit(message)
            message.checksum = -1  # of the real book
            return self.settle(market, message, now, now, True)
        if message.kind == BEST or message.kind == TOP:
            self.comparison.tickers.count = self.comparison.books.count = self.comparison.pending = 0
            self.shown.sequence = self.shown.bid_price = self.shown.ask_price = -1
            return self.best(message, now, now)
        if message.kind == PRINT:
            self.prints.heard_id[message.chain] = self.prints.told_id[message.chain] = -1
            self.prints.followed = True
            self.prove(message, now, now)
            return self.trade(message, now, now)
        return 0


cdef class Rehearsal:
    """One feed's."""

    def __init__(self, Outbox outbox, Rule rule):
        """With a rule of its own and the lanes' outbox, which stays as it is."""
        self.understudy = Understudy(0, 0, "", rule, outbox.muted(), DEPTH)

    def go(self, port, Pipeline pipeline, now_ns):
        """Rehearse one kind of frame, the next one at the next call; `port` is the one that brought them."""
        cdef int _place
        for _place in range(KINDS):
            self.turn = (self.turn + 1) % KINDS
            frame = pipeline.samples[self.turn]
            if frame is not None:
                port.rehearse(frame)
                self.play(pipeline, frame, now_ns)
                return

    cdef int play(self, Pipeline pipeline, bytes frame, object now_ns) except -1:
        """A frame's way as far as the rings' slots."""
        cdef int count, i
        cdef Message *message
        count = pipeline.market.scan(frame, len(frame))
        for i in range(count):
            message = &pipeline.market.messages[i]
            if message.index >= 0:
                self.understudy.play(pipeline.market, message, now_ns)
        return 0
