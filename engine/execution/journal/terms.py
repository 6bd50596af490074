"""What a journal's numbers mean: the symbol and the decimals of each instrument, written down at every start.

Prices and sizes stand in the journal as integers at an instrument's decimals. A venue that makes a tick or a lot finer
(they do, several times a year), or a configuration that gives a number to another symbol, would have them read ten
times too large, or as another coin. So an order or a fill that was written in other terms is not read: the start is
refused. An instrument without an order or a fill binds nothing: a mistyped symbol is corrected and started again.
"""

from collections.abc import Mapping
from typing import Any

from engine.model.instrument import Instrument

BINDING = 4  # words of the terms: number, symbol, decimals of price and size; a venue may be renamed
ADVICE = (
    "engine-ctl journal shows what is open and held in it; when nothing is, engine-ctl journal --set-aside puts the"
    " journal away and the next start begins a new one"
)


class JournalTermsError(Exception):
    """The journal was written for other instruments than these."""


def terms_of(one: Instrument) -> bytes:
    """The payload of a START record that says what this instrument's numbers mean; its venue is for readers alone."""
    return f"{one.id} {one.symbol} {one.price_decimals} {one.size_decimals} {one.venue}".encode()


def number_of(payload: bytes) -> int:
    """The id of the instrument that a START record speaks of."""
    return int(payload.split()[0])


def check_terms(payload: bytes, instruments: Mapping[int, Instrument]) -> None:
    """Refuse terms of an order or a fill that are not those of today."""
    number, symbol, price_decimals, size_decimals = binding = payload.decode().split()[:BINDING]
    one = instruments[int(number)]
    if binding != terms_of(one).decode().split()[:BINDING]:
        msg = (
            f"instrument {number}: the journal has orders or fills of {symbol} with {price_decimals} price and"
            f" {size_decimals} size decimals, the configuration now says {one.symbol} with {one.price_decimals} and"
            f" {one.size_decimals}. Give {symbol} its number again; {ADVICE}"
        )
        raise JournalTermsError(msg)


def check_known(row: Any, instruments: Mapping[int, Instrument]) -> None:
    """Refuse a record of an instrument that the configuration has dropped: what it holds cannot be looked after."""
    if row.instrument not in instruments:
        msg = (
            f"instrument {row.instrument}: the journal has orders or fills of it, the configuration names only"
            f" {sorted(instruments)}. Name it again; no strategy need trade it"
        )
        raise JournalTermsError(msg)
