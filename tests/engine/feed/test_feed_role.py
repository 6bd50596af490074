"""The feed over fake ports and real lanes: what readers see, and when."""

import itertools  # noqa: I001
from collections.abc import Iterator

import pytest
from tests.engine.feed.feed_fakes import SECOND, Bench, diff, ticker, trade

from engine.feed.role import FeedRole
from engine.model.words import BookState, Flag, TickKind
from engine.venues.port import PortState


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A feed of one symbol."""
    made = Bench()
    yield made
    made.close()


def states(rows: list) -> list[int]:
    """The published states."""
    return [row.detail for row in rows if row.kind == TickKind.STATE]


def test_a_life_begins_with_a_reset_and_an_empty_book(bench: Bench) -> None:
    """Readers of the earlier life must forget what they know before any other record is published."""
    bench.step()
    [first] = bench.published()
    assert (first.kind, first.instrument, first.flags, first.detail) == (
        TickKind.STATE,
        7,
        Flag.RESET | Flag.LAST,
        BookState.EMPTY,
    )
    assert bench.state() == BookState.EMPTY


def test_a_snapshot_is_published_whole_when_the_stream_goes_on_from_it(bench: Bench) -> None:
    """No level of a book is published before it is whole; then everything is one event."""
    bench.good()
    rows = bench.published()[1:]
    assert [(row.kind, row.side, row.price, row.size) for row in rows] == [
        (TickKind.BEST, 1, 10000, 100000), (TickKind.BEST, -1, 10100, 300000), (TickKind.STATE, 0, 0, 0),
    ]  # fmt: skip
    assert [row.flags & Flag.LAST for row in rows] == [0, 0, Flag.LAST]
    assert rows[0].flags & Flag.RESET
    assert states(rows) == [BookState.GOOD]
    top = bench.top()
    assert (top.bids, top.asks, top.bid_price[:2], top.ask_size[:2]) == (2, 2, (10000, 9900), (300000, 400000))
    assert top.imbalance == pytest.approx((3 - 7) / 10)


@pytest.mark.parametrize(("first", "last"), [(90, 101), (101, 101), (101, 200)])
def test_exact_boundaries_bridge(bench: Bench, first: int, last: int) -> None:
    """U <= last+1 <= u, with equality on either side."""
    bench.snapshot(100, [["100", "1"]], [["101", "1"]])
    bench.connect()
    bench.step(0.02, diff(80, 100, [["100", "9"]]), diff(first, last, [["100", "5"]]))
    for _ in range(3):
        bench.step()
    assert bench.state() == BookState.GOOD
    assert bench.feed.pipeline.tracks[0].dropped == 1
    assert bench.top().bid_size[0] == 500000


def test_a_snapshot_older_than_the_stream_is_asked_for_again(bench: Bench) -> None:
    """A cached answer must not be bridged over a hole."""
    bench.snapshot(100, [["100", "1"]], [["101", "1"]])
    bench.connect()
    bench.step(0.02, diff(150, 160, [["100", "5"]]))
    for _ in range(3):
        bench.step()
    assert bench.state() == BookState.EMPTY
    bench.snapshot(155, [["100", "7"]], [["101", "1"]])
    for _ in range(40):
        bench.step(0.1)
    assert bench.state() == BookState.GOOD
    assert bench.top().bid_size[0] == 500000
    assert bench.feed.pipeline.tracks[0].gaps == 0


def test_a_gap_is_published_before_anything_else_and_healed_by_a_snapshot(bench: Bench) -> None:
    """Suspect at once, no wrong level is published, then everything anew; the other book stays untouched."""
    bench.good()
    bench.published()
    bench.snapshot(125, [["100", "8"]], [["101", "8"]])
    bench.stream.inbox.append(diff(112, 120, [["100.50", "1"]]))
    bench.step()
    rows = bench.published()
    assert rows[0].kind == TickKind.STATE
    assert rows[0].detail == BookState.SUSPECT
    assert all(row.kind == TickKind.STATE for row in rows)
    for _ in range(3):
        bench.step(1.0, diff(121 + 5 * _, 125 + 5 * _))
    assert bench.state() == BookState.GOOD
    track = bench.feed.pipeline.tracks[0]
    assert (track.gaps, track.suspect, track.resyncs) == (1, 1, 1)
    assert bench.top().bid_size[0] == 800000


def test_one_books_gap_leaves_the_other_book_alone() -> None:
    """One gap must not reset every pair."""
    bench = Bench(symbols={"BTCUSDT": 7, "ETHUSDT": 8})
    bench.snapshot(100, [["10", "1"]], [["11", "1"]], "ETHUSDT")
    bench.good()
    bench.step(0.5)
    bench.step(0.5, diff(101, 102, symbol="ETHUSDT"))
    assert bench.state(8) == BookState.GOOD
    bench.published()
    bench.step(0.02, diff(500, 510))
    assert bench.state(7) in (BookState.SUSPECT, BookState.RESYNCING)
    assert bench.state(8) == BookState.GOOD
    assert {row.instrument for row in bench.published()} == {7}
    bench.close()


def test_old_events_are_dropped_and_do_not_change_the_book(bench: Bench) -> None:
    """A snapshot may be ahead of its stream: its changes are not applied twice."""
    bench.snapshot(100, [["100.00", "1"]], [["101.00", "3"]])
    for _ in range(4):
        bench.step()
    bench.published()
    bench.step(0.02, diff(80, 95, [["100", "0"]]))
    assert bench.published() == []
    bench.step(0.02, diff(96, 110))
    assert (bench.state(), bench.top().bid_price[0]) == (1, 10000)


def test_the_newer_of_book_and_ticker_is_published(bench: Bench) -> None:
    """The fast channel runs ahead of the depth events, and is never overruled by an older one."""
    bench.good()
    bench.published()
    bench.step(0.02, ticker(115, "100.20", "1", "101.00", "3"))
    bench.step(0.02, diff(111, 113, [["100.10", "1"]]))
    bench.step(0.02, ticker(112, "100.10", "1", "101.00", "3"))
    bench.step(0.02, diff(114, 116, [["100.20", "2"]]))
    assert [(row.kind, row.side, row.price, row.size, row.venue_sequence) for row in bench.published()] == [
        (TickKind.BEST, 1, 10020, 100000, 115), (TickKind.BEST, 1, 10020, 200000, 116),
    ]  # fmt: skip


def test_prints_carry_the_aggressors_side_and_are_published_once(bench: Bench) -> None:
    """When the buyer was the maker, the aggressor sold."""
    bench.good()
    bench.published()
    bench.step(
        0.02,
        trade(5, "100.5", "0.1", maker=True),
        trade(5, "100.5", "0.1", maker=True),
        trade(8, "101", "2", maker=False),
    )
    rows = bench.published()
    assert [(row.kind, row.side, row.price, row.size, row.detail) for row in rows] == [
        (TickKind.PRINT, -1, 10050, 10000, 5), (TickKind.PRINT, 1, 10100, 200000, 8),
    ]  # fmt: skip
    assert all(row.flags == Flag.LAST for row in rows)
    assert bench.feed.pipeline.tracks[0].prints.gaps == 1


def test_few_prints_that_are_counted_again_are_published_by_their_time(bench: Bench) -> None:
    """A small market has no thousands of prints: begun again at one, it would be silent until it has as many."""
    bench.good()
    bench.step(0.02, *[trade(number, "100", "1", maker=True) for number in range(500, 504)])
    bench.published()
    bench.step(0.02, trade(2, "100", "1", maker=True))  # an old one: its time shows it, too
    assert bench.published() == []
    later = [trade(number, "100", "1", maker=True).replace(b"1700000000000", b"1700000060000") for number in (1, 2, 3)]
    bench.step(0.02, *later, later[1])
    assert [row.detail for row in bench.published()] == [1, 2, 3]


def test_levels_are_published_with_the_size_before_when_asked_for() -> None:
    """Every change and only changes, on a lane of their own: readers of ticks need not pay for them."""
    bench = Bench(levels=True)
    bench.good()
    bench.published()
    list(bench.levels.rows())
    bench.step(0.002, diff(111, 112, [["99", "5"], ["100", "1"], ["98", "0"]], [["101", "0"]]))
    rows = list(bench.levels.rows())
    assert [(row.kind, row.side, row.price, row.size, row.detail) for row in rows] == [
        (TickKind.LEVEL, 1, 9900, 500000, 200000), (TickKind.LEVEL, -1, 10100, 0, 300000),
    ]  # fmt: skip
    assert [row.flags for row in rows] == [0, Flag.LAST]
    assert [(row.kind, row.price, row.flags) for row in bench.published()] == [(TickKind.BEST, 10200, Flag.LAST)]
    bench.close()


def test_an_event_larger_than_the_reserve_is_split_with_last_only_at_its_end() -> None:
    """A snapshot of many levels goes out in pieces; readers act at LAST."""
    bench = Bench(levels=True)
    bids = [[f"{price / 100:.2f}", "1"] for price in range(9000, 10001)] * 1
    asks = [[f"{price / 100:.2f}", "1"] for price in range(10100, 14200)]
    bench.snapshot(100, bids, asks)
    for _ in range(4):
        bench.step()
    list(bench.levels.rows())
    bench.step(0.002, diff(101, 110))
    rows = list(bench.levels.rows())
    assert len(rows) == 1 + 1001 + 4100 + 1 > bench.lanes["levels"].header.reserve
    assert [bool(row.flags & Flag.LAST) for row in rows].index(True) == len(rows) - 1
    assert [row.flags & Flag.RESET for row in rows].count(Flag.RESET) == 1
    bench.close()


def test_silence_makes_books_stale_and_messages_make_them_good(bench: Bench) -> None:
    """Unknown is never good."""
    bench.good()
    bench.published()
    bench.step(6.0)
    assert states(bench.published()) == [BookState.STALE]
    bench.step(0.02, diff(111, 112, [["100", "2"]]))
    assert states(bench.published()) == [BookState.GOOD]


def test_a_stale_book_shows_whether_its_line_is_mute_or_it_alone_is_quiet(bench: Bench) -> None:
    """On a mute line prints are missing too, so bars must doubt; a quiet market's empty bars are whole."""
    bench.good()
    bench.published()
    for _ in range(61):
        bench.step(1.0, b'{"stream":"other","data":{}}')
    assert [(row.detail, row.flags & Flag.MUTE) for row in bench.published()] == [(BookState.STALE, 0)]
    bench.step(6.0)
    assert [(row.detail, row.flags & Flag.MUTE) for row in bench.published()] == [(BookState.STALE, Flag.MUTE)]
    bench.step(0.02, b'{"stream":"other","data":{}}')
    bench.step(1.0)
    assert [(row.detail, row.flags & Flag.MUTE) for row in bench.published()] == [(BookState.STALE, 0)]


