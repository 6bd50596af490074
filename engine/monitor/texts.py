"""An instrument, a price and a size as a looker reads them; numbers until the feed publishes the instrument."""

from collections.abc import Mapping

from engine.model.fixed import to_text
from engine.model.instrument import Instrument


def title_of(known: Mapping[int, Instrument], instrument: int) -> str:
    """An instrument's symbol, with its venue if two venues have the symbol; its id until the feed publishes it."""
    if instrument not in known:
        return str(instrument)
    symbol = known[instrument].symbol
    twins = [one for one in known.values() if one.symbol == symbol]
    return f"{known[instrument].venue}:{symbol}" if len(twins) > 1 else symbol


def price_text(known: Mapping[int, Instrument], instrument: int, price: int) -> str:
    """A price as the venue writes it."""
    return to_text(price, known[instrument].price_decimals) if instrument in known else str(price)


def size_text(known: Mapping[int, Instrument], instrument: int, size: int) -> str:
    """A size as the venue writes it."""
    return to_text(size, known[instrument].size_decimals) if instrument in known else str(size)
