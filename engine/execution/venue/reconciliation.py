"""Reports each comparison with the venue: what the engine has, what the venue lists, and every difference.

    recovery.audit ── orders, fills ──┐
    blotter ── open orders ───────────┼─▶ RECONCILIATIONS: the differences, then a REPORT, in one publish; the log
    balances ── differences ──────────┘

A comparison is reported when every question that it raised is answered, so a report of the venue that was on its way
is no difference. One that an operator asked for is reported when the balances are compared too. Nothing is traded.
"""

import logging

from engine.execution.config import ExecutionConfig
from engine.execution.orders.blotter import Blotter
from engine.execution.ports import Publisher
from engine.execution.venue.audit import Audit
from engine.execution.venue.balances import Balances
from engine.execution.venue.recovery import Recovery
from engine.lanes import lane_of
from engine.model.codec import Codec
from engine.model.fixed import to_text
from engine.model.records import RECONCILED
from engine.model.rows import ReconciledRow
from engine.model.text import shown
from engine.model.words import ReconciledKind

logger = logging.getLogger("engine.execution")

DAY_NS = 86_400 * 1_000_000_000
CODEC = Codec(RECONCILED)
MOST = lane_of("reconciliations").reserve - 1  # differences in one report; further ones are counted
TEXT = next(field.size for field in RECONCILED.fields if field.name == "text")
Difference = tuple[ReconciledKind, int, str]


class Reconciliation:
    """The reports."""

    def __init__(
        self, config: ExecutionConfig, lane: Publisher, blotter: Blotter, recovery: Recovery, balances: Balances
    ) -> None:  # fmt: skip
        """Begin without a report."""
        self._instruments = {one.id: one for one in config.instruments}
        self._ids = {one.symbol: one.id for one in config.instruments}
        self._publish = lane.publish_bytes
        self._blotter, self._recovery, self._balances = blotter, recovery, balances
        self._reported = 0  # the number of the last comparison that was reported
        self._requested_ns = 0  # since when an operator waits for a report
        self._day_ns = 0

    def request(self, requested_ns: int, now_ns: int) -> None:
        """An operator asks: compare everything now."""
        self._requested_ns = requested_ns
        self._recovery.audit_now(now_ns)
        self._balances.compare_soon(now_ns)

    def step(self, now_ns: int) -> None:
        """Report the newest comparison, once, when it has ended."""
        audit = self._recovery.audit
        if audit.number == self._reported or not audit.asked_ns or not self._recovery.settled:
            return
        if self._requested_ns and not self._serves(audit):
            return
        self._reported = audit.number
        self._report(audit, now_ns)
        self._requested_ns = 0

    def _serves(self, audit: Audit) -> bool:
        """Whether this comparison and one of the balances began after the operator's request."""
        return audit.began_ns >= self._requested_ns and self._balances.agreed_since(audit.began_ns)

    def _report(self, audit: Audit, now_ns: int) -> None:
        """Publish and log one report."""
        found = [*self._orders(audit), *self._money()]
        rows = [self._row(audit, now_ns, len(found), *one) for one in found[:MOST]]
        rows.append(self._row(audit, now_ns, len(found), ReconciledKind.REPORT, 0, ""))
        self._publish(b"".join(map(CODEC.pack_row, rows)))
        daily = self._day_ns != now_ns - now_ns % DAY_NS
        self._day_ns = now_ns - now_ns % DAY_NS
        level = logging.ERROR if found else logging.INFO if daily or self._requested_ns else logging.DEBUG
        what = "daily comparison with the venue" if daily else "comparison with the venue"
        of = {
            "open_orders": len(audit.listed),
            "fills_listed": audit.fills_listed,
            "fills_unknown": audit.fills_unknown,
        }
        logger.log(level, what, extra={**of, "differences": [text for _, _, text in found]})

    def _orders(self, audit: Audit) -> list[Difference]:
        """The orders of which engine and venue do not have the same."""
        found = [(news.symbol, f"order {_name(news.client_id)} was open at the venue and not in the journal")
                 for news in audit.unknown]  # fmt: skip
        for client_id, news in audit.listed.items():
            order = self._blotter.orders.get(client_id)
            if order is not None and not order.live and order.now_ns < audit.asked_ns:  # ended before
                found.append((news.symbol, f"order {_name(client_id)}: done in the engine, open at the venue"))
            elif order is not None and order.filled < news.executed:
                ours, theirs = (self._size(news.symbol, size) for size in (order.filled, news.executed))
                found.append((news.symbol, f"order {_name(client_id)}: filled {ours} in the engine, {theirs} there"))
        for order in self._blotter.live.values():
            if order.open and order.answer_ns < audit.asked_ns and order.client_id not in audit.listed:
                symbol = self._instruments[order.instrument].symbol
                found.append((symbol, f"order {_name(order.client_id)}: open in the engine, not listed by the venue"))
        return [(ReconciledKind.ORDER, self._ids.get(symbol, 0), f"{symbol}: {text}") for symbol, text in found]

    def _money(self) -> list[Difference]:
        """The assets of which the venue has another amount than the fills and positions make."""
        return [(ReconciledKind.BALANCE, 0, text) for text in self._balances.report()]

    def _size(self, symbol: str, size: int) -> str:
        return to_text(size, self._instruments[self._ids[symbol]].size_decimals) if symbol in self._ids else str(size)

    def _row(
        self, audit: Audit, now_ns: int, differences: int, kind: ReconciledKind, instrument: int, text: str
    ) -> ReconciledRow:  # fmt: skip
        return RECONCILED.row(
            run=audit.number, now_ns=now_ns, began_ns=audit.began_ns, requested_ns=self._requested_ns,
            balances_ns=self._balances.agreed_ns, orders_ours=sum(one.open for one in self._blotter.live.values()),
            orders_listed=len(audit.listed), orders_others=audit.others, fills_listed=audit.fills_listed,
            fills_unknown=audit.fills_unknown, assets=self._balances.compared, differences=differences,
            instrument=instrument, account=self._blotter.account, kind=kind, text=text.encode()[:TEXT],
        )  # fmt: skip


def _name(client_id: bytes) -> str:
    """Our id of an order, as engine-ctl orders shows it."""
    return client_id.hex() if len(client_id) == 16 else shown(client_id)  # noqa: PLR2004 - bytes of our ids
