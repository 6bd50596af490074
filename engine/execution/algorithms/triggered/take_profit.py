"""Take-profit: when the price has risen (for a buyer: fallen) to `target_price`, sells (buys) at once, until filled."""

import msgspec

from engine.execution.algorithms.triggered.triggered import Price, Slippage, Triggered, TriggerNumber


class TakeProfit(Triggered):
    """One take-profit."""

    towards = -1

    class Parameters(msgspec.Struct, frozen=True):
        """The price that triggers, how far a child may cross (0: 50), and by which price (0 the touch, 1 prints)."""

        target_price: Price
        slippage_bps: Slippage = 0
        trigger: TriggerNumber = 0

    @property
    def trigger_price(self) -> int:
        """The target's."""
        price: int = self.parameters.target_price
        return price
