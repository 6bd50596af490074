"""Compares what the account holds with the sum of our positions: the venue rejects an order that sells more than that.

`balances` compares changes only, so it does not see an amount that left the account earlier: one that a person sold or
withdrew before the first agreement, or one that a RESUME accepted. A spot account never holds less of an asset than the
positions in it. If it does, the shortfall is logged and the instruments that hold the asset are halted, once for each
missing amount: their exits cannot be filled, and `status` must not show them as trading.
"""

import logging
from collections.abc import Iterable, Mapping

from engine.execution.orders.ledger import Position
from engine.model.fixed import to_text
from engine.model.records import FEE_DECIMALS

logger = logging.getLogger("engine.execution")

ADVICE = (
    "orders that sell more than the account holds are rejected: buy or deposit what is missing, or, with no order open,"
    " go down and set the journal aside (engine-ctl journal)"
)


class Shortfall:
    """What is missing, by base asset, at FEE_DECIMALS."""

    def __init__(self, positions: Iterable[Position]) -> None:
        """Compare these positions of the account; contracts are no assets and are left out."""
        self._positions = tuple(one for one in positions if one.instrument.kind == "spot")
        self.missing: dict[str, int] = {}

    def compare(self, found: Mapping[str, int], slack: Mapping[str, int]) -> dict[str, str]:
        """Compare with the balances: each asset that is newly short, and how.

        `slack` is by how much the venue may have rounded.
        """
        before, held = self.missing, self._held()
        self.missing = {
            asset: amount - found.get(asset, 0)
            for asset, amount in held.items()
            if amount > found.get(asset, 0) + slack.get(asset, 0)
        }
        fresh = {
            asset: f"{asset}: positions hold {_text(held[asset])}, the account {_text(found.get(asset, 0))}"
            for asset, amount in self.missing.items()
            if before.get(asset) != amount
        }
        for what in fresh.values():
            logger.error("the account holds less than the positions", extra={"what": what, "advice": ADVICE})
        for asset in sorted(before.keys() - self.missing.keys()):
            logger.warning("the account holds as much as the positions again", extra={"asset": asset})
        return fresh

    def texts(self) -> list[str]:
        """What is missing now."""
        return [f"{asset}: the account holds {_text(amount)} less than the positions"
                for asset, amount in self.missing.items()]  # fmt: skip

    def holders(self, asset: str) -> list[int]:
        """The instruments whose positions hold an asset."""
        return [one.instrument.id for one in self._positions if one.instrument.base == asset and one.held > 0]

    def _held(self) -> dict[str, int]:
        """What the positions hold of each asset, rounded down."""
        held: dict[str, int] = {}
        for one in self._positions:
            amount = int(one.held // 10 ** (one.terms.decimals - FEE_DECIMALS))
            held[one.instrument.base] = held.get(one.instrument.base, 0) + amount
        return held


def _text(amount: int) -> str:
    return to_text(amount, FEE_DECIMALS)
