"""What each dialect sends to its venue, and how it reads the venue's messages, field by field."""

import json
from typing import Any

import orjson
import pytest

from engine.model.fixed import INT64_MAX
from engine.venues.binance.market import BinanceDialect
from engine.venues.binance.scan import BinanceMarket, FuturesRule, SpotRule
from engine.venues.catalogue import dialect_of
from engine.venues.coinbase.market import CoinbaseDialect, contract_of, decimals_of, is_open, takes_every_order
from engine.venues.coinbase.scan import CoinbaseMarket, CoinbaseRule
from engine.venues.dialect import EVERY, LEAVING, OTHER, Answer, AnswerKind, Channel, ChannelKind
from engine.venues.kraken.market import KrakenDialect
from engine.venues.kraken.scan import KrakenMarket, KrakenRule

ACCEPTED, REFUSED, MALFORMED = AnswerKind.ACCEPTED, AnswerKind.REFUSED, AnswerKind.MALFORMED
SECOND = 1_000_000_000
BINANCE = {
    "batch": 100, "batch_mixes": True, "all_or_nothing": True, "pace_ns": SECOND // 4, "weight_limit": 6000,
    "weight_header": "x-mbx-used-weight-1m", "requests_snapshots": True, "by_order": False, "numbers_are_text": True,
    "depth": 0, "overlaps": True, "lifetime_ns": 86_000 * SECOND, "mute_ns": 30 * SECOND,
    "wordless_ns": 300 * SECOND, "snapshot_choices": ((5000, 250), (1000, 50)),
    "channels": (Channel("depth@100ms", ChannelKind.BOOK), Channel("bookTicker", ChannelKind.BEST),
                 Channel("trade", ChannelKind.PRINTS)),
}  # fmt: skip
FUTURES = BINANCE | {"weight_limit": 2400, "snapshot_choices": ((1000, 20), (500, 10))}
COINBASE = {
    "batch": 50, "batch_mixes": False, "all_or_nothing": True, "pace_ns": SECOND // 7, "weight_limit": 0,
    "weight_header": "", "requests_snapshots": False, "by_order": False, "numbers_are_text": True, "depth": 0,
    "overlaps": False, "lifetime_ns": 1 << 62, "mute_ns": 5 * SECOND, "wordless_ns": 5 * SECOND,
    "snapshot_choices": (),
    "channels": (Channel("level2", ChannelKind.BOOK, greets=True),
                 Channel("market_trades", ChannelKind.PRINTS, greets=True)),
}  # fmt: skip
KRAKEN = COINBASE | {
    "batch": 100, "all_or_nothing": False, "pace_ns": SECOND // 20, "numbers_are_text": False, "depth": 100,
    "channels": (Channel("book", ChannelKind.BOOK, greets=True), Channel("trade", ChannelKind.PRINTS, greets=True)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("venue", "facts"),
    [
        ("binance", BINANCE), ("binance-usdm", FUTURES), ("binance-coinm", FUTURES), ("coinbase", COINBASE),
        ("kraken", KRAKEN),
    ],
)  # fmt: skip
def test_a_dialect_keeps_within_what_its_venue_allows(venue: str, facts: dict[str, object]) -> None:
    """A message too many closes the connection or bans the address; a silence misjudged loses or keeps a dead book."""
    dialect = dialect_of(venue)
    assert {name: getattr(dialect, name) for name in facts} == facts
    assert dialect.name == venue


def test_each_book_is_kept_by_its_venues_own_rule() -> None:
    """With another's rule a hole in the numbers passes, or every message is one."""
    spot, usdm = BinanceDialect(), BinanceDialect("binance-usdm")
    assert [type(one.rule()) for one in (spot, usdm)] == [SpotRule, FuturesRule]
    assert [type(one.market()) for one in (spot, usdm)] == [BinanceMarket, BinanceMarket]
    coinbase, kraken = CoinbaseDialect(), KrakenDialect()
    assert (type(coinbase.rule()), type(coinbase.market())) == (CoinbaseRule, CoinbaseMarket)
    assert (type(kraken.rule()), type(kraken.market())) == (KrakenRule, KrakenMarket)


def test_a_given_weight_limit_holds_until_the_venue_sends_another() -> None:
    """Asking beyond it bans the address."""
    dialect = BinanceDialect(weight_limit=1200)
    assert dialect.weight_limit == 1200
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 3000}]
    dialect.instruments(orjson.dumps({"symbols": [], "rateLimits": limits}), None)
    assert dialect.weight_limit == 3000
    dialect.instruments(orjson.dumps({"symbols": [], "rateLimits": []}), None)
    assert dialect.weight_limit == 3000


