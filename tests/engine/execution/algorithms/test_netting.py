"""Netting: opposite orders of two strategies fill one another, both or neither, within both limits and sizes."""

import os
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.execution.journal.journal import read_journal
from engine.execution.restore import replay_state
from engine.execution.restore.checkpoint import Request, blank
from engine.execution.restore.replay import Replay
from engine.model.intent_id import ROUTED
from engine.model.words import (
    BUY,
    SELL,
    BookState,
    FillFlag,
    IntentFlag,
    IntentKind,
    JournalKind,
    OrderFlag,
    OrderState,
    ParentStatus,
    Reason,
    TimeInForce,
    VerdictFlag,
)
from tests.engine.execution.algorithms.market import DeathError, MarketHouse, die_after, move
from tests.engine.execution.memory import AS_LIMIT, AS_MARKET, BTC, ETH, MS, OTHER, SECOND, STRATEGY

MIDDLE, BID, ASK = 6_000_050, 6_000_000, 6_000_100
TWAP = {"duration_ms": 1000, "slices": 5}
THIRD = 5
soak = (pytest.mark.soak, pytest.mark.timeout(3600))


class Netted(MarketHouse):
    """A market house of three strategies whose orders are netted."""

    def __init__(self, directory: Path, **more: Any) -> None:
        """Of one account."""
        super().__init__(directory, strategies=(STRATEGY, OTHER, THIRD), **{"netting": True} | more)

    @property
    def netted(self) -> list[tuple[int, int, int, int]]:
        """Strategy, side, size and price of each internal fill."""
        rows = [row for row in self.rings["fills"].rows if row.flags & FillFlag.INTERNAL]
        return [(row.strategy, row.side, row.size, row.price) for row in rows]

    def filled_by(self, intent_id: int) -> int:
        """What an intent was filled, here and at the venue."""
        return sum(row.size for row in self.rings["fills"].rows if row.intent_id == intent_id)

    def held(self, strategy: int) -> int:
        """What execution says that a strategy holds; 0: the account."""
        ledger = self.role.ledger
        return ledger.owned[strategy, BTC.id].size if strategy else ledger.account[BTC.id].size

    def market(self, size: int, side: int = SELL, strategy: int = OTHER, **more: Any) -> int:
        """A market order of the other strategy."""
        return self.intent(side=side, size=size, strategy=strategy, **{"price": 0} | AS_MARKET | more)

    def end(self, *intents: int) -> None:
        """Run to the end of every parent, and compare with the venue."""
        for _ in range(4000):
            self.turn()
            if not self.role.blotter.parents:
                break
        for intent in intents:
            self.check_ended(intent)
        self.settle(1)
        self.check_truth()


@pytest.fixture
def house(tmp_path: Path) -> Netted:
    """A system that may trade."""
    return Netted(tmp_path)


def working(house: Netted, **more: Any) -> int:
    """A TWAP that buys, half way between two of its slices of 200."""
    twap = house.parent("twap", 1000, **TWAP | more)
    house.turn(100)
    assert house.filled_by(twap) == 200
    return twap


def test_a_market_order_is_filled_by_a_part_of_the_next_slice_of_an_opposite_twap(house: Netted) -> None:
    """Without netting both pay the spread and a fee for what they could give each other."""
    twap = working(house)
    market = house.market(60)
    house.turn()
    assert house.netted == [(STRATEGY, BUY, 60, MIDDLE), (OTHER, SELL, 60, MIDDLE)]
    assert (house.held(STRATEGY), house.held(OTHER), house.held(0)) == (260, -60, 200)
    assert house.children(market) == []
    assert house.verdict(market) == Reason.APPROVED
    rows = [row for row in house.rings["orders"].rows if row.intent_id == market]
    assert [(row.state, row.filled, row.flags) for row in rows] == [(OrderState.FILLED, 60, OrderFlag.INTERNAL)]
    house.end(twap)
    assert (house.filled_by(twap), house.filled(twap)) == (1000, 940)


