"""Runs one strategy on lanes in the memory of this process: what an author's own test drives.

    harness = Harness(Follow, {"size": "0.001"})                     one instrument, BTCUSDT
    [intent] = harness.book(bids=[("60000.00", "9")], asks=[("60000.01", "1")])
    harness.fill(intent)                                             a fill of the whole size at the intent's price

Each call publishes what the feed or execution would, steps the strategy's role once, and returns the intents that this
step submitted, as rows of the record `intent`. The role is that of a live process: hooks, the ledger of orders and the
checks of every call are the same. No risk gate and no venue answer: the test decides what happens to an intent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.lanes import STRATEGY, Owners, lane_of
from engine.lanes.memory import MemorySystem
from engine.lanes.open import full_name
from engine.model.instrument import Instrument
from engine.model.words import BarFlag, BookState, OrderState, TickKind
from engine.strategy.api.strategy import Strategy, checked_parameters, reads_of
from engine.strategy.api.units import price_of, size_of
from engine.strategy.inputs.declaration import length_ns
from engine.strategy.role.lanes import open_strategy_lanes
from engine.strategy.role.role import StrategyRole
from shm.record import Field

BITCOIN = Instrument(1, "venue", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
NAME, NUMBER = "strategy", 1
FEED, EXECUTION = "feed", "execution"
BEGIN_NS, STEP_NS = 1_700_000_000_000_000_000, 1_000_000
Levels = Sequence[tuple[str, str]]  # price and size as decimal text, the best level first


class Harness:
    """One strategy with the lanes around it."""

    def __init__(
        self, kind: type[Strategy], parameters: Mapping[str, Any], instruments: tuple[Instrument, ...] = (BITCOIN,)
    ) -> None:
        """Check the parameters as `engine-ctl check` does, and start the role."""
        self._system = MemorySystem(Owners((NAME,), (NAME,)))
        self._instruments = {one.id: one for one in instruments}
        self._now_ns, self._fills, self._bars = BEGIN_NS, 0, 0
        self._intents = self._system.rings[full_name(lane_of("intents"), f"{NAME}.{EXECUTION}")]
        self._seen = self._intents.cursor
        self._accept()
        self.strategy = kind(instruments, checked_parameters(kind, parameters))
        lanes = open_strategy_lanes(self._system.open_lanes(STRATEGY, NAME), 0, reads_of(kind))
        self._role = StrategyRole(NAME, NUMBER, self.strategy, lanes)
        self.step()  # its recovery
        self.step()  # its start

    def book(self, bids: Levels, asks: Levels, state: int = BookState.GOOD, instrument: int = 1) -> list[Any]:
        """Publish a book, and step."""
        one = self._instruments[instrument]
        bought, sold = (sum(size_of(one, size) for _, size in side) for side in (bids, asks))
        imbalance = (bought - sold) / (bought + sold) if bids and asks else float("nan")
        self._publish(
            "books", FEED, instrument=instrument, state=state, imbalance=imbalance, bids=len(bids), asks=len(asks),
            bid_price=_column(one, price_of, bids, 0), bid_size=_column(one, size_of, bids, 1),
            ask_price=_column(one, price_of, asks, 0), ask_size=_column(one, size_of, asks, 1),
        )  # fmt: skip
        return self.step()

    def print_(self, side: int, size: str, price: str, instrument: int = 1) -> list[Any]:
        """Publish a trade between others, and step."""
        one = self._instruments[instrument]
        amounts = {"size": size_of(one, size), "price": price_of(one, price)}
        self._publish("ticks", FEED, instrument=instrument, kind=TickKind.PRINT, side=side, **amounts)
        return self.step()

    def bar(
        self, prices: tuple[str, str, str, str], interval: str, volume: str = "0", instrument: int = 1
    ) -> list[Any]:
        """Publish a closed bar, with its open, high, low and close, and step."""
        one, length = self._instruments[instrument], length_ns(interval)
        open_, high, low, close = (price_of(one, price) for price in prices)
        self._bars += 1
        self._publish(
            "bars", "", instrument=instrument, interval_ns=length, start_ns=BEGIN_NS + self._bars * length,
            open=open_, high=high, low=low, close=close, volume_low=size_of(one, volume), flags=BarFlag.CLOSED,
            price_decimals=one.price_decimals, size_decimals=one.size_decimals,
        )  # fmt: skip
        return self.step()

    def fill(self, intent: Any, price: str = "") -> list[Any]:
        """Fill the order of an intent whole, at its own price or at another one, and step."""
        at = price_of(self._instruments[intent.instrument], price) if price else intent.price
        self._fills += 1
        self._order(intent, OrderState.FILLED, filled=intent.size)
        self._publish(
            "fills", EXECUTION, intent_id=intent.intent_id, venue_fill_id=b"%d" % self._fills, strategy=NUMBER,
            instrument=intent.instrument, side=intent.side, size=intent.size, price=at,
        )  # fmt: skip
        return self.step()

    def rest(self, intent: Any) -> list[Any]:
        """Let the order of an intent rest in the venue's book, and step."""
        self._order(intent, OrderState.OPEN)
        return self.step()

    def step(self) -> list[Any]:
        """Step the role once, a millisecond later; the intents that it submitted."""
        self._now_ns += STEP_NS
        self._role.step(self._now_ns)
        reader = self._intents.reader(self._seen)
        intents = [reader.read() for _ in range(self._intents.cursor - self._seen)]
        self._seen = self._intents.cursor
        self._accept()
        return intents

    @property
    def belief(self) -> Any:
        """What the strategy last published by `publish_belief`, as a row of the record `belief`; None: nothing."""
        return self._system.cells[full_name(lane_of("beliefs"), NAME)].read(0)

    def _order(self, intent: Any, state: int, filled: int = 0) -> None:
        """Publish a state of the order of an intent."""
        self._publish(
            "orders", EXECUTION, client_id=b"%d" % intent.intent_id, intent_id=intent.intent_id, strategy=NUMBER,
            instrument=intent.instrument, side=intent.side, size=intent.size, price=intent.price, state=state,
            filled=filled,
        )  # fmt: skip

    def _accept(self) -> None:
        """Publish that execution has read every intent."""
        self._system.cells[full_name(lane_of("accepted"), EXECUTION)].write(0, self._seen, 1, 0, (0,) * 5)

    def _publish(self, lane: str, of: str, **values: Any) -> None:
        """Publish a record with these fields; the others are zero."""
        record = lane_of(lane).record
        row = record.row(*(_zero(field) for field in record.fields))
        times = {name: self._now_ns for name in ("receive_ns", "publish_ns") if name in row._fields}
        self._system.rings[full_name(lane_of(lane), of)].publish(*row._replace(**times, **values))


def _column(one: Instrument, convert: Any, levels: Levels, at: int) -> tuple[int, ...]:
    """One number of each level, as the record has it."""
    depth = next(field.count for field in lane_of("books").record.fields if field.name == "bid_price")
    numbers = tuple(convert(one, level[at]) for level in levels)
    return numbers + (0,) * (depth - len(numbers))


def _zero(field: Field) -> object:
    """The zero of a field of a record."""
    return b"" if field.code == "S" else (0,) * field.count if field.count > 1 else 0
