"""Opportunities: every crossing that pays after fees, and no other, from its begin to its end."""

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from engine.aggregation import check_table, make_role
from engine.aggregation.lanes import open_aggregation_lanes
from engine.config.tables import Aggregation
from engine.lanes import AGGREGATION, LOOKERS, open_lanes
from engine.model.words import BookState, OpportunityFlag, OpportunityKind
from tests.engine.aggregation.hands import BTC, ELSEWHERE, FAR, FEES, SECOND, Levels, System, seed_of_this_run, wide

MEMBERS = (BTC, ELSEWHERE, FAR)
RATE = {one.id: Fraction(FEES[one.venue]) / 10_000 for one in MEMBERS}
EVERY_CHANGE = {"change_bps": "0", "change_share": "0"}
Book = tuple[Levels, Levels, int]
Pair = tuple[int, int]
Beating = tuple[System, Callable[..., None]]


def ladder(of: int, book: Book, side: int) -> list[tuple[Fraction, Fraction]]:
    """A side in exact fractions."""
    one = MEMBERS[of - 1]
    levels = book[0] if side > 0 else book[1]
    return [(Fraction(price, 10**one.price_decimals), Fraction(size, 10**one.size_decimals)) for price, size in levels]


def walk(buy: int, sell: int, books: dict[int, Book]) -> tuple[Fraction, Fraction, Fraction] | None:
    """(edge, size, profit) of buying here and selling there, the slow and plain way; None where nothing pays."""
    asks, bids = ladder(buy, books[buy], -1), ladder(sell, books[sell], 1)
    if not asks or not bids or {books[buy][2], books[sell][2]} != {BookState.GOOD}:
        return None
    edge = (bids[0][0] * (1 - RATE[sell]) - asks[0][0] * (1 + RATE[buy])) / asks[0][0]
    size = profit = Fraction(0)
    while asks and bids and bids[0][0] * (1 - RATE[sell]) > asks[0][0] * (1 + RATE[buy]):
        take = min(asks[0][1], bids[0][1])
        size += take
        profit += take * (bids[0][0] * (1 - RATE[sell]) - asks[0][0] * (1 + RATE[buy]))
        asks = [(asks[0][0], asks[0][1] - take), *asks[1:]] if asks[0][1] > take else asks[1:]
        bids = [(bids[0][0], bids[0][1] - take), *bids[1:]] if bids[0][1] > take else bids[1:]
    return (edge, size, profit) if size else None


def all_pairs(books: dict[int, Book]) -> dict[Pair, tuple[Fraction, Fraction, Fraction]]:
    """Every ordered pair that pays."""
    pairs = [(buy.id, sell.id) for buy in MEMBERS for sell in MEMBERS if buy is not sell]
    return {pair: found for pair in pairs if (found := walk(*pair, books)) is not None}


def figures(row: Any) -> tuple[Fraction, Fraction, Fraction]:
    """A record's edge (a bound: it is rounded down), size and profit."""
    decimals = row.price_decimals + row.size_decimals
    profit = Fraction(wide(row.profit_high, row.profit_low), 10 ** (decimals + 8))
    return Fraction(row.edge_e8, 10**8), Fraction(row.size, 10**row.size_decimals), profit


class Follower:
    """A reader of the lane that knows only the published records."""

    def __init__(self) -> None:
        """Nothing is open."""
        self.open: dict[int, Any] = {}

    def take(self, rows: list[Any]) -> None:
        """Begin, change and end, each only when it may."""
        for row in rows:
            if row.kind == OpportunityKind.RESET:
                self.open.clear()
            elif row.kind == OpportunityKind.BEGIN:
                assert row.opportunity_id not in self.open
                self.open[row.opportunity_id] = row
            else:
                assert self.open.pop(row.opportunity_id).begin_ns == row.begin_ns
                if row.kind == OpportunityKind.CHANGE:
                    self.open[row.opportunity_id] = row

    def pairs(self) -> dict[Pair, Any]:
        """What is open, by pair; a pair twice is an error."""
        found = {(row.buy_instrument, row.sell_instrument): row for row in self.open.values()}
        assert len(found) == len(self.open)
        return found


def open_cells(system: System) -> dict[Pair, Any]:
    """What a looker-on sees as open, by pair."""
    cells = open_lanes(system.name, LOOKERS).cell_reader("open_opportunities")
    rows = [row for place in range(cells.count) if (row := cells.read(place)) is not None]
    open_rows = [row for row in rows if row.kind in (OpportunityKind.BEGIN, OpportunityKind.CHANGE)]
    found = {(row.buy_instrument, row.sell_instrument): row for row in open_rows}
    assert len(found) == len(open_rows)
    return found


