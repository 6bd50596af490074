"""The map: every lane with its record, its one writer and its readers.

    a role's name       STRATEGY, EXECUTION, FEED, AGGREGATION, CANCELLER, MONITOR, ROUTER, SUPERVISOR
    OPERATOR            the operator's own process, or the supervisor in its place, under the lock of the cell
    LOOKERS             research, engine-ctl, views, benches: they only read
    ROLE                as a writer: each role writes its own lane

A lane with `each` exists once for every role of that kind: every strategy, feed, execution, or every role at all. The
owner's name is the lane's last part: `/dev/shm/steelyard.<system>.<lane>.<name>`. `intents` has one consumer, so it
exists once for every pair of a strategy and an execution: `intents.<strategy>.<execution>`. Of lanes that exist once
for each of its own kind, a role reads only its own. The lanes of the router exist in a system that has one.

`open.py` opens only what this table allows. Tests compare the table with what each role opens, and with the picture in
ARCHITECTURE.md. A writer reads its own cells without being a reader here.
"""

from dataclasses import dataclass

from engine.meters.table import METERS, WORDS
from engine.model import aggregates, records
from shm.record import Record

STRATEGY, EXECUTION, FEED, SUPERVISOR, LOOKERS = "strategy", "execution", "feed", "supervisor", "lookers"
AGGREGATION, OPERATOR, ROLE, CANCELLER, MONITOR = "aggregation", "operator", "role", "canceller", "monitor"
ROUTER = "router"
PAIR = f"{STRATEGY}.{EXECUTION}"  # as `each`: one lane for every strategy and execution
KINDS = (STRATEGY, EXECUTION, FEED, AGGREGATION, CANCELLER, MONITOR, ROUTER, SUPERVISOR, OPERATOR, LOOKERS)


class LaneError(Exception):
    """A lane that the map does not have, or does not give to the role that asked."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane. `kind`: ring (broadcast), lossless (one consumer, a full ring refuses the producer), cells, words.

    In a system of mode replay no execution consumes intents, so there a lossless lane is created as a ring.
    """

    name: str
    record: Record
    kind: str
    writer: str
    readers: tuple[str, ...]
    capacity: int = 0  # slots of a ring, 2^k
    reserve: int = 0  # the most records one publish may hold
    count: int = 1  # cells or words in the segment
    wake: str = "idle_edge"  # or never: then its readers spin or poll
    each: str = ""  # the kind of its owner, or PAIR: one such lane for each
    start: int = 0  # a ring's first sequence

    @property
    def keeps_records(self) -> bool:
        """Whether it holds records that a reader reads one by one: the words of meters only grow."""
        return self.kind != "words"

    @property
    def owner_kinds(self) -> tuple[str, ...]:
        """The kind of each owner: of a lane that exists once for the system, none."""
        return tuple(self.each.split(".")) if self.each else ()

    def is_written_by(self, kind: str, own: str, of: str) -> bool:
        """Whether a role of this kind and name writes the lane; of an `each` lane, the one whose owner is `of`."""
        may = self.writer == kind or (self.writer == ROLE and kind not in (LOOKERS, OPERATOR))
        return may and self._is_of((kind, ROLE), own, of)

    def is_read_by(self, kind: str, own: str, of: str) -> bool:
        """Whether a role of this kind and name reads the lane. Of the lanes of its own kind it reads only its own.

        A role that the map does not name reads what lookers read.
        """
        return (kind if kind in KINDS else LOOKERS) in self.readers and self._is_of((kind,), own, of)

    def _is_of(self, kinds: tuple[str, ...], own: str, of: str) -> bool:
        """Whether `of` names an owner of each kind, and the role itself where the owner is of one of these kinds."""
        owners = of.split(".") if of else []
        return len(owners) == len(self.owner_kinds) and all(
            owner == own for kind, owner in zip(self.owner_kinds, owners, strict=True) if kind in kinds
        )


