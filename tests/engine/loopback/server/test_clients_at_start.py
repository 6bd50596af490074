"""Clients with their default options against the venue on real sockets: what they ask before they trade, too."""

import asyncio
import importlib.util
import json
import os
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlparse, urlunparse

import ccxt.pro
import pytest

from engine.loopback.binance.settings import FLOWS, TEST_KEY, TEST_SECRET
from tests.engine.loopback.server.conftest import serving

CALM = {symbol: replace(flow, interval_ns=100_000_000, taker_percent=40) for symbol, flow in FLOWS.items()}
ROOT = Path(__file__).parents[4]
NAUTILUS = importlib.util.find_spec("nautilus_trader") is not None


def moved(urls: dict[str, Any], port: int) -> None:
    """Lead every address of a client to this machine, its path kept."""
    for name, address in urls.items():
        if isinstance(address, dict):
            moved(address, port)
        elif isinstance(address, str):
            parts = urlparse(address)
            scheme = "ws" if parts.scheme.startswith("ws") else "http"
            urls[name] = urlunparse(parts._replace(scheme=scheme, netloc=f"127.0.0.1:{port}"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ccxt_with_default_options_loads_and_asks_everything(run: Any) -> None:
    """Nothing is set but the key and the addresses: margin pairs, futures, coins and fees are asked, too."""

    async def work() -> None:
        async with serving(check=False, flows=CALM) as (server, port):
            exchange = ccxt.pro.binance({"apiKey": TEST_KEY, "secret": TEST_SECRET})
            moved(exchange.urls["api"], port)
            try:
                assert set(await exchange.load_markets()) == {"BTC/USDT", "ETH/USDT"}
                assert exchange.markets["BTC/USDT"]["precision"] == {
                    "amount": 0.00001, "price": 0.01, "base": 1e-8, "quote": 1e-8,
                }  # fmt: skip
                bought = await exchange.create_order("BTC/USDT", "market", "buy", 0.01)
                trades = await exchange.fetch_trades("BTC/USDT")
                history = server.venue.queries.histories["BTCUSDT"]
                assert {t["id"] for t in trades} <= {str(a.id) for a in history.aggregates}
                ticker = await exchange.fetch_ticker("BTC/USDT")
                assert ticker["high"] >= bought["average"] >= ticker["low"]
                assert sum(bar[5] for bar in await exchange.fetch_ohlcv("BTC/USDT", "1m")) >= 0.01
                assert set(await exchange.fetch_tickers()) == {"BTC/USDT", "ETH/USDT"}
                assert (await exchange.fetch_trading_fee("BTC/USDT"))["taker"] == 0.001
                assert (await exchange.fetch_balance())["BTC"]["total"] > 100
            finally:
                await exchange.close()

    run(work())


def test_binances_own_connector_reads_the_whole_market_data_set(run: Any) -> None:
    """Its answers are typed models, so that a field of the wrong type is an error."""
    spot = pytest.importorskip("binance_sdk_spot.spot")
    from binance_common.configuration import ConfigurationRestAPI

    def ask(port: int) -> None:
        client = spot.Spot(
            config_rest_api=ConfigurationRestAPI(
                api_key=TEST_KEY, api_secret=TEST_SECRET, base_path=f"http://127.0.0.1:{port}"
            )
        ).rest_api
        one = {"symbol": "BTCUSDT"}
        assert client.ping() is not None
        assert client.time().data().server_time > 0
        assert len(client.exchange_info().data().symbols) == 2
        assert client.new_order(**one, side="BUY", type="MARKET", quantity=0.01).data()
        assert client.depth(**one).data().bids
        for trades in (client.get_trades(**one), client.historical_trades(**one), client.agg_trades(**one)):
            assert trades.data()
        for klines in (client.klines(**one, interval="1m"), client.ui_klines(**one, interval="1m")):
            assert klines.data()
        assert Decimal(client.avg_price(**one).data().price) > 0
        for answer in (
            client.ticker24hr(**one), client.ticker_trading_day(**one), client.ticker(**one, window_size="1h"),
            client.ticker_price(**one), client.ticker_book_ticker(**one),
        ):  # fmt: skip
            assert answer.data()

    async def work() -> None:
        async with serving(check=False, flows=CALM) as (_, port):
            await asyncio.to_thread(ask, port)

    run(work())


@pytest.mark.skipif(not NAUTILUS, reason="NautilusTrader has no wheel for this Python")
@pytest.mark.timeout(300)
def test_nautilus_trader_connects_trades_and_reads_its_fill() -> None:
    """Its adapter asks fees, a listen key and the account first, and receives its fills on the old stream."""

    async def work() -> None:
        async with serving(check=False, flows=CALM) as (server, port):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.engine.loopback.server.nautilus_client", str(port),
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, cwd=ROOT, env=dict(os.environ),
            )  # fmt: skip
            assert process.stderr is not None
            try:
                output_lines = [line async for line in process.stderr]
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
            seen = next((json.loads(line) for line in output_lines if line.startswith(b"{")), None)
            assert seen is not None, b"".join(output_lines[-20:]).decode()
            fills = {str(line["fill_id"]): line for line in server.venue.truth.lines if line["what"] == "fill"}
            assert seen["fills"].keys() == fills.keys()
            assert sum(Decimal(size) for size, _ in seen["fills"].values()) == Decimal("0.01")
            assert {Decimal(p) for _, p in seen["fills"].values()} == {Decimal(x["fill_price"]) for x in fills.values()}

    asyncio.run(asyncio.wait_for(work(), 280))
