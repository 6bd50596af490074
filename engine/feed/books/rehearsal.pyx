# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Runs a feed's last frames again without publishing, so that the next frame does not run from cold caches.

    the last frame of each kind ─▶ the port
                                └▶ Echo ─▶ line ─▶ pipeline: scanner ─▶ WarmTrack: rule ─▶ book ─▶ muted outbox

In a quiet market milliseconds pass between two frames, in which the process only reads empty sockets. After that
the processor's caches hold neither this code nor the slots that it writes, and a frame needs five times as long. So
a process that spins calls `warm_up` now and then. Line, pipeline, book and rule belong to the rehearsal. The scanner
and the rings are the real ones: a scanner keeps no state from one frame to the next, and no reader reads a slot before
it is published.
"""

from libc.stdint cimport int64_t

from engine.feed.books.pipeline cimport KINDS, Pipeline
from engine.feed.books.track cimport Track
from engine.feed.connection.line cimport Line, LineReader
from engine.model.words cimport BOOK_GOOD
from engine.venues.market cimport Market, Message, Rule

cdef enum:
    DEPTH = 20  # levels a side: the messages are of several instruments, and the book must not grow


cdef class WarmTrack(Track):
    """A track for which each message is the next one of a good book."""

    cdef int delta(self, Market market, Message *message, bytes frame, int64_t receive_ns, int64_t now_ns) except -1:
        """Apply a change; the outbox is muted."""
        self.published.state = BOOK_GOOD
        self.rule.last = message.previous if message.previous >= 0 else message.first - 1
        self.rule.bridged = True
        self.rule.admit(message)
        message.checksum = -1  # it is the real book's
        self.published.best.sequence = self.published.best.bid_price = self.published.best.ask_price = -1
        return self.apply(market, message, receive_ns, now_ns, True)

    cdef int best(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Publish a best bid and ask as if they were new."""
        self.published.state = BOOK_GOOD
        self.audit.tickers.count = self.audit.books.count = self.audit.pending = 0
        self.published.best.sequence = self.published.best.bid_price = self.published.best.ask_price = -1
        return Track.best(self, message, receive_ns, now_ns)

    cdef int check_print(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Check a print as if it were the first one."""
        self.prints.received_id[message.numbering] = self.prints.published_id[message.numbering] = -1
        self.prints.following = True
        return Track.check_print(self, message, receive_ns, now_ns)

    cdef int seed(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Nothing: a snapshot is no message of a quiet market, and may have thousands of levels."""
        return 0

    cdef int beat(self, Message *message, int64_t now_ns) except -1:
        """Nothing."""
        return 0


cdef class Echo:
    """A port that receives one frame at each look."""

    reports_quiet = True

    def poll_if_changed(self, _):
        """The frame."""
        return self.frames


cdef class Rehearsal:
    """The rehearsal of one feed."""

    def __init__(self, Pipeline pipeline, Rule rule):
        """Use a rule of its own, and the slots after the cursors of the rings that the pipeline publishes on."""
        self.pipeline = Pipeline(pipeline.market, pipeline.outbox.muted())
        self.track = WarmTrack(0, 0, "", rule, self.pipeline.outbox, DEPTH)
        self.port, self.reader = Echo(), LineReader()
        self.reader.set_lines([(Line(self.port, 0), self.pipeline)])

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
        self.pipeline.market, self.pipeline.sequence = pipeline.market, -1
        if len(self.pipeline.tracks) != len(pipeline.tracks):
            self.pipeline.tracks = self.pipeline.print_tracks = [self.track] * len(pipeline.tracks)
        self.port.frames, self.port.receive_ns = [frame], now_ns
        self.reader.read(now_ns)
        return 0
