"""One market's past: its latest trades, the same trades aggregated by taker and price, and its candles."""

from collections import deque
from typing import NamedTuple

from engine.loopback.candles import Candles
from engine.loopback.orders import Print

TRADES_KEPT = 20_000


class Aggregate(NamedTuple):
    """Trades of one taker order at one price."""

    id: int
    price: int
    size: int
    first_id: int
    last_id: int
    now_ns: int
    buyer_is_maker: bool
    taker_id: int


class History:
    """The trades of one market."""

    def __init__(self, first_id: int) -> None:
        """Begin without trades; the first aggregate's id is `first_id` + 1."""
        self.trades: deque[Print] = deque(maxlen=TRADES_KEPT)
        self.aggregates: deque[Aggregate] = deque(maxlen=TRADES_KEPT)
        self.candles = Candles()
        self.last_aggregate = first_id

    def add(self, one: Print) -> None:
        """Add a trade. All trades of one taker order are added one after the other."""
        self.trades.append(one)
        self.candles.add(one)
        last = self.aggregates[-1] if self.aggregates else None
        if last is not None and (last.taker_id, last.price) == (one.taker_id, one.price):
            self.aggregates[-1] = last._replace(size=last.size + one.size, last_id=one.trade_id)
            return
        self.last_aggregate += 1
        self.aggregates.append(
            Aggregate(
                self.last_aggregate, one.price, one.size, one.trade_id, one.trade_id, one.now_ns, one.buyer_is_maker,
                one.taker_id,
            )
        )  # fmt: skip

    def new_since(self, aggregate_id: int) -> list[Aggregate]:
        """The aggregates after an id, the oldest first."""
        found = []
        for one in reversed(self.aggregates):
            if one.id <= aggregate_id:
                break
            found.append(one)
        return found[::-1]
