"""Binance's exchangeInfo to instruments, for every product."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from engine.model.fixed import INT64_MAX, to_fixed, to_fixed_up
from engine.model.instrument import Instrument
from engine.venues.binance.filters import read_filters
from engine.venues.dialect import Listing, read_listed

KINDS = {"PERPETUAL": "perpetual", "TRADIFI_PERPETUAL": "perpetual", "": "spot"}


def decimals_of(step: str) -> int:
    """How many decimals a step needs."""
    exponent = Decimal(step).normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        msg = f"a step must be a number, was {step!r}"
        raise ValueError(msg)  # noqa: TRY004 - the text is wrong, not its type
    return max(0, -exponent)


def read_exchange_info(venue: str, body: bytes, ids: Mapping[str, int] | None) -> tuple[Listing, int]:
    """The instruments of the symbols in `ids`, or of all, and the weight the venue allows in a minute (0: unsaid)."""
    content = orjson.loads(body)
    listed = {entry["symbol"]: entry for entry in content["symbols"]}
    return read_listed(venue, listed, ids, partial(read_symbol, venue)), weight_limit_of(content.get("rateLimits", ()))


def weight_limit_of(limits: Iterable[Mapping[str, Any]]) -> int:
    """The weight of requests that an address may use in a minute."""
    for limit in limits:
        if (limit["rateLimitType"], limit["interval"], limit["intervalNum"]) == ("REQUEST_WEIGHT", "MINUTE", 1):
            return int(limit["limit"])
    return 0


def read_symbol(venue: str, symbol: str, entry: Mapping[str, Any], number: int) -> Instrument:
    """One symbol. Its steps give the decimals, for the venue's own `precision` fields are wider than its prices."""
    filters = {item["filterType"]: item for item in entry["filters"]}
    price, size = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    price_decimals, size_decimals = decimals_of(price["tickSize"]), decimals_of(size["stepSize"])
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    contract = str(entry.get("contractType", ""))
    return Instrument(
        id=number,
        venue=venue,
        symbol=symbol,
        base=entry["baseAsset"],
        quote=entry["quoteAsset"],
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        price_step=to_fixed(price["tickSize"], price_decimals),
        size_step=to_fixed(size["stepSize"], size_decimals),
        size_min=to_fixed_up(size["minQty"], size_decimals),
        size_max=min(INT64_MAX, int(Decimal(size["maxQty"]).scaleb(size_decimals))),
        notional_min=to_fixed_up(
            notional.get("minNotional") or notional.get("notional") or "0", price_decimals + size_decimals
        ),
        trading=entry.get("status", entry.get("contractStatus")) == "TRADING",
        kind=KINDS.get(contract, "future"),
        multiplier=to_fixed(str(entry.get("contractSize", 1)), 0),
        **read_filters(entry, filters, price_decimals, size_decimals),
    )
