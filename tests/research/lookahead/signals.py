"""A strategy that follows a signal which was computed of the data: each value with the time from which it is used."""

# ruff: noqa: D102 - the class states the rule

from typing import Any

import msgspec
import numpy as np

from engine.strategy import BUY, SELL, Book, Strategy

PRINT = 3
BAR_NS = 400_000_000


class Follows(Strategy):
    """Buys when the signal in force is over 0, and sells what it holds when it is not."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The signal: `values[i]` is used from `times[i]` on."""

        times: Any
        values: Any

    parameters: Parameters

    def on_book(self, book: Book) -> None:
        place = int(np.searchsorted(self.parameters.times, self.now_ns, side="right")) - 1
        if place < 0 or self.orders(book.instrument):
            return
        held = self.position(book.instrument)
        is_up = self.parameters.values[place] > 0
        if is_up and held <= 0:
            self.enter(book.instrument, BUY, 10_000, book.best_ask)
        elif not is_up and held > 0:
            self.enter(book.instrument, SELL, held, book.best_bid)


def prints(events: Any) -> tuple[Any, Any]:
    """The prices of the prints, with the times at which they are received."""
    found = events[events["kind"] == PRINT]
    return found["receive_ns"], found["price"].astype("f8")


def signal(times: Any, values: Any) -> dict[str, Any]:
    """A signal as parameters."""
    return {"times": times, "values": values}


def bars(events: Any) -> tuple[Any, Any, Any]:
    """The begin, open and close of each bar with prints."""
    times, prices = prints(events)
    numbers, first = np.unique(times // BAR_NS, return_index=True)
    last = np.append(first[1:], len(prices)) - 1
    return numbers * BAR_NS, prices[first], prices[last]


def before(values: Any, length: int) -> Any:
    """The mean of the values up to each, of at most so many."""
    sums = np.append(0.0, np.cumsum(values))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(0, ends - length)
    return (sums[ends] - sums[begins]) / (ends - begins)
