# cython: language_level=3, embedsignature=True, embedsignature.format=clinic
"""The requests of a strategy: the part of `Strategy` between a decision and the record of its intent.

Compiled, because it is on an order's way and runs once in many milliseconds: its memory is then out of the caches, so
the less memory it touches, the sooner the intent is published. An intent is a record from the first line on; no row of
it is made. The sink numbers, stamps and publishes it (see `intents`).
"""

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.number cimport PyNumber_Index
from cpython.object cimport PyObject_GenericSetAttr
from libc.stdint cimport int8_t, int64_t, uint8_t
from libc.string cimport memset

from engine.model.records cimport PARAMETERS, Intent
from engine.model.words cimport (
    BUY, INTENT_AMEND, INTENT_CANCEL, INTENT_CANCEL_ALL, INTENT_PLACE, INTENT_REPLACE, ORDER_TYPE_LIMIT, SELL,
    TIME_IN_FORCE_IOC,
)

from engine.learning import Belief
from engine.model import algorithms, records
from engine.model.instrument import Instrument
from engine.model.words import IntentFlag, OrderType, TimeInForce
from engine.strategy.api.book import Book
from engine.strategy.api.ledger import Ledger
from engine.strategy.api.wrong import beyond_range, not_an_instrument, not_an_intent, not_whole, replaced

assert records.INTENT.size == sizeof(Intent)
TTL_NS = 500_000_000  # an intent older than this is not worth an order
cdef int64_t TTL = TTL_NS
cdef int REDUCE_ONLY = IntentFlag.REDUCE_ONLY
assert (OrderType.LIMIT, TimeInForce.GTC, TTL_NS) == (1, 1, 500000000)  # defaults below: `help` can show no names


cdef class IntentSink:
    """Where intents are submitted. This base class publishes none."""

    cdef object submit(self, Intent *intent):
        """Publish an intent; its id, or None when the lane is full."""
        return None


cdef frozenset ENGINES_OWN = frozenset()  # attributes of a strategy that only the engine may set


def reserve(names):
    """Set the names that a strategy may not set on itself; `engine.strategy.api.strategy` calls it once."""
    global ENGINES_OWN
    ENGINES_OWN = frozenset(names)


cdef inline int64_t exact(object number, str argument) except? -1:
    """An integer of 64 bits; a float is refused, because it would be rounded to another price."""
    cdef int overflow = 0
    cdef int64_t value
    if PyLong_CheckExact(number):
        value = PyLong_AsLongLongAndOverflow(number, &overflow)
        if not overflow:
            return value
    return whole(number, argument)


cdef int64_t whole(object number, str argument) except? -1:
    """The same of any other type: numpy's integers and enumerations are accepted, the others are refused by name."""
    cdef int overflow = 0
    cdef int64_t value
    try:
        number = PyNumber_Index(number)
    except TypeError:
        raise not_whole(argument, number) from None
    value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        raise beyond_range(argument, number, "a number of 64 bits")
    return value


cdef inline uint8_t word(object number, str argument) except? 0:
    """An enumeration's number."""
    cdef int64_t value = exact(number, argument)
    if not 0 < value < 256:
        raise beyond_range(argument, value, "a word's number")
    return <uint8_t>value


cdef object intent_number(object found):
    """An intent's id that is no plain int, such as numpy's; 0 for None, which `place` gives without an order."""
    if found is None:
        return 0
    try:
        return PyNumber_Index(found)
    except TypeError:
        raise not_an_intent(found) from None


cdef inline object id_of(object instrument):
    """An instrument's id; an id or a symbol in its place is refused by name."""
    if type(instrument) is not Instrument and not isinstance(instrument, Instrument):
        raise not_an_instrument(instrument)
    return instrument.id


cdef inline void begin(Intent *intent, int kind, object instrument) except *:
    """Begin an empty intent of this kind."""
    memset(intent, 0, sizeof(Intent))
    intent.kind, intent.instrument, intent.ttl_ns = <uint8_t>kind, instrument, TTL


cdef int set_algorithm(Intent *intent, object name, object parameters) except -1:
    """Set the algorithm that is to work an intent, and its parameters."""
    cdef int index
    number, numbers = algorithms.encode(name, parameters or {})
    intent.algorithm = number
    for index in range(PARAMETERS):
        intent.parameters[index] = exact(numbers[index], "parameters")
    return 0


