"""What a journal's numbers mean: a TERMS record at every start, with the symbol and the decimals of each instrument.

Prices and sizes are integers at an instrument's decimals. When a venue makes a price step or a size step finer (several
times a year), or a configuration gives an instrument's number to another symbol, the same integer means another price
or size. So execution refuses to start when the journal has an order or a fill in other terms than today's. Terms of an
instrument without an order or a fill may change: correct a mistyped symbol and start again.
"""

from collections.abc import Mapping

from engine.execution.orders import codec
from engine.model.instrument import Instrument
from engine.model.journal_records import TERMS
from engine.model.rows import FillRow, NettedRow, OrderRow, TermsRow

ADVICE = (
    "engine-ctl journal shows what is open and held in it; when nothing is, engine-ctl journal --set-aside puts the"
    " journal away and the next start begins a new one"
)


class JournalTermsError(Exception):
    """The journal was written for other instruments than these."""


def terms_of(one: Instrument) -> bytes:
    """The payload of the TERMS record of an instrument."""
    row = TERMS.row(
        instrument=one.id, price_decimals=one.price_decimals, size_decimals=one.size_decimals,
        symbol=one.symbol.encode(), venue=one.venue.encode(),
    )  # fmt: skip
    return codec.TERMS.pack_row(row)


def symbol_of(row: TermsRow) -> str:
    """The symbol of a TERMS record."""
    return str(row.symbol.rstrip(b"\0").decode())


def check_terms(payload: bytes, instruments: Mapping[int, Instrument]) -> None:
    """Refuse terms of an order or a fill that differ from today's; the venue's name may differ."""
    was = codec.TERMS.unpack(payload)
    one = instruments[was.instrument]
    symbol = symbol_of(was)
    if (symbol, was.price_decimals, was.size_decimals) != (one.symbol, one.price_decimals, one.size_decimals):
        msg = (
            f"instrument {one.id}: the journal has orders or fills of {symbol} with {was.price_decimals} price and"
            f" {was.size_decimals} size decimals, the configuration now has {one.symbol} with {one.price_decimals} and"
            f" {one.size_decimals}. Give {symbol} its number again; {ADVICE}"
        )
        raise JournalTermsError(msg)


def check_account(row: OrderRow | FillRow | NettedRow, account: int) -> None:
    """Refuse an order or a fill of another account: its position is not ours to close, and its orders are elsewhere."""
    if row.account != account:
        msg = (
            f"account {account}: the journal has orders or fills of account {row.account}, expected only those of"
            f" {account}. Give the account its number again, or a directory of its own"
        )
        raise JournalTermsError(msg)


def check_known(row: OrderRow | FillRow | NettedRow, instruments: Mapping[int, Instrument]) -> None:
    """Refuse an order or a fill of an instrument that the configuration no longer has."""
    if row.instrument not in instruments:
        msg = (
            f"instrument {row.instrument}: the journal has orders or fills of it, the configuration names only"
            f" {sorted(instruments)}. Name it again; no strategy need trade it"
        )
        raise JournalTermsError(msg)
