"""Binance, Coinbase and Kraken as they sound on the wire, around a truth that the test moves."""

import json
import time
from typing import Any

from engine.book import Book
from engine.venues.kraken.scan import checksum
from tests.engine.feed.live.truth import Truth
from tests.engine.feed.live.wire import Session, Want, Wire

Changes = list[tuple[int, int, int]]
MESSAGES_A_SECOND = 5
TIME = "2026-11-21T05:00:00.123456Z"
STAMP = 1_700_000_000_000


class BinanceWire(Wire):
    """Spot, or USD-M: contiguous ids, or the `pu` chain."""

    channels = ("depth@100ms", "bookTicker", "trade")

    def __init__(self, seed: int, symbols: tuple[str, ...], product: str = "spot") -> None:
        """`product` is spot or usdm."""
        super().__init__(seed, symbols)
        self.futures = product != "spot"
        self.weight = 0
        self.limits: list[str] = []
        self.too_fast = 0
        self._spoken: list[float] = []

    def rest_headers(self) -> dict[str, str]:
        """How much of the minute is used."""
        return {"X-MBX-USED-WEIGHT-1M": str(self.weight)}

    def rest(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        """ExchangeInfo and books."""
        if path.endswith("exchangeInfo"):
            self.weight += 20
            return self._exchange_info(query)
        truth = self.truths.get(query["symbol"][0])
        if truth is None:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        self.limits.append(query["limit"][0])
        self.weight += {"5000": 250, "1000": 20 if self.futures else 50, "500": 10}[query["limit"][0]]
        bids = [[truth.price(price), truth.size(size)] for price, size in sorted(truth.bids.items(), reverse=True)]
        asks = [[truth.price(price), truth.size(size)] for price, size in sorted(truth.asks.items())]
        return 200, {"lastUpdateId": truth.update, "bids": bids, "asks": asks}

    def _exchange_info(self, query: dict[str, list[str]]) -> tuple[int, object]:
        asked = json.loads(query["symbols"][0]) if "symbols" in query else list(self.truths)
        if any(symbol not in self.truths for symbol in asked):
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        return 200, {"rateLimits": [], "symbols": [self._symbol(self.truths[symbol]) for symbol in asked]}

    def _symbol(self, truth: Truth) -> dict[str, Any]:
        more = self.finer(truth)
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": f"0.{more}01", "minPrice": "0.01", "maxPrice": "100000000"},
            {"filterType": "LOT_SIZE", "stepSize": "0.00001", "minQty": "0.00001", "maxQty": "9000"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ]
        contract = {"contractType": "PERPETUAL"} if self.futures else {}
        names = {"symbol": truth.symbol, "status": "TRADING", "baseAsset": truth.symbol[:3], "quoteAsset": "USDT"}
        return names | {"filters": filters} | contract

    async def take(self, session: Session, message: dict[str, Any]) -> None:
        """Subscriptions; one bad name refuses them all, and too many messages a second end the connection."""
        now = time.monotonic()
        self._spoken = [then for then in self._spoken if now - then < 1] + [now]
        if len(self._spoken) > MESSAGES_A_SECOND:
            self.too_fast += 1
            await session.connection.close(1008, "Too many requests")
            return
        wants = [self._want(name) for name in message["params"]]
        if any(symbol in self.refused for _, symbol in wants):
            await session.send(json.dumps({"error": {"code": 2, "msg": "Invalid request"}, "id": message["id"]}))
            return
        if any(want in self.ignored for want in wants):
            return
        if message["method"] == "SUBSCRIBE":
            session.wants += wants
        else:
            session.wants = [want for want in session.wants if want not in wants]
        await session.send(json.dumps({"result": None, "id": message["id"]}))

    def _want(self, name: str) -> Want:
        symbol, _, channel = name.partition("@")
        return channel, symbol.upper()

    async def publish(self, truth: Truth, changes: Changes) -> None:
        """A diff and the best bid and ask at its number."""
        event: dict[str, Any] = {
            "e": "depthUpdate", "E": STAMP, "s": truth.symbol,
            "U": truth.previous + 1, "u": truth.update, **({"pu": truth.previous, "T": STAMP} if self.futures else {}),
            "b": [[truth.price(p), truth.size(s)] for side, p, s in changes if side > 0],
            "a": [[truth.price(p), truth.size(s)] for side, p, s in changes if side < 0],
        }  # fmt: skip
        await self._publish("depth@100ms", truth.symbol, event)
        (bid, bid_size), (ask, ask_size) = truth.top()[0][0], truth.top()[1][0]
        best = {
            "u": truth.update, "s": truth.symbol, "b": truth.price(bid), "B": truth.size(bid_size),
            "a": truth.price(ask), "A": truth.size(ask_size),
        }  # fmt: skip
        await self._publish("bookTicker", truth.symbol, best)

    async def print(self, truth: Truth) -> None:
        """A trade."""
        trade = truth.trade()
        event = {
            "e": "trade", "E": STAMP, "s": truth.symbol, "t": trade.number, "p": truth.price(trade.price),
            "q": truth.size(trade.size), "T": STAMP, "m": trade.side < 0, "M": True,
        }  # fmt: skip
        await self._publish("trade", truth.symbol, event)

    async def farewell(self) -> None:
        """The venue is about to close its connections."""
        for session in list(self.sessions):
            event = {"e": "serverShutdown", "E": STAMP}
            await session.send(json.dumps({"stream": "!serverShutdown", "data": event}))

    async def _publish(self, channel: str, symbol: str, event: dict[str, Any]) -> None:
        frame = json.dumps({"stream": f"{symbol.lower()}@{channel}", "data": event})
        for session in self.listeners(channel, symbol):
            await session.send(frame)


class CoinbaseWire(Wire):
    """Advanced Trade: one numbering a connection, snapshots before acknowledgements, both cumulative."""

    channels = ("level2", "market_trades")
    skip = 0  # frames that get a number and are never sent

    def rest(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        """The known products among those requested."""
        del path
        return 200, {
            "products": [
                {
                    "product_id": symbol, "base_currency_id": symbol[:3], "quote_currency_id": symbol[4:],
                    "price_increment": f"0.{self.finer(self.truths[symbol])}01", "quote_increment": "0.01",
                    "base_increment": "0.00001",
                    "base_min_size": "0.00001", "base_max_size": "9000", "quote_min_size": "1", "status": "online",
                }
                for symbol in query["product_ids"]
                if symbol in self.truths
            ]
        }  # fmt: skip

    async def beat(self) -> None:
        """Heartbeats."""
        for session in list(self.sessions):
            if session.wants:
                await self._send(session, "heartbeats", [{"current_time": TIME, "heartbeat_counter": 1}])

    async def take(self, session: Session, message: dict[str, Any]) -> None:
        """One channel a message; the first data come before the acknowledgement."""
        channel, symbols = message["channel"], message.get("product_ids", ["heartbeats"])
        bad = [symbol for symbol in symbols if symbol in self.refused]
        if bad and message["type"] == "subscribe":
            text = f"{bad[0]} is not a valid product"
            await session.send(json.dumps({"type": "error", "message": "Failed to subscribe", "reason": text}))
            return
        wants = [(channel, symbol) for symbol in symbols if (channel, symbol) not in self.ignored]
        session.wants = [want for want in session.wants if want not in wants]
        if message["type"] == "subscribe":
            session.wants += wants
            for want in wants:
                await self._greet(session, want)
        if wants:
            listed: dict[str, list[str]] = {}
            for name, symbol in session.wants:
                listed.setdefault(name, []).append(symbol)
            await self._send(session, "subscriptions", [{"subscriptions": listed}])

    async def _greet(self, session: Session, want: Want) -> None:
        if want in self.silent or want[0] == "heartbeats":
            return
        truth = self.truths[want[1]]
        if want[0] == "level2":
            levels = [(1, p, s) for p, s in truth.bids.items()] + [(-1, p, s) for p, s in truth.asks.items()]
            await self._send(session, "l2_data", [self._book(truth, "snapshot", levels)])
        else:
            trades = [self._trade(truth, len(truth.trades) - 1 - i) for i in range(min(100, len(truth.trades)))]
            await self._send(session, "market_trades", [{"type": "snapshot", "trades": trades}])

    async def publish(self, truth: Truth, changes: Changes) -> None:
        """A change."""
        for session in self.listeners("level2", truth.symbol):
            await self._send(session, "l2_data", [self._book(truth, "update", changes)])

    async def print(self, truth: Truth) -> None:
        """Trades come in batches, the newest first."""
        truth.trade()
        truth.trade()
        trades = [self._trade(truth, -1), self._trade(truth, -2)]
        for session in self.listeners("market_trades", truth.symbol):
            await self._send(session, "market_trades", [{"type": "update", "trades": trades}])

    def _book(self, truth: Truth, kind: str, levels: Changes) -> dict[str, Any]:
        updates = [
            {"side": "bid" if side > 0 else "offer", "event_time": TIME, "price_level": truth.price(price),
             "new_quantity": truth.size(size) if size else "0"}
            for side, price, size in levels
        ]  # fmt: skip
        return {"type": kind, "product_id": truth.symbol, "updates": updates}

    def _trade(self, truth: Truth, place: int) -> dict[str, Any]:
        trade = truth.trades[place]
        return {
            "product_id": truth.symbol, "trade_id": str(trade.number), "price": truth.price(trade.price),
            "size": truth.size(trade.size), "time": TIME, "side": "SELL" if trade.side > 0 else "BUY",
        }  # fmt: skip

    async def _send(self, session: Session, channel: str, events: list[dict[str, Any]]) -> None:
        session.sequence += 1
        if channel == "l2_data" and self.skip:
            self.skip -= 1
            return
        head = {"channel": channel, "timestamp": TIME, "sequence_num": session.sequence}
        await session.send(json.dumps(head | {"events": events}))


INSTRUMENTS = ("instrument", "")


class KrakenWire(Wire):
    """Spot v2: an acknowledgement a symbol, numbers with their digits, a checksum after every change."""

    channels = ("book", "trade")
    wrong = 0  # checksums to spoil

    def __init__(self, seed: int, symbols: tuple[str, ...]) -> None:
        """Every pair online."""
        super().__init__(seed, symbols)
        self.words: dict[str, str] = {}

    def rest(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        """AssetPairs, all of them."""
        del path, query
        return 200, {
            "error": [],
            "result": {
                symbol.replace("/", ""): {
                    "wsname": symbol, "pair_decimals": 2 + len(self.finer(truth)), "lot_decimals": 5,
                    "ordermin": "0.0001",
                    "costmin": "0.5", "tick_size": f"0.{self.finer(truth)}01", "status": "online",
                }
                for symbol, truth in self.truths.items()
            },
        }  # fmt: skip

    async def begin(self, session: Session) -> None:
        """Who is there."""
        data = [{"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 2**63 + 7}]
        await session.send(json.dumps({"channel": "status", "type": "update", "data": data}))

    async def beat(self) -> None:
        """Heartbeats, to whom something is sent."""
        for session in list(self.sessions):
            if session.wants:
                await session.send('{"channel":"heartbeat"}')

    async def take(self, session: Session, message: dict[str, Any]) -> None:
        """Each symbol has an answer of its own; a ping has one, and the channel of instruments has no symbol."""
        if message["method"] == "ping":
            await session.send('{"method":"pong"}')
            return
        params = message["params"]
        if params["channel"] == "instrument":
            await self._take_instruments(session, message)
            return
        for symbol in params["symbol"]:
            want = (params["channel"], symbol)
            if want in self.ignored:
                continue
            if symbol in self.refused:
                await session.send(json.dumps({
                    "error": f"Currency pair not supported {symbol}", "method": message["method"], "success": False,
                    "req_id": message["req_id"], "symbol": symbol,
                }))  # fmt: skip
                continue
            await self._take_one(session, message, want)

    async def _take_instruments(self, session: Session, message: dict[str, Any]) -> None:
        self.connections -= not session.apart
        session.apart = True
        self.requests["instrument"] += message["method"] == "subscribe"
        answer = {"method": message["method"], "success": "instrument" not in self.refused}
        session.wants = [want for want in session.wants if want != INSTRUMENTS]
        await session.send(json.dumps(answer))
        if answer["success"] and message["method"] == "subscribe":
            session.wants.append(INSTRUMENTS)
            await session.send(self._instruments("snapshot", *self.truths.values()))

    async def announce(self, truth: Truth, status: str) -> None:
        """A pair's status is another."""
        self.words[truth.symbol] = status
        for session in self.listeners(*INSTRUMENTS):
            await session.send(self._instruments("update", truth))

    def _instruments(self, kind: str, *truths: Truth) -> str:
        """Numbers are written as Kraken writes them: small ones with an exponent."""
        pairs = ",".join(
            f'{{"symbol":"{truth.symbol}","base":"{truth.symbol[:3]}","quote":"{truth.symbol[4:]}",'
            f'"status":"{self.words.get(truth.symbol, "online")}","qty_precision":5,"qty_increment":1e-05,'
            f'"price_precision":{2 + len(self.finer(truth))},"price_increment":0.{self.finer(truth)}01,'
            f'"qty_min":0.0001,"cost_min":0.5}}'
            for truth in truths
        )
        return f'{{"channel":"instrument","type":"{kind}","data":{{"assets":[],"pairs":[{pairs}]}}}}'

    async def _take_one(self, session: Session, message: dict[str, Any], want: Want) -> None:
        subscribing = message["method"] == "subscribe"
        if want in session.wants:
            session.wants.remove(want)
        result = {"channel": want[0], "symbol": want[1]}
        await session.send(json.dumps({
            "method": message["method"], "result": result, "success": True, "req_id": message["req_id"],
        }))  # fmt: skip
        if not subscribing:
            return
        session.wants.append(want)
        if want in self.silent:
            return
        truth = self.truths[want[1]]
        if want[0] == "book":
            levels = [(1, p, s) for p, s in truth.bids.items()] + [(-1, p, s) for p, s in truth.asks.items()]
            await session.send(self._book(truth, "snapshot", levels))
        else:
            count = len(truth.trades)
            past = ",".join(self._trade(truth, place) for place in range(max(0, count - 50), count))
            await session.send(f'{{"channel":"trade","type":"snapshot","data":[{past}]}}')

    async def publish(self, truth: Truth, changes: Changes) -> None:
        """A change."""
        for session in self.listeners("book", truth.symbol):
            await session.send(self._book(truth, "update", changes))

    async def print(self, truth: Truth) -> None:
        """A trade."""
        truth.trade()
        for session in self.listeners("trade", truth.symbol):
            await session.send(f'{{"channel":"trade","type":"update","data":[{self._trade(truth, -1)}]}}')

    def _book(self, truth: Truth, kind: str, levels: Changes) -> str:
        """Numbers are written with all their digits, and not by a JSON library."""
        sides = {
            name: ",".join(
                f'{{"price":{truth.price(price)},"qty":{truth.size(size)}}}' for s, price, size in levels if s == side
            )
            for side, name in ((1, "bids"), (-1, "asks"))
        }
        total = self._checksum(truth) ^ bool(self.wrong)
        self.wrong = max(0, self.wrong - 1)
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{truth.symbol}","bids":[{sides["bids"]}],'
            f'"asks":[{sides["asks"]}],"checksum":{total},"timestamp":"{TIME}"}}]}}'
        )

    def _checksum(self, truth: Truth) -> int:
        book = Book()
        for side, levels in ((1, truth.top()[0]), (-1, truth.top()[1])):
            for price, size in levels:
                book.set(side, price, size)
        return checksum(book)

    def _trade(self, truth: Truth, place: int) -> str:
        trade = truth.trades[place]
        return (
            f'{{"symbol":"{truth.symbol}","side":"{"buy" if trade.side > 0 else "sell"}",'
            f'"price":{truth.price(trade.price)},"qty":{truth.size(trade.size)},"ord_type":"limit",'
            f'"trade_id":{trade.number},"timestamp":"{TIME}"}}'
        )
