"""The causes of messages, by subject; docs/alerts.md describes each. Adding one is one class with `@cause`."""

from engine.alerts.causes import anomaly, halts, itself, machine, market, processes, routing, trading
from engine.alerts.causes.cause import REGISTRY, Cause, cause

__all__ = [
    "REGISTRY",
    "Cause",
    "anomaly",
    "cause",
    "halts",
    "itself",
    "machine",
    "market",
    "processes",
    "routing",
    "trading",
]