def test_a_book_older_than_its_own_ticker_is_stale(bench: Bench) -> None:
    """Binance does not reject a stream it does not know: a connection full of tickers may bring no depth at all."""
    bench.good()
    for number in range(111, 118):
        bench.step(1.0, ticker(number, "100", str(number), "101", "1"))
    assert bench.state() == BookState.STALE
    bench.step(0.02, ticker(118, "100", "118", "101", "1"))
    bench.step(0.02)
    assert bench.state() == BookState.STALE
    bench.step(0.02, diff(111, 118))
    assert bench.state() == BookState.GOOD


def test_a_snapshot_older_than_the_ticker_is_not_used(bench: Bench) -> None:
    """Silence of the depth stream confirms a snapshot only while no other channel shows that the book changed."""
    bench.snapshot(100, [["100.00", "1"]], [["101.00", "3"]])
    bench.connect()
    for number in range(101, 110):
        bench.step(0.5, ticker(number, "100", str(number), "101", "1"))
    assert bench.feed.pipeline.tracks[0].has_snapshot
    assert bench.state() != BookState.GOOD


def test_a_crossed_book_is_marked_until_it_is_not(bench: Bench) -> None:
    """A book that is in order may still be nonsense."""
    bench.good()
    bench.published()
    bench.step(0.02, diff(111, 112, [["101.00", "1"]]))
    assert states(bench.published()) == [BookState.CROSSED]
    bench.step(0.02, diff(113, 114, [["101.00", "0"]]))
    assert states(bench.published()) == [BookState.GOOD]


