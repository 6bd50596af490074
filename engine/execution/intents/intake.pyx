# cython: language_level=3
"""What execution reads before it acts: whether anything waits, the newest tops, and the strategies' intents.

Compiled, because it stands between a strategy's intent and the order made of it, and between two of those lie thousands
of rounds that find nothing: a look at a cursor has to do for them. Lanes in shared memory are looked at in place; a
lane that was lapped, and any other lane, is read by its reader's methods.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from engine.model.records cimport Top as TopRecord
from engine.risk.market cimport Top
from shm.protocol cimport reader_of, sy_unread, sy_copy, sy_read_slot, sy_reader, sy_overwritten

from engine.model import records

cdef enum:
    LANES = 64
    BATCH = 8  # books that are copied before one check for overwriting

assert records.BOOK_TOP.size == sizeof(TopRecord)


cdef class Intake:
    """The lanes that are read before the venue's word."""

    cdef sy_reader *rings[LANES]
    cdef sy_reader *books
    cdef int count
    cdef bint blind
    cdef tuple readers, lanes  # kept beside their C sides
    cdef dict tops
    cdef object role, accept
    cdef TopRecord batch[BATCH]

    def __init__(self, role, books, commands, tuple lanes not None, dict tops not None, accept):
        """`lanes` are (strategy, intents' reader, index of its cell); `accept` is told each that was read from."""
        cdef sy_reader *ring
        self.role, self.lanes, self.tops, self.accept = role, lanes, tops, accept
        self.readers = (books, commands, *(lane for _, lane, _ in lanes))
        self.blind = len(self.readers) > LANES
        for reader in self.readers[:LANES]:
            ring = reader_of(reader)
            self.rings[self.count] = ring
            self.count += 1
            self.blind = self.blind or ring == NULL
        self.books = self.rings[0]

    def waits(self):
        """Whether there may be something to read."""
        cdef int index
        if self.blind:
            return True
        for index in range(self.count):
            if sy_unread(self.rings[index]):
                return True
        return False

    def read_books(self):
        """Apply the newest tops; their instruments (0: not traded here), or None if the reader must be used."""
        cdef uint64_t count
        cdef list instruments
        if self.books == NULL:
            return None
        count = sy_unread(self.books)
        if not 0 < count <= BATCH:
            return None
        sy_copy(<char *>self.batch, sy_read_slot(self.books, self.books.next), count * sizeof(TopRecord))
        if sy_overwritten(self.books, self.books.next, count):
            return None
        self.books.next += count
        instruments = []
        for index in range(count):
            instruments.append(self.apply(&self.batch[index]))
        return instruments

    def read_intents(self, int64_t now_ns):
        """Read every strategy's intents in turn, and pass them to the role; how many were read."""
        cdef int total = 0, count, index
        role = self.role
        for index in range(len(self.lanes)):
            if not self.blind and not sy_unread(self.rings[2 + index]):
                continue
            strategy, lane, cell = self.lanes[index]
            count, read = 0, lane.read_bytes
            while (data := read()) is not None:
                count += 1
                if type(data) is bytes:
                    role.on_intent(data, lane.cursor - 1, strategy, now_ns)
            if count:
                self.accept(lane, cell, now_ns)
                total += count
        return total

    def warm(self):
        """Read the newest book again without an effect, to keep it and the code in the processor's caches."""
        cdef TopRecord newest
        cdef Top spare = Top()
        if self.books != NULL and self.books.next:
            sy_copy(<char *>&newest, sy_read_slot(self.books, self.books.next - 1), sizeof(TopRecord))
            fill(spare, &newest)
            self.tops.get(newest.instrument)

    cdef uint32_t apply(self, TopRecord *record) except? 0:
        """Apply one record to its instrument's top; the instrument, 0 if it is not traded here."""
        cdef Top top = self.tops.get(record.instrument)
        if top is None:
            return 0
        fill(top, record)
        return record.instrument


cdef int fill(Top top, TopRecord *record) except -1:
    """Set a top from a record; an empty side has the price 0."""
    top.update(
        record.state, record.bid_price[0] if record.bids else 0, record.ask_price[0] if record.asks else 0,
        record.receive_ns
    )
    top.imbalance = record.imbalance
    return 0
