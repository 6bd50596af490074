"""What a position in derivatives binds, and how far it is from its liquidation: the protocol of a venue's formulas.

    the venue's own list of brackets, as a file ── MarginRules.read ──▶ brackets by symbol
    brackets of one symbol ── MarginRules.terms ──▶ MarginTerms: initial and maintenance margin, distance

Every amount is in millionths of the quote asset, and a position is its notional at the mark: abs(size) * price.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from engine.model.instrument import Instrument

MICRO = 10**6


class Bracket(NamedTuple):
    """The margin of a notional over `floor` and up to `cap`, in the quote asset."""

    floor: Decimal
    cap: Decimal
    rate: Decimal  # maintenance margin = rate * notional - amount
    amount: Decimal
    leverage: int  # the highest that the venue allows here


Brackets = Mapping[str, Sequence[Bracket]]  # by symbol


class MarginTerms(Protocol):
    """The formulas of one instrument; each amount of margin is rounded up."""

    def initial(self, notional: int, leverage: int) -> int:
        """What a position binds at the leverage that the account has set."""

    def maintenance(self, notional: int) -> int:
        """Below this much of the margin balance the venue liquidates."""

    def distance(self, side: int, notional: int, free: int) -> tuple[int, int]:
        """How far the price must move against the position until its liquidation, as a share of the mark.

        `free`: the margin balance less the maintenance margin of every other position. The share is a numerator and a
        positive denominator; 0 or less: the position is liquidated at once.
        """


@dataclass(frozen=True, slots=True)
class MarginRules:
    """How one product of a venue computes margin."""

    read: Callable[[Path], Brackets]  # ValueError names the file, the symbol and the wrong value
    terms: Callable[[Sequence[Bracket]], MarginTerms]


def check_margined(one: "Instrument", brackets: Brackets, quotes: Sequence[str], file: str) -> None:
    """Refuse a derivative whose margin cannot be computed."""
    name = f"{one.venue} {one.symbol}"
    if not file:
        raise ValueError(f"{name} is a {one.kind}: set margin_brackets in [risk], the file of its margin brackets")
    if one.symbol not in brackets:
        raise ValueError(f"{file}: has no brackets of {name}, a {one.kind}: add the venue's list for {one.symbol}")
    if one.multiplier != 1 or one.quote not in quotes:
        raise ValueError(
            f"{name}: expected a linear {one.kind} with multiplier 1 and a quote of {', '.join(quotes)} (usd_quotes),"
            f" was multiplier {one.multiplier} and quote {one.quote}"
        )
