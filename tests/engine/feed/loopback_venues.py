"""The venues of the loopback, each with its own words around the same market."""

import json

from engine.book import Book
from engine.venues.kraken.scan import checksum
from engine.venues.wire.frames import BINARY, PING
from tests.engine.feed.feed_fakes import EXCHANGE_INFO, diff, ticker, trade
from tests.engine.feed.loopback import STAMP, Line, LoopbackBench, Venue
from tests.engine.venues.binance import sbe_oracle
from tests.engine.venues.coinbase_exchange.exchange_oracle import done, made, matched, name, opened, raw

Levels = list[tuple[bool, int, int]]
CLOCK_MS = 1_700_000_000_000
CLOCK_US = CLOCK_MS * 1000
PATHS = {"binance": "/api/v3", "binance-sbe": "/api/v3", "binance-usdm": "/fapi/v1", "binance-coinm": "/dapi/v1"}
CHANNELS = {"depth@100ms": "book", "depth": "book", "trade": "prints", "bookTicker": "best", "bestBidAsk": "best"}
KRAKEN_PAIRS = {
    "result": {
        "XBTUSD": {"wsname": "XBT/USD", "pair_decimals": 2, "lot_decimals": 5, "ordermin": "0.0001", "costmin": "0.5"}
    }
}
COINBASE_PRODUCTS = {
    "products": [
        {
            "product_id": "BTC-USD", "base_currency_id": "BTC", "quote_currency_id": "USD", "quote_increment": "0.01",
            "base_increment": "0.00001", "base_min_size": "0.00001", "base_max_size": "1000", "quote_min_size": "1",
            "price_increment": "0.01", "status": "online", "trading_disabled": False,
        }
    ]
}  # fmt: skip
EXCHANGE_PRODUCTS = [
    {
        "id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "quote_increment": "0.01",
        "base_increment": "0.00001", "min_market_funds": "1", "status": "online", "trading_disabled": False,
    }
]  # fmt: skip
CONTRACTS = {
    "symbols": [
        {
            "symbol": "BTCUSD_PERP", "contractStatus": "TRADING", "contractType": "PERPETUAL", "contractSize": 100,
            "baseAsset": "BTC", "quoteAsset": "USD",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.01", "minPrice": "0.01", "maxPrice": "1000000"},
                {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1", "maxQty": "9000000"},
            ],
        }
    ]
}  # fmt: skip


class BinanceVenue(Venue):
    """Spot: contiguous ids."""

    path = PATHS["binance"]
    metadata: object = EXCHANGE_INFO

    def answer(self) -> None:
        """A book whose number is the stream's."""
        levels = self.levels()
        book = {"lastUpdateId": self.update, "bids": self.rows(levels, bid=True), "asks": self.rows(levels, bid=False)}
        self.rest.answers[f"{self.path}/depth?symbol={self.symbol}"] = book
        self.rest.answers[f"{self.path}/exchangeInfo"] = self.metadata

    def change(self, bid: bool, price: int, size: int) -> None:
        """The best bid and ask go by a channel of their own."""
        super().change(bid, price, size)
        for line in self.listeners("best"):
            self.publish_best(line)

    def publish_best(self, line: Line) -> None:
        """At the number of the book."""
        bid, bid_size, ask, ask_size = self.top()
        numbers = self.price(bid), self.size(bid_size), self.price(ask), self.size(ask_size)
        line.send(ticker(self.update, *numbers, symbol=self.symbol))

    def ping(self, line: Line) -> None:
        """Every twenty seconds, in truth."""
        line.send(b"1787733279756", opcode=PING)

    def receive(self, line: Line, message: dict) -> None:
        """Acknowledge."""
        line.send(json.dumps({"result": None, "id": message["id"]}).encode())
        for stream in message["params"]:
            channel = CHANNELS[stream.partition("@")[2]]
            (line.subscribed.add if message["method"] == "SUBSCRIBE" else line.subscribed.discard)(channel)

    def publish(self, line: Line, kind: str, levels: Levels) -> None:
        """A diff."""
        del kind
        rows = self.rows(levels, bid=True), self.rows(levels, bid=False)
        line.send(diff(self.previous + 1, self.update, *rows), what="book")

    def print(self, line: Line, kind: str = "update") -> None:
        """A trade."""
        del kind
        line.send(trade(self.print_id, "100.00", "0.00001", maker=True), what="print")


