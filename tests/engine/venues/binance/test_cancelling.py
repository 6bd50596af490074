"""Cancels over REST: against the venue on loopback, in one process and under one clock."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.chaos.network import Latency, Network
from engine.loopback.binance.keys import Key
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.venues.binance.cancelling import BinanceCancelling
from engine.venues.binance.signing import signed_query, signer_of
from engine.venues.cancelling import OpenOrder
from engine.venues.port import RequestDefaults, Response

START_NS = 1_700_000_000_000_000_000
MS, SECOND_NS = 1_000_000, 1_000_000_000
OURS = bytes(range(16))
NAME = "k" * 64
PRICES = {"BTCUSDT": "30000.00", "ETHUSDT": "1500.00"}  # far below the market


class Listener:
    """Keeps what the session reports."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.listings: list[list[OpenOrder]] = []
        self.ended: list[OpenOrder] = []
        self.refused: list[str] = []

    def on_listing(self, orders: list[OpenOrder], asked_ns: int, now_ns: int) -> None:
        """A listing."""
        assert asked_ns < now_ns
        self.listings.append(orders)

    def on_ended(self, order: OpenOrder, now_ns: int) -> None:
        """An order that ended."""
        assert now_ns
        self.ended.append(order)

    def on_refused(self, order: OpenOrder | None, text: str, now_ns: int) -> None:
        """A failure."""
        assert order is None or now_ns
        self.refused.append(text)


