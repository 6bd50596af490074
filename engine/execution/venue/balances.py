"""Compares the account's balances with what its fills make of them, on a schedule and after each alarm.

    balance now  =  balance at the last agreement  +  what our fills, and deposits and withdrawals, have moved since

Only the change since the last agreement is compared, so whatever the account held before is nobody's concern. A
difference may be a fill that has not been told yet: orders and fills are compared first, and only a difference that
three comparisons in a row find to the last digit is one. Where others have traded on the account meanwhile, it is
reported and nothing else; else the instruments of that asset are halted. The agreement outlives the process
(`baseline`). The first balance of all is only believed once it has been agreed with, because a fill may have been in it
that was told later. While the connection was down a deposit or a withdrawal may have passed untold: after that a
difference is one where our own fills have moved the asset since the last agreement, for any of them may be wrong, or
where base and quote of an instrument moved against each other, as by a fill that nobody told. Else it can only be a
deposit or a withdrawal, and is reported.
"""

import logging

from engine.execution.config import ExecutionConfig
from engine.execution.seams import Appender
from engine.execution.venue import baseline
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.baseline import ALL_ASSETS, Baseline
from engine.execution.venue.recovery import Recovery
from engine.execution.venue.shortfall import ADVICE, Shortfall
from engine.model.fixed import to_text
from engine.model.records import FEE_DECIMALS
from engine.model.words import JournalKind
from engine.venues.session import Answer, Request, VenueSession
from engine.venues.trading.news import FillNews, Outcome

logger = logging.getLogger("engine.execution")

AGAIN_NS = 2_000_000_000  # between comparisons while they differ
TIMES = 3  # that a difference must be found


