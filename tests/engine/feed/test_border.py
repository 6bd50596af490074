"""No frame and no answer of a venue ends the feed, and what it could have changed is suspect at once.

Frames are spoilt in their structure (types exchanged, nesting, keys missing or twice, huge numbers), for every dialect:
market data, acknowledgements, errors and REST bodies alike.
"""

import random
from collections.abc import Iterator

import orjson
import pytest

from engine.model.words import BookState
from engine.venues.border import LOGGED, Border
from engine.venues.catalogue import dialect_of, interfaces
from engine.venues.dialect import EVERY, Answer, AnswerKind, Listing, Unreadable, guarded
from tests.engine.feed.loopback import BELIEVED, LoopbackBench
from tests.engine.feed.loopback import Line as VenueLine
from tests.engine.feed.loopback_venues import VENUES, bench_of
from tests.engine.venues.mutations import STRUCTURES
from tests.engine.venues.test_scanners_fuzz import LISTINGS, listed, samples
from tests.mutate_frames import mutate

BOOKS_OVER_REST = sorted(name for name in VENUES if name in interfaces() and dialect_of(name).requests_snapshots)
ROUND = 500  # spoilt frames between two steps of the feed
CONTROL = (
    {"result": None, "id": 1},
    {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
    {"e": "serverShutdown", "E": 1},
    {"channel": "subscriptions", "events": [{"subscriptions": {"level2": ["BTC-USD"]}}]},
    {"channel": "heartbeats", "sequence_num": 3, "events": [{"heartbeat_counter": 1}]},
    {"type": "error", "message": "Failed to subscribe", "reason": "BTC-USD is not a product"},
    {"type": "subscriptions", "channels": [{"name": "full", "product_ids": ["BTC-USD"]}]},
    {"method": "subscribe", "result": {"channel": "book", "symbol": "BTC/USD"}, "success": True, "req_id": 1},
    {"method": "subscribe", "error": "Currency pair not supported", "symbol": "BTC/USD", "success": False, "req_id": 1},
    {"channel": "status", "data": [{"system": "online"}], "type": "update"},
)
CONTROL_FRAMES = tuple(orjson.dumps(message) for message in CONTROL)
UNREADABLE = (b"{", b"\xff\xfe\xfd", b'{"channel":"book","type":"update","data":[{"symbol":', b"[" * 100_000)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All messages that this test's venues send."""
    frames: list[bytes] = []
    send = VenueLine.send

    def note(line: VenueLine, message: bytes, **named: object) -> None:
        frames.append(message)
        send(line, message, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(VenueLine, "send", note)
    return frames


@pytest.fixture
def bench(request: pytest.FixtureRequest, seed: int, sent: list[bytes]) -> Iterator[LoopbackBench]:
    """A feed of one venue whose book is good."""
    assert sent == []
    made = bench_of(request.param, seed, retry_max_ns=2_000_000_000)  # each spoilt frame may cut it
    made.venue.answer()
    made.go(5)
    made.go_until(lambda: made.state() in BELIEVED, "good")
    made.go(20)
    yield made
    made.close()


def take(bench: LoopbackBench, frame: bytes) -> None:
    """One frame as the connection's pipeline and the slow path take it."""
    feed = bench.feed
    bench.go_until(lambda: feed.connections.first is not None, "connected")  # a spoilt frame may have been a farewell
    assert feed.connections.first is not None
    assert feed.pipeline is not None
    rest = feed.pipeline.process([frame], bench.now, bench.now)
    if rest:
        feed._answers.apply(feed.connections.first, rest, feed.pipeline, bench.now)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("bench", list(VENUES), indirect=True)
def test_no_frame_ends_the_feed(bench: LoopbackBench, sent: list[bytes], seed: int) -> None:
    """One message of a strange shape once killed the feed of every venue, at every start anew."""
    draw, frames = random.Random(seed), (*sent[-200:], *CONTROL_FRAMES)
    for turn in range(STRUCTURES):
        take(bench, mutate(draw, draw.choice(frames), frames))
        if turn % ROUND == 0:
            bench.go(1)
    assert bench.feed.malformed > 0
    bench.go_until(lambda: bench.feed.connections.first is not None, "connected")
    link = bench.feed.connections.first
    assert link is not None
    link.fail("enough")
    connections = bench.feed.connections
    bench.go_until(lambda: connections.first not in (None, link), "another connection")  # a farewell asks for it ahead
    bench.go_until(lambda: bench.state() in BELIEVED, "good again")
    bench.go(20)
    bench.go(8, moving=False)
    assert bench.is_whole()


@pytest.mark.parametrize("bench", list(VENUES), indirect=True)
@pytest.mark.parametrize("frame", UNREADABLE, ids=["cut", "no text", "cut in its middle", "too deep"])
def test_a_frame_that_cannot_be_read_makes_the_book_suspect_at_once(bench: LoopbackBench, frame: bytes) -> None:
    """Whatever it held is missing: a checksum sees ten levels only, and a number comes with the next frame, if ever."""
    suspect = bench.feed.pipeline.tracks[0].suspect  # type: ignore[union-attr]
    take(bench, frame)
    assert bench.state() not in BELIEVED
    assert bench.feed.pipeline.tracks[0].suspect == suspect + 1  # type: ignore[union-attr]
    bench.go_until(lambda: bench.state() in BELIEVED, "good again")
    bench.go(20)
    bench.go(8, moving=False)
    assert bench.is_whole()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("bench", BOOKS_OVER_REST, indirect=True)
def test_no_book_over_rest_ends_the_feed(bench: LoopbackBench, seed: int) -> None:
    """A requested book is applied or refused, and the next connection has a whole one again."""
    draw, feed, accepted = random.Random(seed), bench.feed, 0
    bodies = [
        orjson.dumps(answer) for path, answer in bench.venue.rest.answers.items() if "/depth" in path or "/book" in path
    ]
    for turn in range(STRUCTURES):
        accepted += feed._seed(0, mutate(draw, draw.choice(bodies)), bench.now)
        if turn % ROUND == 0:
            bench.go(1)
    assert 0 < accepted < STRUCTURES
    feed.connections.first.fail("enough")  # type: ignore[union-attr]
    bench.go_until(lambda: bench.state() == BookState.DISCONNECTED, "gone")
    bench.go_until(lambda: bench.state() in BELIEVED, "good again")
    bench.go(20)
    bench.go(8, moving=False)
    assert bench.is_whole()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("venue", sorted(interfaces()))
def test_no_answer_over_rest_is_beyond_a_dialect(venue: str, seed: int) -> None:
    """Metadata is read as a listing or refused as a value; one strange symbol hurts no other."""
    draw, dialect, read = random.Random(seed), dialect_of(venue), 0
    market = VENUES[venue if venue in VENUES else venue.partition("-")[0]](seed)
    whole = [orjson.dumps(answer) for answer in market.rest.answers.values()]
    market.close()
    for _ in range(STRUCTURES):
        body = mutate(draw, draw.choice(whole))
        found = guarded(lambda body=body: dialect.instruments(body, None))  # type: ignore[misc]
        assert isinstance(found, Listing | Unreadable)
        read += isinstance(found, Listing)
    assert read


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("venue", sorted(interfaces()))
def test_every_dialect_names_the_books_that_a_spoilt_frame_could_have_changed(venue: str, seed: int) -> None:
    """The border after every scanner: an answer, and books that are ours or every one."""
    draw, border, market = random.Random(seed), Border(dialect_of(venue)), listed(venue)
    frames = (*samples(venue), *CONTROL_FRAMES)
    for _ in range(STRUCTURES):
        frame = mutate(draw, draw.choice(frames), frames)
        assert isinstance(border.answer(frame), Answer)
        if market.decode(frame) is None:
            assert set(border.spoilt(frame, LISTINGS)) <= {EVERY, *LISTINGS}


@pytest.mark.parametrize("listed", [5, None, "BTC-USD", {"a": 1}, [["BTC-USD"]], [{}]])
def test_an_acknowledgement_of_a_strange_shape_is_no_acknowledgement(listed: object) -> None:
    """`{"level2": 5}` once was a TypeError that ended the feed."""
    for subscribed in ({"level2": listed}, listed):
        frame = orjson.dumps({"channel": "subscriptions", "events": [{"subscriptions": subscribed}]})
        assert isinstance(dialect_of("coinbase").answer(frame), Answer)


def test_a_doubled_key_spoils_every_book() -> None:
    """The reader would believe the second symbol, the book that is changed may be the first one's."""
    border = Border(dialect_of("binance"))
    twice = b'{"e":"depthUpdate","s":"BTCUSDT","s":"ETHUSDT","u":"x"}'
    assert border.spoilt(twice, {"BTCUSDT", "ETHUSDT"}) == (EVERY,)
    assert border.spoilt(twice.replace(b'"s":"BTCUSDT",', b""), {"BTCUSDT", "ETHUSDT"}) == ("ETHUSDT",)
    assert border.spoilt(twice.replace(b'"s":"BTCUSDT",', b""), {"BTCUSDT"}) == (EVERY,)


def test_a_reader_that_fails_is_counted_and_logged_a_bounded_number_of_times(caplog: pytest.LogCaptureFixture) -> None:
    """A venue that sends rubbish for hours must not fill the disk, and what it sent must be found in the log."""
    dialect = dialect_of("kraken")
    dialect.answer = lambda frame: {}[frame]  # type: ignore[method-assign]
    border = Border(dialect, "feed.kraken")
    for _ in range(LOGGED + 50):
        assert border.answer(b"strange") == Answer(AnswerKind.MALFORMED, "KeyError(b'strange')", (EVERY,))
    assert border.refused == LOGGED + 50
    assert len(caplog.records) == LOGGED
    assert "feed.kraken: a frame cannot be read" in caplog.text
