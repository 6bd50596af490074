"""The sequence of one connection, and how long it lags another one."""

import pytest

from engine.feed.books.connection_lag import ConnectionLag
from engine.feed.books.connection_sequence import ConnectionSequence
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.venues.catalogue import dialect_of
from tests.engine.feed.feed_fakes import START, diff, ticker, trade

SECOND = 1_000_000_000


@pytest.fixture
def pipeline() -> Pipeline:
    """One book that two connections feed."""
    dialect, outbox = dialect_of("binance"), Outbox()
    market = dialect.market()
    market.add("BTCUSDT", 2, 5)
    made = Pipeline(market, outbox)
    made.add(Track(0, 7, "BTCUSDT", dialect.rule(), outbox))
    made.set_second_source(present=True)
    return made


def bring(pipeline: Pipeline, connection: ConnectionSequence, *frames: bytes) -> int:
    """Process the frames of a connection; return the gaps that they showed."""
    before = pipeline.gaps
    pipeline.process(list(frames), START, START, connection)
    return pipeline.gaps - before


def test_each_connection_is_counted_for_itself(pipeline: Pipeline) -> None:
    """A channel that brings nothing must not pass for one that speaks because another connection does."""
    first, second = ConnectionSequence(), ConnectionSequence()
    bring(pipeline, first, diff(101, 101), diff(102, 102), trade(5, "100", "1", maker=True))
    bring(pipeline, second, ticker(102, "100", "1", "101", "1"))
    assert (first.counts(0), second.counts(0)) == ((2, 1, 0), (0, 0, 1))


def test_a_hole_is_of_the_connection_that_lost_the_message(pipeline: Pipeline) -> None:
    """Whichever connection comes first, the other connection's messages fill the book."""
    first, second = ConnectionSequence(), ConnectionSequence()
    assert bring(pipeline, first, *(diff(number, number) for number in range(101, 110))) == 0
    assert bring(pipeline, second, diff(101, 101), diff(103, 103), diff(104, 104)) == 1
    assert bring(pipeline, first, diff(111, 111)) == 1
    assert bring(pipeline, second, diff(105, 111), diff(111, 111), diff(112, 112)) == 0


def test_what_was_sent_before_the_first_look_is_not_owed(pipeline: Pipeline) -> None:
    """A quiet book's last change came before the second connection was there."""
    first, second, lag = ConnectionSequence(), ConnectionSequence(), ConnectionLag()
    bring(pipeline, first, diff(101, 101))
    assert [lag.lag_ns(second, first, 1, START + second_ * SECOND) for second_ in range(3)] == [0, 0, 0]
    bring(pipeline, first, diff(102, 102))
    assert [lag.lag_ns(second, first, 1, START + second_ * SECOND) for second_ in range(3, 6)] == [
        0, SECOND, 2 * SECOND,
    ]  # fmt: skip
    bring(pipeline, second, diff(102, 102))
    assert lag.lag_ns(second, first, 1, START + 6 * SECOND) == 0


def test_a_debt_ends_where_the_venue_counts_again(pipeline: Pipeline) -> None:
    """The number that was waited for will not come any more."""
    first, second, lag = ConnectionSequence(), ConnectionSequence(), ConnectionLag()
    bring(pipeline, first, diff(101, 101))
    lag.lag_ns(second, first, 1, START)
    bring(pipeline, first, diff(102, 102))
    assert lag.lag_ns(second, first, 1, START + SECOND) == 0
    bring(pipeline, first, diff(1, 1))
    assert lag.lag_ns(second, first, 1, START + 2 * SECOND) == 0
