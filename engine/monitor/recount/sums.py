"""One position from its fills: the money is exact, an average cost is rounded once for each reducing fill.

    bought 2 at 100, sold 1 at 110      held 1 · cost 100 · realised 10
    realised - cost                     the cash that the trades moved, to the last digit
    net = realised + unrealised - fees

Holdings have `decimals`, the finer of the venue's fees and of the instrument's sizes; money has those and the price's.
A fee in the base asset lowers the holdings: it counts as a sale at the fill's price for exactly that fee.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.rows import FillRow
from engine.model.words import FillFlag

COUNTED = ("held", "cost", "realised", "fees", "fill_count")


class Scale(NamedTuple):
    """The decimals in which one instrument is counted."""

    price: int
    held: int
    size_unit: int  # of the holdings, in one unit of a fill's size
    fee_unit: int  # of the holdings, in one unit of a fee

    @classmethod
    def of(cls, one: Instrument) -> "Scale":
        """The scale of an instrument."""
        held = max(FEE_DECIMALS, one.size_decimals)
        return cls(one.price_decimals, held, 10 ** (held - one.size_decimals), 10 ** (held - FEE_DECIMALS))

    @property
    def money(self) -> int:
        """The decimals of money."""
        return self.price + self.held

    @property
    def quote_unit(self) -> int:
        """Money in one unit of a fee that was charged in the quote asset."""
        return int(10 ** (self.money - FEE_DECIMALS))


class Sums:
    """What the fills of one owner in one instrument add up to."""

    __slots__ = ("cost", "fees", "fees_unvalued", "fill_count", "held", "one", "realised", "scale")

    def __init__(self, one: Instrument) -> None:
        """Begin flat."""
        self.one, self.scale = one, Scale.of(one)
        self.held = self.cost = self.realised = self.fees = self.fill_count = 0
        self.fees_unvalued: defaultdict[str, int] = defaultdict(int)  # by asset, at FEE_DECIMALS

    def add(self, fill: FillRow) -> None:
        """Add one fill."""
        self.fill_count += 1
        self._exchange(fill.side * fill.size * self.scale.size_unit, fill.price)
        asset = name_of(fill.fee_asset)
        if asset == self.one.quote:
            self.fees += fill.fee * self.scale.quote_unit
        elif asset == self.one.base:
            paid = fill.fee * self.scale.fee_unit
            self._exchange(-paid, fill.price)
            self.fees += paid * fill.price
        elif fill.flags & FillFlag.FEE_VALUED:
            self.fees += fill.fee_value * self.scale.quote_unit
        elif fill.fee:
            self.fees_unvalued[asset] += fill.fee

    @property
    def cash(self) -> int:
        """The money that the trades moved, before fees."""
        return self.realised - self.cost

    def dump(self) -> dict[str, Any]:
        """Everything that the fills have made, for JSON."""
        return {name: getattr(self, name) for name in COUNTED} | {"fees_unvalued": dict(self.fees_unvalued)}

    def load(self, dumped: dict[str, Any]) -> None:
        """Continue from what `dump` gave."""
        for name in COUNTED:
            setattr(self, name, int(dumped[name]))
        self.fees_unvalued.update(dumped["fees_unvalued"])

    def unrealised2(self, mark2: int) -> int | None:
        """Twice the profit of closing at half of `mark2`; None while something is held without a price."""
        if self.held and not mark2:
            return None
        return self.held * mark2 - 2 * self.cost if self.held else 0

    def _exchange(self, amount: int, price: int) -> None:
        """Add an amount, signed, at a price; what it closes is realised against its share of the cost."""
        against = self.held * amount < 0
        closed = min(abs(amount), abs(self.held)) if against else 0
        if closed:
            direction = 1 if amount > 0 else -1
            share = half_up(self.cost * closed, abs(self.held))
            self.realised -= direction * closed * price + share
            self.cost -= share
            self.held += direction * closed
            amount -= direction * closed
        self.held += amount
        self.cost += amount * price


def half_up(number: int, divisor: int) -> int:
    """A quotient rounded to the nearest whole number, a half upwards."""
    quotient, rest = divmod(number, divisor)
    return quotient + (2 * rest >= divisor)


def name_of(asset: bytes) -> str:
    """An asset's name in a record."""
    return asset.rstrip(b"\0").decode(errors="replace")
