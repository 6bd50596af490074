"""What execution algorithms cost and what they save, on the same tapes of the loopback venue.

A tape is one seed of the venue's background market, and the whole engine runs on it in one process under a simulated
clock: the market does the same in every run of a tape, so runs differ by our orders alone, and a second run of this
program gives the same figures. One parent a run, bought on even tapes and sold on odd ones.

    slippage   of what was filled, against the middle of the book when the parent was decided
    cost       the same, with the rest at the best opposite price at the end of the time
    impact     of what was filled, against the middle that the book had at that time on the same tape without our orders
    saving     the market order's cost minus this one's, tape by tape
    routing    one order over three venues against the best single one, with fees: bench/routing.py

All in hundredths of a percent of the price, without fees except in `routing`, as means with a 95 % interval (bootstrap
over the tapes).

    python -m bench.algorithms [--json]
"""

import argparse
import json
import logging
import random
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import routing
from bench.machine import describe
from engine.chaos.invariants import ObservedVenue
from engine.chaos.roles import API_KEY
from engine.chaos.world import ACCOUNT, CALM, LIMITS, MS, START_NS, World
from engine.loopback.binance.keys import Key as VenueKey
from engine.loopback.binance.settings import FLOWS, PURSE, VenueSettings
from engine.model.words import BUY, SELL
from engine.risk.limits import RiskLimits
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import size_of

SYMBOL, NUMBER = "ETHUSDT", 2
FLOW = replace(  # 15 takers a second, and a middle that moves by some 3 bps in a second: a resting order may be left
    FLOWS[SYMBOL], interval_ns=2 * MS, spacing=100, taker_percent=3, wander_percent=30, wander=12
)
SECOND_NS = 1_000 * MS
BEGIN_NS = START_NS + 1_500 * MS  # when the parent is decided: the engine is up
TAPES, TAPES_OF_IMPACT, RESAMPLES = 40, 10, 2_000
PROFILE = f"time_ms,symbol,volume\n1700000000000,{SYMBOL},1\n"
WIDE = RiskLimits(
    max_order_rate_per_min=100_000, max_order_size_usd=Decimal(10**7), max_position_usd=Decimal(10**7),
    max_spread_bps=100,
)  # fmt: skip
Interval = tuple[float, float, float]  # the mean, and the bounds of its 95 % interval


class Plan(NamedTuple):
    """How one parent is worked; without an algorithm and terms it is a plain limit order at the best own price."""

    algorithm: str | None
    terms: Mapping[str, int]
    size: str
    seconds: int  # its time


class Outcome(NamedTuple):
    """What became of one parent."""

    slippage: float
    cost: float
    impact: float
    filled: float  # the share


SMALL, SMALL_S, LARGE, LARGE_S = "3", 5, "20", 8
SCHEDULE = {"duration_ms": 6_000, "slices": 24}
STUDY: dict[str, Plan] = {
    "market": Plan("protected", {"slippage_bps": 50}, SMALL, SMALL_S),
    "static limit": Plan(None, {}, SMALL, SMALL_S),
    "chase": Plan("chase", {"interval_ms": 50}, SMALL, SMALL_S),
    "chase, crosses after 0.5 s": Plan("chase", {"interval_ms": 50, "cross_ms": 500}, SMALL, SMALL_S),
}
IMPACT: dict[str, Plan] = {
    "one shot": Plan("protected", {"slippage_bps": 100}, LARGE, LARGE_S),
    "twap": Plan("twap", SCHEDULE, LARGE, LARGE_S),
    "vwap": Plan("vwap", SCHEDULE, LARGE, LARGE_S),
    "iceberg": Plan("iceberg", {"display": 300_000}, LARGE, LARGE_S),
    "pov": Plan("pov", {"participation_pct": 15}, LARGE, LARGE_S),
}


class Watcher(Strategy):
    """Keeps the middles of the book."""

    def on_start(self) -> None:
        """None yet."""
        self.times: list[int] = []
        self.tops: list[tuple[int, int]] = []

    def on_book(self, book: Book) -> None:
        """Keep one more."""
        self.times.append(self.now_ns)
        self.tops.append((book.best(BUY), book.best(SELL)))


