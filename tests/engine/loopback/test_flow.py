"""The background flow."""

from engine.loopback.flow import Flow, FlowSettings
from engine.loopback.ledger import Ledger
from engine.loopback.market import Market
from engine.loopback.matching import Matching
from engine.loopback.orders import Print

SECOND_NS = 1_000_000_000


def lived(seed: int, step_ns: int) -> tuple[list[Print], Matching]:
    """A market after five seconds of flow, advanced in steps of a length."""
    ledger = Ledger()
    matching = Matching([Market("BTCUSDT", "BTC", "USDT")], ledger)
    flow = Flow(matching, "BTCUSDT", seed, FlowSettings(), 0)
    for now_ns in range(0, 5 * SECOND_NS, step_ns):
        flow.step(now_ns)
        matching.check()
    flow.step(5 * SECOND_NS)
    return matching.prints, matching


def test_one_seed_is_one_market_however_it_is_stepped() -> None:
    """A chaos is repeatable only if the flow depends on the seed and the time alone."""
    assert lived(7, SECOND_NS // 20)[0] == lived(7, SECOND_NS)[0]


def test_two_seeds_are_two_markets() -> None:
    """A seed that changed nothing would test one market for ever."""
    assert lived(7, SECOND_NS)[0] != lived(8, SECOND_NS)[0]


def test_both_sides_keep_several_levels_and_finished_orders_are_forgotten() -> None:
    """A client needs a book to follow, and a venue must not grow for ever."""
    prints, matching = lived(7, SECOND_NS)
    book = matching.books["BTCUSDT"]
    assert len(prints) > 20
    assert min(len(book.bids.keys), len(book.asks.keys)) > 5
    assert len(matching.orders) == sum(len(orders) for orders in matching.open.values())
