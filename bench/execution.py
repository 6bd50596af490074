"""Execution in figures: the gate alone, from an intent to its bytes, orders a second, from a fill to its position.

    gate               one approval by the compiled gate with every limit of `[risk]` on (`bench.path`), called from
                       Python
    intent_to_bytes    from the end of the strategy's step to the bytes handed to the kernel, at 1,000 orders a second
    orders_per_s       orders through the full path to the embedded venue and back, as many as it answers: a strategy
                       keeps some in flight and submits the next when one is done. The venue is one Python process on
                       its own core, and bounds the figure
    fill_to_position   from the time of the fill's step to the moment another process reads the position
                       (`bench.profit`)

`--long` runs the orders for 60 s, after 60 s that are not counted: risk keeps the time of each order for a minute, so
memory can be flat only after a minute. `memory_mib` has the engine's own memory at the begin and after each tenth;
`bench.memory` has the rule by which it is flat. A shorter run is not judged.
"""

import sys
import time
import tomllib
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import path, profit
from bench.command import output, parser_of
from bench.machine import describe
from bench.memory import FLAT_BYTES, MIB, Memory, growth, is_flat
from engine.execution.orders.ledger import Ledger
from engine.model.instrument import Instrument
from engine.model.words import BUY, DONE_STATES, BookState
from engine.risk.gate import RiskGate
from engine.risk.history.returns import DAY_NS, UNIT, Returns
from engine.risk.market import Top
from engine.risk.table import read_risk
from engine.strategy import Book, Order, Strategy

NOW_NS = 1_700_000_000 * 10**9
GATE_CHECKS, GATE_STEP_NS = 50_000, 1_000_000
IN_FLIGHT = 48
SECONDS, LONG_SECONDS, QUICK_SECONDS = 10.0, 60.0, 3.0
PATH_RATE = 1_000
GOAL_ORDERS = 5_000
WINDOW_SECONDS = 60.0  # of risk's rate of orders, the longest in which each order is kept
DAYS = 300


class Flooder(Strategy):
    """Keeps orders in flight that never fill, and submits the next one whenever one is done."""

    turn = 0

    def on_book(self, book: Book) -> None:
        """Submit what is missing, with a price far from the market."""
        self.one = book.instrument
        self.price = book.best(1) * (10_000 - path.FAR_BPS) // 10_000 // self.one.price_step * self.one.price_step
        for _ in range(IN_FLIGHT - len(self.orders(self.one))):
            self.submit()

    def on_order(self, order: Order) -> None:
        """The next one."""
        if order.state in DONE_STATES:
            self.submit()

    def submit(self) -> None:
        """One order, of another size than those before it."""
        self.turn = (self.turn + 1) % path.SIZES
        self.enter(self.one, 1, path.SIZE + self.turn, self.price)