def test_a_lost_connection_is_published_at_once_and_comes_back_through_a_snapshot(bench: Bench) -> None:
    """No ghost levels after a reconnect."""
    bench.good()
    bench.published()
    bench.stream.state, bench.stream.error = PortState.CLOSED, "reset by peer"
    bench.step()
    assert states(bench.published()) == [BookState.DISCONNECTED]
    bench.snapshot(300, [["50", "1"]], [["51", "1"]])
    for number in range(40):
        bench.step(0.1, *([diff(295 + number, 295 + number)] if len(bench.ports.streams) == 2 else []))
    assert len(bench.ports.streams) == 2
    assert bench.state() == BookState.GOOD
    assert bench.top().bids == 1


def test_a_connection_that_never_pauses_is_looked_after(bench: Bench) -> None:
    """Frames go first, but a venue that brings some at every look must not hide that its connection ended."""
    bench.good()
    bench.ports.streams[0].state = PortState.CLOSED
    looks = 0
    while bench.state() == BookState.GOOD:
        bench.step(0.0001, diff(111 + looks, 111 + looks))
        looks += 1
        assert looks <= 11, "the end of the connection was not seen within a millisecond"
    assert bench.state() == BookState.DISCONNECTED
    assert looks > 1, "it was looked after with every frame"


