"""The streams with an event every second: klines, tickers and average prices.

An event is made only for a stream with listeners. A kline whose interval ends with this second is sent as closed.
"""

import re
from functools import partial

from engine.loopback.binance.render import kline
from engine.loopback.binance.statistics import Statistics
from engine.loopback.binance.streams import Hub
from engine.loopback.candles import INTERVALS, MINUTE_NS, SECOND_NS, Candle, bucket_of, following

STREAM = re.compile(r"([a-z0-9]+)@(kline_(\w+?)(@\+08:00)?|ticker|miniTicker|avgPrice)")
EAST_NS = 8 * 60 * MINUTE_NS
EVERY_MINI = "!miniTicker@arr"
KLINE = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
FULL = {
    "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice", "c": "lastPrice",
    "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty", "o": "openPrice",
    "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime",
    "F": "firstId", "L": "lastId", "n": "count",
}  # fmt: skip
MINI = {name: FULL[name] for name in ("c", "o", "h", "l", "v", "q")}


class Pulse:
    """Emits the events of every second."""

    def __init__(self, statistics: Statistics, hub: Hub) -> None:
        """Emit these statistics on this hub."""
        self._statistics, self._hub = statistics, hub
        self._symbols = {symbol.lower(): symbol for symbol in statistics.queries.histories}

    def beat(self, now_ns: int) -> None:
        """Emit on every stream with listeners; the time is a whole second."""
        for stream in self._hub.streams():
            found = STREAM.fullmatch(stream)
            if stream == EVERY_MINI:
                self._hub.emit_view(stream, lambda unit: [self._mini(s, now_ns, unit) for s in self._symbols.values()])
            elif found and found[1] in self._symbols:
                self._emit(stream, self._symbols[found[1]], found, now_ns)

    def _emit(self, stream: str, symbol: str, found: re.Match[str], now_ns: int) -> None:
        """Emit one stream of one market."""
        kind, interval = found[2], found[3]
        if kind == "ticker":
            self._hub.emit_view(stream, lambda unit: self._ticker("24hrTicker", FULL, symbol, now_ns, unit))
        elif kind == "miniTicker":
            self._hub.emit_view(stream, lambda unit: self._mini(symbol, now_ns, unit))
        elif kind == "avgPrice":
            self._hub.emit_view(stream, lambda unit: self._average(symbol, now_ns, unit))
        elif interval in INTERVALS:
            self._kline(stream, symbol, interval, EAST_NS if found[4] else 0, now_ns)

    def _ticker(self, kind: str, names: dict[str, str], symbol: str, now_ns: int, unit: int) -> dict[str, object]:
        """The statistics of 24 hours in a stream's names."""
        view = self._statistics.day_ticker(symbol, now_ns, unit)
        return {"e": kind, "E": now_ns // unit, "s": symbol, **{short: view[name] for short, name in names.items()}}

    def _mini(self, symbol: str, now_ns: int, unit: int) -> dict[str, object]:
        """The mini ticker."""
        return self._ticker("24hrMiniTicker", MINI, symbol, now_ns, unit)

    def _average(self, symbol: str, now_ns: int, unit: int) -> dict[str, object]:
        """The average price."""
        price, last_ns = self._statistics.average_of(symbol, now_ns)
        return {"e": "avgPrice", "E": now_ns // unit, "s": symbol, "i": "5m", "w": price, "T": last_ns // unit}

    def _kline(self, stream: str, symbol: str, interval: str, offset_ns: int, now_ns: int) -> None:
        """Emit the kline of this second: every two seconds, and when it closes."""
        bucket = bucket_of(now_ns - 1, interval, offset_ns)
        closed = following(bucket, interval, offset_ns) <= now_ns
        if interval != "1s" and not closed and now_ns // SECOND_NS % 2:
            return
        candles = self._statistics.queries.histories[symbol].candles
        for one in candles.series(interval, bucket, bucket, offset_ns):
            view = partial(_event, symbol, interval, one, now_ns, offset_ns, closed)
            self._hub.emit_view(stream, view)


def _event(
    symbol: str, interval: str, one: Candle, now_ns: int, offset_ns: int, closed: bool, unit: int
) -> dict[str, object]:
    """A kline's event."""
    row = dict(zip(KLINE, kline(one, interval, unit, offset_ns), strict=True))
    details = {"s": symbol, "i": interval, "f": one.first_id, "L": one.last_id, "x": closed}
    return {"e": "kline", "E": now_ns // unit, "s": symbol, "k": {**row, **details}}
