"""The global book: exact whatever its venues do, and never with a venue that may be wrong."""

import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest

from engine.aggregation.role import TICK_LIMIT
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import BookState, Flag, RoleState, TickKind
from tests.engine.aggregation.hands import BTC, DEPTH, ELSEWHERE, FAR, SECOND, Levels, System, seed_of_this_run

Beating = tuple[System, Callable[..., None]]
MEMBERS = (BTC, ELSEWHERE, FAR)
BAD = (BookState.EMPTY, BookState.SUSPECT, BookState.RESYNCING, BookState.STALE, BookState.CROSSED,
       BookState.DISCONNECTED)  # fmt: skip


def quiet_book(system: System, of: int = 1) -> None:
    """One venue with one level a side: 100.00 x 1 / 101.00 x 2 in the first venue's decimals."""
    scale = {1: (100, 10**5), 2: (10, 10**8), 3: (1000, 10**3)}[of]
    system.publish_book(of, [(100 * scale[0], scale[1])], [(101 * scale[0], 2 * scale[1])])


def test_levels_of_different_decimals_are_aligned_exactly(system: System) -> None:
    """A venue with fewer digits must not look a thousand times cheaper."""
    for of in (1, 2, 3):
        quiet_book(system, of)
    system.step()
    top = system.top()
    assert (top.price_decimals, top.size_decimals) == (3, 8)
    assert (top.bid_price[0], top.bid_size[0], top.bid_members[0]) == (100_000, 3 * 10**8, 0b111)
    assert (top.ask_price[0], top.ask_size[0], top.asks) == (101_000, 6 * 10**8, 1)


def test_each_level_names_its_venues(system: System) -> None:
    """A strategy that trades on a level must know at which venue it is."""
    system.publish_book(1, [(10_000, 5), (9_990, 6)], [(10_100, 7)])
    system.publish_book(2, [(999, 8), (998, 9)], [(1_011, 1)])
    system.step()
    top = system.top()
    assert top.bid_price[:3] == (100_000, 99_900, 99_800)
    assert top.bid_members[:3] == (0b001, 0b011, 0b010)
    assert top.bid_size[:3] == (5 * 1000, 6 * 1000 + 8, 9)
    assert top.ask_members[:2] == (0b001, 0b010)


@pytest.mark.parametrize("state", BAD, ids=lambda state: state.name)
def test_a_venue_that_may_be_wrong_is_left_out_at_once(system: System, state: BookState) -> None:
    """Unknown is never good: a price from a book in doubt would be traded on."""
    quiet_book(system, 1)
    system.publish_book(2, [(1_005, 10)], [(1_006, 10)])
    system.step()
    assert system.top().included == 0b011
    system.publish_state(2, state)
    system.step()
    top = system.top()
    assert (top.included, top.bid_price[0], top.state) == (0b001, 100_000, BookState.GOOD)


def test_a_quiet_venue_whose_line_lives_stays_in(beating: Beating) -> None:
    """A thin market changes nothing for minutes: its prices hold, and a global book that flickers is a wrong one."""
    system, beat = beating
    quiet_book(system, 1)
    quiet_book(system, 2)
    beat(system.now_ns)
    system.step()
    reported = len(system.published("global_books"))
    for _ in range(30):
        system.now_ns += 2 * SECOND
        beat(system.now_ns)
        system.step()
    assert reported > 0
    assert (system.top().included, system.published("global_books")) == (0b011, [])


def test_books_of_a_feed_that_does_not_beat_are_left_out_within_the_limit(beating: Beating) -> None:
    """The feed's process may be dead: then no writer marks its books as stale."""
    system, beat = beating
    quiet_book(system, 1)
    quiet_book(system, 2)
    beat(system.now_ns)
    system.step()
    system.step(5 * SECOND)
    assert system.top().included == 0b011
    system.step(1)
    assert (system.top().included, system.top().state) == (0, BookState.EMPTY)
    beat(system.now_ns, RoleState.STARTING)
    system.step(SECOND)
    assert system.top().included == 0
    beat(system.now_ns)
    system.step()
    assert system.top().included == 0b011


def test_the_feeds_state_of_a_line_removes_and_returns_its_venue(beating: Beating) -> None:
    """The feed publishes STALE and DISCONNECTED at once; the other members stay in the global book."""
    system, beat = beating
    quiet_book(system, 1)
    quiet_book(system, 2)
    beat(system.now_ns)
    system.step()
    for state, included in ((BookState.STALE, 0b001), (BookState.GOOD, 0b011), (BookState.DISCONNECTED, 0b001)):
        system.now_ns += SECOND
        beat(system.now_ns)
        system.publish_state(2, state)
        system.step()
        assert system.top().included == included


