# cython: language_level=3
"""What execution reads before it acts: whether a lane has unread records, the newest tops, and the strategies' intents.

It is compiled because it runs between a strategy's intent and its order, and because thousands of rounds between two
intents find nothing: such a round only compares cursors. A lane in shared memory is read in place; a lane that was
lapped, and any other lane, is read by its reader's methods.
"""

from cpython.bytes cimport PyBytes_CheckExact
from libc.stdint cimport int64_t, uint32_t, uint64_t

from engine.execution.intents.halt_word cimport HaltWord
from engine.model.records cimport Top as TopRecord, top_of
from engine.risk.market cimport Top
from shm.protocol cimport reader_of, sy_unread, sy_copy, sy_read_slot, sy_reader, sy_overwritten

from engine.execution.intents.skipped import INTENTS, OF_ROUTER
from engine.model import records
from engine.model.intent_id import ROUTED
from engine.role import WorkingOn

cdef enum:
    LANES = 64
    BATCH = 8  # books that are copied before one check for overwriting
    INTENTS_MOST = 64  # of one lane in one step: the venue's answers, which free cancels, are read only after them
    A_COMMAND = 1
    A_BOOK = 2
    AN_INTENT = 4
    ALL = 7

COMMANDS, BOOKS = A_COMMAND, A_BOOK  # flags of `waiting`; more than COMMANDS: books or intents

assert records.BOOK_TOP.size == sizeof(TopRecord)


cdef class Intake:
    """The lanes that execution reads before the venue's reports."""

    cdef sy_reader *rings[LANES]
    cdef int count, feeds
    cdef int busy  # the place among `lanes` whose intent is being followed; -1: none
    cdef bint blind
    cdef tuple readers, lanes  # they keep the C readers alive
    cdef dict tops
    cdef object on_record, accept, on_word
    cdef HaltWord word
    cdef TopRecord batch[BATCH]

    def __init__(
        self, on_record, tuple books not None, commands, tuple lanes not None, dict tops not None, accept,
        HaltWord word not None, on_word,
    ):
        """`books` are those of each feed; `lanes` are (strategy, intents' reader, index of its cell).

        `on_record` is called with each intent's record, `accept` with each of `lanes` that had intents, `on_word` with
        the time when the operator's halt word was written: before the intents, and between two of them.
        """
        cdef sy_reader *ring
        self.on_record, self.lanes, self.tops, self.accept = on_record, lanes, tops, accept
        self.word, self.on_word = word, on_word
        self.feeds, self.busy = len(books), -1
        self.readers = (*books, commands, *(lane for _, lane, _ in lanes))
        self.blind = len(self.readers) > LANES
        for reader in self.readers[:LANES]:
            ring = reader_of(reader)
            self.rings[self.count] = ring
            self.count += 1
            self.blind = self.blind or ring == NULL

    def waiting(self):
        """What may have unread records: COMMANDS (or the halt word was written), BOOKS and INTENTS, added up.

        The intents come first: the book by which one was decided was published before it, and so is found too.
        """
        cdef int index, found = 0
        if self.blind:
            return ALL
        for index in range(self.count - 1, -1, -1):
            if sy_unread(self.rings[index]):
                found |= A_BOOK if index < self.feeds else A_COMMAND if index == self.feeds else AN_INTENT
        return found | A_COMMAND if self.word.changed() else found

    def read_books(self, int feed):
        """Apply a feed's newest tops, and return their instruments (0: without a top here); None: its reader must."""
        cdef sy_reader *books = self.rings[feed] if feed < LANES else NULL
        cdef uint64_t count
        cdef list changed
        if books == NULL:
            return None
        count = sy_unread(books)
        if not count:
            return []
        if count > BATCH:
            return None
        sy_copy(<char *>self.batch, sy_read_slot(books, books.next), count * sizeof(TopRecord))
        if sy_overwritten(books, books.next, count):
            return None
        books.next += count
        changed = []
        for index in range(count):
            changed.append(apply_top(&self.batch[index], self.tops))
        return changed

    def read_intents(self, int64_t now_ns):
        """Read up to INTENTS_MOST of every strategy's intents in turn, and pass them on; how many were read."""
        cdef int total = 0, count, index
        on_record = self.on_record
        for index in range(len(self.lanes)):
            if not self.blind and not sy_unread(self.rings[self.feeds + 1 + index]):
                continue
            strategy, lane, cell = self.lanes[index]
            count, read, self.busy = 0, lane.read_bytes, index
            while count < INTENTS_MOST and (data := read()) is not None:
                count += 1
                if self.word.changed():
                    self.on_word(now_ns)
                if type(data) is bytes:
                    on_record(data, lane.cursor - 1, strategy, now_ns)
            if count:
                self.accept(lane, cell, now_ns)
                total += count
        self.busy = -1
        return total

    def working_on(self):
        """The intent whose following has raised; None when that happened elsewhere. No step may follow."""
        if self.busy < 0:
            return None
        owner, lane, _ = self.lanes[self.busy]
        lane.cursor -= 1
        sequence, row = lane.cursor, lane.read()
        name, strategy = (OF_ROUTER, getattr(row, "strategy", 0)) if owner == ROUTED else (INTENTS, owner)
        return WorkingOn(name, sequence, strategy, getattr(row, "instrument", 0))

    def warm(self):
        """Read the first feed's newest book again without an effect, to keep it and the code in the caches."""
        cdef sy_reader *books = self.rings[0]
        cdef TopRecord newest
        cdef Top spare = Top()
        if books != NULL and books.next:
            sy_copy(<char *>&newest, sy_read_slot(books, books.next - 1), sizeof(TopRecord))
            fill(spare, &newest)
            self.tops.get(newest.instrument)


def apply_book(record, dict tops not None):
    """Apply what the books' reader returned: the instrument, 0 when it has no top here, -1 when records were lost."""
    return apply_top(top_of(record), tops) if PyBytes_CheckExact(record) else -1


cdef uint32_t apply_top(const TopRecord *record, dict tops) except? 0:
    """Update the top of a record's instrument, and return the instrument; 0 when it has no top here."""
    cdef Top top = tops.get(record.instrument)
    if top is None:
        return 0
    fill(top, record)
    return record.instrument


cdef int fill(Top top, const TopRecord *record) except -1:
    """Update a top; a side that is empty has no price."""
    top.update(
        record.state, record.bid_price[0] if record.bids else 0, record.ask_price[0] if record.asks else 0,
        record.receive_ns
    )
    top.imbalance = record.imbalance
    return 0