class FuturesVenue(BinanceVenue):
    """USD-M: ids are global and jump, and `pu` names the event before."""

    path = PATHS["binance-usdm"]
    before = 0

    def change(self, bid: bool, price: int, size: int) -> None:
        """Others have used numbers meanwhile."""
        self.before, self.update = self.update, self.update + self.random.randrange(4)
        super().change(bid, price, size)

    def publish(self, line: Line, kind: str, levels: Levels) -> None:
        """A diff with the number of the one before."""
        del kind
        event = {
            "e": "depthUpdate", "E": CLOCK_MS, "T": CLOCK_MS, "s": self.symbol,
            "U": self.previous + 1, "u": self.update, "pu": self.before,
            "b": self.rows(levels, bid=True), "a": self.rows(levels, bid=False),
        }  # fmt: skip
        self._send(line, "depth@100ms", event, "book")

    def print(self, line: Line, kind: str = "update") -> None:
        """A trade."""
        del kind
        event = {
            "e": "trade", "E": CLOCK_MS, "T": CLOCK_MS, "s": self.symbol, "t": self.print_id, "p": "100.00",
            "q": self.size(1), "X": "MARKET", "m": True,
        }  # fmt: skip
        self._send(line, "trade", event, "print")

    def _send(self, line: Line, channel: str, event: dict, what: str) -> None:
        stream = f"{self.symbol.lower()}@{channel}"
        line.send(json.dumps({"stream": stream, "data": event}).encode(), what=what)


class CoinVenue(FuturesVenue):
    """COIN-M: the same in contracts."""

    symbol, size_decimals = "BTCUSD_PERP", 0
    path = PATHS["binance-coinm"]
    metadata = CONTRACTS


class SbeVenue(BinanceVenue):
    """Spot in SBE."""

    def publish(self, line: Line, kind: str, levels: Levels) -> None:
        """A diff, in binary."""
        del kind
        rows = {
            side: [{"price": price, "qty": size} for one, price, size in levels if one is bid]
            for side, bid in (("bids", True), ("asks", False))
        }
        numbers = {"firstBookUpdateId": self.previous + 1, "lastBookUpdateId": self.update}
        self._send(line, 10003, {**numbers, **rows}, "book")

    def publish_best(self, line: Line) -> None:
        """The same, in binary."""
        names = ("bidPrice", "bidQty", "askPrice", "askQty")
        self._send(line, 10001, {"bookUpdateId": self.update, **dict(zip(names, self.top(), strict=True))}, "")

    def print(self, line: Line, kind: str = "update") -> None:
        """A trade, in binary."""
        del kind
        one = {"id": self.print_id, "price": 10_000, "qty": 1, "isBuyerMaker": 1}
        self._send(line, 10000, {"transactTime": CLOCK_US, "trades": [one]}, "print")

    def _send(self, line: Line, template: int, values: dict, what: str) -> None:
        head = {"eventTime": CLOCK_US, "priceExponent": -2, "qtyExponent": -5, "symbol": self.symbol.encode()}
        line.send(sbe_oracle.encode(template, {**head, **values}), opcode=BINARY, what=what)


class KrakenVenue(Venue):
    """Spot v2: a checksum after every change."""

    symbol = "BTC/USD"

    def answer(self) -> None:
        """Metadata alone."""
        self.rest.answers["/0/public/AssetPairs"] = KRAKEN_PAIRS

    def ping(self, line: Line) -> None:
        """A heartbeat."""
        line.send(b'{"channel":"heartbeat"}')

    def receive(self, line: Line, message: dict) -> None:
        """Acknowledge, and begin with what there is."""
        channel = message["params"]["channel"]
        result = {"channel": channel, "symbol": self.symbol, "depth": 100, "snapshot": True}
        answer = {"method": "subscribe", "result": result, "success": True, "req_id": message["req_id"]}
        if message["method"] != "subscribe":
            return
        line.send(json.dumps(answer).encode())
        line.subscribed.add("book" if channel == "book" else "prints")
        if channel == "book":
            self.publish(line, "snapshot", self.levels())
        else:
            self.print(line, "snapshot")

    def publish(self, line: Line, kind: str, levels: Levels) -> None:
        """Numbers are written with all their digits, and not by a JSON library."""
        book = Book()
        for bid, price, size in self.levels():
            book.set(1 if bid else -1, price, size)
        rows = [
            ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in self.rows(levels, bid=is_bid))
            for is_bid in (True, False)
        ]
        line.send(
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.symbol}","bids":[{rows[0]}],'
            f'"asks":[{rows[1]}],"checksum":{checksum(book)},"timestamp":"{STAMP}"}}]}}'.encode(),
            what="" if kind == "snapshot" else "book",
        )

    def print(self, line: Line, kind: str = "update") -> None:
        """A trade, or the last ten."""
        rows = ",".join(
            f'{{"symbol":"{self.symbol}","side":"buy","price":100.00,"qty":0.00001,"ord_type":"limit",'
            f'"trade_id":{one},"timestamp":"{STAMP}"}}' for one in last_ids(self, kind))  # fmt: skip
        frame = f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'
        line.send(frame.encode(), what="" if kind == "snapshot" else "print")


