"""What Binance spot's exchangeInfo allows beyond steps and least sizes: native order types, and the symbol's filters.

A filter that a symbol lacks, or whose number is 0, is no limit. PERCENT_PRICE compares with an average of the venue's
own trades that nothing here knows: risk compares with the middle of the book.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.model.fixed import INT64_MAX
from engine.model.instrument import PAIRS
from engine.model.words import OrderType

NATIVES = {
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
}
MILLIONTHS = 6
UINT32_MAX = (1 << 32) - 1
Filters = Mapping[str, Mapping[str, Any]]


def read_filters(entry: Mapping[str, Any], filters: Filters, price_decimals: int, size_decimals: int) -> dict[str, int]:
    """The limits of a spot symbol, as an instrument has them; none of a derivative."""
    if not entry.get("isSpotTradingAllowed"):
        return {}
    prices, notionals = filters["PRICE_FILTER"], filters.get("NOTIONAL", {})
    trailing = filters.get("TRAILING_DELTA", {}) if entry.get("allowTrailingStop") else {}
    return {
        "natives": _natives(entry),
        "orders_max": _count(filters, "MAX_NUM_ORDERS", "maxNumOrders"),
        "algo_orders_max": _count(filters, "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
        "trailing_min": max(_numbers(trailing, "minTrailingAboveDelta", "minTrailingBelowDelta")),
        "trailing_max": min(_numbers(trailing, "maxTrailingAboveDelta", "maxTrailingBelowDelta")),
        "price_min": _most(prices.get("minPrice"), price_decimals),
        "price_max": _most(prices.get("maxPrice"), price_decimals),
        "notional_max": _most(notionals.get("maxNotional"), price_decimals + size_decimals),
        "market_size_max": _most(filters.get("MARKET_LOT_SIZE", {}).get("maxQty"), size_decimals),
        "position_max": _most(filters.get("MAX_POSITION", {}).get("maxPosition"), size_decimals),
        **_percent(filters),
    }


def _natives(entry: Mapping[str, Any]) -> int:
    """The native order types, and whether a symbol has pairs (OCO)."""
    names = entry.get("orderTypes", ())
    types = sum(1 << NATIVES[name] for name in names if name in NATIVES)
    return types | PAIRS if entry.get("ocoAllowed") and "LIMIT_MAKER" in names else types


def _percent(filters: Filters) -> dict[str, int]:
    """How far from the market's price each side's orders may be."""
    by_side, both = filters.get("PERCENT_PRICE_BY_SIDE", {}), filters.get("PERCENT_PRICE", {})
    found = {}
    for side in ("bid", "ask"):
        for way in ("Up", "Down"):
            number = _most(by_side.get(f"{side}Multiplier{way}", both.get(f"multiplier{way}")), MILLIONTHS)
            found[f"{side}_{way.lower()}"] = number if number <= UINT32_MAX else 0
    return found


def _most(text: str | None, decimals: int) -> int:
    """A bound in decimal text; 0 where there is none, or none that a record needs."""
    number = int(Decimal(text or "0").scaleb(decimals))
    return number if number <= INT64_MAX else 0


def _count(filters: Filters, name: str, key: str) -> int:
    """A bound that is a count."""
    return int(filters.get(name, {}).get(key, 0))


def _numbers(one: Mapping[str, Any], *keys: str) -> list[int]:
    """Whole numbers of a filter; 0 where it lacks them."""
    return [int(one.get(key, 0)) for key in keys]
