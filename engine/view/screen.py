"""The live view: a system's figures on one screen, sized to the terminal.

    demo (paper) · trading · 8 of 8 roles alive                    its state; HALTED with reason and time
    monitor: compared 0.1 s ago, no difference; drawdown 0.0005 …  where the system has a monitor
    ticks 1,204/s · orders 3.1/s · tick → order p50 76 p99 155 µs  rates and latencies
    maker ORDER_RATE: 61 of 60 in a minute (193 times)             the newest refusals
    BOOKS / POSITIONS / OPEN ORDERS / FILLS                        as many rows of each as fit
    q quits                                                        keys

A terminal of 80 x 24 shows every section. The heading of a section counts the rows that do not fit ("3 of 12"). A
larger terminal shows every role with its process as well. The orders of an algorithm are below their parent:

    maker      BTCUSDT  buy   0.01000  0.00200  60000.00  chase  1.2 s   its intent: algorithm, or stopping; not counted
     child 4   BTCUSDT  buy   0.00800  0.00000  59999.90  open   0.1 s   one order at the venue

The state of a parent of the router is its deadline ("until 12:00:05"); its children are named by their accounts.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.model import algorithms
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.monitored import exceeded
from engine.model.refusals import refusal_text
from engine.model.rows import FillRow, OrderRow, ParentRow, PositionRow
from engine.model.text import bare, word
from engine.model.words import BookState, HaltReason, OrderState, ParentStatus, Reason, RoleState
from engine.monitor import profit
from engine.monitor.figures import Figures, Rate, RoleLife, bps_text, quantile
from engine.monitor.summary import summary
from engine.monitor.texts import price_text, size_text, title_of

LATE_NS = 500_000_000
SECOND_NS = 1_000_000_000
UNLIMITED = 1000  # rows of a screen that is printed once
REFUSALS_SHOWN = 2
ROOM_FOR_ROLES = 40  # rows of a terminal that shows each role's process
WIDE = 100  # columns of a terminal that shows the parts of the net
PARTS = ("realised", "unrealised", "fees")
KEYS = "q quits · more: engine-ctl status, orders, positions, log"
SUPERVISOR = "supervisor"


@dataclass(slots=True)
class Section:
    """A table of the screen; the most important rows come first."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    shown: int = 0
    heads: set[int] = field(
        default_factory=set
    )  # the places of rows that only head the rows below, and are not counted

    def count(self, rows: int) -> int:
        """How many of the first rows are counted."""
        return rows - sum(1 for place in self.heads if place < rows)


def screen(figures: Figures, width: int, height: int = UNLIMITED, note: str = "") -> RenderableType:
    """The whole screen in this number of columns and rows."""
    known = figures.instruments()
    refusals = _refusals(figures, known)
    heads = [_headline(figures), _profit(figures, known), *_monitored(figures), _flow(figures)]
    heads += [*refusals[: REFUSALS_SHOWN if height < UNLIMITED else len(refusals)]]
    heads += [Text(note)] if note else []
    sections = [
        _books(figures, known), _positions(figures, known, width), _orders(figures, known), _fills(figures, known)
    ]  # fmt: skip
    if height >= ROOM_FOR_ROLES:
        sections.insert(0, _roles(figures))
    lines = sum(_lines(head, width) for head in heads) + 1
    share(sections, height - lines - len(sections))
    return Group(*heads, *(_table(one, width) for one in sections), Text(KEYS, style="dim"))


def share(sections: Sequence[Section], rows: int) -> None:
    """Divide the rows among the sections, one at a time, until each section shows all or no rows are left."""
    left = max(rows, 0)
    while left and any(one.shown < len(one.rows) for one in sections):
        for one in sections:
            if left and one.shown < len(one.rows):
                one.shown += 1
                left -= 1


def whole_table(*columns: str, **options: Any) -> Table:
    """A table that wraps long numbers: a number that is cut off would read as another number."""
    table = Table(**options)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _table(section: Section, width: int) -> Table:
    """A section as a table; its heading counts the rows that are not shown."""
    shown, total = section.count(section.shown), section.count(len(section.rows))
    count = f"{shown} of {total}" if shown < total else str(total)
    table = whole_table(f"{section.title} {count}", *section.columns, box=None, pad_edge=False, width=width,
                        header_style="bold cyan")  # fmt: skip
    for row in section.rows[: section.shown]:
        table.add_row(*row)
    return table


