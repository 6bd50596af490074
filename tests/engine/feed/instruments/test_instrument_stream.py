"""A venue that sends its instruments by itself: a change is known at once, and a missing instrument is requested."""

import json
from collections.abc import Iterator

import pytest

from engine.model.instrument import Instrument
from engine.model.words import BookState, TickKind
from engine.venues.port import PortState
from tests.engine.feed.books.test_kraken_feed import ACK, HEARTBEAT, PAIRS, frame
from tests.engine.feed.feed_fakes import Bench, FakeStream

PONG = b'{"method":"pong","time_in":"2026-08-09T21:05:48.228568Z"}'


def pair(symbol: str, **words: object) -> str:
    """A pair in the channel's words: numbers are JSON numbers, small ones with an exponent."""
    base, quote = symbol.split("/")
    found = {
        "symbol": symbol, "base": base, "quote": quote, "status": "online", "qty_precision": 8, "qty_increment": 1e-08,
        "price_precision": 1, "cost_precision": 5, "marginable": True, "has_index": True, "cost_min": 0.5,
        "margin_initial": 0.1, "position_limit_long": 300, "tick_size": 0.1, "price_increment": 0.1, "qty_min": 5e-05,
    }  # fmt: skip
    return json.dumps(found | words)


def notice(*pairs: str, kind: str = "snapshot") -> bytes:
    """A frame of the channel."""
    return f'{{"channel":"instrument","type":"{kind}","data":{{"assets":[],"pairs":[{",".join(pairs)}]}}}}'.encode()


def status(system: str) -> bytes:
    """A frame about the whole venue."""
    return f'{{"channel":"status","type":"update","data":[{{"system":"{system}","connection_id":1}}]}}'.encode()


SNAPSHOT = notice(pair("BTC/USD"), pair("ETH/USD"), pair("DOGE/EUR"))


class Listener:
    """A feed of a venue that announces, and what it shows."""

    def __init__(self, bench: Bench) -> None:
        """Connected, without a message."""
        self.bench = bench
        self.shown: dict[str, Instrument] = {}
        self.old = False
        bench.feed._listed._publish = self.show
        bench.step()
        bench.step()

    def show(self, one: Instrument, cell: int, old: bool, *_: int) -> None:
        """Note what is shown."""
        del cell
        self.shown[one.symbol], self.old = one, old

    @property
    def line(self) -> FakeStream:
        """The newest connection."""
        return self.bench.ports.instrument_streams[-1]

    def send(self, *frames: bytes, seconds: float = 0.02) -> None:
        """Let the venue send these frames."""
        self.line.inbox.extend(frames)
        self.bench.step(seconds)

    def wait(self, seconds: float, *frames: bytes) -> None:
        """Go on in time; the book's connection lives."""
        for _ in range(int(seconds * 4)):
            if self.bench.ports.streams and self.bench.stream.state == PortState.OPEN:
                self.bench.stream.inbox.append(HEARTBEAT)
            if self.line.state == PortState.OPEN:
                self.line.inbox.extend(frames)
            self.bench.step(0.25)

    def requests(self) -> list[str]:
        """The methods that the feed sent on the newest connection."""
        return [message["method"] for message in self.line.sent]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Two symbols of Kraken, whose REST side does not answer."""
    made = Bench(venue="kraken", symbols={"BTC/USD": 7, "ETH/USD": 8})
    made.ports.announces = PortState.OPEN
    made.ports.acknowledge = False
    yield made
    made.close()


@pytest.fixture
def listener(bench: Bench) -> Listener:
    """Its feed."""
    return Listener(bench)


def test_the_snapshot_is_read_exactly(listener: Listener) -> None:
    """A step of 1e-08 that went through a float would be a step of nothing, or of a little less than one."""
    listener.send(SNAPSHOT)
    one = listener.shown["BTC/USD"]
    assert (one.id, one.base, one.quote, one.kind, one.trading, one.version) == (7, "BTC", "USD", "spot", True, 1)
    assert (one.price_decimals, one.size_decimals, one.price_step, one.size_step) == (1, 8, 1, 1)
    assert (one.size_min, one.notional_min) == (5000, 500_000_000)
    assert not listener.bench.ports.rest.asked
    assert [message["params"]["channel"] for message in listener.line.sent] == ["instrument"]


def test_decimals_are_the_precision_and_not_the_step(listener: Listener) -> None:
    """The checksum is over the precision's digits; a step of 0.05 at two decimals is five."""
    listener.send(notice(pair("BTC/USD", price_precision=2, price_increment=0.05), pair("ETH/USD")))
    assert (listener.shown["BTC/USD"].price_decimals, listener.shown["BTC/USD"].price_step) == (2, 5)