def gate() -> RiskGate:
    """A gate over one instrument, with every limit on."""
    limits, caps = read_risk(tomllib.loads(path.ALL_LIMITS.format(place="/"))["risk"])
    one = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 0, 0)
    top, returns = Top(), Returns()
    top.update(BookState.GOOD, 6_000_000, 6_000_050, NOW_NS)
    today = NOW_NS // DAY_NS
    returns.replace({1: {day: (day % 7 - 3) * UNIT // 100 for day in range(today - DAYS, today)}})
    ledger = Ledger((one,), (3,))
    ledger.positions[0].apply(BUY, 6_000_000, 1_000, 0, b"USDT", None, NOW_NS)
    made = RiskGate(
        limits, {1: one}, {1: top}, ledger.account, ledger.owned, {3: (1,)}, caps, None, None, returns
    )  # fmt: skip
    made.volume.add(1, 1_000_000, NOW_NS)
    made.reconciled = made.connected = True
    return made


def gate_ns() -> list[int]:
    """The times of single approvals, each of another order."""
    made, times, clock = gate(), [], time.perf_counter_ns
    for turn in range(GATE_CHECKS):
        size = path.SIZE + turn % path.SIZES
        began_ns = clock()
        approved = made.approves(NOW_NS, 3, 1, BUY, 5_900_000, size, NOW_NS, 0)
        times.append(clock() - began_ns)
        assert approved, "an order below every limit was not approved"
    return times


def flood(seconds: float, warm_seconds: float = 0.0) -> dict[str, Any]:
    """Orders as fast as the venue answers them; those of the first `warm_seconds` are not counted."""
    text = (path.SYSTEM + path.STRATEGY + path.ALL_LIMITS + path.TOGETHER).replace(
        "bench.path:Prompt", "bench.execution:Flooder"
    )
    return path.measure(seconds, text=text, warm_seconds=warm_seconds)


def run(seconds: float, part_seconds: float, warm_seconds: float) -> dict[str, Any]:
    """All figures."""
    checks = sorted(gate_ns())
    text = path.SYSTEM + path.STRATEGY + path.ALL_LIMITS + path.TOGETHER
    way = path.measure(part_seconds, rate=PATH_RATE, text=text)
    rows = way["rows"][path.WARM_UP :]
    rows = rows[rows[:, 3] > 0]
    seen = profit.report(profit.measure(part_seconds), part_seconds)
    flooded = flood(seconds, warm_seconds)
    memory = [Memory(*one) for one in flooded["memory"]]
    return {
        "machine": describe(),
        "gate_p50_ns": path.quantile_of(checks, 0.5),
        "gate_p99_ns": path.quantile_of(checks, 0.99),
        "intent_to_bytes_p50_ns": path.quantile(rows[:, 5] - rows[:, 3], 0.5),
        "orders_per_s": round(len(flooded["rows"]) / seconds),
        "fill_to_position_p99_ns": seen["fill_to_profit_p99_ns"],
        "fill_to_position_within_limit": seen["within_limit"],
        "seconds": seconds, "refused": flooded["refused"], "left_out": flooded["left_out"],
        "memory_mib": {
            "anonymous": [round(one.anonymous / MIB, 2) for one in memory],
            "shared": [round(one.shared / MIB, 2) for one in memory],
        },
        "memory_bytes_an_order": round(growth(memory), 2),
        "memory_flat": is_flat(memory) if warm_seconds >= WINDOW_SECONDS else None,
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    """The figures as text."""
    print(found["machine"])
    print(
        f"gate alone, every limit on: p50 {found['gate_p50_ns'] / 1e3:.2f} us, p99 {found['gate_p99_ns'] / 1e3:.2f} us"
    )
    print(f"intent -> bytes, {PATH_RATE:,} a second: p50 {found['intent_to_bytes_p50_ns'] / 1e3:.1f} us")
    share = found["fill_to_position_within_limit"]
    print(
        f"fill -> position in another process: p99 {found['fill_to_position_p99_ns'] / 1e3:.0f} us,"
        f" {share:.2%} within {profit.LIMIT_NS / 1e3:.0f} us"
    )
    print(f"{found['orders_per_s']:,} orders a second for {found['seconds']:.0f} s (goal {GOAL_ORDERS:,})")
    print(f"{found['refused']} refused, {found['left_out']} left out")
    for kind, series in found["memory_mib"].items():
        print(f"{kind} memory, MiB: {' '.join(map(str, series))}")
    print(memory_text(found["memory_bytes_an_order"], found["memory_flat"]))


def memory_text(each: float, flat: bool | None) -> str:
    """Whether the memory is flat, and by which figure."""
    verdict = "not judged without --long" if flat is None else "flat" if flat else "NOT FLAT"
    return f"memory: {verdict}; {each:.2f} bytes an order over the last third, flat below {FLAT_BYTES:g}"


def main() -> None:
    """`python -m bench.execution [--json] [--quick] [--long]`."""
    parser = parser_of("execution", __doc__, "short parts: does it run")
    parser.add_argument("--long", action="store_true", help=f"orders for {LONG_SECONDS:.0f} s")
    options = parser.parse_args()
    part = QUICK_SECONDS if options.quick else SECONDS
    found = run(LONG_SECONDS if options.long else part, part, WINDOW_SECONDS if options.long else 0.0)
    output(found, options, show)


if __name__ == "__main__":
    main()
