"""Stop: when the price has fallen (for a buyer: risen) to `stop_price`, sells (buys) at once, until filled.

Never beyond the intent's price; with price 0 each child is bounded by `slippage_bps` and by risk's collar alone.
"""

import msgspec

from engine.execution.algorithms.triggered.native import Native
from engine.execution.algorithms.triggered.triggered import NativeTrigger, Price, Slippage


class Stop(Native):
    """One stop."""

    class Parameters(msgspec.Struct, frozen=True):
        """The price that triggers, how far a child may cross (0: 50), by which price (0 touch, 1 prints, 2 venue)."""

        stop_price: Price
        slippage_bps: Slippage = 0
        trigger: NativeTrigger = 0

    @property
    def slippage_bps(self) -> int:
        """How far from its trigger its native order may trade."""
        bps: int = self.parameters.slippage_bps
        return bps