def test_a_minimum_finer_than_its_step_is_rounded_up(listener: Listener) -> None:
    """Refusing the pair for it would be silly, and rounding it down an order that the venue rejects."""
    coarse = pair("BTC/USD", qty_precision=2, qty_increment=0.01, price_precision=0, price_increment=1, qty_min=0.015,
                  cost_min=0.4999)  # fmt: skip
    listener.send(notice(coarse, pair("ETH/USD")))
    assert (listener.shown["BTC/USD"].size_min, listener.shown["BTC/USD"].notional_min) == (2, 50)


@pytest.mark.parametrize("word", ["cancel_only", "post_only", "limit_only", "reduce_only", "maintenance", "delisted"])
def test_a_status_that_changes_is_shown_at_once(listener: Listener, word: str) -> None:
    """Ten minutes of orders into a market that accepts none are ten minutes without an exit."""
    listener.send(SNAPSHOT)
    listener.send(notice(pair("BTC/USD", status=word), kind="update"))
    assert (listener.shown["BTC/USD"].trading, listener.shown["ETH/USD"].trading) == (False, True)
    listener.send(notice(pair("BTC/USD"), kind="update"))
    assert listener.shown["BTC/USD"].trading


def test_a_part_of_a_pair_is_laid_over_what_was_known(listener: Listener) -> None:
    """An update need not repeat what did not change."""
    listener.send(SNAPSHOT)
    part = '{"symbol":"BTC/USD","status":"cancel_only"}'
    listener.send(notice(part, kind="update"))
    one = listener.shown["BTC/USD"]
    assert (one.trading, one.price_decimals, one.size_min) == (False, 1, 5000)


def test_a_venue_that_accepts_no_orders_has_no_instrument_that_trades(listener: Listener) -> None:
    """The matching engine is stopped, whatever status each pair has."""
    listener.send(status("online"), SNAPSHOT)
    listener.send(status("maintenance"))
    assert not any(one.trading for one in listener.shown.values())
    listener.send(status("online"))
    assert all(one.trading for one in listener.shown.values())


def test_a_venue_that_accepts_no_orders_is_not_opened_by_its_rest_side(listener: Listener) -> None:
    """AssetPairs describes pairs and not the venue: each is online while the matching engine is stopped."""
    listener.send(status("online"), SNAPSHOT)
    listener.send(status("maintenance"))
    listener.bench.ports.announces = PortState.CLOSED
    listener.bench.ports.rest.answers["/0/public/AssetPairs"] = PAIRS
    listener.line.state = PortState.CLOSED
    listener.wait(10)
    assert listener.bench.ports.rest.asked
    assert not any(one.trading for one in listener.shown.values())
    listener.bench.ports.announces = PortState.OPEN
    listener.wait(70, status("online"))
    assert all(one.trading for one in listener.shown.values())


def test_a_status_without_a_snapshot_is_applied_at_once(listener: Listener) -> None:
    """A venue that is about to stop sends its status, and need not send its instruments any more."""
    listener.bench.ports.rest.answers["/0/public/AssetPairs"] = PAIRS
    listener.wait(30, HEARTBEAT)
    assert all(one.trading for one in listener.shown.values())
    listener.send(status("cancel_only"))
    assert [one.trading for one in listener.shown.values()] == [False, False]
    listener.wait(70, HEARTBEAT)
    assert [one.trading for one in listener.shown.values()] == [False, False]


def test_an_update_before_the_snapshot_is_not_used_as_a_snapshot(listener: Listener) -> None:
    """What it lacks would look as if it were not listed."""
    listener.send(notice(pair("BTC/USD"), kind="update"))
    assert not listener.shown


def test_a_pair_that_leaves_the_list_may_be_traded_no_more(listener: Listener) -> None:
    """No update reports it: the feed requests the list again at intervals."""
    listener.send(SNAPSHOT)
    listener.wait(601, HEARTBEAT)
    assert listener.requests() == ["subscribe", "unsubscribe", "subscribe"]
    listener.send(notice(pair("BTC/USD")))
    assert (listener.shown["BTC/USD"].trading, listener.shown["ETH/USD"].trading) == (True, False)