def _lines(text: Text, width: int) -> int:
    return max(1, -(-text.cell_len // max(width, 1)))


def _headline(figures: Figures) -> Text:
    """The system's state, and the roles that are late or dead."""
    roles = figures.roles.values()
    alive = [role for role in roles if role.life == "alive" and role.beat_age_ns <= LATE_NS]
    missing = [f"{role.name} {_life(role)}" for role in roles if role not in alive]
    mode = f" ({figures.names.mode})" if figures.names.mode else ""
    text = Text(f"{figures.system}{mode} · ", style="bold")
    text.append(*_state(figures))
    text.append(f" · {len(alive)} of {len(roles)} roles alive", style="green" if not missing else "red")
    return text.append(f": {', '.join(missing)}", style="red") if missing else text


def _profit(figures: Figures, known: dict[int, Instrument]) -> Text:
    """The account's net profit and its parts."""
    return Text(profit.line(profit.profits(figures.cells("positions"), known)[profit.ACCOUNT]))


def _monitored(figures: Figures) -> list[Text]:
    """What the monitor finds, for each account that it watches."""
    rows, now_ns = figures.cells("monitored_account"), time.time_ns()
    whose = {row.account: f" of {figures.names.account(row.account)}" if len(rows) > 1 else "" for row in rows}
    return [
        Text(
            f"monitor{whose[row.account]}: {summary(row, now_ns)}",
            style="red" if row.differences or exceeded(row) else "",
        )
        for row in rows
    ]


def _state(figures: Figures) -> tuple[str, str]:
    """The system's state in words, and its colour."""
    rows = figures.cells("halt")
    if rows and rows[0].halted:
        reason = HaltReason(rows[0].reason).name.lower() if rows[0].reason in set(HaltReason) else "?"
        return f"HALTED ({reason}) since {clock_text(rows[0].since_ns)}, engine-ctl resume ends it", "bold red"
    executions = figures.executions()
    if not executions:
        return ("market data, no execution" if figures.feeds() else "no execution"), "yellow"
    stopped = {role: why for role, life in executions.items() if (why := _stopped(figures, life))}
    if not stopped:
        return "trading", "bold green"
    why = ", ".join(stopped.values())
    return f"{'trading in part' if len(stopped) < len(executions) else 'NOT trading'}, {why}", "bold red"


def _stopped(figures: Figures, execution: RoleLife) -> str:
    """Why an execution sends no entries; "" while it does."""
    if execution.life != "alive":
        return f"{execution.name} is {execution.life}"
    gate = figures.gate(execution.name)
    if gate is None or not gate.exits_only:
        return ""
    whose = f"{execution.name}: " if len(figures.executions()) > 1 else ""
    return whose + refusal_text(gate.exits_only)


def _life(role: RoleLife) -> str:
    return f"late by {role.beat_age_ns / SECOND_NS:.1f} s" if role.life == "alive" else role.life


def _flow(figures: Figures) -> Text:
    """Rates, latencies, and how many intents risk approved and refused."""
    rates = [f"{lane} {_rate(rate)}/s" for lane, rate in figures.rates.items()]
    for name, sample in (("tick → order", figures.path_ns), ("order → answer", figures.answer_ns)):
        p50, p99 = (quantile(sample, part) for part in (0.5, 0.99))
        if p50 is not None and p99 is not None:
            rates.append(f"{name} p50 {p50 / 1000:,.0f} p99 {p99 / 1000:,.0f} µs")
    approved = figures.refusals.get(Reason.APPROVED, 0)
    rates.append(f"{approved:,} approved, {sum(figures.refusals.values()) - approved:,} refused")
    if figures.lost:
        rates.append(f"this view missed {figures.lost:,} records")
    return Text(" · ".join(rates))


def _rate(rate: Rate) -> str:
    return "-" if rate.per_s is None else f"{rate.per_s:,.0f}" if rate.per_s >= 10 else f"{rate.per_s:.1f}"  # noqa: PLR2004


def _refusals(figures: Figures, known: dict[int, Instrument]) -> list[Text]:
    """Why intents were refused, the newest reason first."""
    lines = []
    for (strategy, reason), (count, row) in reversed(figures.refused.items()):
        why = refusal_text(reason, row.value, row.limit, known.get(row.instrument))
        lines.append(Text(f"refused: {figures.names.strategy(strategy)} {why} ({count:,} times)", style="yellow"))
    return lines


def _roles(figures: Figures) -> Section:
    section = Section("ROLES", ("pid", "state", "life", "beat ms", "lives", "lag", "errors", "steps/s"))
    for role in figures.roles.values():
        life = "late" if role.life == "alive" and role.beat_age_ns > LATE_NS else role.life
        state = word(RoleState, role.state).lower()
        section.rows.append((
            role.name, str(role.pid), state, f"[{'green' if life == 'alive' else 'red'}]{life}",
            f"{role.beat_age_ns / 1e6:.0f}", str(role.epoch), f"{role.lag:,}", f"{role.error_count:,}",
            _rate(role.steps),
        ))  # fmt: skip
    return section


def _books(figures: Figures, known: dict[int, Instrument]) -> Section:
    """Books that are not good first; while their feed is dead or late, the books show that instead of their states."""
    section = Section("BOOKS", ("book", "bid", "ask", "spread bp", "age"))
    wide = {
        one.id for of, one in figures.owned_cells("instruments") if one.spread_alarm_bps and not _silent(figures, of)
    }
    for feed, row in sorted(figures.owned_cells("book_tops"), key=lambda one: one[1].state == BookState.GOOD):
        silent = _silent(figures, feed)
        good = row.state == BookState.GOOD and not silent
        state = f"[{'green' if good else 'red'}]{silent or word(BookState, row.state).lower()}"
        one = known.get(row.instrument)
        if one is None:  # the feed has not published the instrument's decimals yet
            section.rows.append((str(row.instrument), state, "-", "-", "-", "-"))
            continue
        bid, ask = row.bid_price[0] if row.bids else 0, row.ask_price[0] if row.asks else 0
        section.rows.append((
            title_of(known, row.instrument), state,
            f"{to_text(row.bid_size[0], one.size_decimals)} @ {to_text(bid, one.price_decimals)}",
            f"{to_text(ask, one.price_decimals)} @ {to_text(row.ask_size[0], one.size_decimals)}",
            bps_text(row.spread_bps if good else None) + (" [red]wide[/]" if row.instrument in wide else ""),
            age_text(time.time_ns() - row.publish_ns),
        ))  # fmt: skip
    return section


def _silent(figures: Figures, role: str) -> str:
    """The text for the books of a feed while it is dead or late; "" while it beats."""
    feed = figures.roles.get(role)
    return "" if feed is None or (feed.life == "alive" and feed.beat_age_ns <= LATE_NS) else f"{role} {_life(feed)}"


def _positions(figures: Figures, known: dict[int, Instrument], width: int) -> Section:
    """The positions with their net; on a wide terminal also the parts of the net."""
    wide = width >= WIDE
    section = Section("POSITIONS", ("instrument", "position", "average", "net", "today", *(PARTS if wide else ())))
    for row in figures.cells("positions"):
        if (one := known.get(row.instrument)) is not None and row.fill_count:
            parts = (profit.money(row.realised), profit.money(row.unrealised), profit.fees_text(row)) if wide else ()
            section.rows.append((
                _owner(figures, row), title_of(known, row.instrument), profit.held_text(row),
                to_text(row.average_price, one.price_decimals), profit.money(row.net), profit.money(row.net_day),
                *parts,
            ))  # fmt: skip
    return section


def _orders(figures: Figures, known: dict[int, Instrument]) -> Section:
    """Newest first; a parent's orders are together below it, and a parent that has none now comes last."""
    section = Section("OPEN ORDERS", ("instrument", "side", "size", "filled", "price", "state", "age"))
    parents = figures.parents | figures.routes
    children: dict[int, list[OrderRow]] = {}
    for row in reversed(figures.open_orders.values()):
        children.setdefault(_parent_of(figures, row), []).append(row)
    waiting = set(parents) - set(children)
    for row in reversed(figures.open_orders.values()):
        if (parent := _parent_of(figures, row)) not in parents:
            section.rows.append(_order_row(row, known, _owner(figures, row)))
        elif family := children.pop(parent, None):
            _add_family(section, parents[parent], family, figures, known)
    for intent, one in reversed(parents.items()):
        if intent in waiting:
            _add_family(section, one, [], figures, known)
    return section


def _parent_of(figures: Figures, row: OrderRow) -> int:
    """The intent of an order; of a child of the router, that of its parent."""
    return figures.routed.get(row.intent_id, row.intent_id)


def _add_family(
    section: Section, parent: ParentRow | OrderRow, children: Sequence[OrderRow], figures: Figures,
    known: dict[int, Instrument],
) -> None:  # fmt: skip
    """A parent's line, and a line for each of its open orders."""
    section.heads.add(len(section.rows))
    routed = parent.intent_id in figures.routes
    begun_ns = parent.intent_ns if routed else min((row.intent_ns for row in children), default=0)
    section.rows.append((
        figures.names.strategy(parent.strategy), title_of(known, parent.instrument), side_text(parent.side),
        size_text(known, parent.instrument, parent.size), size_text(known, parent.instrument, parent.filled),
        _limit(known, parent), _work(figures, parent.intent_id),
        age_text(time.time_ns() - begun_ns) if begun_ns else "-",
    ))  # fmt: skip
    section.rows += [
        _order_row(row, known, f" {figures.names.account(row.account)}" if routed else f" child {row.child}")
        for row in children
    ]


def _work(figures: Figures, intent: int) -> str:
    """What works a parent: an algorithm, or the router until its deadline; or that it makes no further child."""
    if (route := figures.routes.get(intent)) is not None:
        return "stopping" if bare(route.error_text) else f"until {clock_text(route.expires_ns)}"
    parent = figures.parents[intent]
    if parent.status == ParentStatus.WORKING:
        return algorithms.name_of(parent.algorithm)
    return word(ParentStatus, parent.status).lower()


def _order_row(row: OrderRow, known: dict[int, Instrument], title: str) -> tuple[str, ...]:
    age = age_text(time.time_ns() - row.intent_ns)
    return title, *order_texts(row, known), word(OrderState, row.state).lower(), age


def order_texts(row: OrderRow, known: dict[int, Instrument]) -> tuple[str, ...]:
    """An order's instrument, side, size, what is filled, and price."""
    of = row.instrument
    size, filled = size_text(known, of, row.size), size_text(known, of, row.filled)
    return title_of(known, of), side_text(row.side), size, filled, price_text(known, of, row.price)


def _fills(figures: Figures, known: dict[int, Instrument]) -> Section:
    """Newest first."""
    section = Section("FILLS", ("strategy", "instrument", "side", "size", "price", ""))
    for row in reversed(figures.recent):
        section.rows.append((
            clock_text(row.venue_ns or row.receive_ns), _owner(figures, row),
            title_of(known, row.instrument), side_text(row.side), size_text(known, row.instrument, row.size),
            price_text(known, row.instrument, row.price),
            "maker" if row.maker else "taker",
        ))  # fmt: skip
    return section


def _owner(figures: Figures, row: OrderRow | FillRow | PositionRow) -> str:
    """The strategy of a row, with its account where there are several."""
    strategy = figures.names.strategy(row.strategy)
    return f"{strategy} @ {figures.names.account(row.account)}" if len(figures.names.accounts) > 1 else strategy


def _limit(known: dict[int, Instrument], row: ParentRow | OrderRow) -> str:
    return price_text(known, row.instrument, row.limit_price) if row.limit_price else "no limit"


def side_text(side: int) -> str:
    """A side in its colour."""
    return "[green]buy" if side > 0 else "[red]sell"


def clock_text(at_ns: int) -> str:
    """A wall clock time as the local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at_ns // SECOND_NS)) if at_ns else "-"


def age_text(age_ns: int) -> str:
    """An age in the unit that keeps it short."""
    seconds = max(age_ns, 0) / SECOND_NS
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004
