"""The feed in a process of its own against each venue's wire: books true and prints whole, through every fault."""

import json
import select
import signal

import pytest

from engine.model.words import BookState
from tests.engine.feed.live.conftest import SYMBOLS, Serve, Start, wire_of
from tests.engine.feed.live.engine_process import PATIENCE
from tests.engine.feed.live.speakers import BinanceWire, CoinbaseWire, KrakenWire
from tests.engine.feed.live.truth import MIDDLE

KINDS = tuple(SYMBOLS)


@pytest.mark.parametrize("kind", KINDS)
def test_books_and_prints_are_the_venues(kind: str, seed: int, serve: Serve, start: Start) -> None:
    """The plain day: every published state is one the venue had, the last is its last, no print is lost or doubled."""
    venue = serve(kind, wire_of(kind, seed), SYMBOLS[kind])
    engine = start(venue)
    engine.await_whole()
    for _ in range(10):
        venue.server.call(lambda: venue.server.wire.move(20))
        engine.read()
    engine.await_truth()
    for number in engine.truths:
        engine.await_prints(number)
        assert engine.seen[number].good > 50
    engine.assert_never_wrong()
    assert engine.stop() == 0
    engine.read()
    assert set(engine.states().values()) == {BookState.DISCONNECTED}


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_connection_comes_back_through_a_snapshot(kind: str, seed: int, serve: Serve, start: Start) -> None:
    """The state is published at once, no ghost levels, and the prints from then on."""
    venue = serve(kind, wire_of(kind, seed), SYMBOLS[kind])
    engine = start(venue)
    engine.await_whole()
    for _ in range(3):
        venue.server.call(venue.server.wire.hang_up)
        engine.until(lambda: all(BookState.DISCONNECTED in seen.states for seen in engine.seen.values()))
        for truth in engine.truths.values():
            truth.move(20)
        engine.await_whole()
        venue.server.call(lambda: venue.server.wire.move(10))
        engine.await_truth()
        for seen in engine.seen.values():
            seen.states.clear()
    for number in engine.truths:
        engine.await_prints(number)
    engine.assert_never_wrong()


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_never_came_makes_its_book_suspect_and_true_again(
    kind: str, seed: int, serve: Serve, start: Start
) -> None:
    """A gap in numbers, a hole in a connection's numbering, a checksum: each venue's own alarm."""
    wire = wire_of(kind, seed)
    venue = serve(kind, wire, SYMBOLS[kind])
    engine = start(venue)
    engine.await_whole()
    truth = wire.truths[SYMBOLS[kind][0]]
    number = engine.ids[kind, truth.symbol]

    async def lose_one() -> None:
        if isinstance(wire, CoinbaseWire):
            wire.skip = 1
            await wire.publish(truth, truth.move())
        elif isinstance(wire, KrakenWire):
            truth.bids[MIDDLE - 1] = truth.bids.get(MIDDLE - 1, 0) + 1  # the checksum sees ten levels and no more
            truth.asks[MIDDLE + 5] = 7
            truth.tops.add(truth.top())
            await wire.publish(truth, [(-1, MIDDLE + 5, 7)])
        else:
            truth.move()
        await wire.move(3)

    venue.server.call(lose_one)
    engine.until(lambda: BookState.SUSPECT in engine.seen[number].states)
    engine.await_truth()
    venue.server.call(lambda: wire.move(20))
    engine.await_truth()
    engine.await_prints(number)
    engine.assert_never_wrong()
    assert wire.connections == 1


def test_a_spoilt_checksum_resyncs_that_book_alone(seed: int, serve: Serve, start: Start) -> None:
    """Kraken has no numbers: only the checksum shows that a message is missing."""
    wire = KrakenWire(seed, SYMBOLS["kraken"])
    venue = serve("kraken", wire, SYMBOLS["kraken"])
    engine = start(venue)
    engine.await_whole()
    first = wire.truths["BTC/USD"]

    async def spoil() -> None:
        wire.wrong = 1
        await wire.publish(first, first.move())

    before = list(engine.seen[2].states)
    venue.server.call(spoil)
    engine.until(lambda: BookState.SUSPECT in engine.seen[1].states)
    engine.await_truth()
    assert engine.seen[2].states == before
    engine.assert_never_wrong()


@pytest.mark.parametrize("kind", ["coinbase", "kraken"])
def test_a_mute_connection_is_stale_and_then_left(kind: str, seed: int, serve: Serve, start: Start) -> None:
    """Connected, answering pings, and silent: books are not believed, and another connection is made."""
    wire = wire_of(kind, seed)
    venue = serve(kind, wire, SYMBOLS[kind])
    engine = start(venue)
    engine.await_whole()
    wire.mute = True
    engine.await_state(BookState.DISCONNECTED)
    wire.mute = False
    engine.await_truth()
    assert wire.connections >= 2
    engine.assert_never_wrong()


def test_a_process_that_was_stopped_publishes_nothing_of_that_time(seed: int, serve: Serve, start: Start) -> None:
    """Stopped and continued with a venue that went on talking: the next book that is good is the venue's of now."""
    wire = wire_of("kraken", seed)
    engine = start(serve("kraken", wire, SYMBOLS["kraken"]), feed=PATIENCE + "stale_ms = 1000\n")
    engine.await_whole()
    assert engine.process is not None
    engine.process.send_signal(signal.SIGSTOP)
    asleep = engine.now()
    while engine.now() - asleep < 1.5:
        engine.venues[0].server.call(lambda: wire.move(5))
        select.select([], [], [], 0.05)
    engine.read()
    for seen in engine.seen.values():
        seen.states.clear()
    engine.process.send_signal(signal.SIGCONT)
    engine.until(lambda: all(seen.states for seen in engine.seen.values()), "a state of each book")
    assert {seen.states[0] for seen in engine.seen.values()} == {BookState.DISCONNECTED}
    engine.await_truth()
    engine.assert_never_wrong()


def test_a_farewell_is_answered_by_a_successor_and_nothing_is_lost(seed: int, serve: Serve, start: Start) -> None:
    """`serverShutdown`: the books never leave GOOD and every print is published once."""
    wire = BinanceWire(seed, SYMBOLS["binance"])
    venue = serve("binance", wire, SYMBOLS["binance"])
    engine = start(venue)
    engine.await_whole()
    for seen in engine.seen.values():
        seen.states.clear()
    venue.server.call(wire.farewell)

    def moved_over() -> bool:
        venue.server.call(lambda: wire.move(1))
        return wire.connections == 2 and len(wire.sessions) == 1

    engine.until(moved_over)
    venue.server.call(lambda: wire.move(10))
    engine.await_truth()
    for number in engine.truths:
        engine.await_prints(number)
        assert engine.seen[number].states == []
    engine.assert_never_wrong()


def test_a_book_of_five_megabytes_is_one_message(seed: int, serve: Serve, start: Start) -> None:
    """Coinbase sends a whole book at once; the messages after it wait and are applied."""
    wire = CoinbaseWire(seed, SYMBOLS["coinbase"])
    wire.truths["BTC-USD"].deepen(23_000)
    venue = serve("coinbase", wire, SYMBOLS["coinbase"])
    levels = [(1, p, s) for p, s in wire.truths["BTC-USD"].bids.items()]
    assert 2 * len(json.dumps(wire._book(wire.truths["BTC-USD"], "snapshot", levels))) > 5_000_000
    engine = start(venue, feed=PATIENCE.replace("subscribe_ms = 1500", "subscribe_ms = 50000"))
    engine.await_whole()
    venue.server.call(lambda: wire.move(20))
    engine.await_truth()
    engine.assert_never_wrong()
