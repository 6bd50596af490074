"""A strategy whose wants follow from the market's prints alone, so a live run and its replay must want the same."""

from typing import Any

from engine.strategy import Strategy


class Echo(Strategy):
    """Wants what others just did."""

    def on_print(self, print_: Any) -> None:
        """Take the same side at the same price."""
        instrument = self.instruments[print_.instrument]
        self.enter(instrument, print_.side, 10 * instrument.size_step, print_.price)
