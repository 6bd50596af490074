# cython: language_level=3
"""What a strategy may say: the part of `Strategy` that stands between a decision and the record of its intent.

Compiled, because it lies on an order's way and runs once in many milliseconds: what it touches is then fetched from
far, so the less it touches the sooner the intent is out. A wish is a record from the first line on; nobody builds a
row of it. The outlet behind it numbers, stamps and publishes it (see `intents`).
"""

from cpython.number cimport PyNumber_Index
from libc.stdint cimport int8_t, int64_t, uint8_t
from libc.string cimport memset

from engine.model.records cimport Intent

from engine.model import records
from engine.model.words import BUY as WORD_BUY, SELL as WORD_SELL, IntentKind, OrderType, TimeInForce

cdef enum:
    BUY = 1
    SELL = -1
    PLACE = 1
    CANCEL = 2
    CANCEL_ALL = 3
    REPLACE = 4
    LIMIT = 1
    GTC = 1
    IOC = 2

assert (WORD_BUY, WORD_SELL, OrderType.LIMIT, TimeInForce.GTC, TimeInForce.IOC) == (BUY, SELL, LIMIT, GTC, IOC)
assert (IntentKind.PLACE, IntentKind.CANCEL, IntentKind.CANCEL_ALL, IntentKind.REPLACE) == (
    PLACE, CANCEL, CANCEL_ALL, REPLACE)
assert records.INTENT.size == sizeof(Intent)
TTL_NS = 500_000_000  # an intent older than this is not worth an order
cdef int64_t TTL = TTL_NS


cdef class Outlet:
    """Where wishes go. This one takes every wish and grants none."""

    cdef object say(self, Intent *wish):
        """Publish an intent; its id, or None when the lane is full."""
        return None


cdef inline int64_t exact(object number) except? -1:
    """An integer of 64 bits; a float is refused, for it would be cut down to another price."""
    return PyNumber_Index(number)


cdef inline void begin(Intent *wish, int kind, object instrument) except *:
    """A wish with nothing in it."""
    memset(wish, 0, sizeof(Intent))
    wish.kind, wish.instrument, wish.ttl_ns = <uint8_t>kind, instrument, TTL


cdef class Voice:
    """The words of a strategy, and what it knows of itself."""

    def bind(self, Outlet outlet, ledger not None):
        """Tie the strategy to its outlet, or to none yet; the role's business."""
        self.outlet, self.ledger = outlet, ledger
        self.plain = type(self).place is Voice.place  # a subclass may put its own check before every order

    def place(
        self, instrument, side, size, price, *, order_type=LIMIT, time_in_force=GTC, ttl_ns=TTL_NS, timeout_ns=0,
        double signal=0.0
    ):
        """Want an order. Its intent id, or None when the intents lane is full or no new orders are wanted."""
        cdef Intent wish
        begin(&wish, PLACE, instrument.id)
        wish.order_type, wish.time_in_force = PyNumber_Index(order_type), PyNumber_Index(time_in_force)
        wish.ttl_ns, wish.timeout_ns, wish.signal = exact(ttl_ns), exact(timeout_ns), signal
        return self.want(&wish, exact(side), exact(size), exact(price))

    def enter(self, instrument, side, size, price, *, double signal=0.0):
        """Want to take from the book at once, never beyond `price`; what does not fill is gone."""
        cdef Intent wish
        if not self.plain:
            return self.place(instrument, side, size, price, time_in_force=IOC, signal=signal)
        begin(&wish, PLACE, instrument.id)
        wish.order_type, wish.time_in_force, wish.signal = LIMIT, IOC, signal
        return self.want(&wish, exact(side), exact(size), exact(price))

    def exit(self, instrument, price, *, double signal=0.0):
        """Want to be flat at once, never beyond `price`; None when there is nothing to leave, or only dust."""
        held = self.ledger.exit_size(instrument, price)
        return self.enter(instrument, SELL if held > 0 else BUY, abs(held), price, signal=signal) if held else None

    def cancel(self, intent_id):
        """Want an order of ours gone. None when it is not working, is being cancelled, or the lane is full."""
        cdef Intent wish
        order = self.ledger.working.get(intent_id)
        if order is None or order.cancelling:
            return None
        begin(&wish, CANCEL, order.instrument)
        wish.target_id = intent_id
        return self.ask(&wish)

    def cancel_all(self, instrument):
        """Want every order of ours on an instrument gone, also those this process has never heard of."""
        return self.want_gone(instrument.id)

    def replace(self, intent_id, price, size):
        """Want a working order at another price and size; the id is that of the order that takes its place."""
        cdef Intent wish
        order = self.ledger.working.get(intent_id)
        if order is None or order.cancelling or self.halted or self.draining:
            return None
        begin(&wish, REPLACE, order.instrument)
        wish.target_id, wish.side, wish.size, wish.price = intent_id, order.side, exact(size), exact(price)
        return self.ask(&wish)

    def position(self, instrument):
        """Signed holdings that an order can close, as seen from fills; a fee taken in the base asset has left them.

        Whole size steps, rounded toward zero, and 0 under the least order: what is beyond is `dust`.
        """
        return self.ledger.position(instrument.id)

    def dust(self, instrument):
        """Signed holdings beyond the position, which no order can close: at 8 decimals, or the size's where finer."""
        return self.ledger.dust(instrument.id)

    def orders(self, instrument):
        """Working orders, oldest first: intents on their way, orders in flight and orders open."""
        return list(self.ledger.orders(instrument.id))

    cdef object want(self, Intent *wish, int64_t side, int64_t size, int64_t price):
        """An order, unless no new ones are wanted."""
        assert side == BUY or side == SELL, f"side must be +1 or -1, was {side}"
        assert size > 0, f"size must be positive, was {size}"
        if self.halted or self.draining:
            return None
        wish.side, wish.size, wish.price = <int8_t>side, size, price
        return self.ask(wish)

    cdef object want_gone(self, object instrument):
        """Every order on an instrument, by its id: for the role too, whatever a subclass makes of `cancel_all`."""
        cdef Intent wish
        begin(&wish, CANCEL_ALL, instrument)
        return self.ask(&wish)

    cdef object ask(self, Intent *wish):
        """Say it to the outlet."""
        assert self.outlet is not None, "a strategy speaks only inside its hooks"
        return self.outlet.say(wish)