def some_book(draw: random.Random, of: int, middle: int) -> Book:
    """A good book of a few levels around a middle in hundredths."""
    one = MEMBERS[of - 1]
    unit = 10 ** (one.price_decimals - 1)
    sides: list[Levels] = []
    for side in (1, -1):
        prices = sorted(draw.sample(range(1, 30), draw.randrange(0, 8)))
        sides.append([((middle - side * price) * unit, draw.randrange(1, 10**one.size_decimals)) for price in prices])
    return sides[0], sides[1], draw.choice((BookState.GOOD,) * 5 + (BookState.SUSPECT, BookState.STALE))


def test_every_planted_crossing_is_published_and_nothing_else(make_system: Callable[..., System]) -> None:
    """Recall 100 %, false 0: after each of many random events what is open is exactly what pays, to the last digit."""
    seed = seed_of_this_run()
    draw = random.Random(seed)
    system, follower = make_system(settings=EVERY_CHANGE), Follower()
    books: dict[int, Book] = {one.id: ([], [], BookState.EMPTY) for one in MEMBERS}
    planted = 0
    for _ in range(2000):
        of = draw.choice(MEMBERS).id
        books[of] = some_book(draw, of, draw.choice((1000, 1000, 1010, 1025)))
        system.publish_book(of, *books[of])
        system.step(draw.randrange(1000))
        follower.take(system.published("opportunities"))
        expected, found = all_pairs(books), follower.pairs()
        planted += len(expected)
        assert set(found) == set(expected)
        for pair, (edge, size, profit) in expected.items():
            reported_edge, *reported = figures(found[pair])
            assert reported == [size, profit]
            assert reported_edge <= edge < reported_edge + Fraction(1, 10**8)
    assert planted > 300


def test_a_crossing_between_two_steps_is_published_although_it_is_gone(system: System) -> None:
    """Two events may be read in one step: one that came and went in between was there."""
    system.publish_book(1, [(10_000, 10)], [(10_010, 10)])
    system.publish_book(2, [(1_020, 10**6)], [(1_030, 10**6)])
    system.publish_book(2, [(1_000, 10**6)], [(1_001, 10**6)])
    system.step()
    system.published("opportunities")
    system.publish_book(2, [(1_020, 10**6)], [(1_030, 10**6)])
    system.publish_book(2, [(1_000, 10**6)], [(1_001, 10**6)])
    system.step()
    kinds = [row.kind for row in system.published("opportunities")]
    assert kinds == [OpportunityKind.BEGIN, OpportunityKind.END]


def test_a_crossing_by_the_fast_best_alone_is_published(system: System) -> None:
    """The depth that confirms it comes 100 ms later: too late."""
    system.publish_book(1, [(10_000, 10)], [(10_010, 10)])
    system.publish_book(2, [(1_000, 10**6)], [(1_001, 10**6)])
    system.step()
    system.published("opportunities")
    system.publish_best(2, 1, 1_020, 5 * 10**4)
    system.step()
    (row,) = system.published("opportunities")
    assert (row.kind, row.buy_instrument, row.sell_instrument) == (OpportunityKind.BEGIN, 1, 2)
    assert (row.buy_price, row.sell_price, row.size) == (100_100, 102_000, 10_000)


def test_fees_decide(system: System) -> None:
    """10 bp here and 5 there: a crossing of exactly 15 bp and a little pays, one below costs money."""
    system.publish_book(1, [], [(100_000, 10)])
    system.publish_book(2, [(10_015, 10**6)], [])
    system.step()
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.RESET]
    system.publish_book(2, [(10_016, 10**6)], [])
    system.step()
    (row,) = system.published("opportunities")
    assert row.edge_e8 == int((Fraction(10_016, 10) * Fraction(9995, 10000) - 1000 * Fraction(1001, 1000)) * 10**5)


def test_a_venue_in_doubt_or_silent_ends_its_opportunities(system: System) -> None:
    """An edge against a book that is not GOOD is not an opportunity."""
    system.publish_book(1, [], [(10_000, 10)])
    system.publish_book(2, [(1_100, 10**6)], [])
    system.step()
    system.published("opportunities")
    system.publish_state(2, BookState.SUSPECT)
    system.step()
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.END]
    system.publish_state(2, BookState.GOOD)
    system.step()
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.BEGIN]
    system.now_ns += SECOND
    system.publish_state(1, BookState.STALE)
    system.step()
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.END]


def test_a_feed_that_does_not_beat_ends_every_opportunity(beating: Beating) -> None:
    """Prices of a dead writer, which no process can withdraw, would keep an opportunity open for ever."""
    system, beat = beating
    beat(system.now_ns)
    system.publish_book(1, [], [(10_000, 10)])
    system.publish_book(2, [(1_100, 10**6)], [])
    system.step()
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.RESET, OpportunityKind.BEGIN]
    system.step(5 * SECOND + 1)
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.END]
    assert open_cells(system) == {}


