"""Other simulators over the same rows; each runs in a process of its own, with the Python of `.bench-venv`.

    python -m bench.peers.simulators NAME EVENTS.npy        prints one JSON object of rates

A simulator gets the rows in its own form before its time begins, and is warmed up (compiled) on a few of them. What
each does for every row is said at its function. This module imports nothing of the engine.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LEVEL, PRINT, RESET = 2, 3, 2
WARM, PLAIN_ROWS, BARS = 20_000, 50_000, 200_000
LATENCY_NS, EVERY, SETS = 1_000_000, 100, 20
FEED, SEEN_LEAST = 2, 0.99


def timed(work: Callable[[], Any]) -> float:
    """Seconds of the processor."""
    before = time.process_time()
    work()
    return time.process_time() - before


def hftbacktest(events: Any) -> dict[str, Any]:
    """A numba strategy that is called for every row and reads the best prices; then one that quotes.

    It quotes as the sample Quoter: a cancel and an order every 100 rows. hftbacktest calls a strategy once for the rows
    of one nanosecond, so the rows of a message are a nanosecond apart.
    """
    from hftbacktest import (
        BUY_EVENT,
        DEPTH_EVENT,
        EXCH_EVENT,
        GTX,
        LIMIT,
        LOCAL_EVENT,
        SELL_EVENT,
        TRADE_EVENT,
        BacktestAsset,
        ROIVectorMarketDepthBacktest,
    )  # fmt: skip
    from hftbacktest.types import event_dtype
    from numba import njit

    rows = np.zeros(len(events), event_dtype)
    kind = np.where(events["kind"] == PRINT, TRADE_EVENT, DEPTH_EVENT).astype("u8")
    side = np.where(events["side"] > 0, BUY_EVENT, SELL_EVENT).astype("u8")
    rows["ev"] = kind | side | np.uint64(EXCH_EVENT) | np.uint64(LOCAL_EVENT)
    for name, ours in (("exch_ts", "venue_ns"), ("local_ts", "receive_ns")):
        rows[name] = np.maximum.accumulate(events[ours] - np.arange(len(rows))) + np.arange(len(rows))
    rows["px"], rows["qty"] = events["price"] / 100, events["size"] / 100_000

    def opened(part: Any) -> Any:
        asset = (
            BacktestAsset()
            .data(part)
            .linear_asset(1.0)
            .constant_order_latency(LATENCY_NS, LATENCY_NS)
            .power_prob_queue_model(0.5)
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0002, 0.0005)
            .tick_size(0.01)
            .lot_size(0.00001)
            .roi_lb(0.0)
            .roi_ub(200_000.0)
        )
        return ROIVectorMarketDepthBacktest([asset])

    @njit
    def read(hbt: Any) -> int:
        seen, narrow = 0, 0
        while hbt.wait_next_feed(False, 10**18) == FEED:
            seen += 1
            depth = hbt.depth(0)
            narrow += depth.best_ask_tick - depth.best_bid_tick == 1
        return seen

    @njit
    def quote(hbt: Any) -> int:
        seen, number, turn = 0, 1, 0
        kept = np.zeros(2, np.int64)
        while hbt.wait_next_feed(False, 10**18) == FEED:
            seen += 1
            if seen % EVERY:
                continue
            depth = hbt.depth(0)
            turn = 1 - turn
            hbt.clear_inactive_orders(0)
            if kept[turn] and kept[turn] in hbt.orders(0) and hbt.orders(0).get(kept[turn]).cancellable:
                hbt.cancel(0, kept[turn], False)
            if turn:
                hbt.submit_sell_order(0, number, depth.best_ask, 0.01, GTX, LIMIT, False)
            else:
                hbt.submit_buy_order(0, number, depth.best_bid, 0.01, GTX, LIMIT, False)
            kept[turn] = number
            number += 1
        return seen

    return {
        "compiled_events_per_s": _rate_of(read, opened, rows),
        "orders_events_per_s": _rate_of(quote, opened, rows),
    }


def _rate_of(strategy: Callable[[Any], int], opened: Callable[[Any], Any], rows: Any) -> int:
    """Rows a second of a compiled strategy, which must have seen them all."""
    strategy(opened(rows[:WARM]))
    hbt, seen = opened(rows), []
    seconds = timed(lambda: seen.append(strategy(hbt)))
    if seen[0] < SEEN_LEAST * len(rows):
        raise SystemExit(f"the strategy was called for {seen[0]} of {len(rows)} rows")
    return round(len(rows) / seconds)


def _closes(events: Any, count: int) -> Any:
    """One price for each of the last prints, as the closes of bars."""
    closes = events["price"][events["kind"] == PRINT][-count:] / 100
    return closes if len(closes) else np.full(count, 1.0)


def backtrader(events: Any) -> dict[str, Any]:
    """Python strategies whose `next` is called for every row, a bar of one price: one reads it, one trades a cross."""
    import backtrader as bt
    import pandas as pd

    closes = np.resize(_closes(events, PLAIN_ROWS), PLAIN_ROWS)
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes))
    frame["volume"] = 1.0
    frame.index = pd.date_range("2024-01-01", periods=len(frame), freq="s")

    class Reads(bt.Strategy):  # type: ignore[misc]
        """Reads the price."""

        def next(self) -> None:
            """Read it."""
            self.last = self.data.close[0]

    class Cross(bt.Strategy):  # type: ignore[misc]
        """Holds one size while the fast mean is over the slow one."""

        def __init__(self) -> None:
            """Declare the means."""
            self.above = bt.ind.SMA(period=5) > bt.ind.SMA(period=60)

        def next(self) -> None:
            """Trade at a cross."""
            if self.above[0] and not self.position:
                self.buy(size=0.01)
            elif not self.above[0] and self.position:
                self.close()

    def rate(strategy: Any) -> int:
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.broker.setcash(1e9)
        cerebro.broker.setcommission(commission=0.0005)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
        cerebro.addstrategy(strategy)
        return round(len(frame) / timed(cerebro.run))

    return {"python_events_per_s": rate(Reads), "bars_per_s": rate(Cross)}


def vectorbt(events: Any) -> dict[str, Any]:
    """A moving-average cross with fees: rows times parameter sets."""
    import pandas as pd
    import vectorbt as vbt

    closes = pd.Series(np.resize(_closes(events, BARS), BARS))

    def work(part: Any) -> None:
        fast, slow = vbt.MA.run(part, list(range(5, 5 + SETS))), vbt.MA.run(part, list(range(50, 50 + SETS)))
        above = fast.ma.to_numpy() > slow.ma.to_numpy()
        portfolio = vbt.Portfolio.from_signals(pd.concat([part] * SETS, axis=1), above, ~above, fees=0.0005)
        portfolio.total_return()

    work(closes[:1_000])
    return {"bars_per_s": round(SETS * len(closes) / timed(lambda: work(closes)))}


def nautilus_trader(events: Any) -> dict[str, Any]:
    """A Python strategy whose `on_quote_tick` is called for every row, and reads the best prices."""
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import USDT
    from nautilus_trader.model.data import QuoteTick
    from nautilus_trader.model.enums import AccountType, OmsType
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    one = TestInstrumentProvider.btcusdt_binance()
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(Venue("BINANCE"), OmsType.NETTING, AccountType.CASH, [Money(1_000_000, USDT)])
    engine.add_instrument(one)
    size = Quantity.from_str("1.000000")
    ticks = [
        QuoteTick(one.id, Price(price / 100, 2), Price((price + 1) / 100, 2), size, size, at, at)
        for price, at in zip(events["price"][:PLAIN_ROWS].tolist(), events["receive_ns"].tolist(), strict=False)
    ]
    engine.add_data(ticks)

    class Reads(Strategy):  # type: ignore[misc]
        """Reads the best prices."""

        def on_start(self) -> None:
            """Ask for the rows."""
            self.subscribe_quote_ticks(one.id)
            self.narrow = 0

        def on_quote_tick(self, tick: Any) -> None:
            """Read them."""
            self.narrow += tick.bid_price < tick.ask_price

    strategy = Reads()
    engine.add_strategy(strategy)
    seconds = timed(engine.run)
    assert strategy.narrow == len(ticks), (strategy.narrow, len(ticks))
    return {"python_events_per_s": round(len(ticks) / seconds)}


def lrvx(events: Any) -> dict[str, Any]:
    """Python strategies whose `on_trade` is called for every row, a trade: one reads it, one trades a cross."""
    import lrvx as peer

    closes = np.resize(_closes(events, PLAIN_ROWS), PLAIN_ROWS)
    times = 1_700_000_000_000_000_000 + np.arange(PLAIN_ROWS) * 1_000_000_000
    registry = peer.SymbolRegistry()
    symbol = registry.add_symbol("binance", "BTCUSDT", tick_size=0.01)

    class Reads(peer.Strategy):  # type: ignore[misc]
        """Reads the price."""

        seen = 0

        def on_trade(self, _: Any, trade: Any) -> None:
            """Read it."""
            self.seen += trade.price > 0

    class Cross(peer.Strategy):  # type: ignore[misc]
        """Holds one size while the fast mean is over the slow one."""

        def __init__(self, symbols: Any) -> None:
            """Begin the means."""
            super().__init__(symbols)
            self.fast, self.slow, self.seen = peer.SMA(5), peer.SMA(60), 0

        def on_trade(self, context: Any, trade: Any) -> None:
            """Trade at a cross."""
            self.seen += 1
            fast, slow = self.fast.update(trade.price), self.slow.update(trade.price)
            if fast is None or slow is None:
                return
            if fast > slow and context.is_flat():
                self.market_buy(0.01)
            elif fast < slow and context.is_long():
                self.close_position()

    def rate(kind: Any) -> int:
        runner, strategy = peer.BacktestRunner(registry, fee_rate=0.0005, initial_capital=1e9), kind([symbol])
        runner.set_strategy(strategy)
        seconds = timed(lambda: runner.run_ohlcv(times, closes, "BTCUSDT"))
        if strategy.seen < SEEN_LEAST * PLAIN_ROWS:
            raise SystemExit(f"the strategy was called for {strategy.seen} of {PLAIN_ROWS} rows")
        return round(PLAIN_ROWS / seconds)

    return {"python_events_per_s": rate(Reads), "bars_per_s": rate(Cross)}


PEERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    one.__name__: one for one in (hftbacktest, backtrader, vectorbt, nautilus_trader, lrvx)
}

if __name__ == "__main__":
    print(json.dumps(PEERS[sys.argv[1]](np.load(sys.argv[2], mmap_mode="r"))))
