"""The tables of `engine-ctl top`: for each page its columns, and its rows as text."""

import time
from collections.abc import Iterator, Mapping

from engine.meters.table import HOPS
from engine.model.fixed import to_text
from engine.model.monitored import LIMITS, exceeded
from engine.model.refusals import refusal_text
from engine.model.text import shown, word
from engine.model.words import AlarmReason, FlattenState, HaltReason, OrderState, RoleState
from engine.monitor.figures import Figures
from engine.monitor.meters import RoleMeters
from engine.monitor.summary import summary
from engine.view.screen import age_text, clock_text, side_text, title_of

Columns = tuple[str, ...]
Rows = Iterator[tuple[str, ...]]
SHARES = (0.5, 0.9, 0.95, 0.99, 0.999)
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
        one = known.get(row.instrument)
        decimals = (one.size_decimals, one.price_decimals) if one is not None else (0, 0)
        yield (
            "order", figures.names.strategy(row.strategy), title_of(known, row.instrument), side_text(row.side),
            to_text(row.size, decimals[0]), to_text(row.filled, decimals[0]), to_text(row.price, decimals[1]),
            word(OrderState, row.state).lower(), age_text(now_ns - row.intent_ns) if row.intent_ns else "-",
        )  # fmt: skip
    for row in reversed(figures.recent):
        one = known.get(row.instrument)
        decimals = (one.size_decimals, one.price_decimals) if one is not None else (0, 0)
        yield (
            "fill", figures.names.strategy(row.strategy), title_of(known, row.instrument), side_text(row.side),
            to_text(row.size, decimals[0]), to_text(row.size, decimals[0]), to_text(row.price, decimals[1]),
            "maker" if row.maker else "taker", age_text(now_ns - row.receive_ns),
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
    order = [one.name for one in HOPS]
    every = [(role, name, found) for role, one in meters.items() for name, found in one.histograms()]
    for role, name, found in sorted(every, key=lambda row: (order.index(row[1]), row[0])):
        budget = budgets.get(name)
        yield (
            name, role, f"{found.count:,}", *(_micro(found.quantile(share)) for share in SHARES),
            _micro(found.largest_ns), _micro(budget),
            "-" if budget is None else f"{found.count_up_to(budget) / found.count:.1%}",
        )  # fmt: skip


def limits(figures: Figures) -> tuple[Columns, Rows]:
    """What is halted, by what, since when, and what ends it; then the monitor's limits."""
    return ("scope", "state", "why", "since", "what ends it"), _limits(figures)


def _limits(figures: Figures) -> Rows:
    names = figures.names
    for row in figures.cells("halt"):
        if row.halted:
            yield (
                "system",
                "halted",
                word(HaltReason, row.reason).lower(),
                clock_text(row.since_ns),
                "engine-ctl resume",
            )
    for role in figures.executions():
        gate = figures.gate(role)
        if gate is not None and gate.exits_only:
            yield role, "exits only", refusal_text(gate.exits_only), "-", "the end of that cause"
    known = figures.instruments()
    for row in figures.cells("scope_halts"):
        if row.since_ns:
            scope = names.strategy(row.strategy) if row.strategy else (
                title_of(known, row.instrument) if row.instrument else f"account {names.account(row.account)}"
            )  # fmt: skip
            text = shown(row.text) or word(FlattenState, row.state).lower()
            why = f"{word(HaltReason, row.reason).lower()}: {text}"
            yield scope, "halted", why, clock_text(row.since_ns), "engine-ctl resume of this scope"
    for row in figures.cells("instrument_halts"):
        if row.reason:
            why = f"{word(AlarmReason, row.reason).lower()}: {shown(row.text)}"
            yield title_of(known, row.instrument), "halted", why, clock_text(row.since_ns), "engine-ctl resume"
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
