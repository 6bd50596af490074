"""One flow of a market sent twice, as JSON and as SBE, through real sockets into the configured feed role."""

import gc
import json
import os
import random
import select
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import shm
from engine.config import Config, load
from engine.feed.build import build
from engine.model.words import TickKind
from engine.supervisor import segments
from engine.venues.wire.frames import BINARY, TEXT
from tests.engine.feed.feed_fakes import EXCHANGE_INFO, SECOND, START
from tests.engine.venues.binance import sbe_oracle
from tests.engine.venues.wire.peers import Peer

EVENTS = 3000
CHUNK = 100
KEY = "k" * 64
STEPS_MAX = 4000
CONFIG = """
[system]
name = "{name}"
[[venues]]
name = "spot"
kind = "binance"
stream_url = "ws://127.0.0.1:{stream}"
request_url = "http://127.0.0.1:{request}"
{options}
[[instruments]]
id = 7
venue = "spot"
symbol = "BTCUSDT"
[feed]
levels = true
stale_ms = 3600000
book_stale_ms = 3600000
"""
SBE = 'options = { encoding = "sbe" }\n'
API_KEY = 'api_key = { env = "STEELYARD_TEST_STREAM_KEY" }\n'
SNAPSHOT = {"lastUpdateId": 100, "bids": [["100.00", "1"], ["99.00", "2"]], "asks": [["101.00", "3"], ["102.00", "4"]]}


class Rest(BaseHTTPRequestHandler):
    """The REST side: metadata and one book."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by the path."""
        body = json.dumps(EXCHANGE_INFO if "exchangeInfo" in self.path else SNAPSHOT).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print no log line."""


class SbeBench:
    """The configured feed against a venue that the test controls, and the ticks that it published."""

    def __init__(self, config: Config, peer: Peer) -> None:
        """Build the role as the runtime does."""
        segments.create(config)
        self.ticks = shm.RingReader(config.lane("ticks", "feed"))
        self.role = build(config, "feed")
        self.peer, self.now = peer, START
        self.head = b""

    @property
    def feed(self) -> object:
        """The venue's feed."""
        return self.role.feeds[0]

    def step_until(self, done: object) -> None:
        """Step until something is so; time goes on by a millisecond a step."""
        for _ in range(STEPS_MAX):
            if done():
                return
            self.now += SECOND // 1000
            if not self.role.step(self.now):
                select.select(self.role.filenos(), [], [], 0.005)
        raise AssertionError(f"still not so: {self.feed.connections.failure!r}")

    def readable(self, place: object) -> bool:
        """Whether the peer's side has something to read."""
        return bool(select.select([place], [], [], 0)[0])

    def subscribe(self) -> dict[str, object]:
        """Take the connection up to its subscription; what was subscribed to."""
        self.step_until(lambda: self.readable(self.peer.listener))
        self.peer.accept()
        self.step_until(lambda: self.readable(self.peer.socket))
        self.head = self.peer.read_head()
        self.peer.accept_upgrade(self.head)
        self.step_until(lambda: self.readable(self.peer.socket))
        [(_, request)] = self.peer.events()
        self.send(TEXT, [b'{"result":null,"id":1}'])
        return json.loads(request)

    def send(self, opcode: int, frames: list[bytes]) -> None:
        """Send frames and let the feed take them all."""
        before = self.feed.pipeline.frames
        self.peer.socket.sendall(b"".join(self.peer.writer.encode(opcode, frame) for frame in frames))
        self.step_until(lambda: self.feed.pipeline.frames == before + len(frames))

    def rows(self) -> list:
        """Every published tick."""
        return list(self.ticks.rows())


