"""What a run assumes of the venue and of the way to it: latencies, queue, fees, impact, how much an order may take.

Nothing that changes a result much has a default: latency and fees are always named. Each choice that favours the
strategy is off unless it is written, and `Result.assumptions` lists it by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from research.simulate.matching.chance import Chance
from research.simulate.matching.delay import Delay
from research.simulate.matching.impact import Impact as CompiledImpact
from research.simulate.perpetuals import Funding, Margin

RATE_DECIMALS = 8
MICRO = 10**6
BPS = 10_000
SLIPPAGE_MOST = 2_000
NOTIONAL_MOST = 10**18
TIERS_MOST = 16
EXPONENT_MOST = 100
LATENCY_MOST_NS = 3_600_000_000_000  # an hour: more is a mistake of the unit


def _checked(name: str, values: Any) -> Any:
    """Latencies as an int64 array; none may be negative, or an hour and more."""
    found = np.ascontiguousarray(values)
    if found.ndim != 1 or not len(found) or found.dtype.kind not in "iu":
        raise ValueError(f"{name}: found {found.dtype} of shape {found.shape}, expected whole nanoseconds in one row")
    for value in (int(found.min()), int(found.max())):
        if not 0 <= value < LATENCY_MOST_NS:
            raise ValueError(f"{name}: found {value}, expected nanoseconds from 0 to under an hour")
    return found.astype(np.int64)


@dataclass(frozen=True)
class Constant:
    """Every message is on its way for the same time."""

    ns: int

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        _checked("Constant", [self.ns])

    @property
    def most_ns(self) -> int:
        """The longest."""
        return self.ns

    def delay(self) -> Delay:
        """The compiled form."""
        return Delay(self.ns)


@dataclass(frozen=True)
class Drawn:
    """Each message is on its way for one of these times, drawn evenly from the seed."""

    samples: Sequence[int]
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse samples that are no times."""
        _checked("Drawn.samples", self.samples)

    @property
    def most_ns(self) -> int:
        """The longest."""
        return int(max(self.samples))

    def delay(self) -> Delay:
        """The compiled form."""
        return Delay(0, _checked("Drawn.samples", self.samples), self.seed)


@dataclass(frozen=True)
class Recorded:
    """A message is on its way for as long as the last one that was recorded at or before its time."""

    at_ns: Sequence[int]
    latency_ns: Sequence[int]

    def __post_init__(self) -> None:
        """Refuse records that are no times, or not in order."""
        _checked("Recorded.latency_ns", self.latency_ns)
        at_ns = np.asarray(self.at_ns)
        if at_ns.shape != np.asarray(self.latency_ns).shape or at_ns.dtype.kind not in "iu":
            raise ValueError(f"Recorded: found {at_ns.shape} times of {at_ns.dtype}, expected one for each latency")
        if (np.diff(at_ns) < 0).any():
            row = int(np.argmax(np.diff(at_ns) < 0)) + 1
            raise ValueError(f"Recorded.at_ns: {at_ns[row]} follows {at_ns[row - 1]}, expected times in order")

    @property
    def most_ns(self) -> int:
        """The longest."""
        return int(max(self.latency_ns))

    def delay(self) -> Delay:
        """The compiled form."""
        latencies = _checked("Recorded.latency_ns", self.latency_ns)
        return Delay(0, None, 0, np.ascontiguousarray(self.at_ns, np.int64), latencies)


Latency = Constant | Drawn | Recorded


@dataclass(frozen=True)
class Queue:
    """How a resting order moves forward: see `place_in_queue`. `exponent` is for the family "power"."""

    family: str = "conservative"
    exponent: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a family that does not exist, and one that needs single orders."""
        if self.family in ("l3", "exact"):
            raise ValueError(f"queue {self.family!r}: `fast` has levels and no single orders: use one of {FAMILIES}")
        if self.family not in FAMILIES:
            raise ValueError(f"queue: found {self.family!r}, expected one of {FAMILIES}")
        if not 0 < self.exponent <= EXPONENT_MOST:
            raise ValueError(f"queue: exponent {self.exponent} must be over 0 and at most {EXPONENT_MOST}")

    @property
    def number(self) -> int:
        """The compiled form."""
        return FAMILIES.index(self.family)


FAMILIES = ("conservative", "power", "log")


@dataclass(frozen=True)
class Tier:
    """Rates of maker and taker from a volume on, of 30 days, in the quote currency; a negative rate is a rebate."""

    maker: Decimal
    taker: Decimal
    volume_from: Decimal = Decimal(0)


@dataclass(frozen=True)
class Fees:
    """The account's tiers, the lowest first, and what it traded in the 30 days before the data."""

    tiers: tuple[Tier, ...]
    traded_before: Decimal = Decimal(0)

    @classmethod
    def flat(cls, maker: str, taker: str) -> "Fees":
        """One tier, as decimal text: `Fees.flat("0.0002", "0.0005")`."""
        return cls((Tier(Decimal(maker), Decimal(taker)),))

    def __post_init__(self) -> None:
        """Refuse tiers that leave a volume without a rate, and rates that are no rates."""
        if not 0 < len(self.tiers) <= TIERS_MOST:
            raise ValueError(f"fees: found {len(self.tiers)} tiers, expected 1 to {TIERS_MOST}")
        volumes = [one.volume_from for one in self.tiers]
        if volumes[0] != 0 or sorted(set(volumes)) != volumes:
            raise ValueError(f"fees: tiers begin at {[str(one) for one in volumes]}, expected 0, then larger volumes")
        for one in self.tiers:
            for name in ("maker", "taker"):
                _rate(name, getattr(one, name))

    def rate_most(self) -> int:
        """The highest rate, in its 8 decimals; 0 if every one is a rebate."""
        return max(0, *(max(maker, taker) for _, maker, taker in self.table()))

    def table(self) -> list[tuple[int, int, int]]:
        """The compiled form."""
        return [
            (int(one.volume_from * MICRO), _rate("maker", one.maker), _rate("taker", one.taker)) for one in self.tiers
        ]