def test_an_internal_fill_has_no_fee_and_an_identity_of_our_own(house: Netted) -> None:
    """A reader of FILLS must not look for it in the venue's statement."""
    working(house)
    house.market(60)
    house.turn()
    buy, sell = house.rings["fills"].rows[-2:]
    assert (buy.fee, sell.fee, buy.venue_order_id, sell.venue_order_id) == (0, 0, bytes(40), bytes(40))
    assert buy.venue_fill_id.startswith(b"net-")
    assert buy.venue_fill_id != sell.venue_fill_id
    assert not any(number.startswith(b"net-") for number in house.role.blotter.fills[BTC.id].trades)


def test_what_is_beyond_the_common_size_goes_to_the_venue_in_the_same_commit(house: Netted) -> None:
    """A death between the two would leave an intent that the journal calls used, with a part of it never sent."""
    twap = working(house)
    before = house.rings["journal"].cursor
    die_after(house, 1)  # the order, the internal fill and the intent are one commit
    market = house.market(500)
    with pytest.raises(DeathError):
        house.turn(3)
    assert [row.kind for row in house.rings["journal"].rows[before:]] == [
        JournalKind.INTENT, JournalKind.NETTED, JournalKind.VERDICT, JournalKind.ORDER
    ]  # fmt: skip
    del house.rings["journal"].publish_bytes
    house.restart()
    house.ready()
    house.end(twap)
    assert house.filled_by(market) == 500
    assert house.filled(market) == 400


def test_two_opposite_twaps_leave_little_to_the_venue(house: Netted) -> None:
    """Each slice of one meets what the other's schedule allows ahead of its time, whatever their phases."""
    buys = house.parent("twap", 1000, **TWAP)
    house.turn(70)
    sells = house.parent("twap", 1000, side=SELL, strategy=OTHER, **TWAP)
    house.end(buys, sells)
    assert house.filled_by(buys) == house.filled_by(sells) == 1000
    assert house.filled(buys) + house.filled(sells) <= 400
    assert (house.held(STRATEGY), house.held(OTHER)) == (1000, -1000)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_netted_schedule_is_ahead_by_at_most_one_slice(house: Netted, side: int) -> None:
    """Whoever asks for time-weighted prices is not filled at one moment because another strategy was there."""
    begin_ns = house.now_ns
    twap = house.parent("twap", 1000, side=side, **TWAP)
    for _ in range(1100):
        if house.now_ns % (30 * MS) == 0:
            house.market(500, -side)
        house.turn()
        line = 1000 * min(house.now_ns - begin_ns, SECOND) // SECOND
        assert line - 210 <= house.filled_by(twap) <= min(1000, line + 200)
    assert house.netted
    house.end(twap)


@pytest.mark.parametrize("what", ["off", "same strategy", "same side", "another instrument", "routed"])
def test_only_opposite_orders_of_two_strategies_in_one_instrument_are_netted(tmp_path: Path, what: str) -> None:
    """Anything else has no other side here."""
    house = Netted(tmp_path, **{"netting": False} if what == "off" else {})
    twap = working(house)
    if what == "routed":
        house.role.desk._netting.working[1 << 63 | twap] = house.role.desk._netting.working.pop(twap)
        house.role.blotter.parents[twap].intent_id |= ROUTED << 40
    side, instrument = BUY if what == "same side" else SELL, 2 if what == "another instrument" else 1
    if instrument == ETH.id:
        house.book(300_000, 300_010, instrument)
    house.market(60, side, STRATEGY if what == "same strategy" else OTHER, instrument=instrument)
    house.turn()
    assert house.netted == []


@pytest.mark.parametrize("more", [
    {"time_in_force": TimeInForce.POST_ONLY, "price": ASK}, {"time_in_force": TimeInForce.FOK, "price": BID},
    {"price": MIDDLE + 1}, {"price": ASK},
])  # fmt: skip
def test_an_order_that_does_not_take_the_middle_goes_to_the_venue(house: Netted, more: dict[str, int]) -> None:
    """It asks for a better price than the middle, or for all or nothing at the venue."""
    twap = working(house)
    order = house.market(60, **AS_LIMIT | more)
    house.turn(2)
    assert house.netted == []
    assert len(house.children(order)) == 1
    house.venue.sweep(ASK + 100, ASK + 200)
    house.end(twap)