@pytest.fixture
def open_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Start a feed with these options of its venue."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STEELYARD_TEST_STREAM_KEY", KEY)
    rest = ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    made: list[tuple[Config, Peer]] = []
    begun: list[SbeBench] = []

    def start(options: str) -> SbeBench:
        peer = Peer()
        name, file = f"sbe{uuid.uuid4().hex[:12]}", tmp_path / f"{len(made)}.toml"
        ports = {"stream": peer.port, "request": rest.server_address[1]}
        file.write_text(CONFIG.format(name=name, options=options, **ports))
        config = load(file)
        config.paths.make()
        made.append((config, peer))
        begun.append(SbeBench(config, peer))
        return begun[-1]

    yield start
    rest.shutdown()
    rest.server_close()
    while begun:
        begun.pop().role.close()
    gc.collect()  # the writers let go of their lanes
    for config, peer in made:
        peer.close()
        segments.remove(config)


def flow(seed: int) -> list[tuple[int, dict[str, object]]]:
    """(template, values) of a market's events: diffs, bests and trades, their numbers in order."""
    draw, events, last, trade = random.Random(seed), [], 100, 1
    for turn in range(EVENTS):
        values = {"symbol": b"BTCUSDT", "priceExponent": -2, "qtyExponent": -5,
                  "eventTime": 1_700_000_000_000_000 + 777 * turn}  # fmt: skip
        kind = draw.choice((10000, 10001, 10003)) if turn else 10003
        if kind == 10003:
            values |= {"firstBookUpdateId": last + 1, "lastBookUpdateId": last + draw.randint(1, 4)}
            last = values["lastBookUpdateId"]
            values["bids"], values["asks"] = levels(draw, 9000, 10050), levels(draw, 10051, 11000)
        elif kind == 10001:
            values |= {"bookUpdateId": last + 1,
                       "bidPrice": draw.randint(9900, 10050), "bidQty": draw.randint(1, 10**7),
                       "askPrice": draw.randint(10051, 10200), "askQty": draw.randint(1, 10**7)}  # fmt: skip
            last += 1
        else:
            count = draw.randint(1, 3)
            values |= {"transactTime": values["eventTime"] - 5, "trades": [
                {"id": trade + i, "price": draw.randint(9000, 11000), "qty": draw.randint(1, 10**6),
                 "isBuyerMaker": draw.randint(0, 1)} for i in range(count)]}  # fmt: skip
            trade += count
        events.append((kind, values))
    return bridged(events)


def levels(draw: random.Random, low: int, high: int) -> list[dict[str, int]]:
    """Some levels, a third of them removed."""
    prices = draw.sample(range(low, high), draw.randint(0, 6))
    return [{"price": price, "qty": draw.choice((0, 1, 1)) * draw.randint(1, 10**7)} for price in prices]


def bridged(events: list[tuple[int, dict[str, object]]]) -> list[tuple[int, dict[str, object]]]:
    """Let each diff begin after the one before: the numbers between belong to the best prices."""
    last = 100
    for kind, values in events:
        if kind == 10003:
            values["firstBookUpdateId"], last = last + 1, values["lastBookUpdateId"]
    return events


def decimal(value: int, places: int) -> str:
    """A number as JSON has it."""
    return f"{value // 10**places}.{value % 10**places:0{places}d}"


def as_json(kind: int, values: dict[str, object]) -> list[bytes]:
    """The same event as the JSON streams send it, in microseconds; one frame a trade."""
    event = {"E": values["eventTime"], "s": "BTCUSDT"}
    if kind == 10003:
        sides = {name: [[decimal(one["price"], 2), decimal(one["qty"], 5)] for one in values[side]]
                 for name, side in (("b", "bids"), ("a", "asks"))}  # fmt: skip
        ids = {"U": values["firstBookUpdateId"], "u": values["lastBookUpdateId"]}
        found = [{"e": "depthUpdate", **event, **ids, **sides}]
    elif kind == 10001:
        found = [{"u": values["bookUpdateId"], "s": "BTCUSDT",
                  "b": decimal(values["bidPrice"], 2), "B": decimal(values["bidQty"], 5),
                  "a": decimal(values["askPrice"], 2), "A": decimal(values["askQty"], 5)}]  # fmt: skip
    else:
        found = [{"e": "trade", **event, "t": one["id"], "p": decimal(one["price"], 2), "q": decimal(one["qty"], 5),
                  "T": values["transactTime"], "m": bool(one["isBuyerMaker"]), "M": True}
                 for one in values["trades"]]  # fmt: skip
    return [json.dumps(one).encode() for one in found]