def test_what_a_stalled_role_reads_too_late_is_not_published_as_of_today(system: System) -> None:
    """Ten seconds of backlog hold prices that are no longer offered: only the final state is published, once."""
    quiet_book(system, 1)
    system.step()
    system.published("global_books")
    for number in range(100):
        system.publish_book(1, [(10_000 + number, 5)], [(10_200, 7)])
    system.step(10 * SECOND)
    (row,) = system.published("global_books")
    assert (row.bid_price[0], row.included) == (100_990, 0b001)


def test_a_backlog_of_many_steps_leaves_all_out_until_it_is_read(system: System) -> None:
    """While the newest word is not in hand nothing is known; a book of before is not good only because it was."""
    quiet_book(system, 1)
    system.step()
    for number in range(TICK_LIMIT + 10):
        system.tick(TickKind.BEST, 1, side=1, price=9_000 + number % 7, size=5)
    system.step(10 * SECOND)
    assert (system.role.merge.late, system.top().included) == (True, 0)
    system.step()
    assert (system.role.merge.late, system.top().included) == (False, 0b001)


def test_a_stale_state_of_the_feed_counts_as_no_message_of_the_venue(system: System) -> None:
    """STALE is the feed's record: it must not make the venue look alive."""
    quiet_book(system, 1)
    system.step()
    system.now_ns += 6 * SECOND
    system.publish_state(1, BookState.STALE)
    system.step()
    assert system.top().included == 0


def test_venues_that_cross_each_other_show_it(system: System) -> None:
    """A global spread below zero is true, and no good price to quote around."""
    system.publish_book(1, [(10_000, 5)], [(10_010, 7)])
    system.publish_book(2, [(1_001, 5)], [(1_002, 7)])
    system.step()
    top = system.top()
    assert (top.state, top.spread_bps) == (BookState.CROSSED, 0.0)
    system.publish_best(2, 1, 1_003, 6)
    system.step()
    assert system.top().spread_bps < 0
    assert system.top().bid_price[0] == 100_300


def test_a_best_that_runs_ahead_of_its_levels_is_on_top(system: System) -> None:
    """The fast channel brings the best price tens of milliseconds before the depth channel does."""
    system.publish_book(1, [(10_000, 5), (9_990, 6), (9_980, 7)], [(10_100, 7)])
    system.step()
    system.publish_best(1, 1, 9_985, 1)
    system.step()
    top = system.top()
    assert top.bid_price[: top.bids] == (99_850, 99_800)
    system.publish_book(1, [(9_990, 6), (9_980, 7)], [(10_100, 7)], bests=False)
    system.step()
    assert system.top().bid_price[:2] == (99_850, 99_800)


def test_a_reset_forgets_the_venue_until_it_is_published_again(system: System) -> None:
    """Levels of before a resync are of another book."""
    quiet_book(system, 1)
    quiet_book(system, 2)
    system.step()
    system.tick(TickKind.STATE, 1, detail=BookState.EMPTY, flags=Flag.RESET | Flag.LAST)
    system.step()
    assert system.top().included == 0b010
    system.publish_book(1, [(10_050, 5)], [(10_060, 6)])
    system.step()
    top = system.top()
    assert (top.included, top.bid_price[0], top.ask_price[0]) == (0b011, 100_500, 100_600)


def test_an_unchanged_book_is_not_published_again(system: System) -> None:
    """A reader that is woken for nothing is late for something."""
    quiet_book(system, 1)
    system.step()
    system.published("global_books")
    quiet_book(system, 1)
    system.publish_print(1, 10_000, 5, 1)
    system.step()
    assert system.published("global_books") == []


def test_a_number_that_does_not_fit_removes_only_its_venue(system: System) -> None:
    """A price that wrapped around would be the best of all."""
    quiet_book(system, 1)
    system.publish_book(2, [(2**62, 10**8)], [(2**62 + 10, 10**8)])
    system.step()
    assert (system.top().included, system.top().bid_price[0]) == (0b001, 100_000)
    quiet_book(system, 2)
    system.step()
    assert system.top().included == 0b011


def test_a_book_read_twice_counts_once(system: System) -> None:
    """After a restart the cell is newer than the records left in the ring: applying them would undo a change."""
    system.publish_book(1, [(10_000, 5)], [(10_100, 7)])
    system.publish_book(1, [(10_010, 5)], [(10_100, 7)])
    system.step()
    assert system.role.merge.duplicates == 2
    assert system.top().bid_price[0] == 100_100


def test_a_restarted_role_publishes_the_same_book(system: System) -> None:
    """A kill may not change what is true."""
    for of in (1, 2, 3):
        quiet_book(system, of)
    system.publish_best(3, 1, 100_500, 3)
    system.step()
    before = system.top()
    system.die()
    system.step()
    after = system.top()
    assert after[4:] == before[4:]


