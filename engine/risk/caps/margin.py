"""Caps on the margin of the account's worst case: how much of the equity stays free, how far a liquidation is.

On spot an account buys with its own money, so the margin of a position is its whole value. The margin of a derivative
is its venue's (`engine/venues/margin.py`). While the equity is not known, or something that counts has no good and
fresh price, entries are refused with RATE_MISSING. An order that does not increase its instrument's worst case passes.
"""

from collections.abc import Iterable
from decimal import Decimal

from engine.model.words import BUY, SELL, Reason
from engine.risk.cap_table import CapTable
from engine.risk.caps.equity import NEEDS, share_of
from engine.risk.caps.exposure import adds, micro_usd, reached_with, worst_values
from engine.risk.caps.registry import cap
from engine.risk.equity import equity_of
from engine.risk.gate import Account, Proposed, Refusal
from engine.risk.limits import BPS, MICRO
from engine.risk.margin import initial_margin, maintenance_margins


@cap("margin_buffer", Decimal, needs=NEEDS)
class MarginBuffer:
    """At least this share of the equity is free: equity less the initial margin of the worst case."""

    exits = False

    def __init__(self, least: Decimal) -> None:
        """Refuse a buffer that is the whole equity."""
        self._most = 1 - share_of(least)
        if not self._most:
            raise ValueError("must be under 1")

    def precompute(self, table: CapTable) -> None:
        """Enter the bound into the table of the compiled approval, which counts each position with its whole value."""
        if table.account.margin:
            table.ask(self)
        else:
            table.bound_share(float(self._most))

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that leaves less than the buffer."""
        if not adds(order, account):
            return None
        values, equity = worst_values(order, account, account.instruments), equity_of(account, order.now_ns)
        if values is None or equity is None:
            return Refusal(Reason.RATE_MISSING)
        used = initial_margin(account, values)
        most = max(0, equity * self._most.numerator // self._most.denominator)
        return Refusal(Reason.MARGIN_TOO_LOW, used, most) if used > most else None


@cap("liquidation_buffer", Decimal, needs=NEEDS)
class LiquidationBuffer:
    """With every open order filled, no derivative's price is nearer to its liquidation than this share of itself.

    A position is valued at the middle of its book, and an open order that would be filled beyond it costs the equity
    the difference. All other positions are at their worst case too.
    """

    exits = False

    def __init__(self, least: Decimal) -> None:
        """Refuse a buffer that no long position can have."""
        self._least = share_of(least)
        if self._least == 1:
            raise ValueError("must be under 1")

    def precompute(self, table: CapTable) -> None:
        """Ask this cap for an account that holds derivatives; any other passes."""
        if table.account.margin:
            table.ask(self)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that brings a liquidation nearer than the buffer."""
        if not account.margin or not adds(order, account):
            return None
        at_mark = order._replace(price=0)
        values, equity = worst_values(at_mark, account, account.instruments), equity_of(account, order.now_ns)
        lost = lost_beyond(order, account)
        if values is None or equity is None or lost is None:
            return Refusal(Reason.RATE_MISSING)
        margins = maintenance_margins(account, values)
        free = equity - lost - sum(margins.values())
        found = (self._judge(at_mark, account, number, free + margins[number]) for number in account.margin)
        return next(filter(None, found), None)

    def _judge(self, order: Proposed, account: Account, number: int, free: int) -> Refusal | None:
        """Compare the distance of each side that the position in this instrument can reach."""
        for side in (BUY, SELL):
            notional = micro_usd(account, order, number, max(0, reached_with(order, account, number, side)))
            if not notional:
                continue
            way, whole = account.margin[number].distance(side, notional, free)
            if way * self._least.denominator < self._least.numerator * whole:
                most = -(-self._least.numerator * BPS // self._least.denominator)
                return Refusal(Reason.LIQUIDATION_TOO_NEAR, way * BPS // whole, most)
        return None


def lost_beyond(order: Proposed, account: Account) -> int | None:
    """What the fills of this order and of all open ones cost beyond the middles of their books; None without one."""
    total = 0
    for number, side, price, size in _fills_of(order, account):
        instrument = account.instruments[number]
        price2, rate = account.price2(order.now_ns, number), account.usd_rate(order.now_ns, instrument.quote)
        if not price2 or rate is None:
            return None
        unit: int = 2 * rate[1] * 10 ** (instrument.price_decimals + instrument.size_decimals)
        total += -(-max(0, side * (2 * price - price2)) * size * rate[0] * MICRO // unit)
    return total


def _fills_of(order: Proposed, account: Account) -> Iterable[tuple[int, int, int, int]]:
    """Instrument, side, price and size of what may be filled."""
    yield order.instrument_id, order.side, order.price, order.size
    for one in account.sight.open_orders():
        if one.exposure:
            yield one.instrument, one.side, one.price, one.exposure
