"""NautilusTrader's path in one process: from its data client's callback to its execution client's submit. No wire.

Its own message bus, cache, data engine, risk engine and execution engine, each called directly (its live engines put a
queue before each and are slower), and a strategy that submits a limit order on every trade. The process spins until the
next trade is due. The order's time is taken in `submit_order`; after that the order is submitted, accepted and expired,
so that no state grows.
"""

import argparse
import gc
import json
import time
from decimal import Decimal
from typing import Any

from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.config import StrategyConfig
from nautilus_trader.data.client import MarketDataClient
from nautilus_trader.data.engine import DataEngine
from nautilus_trader.execution.client import ExecutionClient
from nautilus_trader.execution.engine import ExecutionEngine
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import AccountId, ClientId, TradeId, TraderId, Venue, VenueOrderId
from nautilus_trader.model.objects import AccountBalance, Money, Price, Quantity
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

VENUE, TRADER = Venue("BINANCE"), TraderId("BENCH-001")
WARM_UP = 300
BIG_RATE = "10000000/00:00:01"


class Prompt(Strategy):
    """Submits a limit order at every trade, with a price so far away that it never fills."""

    def on_start(self) -> None:
        """Listen to the trades."""
        self.instrument = TestInstrumentProvider.btcusdt_binance()
        self.subscribe_trade_ticks(self.instrument.id)

    def on_trade_tick(self, tick: TradeTick) -> None:
        """One order, no thought."""
        price = Price(float(tick.price) * 0.97, self.instrument.price_precision)
        size = Quantity(0.001, self.instrument.size_precision)
        self.submit_order(
            self.order_factory.limit(tick.instrument_id, OrderSide.BUY, size, price, time_in_force=TimeInForce.IOC)
        )


class Market(MarketDataClient):
    """The data client: its callback is `give`."""

    def subscribe_trade_ticks(self, command: Any) -> None:
        """Nothing to ask for."""

    def give(self, tick: TradeTick) -> None:
        """Hand a trade to the data engine, as an adapter's handler does."""
        self._handle_data(tick)


class Venuelet(ExecutionClient):
    """The execution client: takes the time of each order."""

    submitted_ns = 0
    count = 0

    def submit_order(self, command: Any) -> None:
        """Here an adapter would make and send the request."""
        self.submitted_ns = time.monotonic_ns()
        self.count += 1
        self.last = command.order

    def end_last(self) -> None:
        """The venue's answers to the last order, after its time was taken."""
        order, now_ns, number = self.last, self._clock.timestamp_ns(), VenueOrderId(str(self.count))
        names = (order.strategy_id, order.instrument_id, order.client_order_id)
        self.generate_order_submitted(*names, now_ns)
        self.generate_order_accepted(*names, number, now_ns)
        self.generate_order_expired(*names, number, now_ns)


def system() -> tuple[Market, Venuelet]:
    """The two clients at the ends of a running system."""
    clock = LiveClock()
    bus, cache = MessageBus(TRADER, clock), Cache()
    portfolio = Portfolio(bus, cache, clock)
    data, execution = DataEngine(bus, cache, clock), ExecutionEngine(bus, cache, clock)
    config = RiskEngineConfig(max_order_submit_rate=BIG_RATE, max_order_modify_rate=BIG_RATE)
    risk = RiskEngine(portfolio, bus, cache, clock, config)
    instrument = TestInstrumentProvider.btcusdt_binance()
    cache.add_instrument(instrument)
    market = Market(ClientId("BINANCE"), bus, cache, clock, VENUE)
    venue = Venuelet(ClientId("BINANCE"), VENUE, OmsType.NETTING, AccountType.CASH, None, bus, cache, clock)
    data.register_client(market)
    execution.register_client(venue)
    venue._set_account_id(AccountId("BINANCE-001"))  # noqa: SLF001 - as its adapters do
    balances = [AccountBalance(Money(one, of), Money(0, of), Money(one, of)) for one, of in ((10**6, USDT), (10, BTC))]
    venue.generate_account_state(balances, [], reported=True, ts_event=clock.timestamp_ns())
    strategy = Prompt(StrategyConfig())
    strategy.register(TRADER, portfolio, bus, cache, clock)
    for one in (data, risk, execution, strategy):
        one.start()
    return market, venue


def run(rate: int, seconds: float) -> list[int]:
    """The times of all trades at this rate, in nanoseconds."""
    market, venue = system()
    instrument = TestInstrumentProvider.btcusdt_binance()
    interval_ns, times = 1_000_000_000 // rate, []
    gc.collect()
    gc.freeze()
    due_ns = time.monotonic_ns()
    end_ns = due_ns + int(seconds * 1e9)
    price, size = Price(60_000, instrument.price_precision), Quantity(Decimal(1), instrument.size_precision)
    while due_ns < end_ns:
        while (now_ns := time.monotonic_ns()) < due_ns:
            pass
        due_ns = max(due_ns + interval_ns, now_ns)
        tick = TradeTick(
            instrument.id, price, size, AggressorSide.BUYER, TradeId(str(len(times))), time.time_ns(), time.time_ns()
        )
        began_ns = time.monotonic_ns()
        market.give(tick)
        times.append(venue.submitted_ns - began_ns)
        venue.end_last()
    if venue.count != len(times):
        raise SystemExit(f"NautilusTrader submitted {venue.count} orders of {len(times)}: nothing was measured")
    return times[min(WARM_UP, len(times) // 4) :]


def main() -> None:
    """`python -m bench.peers.nautilus_path --rate RATE --seconds SECONDS`: the times as a JSON list."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.nautilus_path", description=__doc__)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    print(json.dumps(run(options.rate, options.seconds)))


if __name__ == "__main__":
    main()