def test_a_backlog_of_a_stalled_role_is_no_opportunity(system: System) -> None:
    """A record that is read ten seconds late does not show the present market, whatever its state is."""
    system.publish_book(1, [], [(10_000, 10)])
    system.step()
    system.published("opportunities")
    system.publish_book(2, [(1_100, 10**6)], [])
    system.publish_book(2, [(900, 10**6)], [])
    system.step(10 * SECOND)
    assert system.published("opportunities") == []


def test_more_size_than_ten_levels_show_is_marked(system: System) -> None:
    """The size is what can be seen; a reader must know when that is not all."""
    system.publish_book(1, [], [(10_000 + place, 10) for place in range(10)])
    system.publish_book(2, [(2_000, 10**8)], [])
    system.step()
    assert system.published("opportunities")[-1].flags == OpportunityFlag.DEPTH_LIMITED


def test_a_new_life_voids_what_its_predecessor_began_and_begins_it_again(system: System) -> None:
    """A reader must never hold an opportunity whose end no process will publish."""
    follower = Follower()
    system.publish_book(1, [], [(10_000, 10)])
    system.publish_book(2, [(1_100, 10**6)], [])
    system.step()
    system.die()
    system.step()
    rows = system.published("opportunities")
    follower.take(rows)
    begun = [row.opportunity_id for row in rows if row.kind == OpportunityKind.BEGIN]
    assert len(begun) == len(set(begun)) == 2
    assert len(follower.open) == 1


def test_the_least_edge_is_asked_for(make_system: Callable[..., System]) -> None:
    """What pays less than the reader's own costs is noise."""
    system = make_system(settings={"min_edge_bps": "50"})
    system.publish_book(1, [], [(10_000, 10)])
    system.publish_book(2, [(1_005, 10**6)], [])
    system.step()
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.RESET]
    system.publish_book(2, [(1_008, 10**6)], [])
    system.step()
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.BEGIN]


def test_a_venue_without_a_fee_is_refused_at_the_start(system: System) -> None:
    """A fee that is read as zero makes every edge too large."""
    table = msgspec.convert({"taker_fee_bps": {"north": "10"}}, Aggregation)
    system.role.close()
    lanes = open_aggregation_lanes(open_lanes(system.name, AGGREGATION))
    with pytest.raises(ValueError, match="taker_fee_bps must name 'south'"):
        make_role(table, "aggregation", 7, system.instruments, lanes)
    lanes.close()


def test_contracts_of_another_size_are_another_thing(make_system: Callable[..., System]) -> None:
    """Ten dollars a contract and one bitcoin a contract cannot be added up."""
    system = make_system(instruments=(BTC, replace(ELSEWHERE, multiplier=10), FAR))
    assert [[one.id for one in group.members] for group in system.role.groups] == [[1, 3], [2]]


