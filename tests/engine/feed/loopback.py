"""A small venue on the loopback, stepped by the test: real sockets, several connections, and one that goes wrong."""

import contextlib
import json
import random
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable

from engine.feed.feed import Feed
from engine.model.fixed import to_text
from engine.model.words import BookState, Flag, TickKind
from engine.venues.port import PortState
from engine.venues.wire import WebSocketPort
from engine.venues.wire.frames import TEXT
from tests.engine.feed.feed_fakes import Bench, FakeRequests, FakeStream
from tests.engine.venues.wire.peers import Peer

STAMP = "2026-08-09T21:05:48.228568Z"
LATE_STEPS = 5
BELIEVED = {BookState.GOOD, BookState.CROSSED}


class Line:
    """One accepted connection of the venue."""

    def __init__(self, peer: Peer, losses: tuple[str, ...]) -> None:
        """Take the connection and its upgrade; `losses`: what it loses when it is lossy."""
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
        self.delay = 0  # further steps before a message is sent
        self.number = 0  # Coinbase numbers a connection's messages
        self.losses = list(losses)

    def received(self) -> list[dict]:
        """The messages that our side sent."""
        try:
            block = self.socket.recv(1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            block = b""
        self.closed = self.closed or not block
        self.reader.feed(block)
        return [json.loads(payload) for kind, payload in self.reader.events() if kind == TEXT]

    def send(self, message: bytes, *, opcode: int = TEXT, what: str = "") -> None:
        """Send, unless this line is mute or loses this one: a lossy line loses each of its losses once, in order."""
        self.number += 1
        if self.mute or self.closed:
            return
        if self.lossy and what and what in self.losses:
            self.losses.remove(what)
            return
        self.late.append(self.writer.encode(opcode, message))

    def deliver(self, draw: random.Random) -> None:
        """Send what waits, each line some steps after it was queued."""
        self.patience -= 1
        if self.patience > 0 or self.closed:
            return
        self.patience = draw.randrange(LATE_STEPS) + self.delay
        try:
            self.socket.sendall(b"".join(self.late))
        except OSError:
            self.closed = True
        self.late.clear()

    def cut(self) -> None:
        """End without a word."""
        self.socket.close()
        self.closed = True


class Venue(ABC):
    """A market and its lines; a subclass speaks a venue's words."""

    symbol = "BTCUSDT"
    price_decimals, size_decimals = 2, 5
    losses: tuple[str, ...] = ("book", "print")

    def __init__(self, seed: int) -> None:
        """An empty house over a book that exists."""
        self.random = random.Random(seed)
        self.peer = Peer()
        self.lines: list[Line] = []
        self.bids = {9_900 - place: 1 + place for place in range(5)}  # ten prices a side: all that a checksum is over
        self.asks = {10_100 + place: 1 + place for place in range(5)}
        self.previous = self.update = 100
        self.print_id = 10
        self.silent: set[str] = set()  # what is not sent though it is subscribed
        self.rest = FakeRequests()
        self.answer()

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
        """The lines that are connected."""
        return [line for line in self.lines if not line.closed]

    def serve(self) -> None:
        """Accept connections, and answer their messages."""
        self.peer.listener.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self.lines.append(Line(self.peer, self.losses))
        for line in self.alive:
            for message in line.received():
                self.receive(line, message)
            line.deliver(self.random)

    def move(self) -> None:
        """One change of the book, and sometimes a print, to everyone who subscribed."""
        side, low = self.random.choice(((self.bids, 9_895), (self.asks, 10_095)))
        price = low + self.random.randrange(10)
        size = 0 if price in side and len(side) > 3 and self.random.random() < 0.5 else self.random.randrange(1, 10**6)
        self.change(side is self.bids, price, size)
        self.answer()
        if self.random.random() < 0.5:
            self.trade()
            self.answer()

    def change(self, bid: bool, price: int, size: int) -> None:
        """Give a price another size, and send the change."""
        side = self.bids if bid else self.asks
        side.pop(price, None)
        if size:
            side[price] = size
        self.previous, self.update = self.update, self.update + 1
        for line in self.listeners("book"):
            self.publish(line, "update", [(bid, price, size)])

    def trade(self) -> None:
        """Let others trade, and send the print."""
        self.print_id += 1
        for line in self.listeners("prints"):
            self.print(line)

    def listeners(self, channel: str) -> list[Line]:
        """The lines to which this is sent."""
        return [line for line in self.alive if channel in line.subscribed - self.silent]

    def top(self) -> tuple[int, int, int, int]:
        """The best bid and ask with their sizes."""
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]

    def levels(self) -> list[tuple[bool, int, int]]:
        """The whole book, best first."""
        bids = [(True, price, self.bids[price]) for price in sorted(self.bids, reverse=True)]
        return bids + [(False, price, self.asks[price]) for price in sorted(self.asks)]

    def price(self, number: int) -> str:
        """As the venue writes it."""
        return to_text(number, self.price_decimals)

    def size(self, number: int) -> str:
        """As the venue writes it."""
        return to_text(number, self.size_decimals)

    def rows(self, levels: list[tuple[bool, int, int]], bid: bool) -> list[list[str]]:
        """One side of these levels, as text."""
        return [[self.price(price), self.size(size)] for one, price, size in levels if one is bid]

    def answer(self) -> None:  # noqa: B027 - a venue may have no REST side
        """Have REST answer with the book as it is."""

    @abstractmethod
    def ping(self, line: Line) -> None:
        """Show that a connection lives."""

    @abstractmethod
    def receive(self, line: Line, message: dict) -> None:
        """Answer a client's message."""

    @abstractmethod
    def publish(self, line: Line, kind: str, levels: list[tuple[bool, int, int]]) -> None:
        """Send a book's snapshot, or a change of it."""

    @abstractmethod
    def print(self, line: Line, kind: str = "update") -> None:
        """Send the newest print; the ones before it, too, where a subscription begins with them."""


