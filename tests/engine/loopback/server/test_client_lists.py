"""Order lists and stops of unmodified clients, but for the base address, against the venue on real sockets."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from engine.loopback.binance.settings import FLOWS, TEST_KEY, TEST_SECRET
from tests.engine.loopback.server.conftest import serving
from tests.engine.loopback.server.test_clients import python_binance
from tests.engine.loopback.server.test_clients_at_start import moved

STILL = {symbol: replace(flow, interval_ns=3_600_000_000_000) for symbol, flow in FLOWS.items()}
SIZE = "0.01"


@pytest.fixture(autouse=True)
def _quick_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-binance's reader checks only after this many seconds of silence whether it should stop."""
    monkeypatch.setattr(ReconnectingWebsocket, "TIMEOUT", 0.1)


async def around(client: AsyncClient) -> tuple[Decimal, Decimal]:
    """The best prices, after a trade that sets the last one."""
    await client.order_market_buy(symbol="BTCUSDT", quantity=SIZE)
    best = await client.get_orderbook_ticker(symbol="BTCUSDT")
    return Decimal(best["bidPrice"]), Decimal(best["askPrice"])


async def until_done(events: Any) -> list[tuple[str, ...]]:
    """The news of lists and their orders until a list is done."""
    seen: list[tuple[str, ...]] = []
    while not seen or seen[-1] != ("ALL_DONE", "ALL_DONE"):
        event = await events.recv()
        if event["e"] == "listStatus":
            seen.append((event["l"], event["L"]))
        elif event["e"] == "executionReport" and event["g"] >= 0:
            seen.append((event["o"], event["x"], event["X"]))
    return seen


def test_python_binance_sees_its_oco_stop_out(run: Any) -> None:
    """Placed over REST, triggered by a sweep of the book, sent on the user data stream in Binance's order."""

    async def work() -> None:
        async with serving(flows=STILL) as (_, port):
            client = await python_binance(port)
            sockets = BinanceSocketManager(client)
            sockets.STREAM_URL = f"ws://127.0.0.1:{port}/"
            try:
                bid, ask = await around(client)
                async with sockets.user_socket() as events:
                    placed = await client.create_oco_order(
                        symbol="BTCUSDT", side="SELL", quantity=SIZE, aboveType="LIMIT_MAKER",
                        abovePrice=str(ask + 100), belowType="STOP_LOSS", belowStopPrice=str(bid - Decimal("0.2")),
                    )  # fmt: skip
                    assert [one["status"] for one in placed["orderReports"]] == ["NEW", "NEW"]
                    assert await client.get_open_oco_orders() == [await client.v3_get_order_list(orderListId=0)]
                    await client.order_market_sell(symbol="BTCUSDT", quantity="2")
                    seen = await until_done(events)
                assert seen == [
                    ("STOP_LOSS", "NEW", "NEW"),
                    ("LIMIT_MAKER", "NEW", "NEW"),
                    ("EXEC_STARTED", "EXECUTING"),
                    ("LIMIT_MAKER", "EXPIRED", "EXPIRED"),
                    ("STOP_LOSS", "NEW", "NEW"),
                    ("STOP_LOSS", "TRADE", "FILLED"),
                    ("ALL_DONE", "ALL_DONE"),
                ]
                assert await client.get_open_oco_orders() == []
                locked = {one["asset"]: one["locked"] for one in (await client.get_account())["balances"]}
                assert set(locked.values()) == {"0.00000000"}
            finally:
                await client.ws_api.close()
                await client.close_connection()

    run(work())


def test_python_binance_places_lists_on_the_websocket_api(run: Any) -> None:
    """An OTO whose working order is filled, an OTOCO that is cancelled, and a pair that is refused."""

    async def work() -> None:
        async with serving(flows=STILL) as (_, port):
            client = await python_binance(port)
            try:
                bid, ask = await around(client)
                working = {"symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingQuantity": SIZE}
                working |= {"workingTimeInForce": "GTC", "pendingSide": "SELL", "pendingQuantity": SIZE}
                oto = await client.ws_create_oto_order(
                    **working, workingPrice=str(ask + 5), pendingType="LIMIT_MAKER", pendingPrice=str(ask + 200)
                )
                assert [one["status"] for one in oto["orderReports"]] == ["FILLED", "PENDING_NEW"]
                pending = await client.ws_get_order(symbol="BTCUSDT", orderId=oto["orders"][1]["orderId"])
                assert (pending["status"], pending["orderListId"]) == ("NEW", oto["orderListId"])
                otoco = await client.ws_create_otoco_order(
                    **working, workingPrice=str(bid - 50), pendingAboveType="TAKE_PROFIT",
                    pendingAboveStopPrice=str(ask + 90), pendingBelowType="STOP_LOSS", pendingBelowTrailingDelta="100",
                )  # fmt: skip
                assert len(await client.ws_get_oco_open_orders()) == 2
                gone = await client.ws_cancel_oco_order(symbol="BTCUSDT", orderListId=otoco["orderListId"])
                assert [one["status"] for one in gone["orderReports"]] == ["CANCELED"] * 3
                with pytest.raises(BinanceAPIException) as refused:
                    await client.ws_create_oco_order(
                        symbol="BTCUSDT", side="SELL", quantity=SIZE, aboveType="LIMIT_MAKER", abovePrice=str(ask + 9),
                        belowType="STOP_LOSS", belowStopPrice=str(ask + 5),
                    )  # fmt: skip
                assert refused.value.code == -2010
            finally:
                await client.ws_api.close()
                await client.close_connection()

    run(work())


