"""A strategy that asks for them receives bars, global books and opportunities, and a replay brings the same."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.lanes import lane_of
from engine.model.group import Group
from engine.model.records import STEP_CURSORS
from engine.model.words import BookState, CommandKind, OpportunityKind
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.aggregates import MeaningChangedError
from engine.strategy.role.lanes import AGGREGATES, LAPPED_CELL, places
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, Recorder, System, begin

OTHER = replace(BTC, id=7, symbol="XRPUSDT", base="XRP")
GROUPS = (Group(1, "BTC/USDT", (BTC,)), Group(2, "ETH/USDT", (ETH,)), Group(3, "XRP/USDT", (OTHER,)))
PLACES = places()
BATCH = 64  # the most that one publish may hold
BOOK = ([(99, 30)], [(101, 10)])


class Listener(Recorder):
    """Records the aggregates too, and sends an intent at each."""

    def on_bar(self, bar: Any) -> None:
        """Note the call, and act."""
        self.calls.append(("bar", bar.instrument, bar.close))
        self.place(self.instruments[bar.instrument], 1, 10, bar.close)

    def on_global_book(self, book: Any) -> None:
        """Note the call, and act."""
        self.calls.append(("global", book.group, book.bid_price[0]))
        self.place(BTC, 1, 5, book.bid_price[0])

    def on_global_book_bad(self, book: Any) -> None:
        """Note the call, and act."""
        self.calls.append(("global bad", book.group))
        self.cancel_all(BTC)

    def on_opportunity(self, opportunity: Any) -> None:
        """Note the call, and act."""
        self.calls.append(("opportunity", opportunity.group, opportunity.kind))
        self.place(BTC, 1, 3, opportunity.buy_price)

    def on_opportunities_over(self) -> None:
        """Note the call, and act."""
        self.calls.append("over")
        self.cancel_all(BTC)

    def on_bars_lost(self) -> None:
        """Note the call, and act."""
        self.calls.append("bars lost")
        self.cancel_all(BTC)


class Chancer(Recorder):
    """Receives opportunities alone."""

    on_opportunity = Listener.on_opportunity
    on_opportunities_over = Listener.on_opportunities_over


def listener(kind: type[Recorder] = Listener) -> Recorder:
    """One on two instruments."""
    return kind((BTC, ETH), Strategy.Parameters())


def bar(system: System, close: int, of: int = 1, count: int = 1) -> None:
    """A closed bar."""
    decimals = 4 if of == ETH.id else 5
    system.aggregate("bars", count, instrument=of, close=close, tick_sequence=41, size_decimals=decimals)


def global_book(system: System, bid: int, group: int = 1, state: int = BookState.GOOD, count: int = 1) -> None:
    """A global book."""
    system.aggregate(
        "global_books", count, group=group, state=state, bid_price=[bid] + [0] * 9, receive_ns=9, tick_sequence=42,
        size_decimals=4 if group == ETH.id else 5,
    )  # fmt: skip


def opportunity(system: System, kind: int, group: int = 1, count: int = 1) -> None:
    """A word on an opportunity."""
    decimals = {"size_decimals": 4} if group == ETH.id else {}
    reset = {"price_decimals": 0, "size_decimals": 0, "group": 0}
    system.aggregate(
        "opportunities", count, kind=kind, buy_price=77,
        **(reset if kind == OpportunityKind.RESET else {"group": group, **decimals}),
    )  # fmt: skip


@pytest.fixture
def attached(system: System) -> tuple[StrategyRole, Recorder]:
    """A started role that asked for everything."""
    strategy = listener()
    role = system.role(strategy, groups=GROUPS)
    begin(role)
    return role, strategy


def test_aggregates_come_after_the_books_in_them(system: System, attached: tuple[StrategyRole, Recorder]) -> None:
    """A strategy must not act on an opportunity with a book that is older than it."""
    role, strategy = attached
    opportunity(system, OpportunityKind.BEGIN)
    global_book(system, 98)
    global_book(system, 99)
    bar(system, 100)
    system.book(*BOOK)
    system.print_(1, 4)
    assert role.step(2_000) == 6
    assert strategy.calls[1:] == [
        ("print", 1, 4), ("book", 1, 99, 101), ("bar", 1, 100), ("global", 1, 99), ("opportunity", 1, 1),
    ]  # fmt: skip
    assert [(one.tick_sequence, one.receive_ns) for one in system.intents] == [(41, 0), (42, 9), (0, 0)]


def test_only_its_own_aggregates_call_its_hooks(system: System, attached: tuple[StrategyRole, Recorder]) -> None:
    """A strategy that trades two things must not act on a third."""
    role, strategy = attached
    bar(system, 100, of=7)
    global_book(system, 98, group=3)
    opportunity(system, OpportunityKind.BEGIN, group=3)
    role.step(2_000)
    assert strategy.calls == ["start"]
    assert sorted(strategy.groups) == [1, 2]


def test_who_defines_no_hook_of_them_reads_nothing(system: System) -> None:
    """A strategy that trades on books alone pays nothing for lanes that it does not use."""
    role = system.role(listener(Recorder))
    begin(role)
    bar(system, 100)
    global_book(system, 98)
    assert role.step(2_000) == 0
    assert system.steps[-1].cursors[PLACES["bars", ""] :] == (0,) * (STEP_CURSORS - PLACES["bars", ""])


def test_a_new_life_of_the_teller_ends_every_opportunity(
    system: System, attached: tuple[StrategyRole, Recorder]
) -> None:
    """One that died with the teller has no end of its own, and would be believed for ever."""
    role, strategy = attached
    opportunity(system, OpportunityKind.BEGIN)
    opportunity(system, OpportunityKind.RESET)
    role.step(2_000)
    assert strategy.calls[1:] == [("opportunity", 1, 1), "over"]


def test_a_global_book_that_stops_being_good_is_published_once(
    system: System, attached: tuple[StrategyRole, Recorder]
) -> None:
    """The prices of a crossed or empty book are no prices to quote on."""
    role, strategy = attached
    for now_ns, state in enumerate((BookState.EMPTY, BookState.GOOD, BookState.CROSSED, BookState.EMPTY), 2_000):
        global_book(system, 98, state=state)
        role.step(now_ns)
    assert strategy.calls[1:] == [("global", 1, 98), ("global bad", 1)]


def test_a_halted_strategy_is_shown_no_good_global_book(
    system: System, attached: tuple[StrategyRole, Recorder]
) -> None:
    """It is the same promise as for its own books."""
    role, strategy = attached
    system.command(CommandKind.HALT)
    global_book(system, 98)
    role.step(2_000)
    assert strategy.calls[1:] == ["halt"]


def test_another_meaning_of_the_numbers_ends_the_life(system: System, attached: tuple[StrategyRole, Recorder]) -> None:
    """A price read at the wrong decimals is wrong by a power of ten."""
    role, _ = attached
    system.aggregate("bars", instrument=1, price_decimals=3)
    with pytest.raises(MeaningChangedError, match=r"instrument 1: found decimals \(3, 5\)"):
        role.step(2_000)


def lap(system: System, lane: str, publish: Callable[[int], None]) -> None:
    """More records than the ring holds, and a recorder that keeps up."""
    for number in range(0, lane_of(lane).capacity + BATCH, BATCH):
        publish(number)
        if number % (16 * BATCH) == 0:
            system.recorded(lane)
    system.recorded(lane)


def test_lost_aggregates_are_published(system: System, attached: tuple[StrategyRole, Recorder]) -> None:
    """An opportunity whose end was lost stays open for ever, and a hole in the bars is a wrong average."""
    role, strategy = attached
    lap(system, "bars", lambda number: bar(system, number, count=BATCH))
    lap(system, "opportunities", lambda _: opportunity(system, OpportunityKind.CHANGE, count=BATCH))
    global_book(system, 5, group=2)
    lap(system, "global_books", lambda number: global_book(system, number, count=BATCH))
    role.step(2_000)
    assert strategy.calls[1:] == ["bars lost", ("global", 1, lane_of("global_books").capacity), "over"]
    assert system.steps[-1].cells[LAPPED_CELL] == sum(1 << PLACES[lane, ""] for lane in AGGREGATES)
    assert role.counts.laps == 3


@pytest.mark.parametrize("kind", [Listener, Chancer])
def test_a_replay_reads_the_same_byte_for_byte(system: System, kind: type[Recorder]) -> None:
    """What a strategy made of the aggregates can be explained only if it can be made again."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    draw = random.Random(seed)
    role = system.role(listener(kind), groups=GROUPS)
    for now_ns in range(1_000, 1_100):
        for _ in range(draw.choice((0, 1, 3, 20))):
            some_event(system, draw)
        if now_ns == 1_050:
            lap(system, "global_books", lambda number: global_book(system, number, draw.choice((1, 2, 3)), count=BATCH))
            lap(system, "bars", lambda number: bar(system, number, count=BATCH))
            lap(system, "opportunities", lambda _: opportunity(system, OpportunityKind.CHANGE, count=BATCH))
        if draw.random() < 0.02:
            system.kill()
            role = system.role(listener(kind), groups=GROUPS)
        role.step(now_ns)
        system.accept(len(system.intents))
    history, steps = system.history, system.steps
    assert len(history["intents"]) > 20

    def make(lanes: Any) -> StrategyRole:
        return StrategyRole(NAME, NUMBER, listener(kind), lanes, groups=GROUPS)

    assert differences(replay(make, history, steps), history, steps) == []


def some_event(system: System, draw: random.Random) -> None:
    """Any record that the market or the aggregation may publish."""
    which, group = draw.randrange(4), draw.choice((1, 2, 3))
    if which == 0:
        system.book(*BOOK, of=draw.choice((1, 2)))
    elif which == 1:
        bar(system, draw.randrange(90, 110), of=group)
    elif which == 2:
        state = BookState.GOOD if draw.random() < 0.8 else BookState.CROSSED
        global_book(system, draw.randrange(90, 110), group, state)
    else:
        opportunity(system, draw.choice(tuple(OpportunityKind)), group)
