"""All venues together on a terminal: the global book of each group, one group's ladder, opportunities."""

import argparse
from typing import Any

from rich.console import Group, RenderableType

import shm
from engine.cli import NOT_FOUND, WRONG_USE, CommandError
from engine.cli.health import SILENT_NS
from engine.cli.live import draw_live
from engine.cli.look import known_instruments, name_of
from engine.cli.output import Terminal, ago, attach, choose_system, decimal_text, iso, monotonic_age, plain, print_json
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.rows import OpportunityRow
from engine.model.text import word
from engine.model.words import BookState, OpportunityKind
from engine.monitor.figures import bps_text
from engine.view.screen import whole_table

INTERVAL_S = 0.2
OPEN = (OpportunityKind.BEGIN, OpportunityKind.CHANGE)
Known = dict[int, Instrument]


class Across:
    """The aggregation's lanes, read again at each call."""

    def __init__(self, system: str) -> None:
        """Attach to the lanes of the aggregation."""
        self.known = known_instruments(system)
        self._groups, self._tops = _cells(system, "groups"), _cells(system, "global_tops")
        self._opportunities, self._beats = _cells(system, "open_opportunities"), _cells(system, "heartbeat.aggregation")

    def groups(self) -> list[tuple[Any, Any]]:
        """Every group with its global book; the book is None until the aggregation publishes it."""
        rows = [(index, self._groups.read(index)) for index in range(self._groups.count)]
        return [(group, self._tops.read(index)) for index, group in rows if group is not None and group.members]

    def silent_ns(self) -> int | None:
        """The age of the aggregation's heartbeat, None before the first; its data stays in memory when it dies."""
        row = self._beats.read()
        return None if row is None else monotonic_age(row.beat_ns)

    def opportunities(self) -> list[OpportunityRow]:
        """The opportunities that are open now, the best edge first."""
        rows = [self._opportunities.read(index) for index in range(self._opportunities.count)]
        return sorted((row for row in rows if row is not None and row.kind in OPEN), key=lambda row: -row.edge_e8)


def _cells(system: str, lane: str) -> shm.CellReader:
    cells = attach(f"{system}.{lane}")
    assert isinstance(cells, shm.CellReader)
    return cells


def across(options: argparse.Namespace) -> int:
    """Show every group and the opportunities, or one group's ladder."""
    system = choose_system(options.system)
    if f"{system}.heartbeat.aggregation" not in shm.names(system):
        raise CommandError(f"{system} has no aggregation: add a table [aggregation] to its file", NOT_FOUND)
    view = Across(system)
    if not view.groups():
        raise CommandError(
            f"{system}: no group is published yet: engine-ctl status shows whether aggregation and feed run", NOT_FOUND
        )
    if options.group:
        _find_group(view, options.group)
    if options.json:
        print_json(options, tree(view, options.group))
        return 0
    if options.once or not Terminal().is_terminal:
        Terminal().print(_screen(view, options.group))
        return 0
    return draw_live(lambda: _screen(view, options.group), lambda: None, INTERVAL_S)


def _screen(view: Across, group: str) -> RenderableType:
    shown = _ladder(view, *_find_group(view, group)) if group else _overview(view)
    silent_ns = view.silent_ns()
    if silent_ns is None:
        return Group("[red]the aggregation has no heartbeat: the data below may be stale", shown)
    if silent_ns < SILENT_NS:
        return shown
    return Group(f"[red]the aggregation's heartbeat is {ago(silent_ns)} old: the data below is stale", shown)


def _find_group(view: Across, text: str) -> tuple[Any, Any]:
    """The group of this name, or the group of the instrument with this symbol or id."""
    shown = view.groups()
    found = [one for one in shown if text.upper() == group_name(one[0]).upper()]
    found = found or [one for one in shown if text.upper() in _member_names(view, one[0])]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(group_name(one) for one, _ in found)
        raise CommandError(f"{text!r} is in several groups ({names}): name one of them", WRONG_USE)
    raise CommandError(
        f"no group {text!r}, expected one of {', '.join(group_name(one) for one, _ in shown)}", NOT_FOUND
    )


def _member_names(view: Across, group: Any) -> set[str]:
    members = [view.known[one] for one in group.instrument[: group.members] if one in view.known]
    return {word.upper() for one in members for word in (one.symbol, f"{one.venue}:{one.symbol}", str(one.id))}


def group_name(group: Any) -> str:
    """A group's name as text."""
    return str(group.name.rstrip(b"\0").decode())


def venues(group: Any, mask: int, known: Known) -> list[str]:
    """The venues of the members whose bit is set in the mask."""
    ids = [one for bit, one in enumerate(group.instrument[: group.members]) if mask >> bit & 1]
    return [known[one].venue if one in known else str(one) for one in ids]


