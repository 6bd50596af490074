"""The map: every lane with its record, its one writer and its readers.

A lane's file is `/dev/shm/steelyard.<system>.<lane>`. Lanes marked `each` exist once for every strategy or role and
carry its name behind a dot. The picture in ARCHITECTURE.md is held against this table by a test.
"""

from dataclasses import dataclass

from engine.model import aggregates, records
from shm.record import Record

STRATEGY, EXECUTION, FEED, SUPERVISOR, LOOKERS = "strategy", "execution", "feed", "supervisor", "lookers"
AGGREGATION, OPERATOR = "aggregation", "operator"
EVERYBODY = (STRATEGY, EXECUTION, AGGREGATION, LOOKERS)


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane. `kind`: ring (broadcast), lossless (one consumer, the producer is refused when it is full), cells.

    In a system of mode replay no execution consumes intents, so there a lossless lane is created as a ring.
    """

    name: str
    record: Record
    kind: str
    writer: str
    readers: tuple[str, ...]
    capacity: int = 0  # slots of a ring, 2^k
    reserve: int = 0  # the most records one publish may hold
    count: int = 1  # cells in the segment
    wake: str = "idle_edge"  # or never: then its readers spin or poll
    each: str = ""  # "strategy" or "role": one such lane for each
    start: int = 0


LANES = (
    Lane("instruments", records.INSTRUMENT, "cells", FEED, EVERYBODY, count=256, wake="never"),
    Lane("ticks", records.TICK, "ring", FEED, EVERYBODY, capacity=1 << 17, reserve=1 << 12),
    Lane("books", records.BOOK_TOP, "ring", FEED, EVERYBODY, capacity=1 << 13, reserve=64),
    Lane("frames", records.FRAME, "ring", FEED, (LOOKERS,), capacity=1 << 16, reserve=256, wake="never"),
    Lane("connections", records.CONNECTION, "cells", FEED, (LOOKERS,), count=128, wake="never"),
    Lane("book_tops", records.BOOK_TOP, "cells", FEED, (AGGREGATION, LOOKERS), count=256, wake="never"),
    Lane("levels", records.TICK, "ring", FEED, (LOOKERS,), capacity=1 << 17, reserve=1 << 12),
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
    Lane("last_bars", aggregates.BAR, "cells", AGGREGATION, (AGGREGATION, LOOKERS), count=4096, wake="never"),
    Lane(
        "intents",
        records.INTENT,
        "lossless",
        STRATEGY,
        (EXECUTION, LOOKERS),
        capacity=1 << 12,
        reserve=64,
        each="strategy",
    ),
    Lane("sessions", records.SESSION, "cells", EXECUTION, (SUPERVISOR, LOOKERS), wake="never"),
    Lane("instrument_halts", records.INSTRUMENT_HALT, "cells", EXECUTION, (LOOKERS,), count=256, wake="never"),
    Lane("accepted", records.ACCEPTED, "cells", EXECUTION, (STRATEGY,), count=64, wake="never"),
    Lane("verdicts", records.VERDICT, "ring", EXECUTION, (STRATEGY, LOOKERS), capacity=1 << 14, reserve=64),
    Lane("orders", records.ORDER, "ring", EXECUTION, (STRATEGY, LOOKERS), capacity=1 << 14, reserve=64),
    Lane("fills", records.FILL, "ring", EXECUTION, (STRATEGY, LOOKERS), capacity=1 << 14, reserve=1 << 10),
    Lane("positions", records.POSITION, "cells", EXECUTION, (STRATEGY, LOOKERS), count=1024, wake="never"),
    Lane(
        "journal", records.JOURNAL, "ring", EXECUTION, (EXECUTION, LOOKERS), capacity=1 << 16, reserve=64, wake="never"
    ),
    Lane("commands", records.COMMAND, "ring", SUPERVISOR, (EXECUTION, STRATEGY, LOOKERS), capacity=1 << 10, reserve=4),
    Lane("halt", records.HALT, "cells", SUPERVISOR, (EXECUTION, LOOKERS)),
    Lane("operator_halt", records.HALT, "cells", OPERATOR, (SUPERVISOR, EXECUTION, LOOKERS)),
    Lane("gate", records.GATE, "cells", EXECUTION, (LOOKERS,), wake="never"),
    Lane("mode", records.MODE, "cells", SUPERVISOR, (EXECUTION, LOOKERS), wake="never"),
    Lane("steps", records.STEP, "ring", "role", (LOOKERS,), capacity=1 << 14, reserve=4, wake="never", each="role"),
    Lane(
        "heartbeat",
        records.HEARTBEAT,
        "cells",
        "role",
        (SUPERVISOR, EXECUTION, FEED, AGGREGATION, LOOKERS),
        wake="never",
        each="role",
    ),
)
BY_NAME = {lane.name: lane for lane in LANES}
