"""A venue that restarts its numbers, answers with another book, or stops some of its channels: over real sockets.

What they have in common: every later message looks old or welcome, so nothing fails, and a book that does not change
would be believed.
"""

from collections.abc import Iterator

import pytest

from engine.model.words import BookState
from engine.venues.catalogue import dialect_of
from engine.venues.dialect import ChannelKind
from tests.engine.feed.loopback import BELIEVED, LoopbackBench
from tests.engine.feed.loopback_venues import VENUES, bench_of

NUMBERED = [name for name in VENUES if dialect_of(name).overlaps]
BINANCE = [name for name in NUMBERED if name.startswith("binance")]
PATIENCE = {"settle_ns": 200_000_000, "subscribe_ns": 6_000_000_000}


@pytest.fixture
def bench(request: pytest.FixtureRequest, seed: int) -> Iterator[LoopbackBench]:
    """A feed of one connection, or, with "twice" after the name, of two; and a book that is good."""
    name, _, twice = request.param.partition(" ")
    made = bench_of(name, seed, standby=bool(twice), **PATIENCE)
    made.venue.update = made.venue.previous = 5_000_000
    made.venue.print_id = 5_000_000
    made.venue.answer()
    made.go(5)
    made.go_until(lambda: made.state() in BELIEVED, "good")
    if twice:
        made.go_until(made.covers, "covered")
    made.go(10)
    yield made
    made.close()


def become_whole(bench: LoopbackBench) -> None:
    """Good again, and the venue's book to the last level."""
    bench.go_until(lambda: bench.state() in BELIEVED, "good again")
    bench.go(20)  # the other connection may bring its own restart of the numbering now
    bench.go_until(lambda: bench.state() in BELIEVED, "good for both connections")
    bench.go(8, moving=False)
    assert bench.is_whole()


@pytest.mark.parametrize("bench", [*NUMBERED, *(f"{name} twice" for name in NUMBERED)], indirect=True)
def test_a_book_whose_venue_counts_again_is_suspect_at_once_and_comes_back(bench: LoopbackBench) -> None:
    """After a restart of the venue every change has an old number: if each is dropped, the book stays as it is."""
    bench.reader.states = []
    bench.venue.update = bench.venue.previous = 10
    bench.go_until(lambda: BookState.SUSPECT in bench.reader.states, "suspect")
    become_whole(bench)
    assert bench.feed.connections.reconnects == 0


@pytest.mark.parametrize("bench", list(VENUES), indirect=True)
def test_prints_that_are_counted_again_are_published(bench: LoopbackBench) -> None:
    """A print number is published once; a venue that begins again at one must not be ignored for ever."""
    bench.go_until(lambda: bool(bench.reader.prints), "the old numbers are followed")
    bench.venue.print_id = 100
    bench.go_until(lambda: bench.reader.prints[-1] < 5_000_000, "the new numbers are followed")
    bench.go(20)
    bench.go(8, moving=False)
    new = [number for number in bench.reader.prints if number < 5_000_000]
    assert new == list(range(101, bench.venue.print_id + 1))


@pytest.mark.parametrize("bench", NUMBERED, indirect=True)
def test_a_book_of_another_numbering_is_never_used(bench: LoopbackBench) -> None:
    """A book far ahead of its stream makes every change an old one; a cache or a failover of the venue gives such."""
    venue = bench.venue
    answer = venue.answer

    def ahead() -> None:
        venue.update += 10**9
        answer()
        venue.update -= 10**9

    bench.venue.answer = ahead  # type: ignore[method-assign]
    ahead()
    venue.alive[0].cut()
    bench.go_until(lambda: bench.state() == BookState.DISCONNECTED, "gone")
    bench.reader.states = []
    bench.go(1500)
    assert not BELIEVED & set(bench.reader.states)
    assert bench.feed.pipeline is not None
    assert bench.feed.pipeline.tracks[0].suspect > 1
    bench.venue.answer = answer  # type: ignore[method-assign]
    become_whole(bench)


@pytest.mark.parametrize("bench", NUMBERED, indirect=True)
def test_a_book_that_is_always_older_than_its_stream_is_never_used(bench: LoopbackBench) -> None:
    """A venue's cache that does not move: asked for again, ever later, and good when it moves."""
    venue = bench.venue
    answer, venue.answer = venue.answer, lambda: None  # type: ignore[method-assign]
    venue.alive[0].cut()
    bench.go_until(lambda: bench.state() == BookState.DISCONNECTED, "gone")
    bench.go(20)
    bench.reader.states, asked = [], len(venue.rest.asked)
    bench.go(1000)
    assert not BELIEVED & set(bench.reader.states)
    assert 2 <= len(venue.rest.asked) - asked <= 20
    venue.answer = answer  # type: ignore[method-assign]
    become_whole(bench)


@pytest.mark.parametrize("bench", [*BINANCE, "coinbase-exchange"], indirect=True)
def test_changes_that_stop_while_the_best_price_goes_on_are_asked_for_again(bench: LoopbackBench) -> None:
    """One stream of a connection stops alone: it becomes stale, is named as missing and is subscribed to again."""
    reader = bench.reader
    reader.states = []
    bench.venue.silent.add("book")
    bench.go_until(lambda: BookState.STALE in reader.states, "stale")
    bench.go_until(lambda: bench.state() == BookState.REFUSED, "named")
    assert bench.feed.connections.first is not None
    assert bench.feed.connections.first.missing[bench.venue.symbol] == ChannelKind.BOOK
    bench.venue.silent.clear()
    become_whole(bench)
    assert (bench.feed.connections.first.missing[bench.venue.symbol], bench.feed.connections.reconnects) == (0, 0)


@pytest.mark.parametrize("bench", [f"{name} twice" for name in BINANCE], indirect=True)
def test_a_standby_that_sends_nothing_of_a_book_is_not_used(bench: LoopbackBench) -> None:
    """It is connected, acknowledged and answers pings, and the first connection's messages hide that it brings none."""
    bench.venue.alive[1].subscribed.clear()
    bench.go(150)
    assert not bench.covers()
    bench.go_until(lambda: bench.feed.connections.standby.losses == 1, "replaced")
    bench.go_until(bench.covers, "covered")
    assert bench.feed.connections.successions == 0


@pytest.mark.parametrize("bench", [f"{name} twice" for name in BINANCE], indirect=True)
def test_a_first_connection_that_sends_nothing_of_a_book_is_left(bench: LoopbackBench) -> None:
    """The same with the connections exchanged: the feed does not wait for the standby to fail first."""
    bench.reader.states = []
    bench.venue.alive[0].subscribed.clear()
    bench.go_until(lambda: bench.feed.connections.successions == 1, "left")
    bench.go(20)
    bench.go(8, moving=False)
    assert bench.reader.states == []
    assert bench.is_whole()
