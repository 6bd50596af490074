"""A standby connection over real sockets: cut, mute and lossy at random, and no event is lost or published twice."""

import random
from collections.abc import Iterator

import pytest

from engine.model.words import BookState
from engine.venues.catalogue import dialect_of
from tests.engine.feed.loopback import BELIEVED, Line, LoopbackBench
from tests.engine.feed.loopback_venues import VENUES, bench_of

OVERLAPPING = [name for name in VENUES if dialect_of(name).overlaps]


@pytest.fixture(params=VENUES)
def bench(request: pytest.FixtureRequest, seed: int) -> Iterator[LoopbackBench]:
    """A feed with a standby that covers."""
    made = bench_of(request.param, seed, standby=True, settle_ns=200_000_000)
    covered(made)
    made.go_until(lambda: made.state() in BELIEVED, "good")
    yield made
    made.close()


def covered(bench: LoopbackBench) -> None:
    """Go on until the standby could take over."""
    bench.go_until(bench.covers, "covered")


def first_line(bench: LoopbackBench) -> Line:
    """The venue's end of the connection that the feed follows: the older of the two."""
    return bench.venue.alive[0]


def test_failovers_at_random_lose_nothing_and_publish_nothing_twice(bench: LoopbackBench, seed: int) -> None:
    """The promise of a standby: what a reader put together from the lanes is the venue's own book and prints."""
    draw = random.Random(seed)
    bench.go(20)
    reader = bench.reader
    begun, reader.resets, reader.states = bench.venue.print_id, 0, []
    kinds = draw.sample(["cut", "mute", "lossy"] * 2, 6)
    for number, kind in enumerate(kinds, start=1):
        fail(first_line(bench), kind)
        if kind == "lossy":
            bench.go(100)  # what the other connection has brought first, or the next change mends, leaves no hole
        else:
            before = bench.feed.connections.successions
            bench.go_until(
                lambda before=before: bench.feed.connections.successions > before, f"failover {number}, {kind}"
            )
        covered(bench)
        first_line(bench).lossy = False
    bench.go(20)
    bench.go(5, moving=False)
    assert reader.prints == list(range(reader.prints[0], bench.venue.print_id + 1))
    assert reader.prints[0] <= begun
    assert reader.top() == bench.venue.top()
    assert bench.is_whole()
    assert bench.feed.connections.reconnects == 0
    if bench.feed._dialect.overlaps:
        assert (reader.resets, reader.states) == (0, [])
        assert reader.sequences == sorted(reader.sequences)
    else:
        assert reader.resets == bench.feed.connections.successions
        assert BookState.DISCONNECTED not in reader.states
        assert reader.states.count(BookState.SUSPECT) <= kinds.count("lossy")


def fail(line: Line, kind: str) -> None:
    """One connection goes wrong."""
    if kind == "cut":
        line.cut()
    else:
        setattr(line, kind, True)


@pytest.fixture
def alone(request: pytest.FixtureRequest, seed: int) -> Iterator[LoopbackBench]:
    """A feed of one connection."""
    made = bench_of(request.param, seed, settle_ns=200_000_000)
    made.go(5)
    made.go_until(lambda: made.state() in BELIEVED, "good")
    made.go(10)
    yield made
    made.close()


@pytest.mark.parametrize("alone", VENUES, indirect=True)
def test_a_mute_connection_is_noticed_and_comes_back(alone: LoopbackBench) -> None:
    """A connected but silent line is dead: each venue has its own sign of life, and the books become DISCONNECTED."""
    mute_ns = alone.feed._dialect.mute_ns
    alone.venue.alive[0].mute = True
    begun_ns, alone.reader.states = alone.now, []
    alone.go_until(lambda: alone.feed.connections.reconnects == 1, "mute noticed", moving=False)
    assert alone.feed.connections.failure == "connected, but silent"
    assert mute_ns <= alone.now - begun_ns + 1_000_000_000 <= mute_ns + 2_000_000_000
    alone.go(1, moving=False)
    warned = [BookState.STALE] if mute_ns > alone.config.stale_ns else []
    assert alone.reader.states == [*warned, BookState.DISCONNECTED]
    alone.go_until(lambda: alone.state() in BELIEVED, "good again")
    alone.go(10)
    alone.go(5, moving=False)
    assert alone.reader.top() == alone.venue.top()


