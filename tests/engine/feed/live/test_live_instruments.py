"""Instruments from each venue's own metadata: read, kept, not listed, and changed while the feed runs."""

import pytest

from engine.cli.books import are_followed, books
from engine.model.words import BookState
from tests.engine.feed.live.conftest import SYMBOLS, Serve, Start, wire_of
from tests.engine.feed.live.speakers import BinanceWire, KrakenWire
from tests.engine.feed.live.test_live_subscriptions import logs

KINDS = tuple(SYMBOLS)
DOWN = [(503, {})] * 10_000
UNLISTED = {"binance": "FOOUSDT", "usdm": "FOOUSDT", "coinbase": "FOO-USD", "kraken": "FOO/USD"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_venues_metadata_is_shown(kind: str, seed: int, serve: Serve, start: Start) -> None:
    """Steps, decimals, minimum, status, contract: what everybody reads numbers by."""
    wire = wire_of(kind, seed)
    engine = start(serve(kind, wire, SYMBOLS[kind]))
    engine.await_whole()
    if isinstance(wire, BinanceWire):
        assert set(wire.limits) == {"1000" if wire.futures else "5000"}  # two books: there is plenty
    shown = engine.shown(1)
    assert (shown.price_decimals, shown.size_decimals, shown.price_step, shown.size_step) == (2, 5, 1, 1)
    assert (shown.size_min, shown.trading, shown.old) == (10 if kind == "kraken" else 1, 1, 0)
    assert (shown.venue.rstrip(b"\0"), shown.symbol.rstrip(b"\0")) == (kind.encode(), SYMBOLS[kind][0].encode())
    assert (shown.kind.rstrip(b"\0"), shown.multiplier) == (b"perpetual" if kind == "usdm" else b"spot", 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_starts_the_feed_while_rest_is_down_and_is_marked_old(
    kind: str, seed: int, serve: Serve, start: Start
) -> None:
    """The streams may be well while REST is not; a book asked for over REST waits for it."""
    wire = wire_of(kind, seed)
    engine = start(serve(kind, wire, SYMBOLS[kind]))
    engine.await_whole()
    assert engine.stop() == 0
    wire.statuses += DOWN
    wire.refused.add("instrument")  # Kraken sends them by itself
    engine.start()
    engine.until(lambda: engine.shown(1).old, "marked old")
    if not isinstance(wire, BinanceWire):
        engine.await_truth()
    wire.statuses.clear()
    wire.refused.clear()
    engine.until(lambda: not engine.shown(1).old, "confirmed")
    engine.await_whole()
    engine.assert_never_wrong()


@pytest.mark.parametrize("kind", KINDS)
def test_a_symbol_the_venue_does_not_list_hurts_no_other(kind: str, seed: int, serve: Serve, start: Start) -> None:
    """Binance refuses the whole question for it, Coinbase leaves it out: an error with its name either way."""
    wire = wire_of(kind, seed)
    symbols = (SYMBOLS[kind][0], UNLISTED[kind], SYMBOLS[kind][1])
    engine = start(serve(kind, wire, symbols))
    engine.await_truth()
    engine.await_state(BookState.REFUSED, 2)
    engine.until(lambda: logs(engine, UNLISTED[kind], "is not followed"), "the error")
    shown = engine.shown(2)
    assert (shown.trading, shown.kind.rstrip(b"\0"), shown.symbol.rstrip(b"\0")) == (
        0, b"unlisted", UNLISTED[kind].encode(),
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_prices_finer_than_the_step_are_a_state_and_a_reload_and_no_storm(
    kind: str, seed: int, serve: Serve, start: Start
) -> None:
    """The venue changed the tick: the other book goes on, the venue is not asked without end, and then it fits."""
    wire = wire_of(kind, seed)
    engine = start(serve(kind, wire, SYMBOLS[kind]))
    engine.await_whole()
    truth = wire.truths[SYMBOLS[kind][0]]
    other = list(engine.seen[2].states)

    async def refine() -> None:
        truth.price_decimals = 3
        for side in (truth.bids, truth.asks):
            for price, size in list(side.items()):
                del side[price]
                side[price * 10 + 1] = size
        await wire.publish(truth, [(1, max(truth.bids), 5)])

    server = engine.venues[0].server
    server.call(refine)
    engine.await_state(BookState.MISFIT, 1)
    engine.until(lambda: logs(engine, truth.symbol, "decimals"), "the error")
    server.call(lambda: wire.publish(wire.truths[SYMBOLS[kind][1]], wire.truths[SYMBOLS[kind][1]].move()))
    engine.await_truth(2)
    assert engine.seen[2].states == other
    messages = sum(session.messages for session in wire.sessions)
    engine.until(lambda: sum(wire.requests.values()) >= 6, "asked again")
    assert sum(session.messages for session in wire.sessions) - messages < 30
    wire.refined = True
    truth.tops.add(truth.top())
    engine.await_truth(1)
    assert engine.shown(1).price_decimals == 3
    assert engine.shown(1).version == 2
    engine.assert_never_wrong()


def test_a_venue_that_limits_requests_gets_none_for_as_long_as_it_demands(
    seed: int, serve: Serve, start: Start
) -> None:
    """429 with Retry-After: not one request before its end; going on would be answered with a ban."""
    wire = BinanceWire(seed, SYMBOLS["binance"])
    venue = serve("binance", wire, SYMBOLS["binance"])
    engine = start(venue)
    engine.await_whole()
    wire.statuses.append((429, {"Retry-After": "2"}))

    async def lose_one() -> None:
        wire.truths["BTCUSDT"].move()
        await wire.move(1)

    venue.server.call(lose_one)
    engine.until(lambda: not wire.statuses, "asked and refused")
    asked = sum(wire.requests.values())
    engine.until(lambda: "status 429" in engine.log.read_text(), "the refusal in the log")
    began = engine.now()
    engine.until(lambda: sum(wire.requests.values()) > asked, "asked again")
    assert engine.now() - began > 1.5
    engine.await_truth()
    engine.assert_never_wrong()


def test_books_are_requested_within_the_weight_that_the_venue_allows(seed: int, serve: Serve, start: Start) -> None:
    """Thirty books at once on an address that has used a sixth: shallow ones, and never beyond the share."""
    symbols = tuple(f"S{number:03}USDT" for number in range(30))
    wire = BinanceWire(seed, symbols)
    wire.weight = 1000
    engine = start(serve("binance", wire, symbols))
    engine.until(lambda: all(seen.good for seen in engine.seen.values()))
    assert wire.limits == ["1000"] * 30
    assert wire.weight <= 3000
    engine.assert_never_wrong()


def test_status_names_what_the_venue_does_not_bring(seed: int, serve: Serve, start: Start) -> None:
    """An operator sees it without reading logs: the state, the symbol, the channel."""
    wire = wire_of("kraken", seed)
    wire.ignored.add(("trade", "ETH/USD"))
    engine = start(serve("kraken", wire, (*SYMBOLS["kraken"], "FOO/USD")))
    engine.await_truth()
    engine.until(lambda: engine.shown(2).missing, "prints are missing")
    engine.await_state(BookState.REFUSED, 3)
    found = books(engine.config.system.name, {})
    assert [(one["symbol"], one["state"], one["missing"]) for one in found] == [
        ("BTC/USD", "GOOD", []), ("ETH/USD", "GOOD", ["prints"]), ("FOO/USD", "REFUSED", []),
    ]  # fmt: skip
    now_ns = found[0]["publish_ns"]
    assert not are_followed(found, now_ns)
    assert are_followed(found[:1], now_ns)


def test_a_pair_that_accepts_no_orders_is_seen_by_every_reader_while_its_book_goes_on(
    seed: int, serve: Serve, start: Start
) -> None:
    """Kraken sends it on its own channel: the table shows it at once, and the books' connection stays untouched."""
    wire = KrakenWire(seed, SYMBOLS["kraken"])
    venue = serve("kraken", wire, SYMBOLS["kraken"])
    engine = start(venue)
    engine.await_whole()
    assert set(wire.requests) == {"instrument"}  # AssetPairs was not needed
    connections, truth = wire.connections, wire.truths[SYMBOLS["kraken"][0]]
    venue.server.call(lambda: wire.announce(truth, "cancel_only"))
    engine.until(lambda: not engine.shown(1).trading, "shown")
    engine.await_state(BookState.SHUT, 1)
    assert engine.shown(2).trading
    venue.server.call(lambda: wire.publish(truth, truth.move()))
    engine.await_truth(2)
    venue.server.call(lambda: wire.announce(truth, "online"))
    engine.until(lambda: engine.shown(1).trading, "open again")
    engine.await_truth()
    assert wire.connections == connections
    engine.assert_never_wrong()


def test_asset_pairs_is_asked_where_the_channel_is_refused(seed: int, serve: Serve, start: Start) -> None:
    """A venue without it is followed as it was before."""
    wire = KrakenWire(seed, SYMBOLS["kraken"])
    wire.refused.add("instrument")
    engine = start(serve("kraken", wire, SYMBOLS["kraken"]))
    engine.await_whole()
    assert wire.requests["/0/public/AssetPairs"] == 1
    assert not engine.shown(1).old
    engine.assert_never_wrong()