def test_other_decimals_are_a_misfit_and_not_a_change_under_the_readers(listener: Listener) -> None:
    """A reader that lives by one decimal would see a tenfold price."""
    listener.send(SNAPSHOT)
    listener.send(notice(pair("BTC/USD", price_precision=2, price_increment=0.01), kind="update"))
    assert set(listener.bench.feed._listed.misfits) == {"BTC/USD"}
    assert listener.shown["BTC/USD"].price_decimals == 1


def test_rest_is_asked_while_the_channel_is_away(bench: Bench) -> None:
    """A venue without its channel is a venue with old habits, and the channel is tried again."""
    bench.ports.announces = PortState.CLOSED
    bench.ports.rest.answers["/0/public/AssetPairs"] = PAIRS
    listener = Listener(bench)
    listener.wait(1)
    assert set(listener.shown) == {"BTC/USD", "ETH/USD"}
    assert not listener.old
    bench.ports.announces = PortState.OPEN
    listener.wait(3)
    listener.send(notice(pair("BTC/USD", status="post_only"), pair("ETH/USD")))
    assert not listener.shown["BTC/USD"].trading
    asked = len(bench.ports.rest.asked)
    listener.wait(120, HEARTBEAT)
    assert len(bench.ports.rest.asked) == asked


@pytest.mark.parametrize("frame", [
    b'{"error":"Currency pair not supported","method":"subscribe","success":false}',
    b'{"channel":"instrument","type":"snapshot","data":[]}',
    b'{"channel":"instrument","type":"snapshot","data":{"pairs":[{"base":"BTC"}]}}',
    b'{"channel":"instrument"',
    b'{"channel":"instrument","data":' + b"[" * 100_000,
])  # fmt: skip
def test_a_refusal_and_a_broken_frame_leave_the_connection(listener: Listener, frame: bytes) -> None:
    """A feed that waits for the rest of a broken snapshot waits for ever."""
    first = listener.line
    listener.send(frame)
    assert first.state == PortState.CLOSED
    listener.bench.ports.rest.answers["/0/public/AssetPairs"] = PAIRS
    listener.wait(2)
    assert listener.line is not first
    assert set(listener.shown) == {"BTC/USD", "ETH/USD"}


def test_a_pair_that_cannot_be_read_hurts_no_other(listener: Listener) -> None:
    """A text that is not a number is the venue's mistake about one pair."""
    listener.send(notice(pair("BTC/USD", price_increment="x"), pair("ETH/USD")))
    assert (listener.shown["BTC/USD"].kind, listener.shown["BTC/USD"].trading) == ("unlisted", False)
    assert listener.shown["ETH/USD"].trading


def test_a_mute_channel_is_asked_whether_it_lives_and_then_left(listener: Listener) -> None:
    """Heartbeats are not documented where only instruments are subscribed: a ping is always answered."""
    listener.send(SNAPSHOT)
    first = listener.line
    listener.wait(6)
    assert listener.requests()[-1] == "ping"
    listener.send(PONG)
    listener.wait(10)
    assert listener.line is first
    listener.wait(16)
    assert listener.line is not first


def test_a_channel_that_never_comes_up_is_not_hammered(bench: Bench) -> None:
    """A venue in trouble is not helped by a thousand connections."""
    bench.ports.announces = PortState.CLOSED
    listener = Listener(bench)
    listener.wait(300)
    assert 5 < len(bench.ports.instrument_streams) < 30


def test_what_was_known_stays_known_while_the_channel_comes_back(listener: Listener) -> None:
    """A short break invalidates nothing and needs no request."""
    listener.send(SNAPSHOT)
    listener.line.state = PortState.CLOSED
    listener.wait(2)
    assert all(one.trading for one in listener.shown.values())
    listener.send(notice(pair("BTC/USD", status="cancel_only"), pair("ETH/USD")))
    assert not listener.shown["BTC/USD"].trading
    assert not listener.bench.ports.rest.asked


