"""The caps of risk, as a configuration names them. A cap that is not enforced does not stand here."""

from decimal import Decimal

import msgspec

MICRO = 10**6  # caps in dollars are compared as whole millionths


class RiskLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds on every order, account-wide. Each is the last value allowed."""

    max_position_usd: Decimal = Decimal(100_000)  # worst case of one instrument: held, open, in flight and asked for
    max_order_size_usd: Decimal = Decimal(10_000)
    max_order_rate_per_min: int = 60  # requests that place or replace, over any 60 s
    price_collar_bps: int = 500  # distance of an order's price from the middle of the book
    max_spread_bps: int = 50  # wider books are not traded on
    max_book_age_ns: int = 2_000_000_000
    max_intent_age_ns: int = 1_000_000_000  # for intents that bring no ttl, and the most a ttl may ask
    usd_quotes: tuple[str, ...] = ("USD", "USDT", "USDC")  # assets counted as one dollar
    usd_instruments: dict[str, int] = {}  # the instrument whose middle prices another asset in one of these

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and not value.is_finite():
                msg = f"{name} must be a number, was {value}"
                raise ValueError(msg)
            if isinstance(value, (int, Decimal)) and value <= 0:
                msg = f"{name} must be positive, was {value}"
                raise ValueError(msg)
        if self.price_collar_bps >= 10_000:  # noqa: PLR2004 - 100 %: the lower edge would be zero
            msg = f"price_collar_bps must be under 10000, was {self.price_collar_bps}"
            raise ValueError(msg)

    @property
    def max_position_micro(self) -> int:
        """The position's cap in millionths of a dollar."""
        return int(self.max_position_usd * MICRO)

    @property
    def max_order_micro(self) -> int:
        """The order's cap in millionths of a dollar."""
        return int(self.max_order_size_usd * MICRO)