def _rate(name: str, rate: Decimal) -> int:
    """A rate in its 8 decimals."""
    scaled = rate.scaleb(RATE_DECIMALS) if isinstance(rate, Decimal) and rate.is_finite() else None
    if scaled is None or scaled != int(scaled) or not -1 < rate < 1:
        raise ValueError(
            f"fees: {name} {rate!r} must be a Decimal between -1 and 1 with at most {RATE_DECIMALS} decimals"
        )
    return int(scaled)


@dataclass(frozen=True)
class Rejects:
    """The venue rejects each new order with this probability at its arrival, drawn from the seed."""

    probability: float
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        if not 0 < self.probability <= 1:
            raise ValueError(f"rejects: found probability {self.probability!r}, expected over 0 and at most 1")
        if not isinstance(self.seed, int):
            raise TypeError(f"rejects: found seed {self.seed!r}, expected a whole number")

    def chance(self) -> Chance:
        """The compiled form."""
        return Chance(int(self.probability * 2**32), self.seed)


@dataclass(frozen=True)
class Impact:
    """What our own taking costs beside the price of the book: `bps` of the price for an order of `notional`.

    The share grows with what the order has taken: evenly ("linear"), or with its square root ("square_root"). With a
    half-life it also has what the orders before it took, of which half is left after each half-life.
    """

    family: str
    bps: Decimal
    notional: Decimal  # in the quote currency
    half_life_ns: int = 0  # 0: an order meets only its own impact

    @classmethod
    def of(cls, family: str, bps: str, notional: str, half_life_ns: int = 0) -> "Impact":
        """The same of decimal texts: `Impact.of("square_root", "10", "1000000")`."""
        return cls(family, Decimal(bps), Decimal(notional), half_life_ns)

    def __post_init__(self) -> None:
        """Refuse a family that does not exist, and numbers that are no cost."""
        if self.family not in EXPONENTS:
            raise ValueError(f"impact: found {self.family!r}, expected one of {', '.join(EXPONENTS)}")
        _check_over_zero("impact: found bps", self.bps, BPS)
        _check_over_zero("impact: found notional", self.notional, NOTIONAL_MOST)
        if type(self.half_life_ns) is not int or self.half_life_ns < 0:
            raise ValueError(
                f"impact: found half_life_ns {self.half_life_ns!r}, expected whole nanoseconds, at least 0"
            )

    def compiled(self) -> CompiledImpact:
        """The compiled form, of one instrument and portfolio."""
        share = float(self.bps / BPS)
        return CompiledImpact(share, float(self.notional), EXPONENTS[self.family], self.half_life_ns)


def _check_over_zero(name: str, value: object, most: int) -> None:
    """Refuse what is no number over 0."""
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 < value <= most:
        raise ValueError(f"{name} {value!r}, expected a Decimal over 0 and at most {most}")


EXPONENTS = {"linear": 1.0, "square_root": 0.5}


@dataclass(frozen=True)
class Models:
    """Everything that a run assumes."""

    order_latency: Latency  # from the strategy's decision to the venue
    answer_latency: Latency  # from the venue to the strategy
    fees: Fees
    queue: Queue = field(default_factory=Queue)
    feed_latency: Latency | None = None  # None: as the data has it
    liquidity_returns: bool = False  # what our orders took from a level is there again at its next change
    through_fills_whole: bool = False  # a print beyond an order's price fills all of it, whatever the print's size
    level_returns_empty: bool = False  # a level that the data removes is empty: right for data of every level
    unseen_level_empty: bool = False  # a price beyond the levels of the data is empty: right for data of every level
    level_before_print: bool = False  # a decrease, and the print after it that explains it, both move an order forward
    rejects: Rejects | None = None  # None: the venue rejects no order at random
    impact: Impact | None = None  # None: what an order takes costs nothing beside the price of the book
    funding: Funding | None = None  # None: no position in a perpetual pays or receives funding
    margin: Margin | None = None  # with `capital`, of perpetuals: the margin that the venue demands
    stop_slippage_bps: Decimal | None = None  # of the price, of what an order takes that a stop has sent; None: nothing

    def __post_init__(self) -> None:
        """Refuse a slippage that is no share of a price, or finer than a rate."""
        if self.stop_slippage_bps is not None:
            _check_over_zero("stop_slippage_bps: found", self.stop_slippage_bps, SLIPPAGE_MOST)
            if self.stop_slippage_bps * 10_000 % 1:
                raise ValueError(f"stop_slippage_bps: found {self.stop_slippage_bps}, expected at most 4 decimals")

    def stop_slippage_share(self) -> int:
        """The slippage of stops as a rate of 8 decimals."""
        return int((self.stop_slippage_bps or 0) * 10_000)