cdef int64_t time_left(int64_t good_till_ns, int64_t timeout_ns, int64_t now_ns) except -1:
    """How long an order that has an end time may rest from now on."""
    if timeout_ns != 0:
        raise beyond_range("timeout_ns", timeout_ns, "0 beside good_till_ns: an order has one end")
    if good_till_ns <= now_ns:
        raise beyond_range("good_till_ns", good_till_ns, f"a time in nanoseconds after now, {now_ns}")
    return good_till_ns - now_ns


cdef class IntentApi:
    """The requests of a strategy, and its own state."""

    def __cinit__(self, instruments=(), parameters=None, *_, **__):
        """Set the instruments: here, so that a subclass whose `__init__` does not call `super` is complete too."""
        self.instruments = {instrument.id: instrument for instrument in instruments}
        self.books = {instrument.id: Book(instrument) for instrument in instruments}
        self.parameters, self.groups = parameters, {}
        self.ledger = Ledger(0, self.instruments)
        self.plain = type(self).place is IntentApi.place  # a subclass may put its own check before every order

    def __setattr__(self, str name, value):
        """Refuse to shadow a name that the engine sets or calls: the strategy would silently receive nothing."""
        if name in ENGINES_OWN or (len(name) > 3 and name[0] == "o" and name[1] == "n" and name[2] == "_"):
            raise replaced(self, name)
        PyObject_GenericSetAttr(self, name, value)

    def bind(self, IntentSink sink, ledger not None):
        """Tie the strategy to its sink, or to none yet; the role's business."""
        self.sink, self.ledger = sink, ledger

    def publish_belief(self, belief, str regime=""):
        """Show what the strategy believes, and the regime, on the page and in the lane BELIEFS; the last call counts.

        It changes no order: multiply a size by `belief.exposure` before it is placed (see `exposed`).
        """
        if not isinstance(belief, Belief):
            raise TypeError(f"publish_belief: expected a Belief of engine.learning, was {belief!r}")
        self.belief = (belief, regime)

    def place(
        self, instrument, side, size, price, *, order_type=1, time_in_force=1, ttl_ns=500000000, timeout_ns=0,
        good_till_ns=0, reduce_only=False, double signal=0.0, algorithm=None, parameters=None
    ):
        """Submit an order: its intent id, or None if the lane is full or the strategy is halted or draining (logged).

        `side` is BUY or SELL; `size` and `price` are whole numbers in the instrument's decimals (see `size_of`,
        `price_of`); `order_type` is one of OrderType, `time_in_force` one of TimeInForce. Risk refuses an intent older
        than `ttl_ns`; an order is cancelled after `timeout_ns`, or at the time `good_till_ns`, 0: never. With
        `reduce_only` it only reduces the position: it is cut to what no open order closes already, or refused. `signal`
        is kept for the audit.

        `algorithm`, such as "chase", works the intent with orders of its own, together at most of this size and never
        beyond `price`; `parameters` are a mapping of its parameters, docs/strategies.md lists them.
        """
        cdef Intent intent
        begin(&intent, INTENT_PLACE, id_of(instrument))
        intent.order_type, intent.time_in_force = word(order_type, "order_type"), word(time_in_force, "time_in_force")
        intent.ttl_ns, intent.timeout_ns = exact(ttl_ns, "ttl_ns"), exact(timeout_ns, "timeout_ns")
        intent.signal, intent.flags = signal, REDUCE_ONLY if reduce_only else 0
        if good_till_ns:
            intent.timeout_ns = time_left(exact(good_till_ns, "good_till_ns"), intent.timeout_ns, self.now_ns)
        if algorithm is not None:
            set_algorithm(&intent, algorithm, parameters)
        return self.submit_order(&intent, exact(side, "side"), exact(size, "size"), exact(price, "price"))

    def enter(self, instrument, side, size, price, *, double signal=0.0, algorithm=None, parameters=None):
        """Submit an order that fills at once, never beyond `price`; the rest is cancelled. Otherwise as `place`.

        With an `algorithm` the orders are the algorithm's, and may rest: the same as `place` with it.
        """
        cdef Intent intent
        if algorithm is not None:
            return self.place(instrument, side, size, price, signal=signal, algorithm=algorithm, parameters=parameters)
        if not self.plain:
            return self.place(instrument, side, size, price, time_in_force=TIME_IN_FORCE_IOC, signal=signal)
        begin(&intent, INTENT_PLACE, id_of(instrument))
        intent.order_type, intent.time_in_force, intent.signal = ORDER_TYPE_LIMIT, TIME_IN_FORCE_IOC, signal
        return self.submit_order(&intent, exact(side, "side"), exact(size, "size"), exact(price, "price"))

    def exit(self, instrument, price, *, double signal=0.0):
        """Close the position at once, never beyond `price`; None when there is no position, or only dust.

        The size that working orders can still close is left to them: first `cancel` the orders at another price.
        A position larger than the venue's largest order needs several: call again when this one is done.
        """
        id_of(instrument)
        held = self.ledger.exit_size(instrument, exact(price, "price"))
        return self.enter(instrument, SELL if held > 0 else BUY, abs(held), price, signal=signal) if held else None

    def close(self, instrument, price=0, *, double signal=0.0, parameters=None):
        """Cancel every order of ours on an instrument, then close what is held, in slices; the id of this intent.

        The algorithm "close" does it, with these `parameters`; never beyond `price` (0: no limit of its own). What is
        too small for an order stays, and the intent is refused. None as `place`, but not without a position: a fill may
        overtake a cancel.
        """
        cdef Intent intent
        begin(&intent, INTENT_PLACE, id_of(instrument))
        intent.order_type, intent.time_in_force, intent.signal = ORDER_TYPE_LIMIT, TIME_IN_FORCE_IOC, signal
        set_algorithm(&intent, "close", parameters)
        if self.halted or self.draining:
            self.withheld += 1
            return None
        held = self.ledger.position(instrument.id)
        intent.side, intent.price = SELL if held > 0 else BUY, exact(price, "price")
        return self.submit(&intent)

    def cancel(self, intent_id):
        """Cancel the orders of an intent. None when none works, each is being cancelled, or the lane is full."""
        cdef Intent intent
        order = self.order_of(intent_id)
        if order is None:
            return None
        begin(&intent, INTENT_CANCEL, order.instrument)
        intent.target_id = intent_id
        return self.submit(&intent)

    def cancel_all(self, instrument):
        """Cancel every order of ours on an instrument, also orders that this process does not know."""
        return self.submit_cancel_all(id_of(instrument))

    def replace(self, intent_id, price, size):
        """Replace a working order by one at another price and size; the id of the order that works then.

        At the same price and a smaller size an open order is amended: it keeps its id and its place in the queue.
        """
        cdef Intent intent
        order = self.order_of(intent_id)
        if order is None:
            return None
        if self.halted or self.draining:
            self.withheld += 1
            return None
        begin(&intent, INTENT_REPLACE, order.instrument)
        intent.target_id, intent.side = intent_id, order.side
        intent.size, intent.price = exact(size, "size"), exact(price, "price")
        if intent.price == order.price and order.filled < intent.size < order.size and order.open:
            intent.kind = INTENT_AMEND
            return None if self.submit(&intent) is None else intent_id
        return self.submit(&intent)

    def position(self, instrument):
        """Signed holdings that an order can close, as seen from fills; a fee charged in the base asset is subtracted.

        Whole size steps, rounded toward zero, and 0 under the least order: the remainder is `dust`.
        """
        return self.ledger.position(id_of(instrument))

    def dust(self, instrument):
        """Signed holdings beyond the position, which no order can close: at 8 decimals, or the size's where finer."""
        return self.ledger.dust(id_of(instrument))

    def orders(self, instrument):
        """Working orders, oldest first: intents on their way, orders in flight and orders open.

        An intent that an algorithm works may have several: each is an order with its own `child`, size and rest.
        """
        return list(self.ledger.orders(id_of(instrument)))

    cdef object submit_order(self, Intent *intent, int64_t side, int64_t size, int64_t price):
        """Submit an order, unless the strategy is halted or draining."""
        if side != BUY and side != SELL:
            raise beyond_range("side", side, "BUY (+1) or SELL (-1)")
        if size <= 0:
            raise beyond_range("size", size, "more than 0")
        if self.halted or self.draining:
            self.withheld += 1
            return None
        intent.side, intent.size, intent.price = <int8_t>side, size, price
        return self.submit(intent)

    cdef object order_of(self, object intent_id):
        """An order of an intent that is not being cancelled, or None; an object that is no id is refused by name."""
        if not PyLong_CheckExact(intent_id):
            intent_id = intent_number(intent_id)
        return self.ledger.cancellable(intent_id)

    cdef object submit_cancel_all(self, object instrument):
        """Submit the cancel of every order on an instrument; the role calls this, not a subclass's `cancel_all`."""
        cdef Intent intent
        begin(&intent, INTENT_CANCEL_ALL, instrument)
        return self.submit(&intent)

    cdef object submit(self, Intent *intent):
        """Submit an intent to the sink."""
        if self.sink is None:
            raise RuntimeError("a strategy may submit intents only in its hooks, from on_start on: no lane is open yet")
        return self.sink.submit(intent)
