"""Breakers on losses: of a day, and of round trips in a row."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from engine.model.words import BreakerPolicy, Reason
from engine.risk.breakers.registry import UNKNOWN, Seen, breaker
from engine.risk.equity import net_of_day
from engine.risk.gate import Refusal
from engine.risk.limits import micro_of

DAY_NS = 86_400 * 1_000_000_000
FORGIVEN_MOST = 5  # instruments: the record of the state has room for so many


class Day(msgspec.Struct, frozen=True):
    """The day's net from which the loss is counted, in millionths of a dollar; None: from the next value on."""

    day_ns: int = 0
    net: int | None = 0


class DailyLoss:
    """The loss since 00:00 UTC, or since an operator's resume on that day, is at most so many dollars."""

    per_strategy = False
    fast = False
    first: ClassVar[Day] = Day()
    anew: ClassVar[Day] = Day(0, None)

    def __init__(self, most_usd: Decimal) -> None:
        """Refuse an amount that bounds nothing."""
        self._most = micro_of(most_usd)

    def judge(self, state: Day, seen: Seen) -> tuple[Day, Refusal | None]:
        """Compare the day's net with the one from which it is counted."""
        day_ns = seen.now_ns - seen.now_ns % DAY_NS
        net = net_of_day(seen.account, seen.positions, seen.now_ns, day_ns)
        if net is None:
            return state, UNKNOWN
        if state.net is None:
            state = Day(day_ns, net)
        elif state.day_ns != day_ns:
            state = Day(day_ns, 0)
        lost = (state.net or 0) - net
        return state, Refusal(Reason.DAILY_LOSS, lost, self._most) if lost > self._most else None


@breaker("max_daily_loss_usd", Decimal, BreakerPolicy.REDUCE)
class AccountDailyLoss(DailyLoss):
    """The account's."""


@breaker("max_strategy_daily_loss_usd", Decimal, BreakerPolicy.REDUCE)
class StrategyDailyLoss(DailyLoss):
    """Each strategy's."""

    per_strategy = True


class Forgiven(msgspec.Struct, frozen=True):
    """The losing round trips of before an operator's resume, by instrument; None: those that exceed the limit now."""

    losses: dict[int, int] | None = msgspec.field(default_factory=dict)


@breaker("max_loss_streak", int, BreakerPolicy.REFUSE)
class LossStreak:
    """At most so many round trips of a strategy in one instrument lose in a row.

    A round trip ends with the fill that closes the position or reverses it; it loses if its realised result less its
    fees is below 0.
    """

    per_strategy = True
    fast = False
    first: ClassVar[Forgiven] = Forgiven()
    anew: ClassVar[Forgiven] = Forgiven(None)

    def __init__(self, most: int) -> None:
        """Refuse a number that allows no trade."""
        if most < 1:
            raise ValueError("must be at least 1")
        self._most = most

    def judge(self, state: Forgiven, seen: Seen) -> tuple[Forgiven, Refusal | None]:
        """Count the losses in a row that are not forgiven; a win ends the forgiveness."""
        losses = {number: one.losses for number, one in seen.positions}
        over = {number: count for number, count in losses.items() if count > self._most}
        before = dict(list(over.items())[:FORGIVEN_MOST]) if state.losses is None else state.losses
        forgiven = {number: count for number, count in before.items() if 0 < count <= losses.get(number, 0)}
        longest = max((count - forgiven.get(number, 0) for number, count in losses.items()), default=0)
        return Forgiven(forgiven), Refusal(Reason.LOSS_STREAK, longest, self._most) if longest > self._most else None
