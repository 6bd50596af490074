"""A small Binance without sockets: streams and answers that a test writes by hand."""

import json
import uuid
from dataclasses import dataclass, field

import shm
from engine.feed.books.outbox import Outbox
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.lanes import FEED, LOOKERS, open_lanes
from engine.lanes.create import create
from engine.venues.port import PortState, RequestDefaults, Response, StreamDefaults

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
EXCHANGE_INFO = {
    "symbols": [
        {
            "symbol": symbol, "status": "TRADING", "baseAsset": symbol[:3], "quoteAsset": symbol[3:],
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.01000000", "minPrice": "0.01", "maxPrice": "1000000"},
                {"filterType": "LOT_SIZE", "stepSize": "0.00001000", "minQty": "0.00001000", "maxQty": "9000.00000000"},
                {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
            ],
        }
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]
}  # fmt: skip


@dataclass
class FakeStream(StreamDefaults):
    """One connection, open at once unless the test sets another state."""

    target: str
    state: PortState = PortState.OPEN
    error: str = ""
    receive_ns: int = 0
    inbox: list[bytes] = field(default_factory=list)
    sent: list[dict] = field(default_factory=list)
    acknowledge: bool = True
    refuse: str = ""

    def poll(self, now_ns: int) -> list[bytes]:
        """What was put in."""
        if self.inbox:
            self.receive_ns = now_ns
        frames, self.inbox = self.inbox, []
        return frames

    def send(self, payload: bytes) -> bool:
        """Acknowledge subscriptions as Binance does."""
        if self.state != PortState.OPEN:
            return False
        message = json.loads(payload)
        self.sent.append(message)
        if self.refuse in json.dumps(message) and self.refuse:
            refusal = {"error": {"code": 2, "msg": "Invalid request"}, "id": message["id"]}
            self.inbox.append(json.dumps(refusal).encode())
        elif self.acknowledge:
            self.inbox.append(json.dumps({"result": None, "id": message.get("id")}).encode())
        return True

    def close(self) -> None:
        """Closed for good."""
        self.state = PortState.CLOSED


