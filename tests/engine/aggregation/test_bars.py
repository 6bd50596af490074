"""Bars: closed by the clock, and equal to an offline resample of the same prints."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine.aggregation import check_table
from engine.aggregation.bars import Bars
from engine.aggregation.role import InstrumentsChangedError
from engine.config.tables import Aggregation
from engine.model.words import BarFlag, BookState, Flag, RoleState, TickKind
from tests.engine.aggregation.hands import BTC, ELSEWHERE, SECOND, START, System, seed_of_this_run, wide

GRACE = SECOND // 10
BOTH = (BTC, ELSEWHERE)
LIVES = ["one life", "killed between steps", "killed at any write"]


@dataclass
class Print:
    """A print as the offline side has it on disk."""

    of: int
    stamp_ns: int
    price: int
    size: int
    side: int


Key = tuple[int, int, int]


def resample(prints: list[Print], interval_ns: int) -> dict[Key, tuple[int, ...]]:
    """The plain offline way: (open, high, low, close, volume, bought, notional, count) of each interval with prints."""
    grouped: dict[Key, list[Print]] = {}
    for one in prints:
        grouped.setdefault((one.of, interval_ns, one.stamp_ns // interval_ns * interval_ns), []).append(one)
    return {
        key: (
            some[0].price, max(p.price for p in some), min(p.price for p in some), some[-1].price,
            sum(p.size for p in some), sum(p.size for p in some if p.side > 0), sum(p.price * p.size for p in some),
            len(some),
        )
        for key, some in grouped.items()
    }  # fmt: skip


def figures(bar: Any) -> tuple[int, ...]:
    """A record in the same form."""
    return (
        bar.open, bar.high, bar.low, bar.close, wide(bar.volume_high, bar.volume_low),
        wide(bar.bought_high, bar.bought_low), wide(bar.notional_high, bar.notional_low), bar.count,
    )  # fmt: skip


def key_of(bar: Any) -> Key:
    """Whose bar of when."""
    return bar.instrument, bar.interval_ns, bar.start_ns


def check(bars: list[Any], prints: list[Print], intervals: tuple[int, ...]) -> None:
    """Every bar once, in order, without a hole, equal to the resample."""
    expected: dict[Key, tuple[int, ...]] = {}
    for interval_ns in intervals:
        expected |= resample(prints, interval_ns)
    found = {key_of(bar): figures(bar) for bar in bars if bar.count}
    assert len({key_of(bar) for bar in bars}) == len(bars)
    assert found == expected
    for of, interval_ns in {(bar.instrument, bar.interval_ns) for bar in bars}:
        series = [bar for bar in bars if (bar.instrument, bar.interval_ns) == (of, interval_ns)]
        assert [bar.start_ns for bar in series] == [series[0].start_ns + i * interval_ns for i in range(len(series))]
        for before, bar in itertools.pairwise(series):
            if not bar.count:
                assert bar.flags & BarFlag.EMPTY
                assert {bar.open, bar.high, bar.low, bar.close} == {before.close}


@pytest.fixture
def system(make_system: Callable[..., System]) -> System:
    """Two venues' prints in bars of one second and five."""
    return make_system(instruments=BOTH, settings={"bars": ["1s", "5s"]})


