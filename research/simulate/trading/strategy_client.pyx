# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Drives a class of `engine.strategy` in a `fast` run: the same object, hooks, ledger and calls as in the engine.

    event  ──▶ its `Book`   ──▶ on_book, on_book_bad, on_print
    answer ──▶ its `Ledger` ──▶ on_fill, then on_order
    place, enter, exit, cancel, cancel_all, a replace that only makes an order smaller ──▶ requests

What needs execution itself is refused by name when the strategy calls it: an algorithm, `reduce_only`, a replace at
another price. `on_bar` needs the run's `bars`, which read prints and close bars (`research/bars/source.py`). What else
needs the aggregation is refused at the start: `on_global_book`, `on_opportunity`.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint64_t

from engine.book.measures cimport imbalance_of, spread_bps_of
from engine.model.intent_id cimport COUNT_BITS
from engine.model.records cimport DEPTH, Intent, Top
from engine.model.words cimport (
    BOOK_GOOD, FLAG_LAST, INTENT_CANCEL, INTENT_CANCEL_ALL, INTENT_PLACE, INTENT_REPLACE,
    ORDER_TYPE_LIMIT, ORDER_TYPE_MARKET, TICK_LEVEL, TICK_PRINT, TIME_IN_FORCE_IOC,
)
from engine.strategy.api.book cimport Book
from engine.strategy.api.intent_api cimport IntentApi, IntentSink
from engine.strategy.role.own_records cimport OrderChange
from research.simulate.trading.client cimport Client, tick_of
from research.simulate.trading.desk cimport Desk
from research.simulate.data.event cimport Event
from research.simulate.matching.agenda cimport bring_forward
from research.simulate.matching.orders cimport NO_ORDER, Fill, Order
from research.simulate.trading.session cimport CANCEL_SENT

from engine.model.codec import Codec
from engine.model.records import BOOK_TOP, FILL, VERDICT
from engine.model.words import OrderState, Reason
from engine.strategy.api.declared import check_timer
from engine.strategy.api.ledger import Ledger
from engine.strategy.api.strategy import defines, reads_of
from engine.strategy.inputs.values import begin_inputs, inputs_of
from engine.strategy.role.schedule import Schedule

cdef int OPEN = OrderState.OPEN, PARTLY_FILLED = OrderState.PARTLY_FILLED, CANCELLING = OrderState.CANCELLING
cdef int NOT_AMENDABLE = Reason.NOT_AMENDABLE
FILL_ROW, VERDICT_ROW = FILL.row, VERDICT.row


class NotInFastError(ValueError):
    """The strategy asked for something that only the engine itself does."""


cdef extern from "Python.h":
    object PyObject_CallOneArg(object function, object argument)


cdef object not_in_fast(str what):
    """The error for what this speed does not do."""
    return NotInFastError(f"{what}: `fast` does not do this, and no order was sent. Use speed=\"engine\", or remove "
                          "the call for this run")


def check_reads(kind, bars):
    """Refuse a strategy that reads what no run has."""
    lanes = [lane for lane in reads_of(kind) if lane != "bars"]
    if lanes:
        raise NotInFastError(f"{kind.__name__} reads {', '.join(lanes)}, which the aggregation makes: a simulation has "
                             "none. Test the strategy in the engine itself (docs/recording.md, configs/demo.toml)")
    if bars is None and reads_of(kind):
        raise ValueError(f"{kind.__name__} reads bars: pass `bars`, such as PrintBars(instruments, ['1m']) or "
                         "GivenBars of research.bars")
    if bars is not None and not reads_of(kind):
        raise ValueError(f"bars: {kind.__name__} has no on_bar and declares no indicator of bars: remove the option")


