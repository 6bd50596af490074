# cython: language_level=3, boundscheck=False, wraparound=False
"""The short way of the common order: a plain limit order that risk approves leaves before anything else is done.

    intent ─▶ approval ─▶ request's bytes ─▶ intent, verdict and order into the journal ─▶ send
                                                └─▶ then: order object, tables, exposure, ORDERS, VERDICTS

What must precede the bytes precedes them (the journal), what need not follows. Whatever is not common (another kind
or type, a refusal, a doubt, numbers too wide) is not touched here: `send` gives None, and the desk goes the long way.
Both ways write the same bytes to the same lanes in the same order; a test holds one against the other.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from engine.execution.journal_record cimport Record, seal
from engine.risk.approval cimport Approval

from engine.model import records, words

cdef enum:
    PLACE = 1
    LIMIT = 1
    CREATED = 1
    J_INTENT = 2
    J_VERDICT = 3
    J_ORDER = 4
    STRATEGY_SHIFT = 40
    ID_SIZE = 16
    SYSTEM_SIZE = 6

cdef struct Intent:
    uint64_t intent_id
    uint64_t target_id
    int64_t now_ns
    int64_t ttl_ns
    int64_t tick_sequence
    int64_t receive_ns
    int64_t price
    int64_t size
    int64_t timeout_ns
    uint32_t strategy
    uint32_t instrument
    uint8_t kind
    int8_t side
    uint8_t order_type
    uint8_t time_in_force
    uint32_t flags
    double signal
    uint64_t spare[4]

cdef struct Judged:
    uint64_t intent_id
    int64_t now_ns
    int64_t value
    int64_t limit
    int64_t intent_sequence
    uint32_t strategy
    uint32_t instrument
    uint16_t reason
    uint16_t kind
    uint32_t flags
    uint64_t spare

cdef struct Placed:
    uint8_t client_id[ID_SIZE]
    uint64_t intent_id
    int64_t venue_order_id
    int64_t intent_ns
    int64_t receive_ns
    int64_t sent_ns
    int64_t answer_ns
    int64_t now_ns
    int64_t price
    int64_t size
    int64_t filled
    int64_t expires_ns
    uint64_t replaces_id
    uint32_t strategy
    uint32_t instrument
    uint32_t reprice
    int32_t error
    uint8_t state
    int8_t side
    uint8_t order_type
    uint8_t time_in_force
    uint32_t flags
    int64_t limit_price
    int64_t timeout_ns
    uint64_t spare[5]

assert (words.IntentKind.PLACE, words.OrderType.LIMIT, words.OrderState.CREATED) == (PLACE, LIMIT, CREATED)
assert (words.JournalKind.INTENT, words.JournalKind.VERDICT, words.JournalKind.ORDER) == (J_INTENT, J_VERDICT, J_ORDER)
assert records.INTENT.size == sizeof(Intent)
assert records.VERDICT.size == sizeof(Judged)
assert records.ORDER.size == sizeof(Placed)
assert words.Reason.APPROVED == 0
TIMES_IN_FORCE = frozenset(int(one) for one in words.TimeInForce)
ROW = records.INTENT.row


cdef class Express:
    """Takes the common intent from its row to the socket."""

    cdef Approval gate
    cdef dict last_intent
    cdef bytes system
    cdef object journal, gateway, numbers, clock, wire, finish
    cdef int64_t window_ns
    cdef tuple last

    def __init__(
        self, bytes system not None, Approval gate not None, dict last_intent not None, journal, gateway, finish
    ):
        """`finish(row, order's expiry, request id, whether it left, verdict, now_ns)` does what may come after.

        `last_intent` is the blotter's, by strategy.
        """
        assert len(system) == SYSTEM_SIZE, system
        self.system, self.gate, self.finish = system, gate, finish
        self.last_intent, self.journal = last_intent, journal
        self.gateway, self.numbers, self.clock = gateway, gateway.numbers, gateway.clock
        self.wire = gateway.wire
        self.window_ns = gateway.wire.receive_window_ns

    def send(self, object values, uint64_t sequence, int64_t strategy, int64_t now_ns):
        """The order, in flight or in doubt; None when nothing was done."""
        cdef Intent intent
        cdef bytes client_id, batch
        cdef int64_t venue_ns
        cdef Record *journalled
        cdef tuple row
        assert isinstance(values, ROW), values
        row = <tuple>values
        if not self.is_common(row, strategy):
            return None
        fill_intent(&intent, row)
        if not self.gate.approves(
            now_ns, row[10], intent.side, intent.price, intent.size, intent.now_ns, intent.ttl_ns
        ):
            return None
        venue_ns = now_ns + <int64_t>self.clock.offset_ns
        client_id = self.client_id(intent.intent_id)
        request_id = next(self.numbers)
        payload = self.wire.place(
            request_id, row[10], row[12], row[14], row[6], row[7], client_id, venue_ns
        )
        batch = PyBytes_FromStringAndSize(NULL, 3 * sizeof(Record))
        journalled = <Record *>PyBytes_AS_STRING(batch)
        pack(journalled, &intent, sequence, now_ns, client_id, venue_ns + self.window_ns, self.journal.sequence)
        self.last_intent[strategy], self.last = row[0], row
        self.journal.append(batch, 3, now_ns)
        left = self.gateway.transmit(payload)
        verdict = PyBytes_FromStringAndSize(<char *>&journalled[1].payload[0], sizeof(Judged))
        return self.finish(row, venue_ns + self.window_ns, request_id, left, verdict, now_ns)

    def warm(self, int64_t now_ns):
        """Go the last order's way again, up to where it would leave a trace: nothing is numbered, kept, sent or told.

        Between two orders lie milliseconds of looking for work, after which neither this code nor what it reads is in
        the processor's caches; who spins anyway calls this now and then.
        """
        cdef Intent intent
        cdef Record scratch[3]
        cdef bytes client_id
        cdef tuple row = self.last
        if row is None:
            return
        self.is_common(row, row[9])
        fill_intent(&intent, row)
        self.gate.approves(now_ns, row[10], intent.side, intent.price, intent.size, now_ns, intent.ttl_ns)
        client_id = self.client_id(intent.intent_id)
        self.wire.place(0, row[10], row[12], row[14], row[6], row[7], client_id, now_ns + <int64_t>self.clock.offset_ns)
        pack(scratch, &intent, 0, now_ns, client_id, now_ns, 0)

    cdef bint is_common(self, tuple row, int64_t strategy) except -1:
        """A limit order of this strategy, never seen before."""
        cdef uint64_t intent_id = row[0]
        cdef int kind = row[11], order_type = row[13]
        cdef int64_t named = row[9]
        if kind != PLACE or order_type != LIMIT or named != strategy:
            return False
        if <int64_t>(intent_id >> STRATEGY_SHIFT) != strategy or row[14] not in TIMES_IN_FORCE:
            return False
        return intent_id > <uint64_t>self.last_intent.get(strategy, 0)

    cdef bytes client_id(self, uint64_t intent_id):
        """The 16 bytes of an intent's first request, as `client_id.encode` makes them."""
        cdef bytes made = PyBytes_FromStringAndSize(NULL, ID_SIZE)
        cdef uint8_t *to = <uint8_t *>PyBytes_AS_STRING(made)
        cdef int index
        memcpy(to, PyBytes_AS_STRING(self.system), SYSTEM_SIZE)
        for index in range(8):
            to[SYSTEM_SIZE + index] = <uint8_t>(intent_id >> (56 - 8 * index))
        to[14] = to[15] = 0
        return made


