"""Every lane of a system, and the only way to one.

map.py     the table: each lane with its record, its writer, its readers
owners.py  whose lanes there are: the feeds, executions, strategies and roles of a system
create.py  makes a system's segments from the table
open.py    `open_lanes(system, role)` gives a role the lanes that the table gives it, and no other
memory.py  the same lanes in the memory of one process
ports.py   what a role needs of its lanes
"""

from engine.lanes.map import (
    AGGREGATION,
    CANCELLER,
    EXECUTION,
    FEED,
    LANES,
    LOOKERS,
    MONITOR,
    OPERATOR,
    ROUTER,
    STRATEGY,
    SUPERVISOR,
    Lane,
    LaneError,
    lane_of,
)
from engine.lanes.open import Owned, RoleLanes, open_lanes, open_role
from engine.lanes.owners import Owners, owners_of

__all__ = [
    "AGGREGATION", "CANCELLER", "EXECUTION", "FEED", "LANES", "LOOKERS", "MONITOR", "OPERATOR", "ROUTER", "STRATEGY",
    "SUPERVISOR", "Lane", "LaneError", "Owned", "Owners", "RoleLanes", "lane_of", "open_lanes", "open_role",
    "owners_of",
]  # fmt: skip
