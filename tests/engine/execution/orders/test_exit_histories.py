"""Histories of chance while entries are refused: whatever is approved may only lead towards flat."""

import random
from pathlib import Path
from typing import Any

import pytest

from engine.model.words import BUY, SELL, IntentKind, TimeInForce
from tests.engine.execution.memory import AS_CHASE, AS_LIMIT, AS_MARKET, MS, OTHER, STRATEGY, House

SHARE, WHOLE, ACTIONS = 25, 4_000, 60
HELD = {STRATEGY: 2_000, OTHER: -2_000}  # opposite positions of one instrument: the account is flat
WIDE = (5_900_000, 6_100_000)  # 333 bps, where 50 are allowed: every entry is refused
FAULTS = ("ok", "lose", "mute", "unknown_done", "unknown_not", "late", "twice", "cut", "torn")
METHODS = ("order.place", "order.cancel", "order.cancelReplace")
TYPES = (AS_LIMIT, AS_LIMIT, AS_MARKET, AS_CHASE)


class History:
    """Two strategies with opposite positions and random intents, at a venue that fills and fails."""

    def __init__(self, directory: Path, random_: random.Random) -> None:
        """Bought and sold in a narrow book, then the book becomes wide."""
        self.random = random_
        self.house = House(directory, strategies=(STRATEGY, OTHER), limits={"max_order_rate_per_min": 10**6})
        self.house.ready()
        self.intents: dict[int, list[int]] = {STRATEGY: [], OTHER: []}
        for strategy, size in HELD.items():
            side = BUY if size > 0 else SELL
            order = self.house.place(strategy=strategy, side=side, size=abs(size), price=6_000_000)
            self.house.venue.fill(order.client_id.hex(), abs(size))
            self.house.run(5)
        assert self.held() == HELD
        self.house.book(*WIDE)
        self.house.run(2)

    def act(self) -> None:
        """One thing happens."""
        weights = {
            self.place: 8,
            self.replace: 5,
            self.cancel: 2,
            self.fill: 8,
            self.fail: 3,
            self.die: 1,
            self.move: 4,
        }
        self.random.choices(list(weights), list(weights.values()))[0]()
        self.house.run(self.random.choice((0, 1, 1, 2, 5)), self.random.choice((MS, MS, 40 * MS, 700 * MS)))

    def size(self, strategy: int) -> int:
        """Up to more than is held."""
        most = max(2, abs(self.held()[strategy]) * 3 // 2)
        return self.random.choice((abs(self.held()[strategy]) or 1, self.random.randint(1, most)))

    def place(self) -> None:
        """Either way, of any type; mostly the way out."""
        strategy = self.random.choice((STRATEGY, OTHER))
        out = SELL if HELD[strategy] > 0 else BUY
        side = out if self.random.random() < 0.9 else -out
        if self.random.random() < 0.4:
            self.house.venue.liquidity["BTCUSDT"] = self.random.randint(1, 2_000)
        self.intents[strategy].append(
            self.house.intent(
                strategy=strategy, side=side, size=self.size(strategy), **self.random.choice(TYPES),
                time_in_force=self.random.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
                price=self.random.choice((5_900_000, 6_000_000, 6_100_000)),
            )
        )  # fmt: skip

    def replace(self) -> None:
        """A replacement of an order that may be open, by another size."""
        strategy = self.random.choice((STRATEGY, OTHER))
        if self.intents[strategy]:
            target = self.random.choice(self.intents[strategy][-4:])
            more: dict[str, Any] = {"side": SELL if HELD[strategy] > 0 else BUY, "price": 6_000_000}
            new = self.house.intent(
                strategy=strategy, kind=IntentKind.REPLACE, target_id=target, size=self.size(strategy), **more
            )
            self.intents[strategy].append(new)

    def cancel(self) -> None:
        """One order, or all of them."""
        strategy = self.random.choice((STRATEGY, OTHER))
        if self.intents[strategy] and self.random.random() < 0.8:
            target = self.random.choice(self.intents[strategy][-4:])
            self.house.intent(strategy=strategy, kind=IntentKind.CANCEL, target_id=target)
        else:
            self.house.intent(strategy=strategy, kind=IntentKind.CANCEL_ALL)

    def fill(self) -> None:
        """The venue fills an order, and may not report it."""
        standing = [one for one in self.house.venue.orders.values() if one.open]
        if standing:
            order = self.random.choice(standing)
            self.house.venue.lose_events = self.random.choice((0, 0, 0, 1))
            self.house.venue.event_latency_ns = self.random.choice((2 * MS, 2 * MS, 900 * MS))
            self.house.venue.fill(order.client_id, self.random.randint(1, order.size - order.executed))

    def fail(self) -> None:
        """The next request of a kind meets a fault."""
        self.house.venue.fault(self.random.choice(METHODS), self.random.choice(FAULTS))

    def die(self) -> None:
        """Execution is killed and lives again."""
        self.house.restart()
        self.house.run(self.random.choice((0, 30)))
        self.house.book(*WIDE)

    def move(self) -> None:
        """The wide book moves, and chases with it."""
        by = self.random.randint(-10, 10) * 100
        self.house.book(WIDE[0] + by, WIDE[1] + by)

    def held(self) -> dict[int, int]:
        """What each strategy holds by the venue's own books."""
        held = dict.fromkeys(HELD, 0)
        for one in self.house.venue.orders.values():
            held[owner(one)] += one.executed if one.side == "BUY" else -one.executed
        return held

    def check(self) -> None:
        """If every open order were filled, no position would be larger or have the other sign."""
        held = self.held()
        for strategy, first in HELD.items():
            standing = {"BUY": 0, "SELL": 0}
            for one in self.house.venue.orders.values():
                if owner(one) == strategy and one.open:
                    standing[one.side] += one.size - one.executed
            out, back = ("SELL", "BUY") if first > 0 else ("BUY", "SELL")
            sign = 1 if first > 0 else -1
            assert 0 <= held[strategy] * sign <= abs(first), (strategy, held)
            assert standing[out] <= held[strategy] * sign, (strategy, held, standing)
            assert standing[back] == 0, (strategy, standing)


def owner(order: Any) -> int:
    """The strategy whose intent an order's id carries."""
    return int(order.client_id[12:28], 16) >> 40


def run_histories(make: type[History], directory: Path, count: int) -> int:
    """Check so many histories after each thing that happens; the sum of what they hold at their ends."""
    left = 0
    for number in range(count):
        seed = random.randrange(1 << 32)
        print(f"history {number}, seed {seed}")  # noqa: T201 - to repeat it
        history = make(directory / str(number), random.Random(seed))
        for _ in range(ACTIONS):
            history.act()
            history.check()
        history.house.settle(15)
        history.check()
        history.house.kill()
        left += sum(map(abs, history.held().values()))
    return left


@pytest.mark.parametrize("count", [SHARE, pytest.param(WHOLE, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_no_history_of_exits_turns_or_grows_a_position(tmp_path: Path, count: int) -> None:
    """Exits are spared the caps because they can only reduce: one that grows a position has no cap at all."""
    left = run_histories(History, tmp_path, count)
    assert left < count * 2_000, "too few exits were approved for the test to mean something"


@pytest.mark.parametrize("how", ["quotes", "replaces", "chases"])
def test_a_strategy_that_quotes_its_way_out_can_still_get_out(tmp_path: Path, how: str) -> None:
    """The requests that follow the book would use up what is kept for leaving, also in the next life."""
    house = House(tmp_path, limits={"max_order_rate_per_min": 20})
    house.ready()
    bought = house.place(size=2_000, price=6_000_000)
    house.venue.fill(bought.client_id.hex(), 2_000)
    house.run(5)
    kind = AS_CHASE if how == "chases" else AS_LIMIT
    quote = house.intent(side=SELL, size=1_000, price=6_000_100, **kind)
    for step in range(40):
        house.book(5_999_000 - step * 100, 6_000_000 - step * 100)
        house.run(110)
        if how == "replaces":
            new = house.intent(side=SELL, size=1_000, price=6_000_000, kind=IntentKind.REPLACE, target_id=quote)
            house.run(3)
            quote = new if new in house.role.blotter.newest else quote
        elif how == "quotes":
            house.cancel(quote)
            quote = house.intent(side=SELL, size=1_000, price=6_001_000)
        house.run(3)
    house.cancel(quote)
    house.restart()
    house.ready()
    house.book()
    house.venue.liquidity["BTCUSDT"] = 2_000
    out = house.place(side=SELL, size=2_000, price=6_000_000, time_in_force=TimeInForce.IOC)
    house.run(10)
    assert out.filled == 2_000
    assert house.role.ledger.account[1].size == 0
