"""A strategy that leaves one parent of each algorithm to execution."""

from typing import Any

from engine.model.words import BUY, SELL, IntentKind
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_of

TIMEOUT_NS = 20_000_000_000
SCHEDULE = {"duration_ms": 6_000, "slices": 6}
# The last are asked for first: buys before the sells, which need what was bought.
PARENTS: tuple[tuple[str, int, dict[str, int]], ...] = (
    ("twap", BUY, SCHEDULE), ("twap", SELL, SCHEDULE | {"patience_pct": 50}), ("adaptive_twap", BUY, SCHEDULE),
    ("vwap", SELL, SCHEDULE), ("pov", BUY, {"participation_pct": 5, "duration_ms": 6_000}),
    ("pegged", BUY, {"reference": 1, "timeout_ms": 6_000}), ("protected", BUY, {"timeout_ms": 2_000}),
    ("chase", BUY, {"cross_ms": 4_000}), ("improve", BUY, {"cross_ms": 4_000}),
    ("iceberg", BUY, {"display": 100}),
)  # fmt: skip


class Working(Strategy):
    """Asks for each algorithm once in its life."""

    def on_start(self) -> None:
        """Nothing was asked for."""
        self.left = list(PARENTS)
        self.asked: dict[int, tuple[str, int, dict[str, int]]] = {}

    def on_book(self, book: Book) -> None:
        """Ask for the next, within half a percent of the best price."""
        if self.left:
            one = self.left.pop()
            name, side, parameters = one
            price = price_down(book.instrument, book.best(BUY) * (1000 + 5 * side) // 1000)
            intent_id = self.place(
                book.instrument, side, size_of(book.instrument, "0.003"), price if name != "iceberg" else 0,
                algorithm=name, parameters=parameters, timeout_ns=TIMEOUT_NS,
            )  # fmt: skip
            if intent_id is None:
                self.left.append(one)
            else:
                self.asked[intent_id] = one

    def on_refusal(self, verdict: Any) -> None:
        """Once more: execution may still be comparing with the venue. A refused child is the algorithm's matter."""
        if verdict.intent_id in self.asked and verdict.kind == IntentKind.PLACE:
            self.left.append(self.asked.pop(verdict.intent_id))
