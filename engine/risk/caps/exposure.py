"""Caps in dollars on what the account may hold at its worst case, with every open and in-flight order filled.

A position is valued at the middle of a good and fresh book, the order's own instrument at the higher of the order's
price and that middle. While something that counts has no such price, entries are refused with RATE_MISSING.
"""

from collections.abc import Iterable
from decimal import Decimal

from engine.model.words import BUY, SELL, Reason
from engine.risk.cap_table import CapTable
from engine.risk.caps.registry import cap
from engine.risk.gate import Account, Proposed, Refusal
from engine.risk.limits import MICRO, micro_of


@cap("max_gross_usd", Decimal, ramps=True)
class GrossUsd:
    """The account's worst case over all its instruments, long and short added up.

    The worst case of an instrument is the larger of its two sides. The new order counts on its side, the order that it
    replaces does not. An order that does not increase its instrument's worst case passes.
    """

    exits = False

    def __init__(self, most_usd: Decimal) -> None:
        """Refuse a cap that bounds nothing."""
        self._most = micro_of(most_usd)

    def precompute(self, table: CapTable) -> None:
        """Enter the bound into the table of the compiled approval."""
        table.bound_gross(self._most)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that exceeds the cap, and any order while a held instrument has no price in dollars."""
        return check_gross(order, account, account.instruments, self._most, Reason.GROSS_TOO_LARGE)


@cap("max_sector_usd", Decimal, ramps=True, needs=("sectors",))
class SectorUsd:
    """The gross worst case of each sector in `sectors` that the order's instrument is in."""

    exits = False

    def __init__(self, most_usd: Decimal) -> None:
        """Refuse a cap that bounds nothing."""
        self._most = micro_of(most_usd)

    def precompute(self, table: CapTable) -> None:
        """Enter the bound into the table of the compiled approval."""
        table.bound_sector(self._most)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order with which one of its sectors exceeds the cap."""
        for numbers in account.limits.sectors.values():
            if order.instrument_id in numbers:
                refusal = check_gross(order, account, numbers, self._most, Reason.SECTOR_TOO_LARGE)
                if refusal is not None:
                    return refusal
        return None


@cap("max_net_usd", Decimal, ramps=True)
class NetUsd:
    """The account's worst case on the order's side over all its instruments; opposite positions are subtracted."""

    exits = False

    def __init__(self, most_usd: Decimal) -> None:
        """Refuse a cap that bounds nothing."""
        self._most = micro_of(most_usd)

    def precompute(self, table: CapTable) -> None:
        """Enter the bound into the table of the compiled approval."""
        table.bound_net(self._most)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that exceeds the cap, and any order while a held instrument has no price in dollars."""
        total = 0
        for number in account.instruments:
            size = reached_with(order, account, number, order.side)
            value = micro_usd(account, order, number, size)
            if value is None:
                return Refusal(Reason.RATE_MISSING)
            total += value
        return Refusal(Reason.NET_TOO_LARGE, total, self._most) if total > self._most else None


def check_gross(
    order: Proposed, account: Account, numbers: Iterable[int], most: int, reason: Reason
) -> Refusal | None:  # fmt: skip
    """Refuse an order that adds to its instrument's worst case, if the gross of these instruments exceeds the most."""
    if not adds(order, account):
        return None
    total = gross_of(order, account, numbers)
    if total is None:
        return Refusal(Reason.RATE_MISSING)
    return Refusal(reason, total, most) if total > most else None


def adds(order: Proposed, account: Account) -> bool:
    """Whether the order increases its instrument's worst case."""
    return worst_with(order, account, order.instrument_id) > worst_of(account, order.instrument_id)


def gross_of(order: Proposed, account: Account, numbers: Iterable[int]) -> int | None:
    """The worst case of these instruments with the order, in millionths of a dollar; None without a price."""
    values = worst_values(order, account, numbers)
    return None if values is None else sum(values.values())


def worst_values(order: Proposed, account: Account, numbers: Iterable[int]) -> dict[int, int] | None:
    """The same by instrument."""
    values = {}
    for number in numbers:
        value = micro_usd(account, order, number, worst_with(order, account, number))
        if value is None:
            return None
        values[number] = value
    return values


def worst_of(account: Account, number: int) -> int:
    """The largest size that an instrument's position may reach on either side."""
    return max(0, reached(account, number, BUY), reached(account, number, -BUY))


def worst_with(order: Proposed, account: Account, number: int) -> int:
    """The same with the order in place of what it replaces."""
    if number != order.instrument_id:
        return worst_of(account, number)
    return max(0, *(reached_with(order, account, number, side) for side in (BUY, SELL)))


def reached_with(order: Proposed, account: Account, number: int, side: int) -> int:
    """The position on one side with the order in place of what it replaces."""
    own = (number, side) == (order.instrument_id, order.side)
    return reached(account, number, side) + own * (order.size - order.relief)


def reached(account: Account, number: int, side: int) -> int:
    """The position on one side, with every open and in-flight order of that side filled; negative on the other side."""
    held = account.exposures.get(number)
    if held is None:
        return 0
    return held.size * side + (held.open_buy if side == BUY else held.open_sell)


def micro_usd(account: Account, order: Proposed, number: int, size: int) -> int | None:
    """The value of a size in millionths of a dollar, rounded up; None without a price."""
    if not size:
        return 0
    instrument = account.instruments[number]
    rate = account.usd_rate(order.now_ns, instrument.quote)
    price2 = account.price2(order.now_ns, number)
    if rate is None or not price2:
        return None
    if number == order.instrument_id and size > 0:
        price2 = max(price2, 2 * order.price)
    unit: int = 2 * rate[1] * 10 ** (instrument.price_decimals + instrument.size_decimals)
    return -(-size * price2 * rate[0] * MICRO // unit)
