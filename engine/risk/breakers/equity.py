"""Breakers on the equity of the account and on the net of a strategy."""

from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

import msgspec

from engine.model.words import BreakerPolicy, Reason
from engine.risk.breakers.registry import UNKNOWN, Seen, breaker, share_of
from engine.risk.equity import equity_of, held_values, net_of
from engine.risk.gate import Refusal
from engine.risk.limits import micro_of
from engine.risk.margin import initial_margin

NEEDS = ("capital_usd",)


class Peak(msgspec.Struct, frozen=True):
    """The highest value so far, in millionths of a dollar; None: it counts from the next value on."""

    value: int | None = None


@breaker("max_drawdown_pct", Decimal, BreakerPolicy.CANCEL, needs=NEEDS)
class Drawdown:
    """The account's equity is at most this share below its peak."""

    per_strategy = False
    fast = False
    first: ClassVar[Peak] = Peak()
    anew: ClassVar[Peak] = Peak()

    def __init__(self, most: Decimal) -> None:
        """Refuse a share that bounds nothing."""
        self._most = Fraction(share_of(most))

    def judge(self, state: Peak, seen: Seen) -> tuple[Peak, Refusal | None]:
        """Compare the equity with its peak."""
        equity = equity_of(seen.account, seen.now_ns)
        if equity is None:
            return state, UNKNOWN
        peak = equity if state.value is None else max(equity, state.value)
        lost, most = peak - equity, max(0, peak * self._most.numerator // self._most.denominator)
        return Peak(peak), Refusal(Reason.DRAWDOWN, lost, most) if lost > most else None


@breaker("max_strategy_drawdown_usd", Decimal, BreakerPolicy.REDUCE)
class StrategyDrawdown:
    """A strategy's net is at most so many dollars below its peak."""

    per_strategy = True
    fast = False
    first: ClassVar[Peak] = Peak()
    anew: ClassVar[Peak] = Peak()

    def __init__(self, most_usd: Decimal) -> None:
        """Refuse an amount that bounds nothing."""
        self._most = micro_of(most_usd)

    def judge(self, state: Peak, seen: Seen) -> tuple[Peak, Refusal | None]:
        """Compare the net with its peak."""
        net = net_of(seen.account, seen.positions, seen.now_ns)
        if net is None:
            return state, UNKNOWN
        peak = net if state.value is None else max(net, state.value)
        lost = peak - net
        return Peak(peak), Refusal(Reason.DRAWDOWN, lost, self._most) if lost > self._most else None


class Nothing(msgspec.Struct, frozen=True):
    """The state of a breaker that compares only what it sees."""


@breaker("margin_call_threshold", Decimal, BreakerPolicy.REDUCE, needs=NEEDS)
class MarginCall:
    """At least this share of the equity is free: equity less the initial margin of what is held.

    On spot the margin of a position is its whole value, long or short.
    """

    per_strategy = False
    fast = False
    first: ClassVar[Nothing] = Nothing()
    anew: ClassVar[Nothing] = Nothing()

    def __init__(self, least: Decimal) -> None:
        """Refuse a share that bounds nothing."""
        self._most = 1 - Fraction(share_of(least))

    def judge(self, state: Nothing, seen: Seen) -> tuple[Nothing, Refusal | None]:
        """Compare the value of the positions with the equity."""
        equity = equity_of(seen.account, seen.now_ns)
        values = held_values(seen.account, seen.positions, seen.now_ns)
        if equity is None or values is None:
            return state, UNKNOWN
        used = initial_margin(seen.account, values)
        most = max(0, equity * self._most.numerator // self._most.denominator)
        return state, Refusal(Reason.MARGIN_TOO_LOW, used, most) if used > most else None