cdef int fill_intent(Intent *intent, tuple row) except -1:
    """A row's fields into the record's bytes."""
    cdef int index
    intent.intent_id, intent.target_id = row[0], row[1]
    intent.now_ns, intent.ttl_ns = row[2], row[3]
    intent.tick_sequence, intent.receive_ns = row[4], row[5]
    intent.price, intent.size, intent.timeout_ns = row[6], row[7], row[8]
    intent.strategy, intent.instrument = row[9], row[10]
    intent.kind, intent.side, intent.order_type, intent.time_in_force = row[11], row[12], row[13], row[14]
    intent.flags, intent.signal = row[15], row[16]
    spare = row[17]
    for index in range(4):
        intent.spare[index] = spare[index]
    return 0


cdef int pack(
    Record *to, Intent *intent, uint64_t sequence, int64_t now_ns, bytes client_id, int64_t expires_ns, uint64_t last
) except -1:
    """The three journal records of a request: what was wanted, risk's yes, and the order about to leave."""
    cdef Judged judged
    cdef Placed placed
    memset(&judged, 0, sizeof(Judged))
    judged.intent_id, judged.now_ns, judged.intent_sequence = intent.intent_id, now_ns, <int64_t>sequence
    judged.strategy, judged.instrument, judged.kind = intent.strategy, intent.instrument, PLACE
    memset(&placed, 0, sizeof(Placed))
    memcpy(&placed.client_id[0], PyBytes_AS_STRING(client_id), ID_SIZE)
    placed.intent_id, placed.intent_ns, placed.receive_ns = intent.intent_id, intent.now_ns, intent.receive_ns
    placed.now_ns, placed.price, placed.size, placed.expires_ns = now_ns, intent.price, intent.size, expires_ns
    placed.strategy, placed.instrument, placed.state, placed.side = (
        intent.strategy, intent.instrument, CREATED, intent.side)
    placed.order_type, placed.time_in_force, placed.timeout_ns = LIMIT, intent.time_in_force, intent.timeout_ns
    memcpy(&to[0].payload[0], intent, sizeof(Intent))
    memcpy(&to[1].payload[0], &judged, sizeof(Judged))
    memcpy(&to[2].payload[0], &placed, sizeof(Placed))
    seal(&to[0], last + 1, now_ns, J_INTENT, sizeof(Intent))
    seal(&to[1], last + 2, now_ns, J_VERDICT, sizeof(Judged))
    seal(&to[2], last + 3, now_ns, J_ORDER, sizeof(Placed))
    return 0
