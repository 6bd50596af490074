"""`engine-ctl latency`: how long an order's stages took, by strategy and venue, from the order records in the lanes."""

import argparse
from typing import Any

from engine.cli.look import known_instruments, last_states
from engine.cli.output import choose_system, print_json, print_line, print_table
from engine.monitor.latency import STAGES, latencies
from engine.monitor.names import Names

MICRO = 1000


def latency(options: argparse.Namespace) -> int:
    """Print the stages of the newest N orders of each strategy at each venue."""
    system = choose_system(options.system)
    venues = {number: one.venue for number, one in known_instruments(system).items()}
    newest = list(last_states(system).values())[-options.n :] if options.n else []
    names = Names.of(system)
    found: list[dict[str, Any]] = [
        {
            "strategy": names.strategy(key.strategy), "venue": key.venue,
            "stages": {stage: one._asdict() for stage, one in stages.items()},
        }
        for key, stages in sorted(latencies(newest, venues).items())
    ]  # fmt: skip
    if options.json:
        print_json(options, {"orders": len(newest), "latencies": found})
    elif not found:
        print_line("no order in the lanes yet")
    else:
        rows = [
            (one["strategy"], one["venue"], stage, spread["orders"], *(_micro(spread[key]) for key in FIGURES))
            for one in found
            for stage in STAGES
            if (spread := one["stages"].get(stage)) is not None
        ]
        print_table(("strategy", "venue", "stage", "orders", "p50 µs", "p99 µs", "max µs"), rows)
    return 0


FIGURES = ("p50_ns", "p99_ns", "max_ns")


def _micro(duration_ns: int) -> str:
    return f"{duration_ns / MICRO:.1f}"
