"""Metrics: a role that reads the system's lanes and serves Prometheus and health checks. docs/metrics.md lists them."""

import ipaddress
import logging
from typing import TYPE_CHECKING

from engine.config import Secret
from engine.metrics.reading import Reading
from engine.metrics.role import MetricsRole
from engine.metrics.server import MetricsServer

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.tables import Metrics

ADDRESS = "metrics.url"  # in the run directory: where the role serves

logger = logging.getLogger("engine.metrics")
__all__ = ["MetricsRole", "build", "check_table", "token_of"]


def build(config: "Config", name: str) -> MetricsRole:
    """The role of a configured system."""
    table = config.metrics
    assert table is not None, "load accepted the role metrics without its table"
    check_table(table)
    server = MetricsServer(table.address, table.port, token_of(table))
    url = f"http://{f'[{table.address}]' if ':' in table.address else table.address}:{server.port}"
    (config.paths.run / ADDRESS).write_text(url, encoding="utf-8")
    logger.info("serves", extra={"url": url})
    return MetricsRole(name, Reading(config), server, table.every_ms * 1_000_000)


def check_table(table: "Metrics") -> None:
    """Refuse an address that is none, one that other machines reach without a token, and a token that is none."""
    token = token_of(table)
    if not all("!" <= letter <= "~" for letter in token):
        msg = "metrics: token has a character that no header carries: use letters, digits and signs of ASCII, no space"
        raise ValueError(msg)
    try:
        address = ipaddress.ip_address(table.address)
    except ValueError:
        msg = f"metrics: address is {table.address!r}, expected an address of this machine like 127.0.0.1"
        raise ValueError(msg) from None
    if not address.is_loopback and not token:
        msg = f"metrics: address {table.address} is reached by other machines: set token, or use 127.0.0.1"
        raise ValueError(msg)


def token_of(table: "Metrics") -> str:
    """The token that a request must carry; "": none is needed."""
    return table.token.reveal() if isinstance(table.token, Secret) else table.token
