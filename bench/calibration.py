"""Whether a simulation fills resting orders as often and as soon as the loopback venue really did, by its truth log.

    python -m bench.calibration [--json] [--quick] [--seeds 20] [--orders 400]

The loopback's matching engine runs with its background flow. Every `EVERY_NS` our account places one small order a
side at the best price of others, or a few levels behind it, and cancels it after `LIFETIME_NS`. The levels without our
own orders, and every print, are the recorded market data; the truth log says which of our orders were filled, how much
and when. Then `simulate` runs over that data with the same orders at the same moments, without latency, once for each
family of queues.

    fill_rate_error   filled size of the simulation / filled size of the truth - 1             goal: within 5 %
    time_error        mean time from an order's arrival to its fill, simulation / truth - 1    goal: within 10 %

The data has every level, so a level that is not shown is empty, and the models say so (`level_returns_empty`,
`unseen_level_empty`, `level_before_print`). `defaults` is the conservative family without these options, which are off
in a simulation: it fills later and less, never sooner.

`sparse` is the loopback's own flow, whose levels have one or two orders; in `dense` up to some dozen share a level, so
the place in the queue decides. The median of the seeds counts, with the lowest and the highest beside it.
"""

import argparse
import json
import random
import sys
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.machine import describe
from engine.loopback.flow import Flow, FlowSettings
from engine.loopback.ledger import Ledger
from engine.loopback.market import DECIMALS, Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.orders import Execution, Kind, Order, OrderRequest
from engine.loopback.truth import TruthLog
from engine.model.fixed import to_fixed
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, TickKind
from engine.strategy import Strategy, TimeInForce
from research.simulate import EVENT, Constant, Fees, Models, Queue, simulate
from research.simulate.data.events import LAST, RESET, Events

SYMBOL, ACCOUNT = "BTCUSDT", "calibration"
BEGIN_NS, MS = 1_700_000_000_000_000_000, 1_000_000
EVERY_NS, LIFETIME_NS = 100 * MS, 1_500 * MS
SIZE = fixed("0.02")
DEEPEST = 3  # levels behind the best
FLOWS = {
    "sparse": FlowSettings(),
    "dense": FlowSettings(levels=120, spacing=1, wander=2, wander_percent=8, size=fixed("0.2"), taker_percent=20),
}
NOTHING = Constant(0)
FAMILIES = {
    name: Models(
        NOTHING, NOTHING, Fees.flat("0.001", "0.001"), queue, level_returns_empty=True, unseen_level_empty=True,
        level_before_print=True,
    )
    for name, queue in {
        "conservative": Queue(), "power_0.5": Queue("power", 0.5), "power_1": Queue("power", 1.0),
        "power_3": Queue("power", 3.0), "log": Queue("log"),
    }.items()
}  # fmt: skip
DEFAULTS = "defaults"
FAMILIES[DEFAULTS] = Models(NOTHING, NOTHING, Fees.flat("0.001", "0.001"))
FILL_GOAL, TIME_GOAL = 0.05, 0.10
BTC = Instrument(1, "loopback", SYMBOL, "BTC", "USDT", DECIMALS, DECIMALS, fixed("0.01"), fixed("0.00001"), 1, 0, 0)


class Planned(NamedTuple):
    """One of our orders."""

    at_ns: int
    side: int
    price: int
    size: int


class Outcome(NamedTuple):
    """What became of our orders: how much was filled, and the time that it took, weighted by size."""

    filled: int
    orders_filled: int
    waited_ns: float


