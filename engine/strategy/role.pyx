# cython: language_level=3
"""The role around a strategy: reads the lanes in a fixed order, calls the hooks, publishes intents and STEPS.

A step, in this order, each part bounded (`READ_LIMIT` records a lane):

1. COMMANDS   halt, resume and drain, if they mean this strategy or all
2. VERDICTS, ORDERS, FILLS are read, in this order: fills last, so that what an order says it filled is there;
   then told: refusals, fills (into the position first), changes of orders
3. BARS, GLOBAL_BOOKS, OPPORTUNITIES are read, in this order, those that the strategy's `reads` names
4. TICKS      prints, only for a strategy that asks for them
5. BOOKS      the whole batch is read, but the hook is called once an instrument, with the newest
6. what was read in 3 is told: bars, global books (once a group, with the newest), opportunities. It was made of ticks
   and books that stood on their lanes before it, so these are told first, unless they are more than a step reads
7. the timer

The first step of a life only recovers (see `recovery`), the second is `on_start`. A working step ends with one STEP
record: time, cursors, own intents cursor, and which inputs were lapped. That is all a replay needs
(`engine.strategy.replay`).

Lapped by BOOKS or GLOBAL_BOOKS: read on to the newest, show of each instrument or group the newest among the last
`CATCH_UP`. By TICKS, BARS or OPPORTUNITIES: the lost are lost and counted, the step shows no more of them, and
`on_bars_lost` or `on_opportunities_over` tells it. By COMMANDS: go on, execution holds the halt. By VERDICTS, ORDERS or
FILLS: the position is learnt anew, the orders are forgotten and cancelled.
A full intents lane refuses: `emit` gives None from there to the end of the step, and `on_lane_full` tells it.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from engine.model.records cimport STEP_LANES as CURSORS, Intent, Step, Tick
from engine.strategy.book cimport Book, instrument_of
from engine.strategy.voice cimport Outlet, Voice
from shm.protocol cimport (
    expect_slots,
    reader_of,
    rehearsal_of,
    sy_begin,
    sy_beyond,
    sy_copy,
    sy_prefetch,
    sy_publish,
    sy_read_slot,
    sy_reader,
    sy_room,
    sy_slot,
    sy_torn,
    sy_word,
    sy_writer,
    writer_of,
)

import shm
from engine.lanes import BY_NAME
from engine.model.records import BOOK_TOP, STEP, STEP_LANES, TICK
from engine.model.words import CommandKind, FillFlag, IntentKind, Reason, TickKind
from engine.strategy.aggregates import Aggregates, group_of, silent
from engine.strategy.lanes import AGGREGATES, INPUTS, MARK_DRAIN, MARK_FULL
from engine.strategy.footprint import footprint
from engine.strategy.ledger import PLACING, Ledger
from engine.strategy.recovery import COUNT_BITS, fold, recover_count, recover_orders, recover_positions

READ_LIMIT = 64
WAIT_LIMIT_NS = 1_000_000
FILLS_LIMIT = 256  # one order that sweeps a book has many fills
ORDERS_TOLD = 256  # execution tells its orders anew where it begins a life
CATCH_UP = 1024

cdef enum:
    BEFORE_RECOVERY, BEFORE_START, RUNNING

cdef enum:
    MOST = 64  # READ_LIMIT
    C_PLACE = 1

cdef enum:
    TICKS, BOOKS, VERDICTS, ORDERS, FILLS, COMMANDS, OWN_INTENTS, BARS, GLOBAL_BOOKS, OPPORTUNITIES, LANES

cdef struct Begun:
    uint64_t intent_id
    int64_t price
    int64_t size
    uint32_t instrument
    int8_t side

assert STEP.size == sizeof(Step) and STEP_LANES == CURSORS
assert TICK.size == sizeof(Tick) and READ_LIMIT == MOST and IntentKind.PLACE == C_PLACE
cdef Py_ssize_t BOOK_SIZE = BOOK_TOP.size
cdef Py_ssize_t INSTRUMENT_AT = next(field.offset for field in BOOK_TOP.fields if field.name == "instrument")
cdef int OURSELVES = 1 << VERDICTS | 1 << ORDERS | 1 << FILLS
cdef tuple NOTHING = ()
cdef uint8_t PRINT = TickKind.PRINT
cdef int DUPLICATE = Reason.DUPLICATE_INTENT
INTENT_ROW = BY_NAME["intents"].record.row
CATCH_UP_LIMIT = max(BY_NAME["books"].capacity, BY_NAME["global_books"].capacity)
LAPPED = shm.Lapped


def place(found):
    """Where on its lane a number's newest record stands."""
    return found[1][0]


