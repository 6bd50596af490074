"""Finds the symbols whose numbers in a frame need more decimals than their instruments have."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

import orjson

from engine.model.instrument import Instrument
from engine.venues.dialect import Dialect, Unreadable, guarded


def misfits_of(frame: bytes, dialect: Dialect, known: Mapping[str, Instrument]) -> dict[str, str]:
    """Return the symbols of a malformed frame with a number that does not fit; empty if that is not the reason."""

    def read() -> dict[str, str]:
        parsed = orjson.loads(frame) if dialect.numbers_are_text else json.loads(frame, parse_float=str, parse_int=str)
        return _misfits(dialect.numbers(parsed), known)

    return _or_none(guarded(read))


def misfits_of_book(body: bytes, symbol: str, known: Mapping[str, Instrument]) -> dict[str, str]:
    """Return the same for a book requested over REST."""

    def read() -> dict[str, str]:
        parsed = orjson.loads(body)
        return _misfits(((symbol, price, size) for price, size, *_ in (*parsed["bids"], *parsed["asks"])), known)

    return _or_none(guarded(read))


def _or_none(found: dict[str, str] | Unreadable) -> dict[str, str]:
    """A text that cannot be read has no misfits."""
    return {} if isinstance(found, Unreadable) else found


def _misfits(numbers: Iterable[tuple[str, str, str]], known: Mapping[str, Instrument]) -> dict[str, str]:
    found: dict[str, str] = {}
    for symbol, price, size in numbers:
        one = known.get(symbol)
        if one is None or symbol in found:
            continue
        if is_finer(price, one.price_decimals):
            found[symbol] = f"the price {price} has more than {one.price_decimals} decimals"
        elif is_finer(size, one.size_decimals):
            found[symbol] = f"the size {size} has more than {one.size_decimals} decimals"
    return found


def is_finer(number: str, decimals: int) -> bool:
    """Whether a number needs more decimals than these."""
    try:
        exponent = Decimal(number).normalize().as_tuple().exponent
    except ArithmeticError:  # no number, or one outside every range
        return False
    return isinstance(exponent, int) and -exponent > decimals
