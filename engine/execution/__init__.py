"""Execution: the only way an order reaches a venue, with the risk gate inside."""

from engine.execution.build import build

__all__ = ["build"]
