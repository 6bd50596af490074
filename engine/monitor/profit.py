"""A system's profit net of fees, for each strategy and for the account, in one currency.

    net = realised + unrealised - fees       since the journal began, and since this UTC day's first valuation ("today")

A sum is in the quote asset that its positions share, else in dollars at execution's rates. A position without a price
makes its sum NaN. A fee that has no price is not in the sum; it is shown beside it with its amount and asset.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.rows import PositionRow
from engine.model.words import PositionFlag
from engine.monitor.names import Names

DOLLARS = "USD"
ACCOUNT = 0
MONEY_DECIMALS = 8
SUMS = ("net", "net_day", "realised", "unrealised", "fees")


@dataclass(slots=True)
class Profit:
    """The sums over some positions."""

    currency: str
    net: float = 0.0
    net_day: float = 0.0
    realised: float = 0.0
    unrealised: float = 0.0
    fees: float = 0.0
    missing: list[str] = field(default_factory=list)  # symbols without a price
    unvalued: dict[str, int] = field(default_factory=dict)  # fees by asset, at FEE_DECIMALS
    more_assets: int = 0  # further assets whose fees the records do not show

    def add(self, row: PositionRow, one: Instrument) -> None:
        """Add one position."""
        rate = 1.0 if self.currency == one.quote else row.usd_rate
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(row, name) * rate)
        if row.flags & PositionFlag.MARK_MISSING or math.isnan(rate):
            self.missing.append(one.symbol)
        if row.flags & PositionFlag.FEES_UNVALUED:
            asset = row.fee_unvalued_asset.rstrip(b"\0").decode(errors="replace")
            self.unvalued[asset] = self.unvalued.get(asset, 0) + row.fee_unvalued
            self.more_assets += row.unvalued_assets - 1


def profits(rows: Iterable[Any], known: Mapping[int, Instrument]) -> dict[int, Profit]:
    """The sums of the positions with fills, by owner: a strategy's number, or ACCOUNT."""
    owners: dict[int, list[tuple[Any, Instrument]]] = {ACCOUNT: []}
    for row in rows:
        if row.fill_count and (one := known.get(row.instrument)) is not None:
            owners.setdefault(row.strategy, []).append((row, one))
    return {owner: _sum(traded) for owner, traded in owners.items()}


def _sum(traded: list[tuple[Any, Instrument]]) -> Profit:
    """One owner's sums."""
    quotes = {one.quote for _, one in traded}
    total = Profit(quotes.pop() if len(quotes) == 1 else DOLLARS)
    for row, one in traded:
        total.add(row, one)
    return total


def money(value: float, decimals: int = 2) -> str:
    """A sum with its sign; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:+,.{decimals}f}"


def held_text(row: PositionRow) -> str:
    """A position's size, with the dust that no order can close."""
    size = to_text(row.size, row.size_decimals)
    return f"{size} + dust {to_text(row.dust, row.holding_decimals)}" if row.dust else size


def unvalued_text(row: PositionRow) -> str:
    """The fees of a position that have no price; "" when every fee has one."""
    if not row.flags & PositionFlag.FEES_UNVALUED:
        return ""
    asset = row.fee_unvalued_asset.rstrip(b"\0").decode(errors="replace")
    more = f" and {row.unvalued_assets - 1} more assets" if row.unvalued_assets > 1 else ""
    return f"{to_text(row.fee_unvalued, FEE_DECIMALS)} {asset}{more} unvalued"


def fees_text(row: PositionRow, decimals: int = 2) -> str:
    """A position's fees in quote, with the fees that have no price."""
    unvalued = unvalued_text(row)
    return f"{row.fees:,.{decimals}f}" + (f" + {unvalued}" if unvalued else "")


def line(total: Profit) -> str:
    """One owner's profit in one line."""
    text = (
        f"net {money(total.net)} {total.currency} (today {money(total.net_day)}) = realised {money(total.realised)}"
        f" + unrealised {money(total.unrealised)} - fees {total.fees:,.2f}"
    )
    if total.missing:
        text += f"; no price for {', '.join(sorted(set(total.missing)))}"
    for asset, amount in total.unvalued.items():
        text += f"; fees of {to_text(amount, FEE_DECIMALS)} {asset} have no price and are not counted"
    if total.more_assets:
        text += f"; fees in {total.more_assets} more assets have no price and are not counted"
    return text


def by_account(rows: Iterable[Any], known: Mapping[int, Instrument]) -> dict[int, Profit]:
    """The sums of the positions with fills of each account, by the account's number."""
    accounts: dict[int, list[tuple[Any, Instrument]]] = {}
    for row in rows:
        traded = accounts.setdefault(row.account, [])
        if row.strategy == ACCOUNT and row.fill_count and (one := known.get(row.instrument)) is not None:
            traded.append((row, one))
    return {number: _sum(traded) for number, traded in accounts.items()}


def lines(rows: Sequence[Any], known: Mapping[int, Instrument], names: Names) -> list[str]:
    """A line for each owner: all accounts together, each account where there are several, each strategy."""
    sums, accounts = profits(rows, known), by_account(rows, known)
    total, *strategies = (f"{names.strategy(owner)}: {line(sums[owner])}" for owner in sorted(sums))
    if len(accounts) < 2:  # noqa: PLR2004 - one account: its line is the total
        return [total, *strategies]
    each = (f"account {names.account(number)}: {line(accounts[number])}" for number in sorted(accounts))
    return [f"every {total}", *each, *strategies]


def tree(total: Profit) -> dict[str, Any]:
    """One owner's profit for JSON: decimals as text, null for NaN."""
    sums = {name: None if math.isnan(value := getattr(total, name)) else f"{value:.{MONEY_DECIMALS}f}" for name in SUMS}
    unvalued = {asset: to_text(amount, FEE_DECIMALS) for asset, amount in total.unvalued.items()}
    return {
        "currency": total.currency, **sums, "no_price_for": sorted(set(total.missing)), "unvalued_fees": unvalued,
        "more_unvalued_assets": total.more_assets,
    }  # fmt: skip