def test_a_mute_connection_is_left(bench: Bench) -> None:
    """Connected but silent for hours is a known way to lose money."""
    bench.good()
    for _ in range(70):
        bench.step(0.5)
    assert bench.feed.connections.failure == "connected, but silent"
    assert len(bench.ports.streams) == 2
    assert bench.ports.streams[0].state == PortState.CLOSED


def test_a_connection_that_only_answers_pings_is_left_in_the_end(bench: Bench) -> None:
    """Binance has no heartbeat: a minute without a message is a quiet market, five are a server that does not speak."""
    bench.good()
    for second in range(330):
        if len(bench.ports.streams) > 1:
            break
        bench.stream.receive_ns = bench.now
        bench.step(1)
        assert second > 60 or bench.feed.connections.reconnects == 0
    assert bench.feed.connections.failure == "connected, but silent"


def test_silence_counts_from_the_opening_of_a_connection() -> None:
    """A slow name server or proxy is logged as the cause: what is not connected yet cannot be mute."""
    bench = Bench(subscribe_ns=60 * SECOND)
    try:
        bench.ports.opening = PortState.CONNECTING
        bench.connect()
        for _ in range(40):
            bench.step(1)
        assert bench.feed.connections.failure == ""
        bench.stream.state = PortState.OPEN
        bench.step(1)
        assert len(bench.ports.streams) == 1
        assert bench.stream.sent, "nothing was subscribed on it"
    finally:
        bench.close()


def test_a_refused_subscription_is_an_error_with_its_text(bench: Bench) -> None:
    """Binance keeps the connection open after a refusal: silence would look alive."""
    bench.ports.refuse = "SUBSCRIBE"
    bench.connect()
    for _ in range(30):
        bench.step(0.05)
    assert "Invalid request" in bench.feed.connections.failure
    assert bench.ports.streams[0].state == PortState.CLOSED


def test_a_subscription_without_an_answer_is_a_failure(bench: Bench) -> None:
    """An ignored subscription is an error, not silence."""
    bench.ports.acknowledge = False
    bench.connect()
    for _ in range(12):
        bench.step(1.0)
    assert "not acknowledged" in bench.feed.connections.failure


def test_delays_between_attempts_grow_and_are_the_same_for_one_seed() -> None:
    """A venue that is down is not hammered, and a chaos is repeatable."""
    runs = []
    for _ in range(2):
        bench = Bench(seed=11)
        bench.connect()
        begun = []
        for _ in range(4000):
            if bench.stream.state == PortState.OPEN:
                begun.append(bench.now)
                bench.stream.state = PortState.CLOSED
            bench.step(0.01)
        runs.append([(b - a) / SECOND for a, b in itertools.pairwise(begun)])
        bench.close()
    assert runs[0] == runs[1]
    assert len(runs[0]) >= 4
    assert runs[0][-1] > 4 * runs[0][0]


