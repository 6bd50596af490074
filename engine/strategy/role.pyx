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
record: time, cursors, own intents cursor, and which inputs were lapped. That is all a replay needs (`engine.replay`).

Lapped by BOOKS or GLOBAL_BOOKS: read on to the newest, show of each instrument or group the newest among the last
`CATCH_UP`. By TICKS, BARS or OPPORTUNITIES: the lost are lost and counted, the step shows no more of them, and
`on_bars_lost` or `on_opportunities_over` tells it. By COMMANDS: go on, execution holds the halt. By VERDICTS, ORDERS or
FILLS: the position is learnt anew, the orders are forgotten and cancelled.
A full intents lane refuses: `emit` gives None from there to the end of the step, and `on_lane_full` tells it.
"""

from libc.stdint cimport int64_t, uint64_t

from engine.strategy.book cimport Book, instrument_of

import shm
from engine.lanes import BY_NAME
from engine.model.records import STEP_LANES
from engine.model.words import CommandKind, FillFlag, IntentKind, TickKind
from engine.strategy.aggregates import Aggregates, group_of, silent
from engine.strategy.lanes import AGGREGATES, INPUTS, MARK_DRAIN, MARK_FULL
from engine.strategy.ledger import Ledger
from engine.strategy.recovery import COUNT_BITS, fold, recover_count, recover_orders, recover_positions
from engine.strategy.strategy import TTL_NS

READ_LIMIT = 64
WAIT_LIMIT_NS = 1_000_000
FILLS_LIMIT = 256  # one order that sweeps a book has many fills
CATCH_UP = 1024

cdef enum:
    BEFORE_RECOVERY, BEFORE_START, RUNNING

cdef enum:
    TICKS, BOOKS, VERDICTS, ORDERS, FILLS, COMMANDS, OWN_INTENTS, BARS, GLOBAL_BOOKS, OPPORTUNITIES

cdef int OURSELVES = 1 << VERDICTS | 1 << ORDERS | 1 << FILLS
cdef tuple NOTHING = ()
PRINT, PLACE = int(TickKind.PRINT), IntentKind.PLACE
INTENT_ROW = BY_NAME["intents"].record.row
CATCH_UP_LIMIT = max(BY_NAME["books"].capacity, BY_NAME["global_books"].capacity)
NO_CELLS = (0,) * 2
NO_CURSORS = (0,) * (STEP_LANES - len(INPUTS) - 1 - len(AGGREGATES))
NO_AGGREGATES = (0,) * len(AGGREGATES)
SPARE = (0,) * 4
LAPPED = shm.Lapped


def place(found):
    """Where on its lane a number's newest record stands."""
    return found[1][0]


cdef class Counts:
    """What a looker-on may want to know of a role's life."""

    cdef public uint64_t steps, intents, intents_refused_full, laps, recoveries


