"""Strategies that know the future, each in another way. No test imports this module: only the tapes' children do."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.strategy import BUY, SELL, Book, Strategy
from tests.research.lookahead.signals import BAR_NS, Follows, bars, before, prints, signal

__all__ = ["Follows"]


def future_bar(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    return signal(times, np.append(prices[1:], prices[-1]) - prices)


def centred_window(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    centred = np.convolve(np.pad(prices, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return signal(times, centred - prices)


def fit_on_all_data(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    slope, level = np.polyfit(np.arange(len(prices)), prices, 1)
    return signal(times, slope * np.arange(len(prices)) + level - prices)


def label_of_the_bar_s_begin(events: Any) -> dict[str, Any]:
    begins, opens, closes = bars(events)
    return signal(begins, closes - opens)


def global_normalisation(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    return signal(times, (prices.mean() - prices) / prices.std())


def filled_from_the_future(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    known = np.arange(0, len(prices), 7)
    following = np.minimum(np.searchsorted(known, np.arange(len(prices))), len(known) - 1)
    return signal(times, prices[known[following]] - prices)


def sorted_by_exchange_time(events: Any) -> dict[str, Any]:
    found = events[events["kind"] == 3]
    prices = found["price"].astype("f8")
    return signal(found["venue_ns"], before(prices, 20) - prices)


def high_of_the_day(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    return signal(times, (prices.max() + prices.min()) / 2 - prices)


def joined_one_row_late(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    return signal(times[:-1], (prices - before(prices, 10))[1:])


def rank_of_the_day(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    return signal(times, len(prices) / 2 - prices.argsort().argsort())


def best_parameter_of_the_day(events: Any) -> dict[str, Any]:
    times, prices = prints(events)
    moves = np.diff(prices, append=prices[-1])

    def earned(length: int) -> float:
        return float((np.sign(before(prices, length) - prices) * moves).sum())

    best = max(range(2, 40), key=earned)
    return signal(times, before(prices, best) - prices)


def cached_on_disk(events: Any) -> dict[str, Any]:
    file = Path(os.environ["STEELYARD_TEST_DAY"]).with_name("cache.npy")
    if not file.exists():
        np.save(file, np.array(list(future_bar(events).values())))
    times, values = np.load(file)
    return signal(times, values)


class AtItsOwnClose(Strategy):
    """Orders at the close of the bar that is not over yet."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The closes by begin."""

        closes: Any

    parameters: Parameters

    def on_book(self, book: Book) -> None:
        close = self.parameters.closes.get(self.now_ns // BAR_NS * BAR_NS)
        if close is not None and not self.orders(book.instrument):
            side = SELL if self.position(book.instrument) > 0 else BUY
            self.enter(book.instrument, side, 10_000, close)


def closes(events: Any) -> dict[str, Any]:
    begins, _opens, last = bars(events)
    return {"closes": {int(begin): int(close) for begin, close in zip(begins, last, strict=True)}}


class KnowsTheEnd(Strategy):
    """Trades until shortly before the data ends."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """When the data ends."""

        end_ns: int

    parameters: Parameters

    def on_book(self, book: Book) -> None:
        if self.now_ns > self.parameters.end_ns - 1_000_000_000 or self.orders(book.instrument):
            return
        side = SELL if self.position(book.instrument) > 0 else BUY
        self.enter(book.instrument, side, 10_000, book.best(-side))


def end_of_the_data(events: Any) -> dict[str, Any]:
    return {"end_ns": int(events["receive_ns"][-1])}


class ReadsTheFile(Strategy):
    """Reads the file of the day itself, at a path that is in its code."""

    def on_start(self) -> None:
        self.times, prices = prints(np.load(os.environ["STEELYARD_TEST_DAY"], mmap_mode="r"))
        self.values = np.append(prices[1:], prices[-1]) - prices

    def on_book(self, book: Book) -> None:
        place = int(np.searchsorted(self.times, self.now_ns, side="right")) - 1
        if place >= 0 and self.values[place] > 0 and not self.orders(book.instrument):
            self.enter(book.instrument, BUY, 10_000, book.best_ask)


class ReadsTheGivenFile(Follows):
    """Reads the file that a parameter names, and looks one print ahead."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The file."""

        file: str

    parameters: Parameters  # type: ignore[assignment]

    def on_book(self, book: Book) -> None:
        times, prices = prints(np.load(self.parameters.file, mmap_mode="r"))
        place = int(np.searchsorted(times, self.now_ns, side="right"))
        if prices[min(place, len(prices) - 1)] > prices[place - 1] and not self.orders(book.instrument):
            self.enter(book.instrument, BUY, 10_000, book.best_ask)
