"""A small venue on the loopback, stepped by the test: real sockets, several connections, and one that goes wrong."""

import contextlib
import json
import random
import socket
from collections.abc import Callable

from engine.book import Book
from engine.feed.feed import Feed
from engine.model.words import Flag, TickKind
from engine.venues.kraken.scan import checksum
from engine.venues.port import PortState
from engine.venues.wire import WebSocketPort
from engine.venues.wire.frames import PING, TEXT
from tests.engine.feed.feed_fakes import Bench, FakeRequests, FakeStream, diff, trade
from tests.engine.venues.wire.peers import Peer

STAMP = "2026-08-09T21:05:48.228568Z"
SYMBOLS = {"binance": "BTCUSDT", "kraken": "BTC/USD", "coinbase": "BTC-USD"}
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
LATE_STEPS = 5
PRICE_UNIT, SIZE_UNIT = 100, 100_000


class Line:
    """One accepted connection of the venue."""

    def __init__(self, peer: Peer) -> None:
        """Take the connection and its upgrade."""
        peer.accept()
        self.socket, self.writer, self.reader = peer.socket, type(peer.writer)(server=True), type(peer.reader)(
            server=True
        )  # fmt: skip
        peer.accept_upgrade(peer.read_head())
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.late: list[bytes] = []
        self.patience = 0
        self.subscribed: set[str] = set()
        self.mute = self.lossy = self.closed = False
        self.number = 0  # Coinbase numbers a connection's messages
        self.lost: list[str] = []

    def heard(self) -> list[dict]:
        """What our side said."""
        try:
            block = self.socket.recv(1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            block = b""
        self.closed = self.closed or not block
        self.reader.feed(block)
        return [json.loads(payload) for kind, payload in self.reader.events() if kind == TEXT]

    def say(self, message: bytes, *, opcode: int = TEXT, what: str = "") -> None:
        """Send, unless this line is mute or loses this one: a lossy line loses one book message and one print."""
        self.number += 1
        if self.mute or self.closed:
            return
        if self.lossy and what and what not in self.lost:
            self.lost.append(what)
            return
        self.late.append(self.writer.encode(opcode, message))

    def deliver(self, draw: random.Random) -> None:
        """Send what waits, each line some steps later than it was said."""
        self.patience -= 1
        if self.patience > 0 or self.closed:
            return
        self.patience = draw.randrange(LATE_STEPS)
        try:
            self.socket.sendall(b"".join(self.late))
        except OSError:
            self.closed = True
        self.late.clear()

    def cut(self) -> None:
        """End without a word."""
        self.socket.close()
        self.closed = True


class Venue:
    """Its market, and how it tells it."""

    def __init__(self, name: str, seed: int) -> None:
        """An empty house over a book that exists."""
        self.name, self.symbol = name, SYMBOLS[name]
        self.random = random.Random(seed)
        self.peer = Peer()
        self.lines: list[Line] = []
        self.bids = {9_900 - place: 1 + place for place in range(5)}  # ten prices a side: all that a checksum is over
        self.asks = {10_100 + place: 1 + place for place in range(5)}
        self.update, self.print_id = 100, 10
        self.rest = FakeRequests({"/api/v3/exchangeInfo": self._exchange_info(), "/0/public/AssetPairs": KRAKEN_PAIRS,
                                  "/api/v3/brokerage/market/products": COINBASE_PRODUCTS})  # fmt: skip
        self._answer_books()

    def stream(self, target: str) -> WebSocketPort | FakeStream:
        """A port to this venue, which does not announce its instruments."""
        if "#" in target:
            return FakeStream(target, state=PortState.CLOSED)
        return WebSocketPort(f"ws://127.0.0.1:{self.peer.port}{target}")

    def requests(self) -> FakeRequests:
        """The REST side, of which no claim is made here."""
        return self.rest

    def close(self) -> None:
        """End everything."""
        for line in self.lines:
            line.cut()
        self.peer.close()

    @property
    def alive(self) -> list[Line]:
        """The lines that stand."""
        return [line for line in self.lines if not line.closed]

    def serve(self) -> None:
        """Let in who knocks, and answer what was said."""
        self.peer.listener.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self.lines.append(Line(self.peer))
        for line in self.alive:
            for message in line.heard():
                getattr(self, f"_hear_{self.name}")(line, message)
            line.deliver(self.random)

    def ping(self) -> None:
        """Show that the connections live, as each venue does."""
        for line in self.alive:
            if self.name == "binance":
                line.say(b"1787733279756", opcode=PING)
            elif self.name == "kraken":
                line.say(b'{"channel":"heartbeat"}')
            else:
                self._number(line, "heartbeats", [{"current_time": STAMP, "heartbeat_counter": 1}])

    def move(self) -> None:
        """One change of the book, and sometimes a print, to everyone who subscribed."""
        side, low = self.random.choice(((self.bids, 9_895), (self.asks, 10_095)))
        price = low + self.random.randrange(10)
        size = 0 if price in side and len(side) > 3 and self.random.random() < 0.5 else self.random.randrange(1, 10**6)
        side.pop(price, None)
        if size:
            side[price] = size
        self.update += 1
        self._answer_books()
        levels = [(side is self.bids, price, size)]
        for line in self.alive:
            if "book" in line.subscribed:
                getattr(self, f"_tell_{self.name}")(line, "update", levels)
        if self.random.random() < 0.5:
            self.print_id += 1
            for line in self.alive:
                if "prints" in line.subscribed:
                    self._print(line)

    def top(self) -> tuple[int, int, int, int]:
        """The best bid and ask with their sizes."""
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]

    def levels(self) -> list[tuple[bool, int, int]]:
        """The whole book, best first."""
        bids = [(True, price, self.bids[price]) for price in sorted(self.bids, reverse=True)]
        return bids + [(False, price, self.asks[price]) for price in sorted(self.asks)]

    def _exchange_info(self) -> dict:
        return Bench.__init__.__globals__["EXCHANGE_INFO"]

    def _answer_books(self) -> None:
        rows = {bid: [] for bid in (True, False)}
        for bid, price, size in self.levels():
            rows[bid].append([text(price, PRICE_UNIT), text(size, SIZE_UNIT)])
        book = {"lastUpdateId": self.update, "bids": rows[True], "asks": rows[False]}
        self.rest.answers[f"/api/v3/depth?symbol={self.symbol}"] = book

    def _hear_binance(self, line: Line, message: dict) -> None:
        line.say(json.dumps({"result": None, "id": message["id"]}).encode())
        line.subscribed |= {"book", "prints"}

    def _tell_binance(self, line: Line, _kind: str, levels: list) -> None:
        rows = [[[text(price, PRICE_UNIT), text(size, SIZE_UNIT)] for bid, price, size in levels if bid is wanted]
                for wanted in (True, False)]  # fmt: skip
        line.say(diff(self.update, self.update, *rows), what="book")

    def _hear_kraken(self, line: Line, message: dict) -> None:
        channel = message["params"]["channel"]
        result = {"channel": channel, "symbol": self.symbol, "depth": 100, "snapshot": True}
        answer = {"method": "subscribe", "result": result, "success": True, "req_id": message["req_id"]}
        if message["method"] != "subscribe":
            return
        line.say(json.dumps(answer).encode())
        line.subscribed.add("book" if channel == "book" else "prints")
        if channel == "book":
            self._tell_kraken(line, "snapshot", self.levels())
        else:
            self._print(line, "snapshot")

    def _tell_kraken(self, line: Line, kind: str, levels: list) -> None:
        book = Book()
        for bid, price, size in self.levels():
            book.set(1 if bid else -1, price, size)
        rows = [",".join(f'{{"price":{text(price, PRICE_UNIT)},"qty":{text(size, SIZE_UNIT)}}}'
                for bid, price, size in levels if bid is wanted) for wanted in (True, False)]  # fmt: skip
        line.say(
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.symbol}","bids":[{rows[0]}],'
            f'"asks":[{rows[1]}],"checksum":{checksum(book)},"timestamp":"{STAMP}"}}]}}'.encode(),
            what="" if kind == "snapshot" else "book",
        )

    def _hear_coinbase(self, line: Line, message: dict) -> None:
        channel = message["channel"]
        if message["type"] != "subscribe":
            return
        if channel == "level2":
            line.subscribed.add("book")
            self._tell_coinbase(line, "snapshot", self.levels())
        elif channel == "market_trades":
            line.subscribed.add("prints")
            self._print(line, "snapshot")
        names = {"book": "level2", "prints": "market_trades"}
        subscribed = {names[one]: [self.symbol] for one in sorted(line.subscribed)}
        self._number(line, "subscriptions", [{"subscriptions": {"heartbeats": [], **subscribed}}])

    def _tell_coinbase(self, line: Line, kind: str, levels: list) -> None:
        rows = [
            {"side": "bid" if bid else "offer", "event_time": STAMP, "price_level": text(price, PRICE_UNIT),
             "new_quantity": text(size, SIZE_UNIT)}
            for bid, price, size in levels
        ]  # fmt: skip
        event = {"type": kind, "product_id": self.symbol, "updates": rows}
        self._number(line, "l2_data", [event], what="" if kind == "snapshot" else "book")

    def _number(self, line: Line, channel: str, events: list, what: str = "") -> None:
        message = {"channel": channel, "timestamp": STAMP, "sequence_num": line.number, "events": events}
        line.say(json.dumps(message).encode(), what=what)

    def _print(self, line: Line, kind: str = "update") -> None:
        """The newest print; the ones before it, too, where a subscription begins with them."""
        what = "" if kind == "snapshot" else "print"
        ids = range(max(1, self.print_id - 9), self.print_id + 1) if kind == "snapshot" else [self.print_id]
        if self.name == "binance":
            line.say(trade(self.print_id, "100.00", "0.00001", maker=True), what="print")
        elif self.name == "kraken":
            rows = ",".join(
                f'{{"symbol":"{self.symbol}","side":"buy","price":100.00,"qty":0.00001,"ord_type":"limit",'
                f'"trade_id":{one},"timestamp":"{STAMP}"}}' for one in ids)  # fmt: skip
            line.say(f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'.encode(), what=what)
        else:
            trades = [
                {"product_id": self.symbol, "trade_id": str(one), "price": "100", "size": "0.00001", "time": STAMP,
                 "side": "BUY"} for one in reversed(ids)
            ]  # fmt: skip
            self._number(line, "market_trades", [{"type": kind, "trades": trades}], what)


class Told:
    """What a reader of the lanes knows: the book put together again from the ticks, and the prints."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.book: dict[tuple[int, int], int] = {}
        self.prints: list[int] = []
        self.states: list[int] = []
        self.resets = 0
        self.sequences: list[int] = []

    def take_levels(self, rows: list) -> None:
        """Follow the whole book."""
        for row in rows:
            if row.flags & Flag.RESET:
                self.book.clear()
            if row.kind == TickKind.LEVEL:
                self.book[row.side, row.price] = row.size
                if not row.flags & (Flag.SNAPSHOT | Flag.REFRESH):
                    self.sequences.append(row.venue_sequence)

    def take(self, rows: list) -> None:
        """Take ticks as a strategy would."""
        for row in rows:
            self.resets += bool(row.flags & Flag.RESET)
            if row.kind == TickKind.PRINT:
                self.prints.append(row.detail)
            elif row.kind == TickKind.STATE:
                self.states.append(row.detail)

    def top(self) -> tuple[int, int, int, int]:
        """The best bid and ask with their sizes."""
        bid = max(price for (side, price), size in self.book.items() if side > 0 and size)
        ask = min(price for (side, price), size in self.book.items() if side < 0 and size)
        return bid, self.book[1, bid], ask, self.book[-1, ask]


class LoopbackBench(Bench):
    """A feed over real sockets to a venue of the test's own."""

    def __init__(self, name: str, seed: int, **config: object) -> None:
        """Both, and nothing connected yet."""
        super().__init__(venue=name, symbols={SYMBOLS[name]: 7}, levels=True, seed=seed % 1000, **config)
        self.venue = Venue(name, seed)
        self.feed = Feed(self.config, self.venue, self.outbox)
        self.reader = Told()

    def close(self) -> None:
        """Remove what was made."""
        super().close()
        self.venue.close()

    def go(self, steps: int, millis: int = 10, *, moving: bool = True) -> None:
        """Let venue and feed live on together; a heartbeat comes every second."""
        for _ in range(steps):
            self.now += millis * 1_000_000
            self.venue.serve()
            if self.now // 1_000_000_000 != (self.now - millis * 1_000_000) // 1_000_000_000:
                self.venue.ping()
            if moving:
                self.venue.move()
            self.feed.step(self.now)
        self.reader.take(self.told())
        self.reader.take_levels(list(self.levels.rows()))

    def go_until(self, done: Callable[[], bool], why: str, *, moving: bool = True) -> None:
        """Live on until something is so."""
        for _ in range(4000):
            if done():
                return
            self.go(1, moving=moving)
        raise AssertionError(f"still not so: {why}; {self.feed.failure!r}")


def text(number: int, unit: int) -> str:
    """A fixed-point number with all its digits."""
    whole, part = divmod(number, unit)
    return f"{whole}.{str(part).zfill(len(str(unit)) - 1)}"
