"""A strategy that leaves stops, pairs and brackets to execution and the venue, a few basis points from the market."""

from typing import Any

from engine.model.words import BUY, SELL, IntentKind, Reason
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_of

TIMEOUT_NS = 20_000_000_000
# Name, side, the intent's price and the prices among the parameters in basis points from the market, other parameters.
# The last are asked for first: what is bought before what sells it.
PARENTS: tuple[tuple[str, int, int | None, dict[str, int], dict[str, int]], ...] = (
    ("stop", SELL, None, {"stop_price": -1}, {}), ("stop", SELL, None, {"stop_price": 2}, {}),
    ("take_profit", SELL, None, {"target_price": 1}, {}), ("stop_limit", SELL, -20, {"stop_price": -1}, {"trigger": 1}),
    ("trailing_stop", SELL, None, {}, {"distance_bps": 1}), ("oco", SELL, 1, {"stop_price": -2}, {}),
    ("stop", SELL, None, {"stop_price": -1}, {"trigger": 2}),
    ("take_profit", SELL, None, {"target_price": 1}, {"trigger": 2}),
    ("stop_limit", SELL, -20, {"stop_price": -1}, {"trigger": 2}),
    ("trailing_stop", SELL, None, {}, {"distance_bps": 10, "trigger": 2}),
    ("oco", SELL, 1, {"stop_price": -2}, {"trigger": 2}), ("oco", SELL, 20, {"stop_price": -20}, {"trigger": 2}),
    ("bracket", BUY, 3, {"target_price": 5, "stop_price": -2}, {"trigger": 2}),
    ("bracket", BUY, 3, {"target_price": 5, "stop_price": -2}, {}),
    ("bracket", BUY, 3, {"target_price": 4, "stop_price": -1}, {"trigger": 1}),
    *[("protected", BUY, None, {}, {})] * 8,
)  # fmt: skip


class Protecting(Strategy):
    """Asks for each once in its life."""

    def on_start(self) -> None:
        """Nothing was asked for."""
        self.left = list(PARENTS)
        self.asked: dict[int, Any] = {}

    def on_book(self, book: Book) -> None:
        """Ask for the next."""
        if not self.left:
            return
        one = self.left.pop()
        name, side, price, prices, terms = one
        intent_id = self.place(
            book.instrument, side, size_of(book.instrument, "0.002"), 0 if price is None else self.near(book, price),
            algorithm=name, parameters=terms | {key: self.near(book, bps) for key, bps in prices.items()},
            timeout_ns=TIMEOUT_NS,
        )  # fmt: skip
        if intent_id is None:
            self.left.append(one)
        else:
            self.asked[intent_id] = one

    def near(self, book: Book, bps: int) -> int:
        """A price so many basis points from the market."""
        return price_down(book.instrument, book.best(BUY) * (10_000 + bps) // 10_000)

    def on_refusal(self, verdict: Any) -> None:
        """Once more where the intent was refused before it worked: execution or the monitor may still start."""
        never_worked = verdict.intent_sequence or verdict.reason in (Reason.NOT_RECONCILED, Reason.MONITOR_SILENT)
        if verdict.intent_id in self.asked and verdict.kind == IntentKind.PLACE and never_worked:
            self.left.append(self.asked.pop(verdict.intent_id))