def test_a_restarted_role_keeps_the_levels_of_a_book_that_began_with_a_reset(system: System) -> None:
    """Each book begins with one: to wipe the cell's newer levels by it leaves one level a side that looks good."""
    bids, asks = [(10_000, 5), (9_990, 6)], [(10_010, 7), (10_020, 8)]
    system.publish_best(1, 1, 9_000, 1)
    system.tick(TickKind.BEST, 1, side=1, price=10_000, size=5, flags=Flag.RESET)
    system.tick(TickKind.BEST, 1, side=-1, price=10_010, size=7, flags=0)
    system.publish_state(1, BookState.GOOD)
    system.publish_book(1, bids, asks, bests=False)
    system.step()
    before = system.top()
    assert (before.bids, before.asks, before.state) == (2, 2, BookState.GOOD)
    system.die()
    system.step()
    assert system.top()[4:] == before[4:]


def test_a_lapped_role_begins_again(system: System) -> None:
    """A best that was overwritten before it was read must not stay for ever."""
    quiet_book(system, 1)
    quiet_book(system, 2)
    system.step()
    system.publish_book(2, [(1_003, 5)], [(1_004, 7)])
    for number in range(140_000):
        system.publish_print(1, 10_000, 5, number + 1)
    system.step()
    system.step()
    assert system.role.laps == 1
    assert (system.top().bid_price[0], system.top().included) == (100_300, 0b011)


def oracle(books: dict[int, tuple[Levels, Levels, int]], side: int) -> list[tuple[Fraction, Fraction, int]]:
    """The merged levels of the good books, with exact fractions."""
    merged: dict[Fraction, tuple[Fraction, int]] = {}
    for bit, one in enumerate(MEMBERS):
        bids, asks, state = books[one.id]
        for price, size in (bids if side > 0 else asks) if state == BookState.GOOD else []:
            key = Fraction(price, 10**one.price_decimals)
            had, members = merged.get(key, (Fraction(0), 0))
            merged[key] = (had + Fraction(size, 10**one.size_decimals), members | 1 << bit)
    return [(price, *merged[price]) for price in sorted(merged, reverse=side > 0)][:DEPTH]


def random_side(draw: random.Random, side: int, decimals: int, size_decimals: int) -> Levels:
    """Up to ten levels around 100, best first."""
    prices = draw.sample(range(1, 40), draw.randrange(0, DEPTH + 1))
    unit = 10 ** max(decimals - 1, 0)
    return [(10 ** (decimals + 2) - side * price * unit, draw.randrange(1, 10 ** (size_decimals + 1)))
            for price in sorted(prices)]  # fmt: skip


def test_the_global_book_equals_a_merge_by_exact_fractions(make_system: Callable[..., System]) -> None:
    """Random books, states and orders of arrival: each level, size and attribution, to the last digit."""
    seed = seed_of_this_run()
    draw = random.Random(seed)
    system = make_system()
    books: dict[int, tuple[Levels, Levels, int]] = {one.id: ([], [], 0) for one in MEMBERS}
    for _ in range(600):
        for one in draw.sample(MEMBERS, draw.randrange(1, 4)):
            sides = [random_side(draw, side, one.price_decimals, one.size_decimals) for side in (1, -1)]
            state = BookState.GOOD if draw.random() < 0.8 else draw.choice(BAD)
            books[one.id] = (sides[0], sides[1], state)
            system.publish_book(one.id, sides[0], sides[1], state)
        system.step()
        top = system.top()
        for side, prices, sizes, members, count in (
            (1, top.bid_price, top.bid_size, top.bid_members, top.bids),
            (-1, top.ask_price, top.ask_size, top.ask_members, top.asks),
        ):
            found = [(Fraction(price, 1000), Fraction(size, 10**8), member)
                     for price, size, member in zip(prices, sizes, members, strict=True)][:count]  # fmt: skip
            assert found == oracle(books, side)
        empty = top.bids == 0 or top.asks == 0
        assert math.isnan(top.imbalance) == empty
        assert (top.state == BookState.EMPTY) == empty


def test_what_is_published_is_in_the_order_of_receipt(system: System) -> None:
    """A reader that merges lanes by time relies on it."""
    for at, of in enumerate((1, 2, 3, 2, 1)):
        system.now_ns += 1000
        system.publish_book(of, [(at + 1, 5)], [(10**6 + at, 6)])
    system.step()
    times = [row.receive_ns for row in system.published("global_books")]
    assert times == sorted(times)


