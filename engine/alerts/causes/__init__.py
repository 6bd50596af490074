"""The causes of messages, by subject; docs/alerts.md describes each. Adding one is one class with `@cause`."""

from engine.alerts.causes import halts, itself, machine, market, processes, routing, trading
from engine.alerts.causes.cause import REGISTRY, Cause, cause

__all__ = ["REGISTRY", "Cause", "cause", "halts", "itself", "machine", "market", "processes", "routing", "trading"]
