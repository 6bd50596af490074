"""A standby connection over real sockets: cut, mute and lossy at random, and nothing is lost or told twice."""

import os
import random
from collections.abc import Iterator

import pytest

from engine.model.words import BookState
from tests.engine.feed.loopback import Line, LoopbackBench

STATE_GOOD = {BookState.GOOD, BookState.CROSSED}


@pytest.fixture
def seed() -> int:
    """A seed, printed so that a failure can be had again by setting STEELYARD_SEED."""
    chosen = int(os.environ.get("STEELYARD_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"STEELYARD_SEED={chosen}")  # noqa: T201 - pytest shows it with the failure
    return chosen


@pytest.fixture(params=["binance", "kraken", "coinbase"])
def bench(request: pytest.FixtureRequest, seed: int) -> Iterator[LoopbackBench]:
    """A feed with a standby that covers."""
    made = LoopbackBench(request.param, seed, standby=True, settle_ns=200_000_000)
    covered(made)
    yield made
    made.close()


def covered(bench: LoopbackBench) -> None:
    """Go on until the standby could take over."""
    feed = bench.feed
    bench.go_until(
        lambda: feed._link is not None and feed._standby.covers(feed._link, feed.pipeline, bench.now), "covered"
    )


def first_line(bench: LoopbackBench) -> Line:
    """The venue's end of the connection that the feed follows: the older of the two."""
    return bench.venue.alive[0]


def test_failovers_at_random_lose_nothing_and_tell_nothing_twice(bench: LoopbackBench, seed: int) -> None:
    """The promise of a standby: what a reader put together from the lanes is the venue's own book and prints."""
    draw = random.Random(seed)
    bench.go(20)
    told = bench.reader
    begun, told.resets, told.states = bench.venue.print_id, 0, []
    kinds = draw.sample(["cut", "mute", "lossy"] * 2, 6)
    for number, kind in enumerate(kinds, start=1):
        fail(first_line(bench), kind)
        if kind == "lossy":
            bench.go(100)  # what the other connection has brought first, or the next change mends, leaves no hole
        else:
            before = bench.feed.successions
            bench.go_until(lambda before=before: bench.feed.successions > before, f"failover {number}, {kind}")
        covered(bench)
        first_line(bench).lossy = False
    bench.go(20)
    bench.go(5, moving=False)
    assert told.prints == list(range(told.prints[0], bench.venue.print_id + 1))
    assert told.prints[0] <= begun
    assert told.top() == bench.venue.top()
    assert {key: size for key, size in told.book.items() if size} == {
        (1 if bid else -1, price): size for bid, price, size in bench.venue.levels()
    }
    assert bench.feed.reconnects == 0
    if bench.config.venue == "binance":
        assert (told.resets, told.states) == (0, [])
        assert told.sequences == sorted(told.sequences)
    else:
        assert told.resets == bench.feed.successions
        assert BookState.DISCONNECTED not in told.states
        assert told.states.count(BookState.SUSPECT) <= kinds.count("lossy")


def fail(line: Line, kind: str) -> None:
    """One connection goes wrong."""
    if kind == "cut":
        line.cut()
    else:
        setattr(line, kind, True)
