"""One frame of each kind from each venue, and the one form that all of them come to: fields, units, side, ids."""

import pytest

from engine.venues.catalogue import dialect_of

# The same market everywhere: bid 100.25 x 1.5 and ask 100.50 x 2, then the bid gone, then another buys 0.75 at 100.50.
SYMBOLS = {"binance": "BTCUSDT", "binance-usdm": "BTCUSDT", "coinbase": "BTC-USD", "kraken": "BTC/USD"}
CLOCK_NS = 1_700_000_000_123_000_000
CLOCK = "2023-11-14T22:13:20.123Z"
BID, ASK = (10025, 150000), (10050, 200000)  # at 2 and 5 decimals
GONE = (10025, 0)

DELTAS = {
    "binance": b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000123,"s":"BTCUSDT","U":11,'
    b'"u":12,"b":[["100.25000000","0.00000000"]],"a":[["100.50000000","2.00000000"]]}}',
    "binance-usdm": b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000124,"T":1700000000123,'
    b'"s":"BTCUSDT","U":11,"u":12,"pu":9,"b":[["100.25","0"]],"a":[["100.50","2.000"]]}}',
    "coinbase": b'{"channel":"l2_data","timestamp":"2023-11-14T22:13:20.123Z","sequence_num":12,"events":[{"type":'
    b'"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2023-11-14T22:13:20.1Z","price_level":'
    b'"100.25","new_quantity":"0"},{"side":"offer","event_time":"2023-11-14T22:13:20.1Z","price_level":"100.5",'
    b'"new_quantity":"2"}]}]}',
    "kraken": b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":100.25,"qty":0.00000}],'
    b'"asks":[{"price":100.50,"qty":2.00000}],"checksum":7,"timestamp":"2023-11-14T22:13:20.123000Z"}]}',
}
SNAPSHOTS = {
    "coinbase": b'{"channel":"l2_data","timestamp":"2023-11-14T22:13:20.123Z","sequence_num":1,"events":[{"type":'
    b'"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":'
    b'"100.25","new_quantity":"1.5"},{"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"100.50",'
    b'"new_quantity":"2"}]}]}',
    "kraken": b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":100.25,"qty":1.50000}]'
    b',"asks":[{"price":100.50,"qty":2.00000}],"checksum":7,"timestamp":"2023-11-14T22:13:20.123Z"}]}',
}
REQUESTED = {
    "binance": b'{"lastUpdateId":10,"bids":[["100.25000000","1.50000000"]],"asks":[["100.50000000","2.00000000"]]}',
    "binance-usdm": b'{"lastUpdateId":10,"E":1700000000123,"T":1700000000120,"bids":[["100.25","1.500"]],'
    b'"asks":[["100.50","2"]]}',
}
PRINTS = {
    "binance": b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000124,"s":"BTCUSDT","t":77,"p":'
    b'"100.50000000","q":"0.75000000","T":1700000000123,"m":false,"M":true}}',
    "binance-usdm": b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000124,"T":1700000000123,"s":"BTCUSDT",'
    b'"t":77,"p":"100.50","q":"0.75","X":"MARKET","m":false}}',
    "coinbase": b'{"channel":"market_trades","timestamp":"2023-11-14T22:13:20.2Z","sequence_num":13,"events":[{"type":'
    b'"update","trades":[{"product_id":"BTC-USD","trade_id":"77","price":"100.50","size":"0.75","time":'
    b'"2023-11-14T22:13:20.123Z","side":"SELL"}]}]}',
    "kraken": b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":100.50,"qty":'
    b'0.75000,"ord_type":"market","trade_id":77,"timestamp":"2023-11-14T22:13:20.123000Z"}]}',
}
BESTS = {
    "binance": b'{"stream":"btcusdt@bookTicker","data":{"u":12,"s":"BTCUSDT","b":"100.25000000","B":"1.50000000",'
    b'"a":"100.50000000","A":"2.00000000"}}',
    "binance-usdm": b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":12,"s":"BTCUSDT","b":"100.25","B":'
    b'"1.5","a":"100.50","A":"2","T":1700000000120,"E":1700000000123}}',
}
HEARTBEATS = {
    "binance": b'{"result":null,"id":1}',
    "binance-usdm": b'{"result":null,"id":1}',
    "coinbase": b'{"channel":"heartbeats","timestamp":"2023-11-14T22:13:20.123Z","sequence_num":14,"events":'
    b'[{"current_time":"2023-11-14 22:13:20 +0000 UTC","heartbeat_counter":3}]}',
    "kraken": b'{"channel":"heartbeat"}',
}


