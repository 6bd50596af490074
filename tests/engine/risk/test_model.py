"""The gate and the quick yes against docs/risk.md written down a second time, in fractions and lists."""

import random
from fractions import Fraction
from typing import Any

from engine.model.words import BUY, BookState, Reason
from engine.risk.approval import MINUTE_NS
from engine.risk.gate import APPROVED, APPROVED_RESERVED, Refusal
from tests.engine.risk.test_approval import spoiled
from tests.engine.risk.test_gate import NOW_NS, STRATEGY, Desk

BPS = 10_000


class Rules:
    """One order in front of one gate: each rule of the page by its name, true when it lets the order pass."""

    def __init__(self, desk: Desk, order: dict[str, int], marks: list[tuple[int, int, bool]]) -> None:
        """`marks`: when which strategy sent a request, and whether on the part kept for exits."""
        self.desk, self.limits, self.marks, self.order = desk, desk.limits, marks, order
        self.strategy, self.side, self.size = order["strategy"], order["side"], order["size"]
        self.price = order["price"]
        self.instrument = desk.instruments.get(order["instrument_id"])
        self.top = desk.gate._tops.get(order["instrument_id"])

    @property
    def exits(self) -> bool:
        """Whether it can only reduce what its strategy holds."""
        if self.strategy != STRATEGY or self.order["instrument_id"] != 1 or self.size <= 0:
            return False
        own = self.desk.own
        return own.size * self.side + (own.open_buy if self.side == BUY else own.open_sell) + self.size <= 0

    def passes(self) -> bool:
        """Whether every rule of its kind lets it pass."""
        gate, one, top = self.desk.gate, self.instrument, self.top
        if gate.halted or gate.draining or not gate.reconciled or not gate.connected or one is None or top is None:
            return False
        well_formed = self.side in (1, -1) and self.size > 0 and self.price > 0
        if not well_formed or not self.is_timely() or gate.backoff_until_ns > NOW_NS:
            return False
        stepped = self.price % one.price_step == 0 and self.size % one.size_step == 0
        large_enough = self.size >= one.size_min and self.price * self.size >= one.notional_min
        if not stepped or not large_enough or (one.size_max and self.size > one.size_max):
            return False
        return self.lets_exit() if self.exits else self.lets_enter()

    def is_timely(self) -> bool:
        """Decided neither too long ago nor far ahead."""
        age_ns, ttl_ns = NOW_NS - self.order["decided_ns"], self.order["ttl_ns"]
        most_ns = min(ttl_ns, self.limits.max_intent_age_ns) if ttl_ns else self.limits.max_intent_age_ns
        return ttl_ns >= 0 and -self.limits.max_intent_ahead_ns <= age_ns <= most_ns

    def lets_enter(self) -> bool:
        """The rules of entries alone."""
        desk, limits, top = self.desk, self.limits, self.top
        assert top is not None
        if self.order["instrument_id"] not in desk.gate._permits.get(self.strategy, ()) or desk.gate.exits_only:
            return False
        if top.state != BookState.GOOD or not 0 < top.bid < top.ask or NOW_NS - top.receive_ns > limits.max_book_age_ns:
            return False
        middle = Fraction(top.bid + top.ask, 2)
        if (top.ask - top.bid) / middle * BPS > limits.max_spread_bps:
            return False
        if abs(self.price - middle) / middle * BPS > limits.price_collar_bps or self.order["instrument_id"] != 1:
            return False  # the second instrument is quoted in an asset without a rate
        unit = Fraction(1, 10**7)
        held = desk.held
        worst = held.size * self.side + (held.open_buy if self.side == BUY else held.open_sell) + self.size
        small = self.price * self.size * unit <= limits.max_order_size_usd
        return (
            small and (worst <= 0 or worst * max(self.price, middle) * unit <= limits.max_position_usd) and self.room()
        )

    def lets_exit(self) -> bool:
        """The rules of exits alone: the last good book here is the newest, or there was none."""
        top = self.top
        assert top is not None
        if not top.good_middle2:
            return False
        middle = Fraction(top.good_middle2, 2)
        if (self.price - middle) * self.side / middle * BPS > self.limits.exit_collar_bps:
            return False
        takes = self.price >= GOOD_ASK if self.side == BUY else self.price <= GOOD_BID
        return self.room() or self.room(reserved=True, half=not takes)

    def room(self, *, reserved: bool = False, half: bool = False) -> bool:
        """Whether a part of the rate has room, for the account and for the strategy."""
        limits = self.limits
        part = limits.reserved_rate if reserved else limits.common_rate
        share = limits.strategy_rate(part, len(self.desk.gate._permits))
        used = [who for at, who, kept in self.marks if kept == reserved and at > NOW_NS - MINUTE_NS]
        return len(used) < part // (1 + half) and used.count(self.strategy) < share // (1 + half)


