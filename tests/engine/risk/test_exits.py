"""Exits: what counts as one, which checks it is spared, and the part of the order rate that is kept for it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.words import BUY, SELL, BookState, OrderFlag, Reason
from engine.risk.approval import MINUTE_NS
from engine.risk.gate import APPROVED, APPROVED_RESERVED, Refusal
from engine.risk.limits import RiskLimits
from tests.engine.risk.test_gate import BTC, NOW_NS, OTHER, STRATEGY, Desk

BOTH = {STRATEGY: (1, 2), OTHER: (1, 2)}


def holding(size: int = 10_000, **limits: Any) -> Desk:
    """A desk whose strategy, and so its account, holds this much."""
    desk = Desk(**limits)
    desk.held.size = desk.own.size = size
    return desk


def spend(desk: Desk, strategy: int = STRATEGY) -> None:
    """Use the common part of the rate up, or the strategy's share of it."""
    while desk.gate.rate.full(NOW_NS, strategy) is None:
        desk.gate.mark(NOW_NS, strategy, False)


def test_an_exit_is_what_can_only_reduce_the_strategys_own_position() -> None:
    """Several exits together must not turn a long position into a short one."""
    gate = holding().gate
    assert gate.is_exit(STRATEGY, 1, SELL, 10_000)
    assert not gate.is_exit(STRATEGY, 1, SELL, 10_001)
    assert not gate.is_exit(STRATEGY, 1, BUY, 1)
    assert gate.is_exit(OTHER, 1, SELL, 1) is False
    assert not gate.is_exit(STRATEGY, 1, SELL, 0)
    assert holding(-10_000).gate.is_exit(STRATEGY, 1, BUY, 10_000)


def test_open_exits_count_and_the_replaced_one_does_not() -> None:
    """Two sales of everything that is held are one too many; a replacement counts instead of its order."""
    desk = holding()
    desk.own.open_sell = 6_000
    assert desk.gate.is_exit(STRATEGY, 1, SELL, 4_000)
    assert not desk.gate.is_exit(STRATEGY, 1, SELL, 4_001)
    assert desk.gate.is_exit(STRATEGY, 1, SELL, 10_000, 6_000)
    assert not desk.gate.is_exit(STRATEGY, 1, SELL, 10_001, 9_000), "relief beyond what is open widens nothing"


@pytest.mark.parametrize(
    ("limits", "top"),
    [
        ({"max_spread_bps": 1}, (BookState.GOOD, 5_900_000, 6_100_000, NOW_NS)),
        ({"price_collar_bps": 1}, (BookState.GOOD, 6_100_000, 6_100_050, NOW_NS)),
        ({"max_order_size_usd": Decimal(1)}, None),
        ({"max_position_usd": Decimal(1)}, None),
        ({}, (BookState.STALE, 0, 0, NOW_NS)),
        ({}, (BookState.DISCONNECTED, 6_000_000, 6_000_050, NOW_NS)),
        ({"max_book_age_ns": 1}, (BookState.GOOD, 6_000_000, 6_000_050, NOW_NS - 2)),
    ],
)
def test_the_caps_of_entries_do_not_keep_anybody_in(limits: dict[str, Any], top: tuple[int, int, int, int]) -> None:
    """A cap is there so that less is at risk: a refused exit is the opposite."""
    desk = holding(**limits)
    if top is not None:
        desk.top.update(*top)
    assert desk.check(side=SELL) is APPROVED
    entry = desk.reason(side=BUY)
    assert entry != Reason.APPROVED


def test_a_full_journal_and_a_missing_dollar_rate_do_not_keep_anybody_in() -> None:
    """Neither of them concerns the order that gives a position up."""
    desk = holding()
    desk.gate.exits_only = Reason.JOURNAL_FULL
    assert desk.check(side=SELL) is APPROVED
    desk.instruments[1] = replace(BTC, quote="EUR")
    assert desk.check(side=SELL) is APPROVED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": 5_400_000}, Reason.PRICE_COLLAR),
        ({"price": 6_000_001}, Reason.PRICE_STEP),
        ({"size": 9_995}, Reason.SIZE_STEP),
        ({"price": 0}, Reason.PRICE_STEP),
        ({"decided_ns": NOW_NS - 10**10}, Reason.INTENT_TOO_OLD),
        ({"decided_ns": NOW_NS + 10**9}, Reason.INTENT_FROM_FUTURE),
    ],
)
def test_an_exit_is_still_held_to_its_own_checks(change: dict[str, int], reason: Reason) -> None:
    """The venue's filters, the age of the decision, and a bound on what it may give away."""
    assert holding().reason(side=SELL, **change) == reason


