"""Order books that Python users have instead, each fed by the fastest way its API offers.

A book gets numbers, as the engine's does: the cost of converting them to a peer's own form is not measured. After a
round its best bid and ask are held against the engine's book, so that a peer that did less is not shown as fast.
"""

import bisect
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

UNIT = 100_000_000  # prices and sizes come with eight decimals
PRICE_DECIMALS, SIZE_DECIMALS = 2, 8
STEP_NS = 1000
Best = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Changes:
    """A book's beginning and what changed: rows of side, price, size; how many rows each message has."""

    start: np.ndarray
    diffs: np.ndarray
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Contender:
    """One book: `begin` gives what is measured, `best` the best bid and ask prices after it."""

    begin: Callable[[], Callable[[], object]]
    best: Callable[[], Best]


@dataclass(frozen=True, slots=True)
class BookPeer:
    """A book: its name, its modules, and why they may be missing."""

    name: str
    open: Callable[[Changes], Contender]
    module: str = ""
    reason: str = "is not installed: make setup-bench"

    def missing(self) -> str | None:
        """What of it is not installed here."""
        if self.module and importlib.util.find_spec(self.module) is None:
            return f"{self.module} {self.reason}"
        return None


def bisected(changes: Changes) -> Contender:
    """A dictionary and a sorted list of prices."""
    books: dict[int, tuple[dict[int, int], list[int]]] = {1: ({}, []), -1: ({}, [])}

    def apply(changed: list[list[int]]) -> None:
        for side, price, size in changed:
            sizes, prices = books[side]
            if size:
                if price not in sizes:
                    bisect.insort(prices, price)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del prices[bisect.bisect_left(prices, price)]

    apply(changes.start.tolist())
    listed = changes.diffs.tolist()
    return Contender(lambda: lambda: apply(listed), lambda: (books[1][1][-1], books[-1][1][0]))


def sorted_dict(changes: Changes) -> Contender:
    """A sorted dictionary of sortedcontainers."""
    from sortedcontainers import SortedDict

    books = {1: SortedDict(), -1: SortedDict()}

    def apply(changed: list[list[int]]) -> None:
        for side, price, size in changed:
            if size:
                books[side][price] = size
            else:
                books[side].pop(price, None)

    apply(changes.start.tolist())
    listed = changes.diffs.tolist()
    return Contender(lambda: lambda: apply(listed), lambda: (books[1].peekitem(-1)[0], books[-1].peekitem(0)[0]))


def cryptofeed(changes: Changes) -> Contender:
    """The C order book that cryptofeed keeps, with integers for numbers."""
    from order_book import OrderBook

    book = OrderBook()
    sides = {1: book.bids, -1: book.asks}

    def apply(changed: list[list[int]]) -> None:
        for side, price, size in changed:
            half = sides[side]
            if size:
                half[price] = size
            elif price in half:
                del half[price]

    apply(changes.start.tolist())
    listed = changes.diffs.tolist()
    return Contender(lambda: lambda: apply(listed), lambda: (book.bids.index(0)[0], book.asks.index(0)[0]))


def nautilus(changes: Changes) -> Contender:
    """NautilusTrader's order book: its deltas made beforehand, one object a message, as its adapters do."""
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
    from nautilus_trader.model.enums import BookAction, BookType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.objects import Price, Quantity

    instrument = InstrumentId.from_str("BTCUSDT.BINANCE")
    book = OrderBook(instrument, BookType.L2_MBP)

    def deltas(rows: list[list[int]]) -> Any:
        return OrderBookDeltas(instrument, [delta(*row) for row in rows])

    def delta(side: int, price: int, size: int) -> Any:
        order = BookOrder(
            OrderSide.BUY if side > 0 else OrderSide.SELL,
            Price(price / UNIT, PRICE_DECIMALS),
            Quantity(size / UNIT, SIZE_DECIMALS),
            0,
        )
        return OrderBookDelta(instrument, BookAction.UPDATE if size else BookAction.DELETE, order, 0, 0, 0, 0)

    book.apply_deltas(deltas(changes.start.tolist()))
    rows, made, place = changes.diffs.tolist(), [], 0
    for count in changes.counts:
        if count:
            made.append(deltas(rows[place : place + count]))
        place += count

    def run() -> None:
        for each in made:
            book.apply_deltas(each)

    return Contender(lambda: run, lambda: (scaled(book.best_bid_price()), scaled(book.best_ask_price())))


def hftbacktest(changes: Changes) -> Contender:
    """The fastest depth of hftbacktest, as its backtest feeds it: the exchange's book and the trader's, each once."""
    import hftbacktest as hft

    events = np.zeros(len(changes.start) + len(changes.diffs), hft.event_dtype)
    rows = np.concatenate([changes.start, changes.diffs])
    sides = np.where(rows[:, 0] > 0, hft.BUY_EVENT, hft.SELL_EVENT)
    events["ev"] = hft.DEPTH_EVENT | hft.EXCH_EVENT | hft.LOCAL_EVENT | sides
    events["exch_ts"] = events["local_ts"] = np.arange(1, len(events) + 1) * STEP_NS
    events["px"], events["qty"] = rows[:, 1] / UNIT, rows[:, 2] / UNIT
    low, high = float(events["px"].min()), float(events["px"].max())
    running: list[Any] = []

    def begin() -> Callable[[], object]:
        asset = hft.BacktestAsset().data(events).linear_asset(1.0).constant_order_latency(0, 0)
        asset = asset.risk_adverse_queue_model().no_partial_fill_exchange().trading_value_fee_model(0, 0)
        asset = asset.tick_size(0.01).lot_size(1 / UNIT).roi_lb(low).roi_ub(high)
        running[:] = [hft.ROIVectorMarketDepthBacktest([asset])]
        running[0].elapse(len(changes.start) * STEP_NS)
        return lambda: running[0].elapse((len(changes.diffs) + 1) * STEP_NS)

    def best() -> Best:
        depth = running[0].depth(0)
        return scaled(depth.best_bid), scaled(depth.best_ask)

    return Contender(begin, best)


def scaled(price: Any) -> int:
    """A peer's price in our unit."""
    return round(float(price) * 100) * (UNIT // 100)


PEERS = (
    BookPeer("dict + bisect", bisected),
    BookPeer("sortedcontainers", sorted_dict, "sortedcontainers"),
    BookPeer("NautilusTrader OrderBook", nautilus, "nautilus_trader"),
    BookPeer("hftbacktest depth (two books, in its backtest)", hftbacktest, "hftbacktest"),
    BookPeer(
        "cryptofeed order_book",
        cryptofeed,
        "order_book",
        "is GPL-3.0, so it is not installed with the others: pip install order-book shows it",
    ),
)
