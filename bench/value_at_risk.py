"""What the limit `var_limit_1d_95` adds to the check of an order.

The gate checks one order with the limit and without it, in turns. Its account holds the given number of instruments,
and has 250 days of history of each. `new day`: the first order of a day, which makes the vectors.

    python -m bench.value_at_risk [--json]
"""

import argparse
import json
import random
import sys
import time
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy  # noqa: F401, ICN001 - as execution at its start, so that no order waits for it

from bench.machine import describe
from engine.model.instrument import Instrument
from engine.model.words import BUY, BookState
from engine.risk.caps.value_at_risk import ValueAtRisk
from engine.risk.gate import APPROVED, RiskGate
from engine.risk.history.returns import DAY_NS, UNIT, Returns
from engine.risk.limits import RiskLimits
from engine.risk.market import Top

NOW_NS = 1_700_000_000 * 10**9
DAYS, COUNTS, ROUNDS, CHECKS = 250, (1, 3, 10), 9, 200
WIDE = Decimal(10**9)


def gate_of(count: int, *, limited: bool) -> RiskGate:
    """A gate whose account holds so many instruments."""
    numbers = range(1, count + 1)
    instruments = {
        one: Instrument(one, "venue", f"C{one}USDT", f"C{one}", "USDT", 2, 5, 1, 1, 1, 0, 0) for one in numbers
    }
    tops = {one: Top() for one in numbers}
    for top in tops.values():
        top.update(BookState.GOOD, 6_000_000, 6_000_050, NOW_NS)
    held: dict[int, Any] = {one: SimpleNamespace(size=10_000, open_buy=5, open_sell=7) for one in numbers}
    limits = RiskLimits(max_position_usd=WIDE, max_order_size_usd=WIDE)
    caps = (ValueAtRisk(WIDE),) if limited else ()
    gate = RiskGate(limits, instruments, tops, held, {}, {3: tuple(numbers)}, caps, None, None, returns_of(numbers))
    gate.reconciled = gate.connected = True
    return gate


def returns_of(numbers: range) -> Returns:
    """A history of a window."""
    draw, today = random.Random(1), NOW_NS // DAY_NS
    days = range(today - DAYS, today)
    returns = Returns()
    returns.replace({one: {day: int(draw.gauss(0, 0.03) * UNIT) for day in days} for one in numbers})
    return returns


def check_ns(gate: RiskGate) -> list[float]:
    """The times of single checks."""
    times = []
    for _ in range(CHECKS):
        began_ns = time.perf_counter_ns()
        verdict = gate.check(NOW_NS, 3, 1, BUY, 6_000_000, 10_000, NOW_NS, 0)
        times.append(float(time.perf_counter_ns() - began_ns))
        assert verdict is APPROVED, verdict
    return times


def measured(count: int) -> dict[str, float]:
    """Medians over rounds in turns, in microseconds."""
    gates = {name: gate_of(count, limited=name == "with") for name in ("without", "with")}
    began_ns = time.perf_counter_ns()
    first = gates["with"].check(NOW_NS, 3, 1, BUY, 6_000_000, 10_000, NOW_NS, 0)
    first_us = (time.perf_counter_ns() - began_ns) / 1000
    assert first is APPROVED, first
    samples: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(ROUNDS):
        for name, gate in gates.items():
            samples[name] += check_ns(gate)
    found = {f"{name}_p50_us": median(one) / 1000 for name, one in samples.items()}
    tails = {f"{name}_p99_us": quantiles(one, n=100)[98] / 1000 for name, one in samples.items()}
    return {**found, **tails, "new_day_us": first_us}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    found = {str(count): measured(count) for count in COUNTS}
    if options.json:
        print(json.dumps({"machine": describe(), "days": DAYS, "held": found}))
        return
    print(describe())
    for held, row in found.items():
        print(f"{held:>3} held  " + "  ".join(f"{name} {value:8.1f}" for name, value in row.items()))


if __name__ == "__main__":
    main()
