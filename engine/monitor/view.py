"""The live view: a system's figures as a screen of tables."""

from collections import deque
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table

from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.words import BookState, Reason, RoleState
from engine.monitor import profit
from engine.monitor.figures import Figures, Rate, bps_text, quantile

LATE_NS = 500_000_000


def screen(figures: Figures, title: str = "") -> RenderableType:
    """Everything at once."""
    known = figures.instruments()
    return Group(
        Columns([_roles(figures, title), _path(figures)]),
        _market(figures, known),
        Columns([_positions(figures, known), _fills(figures, known)]),
    )


def whole_table(*columns: str, **options: Any) -> Table:
    """A table that breaks a number which is too long for the terminal: one cut off reads as another number."""
    table = Table(**options)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _roles(figures: Figures, title: str) -> Table:
    table = whole_table("role", "pid", "state", "life", "beat ms", "lives", "steps/s", title=title or figures.system)
    for role in figures.roles.values():
        life = "late" if role.life == "alive" and role.beat_age_ns > LATE_NS else role.life
        state = RoleState(role.state).name.lower() if role.state in set(RoleState) else "?"
        table.add_row(
            role.name, str(role.pid), state, f"[{'green' if life == 'alive' else 'red'}]{life}",
            f"{role.beat_age_ns / 1e6:.0f}", str(role.epoch), _rate(role.steps),
        )  # fmt: skip
    return table


def _path(figures: Figures) -> Table:
    table = whole_table("what", "figure", title="flow")
    for lane, rate in figures.rates.items():
        table.add_row(f"{lane}/s", _rate(rate))
    for name, sample in (("tick → order", figures.path_ns), ("order → answer", figures.answer_ns)):
        table.add_row(f"{name} p50 · p99 µs", f"{_micros(sample, 0.5)} · {_micros(sample, 0.99)}")
    approved = figures.refusals.get(Reason.APPROVED, 0)
    table.add_row("approved · refused", f"{approved} · {sum(figures.refusals.values()) - approved}")
    table.add_row("lost by this view", str(figures.lost))
    return table


def _rate(rate: Rate) -> str:
    return "-" if rate.per_s is None else f"{rate.per_s:,.0f}"


def _micros(sample: deque[int], share: float) -> str:
    value = quantile(sample, share)
    return "-" if value is None else f"{value / 1000:,.0f}"


def _market(figures: Figures, known: dict[int, Instrument]) -> Table:
    table = whole_table("venue", "instrument", "book", "bid", "ask", "spread bp", "imbalance", "events", title="books")
    for row in figures.cells("book_tops"):
        one = known.get(row.instrument)
        state = BookState(row.state).name.lower()
        if one is None:  # nobody knows yet what its numbers mean, and that is not to be hidden
            table.add_row("-", str(row.instrument), f"[red]{state}", *"-----")
            continue
        bid, ask = row.bid_price[0] if row.bids else 0, row.ask_price[0] if row.asks else 0
        table.add_row(
            one.venue, one.symbol, f"[{'green' if row.state == BookState.GOOD else 'red'}]{state}",
            f"{to_text(row.bid_size[0], one.size_decimals)} @ {to_text(bid, one.price_decimals)}",
            f"{to_text(ask, one.price_decimals)} @ {to_text(row.ask_size[0], one.size_decimals)}",
            bps_text(row.spread_bps), f"{row.imbalance:+.2f}", f"{row.change_count:,}",
        )  # fmt: skip
    return table


def _positions(figures: Figures, known: dict[int, Instrument]) -> Table:
    columns = ("strategy", "instrument", "position", "average", "net", "today", "realised", "unrealised", "fees")
    rows = figures.cells("positions")
    caption = profit.line(profit.profits(rows, known)[profit.ACCOUNT])
    table = whole_table(*columns, title="positions", caption=caption)
    for row in rows:
        if (one := known.get(row.instrument)) is not None and row.fill_count:
            table.add_row(
                str(row.strategy) if row.strategy else "account", one.symbol, profit.held_text(row),
                to_text(row.average_price, one.price_decimals), profit.money(row.net), profit.money(row.net_day),
                profit.money(row.realised), profit.money(row.unrealised), profit.fees_text(row),
            )  # fmt: skip
    return table


def _fills(figures: Figures, known: dict[int, Instrument]) -> Table:
    table = whole_table("strategy", "side", "size", "price", "", title=f"fills, newest last ({figures.filled:,})")
    for row in figures.recent:
        if (one := known.get(row.instrument)) is not None:
            table.add_row(*_fill(row, one))
    return table


def _fill(row: Any, one: Instrument) -> tuple[str, ...]:
    side = "[green]buy" if row.side > 0 else "[red]sell"
    size, price = to_text(row.size, one.size_decimals), to_text(row.price, one.price_decimals)
    return str(row.strategy), side, size, price, "maker" if row.maker else "taker"