@dataclass
class FakeRequests(RequestDefaults):
    """Answers by the path asked for; a path without an answer waits."""

    answers: dict[str, object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    status: int = 200

    @property
    def busy(self) -> bool:
        """Whether a request waits for an answer: a feed whose REST side rests only looks at its sockets."""
        return bool(self.waiting)

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Note the request."""
        del method, headers, body, now_ns
        self.asked.append(target)
        self.waiting[len(self.asked)] = target
        return len(self.asked)

    def poll(self, now_ns: int) -> list[Response]:
        """Answers to what can be answered."""
        del now_ns
        found = []
        for number, target in list(self.waiting.items()):
            for start, answer in self.answers.items():
                if target.startswith(start):
                    del self.waiting[number]
                    found.append(Response(number, self.status, {}, json.dumps(answer).encode()))
                    break
        return found

    def close(self) -> None:
        """Nothing to close."""


class FakePorts:
    """Both."""

    def __init__(self) -> None:
        """With exchangeInfo known."""
        self.rest = FakeRequests({"/api/v3/exchangeInfo": EXCHANGE_INFO})
        self.streams: list[FakeStream] = []
        self.instrument_streams: list[FakeStream] = []  # connections for instruments alone
        self.announces = PortState.CLOSED  # whether they come up
        self.acknowledge = True
        self.refuse = ""
        self.opening = PortState.OPEN

    def stream(self, target: str) -> FakeStream:
        """A further connection; a connection for instruments is counted apart."""
        if "#" in target:
            self.instrument_streams.append(FakeStream(target, acknowledge=False, state=self.announces))
            return self.instrument_streams[-1]
        self.streams.append(FakeStream(target, acknowledge=self.acknowledge, refuse=self.refuse, state=self.opening))
        return self.streams[-1]

    def requests(self) -> FakeRequests:
        """The one REST side."""
        return self.rest


class Bench:
    """A feed over fakes and real shared memory, driven by hand."""

    def __init__(self, **config: object) -> None:
        """Make lanes under a name of its own."""
        self.system = f"test-feed-{uuid.uuid4().hex[:12]}"
        for name in ("ticks.feed", "books.feed", "book_tops.feed", "levels.feed"):
            create(self.system, name, wake="never")
        self.ticks = open_lanes(self.system, LOOKERS).ring_reader("ticks")
        self.levels = open_lanes(self.system, LOOKERS).ring_reader("levels")
        self.books = open_lanes(self.system, LOOKERS).ring_reader("books")
        self.tops = open_lanes(self.system, LOOKERS).cell_reader("book_tops")
        self.ports = FakePorts()
        self.config = FeedConfig(**{"venue": "binance", "symbols": {"BTCUSDT": 7}, **config})
        self.now = START
        self.begin()

    def begin(self) -> None:
        """A life of the feed."""
        self.lanes = {name: open_lanes(self.system, FEED).ring_writer(name) for name in ("ticks", "books", "levels")}
        self.lanes["book_tops"] = open_lanes(self.system, FEED).cell_writer("book_tops")
        self.outbox = Outbox(
            self.lanes["ticks"], self.lanes["books"], self.lanes["book_tops"], levels=self.lanes["levels"]
        )
        self.feed = Feed(self.config, self.ports, self.outbox)

    def close(self) -> None:
        """Remove what was made."""
        self.feed.close()
        for lane in self.lanes.values():
            lane.close()
        for name in ("ticks.feed", "books.feed", "book_tops.feed", "levels.feed"):
            shm.remove(f"{self.system}.{name}")

    @property
    def stream(self) -> FakeStream:
        """The newest connection."""
        return self.ports.streams[-1]

    def step(self, seconds: float = 0.02, *frames: bytes) -> None:
        """Go on in time and let the feed take these frames."""
        self.now += int(seconds * SECOND)
        if frames:
            self.stream.inbox.extend(frames)
        self.feed.step(self.now)

    def snapshot(
        self, last: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]], symbol: str = "BTCUSDT"
    ) -> None:
        """What REST answers from here on."""
        answer = {"lastUpdateId": last, "bids": bids, "asks": asks}
        self.ports.rest.answers[f"/api/v3/depth?symbol={symbol}"] = answer

    def connect(self) -> None:
        """Go on until the first connection is there."""
        while not self.ports.streams:
            self.step()

    def good(self) -> None:
        """Bring the book to GOOD at update id 110: bids 100.00 and 99.00, asks 101.00 and 102.00."""
        self.snapshot(100, [["100.00", "1"], ["99.00", "2"]], [["101.00", "3"], ["102.00", "4"]])
        for _ in range(4):
            self.step()
        self.step(0.02, diff(101, 110))
        assert self.state() == 1, "the book did not become good"

    def top(self, instrument: int = 7) -> object:
        """The cell of an instrument's book."""
        return self.tops.read(list(self.config.symbols.values()).index(instrument))

    def state(self, instrument: int = 7) -> int:
        """The cell's state."""
        return self.top(instrument).state

    def published(self) -> list:
        """Every tick since the last call."""
        return list(self.ticks.rows())


def diff(first: int, last: int, bids: list = (), asks: list = (), symbol: str = "BTCUSDT") -> bytes:
    """A depth event."""
    event = {
        "e": "depthUpdate",
        "E": 1_700_000_000_000,
        "s": symbol,
        "U": first,
        "u": last,
        "b": list(bids),
        "a": list(asks),
    }
    return json.dumps({"stream": f"{symbol.lower()}@depth@100ms", "data": event}).encode()


def ticker(number: int, bid: str, bid_size: str, ask: str, ask_size: str, symbol: str = "BTCUSDT") -> bytes:
    """A best bid and ask."""
    event = {"u": number, "s": symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
    return json.dumps({"stream": f"{symbol.lower()}@bookTicker", "data": event}).encode()


def trade(number: int, price: str, size: str, *, maker: bool) -> bytes:
    """A print."""
    event = {
        "e": "trade",
        "E": 1_700_000_000_001,
        "s": "BTCUSDT",
        "t": number,
        "p": price,
        "q": size,
        "T": 1_700_000_000_000,
        "m": maker,
        "M": True,
    }
    return json.dumps({"stream": "btcusdt@trade", "data": event}).encode()
