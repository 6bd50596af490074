"""A market's trades as candles: one a second for the last hour, one a minute for the last eight days.

Every longer interval is the sum of these, so that klines, tickers and averages agree. An interval without a trade
repeats the last close with a volume of zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.loopback.market import SCALE
from engine.loopback.orders import Print

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
SECONDS_KEPT = 3_600
MINUTES_KEPT = 8 * 1_440
MONDAY_NS = 4 * DAY_NS  # the first Monday after the epoch: weeks begin on Mondays
INTERVALS = {
    "1s": SECOND_NS, "1m": MINUTE_NS, "3m": 3 * MINUTE_NS, "5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS, "1h": 60 * MINUTE_NS, "2h": 120 * MINUTE_NS, "4h": 240 * MINUTE_NS,
    "6h": 360 * MINUTE_NS, "8h": 480 * MINUTE_NS, "12h": 720 * MINUTE_NS, "1d": DAY_NS, "3d": 3 * DAY_NS,
    "1w": 7 * DAY_NS, "1M": 0,
}  # fmt: skip


@dataclass(slots=True)
class Candle:
    """The trades from one time up to another."""

    open_ns: int
    open: int
    high: int
    low: int
    close: int
    first_id: int = -1
    last_id: int = -1
    count: int = 0
    volume: int = 0
    notional: int = 0
    taker_volume: int = 0  # bought by takers
    taker_notional: int = 0
    last_size: int = 0
    last_ns: int = 0

    @classmethod
    def flat(cls, open_ns: int, price: int) -> "Candle":
        """An interval without a trade."""
        return cls(open_ns, price, price, price, price)

    def add(self, other: "Candle") -> None:
        """Add later trades."""
        if not other.count:
            return
        if not self.count:
            self.open = self.high = self.low = other.open
            self.first_id = other.first_id
        self.high, self.low, self.close = max(self.high, other.high), min(self.low, other.low), other.close
        self.last_id, self.last_size, self.last_ns = other.last_id, other.last_size, other.last_ns
        self.count += other.count
        self.volume += other.volume
        self.notional += other.notional
        self.taker_volume += other.taker_volume
        self.taker_notional += other.taker_notional


class Candles:
    """One market's candles."""

    def __init__(self) -> None:
        """Begin without trades."""
        self._kept = {SECOND_NS: dict[int, Candle](), MINUTE_NS: dict[int, Candle]()}

    def add(self, one: Print) -> None:
        """Add a trade."""
        trade = _traded(one)
        for length, kept in self._kept.items():
            open_ns = one.now_ns // length * length
            candle = kept.get(open_ns)
            if candle is None:
                candle = kept[open_ns] = Candle.flat(open_ns, one.price)
                most = SECONDS_KEPT if length == SECOND_NS else MINUTES_KEPT
                if len(kept) > most:
                    del kept[next(iter(kept))]
            candle.add(trade)

    def between(self, start_ns: int, end_ns: int, length: int = MINUTE_NS) -> Candle:
        """The trades from the interval of one time up to another time, as one candle."""
        before, whole = 0, None
        for open_ns, candle in self._kept[length].items():
            if open_ns + length <= start_ns:
                before = candle.close
            elif open_ns < end_ns:
                if whole is None:
                    whole = Candle.flat(start_ns, candle.open)
                whole.add(candle)
        return whole or Candle.flat(start_ns, before)

    def close_before(self, start_ns: int) -> int:
        """The last price before a time, or 0."""
        closes = [one.close for open_ns, one in self._kept[MINUTE_NS].items() if open_ns + MINUTE_NS <= start_ns]
        return closes[-1] if closes else 0

    def series(self, interval: str, start_ns: int, end_ns: int, offset_ns: int = 0) -> Iterator[Candle]:
        """The candles that opened between two times, the oldest first; none before the first trade."""
        base = self._kept[SECOND_NS if interval == "1s" else MINUTE_NS]
        current: Candle | None = None
        for open_ns, candle in base.items():
            bucket = bucket_of(open_ns, interval, offset_ns)
            if current is not None and current.open_ns != bucket:
                yield from _from(current, bucket, interval, offset_ns, start_ns, end_ns)
                current = None
            current = current or Candle.flat(bucket, candle.open)
            current.add(candle)
        if current is not None:
            yield from _from(current, end_ns + 1, interval, offset_ns, start_ns, end_ns)


def bucket_of(now_ns: int, interval: str, offset_ns: int = 0) -> int:
    """When the interval that contains a time began."""
    local = now_ns + offset_ns
    if interval == "1M":
        date = datetime.fromtimestamp(local // SECOND_NS, UTC).replace(day=1, hour=0, minute=0, second=0)
        return int(date.timestamp()) * SECOND_NS - offset_ns
    length, first = INTERVALS[interval], MONDAY_NS if interval == "1w" else 0
    return (local - first) // length * length + first - offset_ns


def following(open_ns: int, interval: str, offset_ns: int = 0) -> int:
    """When the next interval after the one that began at a time begins."""
    length = INTERVALS[interval] or 32 * DAY_NS
    return bucket_of(open_ns + length, interval, offset_ns) if interval == "1M" else open_ns + length


def _from(candle: Candle, until_ns: int, interval: str, offset_ns: int, start_ns: int, end_ns: int) -> Iterator[Candle]:
    """A candle and the flat ones after it, within the requested times."""
    close = candle.close
    while candle.open_ns < until_ns and candle.open_ns <= end_ns:
        if candle.open_ns >= start_ns:
            yield candle
        candle = Candle.flat(following(candle.open_ns, interval, offset_ns), close)


def _traded(one: Print) -> Candle:
    """One trade as a candle."""
    notional, price, number = one.price * one.size // SCALE, one.price, one.trade_id
    bought, spent = (0, 0) if one.buyer_is_maker else (one.size, notional)
    return Candle(
        one.now_ns,
        price,
        price,
        price,
        price,
        number,
        number,
        1,
        one.size,
        notional,
        bought,
        spent,
        one.size,
        one.now_ns,
    )
