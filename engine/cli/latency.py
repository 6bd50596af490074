"""`engine-ctl latency`: how long each hop takes beside its budget, each stage of the orders, and the worst journeys.

    the hops         from the meters of every role: since the lanes were created, or in the next --for seconds
    the stages       from the times in the records of the newest N orders, by strategy and venue
    the worst        of these orders, those that took longest from tick to send

`engine-ctl trace` shows one order whole.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.cli import WRONG_USE, CommandError
from engine.cli.look import known_instruments, last_states
from engine.cli.output import choose_system, print_json, print_line, print_table
from engine.meters.table import HOPS
from engine.model.rows import OrderRow
from engine.monitor.budgets import budgets_of
from engine.monitor.latency import STAGES, latencies
from engine.monitor.meters import SHARES, Histogram, RoleMeters, hops_of, read_meters
from engine.monitor.names import Names

MICRO = 1000
FIGURES = ("p50_ns", "p90_ns", "p95_ns", "p99_ns", "p999_ns", "max_ns")
COLUMNS = ("p50", "p90", "p95", "p99", "p99.9", "max µs")


def latency(options: argparse.Namespace) -> int:
    """Print the hops, the stages of the newest N orders of each strategy at each venue, and the worst of these."""
    system = choose_system(options.system)
    meters = _measure(system, options.seconds)
    if options.hdr:
        _write_hdr(options.hdr, meters)
    budgets = budgets_of(system)
    hops = [_hop(role, name, found, budgets.get(name)) for role, name, found in hops_of(meters)]
    instruments = known_instruments(system)
    newest = list(last_states(system).values())[-options.n :] if options.n else []
    names = Names.of(system)
    venues = {number: one.venue for number, one in instruments.items()}
    stages: list[dict[str, Any]] = [
        {
            "strategy": names.strategy(key.strategy), "venue": key.venue,
            "stages": {stage: one._asdict() for stage, one in found.items()},
        }
        for key, found in sorted(latencies(newest, venues).items())
    ]  # fmt: skip
    worst = [_journey(row, names) for row in _slowest(newest, options.worst)]
    if options.json:
        print_json(options, {"hops": hops, "orders": len(newest), "latencies": stages, "worst": worst})
    else:
        _print(hops, stages, worst)
    return 0


def _measure(system: str, seconds: float) -> Mapping[str, RoleMeters]:
    """The meters; with `seconds`, what the roles count from now on for so long."""
    before = read_meters(system)
    if not before:
        raise CommandError(f"{system}: no role has meters: start it with this version, or see engine-ctl ls")
    if not seconds:
        return before
    time.sleep(seconds)
    after = read_meters(system)
    return {role: one.since(before[role]) if role in before else one for role, one in after.items()}


def _hop(role: str, name: str, found: Histogram, budget_ns: int | None) -> dict[str, Any]:
    """One hop's figures. `within` is the share of its durations that keep to the budget."""
    quantiles = dict(zip(FIGURES, (*map(found.quantile, SHARES), found.largest_ns), strict=True))
    within = found.share_within(budget_ns)
    return {"hop": name, "role": role, "count": found.count, **quantiles, "budget_ns": budget_ns, "within": within}


def _slowest(orders: Sequence[OrderRow], count: int) -> list[OrderRow]:
    """The orders with the longest way from tick to send; time, not a tick, caused a later child of a parent."""
    caused = [row for row in orders if row.receive_ns and row.sent_ns and row.child == 0]
    return sorted(caused, key=lambda row: row.receive_ns - row.sent_ns)[:count]


def _journey(row: OrderRow, names: Names) -> dict[str, Any]:
    """One order's way."""
    durations = {
        f"{stage}_ns": end_ns - begin_ns if begin_ns and end_ns else None
        for stage, times in STAGES.items()
        for begin_ns, end_ns in [times(row)]
    }
    return {"order": row.client_id.ljust(16, b"\0").hex(), "strategy": names.strategy(row.strategy), **durations}


def _print(hops: list[dict[str, Any]], stages: list[dict[str, Any]], worst: list[dict[str, Any]]) -> None:
    """The three tables."""
    rows = [
        (
            one["hop"], one["role"], one["count"], *(_micro(one[key]) for key in FIGURES), _micro(one["budget_ns"]),
            "-" if one["within"] is None else f"{one['within']:.2%}",
        )
        for one in hops
    ]  # fmt: skip
    unmeasured = [one.name for one in HOPS if one.name not in {row["hop"] for row in hops}]
    print_table(("hop", "role", "count", *COLUMNS, "budget", "within"), rows)
    if unmeasured:
        print_line(f"nothing was recorded of: {', '.join(unmeasured)}")
    if not stages:
        print_line("no order in the lanes yet")
        return
    rows = [
        (one["strategy"], one["venue"], stage, spread["orders"], *(_micro(spread[key]) for key in FIGURES))
        for one in stages
        for stage in STAGES
        if (spread := one["stages"].get(stage)) is not None
    ]
    print_table(("strategy", "venue", "stage", "orders", *COLUMNS), rows)
    rows = [(one["order"], one["strategy"], *(_micro(one[f"{stage}_ns"]) for stage in STAGES)) for one in worst]
    if rows:
        print_table(("worst order", "strategy", *(f"{stage} µs" for stage in STAGES)), rows)
        print_line("engine-ctl trace ORDER shows every stage of one")


def _micro(duration_ns: int | None) -> str:
    return "-" if duration_ns is None else f"{duration_ns / MICRO:.1f}"


def _write_hdr(path: str, meters: Mapping[str, RoleMeters]) -> None:
    """Write the histograms as an HdrHistogram log."""
    try:
        from engine.monitor.hdr import write_log  # noqa: PLC0415 - an extra
    except ImportError:
        raise CommandError("--hdr needs the package hdrhistogram: pip install 'steelyard[hdr]'") from None
    try:
        write_log(Path(path), [(f"{role}.{name}", found) for role, name, found in hops_of(meters)])
    except OSError as error:
        raise CommandError(f"--hdr {path}: {error.strerror}: expected a file that can be written", WRONG_USE) from error
