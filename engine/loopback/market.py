"""A market's rules: its steps, its fees, and the filters that an order must pass.

Every price, size and amount is an integer with eight decimals, as Binance writes them. The product of price step and
size step must be a whole amount, so that no fill is rounded.
"""

from dataclasses import dataclass

from engine.model.fixed import to_fixed

DECIMALS = 8
SCALE: int = 10**DECIMALS


def fixed(text: str) -> int:
    """Decimal text as an integer with eight decimals."""
    return to_fixed(text, DECIMALS)


@dataclass(frozen=True, slots=True)
class Burn:
    """How an account pays its fees in a third asset, as Binance's "use BNB to pay for fees" does."""

    asset: str = "BNB"
    discount: int = fixed("0.25")  # the share of the fee that is not charged


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
    price_ratio_max: int = 5  # a limit price may be this many times the last price, or this fraction of it
    open_orders_max: int = 200
    contingent_orders_max: int = 5  # the open orders with a stop price or a trailing delta
    order_lists_max: int = 20  # open at once
    trailing_min: int = 10  # hundredths of a percent
    trailing_max: int = 2_000
    fee_maker: int = fixed("0.001")
    fee_taker: int = fixed("0.001")
    prevention_default: str = "EXPIRE_MAKER"
    trading: bool = True

    def __post_init__(self) -> None:
        """Refuse steps whose product needs a ninth decimal."""
        if self.price_step <= 0 or self.size_step <= 0 or self.price_step * self.size_step % SCALE:
            steps = f"price step {self.price_step} and size step {self.size_step}"
            msg = f"{self.symbol}: {steps}: expected positive steps whose product has at most {DECIMALS} decimals"
            raise ValueError(msg)

    def notional(self, price: int, size: int) -> int:
        """Price times size, exactly."""
        return price * size // SCALE

    def price_filter(self, price: int, last_price: int) -> str:
        """The name of the filter a limit price fails, or ""."""
        if not self.price_min <= price <= self.price_max or price % self.price_step:
            return "PRICE_FILTER"
        if last_price and not last_price <= price * self.price_ratio_max <= last_price * self.price_ratio_max**2:
            return "PERCENT_PRICE_BY_SIDE"
        return ""

    def size_filter(self, size: int) -> str:
        """The name of the filter a size fails, or ""."""
        if not self.size_min <= size <= self.size_max or size % self.size_step:
            return "LOT_SIZE"
        return ""

    def notional_filter(self, notional: int) -> str:
        """The name of the filter a notional fails, or ""."""
        return "" if self.notional_min <= notional <= self.notional_max else "NOTIONAL"