def test_a_parent_whose_time_is_over_is_not_netted(house: Netted) -> None:
    """An execution that was stopped for a moment reads intents before it ends the parents whose time is over."""
    twap = house.parent("twap", 1000, timeout_ns=130 * MS, **TWAP)
    house.turn(129)
    house.now_ns += 150 * MS
    house.market(400)
    house.role.step(house.now_ns)
    assert (house.netted, house.status(twap)) == ([], ParentStatus.DONE)


def test_a_limit_order_that_reaches_the_middle_is_netted_and_its_rest_waits_at_its_price(house: Netted) -> None:
    """The rest is an order of the same intent, which its strategy cancels and replaces as any other."""
    working(house)
    order = house.market(400, price=MIDDLE, **AS_LIMIT)
    house.turn(3)
    assert house.netted[1] == (OTHER, SELL, 100, MIDDLE)
    assert [(one.price, one.size) for one in house.children(order)] == [("60000.50", 300)]
    house.intent(kind=2, target_id=order, strategy=OTHER)
    house.turn(3)
    assert house.role.blotter.newest[order].state == OrderState.CANCELLED


def test_the_whole_size_of_a_replacement_does_not_have_the_netted_part(house: Netted) -> None:
    """The order's records have the rest alone, so the strategy reads 300, and the order in its place is one of 300."""
    working(house)
    order = house.market(400, price=MIDDLE, **AS_LIMIT)
    house.turn(3)
    size = house.role.blotter.newest[order].size
    more = {"kind": IntentKind.REPLACE, "target_id": order, "strategy": OTHER}
    new = house.intent(side=SELL, size=size, price=ASK, **more)
    house.turn(3)
    assert (house.filled_by(order), size) == (100, 300)
    assert [one.size for one in house.children(new)] == [300]


def test_a_parents_limit_bounds_its_internal_fills(house: Netted) -> None:
    """The middle may be worse than what it allows."""
    twap = house.parent("twap", 1000, MIDDLE - 1, **TWAP)
    house.turn(100)
    house.market(60)
    house.turn()
    assert house.netted == []
    house.intent(kind=2, target_id=twap)
    house.end(twap)


def test_nothing_is_netted_against_what_is_at_the_venue(house: Netted) -> None:
    """It may be filled there at this moment: the size would be sold twice."""
    twap = house.parent("twap", 1000, **TWAP | {"patience_pct": 90})
    house.turn(20)
    assert len(house.venue.resting) == 1
    house.market(60)
    house.turn()
    assert house.netted == []
    house.end(twap)


@pytest.mark.parametrize("change", ["doubtful", "old", "wide"])
def test_a_price_in_doubt_is_no_price_for_both(house: Netted, change: str) -> None:
    """The middle of such a book is a gift from one strategy to the other."""
    working(house)
    bid, ask = (BID - 20_000, ASK + 20_000) if change == "wide" else (BID, ASK)
    if change == "old":
        house.run(1, 6 * SECOND)
    else:
        house.book(bid, ask, state=BookState.SUSPECT if change == "doubtful" else BookState.GOOD)
    house.role.ledger.owned[OTHER, 1].size = 60  # an exit: risk lets it leave in every state of the book
    house.market(60, price=BID, **AS_LIMIT)
    house.run(1)
    assert house.netted == []


@pytest.mark.parametrize(("bid", "side", "price"), [
    (ASK - 1, SELL, ASK - 1), (ASK - 1, BUY, ASK), (ASK - 3, BUY, ASK - 1),
])  # fmt: skip
def test_a_middle_between_two_steps_costs_the_order_that_arrives(
    house: Netted, bid: int, side: int, price: int
) -> None:
    """It would have crossed the whole spread; the one that waits never pays more than the middle."""
    house.venue.bid = bid
    twap = house.parent("twap", 1000, side=-side, **TWAP)
    house.turn(100)
    house.market(60, side)
    house.turn()
    assert [row[3] for row in house.netted] == [price, price]
    house.end(twap)