class Bench:
    """The venue in this process, an account of it, and a session for cancels."""

    def __init__(self) -> None:
        """One account with money, no order."""
        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        account = {"USDT": 10**14, "BTC": 10**10}
        settings = VenueSettings(seed=1, accounts={"a": account}, keys=(Key.ed25519(NAME, "a", public),))
        self.now_ns = START_NS
        self.venue = BinanceVenue(settings, self.now_ns)
        self.network = Network(self.venue, 1, Latency())
        self.listener = Listener()
        self.signer = signer_of(NAME, pem.decode())
        self.session = BinanceCancelling(self.network.requests(), self.signer, 5_000, self.listener)
        self.step(100)

    def step(self, ms: int) -> None:
        """Let time pass."""
        for _ in range(ms):
            self.now_ns += MS
            self.network.step(self.now_ns)
            self.session.step(self.now_ns)

    def place(self, client_id: str, symbol: str = "BTCUSDT") -> None:
        """An order of the account that rests."""
        query = (
            f"symbol={symbol}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={PRICES[symbol]}"
            f"&newClientOrderId={client_id}&timestamp={self.now_ns // MS}"
        )
        target = f"/api/v3/order?{signed_query(self.signer, query)}"
        exchange = self.venue.request("POST", target, {"X-MBX-APIKEY": NAME}, b"", self.now_ns)
        self.step(1)
        assert exchange.answer is not None
        assert exchange.answer[0] == 200, exchange.answer

    def listing(self) -> list[OpenOrder]:
        """The venue's open orders of the account."""
        self.session.list_orders(self.now_ns)
        self.step(100)
        return self.listener.listings[-1]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A venue and a session whose connection is warm."""
    made = Bench()
    yield made
    made.session.close()


def test_the_listing_has_the_orders_of_every_symbol_with_their_ids_and_times(bench: Bench) -> None:
    """Ours are known by their ids; the time decides whether an order is of a new life."""
    bench.place(OURS.hex())
    bench.place("web_1", "ETHUSDT")
    ours, other = sorted(bench.listing(), key=lambda one: one.symbol)
    assert (ours.client_id, ours.symbol, other.client_id, other.symbol) == (OURS, "BTCUSDT", b"web_1", "ETHUSDT")
    assert START_NS <= ours.venue_ns <= bench.now_ns


def test_one_order_is_cancelled_and_a_second_time_it_is_gone(bench: Bench) -> None:
    """A cancel that raced a fill, or that another canceller sent too, is as good as one that succeeded."""
    bench.place(OURS.hex())
    bench.place("web_1")
    [order] = [one for one in bench.listing() if one.client_id == OURS]
    bench.session.cancel(order, bench.now_ns)
    bench.session.cancel(order, bench.now_ns)
    assert bench.session.waiting == 2
    bench.step(100)
    assert (bench.listener.ended, bench.session.waiting, bench.session.sent) == ([order, order], 0, 2)
    assert [one.client_id for one in bench.listing()] == [b"web_1"]


def test_every_order_of_a_symbol_is_cancelled_by_one_request(bench: Bench) -> None:
    """Where the operator means all orders of the account, each symbol costs one request."""
    for number in range(5):
        bench.place(f"web_{number}")
    bench.place("web_9", "ETHUSDT")
    first = next(one for one in bench.listing() if one.symbol == "BTCUSDT")
    bench.session.cancel_symbol(first, bench.now_ns)
    bench.step(100)
    assert [one.symbol for one in bench.listing()] == ["ETHUSDT"]
    assert bench.session.sent == 1


class PaperPort(RequestDefaults):
    """A port whose answers the test writes."""

    def __init__(self) -> None:
        """Nothing asked."""
        self.asked: list[tuple[int, str]] = []
        self.answers: list[Response] = []

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Note the request."""
        assert headers
        assert not body
        assert now_ns
        self.asked.append((len(self.asked) + 1, f"{method} {target.partition('?')[0]}"))
        return len(self.asked)

    def answer(self, number: int, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """The answer to a request, for the next poll."""
        self.answers.append(Response(number, status, headers or {}, body, "" if status else "sent: lost"))

    def poll(self, now_ns: int) -> list[Response]:
        """The answers."""
        assert now_ns
        found, self.answers = self.answers, []
        return found

    def close(self) -> None:
        """Nothing to close."""


ORDER = OpenOrder("BTCUSDT", OURS, b"7", 1, START_NS)
TIME = b'{"serverTime":1700000000000}'


@pytest.fixture
def paper() -> tuple[PaperPort, Listener, BinanceCancelling]:
    """A session that has measured the venue's clock."""
    port, listener = PaperPort(), Listener()
    session = BinanceCancelling(port, signer_of("name", "secret"), 5_000, listener)
    session.step(START_NS)
    for number, _ in list(port.asked):
        port.answer(number, 200, TIME)
    session.step(START_NS + MS)
    port.asked.clear()
    return port, listener, session


def test_every_connection_is_kept_warm(bench: Bench) -> None:
    """The first cancel must not wait for a handshake."""
    port = PaperPort()
    session = BinanceCancelling(port, bench.signer, 5_000, bench.listener)
    session.step(START_NS)
    assert [what for _, what in port.asked] == ["GET /api/v3/time"] * 4
    for number, _ in list(port.asked):
        port.answer(number, 200, TIME)
    session.step(START_NS + 9 * SECOND_NS)
    session.step(START_NS + 10 * SECOND_NS)
    assert len(port.asked) == 8


def test_cancels_leave_before_a_listing_and_the_venues_silence_is_kept(
    paper: tuple[PaperPort, Listener, BinanceCancelling],
) -> None:
    """A request into a ban makes the ban longer, and the orders stay open for as long."""
    port, listener, session = paper
    session.list_orders(START_NS + MS)
    port.answer(1, 429, b'{"code":-1003,"msg":"Too much request weight used."}', {"retry-after": "2"})
    session.step(START_NS + 2 * MS)
    session.list_orders(START_NS + 3 * MS)
    session.cancel(ORDER, START_NS + 3 * MS)
    session.step(START_NS + SECOND_NS)
    assert len(port.asked) == 1, "silent"
    assert listener.refused == ["429: -1003 Too much request weight used."]
    assert session.error
    session.step(START_NS + 2 * SECOND_NS + 2 * MS)
    assert [what for _, what in port.asked[1:3]] == ["DELETE /api/v3/order", "GET /api/v3/openOrders"]


@pytest.mark.parametrize("body", [b"", b"no json", b'{"serverTime":1}', b'[{"symbol":1}]', b'[{"orderId":"x"}]', b"["])
def test_a_listing_that_cannot_be_read_is_a_failure_and_not_an_empty_one(
    paper: tuple[PaperPort, Listener, BinanceCancelling], body: bytes
) -> None:
    """An empty listing means that nothing is open."""
    port, listener, session = paper
    session.list_orders(START_NS + MS)
    port.answer(1, 200, body)
    session.step(START_NS + 2 * MS)
    assert listener.listings == []
    assert len(listener.refused) == 1


def test_a_lost_answer_gives_the_order_back_to_the_listing(
    paper: tuple[PaperPort, Listener, BinanceCancelling],
) -> None:
    """It is not known what the venue did; a cancel is not repeated without a look."""
    port, listener, session = paper
    session.cancel(ORDER, START_NS + MS)
    port.answer(1, 0, b"")
    session.step(START_NS + 2 * MS)
    assert (session.waiting, listener.ended, listener.refused) == (0, [], ["sent: lost"])
    assert session.answered_ns == START_NS + MS, "a failure is no answer"
