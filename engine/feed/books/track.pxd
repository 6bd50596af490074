"""The compiled face of a track."""

from libc.stdint cimport int64_t, uint64_t

from engine.book.book cimport Book
from engine.book.side cimport Side
from engine.feed.books.comparison cimport Best, Comparison
from engine.feed.books.outbox cimport Outbox
from engine.feed.books.prints cimport Prints
from engine.venues.market cimport Level, Market, Message, Rule

cdef class Track:
    cdef readonly int index
    cdef readonly int instrument
    cdef readonly int cell
    cdef readonly str symbol
    cdef readonly Book book
    cdef readonly Rule rule
    cdef readonly Comparison comparison
    cdef readonly Prints prints
    cdef readonly int state
    cdef bint mute  # while STALE: because the line is silent, not this book alone
    cdef readonly Py_ssize_t depth
    cdef public bint wanting
    cdef readonly bint seeded
    cdef bint shut
    cdef readonly int64_t news_ns
    cdef readonly int64_t seed_ns
    cdef readonly int64_t still_ns  # since when no change older than the snapshot has come
    cdef readonly int64_t behind_ns  # since when the venue's best names a number the book does not reach; 0: it does
    cdef readonly int64_t venue_ns
    cdef public bint patient  # another connection may fill a hole: what lies behind it is held for a while
    cdef list kept
    cdef list held  # changes behind a hole
    cdef int64_t held_ns
    cdef int kept_max
    cdef int64_t kept_bytes
    cdef int64_t held_bytes
    cdef Best shown
    cdef uint64_t changes
    cdef bint levels_told
    cdef int roll_side  # of the round of retelling; 0: none is under way
    cdef int64_t roll_key
    cdef int64_t roll_ns
    cdef Outbox outbox
    cdef readonly int64_t snapshots, diffs, dropped, applied, gaps, resyncs, suspect
    cdef readonly int64_t checksum_checked, checksum_ok, refetches, crossings, holes, hollows

    cdef int delta(self, Market market, Message *message, object frame, int64_t receive_ns, int64_t now_ns) except -1
    cdef int keep(self, object frame, int64_t receive_ns) except -1
    cdef int overtake(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int renumber(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int prove(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int hold(self, object frame, int64_t receive_ns, int64_t now_ns) except -1
    cdef list take_kept(self)
    cdef list take_held(self)
    cdef bint has_room_for(self, bytes frame)
    cdef int seed(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef void forget(self) noexcept nogil
    cdef void cut(self) noexcept nogil
    cdef bint holds(self, Message *message) noexcept nogil
    cdef bint change(self, Market market, Message *message, bint telling) noexcept nogil
    cdef void change_side(self, int side, Level *levels, Py_ssize_t count, bint back, bint telling) noexcept nogil
    cdef int settle(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns, bint telling) except -1
    cdef int best(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int trade(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int hear(self, Message *message, int64_t now_ns) except -1
    cdef void show_best(self, Best *best, int flags) noexcept nogil
    cdef Best book_best(self, int64_t sequence) noexcept nogil
    cdef void compare_loosely(self, Best *best) noexcept nogil
    cdef int leave(self, int state, int64_t now_ns) except -1
    cdef int sound(self) noexcept
    cdef int give_up(self) except -1
    cdef int doubt(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int turn(self, int state, int64_t receive_ns, int64_t now_ns) except -1
    cdef int tell_state(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int cause(self) noexcept nogil
    cdef int tell_all(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef Py_ssize_t retell_side(self, const Side *levels, Py_ssize_t count) noexcept nogil
    cdef void tell_cut(self, int side, const Side *levels) noexcept nogil
    cdef void tell_side(self, int side, const Side *levels) noexcept nogil