@pytest.mark.parametrize("alone", VENUES, indirect=True)
def test_a_quiet_market_with_heartbeats_is_not_mute(alone: LoopbackBench) -> None:
    """A minute without a trade is a quiet pair; only pings show that Binance's line lives."""
    alone.go(600, 100, moving=False)
    assert alone.feed.connections.reconnects == 0
    assert alone.feed.pipeline is not None


@pytest.mark.parametrize("alone", VENUES, indirect=True)
def test_a_connection_that_must_close_is_left_for_a_successor(alone: LoopbackBench) -> None:
    """After 24 hours, or at serverShutdown: the successor covers every book before the first connection is left."""
    first, link = first_line(alone), alone.feed.connections.first
    assert link is not None
    alone.reader.states = []
    link.must_close = True
    alone.go_until(lambda: alone.feed.connections.successions == 1, "the successor")
    alone.go(20)
    alone.go(5, moving=False)
    assert first.closed
    assert len(alone.venue.alive) == 1
    assert BookState.DISCONNECTED not in alone.reader.states
    assert alone.reader.prints == list(range(alone.reader.prints[0], alone.venue.print_id + 1))
    assert alone.reader.top() == alone.venue.top()


@pytest.mark.parametrize("bench", OVERLAPPING, indirect=True)
def test_a_connection_that_loses_messages_is_left_though_the_other_one_brings_them_first(bench: LoopbackBench) -> None:
    """Its holes show in no book while it comes second, and all of them on the day on which it is alone."""
    reader, first = bench.reader, first_line(bench)
    reader.resets, reader.states = 0, []
    first.delay = 6
    bench.go(20)
    fail(first, "lossy")
    bench.go_until(lambda: bench.feed.connections.successions == 1, "it was left")
    bench.go(20)
    bench.go(5, moving=False)
    assert first.closed
    assert (reader.resets, reader.states, bench.feed.connections.reconnects) == (0, [], 0)
    assert bench.is_whole()


@pytest.mark.parametrize("bench", OVERLAPPING, indirect=True)
def test_a_standby_that_loses_messages_is_replaced(bench: LoopbackBench) -> None:
    """A standby with holes is not ready; the first connection is not the cause."""
    reader, second = bench.reader, bench.venue.alive[1]
    reader.resets, reader.states = 0, []
    second.delay = 6
    bench.go(20)
    fail(second, "lossy")
    bench.go_until(lambda: bench.feed.connections.standby.losses == 1, "it was left")
    covered(bench)
    assert (bench.feed.connections.successions, reader.resets, reader.states) == (0, 0, [])


def test_a_standby_that_is_lost_is_made_again_and_the_first_goes_on(bench: LoopbackBench) -> None:
    """The standby fails silently unless the feed watches it; readers must not notice."""
    bench.reader.states = []
    for _ in range(3):
        bench.venue.alive[1].cut()
        losses = bench.feed.connections.standby.losses
        bench.go_until(lambda losses=losses: bench.feed.connections.standby.losses > losses, "the loss noticed")
        covered(bench)
    assert (bench.feed.connections.successions, bench.reader.states) == (0, [])


def test_both_connections_lost_at_once_is_a_loss_that_is_reported(bench: LoopbackBench) -> None:
    """A standby that does not cover must not pass for one that does: the books are gone, then come back whole."""
    bench.reader.states = []
    for line in bench.venue.alive:
        line.cut()
    bench.go_until(lambda: BookState.DISCONNECTED in bench.reader.states, "DISCONNECTED published")
    bench.go_until(lambda: bench.state() in BELIEVED, "good again")
    bench.go(10)
    bench.go(5, moving=False)
    assert bench.reader.top() == bench.venue.top()


def test_draining_leaves_both_connections(bench: LoopbackBench) -> None:
    """A standby must not take over from a feed that is leaving."""
    assert bench.feed.drain(bench.now)
    bench.go(5)
    assert bench.state() == BookState.DISCONNECTED
    assert bench.venue.alive == []
