"""The worked examples do what their first lines describe."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.words import BUY, SELL, BookState, IntentKind, OrderState, TimeInForce
from engine.strategy.load import make_strategy, read_strategy_file
from engine.strategy.model_file import has_model
from engine.strategy.role.role import StrategyRole
from engine.strategy.samples import ImbalanceMaker, MomentumTaker
from tests.engine.strategy.conftest import BTC, System, begin

FILES = sorted((Path(__file__).parents[3] / "configs" / "strategies").glob("*.toml"))
MAKER = ImbalanceMaker.Parameters(size="0.001", position_max="0.002", half_width_steps=5)
EVEN = ([(1_000, 50)], [(1_010, 50)])


@pytest.fixture
def maker() -> ImbalanceMaker:
    """A market maker of 100 units a quote and 200 in all."""
    return ImbalanceMaker(
        (BTC,), ImbalanceMaker.Parameters(size="0.001", position_max="0.002", half_width_steps=5, short=True)
    )


@pytest.fixture
def taker() -> MomentumTaker:
    """A taker of 100 units with a short memory."""
    return MomentumTaker((BTC,), MomentumTaker.Parameters(size="0.001", half_life_prints=4, short=True))


Step = Callable[[], list[tuple[int, ...]]]


def stepper(system: System, role: StrategyRole) -> Step:
    """Step the role; return its intents of that step as (kind, side, size, price)."""
    begin(role)
    now_ns, seen = 2_000, 0

    def step() -> list[tuple[int, ...]]:
        nonlocal now_ns, seen
        now_ns += 1
        role.step(now_ns)
        fresh, seen = system.intents[seen:], len(system.intents)
        return [(i.kind, i.side, i.size, i.price) for i in fresh]

    return step


def test_the_maker_quotes_both_sides_once_and_never_takes(system: System, maker: ImbalanceMaker) -> None:
    """A maker that crosses pays what it hopes to earn."""
    step = stepper(system, system.role(maker))
    system.book(*EVEN)
    assert step() == [(1, BUY, 100, 1_000), (1, SELL, 100, 1_010)]
    assert {i.time_in_force for i in system.intents} == {TimeInForce.POST_ONLY}
    system.book(*EVEN)
    assert step() == []


def test_on_spot_the_maker_offers_only_what_it_holds(system: System) -> None:
    """A spot account cannot sell what it has not bought: the venue would reject the offer at every book."""
    step = stepper(system, system.role(ImbalanceMaker((BTC,), MAKER)))
    system.book(*EVEN)
    assert step() == [(1, BUY, 100, 1_000)]
    system.fill(1, BUY, 60, fee=60, fee_asset=b"BTC")
    system.book(*EVEN)
    assert step() == [(1, SELL, 59, 1_010)]


def test_on_spot_the_taker_does_not_enter_downwards(system: System) -> None:
    """The same, for a taker."""
    parameters = MomentumTaker.Parameters(size="0.001", half_life_prints=4)
    step = stepper(system, system.role(MomentumTaker((BTC,), parameters)))
    for _ in range(4):
        system.print_(SELL, 10)
    system.book(*EVEN)
    assert step() == []


def test_the_taker_enters_again_though_dust_is_left(system: System) -> None:
    """A rest under the least notional is no position: it cannot be left and must not keep the strategy waiting."""
    costly = replace(BTC, notional_min=50_000)
    parameters = MomentumTaker.Parameters(size="0.001", half_life_prints=4)
    step = stepper(system, system.role(MomentumTaker((costly,), parameters)))
    system.fill(1, BUY, 30)
    for _ in range(4):
        system.print_(BUY, 10)
    system.book(*EVEN)
    assert step() == [(1, BUY, 100, 1_015)]


def test_the_maker_leans_away_from_the_weaker_side(system: System, maker: ImbalanceMaker) -> None:
    """Selling into a book that is about to lift is selling too cheap."""
    step = stepper(system, system.role(maker))
    system.book([(1_000, 90)], [(1_010, 10)])
    assert step() == [(1, BUY, 100, 1_000), (1, SELL, 100, 1_012)]


def test_the_maker_moves_a_quote_by_a_cancel_first(system: System, maker: ImbalanceMaker) -> None:
    """Two orders in one place are twice the intended risk."""
    step = stepper(system, system.role(maker))
    system.book(*EVEN)
    step()
    bid, ask = (i.intent_id for i in system.intents)
    system.order(bid, OrderState.OPEN, price=1_000)
    system.order(ask, OrderState.OPEN, side=SELL, price=1_010)
    system.book([(1_005, 50)], [(1_015, 50)])
    assert step() == [(IntentKind.CANCEL, 0, 0, 0)] * 2
    system.book([(1_005, 50)], [(1_015, 50)])
    assert step() == []
    system.order(bid, OrderState.CANCELLED, price=1_000)
    system.book([(1_005, 50)], [(1_015, 50)])
    assert step() == [(1, BUY, 100, 1_005)]


def test_the_maker_stops_at_its_position_and_skews_before(system: System, maker: ImbalanceMaker) -> None:
    """Inventory is the maker's risk."""
    step = stepper(system, system.role(maker))
    system.fill(1, BUY, 150)
    system.book(*EVEN)
    assert step() == [(1, BUY, 50, 997), (1, SELL, 100, 1_010)]
    system.fill(1, BUY, 50)
    system.order(system.intents[0].intent_id, OrderState.FILLED, filled=50)
    system.book(*EVEN)
    assert step() == []


