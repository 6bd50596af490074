"""engine-ctl orders: open and in-flight orders, those of an algorithm under their parent.

    plain order     one line
    parent          one line: its algorithm, its size and how much of it is filled, working or stopping
      child         one line each, below it; as JSON in the parent's "children"
    routed parent   one line: its deadline, and what is filled over all accounts
      child         one line each, below it: those that are open, and those that have filled something

A parent that waits for its trigger is marked by who keeps it: kept (execution), or native (the venue).

Read from the lanes ORDERS, PARENTS, ROUTE_ORDERS and ROUTED, or from the journals of the accounts of a system that is
down: these have no parent of the router, so its children are listed alone.
"""

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.cli.look import known_instruments, last_states, newest_parents, newest_routes, routed_children
from engine.cli.output import choose_system, local, print_json, print_table, segments_of
from engine.cli.trees import Naming, tree_of
from engine.model import algorithms
from engine.model.words import DONE_STATES, NATIVE_TYPES, OrderState, OrderType, ParentStatus
from engine.monitor.names import Names
from engine.monitor.texts import title_of

COLUMNS = (
    "account",
    "time",
    "order",
    "strategy",
    "instrument",
    "side",
    "type",
    "price",
    "size",
    "filled",
    "state",
    "why",
)


UNSENT = {"account_name": "-"}  # a parent without a child has no account yet
ROUTE_KEYS = (
    "intent_id", "intent_ns", "intent", "now_ns", "now", "size", "filled", "limit_price", "expires_ns", "expires",
    "strategy", "strategy_name", "instrument", "symbol", "venue", "state", "side", "why",
)  # fmt: skip


class Found(NamedTuple):
    """Every order's and every parent's newest record, and the names and decimals for them."""

    orders: Mapping[bytes, Any]
    parents: Mapping[int, Any]
    naming: Naming
    routes: Mapping[int, Any] = {}  # the parents of the router
    routed: Mapping[int, int] = {}  # by the intent of a child of the router: its parent


def orders(options: argparse.Namespace) -> int:
    """List orders in their last state: from the lanes, or from the journal of a system that is down."""
    found = _find(choose_system(options.system, stopped=True))
    trees = _trees(found, all_of_them=options.all)
    if options.json:
        print_json(options, *trees)
        return 0
    rows = [row for tree in trees for row in _rows(tree, found.naming)]
    count = sum(len(tree.get("children", [tree])) for tree in trees)
    several = len({row.account for row in found.orders.values()}) > 1
    rows = [row if several else row[1:] for row in rows]
    print_table(COLUMNS if several else COLUMNS[1:], rows, f"{count} orders")
    return 0


def _find(system: str) -> Found:
    if segments_of(system, "orders"):
        naming = Naming(known_instruments(system), Names.of(system))
        routes, routed = newest_routes(system), routed_children(system)
        return Found(last_states(system), newest_parents(system), naming, routes, routed)
    from engine.cli import journal  # noqa: PLC0415 - only for a system that is down

    _, directories = journal.find(system, "")
    contents = journal.read_contents(*directories)
    return Found(contents.orders, contents.parents, contents.naming(system, *directories))


def _trees(found: Found, *, all_of_them: bool) -> list[dict[str, Any]]:
    """The orders as JSON, each parent before the first order of its own; those that have none yet come last."""
    parents = {
        intent: {**tree_of(row, found.naming), "children": []}
        for intent, row in found.parents.items()
        if all_of_them or row.status != ParentStatus.DONE
    }
    routes = {
        intent: _route(row, found.naming)
        for intent, row in found.routes.items()
        if all_of_them or row.state not in DONE_STATES
    }
    trees, placed = [], set()
    for row in found.orders.values():
        intent = found.routed.get(row.intent_id, row.intent_id)
        parent = parents.get(intent) or routes.get(intent)
        if parent is not None and intent not in placed:
            placed.add(intent)
            trees.append(parent)
        if all_of_them or row.state not in DONE_STATES or (intent in routes and row.filled):
            place = trees if parent is None else parent["children"]
            place.append(tree_of(row, found.naming))
    for intent, parent in parents.items():
        parent["waits"] = _waits(found.parents[intent], parent["children"])
    return trees + [parent for intent, parent in (parents | routes).items() if intent not in placed]


def _route(row: Any, naming: Naming) -> dict[str, Any]:
    """A parent of the router as JSON, in the shape of the other parents."""
    tree = tree_of(row, naming)
    return {
        **{key: tree[key] for key in ROUTE_KEYS if key in tree},
        "account_name": "router", "algorithm_name": "route", "terms": {}, "status": tree["state"], "waits": "",
        "children": [],
    }  # fmt: skip


def _waits(row: Any, children: list[dict[str, Any]]) -> str:
    """Who keeps a parent that waits for its trigger; empty for one that does not wait."""
    live = [one for one in children if OrderState[one["state"]] not in DONE_STATES]
    if any(OrderType[one["order_type"]] in NATIVE_TYPES for one in live):
        return "native"
    return "kept" if row.status == ParentStatus.WORKING and algorithms.keeps(row.algorithm) and not live else ""


def _rows(tree: dict[str, Any], naming: Naming) -> list[tuple[object, ...]]:
    """The lines of an order, or of a parent and its children."""
    if "children" not in tree:
        return [_row(tree, naming, tree["client_id"], _kind(tree), tree["price"], tree["state"])]
    terms = "".join(f" {name}={value}" for name, value in tree["terms"].items())
    kind = tree["algorithm_name"] + terms + (f" ({tree['waits']})" if tree["waits"] else "")
    kind += f" until {local(tree['expires_ns'])}" if "expires_ns" in tree else ""
    head = _row(tree, naming, tree["intent_id"], kind, tree["limit_price"], tree["status"])
    return [head] + [
        _row(child, naming, f"  {child['client_id']}", _kind(child), child["price"], child["state"])
        for child in tree["children"]
    ]


def _row(
    tree: dict[str, Any], naming: Naming, order: object, kind: str, price: object, state: str
) -> tuple[object, ...]:
    return (
        _account(tree), local(tree["now_ns"]), order, tree["strategy_name"],
        title_of(naming.instruments, tree["instrument"]), tree["side"], kind, price, tree["size"], tree["filled"],
        state.lower(), tree.get("why") or "-",
    )  # fmt: skip


def _account(tree: dict[str, Any]) -> str:
    """The name of an order's account; of a parent that of its first child."""
    return str(tree["account_name"]) if "account_name" in tree else _account(*tree["children"][:1] or [UNSENT])


def _kind(tree: dict[str, Any]) -> str:
    return f"{tree['order_type']} {tree['time_in_force']}".lower()