def test_the_switches_keep_exits_too() -> None:
    """Halted means that nothing is sent; without a session or the truth about orders nothing can be."""
    for switch, value in (("halted", True), ("draining", True), ("reconciled", False), ("connected", False)):
        desk = holding()
        setattr(desk.gate, switch, value)
        assert desk.reason(side=SELL) != Reason.APPROVED


def test_an_exit_may_be_worse_than_the_last_good_book_by_its_collar_and_no_more() -> None:
    """10 % of 60,000.25 is 6,000.025: 54,000.225 is the edge; a dear sale only rests."""
    desk = holding()
    desk.top.update(BookState.STALE, 1, 2, NOW_NS)
    assert desk.check(side=SELL, price=5_400_025) is APPROVED
    assert desk.check(side=SELL, price=5_400_020) == Refusal(Reason.PRICE_COLLAR, 1_001, 1_000)
    assert desk.check(side=SELL, price=9_000_000) is APPROVED
    desk.top.update(BookState.GOOD, 5_999_975, 6_000_025, NOW_NS)
    assert desk.check(side=SELL, price=5_400_000) is APPROVED, "the edge itself, where it is a price, is inside"
    short = holding(-10_000)
    assert short.check(side=BUY, price=6_600_025) is APPROVED
    assert short.reason(side=BUY, price=6_600_030) == Reason.PRICE_COLLAR


def test_without_any_good_book_in_this_life_an_exit_has_no_measure() -> None:
    """A price of one cent would be as good as any."""
    desk = holding()
    desk.gate._tops[1] = type(desk.top)()  # type: ignore[index]
    assert desk.reason(side=SELL) == Reason.BOOK_NOT_GOOD


def test_a_lap_forgets_the_book_and_not_its_last_good_prices() -> None:
    """The exit must not wait for a feed that is late."""
    desk = holding()
    desk.top.forget()
    assert desk.reason(side=BUY) == Reason.BOOK_NOT_GOOD
    assert desk.check(side=SELL) is APPROVED


def test_a_chased_exit_needs_the_book_that_it_follows() -> None:
    """It has no price of its own."""
    desk = holding()
    desk.top.update(BookState.STALE, 6_000_000, 6_000_050, NOW_NS)
    assert desk.reason(side=SELL, follows_book=True) == Reason.BOOK_NOT_GOOD


def test_a_market_exit_is_bounded_by_the_exits_collar_and_the_last_good_book() -> None:
    """It has a worst price also when the book is stale."""
    desk = holding()
    desk.top.update(BookState.STALE, 0, 0, NOW_NS)
    assert desk.gate.protective_price(1, SELL, 0) == 0
    edge = desk.gate.protective_price(1, SELL, 0, exits=True)
    assert edge == 5_400_025
    assert desk.check(side=SELL, price=edge) is APPROVED


def test_the_reserve_of_the_rate_is_for_exits_alone() -> None:
    """A strategy that spent the rate on quotes can still get out."""
    desk = holding(max_order_rate_per_min=8)
    spend(desk)
    assert desk.check(side=BUY) == Refusal(Reason.ORDER_RATE, 7, 6)
    for _ in range(2):
        verdict = desk.check(side=SELL, size=100)
        assert verdict is APPROVED_RESERVED
        assert verdict.flags == OrderFlag.RESERVED
        desk.gate.mark(NOW_NS, STRATEGY, True)
    assert desk.check(side=SELL, size=100) == Refusal(Reason.ORDER_RATE, 3, 2)
    later = NOW_NS + MINUTE_NS
    desk.top.update(BookState.GOOD, 6_000_000, 6_000_050, later)
    assert desk.check(side=SELL, now_ns=later, decided_ns=later) is APPROVED


def test_exits_that_rest_leave_half_of_the_reserve_to_those_that_take() -> None:
    """A quote on the side that reduces is an exit as well: quoting on, a strategy would lock itself in."""
    desk = holding(max_order_rate_per_min=20)
    spend(desk)
    for _ in range(2):
        assert desk.check(side=SELL, size=100, price=6_000_005) is APPROVED_RESERVED
        desk.gate.mark(NOW_NS, STRATEGY, True)
    assert desk.check(side=SELL, size=100, price=6_000_005) == Refusal(Reason.ORDER_RATE, 3, 2)
    for _ in range(3):
        assert desk.check(side=SELL, size=100, price=6_000_000) is APPROVED_RESERVED
        desk.gate.mark(NOW_NS, STRATEGY, True)
    assert desk.check(side=SELL, size=100, price=6_000_000) == Refusal(Reason.ORDER_RATE, 6, 5)


