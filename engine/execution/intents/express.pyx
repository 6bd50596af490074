# cython: language_level=3, boundscheck=False, wraparound=False
"""The short way of a plain limit order that risk approves: its bytes leave before anything else is done.

    intent ─▶ approval ─▶ intent, verdict and order into the journal ─▶ session.place
                                                └─▶ then: order object, tables, exposure, ORDERS, VERDICTS

The journal is written before the bytes leave, everything else after. `send` changes nothing and returns None for every
other intent (another kind or type, one that risk does not approve here, numbers too wide): the desk then goes the long
way. Both ways write the same bytes to the same lanes in the same order; a test compares them.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from engine.execution.intents.halt_word cimport HaltWord
from engine.execution.journal.journal_record cimport seal
from engine.meters.current cimport observe_ns, sy_meter_clock
from engine.model.intent_id cimport COUNT_BITS
from engine.model.records cimport CLIENT_ID, Intent, Journalled, Judged, Placed
from engine.model.words cimport (
    INTENT_PLACE, JOURNAL_INTENT, JOURNAL_ORDER, JOURNAL_VERDICT, ORDER_STATE_CREATED, ORDER_TYPE_LIMIT,
    TIME_IN_FORCE_GTC, TIME_IN_FORCE_POST_ONLY,
)
from engine.risk.approval cimport Approval
from shm.protocol cimport expect_slots, sy_writer, writer_of

from engine.config.paths import FIRST_ACCOUNT
from engine.execution.orders import codec
from engine.meters.table import place_of
from engine.model import records, words

cdef enum:
    SYSTEM_SIZE = 6

cdef Py_ssize_t WAIT = place_of("wait")
cdef Py_ssize_t GATE = place_of("gate")
cdef Py_ssize_t SUBMIT = place_of("submit")

assert records.INTENT.size == sizeof(Intent)
assert records.VERDICT.size == sizeof(Judged)
assert records.ORDER.size == sizeof(Placed)
assert words.Reason.APPROVED == 0
assert sorted(words.TimeInForce) == list(range(TIME_IN_FORCE_GTC, TIME_IN_FORCE_POST_ONLY + 1))


cdef class Express:
    """Sends a common intent from its record; a row is made of it after the bytes have left."""

    cdef Approval gate
    cdef dict last_intent
    cdef bytes system
    cdef object journal, session, clock, finish, on_word
    cdef HaltWord word
    cdef int64_t window_ns
    cdef uint32_t account
    cdef bytes last
    cdef object unpack
    cdef sy_writer *ring

    def __init__(
        self, bytes system not None, Approval gate not None, dict last_intent not None, journal, session, finish,
        HaltWord word not None, on_word, uint32_t account = FIRST_ACCOUNT,
    ):
        """`finish(row, order's expiry, whether it left, verdict, now_ns)` does what may be done after the bytes left.

        `last_intent` is the blotter's, by strategy; `account` the account's number in every record. `on_word` is called
        with the time when the operator's halt word was written: the gate is halted when it returns.
        """
        assert len(system) == SYSTEM_SIZE, system
        self.system, self.gate, self.finish, self.account = system, gate, finish, account
        self.last_intent, self.journal = last_intent, journal
        self.word, self.on_word = word, on_word
        self.session, self.clock, self.window_ns = session, session.clock, session.receive_window_ns
        self.unpack = codec.INTENT.unpack
        self.ring = writer_of(journal.ring)

    def send(self, bytes data not None, uint64_t sequence, int64_t strategy, int64_t now_ns):
        """Send the intent in this record: its order, SENT or UNKNOWN; None when nothing was done."""
        cdef Intent intent
        cdef bytes client_id, batch, verdict
        cdef int64_t venue_ns, begin_ns, judged_ns
        assert PyBytes_GET_SIZE(data) == sizeof(Intent), len(data)
        memcpy(&intent, PyBytes_AS_STRING(data), sizeof(Intent))
        if not self.is_common(&intent, strategy):
            return None
        instrument = intent.instrument
        begin_ns = sy_meter_clock()
        if not self.gate.approves(
            now_ns, strategy, instrument, intent.side, intent.price, intent.size, intent.now_ns, intent.ttl_ns
        ):
            return None
        judged_ns = sy_meter_clock()
        venue_ns = now_ns + <int64_t>self.clock.offset_ns
        client_id = self.client_id(intent.intent_id)
        batch = self.pack(&intent, sequence, now_ns, client_id, venue_ns + self.window_ns, self.journal.sequence)
        if self.word.changed():  # the last look before the journal has it and the bytes leave
            self.gate.revoke()
            self.on_word(now_ns)
            return None
        self.last_intent[strategy], self.last = intent.intent_id, data
        self.journal.append(batch, 3, now_ns)
        left = self.session.place(
            instrument, intent.side, intent.time_in_force, intent.price, intent.size, client_id, now_ns
        )
        observe_ns(SUBMIT, sy_meter_clock() - judged_ns)
        observe_ns(GATE, judged_ns - begin_ns)
        observe_ns(WAIT, now_ns - intent.now_ns)
        verdict = PyBytes_FromStringAndSize(
            <char *>&(<Journalled *>PyBytes_AS_STRING(batch))[1].payload[0], sizeof(Judged))
        return self.finish(self.unpack(data), venue_ns + self.window_ns, left, verdict, now_ns)

    def warm(self, int64_t now_ns):
        """Repeat the code of the last order without an effect: nothing is numbered, journalled, sent or published.

        Between two orders a process polls for milliseconds, after which neither this code nor its data is in the
        processor's caches. A process that spins calls this from time to time.
        """
        cdef Intent intent
        cdef bytes client_id
        cdef int64_t checks = self.gate.checks
        if self.last is None:
            return
        memcpy(&intent, PyBytes_AS_STRING(self.last), sizeof(Intent))
        instrument = intent.instrument
        self.is_common(&intent, intent.strategy)
        self.gate.approves(
            now_ns, intent.strategy, instrument, intent.side, intent.price, intent.size, now_ns, intent.ttl_ns
        )
        self.gate.checks = checks  # no order was checked
        self.gate.revoke()
        client_id = self.client_id(intent.intent_id)
        self.pack(&intent, 0, now_ns, client_id, now_ns, 0)
        expect_slots(self.ring, 3)
        self.session.warm_place(
            instrument, intent.side, intent.time_in_force, intent.price, intent.size, client_id, now_ns
        )

    cdef bint is_common(self, Intent *intent, int64_t strategy) except -1:
        """Whether this is a plain limit order of this strategy with a new id."""
        if intent.timeout_ns < 0 or intent.algorithm != 0 or intent.flags != 0:
            return False
        if intent.kind != INTENT_PLACE or intent.order_type != ORDER_TYPE_LIMIT or intent.strategy != strategy:
            return False
        if <int64_t>(intent.intent_id >> COUNT_BITS) != strategy:
            return False
        if not TIME_IN_FORCE_GTC <= intent.time_in_force <= TIME_IN_FORCE_POST_ONLY:
            return False
        return intent.intent_id > <uint64_t>self.last_intent.get(strategy, 0)

    cdef bytes pack(
        self, Intent *intent, uint64_t sequence, int64_t now_ns, bytes client_id, int64_t expires_ns, uint64_t last
    ):
        """The three journal records of a request."""
        cdef bytes batch = PyBytes_FromStringAndSize(NULL, 3 * sizeof(Journalled))
        pack(
            <Journalled *>PyBytes_AS_STRING(batch), intent, sequence, now_ns, client_id, expires_ns, last, self.account
        )
        return batch

    cdef bytes client_id(self, uint64_t intent_id):
        """The 16 bytes of an intent's first request, as `client_id.encode` makes them."""
        cdef bytes made = PyBytes_FromStringAndSize(NULL, CLIENT_ID)
        cdef uint8_t *to = <uint8_t *>PyBytes_AS_STRING(made)
        cdef int index
        memcpy(to, PyBytes_AS_STRING(self.system), SYSTEM_SIZE)
        for index in range(8):
            to[SYSTEM_SIZE + index] = <uint8_t>(intent_id >> (56 - 8 * index))
        to[14] = to[15] = 0
        return made


