"""How much faster 64 variants of a strategy run in one pass over the data than one after another.

The variants are Quoters: one cancel and one order every `every` events. Where they seldom trade, the pass over the data
is most of the work; where each trades every 100 events, their orders are. Single runs are 8 of the 64, times 8. The
rounds are interleaved; `bench.simulate` prints the figures.
"""

import time
from statistics import median
from typing import Any

from bench.market import BTC
from research.simulate import Models, simulate, simulate_many
from research.simulate.data.events import Events
from research.simulate.samples import Quoter

VARIANTS, SINGLE = 64, 8
KINDS = {"variants_speedup_64": 1_000, "variants_speedup_64_orders": 100}


def measure(events: Events, models: Models, rounds: int) -> dict[str, Any]:
    """The ratio of the times, and its spread, for each kind of variant."""
    found: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(rounds):
        for name, every in KINDS.items():
            found[name].append(_ratio(events, models, every))
    spread = {f"{name}_spread": [round(min(all_), 2), round(max(all_), 2)] for name, all_ in found.items()}
    return {name: round(median(all_), 2) for name, all_ in found.items()} | spread


def _ratio(events: Events, models: Models, every: int) -> float:
    """The processor's time of single runs over that of one pass."""
    sets = [{"size": 1_000, "every": every + one} for one in range(VARIANTS)]
    options: dict[str, Any] = {"instruments": [BTC], "models": models, "called": "event"}
    begin = time.process_time()
    simulate_many(events, Quoter, sets, **options)
    middle = time.process_time()
    for one in sets[:: VARIANTS // SINGLE]:
        simulate(events, Quoter, parameters=one, **options)
    return (time.process_time() - middle) * (VARIANTS / SINGLE) / (middle - begin)