WANTS = [("depth@100ms", "BTCUSDT"), ("trade", "ETHUSDT")]
SENT: list[tuple[str, str, list[tuple[str, str]], dict[str, object]]] = [
    ("binance", "subscribe", WANTS,
     {"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms", "ethusdt@trade"], "id": 7}),
    ("binance", "unsubscribe", WANTS,
     {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth@100ms", "ethusdt@trade"], "id": 7}),
    ("coinbase", "subscribe", [("level2", "BTC-USD"), ("level2", "ETH-USD")],
     {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channel": "level2"}),
    ("coinbase", "unsubscribe", [("level2", "BTC-USD")],
     {"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "level2"}),
    ("kraken", "subscribe", [("book", "BTC/USD"), ("book", "ETH/USD")],
     {"method": "subscribe", "req_id": 7,
      "params": {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 100, "snapshot": True}}),
    ("kraken", "subscribe", [("trade", "BTC/USD")],
     {"method": "subscribe", "req_id": 7, "params": {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": True}}),
    ("kraken", "unsubscribe", [("book", "BTC/USD")],
     {"method": "unsubscribe", "req_id": 7, "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 100}}),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "what", "wants", "message"), SENT)
def test_a_subscription_names_its_channels_and_symbols(
    venue: str, what: str, wants: list[tuple[str, str]], message: dict[str, object]
) -> None:
    """A venue refuses, or ignores, what is spelt in another way."""
    assert json.loads(getattr(dialect_of(venue), what)(wants, 7)) == message


def test_every_address_is_the_products_own() -> None:
    """The same path at another product is another market, with the same symbols."""
    found = {
        name: (one.stream_target(), one.snapshot_target("BTCUSDT", 1000), one.instruments_target(["BTCUSDT", "ETHBTC"]))
        for name in ("binance", "binance-usdm", "binance-coinm", "coinbase", "kraken")
        for one in [dialect_of(name)]
    }
    assert found == {
        "binance": ("/stream", "/api/v3/depth?symbol=BTCUSDT&limit=1000",
                    "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22,%22ETHBTC%22%5D"),
        "binance-usdm": ("/public/stream", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000", "/fapi/v1/exchangeInfo"),
        "binance-coinm": ("/stream", "/dapi/v1/depth?symbol=BTCUSDT&limit=1000", "/dapi/v1/exchangeInfo"),
        "coinbase": ("/", "", "/api/v3/brokerage/market/products?product_ids=BTCUSDT&product_ids=ETHBTC"),
        "kraken": ("/v2", "", "/0/public/AssetPairs"),
    }  # fmt: skip


def test_only_a_venue_with_heartbeats_is_greeted_and_only_kraken_sends_its_metadata() -> None:
    """Without heartbeats a quiet Coinbase channel is closed by the venue."""
    assert [json.loads(one) for one in CoinbaseDialect().greeting()] == [{"type": "subscribe", "channel": "heartbeats"}]
    assert BinanceDialect().greeting() == KrakenDialect().greeting() == []
    assert BinanceDialect().instrument_channel is CoinbaseDialect().instrument_channel is None
    assert KrakenDialect().instrument_channel is not None
    assert KrakenDialect(by_order=True).instrument_channel is None


def diff(**words: object) -> dict[str, object]:
    """A diff of Binance without a list of bids: the scanner refuses it."""
    return {"e": "depthUpdate", "s": "BTCUSDT", **words}


L2 = {"channel": "l2_data", "events": [{"product_id": "BTC-USD"}, {"product_id": "ETH-USD"}]}
BOOK = {"channel": "book", "type": "update", "data": [{"symbol": "BTC/USD"}, {"symbol": "ETH/USD"}]}
SUBSCRIBED = {"method": "subscribe", "success": True, "req_id": 4, "result": {"channel": "book", "symbol": "BTC/USD"}}
NOT_SUPPORTED = "Currency pair not supported"
ANSWERS: list[tuple[str, object, Answer]] = [
    ("binance", {"result": None, "id": 3}, Answer(ACCEPTED, number=3)),
    ("binance", {"result": None, "id": "x"}, Answer(ACCEPTED)),
    ("binance", {"error": {"code": 2}, "id": 3}, Answer(REFUSED, '{"code":2}', number=3)),
    ("binance", {"code": 2, "msg": "no"}, Answer(REFUSED, '{"code":2,"msg":"no"}')),
    ("binance", {"e": "serverShutdown"}, LEAVING),
    ("binance", {"stream": "s", "data": {"e": "serverShutdown"}}, LEAVING),
    ("binance", diff(), Answer(MALFORMED, "a depthUpdate that the scanner refuses", ("BTCUSDT",))),
    ("binance", {"data": {"e": "depthUpdate"}}, Answer(MALFORMED, "a depthUpdate that the scanner refuses", (EVERY,))),
    ("binance", diff(e="trade"), Answer(MALFORMED, "a trade that the scanner refuses")),
    ("binance", diff(e="aggTrade"), Answer(MALFORMED, "a aggTrade that the scanner refuses")),
    ("binance", diff(e="bookTicker"), Answer(MALFORMED, "a bookTicker that the scanner refuses")),
    ("binance", {"u": 1, "s": "X", "B": "1", "A": "1"}, Answer(MALFORMED, "a bookTicker that the scanner refuses")),
    ("binance", {"u": 1, "B": "1", "A": "1"}, Answer(MALFORMED, "a bookTicker that the scanner refuses")),
    ("binance", {"u": 1, "s": "X", "B": "1"}, OTHER),
    ("binance", {"u": 1, "s": "X", "A": "1"}, OTHER),
    ("binance", {"s": "X", "A": "1", "B": "1"}, OTHER),
    ("binance", {"e": "kline"}, OTHER),
    ("binance", {"e": 5}, OTHER),
    ("binance", {"data": [1]}, OTHER),
    ("binance", [1], OTHER),
    ("coinbase", {"type": "error", "message": "Failed", "reason": "BTC-USD is no product."},
     Answer(REFUSED, "Failed BTC-USD is no product.", named=(("", "BTC-USD"),))),
    ("coinbase", {"type": "error", "message": "(ETH-USD),"}, Answer(REFUSED, "(ETH-USD),", named=(("", "ETH-USD"),))),
    ("coinbase", L2, Answer(MALFORMED, "a l2_data message that the scanner refuses", ("BTC-USD", "ETH-USD"))),
    ("coinbase", L2 | {"events": [{"product_id": "BTC-USD"}, {}]},
     Answer(MALFORMED, "a l2_data message that the scanner refuses", (EVERY,))),
    ("coinbase", L2 | {"events": {"product_id": "x"}},
     Answer(MALFORMED, "a l2_data message that the scanner refuses", (EVERY,))),
    ("coinbase", L2 | {"channel": "market_trades"},
     Answer(MALFORMED, "a market_trades message that the scanner refuses")),
    ("coinbase", L2 | {"events": []}, OTHER),
    ("coinbase", {"channel": "heartbeats", "events": [{"heartbeat_counter": 1}]}, OTHER),
    ("coinbase", {"channel": "subscriptions", "events": [{"subscriptions": {"level2": ["BTC-USD"], "x": 5}}]},
     Answer(ACCEPTED, named=(("level2", "BTC-USD"),))),
    ("coinbase", {"channel": "subscriptions", "events": [{"subscriptions": {"x": ["A-B"]}}, {}]},
     Answer(ACCEPTED, named=(("x", "A-B"),))),
    ("coinbase", {"channel": "subscriptions", "events": [{"subscriptions": []}]}, OTHER),
    ("coinbase", {"channel": "subscriptions", "events": [5]}, OTHER),
    ("coinbase", {"channel": "subscriptions", "events": []}, OTHER),
    ("coinbase", {"channel": "subscriptions", "events": 5}, OTHER),
    ("kraken", BOOK, Answer(MALFORMED, "a book message that the scanner refuses", ("BTC/USD", "ETH/USD"))),
    ("kraken", BOOK | {"data": [{"symbol": "BTC/USD"}, {}]},
     Answer(MALFORMED, "a book message that the scanner refuses", (EVERY,))),
    ("kraken", BOOK | {"data": {"symbol": 1}}, Answer(MALFORMED, "a book message that the scanner refuses", (EVERY,))),
    ("kraken", BOOK | {"channel": "trade"}, Answer(MALFORMED, "a trade message that the scanner refuses")),
    ("kraken", BOOK | {"data": []}, OTHER),
    ("kraken", BOOK | {"channel": "status"}, OTHER),
    ("kraken", SUBSCRIBED, Answer(ACCEPTED, number=4, named=(("book", "BTC/USD"),))),
    ("kraken", SUBSCRIBED | {"method": "ping"}, OTHER),
    ("kraken", SUBSCRIBED | {"req_id": "x", "result": {"symbol": "BTC/USD"}},
     Answer(ACCEPTED, named=(("", "BTC/USD"),))),
    ("kraken", SUBSCRIBED | {"result": {}}, Answer(ACCEPTED, number=4)),
    ("kraken", {"method": "subscribe", "error": NOT_SUPPORTED, "symbol": "X/Y", "success": False, "req_id": 4},
     Answer(REFUSED, NOT_SUPPORTED, number=4, named=(("", "X/Y"),))),
    ("kraken", {"method": "subscribe", "success": False}, Answer(REFUSED)),
    ("kraken", {"method": "subscribe", "error": NOT_SUPPORTED}, Answer(REFUSED, NOT_SUPPORTED)),
    ("kraken", {"method": "subscribe", "error": "Already subscribed", "success": False},
     Answer(ACCEPTED, "Already subscribed")),
    ("kraken", [1], OTHER),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "message", "answer"), ANSWERS)
def test_a_message_is_answered_by_its_contents(venue: str, message: object, answer: Answer) -> None:
    """A refusal read as consent leaves a symbol silent for ever; a spoilt diff that is ignored is a wrong book."""
    assert dialect_of(venue).answer(orjson.dumps(message)) == answer


@pytest.mark.parametrize("venue", ["binance", "coinbase", "kraken"])
@pytest.mark.parametrize("frame", [b"{", b'{"a":NaN}', b'{"a":1e}'])
def test_a_frame_that_is_no_json_may_have_changed_every_book(venue: str, frame: bytes) -> None:
    """Its contents are missing, and its books are not known."""
    answer = dialect_of(venue).answer(frame)
    assert (answer.kind, answer.spoilt, bool(answer.text)) == (MALFORMED, (EVERY,), True)


@pytest.mark.parametrize(("venue", "message"), [("coinbase", L2), ("kraken", BOOK)])
def test_a_number_wider_than_a_double_still_names_its_book(venue: str, message: dict[str, object]) -> None:
    """The reader that refuses it would otherwise make every book suspect."""
    frame = orjson.dumps(message)[:-1] + b',"more":1e999}'
    assert len(dialect_of(venue).answer(frame).spoilt) == 2


NUMBERS: list[tuple[str, Any, list[tuple[str, str, str]]]] = [
    ("binance", {"data": diff(b=[["1", "2"]], a=[["3", "4"], ["5", "6"]])},
     [("BTCUSDT", "1", "2"), ("BTCUSDT", "3", "4"), ("BTCUSDT", "5", "6")]),
    ("binance", diff(e="trade", p="1", q="2"), [("BTCUSDT", "1", "2")]),
    ("binance", diff(e="aggTrade", p="1", q="2"), [("BTCUSDT", "1", "2")]),
    ("binance", {"s": "X", "u": 1, "b": "1", "B": "2", "a": "3", "A": "4"}, [("X", "1", "2"), ("X", "3", "4")]),
    ("binance", {"s": "X", "b": "1", "B": "2", "a": "3", "A": "4"}, []),
    ("binance", {"s": "X", "u": 1, "b": "1", "a": "3", "A": "4"}, []),
    ("binance", {"s": "X", "u": 1, "b": "1", "B": "2", "a": "3"}, []),
    ("binance", [1], []),
    ("coinbase", L2 | {"events": [{"product_id": "P", "updates": [{"price_level": "1", "new_quantity": "2"}]}]},
     [("P", "1", "2")]),
    ("coinbase", {"channel": "market_trades", "events": [{"trades": [{"product_id": "P", "price": "1", "size": "2"}]}]},
     [("P", "1", "2")]),
    ("coinbase", L2 | {"channel": "heartbeats"}, []),
    ("coinbase", [1], []),
    ("kraken", BOOK | {"data": [{"symbol": "S", "bids": [{"price": "1", "qty": "2"}],
                                 "asks": [{"price": "3", "qty": "4"}]}]}, [("S", "1", "2"), ("S", "3", "4")]),
    ("kraken", {"channel": "trade", "data": [{"symbol": "S", "price": "1", "qty": "2"}]}, [("S", "1", "2")]),
    ("kraken", {"channel": "status", "data": [5]}, []),
    ("kraken", [1], []),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "message", "numbers"), NUMBERS)
def test_every_price_and_size_of_a_recording_is_found(
    venue: str, message: object, numbers: list[tuple[str, str, str]]
) -> None:
    """The decimals of a recording without metadata are those of its numbers: one that is missed is cut."""
    assert list(dialect_of(venue).numbers(message)) == numbers


@pytest.mark.parametrize(
    ("payload", "url", "symbol"),
    [
        (b'{"lastUpdateId":1}', "https://x/api/v3/depth?symbol=BTCUSDT&limit=5", "BTCUSDT"),
        (b'{"lastUpdateId":1,"symbol":"X"}', "https://x/depth", ""),
        (b'{"lastUpdateId":1,"symbol":"BTCUSD_PERP"}', "", "BTCUSD_PERP"),
        (b'{"lastUpdateId":1}', "", ""),
        (b'{"lastUpdateId"', "", ""),
        (b'{"e":"trade"}', "https://x/depth?symbol=BTCUSDT", None),
    ],
)
def test_a_recorded_book_names_its_symbol(payload: bytes, url: str, symbol: str | None) -> None:
    """Read for another symbol it would change that symbol's book."""
    assert BinanceDialect().recorded_book(payload, url) == symbol
    assert CoinbaseDialect().recorded_book(payload, url) is None


SIDE, SETTLED = [{"price": 1, "qty": 1}], {"result": {"channel": "book", "depth": 500}}


@pytest.mark.parametrize(
    ("messages", "depth"),
    [
        ([], 100),
        ([[1]], 100),
        ([{"result": {"channel": "book", "depth": 25}}], 25),
        ([{"result": {"channel": "trade", "depth": 25}}], 100),
        ([{"result": {"channel": "book", "depth": 25}}, {"result": {"channel": "book", "depth": 500}}], 25),
        ([BOOK | {"type": "snapshot", "data": [{"bids": SIDE * 10, "asks": SIDE}]}], 10),
        ([BOOK | {"type": "snapshot", "data": [{"bids": SIDE, "asks": SIDE * 11}]}], 25),
        ([BOOK | {"type": "snapshot", "data": [{"bids": SIDE * 1001, "asks": SIDE}]}], 1000),
        ([BOOK | {"type": "snapshot", "data": [{"bids": SIDE, "asks": []}]}] * 2 + [{"result": {"depth": 500}}], 10),
        (
            [
                BOOK | {"type": "snapshot", "data": [{"bids": SIDE, "asks": []}]},
                {"result": {"channel": "book", "depth": 500}},
            ],
            10,
        ),
        ([BOOK | {"data": [{"bids": SIDE * 500, "asks": []}]}], 100),
    ],
)
def test_a_recordings_depth_is_that_of_its_subscription(messages: list[object], depth: int) -> None:
    """Cut at another depth, the book's checksum never agrees."""
    dialect = KrakenDialect()
    for message in messages:
        dialect.apply_recorded(message)
    assert dialect.depth == depth


def test_a_depth_that_kraken_does_not_have_is_refused() -> None:
    """The venue would refuse every subscription."""
    assert [KrakenDialect(depth=one).depth for one in (10, 25, 100, 500, 1000)] == [10, 25, 100, 500, 1000]
    with pytest.raises(ValueError, match="depth must be one of"):
        KrakenDialect(depth=11)


@pytest.mark.parametrize(
    ("step", "decimals"), [("0.01", 2), ("1", 0), ("10", 0), ("0.10", 1), ("1e-08", 8), ("2.5e-07", 8)]
)
def test_a_step_gives_its_decimals(step: str, decimals: int) -> None:
    """A decimal too few and no price of the product fits."""
    assert decimals_of(step) == decimals


def test_a_coinbase_product_is_open_by_its_status_or_its_session() -> None:
    """A contract whose session is shut is not traded, whatever its status is."""
    shut, open_ = ({"fcm_trading_session_details": {"is_session_open": one}} for one in (False, True))
    found = [
        is_open(one) for one in ({"status": "online"}, {"status": "delisted"}, {}, shut | {"status": "online"}, open_)
    ]
    assert found == [True, False, False, False, True]
    assert takes_every_order({"post_only": False})
    assert not takes_every_order({"is_disabled": True})


def test_a_coinbase_contract_has_its_kind_and_size() -> None:
    """Held as spot, it would be counted at another size."""
    reported = {"contract_expiry_type": "PERPETUAL", "contract_size": "10", "contract_root_unit": "BTC"}
    future = {"product_type": "FUTURE", "future_product_details": reported}
    assert contract_of({"base_currency_id": "BTC"}) == ("BTC", "spot", 1)
    assert contract_of({"product_type": "SPOT", "base_currency_id": "BTC"}) == ("BTC", "spot", 1)
    assert contract_of(future) == ("BTC", "perpetual", 10)
    reported["contract_expiry_type"] = "EXPIRING"
    assert contract_of(future) == ("BTC", "future", 10)


PRODUCT = {
    "product_id": "BTC-USD", "base_currency_id": "BTC", "quote_currency_id": "USD", "quote_increment": "0.01",
    "base_increment": "0.00000001", "status": "online",
}  # fmt: skip
BOUNDS = {"base_min_size": "0.0001", "base_max_size": "3400", "quote_min_size": "1", "price_increment": "0.05"}


@pytest.mark.parametrize(
    ("bounds", "least", "most", "notional", "step"),
    [
        (BOUNDS, 10_000, 3400 * 10**8, 10**10, 5),
        ({}, 0, INT64_MAX, 0, 1),
        ({"base_max_size": str(2**63)}, 0, INT64_MAX, 0, 1),
        ({"base_max_size": "0.00000001"}, 0, 1, 0, 1),
    ],
)
def test_a_coinbase_product_has_the_bounds_that_it_names(
    bounds: dict[str, str], least: int, most: int, notional: int, step: int
) -> None:
    """An order outside of them is rejected; a bound that is not named, or that no number here holds, bounds nothing."""
    (one,) = CoinbaseDialect().instruments(orjson.dumps({"products": [PRODUCT | bounds]}), {"BTC-USD": 4}).instruments
    assert (one.size_min, one.size_max, one.notional_min, one.price_step) == (least, most, notional, step)
    assert (one.id, one.venue, one.symbol, one.base, one.quote) == (4, "coinbase", "BTC-USD", "BTC", "USD")
    assert (one.price_decimals, one.size_decimals, one.size_step, one.kind) == (2, 8, 1, "spot")