def tree(view: Across, wanted: str) -> dict[str, Any]:
    """Groups and opportunities for JSON: prices and sizes as text."""
    groups = [_find_group(view, wanted)] if wanted else view.groups()
    chosen, silent_ns = {group.id for group, _ in groups}, view.silent_ns()
    return {
        "silent_ms": None if silent_ns is None else silent_ns // 1_000_000,
        "groups": [group_tree(group, top, view.known) for group, top in groups],
        "opportunities": [
            opportunity_tree(row, view.known) for row in view.opportunities() if row.group in chosen
        ],
    }  # fmt: skip


def group_tree(group: Any, top: Any, known: Known) -> dict[str, Any]:
    """One group's book for JSON."""
    members = venues(group, (1 << group.members) - 1, known)
    head = {"group": group.id, "group_name": group_name(group), "members": members}
    if top is None:
        return {**head, "state": BookState.EMPTY.name, "included": [], "bids": [], "asks": []}
    sides = {
        name: [
            (to_text(price, top.price_decimals), to_text(size, top.size_decimals), venues(group, mask, known))
            for price, size, mask in list(zip(prices, sizes, masks, strict=True))[:count]
        ]
        for name, prices, sizes, masks, count in (
            ("bids", top.bid_price, top.bid_size, top.bid_members, top.bids),
            ("asks", top.ask_price, top.ask_size, top.ask_members, top.asks),
        )
    }
    included, spread = venues(group, top.included, known), decimal_text(top.spread_bps)
    return {**head, "state": word(BookState, top.state), "included": included, "spread_bps": spread, **sides}


def opportunity_tree(row: OpportunityRow, known: Known) -> dict[str, Any]:
    """One opportunity for JSON."""
    profit = row.profit_high << 64 | row.profit_low
    return {
        **_leg("buy", row.buy_instrument, known), **_leg("sell", row.sell_instrument, known),
        "buy_price": to_text(row.buy_price, row.price_decimals),
        "sell_price": to_text(row.sell_price, row.price_decimals),
        "edge_bps": to_text(row.edge_e8, 4),
        "size": to_text(row.size, row.size_decimals),
        "profit": to_text(profit, row.price_decimals + row.size_decimals + 8),
        "begin_ns": row.begin_ns, "begin": iso(row.begin_ns),
        "opportunity_id": row.opportunity_id,
    }  # fmt: skip


def _leg(side: str, instrument: int, known: Known) -> dict[str, Any]:
    """The instrument of one side of an opportunity, with its symbol and venue."""
    names = {"symbol": name_of(known, instrument), "venue": _venue(instrument, known)}
    return {f"{side}_instrument": instrument, **{f"{side}_{key}": text for key, text in names.items()}}


def _venue(instrument: int, known: Known) -> str:
    return known[instrument].venue if instrument in known else "?"


def _overview(view: Across) -> RenderableType:
    """The tables of all global books and of all opportunities."""
    books = whole_table(
        "group", "book", "bid", "at", "ask", "at", "spread bp", "left out", box=None, title="global books"
    )
    for group, top in view.groups():
        one = group_tree(group, top, view.known)
        bid, ask = (one[side][0] if one[side] else ("-", "", []) for side in ("bids", "asks"))
        left_out = [venue for venue in one["members"] if venue not in one["included"]]
        books.add_row(
            one["group_name"], one["state"].lower(), bid[0], " ".join(bid[2]), ask[0], " ".join(ask[2]),
            bps_text(None if top is None else plain(top.spread_bps)), " ".join(left_out) or "-",
        )  # fmt: skip
    columns = ("buy", "at", "sell", "at", "edge bp", "size", "profit")
    pays = whole_table(*columns, box=None, title="opportunities after fees")
    for row in view.opportunities():
        one = opportunity_tree(row, view.known)
        buy, sell = (f"{one[f'{side}_venue']} {one[f'{side}_symbol']}" for side in ("buy", "sell"))
        pays.add_row(buy, one["buy_price"], sell, one["sell_price"], f"{float(one['edge_bps']):.2f}",
                     one["size"], f"{float(one['profit']):.4f}")  # fmt: skip
    return Group(books, pays)


def _ladder(view: Across, group: Any, top: Any) -> RenderableType:
    """Asks above bids, each level with its venues."""
    one = group_tree(group, top, view.known)
    table = whole_table("price", "size", "venues", box=None, title=f"{one['group_name']} {one['state'].lower()}")
    for side, colour in ((reversed(one["asks"]), "red"), (one["bids"], "green")):
        for price, size, names in side:
            table.add_row(f"[{colour}]{price}", size, " ".join(names))
    return table
