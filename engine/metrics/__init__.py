"""Metrics: a role that reads the system's lanes and serves Prometheus and health checks. docs/metrics.md lists them."""

import logging
from typing import TYPE_CHECKING

from engine.config.secret import revealed
from engine.config.tables import METRICS
from engine.metrics.reading import Reading
from engine.metrics.role import MetricsRole
from engine.metrics.server import MetricsServer
from engine.serving import check_address, url_of

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.tables import Metrics

ADDRESS = "metrics.url"  # in the run directory: where the role serves

logger = logging.getLogger("engine.metrics")
__all__ = ["MetricsRole", "build", "check_table"]


def build(config: "Config", name: str) -> MetricsRole:
    """The role of a configured system."""
    table = config.metrics
    assert table is not None, "load accepted the role metrics without its table"
    check_table(table)
    server = MetricsServer(table.address, table.port, revealed(table.token))
    url = url_of(table.address, server.port)
    (config.paths.run / ADDRESS).write_text(url, encoding="utf-8")
    logger.info("serves", extra={"url": url})
    return MetricsRole(name, Reading(config), server, table.every_ms * 1_000_000)


def check_table(table: "Metrics") -> None:
    """Refuse a token that no header carries, and an address that `check_address` refuses."""
    token = revealed(table.token)
    if not all("!" <= letter <= "~" for letter in token):
        msg = "metrics: token has a character that no header carries: use letters, digits and signs of ASCII, no space"
        raise ValueError(msg)
    check_address(METRICS, table.address, token)
