"""A strategy whose intents follow from the market's prints alone, so a live run and its replay must send the same."""

from typing import Any

from engine.strategy import Strategy


class Echo(Strategy):
    """Sends an intent for each print."""

    def on_print(self, print_: Any) -> None:
        """Take the same side at the same price."""
        instrument = self.instruments[print_.instrument]
        self.enter(instrument, print_.side, 10 * instrument.size_step, print_.price)
