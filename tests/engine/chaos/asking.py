"""Strategies that ask for execution's algorithms, one after the other: for the worlds of the chaos."""

import msgspec

from engine.model.words import BUY, SELL, OrderType
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_of

MOST_ORDERS, NATIVES_MOST = 32, 8  # native ones: more than the venue has room for
PAUSE_NS, CLOSE_NS = 30_000_000, 500_000_000
TIMEOUT_NS = 2_000_000_000
SCHEDULE = {"duration_ms": 800, "slices": 4}
KINDS: tuple[tuple[str, dict[str, int]], ...] = (
    ("twap", SCHEDULE), ("adaptive_twap", SCHEDULE), ("pov", {"participation_pct": 20}), ("iceberg", {"display": 100}),
    ("pegged", {"reference": 1, "timeout_ms": 500}), ("protected", {}), ("chase", {"cross_ms": 400}), ("improve", {}),
)  # fmt: skip


class Asking(Strategy):
    """Asks for one algorithm after the other, buying and selling in turn, as long as it has few orders."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """What a configuration may set."""

        size: str = "0.02"

    parameters: Parameters
    most_orders = MOST_ORDERS
    asked_ns = 0

    def on_parameters(self, changed: tuple[str, ...]) -> None:
        """Nothing is derived from them."""

    def on_book(self, book: Book) -> None:
        """Ask for the next, if it is time."""
        if self.now_ns >= self.asked_ns + PAUSE_NS and len(self.orders(book.instrument)) < self.most_orders:
            self.asked_ns = self.now_ns
            self.ask(book, self.now_ns // PAUSE_NS)

    def ask(self, book: Book, place: int) -> None:
        """Ask for an algorithm that begins at once."""
        (name, parameters), side = KINDS[place % len(KINDS)], (BUY, SELL)[place // len(KINDS) % 2]
        price = price_down(book.instrument, book.best(BUY) * (1000 + 4 * side) // 1000)
        self.place(
            book.instrument, side, size_of(book.instrument, self.parameters.size), 0 if name == "iceberg" else price,
            algorithm=name, parameters=parameters, timeout_ns=TIMEOUT_NS,
        )  # fmt: skip


class Opposing(Asking):
    """Asks for what is netted, and for market orders; another one of the other `phase` asks for the other side."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """What a configuration may set."""

        size: str = "0.02"
        phase: int = 0

    parameters: Parameters

    def ask(self, book: Book, place: int) -> None:
        """Ask for a schedule, a protected order or a market order, on one side for a while."""
        side = (BUY, SELL)[(place // 16 + self.parameters.phase) % 2]
        size = size_of(book.instrument, self.parameters.size)
        name, parameters = (("twap", SCHEDULE), ("adaptive_twap", SCHEDULE), ("protected", {}), ("", {}))[place % 4]
        if name:
            self.place(book.instrument, side, size, 0, algorithm=name, parameters=parameters, timeout_ns=TIMEOUT_NS)
        else:
            self.place(book.instrument, side, size // 3, 0, order_type=OrderType.MARKET)


class Closing(Asking):
    """Closes everything now and then."""

    closed_ns = 0

    def on_book(self, book: Book) -> None:
        """Close, or ask for the next."""
        if self.now_ns >= self.closed_ns + CLOSE_NS:
            self.closed_ns = self.now_ns
            self.close(book.instrument, parameters={"slice": size_of(book.instrument, "0.03")})
        else:
            super().on_book(book)


class Waiting(Asking):
    """Asks for what waits for a price, a few basis points from the book, half of it reduce-only."""

    def ask(self, book: Book, place: int) -> None:
        """Ask for an algorithm that waits."""
        side, best = (BUY, SELL)[place // 8 % 2], book.best(BUY)
        off = [side * price_down(book.instrument, best * bps // 10_000) for bps in range(8)]
        name, price, terms = (
            ("stop", 0, {"stop_price": best + off[2]}), ("take_profit", 0, {"target_price": best - off[2]}),
            ("stop_limit", best + off[4], {"stop_price": best + off[1], "trigger": 1}),
            ("trailing_stop", 0, {"distance_bps": 2}), ("trailing_stop", 0, {"distance_steps": 30, "trigger": 1}),
            ("oco", best - off[2], {"stop_price": best + off[3]}),
            ("bracket", best + off[2], {"target_price": best + off[5], "stop_price": best - off[3]}),
            ("bracket", best, {"target_price": best + off[3], "stop_price": best - off[4]}),
        )[place % 8]  # fmt: skip
        self.place(
            book.instrument, side, size_of(book.instrument, self.parameters.size), price, algorithm=name,
            parameters=terms, timeout_ns=TIMEOUT_NS, reduce_only=name != "bracket" and place % 3 == 0,
        )  # fmt: skip


class WaitingThere(Asking):
    """Asks for native orders, one or two basis points from the book, some of them reduce-only."""

    most_orders = NATIVES_MOST

    def ask(self, book: Book, place: int) -> None:
        """Ask for an order that waits at the venue."""
        side, best = (BUY, SELL)[place // 6 % 2], book.best(BUY)
        near, far = (side * price_down(book.instrument, best * bps // 10_000) for bps in (1, 20))
        name, price, terms = (
            ("stop", 0, {"stop_price": best + near}), ("take_profit", 0, {"target_price": best - near}),
            ("stop_limit", best + far, {"stop_price": best + near}), ("trailing_stop", 0, {"distance_bps": 10}),
            ("oco", best - near, {"stop_price": best + near}),
            ("bracket", best + far, {"target_price": best + far + near, "stop_price": best - near}),
        )[place % 6]  # fmt: skip
        self.place(
            book.instrument, side, size_of(book.instrument, self.parameters.size), price, algorithm=name,
            parameters={"trigger": 2, **terms}, timeout_ns=TIMEOUT_NS,
            reduce_only=place % 5 == 0 and name != "bracket",
        )  # fmt: skip


class PairsThere(WaitingThere):
    """Asks for native pairs alone: an OCO, and a bracket whose exits are one."""

    most_orders = 2 * NATIVES_MOST

    def ask(self, book: Book, place: int) -> None:
        """Ask for one of the last two kinds."""
        super().ask(book, place // 2 * 6 + 4 + place % 2)


class AskingAll(Closing, Waiting, WaitingThere):
    """Asks for each of them, and closes everything now and then."""

    most_orders = MOST_ORDERS

    def ask(self, book: Book, place: int) -> None:
        """Ask for an algorithm that begins at once, one that waits in execution, and one that waits at the venue."""
        (Asking, Waiting, WaitingThere)[place % 3].ask(self, book, place // 3)
