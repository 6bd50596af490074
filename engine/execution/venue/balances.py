"""Compares the account's balances with what its fills make of them, on a schedule and after each alarm.

    balance now  =  balance at the last agreement  +  what our fills, and deposits and withdrawals, have moved since

Only changes since the last agreement are compared, so it does not matter what the account held before. The agreement
outlives the process (`baseline`). The very first balance counts only after a second one agrees with it: it may contain
a fill that is reported later.

A difference may be a fill that the venue has not reported yet. So orders and fills are compared first, and a difference
counts only if three comparisons in a row find it, to the last digit. Then the instruments of the asset are halted, with
two exceptions, which are only logged:

- Others have traded the asset on the account since the last agreement.
- The connection was lost since then, so a deposit or a withdrawal may not have been reported, and the difference cannot
  come from a trade. It can come from a trade if our own fills moved the asset (one of them may be wrong), or if base
  and quote of an instrument moved in opposite directions (a fill may be missing).
"""

import logging

from engine.execution.config import ExecutionConfig
from engine.execution.ports import Appender
from engine.execution.venue import baseline
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.balance_cells import BalanceCells
from engine.execution.venue.baseline import ALL_ASSETS, Baseline
from engine.execution.venue.movements import Movements
from engine.execution.venue.recovery import Recovery
from engine.execution.venue.shortfall import ADVICE, Shortfall
from engine.model.fixed import to_text
from engine.model.records import FEE_DECIMALS
from engine.model.words import JournalKind
from engine.venues.session import Answer, Request, VenueSession
from engine.venues.trading.budget import QUESTION, Priority
from engine.venues.trading.news import Outcome

logger = logging.getLogger("engine.execution")

AGAIN_NS = 2_000_000_000  # between comparisons while they differ
TIMES = 3  # comparisons in a row that must find a difference


