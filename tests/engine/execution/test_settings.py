"""What an operator sets for execution: the gate's limits and disabled strategies, journalled, confirmed, restored."""

from pathlib import Path

import pytest

from engine.execution.journal.journal import read_journal
from engine.execution.orders import codec
from engine.model.text import shown
from engine.model.words import JournalKind, OrderState, Reason
from tests.engine.execution.memory import OTHER, STRATEGY, House, requests


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER))
    house.ready()
    return house


def judged(house: House, **intent: int) -> Reason:
    """The verdict on an order of 600 dollars."""
    number = house.intent(**intent)
    house.run(1)
    return Reason(house.verdict(number))


def test_a_set_limit_is_in_force_for_the_next_intent(house: House) -> None:
    """By the gate's compiled way and by its exact one."""
    assert judged(house) == Reason.APPROVED
    house.set_values(1, max_order_size_usd="500")
    assert judged(house) == Reason.ORDER_TOO_LARGE
    house.set_values(2, max_order_size_usd="700")
    assert judged(house) == Reason.APPROVED
    house.set_values(3)
    house.run(1)
    assert house.role.gate.limits == house.config.limits


def test_the_requests_of_the_last_minute_count_against_a_new_rate(house: House) -> None:
    """Otherwise each change of the rate would allow a whole minute's requests again."""
    for _ in range(5):
        assert judged(house) == Reason.APPROVED
    house.set_values(1, max_order_rate_per_min=6, exit_rate_reserve="0.5", strategy_rate_share="1")
    assert judged(house) == Reason.ORDER_RATE
    house.set_values(2, max_order_rate_per_min=12, exit_rate_reserve="0.5", strategy_rate_share="1")
    assert judged(house) == Reason.APPROVED
    assert judged(house) == Reason.ORDER_RATE


def test_a_cap_of_its_own_can_be_set(house: House) -> None:
    """The table of the compiled approval is made again with it, and without it."""
    house.set_values(1, max_gross_usd="100")
    assert judged(house) == Reason.GROSS_TOO_LARGE
    house.set_values(2)
    assert judged(house) == Reason.APPROVED


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"max_order_size_usd": "-5"}, "max_order_size_usd must be positive, was -5"),
        ({"max_ordr_size_usd": "5"}, "max_ordr_size_usd: unknown key"),
        ({"usd_quotes": ["EUR"]}, "usd_quotes cannot change while execution runs"),
        ({"price_collar_bps": 2000}, "exit_collar_bps must not be under price_collar_bps"),
    ],
)
def test_a_wrong_limit_is_refused_and_changes_nothing(house: House, values: dict[str, object], text: str) -> None:
    """All values of a SET are applied or none."""
    house.set_values(1, max_spread_bps=7, **values)
    house.run(1)
    assert house.role.gate.limits == house.config.limits
    row = house.cells["limits"].read(0)
    assert (row.version, row.refused) == (0, 1)
    assert text in shown(row.error)


def test_a_set_limit_is_confirmed_and_journalled_with_its_sender(house: House) -> None:
    """Who changed which limit, and when, is read from the journal for ever."""
    house.set_values(4, max_order_size_usd="500", max_position_usd="6000")
    house.run(1)
    assert house.cells["limits"].read(0).version == 4
    entries = [one for one in read_journal(Path(house.config.journal.directory)) if one.kind == JournalKind.SETTING]
    row = codec.SETTING.unpack(entries[-1].payload)
    assert (row.version, row.strategy, row.uid, row.pid, row.parts) == (4, 0, 7, 8, 1)
    assert shown(row.values) == '{"max_order_size_usd": "500", "max_position_usd": "6000"}'


def test_a_long_set_is_journalled_in_parts(house: House) -> None:
    """A journal record is shorter than what an operator may set."""
    values = {f"key{number:03}": "x" * 20 for number in range(20)}
    house.set_values(4, strategy=STRATEGY, **values)
    house.run(1)
    entries = [one for one in read_journal(Path(house.config.journal.directory)) if one.kind == JournalKind.SETTING]
    rows = [codec.SETTING.unpack(one.payload) for one in entries]
    assert [(row.part, row.parts) for row in rows] == [(part, len(rows)) for part in range(len(rows))]
    assert len(rows) > 1
    assert "".join(shown(row.values) for row in rows).count("xxxx") == 100


@pytest.mark.parametrize("when", ["alive", "dead"])
def test_a_set_limit_holds_across_every_restart_of_execution(house: House, when: str) -> None:
    """Also when it was set while execution was dead, and also for the first intent."""
    if when == "alive":
        house.set_values(1, max_order_size_usd="500")
        house.run(1)
    house.kill()
    if when == "dead":
        house.set_values(1, max_order_size_usd="500")
    house.role = house.live()
    assert house.cells["limits"].read(0).version == 1
    house.ready()
    assert judged(house) == Reason.ORDER_TOO_LARGE


def test_a_disabled_strategy_has_its_orders_cancelled_and_the_others_trade_on(house: House) -> None:
    """Also if the strategy itself does not read the command: execution is the only way to the venue."""
    order, other = house.place(), house.place(strategy=OTHER)
    house.set_values(1, strategy=STRATEGY, disabled=True)
    house.run(1)
    house.settle(1)
    assert order.state == OrderState.CANCELLED
    assert other.state == OrderState.OPEN
    house.book()
    assert judged(house) == Reason.STRATEGY_DISABLED
    assert judged(house, side=-1) == Reason.STRATEGY_DISABLED
    assert judged(house, strategy=OTHER) == Reason.APPROVED
    assert [house.cells["limits"].read(place).version for place in (1,)] == [1]
    house.restart()
    house.ready()
    sent = len(requests(house, "order.place"))
    assert judged(house) == Reason.STRATEGY_DISABLED
    assert len(requests(house, "order.place")) == sent
    house.set_values(2, strategy=STRATEGY)
    assert judged(house) == Reason.APPROVED
