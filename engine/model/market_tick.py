"""`MarketTick`: the small schema that other tools read. A tick converts to it and back exactly.

Its numbers are floats, ours are not; so one that a float cannot carry to the last digit is refused, never rounded.
"""

from decimal import Decimal
from typing import NamedTuple

from engine.model.fixed import to_fixed, to_text
from engine.model.instrument import Instrument

MICROSECOND_NS = 1_000


class MarketTick(NamedTuple):
    """One price and the volume that goes with it."""

    symbol: str
    price: float
    volume: float
    timestamp_us: int  # when it was received
    exchange: str


class TickFields(NamedTuple):
    """What a MarketTick holds of our record, under the record's names."""

    receive_ns: int
    price: int
    size: int
    instrument: int


def to_market_tick(fields: TickFields, instrument: Instrument) -> MarketTick:
    """One of ours in the schema; refuse a number that would lose a digit."""
    return MarketTick(
        instrument.symbol,
        _to_float(fields.price, instrument.price_decimals),
        _to_float(fields.size, instrument.size_decimals),
        fields.receive_ns // MICROSECOND_NS,
        instrument.venue,
    )


def from_market_tick(tick: MarketTick, instrument: Instrument) -> TickFields:
    """Back again: the same numbers, the time to the microsecond; refuse what is finer than the instrument."""
    if (tick.symbol, tick.exchange) != (instrument.symbol, instrument.venue):
        named = f"{instrument.symbol!r} at {instrument.venue!r}"
        raise ValueError(f"expected a tick of {named}, was of {tick.symbol!r} at {tick.exchange!r}")
    return TickFields(
        tick.timestamp_us * MICROSECOND_NS,
        to_fixed(repr(tick.price), instrument.price_decimals),
        to_fixed(repr(tick.volume), instrument.size_decimals),
        instrument.id,
    )


def _to_float(number: int, decimals: int) -> float:
    """The float whose shortest text is this number."""
    text = to_text(number, decimals)
    value = float(text)
    if Decimal(repr(value)) != Decimal(text):
        raise ValueError(f"{text} has more digits than a float carries")
    return value
