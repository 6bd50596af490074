# cython: language_level=3
"""The lanes that a strategy role reads, a bounded number of records in a step; a lapped lane is marked for the step.

    a lane in shared memory ─▶ in place: ticks as they are, the newest book of each instrument beside the one it shows
    any other (a replay's history), and where in place is not all there is ─▶ by its reader's methods, row by row

A lane is known by its place among a STEP's cursors (see `lanes`): of a kind that exists once for each feed or
execution there are several in a row. This part calls no hook: it returns the records to the role, which calls them.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from engine.meters.current cimport count_up
from engine.model.records cimport Tick
from engine.strategy.api.book cimport Book, instrument_of
from engine.strategy.role.counts cimport Counts
from shm.protocol cimport reader_of, sy_unread, sy_copy, sy_read_slot, sy_reader, sy_overwritten

import shm
from engine.lanes import lane_of
from engine.meters.table import place_of
from engine.model.records import BOOK_TOP, TICK
from engine.strategy.role.aggregates import group_of, silent
from engine.strategy.role import lanes as names
from engine.strategy.api.strategy import defines

cdef Py_ssize_t LAPS = place_of("laps")
READ_LIMIT = 64
CATCH_UP = 1024

assert TICK.size == sizeof(Tick) and READ_LIMIT == MOST
assert names.LANES_MOST == LANES_MOST
assert [names.KINDS.index(kind) for kind in ("ticks", "books", "intents", "opportunities")] == [
    TICKS, BOOKS, OWN_INTENTS, OPPORTUNITIES]
cdef Py_ssize_t BOOK_SIZE = BOOK_TOP.size
cdef Py_ssize_t INSTRUMENT_AT = next(field.offset for field in BOOK_TOP.fields if field.name == "instrument")
cdef tuple NOTHING = ()
CATCH_UP_LIMIT = max(lane_of("books").capacity, lane_of("global_books").capacity)
LAPPED = shm.Lapped


def place(found):
    """The place of a number's newest record on its lane."""
    return found[1][0]


