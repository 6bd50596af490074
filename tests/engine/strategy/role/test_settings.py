"""What an operator sets for a strategy: checked, applied between two events, confirmed, and replayed exactly."""

import msgspec
import pytest

from engine.model.words import BUY, CommandKind, IntentKind
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.lanes import StrategyLanes
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, NAME, NUMBER, System, begin

BOOK = ([(99, 30)], [(101, 10)])


class Quoter(Strategy):
    """Places an order of the set size at every book."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Two sizes of which the first must be smaller."""

        size: int = 10
        most: int = 100

        def __post_init__(self) -> None:
            """A condition on several parameters."""
            if self.size > self.most:
                msg = f"size must be at most {self.most}, was {self.size}"
                raise ValueError(msg)

    parameters: Parameters

    def on_start(self) -> None:
        """Begin."""
        self.calls: list[object] = ["start"]
        self.size = self.parameters.size

    def on_parameters(self, changed: tuple[str, ...]) -> None:
        """Compute the size again."""
        self.calls.append(changed)
        self.size = self.parameters.size

    def on_book(self, book: object) -> None:  # noqa: ARG002
        """Place."""
        self.place(BTC, BUY, self.size, 99)

    def on_resume(self) -> None:
        """Note the call."""
        self.calls.append("resume")


def quoter() -> Quoter:
    """With the values of the file."""
    return Quoter((BTC,), Quoter.Parameters())


def sizes(system: System) -> list[int]:
    """The sizes of the orders that were placed."""
    return [one.size for one in system.intents if one.kind == IntentKind.PLACE]


def test_a_set_value_counts_from_the_next_event_on(system: System) -> None:
    """COMMANDS are read before the books of a step: the order after the confirmation has the new size."""
    strategy = quoter()
    role = system.role(strategy)
    begin(role)
    system.book(*BOOK)
    role.step(2_000)
    system.set_values(1, size=20)
    system.book(*BOOK)
    role.step(3_000)
    assert sizes(system) == [10, 20]
    assert system.confirmed() == (1, 0, "")
    assert strategy.calls == ["start", ("size",)]


def test_several_values_are_applied_together_or_not_at_all(system: System) -> None:
    """A half applied change is a strategy that was never tested."""
    strategy = quoter()
    role = system.role(strategy)
    begin(role)
    system.set_values(1, size=150, most=200)
    role.step(2_000)
    assert (strategy.parameters.size, strategy.parameters.most) == (150, 200)
    system.set_values(2, size=300, most=250)
    role.step(3_000)
    assert (strategy.parameters.size, strategy.parameters.most) == (150, 200)
    version, refused, error = system.confirmed()
    assert (version, refused) == (1, 2)
    assert "size must be at most 250, was 300" in error


@pytest.mark.parametrize("values", [{"siez": 1}, {"size": "20"}, {"size": 2.5}])
def test_a_value_that_the_declaration_refuses_is_refused_by_the_role_too(
    system: System, values: dict[str, object]
) -> None:
    """The command checks it first; what comes to the socket without the command must not stop the strategy."""
    strategy = quoter()
    role = system.role(strategy)
    begin(role)
    system.set_values(1, **values)
    role.step(2_000)
    assert strategy.parameters == Quoter.Parameters()
    assert system.confirmed()[:2] == (0, 1)


def test_a_class_without_the_hook_accepts_no_parameters(system: System) -> None:
    """It may have derived what it trades with from the old ones: a confirmation would be false."""

    class Fixed(Quoter):
        on_parameters = Strategy.on_parameters

    role = system.role(Fixed((BTC,), Fixed.Parameters()))
    begin(role)
    system.set_values(1, size=20)
    role.step(2_000)
    assert system.confirmed()[1] == 1
    assert "defines no on_parameters" in system.confirmed()[2]


def test_the_newest_set_holds_across_a_death(system: System) -> None:
    """A role that is restarted must not trade with the values of the file."""
    role = system.role(quoter())
    begin(role)
    system.set_values(1, size=20)
    role.step(2_000)
    system.set_values(2, size=30)
    system.kill()
    strategy = quoter()
    role = system.role(strategy)
    begin(role, 4_000)
    system.book(*BOOK)
    role.step(5_000)
    assert sizes(system) == [30]
    assert strategy.calls == ["start", ("size",)]
    assert system.confirmed() == (2, 0, "")


def test_a_set_of_another_strategy_or_of_risk_changes_nothing(system: System) -> None:
    """All roles read one ring."""
    strategy = quoter()
    role = system.role(strategy)
    begin(role)
    system.set_values(1, strategy=NUMBER + 1, size=20)
    system.set_values(2, strategy=0, max_order_size_usd=5, disabled=True)
    role.step(2_000)
    assert strategy.parameters.size == 10
    assert not strategy.draining
    assert system.confirmed() == (0, 0, "")


def test_a_disabled_strategy_cancels_and_places_nothing_until_it_is_enabled(system: System) -> None:
    """A resume of the whole system must not enable what an operator has disabled."""
    strategy = quoter()
    role = system.role(strategy)
    begin(role)
    system.set_values(1, disabled=True)
    role.step(2_000)
    system.command(CommandKind.HALT)
    system.command(CommandKind.RESUME)
    system.book(*BOOK)
    role.step(3_000)
    assert [one.kind for one in system.intents] == [IntentKind.CANCEL_ALL]
    assert strategy.draining
    system.set_values(2, disabled=False)
    system.book(*BOOK)
    role.step(4_000)
    assert sizes(system) == [10]
    assert strategy.calls[-1] == "resume"


def test_a_strategy_that_was_disabled_while_it_was_dead_begins_disabled(system: System) -> None:
    """Otherwise the first thing that it does after its restart is to trade."""
    system.set_values(1, disabled=True)
    system.command(CommandKind.RESUME)
    role = system.role(quoter())
    begin(role)
    system.book(*BOOK)
    role.step(2_000)
    assert sizes(system) == []


@pytest.mark.parametrize("dies", [False, True])
def test_a_session_with_a_set_replays_to_the_same_decisions(system: System, *, dies: bool) -> None:
    """A replay that lacks the set value makes other orders from the first book on."""
    role = system.role(quoter())
    for now_ns in range(1_000, 1_040):
        if now_ns == 1_010:
            system.set_values(1, size=20)
        if now_ns == 1_020:
            system.set_values(2, size=25, most=25)
        if now_ns == 1_025 and dies:
            system.kill()
            role = system.role(quoter())
        if now_ns == 1_030:
            system.set_values(3, size=25, most=25, disabled=True)
        system.book(*BOOK)
        role.step(now_ns)
        system.accept(len(system.intents))
    history, steps = system.history, system.steps
    assert set(sizes(system)) == {10, 20, 25}

    def again(lanes: StrategyLanes) -> StrategyRole:
        return StrategyRole(NAME, NUMBER, quoter(), lanes)

    assert differences(replay(again, history, steps), history, steps) == []
    other = {**history, "commands": [row._replace(values=b"{}") for row in history["commands"]]}
    assert differences(replay(again, other, steps), other, steps), "the canary"