cdef class StrategyRole:
    """One strategy, advanced by `step`. The only clock is the step's time."""

    cdef readonly str name
    cdef readonly Counts counts
    cdef public object ledger
    cdef object strategy, lanes, books_reader, publish_intent, publish_step, read_book, decode_book, aggregates
    cdef tuple inputs, aggregate_inputs, reads
    cdef uint64_t number, count
    cdef int64_t clock_offset_ns, timer_ns, receive_ns
    cdef uint64_t tick_sequence
    cdef int phase, lapped
    cdef bint full, cancel_everything
    cdef set good

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
        self.inputs = tuple(getattr(lanes, lane) for lane in INPUTS)
        self.aggregate_inputs = tuple(getattr(lanes, lane) if lane in reads else None for lane in AGGREGATES)
        everything = (*self.inputs, None, *self.aggregate_inputs)
        self.reads = tuple(silent if reader is None else reader.read for reader in everything)
        assert self.aggregate_inputs.count(None) == len(AGGREGATES) - len(reads), f"lanes lack some of {reads}"
        self.books_reader = lanes.books
        self.read_book = getattr(lanes.books, "read_bytes", lanes.books.read)  # a replay's history is rows
        self.decode_book = getattr(lanes.books, "decode", None)
        self.publish_intent, self.publish_step = lanes.intents.publish, lanes.steps.publish
        self.ledger = Ledger(number, strategy.instruments)
        self.good = set()  # instruments whose book was good when last shown
        strategy.groups = {
            group.id: group for group in groups if any(one.id in strategy.instruments for one in group.members)
        }
        self.aggregates = Aggregates(strategy, lanes.global_books) if reads else None
        strategy.bind(self, self.ledger)

    def step(self, int64_t now_ns):
        """Read what is there, let the strategy decide, record the step."""
        self.strategy.now_ns = now_ns
        self.full, self.lapped = False, 0
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

    def wait(self, timeout_ns):
        """Sleep until a book comes; not for long, because orders and fills come by other lanes."""
        return self.lanes.books.wait(min(timeout_ns, WAIT_LIMIT_NS))

    def close(self):
        """Let go of the lanes."""
        self.lanes.close()

    def emit(
        self, kind, instrument, *, target_id=0, side=0, size=0, price=0, order_type=0, time_in_force=0, ttl_ns=TTL_NS,
        timeout_ns=0, signal=0.0
    ):
        """Publish an intent; its id, or None when the lane is full."""
        cdef tuple fields
        intent_id = self.number << COUNT_BITS | (self.count + 1)
        fields = (
            intent_id, target_id, self.strategy.now_ns, ttl_ns, self.tick_sequence, self.receive_ns,
            price, size, timeout_ns, self.number, instrument, kind, side, order_type, time_in_force, 0, signal, SPARE,
        )
        if self.full or not self.publish_intent(*fields):
            self.full = True
            self.counts.intents_refused_full += 1
            return None
        self.count += 1
        self.counts.intents += 1
        if kind == PLACE:
            self.ledger.begin(intent_id, instrument, side, price, size)
        else:
            self.ledger.intend(INTENT_ROW(*fields))
        return intent_id

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
        verdicts, orders = self.read(VERDICTS, READ_LIMIT), self.read(ORDERS, READ_LIMIT)
        fills = self.read(FILLS, FILLS_LIMIT)
        if self.lapped & OURSELVES:
            self.recover()
            return 1
        if not (verdicts or orders or fills):
            return 0
        number, strategy = self.number, self.strategy
        for row in verdicts:
            if row.strategy == number:
                self.judged(row)
        for row in fills:
            if row.strategy == number and self.ledger.fill(row) and not row.flags & FillFlag.OPENING:
                strategy.on_fill(row)
        for row in orders:
            if row.strategy == number:
                strategy.on_order(self.ledger.change(row))
        return len(verdicts) + len(orders) + len(fills)

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
        rows = self.read(TICKS, READ_LIMIT)
        first = self.lanes.ticks.cursor - len(rows)
        for behind, row in enumerate(rows, first + 1):
            if row.kind == PRINT and row.instrument in self.strategy.books:
                self.tick_sequence, self.receive_ns = behind, row.receive_ns
                self.strategy.on_print(row)
        self.tick_sequence = self.receive_ns = 0
        return len(rows)

    cdef int books(self) except -1:
        cdef dict newest = {}
        cdef int work = self.gather(BOOKS, self.books_reader, self.read_book, newest)
        books = self.strategy.books
        for instrument, (_, record) in newest.items():
            self.show(books[instrument], instrument, record)
        return work

    cdef int gather(self, int index, object reader, object read, dict newest) except -1:
        """Read on, keeping the newest of each book that concerns it; behind a lap to the end, the last `CATCH_UP`."""
        cdef int limit = READ_LIMIT, work = 0
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

    cdef int show(self, Book book, object instrument, object record) except -1:
        book.take(record, self.decode_book)
        self.tick_sequence, self.receive_ns = book.tick_sequence, book.receive_ns
        if book.good:
            self.good.add(instrument)
            if not self.strategy.halted and not self.strategy.draining:
                self.strategy.on_book(book)
        elif instrument in self.good:
            self.good.discard(instrument)
            self.strategy.on_book_bad(book)
        self.tick_sequence = self.receive_ns = 0

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

    cdef int lap(self, int index) except -1:
        self.lapped |= 1 << index
        self.counts.laps += 1

    cdef int recover(self) except -1:
        """Build the ledger anew from the lanes; what orders they cannot tell of any more is cancelled."""
        self.counts.recoveries += 1
        self.ledger = Ledger(self.number, self.strategy.instruments)
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
            self.emit(IntentKind.CANCEL_ALL, instrument)
        self.cancel_everything = self.full
        return 1

    cdef int end(self, int64_t now_ns, int work, int marks=0) except -1:
        """Close a working step: tell of a full lane, then write down what a replay needs."""
        if self.full:
            marks |= MARK_FULL
            self.strategy.on_lane_full()
        ticks, books, verdicts, orders, fills, commands = self.inputs
        self.publish_step(
            now_ns,
            now_ns - self.clock_offset_ns,
            work,
            self.number,
            self.counts.steps,
            (
                ticks.cursor, books.cursor, verdicts.cursor, orders.cursor, fills.cursor, commands.cursor,
                self.lanes.intents.cursor, *self.aggregate_cursors(), *NO_CURSORS,
            ),
            (self.lapped, marks, *NO_CELLS),
        )
        self.counts.steps += 1
        return 0

    cdef tuple aggregate_cursors(self):
        if self.aggregates is None:
            return NO_AGGREGATES
        return tuple([0 if reader is None else reader.cursor for reader in self.aggregate_inputs])
