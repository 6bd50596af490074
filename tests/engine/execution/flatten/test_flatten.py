"""Flattening: every order cancelled, every position closed, confirmed with the venue, held until its resume."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.model.intent_id import CLOSING, count_of, strategy_of
from engine.model.scope import WHOLE, Scope
from engine.model.words import BUY, SELL, BookState, CommandKind, FlattenState, HaltReason, OrderFlag, Reason
from tests.engine.execution.memory import BTC, MS, OTHER, STRATEGY, House, requests

SIZE = 1000


class Room(House):
    """A house with a market: takers find size at their price, and books arrive."""

    depth = 10**9

    def market(self, steps: int = 50, each_ns: int = 10 * MS) -> None:
        """Let time pass with books and liquidity."""
        for _ in range(steps):
            self.book()
            self.book(bid=300_000, ask=300_100, instrument=2)
            self.venue.liquidity = {"BTCUSDT": self.depth, "ETHUSDT": self.depth}
            self.run(1, each_ns)
        self.venue.liquidity.clear()

    def hold(self, size: int = SIZE, **more: Any) -> None:
        """Buy, or sell where the size is negative."""
        order = self.place(size=abs(size), side=BUY if size > 0 else SELL, **more)
        self.venue.fill(order.client_id.hex(), abs(size))
        self.run(10)
        assert self.size(**more) == size

    def size(self, strategy: int = STRATEGY, instrument: int = 1, **_: Any) -> int:
        """A strategy's position."""
        return self.role.ledger.owned[strategy, instrument].size

    def flatten(self, **scope: int) -> Any:
        """The command, and what its cell shows after a second."""
        self.command(CommandKind.FLATTEN, **scope)
        self.market(100)
        return self.cell()

    def cell(self) -> Any:
        """The first scope's."""
        return self.rows("scope_halts")[0]

    @property
    def closed(self) -> list[Any]:
        """The orders of flattenings that execution sent."""
        return [one for one in self.role.blotter.orders.values() if one.flags & OrderFlag.CLOSING]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Two strategies, two instruments."""
    room = Room(tmp_path, strategies=(STRATEGY, OTHER))
    room.ready()
    room.market(2)
    return room


def test_every_position_is_closed_and_every_order_cancelled(room: Room) -> None:
    """Each strategy's own position, long or short, and what it has open."""
    room.hold(SIZE)
    room.hold(-300, strategy=OTHER, price=6_000_100)
    room.hold(200, strategy=OTHER, instrument=2, price=300_000)
    resting = room.place()
    row = room.flatten()
    assert (row.state, row.orders, row.positions) == (FlattenState.FLAT, 0, 0)
    assert not resting.live
    assert not any(one.size for one in room.role.ledger.positions)
    assert not any(one.open for one in room.venue.orders.values())
    assert room.venue.holding(room.mark, "BTCUSDT") == room.venue.holding(room.mark, "ETHUSDT") == 0
    room.settle(40)
    room.check_truth()


def test_the_fills_belong_to_the_strategy_and_the_ids_are_executions_own(room: Room) -> None:
    """A strategy that submits its next intent must not find its number used."""
    room.hold(SIZE)
    last = room.role.blotter.last_intent[STRATEGY]
    room.flatten()
    (order,) = room.closed
    assert (strategy_of(order.intent_id), count_of(order.intent_id) >= CLOSING) == (STRATEGY, True)
    assert room.role.blotter.last_intent[STRATEGY] == last
    assert room.rings["fills"].rows[-1].strategy == STRATEGY
    room.restart()
    room.ready()
    assert room.role.blotter.last_intent[STRATEGY] == last
    assert room.size() == 0


def test_a_flattening_holds_until_its_resume(room: Room) -> None:
    """Otherwise the strategy buys back what was closed."""
    room.hold(SIZE)
    room.flatten(strategy=STRATEGY)
    intent = room.intent()
    room.run(3)
    assert room.verdict(intent) == Reason.STRATEGY_HALTED
    room.command(CommandKind.RESUME, strategy=STRATEGY)
    room.run(3)
    room.book()
    assert room.place().open
    assert not room.role.scopes.flattening