def test_malformed_frames_are_counted_and_make_the_book_suspect_at_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The contents of the frame are missing, and the next event, which would show the gap, may be long in coming."""
    bench.good()
    bench.published()
    bench.step(0.02, b"{rubbish", b"\xff\xfe", b"", b"[]", diff(111, 112, [["100.001", "1"]]))
    assert bench.feed.malformed == 5
    assert "rubbish" in caplog.text
    assert states(bench.published())[0] == BookState.SUSPECT
    assert bench.state() != BookState.GOOD


def test_a_malformed_change_spoils_its_own_book_alone(bench: Bench) -> None:
    """One symbol whose venue changed its decimals must not take the books of all others with it."""
    bench.good()
    spoilt = bench.feed._listed._spoilt_by
    assert spoilt(diff(111, 112, [["100.001", "1"]])) == ("BTCUSDT",)
    assert spoilt(diff(111, 112, [["100.001", "1"]], symbol="ETHUSDT")) == ("",)
    assert spoilt(ticker(1, "100.001", "1", "101", "1")) == ()


def test_a_farewell_makes_the_successor_first_and_loses_nothing(bench: Bench) -> None:
    """serverShutdown: the new connection is subscribed before the old one is left, and no event is published twice."""
    bench.good()
    bench.published()
    old = bench.stream
    bench.step(0.02, b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}')
    bench.step()
    assert len(bench.ports.streams) == 2
    for number in range(111, 131):
        event = diff(number, number, [["100", str(number)]])
        if old.state == PortState.OPEN:
            old.inbox.append(event)
        if number > 115:
            bench.stream.inbox.append(event)
        bench.step(0.1)
    rows = bench.published()
    assert old.state == PortState.CLOSED
    assert states(rows) == []
    assert [row.venue_sequence for row in rows if row.kind == TickKind.BEST] == list(range(111, 131))
    assert bench.feed.connections.successions == 1


def test_instruments_come_from_disk_and_are_marked_old_while_rest_is_down(tmp_path: object) -> None:
    """The engine starts while the venue's REST side is down."""
    path = f"{tmp_path}/instruments.json"
    first = Bench(instruments_path=path)
    first.step()
    first.step()
    assert not first.feed.instruments_old
    first.close()
    second = Bench(instruments_path=path)
    second.ports.rest.status = 503
    for _ in range(3):
        second.step()
    assert second.feed.instruments_old
    assert second.feed.instruments == first.feed.instruments
    assert second.feed.pipeline is not None
    second.ports.rest.status = 200
    for _ in range(4):
        second.step(0.5)
    assert not second.feed.instruments_old
    second.close()


def test_a_quiet_book_is_used_when_nothing_contradicts_its_snapshot(bench: Bench) -> None:
    """A pair may be silent for half a minute; its snapshot is as true as on the first day."""
    bench.snapshot(100, [["100", "1"]], [["101", "1"]])
    for _ in range(6):
        bench.step()
    assert bench.state() == BookState.EMPTY
    bench.step(1.2)
    assert bench.state() == BookState.GOOD


def test_draining_publishes_that_the_books_are_gone(bench: Bench) -> None:
    """Readers must not trade on a feed that is leaving."""
    bench.good()
    assert bench.feed.drain(bench.now)
    assert bench.state() == BookState.DISCONNECTED


@pytest.mark.parametrize("standby", [False, True])
def test_what_waited_while_the_process_was_stopped_is_not_published_as_new(standby: bool) -> None:
    """After a minute frozen, it would publish old prices as received now, and risk measures age by that."""
    bench = Bench(standby=standby)
    try:
        bench.good()
        role = FeedRole("feed", [bench.feed], [])
        for _ in range(200):
            bench.now += SECOND // 50
            role.step(bench.now)
        assert len(bench.ports.streams) == 1 + standby
        assert bench.state() == BookState.GOOD
        bench.published()
        for one in bench.ports.streams:
            one.inbox.append(diff(111, 120, [["100.90", "1"]]))
        bench.now += bench.config.stale_ns + SECOND
        role.step(bench.now)
        assert [(row.kind, row.detail) for row in bench.published()] == [(TickKind.STATE, BookState.DISCONNECTED)]
        assert all(one.state == PortState.CLOSED for one in bench.ports.streams[: 1 + standby])
        assert "did not run" in bench.feed.connections.failure
        bench.snapshot(120, [["100.90", "1"]], [["101.00", "3"]])
        for _ in range(150):
            bench.now += SECOND // 50
            role.step(bench.now)
        assert bench.state() == BookState.GOOD
    finally:
        bench.close()


def test_a_pause_within_patience_leaves_the_connection(bench: Bench) -> None:
    """Every process pauses for a moment."""
    bench.good()
    role = FeedRole("feed", [bench.feed], [])
    role.step(bench.now)
    bench.now += bench.config.stale_ns - SECOND
    role.step(bench.now)
    assert (bench.state(), bench.feed.connections.reconnects) == (BookState.GOOD, 0)