GOOD_BID, GOOD_ASK = 6_000_000, 6_000_050


def drawn(random_: random.Random) -> tuple[Desk, dict[str, int], list[tuple[int, int, bool]]]:
    """A spoilt gate whose requests are known, mostly one that holds something, with a last good book of its own."""
    desk, order = spoiled(random_)
    state, bid, ask, at_ns = desk.top.state, desk.top.bid, desk.top.ask, desk.top.receive_ns
    permits: Any = desk.gate._permits
    fresh = Desk(permits, **{name: getattr(desk.limits, name) for name in desk.limits.__struct_fields__})
    fresh.top.update(BookState.GOOD, GOOD_BID, GOOD_ASK, at_ns)
    same = (bid, ask) == (GOOD_BID, GOOD_ASK)
    fresh.top.update(state if same or state != BookState.GOOD else BookState.STALE, bid, ask, at_ns)
    for name in ("halted", "draining", "exits_only", "reconciled", "connected", "backoff_until_ns"):
        setattr(fresh.gate, name, getattr(desk.gate, name))
    for mine, theirs in ((fresh.held, desk.held), (fresh.own, desk.own)):
        mine.size, mine.open_buy, mine.open_sell = theirs.size, theirs.open_buy, theirs.open_sell
    if random_.random() < 0.5:
        side = order["side"] or 1
        fresh.own.size, fresh.own.open_buy, fresh.own.open_sell = -side * random_.choice((10_000, 10_010, 20_000)), 0, 0
        order["price"] = random_.choice((5_400_025, 5_400_020, 6_000_000, 6_000_025, 6_000_050, 6_600_025, 6_600_030))
    marks = [
        (NOW_NS - random_.choice((1, MINUTE_NS - 1, MINUTE_NS)), random_.choice((STRATEGY, STRATEGY, 4)), kept)
        for kept in (False, True)
        for _ in range(random_.choice((0, 0, 1, 2, 3)))
    ]
    marks.sort()
    for at, who, kept in marks:
        fresh.gate.mark(at, who, kept)
    return fresh, order, marks


def test_the_gate_and_the_quick_yes_are_the_rules_of_the_page() -> None:
    """A reader of the page must find what the gate does, for entries and exits, at every edge."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_ = random.Random(seed)
    counts: dict[Any, int] = dict.fromkeys(
        (APPROVED, APPROVED_RESERVED, "exit", "quick", "refused", Reason.STRATEGY_RATE), 0
    )
    for _ in range(6_000):
        desk, order, marks = drawn(random_)
        rules = Rules(desk, order, marks)
        quick = desk.gate.approves(NOW_NS, *order.values())
        verdict: Any = desk.gate.check(NOW_NS, *order.values())
        refused = isinstance(verdict, Refusal)
        assert rules.passes() is not refused, (verdict, order, marks)
        assert not quick or verdict is APPROVED, (order, marks)
        if not refused:
            assert (verdict is APPROVED_RESERVED) is (rules.exits and not rules.room()), (order, marks)
        counts[verdict.reason if refused and verdict.reason in counts else "refused" if refused else verdict] += 1
        counts["exit"] += rules.exits and not refused
        counts["quick"] += quick
    assert min(counts.values()) > 10, counts
