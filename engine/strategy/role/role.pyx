# cython: language_level=3
"""The role around a strategy: reads the lanes in a fixed order, calls the hooks, publishes intents and STEPS.

    lanes ─▶ LaneInputs ─▶ StrategyRole ─▶ the strategy's hooks ─▶ its IntentApi ─▶ Intents ─▶ its intents lane
                           └─▶ Steps ─▶ its STEPS lane             Rehearsal: the same code, without an effect

A step, in this order, each part bounded (`READ_LIMIT` records a lane):

1. COMMANDS   halt, resume and drain, if they are for this strategy or for all; what an operator set for this strategy
2. VERDICTS, ORDERS, FILLS are read, in this order: fills last, so that every fill that an order counts is there;
   then their hooks are called: refusals, fills (each is applied to the position first), changes of orders
3. BARS, GLOBAL_BOOKS, OPPORTUNITIES are read, in this order, if the strategy defines their hooks
4. TICKS      prints, only for a strategy that defines `on_print`
5. BOOKS      the whole batch is read, but the hook is called once an instrument, with the newest
6. the hooks of 3 are called: bars, global books (once a group, with the newest), opportunities. They were made from
   earlier ticks and books, so the hooks of 4 and 5 come first, unless those are more than one step reads
7. the timer, and the scheduled methods that are due

With a cadence, 3 to 6 are done only when it is due, then in each step until nothing waits. So a slow strategy reads
everything, later, and its own records are not late.

The first step of a life only recovers (see `recovery`), the second is `on_start` and what a saved state adds (see
`saved`). A working step ends with one STEP record: time, cursors, own intents cursor, and which inputs were lapped.
That is all a replay needs (see `replay`).

When a lane has lapped the role, the strategy receives:

    BOOKS, GLOBAL_BOOKS         the newest of each instrument or group among the last `CATCH_UP` records
    TICKS                       no further print in this step; the lost prints are counted
    BARS, OPPORTUNITIES         no further record in this step, and a call of `on_bars_lost` or `on_opportunities_over`
    COMMANDS                    the commands that follow: execution keeps the halt
    VERDICTS, ORDERS, FILLS     the position from FILLS and POSITIONS; the orders are dropped and all are cancelled

When the intents lane is full, `place`, `cancel` and `replace` return None until the end of the step, and `on_lane_full`
is called. The log has the reason, at most once a minute for each, also when a halted or draining strategy submits.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from engine.meters.current cimport CLOCK_OFFSET, TIMED, count_up, observe_ns, sy_meter_clock
from engine.model.records cimport Tick
from engine.strategy.api.book cimport Book
from engine.strategy.role.counts cimport Counts
from engine.strategy.role.lane_inputs cimport (
    BARS,
    BOOKS,
    COMMANDS,
    FILLS,
    GLOBAL_BOOKS,
    MOST,
    OPPORTUNITIES,
    ORDERS,
    TICKS,
    VERDICTS,
    LaneInputs,
)
from engine.strategy.api.intents cimport Intents
from engine.strategy.role.own_records cimport OwnRecords
from engine.strategy.role.rehearsal cimport ANSWERS, Rehearsal
from engine.strategy.role.steps cimport Steps
from engine.strategy.api.intent_api cimport IntentApi

import time

from engine.meters.table import place_of
from engine.model.intent_id import ROUTED
from engine.model.words import CommandKind, FillFlag, Reason, TickKind
from engine.role import WorkingOn
from engine.strategy.role.described import described
from engine.strategy.role.aggregates import Aggregates
from engine.strategy.api.declared import check_timer
from engine.strategy.role.lane_inputs import READ_LIMIT
from engine.strategy.role.beliefs import write_belief
from engine.strategy.role.lanes import MARK_DRAIN, MARK_FULL
from engine.strategy.api.ledger import PLACING, Ledger
from engine.strategy.role.recovery import fold, recover_count, recover_orders, recover_positions, recover_routed
from engine.strategy.role.refusal_log import RefusalLog
from engine.strategy.role.saved import Saved, version_of
from engine.strategy.api.schedule import NEVER_NS
from engine.strategy.role.schedule import Schedule
from engine.strategy.role.settings import Settings
from engine.strategy.api.strategy import defines, reads_of, saves
from engine.strategy.api.withheld import Withheld
from engine.strategy.inputs.declaration import inputs_declared
from engine.strategy.inputs.values import begin_inputs, inputs_of

WAIT_LIMIT_NS = 1_000_000

cdef enum:
    BEFORE_RECOVERY, BEFORE_START, RUNNING

cdef enum:  # which halts are in force: each ends by its own RESUME
    SYSTEM_HALT = 1
    OWN_HALT = 2

cdef Py_ssize_t DELIVER = place_of("deliver")
cdef Py_ssize_t STRATEGY = place_of("strategy")
cdef Py_ssize_t BOOK_CALLS = place_of("books")
cdef Py_ssize_t PRINT_CALLS = place_of("prints")

cdef uint8_t PRINT = TickKind.PRINT
cdef int DUPLICATE = Reason.DUPLICATE_INTENT
cdef int OPENING = FillFlag.OPENING


cdef class StrategyRole:
    """One strategy, advanced by `step`. The only clock is the step's time."""

    stops_alone = True  # where its hook raises, the other roles of its process continue (see `engine/runtime.py`)

    cdef readonly str name
    cdef readonly Counts counts
    cdef readonly int reads  # how many of the aggregation's lanes; the supervisor may park one without a reader
    cdef public object ledger
    cdef object strategy, lanes, aggregates, refusals, withheld, settings
    cdef tuple changed  # the parameters that were set before this life began
    cdef object saved, state  # of a strategy that saves its state: where, and the one that this life loads
    cdef str busy_lane  # of the row that a hook is called for, where that is no tick and no book
    cdef object busy
    cdef IntentApi api
    cdef LaneInputs inputs
    cdef OwnRecords own
    cdef Intents intents
    cdef Steps steps
    cdef Rehearsal rehearsal
    cdef uint64_t number
    cdef readonly int64_t scheduled_ns  # when a scheduled method is due
    cdef int64_t timer_ns, cadence_ns, due_ns
    cdef object schedule
    cdef int phase, turn, halts
    cdef uint64_t book_calls
    cdef bint cancel_everything
    cdef set good

    def __init__(self, name, number, strategy, lanes, *, clock_offset_ns=0, groups=(), routes=None, cadence_ns=0):
        """Run this strategy, with its number (never 0: that is the account) and its lanes.

        `groups` are all groups of the aggregation; the strategy's hooks decide which lanes of it are read. `routes` has
        the place of each instrument's execution among those of `lanes`; with one execution it is not needed. Market
        data is read every `cadence_ns`; 0: at once.
        """
        reads = reads_of(type(strategy))
        if not 0 < number < ROUTED:
            msg = f"strategy {name!r}: number must be in 1..2^23-1, was {number}"
            raise ValueError(msg)
        self.name = name
        self.counts = Counts()
        self.reads = len(reads)
        self.number = number
        self.strategy = self.api = strategy
        self.lanes = lanes
        self.refusals = RefusalLog(name, strategy.instruments)
        self.inputs = LaneInputs(self.counts, strategy, lanes, reads)
        self.own = OwnRecords(self.inputs, number, lanes)
        self.intents = Intents(self.counts, number, strategy, lanes.intents, routes or {}, lanes.router)
        self.steps = Steps(
            self.counts, number, self.inputs, self.intents, lanes.steps, clock_offset_ns, version_of(name, strategy)
        )
        self.rehearsal = Rehearsal(strategy, self.inputs, self.intents, self.steps)
        self.schedule, self.scheduled_ns, self.cadence_ns = Schedule(strategy), NEVER_NS, cadence_ns
        self.good = set()  # instruments whose book was good when last shown
        self.api.groups = {
            group.id: group for group in groups if any(one.id in strategy.instruments for one in group.members)
        }
        self.aggregates = Aggregates(strategy, lanes.global_books) if reads else None
        self.withheld = Withheld(name, lanes.accepted)
        self.settings, self.changed = Settings(strategy, lanes.parameters), ()
        kept = saves(type(strategy)) or inputs_declared(type(strategy))
        saved = kept and lanes.states is not None
        self.saved = Saved(name, number, strategy, lanes) if saved else None
        self.reset_ledger()

    def step(self, int64_t now_ns):
        """Read what is there, let the strategy decide, record the step."""
        self.api.now_ns = now_ns
        self.intents.full = self.inputs.lapped = 0
        if self.intents.begun_count:
            self.intents.settle()
        if self.phase == RUNNING:
            work = self.cancel_unknown_orders() + self.commands() + self.own_records()
            if now_ns >= self.due_ns:
                work += self.market_when_due(now_ns) if self.cadence_ns else self.all_market()
            work += self.timer(now_ns)
        else:
            work = self.begin(now_ns)
        if work or self.inputs.lapped:
            self.end(now_ns, work)
        return work

    def lag(self):
        """How many records wait on the lane on which most wait; with a cadence they wait as it was configured."""
        return 0 if self.cadence_ns else self.inputs.lag()

    def error_count(self):
        """How often a lane was lapped, and how often an intent found its lane full."""
        return self.counts.laps + self.counts.intents_refused_full

    def drain(self, int64_t now_ns):
        """Accept no new order and cancel the working ones; True when no order works."""
        if self.phase != RUNNING:
            return True
        if self.api.draining:
            self.step(now_ns)
        else:
            self.api.now_ns, self.intents.full, self.inputs.lapped = now_ns, 0, 0
            self.stop()
            self.end(now_ns, 1, MARK_DRAIN)
        return self.api.draining and not self.ledger.working

    def working_on(self):
        """The record whose hook has raised; None when a hook without a record did, such as the timer's."""
        cdef uint64_t next_sequence = self.intents.tick_sequence
        if self.busy is not None:
            return described(self.busy_lane, self.busy, self.number)
        return WorkingOn("ticks", next_sequence - 1, self.number) if next_sequence else None

    def warm(self, int64_t now_ns):
        """Go the way from a tick to an intent without a trace, for a process that spins: no hook is called."""
        if self.phase == RUNNING and self.rehearsal.begin():
            self.rehearse(now_ns)

    def wait(self, timeout_ns):
        """Sleep until a book of the next feed in turn comes; not for long, because there are other lanes."""
        books = self.lanes.books
        if self.cadence_ns:  # a book that waits would end the wait at once, again and again
            time.sleep(min(timeout_ns, WAIT_LIMIT_NS) / 1e9)
            return False
        self.turn = (self.turn + 1) % len(books)
        return books[self.turn].wait(min(timeout_ns, WAIT_LIMIT_NS // len(books)))

    def close(self):
        """Close the lanes."""
        self.intents.settle()
        self.intents.close()
        self.steps.lane = NULL
        self.lanes.close()

    cdef int rehearse(self, int64_t now_ns) except -1:
        """Read the rehearsal's records with its understudy, which submits orders and reads their answers."""
        cdef IntentApi api = self.api
        strategy, ledger, good = self.strategy, self.ledger, self.good
        self.strategy = self.api = self.inputs.strategy = self.rehearsal.understudy
        self.ledger, self.good = self.rehearsal.ledger, self.rehearsal.good
        try:
            if self.inputs.reads_prints:
                self.prints_in_place(self.inputs.first[TICKS])
            self.books_of_feed(self.inputs.first[BOOKS])
            self.intents.settle()
            self.follow_orders(self.own.read_in_place(ORDERS, self.inputs.first[ORDERS], ANSWERS))
            self.steps.write(now_ns, 0, 0)
        finally:
            self.strategy, self.api, self.inputs.strategy = strategy, api, strategy
            self.ledger, self.good = ledger, good
            self.rehearsal.end()
        return 0

    # The parts of a step, in its order.

    cdef int begin(self, int64_t now_ns) except -1:
        if self.phase == BEFORE_RECOVERY:
            self.intents.count = recover_count(self.lanes, now_ns)
            self.recover()
            fold(self.lanes.commands, "commands", self.remember)
            self.changed = self.settings.differing()
            self.phase = BEFORE_START
            self.find_state()
        else:
            self.phase = RUNNING
            self.cancel_unknown_orders()
            self.start()
            check_timer(type(self.strategy).__name__, self.strategy.timer_ns)
            self.timer_ns, self.scheduled_ns = now_ns + self.strategy.timer_ns, self.schedule.begin(now_ns)
            if not self.strategy.timer_ns and defines(type(self.strategy), "on_timer"):
                self.withheld.never_timed()
        return 1

    cdef int find_state(self) except -1:
        """Find the saved state that this life loads."""
        if self.saved is not None and (state := self.saved.find()) is not None:
            self.state, self.steps.loaded_ns = state, state.now_ns

    cdef int start(self) except -1:
        """Call the hooks of a start. After a saved state, no new order is accepted until what it lacks was shown."""
        cdef bint draining = self.api.draining
        cdef bint loads = self.state is not None and saves(type(self.strategy))
        self.api.draining = draining or loads
        begin_inputs(self.strategy)
        self.strategy.on_start()
        if self.state is not None:
            self.saved.load(self.state)
            if not self.saved.read_bars(self.state):
                self.inputs.lap(self.inputs.first[BARS])
        if self.changed:
            self.strategy.on_parameters(self.changed)
        if loads:
            for self.busy_lane, self.busy, hook, argument in self.saved.missed(self.state):
                hook(argument)
        self.busy = self.state = None
        self.api.draining = draining
        return 0

    def remember(self, row):
        """Apply an old command to `halted`, `draining` and the parameters; its hook was called in an earlier life."""
        if row.kind == CommandKind.SET:
            if row.strategy == self.number:
                self.set_values(row)
        elif self.concerns(row):
            self.follow_halt(row)
            self.api.draining = row.kind == CommandKind.DRAIN or self.settings.disabled or (
                self.api.draining and row.kind != CommandKind.RESUME
            )

    cdef tuple set_values(self, object row):
        """Apply a SET of this strategy; the names of the parameters that changed."""
        cdef bint was_disabled = self.settings.disabled
        changed = self.settings.follow(row, self.api.now_ns)
        self.api.parameters = self.settings.parameters
        if self.settings.disabled != was_disabled:
            self.api.draining = self.settings.disabled
        return changed

    cdef int commands(self) except -1:
        rows = self.inputs.read_kind(COMMANDS, READ_LIMIT)
        self.busy_lane = "commands"
        for self.busy in rows:
            if self.busy.kind == CommandKind.SET:
                self.apply_set(self.busy)
            elif self.concerns(self.busy):
                self.apply_command(self.busy)
        self.busy = None
        return len(rows)

    cdef int apply_set(self, object row) except -1:
        """Apply a SET between two events, and call the hooks of what it changed."""
        if row.strategy != self.number:
            return 0
        cdef bint was_draining = self.api.draining
        changed = self.set_values(row)
        if changed:
            inputs_of(self.strategy).follow(changed)
            self.strategy.on_parameters(changed)
        if self.settings.disabled and not was_draining:
            self.api.draining = False  # `on_stop` may submit
            self.stop()
            self.api.draining = True  # also when the lane was full: execution cancels the orders too
        elif was_draining and not self.api.draining:
            self.strategy.on_resume()
        return 0

    cdef bint concerns(self, row) except -1:
        """Whether a command is for this strategy as a whole; a halted account or instrument is risk's to refuse."""
        return row.strategy in (0, self.number) and not row.account and not row.instrument

    cdef int follow_halt(self, row) except -1:
        """Set or clear the halt of the system, or of this strategy."""
        mark = OWN_HALT if row.strategy else SYSTEM_HALT
        if row.kind == CommandKind.HALT or row.kind == CommandKind.FLATTEN:
            self.halts |= mark
        elif row.kind == CommandKind.RESUME:
            self.halts &= ~mark
        self.api.halted = self.halts != 0

    cdef int apply_command(self, row) except -1:
        was_halted, kind = self.api.halted, row.kind
        self.follow_halt(row)
        if self.api.halted and not was_halted:
            self.strategy.on_halt()
        elif kind == CommandKind.RESUME and not self.api.halted and (
            was_halted or (self.api.draining and not self.settings.disabled)
        ):
            self.api.draining = self.settings.disabled
            self.strategy.on_resume()
        elif kind == CommandKind.DRAIN and not self.api.draining:
            self.stop()

    cdef int stop(self) except -1:
        """Wind the strategy down; if the lane was full, the next drain repeats it."""
        self.strategy.on_stop()
        self.api.draining = not self.intents.full

    cdef int own_records(self) except -1:
        """Read the answers to our intents; after a lap restore position and orders from the lanes."""
        cdef OwnRecords own = self.own
        if not own.wait():
            return 0
        own.read()
        if self.inputs.lapped_of(VERDICTS) or self.inputs.lapped_of(ORDERS) or self.inputs.lapped_of(FILLS):
            self.recover()
            return 1
        self.busy_lane = "verdicts"
        for self.busy in own.verdicts:
            if not self.is_known_order(self.busy, own.orders):
                self.apply_verdict(self.busy)
        self.busy_lane = "fills"
        for self.busy in own.fills:
            if self.ledger.fill(self.busy) and not self.busy.flags & OPENING:
                self.strategy.on_fill(self.busy)
        self.follow_orders(own.orders)
        return own.count

    cdef int follow_orders(self, list changes) except -1:
        """Apply changes of the strategy's orders, and call the hook for each."""
        self.busy_lane = "orders"
        for self.busy in changes:
            self.strategy.on_order(self.ledger.change(self.busy))
        self.busy = None
        return 0

    cdef bint is_known_order(self, object row, object orders) except -1:
        """Whether an intent was only read twice by execution: its order was published before or in this step."""
        if row.reason != DUPLICATE or row.kind not in PLACING:
            return False
        order = self.ledger.working.get(row.intent_id)
        return order is None or order.state is not None or any(one.intent_id == row.intent_id for one in orders)

    cdef int apply_verdict(self, object row) except -1:
        self.ledger.judge(row)
        if row.reason:
            self.refusals.note(row, self.strategy.now_ns)
            self.strategy.on_refusal(row)

    cdef int all_market(self) except -1:
        return self.market() if self.aggregates is None else self.market_and_aggregates()

    cdef int market_when_due(self, int64_t now_ns) except -1:
        """Read market data; when nothing waits, the next time is the next multiple of the cadence."""
        cdef int work = self.all_market()
        if not work:
            self.due_ns = (now_ns // self.cadence_ns + 1) * self.cadence_ns
        return work

    cdef int market(self) except -1:
        return self.prints() + self.books()

    cdef int market_and_aggregates(self) except -1:
        """Read the aggregates before the market and call their hooks after it: no book is older than an aggregate."""
        cdef dict newest = {}
        cdef int global_books = self.inputs.first[GLOBAL_BOOKS]
        bars = self.inputs.read_kind(BARS, READ_LIMIT)
        work = len(bars) + self.inputs.gather(global_books, self.lanes.global_books, self.aggregates.read_book, newest)
        opportunities = self.inputs.read_kind(OPPORTUNITIES, READ_LIMIT)
        work += len(opportunities) + self.market()
        self.call(self.aggregates.bars(bars, lapped=bool(self.inputs.lapped_of(BARS))))
        self.call(self.aggregates.global_books([record for _, record in newest.values()]))
        self.call(self.aggregates.opportunities(opportunities, lapped=bool(self.inputs.lapped_of(OPPORTUNITIES))))
        return work

    cdef int call(self, object hooks) except -1:
        """Call hooks with their rows; intents from them carry the row's sequence and time, if it has them."""
        for hook, *rows in hooks:
            for row in rows:
                self.intents.tick_sequence, self.intents.receive_ns = row.tick_sequence, getattr(row, "receive_ns", 0)
            hook(*rows)
            self.intents.tick_sequence = self.intents.receive_ns = 0
        return 0

    cdef int prints(self) except -1:
        cdef int index, work = 0
        if not self.inputs.reads_prints:
            return 0
        for index in range(self.inputs.first[TICKS], self.inputs.first[TICKS + 1]):
            work += self.prints_in_place(index) if self.inputs.rings[index] != NULL else self.prints_of_reader(index)
        return work

    cdef int prints_of_reader(self, int index) except -1:
        """Call the hook for the prints of one feed."""
        rows = self.inputs.read(index, READ_LIMIT)
        first = self.inputs.readers[index].cursor - len(rows)
        for next_sequence, row in enumerate(rows, first + 1):
            if row.kind == PRINT and row.instrument in self.api.books:
                self.call_print_hook(next_sequence, row)
        return len(rows)

    cdef int prints_in_place(self, int place) except -1:
        """The same of a lane in shared memory."""
        cdef Tick batch[MOST]
        cdef int index, count = self.inputs.ticks_in_place(place, batch)
        cdef uint64_t first = self.inputs.rings[place].next - count
        cdef Tick *tick
        for index in range(count):
            tick = &batch[index]
            if tick.kind == PRINT and tick.instrument in self.api.books:
                self.call_print_hook(first + index + 1, self.inputs.row_of(tick))
        return count

    cdef int call_print_hook(self, uint64_t next_sequence, object row) except -1:
        """Call the hook for a trade between others."""
        self.intents.tick_sequence, self.intents.receive_ns = next_sequence, row.receive_ns
        count_up(PRINT_CALLS, 1)
        self.strategy.on_print(row)
        self.intents.tick_sequence = self.intents.receive_ns = 0
        return 0

    cdef int books(self) except -1:
        cdef int place, work = 0
        for place in range(self.inputs.first[BOOKS], self.inputs.first[BOOKS + 1]):
            work += self.books_of_feed(place)
        return work

    cdef int books_of_feed(self, int place) except -1:
        cdef int work = 0
        cdef Book book
        cdef list arrived = self.inputs.newest_in_place(place, &work)
        if arrived is None:
            return self.books_of_reader(place)
        for book in arrived:
            book.apply_incoming(self.inputs.decode_book)
            self.call_book_hook(book)
        return work

    cdef int books_of_reader(self, int place) except -1:
        """The same of a lane elsewhere, or of one that is more than a batch ahead."""
        cdef dict newest = {}
        reader = self.inputs.readers[place]
        cdef int work = self.inputs.gather(place, reader, reader.read_bytes, newest)
        books = self.strategy.books
        for instrument, (_, record) in newest.items():
            (<Book>books[instrument]).apply(record, self.inputs.decode_book)
            self.call_book_hook(books[instrument])
        return work

    cdef int call_book_hook(self, Book book) except -1:
        """Call the hook for a book with a new record."""
        self.intents.tick_sequence, self.intents.receive_ns = book.tick_sequence, book.receive_ns
        if book.good:
            self.good.add(book)
            if not self.api.halted and not self.api.draining:
                self.book_calls += 1
                if self.book_calls % TIMED:
                    self.strategy.on_book(book)
                else:
                    self.time_book_hook(book)
                count_up(BOOK_CALLS, 1)
        elif book in self.good:
            self.good.discard(book)
            self.strategy.on_book_bad(book)
        self.intents.tick_sequence = self.intents.receive_ns = 0
        return 0

    cdef int time_book_hook(self, Book book) except -1:
        """Call the hook, and record how old the book was and how long the hook took."""
        cdef int64_t begin_ns = sy_meter_clock()
        self.strategy.on_book(book)
        observe_ns(DELIVER, begin_ns + CLOCK_OFFSET - book.receive_ns)
        observe_ns(STRATEGY, sy_meter_clock() - begin_ns)
        return 0

    cdef int timer(self, int64_t now_ns) except -1:
        cdef int work = 0
        interval_ns = self.strategy.timer_ns
        if interval_ns and now_ns >= self.timer_ns:
            self.timer_ns = now_ns + interval_ns
            self.strategy.on_timer(now_ns)
            work = 1
        if now_ns >= self.scheduled_ns:
            self.scheduled_ns = self.schedule.call(now_ns)
            work = 1
        return work

    # Recovery, recording.

    cdef int recover(self) except -1:
        """Build the ledger from the lanes; if they lost records of orders, cancel every order."""
        self.counts.recoveries += 1
        self.reset_ledger()
        recover_positions(self.lanes, self.ledger)
        running = self.phase == RUNNING
        if running or not recover_orders(self.lanes, self.ledger):
            self.inputs.lapped |= 0 if running else <uint64_t>1 << self.inputs.first[ORDERS]
            self.cancel_everything = True
        self.intents.routed = recover_routed(self.lanes, self.ledger)

    cdef int reset_ledger(self) except -1:
        """Begin with an empty ledger."""
        self.ledger = Ledger(self.number, self.strategy.instruments, self.intents.settle)
        self.intents.begun_count, self.intents.ledger = 0, self.ledger
        self.strategy.bind(self.intents, self.ledger)
        return 0

    cdef int cancel_unknown_orders(self) except -1:
        if not self.cancel_everything:
            return 0
        for instrument in self.strategy.instruments:
            self.api.submit_cancel_all(instrument)
        self.cancel_everything = self.intents.full != 0
        return 1

    cdef int end(self, int64_t now_ns, int work, int marks=0) except -1:
        """End a working step: call the hook of a full lane, then publish the STEP."""
        if self.intents.full:
            marks |= MARK_FULL
            self.strategy.on_lane_full()
            self.withheld.lane_full(now_ns, self.intents.full)
        if self.api.withheld:
            self.withheld.no_new_orders(now_ns, self.api.withheld, halted=bool(self.api.halted))
            self.api.withheld = 0
        if self.api.belief is not None:
            write_belief(self.lanes.beliefs, now_ns, *self.api.belief)
            self.api.belief = None
        self.steps.write(now_ns, work, marks)
        self.counts.steps += 1
        if self.saved is not None and self.phase == RUNNING:
            self.saved.save(now_ns)
        return 0
