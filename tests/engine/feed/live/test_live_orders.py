"""Kraken's orders over real sockets: the feed in its own process, a token from REST, the window of the venue's book."""

from collections.abc import Iterator

import pytest

import shm
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import BookState, FrameKind
from tests.engine.feed.live.conftest import Start
from tests.engine.feed.live.engine_process import PATIENCE, Engine, Venue
from tests.engine.feed.live.order_speaker import KEY, SECRET, KrakenOrderWire, OrderServer

SYMBOLS = ("BTC/USD", "ETH/USD")
NAMED = 'api_key = { env = "ORDERS_KEY" }\nprivate_key = { env = "ORDERS_SECRET" }\n'


@pytest.fixture
def venue(seed: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Venue]:
    """A venue of orders on loopback, and its key in the environment."""
    monkeypatch.setenv("ORDERS_KEY", KEY)
    monkeypatch.setenv("ORDERS_SECRET", SECRET)
    server = OrderServer(KrakenOrderWire(seed, SYMBOLS))
    yield Venue("kraken", "kraken", server, SYMBOLS, "level3", NAMED)
    server.close()


def payloads(engine: Engine, *kinds: FrameKind) -> list[bytes]:
    """The payloads in the frames for recorders, from the first."""
    frames = open_lanes(engine.config.system.name, LOOKERS).ring_reader("frames")
    frames.cursor = frames.oldest
    rows = [row for row in frames.rows() if not isinstance(row, shm.Lapped)]
    return [row.payload for row in rows if not kinds or row.kind in kinds]


def secrets_shown(engine: Engine, wire: KrakenOrderWire) -> list[str]:
    """The secrets that stand in the log, in the frames for recorders or in any file of the run."""
    recorded = b"".join(payloads(engine))
    files = [path for path in engine.log.parent.rglob("*") if path.is_file()]
    shown = recorded + b"".join(path.read_bytes() for path in files)
    return [secret for secret in (KEY, SECRET, *wire.tokens) if secret.encode() in shown]


def test_books_of_orders_are_the_venues_and_no_secret_is_published(venue: Venue, start: Start) -> None:
    """A token a connection, accepted by the venue; every published state was one of the venue's."""
    wire = venue.server.wire
    assert isinstance(wire, KrakenOrderWire)
    engine = start(venue)
    engine.await_whole()
    for _ in range(10):
        venue.server.call(lambda: wire.move(20))
        engine.read()
    engine.await_truth()
    engine.assert_never_wrong()
    assert all(engine.seen[number].good > 50 for number in engine.truths)
    assert (len(wire.tokens), wire.bad) == (1, [])
    assert secrets_shown(engine, wire) == []
    assert engine.stop() == 0


def test_a_lost_connection_comes_back_with_another_token(venue: Venue, start: Start) -> None:
    """The state is published at once, no ghost orders; nonces rise."""
    wire = venue.server.wire
    assert isinstance(wire, KrakenOrderWire)
    engine = start(venue)
    engine.await_whole()
    for turn in range(2, 4):
        venue.server.call(wire.hang_up)
        engine.until(lambda: all(BookState.DISCONNECTED in seen.states for seen in engine.seen.values()))
        venue.server.call(lambda: wire.move(5))
        engine.await_whole()
        assert len(wire.tokens) == turn
        for seen in engine.seen.values():
            seen.states.clear()
    engine.assert_never_wrong()
    assert wire.bad == []


def test_a_checksum_that_fails_resyncs_that_book_alone(venue: Venue, start: Start) -> None:
    """On the same connection, with the same token; the other pair's book never leaves GOOD."""
    wire = venue.server.wire
    assert isinstance(wire, KrakenOrderWire)
    engine = start(venue)
    engine.await_whole()
    before = list(engine.seen[2].states)

    async def spoil() -> None:
        wire.wrong = 1
        await wire.publish(wire.truths["BTC/USD"], [])

    venue.server.call(spoil)
    engine.until(lambda: BookState.SUSPECT in engine.seen[1].states)
    engine.await_truth()
    assert engine.seen[2].states == before
    assert (wire.connections, len(wire.tokens), wire.bad) == (1, 1, [])
    engine.assert_never_wrong()


def test_a_message_that_is_lost_is_missed(venue: Venue, start: Start) -> None:
    """The queues are wrong before the levels are: the next checksum shows it."""
    wire = venue.server.wire
    assert isinstance(wire, KrakenOrderWire)
    engine = start(venue)
    engine.await_whole()

    async def lose() -> None:
        wire.silent.add(("level3", "BTC/USD"))
        await wire.move(5)
        wire.silent.clear()
        await wire.move(3)

    venue.server.call(lose)
    engine.until(lambda: BookState.SUSPECT in engine.seen[1].states)
    engine.await_truth()
    venue.server.call(lambda: wire.move(20))
    engine.await_truth()
    assert wire.connections == 1


def test_a_key_without_the_right_is_reported_and_tried_again(venue: Venue, start: Start) -> None:
    """The venue's words stand in the log, the books stay DISCONNECTED, and it works when the right is given."""
    wire = venue.server.wire
    assert isinstance(wire, KrakenOrderWire)
    wire.refusals = ["EGeneral:Permission denied"] * 3
    engine = start(venue)
    engine.await_whole()
    assert engine.log.read_text().count("EGeneral:Permission denied") == 3
    assert secrets_shown(engine, wire) == []


def test_with_a_standby_the_swap_is_one_event(venue: Venue, start: Start) -> None:
    """Each connection has a token and a book of its own; the one that is lost costs no state but a reset."""
    wire = venue.server.wire
    assert isinstance(wire, KrakenOrderWire)
    venue.product, venue.more = "level3", ", standby = true"
    engine = start(venue, feed=PATIENCE)
    engine.await_whole()
    engine.until(lambda: len(wire.sessions) == 2 and all(len(one.wants) == 2 for one in wire.sessions))
    venue.server.call(lambda: wire.move(10))
    engine.await_truth()
    first = wire.sessions[0]
    for seen in engine.seen.values():
        seen.states.clear()
    venue.server.call(lambda: first.connection.close(1001, "going away"))
    engine.until(lambda: first not in wire.sessions)
    venue.server.call(lambda: wire.move(10))
    engine.await_truth()
    engine.assert_never_wrong()
    assert all(BookState.DISCONNECTED not in seen.states for seen in engine.seen.values())


def test_the_frames_for_recorders_hold_what_was_sent_without_its_token(venue: Venue, start: Start) -> None:
    """Users share recordings: the recording holds what was sent, without the token."""
    engine = start(venue)
    engine.await_whole()
    sent = b"".join(payloads(engine, FrameKind.SENT))
    assert b'"channel":"level3"' in sent
    assert b"token" not in sent