def test_a_strategy_of_several_rests_on_half_of_its_share() -> None:
    """The bound that it met is its own, and the refusal names it."""
    desk = holding(-10_000, permits=BOTH, max_order_rate_per_min=16)
    spend(desk)
    assert desk.check(side=BUY, price=6_000_045) is APPROVED_RESERVED
    desk.gate.mark(NOW_NS, STRATEGY, True)
    assert desk.check(side=BUY, price=6_000_045) == Refusal(Reason.STRATEGY_RATE, 2, 1)
    assert desk.check(side=BUY, price=6_000_050) is APPROVED_RESERVED


def test_one_strategy_cannot_lock_another_in() -> None:
    """It may use its share of each part of the rate; the rest is for the others."""
    desk = holding(permits=BOTH, max_order_rate_per_min=16)
    desk.gate._owned[OTHER, 1] = desk.own  # type: ignore[index]
    spend(desk)
    assert desk.check(side=BUY) == Refusal(Reason.STRATEGY_RATE, 7, 6)
    assert desk.check(side=BUY, strategy=OTHER) is APPROVED
    while desk.gate.reserve.full(NOW_NS, STRATEGY) is None:
        desk.gate.mark(NOW_NS, STRATEGY, True)
    assert desk.check(side=SELL) == Refusal(Reason.STRATEGY_RATE, 3, 2)
    spend(desk, OTHER)
    assert desk.check(side=SELL, strategy=OTHER) is APPROVED_RESERVED


def test_a_lone_strategy_has_the_whole_of_each_part() -> None:
    """No other order depends on it."""
    limits = RiskLimits(max_order_rate_per_min=60)
    assert (limits.common_rate, limits.reserved_rate) == (45, 15)
    assert (limits.strategy_rate(45, 1), limits.strategy_rate(45, 2), limits.strategy_rate(1, 2)) == (45, 22, 1)
    assert (RiskLimits(max_order_rate_per_min=1).common_rate, RiskLimits(max_order_rate_per_min=2).common_rate) == (
        1,
        1,
    )


def test_the_venues_request_limit_holds_for_exits() -> None:
    """A request in a ban makes the ban longer, and no exit would be executed."""
    desk = holding()
    desk.gate.backoff_until_ns = NOW_NS + 1
    assert desk.check(side=SELL) == Refusal(Reason.ORDER_RATE, 1, 0)


def test_a_strategy_may_leave_an_instrument_that_is_no_longer_permitted() -> None:
    """Taking an instrument out of the list is no reason to hold what it holds for ever."""
    desk = holding(permits={STRATEGY: (2,)})
    assert desk.check(side=BUY) == Refusal(Reason.INSTRUMENT_NOT_PERMITTED, 1, STRATEGY)
    assert desk.check(side=SELL) is APPROVED


def test_an_unknown_limit_is_refused_and_none_changes() -> None:
    """A cap misspelt in the file would leave the default in its place; one changed later would not be the file's."""
    with pytest.raises(msgspec.ValidationError, match="max_orders_usd"):
        msgspec.convert({"max_orders_usd": 5}, RiskLimits)
    with pytest.raises(AttributeError):
        RiskLimits().max_spread_bps = 1  # type: ignore[misc]


def test_a_limit_of_64_bits_is_one() -> None:
    """The largest number that fits means that there is no bound."""
    assert RiskLimits(max_book_age_ns=2**63 - 1).max_book_age_ns == 2**63 - 1


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"exit_rate_reserve": Decimal(1)}, "exit_rate_reserve must be under 1, was 1"),
        ({"strategy_rate_share": Decimal("1.1")}, "strategy_rate_share must be at most 1, was 1.1"),
        ({"exit_collar_bps": 499}, "exit_collar_bps must not be under price_collar_bps, which is 500, was 499"),
        ({"exit_collar_bps": 10_000}, "exit_collar_bps must be under 10000, was 10000"),
        ({"max_book_age_ns": 2**63}, "max_book_age_ns must fit 64 bits"),
    ],
)
def test_a_limit_that_contradicts_another_is_refused_at_start(limits: dict[str, Any], expected: str) -> None:
    """A reserve of everything, or an exit held to more than an entry, is a mistake in the file."""
    with pytest.raises(ValueError, match=expected):
        RiskLimits(**limits)
