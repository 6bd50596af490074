"""What a journal's numbers mean: the symbol and the decimals of each instrument, written down at every start.

Prices and sizes stand in the journal as integers at an instrument's decimals. A venue that makes a tick or a lot finer
(they do, several times a year), or a configuration that gives a number to another symbol, would have them read ten
times too large, or as another coin. So a journal that was written in other terms is not read: the start is refused.
"""

from collections.abc import Mapping
from typing import Any

from engine.model.instrument import Instrument

ADVICE = (
    "Cancel what is open and close what is held at the venue by hand, move the journal's directory away, and start anew"
)


class JournalTermsError(Exception):
    """The journal was written for other instruments than these."""


def terms_of(one: Instrument) -> bytes:
    """The payload of a START record that says what this instrument's numbers mean."""
    return f"{one.id} {one.symbol} {one.price_decimals} {one.size_decimals}".encode()


def check_terms(payload: bytes, instruments: Mapping[int, Instrument]) -> None:
    """Refuse terms that are not those of today; an instrument that is not configured any more is judged when used."""
    number, symbol, price_decimals, size_decimals = payload.decode().split()
    one = instruments.get(int(number))
    if one is not None and payload != terms_of(one):
        msg = (
            f"instrument {number}: the journal was written for {symbol} with {price_decimals} price and {size_decimals}"
            f" size decimals, expected {one.symbol} with {one.price_decimals} and {one.size_decimals}. {ADVICE}"
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
