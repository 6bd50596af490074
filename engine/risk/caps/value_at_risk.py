"""The value at risk of one day at 95 %, by historical simulation of the account's worst case.

    up(i), down(i) = the values in dollars of the largest long and short position that i's orders can reach
    loss(d)        = Σ over i: down(i) * r(i, d) where r(i, d) > 0, else - up(i) * r(i, d)
    VaR            = the loss that at most 5 % of the days exceed, at least 0

r(i, d) is the return of instrument i on day d (`engine/risk/history/returns.py`), over those of the last
`var_window_days` days that the history has of every instrument that counts. No position within reach loses more than
loss(d) on such a day. Without 90 % of the window, or without a day of the last week, entries are refused with
NO_HISTORY. Floats compute the VaR first; only where it is not clearly below the limit do whole numbers decide.
An order that does not raise the VaR passes.
"""

from collections.abc import Iterable
from decimal import Decimal

from engine.model.words import BUY, Reason
from engine.risk.cap_table import CapTable
from engine.risk.caps.exposure import micro_usd, reached
from engine.risk.caps.registry import cap
from engine.risk.gate import Account, Proposed, Refusal
from engine.risk.history.returns import DAY_NS, UNIT, Scenarios
from engine.risk.limits import micro_of
from engine.risk.var import exceeded_by_few

ENOUGH = 10, 9  # of so many days of the window, so many are needed
CLEAR = 1 - 1e-6  # of the limit
NEWEST_DAYS = 7  # the newest common day is at most so long ago
Reach = dict[int, tuple[int, int]]  # by instrument: up and down, in millionths of a dollar


@cap("var_limit_1d_95", Decimal, ramps=True, needs=("var_history",))
class ValueAtRisk:
    """The loss of a day that the account exceeds on at most 5 % of the days in the window."""

    exits = False

    def __init__(self, most_usd: Decimal) -> None:
        """Refuse a limit that bounds nothing."""
        self._most = micro_of(most_usd)

    def precompute(self, table: CapTable) -> None:
        """Enter the limit into the table of the compiled approval."""
        table.bound_var(CLEAR * self._most, needed_days(table.var_window_days), NEWEST_DAYS)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that raises the VaR above the limit."""
        reach = _reach(account, order, order.size - order.relief, account.instruments)
        if reach is None:
            return Refusal(Reason.RATE_MISSING)
        if not reach:
            return None
        today, window = order.now_ns // DAY_NS, account.limits.var_window_days
        past = account.returns.scenarios(tuple(reach), today, window)
        needed = needed_days(window)
        if len(past.days) < needed:
            return Refusal(Reason.NO_HISTORY, len(past.days), needed)
        if past.days[-1] < today - NEWEST_DAYS:
            return Refusal(Reason.NO_HISTORY, 0, needed)
        return None if rough(reach, past) < CLEAR * self._most else self._exact(order, account, reach, past)

    def _exact(self, order: Proposed, account: Account, reach: Reach, past: Scenarios) -> Refusal | None:
        """Refuse an order with a VaR above the limit and above that without the order."""
        value = value_at_risk(reach, past.returns)
        if value <= self._most:
            return None
        before = _reach(account, order, 0, reach)
        assert before is not None, "these instruments have a price, with the order and without it"
        raises = value > value_at_risk({one: before.get(one, (0, 0)) for one in reach}, past.returns)
        return Refusal(Reason.VAR_TOO_HIGH, value, self._most) if raises else None


def needed_days(window: int) -> int:
    """How many days of a window must have returns."""
    return -(-window * ENOUGH[1] // ENOUGH[0])


def rough(reach: Reach, past: Scenarios) -> float:
    """The VaR in floats, which may be off by far less than `CLEAR` leaves."""
    ups, downs = zip(*reach.values(), strict=True)
    return float(exceeded_by_few((past.rises @ list(map(float, downs)) + past.falls @ list(map(float, ups))).tolist()))


def value_at_risk(reach: Reach, returns: Iterable[tuple[int, ...]]) -> int:
    """The VaR in millionths of a dollar, rounded up; the returns are in the order of the instruments."""
    legs = [
        [(down if one > 0 else -up) * one for one in vector]
        for (up, down), vector in zip(reach.values(), returns, strict=True)
    ]  # fmt: skip
    losses = [sum(parts) for parts in zip(*legs, strict=True)]
    worst: int = exceeded_by_few(losses)
    return max(0, -(-worst // UNIT))


def _reach(account: Account, order: Proposed, more: int, numbers: Iterable[int]) -> Reach | None:
    """What each of these instruments can reach with so much more on the order's side; None without a price."""
    found: Reach = {}
    for number in numbers:
        sizes = [
            reached(account, number, side) + more * (number == order.instrument_id and side == order.side)
            for side in (BUY, -BUY)
        ]  # fmt: skip
        if any(sizes):
            up, down = (micro_usd(account, order, number, size) for size in sizes)
            if up is None or down is None:
                return None
            found[number] = (up, down)
    return found
