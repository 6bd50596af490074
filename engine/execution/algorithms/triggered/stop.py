"""Stop: when the price has fallen (for a buyer: risen) to `stop_price`, sells (buys) at once, until filled.

Never beyond the intent's price; with price 0 each child is bounded by `slippage_bps` and by risk's collar alone.
"""

import msgspec

from engine.execution.algorithms.triggered.triggered import Price, Slippage, Triggered, TriggerNumber


class Stop(Triggered):
    """One stop."""

    class Parameters(msgspec.Struct, frozen=True):
        """The price that triggers, how far a child may cross (0: 50), and by which price (0 the touch, 1 prints)."""

        stop_price: Price
        slippage_bps: Slippage = 0
        trigger: TriggerNumber = 0