class Recording:
    """A run of the loopback's matching engine, with our orders in it and out of its data."""

    def __init__(self, flow: FlowSettings, seed: int, orders: int) -> None:
        """Run until so many of our orders were placed and have ended."""
        self.plan: list[Planned] = []
        self.truth = TruthLog()
        self._rows: list[tuple[int, ...]] = []
        self._shown: dict[tuple[int, int], int] = {}
        self._draw = random.Random(seed)
        ledger = Ledger()
        self._matching = Matching([Market(SYMBOL, "BTC", "USDT")], ledger)
        self._account = ledger.open(ACCOUNT)
        for asset in ("BTC", "USDT"):
            ledger.deposit(ACCOUNT, asset, fixed("100000000"))
        self._flow = Flow(self._matching, SYMBOL, seed, flow, BEGIN_NS)
        self._record(BEGIN_NS, RESET)
        self._run(orders)

    @property
    def events(self) -> Events:
        """The market data."""
        return np.array(self._rows, EVENT)

    def _run(self, orders: int) -> None:
        """The flow's actions in the order of their times, and ours."""
        ends: list[tuple[int, Order]] = []
        next_ns, last_ns = BEGIN_NS + EVERY_NS, BEGIN_NS + EVERY_NS * (orders // 2) + 2 * LIFETIME_NS
        while self._flow.next_ns < last_ns:
            while min(next_ns, ends[0][0] if ends else next_ns) <= self._flow.next_ns:
                if ends and ends[0][0] <= next_ns:
                    at_ns, order = ends.pop(0)
                    if order.open:
                        self._matching.cancel(order, "", at_ns)
                else:
                    at_ns = next_ns
                    next_ns += EVERY_NS
                    ends += self._place(at_ns) if len(self.plan) < orders else ()
                self._record(at_ns)
            at_ns = self._flow.next_ns
            self._flow.act()
            self._record(at_ns)

    def _place(self, now_ns: int) -> list[tuple[int, Order]]:
        """Place an order on each side; each with the time of its end."""
        placed = []
        for side in (BUY, SELL):
            price = self._price(side)
            request = OrderRequest(
                ACCOUNT, SYMBOL, f"c{len(self.plan)}", side, Kind.LIMIT_MAKER, price=price, size=SIZE
            )
            order = self._matching.place(request, now_ns)
            if isinstance(order, Order):
                self.plan.append(Planned(now_ns, side, price, SIZE))
                placed.append((now_ns + LIFETIME_NS, order))
        return placed

    def _price(self, side: int) -> int:
        """A price of others, at the best or a few levels behind."""
        prices = [price for (one, price), size in self._shown.items() if one == side and size]
        return sorted(prices, reverse=side == BUY)[self._draw.randint(0, min(DEEPEST, len(prices) - 1))]

    def _record(self, now_ns: int, flags: int = 0) -> None:
        """Append the prints and changed levels since the last call as one message, and the truth about ours."""
        matching, book, first = self._matching, self._matching.books[SYMBOL], len(self._rows)
        for one in matching.prints:
            side = SELL if one.buyer_is_maker else BUY
            self._rows.append((now_ns, now_ns, one.price, one.size, BTC.id, TickKind.PRINT, side, 0))
        ours = {(one.side, one.price): 0 for one in matching.open[ACCOUNT, SYMBOL].values()}
        for one in matching.open[ACCOUNT, SYMBOL].values():
            ours[one.side, one.price] += one.remaining
        for side, price in sorted(book.changes):
            size = book.side(side).total(price) - ours.get((side, price), 0)
            if size != self._shown.get((side, price), 0):
                self._shown[side, price] = size
                self._rows.append((now_ns, now_ns, price, size, BTC.id, TickKind.LEVEL, side, 0))
        for execution in matching.executions:
            assert isinstance(execution, Execution)
            self.truth.write(execution, self._account)
        matching.prints.clear()
        matching.executions.clear()
        book.changes.clear()
        if len(self._rows) > first:
            self._flag(first, flags)
            self._flag(-1, LAST)

    def _flag(self, row: int, flag: int) -> None:
        """Add a flag to a row."""
        self._rows[row] = (*self._rows[row][:-1], self._rows[row][-1] | flag)


class Planner(Strategy):
    """Places the planned orders at their times."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The orders, in the order of their times."""

        plan: Any

    timer_ns = EVERY_NS

    def on_start(self) -> None:
        """Begin with the first order."""
        self.next = 0

    def on_timer(self, now_ns: int) -> None:
        """Place what is due."""
        plan = self.parameters.plan
        while self.next < len(plan) and plan[self.next].at_ns <= now_ns:
            one = plan[self.next]
            self.next += 1
            self.place(
                BTC, one.side, one.size, one.price, time_in_force=TimeInForce.POST_ONLY, timeout_ns=LIFETIME_NS
            )  # fmt: skip


def happened(recording: Recording) -> Outcome:
    """What the truth log says."""
    begun = {line["client_id"]: line["now_ns"] for line in recording.truth.lines if line["what"] == "accepted"}
    fills = [
        (
            to_fixed(str(line["fill_size"]), DECIMALS),
            int(str(line["now_ns"])) - int(str(begun[line["client_id"]])),
            line,
        )
        for line in recording.truth.lines
        if line["what"] == "fill"
    ]
    filled = sum(size for size, _, _ in fills)
    waited = sum(size * waited_ns for size, waited_ns, _ in fills) / max(filled, 1)
    return Outcome(filled, len({line["client_id"] for _, _, line in fills}), waited)


def simulated(events: Events, plan: list[Planned], models: Models) -> Outcome:
    """What a simulation says of the same orders."""
    result = simulate(events, Planner, instruments=[BTC], models=models, parameters={"plan": plan})
    assert len(result.orders) == len(plan), (len(result.orders), result.refused)
    fills, filled = result.fills, int(result.fills["size"].sum())
    begun = result.orders["arrive_ns"][np.searchsorted(result.orders["intent_id"], fills["intent_id"])]
    waited = float((fills["size"].astype("f8") * (fills["venue_ns"] - begun)).sum()) / max(filled, 1)
    return Outcome(filled, len(set(fills["intent_id"].tolist())), waited)


def errors(flow: FlowSettings, seed: int, orders: int) -> tuple[Outcome, dict[str, tuple[float, float]]]:
    """The truth of one seed, and the two errors of each family."""
    recording = Recording(flow, seed, orders)
    truth, events = happened(recording), recording.events
    found = {name: simulated(events, recording.plan, models) for name, models in FAMILIES.items()}
    return truth, {
        name: (one.filled / truth.filled - 1, one.waited_ns / truth.waited_ns - 1) for name, one in found.items()
    }


def measure(flow: FlowSettings, seeds: int, orders: int) -> dict[str, Any]:
    """Both errors of each family over the seeds."""
    runs = [errors(flow, seed, orders) for seed in range(seeds)]
    rate = median(truth.filled / (orders * SIZE) for truth, _ in runs)
    report: dict[str, Any] = {
        "truth_fill_rate": round(rate, 3), "truth_wait_ms": round(median(truth.waited_ns for truth, _ in runs) / MS, 1)
    }  # fmt: skip
    for name in FAMILIES:
        fill, time = ([found[name][place] for _, found in runs] for place in (0, 1))
        report[name] = {
            "fill_rate_error": round(median(fill), 4), "fill_rate_spread": [round(min(fill), 4), round(max(fill), 4)],
            "time_error": round(median(time), 4), "time_spread": [round(min(time), 4), round(max(time), 4)],
            "within": abs(median(fill)) <= FILL_GOAL and abs(median(time)) <= TIME_GOAL,
        }  # fmt: skip
    return report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one object instead of lines")
    parser.add_argument("--quick", action="store_true", help="2 seeds of 60 orders: whether it works, no figure")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--orders", type=int, default=400, help="of each seed")
    options = parser.parse_args()
    if options.seeds < 1 or options.orders < 2:
        parser.error(f"--seeds {options.seeds} --orders {options.orders}: expected at least 1 seed and 2 orders")
    seeds, orders = (2, 60) if options.quick else (options.seeds, options.orders)
    report: dict[str, Any] = {"machine": describe(), "seeds": seeds, "orders": orders}
    report |= {name: measure(flow, seeds, orders) for name, flow in FLOWS.items()}
    print(json.dumps(report) if options.json else _lines(report))


def _lines(report: dict[str, Any]) -> str:
    """The figures as lines."""
    lines = [f"{name:24} {value}" for name, value in report.items() if name not in FLOWS]
    for market in FLOWS:
        lines += [f"{market}.{name:20} {value}" for name, value in report[market].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
