"""A venue that refuses, ignores or never answers: an error with a name, and the others go on."""

import pytest

from engine.model.words import BookState
from engine.venues.dialect import ChannelKind
from tests.engine.feed.live.conftest import SYMBOLS, Serve, Start, wire_of
from tests.engine.feed.live.engine_process import PATIENCE, Engine
from tests.engine.feed.live.speakers import BinanceWire

KINDS = tuple(SYMBOLS)
BOOKS = {"binance": "depth@100ms", "usdm": "depth@100ms", "coinbase": "level2", "kraken": "book"}
PRINTS = {"binance": "trade", "usdm": "trade", "coinbase": "market_trades", "kraken": "trade"}


def logs(engine: Engine, *words: str) -> bool:
    """Whether one line of the log is an error with all these words."""
    lines = engine.log.read_text().splitlines()
    return any('"level": "error"' in line and all(word in line for word in words) for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_symbol_is_an_error_with_its_name_and_the_other_goes_on(
    kind: str, seed: int, serve: Serve, start: Start
) -> None:
    """One no must neither drop the connection nor starve the others; when the venue relents, the book comes."""
    wire = wire_of(kind, seed)
    bad = SYMBOLS[kind][1]
    wire.refused.add(bad)
    engine = start(serve(kind, wire, SYMBOLS[kind]))
    engine.await_truth(1)
    engine.await_state(BookState.REFUSED, 2)
    engine.until(lambda: logs(engine, bad, "refused"), "the error")
    engine.until(lambda: engine.shown(2).missing & ChannelKind.BOOK, "the channel is missing")
    assert wire.connections == 1
    engine.venues[0].server.call(lambda: wire.move(5))
    engine.await_truth(1)
    assert engine.state(2) == BookState.REFUSED
    wire.refused.clear()
    engine.await_whole()
    engine.until(lambda: not engine.shown(2).missing)
    assert isinstance(wire, BinanceWire) is False or wire.too_fast == 0
    engine.assert_never_wrong()


@pytest.mark.parametrize("kind", ["coinbase", "kraken"])
def test_prints_that_are_ignored_while_the_book_flows_are_an_error(
    kind: str, seed: int, serve: Serve, start: Start
) -> None:
    """A channel is not the connection: a good book beside silence must not pass for a market without trades."""
    wire = wire_of(kind, seed)
    bad = SYMBOLS[kind][1]
    wire.ignored.add((PRINTS[kind], bad))
    engine = start(serve(kind, wire, SYMBOLS[kind]))
    engine.until(lambda: logs(engine, bad, PRINTS[kind], "not acknowledged"), "the error")
    engine.await_truth()
    engine.until(lambda: engine.shown(2).missing == ChannelKind.PRINTS, "prints alone are missing")
    wire.ignored.clear()
    engine.until(lambda: not engine.shown(2).missing, "prints are subscribed again")
    engine.await_whole()
    first = {number: len(truth.trades) + 1 for number, truth in engine.truths.items()}
    for seen in engine.seen.values():
        seen.prints.clear()
    engine.venues[0].server.call(lambda: wire.move(10))
    for number in engine.truths:
        engine.await_prints(number, first[number])
    engine.assert_never_wrong()


@pytest.mark.parametrize("kind", ["coinbase", "kraken"])
@pytest.mark.parametrize("which", ["book", "prints"])
def test_a_channel_that_is_acknowledged_and_sends_nothing_is_an_error(
    kind: str, which: str, seed: int, serve: Serve, start: Start
) -> None:
    """These channels begin with what there is: an acknowledgement alone proves nothing."""
    wire = wire_of(kind, seed)
    bad = SYMBOLS[kind][1]
    channel = (BOOKS if which == "book" else PRINTS)[kind]
    wire.silent.add((channel, bad))
    engine = start(serve(kind, wire, SYMBOLS[kind]))
    engine.until(lambda: logs(engine, bad, channel, "nothing came"), "the error")
    engine.await_truth(1)
    assert engine.state(2) == (BookState.REFUSED if which == "book" else BookState.GOOD)
    wire.silent.clear()
    engine.until(lambda: not engine.shown(2).missing, "it is subscribed again")
    engine.await_truth()
    assert wire.connections == 1


@pytest.mark.parametrize("kind", ["binance", "usdm"])
def test_prints_that_never_come_beside_a_book_that_moves_are_an_error(
    kind: str, seed: int, serve: Serve, start: Start
) -> None:
    """Binance acknowledges any name and its trades begin without a message, so only a timeout shows the mistake."""
    wire = wire_of(kind, seed)
    good, bad = SYMBOLS[kind]
    wire.silent.add((PRINTS[kind], bad))
    engine = start(serve(kind, wire, SYMBOLS[kind]), feed=PATIENCE + "quiet_ms = 1000\n")
    engine.await_whole()
    server = engine.venues[0].server
    server.call(lambda: wire.move(10))
    server.call(lambda: wire.print(wire.truths[good]))  # one seed in a thousand trades nothing in ten moves
    engine.until(lambda: logs(engine, bad, PRINTS[kind], "nothing came"), "the error")
    assert not logs(engine, good, PRINTS[kind])
    engine.until(lambda: engine.shown(2).missing == ChannelKind.PRINTS, "prints alone are missing")
    wire.silent.clear()

    def speaks() -> bool:
        server.call(lambda: wire.move(1))
        return not engine.shown(2).missing

    engine.until(speaks, "prints are subscribed again")
    engine.await_truth()
    assert wire.connections == 1
    engine.assert_never_wrong()


def test_forty_symbols_are_subscribed_within_the_venues_pace(seed: int, serve: Serve, start: Start) -> None:
    """Five messages a second or the connection is cut, and an address that goes on is banned."""
    symbols = tuple(f"S{number:03}USDT" for number in range(40))
    wire = BinanceWire(seed, symbols)
    wire.refused.update(symbols[10:12])
    engine = start(serve("binance", wire, symbols))
    listed = [engine.ids["binance", symbol] for symbol in symbols if symbol not in wire.refused]
    engine.until(lambda: all(engine.state(number) == BookState.GOOD for number in listed), "all listed are good")
    assert wire.too_fast == 0
    assert wire.connections == 1
    engine.assert_never_wrong()
