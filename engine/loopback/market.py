"""What may be traded, by which rules, and the filters an order must pass before it meets the book.

Every price, size and amount here is an integer at eight decimals, as Binance writes them. A price step times a size
step must itself be a whole amount, so that no fill ever rounds.
"""

from dataclasses import dataclass

from engine.model.fixed import to_fixed

DECIMALS = 8
SCALE: int = 10**DECIMALS


def fixed(text: str) -> int:
    """Read decimal text as the integer used everywhere in the simulated venue."""
    return to_fixed(text, DECIMALS)


@dataclass(frozen=True, slots=True)
class Burn:
    """How an account pays its fees in a third asset, as Binance's "use BNB to pay for fees" does."""

    asset: str = "BNB"
    discount: int = fixed("0.25")  # off the usual fee, while the asset lasts


@dataclass(frozen=True, slots=True)
class Market:
    """One symbol: its assets, steps, bounds and fees."""

    symbol: str
    base: str
    quote: str
    price_step: int = fixed("0.01")
    price_min: int = fixed("0.01")
    price_max: int = fixed("1000000")
    size_step: int = fixed("0.00001")
    size_min: int = fixed("0.00001")
    size_max: int = fixed("9000")
    notional_min: int = fixed("5")
    notional_max: int = fixed("9000000")
    price_ratio_max: int = 5  # a limit may be this many times the last price, or this fraction of it
    open_orders_max: int = 200
    contingent_orders_max: int = 5  # of the open orders, those that wait for a price or waited for one
    order_lists_max: int = 20  # open at once
    trailing_min: int = 10  # hundredths of a percent
    trailing_max: int = 2_000
    fee_maker: int = fixed("0.001")
    fee_taker: int = fixed("0.001")
    prevention_default: str = "EXPIRE_MAKER"
    trading: bool = True

    def __post_init__(self) -> None:
        """Refuse steps whose product would need a ninth decimal."""
        if self.price_step <= 0 or self.size_step <= 0 or self.price_step * self.size_step % SCALE:
            msg = f"{self.symbol}: price step {self.price_step} times size step {self.size_step} is not a whole amount"
            raise ValueError(msg)

    def notional(self, price: int, size: int) -> int:
        """What this size costs at this price, exactly."""
        return price * size // SCALE

    def price_filter(self, price: int, last_price: int) -> str:
        """The name of the filter a limit price fails, or empty."""
        if not self.price_min <= price <= self.price_max or price % self.price_step:
            return "PRICE_FILTER"
        if last_price and not last_price <= price * self.price_ratio_max <= last_price * self.price_ratio_max**2:
            return "PERCENT_PRICE_BY_SIDE"
        return ""

    def size_filter(self, size: int) -> str:
        """The name of the filter a size fails, or empty."""
        if not self.size_min <= size <= self.size_max or size % self.size_step:
            return "LOT_SIZE"
        return ""

    def notional_filter(self, notional: int) -> str:
        """The name of the filter a notional fails, or empty."""
        return "" if self.notional_min <= notional <= self.notional_max else "NOTIONAL"
