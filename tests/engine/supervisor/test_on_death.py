"""What happens to a strategy's orders and position when it dies: what its table sets, by the venue's truth log."""

import os
import signal
from collections.abc import Callable

import pytest

from engine.config import Config, ConfigError
from engine.lanes import STRATEGY, SUPERVISOR, open_lanes
from engine.model.records import HEARTBEAT
from engine.model.scope import Scope
from engine.model.words import RoleState
from engine.supervisor import segments
from engine.supervisor.halt import Halt
from engine.supervisor.policies import Policies
from tests.engine.floor import Floor, until
from tests.engine.supervisor.test_scopes import DUST, MAKER, TAKER, accepted, trades

BEAT = HEARTBEAT.row._fields
MAKES = 'class = "engine.strategy.samples:ImbalanceMaker"'


def of_maker(floor: Floor) -> set[str]:
    """The maker's open orders at the venue."""
    return {one for one in floor.open_orders() if int(one[12:18], 16) == MAKER}


def test_a_strategy_with_flatten_ends_flat_and_halted_and_starts_again_only_by_resume(
    floor: Callable[..., Floor],
) -> None:
    """A position that no code watches is a risk to its owner; also when the supervisor was dead at its death."""
    system = floor(**{MAKES: f'{MAKES}\non_death = "flatten"'})
    system.up()
    assert trades(system, MAKER)
    state, maker = system.status(), system.pid("maker")
    os.kill(state["guard"], signal.SIGKILL)
    os.kill(state["pid"], signal.SIGKILL)
    os.kill(maker, signal.SIGKILL)
    system.up()
    assert until(lambda: system.status()["halted_scopes"])[0]["strategy_name"] == "maker"
    until(lambda: not of_maker(system))
    until(lambda: abs(float([one for one in system.truth() if one["symbol"] == "BTCUSDT"][-1]["gained"]["BTC"])) < DUST)
    assert trades(system, TAKER)
    until(lambda: system.pid("maker") not in (0, maker))
    before = accepted(system, MAKER)
    assert trades(system, TAKER)
    assert accepted(system, MAKER) == before
    until(lambda: system.type("resume", "--strategy", "maker") == 0)
    assert trades(system, MAKER)
    assert system.type("down") == 0


def test_a_strategy_with_cancel_loses_its_orders_at_each_death_and_trades_on(floor: Callable[..., Floor]) -> None:
    """The order of its last life may be of a market that is gone."""
    system = floor(**{MAKES: f'{MAKES}\non_death = "cancel"'})
    system.up()
    for _ in range(2):
        found = until(lambda: of_maker(system))
        os.kill(system.pid("maker"), signal.SIGKILL)
        until(lambda found=found: not found & of_maker(system))
    assert trades(system, MAKER)
    assert system.status()["halted_scopes"] == []
    assert system.type("down") == 0


def test_a_parked_strategy_is_flattened_once_by_its_death_and_not_by_each_supervisor(
    floor: Callable[..., Floor],
) -> None:
    """A parked strategy keeps its last heartbeat; an operator's `resume` must hold over the next supervisor."""
    config = floor(**{MAKES: f'{MAKES}\non_death = "flatten"'}).config
    config.paths.make()
    segments.create(config)
    lanes = open_lanes(config.system.name, STRATEGY, "maker")
    beats, scope = lanes.cell_writer("heartbeat"), Scope(strategy=MAKER)
    halt = Halt(config, 1)
    try:
        for life in (1_000, 2_000):
            beats.write(0, *HEARTBEAT.row(**{**dict.fromkeys(BEAT, 0), "start_ns": life, "state": RoleState.RUNNING}))
            policies(config).follow_missed(("maker",), halt, life)
            assert list(halt.scopes.held) == [scope]
            halt.resume_scope(life, halt.me, scope)
            policies(config).follow_missed(("maker",), halt, life)
            assert not halt.scopes.held
    finally:
        halt.close()
        lanes.close()
        segments.remove(config)


def policies(config: Config) -> Policies:
    """Those of another supervisor."""
    cell = open_lanes(config.system.name, SUPERVISOR).cell_reader("heartbeat", "maker")
    return Policies(config, lambda _: cell.read(0))


def test_another_policy_is_refused_by_name(write: Callable[..., Config]) -> None:
    """A mistyped policy must not become the default one."""
    text = '[[strategies]]\nname = "s"\nid = 1\nclass = "m:C"\ninstruments = [1]\non_death = "flaten"\n'
    with pytest.raises(ConfigError, match=r"on_death.*flaten"):
        write(text)
