"""How long each stage between a tick and the venue's answer took, from the times that the order records carry.

    tick ──tick_to_intent──▶ intent ──intent_to_order──▶ order sent ──order_to_ack──▶ the venue's answer
    receive_ns               intent_ns                   sent_ns                      answer_ns

One stage is one line of `STAGES`. An order counts once, in its newest record; a stage without both times is left out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from engine.model.rows import OrderRow

STAGES: Mapping[str, Callable[[OrderRow], tuple[int, int]]] = {
    "tick_to_intent": lambda row: (row.receive_ns, row.intent_ns),
    "intent_to_order": lambda row: (row.intent_ns, row.sent_ns),
    "order_to_ack": lambda row: (row.sent_ns, row.answer_ns),
    "tick_to_order": lambda row: (row.receive_ns, row.sent_ns),
}


class Key(NamedTuple):
    """Whose orders a figure is of."""

    strategy: int
    venue: str


class Spread(NamedTuple):
    """One stage over some orders, in nanoseconds."""

    orders: int
    p50_ns: int
    p90_ns: int
    p95_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int


def latencies(orders: Iterable[OrderRow], venues: Mapping[int, str]) -> dict[Key, dict[str, Spread]]:
    """Each stage by strategy and venue; `venues` by instrument."""
    samples: dict[Key, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in orders:
        key = Key(row.strategy, venues.get(row.instrument, "?"))
        for stage, times in STAGES.items():
            begin_ns, end_ns = times(row)
            if begin_ns and end_ns:
                samples[key][stage].append(end_ns - begin_ns)
    return {key: {stage: spread(found) for stage, found in stages.items()} for key, stages in samples.items()}


def spread(sample: list[int]) -> Spread:
    """The percentiles of a sample by nearest rank: each is a duration that was measured."""
    ordered = sorted(sample)
    at = [ordered[_rank(len(ordered), thousandths)] for thousandths in (500, 900, 950, 990, 999)]
    return Spread(len(ordered), at[0], at[1], at[2], at[3], at[4], ordered[-1])


def _rank(count: int, thousandths: int) -> int:
    return -(-count * thousandths // 1000) - 1