def test_risk_checks_the_parents_side_and_a_refusal_leaves_the_order_to_the_venue(house: Netted) -> None:
    """Netting is no way around a disabled strategy, a breaker or a cap."""
    twap = working(house)
    house.role.gate.disabled.add(STRATEGY)
    order = house.market(60)
    house.turn(2)
    assert house.netted == []
    assert house.filled(order) == 60
    house.role.gate.disabled.clear()
    house.end(twap)


def test_the_arriving_order_is_checked_with_its_whole_size(tmp_path: Path) -> None:
    """Its cap holds for what the strategy asked for, as it would without the other strategy."""
    house = Netted(tmp_path, limits={"max_order_size_usd": Decimal(300)})
    working(house)
    order = house.market(530)
    house.turn()
    assert house.verdict(order) == Reason.ORDER_TOO_LARGE
    assert house.netted == []


def test_no_side_is_left_with_less_than_the_venue_accepts(house: Netted) -> None:
    """A rest below the smallest order could never be sent: the parent would not end at its size."""
    twap = working(house)  # 100 are ahead of the schedule now, and the venue accepts 9 and more
    order = house.market(104)
    house.turn(2)
    assert house.netted[1][2] == 95
    assert house.filled(order) == 9
    house.end(twap)
    assert house.filled_by(twap) == 1000


def test_one_order_meets_several_parents_the_oldest_first(house: Netted) -> None:
    """Each gives what it has; the rest goes to the venue."""
    first, second = working(house), house.parent("twap", 1000, strategy=THIRD, **TWAP)
    house.turn(50)
    order = house.market(400)
    house.turn()
    assert house.netted[::2] == [(STRATEGY, BUY, 150, MIDDLE), (THIRD, BUY, 50, MIDDLE)]
    house.end(first, second)
    assert house.filled(order) == 200
    assert house.filled_by(order) == 400


def test_a_protected_order_is_netted_between_two_children(house: Netted) -> None:
    """It waits for the price to come back within its cap, which the middle already is."""
    house.venue.depth = 200
    order = house.parent("protected", 1000, slippage_bps=1, timeout_ms=900)
    house.turn(10)
    assert house.filled_by(order) == 200
    house.market(300)
    house.turn()
    assert house.netted[0] == (STRATEGY, BUY, 300, MIDDLE)
    house.venue.depth = 10**9
    house.end(order)
    assert house.filled_by(order) == 1000


def test_a_reduce_only_parent_gives_no_more_than_its_position(house: Netted) -> None:
    """Beyond it, it would open what its strategy forbade."""
    house.place(size=150, price=ASK)
    house.turn(3)
    assert house.held(STRATEGY) == 150
    twap = house.parent("twap", 500, side=SELL, flags=IntentFlag.REDUCE_ONLY, **TWAP)
    house.turn(100)
    held = house.held(STRATEGY)
    assert held == 50
    house.market(60, BUY)
    house.turn()
    assert house.held(STRATEGY) >= 0
    house.intent(kind=2, target_id=twap)
    house.turn(3)


def test_a_cancel_after_an_internal_fill_ends_what_is_left(house: Netted) -> None:
    """A parent that was filled here ends as one that was filled at the venue."""
    twap = working(house)
    house.market(60)
    house.turn()
    house.intent(kind=2, target_id=twap)
    house.turn(5)
    assert house.status(twap) == ParentStatus.DONE
    assert house.rings["parents"].rows[-1].filled == 260


def run_scene(house: Netted) -> None:
    """Two schedules on opposite sides and a market order of a third strategy."""
    house.parent("twap", 1000, **TWAP)
    house.turn(70)
    house.parent("adaptive_twap", 700, side=SELL, strategy=OTHER, **TWAP)
    house.turn(60)
    house.market(300, SELL, THIRD)
    house.end()


SHARE = 6