@pytest.mark.parametrize("scope", [{"strategy": OTHER}, {"instrument": 2}])
def test_only_the_scope_is_closed(room: Room, scope: dict[str, int]) -> None:
    """Another strategy's position in the same instrument is not touched."""
    room.hold(SIZE)
    room.hold(200, strategy=OTHER, instrument=2, price=300_000)
    resting = room.place()
    assert room.flatten(**scope).state == FlattenState.FLAT
    assert (room.size(), room.size(OTHER, 2)) == (SIZE, 0)
    assert resting.open


@pytest.mark.parametrize("bad", ["stale", "crossed", "suspect"])
def test_a_book_that_may_be_wrong_closes_nothing_and_is_named(room: Room, bad: str) -> None:
    """A protective price from a wrong book is no protection."""
    room.hold(SIZE)
    room.book(state={"stale": BookState.STALE, "crossed": BookState.CROSSED, "suspect": BookState.SUSPECT}[bad])
    room.command(CommandKind.FLATTEN)
    room.run(100, 10 * MS)
    row = room.cell()
    assert (row.state, row.positions, room.closed) == (FlattenState.CLOSING, 1, [])
    assert b"BOOK_NOT_GOOD: the book is " + bad.upper().encode() in row.text
    room.market(100)
    assert room.cell().state == FlattenState.FLAT


def test_an_order_that_does_not_fill_is_repeated_with_growing_pauses(room: Room) -> None:
    """A thin book must not use up the order rate in a second, and the position must not be left."""
    room.hold(SIZE)
    room.depth = 0
    room.flatten()
    assert 3 <= len(room.closed) <= 6
    room.depth = 100
    room.market(400)
    assert room.cell().state == FlattenState.FLAT
    assert sum(one.filled for one in room.closed) == SIZE


def test_a_position_too_small_for_an_order_remains_and_is_named(room: Room) -> None:
    """The venue would reject the order for ever."""
    room.hold(SIZE)
    room.hold(50, instrument=2, price=300_000)
    room.depth = SIZE - 3
    room.flatten()
    room.depth = 10**9
    room.market(300)
    row = room.cell()
    assert (row.state, row.positions, room.size()) == (FlattenState.FLAT, 0, 3)
    assert b"strategy 3 holds 0.00003000 BTCUSDT: NOTIONAL_TOO_SMALL" in row.text


def test_a_larger_position_than_the_venues_largest_order_is_closed_in_parts(tmp_path: Path) -> None:
    """The venue's filter rejects the whole."""
    room = Room(tmp_path, limits={"max_position_usd": 10**10, "max_order_size_usd": 10**10})
    room.ready()
    room.market(2)
    room.hold(SIZE)
    room.role.ledger.owned[STRATEGY, 1].instrument = replace(BTC, size_max=400)
    room.flatten()
    assert [one.size for one in room.closed] == [400, 400, 200]
    assert room.size() == 0


def test_an_order_that_the_journal_lacks_is_found_and_cancelled_before_anything_is_closed(room: Room) -> None:
    """Its fill would open the position again."""
    room.hold(SIZE)
    hidden = room.place()
    del room.role.blotter.orders[hidden.client_id], room.role.blotter.live[hidden.client_id]
    del room.role.blotter.by_venue[1, hidden.venue_order_id]
    assert room.flatten().state == FlattenState.FLAT
    assert not room.venue.orders[hidden.client_id.hex()].open


def test_others_orders_are_left_alone(room: Room) -> None:
    """A person trades on the account by hand; only our ids are ours to cancel."""
    stranger = room.venue.foreign()
    room.hold(SIZE)
    assert room.flatten().state == FlattenState.FLAT
    assert stranger.open