class CoinbaseVenue(Venue):
    """Advanced: one numbering a connection."""

    symbol = "BTC-USD"

    def answer(self) -> None:
        """Metadata alone."""
        self.rest.answers["/api/v3/brokerage/market/products"] = COINBASE_PRODUCTS

    def ping(self, line: Line) -> None:
        """A heartbeat."""
        self._number(line, "heartbeats", [{"current_time": STAMP, "heartbeat_counter": 1}])

    def receive(self, line: Line, message: dict) -> None:
        """Begin with what there is, then acknowledge."""
        channel = message["channel"]
        if message["type"] != "subscribe":
            return
        if channel == "level2":
            line.subscribed.add("book")
            self.publish(line, "snapshot", self.levels())
        elif channel == "market_trades":
            line.subscribed.add("prints")
            self.print(line, "snapshot")
        names = {"book": "level2", "prints": "market_trades"}
        subscribed = {names[one]: [self.symbol] for one in sorted(line.subscribed)}
        self._number(line, "subscriptions", [{"subscriptions": {"heartbeats": [], **subscribed}}])

    def publish(self, line: Line, kind: str, levels: Levels) -> None:
        """Levels with their new sizes."""
        rows = [
            {"side": "bid" if bid else "offer", "event_time": STAMP, "price_level": self.price(price),
             "new_quantity": self.size(size)}
            for bid, price, size in levels
        ]  # fmt: skip
        event = {"type": kind, "product_id": self.symbol, "updates": rows}
        self._number(line, "l2_data", [event], what="" if kind == "snapshot" else "book")

    def print(self, line: Line, kind: str = "update") -> None:
        """A trade, or the last ten, newest first."""
        trades = [
            {"product_id": self.symbol, "trade_id": str(one), "price": "100", "size": "0.00001", "time": STAMP,
             "side": "BUY"} for one in reversed(last_ids(self, kind))
        ]  # fmt: skip
        what = "" if kind == "snapshot" else "print"
        self._number(line, "market_trades", [{"type": kind, "trades": trades}], what)

    def _number(self, line: Line, channel: str, events: list, what: str = "") -> None:
        message = {"channel": channel, "timestamp": STAMP, "sequence_num": line.number, "events": events}
        line.send(json.dumps(message).encode(), what=what)