class TickReader:
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

    def levels(self) -> dict[tuple[bool, int], int]:
        """The whole book."""
        return {(side > 0, price): size for (side, price), size in self.book.items() if size}

    def top(self) -> tuple[int, int, int, int]:
        """The best bid and ask with their sizes."""
        bid = max(price for (side, price), size in self.book.items() if side > 0 and size)
        ask = min(price for (side, price), size in self.book.items() if side < 0 and size)
        return bid, self.book[1, bid], ask, self.book[-1, ask]


class LoopbackBench(Bench):
    """A feed over real sockets to a venue of the test's own."""

    def __init__(self, venue: Venue, name: str, **config: object) -> None:
        """Both, and nothing connected yet."""
        super().__init__(venue=name, symbols={venue.symbol: 7}, levels=True, **config)
        self.venue = venue
        self.feed = Feed(self.config, self.venue, self.outbox)
        self.reader = TickReader()
        self.turn = 0

    def close(self) -> None:
        """Remove what was made."""
        super().close()
        self.venue.close()

    def go(self, steps: int, millis: int = 10, *, moving: bool = True) -> None:
        """Let venue and feed live on together; a heartbeat comes every second.

        In every second turn a short step reads the venue's messages, and a rehearsal follows each step.
        """
        for _ in range(steps):
            self.now += millis * 1_000_000
            self.turn += 1
            if self.turn % 2:
                self.feed.step(self.now)
            self.venue.serve()
            if self.now // 1_000_000_000 != (self.now - millis * 1_000_000) // 1_000_000_000:
                for line in self.venue.alive:
                    self.venue.ping(line)
            if moving:
                self.venue.move()
            self.feed.step(self.now + 1)
            self.feed.warm(self.now + 1)
        self.reader.take(self.published())
        self.reader.take_levels(list(self.levels.rows()))

    def go_until(self, done: Callable[[], bool], why: str, *, moving: bool = True) -> None:
        """Live on until something is so."""
        for _ in range(4000):
            if done():
                return
            self.go(1, moving=moving)
        raise AssertionError(f"still not so: {why}; {self.feed.connections.failure!r}")

    def covers(self) -> bool:
        """Whether the standby could take over."""
        feed = self.feed
        return feed.connections.standby_covers(self.now)

    def is_whole(self) -> bool:
        """Whether the published levels are the venue's own book."""
        return self.reader.levels() == {(bid, price): size for bid, price, size in self.venue.levels()}
