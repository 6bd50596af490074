"""The dashboard: a role that serves one page, which shows a system and lets an operator stop it (docs/dashboard.md)."""

import logging
from typing import TYPE_CHECKING

from engine.config.secret import revealed
from engine.config.tables import DASHBOARD
from engine.serving import check_address, url_of

if TYPE_CHECKING:
    from pathlib import Path

    from engine.config import Config
    from engine.config.tables import Dashboard
    from engine.dashboard.role import DashboardRole

ADDRESS = "dashboard.url"  # in the run directory: where the role serves

logger = logging.getLogger("engine.dashboard")


def build(config: "Config", name: str) -> "DashboardRole":
    """The role of a configured system."""
    from engine.dashboard.history import History  # noqa: PLC0415 - `check` imports this module, and aiohttp is an extra
    from engine.dashboard.hub import Hub  # noqa: PLC0415
    from engine.dashboard.lanes import Lanes  # noqa: PLC0415
    from engine.dashboard.parts import Parts  # noqa: PLC0415
    from engine.dashboard.role import DashboardRole  # noqa: PLC0415
    from engine.dashboard.server import DashboardServer  # noqa: PLC0415

    table = config.dashboard
    assert table is not None, "load accepted the role dashboard without its table"
    check_table(table)
    hub = Hub()
    file = config.paths.run / ADDRESS
    last = table.port or _last_port(file)
    options = revealed(table.token), config.paths.control, table.rights, table.hosts
    try:  # after a restart at any free port, the last one: the pages that are open find it again
        server = DashboardServer(hub, table.address, last, *options)
    except OSError:
        if table.port:
            raise
        server = DashboardServer(hub, table.address, 0, *options)
    url = url_of(table.address, server.port)
    file.write_text(url, encoding="utf-8")
    logger.info("serves", extra={"url": url})
    lanes, history = Lanes(config.system.name), History(len(config.instruments))
    parts = Parts(config, table.rights)
    return DashboardRole(name, lanes, parts, hub, history, server, 1_000_000_000 // table.frames_per_s)


def _last_port(file: "Path") -> int:
    """The port of the life before, which the file has; 0 without one."""
    try:
        port = int(file.read_text(encoding="utf-8").rpartition(":")[2])
    except (OSError, ValueError):
        return 0
    return port if 0 < port < 1 << 16 else 0


def check_table(table: "Dashboard") -> None:
    """Refuse an address that `check_address` refuses, and a machine without aiohttp."""
    check_address(DASHBOARD, table.address, revealed(table.token))
    try:
        import aiohttp  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        msg = "dashboard: aiohttp is not installed: pip install 'steelyard[dashboard]'"
        raise ValueError(msg) from error
