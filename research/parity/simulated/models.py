"""The models of a comparison, from a file: of latency, queue and fees.

    [order_latency]                   # from the decision to the venue
    constant_ns = 2_000_000           # or samples_ns = [...] with seed = 0, or recorded = true
    [queue]
    family = "conservative"           # or "power" with exponent = 0.5, or "log" (docs/research/simulate.md)
    [fees]
    maker = "0.0002"
    taker = "0.0005"

A table that the file does not have is measured in the session: the median latency, and the rates that were charged.
"""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from research.parity.recorded.recording import ParityError
from research.simulate.models import Constant, Drawn, Fees, Latency, Queue


class OrderLatency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of three."""

    constant_ns: int | None = None
    samples_ns: tuple[int, ...] = ()
    seed: int = 0
    recorded: bool = False  # each request takes as long as it did

    def __post_init__(self) -> None:
        """Refuse two models, and none."""
        if (self.constant_ns is not None) + bool(self.samples_ns) + self.recorded != 1:
            raise ValueError("order_latency: expected one of constant_ns, samples_ns, recorded = true")

    def latency(self) -> Latency | None:
        """The model; None: as recorded."""
        if self.recorded:
            return None
        return Drawn(self.samples_ns, self.seed) if self.samples_ns else Constant(self.constant_ns or 0)


class FeeRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates of the traded value; a negative one is a rebate."""

    maker: Decimal
    taker: Decimal

    def __post_init__(self) -> None:
        """Refuse what is no rate."""
        Fees.flat(str(self.maker), str(self.taker))


class QueueTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a resting order moves forward."""

    family: str = "conservative"
    exponent: float = 0.5

    def queue(self) -> Queue:
        """The model."""
        return Queue(self.family, self.exponent)


class ParityModels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tables of a file."""

    order_latency: OrderLatency | None = None
    queue: QueueTable = QueueTable()
    fees: FeeRates | None = None


def read_models(path: str | Path) -> ParityModels:
    """Read a file; ParityError names what is wrong in it."""
    try:
        found: Any = tomllib.loads(Path(path).read_text())
        models = msgspec.convert(found, ParityModels, strict=False)
        models.queue.queue()
        if models.order_latency is not None:
            models.order_latency.latency()
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, ValueError, OSError) as error:
        raise ParityError(f"{path}: {error}") from error
    return models