@pytest.mark.parametrize("dying", [0.0, 0.02])
def test_a_change_is_published_when_it_matters_and_the_cells_know_the_rest(
    make_system: Callable[..., System], dying: float
) -> None:
    """A ring reader stays within the rule's distance, a cell reader is exact, and few readers are woken."""
    seed = seed_of_this_run()
    draw = random.Random(seed)
    system, follower = make_system(), Follower()
    books: dict[int, Book] = {one.id: ([], [], BookState.EMPTY) for one in MEMBERS}
    reported = held = 0
    for _ in range(1500):
        of = draw.choice(MEMBERS).id
        unit = 10 ** (MEMBERS[of - 1].price_decimals - 1)
        base = (1030 if of == 1 else 1000) * 100
        sides = [[((base - side * draw.randrange(1, 4)) * unit // 100, draw.randrange(900, 1000))] for side in (1, -1)]
        books[of] = (sides[0], sides[1], BookState.GOOD)
        system.publish_book(of, *books[of])
        system.step(draw.randrange(1000))
        rows = system.published("opportunities")
        reported += len(rows)
        follower.take(rows)
        if draw.random() < dying:
            system.die()
            system.step()
            follower.take(system.published("opportunities"))
        expected, found, cells = all_pairs(books), follower.pairs(), open_cells(system)
        held += len(expected)
        assert set(found) == set(cells) == set(expected)
        for pair, (edge, size, profit) in expected.items():
            exact_edge, *exact = figures(cells[pair])
            assert exact == [size, profit]
            assert exact_edge <= edge < exact_edge + Fraction(1, 10**8)
            ring_edge, ring_size, _ = figures(found[pair])
            assert abs(ring_edge - edge) < Fraction(1, 10**5) + Fraction(1, 10**8)
            assert abs(ring_size - size) < ring_size * Fraction(1, 10)
            for name in ("buy_price", "sell_price", "buy_limit", "sell_limit"):
                before = getattr(found[pair], name)
                assert abs(getattr(cells[pair], name) - before) * 100_000 < before
            assert cells[pair].opportunity_id == found[pair].opportunity_id
    assert 0 < reported < held


def test_a_size_that_trembles_is_not_published_and_one_that_halves_is(system: System) -> None:
    """Bound, or a hundred changes a second overrun every reader of the ring."""
    system.publish_book(1, [], [(10_000, 1000)])
    system.publish_book(2, [(1_100, 10**9)], [])
    system.step()
    system.published("opportunities")
    for size in (1050, 950, 1099, 901):
        system.publish_book(1, [], [(10_000, size)])
        system.step()
    assert system.published("opportunities") == []
    assert open_cells(system)[1, 2].size == 901 * 1000
    system.publish_book(1, [], [(10_000, 900)])
    system.step()
    (row,) = system.published("opportunities")
    assert (row.kind, row.size) == (OpportunityKind.CHANGE, 900 * 1000)
    system.publish_state(1, BookState.STALE)
    system.step()
    (row,) = system.published("opportunities")
    assert (row.kind, row.size, open_cells(system)) == (OpportunityKind.END, 900 * 1000, {})


def test_two_prices_that_move_together_are_published_although_the_edge_is_the_same(system: System) -> None:
    """An order at the old limit would not trade any more."""
    system.publish_book(1, [], [(1_000_000, 10)])
    system.publish_book(2, [(110_000, 10**6)], [])
    system.step()
    system.published("opportunities")
    system.publish_book(2, [(110_011, 10**6)], [])
    system.publish_book(1, [], [(1_000_100, 10)])
    system.step()
    assert OpportunityKind.CHANGE in [row.kind for row in system.published("opportunities")]


def test_a_locked_market_pays_only_where_the_fees_are_rebates(make_system: Callable[..., System]) -> None:
    """A venue that pays takers makes equal prices profitable; no other venue does."""
    fees = {"north": "-2", "south": "1", "west": "1"}
    system = make_system(settings={"taker_fee_bps": fees})
    system.publish_book(1, [], [(10_000, 10)])
    system.publish_book(2, [(1_000, 10**6)], [])
    system.publish_book(3, [], [(100_000, 10)])
    system.step()
    (row,) = [row for row in system.published("opportunities") if row.kind == OpportunityKind.BEGIN]
    assert (row.buy_instrument, row.sell_instrument, row.buy_price, row.sell_price) == (1, 2, 100_000, 100_000)
    assert Fraction(row.edge_e8, 10**8) == Fraction(1, 10_000)
    assert figures(row)[2] == Fraction(10, 10**5) * 100 * Fraction(1, 10_000)


def test_contracts_of_several_units_have_a_global_book_and_no_profit(make_system: Callable[..., System]) -> None:
    """A hundred dollars a contract is paid in coin: the profit of a linear one would be another number."""
    inverse = tuple(replace(one, kind="perpetual", multiplier=100) for one in MEMBERS)
    system = make_system(instruments=inverse, settings={"taker_fee_bps": {}})
    system.publish_book(1, [], [(10_000, 10)])
    system.publish_book(2, [(1_100, 10**6)], [])
    system.step()
    assert system.top().included == 0b011
    assert [row.kind for row in system.published("opportunities")] == [OpportunityKind.RESET]


def test_futures_are_one_thing_only_if_the_configuration_groups_them(make_system: Callable[..., System]) -> None:
    """March and June are alike in base, quote and kind: their difference is interest, and no opportunity."""
    dated = tuple(replace(one, kind="future") for one in MEMBERS)
    system = make_system(instruments=dated)
    assert [[one.id for one in group.members] for group in system.role.groups] == [[1], [2], [3]]
    groups = [{"name": "BTC June", "instruments": [1, 2]}]
    named = make_system(instruments=dated, settings={"groups": groups})
    assert [[one.id for one in group.members] for group in named.role.groups] == [[1, 2], [3]]


@pytest.mark.parametrize(("key", "value"), [("change_bps", "-1"), ("change_share", "1.5"), ("change_share", "nan")])
def test_a_rule_that_cannot_hold_is_refused(key: str, value: str) -> None:
    """A negative distance would publish every change or none, whatever the market does."""
    with pytest.raises(ValueError, match=f"aggregation.{key} must be in"):
        check_table(msgspec.convert({key: value}, Aggregation))