def decode(venue: str, frame: bytes) -> list[dict[str, object]]:
    """A frame's messages, of one symbol of 2 and 5 decimals."""
    market = dialect_of(venue).market()
    market.add(SYMBOLS[venue], 2, 5)
    found = market.decode(frame)
    assert found is not None, "malformed"
    return found


def core(message: dict[str, object], *names: str) -> dict[str, object]:
    """The fields that mean the same at every venue."""
    return {name: message[name] for name in names}


@pytest.mark.parametrize("venue", DELTAS)
def test_a_change_is_absolute_levels_and_zero_is_gone(venue: str) -> None:
    """Prices and sizes are whole numbers in the instrument's decimals, times are nanoseconds."""
    (message,) = decode(venue, DELTAS[venue])
    names = ("kind", "index", "bids", "asks", "venue_ns")
    expected = {"kind": "delta", "index": 0, "bids": [GONE], "asks": [ASK], "venue_ns": CLOCK_NS}
    assert core(message, *names) == expected


@pytest.mark.parametrize("venue", SNAPSHOTS)
def test_a_snapshot_of_a_subscription_is_the_whole_book(venue: str) -> None:
    """The same levels, sent as a beginning."""
    (message,) = decode(venue, SNAPSHOTS[venue])
    assert core(message, "kind", "index", "bids", "asks") == {
        "kind": "snapshot", "index": 0, "bids": [BID], "asks": [ASK],
    }  # fmt: skip


@pytest.mark.parametrize("venue", REQUESTED)
def test_a_book_asked_for_is_a_snapshot_with_the_venues_number(venue: str) -> None:
    """What came over REST and what came over a stream are one form."""
    market = dialect_of(venue).market()
    market.add(SYMBOLS[venue], 2, 5)
    message = market.decode_snapshot(REQUESTED[venue], 0)
    assert message is not None
    assert core(message, "kind", "index", "bids", "asks", "last") == {
        "kind": "snapshot", "index": 0, "bids": [BID], "asks": [ASK], "last": 10,
    }  # fmt: skip


@pytest.mark.parametrize("venue", PRINTS)
def test_a_print_has_the_aggressors_side(venue: str) -> None:
    """Binance sends who was the maker, Coinbase the maker's side, Kraken the taker's: all become +1, a purchase."""
    (message,) = decode(venue, PRINTS[venue])
    names = ("kind", "index", "price", "size", "side", "print_id", "ordinary", "venue_ns")
    assert core(message, *names) == {
        "kind": "print", "index": 0, "price": 10050, "size": 75000, "side": 1, "print_id": 77, "ordinary": True,
        "venue_ns": CLOCK_NS,
    }  # fmt: skip


@pytest.mark.parametrize("venue", BESTS)
def test_a_best_bid_and_ask_has_both_sides_at_one_number(venue: str) -> None:
    """The faster channel, where a venue has one."""
    (message,) = decode(venue, BESTS[venue])
    assert core(message, "kind", "index", "bid", "ask", "last") == {
        "kind": "best", "index": 0, "bid": BID, "ask": ASK, "last": 12,
    }  # fmt: skip


@pytest.mark.parametrize("venue", HEARTBEATS)
def test_what_only_shows_life_is_no_message(venue: str) -> None:
    """It keeps the connection from being called mute and changes no book."""
    assert decode(venue, HEARTBEATS[venue]) == []
