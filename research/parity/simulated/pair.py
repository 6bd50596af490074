"""One order beside its simulation, and all of a strategy."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.model.instrument import Instrument
from engine.monitor.latency import Spread
from research.parity.simulated.models import FeeRates
from research.parity.simulated.orders import RecordedOrder, Trade

PARTS = ("fees", "missing data", "queue", "latency", "unexplained")


class Filled(NamedTuple):
    """The fills of one order together."""

    size: int
    value: int  # price times size
    first_ns: int  # by the venue's clock; 0 without a fill

    @property
    def price(self) -> float:
        """The average price, in the instrument's price decimals."""
        return self.value / self.size if self.size else 0.0


class Pair(NamedTuple):
    """One order: recorded and simulated."""

    order: RecordedOrder
    instrument: Instrument
    recorded: Filled
    simulated: Filled
    recorded_money: int
    simulated_money: int
    parts: dict[str, int]

    @property
    def price_bps(self) -> float | None:
        """By how much better the simulated price is, in hundredths of a percent; None without both fills."""
        if not (self.recorded.size and self.simulated.size):
            return None
        side, ours = self.order.first.side, self.recorded.price
        return float(side * (ours - self.simulated.price) / ours * 10_000)

    @property
    def later_ns(self) -> int | None:
        """By how much later the first simulated fill is; None without both fills."""
        both = self.recorded.size and self.simulated.size
        return self.simulated.first_ns - self.recorded.first_ns if both else None


@dataclass
class Answers:
    """What the simulation of one strategy's orders found."""

    strategy: str
    orders: int = 0
    pairs: list[Pair] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    fees: FeeRates | None = None
    latency: str = ""
    measured_ns: int = 0  # the median time of a request from decision to venue
    queue: str = ""
    stages: dict[str, Spread] = field(default_factory=dict)  # from tick to answer, by our own stamps
    notes: list[str] = field(default_factory=list)

    def money(self) -> dict[str, dict[str, int]]:
        """By quote currency: recorded, simulated, and the parts of the difference."""
        found: dict[str, dict[str, int]] = {}
        for pair in self.pairs:
            sums = found.setdefault(pair.instrument.quote, dict.fromkeys(("recorded", "simulated", *PARTS), 0))
            sums["recorded"] += pair.recorded_money
            sums["simulated"] += pair.simulated_money
            for name, amount in pair.parts.items():
                sums[name] += amount
        return found


def filled(trades: list[Trade]) -> Filled:
    """The fills of an order together."""
    value = sum(trade.price * trade.size for trade in trades)
    return Filled(sum(trade.size for trade in trades), value, min((trade.venue_ns for trade in trades), default=0))
