"""The compiled face of a track."""

from libc.stdint cimport int64_t

from engine.book.book cimport Book
from engine.feed.books.best_price_audit cimport Best, BestPriceAudit
from engine.feed.books.frame_queue cimport FrameQueue
from engine.feed.books.prints cimport Prints
from engine.feed.books.published_book cimport PublishedBook
from engine.venues.market cimport Level, Market, Message, Rule

cdef enum Outcome:
    APPLIED = 0  # the book holds the message
    DROPPED = 1  # the book is newer than the message
    KEPT = 2  # the message waits for a snapshot
    HELD = 3  # the message came after a known gap, and waits for what is missing
    GAP_HELD = 4  # the message showed a new gap, and waits for what is missing
    MADE_SUSPECT = 5  # the message showed that the book is wrong

cdef class Track:
    cdef readonly int index
    cdef readonly int instrument
    cdef readonly str symbol
    cdef readonly Py_ssize_t depth
    cdef readonly Book book
    cdef readonly Rule rule
    cdef readonly PublishedBook published
    cdef readonly BestPriceAudit audit
    cdef readonly Prints prints
    cdef public bint wants_snapshot
    cdef readonly bint has_snapshot
    cdef public bint has_second_source  # another connection may bring what is missing: changes after a gap are held
    cdef readonly int64_t news_ns  # when the last message of this book arrived
    cdef readonly int64_t snapshot_ns
    cdef readonly int64_t still_ns  # when the last change older than the snapshot arrived
    cdef readonly int64_t behind_ns  # since when the venue's newest number is beyond the book's; 0: it is not
    cdef FrameQueue kept  # for the snapshot that was requested
    cdef FrameQueue held  # after a gap
    cdef int64_t held_ns  # since when; 0: nothing is held
    cdef readonly int64_t snapshots, diffs, dropped, applied, gaps, resyncs, suspect
    cdef readonly int64_t checksum_checked, checksum_ok, refetches, held_gaps, hollows

    cdef int delta(self, Market market, Message *message, bytes frame, int64_t receive_ns, int64_t now_ns) except -1
    cdef int gap(self, bytes frame, int64_t receive_ns, int64_t now_ns) except -1
    cdef int hold(self, bytes frame, int64_t receive_ns, int64_t now_ns) except -1
    cdef int keep(self, bytes frame, int64_t receive_ns) except -1
    cdef int drop_old(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int renumber(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef bint holds_frames(self)
    cdef int seed(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int apply(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns, bint publish) except -1
    cdef bint change(self, Market market, Message *message, bint levels) noexcept nogil
    cdef void change_side(self, int side, Level *rows, Py_ssize_t count, bint reverse, bint levels) noexcept nogil
    cdef void cut(self, bint levels) noexcept nogil
    cdef void cut_book(self) noexcept nogil
    cdef void empty_book(self) noexcept nogil
    cdef bint has_checksum(self, Message *message) noexcept nogil
    cdef bint passes(self, Message *message) noexcept nogil
    cdef int best(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef void audit_unnumbered(self, Best *best) noexcept nogil
    cdef int check_print(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int trade(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int beat(self, Message *message, int64_t now_ns) except -1
    cdef int mark_suspect(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int forget_snapshot(self) except -1
    cdef int keep_held(self) except -1
    cdef int reset_to(self, int state, int64_t now_ns) except -1
