"""`engine-ctl cancel`: one order, or the open orders of a part of a system; prints what has ended and what is left.

A parent of the router is cancelled as a whole, by its own id or by that of a child: no further child of it is sent.
"""

import argparse
import time
from collections.abc import Mapping

from engine.cli import FAILED, NOT_FOUND, WRONG_USE, CommandError
from engine.cli.look import last_states, newest_parents, newest_routes, routed_children
from engine.cli.output import choose_system, print_json, print_line
from engine.cli.stopping.halt import POLL_S
from engine.cli.stopping.scope import is_named, named, open_orders
from engine.cli.system import call_supervisor, read
from engine.config import Config
from engine.model.rows import OrderRow
from engine.model.scope import WHOLE
from engine.model.text import shown, word
from engine.model.words import DONE_STATES, OrderFlag, OrderState, ParentStatus


def cancel(options: argparse.Namespace) -> int:
    """Send the cancel, and wait until the orders that were open have ended."""
    system, deadline = choose_system(options.system), time.monotonic() + options.timeout
    if bool(options.order) == is_named(options):
        raise CommandError(
            "cancel: expected ORDER, or one of --venue, --account, --strategy and --instrument"
            " (engine-ctl cancel-all cancels everything)",
            WRONG_USE,
        )
    config = read(call_supervisor(system, "status")["config"])
    if options.order:
        intent_id, routed = _intent_of(system, options.order), routed_children(system)
        arguments: Mapping[str, int | str] = {"order": intent_id}
        parent = routed.get(intent_id, intent_id)
        meant = [one for one in _open(system, config) if routed.get(one.intent_id, one.intent_id) == parent]
    else:
        part, parent = named(options, config), 0
        arguments, meant = part.arguments, open_orders(system, part.scopes, config.execution_names)
    answer = call_supervisor(system, "cancel", **arguments)
    return _report(options, system, {one.client_id: one for one in meant}, deadline, answer["sequence"], parent)


def _open(system: str, config: Config) -> list[OrderRow]:
    return open_orders(system, [WHOLE], config.execution_names)


def _intent_of(system: str, text: str) -> int:
    """The intent that is meant: one whose algorithm works, also without an order, or that of an open order."""
    number = int(text) if text.isdecimal() else 0
    parent, route = newest_parents(system).get(number), newest_routes(system).get(number)
    if (parent is not None and parent.status != ParentStatus.DONE) or (route is not None and _lives(route)):
        return number
    if route is not None:
        raise CommandError(f"order {text} is {word(OrderState, route.state).lower()}: nothing to cancel")
    return _find(system, text).intent_id


def _lives(row: OrderRow) -> bool:
    return row.state not in DONE_STATES


def _find(system: str, text: str) -> OrderRow:
    """The open order with this id of ours, of the venue, or of its intent, as `engine-ctl orders` prints it."""
    found = [row for row in last_states(system).values() if text in _names(row)]
    if not found:
        raise CommandError(f"no order {text!r}: engine-ctl orders lists the ids", NOT_FOUND)
    living = [row for row in found if row.state not in DONE_STATES]
    if not living:
        raise CommandError(f"order {text} is {OrderState(found[-1].state).name.lower()}: nothing to cancel")
    if any(row.flags & OrderFlag.FOREIGN for row in living):
        raise CommandError(f"order {text} was not placed by this system: cancel it at the venue")
    if len({row.intent_id for row in living}) > 1:
        raise CommandError(f"several orders {text!r}: use the id of ours, of 32 digits", WRONG_USE)
    newest: OrderRow = living[-1]
    return newest


def _names(row: OrderRow) -> tuple[str, str, str]:
    return row.client_id.ljust(16, b"\0").hex(), shown(row.venue_order_id), str(row.intent_id)


def _report(
    options: argparse.Namespace, system: str, meant: Mapping[bytes, OrderRow], deadline: float, sequence: int,
    parent: int,
) -> int:  # fmt: skip
    """Wait, and print how each order ended, and a parent of the router."""
    while True:
        states = {key: row for key, row in last_states(system).items() if key in meant}
        route = newest_routes(system).get(parent)
        left = [row for row in states.values() if _lives(row)]
        works = route is not None and _lives(route)
        if not (left or works) or time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    ended = [row for row in states.values() if row.state in DONE_STATES]
    if options.json:
        print_json(options, {
            "sequence": sequence, "orders_before": len(meant), "ended": [_tree(one) for one in ended],
            "orders_left": [_tree(one) for one in left],
            "routed": None if route is None else {"intent_id": parent, "state": word(OrderState, route.state).lower()},
        })  # fmt: skip
    else:
        print_line(
            f"open orders before: {len(meant)}; {len(ended)} orders have ended, {len(left)} are open or in doubt"
        )
        for one in (*ended, *left):
            print_line(f"  {_names(one)[0]} {word(OrderState, one.state).lower()}")
        if route is not None:
            print_line(_routed_line(route))
    return FAILED if left or works else 0


def _routed_line(route: OrderRow) -> str:
    """How far a parent of the router is."""
    state = word(OrderState, route.state).lower()
    if _lives(route):
        return (
            f"routed order {route.intent_id} is {state}: it ends with its last child; engine-ctl status shows whether"
            " the router runs"
        )
    return f"routed order {route.intent_id} is {state}"


def _tree(row: OrderRow) -> dict[str, str]:
    ours, theirs, _ = _names(row)
    return {"client_id": ours, "venue_order_id": theirs, "state": word(OrderState, row.state).lower()}