cdef class LaneInputs:
    """The lanes of one role. `lapped` has a bit for each lane that lapped its reader in this step."""

    def __init__(self, Counts counts not None, strategy, lanes, reads):
        """Read the inputs, and the lanes of the aggregation that `reads` names."""
        self.counts, self.strategy = counts, strategy
        self.reads_prints = defines(type(strategy), "on_print")
        asked = [getattr(lanes, lane) if lane in reads else None for lane in names.AGGREGATES]
        assert asked.count(None) == len(names.AGGREGATES) - len(reads), f"lanes lack some of {reads}"
        kinds = [getattr(lanes, kind) for kind in (*names.INPUTS, names.OWN)] + asked
        self.set_lanes([kind if isinstance(kind, tuple) else (kind,) for kind in kinds])
        self.decode_book, self.decode_tick = lanes.books[0].decode, lanes.ticks[0].decode

    def set_lanes(self, kinds):
        """Number the lanes of every kind."""
        names.check_places(len(kinds[TICKS]), len(kinds[FILLS]), len(kinds[VERDICTS]) - len(kinds[FILLS]))
        self.readers = tuple(reader for kind in kinds for reader in kind)
        for index, kind in enumerate(kinds):
            self.first[index + 1] = self.first[index] + <int>len(kind)
        self.reads = tuple(getattr(reader, "read", silent) for reader in self.readers)
        for index, reader in enumerate(self.readers):
            self.rings[index] = reader_of(reader)

    cdef object read_kind(self, int kind, int limit):
        """Read up to `limit` rows of each lane of a kind; after a lap the step has no rows of that lane."""
        cdef int index
        if self.first[kind + 1] - self.first[kind] == 1:
            return self.read(self.first[kind], limit)
        rows = []
        for index in range(self.first[kind], self.first[kind + 1]):
            rows.extend(self.read(index, limit))
        return rows

    cdef bint is_kind_still(self, int kind) noexcept:
        """Whether no record waits on any lane of a kind."""
        cdef int index
        for index in range(self.first[kind], self.first[kind + 1]):
            if not self.is_still(index):
                return False
        return True

    cdef uint64_t lapped_of(self, int kind) noexcept:
        """The lanes of a kind that lapped their reader in this step."""
        cdef uint64_t below = (<uint64_t>1 << self.first[kind]) - 1
        cdef uint64_t upto = (<uint64_t>1 << (self.first[kind + 1] - 1) << 1) - 1
        return self.lapped & upto & ~below

    cdef object read(self, int index, int limit):
        """Read up to `limit` rows of an input; after a lap the step has no rows of it."""
        cdef list rows
        if self.is_still(index):
            return NOTHING
        read = self.reads[index]
        row = read()
        if row is None:
            return NOTHING
        rows = []
        while row is not None:
            if isinstance(row, LAPPED):
                self.lap(index)
                return NOTHING
            rows.append(row)
            row = read() if len(rows) < limit else None
        return rows

    cdef bint is_still(self, int index) noexcept:
        """Whether no record waits on a lane in shared memory; False for any other lane, whose reader must be used."""
        return self.rings[index] != NULL and not sy_unread(self.rings[index])

    cdef uint64_t lag(self) noexcept:
        """The number of waiting records of the lane on which most wait.

        The records of a replay's history do not count, and no ticks where no hook reads prints: nothing waits for them.
        """
        cdef uint64_t most = 0
        cdef int index
        for index in range(self.first[TICKS if self.reads_prints else BOOKS], self.first[KINDS]):
            if self.rings[index] != NULL:
                most = max(most, <uint64_t>sy_unread(self.rings[index]))
        return most

    cdef int lap(self, int index) except -1:
        self.lapped |= <uint64_t>1 << index
        self.counts.laps += 1
        count_up(LAPS, 1)

    cdef int lap_of(self, int index) except -1:
        """Move the reader of a lapped lane past the lost records, and return no record of it."""
        self.read(index, READ_LIMIT)
        assert self.lapped >> index & 1, "a lane went back"
        return 0

    cdef int ticks_in_place(self, int index, Tick *batch) except -1:
        """Copy up to `MOST` ticks as records: most are no prints, so no rows are made of them."""
        cdef sy_reader *ring = self.rings[index]
        cdef uint64_t first = ring.next, count = sy_unread(ring)
        if not count:
            return 0
        if count > ring.capacity - ring.reserve:
            return self.lap_of(index)
        count = min(count, <uint64_t>MOST)
        sy_copy(<char *>batch, sy_read_slot(ring, first), count * sizeof(Tick))
        if sy_overwritten(ring, first, count):
            return self.lap_of(index)
        ring.next += count
        return <int>count

    cdef object row_of(self, Tick *tick):
        """A tick as its lane's reader gives it."""
        return self.decode_tick(PyBytes_FromStringAndSize(<char *>tick, sizeof(Tick)))

    cdef list newest_in_place(self, int index, int *work):
        """Copy the newest record of each book in place; None, without an effect, if the reader must be used."""
        cdef sy_reader *ring = self.rings[index]
        cdef uint64_t first, count
        cdef list arrived
        if ring == NULL:
            return None
        first, count = ring.next, sy_unread(ring)
        if not count:
            return []
        if count > MOST:
            return None
        arrived = self.copy_newest(ring, count)
        if sy_overwritten(ring, first, count):
            return None
        ring.next += count
        work[0] = <int>count
        return arrived

    cdef list copy_newest(self, sy_reader *ring, uint64_t count):
        """Copy the newest record of each book beside it; the books, in the order of their first records."""
        cdef list arrived = []
        cdef dict books = self.strategy.books
        cdef uint64_t index
        cdef uint32_t instrument
        cdef const char *at
        cdef Book book
        for index in range(count):
            at = sy_read_slot(ring, ring.next + index)
            memcpy(&instrument, at + INSTRUMENT_AT, 4)
            book = books.get(instrument)
            if book is None:
                continue
            sy_copy(book.incoming, at, BOOK_SIZE)
            if not book.arrived:
                book.arrived = True
                arrived.append(book)
        for book in arrived:
            book.arrived = False
        return arrived

    cdef int gather(self, int index, object reader, object read, dict newest) except -1:
        """Keep the newest record of each book of the strategy; after a lap read to the end, for the last `CATCH_UP`."""
        cdef int limit = READ_LIMIT, work = 0
        if self.is_still(index):
            return 0
        cdef bint of_groups = index == self.first[GLOBAL_BOOKS]
        wanted = self.strategy.groups if of_groups else self.strategy.books
        while work < limit and (record := read()) is not None:
            work += 1
            if isinstance(record, LAPPED):
                self.lap(index)
                limit = work + <int>CATCH_UP_LIMIT
                continue
            number = group_of(record) if of_groups else instrument_of(record)
            if number in wanted:
                newest[number] = (reader.cursor, record)
        if self.lapped >> index & 1:
            kept = sorted(newest.items(), key=place)  # in the lane's order: what was read before is of no STEP
            newest.clear()
            newest.update(one for one in kept if place(one) > reader.cursor - CATCH_UP)
        return min(work, READ_LIMIT)  # the size of the lag must not affect the decision: no STEP has it