def check_intervals(strategy, bars):
    """Refuse a run whose bars lack the length of an indicator: it would never have a value."""
    for name, interval_ns in inputs_of(strategy).intervals.items():
        if interval_ns not in bars.intervals:
            raise ValueError(f"{type(strategy).__name__}.{name} reads bars of {interval_ns} ns, and the run's "
                             f"bars have {sorted(bars.intervals)}: add this length to them")


cdef class Sink(IntentSink):
    """Where the strategy's intents go."""

    cdef StrategyClient client

    cdef object submit(self, Intent *intent):
        """Follow an intent; its id."""
        return self.client.submit(intent)


cdef class StrategyClient(Client):
    """One strategy of `engine.strategy` in one run."""

    cdef object strategy, ledger, on_book, on_print, decode
    cdef IntentApi api
    cdef dict by_id  # desks by instrument
    cdef dict numbers  # of the orders that may still fill, by intent
    cdef list verdicts
    cdef set good
    cdef uint64_t count
    cdef uint64_t strategy_id  # as its intents have it
    cdef bint reads_prints
    cdef object assets  # of fees, by instrument
    cdef bytearray submitted  # every intent is appended as its record; None: they are not logged
    cdef object schedule, bars
    cdef int64_t at_ns  # when the next scheduled method is due

    def __init__(self, strategy, bars=None, strategy_id=1):
        """Drive this strategy, which was made with its instruments and checked parameters."""
        kind = type(strategy)
        check_reads(kind, bars)
        self.strategy, self.api, self.strategy_id = strategy, strategy, strategy_id
        self.ledger = Ledger(strategy_id, strategy.instruments)
        self.numbers, self.verdicts, self.good = {}, [], set()
        self.on_book, self.on_print = strategy.on_book, strategy.on_print
        self.reads_prints = defines(kind, "on_print")
        self.decode = Codec(BOOK_TOP).unpack
        self.schedule, self.bars = Schedule(strategy), bars
        self.assets = {one.id: one.quote.encode() for one in strategy.instruments.values()}

    def attach(self, session, desks, number):
        """Begin a run."""
        cdef Sink sink = Sink.__new__(Sink)
        Client.attach(self, session, desks, number)
        self.by_id = {desk.number: desk for desk in desks if desk is not None}
        sink.client = self
        self.strategy.bind(sink, self.ledger)

    def log_to(self, bytearray intents):
        """Append every intent as the strategy submits it."""
        self.submitted = intents

    # What the strategy receives.

    cdef int on_start(self) except -1:
        self.api.now_ns = self.now_ns
        begin_inputs(self.strategy)
        check_intervals(self.strategy, self.bars)
        self.strategy.on_start()
        check_timer(type(self.strategy).__name__, self.strategy.timer_ns)
        if defines(type(self.strategy), "on_timer"):
            self.timer_ns = self.strategy.timer_ns
        self.at_ns = self.schedule.begin(self.now_ns)
        return self.schedule_next()

    cdef int schedule_next(self) except -1:
        """Set when the next bar or scheduled method is due."""
        self.scheduled_ns = self.at_ns if self.bars is None else min(self.at_ns, <int64_t>self.bars.next_ns)
        bring_forward(self.session.agenda, self.session.place, self.scheduled_ns)
        return 0

    cdef int on_event(self, Desk desk, const Event *event) except -1:
        """Show the book; of a print, the print."""
        self.api.now_ns = self.now_ns
        if event.kind == TICK_PRINT and self.reads_prints:
            self.on_print(tick_of(event))
        if self.bars is not None and event.kind != TICK_LEVEL:
            self.bars.add(tick_of(event))
            self.schedule_next()
        if desk.received.changed and (self.each or event.flags & FLAG_LAST):
            self.call_book_hook(desk, self.api.books[event.instrument], event)
        return 0

    cdef int call_book_hook(self, Desk desk, Book view, const Event *event) except -1:
        """Call the hook for a book that changed."""
        self.fill_view(desk, view, event)
        if view.good:
            if view not in self.good:
                self.good.add(view)
            PyObject_CallOneArg(self.on_book, view)
        elif view in self.good:
            self.good.discard(view)
            self.strategy.on_book_bad(view)
        return 0

    cdef int fill_view(self, Desk desk, Book view, const Event *event) except -1:
        """Write the record of a book where its view reads it."""
        cdef Top *top = <Top *>view.held
        top.bids = <unsigned char>desk.received.book.copy_top(1, DEPTH, top.bid_price, top.bid_size)
        top.asks = <unsigned char>desk.received.book.copy_top(-1, DEPTH, top.ask_price, top.ask_size)
        top.state, top.flags = <unsigned char>desk.received.state, <unsigned char>event.flags
        top.instrument = desk.number
        top.receive_ns = top.publish_ns = event.receive_ns
        top.venue_ns = event.venue_ns
        top.change_count += 1
        top.tick_sequence = <int64_t>top.change_count
        top.imbalance = imbalance_of(top.bid_size, top.bids, top.ask_size, top.asks)
        top.spread_bps = NAN
        if desk.received.state == BOOK_GOOD and top.bids and top.asks:
            top.spread_bps = spread_bps_of(top.bid_price[0], top.ask_price[0])
        view.record, view.decode = None, self.decode
        return view.apply_record(top)

    cdef int on_answer(self, Desk desk, int32_t number, int32_t fill) except -1:
        """Apply an answer to the ledger: a fill first, then the state of its order."""
        cdef OrderChange change = self.change_of(number)
        self.api.now_ns = self.now_ns
        if fill != NO_ORDER:
            row = self.row_of(fill)
            self.ledger.fill(row)
            self.strategy.on_fill(row)
        order = self.ledger.change(change)
        if order.done:
            self.numbers.pop(change.intent_id, None)
        self.strategy.on_order(order)
        return 0

    cdef int end_due(self) except -1:
        """Cancel the order whose time has ended, as execution does it."""
        cdef int32_t number = self.deadlines[0][1]
        order = self.ledger.working.get(self.table.orders[number].intent_id)
        if order is not None:
            order.cancelling = True
        return Client.end_due(self)

    cdef OrderChange change_of(self, int32_t number):
        """The state of an order, as the strategy knows it now."""
        cdef const Order *order = &self.table.orders[number]
        cdef OrderChange change = OrderChange.__new__(OrderChange)
        change.intent_id, change.price, change.size = order.intent_id, order.price, order.known_size
        change.filled, change.instrument = order.seen, order.instrument
        change.side, change.state = order.side, order.known
        if order.cancelling == CANCEL_SENT and order.known in (OPEN, PARTLY_FILLED):
            change.state = CANCELLING
        return change

    cdef int on_timer(self) except -1:
        self.api.now_ns = self.now_ns
        self.strategy.on_timer(self.now_ns)
        return 0

    cdef int call_scheduled(self) except -1:
        self.api.now_ns = self.now_ns
        if self.bars is not None and self.bars.next_ns <= self.now_ns:
            for bar in self.bars.due(self.now_ns):
                if bar.instrument in self.by_id:
                    inputs_of(self.strategy).add(bar)
                    self.strategy.on_bar(bar)
        if self.at_ns <= self.now_ns:
            self.at_ns = self.schedule.call(self.now_ns)
        return self.schedule_next()

    cdef int on_refusals(self) except -1:
        """Apply the verdicts since the last event, then call the hook of each."""
        cdef list verdicts = self.verdicts
        self.api.now_ns = self.now_ns
        self.verdicts, self.has_refusals = [], False
        for verdict in verdicts:
            self.ledger.judge(verdict)
            self.strategy.on_refusal(verdict)
        return 0

    # What the strategy requests.

    cdef object submit(self, Intent *intent):
        """Follow one intent; its id."""
        cdef Desk desk = self.by_id.get(intent.instrument)
        if desk is None:
            raise ValueError(f"the strategy trades instrument {intent.instrument}, which the run does not have")
        self.check(intent)
        self.count += 1
        intent.intent_id = self.strategy_id << COUNT_BITS | self.count
        if self.submitted is not None:
            intent.now_ns = self.now_ns
            self.submitted += PyBytes_FromStringAndSize(<char *>intent, sizeof(Intent))
        if intent.kind == INTENT_PLACE:
            self.place_order(desk, intent)
        elif intent.kind == INTENT_CANCEL_ALL:
            self.cancel_orders(intent.instrument)
        elif intent.kind == INTENT_CANCEL:
            self.cancel_order(self.ledger.working[intent.target_id])
        elif intent.target_id in self.numbers:
            self.amend_order(self.numbers[intent.target_id], intent)
        return intent.intent_id

    cdef int check(self, const Intent *intent) except -1:
        """Refuse what only execution does."""
        if intent.algorithm:
            raise not_in_fast("an algorithm")
        if intent.flags:
            raise not_in_fast("reduce_only")
        if intent.kind == INTENT_REPLACE:
            raise not_in_fast("replace at another price, or at a larger size")
        if intent.kind == INTENT_PLACE and intent.order_type not in (ORDER_TYPE_LIMIT, ORDER_TYPE_MARKET):
            raise not_in_fast(f"order_type {intent.order_type}")
        return 0

    cdef int place_order(self, Desk desk, const Intent *intent) except -1:
        """Submit an order, or keep its refusal for the next event."""
        cdef int32_t number
        self.ledger.begin(intent.intent_id, intent.instrument, intent.side, intent.price, intent.size)
        cdef int time_in_force = intent.time_in_force
        cdef int64_t price = intent.price
        if intent.order_type == ORDER_TYPE_MARKET:
            time_in_force, price = TIME_IN_FORCE_IOC, desk.protective_price(intent.side, intent.size, price)
        number = self.place(desk, intent.side, intent.size, price, time_in_force, intent.order_type,
                            intent.timeout_ns, intent.intent_id)
        if number != NO_ORDER:
            self.numbers[intent.intent_id] = number
            return 0
        return self.keep_refusal(intent, self.reason, desk.found, desk.limit)

    cdef int amend_order(self, int32_t number, const Intent *intent) except -1:
        """Make an order smaller; a second request is refused while the first has no answer, as in execution."""
        cdef const Order *order = &self.table.orders[number]
        if not order.amending:
            return self.amend(number, intent.size)
        self.refused += 1
        return self.keep_refusal(intent, NOT_AMENDABLE, intent.size, order.known_size)

    cdef int keep_refusal(self, const Intent *intent, int reason, object found, object limit) except -1:
        """Keep a refusal for the next event."""
        self.session.agenda.refusals += not self.has_refusals
        self.has_refusals = True
        self.verdicts.append(VERDICT_ROW(
            intent.intent_id, self.now_ns, found, limit, 0, self.strategy_id, intent.instrument, reason, intent.kind,
            0, 0))
        return 0

    cdef int cancel_orders(self, instrument) except -1:
        """Cancel every order on an instrument."""
        for order in list(self.ledger.orders(instrument)):
            self.cancel_order(order)
        return 0

    cdef int cancel_order(self, object order) except -1:
        """Cancel one order of the ledger."""
        order.cancelling = True
        number = self.numbers.get(order.intent_id)
        return 0 if number is None else self.cancel(number)

    cdef object row_of(self, int32_t number):
        """A fill as the engine's lane has it."""
        cdef Fill fill = self.table.fills[number]
        return FILL_ROW(
            b"%d" % fill.intent_id, fill.intent_id, b"%d" % number, b"%d" % fill.order, fill.venue_ns, fill.receive_ns,
            fill.price, fill.size, fill.fee, 0, 0, self.assets[fill.instrument], self.strategy_id, fill.instrument,
            fill.side, fill.maker, 0, 1)
