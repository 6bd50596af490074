"""Caps on the account's worst case as a share of its equity: concentration and leverage.

Equity is `capital_usd` and the net of every fill (`engine/risk/equity.py`). While it is not known, or something that
counts has no good and fresh price, entries are refused with RATE_MISSING; an equity of 0 or less refuses every entry.
An order that does not increase its instrument's worst case passes.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from engine.model.words import Reason
from engine.risk.cap_table import CapTable
from engine.risk.caps.exposure import adds, gross_of
from engine.risk.caps.registry import cap
from engine.risk.equity import equity_of
from engine.risk.gate import Account, Proposed, Refusal

LEVERAGE_MOST = 1000
NEEDS = ("capital_usd",)


@cap("max_portfolio_concentration", Decimal, needs=NEEDS)
class Concentration:
    """The worst case of the order's instrument is at most this share of the equity."""

    exits = False

    def __init__(self, most: Decimal) -> None:
        """Refuse a share that bounds nothing."""
        self._most = share_of(most)

    def precompute(self, table: CapTable) -> None:
        """Enter the bound into the table of the compiled approval."""
        table.bound_own_share(float(self._most))

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that exceeds the share."""
        return _check(order, account, (order.instrument_id,), self._most, Reason.CONCENTRATION_TOO_HIGH)


@cap("max_leverage", Decimal, needs=NEEDS)
class Leverage:
    """The gross worst case of all instruments is at most this multiple of the equity."""

    exits = False

    def __init__(self, most: Decimal) -> None:
        """Refuse a multiple that bounds nothing."""
        self._most = share_of(most, LEVERAGE_MOST)

    def precompute(self, table: CapTable) -> None:
        """Enter the bound into the table of the compiled approval."""
        table.bound_share(float(self._most))

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that exceeds the multiple."""
        return _check(order, account, account.instruments, self._most, Reason.LEVERAGE_TOO_HIGH)


def share_of(value: Decimal, most: int = 1) -> Fraction:
    """A share as an exact number; ValueError if it is not over 0 and at most `most`."""
    if not value.is_finite() or not 0 < value <= most:
        raise ValueError(f"must be over 0 and at most {most}")
    return Fraction(value)


def _check(
    order: Proposed, account: Account, numbers: Iterable[int], share: Fraction, reason: Reason
) -> Refusal | None:  # fmt: skip
    """Refuse an order that adds to its instrument's worst case, if the gross exceeds this share of the equity."""
    if not adds(order, account):
        return None
    total, equity = gross_of(order, account, numbers), equity_of(account, order.now_ns)
    if total is None or equity is None:
        return Refusal(Reason.RATE_MISSING)
    most = max(0, equity * share.numerator // share.denominator)
    return Refusal(reason, total, most) if total > most else None
