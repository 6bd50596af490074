"""The breakers of this execution: judges them, keeps their states in the journal, and applies the policy of a trip.

    a valuation (`mark_interval_ns`), a read book ─▶ judge ─▶ state ───▶ BREAKER in the journal
                                                       └─▶ trip ───▶ BREAKER, then the policy

    REFUSE   entries of the scope are refused            REDUCE   and its open entries end, with their algorithms
    CANCEL   the scope is halted (`scopes.py`)           FLATTEN  and its positions are closed

The scope is the account, or the strategy whose breaker it is. A trip holds over every restart until an operator resumes
the scope. Then the breaker counts anew. While a breaker cannot know its value, the entries of its scope are refused,
without a trip.
"""

import logging
from collections.abc import Collection, Mapping

import msgspec

from engine.execution.config import ExecutionConfig
from engine.execution.intents.desk import Desk
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order
from engine.execution.orders.parent import Parent
from engine.execution.scopes import Scopes
from engine.execution.trips import HALTS, Place, resumed, text_of
from engine.model import algorithms
from engine.model.fixed import clamped
from engine.model.journal_records import BREAKER, BREAKER_STATE
from engine.model.rows import BreakerRow
from engine.model.scope import Held, Scope
from engine.model.text import bare
from engine.model.words import BUY, BreakerPolicy, HaltReason, JournalKind, Reason
from engine.risk.breakers import Guard, Seen, read_breakers
from engine.risk.gate import Exposure, Refusal, RiskGate

logger = logging.getLogger("engine.execution")


