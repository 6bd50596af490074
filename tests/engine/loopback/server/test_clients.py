"""Unmodified clients, but for the base address, against the venue on real sockets."""

import asyncio
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.ws.depthcache import DepthCacheManager
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from engine.loopback.binance.render import text
from engine.loopback.binance.settings import TEST_ACCOUNT, TEST_KEY, TEST_SECRET
from engine.loopback.binance.venue import BinanceVenue
from tests.engine.loopback.server.conftest import serving


@pytest.fixture(autouse=True)
def _quick_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-binance's reader checks only after this many seconds of silence whether it should stop."""
    monkeypatch.setattr(ReconnectingWebsocket, "TIMEOUT", 0.1)


async def python_binance(port: int) -> AsyncClient:
    """A python-binance client whose three addresses are ours."""
    client = AsyncClient(TEST_KEY, TEST_SECRET)
    client.API_URL = f"http://127.0.0.1:{port}/api"
    client.ws_api._url = f"ws://127.0.0.1:{port}/ws-api/v3"
    response = await client.get_server_time()
    client.timestamp_offset = 0
    assert response["serverTime"] > 0
    return client


def ccxt_pro(port: int) -> Any:
    """A ccxt.pro exchange whose addresses are ours."""
    exchange = ccxt.pro.binance({"apiKey": TEST_KEY, "secret": TEST_SECRET, "enableRateLimit": False})
    exchange.options |= {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False}
    exchange.has["fetchCurrencies"] = False
    for name, address in exchange.urls["api"].items():
        if isinstance(address, str):  # whatever else it asks must not leave this machine
            spot = name in {"public", "private"}
            exchange.urls["api"][name] = f"http://127.0.0.1:{port}/{'api/v3' if spot else name}"
    exchange.urls["api"]["ws"]["spot"] = f"ws://127.0.0.1:{port}/ws"
    exchange.urls["api"]["ws"]["ws-api"]["spot"] = f"ws://127.0.0.1:{port}/ws-api/v3"
    return exchange


async def listened(venue: BinanceVenue) -> None:
    """Wait until a client listens to the test account: a client's own subscribing cannot be awaited from outside."""
    while not venue.subscription_count(TEST_ACCOUNT):  # noqa: ASYNC110 (the venue has no loop to set an event in)
        await asyncio.sleep(0)


def test_python_binance_places_cancels_and_gets_its_fills(run: Any) -> None:
    """The library most people use must not notice that the venue is ours."""

    async def work() -> None:
        async with serving() as (server, port):
            client = await python_binance(port)
            try:
                account = await client.get_account()
                assert {b["asset"] for b in account["balances"]} == {"BTC", "ETH", "USDT"}
                resting = await client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price="30000.00")
                assert resting["status"] == "NEW"
                assert len(await client.get_open_orders(symbol="BTCUSDT")) == 1
                gone = await client.cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])
                assert gone["status"] == "CANCELED"
                bought = await client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
                assert bought["status"] == "FILLED"
                trades = await client.get_my_trades(symbol="BTCUSDT")
                assert sum(Decimal(t["qty"]) for t in trades) == Decimal("0.01")
                placed = await client.ws_create_order(
                    symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.002", price="30000"
                )
                assert placed["status"] == "NEW"
                known = await client.ws_get_order(symbol="BTCUSDT", orderId=placed["orderId"])
                assert known["clientOrderId"] == placed["clientOrderId"]
                fills = [line for line in server.venue.truth.lines if line["what"] == "fill"]
                assert {line["fill_id"] for line in fills} == {t["id"] for t in trades}
            finally:
                await client.ws_api.close()
                await client.close_connection()

    run(work())


def test_python_binance_follows_book_and_own_events(run: Any) -> None:
    """Its depth cache bridges our snapshot and diffs, and its user socket receives our executionReport."""

    async def work() -> None:
        async with serving() as (server, port):
            client = await python_binance(port)
            sockets = BinanceSocketManager(client)
            sockets.STREAM_URL = f"ws://127.0.0.1:{port}/"
            try:
                async with DepthCacheManager(client, "BTCUSDT", bm=sockets, ws_interval=100) as cache:
                    for _ in range(4):
                        book = await cache.recv()
                assert book.get_bids()[0][0] < book.get_asks()[0][0]
                async with sockets.user_socket() as events:
                    await client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
                    seen = [await events.recv() for _ in range(2)]
                assert [event["x"] for event in seen] == ["NEW", "TRADE"]
                assert not server.venue.matching.executions
            finally:
                await client.ws_api.close()
                await client.close_connection()

    run(work())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ccxt_pro_follows_book_trades_and_gets_its_fills(run: Any) -> None:
    """The book ccxt built from our wire, equals the matching engine's at the same update id."""

    async def work() -> None:
        async with serving() as (server, port):
            exchange = ccxt_pro(port)
            try:
                await exchange.load_markets()
                for _ in range(3):
                    book = await exchange.watch_order_book("BTC/USDT", 100)
                assert book["bids"][0][0] < book["asks"][0][0]
                watching = asyncio.ensure_future(exchange.watch_my_trades("BTC/USDT"))
                await listened(server.venue)
                resting = await exchange.create_order("BTC/USDT", "limit", "buy", 0.001, 30000)
                assert resting["status"] == "open"
                gone = await exchange.cancel_order(resting["id"], "BTC/USDT")
                assert gone["status"] == "canceled"
                filled = await exchange.create_order("BTC/USDT", "market", "buy", 0.01)
                assert filled["filled"] == 0.01
                trades = await exchange.fetch_my_trades("BTC/USDT")
                assert sum(t["amount"] for t in trades) == 0.01
                assert {t["id"] for t in await watching} <= {t["id"] for t in trades}
                assert [o["status"] for o in await exchange.fetch_orders("BTC/USDT")] == ["canceled", "closed"]
                assert (await exchange.fetch_balance())["BTC"]["free"] > 100
                best = server.venue.matching.books["BTCUSDT"].bids.best()[0]
                assert Decimal(text(best)) > 0
            finally:
                await exchange.close()

    run(work())
