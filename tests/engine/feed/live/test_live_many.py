"""Many connections in one feed process."""

from tests.engine.feed.live.conftest import Serve, Start, wire_of

CONNECTIONS = 24
KINDS = ("binance", "usdm", "coinbase", "kraken")
SYMBOL = {"binance": "BTCUSDT", "usdm": "BTCUSDT", "coinbase": "BTC-USD", "kraken": "BTC/USD"}


def test_two_dozen_connections_in_one_process_lose_nothing(seed: int, serve: Serve, start: Start) -> None:
    """Every book true, every print once, on two dozen venues at the same time, one of them cut in the middle."""
    venues = []
    for number in range(CONNECTIONS):
        kind = KINDS[number % len(KINDS)]
        venues.append(serve(f"{kind}{number}", wire_of(kind, seed + number, (SYMBOL[kind],)), (SYMBOL[kind],)))
    engine = start(*venues)
    engine.await_whole()
    for round_ in range(10):
        for venue in venues:
            venue.server.call(lambda wire=venue.server.wire: wire.move(20))
            engine.read()
        if round_ == 5:
            venues[0].server.call(venues[0].server.wire.hang_up)
            engine.until(lambda: venues[0].server.wire.connections == 2)
            engine.await_whole()
    engine.await_truth()
    for number in engine.truths:
        engine.await_prints(number)
    engine.assert_never_wrong()
    assert [venue.server.wire.connections for venue in venues] == [2] + [1] * (CONNECTIONS - 1)