def test_numbers_that_do_not_fit_ask_for_the_list_ever_later(listener: Listener) -> None:
    """A misfit that stays must not make a storm of snapshots of a thousand pairs."""
    listener.send(SNAPSHOT)
    for _ in range(240):
        for symbol in ("BTC/USD",):
            listener.bench.feed._listed.mark_misfit(symbol, "finer", listener.bench.now)
        listener.line.inbox.append(HEARTBEAT)
        if listener.requests()[-1] == "subscribe" and len(listener.requests()) > 1:
            listener.line.inbox.append(SNAPSHOT)
        listener.bench.step(0.25)
    assert 3 < listener.requests().count("subscribe") < 15


def test_a_book_for_which_the_venue_accepts_no_orders_is_shut_and_goes_on(listener: Listener) -> None:
    """Risk, strategies and global books read the state: an order into such a market would hang or be rejected."""
    bench = listener.bench
    listener.send(SNAPSHOT)
    bench.connect()
    bench.step()
    bench.step(0.02, ACK)
    bench.step(0.02, frame("snapshot", "BTC/USD"))
    assert bench.state(7) == BookState.GOOD
    listener.send(notice(pair("BTC/USD", status="cancel_only"), kind="update"))
    assert bench.state(7) == BookState.SHUT
    bench.step(0.02, frame("update", "BTC/USD"))
    assert bench.state(7) == BookState.SHUT
    found = [row.detail for row in bench.published() if row.kind == TickKind.STATE and row.instrument == 7]
    assert found[-2:] == [BookState.GOOD, BookState.SHUT]
    listener.send(notice(pair("BTC/USD"), kind="update"))
    assert bench.state(7) == BookState.GOOD
    assert not bench.feed.pipeline.tracks[0].gaps


def test_a_book_that_begins_where_no_orders_are_accepted_is_never_good(listener: Listener) -> None:
    """A start in a maintenance window must not show a market that can be traded, not for a moment."""
    bench = listener.bench
    listener.send(notice(pair("BTC/USD", status="maintenance"), pair("ETH/USD")))
    bench.connect()
    bench.step()
    bench.step(0.02, ACK)
    bench.step(0.02, frame("snapshot", "BTC/USD"))
    assert BookState.GOOD not in [row.detail for row in bench.published() if row.kind == TickKind.STATE]
    assert bench.state(7) == BookState.SHUT


def test_instruments_nested_beyond_any_parser_end_no_feed(listener: Listener) -> None:
    """The channel is left and asked again; what was known stays known."""
    listener.send(SNAPSHOT)
    listener.send(b'{"channel":"instrument","data":' + b"[" * 200_000)
    assert listener.line.state == PortState.CLOSED
    assert listener.shown["BTC/USD"].trading


@pytest.mark.parametrize(("first", "then"), [("online", "cancel_only"), ("cancel_only", "online")])
def test_a_standby_takes_over_whether_orders_are_accepted(first: str, then: str) -> None:
    """Its books were made before the status changed: GOOD for a pair that accepts no orders is an order that hangs."""
    bench = Bench(venue="kraken", symbols={"BTC/USD": 7}, standby=True, settle_ns=200_000_000)
    bench.ports.announces, bench.ports.acknowledge = PortState.OPEN, False
    listener = Listener(bench)
    listener.send(notice(pair("BTC/USD", status=first)))
    bench.connect()
    for number in (0, 1):
        while len(bench.ports.streams) <= number:
            bench.step(0.1)
        bench.step(0.02)
        for name in ("book", "trade"):
            result = f'{{"channel":"{name}","symbol":"BTC/USD"}}'
            bench.step(0.02, f'{{"method":"subscribe","result":{result},"success":true}}'.encode())
        trades = b'{"channel":"trade","type":"snapshot","data":[]}'
        bench.step(0.02, frame("snapshot", "BTC/USD"), trades, HEARTBEAT)
    for _ in range(5):
        for stream in bench.ports.streams:
            stream.inbox.append(HEARTBEAT)
        bench.step(0.2)
    listener.send(notice(pair("BTC/USD", status=then), kind="update"))
    bench.published()
    bench.ports.streams[0].state = PortState.CLOSED
    bench.step(0.02)
    assert bench.feed.connections.successions == 1
    expected = BookState.GOOD if then == "online" else BookState.SHUT
    assert {row.detail for row in bench.published() if row.kind == TickKind.STATE} == {expected}
    assert bench.state(7) == expected
    bench.close()