class Breakers:
    """The configured breakers, once for the account or once for each strategy."""

    def __init__(self, config: ExecutionConfig, gate: RiskGate, blotter: Blotter, scopes: Scopes, desk: Desk) -> None:
        """Begin with every breaker in its first state."""
        self.rows: dict[Place, BreakerRow] = {}  # what the journal has of each
        self._account = config.account
        self._interval_ns = config.mark_interval_ns
        self._gate = gate
        self._blotter = blotter
        self._scopes = scopes
        self._desk = desk
        self._guards = {
            Place(guard.key, strategy): guard
            for guard in read_breakers(config.risk, config.limits)
            for strategy in (config.strategies if guard.breaker.per_strategy else (0,))
        }
        self._fast = {place: guard for place, guard in self._guards.items() if guard.breaker.fast}
        self.fast = bool(self._fast)
        self._rehearsed = {
            Place(guard.key, 0): guard for guard in read_breakers(config.risk, config.limits) if guard.breaker.fast
        }
        self._states = {place: guard.breaker.first for place, guard in self._guards.items()}
        self._unknown: set[Place] = set()
        self._closed: dict[int, Refusal] = {}
        self.trips: dict[Scope, BreakerRow] = {}  # the newest trip of each scope
        self._judged_ns = 0

    def restore(self, rows: Mapping[Place, BreakerRow]) -> None:
        """Continue what the journal has; a trip holds also if its key is not configured any more."""
        self.rows.update(rows)
        for place, guard in self._guards.items():
            if (row := rows.get(place)) is not None:
                first = guard.breaker.first
                self._states[place] = guard.breaker.anew if row.anew else _decoded(row, type(first))
        self._close()

    def step(self, now_ns: int) -> None:
        """Judge every breaker if a valuation is due."""
        if self._guards and now_ns - self._judged_ns >= self._interval_ns:
            self._judged_ns = now_ns
            self._judge(now_ns, self._guards)

    def on_books(self, now_ns: int) -> bool:
        """Judge the breakers that look at each new price; whether the entries that the gate refuses changed."""
        closed = self._closed
        self._judge(now_ns, self._fast)
        return self._closed is not closed

    def warm(self, now_ns: int) -> None:
        """Judge understudies of the breakers that look at each new price, without an effect."""
        for place, guard in self._rehearsed.items():
            guard.breaker.judge(guard.breaker.first, Seen(now_ns, self._gate.account, self._positions(place.strategy)))

    def begin(self, now_ns: int) -> None:
        """Cancel what a trip of the former life did not cancel any more."""
        for place, row in self.rows.items():
            if row.policy == BreakerPolicy.REDUCE:
                self._cancel_entries(place.strategy, now_ns)

    def resume(self, scope: Scope) -> None:
        """Have the breakers of a scope count anew: the journal has the operator's command."""
        for place, row in resumed(self.rows, scope, self._account).items():
            self.rows[place] = row
            if (guard := self._guards.get(place)) is not None:
                self._states[place] = guard.breaker.anew
        self._close()

    @property
    def reason(self) -> int:
        """The Reason why entries of the whole account stop; 0: they do not."""
        closed = self._closed.get(0)
        return 0 if closed is None else int(closed.reason)

    def _judge(self, now_ns: int, guards: Mapping[Place, Guard]) -> None:
        """Judge these breakers; one that has tripped keeps its state until it is resumed."""
        account = self._gate.account
        for place, guard in guards.items():
            row = self.rows.get(place)
            if row is not None and row.policy:
                continue
            before = self._states[place]
            state, refusal = guard.breaker.judge(before, Seen(now_ns, account, self._positions(place.strategy)))
            if state is not before or refusal is not None or self._unknown:
                self._apply(place, guard, state, refusal, now_ns)

    def _apply(
        self, place: Place, guard: Guard, state: msgspec.Struct, refusal: Refusal | None, now_ns: int
    ) -> None:  # fmt: skip
        """Apply what a breaker has found: whether its value is known, its next state, a trip."""
        missing = refusal is not None and refusal.reason == Reason.RATE_MISSING
        trip = None if missing else refusal
        if trip is not None or state != self._states[place]:
            self._states[place] = state
            self._record(place, guard, trip, now_ns)
        if trip is not None:
            self._trip(place, guard, now_ns)
        if missing != (place in self._unknown):
            self._unknown ^= {place}
            self._close()

    def _positions(self, strategy: int) -> Collection[tuple[int, Exposure]]:
        """The positions of a strategy, or of the account, with their instruments."""
        ledger = self._blotter.ledger
        if not strategy:
            return ledger.account.items()
        return [(number, one) for (who, number), one in ledger.owned.items() if who == strategy]

    def _record(self, place: Place, guard: Guard, refusal: Refusal | None, now_ns: int) -> None:
        """Put the state, and the trip, into the journal before anything follows from it."""
        state = msgspec.json.encode(self._states[place])
        assert len(state) <= BREAKER_STATE, f"{place.key}: a state of {len(state)} bytes, expected {BREAKER_STATE}"
        row = BREAKER.row(
            since_ns=0, value=0, limit=0, key=place.key.encode(), strategy=place.strategy, policy=0, reason=0, anew=0,
            state=state,
        )  # fmt: skip
        if refusal is not None:
            row = row._replace(
                since_ns=now_ns, value=clamped(refusal.value), limit=clamped(refusal.limit), policy=guard.policy,
                reason=refusal.reason,
            )  # fmt: skip
        self.rows[place] = row
        self._blotter.journal.add(now_ns, JournalKind.BREAKER, codec.BREAKER.pack_row(row))
        self._blotter.journal.commit(now_ns)

    def _trip(self, place: Place, guard: Guard, now_ns: int) -> None:
        """Apply the policy of a breaker that has tripped."""
        scope, row = place.scope(self._account), self.rows[place]
        logger.error("a breaker has tripped", extra={"scope": scope.text(), "what": text_of(row)})
        if guard.policy in HALTS:
            held = self._scopes.held.get(scope)
            flattens = guard.policy == BreakerPolicy.FLATTEN or (held is not None and held.flattens)
            self._scopes.halt(scope, Held(now_ns, HaltReason.BREAKER, 0, flattens), now_ns)
        elif guard.policy == BreakerPolicy.REDUCE:
            self._cancel_entries(place.strategy, now_ns)
        self._close()

    def _cancel_entries(self, strategy: int, now_ns: int) -> None:
        """Cancel the open orders, and stop the algorithms, that do not only reduce their strategy's position.

        An algorithm between two orders has none that is open, and would catch up after a resume. A bracket that holds
        something ends its entry itself and goes on with its exits.
        """
        for parent in list(self._blotter.parents.values()):
            closes = algorithms.closes(parent.algorithm)
            if strategy in (0, parent.strategy) and not closes and not self._reduces(parent):
                self._desk.stop_entries(parent, now_ns)
        for order in list(self._blotter.live.values()):
            owner = self._blotter.parents.get(order.intent_id)
            works = owner is not None and owner.working
            if strategy in (0, order.strategy) and not works and not self._reduces(order):
                self._desk.cancel(order, now_ns)

    def _reduces(self, order: Order | Parent) -> bool:
        """Whether the order, with all the strategy's orders of its side filled, can only reduce its position."""
        own = self._blotter.ledger.owned.get((order.strategy, order.instrument))
        pending = 0 if own is None else own.open_buy if order.side == BUY else own.open_sell
        return own is not None and own.size * order.side + pending <= 0

    def _close(self) -> None:
        """Have the gate refuse the entries of every scope whose breaker has tripped, or does not know its value."""
        closed = {place.strategy: Refusal(Reason.RATE_MISSING) for place in self._unknown}
        tripped = {place: row for place, row in self.rows.items() if row.policy}
        for place, row in tripped.items():
            closed[place.strategy] = Refusal(Reason(row.reason), row.value, row.limit)
        self.trips = {place.scope(self._account): row for place, row in tripped.items()}
        if closed != self._closed:
            self._closed = closed
            self._gate.close_entries(closed)


def _decoded(row: BreakerRow, kind: type[msgspec.Struct]) -> msgspec.Struct:
    return msgspec.json.decode(bare(row.state), type=kind)
