"""The account at the venue: its session, and the parts that send to the venue and apply its reports.

    session ── answer to a request ───────▶ broker (place, pair, cancel, replace) · balances · recovery (all others)
            ── report of an order ────────▶ broker; strangers when the journal does not know the order
            ── unreadable message ────────▶ alarm, and the recovery asks for the data again
            ── up, down, transfer ────────▶ recovery, balances

The session reports to this object, which only decides whom a report concerns.
"""

from engine.execution.config import ExecutionConfig
from engine.execution.journal.journal import Journal
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.ledger import Ledger
from engine.execution.orders.order import OPEN
from engine.execution.orders.prices import Prices
from engine.execution.ports import ExecutionLanes
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.balance_cells import BalanceCells
from engine.execution.venue.balances import Balances
from engine.execution.venue.broker import Broker
from engine.execution.venue.movements import Movements
from engine.execution.venue.questions import Questions
from engine.execution.venue.reconciliation import Reconciliation
from engine.execution.venue.recovery import Recovery
from engine.execution.venue.shortfall import Shortfall
from engine.execution.venue.strangers import Strangers
from engine.model.client_id import mark_of
from engine.risk.gate import RiskGate
from engine.venues.session import UNANSWERED, Answer, Ask, MakeSession, Request
from engine.venues.trading.news import FillNews, OrderNews, UnreadableError

OF_AN_ORDER, BALANCES = frozenset({Ask.PLACE, Ask.PAIR, Ask.CANCEL, Ask.REPLACE, Ask.AMEND}), Ask.BALANCES


class VenueAccount:
    """The listener of the session, and its parts."""

    def __init__(
        self, config: ExecutionConfig, make_session: MakeSession, lanes: ExecutionLanes, journal: Journal,
        ledger: Ledger, prices: Prices, gate: RiskGate, alarm: Alarm,
    ) -> None:  # fmt: skip
        """Make the session and the parts."""
        self._ids = {one.symbol: one.id for one in config.instruments}
        self._alarm = alarm
        self._cells = BalanceCells(lanes.balances, lanes.fills, config.account)
        self._movements = Movements(config.instruments, journal, self._cells)
        questions = Questions()
        self.session = make_session(config, self)
        gate.follow(self.session.budget, self.session.clearance)
        self.blotter = Blotter(lanes, journal, ledger, self.session.fill_order, prices, account=config.account)
        self.broker = Broker(
            self.blotter, self.session, gate, questions, alarm, self._movements, mark_of(config.system),
            config.fills_grace_ns, config.skipped,
        )  # fmt: skip
        self.strangers = Strangers(
            self.blotter, self.broker, alarm, self._movements, self._ids, cancel_orphans=config.orphans == "cancel"
        )
        self.recovery = Recovery(config, self.blotter, self.session, questions, self.broker, self.strangers, alarm)
        self.balances = Balances(
            config, self.session, self.recovery, alarm, journal, Shortfall(ledger.account.values()), self._movements,
            self._cells,
        )  # fmt: skip
        self.reconciliation = Reconciliation(config, lanes.reconciliations, self.blotter, self.recovery, self.balances)

    def on_up(self, now_ns: int) -> None:
        """Ask the venue about every order and fill, because the session is up."""
        self._cells.on_up(now_ns)
        self.recovery.on_up(now_ns)

    def on_down(self, now_ns: int) -> None:
        """Stop asking, because the session ended."""
        self.recovery.on_down()
        self.balances.on_down(now_ns)

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Pass an answer to the part that asked; one that is unreadable, or answers another question, is UNKNOWN."""
        apply = self.recovery.on_answer
        if request.kind in OF_AN_ORDER:
            apply = self.broker.on_answer
        elif request.kind == BALANCES:
            apply = self.balances.on_answer
        if answer.unreadable is not None:
            self._alarm.unreadable(answer.unreadable, now_ns)
        try:
            apply(request, answer, now_ns)
        except UnreadableError as error:
            self._alarm.unreadable(error, now_ns)
            apply(request, UNANSWERED, now_ns)

    def on_transfer(self, asset: str, amount: int, now_ns: int) -> None:
        """Count a deposit or a withdrawal, which moves the balance without a fill."""
        self._movements.on_transfer(asset, amount, now_ns)

    def on_unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """Raise an alarm, and ask the venue for the data of the message."""
        self._alarm.unreadable(error, now_ns)
        self.recovery.audit_soon(now_ns)

    def on_report(self, order: OrderNews, fill: FillNews | None, now_ns: int) -> None:
        """Apply a report of an order: ours, ours but unknown, or another's."""
        if self.broker.on_report(order, fill, now_ns) is not None:
            return
        if not self.broker.is_ours(order.client_id):
            self.strangers.report(order, now_ns)
        elif order.state == OPEN or (fill is not None and not self.blotter.knows_fill(self._ids[order.symbol], fill)):
            adopted = self.strangers.known_or_adopted(order, now_ns)
            if fill is not None and adopted is not None:
                self.broker.apply_fill(adopted, fill, now_ns, order.executed)