class Balances:
    """What the balances were, what has moved them, and when to ask."""

    def __init__(
        self,
        config: ExecutionConfig,
        session: VenueSession,
        recovery: Recovery,
        alarm: Alarm,
        journal: Appender,
        shortfall: Shortfall,
    ) -> None:
        """Begin without a balance; `restore` brings the former life's."""
        self._interval_ns = config.balance_interval_ns
        self._session = session
        self._recovery = recovery
        self._alarm = alarm
        self._instruments = {one.id: one for one in config.instruments}
        self._assets = {asset for one in config.instruments for asset in (one.base, one.quote)}
        self._charged: set[str] = set()  # third assets that our fees were taken in
        self._journal = journal
        self._shortfall = shortfall
        self._since = Baseline()
        self._known = False  # there is a balance to compare with
        self._firm = False  # the first balance was agreed with
        self._deaf = True  # deposits and withdrawals may have passed untold since then
        self._agreed_ns = 0
        self._difference: dict[str, int] = {}
        self._times = 0
        self._due_ns = 0
        self._asked = self._urgent = False

    def restore(self, since: Baseline, agreed_ns: int) -> None:
        """Go on from the former life's agreement."""
        self._since, self._agreed_ns = since, agreed_ns
        self._known = self._firm = bool(since.agreed)
        self._charged = (since.agreed.keys() | since.moved.keys()) - self._assets

    def on_fill(self, instrument: int, side: int, fill: FillNews) -> None:
        """A fill of ours was taken in."""
        self._since.trade(self._instruments[instrument], side, fill.price, fill.size)
        asset = fill.fee_asset.decode()
        self._since.charge(asset, fill.fee)
        if fill.fee and asset not in self._assets:
            self._charged.add(asset)

    def on_others(self, instrument: int, now_ns: int) -> None:
        """Somebody else's order moved on this account; instrument 0: of a symbol that is not configured."""
        one = self._instruments.get(instrument)
        fresh = {ALL_ASSETS} if one is None else {one.base, one.quote}
        fresh -= self._since.others
        self._since.others |= fresh
        for asset in sorted(fresh):
            self._journal.add(now_ns, JournalKind.BALANCE, baseline.traded_by_others(asset))
        if fresh:
            self._journal.commit(now_ns)

    def on_transfer(self, asset: str, amount: int, now_ns: int) -> None:
        """A deposit or a withdrawal, of any asset: the next fill's fee may be taken in it."""
        self._since.move(asset, amount)
        self._journal.add(now_ns, JournalKind.BALANCE, baseline.transferred(asset, amount))
        self._journal.commit(now_ns)

    def on_down(self, now_ns: int) -> None:
        """The connection ended with what was asked on it."""
        self._asked, self._deaf = False, True
        self._due_ns = max(self._due_ns, now_ns)

    def compare_soon(self, now_ns: int) -> None:
        """An alarm was raised: compare at once, and say what came of it."""
        self._due_ns, self._urgent = now_ns, True

    def rebase(self) -> None:
        """An operator has looked: what the account holds at the next answer counts."""
        self._since.clear()
        self._known = self._firm = False

    def step(self, now_ns: int) -> None:
        """Ask when it is due and nothing is known to be missing."""
        ready = self._session.up and self._recovery.complete and self._recovery.settled
        if not self._interval_ns or self._asked or now_ns < self._due_ns or not ready:
            return
        self._asked = self._session.balances(now_ns)

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """The balances, or none."""
        self._asked, self._due_ns = False, now_ns + self._interval_ns
        if answer.outcome != Outcome.ACCEPTED:
            self._due_ns = max(self._due_ns, answer.retry_ns)
        elif self._known:
            self._compare(answer.balances, request, now_ns)
        else:
            self._agree(answer.balances, now_ns)

    def _compare(self, found: dict[str, int], request: Request, now_ns: int) -> None:
        """Agreed, or different: once may be a fill that is still to come."""
        since, assets = self._since, sorted((self._assets | self._charged) & self._since.agreed.keys())
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
        """Compare a balance that no fill under way explains with what the positions hold."""
        for asset, text in self._shortfall.compare(found, self._since.slack).items():
            missing = self._shortfall.missing[asset]
            for instrument in self._shortfall.holders(asset):
                self._alarm.balance_differs(instrument, -missing, f"{text}. {ADVICE}", now_ns)

    def _agree(self, found: dict[str, int], now_ns: int) -> None:
        """Count from here."""
        if self._urgent and self._firm and not self._difference:
            logger.info("the account's balances agree with the fills")
        self._known, self._agreed_ns, self._urgent, self._deaf = True, now_ns, False, False
        for asset in sorted(self._assets | found.keys() | self._since.moved.keys()):
            amount = found.get(asset, 0)
            if self._firm and (asset in self._assets or asset in self._charged):
                self._journal.add(now_ns, JournalKind.BALANCE, baseline.agreed(asset, amount))
            self._since.agree(asset, amount)
        self._journal.commit(now_ns)
        self._difference, self._times = {}, 0

    def _report(self, asset: str, by: int, found: int, now_ns: int) -> None:
        """A difference that stays: others' doing is said, the rest halts the asset's instruments."""
        seconds = (now_ns - self._agreed_ns) // 1_000_000_000
        text = (
            f"{asset}: the account holds {_text(found)}, expected {_text(found - by)} (difference {_text(by)}): since"
            f" the last agreement {seconds} s ago our fills, deposits and withdrawals moved"
            f" {_text(self._since.moved.get(asset, 0))}"
        )
        if self._since.others & {asset, ALL_ASSETS}:
            logger.warning("the account's balance moved, others traded on it", extra={"what": text})
            return
        if self._deaf and not self._can_be_of_a_trade(asset):
            logger.warning("the account's balance moved while nobody here listened", extra={"what": text})
            return
        concerned = [one.id for one in self._instruments.values() if asset in (one.base, one.quote)]
        if not concerned:
            logger.error("the account's balance differs from what the fees make it", extra={"what": text})
        for instrument in concerned:
            self._alarm.balance_differs(instrument, by, text, now_ns)

    def _can_be_of_a_trade(self, asset: str) -> bool:
        """Whether a fill can be wrong or missing: our fills moved this asset, or two assets moved as in a trade.

        A missing fill moves both assets of its instrument; a wrong price, size or fee of one that was told moves one.
        """
        if asset in self._since.ours:
            return True
        pairs = [(one.base, one.quote) for one in self._instruments.values() if asset in (one.base, one.quote)]
        return any(self._difference.get(base, 0) * self._difference.get(quote, 0) < 0 for base, quote in pairs)


def _text(amount: int) -> str:
    return to_text(amount, FEE_DECIMALS)