class Balances:
    """When to ask for the balances, and what follows from the answer."""

    def __init__(
        self,
        config: ExecutionConfig,
        session: VenueSession,
        recovery: Recovery,
        alarm: Alarm,
        journal: Appender,
        shortfall: Shortfall,
        movements: Movements,
        cells: BalanceCells,
    ) -> None:
        """Begin without a balance; `restore` continues from the former life's."""
        self._interval_ns = config.balance_interval_ns
        self._session = session
        self._recovery = recovery
        self._alarm = alarm
        self._instruments = {one.id: one for one in config.instruments}
        self._journal = journal
        self._shortfall = shortfall
        self._movements = movements
        self._cells = cells
        self._known = False  # there is a balance to compare with
        self._firm = False  # a second balance has agreed with the first one
        self._transfers_missed = True  # the connection was lost: a transfer since the agreement may be unreported
        self.agreed_ns = 0
        self._found: dict[str, str] = {}  # what comparisons found since the last report, by asset
        self._difference: dict[str, int] = {}
        self._times = 0
        self._due_ns = 0
        self._asked = self._urgent = False

    def restore(self, since: Baseline, agreed_ns: int) -> None:
        """Continue from the former life's agreement."""
        self._movements.restore(since)
        self.agreed_ns = agreed_ns
        self._known = self._firm = bool(since.agreed)

    def on_down(self, now_ns: int) -> None:
        """The connection is lost, and with it the answer to a request."""
        self._asked, self._transfers_missed = False, True
        self._due_ns = max(self._due_ns, now_ns)

    def compare_soon(self, now_ns: int) -> None:
        """An alarm was raised: compare at once, and log the result."""
        self._due_ns, self._urgent = now_ns, True

    def report(self) -> list[str]:
        """What comparisons with the fills found since the last report, and what the positions hold too much now."""
        found = [*self._found.values(), *self._shortfall.texts()]
        self._found.clear()
        return found

    @property
    def compared(self) -> int:
        """How many assets are compared; 0: balances never are."""
        return len(self._movements.counted) if self._interval_ns else 0

    def agreed_since(self, since_ns: int) -> bool:
        """Whether the account's balances were compared with the fills after this time; true where they never are."""
        return not self._interval_ns or self.agreed_ns >= since_ns

    def rebase(self) -> None:
        """An operator resumed: accept the balances of the next answer as the agreement."""
        self._movements.since.clear()
        self._known = self._firm = False

    def step(self, now_ns: int) -> None:
        """Request the balances when they are due and no order or fill is known to be missing."""
        ready = self._session.up and self._recovery.complete and self._recovery.settled
        if not self._interval_ns or self._asked or now_ns < self._due_ns or not ready:
            return
        if self._session.budget.full(Priority.EXIT, QUESTION, now_ns) is None:
            self._asked = self._session.balances(now_ns)

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Compare the balances of an answer, or ask again later."""
        self._asked, self._due_ns = False, now_ns + self._interval_ns
        if answer.outcome != Outcome.ACCEPTED:
            self._due_ns = max(self._due_ns, answer.retry_ns)
            return
        self._cells.publish(answer, self._movements.counted, now_ns)
        if self._known:
            self._compare(answer.balances, request, now_ns)
        else:
            self._agree(answer.balances, now_ns)

    def _compare(self, found: dict[str, int], request: Request, now_ns: int) -> None:
        """Compare; a difference that is found less than `TIMES` times may be a fill that is not reported yet."""
        since = self._movements.since
        assets = sorted(self._movements.counted & since.agreed.keys())
        difference = {one: found.get(one, 0) - since.agreed[one] - since.moved.get(one, 0) for one in assets}
        difference = {asset: by for asset, by in difference.items() if abs(by) > since.slack.get(asset, 0)}
        if not difference:
            self._firm = True
            self._cover(found, now_ns)
            self._agree(found, now_ns)
            return
        self._times = self._times + 1 if difference == self._difference else 1
        self._difference = difference
        if self._times < TIMES:
            self._due_ns = now_ns + AGAIN_NS
            self._recovery.audit_now(request.sent_ns)
            return
        for asset, by in difference.items() if self._firm else ():
            self._report(asset, by, found.get(asset, 0), now_ns)
        self._cover(found, now_ns)
        self._agree(found, now_ns)

    def _cover(self, found: dict[str, int], now_ns: int) -> None:
        """Compare the balances with the positions, once no missing fill can explain a difference."""
        for asset, text in self._shortfall.compare(found, self._movements.since.slack).items():
            missing = self._shortfall.missing[asset]
            for instrument in self._shortfall.holders(asset):
                self._alarm.balance_differs(instrument, -missing, f"{text}. {ADVICE}", now_ns)

    def _agree(self, found: dict[str, int], now_ns: int) -> None:
        """Make these balances the agreement from which changes are counted."""
        if self._urgent and self._firm and not self._difference:
            logger.info("the account's balances agree with the fills")
        self._known, self.agreed_ns, self._urgent, self._transfers_missed = True, now_ns, False, False
        since, counted = self._movements.since, self._movements.counted
        for asset in sorted(self._movements.assets | found.keys() | since.moved.keys()):
            amount = found.get(asset, 0)
            if self._firm and asset in counted:
                self._journal.add(now_ns, JournalKind.BALANCE, baseline.agreed(asset, amount))
            since.agree(asset, amount)
        self._journal.commit(now_ns)
        self._difference, self._times = {}, 0

    def _report(self, asset: str, by: int, found: int, now_ns: int) -> None:
        """Log a difference that others or a transfer may have made; for any other halt the asset's instruments."""
        seconds = (now_ns - self.agreed_ns) // 1_000_000_000
        text = (
            f"{asset}: the account holds {_text(found)}, expected {_text(found - by)} (difference {_text(by)}): since"
            f" the last agreement {seconds} s ago our fills, deposits and withdrawals moved"
            f" {_text(self._movements.since.moved.get(asset, 0))}"
        )
        self._found[asset] = text
        if self._movements.since.others & {asset, ALL_ASSETS}:
            logger.warning("the account's balance changed; others have traded on it", extra={"what": text})
            return
        if self._transfers_missed and not self._can_be_of_a_trade(asset):
            logger.warning("the account's balance moved while the connection was down", extra={"what": text})
            return
        concerned = [one.id for one in self._instruments.values() if asset in (one.base, one.quote)]
        if not concerned:
            logger.error("the account's balance differs from the sum of the fees", extra={"what": text})
        for instrument in concerned:
            self._alarm.balance_differs(instrument, by, text, now_ns)

    def _can_be_of_a_trade(self, asset: str) -> bool:
        """Whether a fill can be wrong or missing: our fills moved this asset, or two assets moved as in a trade.

        A missing fill moves both assets of its instrument; a wrong price, size or fee of a reported fill moves one.
        """
        if asset in self._movements.since.ours:
            return True
        pairs = [(one.base, one.quote) for one in self._instruments.values() if asset in (one.base, one.quote)]
        return any(self._difference.get(base, 0) * self._difference.get(quote, 0) < 0 for base, quote in pairs)


def _text(amount: int) -> str:
    return to_text(amount, FEE_DECIMALS)