cdef int pack(
    Journalled *to, Intent *intent, uint64_t sequence, int64_t now_ns, bytes client_id, int64_t expires_ns,
    uint64_t last, uint32_t account
) except -1:
    """Fill the three journal records of a request: the intent, its approval, and the order that is about to leave."""
    cdef Judged judged
    cdef Placed placed
    memset(&judged, 0, sizeof(Judged))
    judged.intent_id, judged.now_ns, judged.intent_sequence = intent.intent_id, now_ns, <int64_t>sequence
    judged.strategy, judged.instrument, judged.kind = intent.strategy, intent.instrument, INTENT_PLACE
    memset(&placed, 0, sizeof(Placed))
    memcpy(&placed.client_id[0], PyBytes_AS_STRING(client_id), CLIENT_ID)
    placed.intent_id, placed.intent_ns, placed.receive_ns = intent.intent_id, intent.now_ns, intent.receive_ns
    placed.now_ns, placed.price, placed.size, placed.expires_ns = now_ns, intent.price, intent.size, expires_ns
    placed.strategy, placed.instrument, placed.state, placed.side = (
        intent.strategy, intent.instrument, ORDER_STATE_CREATED, intent.side)
    placed.account = account
    placed.order_type, placed.time_in_force, placed.timeout_ns = (
        ORDER_TYPE_LIMIT, intent.time_in_force, intent.timeout_ns)
    memcpy(&to[0].payload[0], intent, sizeof(Intent))
    memcpy(&to[1].payload[0], &judged, sizeof(Judged))
    memcpy(&to[2].payload[0], &placed, sizeof(Placed))
    seal(&to[0], last + 1, now_ns, JOURNAL_INTENT, sizeof(Intent))
    seal(&to[1], last + 2, now_ns, JOURNAL_VERDICT, sizeof(Judged))
    seal(&to[2], last + 3, now_ns, JOURNAL_ORDER, sizeof(Placed))
    return 0