def drive(system: System, draw: random.Random, count: int, dying: float = 0.0) -> list[Print]:
    """Random prints, steps and deaths; long pauses among them."""
    prints: list[Print] = []
    for number in range(count):
        system.now_ns += draw.choice((0, 1000, SECOND // 50, SECOND // 5, draw.randrange(7 * SECOND)))
        one = Print(draw.choice(BOTH).id, system.now_ns, draw.randrange(1, 2**60), draw.randrange(1, 2**60),
                    draw.choice((1, -1)))  # fmt: skip
        prints.append(one)
        system.publish_print(one.of, one.price, one.size, number + 1, side=one.side)
        if draw.random() < 0.7:
            system.step(draw.randrange(1000))
        if draw.random() < dying:
            system.die()
    return prints


@pytest.mark.parametrize(("dying", "mortality"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.02)], ids=LIVES)
def test_bars_equal_an_offline_resample(make_system: Callable[..., System], dying: float, mortality: float) -> None:
    """The backtest's bars and the live bars must be the same numbers, whichever process was killed meanwhile."""
    seed = seed_of_this_run()
    system = make_system(instruments=BOTH, settings={"bars": ["1s", "5s"]})
    system.mortality.draw, system.mortality.share = random.Random(seed + 1), mortality
    prints = drive(system, random.Random(seed), 300 if dying or mortality else 1500, dying)
    system.mortality.share = 0.0
    system.step(20 * SECOND)
    check(system.published("bars"), prints, (SECOND, 5 * SECOND))
    assert (system.lives > 5) == (dying > 0 or mortality > 0)


def test_bars_of_prints_out_of_order_within_the_grace_equal_the_resample(make_system: Callable[..., System]) -> None:
    """By the venue's time two prints may come the wrong way round; both belong to their own bar."""
    seed = seed_of_this_run()
    draw = random.Random(seed)
    settings = {"bars": ["1s", "5s"], "bar_time": "venue", "bar_grace_ms": 500}
    system = make_system(instruments=BOTH, settings=settings)
    prints = []
    for number in range(1500):
        system.step(draw.randrange(SECOND // 10))
        stamp = system.now_ns - draw.randrange(SECOND // 3)
        prints.append(Print(1, stamp, draw.randrange(1, 1000), draw.randrange(1, 1000), 1))
        system.publish_print(1, prints[-1].price, prints[-1].size, number + 1, venue_ns=stamp)
        if draw.random() < 0.02:
            system.step()
            system.die()
    system.step()
    system.step(20 * SECOND)
    check(system.published("bars"), prints, (SECOND, 5 * SECOND))
    assert system.role.bars.late == 0


def test_a_bar_is_closed_by_the_clock_and_not_by_the_next_trade(system: System) -> None:
    """The next trade of a quiet market may come in an hour; the strategy needs the bar when the minute is over."""
    system.step()
    system.publish_print(1, 100, 5, 1)
    system.step(SECOND - 1)
    assert system.published("bars") == []
    system.step(GRACE)
    assert system.published("bars") == []
    system.step(1)
    (bar,) = system.published("bars")
    assert (bar.start_ns, bar.publish_ns, bar.flags) == (START, START + SECOND + GRACE, BarFlag.CLOSED)


def test_the_role_is_woken_by_the_clock_too(system: System) -> None:
    """Without a tick no writer wakes the role: its sleep must have a short limit."""
    assert system.role.wait(10**12) is False


def test_a_late_print_is_in_no_bar_and_is_published(system: System) -> None:
    """A closed bar was acted on: it may not change, and what it misses may not be silent."""
    system.step()
    system.publish_print(1, 100, 5, 1)
    system.step(SECOND + GRACE)
    system.published("bars")
    system.publish_print(1, 999, 2**62, 2, receive_ns=START + 10)
    system.publish_print(1, 999, 2**62, 3, receive_ns=START + 11)
    system.publish_print(1, 101, 6, 4)
    system.step(SECOND)
    (bar,) = system.published("bars")
    assert figures(bar) == (101, 101, 101, 101, 6, 6, 606, 1)
    assert (bar.late_count, wide(bar.late_high, bar.late_low)) == (2, 2**63)


def test_a_print_published_again_counts_once(system: System) -> None:
    """A feed that was restarted receives the venue's last trades a second time."""
    system.publish_print(1, 100, 5, 7, venue_ns=START)
    system.publish_print(1, 100, 5, 7, venue_ns=START)
    system.publish_print(1, 90, 5, 6, venue_ns=START - 1)
    system.step(2 * SECOND)
    assert [bar.count for bar in system.published("bars")] == [1]


def test_a_venue_that_numbers_again_is_followed(system: System) -> None:
    """A test network begins at print 1 every month: the role must not treat its prints as old for ever."""
    system.publish_print(1, 100, 5, 10**9, venue_ns=START)
    system.publish_print(1, 101, 5, 1, venue_ns=START + 5)
    system.step(2 * SECOND)
    assert [bar.count for bar in system.published("bars")] == [2]


def test_a_bar_that_may_miss_prints_shows_it(system: System) -> None:
    """The first bar of a life, and those while the venue was away, are not the market's."""
    system.now_ns += SECOND // 2
    system.publish_print(1, 100, 5, 1)
    system.step()
    system.step(SECOND)
    system.publish_print(1, 100, 5, 2)
    system.step(SECOND)
    system.publish_print(1, 100, 5, 3)
    system.publish_state(1, BookState.DISCONNECTED)
    system.step(SECOND)
    system.publish_state(1, BookState.GOOD)
    system.step(SECOND)
    system.step(SECOND)
    partial = [bool(bar.flags & BarFlag.PARTIAL) for bar in system.published("bars") if bar.interval_ns == SECOND]
    assert partial == [True, False, True, True, False]


def flags_of_seconds(system: System) -> dict[int, bool]:
    """Which of the seconds closed since the last look may miss prints."""
    bars = [bar for bar in system.published("bars") if bar.interval_ns == SECOND and bar.instrument == 1]
    return {(bar.start_ns - START) // SECOND: bool(bar.flags & BarFlag.PARTIAL) for bar in bars}


def test_a_bar_waits_for_the_feed_to_beat_after_its_end(
    beating: tuple[System, Callable[[int], None]],
) -> None:
    """A feed that is busy has prints of this bar in hand still."""
    system, beat = beating
    beat(START)
    system.step()
    system.publish_print(1, 100, 5, 1)
    beat(START + SECOND - 1)
    system.step(SECOND + GRACE)
    assert not flags_of_seconds(system)
    system.publish_print(1, 101, 5, 2, receive_ns=START + SECOND - 1)
    beat(START + SECOND)
    system.step(SECOND // 100)
    system.publish_print(1, 100, 5, 3)
    beat(START + 2 * SECOND)
    system.step(SECOND)
    assert flags_of_seconds(system) == {0: False, 1: False}


def test_seconds_that_a_dead_feed_missed_make_bars_partial(beating: tuple[System, Callable[[int], None]]) -> None:
    """The market trades on between two lives of the role: an EMPTY bar marked as whole is a wrong number."""
    system, beat = beating
    beat(START)
    system.step()
    system.publish_print(1, 100, 5, 1)
    beat(START + SECOND)
    system.step(SECOND + GRACE)
    beat(START + SECOND + SECOND // 2)
    system.step(SECOND)
    system.step(SECOND)
    beat(system.now_ns)
    system.publish_state(1, BookState.EMPTY, Flag.LAST | Flag.RESET)
    system.publish_state(1, BookState.GOOD)
    system.step()
    for _ in range(2):
        beat(system.now_ns + SECOND)
        system.step(SECOND)
    assert flags_of_seconds(system) == {0: False, 1: True, 2: True, 3: True, 4: False}


def test_a_feed_that_is_only_starting_has_received_nothing(beating: tuple[System, Callable[..., None]]) -> None:
    """A successor beats before it is connected: a bar that closes then as whole lacks prints that never arrived."""
    system, beat = beating
    beat(START)
    system.step()
    system.publish_print(1, 100, 5, 1)
    beat(START + SECOND - SECOND // 10)
    system.step(SECOND - SECOND // 20)
    beat(START + SECOND + SECOND // 20, RoleState.STARTING)
    system.step(SECOND // 4)
    system.step(SECOND // 4)
    assert flags_of_seconds(system) == {0: True}


def test_a_mute_line_makes_bars_partial_and_a_quiet_book_does_not(system: System) -> None:
    """A thin market's empty minutes are whole; the minutes of a line that receives no message may lack any print."""
    system.step()
    system.publish_print(1, 100, 5, 1)
    system.step(SECOND)
    system.publish_state(1, BookState.STALE)
    system.step(SECOND)
    system.publish_state(1, BookState.STALE, Flag.LAST | Flag.MUTE)
    system.step(SECOND)
    system.step(SECOND)
    system.publish_state(1, BookState.DISCONNECTED)
    system.publish_state(1, BookState.GOOD)
    system.step(SECOND)
    system.step(SECOND)
    system.step(SECOND)
    assert flags_of_seconds(system) == {0: False, 1: True, 2: True, 3: True, 4: True, 5: False}


def test_a_mute_line_that_only_its_cell_remembers_is_mute(system: System) -> None:
    """A successor that lost the stored state must not mark seconds as whole whose prints no process received."""
    system.step()
    system.publish_print(1, 100, 5, 1)
    system.publish_book(1, [(100, 5)], [(101, 5)], BookState.STALE, flags=Flag.LAST | Flag.MUTE)
    system.step(SECOND // 2)
    for _ in range(140_000):
        system.tick(TickKind.BEST, 2, side=1, price=100, size=5)
    system.die()
    system.step()
    for _ in range(3):
        system.step(SECOND)
    flags = flags_of_seconds(system)
    assert len(flags) == 3
    assert all(flags.values())


WILD = (START + 3600 * SECOND, 2**62, 2**63 - 1)


@pytest.mark.parametrize("stamp", WILD)
def test_one_wild_stamp_closes_no_bar_and_stops_none(make_system: Callable[..., System], stamp: int) -> None:
    """A venue that sends one time in other units must not put an hour of prints into no bar at all."""
    settings = {"bars": ["1s", "5s"], "bar_time": "venue", "bar_grace_ms": 500}
    system = make_system(instruments=BOTH, settings=settings)
    system.step()
    prints = []
    for number in range(40):
        venue_ns = system.now_ns if number != 7 else stamp
        prints.append(Print(1, system.now_ns, 100 + number, 5, 1))
        system.publish_print(1, 100 + number, 5, number + 1, venue_ns=venue_ns)
        system.step(SECOND // 4)
    system.step(10 * SECOND)
    check(system.published("bars"), prints, (SECOND, 5 * SECOND))
    assert (system.role.bars.wild, system.role.bars.late) == (1, 0)


@pytest.mark.parametrize("stamp", [-1, -(2**63), 1, 0])
def test_a_stamp_of_long_ago_breaks_no_bar(make_system: Callable[..., System], stamp: int) -> None:
    """Before the epoch there is no interval, and in 1970 there was no venue: the receipt counts."""
    settings = {"bars": ["1s"], "bar_time": "venue", "bar_grace_ms": 500}
    system = make_system(instruments=BOTH, settings=settings)
    system.step()
    system.publish_print(1, 100, 5, 1, venue_ns=system.now_ns)
    system.publish_print(1, 101, 5, 2, venue_ns=stamp)
    system.publish_print(1, 102, 5, 3, venue_ns=system.now_ns)
    system.step(2 * SECOND)
    bars = system.published("bars")
    assert bars[0].count == 3
    assert all(bar.start_ns >= START for bar in bars)


@pytest.mark.parametrize("stamp", [1, START - 86400 * SECOND])
def test_a_first_print_of_long_ago_does_not_stop_the_bars(make_system: Callable[..., System], stamp: int) -> None:
    """The first word of a venue may be its history."""
    settings = {"bars": ["1s"], "bar_time": "venue", "bar_grace_ms": 500}
    system = make_system(instruments=BOTH, settings=settings)
    system.publish_print(1, 100, 5, 1, venue_ns=stamp)
    system.step()
    for number in range(4):
        system.publish_print(1, 102, 5, number + 2, venue_ns=system.now_ns)
        system.step(SECOND)
    system.step(2 * SECOND)
    bars = system.published("bars")
    assert sum(bar.count for bar in bars) == 5
    assert len(bars) < 15


def test_a_recordings_bars_close_by_the_recordings_time(make_system: Callable[..., System]) -> None:
    """Yesterday's prints by today's clock would be late for every bar: a replay would have none."""
    system = make_system(instruments=BOTH, settings={"bars": ["1s", "5s"]}, recorded=True)
    then = START - 900 * 86400 * SECOND
    prints = []
    for state in (BookState.EMPTY, BookState.GOOD):
        system.tick(TickKind.STATE, 1, detail=state, flags=Flag.LAST | Flag.RESET, receive_ns=then)
    for number in range(100):
        at_ns = then + number * SECOND // 7
        prints.append(Print(1, at_ns, 100 + number, 5, 1))
        system.tick(TickKind.PRINT, 1, side=1, price=100 + number, size=5, detail=number + 1, receive_ns=at_ns)
        system.step(1000)
        if number == 50:
            system.die()
    system.tick(TickKind.BEST, 1, side=1, price=100, size=5, receive_ns=then + 60 * SECOND)
    system.step()
    bars = system.published("bars")
    check(bars, prints, (SECOND, 5 * SECOND))
    assert [bool(bar.flags & BarFlag.PARTIAL) for bar in bars if bar.count].count(True) <= 2


def test_cells_of_another_configurations_bars_show_none(system: System) -> None:
    """A bar without further prints would be shown as the running bar for ever."""
    system.step()
    for of in (1, 2):
        system.publish_print(of, 100, 5, 1)
    system.step(SECOND // 10)
    system.role.close()
    system.instruments = (ELSEWHERE,)
    system.begin(bars=["5s"])
    system.step(SECOND // 10)
    rows = [system.role._lanes.last_bars.read(place) for place in range(12)]
    shown = [(row.instrument, row.interval_ns) for row in rows if row is not None and row.start_ns]
    assert set(shown) <= {(2, 5 * SECOND)}


def test_a_leap_of_days_closes_what_was_open_and_goes_on(system: System) -> None:
    """A laptop that slept a week: its bars are over, and the next ones are not a hundred thousand."""
    system.step()
    system.publish_print(1, 100, 5, 1)
    system.step(SECOND // 2)
    system.step(7 * 86400 * SECOND)
    system.publish_print(1, 101, 5, 2)
    system.step(2 * SECOND)
    bars = [bar for bar in system.published("bars") if bar.interval_ns == SECOND]
    assert [bar.count for bar in bars if bar.count] == [1, 1]
    assert len(bars) < 6
    system.step(-3 * SECOND)
    system.publish_print(1, 102, 5, 3)
    system.step(6 * SECOND)
    starts = [bar.start_ns for bar in bars + [bar for bar in system.published("bars") if bar.interval_ns == SECOND]]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("dying", [True, False])
def test_a_venue_whose_going_the_lane_has_forgotten_is_still_away(system: System, dying: bool) -> None:
    """Away since an hour, its STATE long lapped: neither a new life nor a lap may call its empty seconds whole."""
    system.publish_book(1, [(100, 5)], [(101, 5)])
    system.publish_print(1, 100, 5, 1)
    system.step()
    if dying:
        system.publish_book(1, [], [], BookState.DISCONNECTED, bests=False)
        system.publish_state(1, BookState.DISCONNECTED)
        system.step()
    system.publish_book(1, [], [], BookState.DISCONNECTED)
    for _ in range(140_000):
        system.tick(TickKind.BEST, 2, side=1, price=100, size=5)
    if dying:
        system.step()
        system.die()
    system.step()
    system.step()
    for _ in range(4):
        system.step(SECOND)
    flags = flags_of_seconds(system)
    assert len(flags) >= 3
    assert all(flags.values())


def test_lost_ticks_make_the_open_bars_partial(system: System) -> None:
    """A lap is counted and named; the missing volume is not estimated."""
    system.step()
    system.publish_print(1, 100, 5, 1)
    system.step(SECOND // 10)
    for _ in range(140_000):
        system.tick(TickKind.BEST, 1, side=1, price=100, size=5)
    system.step(SECOND // 10)
    system.step()
    system.step(2 * SECOND)
    assert all(bar.flags & BarFlag.PARTIAL for bar in system.published("bars") if bar.start_ns == START)


def test_a_night_without_prints_is_not_filled_second_by_second(system: System) -> None:
    """A hundred thousand empty bars at once would overrun every reader."""
    system.step()
    system.publish_print(1, 100, 5, 1)
    system.step(SECOND)
    system.now_ns += 30 * 3600 * SECOND
    system.publish_print(1, 101, 6, 2)
    system.step()
    system.step(2 * SECOND)
    bars = [bar for bar in system.published("bars") if bar.interval_ns == SECOND]
    assert [bar.count for bar in bars if bar.count] == [1, 1]
    assert len(bars) < 10


def test_open_bars_are_in_cells(system: System) -> None:
    """A user who displays bars needs the minute that is running."""
    system.step()
    system.publish_print(2, 100, 5, 1)
    system.step(10)
    rows = [system.role._lanes.last_bars.read(place) for place in range(12)]
    open_bars = [row for row in rows if row is not None and row.start_ns]
    assert [(bar.instrument, bar.interval_ns, bar.count, bar.flags) for bar in open_bars] == [
        (2, SECOND, 1, 0), (2, 5 * SECOND, 1, 0)
    ]  # fmt: skip


def test_a_grace_as_long_as_a_bar_is_refused(system: System) -> None:
    """Three bars of one series would be open at once."""
    with pytest.raises(ValueError, match="grace of bars must be less than the shortest interval"):
        Bars([(1, 2, 5, 0)], [SECOND], SECOND, False, SECOND, system.role._lanes.bars, system.role._lanes.last_bars)


@pytest.mark.parametrize("bars", [("1s", "1s"), ("60s", "1m")])
def test_one_length_named_twice_is_refused(bars: tuple[str, ...]) -> None:
    """Each of its bars would be closed twice, and a reader that adds them up would trade on double the volume."""
    with pytest.raises(ValueError, match=f"aggregation.bars must be of different lengths, '{bars[0]}' is there twice"):
        check_table(Aggregation(bars=bars))


def test_a_change_of_decimals_ends_the_life_and_mixes_nothing(system: System) -> None:
    """A venue that adds a digit makes every price ten times larger: no bar and no book may hold both."""
    system.publish_print(1, 100, 5, 1)
    system.step()
    system.now_ns += SECOND // 10
    system.instruments = (replace(BTC, price_decimals=3, version=2), ELSEWHERE)
    system.show()
    system.publish_state(1, BookState.EMPTY, Flag.RESET | Flag.LAST)
    with pytest.raises(InstrumentsChangedError):
        system.step()
    system.die()
    system.publish_print(1, 1001, 5, 2)
    system.step()
    system.step(2 * SECOND)
    first = next(bar for bar in system.published("bars") if bar.instrument == 1)
    assert (first.price_decimals, first.low, first.count) == (3, 1001, 1)


def test_a_new_life_does_not_doubt_what_the_old_one_saw_whole(system: System) -> None:
    """The venue was away an hour ago: that is no flaw of the bar that is open when the role is killed."""
    system.publish_state(1, BookState.DISCONNECTED)
    system.publish_state(1, BookState.GOOD)
    system.step(10 * SECOND)
    system.publish_print(1, 100, 5, 1)
    system.step(SECOND // 2)
    system.die()
    system.step(2 * SECOND)
    first = next(bar for bar in system.published("bars") if bar.interval_ns == SECOND)
    assert first.flags == BarFlag.CLOSED
