"""Compares the account's balances with what its fills make of them, on a schedule and after each alarm.

    balance now  =  balance at the last agreement  +  what our fills, and deposits and withdrawals, have moved since

Only the change since the last agreement is compared, so whatever the account held before is nobody's concern. A
difference may be a fill that has not been told yet: orders and fills are compared first, and only a difference that
three comparisons in a row find to the last digit is one. Where others have traded on the account meanwhile, it is
reported and nothing else; else the instruments of that asset are halted. The first balance of a life is only believed
once it has been agreed with, because a fill may have been in it that was told later.
"""

import logging

from engine.execution.alarm import Alarm
from engine.execution.config import ExecutionConfig
from engine.execution.gateway import Ask, Gateway, Request
from engine.execution.recovery import Recovery
from engine.model.fixed import to_text
from engine.model.records import FEE_DECIMALS
from engine.venues.trading import FillNews, News, Outcome

logger = logging.getLogger("engine.execution")

AGAIN_NS = 2_000_000_000  # between comparisons while they differ
TIMES = 3  # that a difference must be found
ALL_ASSETS = "*"  # others have traded, nobody here knows what


class Balances:
    """What the balances were, what has moved them, and when to ask."""

    def __init__(self, config: ExecutionConfig, gateway: Gateway, recovery: Recovery, alarm: Alarm) -> None:
        """Begin without a balance."""
        self._interval_ns = config.balance_interval_ns
        self._gateway = gateway
        self._recovery = recovery
        self._alarm = alarm
        self._instruments = {one.id: one for one in config.instruments}
        self._assets = {asset for one in config.instruments for asset in (one.base, one.quote)}
        self._charged: set[str] = set()  # third assets that our fees were taken in
        self._agreed: dict[str, int] | None = None  # at FEE_DECIMALS, as everything here
        self._firm = False  # the first balance was agreed with
        self._agreed_ns = 0
        self._moved: dict[str, int] = {}  # by our fills, deposits and withdrawals, since then
        self._slack: dict[str, int] = {}  # by how much the venue may have rounded those
        self._others: set[str] = set()  # assets that others have traded since then
        self._difference: dict[str, int] = {}
        self._times = 0
        self._due_ns = 0
        self._asked = self._urgent = False

    def on_fill(self, instrument: int, side: int, fill: FillNews) -> None:
        """A fill of ours was taken in."""
        one = self._instruments[instrument]
        decimals = one.price_decimals + one.size_decimals
        self._move(one.base, side * fill.size, one.size_decimals)
        self._move(one.quote, -side * fill.price * fill.size, decimals)
        asset = fill.fee_asset.decode()
        self._move(asset, -fill.fee, FEE_DECIMALS)
        if fill.fee and asset not in self._assets:
            self._charged.add(asset)

    def on_others(self, instrument: int) -> None:
        """Somebody else's order moved on this account; instrument 0: of a symbol that is not configured."""
        one = self._instruments.get(instrument)
        self._others.update((ALL_ASSETS,) if one is None else (one.base, one.quote))

    def on_transfer(self, asset: str, amount: int) -> None:
        """A deposit or a withdrawal, of any asset: the next fill's fee may be taken in it."""
        self._moved[asset] = self._moved.get(asset, 0) + amount

    def on_down(self, now_ns: int) -> None:
        """The connection ended with what was asked on it."""
        self._asked = False
        self._due_ns = max(self._due_ns, now_ns)

    def compare_soon(self, now_ns: int) -> None:
        """An alarm was raised: compare at once, and say what came of it."""
        self._due_ns, self._urgent = now_ns, True

    def rebase(self) -> None:
        """An operator has looked: what the account holds at the next answer counts."""
        self._agreed, self._firm = None, False

    def step(self, now_ns: int) -> None:
        """Ask when it is due and nothing is known to be missing."""
        ready = self._gateway.up and self._recovery.complete and self._recovery.settled
        if not self._interval_ns or self._asked or now_ns < self._due_ns or not ready:
            return
        venue_ns = self._gateway.clock.venue_ns(now_ns)
        ask = self._gateway.wire.balances
        self._asked = self._gateway.send(Request(Ask.BALANCES, now_ns), lambda number: ask(number, venue_ns))

    def on_answer(self, request: Request, news: News, now_ns: int) -> None:
        """The balances, or none."""
        found = self._gateway.wire.read_balances(news.body) if news.outcome == Outcome.ACCEPTED else None
        self._asked, self._due_ns = False, now_ns + self._interval_ns
        if found is None:
            again_ns = news.retry_after_ns - self._gateway.clock.offset_ns if news.retry_after_ns else 0
            self._due_ns = max(self._due_ns, again_ns)
        elif self._agreed is None:
            self._agree(found, now_ns)
        else:
            self._compare(found, self._agreed, request, now_ns)

    def _compare(self, found: dict[str, int], agreed: dict[str, int], request: Request, now_ns: int) -> None:
        """Agreed, or different: once may be a fill that is still to come."""
        assets = self._assets | self._charged
        expected = {asset: agreed.get(asset, 0) + self._moved.get(asset, 0) for asset in assets}
        difference = {asset: found.get(asset, 0) - expected[asset] for asset in sorted(assets)}
        difference = {asset: by for asset, by in difference.items() if abs(by) > self._slack.get(asset, 0)}
        if not difference:
            self._firm = True
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
        self._agree(found, now_ns)

    def _agree(self, found: dict[str, int], now_ns: int) -> None:
        """Count from here."""
        if self._urgent and self._firm and not self._difference:
            logger.info("the account's balances agree with the fills")
        self._agreed, self._agreed_ns, self._urgent = found, now_ns, False
        self._moved.clear()
        self._slack.clear()
        self._others.clear()
        self._difference, self._times = {}, 0

    def _report(self, asset: str, by: int, found: int, now_ns: int) -> None:
        """A difference that stays: others' doing is said, the rest halts the asset's instruments."""
        seconds = (now_ns - self._agreed_ns) // 1_000_000_000
        text = (
            f"{asset}: the account holds {_text(found)}, expected {_text(found - by)} (difference {_text(by)}): since"
            f" the last agreement {seconds} s ago our fills, deposits and withdrawals moved"
            f" {_text(self._moved.get(asset, 0))}"
        )
        if self._others & {asset, ALL_ASSETS}:
            logger.warning("the account's balance moved, others traded on it", extra={"what": text})
            return
        concerned = [one.id for one in self._instruments.values() if asset in (one.base, one.quote)]
        if not concerned:
            logger.error("the account's balance differs from what the fees make it", extra={"what": text})
        for instrument in concerned:
            self._alarm.balance_differs(instrument, by, text, now_ns)

    def _move(self, asset: str, amount: int, decimals: int) -> None:
        """Count a movement; digits that the venue's balances do not have are its to round."""
        if not amount:
            return
        if decimals <= FEE_DECIMALS:
            moved = int(amount * 10 ** (FEE_DECIMALS - decimals))
        else:
            moved, rest = divmod(amount, 10 ** (decimals - FEE_DECIMALS))
            self._slack[asset] = self._slack.get(asset, 0) + bool(rest)
        self._moved[asset] = self._moved.get(asset, 0) + moved


def _text(amount: int) -> str:
    return to_text(amount, FEE_DECIMALS)
