"""An algorithm that only the tests have: two children of half the size at once, the second some steps away."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from engine.execution.algorithms.algorithm import Algorithm, Child
from engine.execution.orders.order import Order
from engine.model.algorithms import Parameter, Registered
from engine.model.fixed import INT64_MAX
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal

NUMBER = 250
HALVES = Registered(
    NUMBER, "halves", "tests.engine.execution.algorithms.halves:Halves",
    (Parameter("apart", 0, 10_000), Parameter("greed", 0, INT64_MAX)),
)  # fmt: skip


class Halves(Algorithm):
    """Places both halves at its start, and counts how often a half has filled something."""

    class Parameters(msgspec.Struct, frozen=True):
        """How far below the first half the second one is, and how much more than its half the second one asks for."""

        apart: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
        greed: Annotated[int, msgspec.Meta(ge=0)] = 0

    refused: Refusal | None = None
    fills = 0

    def first(self, now_ns: int) -> Child:  # noqa: ARG002 - it has no time of its own
        """One half, at the limit."""
        return Child(self.parent.limit_price, self.parent.size // 2, TimeInForce.GTC)

    @property
    def done(self) -> bool:
        """Whether both halves were asked for."""
        return self.parent.last.child > 0 or self.refused is not None

    def on_accepted(self, now_ns: int) -> None:
        """The other half."""
        size = self.parent.size - self.parent.size // 2 + self.parameters.greed
        price = self.parent.limit_price - self.parent.side * self.parameters.apart
        self.refused = self.port.place(self, Child(price, size, TimeInForce.GTC), now_ns)

    def on_order(self, order: Order, now_ns: int) -> None:
        """Count, and ask to be called in a second."""
        if order.filled:
            self.fills += 1
            self.due_ns = now_ns + 1_000_000_000

    def dump(self) -> tuple[int, ...]:
        """What the children do not have."""
        return (self.fills,)

    def load(self, state: Sequence[int]) -> None:
        """Count on from there."""
        self.fills = state[0]
