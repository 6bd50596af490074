"""The caps of risk, as keys of the configuration. Every cap in this file is enforced.

docs/risk.md has the formula of each cap, and whether it applies to exits.
"""

import math
from collections.abc import Collection
from decimal import Decimal

import msgspec

from engine.model.fixed import INT64_MAX
from engine.risk.ramp import Rise

MICRO = 10**6  # caps in dollars are compared as whole millionths
BPS = 10_000
FIXED = (
    "usd_quotes",
    "usd_instruments",
    "sectors",
    "policies",
    "ramp_rise",
    "var_history",
    "margin_brackets",
)  # limits that execution reads once, at its start
WINDOW_LEAST, WINDOW_MOST = 20, 1_000  # days: fewer have no 5 %, more are no help
RESERVE_MOST = Decimal("0.2")  # four times this leaves the least urgent requests a fifth
WIDEST = 30  # digits before the point that a cap in dollars may have: its integer arithmetic stays short


class RiskLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds on every order, for the whole account. Each is the last allowed value."""

    max_position_usd: Decimal = Decimal(100_000)  # worst case of one instrument: held, open, in flight and this order
    max_order_size_usd: Decimal = Decimal(10_000)
    max_order_rate_per_min: int = 60  # requests that place or replace, over any 60 s
    exit_rate_reserve: Decimal = Decimal("0.25")  # the share of the rate that is reserved for exits
    strategy_rate_share: Decimal = Decimal("0.5")  # the share of each part of the rate for one strategy of several
    venue_rate_reserve: Decimal = Decimal("0.05")  # of the venue's limits on requests, between two priorities
    price_collar_bps: int = 500  # distance of an order's price from the middle of the book
    exit_collar_bps: int = 1_000  # how much worse than the last good middle the price of an exit may be
    max_spread_bps: int = 50  # no entry at a wider book
    max_book_age_ns: int = 2_000_000_000
    max_intent_age_ns: int = 1_000_000_000  # for intents without a ttl, and the upper bound of a ttl
    max_intent_ahead_ns: int = 100_000_000  # how much later than execution's step an intent may be decided
    usd_quotes: tuple[str, ...] = ("USD", "USDT", "USDC")  # assets counted as one dollar
    usd_instruments: dict[
        str, int
    ] = {}  # for other assets: the instrument whose middle is the asset's price in one of these
    ramp: Decimal = Decimal(1)  # the share of every cap in dollars that is in force: 0.1 while a strategy is new
    ramp_rise: Rise | None = None  # steps by which the ramp rises by itself
    capital_usd: Decimal | None = None  # the account's money before its first fill; equity is this and the net
    sectors: dict[str, tuple[int, ...]] = {}  # names for groups of instruments
    var_history: str = ""  # the CSV or Parquet file of bars from which the value at risk is computed
    var_window_days: int = 250  # the days before today over which it is computed
    margin_brackets: str = ""  # the venue's list of margin brackets, a file; derivatives need it
    margin_leverage: int = 1  # that the account has set at the venue for its derivatives: what a position binds
    policies: dict[str, str] = {}  # of breakers, by their key, where it is another than the breaker's own

    def __post_init__(self) -> None:
        """Refuse values that are not positive finite numbers of 64 bits."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and not value.is_finite():
                msg = f"{name} must be a number, was {value}"
                raise ValueError(msg)
            if isinstance(value, Decimal) and value.adjusted() > WIDEST:
                msg = f"{name} must be below 1e{WIDEST + 1}, was {value}"
                raise ValueError(msg)
            if isinstance(value, (int, Decimal)) and value <= 0:
                msg = f"{name} must be positive, was {value}"
                raise ValueError(msg)
            if isinstance(value, int) and value > INT64_MAX:
                msg = f"{name} must fit 64 bits, was {value}"
                raise ValueError(msg)
        if not WINDOW_LEAST <= self.var_window_days <= WINDOW_MOST:
            msg = f"var_window_days must be {WINDOW_LEAST} to {WINDOW_MOST}, was {self.var_window_days}"
            raise ValueError(msg)
        self._check_shares()
        self._check_collars()

    def _check_shares(self) -> None:
        """Refuse a reserve of the whole rate, which leaves no entries, and a share over 1."""
        if self.exit_rate_reserve >= 1:
            msg = f"exit_rate_reserve must be under 1, was {self.exit_rate_reserve}"
            raise ValueError(msg)
        if self.venue_rate_reserve > RESERVE_MOST:
            msg = f"venue_rate_reserve must be at most {RESERVE_MOST}, was {self.venue_rate_reserve}"
            raise ValueError(msg)
        for name in ("strategy_rate_share", "ramp"):
            if getattr(self, name) > 1:
                msg = f"{name} must be at most 1, was {getattr(self, name)}"
                raise ValueError(msg)

    def _check_collars(self) -> None:
        """Refuse a collar of 100 %, whose lower edge is 0, and an exit collar narrower than the entry collar."""
        for name in ("price_collar_bps", "exit_collar_bps"):
            if getattr(self, name) >= BPS:
                msg = f"{name} must be under {BPS}, was {getattr(self, name)}"
                raise ValueError(msg)
        if self.exit_collar_bps < self.price_collar_bps:
            msg = (
                f"exit_collar_bps must not be under price_collar_bps, which is {self.price_collar_bps},"
                f" was {self.exit_collar_bps}"
            )
            raise ValueError(msg)

    def check_rise(self) -> None:
        """Refuse a rise that begins at or below the ramp: its first steps would change nothing."""
        if self.ramp_rise is not None and self.ramp_rise.to[0] <= self.ramp:
            raise ValueError(f"ramp_rise.to must begin above ramp, which is {self.ramp}, was {self.ramp_rise.to[0]}")

    def check_instruments(self, known: Collection[int]) -> None:
        """Refuse a `usd_instruments` or a sector that names an instrument which is not configured."""
        for asset, number in self.usd_instruments.items():
            if number not in known:
                msg = f"usd_instruments.{asset} must be one of the instruments {sorted(known)}, was {number}"
                raise ValueError(msg)
        for sector, numbers in self.sectors.items():
            if unknown := set(numbers).difference(known):
                msg = f"sectors.{sector} must have instruments of {sorted(known)}, was {min(unknown)}"
                raise ValueError(msg)

    def within(self, instruments: Collection[int]) -> "RiskLimits":
        """The limits of an account with these instruments: it reads no rate from the book of another venue."""
        rates = {asset: one for asset, one in self.usd_instruments.items() if one in instruments}
        sectors = {name: tuple(one for one in numbers if one in instruments) for name, numbers in self.sectors.items()}
        return msgspec.structs.replace(self, usd_instruments=rates, sectors=sectors)

    @property
    def max_position_micro(self) -> int:
        """The cap of a position in millionths of a dollar."""
        return int(self.max_position_usd * self.ramp * MICRO)

    @property
    def max_order_micro(self) -> int:
        """The cap of an order in millionths of a dollar."""
        return int(self.max_order_size_usd * self.ramp * MICRO)

    @property
    def reserved_rate(self) -> int:
        """Requests a minute that only exits may use, rounded up; never the whole rate."""
        return min(math.ceil(self.max_order_rate_per_min * self.exit_rate_reserve), self.max_order_rate_per_min - 1)

    @property
    def common_rate(self) -> int:
        """Requests a minute that entries and exits share."""
        return self.max_order_rate_per_min - self.reserved_rate

    def strategy_rate(self, part: int, strategies: int) -> int:
        """How much of a part of the rate one of these strategies may use; a single strategy may use all of it."""
        return max(1, int(part * self.strategy_rate_share)) if strategies > 1 else part


def micro_of(dollars: Decimal) -> int:
    """A cap's dollars in millionths; ValueError for an amount that bounds nothing or is too wide for the arithmetic."""
    if not dollars.is_finite() or dollars <= 0:
        raise ValueError("must be positive")
    if dollars.adjusted() > WIDEST:
        raise ValueError(f"must be below 1e{WIDEST + 1}")
    return int(dollars * MICRO)
