# cython: language_level=3, embedsignature=True, embedsignature.format=clinic
"""What a strategy may say: the part of `Strategy` that stands between a decision and the record of its intent.

Compiled, because it lies on an order's way and runs once in many milliseconds: what it touches is then fetched from
far, so the less it touches the sooner the intent is out. A wish is a record from the first line on; nobody builds a
row of it. The outlet behind it numbers, stamps and publishes it (see `intents`).
"""

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.number cimport PyNumber_Index
from cpython.object cimport PyObject_GenericSetAttr
from libc.stdint cimport int8_t, int64_t, uint8_t
from libc.string cimport memset

from engine.model.records cimport PARAMETERS, Intent
from engine.model.words cimport (
    BUY, INTENT_CANCEL, INTENT_CANCEL_ALL, INTENT_PLACE, INTENT_REPLACE, ORDER_TYPE_LIMIT, SELL, TIME_IN_FORCE_IOC,
)

from engine.model import algorithms, records
from engine.model.instrument import Instrument
from engine.model.words import OrderType, TimeInForce
from engine.strategy.api.book import Book
from engine.strategy.api.ledger import Ledger
from engine.strategy.api.wrong import beyond_range, not_an_instrument, not_an_intent, not_whole, replaced

assert records.INTENT.size == sizeof(Intent)
TTL_NS = 500_000_000  # an intent older than this is not worth an order
cdef int64_t TTL = TTL_NS
assert (OrderType.LIMIT, TimeInForce.GTC, TTL_NS) == (1, 1, 500000000)  # defaults below: `help` can show no names


cdef class Outlet:
    """Where wishes go. This one takes every wish and grants none."""

    cdef object say(self, Intent *wish):
        """Publish an intent; its id, or None when the lane is full."""
        return None


cdef frozenset ENGINES_OWN = frozenset()  # names on a strategy that only the engine sets


def reserve(names):
    """Name what a strategy may not set on itself; `engine.strategy.api.strategy` calls it once all is defined."""
    global ENGINES_OWN
    ENGINES_OWN = frozenset(names)


cdef inline int64_t exact(object number, str argument) except? -1:
    """An integer of 64 bits; a float is refused, for it would be cut down to another price."""
    cdef int overflow = 0
    cdef int64_t value
    if PyLong_CheckExact(number):
        value = PyLong_AsLongLongAndOverflow(number, &overflow)
        if not overflow:
            return value
    return whole(number, argument)


cdef int64_t whole(object number, str argument) except? -1:
    """The same of what is no plain int: numpy's and enumerations' are taken, whatever else came is refused by name."""
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
    """An intent's id that is no plain int, numpy's say; None, what `place` gives for no order, is no order's id."""
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


cdef inline void begin(Intent *wish, int kind, object instrument) except *:
    """A wish with nothing in it."""
    memset(wish, 0, sizeof(Intent))
    wish.kind, wish.instrument, wish.ttl_ns = <uint8_t>kind, instrument, TTL


cdef int set_algorithm(Intent *wish, object name, object parameters) except -1:
    """Name the algorithm that is to work an intent."""
    cdef int index
    number, numbers = algorithms.encode(name, parameters or {})
    wish.algorithm = number
    for index in range(PARAMETERS):
        wish.parameters[index] = exact(numbers[index], "parameters")
    return 0