LANES = (
    Lane(
        "instruments",
        records.INSTRUMENT,
        "cells",
        FEED,
        (FEED, STRATEGY, EXECUTION, AGGREGATION, MONITOR, ROUTER, LOOKERS),
        count=256,
        wake="never",
        each=FEED,
    ),
    Lane(
        "ticks",
        records.TICK,
        "ring",
        FEED,
        (STRATEGY, EXECUTION, AGGREGATION, LOOKERS),
        capacity=1 << 17,
        reserve=1 << 12,
        each=FEED,
    ),
    Lane(
        "books",
        records.BOOK_TOP,
        "ring",
        FEED,
        (STRATEGY, EXECUTION, AGGREGATION, ROUTER, LOOKERS),
        capacity=1 << 13,
        reserve=64,
        each=FEED,
    ),
    Lane("frames", records.FRAME, "ring", FEED, (LOOKERS,), capacity=1 << 16, reserve=256, wake="never", each=FEED),
    Lane("connections", records.CONNECTION, "cells", FEED, (LOOKERS,), count=128, wake="never", each=FEED),
    Lane(
        "book_tops",
        records.BOOK_TOP,
        "cells",
        FEED,
        (AGGREGATION, MONITOR, LOOKERS),
        count=256,
        wake="never",
        each=FEED,
    ),
    Lane("levels", records.TICK, "ring", FEED, (LOOKERS,), capacity=1 << 17, reserve=1 << 12, each=FEED),
    Lane("groups", aggregates.GROUP, "cells", AGGREGATION, (LOOKERS,), count=256, wake="never"),
    Lane(
        "global_books", aggregates.GLOBAL_BOOK, "ring", AGGREGATION, (STRATEGY, LOOKERS), capacity=1 << 13, reserve=64
    ),
    Lane("global_tops", aggregates.GLOBAL_BOOK, "cells", AGGREGATION, (LOOKERS,), count=256, wake="never"),
    Lane(
        "opportunities", aggregates.OPPORTUNITY, "ring", AGGREGATION, (STRATEGY, LOOKERS), capacity=1 << 13, reserve=64
    ),
    Lane(
        "open_opportunities",
        aggregates.OPPORTUNITY,
        "cells",
        AGGREGATION,
        (LOOKERS,),
        count=256,
        wake="never",
    ),
    Lane("bars", aggregates.BAR, "ring", AGGREGATION, (AGGREGATION, STRATEGY, LOOKERS), capacity=1 << 13, reserve=64),
    Lane("last_bars", aggregates.BAR, "cells", AGGREGATION, (LOOKERS,), count=4096, wake="never"),
    Lane(
        "intents",
        records.INTENT,
        "lossless",
        STRATEGY,
        (STRATEGY, EXECUTION, LOOKERS),
        capacity=1 << 12,
        reserve=64,
        each=PAIR,
    ),
    Lane(
        "routes",
        records.INTENT,
        "lossless",
        STRATEGY,
        (STRATEGY, ROUTER, LOOKERS),
        capacity=1 << 10,
        reserve=64,
        each=f"{STRATEGY}.{ROUTER}",
    ),
    Lane(
        "routes_accepted",
        records.ACCEPTED,
        "cells",
        ROUTER,
        (ROUTER, STRATEGY, LOOKERS),
        count=256,
        wake="never",
        each=ROUTER,
    ),
    Lane(
        "route_verdicts",
        records.VERDICT,
        "ring",
        ROUTER,
        (STRATEGY, LOOKERS),
        capacity=1 << 12,
        reserve=64,
        each=ROUTER,
    ),
    Lane("route_orders", records.ORDER, "ring", ROUTER, (STRATEGY, LOOKERS), capacity=1 << 12, reserve=64, each=ROUTER),
    Lane(
        "routed",
        records.INTENT,
        "lossless",
        ROUTER,
        (ROUTER, EXECUTION, LOOKERS),
        capacity=1 << 10,
        reserve=64,
        each=f"{ROUTER}.{EXECUTION}",
    ),
    Lane("budgets", records.BUDGET, "cells", ROUTER, (ROUTER, EXECUTION, LOOKERS), count=64, wake="never", each=ROUTER),
    Lane("router_settings", records.SETTINGS, "cells", ROUTER, (SUPERVISOR, LOOKERS), wake="never", each=ROUTER),
    Lane("budgeted", records.BUDGETED, "cells", EXECUTION, (ROUTER, LOOKERS), wake="never", each=EXECUTION),
    Lane("sessions", records.SESSION, "cells", EXECUTION, (CANCELLER, LOOKERS), wake="never", each=EXECUTION),
    Lane(
        "instrument_halts",
        records.INSTRUMENT_HALT,
        "cells",
        EXECUTION,
        (MONITOR, LOOKERS),
        count=256,
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "scope_halts",
        records.SCOPE_HALT,
        "cells",
        EXECUTION,
        (MONITOR, LOOKERS),
        count=514,  # the whole system, the account, 256 strategies, 256 instruments
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "accepted",
        records.ACCEPTED,
        "cells",
        EXECUTION,
        (EXECUTION, STRATEGY, ROUTER, LOOKERS),
        count=256,
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "verdicts",
        records.VERDICT,
        "ring",
        EXECUTION,
        (STRATEGY, ROUTER, LOOKERS),
        capacity=1 << 14,
        reserve=64,
        each=EXECUTION,
    ),
    Lane(
        "orders",
        records.ORDER,
        "ring",
        EXECUTION,
        (STRATEGY, CANCELLER, ROUTER, SUPERVISOR, LOOKERS),
        capacity=1 << 14,
        reserve=64,
        each=EXECUTION,
    ),
    Lane(
        "parents",
        records.PARENT,
        "ring",
        EXECUTION,
        (LOOKERS,),
        capacity=1 << 12,
        reserve=64,
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "fills",
        records.FILL,
        "ring",
        EXECUTION,
        (EXECUTION, STRATEGY, MONITOR, LOOKERS),
        capacity=1 << 14,
        reserve=1 << 10,
        each=EXECUTION,
    ),
    Lane(
        "positions",
        records.POSITION,
        "cells",
        EXECUTION,
        (STRATEGY, MONITOR, LOOKERS),
        count=1024,
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "balances",
        records.ACCOUNT_BALANCE,
        "cells",
        EXECUTION,
        (MONITOR, LOOKERS),
        count=256,
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "reconciliations",
        records.RECONCILED,
        "ring",
        EXECUTION,
        (LOOKERS,),
        capacity=1 << 8,
        reserve=1 << 6,
        wake="never",
        each=EXECUTION,
    ),
    Lane("monitored", records.MONITORED, "cells", MONITOR, (LOOKERS,), count=1024, wake="never", each=EXECUTION),
    Lane(
        "monitored_account",
        records.MONITORED_ACCOUNT,
        "cells",
        MONITOR,
        (CANCELLER, LOOKERS),
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "disagreements",
        records.DISAGREEMENT,
        "ring",
        MONITOR,
        (EXECUTION, LOOKERS),
        capacity=1 << 8,
        reserve=1,
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "journal",
        records.JOURNAL,
        "ring",
        EXECUTION,
        (EXECUTION, LOOKERS),
        capacity=1 << 16,
        reserve=64,
        wake="never",
        each=EXECUTION,
    ),
    Lane(
        "commands",
        records.COMMAND,
        "ring",
        SUPERVISOR,
        (SUPERVISOR, EXECUTION, STRATEGY, MONITOR, ROUTER, LOOKERS),
        capacity=1 << 10,
        reserve=4,
    ),
    Lane("states", records.STATE, "cells", STRATEGY, (LOOKERS,), wake="never", each=STRATEGY),
    Lane("beliefs", records.BELIEF, "cells", STRATEGY, (LOOKERS,), wake="never", each=STRATEGY),
    Lane("parameters", records.SETTINGS, "cells", STRATEGY, (SUPERVISOR, LOOKERS), wake="never", each=STRATEGY),
    Lane(
        "limits", records.SETTINGS, "cells", EXECUTION, (SUPERVISOR, LOOKERS), count=257, wake="never", each=EXECUTION
    ),
    Lane("halt", records.HALT, "cells", SUPERVISOR, (SUPERVISOR, EXECUTION, CANCELLER, ROUTER, LOOKERS)),
    Lane(
        "operator_halt", records.HALT, "cells", OPERATOR, (OPERATOR, SUPERVISOR, EXECUTION, CANCELLER, ROUTER, LOOKERS)
    ),
    Lane("gate", records.GATE, "cells", EXECUTION, (MONITOR, OPERATOR, LOOKERS), wake="never", each=EXECUTION),
    Lane("cancels", records.CANCELLING, "cells", CANCELLER, (SUPERVISOR, LOOKERS), wake="never", each=EXECUTION),
    Lane("listed", records.LISTED, "cells", CANCELLER, (SUPERVISOR, LOOKERS), count=256, wake="never", each=EXECUTION),
    Lane("supervision", records.SUPERVISION, "cells", SUPERVISOR, (SUPERVISOR, LOOKERS), wake="never"),
    Lane("mode", records.MODE, "cells", SUPERVISOR, (SUPERVISOR, EXECUTION, CANCELLER, LOOKERS), wake="never"),
    Lane("steps", records.STEP, "ring", ROLE, (LOOKERS,), capacity=1 << 14, reserve=32, wake="never", each=ROLE),
    Lane(
        "heartbeat",
        records.HEARTBEAT,
        "cells",
        ROLE,
        (SUPERVISOR, EXECUTION, FEED, AGGREGATION, CANCELLER, MONITOR, ROUTER, OPERATOR, LOOKERS),
        wake="never",
        each=ROLE,
    ),
    Lane("meters", METERS, "words", ROLE, (LOOKERS,), count=WORDS, wake="never", each=ROLE),
)
BY_NAME = {lane.name: lane for lane in LANES}


def lane_of(name: str) -> Lane:
    """Give the lane of this name; a dot and the name of its owner may follow."""
    try:
        return BY_NAME[name.partition(".")[0]]
    except KeyError:
        msg = f"lane {name!r}: not in the map (engine/lanes/map.py), expected one of {', '.join(BY_NAME)}"
        raise LaneError(msg) from None
