"""The price that values a position or a fee: the middle of a book that execution reads.

    a fee in BNB, quote USDT      BNBUSDT where it is an instrument, else BNB's dollars over USDT's
    a fee in BNB, quote BTC       BNBBTC, else BNB's dollars over BTC's

An asset's dollars: one for each of `usd_quotes`; else the middle of its instrument in `usd_instruments`; else that of
any instrument that has it as base and one of `usd_quotes` as quote. Only a GOOD book has a middle; while a book is not
GOOD, its last GOOD middle is used.
"""

from collections.abc import Iterable, Mapping

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.risk.limits import RiskLimits
from engine.risk.market import GOOD, Top

Rate = tuple[int, int]  # a numerator and a denominator


class Prices:
    """Middles of books, and rates between assets from them."""

    def __init__(self, instruments: Iterable[Instrument], limits: RiskLimits, tops: Mapping[int, Top]) -> None:
        """Begin without a price."""
        self._instruments = {one.id: one for one in instruments}
        self._pairs = {(one.base, one.quote): one.id for one in self._instruments.values() if one.kind == "spot"}
        self._limits = limits
        self._tops = tops
        self._middles2: dict[int, int] = {}  # the last good ones

    def middle2(self, instrument: int) -> int:
        """Twice the last GOOD middle of a book; 0: none yet, or it does not fit 64 bits."""
        top = self._tops[instrument]
        if top.state == GOOD and top.middle2 <= INT64_MAX:
            self._middles2[instrument] = top.middle2
        return self._middles2.get(instrument, 0)

    def fee_value(self, instrument: int, fee: int, asset: bytes) -> int | None:
        """A fee in a third asset, in the instrument's quote, rounded half up; None for any other, or without price."""
        one, name = self._instruments[instrument], asset.rstrip(b"\0").decode(errors="replace")
        if not fee or name in (one.base, one.quote):
            return None
        rate = self._rate(name, one.quote)
        if rate is None:
            return None
        value = (2 * fee * rate[0] + rate[1]) // (2 * rate[1])
        return value if abs(value) <= INT64_MAX else None

    def usd_rate(self, asset: str) -> float:
        """Dollars for one of an asset; nan without a price."""
        rate = self._dollars(asset)
        return float("nan") if rate is None else rate[0] / rate[1]

    def _rate(self, asset: str, quote: str) -> Rate | None:
        """How much of `quote` one of `asset` is."""
        direct = self._middle(self._pairs.get((asset, quote), 0))
        if direct is not None:
            return direct
        inverse = self._middle(self._pairs.get((quote, asset), 0))
        if inverse is not None:
            return inverse[1], inverse[0]
        worth, unit = self._dollars(asset), self._dollars(quote)
        return None if worth is None or unit is None else (worth[0] * unit[1], worth[1] * unit[0])

    def _dollars(self, asset: str) -> Rate | None:
        """Dollars for one of an asset."""
        usd_quotes = self._limits.usd_quotes
        if asset in usd_quotes:
            return 1, 1
        named = self._instruments.get(self._limits.usd_instruments.get(asset, 0))
        if named is not None and named.base == asset and named.quote in usd_quotes:
            return self._middle(named.id)
        found = (self._middle(self._pairs.get((asset, quote), 0)) for quote in usd_quotes)
        return next((rate for rate in found if rate is not None), None)

    def _middle(self, instrument: int) -> Rate | None:
        """The quote for one of the base."""
        if not instrument or not (middle2 := self.middle2(instrument)):
            return None
        return middle2, 2 * 10 ** self._instruments[instrument].price_decimals