def run(bench: SbeBench, opcode: int, frames: list[bytes]) -> list:
    """The ticks of a whole session."""
    bench.subscribe()
    bench.step_until(lambda: bench.feed.pipeline.tracks[0].snapshots == 1)
    for start in range(0, len(frames), CHUNK):
        bench.send(opcode, frames[start : start + CHUNK])
    assert bench.feed.malformed == bench.feed.pipeline.tracks[0].gaps == bench.feed.pipeline.strangers == 0
    return bench.rows()


def test_json_and_sbe_give_the_same_ticks(open_bench: object) -> None:
    """Which wire the numbers came by must not change what a strategy sees; only SBE's bests know their time."""
    seed = int(os.environ.get("STEELYARD_SEED", "0")) or random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201
    events = flow(seed)
    plain = run(open_bench(""), TEXT, [frame for event in events for frame in as_json(*event)])
    binary = run(open_bench(API_KEY + SBE), BINARY, [sbe_oracle.encode(*event) for event in events])
    fields = ("instrument", "kind", "side", "price", "size", "detail", "flags", "venue_sequence")
    assert [[getattr(row, f) for f in fields] for row in plain] == [[getattr(row, f) for f in fields] for row in binary]
    assert len(plain) > EVENTS
    late = [(one, other) for one, other in zip(plain, binary, strict=True) if one.venue_ns != other.venue_ns]
    assert all(one.venue_ns == 0 and one.kind == TickKind.BEST and other.venue_ns for one, other in late)
    assert len(late) > EVENTS // 10


def test_the_stream_is_opened_with_the_keys_name_and_the_binary_streams(open_bench: object) -> None:
    """The venue opens no stream without it, and calls its streams otherwise."""
    bench = open_bench(API_KEY + SBE)
    request = bench.subscribe()
    assert bench.head.startswith(b"GET /ws HTTP/1.1\r\n")
    assert f"X-MBX-APIKEY: {KEY}\r\n".encode() in bench.head
    assert request["params"] == ["btcusdt@depth", "btcusdt@bestBidAsk", "btcusdt@trade"]


def test_without_a_key_there_is_no_start(open_bench: object) -> None:
    """A refusal that names the key is better than a connection that is refused for ever."""
    with pytest.raises(ValueError, match='venue spot: encoding = "sbe" needs an api_key'):
        open_bench(SBE)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('encoding = "fix"', "venue spot: option encoding: expected one of json, sbe, was 'fix'"),
        ('encoding = "sbe", product = "usdm"', 'venue spot: encoding = "sbe": expected product spot, was usdm'),
    ],
)
def test_an_encoding_the_product_does_not_have_is_refused(open_bench: object, options: str, expected: str) -> None:
    """Falling back to JSON without a word would hide a mistake."""
    with pytest.raises(ValueError, match=expected):
        open_bench(API_KEY + f"options = {{ {options} }}\n")


def test_a_schema_of_another_version_ends_the_connection_with_its_reason(open_bench: object) -> None:
    """No number may reach a book, and the reason must be there to read."""
    bench = open_bench(API_KEY + SBE)
    bench.subscribe()
    frame = bytearray(sbe_oracle.encode(*flow(1)[0]))
    frame[6] = 1
    bench.send(BINARY, [bytes(frame)])
    bench.step_until(lambda: bench.feed.connections.reconnects == 1)
    assert bench.feed.connections.failure == "SBE stream schema must be 1:0, was 1:1"
