"""Klines, tickers, averages and past trades: sums over the venue's own trades."""

from collections import deque
from itertools import islice

from engine.loopback.binance import render
from engine.loopback.binance.desk import Call
from engine.loopback.binance.errors import ApiError, illegal, mandatory
from engine.loopback.binance.queries import Queries
from engine.loopback.candles import DAY_NS, MINUTE_NS, SECOND_NS, Candle, bucket_of
from engine.loopback.history import Aggregate, History
from engine.loopback.market import SCALE

AVERAGE_MINUTES = 5
ZONE_HOURS = range(-12, 15)
SYMBOLS_MOST = 100
WINDOWS = {"m": (MINUTE_NS, 59), "h": (60 * MINUTE_NS, 23), "d": (DAY_NS, 7)}
MINI = ("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime",
        "firstId", "lastId", "count")  # fmt: skip


class Statistics:
    """The requests about the venue's past."""

    def __init__(self, queries: Queries) -> None:
        """Read the same markets."""
        self.queries, self.desk = queries, queries.desk

    def klines(self, call: Call) -> list[list[object]]:
        """Klines, the latest or from a time on; uiKlines are the same here."""
        history, interval = self._history(call), call.parameters.interval()
        offset_ns, limit = zone(call.parameters.text("timeZone")), call.parameters.limit(500, 1000)
        start, end = call.parameters.integer("startTime"), call.parameters.integer("endTime")
        start_ns = -1 if start is None else start * render.MILLISECOND
        end_ns = call.now_ns if end is None else min(call.now_ns, end * render.MILLISECOND)
        candles = history.candles.series(interval, start_ns, end_ns, offset_ns)
        found = islice(candles, limit) if start is not None else deque(candles, maxlen=limit)
        return [render.kline(one, interval, call.unit, offset_ns) for one in found]

    def average(self, call: Call) -> dict[str, object]:
        """avgPrice: by volume over the last five minutes; the last price when there was no trade in them."""
        price, last_ns = self.average_of(self.desk.market(call.parameters).symbol, call.now_ns)
        return {"mins": AVERAGE_MINUTES, "price": price, "closeTime": last_ns // call.unit}

    def average_of(self, symbol: str, now_ns: int) -> tuple[str, int]:
        """The average price, and when the last trade was."""
        history, span_ns = self.queries.histories[symbol], AVERAGE_MINUTES * MINUTE_NS
        price = average_price(history.candles.between(now_ns - span_ns, now_ns + 1, SECOND_NS))
        last_ns = history.trades[-1].now_ns if history.trades else 0
        return render.text(price or self.desk.matching.books[symbol].last_price), last_ns

    def day(self, call: Call) -> object:
        """ticker.24hr, of one market, of several or of all."""
        return self.queries.each(
            call, lambda symbol: self._shaped(call, self.day_ticker(symbol, call.now_ns, call.unit))
        )

    def trading_day(self, call: Call) -> object:
        """ticker.tradingDay: since midnight in a time zone."""
        offset_ns = zone(call.parameters.text("timeZone"))
        start_ns = bucket_of(call.now_ns, "1d", offset_ns)
        return self._windows(call, start_ns, start_ns + DAY_NS - 1)

    def rolling(self, call: Call) -> object:
        """The request `ticker`: over a window that begins on a minute."""
        start_ns = (call.now_ns - window(call.parameters.text("windowSize") or "1d")) // MINUTE_NS * MINUTE_NS
        return self._windows(call, start_ns, call.now_ns)

    def historical(self, call: Call) -> list[dict[str, object]]:
        """trades.historical: from an id on, or the latest."""
        return self.queries.trades(call, call.parameters.integer("fromId"))

    def aggregates(self, call: Call) -> list[dict[str, object]]:
        """trades.aggregate: from an id or a time on, or the latest."""
        history, first = self._history(call), call.parameters.integer("fromId")
        limit = call.parameters.limit(500, 1000)
        start, end = call.parameters.integer("startTime"), call.parameters.integer("endTime")
        low = -1 if start is None else start * render.MILLISECOND
        high = call.now_ns if end is None else (end + 1) * render.MILLISECOND - 1
        found = [a for a in history.aggregates if low <= a.now_ns <= high and (first is None or a.id >= first)]
        chosen = found[:limit] if first is not None or start is not None else found[-limit:]
        return [aggregate_view(one, call.unit) for one in chosen]

    def day_ticker(self, symbol: str, now_ns: int, unit: int) -> dict[str, object]:
        """The statistics of the last 24 hours, with the best of the book."""
        book, candles = self.desk.matching.books[symbol], self.queries.histories[symbol].candles
        (bid, bid_size), (ask, ask_size) = book.bids.best(), book.asks.best()
        whole = candles.between(now_ns - DAY_NS, now_ns + 1)
        return {
            **ticker(symbol, whole, now_ns - DAY_NS, now_ns, unit),
            "prevClosePrice": render.text(candles.close_before(now_ns - DAY_NS)),
            "lastQty": render.text(whole.last_size),
            "bidPrice": render.text(bid),
            "bidQty": render.text(bid_size),
            "askPrice": render.text(ask),
            "askQty": render.text(ask_size),
        }

    def _history(self, call: Call) -> History:
        """The past of the market that a request names."""
        return self.queries.histories[self.desk.market(call.parameters).symbol]

    def _windows(self, call: Call, start_ns: int, end_ns: int) -> object:
        """The statistics of one window for each requested market."""
        if not call.parameters.text("symbol") and not call.parameters.text("symbols"):
            raise mandatory("symbol")

        def view(symbol: str) -> dict[str, object]:
            whole = self.queries.histories[symbol].candles.between(start_ns, call.now_ns + 1)
            return self._shaped(call, ticker(symbol, whole, start_ns, end_ns, call.unit))

        return self.queries.each(call, view)

    def _shaped(self, call: Call, view: dict[str, object]) -> dict[str, object]:
        """FULL or MINI, as requested."""
        mini = call.parameters.choice("type", {"FULL", "MINI"}, "FULL", like="ticker") == "MINI"
        return {name: view[name] for name in MINI} if mini else view


def ticker(symbol: str, whole: Candle, start_ns: int, end_ns: int, unit: int) -> dict[str, object]:
    """The statistics of a window."""
    change = whole.close - whole.open if whole.count else 0
    return {
        "symbol": symbol,
        "priceChange": render.text(change),
        "priceChangePercent": percent(change, whole.open if whole.count else 0),
        "weightedAvgPrice": render.text(average_price(whole)),
        "openPrice": render.text(whole.open if whole.count else 0),
        "highPrice": render.text(whole.high if whole.count else 0),
        "lowPrice": render.text(whole.low if whole.count else 0),
        "lastPrice": render.text(whole.close),
        "volume": render.text(whole.volume),
        "quoteVolume": render.text(whole.notional),
        "openTime": start_ns // unit,
        "closeTime": end_ns // unit,
        "firstId": whole.first_id,
        "lastId": whole.last_id,
        "count": whole.count,
    }


def average_price(whole: Candle) -> int:
    """The price by volume, or 0 when nothing was traded."""
    return whole.notional * SCALE // whole.volume if whole.volume else 0


def percent(change: int, base: int) -> str:
    """A change in percent with three decimals."""
    thousandths = abs(change) * 100_000 // base if base else 0
    return f"{'-' if change < 0 and thousandths else ''}{thousandths // 1_000}.{thousandths % 1_000:03d}"


def aggregate_view(one: Aggregate, unit: int) -> dict[str, object]:
    """An aggregate trade, for REST."""
    return {
        "a": one.id,
        "p": render.text(one.price),
        "q": render.text(one.size),
        "f": one.first_id,
        "l": one.last_id,
        "T": one.now_ns // unit,
        "m": one.buyer_is_maker,
        "M": True,
    }


def zone(text: str) -> int:
    """A time zone such as 8, -1:00 or 05:45 as an offset."""
    hours, colon, minutes = (text or "0").partition(":")
    if not hours.lstrip("-").isdecimal() or (colon and not minutes.isdecimal()):
        raise illegal("timeZone", "^(-?[0-9]{1,2})(:[0-9]{2})?$")
    sign = -1 if hours.startswith("-") else 1
    offset_ns = sign * (abs(int(hours)) * 60 + int(minutes or 0)) * MINUTE_NS
    if not ZONE_HOURS[0] * 60 * MINUTE_NS <= offset_ns <= ZONE_HOURS[-1] * 60 * MINUTE_NS:
        raise ApiError(-1130, "Data sent for parameter 'timeZone' is not valid.")
    return offset_ns


def window(text: str) -> int:
    """A window size such as 1m, 4h or 7d."""
    length, most = WINDOWS.get(text[-1:], (0, 0))
    if not text[:-1].isdecimal() or not 1 <= int(text[:-1]) <= most:
        raise ApiError(-1130, "Data sent for parameter 'windowSize' is not valid.")
    return int(text[:-1]) * length
