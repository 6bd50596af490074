# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Writes the feed's events straight into the slots of the rings TICKS, BOOKS and LEVELS.

    begin ─▶ tick, level, tick … ─▶ end ─▶ publish_top
             records of one event,   │      the book's top into BOOKS and its cell
             not published yet       └ LAST on each ring's final record, then one publish for each ring

LEVELS, where the system has it, holds every change of every level and every state, so a reader needs no other lane.

An event longer than the ring's reserve is published in pieces, and only its final record has the flag LAST: readers act
on that record alone. An outbox without writers writes nothing, for tools that need the books only.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from engine.book.book cimport Book
from engine.book.measures cimport imbalance_of, spread_bps_of
from engine.model.records cimport DEPTH, Tick, Top
from engine.model.words cimport BOOK_GOOD, FLAG_LAST, TICK_STATE
from shm.protocol cimport sy_begin, sy_publish, sy_slot, sy_writer

from engine.model import records, words

assert records.TICK.size == sizeof(Tick)
assert records.BOOK_TOP.size == sizeof(Top)
assert records.BOOK_DEPTH == DEPTH


cdef sy_writer *writer_of(object lane) except? NULL:
    """Return the C writer of a RingWriter, NULL without one."""
    return NULL if lane is None else <sy_writer *>PyCapsule_GetPointer(lane.capsule, "steelyard.writer")


cdef class Outbox:
    """The one writer of TICKS, BOOKS and the cells of book tops."""

    def __init__(self, ticks=None, books=None, cells=None, stamp_offset_ns=None, levels=None):
        """Write to these lanes; each may be None.

        With `stamp_offset_ns` (the engine clock's offset) `publish_ns` is the moment of publishing. Without it
        `publish_ns` is the step's time, and two runs are equal to the byte.
        """
        self.ticks_lane, self.books_lane, self.cells, self.levels_lane = ticks, books, cells, levels
        self.ticks = writer_of(ticks)
        self.books = writer_of(books)
        self.levels = writer_of(levels)
        self.stamping = stamp_offset_ns is not None
        self.clock_offset = stamp_offset_ns or 0
        top = bytearray(sizeof(Top))
        self.top_view = memoryview(top)
        self.top = <Top *><char *>top

    def muted(self):
        """Return an outbox that writes into the next slots of the same rings and never publishes, for rehearsals."""
        cdef Outbox other = Outbox(self.ticks_lane, self.books_lane, None, 0, self.levels_lane)
        other.mute = True
        return other

    @property
    def tick_sequence(self):
        """The cursor of TICKS."""
        return self.ticks.next if self.ticks != NULL else 0

    def void(self, uint32_t instrument, int cell, int64_t now_ns, int state=words.BookState.EMPTY):
        """Publish an empty book in place of everything published before: EMPTY, or another state with the reason."""
        self.begin(instrument, now_ns, now_ns, 0, 0)
        self.tick(words.TickKind.STATE, 0, 0, 0, state, words.Flag.RESET)
        self.end()
        self.publish_top(Book(1), cell, state, words.Flag.RESET, 0)

    cdef int64_t publish_time(self, int64_t now_ns) noexcept nogil:
        """Return the time of the engine's clock, or the step's time."""
        cdef timespec now
        if not self.stamping:
            return now_ns
        clock_gettime(CLOCK_MONOTONIC, &now)
        return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec + self.clock_offset

    cdef void begin(
        self, uint32_t instrument, int64_t receive_ns, int64_t now_ns, int64_t venue_ns, int64_t sequence
    ) noexcept nogil:
        """Begin an event."""
        self.head.instrument = instrument
        self.head.receive_ns = receive_ns
        self.head.publish_ns = self.publish_time(now_ns)
        self.head.venue_ns = venue_ns
        self.head.venue_sequence = sequence
        self.count = self.level_count = 0

    cdef void tick(self, int kind, int side, int64_t price, int64_t size, int64_t detail, int flags) noexcept nogil:
        """Add a record to the event."""
        if kind == TICK_STATE:
            self.level(kind, side, price, size, detail, flags)
        if self.ticks != NULL:
            self.count = self.put(self.ticks, self.count, kind, side, price, size, detail, flags)

    cdef void level(self, int kind, int side, int64_t price, int64_t size, int64_t detail, int flags) noexcept nogil:
        """Add a record to the event on LEVELS: a level or a state."""
        if self.levels != NULL:
            self.level_count = self.put(self.levels, self.level_count, kind, side, price, size, detail, flags)

    cdef uint64_t put(
        self, sy_writer *ring, uint64_t count, int kind, int side, int64_t price, int64_t size, int64_t detail,
        int flags
    ) noexcept nogil:
        """Write one record of the event to a ring; return how many of them are not published yet."""
        if count == ring.reserve:
            self.publish(ring, count)
            count = 0
        if count == 0:
            sy_begin(ring)
        self.head.kind = kind
        self.head.side = side
        self.head.price = price
        self.head.size = size
        self.head.detail = detail
        self.head.flags = flags
        memcpy(sy_slot(ring, count), &self.head, sizeof(Tick))
        return count + 1

    cdef void publish(self, sy_writer *ring, uint64_t count) noexcept nogil:
        """Publish the event's records, unless this outbox is muted."""
        if not self.mute:
            sy_publish(ring, count)

    cdef void close(self, sy_writer *ring, uint64_t count) noexcept nogil:
        """Mark the event's last record on one ring and publish."""
        if count:
            (<Tick *>sy_slot(ring, count - 1)).flags |= FLAG_LAST
            self.publish(ring, count)

    cdef void end(self) noexcept nogil:
        """End the event: mark its last records and publish them."""
        self.close(self.ticks, self.count)
        self.close(self.levels, self.level_count)
        self.count = self.level_count = 0

    cdef int publish_top(self, Book book, int cell, int state, int flags, uint64_t change_count) except -1:
        """Publish the book's top, as part of the last event, after its ticks."""
        cdef Top *top = self.top
        cdef int i
        if self.books == NULL and self.cells is None:
            return 0
        top.receive_ns = self.head.receive_ns
        top.publish_ns = self.head.publish_ns
        top.venue_ns = self.head.venue_ns
        top.venue_sequence = self.head.venue_sequence
        top.tick_sequence = self.ticks.next if self.ticks != NULL else 0
        top.instrument = self.head.instrument
        top.state = state
        top.flags = flags | FLAG_LAST
        top.change_count = change_count
        top.bids = <uint8_t>book.copy_top(1, DEPTH, top.bid_price, top.bid_size)
        top.asks = <uint8_t>book.copy_top(-1, DEPTH, top.ask_price, top.ask_size)
        for i in range(top.bids, DEPTH):
            top.bid_price[i] = top.bid_size[i] = 0
        for i in range(top.asks, DEPTH):
            top.ask_price[i] = top.ask_size[i] = 0
        top.imbalance = imbalance_of(top.bid_size, top.bids, top.ask_size, top.asks)
        top.spread_bps = spread_bps_of(top.bid_price[0], top.ask_price[0]) if state == BOOK_GOOD else NAN
        if self.books != NULL:
            sy_begin(self.books)
            memcpy(sy_slot(self.books, 0), top, sizeof(Top))
            self.publish(self.books, 1)
        if self.cells is not None:
            self.cells.write_bytes(cell, self.top_view)
        return 0
