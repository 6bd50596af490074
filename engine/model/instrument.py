"""An instrument: our id for a venue's symbol, and the exact numbers that go with it."""

from dataclasses import dataclass

from engine.model.fixed import INT64_MAX

DECIMALS_MAX = 18  # one whole unit of more does not fit 64 bits
ASSET_MAX = 16  # bytes of its name, in the cells that show it
PAIRS = 1  # in `natives`, where no order type has bit 0: the venue has pairs (OCO)


@dataclass(frozen=True, slots=True)
class Instrument:
    """What must be known to read and write a symbol's prices and sizes exactly."""

    id: int
    venue: str
    symbol: str  # the venue's text
    base: str
    quote: str
    price_decimals: int
    size_decimals: int
    price_step: int  # fixed point, at price_decimals
    size_step: int  # fixed point, at size_decimals
    size_min: int
    size_max: int
    notional_min: int  # fixed point, at price_decimals + size_decimals
    trading: bool = True
    kind: str = "spot"  # spot, perpetual, future
    multiplier: int = 1
    version: int = 1  # a change of decimals is a new version
    natives: int = 0  # the native order types that the venue accepts: bits 1 << OrderType, and PAIRS
    orders_max: int = 0  # open orders of the account; 0 here and below: the venue has no such limit
    algo_orders_max: int = 0  # of them, those that wait for a trigger
    trailing_min: int = 0  # the distances of a native trailing stop, in hundredths of a percent; 0: it has none
    trailing_max: int = 0
    price_min: int = 0
    price_max: int = 0
    notional_max: int = 0
    market_size_max: int = 0  # of an order without a limit price
    position_max: int = 0  # of the base asset, with what open orders can buy
    bid_up: int = 0  # how far from the market's price an order may be, in millionths of that price; a buyer's
    bid_down: int = 0
    ask_up: int = 0
    ask_down: int = 0

    def has_native(self, order_type: int) -> bool:
        """Whether the venue accepts this native order type."""
        return bool(self.natives >> order_type & 1)

    @property
    def has_pairs(self) -> bool:
        """Whether the venue accepts a limit order and a stop as a pair, of which it ends one when the other trades."""
        return bool(self.natives & PAIRS)

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be exact, and names that cannot be shown."""
        for name in ("base", "quote"):
            text = getattr(self, name)
            if not isinstance(text, str) or len(text.encode()) > ASSET_MAX:
                msg = f"{self.venue} {self.symbol}: {name} must be a text of at most {ASSET_MAX} bytes, was {text!r}"
                raise ValueError(msg)
        for name in ("price_step", "size_step"):
            value = getattr(self, name)
            if not 0 < value <= INT64_MAX:
                msg = f"{self.venue} {self.symbol}: {name} must be in 1..2^63-1, was {value}"
                raise ValueError(msg)
        for name in ("price_decimals", "size_decimals"):
            value = getattr(self, name)
            if not 0 <= value <= DECIMALS_MAX:
                msg = f"{self.venue} {self.symbol}: {name} must be in 0..{DECIMALS_MAX}, was {value}"
                raise ValueError(msg)