class Asker(Watcher):
    """Decides one parent."""

    plan: Plan
    side = BUY
    begun: int | None = None

    def on_book(self, book: Book) -> None:
        """Decide it when its time has come."""
        super().on_book(book)
        if self.begun is None and self.now_ns >= BEGIN_NS:
            plan, one = self.plan, book.instrument
            price = book.best(self.side) if plan.algorithm is None else 0
            self.begun = len(self.times) - 1
            self.place(
                one, self.side, size_of(one, plan.size), price, algorithm=plan.algorithm, parameters=dict(plan.terms),
                timeout_ns=plan.seconds * SECOND_NS,
            )  # fmt: skip


class Tape(World):
    """The engine on one tape, without mishaps; the invariants are the chaos world's tests' matter."""

    def __init__(self, seed: int, strategy: type[Watcher], profile: Path, **fields: Any) -> None:
        """Run this strategy; `fields` are set on it."""
        self._kind, self._fields = strategy, fields
        self.execution_options = {"limits": WIDE, "volume_profile": str(profile)}
        super().__init__(seed, CALM)

    def _make_venue(self) -> ObservedVenue:
        key = VenueKey.ed25519(API_KEY, ACCOUNT, self._key.public_pem)
        markets = tuple(one for one in VenueSettings().markets if one.symbol == SYMBOL)
        return ObservedVenue(VenueSettings(
            seed=self.seed, markets=markets, flows={SYMBOL: FLOW}, accounts={ACCOUNT: dict(PURSE)}, keys=(key,),
            limits=LIMITS,
        ), self.now_ns)  # fmt: skip

    def make_strategy(self, name: str) -> Strategy:
        """The taker is the strategy; the maker does nothing."""
        if name != "taker":
            return Strategy(self.instruments, None)
        self.strategy = self._kind(self.instruments, None)
        for field, value in self._fields.items():
            setattr(self.strategy, field, value)
        return self.strategy

    def turn(self) -> None:
        """One turn, without the checks."""
        self.now_ns += self._random.randrange(50_000, 2_000_000)
        self.network.step(self.now_ns)
        for slot in self.slots:
            self._turn_role(slot)


class Market(NamedTuple):
    """The book of a tape without our orders."""

    times: list[int]
    books: list[tuple[int, int]]

    def middle2(self, now_ns: int) -> int:
        """Twice the middle at a time."""
        return sum(self.books[bisect_right(self.times, now_ns) - 1])


def watch(seed: int, seconds: int, profile: Path) -> Market:
    """The tape itself."""
    tape = Tape(seed, Watcher, profile)
    try:
        tape.run((BEGIN_NS - START_NS) / SECOND_NS + seconds + 0.5)
        return Market(tape.strategy.times, tape.strategy.tops)
    finally:
        tape.close()


def run(seed: int, plan: Plan, market: Market, profile: Path) -> Outcome:
    """One parent on one tape."""
    side = BUY if seed % 2 == 0 else SELL
    tape = Tape(seed, Asker, profile, plan=plan, side=side)
    try:
        fills = tape.lanes.reader("fills")
        tape.run((BEGIN_NS - START_NS) / SECOND_NS + plan.seconds + 0.5)
        rows = [row for row in fills.rows() if row.strategy == NUMBER and row.size and row.intent_id]
        return _outcome(tape.strategy, plan, side, rows, market)
    finally:
        tape.close()


def _outcome(asker: Any, plan: Plan, side: int, rows: Sequence[Any], market: Market) -> Outcome:
    """The figures of one parent from its fills."""
    size, middle2 = size_of(next(iter(asker.instruments.values())), plan.size), sum(asker.tops[asker.begun])
    filled = sum(row.size for row in rows)
    assert filled <= size, f"{filled} of {size} were filled"
    paid = sum(row.size * row.price for row in rows)
    end = asker.tops[bisect_right(asker.times, asker.times[asker.begun] + plan.seconds * SECOND_NS) - 1]
    whole = paid + (size - filled) * end[1 if side == BUY else 0]
    beside2 = sum(row.size * market.middle2(row.receive_ns) for row in rows)
    return Outcome(
        _bps(side, 2 * paid, filled * middle2), _bps(side, 2 * whole, size * middle2), _bps(side, 2 * paid, beside2),
        filled / size,
    )  # fmt: skip


def _bps(side: int, paid: int, fair: int) -> float:
    """How much worse the one is than the other; 0 where there is nothing."""
    return side * (paid - fair) / fair * 10_000 if fair else 0.0