def test_the_maker_cancels_its_quotes_on_a_bad_book(system: System, maker: ImbalanceMaker) -> None:
    """A quote beside a book that is not GOOD loses money."""
    step = stepper(system, system.role(maker))
    system.book(*EVEN)
    step()
    system.book(*EVEN, state=BookState.SUSPECT)
    assert step() == [(IntentKind.CANCEL_ALL, 0, 0, 0)]


def test_the_taker_enters_strong_and_leaves_spent(system: System, taker: MomentumTaker) -> None:
    """Between entry and exit lies the room that keeps it from trading on every flicker."""
    step = stepper(system, system.role(taker))
    for _ in range(4):
        system.print_(BUY, 10)
    system.book(*EVEN)
    assert step() == [(1, BUY, 100, 1_015)]
    assert system.intents[0].time_in_force == TimeInForce.IOC
    system.book(*EVEN)
    assert step() == []
    system.fill(1, BUY, 100)
    system.order(system.intents[0].intent_id, OrderState.FILLED, filled=100)
    system.print_(SELL, 5)
    system.book(*EVEN)
    assert step() == []
    system.print_(SELL, 20)
    system.book(*EVEN)
    assert step() == [(1, SELL, 100, 995)]


def test_the_taker_refuses_a_hysteresis_that_is_invalid() -> None:
    """Exit at or over entry trades on every print."""
    with pytest.raises(ValueError, match=r"exit must be below entry, was 0\.5 with entry 0\.4"):
        MomentumTaker.Parameters(size="0.001", entry=0.4, exit=0.5)


@pytest.mark.parametrize("path", [path for path in FILES if not has_model(path)], ids=lambda path: path.stem)
def test_every_shipped_parameter_file_makes_a_strategy(path: Path) -> None:
    """A file that ships and does not start is found by its first user."""
    file = read_strategy_file(path)
    assert make_strategy(file.class_path, file.parameters, (BTC,)).instruments == {1: BTC}


def test_a_wrong_quote_goes_at_once_and_the_next_waits_for_its_interval(system: System) -> None:
    """Every quote is a request of the order rate and a cancel is not; a wrong quote costs money."""
    parameters = ImbalanceMaker.Parameters(size="0.001", position_max="0.002", quote_interval_ms=300)
    maker = ImbalanceMaker((BTC,), parameters)
    role = system.role(maker)
    begin(role)
    system.book(*EVEN)
    role.step(2_000)
    (placed,) = system.intents
    system.order(placed.intent_id, OrderState.OPEN)
    system.book([(900, 50)], [(910, 50)])
    role.step(3_000)
    assert system.intents[-1].kind == IntentKind.CANCEL
    system.order(placed.intent_id, OrderState.CANCELLED)
    system.book([(900, 50)], [(910, 50)])
    role.step(2_000 + 299_999_999)
    assert len(system.intents) == 2
    system.book([(900, 50)], [(910, 50)])
    role.step(2_000 + 300_000_000)
    assert system.intents[-1].kind == IntentKind.PLACE
