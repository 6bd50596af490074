"""Kraken's metadata: the `instrument` channel, which sends each change, and AssetPairs over REST while it is down.

    {"channel":"instrument","type":"snapshot","data":{"assets":[…],"pairs":[{"symbol":"BTC/USD","status":"online",
     "price_precision":1,"price_increment":0.1,"qty_precision":8,"qty_increment":1e-08,"qty_min":5e-05,"cost_min":0.5,…}]}}

An update has the same form and contains the changed pairs. Numbers are JSON numbers, small ones with an exponent: they
are read from their text. A pair's decimals are its precision even where the step is coarser: the book's checksum is
over these decimals.
The whole exchange has a status too (`status`, the first frame of each connection, and again when it changes).
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from engine.model.fixed import INT64_MAX, to_fixed, to_fixed_up
from engine.model.instrument import Instrument
from engine.venues.dialect import Listing, Notice, read_listed

NAME = "instrument"
ONLINE = "online"  # alone allows every order; others are cancel_only, post_only, limit_only, reduce_only, maintenance
OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # AssetPairs still has the names of v1


class KrakenInstruments:
    """The channel: an `InstrumentChannel`."""

    target = f"/v2#{NAME}"  # the text after # is not sent: it distinguishes the connections of a recording

    def __init__(self, venue: str) -> None:
        """Under the dialect's name."""
        self._venue = venue

    def subscribe(self) -> bytes:
        """Every pair: the channel accepts no list."""
        return orjson.dumps({"method": "subscribe", "params": {"channel": NAME, "snapshot": True}})

    def unsubscribe(self) -> bytes:
        """Unsubscribe: the next subscription then begins with a snapshot."""
        return orjson.dumps({"method": "unsubscribe", "params": {"channel": NAME}})

    def ping(self) -> bytes:
        """The venue answers it at once, with or without subscriptions."""
        return b'{"method":"ping"}'

    def notice(self, frame: bytes) -> Notice | None:
        """Understand a frame; one that is broken raises ValueError, KeyError, TypeError or AttributeError."""
        if not (b'"instrument"' in frame or b'"status"' in frame or b'"error"' in frame):
            return None
        message = json.loads(frame, parse_float=str, parse_int=str)
        channel = message.get("channel")
        if channel == NAME:
            entries = {entry["symbol"]: entry for entry in message["data"].get("pairs", ())}
            return Notice(entries, whole=message["type"] == "snapshot")
        if channel == "status":
            return Notice(open=message["data"][0]["system"] == ONLINE)
        if message.get("method") == "subscribe" and message.get("success") is False:
            return Notice(refusal=f"refused: {message.get('error', '')}")
        return None

    def listing(self, entries: Mapping[str, Mapping[str, Any]], ids: Mapping[str, int]) -> Listing:
        """The instruments of these symbols."""
        return read_listed(self._venue, entries, ids, partial(read_channel_pair, self._venue))


def read_channel_pair(venue: str, symbol: str, entry: Mapping[str, Any], number: int) -> Instrument:
    """One pair of the channel."""
    price_decimals, size_decimals = int(entry["price_precision"]), int(entry["qty_precision"])
    return Instrument(
        id=number,
        venue=venue,
        symbol=symbol,
        base=entry["base"],
        quote=entry["quote"],
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        price_step=to_fixed(entry.get("price_increment") or entry["tick_size"], price_decimals),
        size_step=to_fixed(entry["qty_increment"], size_decimals),
        size_min=to_fixed_up(entry["qty_min"], size_decimals),
        size_max=INT64_MAX,
        notional_min=to_fixed_up(entry.get("cost_min", "0"), price_decimals + size_decimals),
        trading=entry["status"] == ONLINE,
    )


def read_asset_pairs(venue: str, body: bytes, ids: Mapping[str, int] | None) -> Listing:
    """AssetPairs, every pair: the names of v1 and v2 differ, so none is asked for by name."""
    listed = {symbol_of(entry): entry for entry in orjson.loads(body)["result"].values() if "wsname" in entry}
    return read_listed(venue, listed, ids, partial(read_pair, venue))


def symbol_of(entry: Mapping[str, Any]) -> str:
    """The v2 name of a pair."""
    base, _, quote = str(entry["wsname"]).partition("/")
    return f"{OLD_NAMES.get(base, base)}/{OLD_NAMES.get(quote, quote)}"


def read_pair(venue: str, symbol: str, entry: Mapping[str, Any], number: int) -> Instrument:
    """One pair of AssetPairs."""
    price_decimals, size_decimals = int(entry["pair_decimals"]), int(entry["lot_decimals"])
    base, _, quote = symbol.partition("/")
    return Instrument(
        id=number,
        venue=venue,
        symbol=symbol,
        base=base,
        quote=quote,
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        price_step=to_fixed(str(entry.get("tick_size") or Decimal(1).scaleb(-price_decimals)), price_decimals),
        size_step=1,
        size_min=to_fixed_up(str(entry.get("ordermin", "0")), size_decimals),
        size_max=INT64_MAX,
        notional_min=to_fixed_up(str(entry.get("costmin", "0")), price_decimals + size_decimals),
        trading=entry.get("status", ONLINE) == ONLINE,
    )
