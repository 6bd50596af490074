"""Two feed processes of one system, each with a venue of its own."""

import signal

from engine.cli.books import UNKNOWN, books
from engine.instruments import read
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import BookState
from tests.engine.feed.live.conftest import PATIENCE, SYMBOLS, Serve, Start, wire_of
from tests.engine.feed.live.engine_process import Engine

FEEDS = (
    PATIENCE
    + """
[[feeds]]
name = "north_feed"
venues = ["north"]
[[feeds]]
name = "south_feed"
venues = ["south"]
"""
)


def shown(engine: Engine) -> dict[str, set[str]]:
    """The states of the books that an operator sees, by feed."""
    found: dict[str, set[str]] = {}
    for one in books(engine.config.system.name, {}):
        found.setdefault(one["feed"], set()).add(one["state"])
    return found


def test_a_killed_feed_leaves_the_other_feeds_market_and_its_own_comes_back(
    seed: int, serve: Serve, start: Start
) -> None:
    """One venue's trouble must not cost another's market data: that is what a second feed process is for."""
    north = serve("north", wire_of("binance", seed), SYMBOLS["binance"])
    south = serve("south", wire_of("kraken", seed + 1), SYMBOLS["kraken"])
    first = start(north, role="north_feed", others=[south], feed=FEEDS)
    second = start(south, role="south_feed", others=[north], feed=FEEDS)
    first.await_whole()
    second.await_whole()
    system = first.config.system.name
    assert [one.symbol for one in read(open_lanes(system, LOOKERS))] == [*SYMBOLS["binance"], *SYMBOLS["kraken"]]
    assert shown(first) == {"north_feed": {"GOOD"}, "south_feed": {"GOOD"}}

    assert first.process is not None
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(20)
    assert shown(first) == {"north_feed": {UNKNOWN}, "south_feed": {"GOOD"}}
    north.server.call(lambda: north.server.wire.move(20))
    south.server.call(lambda: south.server.wire.move(20))
    second.await_truth()
    for number in second.truths:
        second.await_prints(number)
    assert shown(first) == {"north_feed": {UNKNOWN}, "south_feed": {"GOOD"}}

    first.read()
    before = {number: len(one.states) for number, one in first.seen.items()}
    first.start()
    first.await_whole()
    for number in first.truths:
        news = first.seen[number].states[before[number] :]
        assert news[0] != BookState.GOOD, "a reader that is still there must learn that the book begins anew"
        assert news[-1] == BookState.GOOD
    assert shown(first) == {"north_feed": {"GOOD"}, "south_feed": {"GOOD"}}
    first.assert_never_wrong()
    second.assert_never_wrong()
    owners = [one.owner for one in open_lanes(system, LOOKERS).ring_readers("ticks")]
    assert owners == ["north_feed", "south_feed"]
