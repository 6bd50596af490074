"""Metrics: a role that reads the system's lanes and serves Prometheus and health checks. docs/metrics.md lists them."""

import logging
from typing import TYPE_CHECKING

from engine.caller import checked_url, split_url
from engine.config.secret import revealed
from engine.config.tables import METRICS
from engine.metrics.reading import Reading
from engine.metrics.role import MetricsRole
from engine.metrics.server import MetricsServer
from engine.serving import check_address, url_of

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.tables import Metrics, Otlp
    from engine.metrics.push import Pusher

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
    pusher = _pusher_of(config.system.name, table.otlp) if table.otlp is not None else None
    return MetricsRole(name, Reading(config, pusher), server, table.every_ms * 1_000_000, pusher)


def check_table(table: "Metrics") -> None:
    """Refuse a token that no header carries, and an address that `check_address` refuses."""
    token = revealed(table.token)
    if not all("!" <= letter <= "~" for letter in token):
        msg = "metrics: token has a character that no header carries: use letters, digits and signs of ASCII, no space"
        raise ValueError(msg)
    check_address(METRICS, table.address, token)
    if table.otlp is not None:
        _check_otlp(table.otlp)


def _check_otlp(table: "Otlp") -> None:
    """Refuse a URL that cannot be requested, a secret that others can read on the way, and a machine without OTLP."""
    try:
        parts = checked_url(table.url) if table.headers else split_url(table.url)
    except ValueError as error:
        raise ValueError(f"metrics.otlp: {error}") from None
    if parts.query or parts.fragment:
        raise ValueError("metrics.otlp: the URL has a query or a fragment, expected http://HOST:4318")
    for name, value in table.headers.items():
        text = revealed(value)
        if not name or not all("!" <= letter <= "~" for letter in name) or not all(" " <= one <= "~" for one in text):
            raise ValueError(f"metrics.otlp: header {name!r} cannot be sent: use letters, digits and signs of ASCII")
    try:
        import opentelemetry.proto  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise ValueError("metrics.otlp needs opentelemetry-proto: pip install 'steelyard[otlp]'") from error


def _pusher_of(system: str, table: "Otlp") -> "Pusher":
    """The thread that sends."""
    from engine.metrics.push import Pusher  # noqa: PLC0415 - an extra

    headers = {name: revealed(value) for name, value in table.headers.items()}
    return Pusher(system, table.url, headers, table.every_ms / 1000)
