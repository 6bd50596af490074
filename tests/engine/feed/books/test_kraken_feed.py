"""The feed of a venue whose snapshots come with a subscription and whose only gap detector is a checksum."""

import json
from collections.abc import Iterator

import pytest

import shm
from engine.book import Book
from engine.model.words import BookState, TickKind
from engine.venues.kraken.scan import checksum
from tests.engine.feed.feed_fakes import Bench

PAIRS = {
    "result": {
        name: {"wsname": name, "pair_decimals": 1, "lot_decimals": 8, "ordermin": "0.0001", "costmin": "0.5"}
        for name in ("XBT/USD", "ETH/USD")
    }
}
ACK = b'{"method":"subscribe","result":{"channel":"book"},"success":true}'
HEARTBEAT = b'{"channel":"heartbeat"}'


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Two books of one connection, with every level published."""
    made = Bench(venue="kraken", symbols={"BTC/USD": 7, "ETH/USD": 8}, levels=True)
    made.ports.rest.answers["/0/public/AssetPairs"] = PAIRS
    made.ports.acknowledge = False
    made.connect()
    made.step()
    made.step(0.02, ACK)
    yield made
    made.close()


def frame(kind: str, symbol: str, *, wrong: bool = False, bids: str = '{"price":10.0,"qty":1.00000000}') -> bytes:
    """A book of one bid, with its checksum or a wrong one."""
    book = Book()
    book.set(1, 100, 100000000)
    number = checksum(book) ^ wrong
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{bids}],"asks":[],'
        f'"checksum":{number},"timestamp":"2023-07-30T15:30:01.608560Z"}}]}}'
    ).encode()


def asked(bench: Bench) -> list[str]:
    """The symbols of books subscribed anew, in order."""
    messages = [m for m in bench.stream.sent if m["method"] == "subscribe" and m["params"]["channel"] == "book"]
    return [message["params"]["symbol"][0] for message in messages[1:]]


def test_the_levels_of_a_message_whose_checksum_fails_are_published_to_no_reader(bench: Bench) -> None:
    """A reader of the whole book between a complete event of wrong levels and SUSPECT would act on them."""
    bench.step(0.02, frame("snapshot", "BTC/USD"))
    list(bench.levels.rows())
    bench.step(0.02, frame("update", "BTC/USD", wrong=True, bids='{"price":11.0,"qty":2.00000000}'))
    row = next(row for row in bench.levels.rows() if not isinstance(row, shm.Lapped))
    assert (row.kind, row.detail) == (TickKind.STATE, BookState.SUSPECT)


def test_a_checksum_that_fails_resubscribes_that_book_alone(bench: Bench) -> None:
    """At once, on the same connection, and the other book goes on."""
    bench.step(0.02, frame("snapshot", "BTC/USD"), frame("snapshot", "ETH/USD"))
    assert (bench.state(7), bench.state(8)) == (BookState.GOOD, BookState.GOOD)
    bench.step(0.02, frame("update", "BTC/USD", wrong=True))
    for _ in range(10):
        bench.step()
    assert (bench.state(7), bench.state(8)) == (BookState.RESYNCING, BookState.GOOD)
    assert asked(bench) == ["BTC/USD"]
    assert json.loads(json.dumps(bench.stream.sent[-2]))["method"] == "unsubscribe"
    bench.step(0.02, frame("snapshot", "BTC/USD"))
    assert bench.state(7) == BookState.GOOD
    assert len(bench.ports.streams) == 1


def test_snapshots_that_never_add_up_are_requested_ever_more_slowly(bench: Bench) -> None:
    """A changed precision fails every checksum: without a pause the venue would be asked at every round trip."""
    bench.step(0.02, frame("snapshot", "BTC/USD"), frame("snapshot", "ETH/USD"))
    for _ in range(30 * 20):
        bench.step(0.05, frame("snapshot", "BTC/USD", wrong=True), HEARTBEAT)
    assert bench.state(8) == BookState.GOOD
    assert set(asked(bench)) == {"BTC/USD"}
    assert 3 <= len(asked(bench)) <= 9


def test_after_a_book_held_the_next_doubt_is_answered_at_once(bench: Bench) -> None:
    """The pause belongs to failures in a row."""
    for _ in range(3):
        bench.step(0.02, frame("snapshot", "BTC/USD"), frame("snapshot", "ETH/USD"))
        for _ in range(3):
            bench.step(0.6, HEARTBEAT)
        before = len(asked(bench))
        bench.step(0.02, frame("update", "BTC/USD", wrong=True))
        for _ in range(10):
            bench.step()
        assert len(asked(bench)) == before + 1


def test_a_change_that_cannot_be_read_makes_its_book_suspect(bench: Bench) -> None:
    """No number shows that it is missing, and the checksum would not see a level below the tenth."""
    bench.step(0.02, frame("snapshot", "BTC/USD"), frame("snapshot", "ETH/USD"))
    bench.published()
    bench.step(0.02, frame("update", "BTC/USD", bids='{"price":10.0,"qty":-1.00000000}'))
    assert next(row.detail for row in bench.published()) == BookState.SUSPECT
    assert bench.state(8) == BookState.GOOD
    assert bench.feed.malformed == 1


def test_a_frame_that_is_no_json_makes_every_book_suspect(bench: Bench) -> None:
    """The message does not name its book, and no checksum covers a level below the tenth."""
    bench.step(0.02, frame("snapshot", "BTC/USD"), frame("snapshot", "ETH/USD"))
    bench.published()
    bench.step(0.02, b"{rubbish")
    reported = [(row.instrument, row.detail) for row in bench.published() if row.detail == BookState.SUSPECT]
    assert reported == [(7, BookState.SUSPECT), (8, BookState.SUSPECT)]


@pytest.mark.parametrize(("bids", "other"), [
    ('{"price":1e9999999,"qty":1.00000000}', BookState.GOOD),
    ('{"price":10.0,"qty":1e9999999}', BookState.GOOD),
    ("[" * 100_000, BookState.SUSPECT),
])  # fmt: skip
def test_a_frame_that_nothing_can_hold_costs_books_and_not_the_feed(bench: Bench, bids: str, other: BookState) -> None:
    """A number beyond every type still names its book; a frame that is no JSON may have changed any."""
    bench.step(0.02, frame("snapshot", "BTC/USD"), frame("snapshot", "ETH/USD"))
    bench.step(0.02, frame("update", "BTC/USD", bids=bids))
    assert bench.feed.malformed == 1
    assert bench.state(7) != BookState.GOOD
    assert (bench.state(8) == BookState.GOOD) == (other == BookState.GOOD)
