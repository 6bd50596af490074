"""Executions that fail an assert on one record, in every life: as a bug in the desk or in an algorithm would."""

from typing import Any

from engine.execution.algorithms.chase import Chase
from engine.execution.build import build as build_execution
from engine.execution.intents.desk import Desk

STRATEGY, SEQUENCE = 3, 0  # the poisoned record: the first intent of the strategy with this number
FOLLOW, CONSIDER = Desk.on_record, Chase.on_book


def on_record(desk: Desk, data: bytes, sequence: int, strategy: int, now_ns: int) -> None:
    """Fail on the poisoned record, and follow every other."""
    assert (strategy, sequence) != (STRATEGY, SEQUENCE), "the poisoned record"
    FOLLOW(desk, data, sequence, strategy, now_ns)


def on_book(chase: Chase, now_ns: int) -> None:
    """Fail on a parent of the strategy, and follow every other."""
    assert chase.parent.strategy != STRATEGY, "the poisoned parent"
    CONSIDER(chase, now_ns)


def build(config: Any, name: str) -> Any:
    """An execution with the bug in the desk, as the runtime calls it."""
    Desk.on_record = on_record  # type: ignore[method-assign]
    return build_execution(config, name)


def build_chase(config: Any, name: str) -> Any:
    """An execution with the bug in the algorithm, as the runtime calls it."""
    Chase.on_book = on_book  # type: ignore[method-assign]
    return build_execution(config, name)
