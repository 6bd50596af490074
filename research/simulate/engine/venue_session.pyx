# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Execution's session with the model venue: a `VenueSession` whose requests and answers are those of a `fast` run.

    place, cancel, amend, replace ──▶ Session ──order latency──▶ VenueMarket
    on_answer, on_report ◀── deliver ◀──answer latency── Session

One step passes one answer on, because the loop delivers each at its own moment. A question (open orders, fills, one
order) is answered in the next step with what was delivered before, so it shows nothing that is still on its way. The
model venue has stops and take-profits that wait for a print, no trailing ones, no pairs, and no limits on requests.
"""

from libc.stdint cimport int32_t, int64_t

from research.simulate.matching.orders cimport NO_ORDER, Fill, Order
from research.simulate.trading.session cimport AMEND, CANCEL, PLACE, REPLACE, Letter, Session

from engine.execution.algorithms.triggered.triggered import Triggered
from engine.model.words import DONE_STATES, OrderState, OrderType, TimeInForce
from engine.venues.binance.trading.fill_order import BinanceFillOrder
from engine.venues.session import NO_DENIAL, Answer, Ask, Request, Stage
from engine.venues.trading.budget import VenueBudget
from engine.venues.trading.clearance import Clearance
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.news import FillNews, OrderNews, Outcome, ReplaceNews
from research.simulate.cause import Cause

cdef enum:
    STATES = 16
    ID_AT = 6  # of the intent's number in a client id
    PAGE = 500  # fills in one answer

cdef bint[STATES] DONE = [state in DONE_STATES for state in range(STATES)]
cdef int REJECTED = OrderState.REJECTED, LIMIT = OrderType.LIMIT, IOC = TimeInForce.IOC
cdef object ACCEPTED = Outcome.ACCEPTED, REFUSED = Outcome.REFUSED
cdef dict ASKS = {CANCEL: Ask.CANCEL, AMEND: Ask.AMEND}
cdef str WOULD_TAKE = "would trade at once"


cdef class ModelSession:
    """The session of one account with the venues of a run."""

    amends = True
    receive_window_ns = 3_600_000_000_000
    connects, error, code, retry_ns = 1, "", "", 0
    denied = NO_DENIAL

    def __init__(self, instruments, options, listener):
        """Report to this listener; the first step brings the session up."""
        self.listener = listener
        self.instruments = {one.id: one for one in instruments}
        self.places = {one.id: place for place, one in enumerate(instruments)}
        self.reported = [[] for _ in instruments]
        self.numbers, self.client_ids, self.replacing, self.answers = {}, [], {}, []
        self.clock, self.clearance, self.fill_order = VenueClock(), Clearance(), BinanceFillOrder()
        self.budget = VenueBudget(self.clock)

    def attach(self, Session session not None, working):
        """Send requests by this session, before the first step; `working` has execution's algorithms by intent."""
        self.session, self.working = session, working

    @property
    def stage(self):
        """It is up from its first step on."""
        return Stage.UP if self.up else Stage.DOWN

    def step(self, int64_t now_ns):
        """Come up, answer the questions, and pass on the answer that arrived; how many messages arrived."""
        cdef list answers = self.answers
        cdef int count = 0
        if not self.up:
            self.up = True
            self.listener.on_up(now_ns)
        if answers:
            self.answers, count = [], <int>len(answers)
            for request, answer in answers:
                self.listener.on_answer(request, answer, now_ns)
        if self.has_letter:
            self.has_letter = False
            self.hand_over(now_ns)
            count += 1
        return count

    def filenos(self):
        """There is no socket."""
        return []

    def close(self):
        """Do nothing: nothing is open."""

    # What arrives from the venue.

    cdef void deliver(self, Letter letter) noexcept:
        """Keep an answer of the venue for the next step."""
        self.letter, self.has_letter = letter, True

    cdef int hand_over(self, int64_t now_ns) except -1:
        """Report an order as the answer says, with the fill that changed it."""
        cdef Letter letter = self.letter
        cdef Order *order = &self.session.table.orders[letter.order]
        cdef bint is_first = not order.known
        cdef list fills = []
        client_id = self.client_ids[letter.order]
        if letter.fill != NO_ORDER:
            order.seen += self.session.table.fills[letter.fill].size
            fills = [self.fill_news(letter.fill)]
            self.reported[order.market].append(letter.fill)
        order.known, order.known_size = letter.state, letter.size
        news = self.known_news(letter.order, letter.at_ns)
        if DONE[letter.state]:
            self.numbers.pop(client_id, None)
        if is_first:
            return self.answer_placement(client_id, news, fills, now_ns)
        if letter.kind in ASKS:
            outcome = REFUSED if letter.refused else ACCEPTED
            request = Request(ASKS[letter.kind], order.submit_ns, client_id, b"", order.instrument)
            self.listener.on_answer(request, Answer(outcome, "late" if letter.refused else "", order=news), now_ns)
        else:
            self.listener.on_report(news, fills[0] if fills else None, now_ns)
        return 0

    cdef int answer_placement(self, object client_id, object news, list fills, int64_t now_ns) except -1:
        """Pass the first answer about an order on, as the answer to its placement or replacement."""
        cdef Order *order = &self.session.table.orders[self.letter.order]
        refused = order.known == REJECTED
        outcome, error = (REFUSED, self.why(order.cause)) if refused else (ACCEPTED, "")
        replaced = self.replacing.pop(self.letter.order, None)
        request = Request(Ask.PLACE, order.submit_ns, client_id, b"", order.instrument)
        answer = Answer(outcome, error, order=None if refused else news, fills=fills)
        if replaced is not None:
            request = Request(Ask.REPLACE, order.submit_ns, client_id, replaced, order.instrument)
            both = ReplaceNews(outcome, outcome, error, error, "", None, answer.order, fills)
            answer = Answer(outcome, error, replace=both)
        self.listener.on_answer(request, answer, now_ns)
        return 0

    def why(self, int cause):
        """The venue's code of a reject."""
        return Cause(cause).name.lower() if cause else WOULD_TAKE

    cdef object known_news(self, int32_t number, int64_t venue_ns):
        """An order as the delivered answers have it."""
        cdef const Order *order = &self.session.table.orders[number]
        return OrderNews(
            self.instruments[order.instrument].symbol, self.client_ids[number], b"%d" % (number + 1), order.known,
            order.side, order.price, order.known_size, order.seen, venue_ns)

    cdef object fill_news(self, int32_t number):
        """A fill as the venue reports it."""
        cdef const Fill *fill = &self.session.table.fills[number]
        instrument = self.instruments[fill.instrument]
        return FillNews(
            instrument.symbol, self.client_ids[fill.order], b"%d" % (fill.order + 1), b"%d" % (number + 1), fill.side,
            fill.price, fill.size, fill.fee, instrument.quote.encode(), bool(fill.maker), fill.venue_ns)

    # What execution requests.

    def place(self, int instrument, int side, int time_in_force, int64_t price, int64_t size, bytes client_id,
              int64_t now_ns):
        """Place a limit order."""
        cdef int32_t number
        self.clearance.spend(instrument, side, price, size, now_ns)
        number = self.new_order(instrument, side, time_in_force, price, size, client_id, now_ns)
        self.session.table.orders[number].stopped = time_in_force == IOC and self.is_of_stop(client_id)
        self.session.request(PLACE, number, size, now_ns)
        return True

    cdef int32_t new_order(self, int instrument, int side, int time_in_force, int64_t price, int64_t size,
                           bytes client_id, int64_t now_ns) except -2:
        """The number of a new order."""
        cdef int32_t number = self.session.table.new_order()
        cdef Order *order = &self.session.table.orders[number]
        order.intent_id = int.from_bytes(client_id[ID_AT:ID_AT + 8], "big")
        order.submit_ns, order.price, order.size, order.known_size = now_ns, price, size, size
        order.market, order.instrument, order.side = self.places[instrument], instrument, <signed char>side
        order.order_type, order.time_in_force = <unsigned char>LIMIT, <unsigned char>time_in_force
        order.next = order.previous = NO_ORDER
        self.client_ids.append(client_id)
        self.numbers[client_id] = number
        return number

    cdef bint is_of_stop(self, bytes client_id) except -1:
        """Whether an order follows the trigger of a stop that execution has kept."""
        for one in self.working.values():
            if isinstance(one, Triggered) and one.triggered and one.parent.newest.client_id == client_id:
                return True
        return False

    def warm_place(self, instrument, side, time_in_force, price, size, client_id, now_ns):
        """Do nothing: nothing is timed here."""

    def replace(self, int instrument, int side, int time_in_force, int64_t price, int64_t size, bytes client_id,
                bytes replaced, int64_t now_ns):
        """Cancel an order that has no fill, and only then place another."""
        cdef int32_t number, old = self.numbers[replaced]
        self.clearance.spend(instrument, side, price, size, now_ns)
        number = self.new_order(instrument, side, time_in_force, price, size, client_id, now_ns)
        self.replacing[number] = replaced
        self.session.request(REPLACE, number, old, now_ns)
        return True

    def amend(self, int instrument, bytes client_id, int64_t size, int64_t now_ns):
        """Lower an order's size in place."""
        self.clearance.spend(instrument, 0, 0, size, now_ns)
        self.session.request(AMEND, self.numbers[client_id], size, now_ns)
        return True

    def cancel(self, int instrument, bytes client_id, int64_t now_ns):
        """Cancel an order."""
        self.session.request(CANCEL, self.numbers[client_id], 0, now_ns)
        return True

    def place_native(self, waits, instrument, side, time_in_force, price, size, client_id, now_ns):
        """Place an order that waits for a print; without a limit (0) its price is its trigger's."""
        cdef int32_t number
        if waits.trailing_bps:
            raise ValueError(f"instrument {instrument}: the model venue has no trailing orders, was asked for {waits}")
        self.clearance.spend(instrument, side, price or waits.stop_price, size, now_ns)
        number = self.new_order(
            instrument, side, time_in_force, price or waits.stop_price, size, client_id, now_ns)
        self.session.table.orders[number].order_type = <unsigned char>waits.order_type
        self.session.table.orders[number].stop_price = waits.stop_price
        self.session.request(PLACE, number, size, now_ns)
        return True

    def place_pair(self, stop, instrument, side, stop_limit, price, size, first, second, now_ns):
        """Refuse as above."""
        raise ValueError(f"instrument {instrument}: the model venue has no pairs, was asked for {stop}")

    def cancel_of_symbol(self, symbol, client_id, now_ns):
        """Refuse: there is no order of others."""
        raise ValueError(f"{symbol}: the model venue has no orders of others")

    # What execution asks.

    cdef bint ask(self, object request, object answer) except -1:
        """Answer a question in the next step."""
        self.answers.append((request, answer))
        return True

    def status(self, int instrument, bytes client_id, int64_t now_ns):
        """Ask for one order."""
        number = self.numbers.get(client_id)
        news = None if number is None else self.known_news(number, now_ns)
        answer = Answer(Outcome.REFUSED, gone=True) if news is None else Answer(ACCEPTED, order=news)
        return self.ask(Request(Ask.STATUS, now_ns, client_id, b"", instrument), answer)

    def owner(self, int instrument, bytes venue_order_id, int64_t now_ns):
        """Ask for one order by the venue's id."""
        news = self.known_news(int(venue_order_id) - 1, now_ns)
        return self.ask(Request(Ask.OWNER, now_ns, b"", b"", instrument, venue_order_id), Answer(ACCEPTED, order=news))

    def open_orders(self, int64_t now_ns):
        """Ask for every open order."""
        known = [number for number in self.numbers.values() if self.session.table.orders[<int32_t>number].known]
        orders = [self.known_news(number, now_ns) for number in known]
        return self.ask(Request(Ask.OPEN_ORDERS, now_ns), Answer(ACCEPTED, orders=orders))

    def fills_of(self, int instrument, bytes client_id, bytes venue_order_id, int64_t now_ns):
        """Ask for the fills of one order."""
        cdef int32_t number = int(venue_order_id) - 1
        of = [self.fill_news(fill) for fill in self.reported[self.places[instrument]]
              if self.session.table.fills[<int32_t>fill].order == number]
        request = Request(Ask.FILLS_OF, now_ns, client_id, b"", instrument, venue_order_id)
        return self.ask(request, Answer(ACCEPTED, fills=of))

    def fills_since(self, int instrument, bytes cursor, int64_t now_ns):
        """Ask for the fills after a cursor."""
        cdef list reported = self.reported[self.places[instrument]]
        cdef Py_ssize_t first = len(reported)
        while first and reported[first - 1] + 1 > int(cursor):
            first -= 1
        fills = [self.fill_news(fill) for fill in reported[first:first + PAGE]]
        request = Request(Ask.FILLS_SINCE, now_ns, b"", b"", instrument, cursor)
        return self.ask(request, Answer(ACCEPTED, fills=fills, more=len(reported) > first + PAGE))

    def newest_fill(self, int instrument, int64_t now_ns):
        """Ask for the newest fill."""
        cdef list reported = self.reported[self.places[instrument]]
        fills = [self.fill_news(reported[len(reported) - 1])] if reported else []
        return self.ask(Request(Ask.NEWEST_FILL, now_ns, b"", b"", instrument), Answer(ACCEPTED, fills=fills))

    def balances(self, int64_t now_ns):
        """Ask for the balances: the model venue checks none."""
        return self.ask(Request(Ask.BALANCES, now_ns), Answer(ACCEPTED))

    def trading_right(self, int instrument, int64_t now_ns):
        """Ask whether an order could be placed."""
        return self.ask(Request(Ask.RIGHT, now_ns, b"", b"", instrument), Answer(ACCEPTED))