def test_groups_of_another_configuration_are_shown_no_more(make_system: Callable[..., System]) -> None:
    """A group that is no longer configured would stay in the cells for ever, with the prices of its last day."""
    split = {"groups": [{"name": "one", "instruments": [1]}, {"name": "two", "instruments": [2, 3]}]}
    system = make_system(settings=split)
    for of in (1, 2, 3):
        quiet_book(system, of)
    system.step()
    assert (system.top(2).group, system.top(2).included) == (2, 0b11)
    system.role.close()
    system.settings = {}
    system.begin()
    system.step()
    groups = open_lanes(system.name, LOOKERS).cell_reader("groups")
    shown = [row.id for place in range(groups.count) if (row := groups.read(place)) is not None and row.members]
    assert shown == [1]
    assert (system.top(1).included, system.top(2).group, system.top(2).bids) == (0b111, 0, 0)


def test_a_group_is_unknown_until_its_writer_knows_it(system: System) -> None:
    """Between its first word and its books a new life must not show the old one's under a new name."""
    quiet_book(system, 1)
    system.step()
    system.role.close()
    system.settings = {"groups": [{"name": "south first", "instruments": [2]}]}
    system.begin()
    system.role.merge.void(system.now_ns)
    assert (system.top(1).bids, system.top(1).included, system.top(1).state) == (0, 0, BookState.EMPTY)


def test_what_is_read_again_in_any_order_leaves_the_newest_book(make_system: Callable[..., System]) -> None:
    """Two lines bring the same books, and a cell beside the ring: each event counts once, and the newest remains."""
    seed = seed_of_this_run()
    draw = random.Random(seed)
    system = make_system()
    reader = system.reader("books")
    newest: dict[int, tuple[int, int]] = {}
    for number in range(300):
        of = draw.choice(MEMBERS).id
        price = draw.randrange(1, 100) * 10 ** MEMBERS[of - 1].price_decimals
        system.now_ns += draw.randrange(1000)
        system.publish_book(of, [(price, number + 1)], [(price + 10**9, 1)])
        newest[of] = (price, number + 1)
        if draw.random() < 0.3:
            system.step()
        reader.cursor = max(reader.oldest, reader.end - draw.randrange(1, 6))
        for row in reader.rows():
            if draw.random() < 0.3:
                system.books.publish(*row)
    system.step()
    rows = system.published("global_books")
    assert system.role.merge.duplicates > 50
    assert [row.receive_ns for row in rows] == sorted(row.receive_ns for row in rows)
    assert [row.tick_sequence for row in rows] == sorted(row.tick_sequence for row in rows)
    counts = [row.change_count for row in rows]
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    top = system.top()
    for bit, one in enumerate(MEMBERS):
        price, size = newest[one.id]
        found = [
            (Fraction(at, 1000), mask)
            for at, mask in zip(top.bid_price, top.bid_members, strict=True) if mask >> bit & 1
        ]  # fmt: skip
        assert found == [(Fraction(price, 10**one.price_decimals), found[0][1])]
        del size


def test_books_whose_receipt_runs_backwards_do_not_turn_the_global_books_time(system: System) -> None:
    """Two sockets are read in one step, the later first: a reader that merges by time must not see it fall."""
    quiet_book(system, 1)
    system.step()
    system.now_ns += 1000
    quiet_book(system, 2)
    late, system.now_ns = system.now_ns, system.now_ns - 500
    system.publish_book(3, [(99_000, 10**3)], [(102_000, 10**3)])
    system.now_ns = late
    system.step()
    times = [row.receive_ns for row in system.published("global_books")]
    assert times == sorted(times)
    assert system.top().included == 0b111


@pytest.mark.parametrize("back_ns", [SECOND, 3600 * SECOND])
def test_a_clock_that_steps_back_keeps_what_is_good(beating: Beating, back_ns: int) -> None:
    """A heartbeat of the future is a feed that lives; nothing may be left out, nor stay in when it is over."""
    system, beat = beating
    quiet_book(system, 1)
    beat(system.now_ns)
    system.step()
    system.now_ns -= back_ns
    system.publish_book(1, [(10_000, 5)], [(10_100, 7)])
    system.step()
    assert system.top().included == 0b001
    system.step(back_ns + 6 * SECOND)
    assert system.top().included == 0


def test_a_price_of_nothing_or_below_is_no_reason_to_fall(system: System) -> None:
    """Futures have been sold below zero; the global book shows the prices that the feed published."""
    system.publish_book(1, [(-10_100, 5)], [(-10_000, 7)])
    system.publish_book(2, [(0, 5)], [(0, 7)])
    system.step()
    top = system.top()
    assert top.bid_price[:2] == (0, -101_000)
    assert top.ask_price[:2] == (-100_000, 0)
    assert top.state == BookState.CROSSED
