"""The broker: sends the blotter's orders to the venue, and applies the venue's reports to the blotter.

A report on an order may come late, twice and out of order. So an order only moves forward: a fill is applied once by
its id, the venue's filled size only grows, and an order that has ended stays ended. Two things may move it back: the
venue's answer to a query of ours, and a report that contradicts an end that we had only inferred. The recovery queries
every order whose outcome remains unknown.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import (
    CANCELLING,
    FILLED,
    IN_FLIGHT,
    OPEN,
    PARTLY,
    REJECTED,
    UNKNOWN,
    Order,
    together,
)
from engine.execution.venue import contradictions
from engine.log import BoundedLog
from engine.meters import current as meters
from engine.meters.table import place_of
from engine.model import client_id
from engine.model.refusals import reject_text
from engine.model.text import shown
from engine.model.words import DONE_STATES, OrderFlag, OrderState
from engine.risk.gate import RiskGate
from engine.role import WorkingOn
from engine.venues.session import Answer, Ask, Request, VenueSession, Waits
from engine.venues.trading.budget import CANCEL, Priority
from engine.venues.trading.news import FillNews, OrderNews, Outcome, ReplaceNews

if TYPE_CHECKING:
    from engine.execution.venue.alarm import Alarm
    from engine.execution.venue.movements import Movements
    from engine.execution.venue.questions import Questions
logger = logging.getLogger("engine.execution")

FILLS_MISSING, FILLS_ABSENT, RESERVED = OrderFlag.FILLS_MISSING, OrderFlag.FILLS_ABSENT, OrderFlag.RESERVED
ACCEPTED, REFUSED = Outcome.ACCEPTED, Outcome.REFUSED
INFERRED, REPRICING = OrderFlag.INFERRED, OrderFlag.REPRICING
REJECTED_COUNT, CANCEL_COUNT = place_of("rejects"), place_of("cancels")
ACKNOWLEDGED, ACKNOWLEDGE = place_of("acknowledged"), place_of("acknowledge")
CANCELS, AMENDS, REPLACES, PAIRS = Ask.CANCEL, Ask.AMEND, Ask.REPLACE, Ask.PAIR
BOTH_UNKNOWN = ReplaceNews(Outcome.UNKNOWN, Outcome.UNKNOWN, "", "", "")
CONTRADICTED_PAUSE_NS = 5_000_000_000  # before the next question about an order on which the venue contradicted itself


class Broker:
    """Sends requests, and applies the venue's messages."""

    def __init__(
        self,
        blotter: Blotter,
        session: VenueSession,
        gate: RiskGate,
        questions: "Questions",
        alarm: "Alarm",
        movements: "Movements",
        system: bytes,
        fills_grace_ns: int,
        skips: Iterable[WorkingOn] = (),
    ) -> None:
        """Bind the parts together."""
        self._blotter = blotter
        self._session = session
        self._gate = gate
        self._questions = questions
        self._alarm = alarm
        self._movements = movements
        self._system = system
        self._grace_ns = fills_grace_ns
        self._instruments = {number: one.instrument for number, one in blotter.ledger.account.items()}
        self._log = BoundedLog(logger)
        self._held: dict[bytes, Order] = {}  # orders whose cancel waits after a refusal, or for room
        self._skips = frozenset(skips)  # reports on which an earlier life failed twice
        self._busy: tuple[Order, FillNews | None] | None = None  # the report that is being applied

    def place(self, order: Order, now_ns: int) -> None:
        """Send an order, or a pair of which it is the stop, that is in the journal as CREATED."""
        terms = (order.instrument, order.side, order.time_in_force, order.bound, order.size, order.client_id, now_ns)
        if order.waits is None:
            left = self._session.place(*terms)
        elif order.twin is None:
            left = self._session.place_native(order.waits, *terms)
        else:
            left = self._place_pair(order, order.waits, order.twin, now_ns)
        self.placed(order, now_ns, left=left)

    def _place_pair(self, stop: Order, waits: Waits, limit: Order, now_ns: int) -> bool:
        """Whether the request of a pair has left."""
        return self._session.place_pair(
            waits, stop.instrument, stop.side, stop.bound, limit.price, stop.size, stop.client_id, limit.client_id,
            now_ns,
        )  # fmt: skip

    def placed(self, order: Order, now_ns: int, *, left: bool) -> None:
        """Record that the session sent a placement, or could not send it."""
        self._mark(order, now_ns)
        for one in together(order):
            if left:
                self._blotter.sent(one, now_ns)
            else:
                self._mark_unknown(one, now_ns)

    def replace(self, old: Order, new: Order, now_ns: int) -> None:
        """Send the replacement of an order without fills; both orders are in the journal."""
        left = self._session.replace(
            new.instrument, new.side, new.time_in_force, new.price, new.size, new.client_id, old.client_id, now_ns
        )
        self._mark(new, now_ns)
        old.begin_cancel()
        if left:
            self._blotter.sent(new, now_ns)
        else:
            self._query_cancel(old, now_ns)
            self._mark_unknown(new, now_ns)

    def _mark(self, order: Order, now_ns: int) -> None:
        """Count a request in the rate, and in what the venue's limits leave for the next one."""
        self._gate.mark(now_ns, order.strategy, bool(order.flags & RESERVED))
        self._gate.apply_budget(now_ns)

    def cancel(self, order: Order, now_ns: int, flag: OrderFlag = OrderFlag.CANCEL_WANTED) -> None:
        """Cancel an open order at once, and an order in flight as soon as the venue reports that it is open.

        A cancel that would exceed a limit of the venue waits until there is room: a ban would hold all of them up. The
        cancel of one order of a pair ends both, so the other one waits for its answer.
        """
        if not order.live:
            return
        held = not self._may_cancel(order, now_ns)
        if not order.flags & flag:
            order.flags |= flag
            waits = order.cancel_pending or order.ends_with_twin or not self._session.up or held
            if waits or order.state not in (OPEN, PARTLY):
                self._blotter.note(order, now_ns)  # no request is sent now, so only this record keeps the decision
        if order.cancel_pending or order.state not in (OPEN, PARTLY, CANCELLING) or not self._session.up:
            return
        if order.ends_with_twin:  # the answer about the other one calls this again
            return
        if held:
            self._held[order.client_id] = order
            return
        if order.state != CANCELLING:
            self._blotter.move(order, CANCELLING, now_ns)
        self._send_cancel(order, now_ns)

    def amend(self, order: Order, size: int, now_ns: int) -> None:
        """Lower an open order's size in place; the request is in the journal."""
        order.begin_amend(size)
        order.amend_pending = self._session.amend(order.instrument, order.client_id, size, now_ns)
        if not order.amend_pending:
            self._questions.ask(order, now_ns)

    def retry_cancels(self, now_ns: int) -> None:
        """Retry the cancels that the venue refused and whose pause is over, and those for which there is room again."""
        for key, order in list(self._held.items()):
            if self._may_cancel(order, now_ns):
                del self._held[key]
                self._blotter.changed.append(order)

    def _may_cancel(self, order: Order, now_ns: int) -> bool:
        """Whether no pause after a refusal and no limit of the venue holds its cancel."""
        return now_ns >= order.cancel_after_ns and self._gate.budget.full(Priority.CANCEL, CANCEL, now_ns) is None

    def halted(self, order: Order) -> bool:
        """Whether an order like this one may not be open at the venue."""
        return self._gate.halts(order.strategy, order.instrument)

    @property
    def amends(self) -> bool:
        """Whether the venue lowers an order's size in place."""
        return self._session.amends

    @property
    def waiting(self) -> bool:
        """Whether a cancel waits after a refusal, or for room."""
        return bool(self._held)

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply the answer to a request about an order; ignore one about an order that was forgotten."""
        self._gate.backoff_until_ns = max(self._gate.backoff_until_ns, answer.retry_ns)
        order = self._blotter.orders.get(request.client_id)
        if request.kind == REPLACES:
            self._on_replace(request, order, answer.replace or BOTH_UNKNOWN, now_ns)
        elif request.kind == PAIRS:
            self._on_pair(request, answer, now_ns)
        elif order is None:
            return
        elif request.kind == CANCELS:
            self._on_cancel(order, answer, now_ns)
        elif request.kind == AMENDS:
            self._on_amend(order, answer, now_ns)
        else:
            self._on_place(order, answer.outcome, answer.error, answer.text, answer.order, answer.fills, now_ns)

    def _on_replace(self, request: Request, order: Order | None, both: ReplaceNews, now_ns: int) -> None:
        """Apply the answer to a replacement: the cancel of the old order, and the placement of the new one."""
        other = self._blotter.orders.get(request.replaced)
        if other is not None:
            other.answer_cancel()
            if both.cancelled is not None:
                self.apply_news(other, both.cancelled, now_ns, answered=True)
            else:
                self._query_cancel(other, now_ns)
        if order is not None:
            self._on_place(order, both.place, both.place_error, both.place_text, both.placed, both.fills, now_ns)

    def on_report(self, news: OrderNews, fill: FillNews | None, now_ns: int) -> Order | None:
        """Apply a report that the venue sent unasked; the order, or None when it is not ours or not known."""
        order = self._blotter.orders.get(news.client_id)
        if order is None:
            return None
        if fill is not None:
            self.apply_fill(order, fill, now_ns, news.executed)
        self.apply_news(order, news, now_ns, answered=False)
        return order

    def is_ours(self, order_client_id: bytes) -> bool:
        """Whether an id is of this system."""
        return client_id.is_ours(self._system, order_client_id)

    def working_on(self) -> WorkingOn | None:
        """The report whose application has raised; None when that happened elsewhere.

        It names no strategy: without this report the whole account's position in the instrument is in doubt.
        """
        return None if self._busy is None else report_of(*self._busy)

    def apply_fill(self, order: Order, fill: FillNews, now_ns: int, executed: int | None = None) -> bool:
        """Apply a fill; False when it was known or contradicts its order.

        `executed` is the venue's cumulative filled size of the order, if it came with the fill.
        """
        self._busy = order, fill
        applied = self._apply_fill(order, fill, now_ns, executed)
        self._busy = None
        return applied

    def _apply_fill(self, order: Order, fill: FillNews, now_ns: int, executed: int | None) -> bool:
        if self._blotter.knows_fill(order.instrument, fill):
            self._check_repetition(order, fill, now_ns)
            return False
        if self._is_skipped(order, fill):
            self._alarm.not_applied(order, fill, now_ns)
            return False
        held = self._blotter.ledger.account[order.instrument].size
        why = contradictions.of_fill(order, fill, self._instruments[order.instrument], held, executed)
        if why:
            self._alarm.false_fill(order, fill, why, now_ns)
            return False
        self._note_answer(order, now_ns)  # in the record of the fill: no other may follow it
        self._blotter.fill(order, fill, now_ns)
        self._movements.on_fill(order.instrument, order.side, fill)
        if order.flags & FILLS_MISSING:
            self.check_fills(order, now_ns)
        return True

    def _note_answer(self, order: Order, now_ns: int) -> None:
        """Note when the venue answered an order for the first time."""
        if order.answer_ns:
            return
        order.answer_ns = now_ns
        meters.add(ACKNOWLEDGED)
        if order.sent_ns:
            meters.observe(ACKNOWLEDGE, now_ns - order.sent_ns)

    def _check_repetition(self, order: Order, fill: FillNews, now_ns: int) -> None:
        """Raise an alarm when the id of an applied fill comes again with other contents."""
        if self._blotter.contradicts_fill(order, fill):
            known = self._blotter.fills[order.instrument].trades.get(fill.fill_id)
            self._alarm.dispute(order, fill, known, now_ns)

    def apply_news(self, order: Order, news: OrderNews, now_ns: int, *, answered: bool) -> None:
        """Apply the venue's view of an order; `answered`: it answers a question, so it may lead back from CANCELLING.

        A view that contradicts the order changes nothing in the order, and the venue is asked again.
        """
        self._busy = order, None
        if self._is_skipped(order, None):
            self._skip_news(order, news, now_ns)
        else:
            self._apply_news(order, news, now_ns, answered=answered)
        self._busy = None

    def _is_skipped(self, order: Order, fill: FillNews | None) -> bool:
        """Whether an earlier life failed twice on this report."""
        return bool(self._skips) and report_of(order, fill) in self._skips

    def _skip_news(self, order: Order, news: OrderNews, now_ns: int) -> None:
        """Halt the instrument, and cancel the order at the venue; here the order stays as it was, for the cap of risk.

        The venue is not asked again: no answer about this order can be applied.
        """
        self._alarm.not_applied(order, None, now_ns)
        self._questions.settle(order)
        if news.state not in DONE_STATES and not order.cancel_pending and now_ns >= order.cancel_after_ns:
            self._session.cancel(order.instrument, order.client_id, now_ns)
            order.begin_cancel()

    def _apply_news(self, order: Order, news: OrderNews, now_ns: int, *, answered: bool) -> None:
        why = contradictions.of_news(order, news, self._instruments[order.instrument].symbol)
        if why:
            self._alarm.false_news(order, news, why, now_ns)
            self._mark_unknown(order, now_ns, CONTRADICTED_PAUSE_NS)
            return
        self._blotter.bind(order, news.venue_order_id)
        self._note_answer(order, now_ns)
        order.venue_filled = max(order.venue_filled, news.executed)
        if order.shrinks_to(news.size):
            self._blotter.shrink(order, news.size, now_ns)
        if news.unknown_status:
            self._alarm.unknown_status(order, news, now_ns)
        if answered or order.state != CANCELLING:
            self._questions.settle(order)
        to = self._next_state(order, news, answered=answered)
        if news.working and order.waiting:
            order.flags |= OrderFlag.TRIGGERED
            if to is None:
                self._blotter.note(order, now_ns)
        if to is not None:
            order.flags |= FILLS_MISSING if order.missing else 0  # in the record of the move: a death may follow it
            self._correct(order, to)
            self._blotter.move(order, to, now_ns)
        self.check_fills(order, now_ns)

    def _next_state(self, order: Order, news: OrderNews, *, answered: bool) -> int | None:
        """The state that follows from the venue's view of an order, or None when its state does not change."""
        state, reported = order.state, news.state
        if state in DONE_STATES:
            if order.flags & INFERRED:
                return reported if reported in DONE_STATES else PARTLY if order.venue_filled else OPEN
            late_completion = reported == FILLED and state in (OrderState.CANCELLED, OrderState.EXPIRED)
            return FILLED if late_completion else None
        if reported in DONE_STATES:
            return reported
        open_state = PARTLY if order.venue_filled else OPEN
        if state in IN_FLIGHT:
            return open_state
        if state == CANCELLING:
            return open_state if answered and not order.cancel_pending else None
        return PARTLY if state == OPEN and order.venue_filled else None

    def _correct(self, order: Order, to: int) -> None:
        """Cancel an order whose end we inferred and that the venue reports as alive. A failed replacement is over."""
        if to in DONE_STATES:
            return
        order.flags &= ~REPRICING
        if order.flags & INFERRED:
            order.flags |= OrderFlag.CANCEL_WANTED

    def check_fills(self, order: Order, now_ns: int) -> None:
        """Mark an order whose fills did not all arrive, and fetch them."""
        missing = order.missing
        marks = FILLS_MISSING if missing else FILLS_ABSENT if order.disputed else 0
        if marks != order.flags & (FILLS_MISSING | FILLS_ABSENT):
            order.flags = order.flags & ~(FILLS_MISSING | FILLS_ABSENT) | marks
            self._blotter.note(order, now_ns)
            self._blotter.changed.append(order)  # its parent may have waited for its fills
        self._blotter.refresh(order)
        if missing:
            self._questions.fetch(order, now_ns + self._grace_ns)

    def _on_place(
        self, order: Order, outcome: int, error: str, text: str, placed: OrderNews | None, fills: list[FillNews],
        now_ns: int,
    ) -> None:  # fmt: skip
        """Apply the answer to a placement."""
        order.note_error(error, text)
        if outcome == ACCEPTED and placed is not None:
            for fill in fills:
                self.apply_fill(order, fill, now_ns, placed.executed)
            self.apply_news(order, placed, now_ns, answered=False)
        elif outcome == REFUSED and order.state in IN_FLIGHT:
            self._note_answer(order, now_ns)
            meters.add(REJECTED_COUNT)
            self._blotter.move(order, REJECTED, now_ns)
            self._warn(now_ns, "order rejected", order)
        elif order.state in IN_FLIGHT or outcome == REFUSED:
            self._mark_unknown(order, now_ns)

    def _on_pair(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply the answer to the placement of a pair: the venue has accepted or refused both orders."""
        placed = {news.client_id: news for news in answer.orders}
        for name in (request.client_id, request.second):
            order = self._blotter.orders.get(name)
            if order is not None:
                self._on_place(order, answer.outcome, answer.error, answer.text, placed.get(name), [], now_ns)

    def _on_cancel(self, order: Order, answer: Answer, now_ns: int) -> None:
        """Apply the answer to a cancel; unless the venue accepted it, ask the venue about the order."""
        order.answer_cancel()
        if answer.outcome == ACCEPTED and answer.order is not None:
            self._apply_ends(answer.orders, now_ns)
            self.apply_news(order, answer.order, now_ns, answered=True)
            return
        if order.twin is not None and order.twin.live:
            self._blotter.changed.append(order.twin)  # its own cancel may have waited for this answer
        order.note_error(answer.error, answer.text)
        if answer.outcome == REFUSED:
            self._warn(now_ns, "cancel rejected", order)
            order.pause_cancel(now_ns)
        self._query_cancel(order, now_ns)

    def _apply_ends(self, ended: list[OrderNews], now_ns: int) -> None:
        """Apply the ends of the orders that the cancel of another one has ended."""
        for news in ended:
            other = self._blotter.orders.get(news.client_id)
            if other is not None:
                self.apply_news(other, news, now_ns, answered=True)

    def _on_amend(self, order: Order, answer: Answer, now_ns: int) -> None:
        """Apply the answer to an amend; unless the venue accepted it, ask the venue about the order."""
        order.amend_pending = False
        if answer.outcome == ACCEPTED and answer.order is not None:
            self.apply_news(order, answer.order, now_ns, answered=False)
            return
        if answer.outcome == REFUSED:
            order.note_error(answer.error, answer.text)
            self._warn(now_ns, "amend rejected", order)
        if order.live:
            self._questions.ask(order, now_ns)
            self._blotter.changed.append(order)  # its parent may have to cancel it

    def _warn(self, now_ns: int, event: str, order: Order) -> None:
        """Log the venue's rejection of a request, at a bounded rate."""
        what = f"{event}: {reject_text(order.error, order.error_text)}"
        symbol = self._instruments[order.instrument].symbol
        self._log.warning(now_ns, what, strategy=order.strategy, symbol=symbol, order=order.client_id.hex())

    def _mark_unknown(self, order: Order, now_ns: int, pause_ns: int = 0) -> None:
        """Mark an order as UNKNOWN, because it may or may not exist at the venue, and ask the venue."""
        if order.state in IN_FLIGHT and order.state != UNKNOWN:
            self._blotter.move(order, UNKNOWN, now_ns)
        if order.live:
            self._questions.ask(order, now_ns + pause_ns)

    def _query_cancel(self, order: Order, now_ns: int) -> None:
        """Ask the venue whether an order is cancelled."""
        order.answer_cancel()
        if order.live:
            self._questions.ask(order, now_ns)

    def _send_cancel(self, order: Order, now_ns: int) -> None:
        """Send the cancel of an order that is in the journal as CANCELLING."""
        left = self._session.cancel(order.instrument, order.client_id, now_ns)
        order.begin_cancel()
        if left:
            meters.add(CANCEL_COUNT)
        else:
            self._query_cancel(order, now_ns)


def report_of(order: Order, fill: FillNews | None) -> WorkingOn:
    """A report of an order, or of one of its fills, as the record on which execution works."""
    lane, name = ("fills", shown(fill.fill_id)) if fill else ("orders", order.client_id.hex())
    return WorkingOn(lane, 0, instrument=order.instrument, id=name)
