"""The gaps that a pipeline counts where no connection's own sequence is given: by what each track returned."""

import json

import pytest

from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.model.words import BookState
from engine.venues.catalogue import dialect_of
from tests.engine.feed.feed_fakes import START, diff


@pytest.fixture
def pipeline() -> Pipeline:
    """One good book at number 110."""
    dialect, outbox = dialect_of("binance"), Outbox()
    market = dialect.market()
    market.add("BTCUSDT", 2, 5)
    made = Pipeline(market, outbox)
    made.add(Track(0, 7, "BTCUSDT", dialect.rule(), outbox))
    body = json.dumps({"lastUpdateId": 100, "bids": [["100.00", "1"]], "asks": [["101.00", "1"]]}).encode()
    assert made.snapshot(0, body, START, START)
    process(made, diff(101, 110))
    assert made.tracks[0].state == BookState.GOOD
    return made


def process(pipeline: Pipeline, *frames: bytes) -> int:
    """Process frames; return how many gaps they showed."""
    before = pipeline.gaps
    pipeline.process(list(frames), START, START)
    return pipeline.gaps - before


def test_a_gap_of_the_only_connection_is_counted_once_and_makes_the_book_suspect(pipeline: Pipeline) -> None:
    """The feed drops a connection by this count: later changes of a book that is suspect already are no news."""
    assert process(pipeline, diff(111, 111)) == 0
    assert process(pipeline, diff(113, 113), diff(114, 114)) == 1
    track = pipeline.tracks[0]
    assert (track.state, track.gaps, track.suspect, track.wants_snapshot) == (BookState.SUSPECT, 1, 1, True)


def test_a_gap_that_is_held_is_counted_when_it_opens_and_the_book_stays_good(pipeline: Pipeline) -> None:
    """The other connection may fill it: the book is old for a while, and never wrong."""
    pipeline.set_second_source(present=True)
    assert process(pipeline, diff(112, 112)) == 1
    assert process(pipeline, diff(113, 113)) == 0
    track = pipeline.tracks[0]
    assert (track.state, track.rule.last, track.held_gaps) == (BookState.GOOD, 110, 1)
    assert process(pipeline, diff(111, 111)) == 0
    assert (track.state, track.rule.last, track.gaps) == (BookState.GOOD, 113, 0)


def test_a_new_gap_after_a_filled_one_is_counted_again(pipeline: Pipeline) -> None:
    """A connection that loses a message now and then must not pass for one that lost a single message."""
    pipeline.set_second_source(present=True)
    assert process(pipeline, diff(112, 112), diff(111, 111)) == 1
    assert process(pipeline, diff(114, 114), diff(113, 113)) == 1
    assert pipeline.tracks[0].held_gaps == 2