@pytest.mark.parametrize("count", [SHARE, pytest.param(10_000, marks=soak)])
def test_a_death_after_any_commit_leaves_both_sides_or_neither(tmp_path: Path, count: int) -> None:
    """The journal is cut at every commit in turn (here: a share of them), and the next life continues to the end."""
    whole = Netted(tmp_path / "whole")
    before = whole.rings["journal"].cursor
    run_scene(whole)
    commits = whole.rings["journal"].cursor - before
    assert whole.netted
    for at in range(0, commits, max(1, commits // count)):
        house = Netted(tmp_path / str(at))
        die_after(house, at)
        try:
            run_scene(house)
        except DeathError:
            del house.rings["journal"].publish_bytes
            house.restart()
            house.ready()
        house.end()
        for lane in house.intents.values():
            for row in lane.rows:
                assert house.filled_by(row.intent_id) == (0 if _refused(house, row.intent_id) else row.size), f"{at}"


def _refused(house: Netted, intent_id: int) -> bool:
    """Whether risk refused the whole intent: it was read in the next life, which had not reconciled yet."""
    rows = [row for row in house.rings["verdicts"].rows if row.intent_id == intent_id]
    whole = [row.reason for row in rows if not row.flags & VerdictFlag.CHILD]
    return not {Reason.APPROVED, Reason.DUPLICATE_INTENT} & set(whole)


def test_a_journal_that_ends_at_any_record_has_both_sides_or_neither(tmp_path: Path) -> None:
    """Power fails: memory is lost, and the disk has a part of a commit. One record has both sides."""
    house = Netted(tmp_path)
    run_scene(house)
    house.role.journal.close()
    request, entries = _request(house), list(read_journal(tmp_path))
    begun = blank(request)
    netted = 0
    for entry in entries:
        begun.feed(entry)
        netted += entry.kind == JournalKind.NETTED
        ledger = begun.blotter.ledger
        for number, account in ledger.account.items():
            assert sum(one.held for (_, of), one in ledger.owned.items() if of == number) == account.held
    assert netted
    assert _positions(begun) == _positions_of(house)


def test_at_every_cut_a_checkpoint_and_the_rest_are_the_full_replay(tmp_path: Path) -> None:
    """A checkpoint that forgets an internal fill loses the position of a strategy, and not that of the account."""
    house = Netted(tmp_path)
    run_scene(house)
    house.role.journal.close()
    request, entries = _request(house), list(read_journal(tmp_path))
    whole = _replayed(request, entries)
    for cut in range(0, len(entries), 3):
        state = replay_state.dump(_replayed(request, entries[:cut]))
        assert replay_state.dump(_replayed(request, entries[cut:], state)) == replay_state.dump(whole), f"cut at {cut}"


def _request(house: Netted) -> Request:
    return Request(
        house.config.journal.directory, house.role.journal.closed, (BTC, ETH), tuple(house.config.strategies),
        house.role.blotter.fill_order.name,
    )  # fmt: skip


def _replayed(request: Request, entries: list[Any], state: bytes = b"") -> Replay:
    begun = blank(request)
    if state:
        replay_state.load(state, begun)
    for entry in entries:
        begun.feed(entry)
    return begun


def _positions(one: Replay) -> dict[tuple[int, int], tuple[int, ...]]:
    return {(of.strategy, of.instrument.id): _figures(of) for of in one.blotter.ledger.positions}


def _positions_of(house: Netted) -> dict[tuple[int, int], tuple[int, ...]]:
    return {(of.strategy, of.instrument.id): _figures(of) for of in house.role.ledger.positions}


def _figures(of: Any) -> tuple[int, ...]:
    return of.held, of.cost, of.realised, of.cash, of.fees, of.fill_count, of.bought, of.sold


def test_fills_that_readers_missed_are_published_once(house: Netted) -> None:
    """A death after the commit and before the publish: the next life publishes both sides, and only those."""
    working(house)

    def die(_: bytes) -> bool:
        raise DeathError

    house.role.blotter._publish_fill = die
    house.market(60)
    with pytest.raises(DeathError):
        house.turn()
    house.restart()
    house.ready()
    assert house.netted == [(STRATEGY, BUY, 60, MIDDLE), (OTHER, SELL, 60, MIDDLE)]
    house.restart()
    house.ready()
    assert len(house.netted) == 2
    house.check_netted()


def test_internal_fills_around_a_gap_of_the_journal_are_counted_once(tmp_path: Path) -> None:
    """The journal has lost one and has the other; FILLS has both, and shows what each strategy holds."""
    full = False

    def reserve(descriptor: int, size: int) -> None:
        if full:
            raise OSError(28, "no room")
        os.posix_fallocate(descriptor, 0, size)

    house = Netted(tmp_path, segment_size=8192, reserve=reserve)
    house.market(600, BUY, STRATEGY)
    house.market(600, SELL, OTHER)
    house.turn(3)
    house.parent("twap", 600, side=SELL, duration_ms=6000, slices=3)
    house.turn(800)
    house.market(50, BUY, OTHER)
    house.turn()
    full = True
    while not house.role.journal.full:
        house.market(20, SELL, THIRD)
        house.turn(2)
    house.market(60, BUY, OTHER)
    house.turn(10)
    assert [row[2] for row in house.netted] == [50, 50, 30, 30]  # the rest of the 60 is the venue's
    held = [house.held(one) for one in (STRATEGY, OTHER, 0)]
    for _ in range(12):
        house.cancel(1)
        house.turn(2)
    house.kill()
    house.put("journal", house.rings["journal"].newest(4))
    house.role = house.live()
    assert house.role.journal.gap is not None
    house.settle(10)
    assert [house.held(one) for one in (STRATEGY, OTHER, 0)] == held
    assert len(house.netted) == 4
    house.restart()
    assert [house.held(one) for one in (STRATEGY, OTHER, 0)] == held


@pytest.mark.parametrize("count", [6, pytest.param(500, marks=soak)])
def test_drawn_orders_markets_and_deaths_add_up(tmp_path: Path, count: int) -> None:
    """Whatever is netted: no one is filled beyond size or limit, and the strategies hold what the account holds."""
    netted = 0
    for seed in range(count):
        print(f"seed {seed}")  # noqa: T201 - to repeat it
        draw, house = random.Random(f"netting {seed}"), Netted(tmp_path / str(seed))
        for _ in range(60):
            _act(house, draw)
            move(house, draw)
            try:
                house.turn(draw.randrange(1, 25))
            except DeathError:
                del house.rings["journal"].publish_bytes
                house.restart()
                house.ready()
            house.check_netted()
        house.role.journal.ring.publish_bytes = house.rings["journal"].publish_bytes  # type: ignore[method-assign]
        house.rings["journal"].__dict__.pop("publish_bytes", None)
        house.role.journal.ring.__dict__.pop("publish_bytes", None)
        house.venue.depth = 10**9
        house.end()
        _check_limits(house)
        netted += len(house.netted)
    assert netted


def _act(house: Netted, draw: random.Random) -> None:
    """One drawn intent, or a death that is to come."""
    act, side, strategy = draw.random(), draw.choice((BUY, SELL)), draw.choice((STRATEGY, OTHER, THIRD))
    price = draw.choice((0, house.venue.ask + draw.randrange(-200, 200)))
    if act < 0.3:
        name = draw.choice(("twap", "adaptive_twap"))
        terms = {"duration_ms": 500, "slices": 5} | ({"patience_pct": 50} if draw.random() < 0.2 else {})
        house.parent(name, draw.randrange(250, 900), price, side, strategy=strategy, **terms)
    elif act < 0.4:
        house.parent("protected", draw.randrange(50, 900), price, side, strategy=strategy, timeout_ms=300)
    elif act < 0.8:
        house.market(draw.randrange(9, 600), side, strategy, price=price)
    elif act < 0.9:
        time_in_force = draw.choice(list(TimeInForce))
        house.market(draw.randrange(9, 600), side, strategy, price=price or BID, time_in_force=time_in_force,
                     timeout_ns=50 * MS, **AS_LIMIT)  # fmt: skip
    elif act < 0.95:
        die_after(house, draw.randrange(6))


def _check_limits(house: Netted) -> None:
    """No internal fill is worse than the price of its intent."""
    intents = {row.intent_id: row for lane in house.intents.values() for row in lane.rows}
    for row in house.rings["fills"].rows:
        price = intents[row.intent_id].price
        assert not (row.flags & FillFlag.INTERNAL and price) or (row.price - price) * row.side <= 0, row
