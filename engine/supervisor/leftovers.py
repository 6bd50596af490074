"""The orders that an execution leaves at its venue: open or in doubt by the newest record on its ORDERS lane.

No process watches such an order when the system is down, so it is reported before the segments are removed.
"""

import json
import logging
import os
from collections.abc import Iterable

import shm
from engine.config import Config
from engine.config.private import open_private
from engine.lanes import SUPERVISOR, open_lanes
from engine.model.rows import OrderRow
from engine.model.text import word
from engine.model.words import OrderState
from engine.supervisor import audit
from engine.unfinished import unfinished as of_ring

Left = dict[str, str]

logger = logging.getLogger(__name__)


def unfinished(config: Config, role: str) -> list[Left] | None:
    """The orders on an execution's lane that are not done; None when the lane cannot be read."""
    symbols, found = {one.id: one.symbol for one in config.instruments}, rows(config.system.name, role)
    return None if found is None else [_describe(row, role, symbols) for row in found]


def unknown(role: str, why: str) -> Left:
    """What is shown for the orders of an execution that are not known."""
    return {"execution": role, "client_id": "?", "instrument": "?", "side": "?", "state": why}


def count(system: str, roles: Iterable[str]) -> int | None:
    """How many orders of these executions are not done; None when a lane cannot be read."""
    found = [rows(system, role) for role in roles]
    return None if None in found else sum(map(len, filter(None, found)))


def rows(system: str, role: str) -> list[OrderRow] | None:
    """The newest record of each order that is not done; None when the lane cannot be read."""
    try:
        return of_ring(open_lanes(system, SUPERVISOR).ring_reader("orders", role))
    except (shm.SegmentError, OSError) as error:
        logger.error("orders cannot be read", extra={"error": str(error)})  # noqa: TRY400 - no traceback is needed
        return None


def _describe(row: OrderRow, role: str, symbols: dict[int, str]) -> Left:
    return {
        "execution": role,
        "client_id": row.client_id.ljust(16, b"\0").hex(),
        "instrument": symbols.get(row.instrument, str(row.instrument)),
        "side": "buy" if row.side > 0 else "sell",
        "state": word(OrderState, row.state).lower(),
    }


def warn(left: list[Left]) -> None:
    """Log the orders left as a critical event, if there are any."""
    if left:
        logger.critical(
            "orders are left at the venue, open or in doubt: check and cancel them there", extra={"orders": left}
        )


def record(config: Config, left: list[Left], now_ns: int, pid: int) -> None:
    """Report the orders left: in the log, in the run directory for the `down` that waits, and in the audit."""
    warn(left)
    if not left:
        return
    try:
        with open(open_private(config.paths.left, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(json.dumps({"pid": pid, "orders": left}) + "\n")
    except OSError as error:
        _warn_of_file("the run directory", error)
    try:
        audit.append(config.paths.audit, {"now_ns": now_ns, "command": "down", "pid": pid, "orders_left": left})
    except OSError as error:
        _warn_of_file("the audit", error)


def _warn_of_file(name: str, error: OSError) -> None:
    logger.error("%s cannot be written: the orders left are not listed there", name, extra={"error": str(error)})
