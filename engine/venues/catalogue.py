"""Which venues there are: adding one is its folder and one line here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.venues.binance.kind import BINANCE
from engine.venues.coinbase.kind import COINBASE
from engine.venues.kind import Kind, MarketInterface, Trading
from engine.venues.kraken.kind import KRAKEN
from engine.venues.margin import Brackets, MarginTerms, check_margined

if TYPE_CHECKING:
    from engine.config import Venue
    from engine.model.instrument import Instrument
    from engine.venues.dialect import Dialect
    from engine.venues.trading.fill_order import FillOrder

KINDS: dict[str, Kind] = {one.name: one for one in (BINANCE, COINBASE, KRAKEN)}


def kind_of(venue: "Venue") -> Kind:
    """The kind of a configured venue; ValueError names the kinds there are."""
    if venue.kind not in KINDS:
        raise ValueError(f"venue {venue.name}: kind must be one of {', '.join(sorted(KINDS))}, was {venue.kind!r}")
    return KINDS[venue.kind]


def trading_of(venue: "Venue") -> Trading:
    """How orders reach a configured venue; ValueError where no order can go there, or a part of its key is missing."""
    kind = kind_of(venue)
    product = kind.options_of(venue).product
    if product not in kind.trading:
        able = ", ".join(f"{one.name} {name}" for one in KINDS.values() for name in one.trading)
        raise ValueError(f"venue {venue.name}: orders cannot go to {kind.name} {product} yet, expected one of: {able}")
    trading = kind.trading[product]
    if any(getattr(venue, part) is None for part in trading.key):
        raise ValueError(f"venue {venue.name}: orders need {' and '.join(trading.key)}")
    return trading


def brackets_of(venue: "Venue", file: str) -> Brackets:
    """The margin brackets of a configured venue; none without a file, or where the venue has no derivatives."""
    rules = kind_of(venue).margin_of(venue)
    return {} if rules is None or not file else rules.read(Path(file))


def margin_of(
    venue: "Venue", instruments: "Sequence[Instrument]", file: str, quotes: Sequence[str]
) -> Mapping[int, MarginTerms]:
    """The formulas of each derivative; ValueError for one whose margin cannot be computed."""
    derivatives = [one for one in instruments if one.kind != "spot"]
    rules = kind_of(venue).margin_of(venue)
    if not derivatives:
        return {}
    if rules is None:
        raise ValueError(f"venue {venue.name}: the margin of {derivatives[0].symbol} cannot be computed yet: remove it")
    brackets = brackets_of(venue, file)
    for one in derivatives:
        check_margined(one, brackets, quotes, file)
    return {one.id: rules.terms(brackets[one.symbol]) for one in derivatives}


def fill_order(name: str) -> "FillOrder":
    """The order of fills of this name, for a process that reads a journal without a session."""
    every = {one.fill_order.name: one.fill_order for kind in KINDS.values() for one in kind.trading.values()}
    return every[name]


def interfaces() -> dict[str, MarketInterface]:
    """Every market-data interface by the name of its dialect, of all venues."""
    return {market.name: market for kind in KINDS.values() for market in kind.markets.values()}


def dialect_of(name: str) -> "Dialect":
    """A dialect by its name; the ValueError for an unknown name lists the known ones."""
    known = interfaces()
    if name not in known:
        raise ValueError(f"venue must be one of {', '.join(sorted(known))}, was {name!r}")
    return known[name].dialect()
