"""The tables of `engine-ctl top`: for each page its columns, and its rows as text."""

import time
from collections.abc import Iterator, Mapping

from engine.model.monitored import LIMITS, exceeded
from engine.model.text import word
from engine.model.words import OrderState, RoleState
from engine.monitor.figures import Figures
from engine.monitor.halts import halts_of
from engine.monitor.meters import SHARES, RoleMeters, hops_of
from engine.monitor.summary import summary
from engine.monitor.texts import price_text, size_text, title_of
from engine.view.screen import age_text, clock_text, order_texts, side_text

Columns = tuple[str, ...]
Rows = Iterator[tuple[str, ...]]
MIB = 1 << 20


def age_ns(figures: Figures) -> int | None:
    """The age of the oldest heartbeat of the roles that trade; None where there is none."""
    ages = [one.beat_age_ns for one in figures.executions().values()]
    ages += [figures.roles[feed].beat_age_ns for feed in figures.feeds()]
    return max(ages, default=None)


def sort_key(text: str) -> tuple[int, float, str]:
    """Numbers by their value, before words."""
    try:
        return 0, float(text.replace(",", "").split(" ")[0].rstrip("%")), text
    except ValueError:
        return 1, 0.0, text


def orders(figures: Figures) -> tuple[Columns, Rows]:
    """Open orders, newest first, then the newest fills."""
    return ("what", "strategy", "instrument", "side", "size", "filled", "price", "state", "age"), _orders(figures)


def _orders(figures: Figures) -> Rows:
    known, now_ns = figures.instruments(), time.time_ns()
    for row in reversed(figures.open_orders.values()):
        strategy = figures.names.strategy(row.strategy)
        age = age_text(now_ns - row.intent_ns) if row.intent_ns else "-"
        yield "order", strategy, *order_texts(row, known), word(OrderState, row.state).lower(), age
    for row in reversed(figures.recent):
        size = size_text(known, row.instrument, row.size)
        yield (
            "fill", figures.names.strategy(row.strategy), title_of(known, row.instrument), side_text(row.side),
            size, size, price_text(known, row.instrument, row.price), "maker" if row.maker else "taker",
            age_text(now_ns - row.receive_ns),
        )  # fmt: skip


def roles(figures: Figures, meters: Mapping[str, RoleMeters]) -> tuple[Columns, Rows]:
    """Every role with its process."""
    columns = ("role", "process", "pid", "state", "life", "beat ms", "lives", "lag", "errors", "cpu s", "MiB")
    return columns, _roles(figures, meters)


def _roles(figures: Figures, meters: Mapping[str, RoleMeters]) -> Rows:
    for one in figures.roles.values():
        found = meters.get(one.name)
        cpu_ns = 0 if found is None else found.count("cpu_user_ns") + found.count("cpu_system_ns")
        yield (
            one.name, figures.names.processes.get(one.name, "-"), str(one.pid), word(RoleState, one.state).lower(),
            one.life, f"{one.beat_age_ns / 1e6:.0f}", str(one.epoch), f"{one.lag:,}", f"{one.error_count:,}",
            "-" if found is None else f"{cpu_ns / 1e9:.1f}",
            "-" if found is None else f"{found.count('memory_bytes') / MIB:.0f}",
        )  # fmt: skip


def hops(meters: Mapping[str, RoleMeters], budgets: Mapping[str, int]) -> tuple[Columns, Rows]:
    """Every hop that was recorded, in microseconds, in the order of an order's way."""
    columns = ("hop", "role", "count", "p50", "p90", "p95", "p99", "p99.9", "max", "budget", "within")
    return columns, _hops(meters, budgets)


def _hops(meters: Mapping[str, RoleMeters], budgets: Mapping[str, int]) -> Rows:
    for role, name, found in hops_of(meters):
        budget = budgets.get(name)
        within = found.share_within(budget)
        yield (
            name, role, f"{found.count:,}", *(_micro(found.quantile(share)) for share in SHARES),
            _micro(found.largest_ns), _micro(budget), "-" if within is None else f"{within:.1%}",
        )  # fmt: skip


def limits(figures: Figures) -> tuple[Columns, Rows]:
    """What is halted, by what, since when, and what ends it; then the monitor's limits."""
    return ("scope", "state", "why", "since", "what ends it"), _limits(figures)


def _limits(figures: Figures) -> Rows:
    names = figures.names
    for one in halts_of(figures):
        why = f"{one.reason}: {one.text}" if one.text else one.reason
        yield one.scope, one.state, why, clock_text(one.since_ns), one.ended_by
    for row in figures.cells("monitored_account"):
        over = ", ".join(LIMITS[name] for name in exceeded(row))
        yield (
            f"account {names.account(row.account)}",
            over or "within its limits",
            summary(row, time.time_ns()),
            "-",
            "-",
        )


def _micro(duration_ns: int | None) -> str:
    return "-" if duration_ns is None else f"{duration_ns / 1000:.1f}"