class OrdersVenue(Venue):
    """Exchange, `full`: every order has a number, and each price here is one order's."""

    symbol = "BTC-USD"

    def __init__(self, seed: int) -> None:
        """An order at each price."""
        self.owners: dict[tuple[bool, int], int] = {}
        self.orders = 0
        super().__init__(seed)

    def answer(self) -> None:
        """Every order, and the product's sequence."""
        rows = [
            [[self.price(price), self.size(size), name(self._owner(bid, price))] for one, price, size in self.levels()
             if one is bid] for bid in (True, False)
        ]  # fmt: skip
        book = {"bids": rows[0], "asks": rows[1], "sequence": self.update, "time": STAMP}
        self.rest.answers[f"/products/{self.symbol}/book?level=3"] = book
        self.rest.answers["/products"] = EXCHANGE_PRODUCTS

    def ping(self, line: Line) -> None:
        """A heartbeat with the number."""
        line.send(raw(made("heartbeat", self.update, last_trade_id=self.print_id)))

    def receive(self, line: Line, message: dict) -> None:
        """Acknowledge."""
        line.subscribed |= {"book", "prints"} if message["type"] == "subscribe" else set()
        channels = [{"name": one, "product_ids": [self.symbol]} for one in ("full", "heartbeat")]
        line.send(raw({"type": "subscriptions", "channels": channels}))

    def change(self, bid: bool, price: int, size: int) -> None:
        """The order there leaves, another comes."""
        side, word = (self.bids, "buy") if bid else (self.asks, "sell")
        if price in side:
            self._spread(done(self._next(), name(self._owner(bid, price)), self.size(side.pop(price)), word))
            del self.owners[bid, price]
        if size:
            side[price] = size
            order = name(self._owner(bid, price))
            self._spread(made("received", self._next(), order_id=order, side=word, size=self.size(size)))
            self._spread(opened(self._next(), order, self.price(price), self.size(size), word))

    def trade(self) -> None:
        """Another trader buys a little of the best bid."""
        best = max(self.bids)
        if self.bids[best] > 1:
            self.bids[best] -= 1
            self.print_id += 1
            order = name(self._owner(True, best))
            self._spread(matched(self._next(), order, self.price(best), self.size(1), "buy", self.print_id))

    def publish(self, line: Line, kind: str, levels: Levels) -> None:
        """No message has levels."""

    def print(self, line: Line, kind: str = "update") -> None:
        """Prints are part of the orders."""

    def _spread(self, message: dict) -> None:
        for line in self.listeners("book"):
            line.send(raw(message), what="print" if message["type"] == "match" else "book")

    def _next(self) -> int:
        self.update += 1
        return self.update

    def _owner(self, bid: bool, price: int) -> int:
        if (bid, price) not in self.owners:
            self.orders += 1
            self.owners[bid, price] = self.orders
        return self.owners[bid, price]


class LevelsVenue(Venue):
    """Exchange, `level2`: changes have no numbers, trades have; a loss shows by the trade that was lost with it."""

    symbol = "BTC-USD"
    losses = ("print",)

    def answer(self) -> None:
        """Metadata alone."""
        self.rest.answers["/products"] = EXCHANGE_PRODUCTS

    def ping(self, line: Line) -> None:
        """A heartbeat."""
        line.send(raw(made("heartbeat", self.update, last_trade_id=self.print_id)))

    def receive(self, line: Line, message: dict) -> None:
        """Acknowledge; a book begins with what there is."""
        channel = message["channels"][0]
        if message["type"] != "subscribe":
            return
        line.subscribed.add("book" if channel == "level2_batch" else "prints")
        names = {"book": "level2_50", "prints": "matches"}
        channels = [{"name": names[one], "product_ids": [self.symbol]} for one in sorted(line.subscribed)]
        line.send(raw({"type": "subscriptions", "channels": channels}))
        if channel == "level2_batch":
            self.publish(line, "snapshot", self.levels())
        else:
            last = matched(self.update, name(1), "100.00", self.size(1), "buy", self.print_id)
            line.send(raw(last | {"type": "last_match"}))

    def publish(self, line: Line, kind: str, levels: Levels) -> None:
        """Levels with their new sizes."""
        if kind == "snapshot":
            rows = {side: self.rows(levels, bid=bid) for side, bid in (("bids", True), ("asks", False))}
            line.send(raw({"type": "snapshot", "product_id": self.symbol, **rows}))
            return
        changes = [["buy" if bid else "sell", self.price(price), self.size(size)] for bid, price, size in levels]
        line.send(raw({"type": "l2update", "product_id": self.symbol, "changes": changes, "time": STAMP}))

    def print(self, line: Line, kind: str = "update") -> None:
        """A trade."""
        del kind
        line.send(raw(matched(self.update, name(1), "100.00", self.size(1), "buy", self.print_id)), what="print")


def last_ids(venue: Venue, kind: str) -> range:
    """The newest print, or the last ten."""
    first = max(1, venue.print_id - 9) if kind == "snapshot" else venue.print_id
    return range(first, venue.print_id + 1)


VENUES: dict[str, type[Venue]] = {
    "binance": BinanceVenue,
    "binance-usdm": FuturesVenue,
    "binance-coinm": CoinVenue,
    "binance-sbe": SbeVenue,
    "kraken": KrakenVenue,
    "coinbase": CoinbaseVenue,
    "coinbase-exchange": OrdersVenue,
    "coinbase-exchange-level2": LevelsVenue,
}


def bench_of(name: str, seed: int, **config: object) -> LoopbackBench:
    """A feed and a venue of this kind."""
    return LoopbackBench(VENUES[name](seed), name, seed=seed % 1000, **config)
