"""Strategies that know the past alone. No test imports this module: only the tapes' children do."""

import os
import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.strategy import BUY, SELL, Bar, Book, Fill, Order, Print, Strategy, TimeInForce, every
from tests.research.lookahead.signals import BAR_NS, Follows, bars, before, prints, signal

__all__ = ["Follows"]
SEEN: list[int] = []


def means_of_the_past(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    return signal(times, before(prices, 20) - prices)


def normalised_by_the_past(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    mean, square = before(prices, len(prices)), before(prices**2, len(prices))
    return signal(times, (mean - prices) / np.sqrt(np.maximum(square - mean**2, 1.0)))


def bars_from_their_end(events: Any) -> dict[str, Any]:
    begins, opens, closes = bars(events)
    return signal(begins + BAR_NS, closes - opens) if len(begins) else signal(begins, begins)


def filled_from_the_past(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    known = np.arange(len(prices)) // 7 * 7
    return signal(times, prices[known] - prices)


class Turns(Strategy):
    """Buys and sells in turn when `decide` allows it."""

    def decide(self, book: Book) -> bool:
        return book.imbalance > 0

    def on_book(self, book: Book) -> None:
        if not self.orders(book.instrument) and self.decide(book):
            side = SELL if self.position(book.instrument) > 0 else BUY
            self.enter(book.instrument, side, 10_000, book.best(-side))


class RandomBySeed(Turns):
    """Decides at random."""

    def on_start(self) -> None:
        self.random = random.Random(7)

    def decide(self, book: Book) -> bool:  # noqa: ARG002
        return self.random.random() < 0.3


class Adaptive(Turns):
    """Compares the imbalance with a mean that follows it."""

    mean = 0.0

    def decide(self, book: Book) -> bool:
        self.mean += 0.1 * (book.imbalance - self.mean)
        return book.imbalance > self.mean


class OnASchedule(Strategy):
    """Trades every second by the clock."""

    def on_start(self) -> None:
        self.book: Book | None = None

    def on_book(self, book: Book) -> None:
        self.book = book

    @every("1s")
    def trade(self, now_ns: int) -> None:  # noqa: ARG002
        if self.book is not None:
            side = SELL if self.position(self.book.instrument) > 0 else BUY
            self.enter(self.book.instrument, side, 10_000, self.book.best(-side))


class Saves(Turns):
    """Saves and loads its state."""

    def on_start(self) -> None:
        self.count = 0

    def decide(self, book: Book) -> bool:  # noqa: ARG002
        self.count += 1
        return self.count % 5 == 0

    def save(self) -> Any:
        return self.count

    def load(self, state: Any) -> None:
        self.count = state


class OnATimer(OnASchedule):
    """Trades at a timer."""

    timer_ns = 300_000_000

    def on_timer(self, now_ns: int) -> None:
        self.trade(now_ns)


class WritesALog(Turns):
    """Writes a file of the same name in every run."""

    def on_start(self) -> None:
        self.file = Path(os.environ["STEELYARD_TEST_DAY"]).with_name("decisions.txt").open("w")

    def decide(self, book: Book) -> bool:
        self.file.write(f"{self.now_ns} {book.imbalance}\n")
        return super().decide(book)


class OnPrints(Strategy):
    """Follows the sides of prints."""

    def on_start(self) -> None:
        self.flow = 0.0

    def on_print(self, print_: Print) -> None:
        self.flow = self.flow * 0.9 + print_.side

    def on_book(self, book: Book) -> None:
        if not self.orders(book.instrument) and abs(self.flow) > 1:
            self.enter(book.instrument, BUY if self.flow > 0 else SELL, 10_000, book.best(-1 if self.flow > 0 else 1))


class OnFills(Strategy):
    """Quotes with an end, answers each fill, and counts what it has done in its module."""

    def on_book(self, book: Book) -> None:
        if not self.orders(book.instrument):
            SEEN.append(1)
            ends = 50_000_000 + len(SEEN) % 7 * 10_000_000
            price = book.best_bid - len(SEEN) % 3
            self.place(book.instrument, BUY, 10_000, price, time_in_force=TimeInForce.POST_ONLY, timeout_ns=ends)

    def on_fill(self, fill: Fill) -> None:
        self.cancel_all(self.instruments[fill.instrument])

    def on_order(self, order: Order) -> None:
        if order.done and order.filled:
            self.enter(self.instruments[order.instrument], SELL, order.filled, order.price - 100)


class OnBars(Strategy):
    """Follows closed bars."""

    def on_bar(self, bar: Bar) -> None:
        one = self.instruments[bar.instrument]
        if not self.orders(one) and bar.close:
            self.enter(one, BUY if bar.close > bar.open else SELL, 10_000, bar.close)


class PastOfTheFile(Follows):
    """Reads the file that a parameter names, up to now."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The file."""

        file: str

    parameters: Parameters  # type: ignore[assignment]

    def on_book(self, book: Book) -> None:
        times, prices = prints(np.load(self.parameters.file, mmap_mode="r"))
        place = int(np.searchsorted(times, self.now_ns, side="right")) - 1
        if place > 0 and prices[place] > prices[place - 1] and not self.orders(book.instrument):
            self.enter(book.instrument, BUY, 10_000, book.best_ask)


class Clocked(Turns):
    """Not clean: it decides by the machine's clock."""

    def decide(self, book: Book) -> bool:  # noqa: ARG002
        import time

        return time.perf_counter_ns() % 3 == 0


class Silent(Strategy):
    """Decides nothing."""
