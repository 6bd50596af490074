"""The lanes of a strategy's role, as protocols: the same role runs on shared memory and on a replay.

    TICKS, BOOKS            of every feed       ──▶ role ──▶ INTENTS.<name>.<execution> (lossless), STEPS.<name>
    VERDICTS, ORDERS, FILLS of every execution  ──▶      ──▶ ROUTES.<name>.router (lossless), in a system with a router
    ROUTE_VERDICTS, ROUTE_ORDERS of the router  ──▶
    COMMANDS; BARS, GLOBAL_BOOKS, OPPORTUNITIES, if read ──▶

`KINDS` is the order of the cursors in a STEP record. Of a kind that exists once for each feed or execution there is one
cursor for each, in the configuration's order; `places` numbers them. The lanes of the router that `OF_ROUTER` names
follow those of the executions: to a strategy it is one more place that answers intents, and has no fills of its own.
The cursors of the role's own intents show how many intents the step made. The cursors of `AGGREGATES` are 0 for a lane
that the strategy does not read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.lanes import EXECUTION, FEED
from engine.lanes.ports import CellReader, CellWriter, Lanes, RingReader, RingWriter

OF_FEEDS, OF_EXECUTIONS, OWN = ("ticks", "books"), ("verdicts", "orders", "fills"), "intents"
INPUTS = (*OF_FEEDS, *OF_EXECUTIONS, "commands")
AGGREGATES = ("bars", "global_books", "opportunities")
KINDS = (*INPUTS, OWN, *AGGREGATES)
OF_ROUTER = {
    "verdicts": "route_verdicts", "orders": "route_orders", OWN: "routes", "accepted": "routes_accepted",
}  # fmt: skip
LANES_MOST = 64  # cursors of a STEP: the lapped lanes are bits of one of its cells
LAPPED_CELL, MARKS_CELL, LOADED_CELL, VERSION_CELL = range(4)  # of a STEP's cells: the lapped lanes, a bit each at its
# place; marks; the time of the saved state that this life has loaded, 0 without one; `saved.version_of` the strategy.
MARK_DRAIN, MARK_FULL = 1, 2  # the step was a first `drain`; an intents lane was full


def places(
    feeds: Sequence[str] = (FEED,), executions: Sequence[str] = (EXECUTION,), routers: Sequence[str] = ()
) -> dict[tuple[str, str], int]:
    """The place of each lane's cursor in a STEP, by the lane's name and its owner; "" for a lane that exists once."""
    owners = dict.fromkeys(OF_FEEDS, feeds) | dict.fromkeys((*OF_EXECUTIONS, OWN), executions)
    owners |= {kind: (*of, *routers) for kind, of in owners.items() if kind in OF_ROUTER}
    named = [(kind, of) for kind in KINDS for of in owners.get(kind, ("",))]
    return {one: place for place, one in enumerate(named)}


def check_places(feeds: int, executions: int, routers: int = 0) -> None:
    """Refuse more feeds and executions than a strategy's STEP has room for: `engine-ctl check` asks here too."""
    count = len(OF_FEEDS) * feeds + (len(OF_EXECUTIONS) + 1) * executions + len(AGGREGATES) + 1
    count += routers * sum(kind in KINDS for kind in OF_ROUTER)
    if count > LANES_MOST:
        msg = f"{feeds} feeds and {executions} accounts: a strategy reads {count} lanes, expected {LANES_MOST} at most"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class StrategyLanes:
    """All lanes of one strategy role.

    `ticks` and `books` have one reader for each feed; `verdicts`, `orders`, `fills`, `positions`, `own`, `intents` and
    `accepted` have one entry for each execution, in the same order, and without `fills` and `positions` a last one for
    the router, in a system that has one. `own` reads the intents lanes that `intents`
    writes; only recovery uses it. `accepted` reads how far an execution has read its intents: an ACCEPTED row, or None.
    """

    ticks: tuple[RingReader, ...]
    books: tuple[RingReader, ...]
    verdicts: tuple[RingReader, ...]
    orders: tuple[RingReader, ...]
    fills: tuple[RingReader, ...]
    commands: RingReader
    positions: tuple[CellReader, ...]
    own: tuple[RingReader, ...]
    intents: tuple[RingWriter, ...]
    steps: RingWriter
    bars: RingReader | None = None  # this and the next two: None for a strategy that does not read it
    global_books: RingReader | None = None
    opportunities: RingReader | None = None
    accepted: tuple[Callable[[], Any], ...] = ()
    parameters: CellWriter | None = None  # confirms what an operator has set; None in a replay
    beliefs: CellWriter | None = None  # what it believes, for lookers; None in a replay
    states: Any = None  # the cell of what the strategy has saved: its writer reads it too, at its start

    @property
    def router(self) -> int:
        """The place of the router among `intents`; -1 in a system without a router."""
        return len(self.fills) if len(self.intents) > len(self.fills) else -1

    def close(self) -> None:
        """Close the lanes it writes; readers end with their last reference."""
        for lane in self.intents:
            lane.close()
        self.steps.close()
        for cells in (self.parameters, self.beliefs, self.states):
            if cells is not None:
                cells.close()


def open_strategy_lanes(lanes: Lanes, accepted_index: int, reads: Sequence[str] = ()) -> StrategyLanes:
    """Open the lanes of a strategy's role.

    `accepted_index` is the cell of ACCEPTED in which an execution writes how far it has read this strategy's intents.
    In a replay no execution reads them: their lanes are plain rings, which are never full. `reads` names the lanes of
    AGGREGATES that the strategy reads.
    """
    routed = lanes.has(OF_ROUTER[OWN])
    intents = tuple(lane for _, lane in lanes.ring_writers(OWN))
    accepted = tuple(lane for _, lane in lanes.cell_readers("accepted"))
    if routed:
        intents += (lanes.ring_writer(OF_ROUTER[OWN]),)
        accepted += (lanes.cell_reader(OF_ROUTER["accepted"]),)
    for lane, cells in zip(intents, accepted, strict=True):
        if lane.lossless:
            lane.follow(cells, accepted_index)
    each: dict[str, Any] = {
        kind: tuple(lane for _, lane in lanes.ring_readers(kind)) for kind in (*OF_FEEDS, *OF_EXECUTIONS, OWN)
    }
    if routed:
        each |= {kind: (*each[kind], lanes.ring_reader(lane)) for kind, lane in OF_ROUTER.items() if kind in each}
    own = each.pop(OWN)
    single: dict[str, Any] = {kind: lanes.ring_reader(kind) for kind in ("commands", *reads)}
    return StrategyLanes(
        **each,
        **single,
        positions=tuple(lane for _, lane in lanes.cell_readers("positions")),
        own=own,
        intents=intents,
        steps=lanes.ring_writer("steps"),
        accepted=tuple(partial(cells.read, accepted_index) for cells in accepted),
        parameters=lanes.cell_writer("parameters"),
        beliefs=lanes.cell_writer("beliefs"),
        states=lanes.cell_writer("states"),
    )
