"""A strategy killed at any moment knows, in its next life, its position, its orders and its last intent's number."""

from engine.model.words import BUY, SELL, CommandKind, IntentKind, OrderState, Reason
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.recovery import FIRST_COUNT_MS
from tests.engine.strategy.conftest import BTC, ETH, NUMBER, Recorder, System, begin


def reborn(system: System) -> Recorder:
    """The next life of a killed strategy."""
    system.kill()
    strategy = Recorder((BTC, ETH), Strategy.Parameters())
    begin(system.role(strategy), 9_000)
    return strategy


def test_ids_are_never_used_again(system: System, recorder: Recorder) -> None:
    """An id used twice is an order refused, or two orders under one name."""
    begin(system.role(recorder))
    given = [recorder.place(BTC, BUY, 10, 99) for _ in range(3)]
    for _ in range(3):
        strategy = reborn(system)
        given += [strategy.place(BTC, BUY, 10, 99), strategy.cancel_all(BTC)]
    assert None not in given
    assert len(set(given)) == 9
    assert given == [intent.intent_id for intent in system.intents]


def test_a_lane_made_again_begins_beyond_all_earlier_ids(system: System, recorder: Recorder) -> None:
    """Segments do not outlive the machine, but the venue remembers client ids."""
    begin(system.role(recorder), (FIRST_COUNT_MS + 5_000) * 1_000_000)
    assert recorder.place(BTC, BUY, 10, 99) == (NUMBER << 40) + 5_001


def test_position_and_orders_are_known_at_the_start(system: System, recorder: Recorder) -> None:
    """A restart that begins flat quotes twice what it may hold."""
    begin(system.role(recorder))
    resting, filled, refused, waiting = (recorder.place(BTC, BUY, 10, price) for price in (95, 96, 97, 98))
    assert resting is not None
    assert filled is not None
    assert refused is not None
    system.order(resting, OrderState.PARTLY_FILLED, filled=4)
    system.fill(resting, BUY, 4)
    system.order(filled, OrderState.FILLED, filled=10)
    system.fill(filled, BUY, 10)
    system.fill(1, SELL, 3, of=2)
    system.fill(1, SELL, 50, strategy=NUMBER + 1)
    system.verdict(refused, Reason.ORDER_RATE)
    strategy = reborn(system)
    assert (strategy.position(BTC), strategy.position(ETH)) == (14, -3)
    assert [(o.intent_id, o.state, o.remaining) for o in strategy.orders(BTC)] == [
        (resting, OrderState.PARTLY_FILLED, 6),
        (waiting, None, 10),
    ]


def test_a_fill_published_twice_counts_once(system: System, recorder: Recorder) -> None:
    """Execution that was killed may publish its last records again."""
    begin(system.role(recorder))
    system.fill(7, BUY, 4)
    system.fill(7, BUY, 4, again=1)
    strategy = reborn(system)
    assert strategy.position(BTC) == 4


def test_rings_that_forgot_their_beginning_are_not_used(system: System) -> None:
    """The position comes from its cell and the fills after it; orders without a known state are cancelled."""
    system.fill(1, BUY, 100)
    system.position(5, 100, fill_sequence=1)
    for _ in range(17_000):
        system.fill(1, BUY, 1, strategy=NUMBER + 1)
        system.order(1, OrderState.OPEN, strategy=NUMBER + 1)
    system.order(5, OrderState.OPEN)
    system.fill(5, BUY, 7)
    strategy = reborn(system)
    assert strategy.position(BTC) == 107
    assert strategy.orders(BTC) == []
    assert [intent.kind for intent in system.intents] == [IntentKind.CANCEL_ALL] * 2


def test_a_halt_outlives_the_strategy(system: System, recorder: Recorder) -> None:
    """A restarted strategy that does not know about a halt sends intents against it."""
    begin(system.role(recorder))
    system.command(CommandKind.HALT)
    assert reborn(system).place(BTC, BUY, 10, 99) is None
    system.command(CommandKind.RESUME)
    assert reborn(system).place(BTC, BUY, 10, 99) is not None