def test_binances_own_connector_reads_lists_as_typed_models(run: Any) -> None:
    """All list requests of its REST client, the deprecated one too: a field of the wrong type is an error."""
    spot = pytest.importorskip("binance_sdk_spot.spot")
    from binance_common.configuration import ConfigurationRestAPI

    def ask(port: int) -> None:
        client = spot.Spot(
            config_rest_api=ConfigurationRestAPI(
                api_key=TEST_KEY, api_secret=TEST_SECRET, base_path=f"http://127.0.0.1:{port}"
            )
        ).rest_api
        one = {"symbol": "BTCUSDT"}
        client.new_order(**one, side="BUY", type="MARKET", quantity=0.01)
        pair = {"side": "SELL", "quantity": 0.01}
        working = {"working_type": "LIMIT", "working_side": "BUY", "working_price": 50000, "working_quantity": 0.01}
        working |= {"working_time_in_force": "GTC", "pending_side": "SELL", "pending_quantity": 0.01}
        old = client.order_oco(**one, **pair, price=70000, stop_price=50000).data()
        oco = client.order_list_oco(
            **one, **pair, above_type="TAKE_PROFIT_LIMIT", above_price=70000, above_stop_price=69000,
            above_time_in_force="GTC", below_type="STOP_LOSS", below_stop_price=50000,
        ).data()  # fmt: skip
        oto = client.order_list_oto(**one, **working, pending_type="MARKET").data()
        otoco = client.order_list_otoco(
            **one, **working, pending_above_type="LIMIT_MAKER", pending_above_price=70000,
            pending_below_type="STOP_LOSS", pending_below_stop_price=40000,
        ).data()  # fmt: skip
        lists = [old, oco, oto, otoco]
        assert [len(x.order_reports) for x in lists] == [2, 2, 2, 3]
        assert [x.contingency_type for x in lists] == ["OCO", "OCO", "OTO", "OTO"]
        ids = [x.order_list_id for x in lists]
        assert [x.order_list_id for x in client.open_order_list().data()] == ids
        assert client.get_order_list(order_list_id=ids[1]).data().list_order_status == "EXECUTING"
        for number in ids:
            assert client.delete_order_list(**one, order_list_id=number).data().list_order_status == "ALL_DONE"
        assert {x.list_order_status for x in client.all_order_list().data()} == {"ALL_DONE"}

    async def work() -> None:
        async with serving(flows=STILL) as (_, port):
            await asyncio.to_thread(ask, port)

    run(work())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ccxt_places_stops_by_its_own_words_and_lists_by_binances(run: Any) -> None:
    """Its unified stop orders, which it offers by exchangeInfo's order types, and the raw requests for lists."""

    async def work() -> None:
        async with serving(flows=STILL) as (_, port):
            exchange = ccxt.pro.binance({"apiKey": TEST_KEY, "secret": TEST_SECRET})
            moved(exchange.urls["api"], port)
            try:
                await exchange.load_markets()
                await exchange.create_order("BTC/USDT", "market", "buy", 0.01)
                stop = await exchange.create_order("BTC/USDT", "market", "sell", 0.01, None, {"stopLossPrice": 50000})
                take = await exchange.create_order("BTC/USDT", "limit", "sell", 0.01, 70000, {"takeProfitPrice": 69000})
                trail = await exchange.create_order(
                    "BTC/USDT", "market", "sell", 0.01, None, {"trailingPercent": 1, "stopLossOrTakeProfit": "stopLoss"}
                )
                found = {one["id"]: one for one in await exchange.fetch_open_orders("BTC/USDT")}
                assert {found[x["id"]]["info"]["type"] for x in (stop, take, trail)} >= {
                    "STOP_LOSS",
                    "TAKE_PROFIT_LIMIT",
                }
                assert found[stop["id"]]["triggerPrice"] == 50000
                oco = await exchange.private_post_orderlist_oco({
                    "symbol": "BTCUSDT", "side": "SELL", "quantity": SIZE, "aboveType": "LIMIT_MAKER",
                    "abovePrice": "70000", "belowType": "STOP_LOSS", "belowStopPrice": "50000",
                })  # fmt: skip
                legs = {str(one["orderId"]) for one in oco["orders"]}
                assert legs <= {one["id"] for one in await exchange.fetch_open_orders("BTC/USDT")}
                await exchange.cancel_order(next(iter(legs)), "BTC/USDT")
                assert not legs & {one["id"] for one in await exchange.fetch_open_orders("BTC/USDT")}
                await exchange.cancel_all_orders("BTC/USDT")
                assert await exchange.fetch_open_orders("BTC/USDT") == []
            finally:
                await exchange.close()

    run(work())
