"""The lanes of the router.

ROUTES of every strategy, BOOKS of every feed, COMMANDS  ──▶ role ──▶ ROUTED to every execution (lossless)
VERDICTS, ORDERS of every execution                      ──▶      ──▶ ROUTE_VERDICTS, ROUTE_ORDERS, ROUTES_ACCEPTED,
                                                                       ROUTER_SETTINGS
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.lanes.ports import CellReader, CellWriter, Lanes, RingReader, RingWriter, past


@dataclass(frozen=True, slots=True)
class AccountLanes:
    """The lanes between the router and one account's execution. `sent` reads what `routed` writes."""

    routed: RingWriter
    sent: RingReader
    verdicts: RingReader
    orders: RingReader


@dataclass(frozen=True, slots=True)
class RouterLanes:
    """Every lane of the router.

    `routes` is keyed by the strategy's number; `accepted` has a cell for each, in the configuration's order.
    """

    books: Sequence[RingReader]
    routes: Mapping[int, RingReader]
    commands: RingReader
    accounts: Mapping[str, AccountLanes]
    halt: CellReader
    operator_halt: CellReader
    accepted: CellWriter
    verdicts: RingWriter
    orders: RingWriter
    settings: CellWriter
    steps: RingWriter
    closers: Sequence[Any] = ()

    @property
    def inputs(self) -> tuple[RingReader, ...]:
        """What a STEP has the cursors of, in this order."""
        answers = [lane for one in self.accounts.values() for lane in (one.verdicts, one.orders)]
        return (*self.books, self.commands, *self.routes.values(), *answers)


def open_router_lanes(lanes: Lanes, strategies: Mapping[int, str], accounts: Sequence[str]) -> RouterLanes:
    """Open the lanes; `strategies`: their names by number, in the configuration's order."""
    accepted, known = lanes.cell_writer("routes_accepted"), lanes.cell_reader("routes_accepted")
    routes = {}
    for index, (number, name) in enumerate(strategies.items()):
        routes[number] = past(lanes.ring_reader("routes", name))
        cell = known.read(index)
        routes[number].cursor = routes[number].cursor if cell is None else cell.cursor
    return RouterLanes(
        books=[lane for _, lane in lanes.ring_readers("books")],
        routes=routes,
        commands=past(lanes.ring_reader("commands")),
        accounts={one: _account(lanes, one, len(strategies)) for one in accounts},
        halt=lanes.cell_reader("halt"),
        operator_halt=lanes.cell_reader("operator_halt"),
        accepted=accepted,
        verdicts=lanes.ring_writer("route_verdicts"),
        orders=lanes.ring_writer("route_orders"),
        settings=lanes.cell_writer("router_settings"),
        steps=lanes.ring_writer("steps"),
        closers=(lanes,),
    )


def _account(lanes: Lanes, account: str, index: int) -> AccountLanes:
    """The lanes of one account; execution publishes how far it has read ours in the cell after the strategies'."""
    routed = lanes.ring_writer("routed", account)
    routed.follow(lanes.cell_reader("accepted", account), index)
    return AccountLanes(
        routed, past(lanes.ring_reader("routed", account)), past(lanes.ring_reader("verdicts", account)),
        past(lanes.ring_reader("orders", account)),
    )  # fmt: skip