cdef class Counts:
    """What a looker-on may want to know of a role's life."""

    cdef public uint64_t steps, intents, intents_refused_full, laps, recoveries


cdef class StrategyRole(Outlet):
    """One strategy, advanced by `step`. The only clock is the step's time.

    Lanes in shared memory are looked at and written in place, others (a replay's history) by their methods.
    """

    cdef readonly str name
    cdef readonly Counts counts
    cdef public object ledger
    cdef object strategy, lanes, publish_intent, publish_step, read_book, decode_book, decode_tick, aggregates
    cdef Voice voice
    cdef tuple readers, reads
    cdef sy_reader *rings[LANES]
    cdef sy_writer *intents
    cdef sy_writer *steps
    cdef uint64_t number, count
    cdef int64_t clock_offset_ns, timer_ns, receive_ns
    cdef uint64_t tick_sequence
    cdef int phase, lapped
    cdef bint full, cancel_everything
    cdef set good
    cdef Begun begun[MOST]  # orders wanted, but not in the ledger yet: whoever looks there settles them first
    cdef int begun_count
    cdef list extents  # of the strategy's own code
    cdef Voice understudy
    cdef Book prompt_book

    def __init__(self, name, number, strategy, lanes, *, clock_offset_ns=0, reads=(), groups=()):
        """Take a strategy, its number (never 0: that is the account) and its lanes.

        `reads` names what it hears of the aggregation, `groups` are all that the aggregation has.
        """
        if not 0 < number < 1 << 24:
            msg = f"strategy {name!r}: number must be in 1..2^24-1, was {number}"
            raise ValueError(msg)
        self.name = name
        self.counts = Counts()
        self.number = number
        self.strategy = strategy
        self.lanes = lanes
        self.clock_offset_ns = clock_offset_ns
        asked = tuple(getattr(lanes, lane) if lane in reads else None for lane in AGGREGATES)
        assert asked.count(None) == len(AGGREGATES) - len(reads), f"lanes lack some of {reads}"
        self.readers = (*(getattr(lanes, lane) for lane in INPUTS), lanes.intents, *asked)
        self.reads = tuple(getattr(reader, "read", silent) for reader in self.readers)
        for index, reader in enumerate(self.readers):
            self.rings[index] = reader_of(reader)
        self.read_book = getattr(lanes.books, "read_bytes", lanes.books.read)  # a replay's history is rows
        self.decode_book = getattr(lanes.books, "decode", None)
        self.decode_tick = getattr(lanes.ticks, "decode", None)
        self.publish_intent, self.publish_step = lanes.intents.publish, lanes.steps.publish
        self.intents, self.steps = writer_of(lanes.intents), writer_of(lanes.steps)
        self.voice = strategy
        self.extents, self.understudy, self.prompt_book = footprint(strategy), Voice(), Book(None)
        self.ledger = Ledger(number, strategy.instruments, self.settle)
        self.good = set()  # instruments whose book was good when last shown
        strategy.groups = {
            group.id: group for group in groups if any(one.id in strategy.instruments for one in group.members)
        }
        self.aggregates = Aggregates(strategy, lanes.global_books) if reads else None
        strategy.bind(self, self.ledger)

    def step(self, int64_t now_ns):
        """Read what is there, let the strategy decide, record the step."""
        self.voice.now_ns = now_ns
        self.full, self.lapped = False, 0
        if self.begun_count:
            self.settle()
        if self.phase == RUNNING:
            work = self.cancel_what_is_unknown() + self.commands() + self.ourselves()
            work += self.market() if self.aggregates is None else self.market_and_aggregates()
            work += self.timer(now_ns)
        else:
            work = self.begin(now_ns)
        if work or self.lapped:
            self.end(now_ns, work)
        return work

    def drain(self, int64_t now_ns):
        """Take nothing new and have everything working cancelled; True when nothing works."""
        if self.phase != RUNNING:
            return True
        if self.strategy.draining:
            self.step(now_ns)
        else:
            self.strategy.now_ns, self.full, self.lapped = now_ns, False, 0
            self.stop()
            self.end(now_ns, 1, MARK_DRAIN)
        return self.strategy.draining and not self.ledger.working

    def warm(self, int64_t now_ns):
        """Go the way of a book to an intent without a trace, for a process that spins: no hook is called.

        Records are looked at and not taken, an understudy speaks instead of the strategy, and what it says is written
        to private memory. The strategy's own code is only asked for.
        """
        cdef Intent said
        cdef Step noted
        cdef sy_word cursors[2]
        cdef sy_writer *intents = self.intents
        cdef sy_writer *steps = self.steps
        cdef sy_writer stage, notes
        cdef uint64_t count = self.count, said_count = self.counts.intents
        if self.phase != RUNNING or intents == NULL or steps == NULL or self.begun_count:
            return
        stage = rehearsal_of(<char *>&said, &cursors[0], sizeof(Intent))
        notes = rehearsal_of(<char *>&noted, &cursors[1], sizeof(Step))
        expect_slots(intents, 1)
        expect_slots(steps, 1)
        self.ask_for_code()
        self.look_at_records()
        self.intents, self.steps, self.full = &stage, &notes, False
        try:
            self.rehearse(now_ns)
        finally:
            self.intents, self.steps, self.begun_count = intents, steps, 0
            self.count, self.counts.intents, self.full = count, said_count, False

    def wait(self, timeout_ns):
        """Sleep until a book comes; not for long, because orders and fills come by other lanes."""
        return self.lanes.books.wait(min(timeout_ns, WAIT_LIMIT_NS))

    def close(self):
        """Let go of the lanes."""
        self.settle()
        self.intents = self.steps = NULL
        self.lanes.close()

    def settle(self):
        """Take up in the ledger what was wanted since: an intent leaves first, and is entered when there is time."""
        cdef int index, count = self.begun_count
        cdef Begun *one
        self.begun_count = 0
        for index in range(count):
            one = &self.begun[index]
            self.ledger.begin(one.intent_id, one.instrument, one.side, one.price, one.size)

    cdef object say(self, Intent *wish):
        """Publish an intent; its id, or None when the lane is full."""
        wish.intent_id = self.number << COUNT_BITS | (self.count + 1)
        wish.now_ns, wish.strategy = self.voice.now_ns, self.number
        wish.tick_sequence, wish.receive_ns = self.tick_sequence, self.receive_ns
        if self.full or not self.publish(wish):
            self.full = True
            self.counts.intents_refused_full += 1
            return None
        self.count += 1
        self.counts.intents += 1
        if wish.kind == C_PLACE:
            self.begin_order(wish)
        else:
            self.ledger.intend(row_of(wish))
        return wish.intent_id

    cdef bint publish(self, Intent *wish) except -1:
        """Put a record on the lane; False when it is full."""
        if self.intents == NULL:
            return self.publish_intent(*row_of(wish))
        if not sy_room(self.intents, 1):
            return False
        sy_begin(self.intents)
        memcpy(sy_slot(self.intents, 0), wish, sizeof(Intent))
        sy_publish(self.intents, 1)
        return True

    cdef int begin_order(self, Intent *wish) except -1:
        """Keep what the ledger must know of a new order."""
        if self.begun_count == MOST:
            self.settle()
        self.begun[self.begun_count] = Begun(wish.intent_id, wish.price, wish.size, wish.instrument, wish.side)
        self.begun_count += 1
        return 0

    # The rehearsal.

    cdef int rehearse(self, int64_t now_ns) except -1:
        """Have the understudy say an order, and note the step."""
        self.understudy.bind(self, self.ledger)
        for instrument in self.strategy.instruments.values():
            self.understudy.enter(instrument, 1, 1, 1, signal=0.0)
            break
        self.write_step(now_ns, 0, 0)
        return 0

    cdef int ask_for_code(self) except -1:
        """The lines of the strategy's code and of what it holds."""
        cdef uint64_t address, size, at
        for address, size in self.extents:
            for at in range(0, size, 64):
                sy_prefetch(<const void *><size_t>(address + at))
        held = list(vars(self.strategy).values())
        return len(held) and 0

    cdef int look_at_records(self) except -1:
        """The newest book and tick that were read, once more: as they would be taken."""
        cdef sy_reader *ring = self.rings[BOOKS]
        cdef Tick tick
        if ring != NULL and ring.next:
            sy_copy(self.prompt_book.incoming, sy_read_slot(ring, ring.next - 1), BOOK_SIZE)
            self.prompt_book.take_incoming(None)
        ring = self.rings[TICKS]
        if ring != NULL and ring.next and self.strategy.wants_prints:
            sy_copy(<char *>&tick, sy_read_slot(ring, ring.next - 1), sizeof(Tick))
            self.decode_tick(bytes_of(&tick))
        return 0

    # The parts of a step, in its order.

    cdef int begin(self, int64_t now_ns) except -1:
        if self.phase == BEFORE_RECOVERY:
            self.count = recover_count(self.lanes, now_ns)
            self.recover()
            fold(self.lanes.commands, "commands", self.remember)
            self.phase = BEFORE_START
        else:
            self.phase = RUNNING
            self.timer_ns = now_ns + self.strategy.timer_ns
            self.cancel_what_is_unknown()
            self.strategy.on_start()
        return 1

    def remember(self, row):
        """Learn from an old command whether we may trade; its hook was called in an earlier life."""
        if row.strategy in (0, self.number):
            self.strategy.halted = row.kind == CommandKind.HALT or (
                self.strategy.halted and row.kind != CommandKind.RESUME
            )
            self.strategy.draining = row.kind == CommandKind.DRAIN or (
                self.strategy.draining and row.kind != CommandKind.RESUME
            )

    cdef int commands(self) except -1:
        rows = self.read(COMMANDS, READ_LIMIT)
        for row in rows:
            if row.strategy in (0, self.number):
                self.obey(row.kind)
        return len(rows)

    cdef int obey(self, int kind) except -1:
        strategy = self.strategy
        if kind == CommandKind.HALT and not strategy.halted:
            strategy.halted = True
            strategy.on_halt()
        elif kind == CommandKind.RESUME and (strategy.halted or strategy.draining):
            strategy.halted = strategy.draining = False
            strategy.on_resume()
        elif kind == CommandKind.DRAIN and not strategy.draining:
            self.stop()

    cdef int stop(self) except -1:
        """Wind the strategy down; when the lane had no room for it, the next drain says it again."""
        self.strategy.on_stop()
        self.strategy.draining = not self.full

    cdef int ourselves(self) except -1:
        """Hear what became of our intents; a lap there means to learn everything anew."""
        if self.is_still(VERDICTS) and self.is_still(ORDERS) and self.is_still(FILLS):
            return 0
        verdicts = self.read(VERDICTS, READ_LIMIT)
        doubled = any(row.reason == DUPLICATE for row in verdicts)  # execution began anew, and has told its orders
        orders, fills = self.read(ORDERS, ORDERS_TOLD if doubled else READ_LIMIT), self.read(FILLS, FILLS_LIMIT)
        if self.lapped & OURSELVES:
            self.recover()
            return 1
        if not (verdicts or orders or fills):
            return 0
        number, strategy = self.number, self.strategy
        for row in verdicts:
            if row.strategy == number and not self.is_known_order(row, orders):
                self.judged(row)
        for row in fills:
            if row.strategy == number and self.ledger.fill(row) and not row.flags & FillFlag.OPENING:
                strategy.on_fill(row)
        for row in orders:
            if row.strategy == number:
                strategy.on_order(self.ledger.change(row))
        return len(verdicts) + len(orders) + len(fills)

    cdef bint is_known_order(self, object row, object orders) except -1:
        """Whether an intent was only handed over twice: it has an order, told before or in this step."""
        if row.reason != DUPLICATE or row.kind not in PLACING:
            return False
        order = self.ledger.working.get(row.intent_id)
        return order is None or order.state is not None or any(one.intent_id == row.intent_id for one in orders)

    cdef int judged(self, object row) except -1:
        self.ledger.judge(row)
        if row.reason:
            self.strategy.on_refusal(row)

    cdef int market(self) except -1:
        return self.prints() + self.books()

    cdef int market_and_aggregates(self) except -1:
        """Read what was made of the market before the market itself, and tell it behind: no book is older than it."""
        cdef dict newest = {}
        bars = self.read(BARS, READ_LIMIT)
        work = len(bars) + self.gather(GLOBAL_BOOKS, self.lanes.global_books, self.aggregates.read_book, newest)
        opportunities = self.read(OPPORTUNITIES, READ_LIMIT)
        work += len(opportunities) + self.market()
        self.call(self.aggregates.bars(bars, lapped=bool(self.lapped & 1 << BARS)))
        self.call(self.aggregates.global_books([record for _, record in newest.values()]))
        self.call(self.aggregates.opportunities(opportunities, lapped=bool(self.lapped & 1 << OPPORTUNITIES)))
        return work

    cdef int call(self, object hooks) except -1:
        """Call hooks with their rows; what they want bears the row's place and time, where it has them."""
        for hook, *rows in hooks:
            for row in rows:
                self.tick_sequence, self.receive_ns = row.tick_sequence, getattr(row, "receive_ns", 0)
            hook(*rows)
            self.tick_sequence = self.receive_ns = 0
        return 0

    cdef int prints(self) except -1:
        if not self.strategy.wants_prints:
            return 0
        if self.rings[TICKS] != NULL:
            return self.prints_of_ring(self.rings[TICKS])
        rows = self.read(TICKS, READ_LIMIT)
        first = self.lanes.ticks.cursor - len(rows)
        for behind, row in enumerate(rows, first + 1):
            if row.kind == PRINT and row.instrument in self.strategy.books:
                self.tell_print(behind, row)
        return len(rows)

    cdef int prints_of_ring(self, sy_reader *ring) except -1:
        """The same in place: most ticks are no prints, and no row is made of them."""
        cdef Tick batch[MOST]
        cdef uint64_t index, first = ring.next, count = sy_beyond(ring)
        cdef Tick *tick
        if not count:
            return 0
        if count > ring.capacity - ring.reserve:
            return self.lap_of(TICKS)
        count = min(count, <uint64_t>MOST)
        sy_copy(<char *>batch, sy_read_slot(ring, first), count * sizeof(Tick))
        if sy_torn(ring, first, count):
            return self.lap_of(TICKS)
        ring.next += count
        for index in range(count):
            tick = &batch[index]
            if tick.kind == PRINT and tick.instrument in self.strategy.books:
                self.tell_print(first + index + 1, self.decode_tick(bytes_of(tick)))
        return <int>count

    cdef int lap_of(self, int index) except -1:
        """A lane was overtaken: its reader goes on behind the hole, and nothing is shown of it."""
        self.read(index, READ_LIMIT)
        assert self.lapped & 1 << index, "a lane went back"
        return 0

    cdef int tell_print(self, uint64_t behind, object row) except -1:
        """A trade between others."""
        self.tick_sequence, self.receive_ns = behind, row.receive_ns
        self.strategy.on_print(row)
        self.tick_sequence = self.receive_ns = 0
        return 0

    cdef int books(self) except -1:
        cdef dict newest = {}
        cdef int work
        cdef sy_reader *ring = self.rings[BOOKS]
        if ring != NULL:
            work = self.books_of_ring(ring, sy_beyond(ring))
            if work >= 0:
                return work
        work = self.gather(BOOKS, self.lanes.books, self.read_book, newest)
        books = self.strategy.books
        for instrument, (_, record) in newest.items():
            (<Book>books[instrument]).take(record, self.decode_book)
            self.show(books[instrument])
        return work

    cdef int books_of_ring(self, sy_reader *ring, uint64_t count) except -2:
        """Take the newest record of each book in place; -1, and nothing is taken, where that is not all there is."""
        cdef uint64_t first = ring.next
        cdef list arrived
        cdef Book book
        if not count:
            return 0
        if count > MOST:
            return -1
        arrived = self.copy_newest(ring, count)
        if sy_torn(ring, first, count):
            return -1
        ring.next += count
        for book in arrived:
            book.take_incoming(self.decode_book)
            self.show(book)
        return <int>count

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
        """Read on, keeping the newest of each book that concerns it; behind a lap to the end, the last `CATCH_UP`."""
        cdef int limit = READ_LIMIT, work = 0
        if self.is_still(index):
            return 0
        cdef bint of_groups = index == GLOBAL_BOOKS
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
        if self.lapped & 1 << index:
            kept = sorted(newest.items(), key=place)  # in the lane's order: what was read before is of no STEP
            newest.clear()
            newest.update(one for one in kept if place(one) > reader.cursor - CATCH_UP)
        return min(work, READ_LIMIT)  # how far it was behind is no part of the decision, and of no STEP

    cdef int show(self, Book book) except -1:
        """Call the hook for a book that is filled anew."""
        self.tick_sequence, self.receive_ns = book.tick_sequence, book.receive_ns
        if book.good:
            self.good.add(book)
            if not self.voice.halted and not self.voice.draining:
                self.strategy.on_book(book)
        elif book in self.good:
            self.good.discard(book)
            self.strategy.on_book_bad(book)
        self.tick_sequence = self.receive_ns = 0
        return 0

    cdef int timer(self, int64_t now_ns) except -1:
        interval_ns = self.strategy.timer_ns
        if not interval_ns or now_ns < self.timer_ns:
            return 0
        self.timer_ns = now_ns + interval_ns
        self.strategy.on_timer(now_ns)
        return 1

    # Reading, recovery, recording.

    cdef object read(self, int index, int limit):
        """Read up to `limit` rows of an input; a lap ends the reading of this step, and nothing is shown of it."""
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
        """Whether nothing waits on a lane in shared memory; of any other its reader must be asked."""
        return self.rings[index] != NULL and not sy_beyond(self.rings[index])

    cdef int lap(self, int index) except -1:
        self.lapped |= 1 << index
        self.counts.laps += 1

    cdef int recover(self) except -1:
        """Build the ledger anew from the lanes; what orders they cannot tell of any more is cancelled."""
        self.counts.recoveries += 1
        self.begun_count = 0
        self.ledger = Ledger(self.number, self.strategy.instruments, self.settle)
        self.strategy.bind(self, self.ledger)
        recover_positions(self.lanes, self.ledger)
        running = self.phase == RUNNING
        if running or not recover_orders(self.lanes, self.ledger):
            self.lapped |= 0 if running else 1 << ORDERS
            self.cancel_everything = True

    cdef int cancel_what_is_unknown(self) except -1:
        if not self.cancel_everything:
            return 0
        for instrument in self.strategy.instruments:
            self.voice.want_gone(instrument)
        self.cancel_everything = self.full
        return 1

    cdef int end(self, int64_t now_ns, int work, int marks=0) except -1:
        """Close a working step: tell of a full lane, then write down what a replay needs."""
        if self.full:
            marks |= MARK_FULL
            self.strategy.on_lane_full()
        self.write_step(now_ns, work, marks)
        self.counts.steps += 1
        return 0

    cdef int write_step(self, int64_t now_ns, int work, int marks) except -1:
        """One STEP record, with how far every lane was read."""
        cdef Step step
        cdef int index
        memset(&step, 0, sizeof(Step))
        step.now_ns, step.monotonic_ns = now_ns, now_ns - self.clock_offset_ns
        step.work, step.role, step.step = work, self.number, self.counts.steps
        for index in range(LANES):
            step.cursors[index] = self.cursor_of(index)
        step.cells[0], step.cells[1] = self.lapped, marks
        if self.steps == NULL:
            self.publish_step(
                step.now_ns, step.monotonic_ns, step.work, step.role, step.step, tuple(step.cursors), tuple(step.cells)
            )
            return 0
        sy_begin(self.steps)
        memcpy(sy_slot(self.steps, 0), &step, sizeof(Step))
        sy_publish(self.steps, 1)
        return 0

    cdef uint64_t cursor_of(self, int index) except? 0:
        """How far a lane was read; of our own intents: written."""
        if self.rings[index] != NULL:
            return self.rings[index].next
        if index == OWN_INTENTS and self.intents != NULL:
            return self.intents.next
        reader = self.readers[index]
        return 0 if reader is None else reader.cursor


cdef bytes bytes_of(Tick *tick):
    """A record as a lane's reader gives it."""
    return PyBytes_FromStringAndSize(<char *>tick, sizeof(Tick))


cdef object row_of(Intent *wish):
    """A record as its row."""
    return INTENT_ROW(
        wish.intent_id, wish.target_id, wish.now_ns, wish.ttl_ns, wish.tick_sequence, wish.receive_ns, wish.price,
        wish.size, wish.timeout_ns, wish.strategy, wish.instrument, wish.kind, wish.side, wish.order_type,
        wish.time_in_force, wish.flags, wish.signal, tuple(wish.spare),
    )