cdef class Voice:
    """The words of a strategy, and what it knows of itself."""

    def __cinit__(self, instruments=(), parameters=None, *_, **__):
        """Know the instruments: here, so a subclass whose `__init__` calls no `super` is whole all the same."""
        self.instruments = {instrument.id: instrument for instrument in instruments}
        self.books = {instrument.id: Book(instrument) for instrument in instruments}
        self.parameters, self.groups = parameters, {}
        self.ledger = Ledger(0, self.instruments)
        self.plain = type(self).place is Voice.place  # a subclass may put its own check before every order

    def __setattr__(self, str name, value):
        """Refuse to shadow what the engine set or calls: a strategy that does would see nothing, in silence."""
        if name in ENGINES_OWN or (len(name) > 3 and name[0] == "o" and name[1] == "n" and name[2] == "_"):
            raise replaced(self, name)
        PyObject_GenericSetAttr(self, name, value)

    def bind(self, Outlet outlet, ledger not None):
        """Tie the strategy to its outlet, or to none yet; the role's business."""
        self.outlet, self.ledger = outlet, ledger

    def place(
        self, instrument, side, size, price, *, order_type=1, time_in_force=1, ttl_ns=500000000, timeout_ns=0,
        double signal=0.0, algorithm=None, parameters=None
    ):
        """Want an order: its intent id, or None where the log says why (no room on the lane, or no new orders wanted).

        `side` is BUY or SELL; `size` and `price` are whole numbers in the instrument's decimals (see `size_of`,
        `price_of`); `order_type` is one of OrderType, `time_in_force` one of TimeInForce. Risk refuses an intent older
        than `ttl_ns`; an order is cancelled after `timeout_ns`, 0: never. `signal` is kept for the audit.

        `algorithm`, "chase" say, works the intent with orders of its own, together at most of this size and never
        beyond `price`; `parameters` are a mapping of its parameters, docs/strategies.md lists them.
        """
        cdef Intent wish
        begin(&wish, INTENT_PLACE, id_of(instrument))
        wish.order_type, wish.time_in_force = word(order_type, "order_type"), word(time_in_force, "time_in_force")
        wish.ttl_ns, wish.timeout_ns = exact(ttl_ns, "ttl_ns"), exact(timeout_ns, "timeout_ns")
        wish.signal = signal
        if algorithm is not None:
            set_algorithm(&wish, algorithm, parameters)
        return self.want(&wish, exact(side, "side"), exact(size, "size"), exact(price, "price"))

    def enter(self, instrument, side, size, price, *, double signal=0.0, algorithm=None, parameters=None):
        """Want to take from the book at once, never beyond `price`; what does not fill is gone. As `place` else.

        With an `algorithm` the orders are the algorithm's, and may rest: the same as `place` with it.
        """
        cdef Intent wish
        if algorithm is not None:
            return self.place(instrument, side, size, price, signal=signal, algorithm=algorithm, parameters=parameters)
        if not self.plain:
            return self.place(instrument, side, size, price, time_in_force=TIME_IN_FORCE_IOC, signal=signal)
        begin(&wish, INTENT_PLACE, id_of(instrument))
        wish.order_type, wish.time_in_force, wish.signal = ORDER_TYPE_LIMIT, TIME_IN_FORCE_IOC, signal
        return self.want(&wish, exact(side, "side"), exact(size, "size"), exact(price, "price"))

    def exit(self, instrument, price, *, double signal=0.0):
        """Want to be flat at once, never beyond `price`; None when there is nothing to leave, or only dust.

        What working orders may still take of it is theirs: where they wait at another price, `cancel` them first.
        A position larger than the venue's largest order needs several: call again when this one is done.
        """
        id_of(instrument)
        held = self.ledger.exit_size(instrument, exact(price, "price"))
        return self.enter(instrument, SELL if held > 0 else BUY, abs(held), price, signal=signal) if held else None

    def cancel(self, intent_id):
        """Want an order of ours gone. None when it is not working, is being cancelled, or the lane is full."""
        cdef Intent wish
        order = self.order_of(intent_id)
        if order is None or order.cancelling:
            return None
        begin(&wish, INTENT_CANCEL, order.instrument)
        wish.target_id = intent_id
        return self.ask(&wish)

    def cancel_all(self, instrument):
        """Want every order of ours on an instrument gone, also those this process has never heard of."""
        return self.want_gone(id_of(instrument))

    def replace(self, intent_id, price, size):
        """Want a working order at another price and size; the id is that of the order that takes its place."""
        cdef Intent wish
        order = self.order_of(intent_id)
        if order is None or order.cancelling:
            return None
        if self.halted or self.draining:
            self.withheld += 1
            return None
        begin(&wish, INTENT_REPLACE, order.instrument)
        wish.target_id, wish.side = intent_id, order.side
        wish.size, wish.price = exact(size, "size"), exact(price, "price")
        return self.ask(&wish)

    def position(self, instrument):
        """Signed holdings that an order can close, as seen from fills; a fee taken in the base asset has left them.

        Whole size steps, rounded toward zero, and 0 under the least order: what is beyond is `dust`.
        """
        return self.ledger.position(id_of(instrument))

    def dust(self, instrument):
        """Signed holdings beyond the position, which no order can close: at 8 decimals, or the size's where finer."""
        return self.ledger.dust(id_of(instrument))

    def orders(self, instrument):
        """Working orders, oldest first: intents on their way, orders in flight and orders open."""
        return list(self.ledger.orders(id_of(instrument)))

    cdef object want(self, Intent *wish, int64_t side, int64_t size, int64_t price):
        """An order, unless no new ones are wanted."""
        if side != BUY and side != SELL:
            raise beyond_range("side", side, "BUY (+1) or SELL (-1)")
        if size <= 0:
            raise beyond_range("size", size, "more than 0")
        if self.halted or self.draining:
            self.withheld += 1
            return None
        wish.side, wish.size, wish.price = <int8_t>side, size, price
        return self.ask(wish)

    cdef object order_of(self, object intent_id):
        """A working order by its id, None when it is not working; what cannot be an id is refused by name."""
        if not PyLong_CheckExact(intent_id):
            intent_id = intent_number(intent_id)
        return self.ledger.working.get(intent_id)

    cdef object want_gone(self, object instrument):
        """Every order on an instrument, by its id: for the role too, whatever a subclass makes of `cancel_all`."""
        cdef Intent wish
        begin(&wish, INTENT_CANCEL_ALL, instrument)
        return self.ask(&wish)

    cdef object ask(self, Intent *wish):
        """Say it to the outlet."""
        if self.outlet is None:
            raise RuntimeError("a strategy may want something only in its hooks, from on_start on: no lane is open yet")
        return self.outlet.say(wish)
