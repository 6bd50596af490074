"""Take-profit: when the price has risen (for a buyer: fallen) to `target_price`, sells (buys) at once, until filled."""

import msgspec

from engine.execution.algorithms.triggered.native import Native
from engine.execution.algorithms.triggered.triggered import NativeTrigger, Price, Slippage
from engine.model.words import OrderType


class TakeProfit(Native):
    """One take-profit."""

    towards = -1
    types = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)

    class Parameters(msgspec.Struct, frozen=True):
        """The price that triggers, how far a child may cross (0: 50), by which price (0 touch, 1 prints, 2 venue)."""

        target_price: Price
        slippage_bps: Slippage = 0
        trigger: NativeTrigger = 0

    @property
    def slippage_bps(self) -> int:
        """How far from its trigger its native order may trade."""
        bps: int = self.parameters.slippage_bps
        return bps

    @property
    def trigger_price(self) -> int:
        """The target's."""
        price: int = self.parameters.target_price
        return price