def interval(values: Sequence[float]) -> Interval:
    """The mean and its 95 % interval, by resampling with a fixed seed."""
    draw = random.Random(1)
    means = sorted(mean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return mean(values), means[RESAMPLES * 25 // 1000], means[RESAMPLES * 975 // 1000]


def study(plans: Mapping[str, Plan], tapes: int, against: str) -> dict[str, dict[str, Any]]:
    """Every plan on every tape, and what it saves against one of them."""
    found: dict[str, list[Outcome]] = {name: [] for name in plans}
    with tempfile.TemporaryDirectory() as directory:
        (profile := Path(directory) / "profile.csv").write_text(PROFILE)
        for seed in range(1, tapes + 1):
            market = watch(seed, max(plan.seconds for plan in plans.values()), profile)
            for name, plan in plans.items():
                found[name].append(run(seed, plan, market, profile))
    return {name: _row(ones, found[against]) for name, ones in found.items()}


def _row(ones: Sequence[Outcome], others: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of one plan."""
    return {
        "slippage_bps": interval([one.slippage for one in ones if one.filled]) if any(o.filled for o in ones) else None,
        "cost_bps": interval([one.cost for one in ones]),
        "impact_bps": interval([one.impact for one in ones if one.filled]) if any(o.filled for o in ones) else None,
        "fill_rate": interval([one.filled for one in ones]),
        "saving_bps": interval([other.cost - one.cost for one, other in zip(ones, others, strict=True)]),
        "impact_saving_bps": interval([other.impact - one.impact for one, other in zip(ones, others, strict=True)]),
    }


def measure(tapes: int = TAPES, tapes_of_impact: int = TAPES_OF_IMPACT) -> dict[str, Any]:
    """The object of `--json`."""
    market = {
        "symbol": SYMBOL, "actions_per_s": SECOND_NS // FLOW.interval_ns, "level_spacing_steps": FLOW.spacing,
        "taker_percent": FLOW.taker_percent, "wander_percent": FLOW.wander_percent, "wander_steps": FLOW.wander,
        "size_small": SMALL, "size_large": LARGE, "seconds_small": SMALL_S, "seconds_large": LARGE_S,
    }  # fmt: skip
    return {
        "machine": describe(), "market": market, "tapes": tapes, "tapes_of_impact": tapes_of_impact,
        "orders": study(STUDY, tapes, "market"), "impact": study(IMPACT, tapes_of_impact, "one shot"),
        "routing": {name: route(size, tapes) for name, size in routing.SIZES.items()},
    }  # fmt: skip


def route(size: str, tapes: int) -> dict[str, Any]:
    """The figures of one size: routed, and at each venue alone."""
    found = routing.outcomes(size, tapes)
    best = routing.best_single(found)
    return {"size": size, "best_single": best} | {
        name: {
            "cost_bps": interval([one.cost_bps for one in ones]),
            "saving_bps": interval([b.cost_bps - one.cost_bps for b, one in zip(found[best], ones, strict=True)]),
            "fill_rate": interval([one.filled for one in ones]),
        }
        for name, ones in found.items()
    }


def show(found: Mapping[str, Any]) -> str:
    """The tables."""
    lines = []
    for part, columns in (
        ("orders", ("slippage_bps", "cost_bps", "saving_bps", "fill_rate")),
        ("impact", ("impact_bps", "impact_saving_bps", "cost_bps", "fill_rate")),
    ):
        lines.append(f"{part:26}" + "".join(f"{name:>27}" for name in columns))
        lines += [
            f"{name:26}" + "".join(f"{_text(row[column]):>27}" for column in columns)
            for name, row in found[part].items()
        ]
    for size in found["routing"].values():
        columns = ("cost_bps", "saving_bps", "fill_rate")
        lines.append(f"{'routing of ' + size['size'] + ' ETH':26}" + "".join(f"{name:>27}" for name in columns))
        lines += [
            f"{name:26}" + "".join(f"{_text(row[column]):>27}" for column in columns)
            for name, row in size.items() if isinstance(row, dict)
        ]  # fmt: skip
        lines.append(f"the best single venue is {size['best_single']}")
    return "\n".join(lines)


def _text(value: Interval | None) -> str:
    return "none filled" if value is None else f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--tapes", type=int, default=TAPES, help="tapes of the study of single orders")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    found = measure(options.tapes, max(1, options.tapes // 4))
    print(json.dumps(found) if options.json else f"{found['machine']}\n{show(found)}")


if __name__ == "__main__":
    main()
