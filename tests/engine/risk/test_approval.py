"""The compiled approval against the gate: it may leave the decision open, but never approve what the gate refuses."""

import random
from collections import deque
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, BookState
from engine.risk.gate import APPROVED
from engine.risk.market import Top
from engine.risk.rate import SlidingRate
from tests.engine.risk.test_gate import BTC, NOW_NS, OTHER, STRATEGY, Desk, Held

EDGES = (0, 1, 2, 7, 1 << 31, 1 << 60, 1 << 61, 1 << 62, INT64_MAX - 1, INT64_MAX)


def near(random_: random.Random, middle: int) -> int:
    """A number around another, or at an edge of what fits."""
    drawn = random_.random()
    if drawn < 0.9:
        return middle
    if drawn < 0.93:
        return random_.choice(EDGES)
    return max(0, min(INT64_MAX, middle + random_.randint(-3, 3) * max(1, middle // random_.choice((1, 10, 1000)))))


def spoiled(random_: random.Random) -> tuple[Desk, dict[str, int]]:
    """A gate and an order, each number drawn around the bound that it is tested against."""
    desk = Desk(
        max_order_size_usd=random_.choice((6_000, 10_000, 10**12)),
        max_position_usd=random_.choice((6_000, 18_000, 100_000, 10**12)),
        max_order_rate_per_min=4,
        price_collar_bps=random_.choice((10, 500, 9_999)),
        strategy_rate_share=random_.choice((Decimal("0.4"), Decimal(1))),
        permits=random_.choice(({STRATEGY: (1, 2, 3)}, {STRATEGY: (1, 2), OTHER: (1,)}, {STRATEGY: (2,)})),
        max_spread_bps=random_.choice((1, 50, 10**6)),
    )
    desk.top.update(
        random_.choice((BookState.GOOD,) * 60 + tuple(BookState)), near(random_, 6_000_000), near(random_, 6_000_050),
        NOW_NS - near(random_, 2_000_000_000),
    )  # fmt: skip
    desk.held.size = random_.choice((0, 1, -1)) * near(random_, 10_000)
    desk.held.open_buy, desk.held.open_sell = near(random_, 10_000), near(random_, 10_000)
    desk.own.size = random_.choice((0, 0, 1, -1)) * near(random_, 10_000)
    desk.own.open_buy, desk.own.open_sell = random_.choice(((0, 0), (near(random_, 10_000), near(random_, 10_000))))
    for _ in range(random_.choice((0, 1, 1, 2, 3))):
        strategy, reserved = random_.choice((STRATEGY, OTHER)), random_.random() < 0.3
        desk.gate.mark(NOW_NS - random_.choice((1, 60_000_000_000)), strategy, reserved)
    if random_.random() < 0.02:
        setattr(desk.gate, random_.choice(("halted", "draining", "exits_only")), True)
    if random_.random() < 0.02:
        setattr(desk.gate, random_.choice(("reconciled", "connected")), False)
    desk.gate.backoff_until_ns = random_.choice((0,) * 20 + (NOW_NS, NOW_NS + 1))
    order = {
        "strategy": random_.choice((STRATEGY,) * 20 + (OTHER, 5)), "instrument_id": random_.choice((1,) * 20 + (2, 3)),
        "side": random_.choice((BUY, SELL) * 10 + (0,)),
        "price": near(random_, 6_000_000), "size": near(random_, 10_000),
        "decided_ns": min(INT64_MAX, NOW_NS - random_.choice((1, 1, 1, -1)) * near(random_, 1_000)),
        "ttl_ns": random_.choice((0, -1, 10**9, INT64_MAX, 999)),
    }  # fmt: skip
    return desk, order


def test_a_quick_yes_is_always_the_gates_yes() -> None:
    """An approval where the gate refuses would be an order that no check approved."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_, quick, slow = random.Random(seed), 0, 0
    for _ in range(4_000):
        desk, order = spoiled(random_)
        verdict = desk.gate.check(NOW_NS, **order)
        if desk.gate.approves(NOW_NS, *order.values()):
            quick += 1
            assert verdict is APPROVED, order
        slow += verdict is APPROVED
    assert quick > max(300, slow * 0.7), "the compiled approval approves too few orders to be of use"


@pytest.mark.parametrize(
    "wide",
    [
        replace(BTC, price_decimals=10, size_decimals=10),
        replace(BTC, notional_min=INT64_MAX + 1),
        replace(BTC, quote="ETH"),
        replace(BTC, trading=False),
    ],
)
def test_what_does_not_fit_is_left_to_the_gate(wide: Instrument) -> None:
    """Silence is always right."""
    gate = Desk().gate
    held = {1: Held()}
    top = Top()
    top.update(BookState.GOOD, 6_000_000, 6_000_050, NOW_NS)
    other = type(gate)(gate.limits, {1: wide}, {1: top}, held, {}, {STRATEGY: (1,)})
    other.reconciled = other.connected = True
    assert not other.approves(NOW_NS, STRATEGY, 1, BUY, 6_000_000, 10_000, NOW_NS, 0)


SIDES = {BUY: ("bid_up", "bid_down"), SELL: ("ask_up", "ask_down")}


@pytest.mark.parametrize(("name", "fits", "fails"), [
    ("price_min", 6_000_000, 6_000_001), ("price_max", 6_000_000, 5_999_999),
    ("notional_max", 6 * 10**10, 6 * 10**10 - 1),
    ("position_max", 10_000, 9_999), ("bid_up", 999_996, 999_995), ("bid_down", 999_995, 999_996),
    ("ask_up", 999_996, 999_995), ("ask_down", 999_995, 999_996),
])  # fmt: skip
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_filter_of_the_venue_holds_to_the_last_unit_in_both(name: str, fits: int, fails: int, side: int) -> None:
    """An order that the venue rejects costs a request and the time of an answer."""
    others = SIDES[-side] + (("position_max",) if side == SELL else ())
    for most, expected in ((0, True), (fits, True), (fails, name in others)):
        desk = Desk(one=replace(BTC, **{name: most}))
        order = {"strategy": STRATEGY, "instrument_id": 1, "side": side, "price": 6_000_000, "size": 10_000}
        times = {"decided_ns": NOW_NS, "ttl_ns": 0}
        assert (desk.gate.check(NOW_NS, **order, **times) is APPROVED) == expected
        assert desk.gate.approves(NOW_NS, *order.values(), *times.values()) == expected


def test_the_approval_leaves_a_crowded_instrument_to_the_gate() -> None:
    """It does not count orders: it asks from the number on at which a limit of the venue may be reached."""
    desk = Desk(one=replace(BTC, orders_max=2))
    for count, approves in ((0, True), (1, True), (2, False), (1, True)):
        desk.gate._sight = SimpleNamespace(open_orders=lambda number=count: [SimpleNamespace(instrument=2)] * number)
        desk.gate.apply_budget(NOW_NS)
        assert desk.gate.approves(NOW_NS, STRATEGY, 1, BUY, 6_000_000, 10_000, NOW_NS, 0) == approves
        assert desk.check() is APPROVED, "they are open in another instrument"


def test_a_middle_of_65_bits_is_exact() -> None:
    """Two prices of 64 bits have a sum that has not."""
    top = Top()
    top.update(BookState.GOOD, INT64_MAX - 1, INT64_MAX, NOW_NS)
    assert top.middle2 == top.good_middle2 == 2 * INT64_MAX - 1


@pytest.mark.parametrize("window", [100, 2_000])
def test_the_sliding_window_is_that_of_a_list(window: int) -> None:
    """Blocks of marks come and go, the window is empty after a pause, and forgets nothing that is inside."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_, rate, marks, now_ns = random.Random(seed), SlidingRate(10, window), deque[int](), 0
    pauses = (0, 1, 1, 2) * 2_000 + (5 * window,)
    for _ in range(40_000):
        now_ns += random_.choice(pauses)
        if random_.random() < 0.9:
            rate.mark(now_ns)
            marks.append(now_ns)
        while marks and marks[0] <= now_ns - window:
            marks.popleft()
        assert rate.count(now_ns) == len(marks)


def test_the_memory_of_a_sliding_window_is_that_of_its_most_marks() -> None:
    """It is the same after hours at a high rate as after the first window, also with pauses."""
    rate, blocks = SlidingRate(1_000_000, 1_000), set()
    for turn in range(5):
        for now_ns in range(10_000 * turn, 10_000 * turn + 5_000):
            rate.mark(now_ns)
            rate.count(now_ns)
        blocks.add(rate.blocks)
    assert blocks == {3}, "a thousand marks of 511 a block, and the one that begins"
