"""A NautilusTrader node with its own Binance spot adapter: buys once at the market and writes what it got as JSON.

The test runs it in its own process, because a node replaces the process's logging and event loop.
"""

import asyncio
import json
import sys
from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

from engine.loopback.binance.settings import TEST_KEY, TEST_SECRET

BTCUSDT = InstrumentId.from_str("BTCUSDT.BINANCE")


class Buyer(Strategy):  # type: ignore[misc]
    """Buys at the first quote; is done with a fill, a quote, a trade and a bar."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        super().__init__()
        self.seen: dict[str, Any] = {}
        self.done = asyncio.Event()

    def on_start(self) -> None:
        """Subscribe to quotes, trades and bars."""
        self.subscribe_quote_ticks(BTCUSDT)
        self.subscribe_trade_ticks(BTCUSDT)
        self.subscribe_bars(BarType.from_str("BTCUSDT.BINANCE-1-SECOND-LAST-EXTERNAL"))

    def on_quote_tick(self, tick: Any) -> None:
        """Buy at the first one."""
        if "quote" not in self.seen:
            size = self.cache.instrument(BTCUSDT).make_qty(Decimal("0.01"))
            self.submit_order(self.order_factory.market(BTCUSDT, OrderSide.BUY, size))
        self._note("quote", [str(tick.bid_price), str(tick.ask_price)])

    def on_trade_tick(self, tick: Any) -> None:
        """Note one."""
        self._note("trade", str(tick.price))

    def on_bar(self, bar: Any) -> None:
        """Note one."""
        self._note("bar", str(bar.close))

    def on_order_filled(self, event: Any) -> None:
        """Note every fill."""
        self.seen.setdefault("fills", {})[str(event.trade_id)] = [str(event.last_qty), str(event.last_px)]
        self._note("filled", str(event.client_order_id))

    def _note(self, what: str, value: Any) -> None:
        """Keep the first of each."""
        self.seen.setdefault(what, value)
        if {"quote", "trade", "bar", "filled"} <= self.seen.keys():
            self.done.set()


async def main(port: int) -> None:
    """Run the node until everything was seen."""
    common: dict[str, Any] = {
        "api_key": TEST_KEY, "api_secret": TEST_SECRET, "account_type": BinanceAccountType.SPOT,
        "base_url_http": f"http://127.0.0.1:{port}", "base_url_ws": f"ws://127.0.0.1:{port}",
        "instrument_provider": InstrumentProviderConfig(load_all=True),
    }  # fmt: skip
    config = TradingNodeConfig(
        trader_id=TraderId("STEELYARD-001"),
        logging=LoggingConfig(log_level="ERROR"),
        data_clients={BINANCE: BinanceDataClientConfig(**common)},
        exec_clients={BINANCE: BinanceExecClientConfig(**common, recv_window_ms=60_000)},
        timeout_connection=90.0,
        timeout_post_stop=0.1,
    )
    node = TradingNode(config=config, loop=asyncio.get_running_loop())
    strategy = Buyer()
    node.trader.add_strategy(strategy)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    running = asyncio.create_task(node.run_async())
    await strategy.done.wait()
    sys.stderr.write(json.dumps(strategy.seen) + "\n")
    sys.stderr.flush()
    await node.stop_async()
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