def test_a_fill_that_arrives_after_the_cancel_is_closed_too(room: Room) -> None:
    """The venue filled the order before our cancel arrived, and the report is late."""
    order = room.place()
    room.venue.event_latency_ns = 700 * MS
    room.venue.fault("order.cancel", "unknown_not")
    room.venue.fill(order.client_id.hex(), SIZE)
    assert room.flatten().state == FlattenState.FLAT
    room.market(300)
    assert (room.cell().state, room.size()) == (FlattenState.FLAT, 0)
    assert room.venue.holding(room.mark, "BTCUSDT") == 0


@pytest.mark.parametrize("steps", range(1, 40, 3))
def test_sigkill_at_any_point_and_the_next_life_continues(room: Room, steps: int) -> None:
    """The command is in the journal, the rest is derived: nothing is sold twice."""
    room.hold(SIZE)
    room.place()
    room.command(CommandKind.FLATTEN)
    room.market(steps, MS)
    room.restart()
    room.market(1500)
    row = room.cell()
    assert (row.state, room.size()) == (FlattenState.FLAT, 0)
    assert room.venue.holding(room.mark, "BTCUSDT") == 0
    assert not any(one.open for one in room.venue.orders.values())
    assert not room.venue.violations


def test_the_file_of_the_supervisor_keeps_a_flattening_of_the_system_over_down_and_up(room: Room) -> None:
    """After `up` the supervisor writes the cell HALT from the file; memory and commands are new."""
    room.hold(SIZE)
    room.kill()
    room.power_on()
    room.cells["halt"].write(0, 1, room.now_ns, 0, 0, HaltReason.FLATTEN, (0,) * 4)
    room.role = room.live()
    room.market(400)
    assert room.role.gate.halted
    assert (room.cell().state, room.size()) == (FlattenState.FLAT, 0)
    room.cells["halt"].write(0, 0, room.now_ns, 0, 0, 0, (0,) * 4)
    room.command(CommandKind.RESUME)
    room.market(3)
    assert not room.role.scopes.held
    assert room.place().open


def test_a_halt_after_a_flattening_stops_the_closing_and_stays_a_halt(room: Room) -> None:
    """The operator has seen the price at which it closes."""
    room.hold(SIZE)
    room.depth = 0
    room.flatten()
    room.command(CommandKind.HALT)
    room.market(5)
    before = len(room.closed)
    room.depth = 10**9
    room.market(100)
    assert (len(room.closed), room.size(), room.role.gate.halted) == (before, SIZE, True)
    room.restart()
    room.market(300)
    assert WHOLE not in room.role.scopes.flattening
    assert room.size() == SIZE


def test_a_halted_instrument_in_doubt_is_not_closed_and_is_named(room: Room) -> None:
    """Execution halts an instrument when its position is in doubt; so is the size of an exit."""
    room.hold(SIZE)
    order = next(iter(room.role.blotter.orders.values()))
    room.role.alarm.fills_absent(order, room.now_ns)
    row = room.flatten()
    assert (row.state, row.positions, room.closed) == (FlattenState.CLOSING, 1, [])
    assert b"INSTRUMENT_HALTED" in row.text
    assert len(requests(room, "order.place")) == 1


def test_a_flattening_while_the_venue_is_away_waits_and_says_so(room: Room) -> None:
    """The command may come at the worst moment."""
    room.hold(SIZE)
    room.venue.cut()
    room.command(CommandKind.FLATTEN, strategy=STRATEGY)
    room.run(2)
    assert b"the order session is not ready" in room.cell().text
    room.market(1000)
    assert room.cell().state == FlattenState.FLAT
    assert set(room.role.scopes.held) == {Scope(strategy=STRATEGY)}


def test_the_balances_are_compared_before_it_is_flat(tmp_path: Path) -> None:
    """Flat by our own fills alone is what a missed fill looks like too."""
    room = Room(tmp_path, balance_interval_ns=60_000 * MS)
    room.ready()
    room.market(20)
    room.hold(SIZE)
    before = len(requests(room, "account.status"))
    room.flatten()
    assert room.cell().state == FlattenState.FLAT
    assert len(requests(room, "account.status")) > before
