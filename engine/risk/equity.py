"""Equity and net in dollars, from the fills and the prices of good and fresh books.

    net of some positions = Σ (realised + unrealised - fees) * dollars for one of the quote
    equity                = capital_usd + the net of the account's positions
    value of what is held = Σ abs(held) * price, in dollars

All are in millionths of a dollar, rounded down, and None while a holding has no such price. Fees that have no value in
the quote do not count.
"""

from collections.abc import Iterable

from engine.risk.gate import Account, Exposure
from engine.risk.limits import MICRO

Held = tuple[int, Exposure]  # an instrument and a position in it


def equity_of(account: Account, now_ns: int) -> int | None:
    """The account's equity."""
    capital = account.limits.capital_usd
    net = net_of(account, account.exposures.items(), now_ns)
    return None if capital is None or net is None else int(capital * MICRO) + net


def net_of(account: Account, positions: Iterable[Held], now_ns: int) -> int | None:
    """The net of these positions since their first fill."""
    total = 0
    for number, position in positions:
        price2 = account.price2(now_ns, number) if position.held else 0
        value = micro_of_money2(account, number, position, position.net2(price2), now_ns)
        if value is None:
            return None
        total += value
    return total


def net_of_day(account: Account, positions: Iterable[Held], now_ns: int, day_ns: int) -> int | None:
    """The net of these positions since the first valuation of the day; None until each of them has one."""
    total = 0
    for number, position in positions:
        price2 = account.price2(now_ns, number) if position.held else 0
        net2 = position.net2(price2)
        if net2 is None or position.day_ns != day_ns:
            return None
        value = micro_of_money2(account, number, position, net2 - position.day_net2, now_ns)
        if value is None:
            return None
        total += value
    return total


def held_values(account: Account, positions: Iterable[Held], now_ns: int) -> dict[int, int] | None:
    """The value of what is held, long or short, by instrument."""
    values = {}
    for number, position in positions:
        price2 = account.price2(now_ns, number)
        if position.held and not price2:
            return None
        value = micro_of_money2(account, number, position, abs(position.held) * price2, now_ns)
        if value is None:
            return None
        values[number] = value
    return values


def micro_of_money2(
    account: Account, number: int, position: Exposure, money2: int | None, now_ns: int
) -> int | None:  # fmt: skip
    """A doubled sum of a position's money in millionths of a dollar; None if it or the rate is not known."""
    if not money2:
        return money2
    rate = account.usd_rate(now_ns, account.instruments[number].quote)
    return None if rate is None else money2 * rate[0] * MICRO // (2 * rate[1] * 10**position.money_decimals)
