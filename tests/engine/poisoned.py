"""An execution that fails an assert on one record, in every life: as a bug in the desk would."""

from typing import Any

from engine.execution.build import build as build_execution
from engine.execution.intents.desk import Desk

STRATEGY, SEQUENCE = 3, 0  # the poisoned record: the first intent of the strategy with this number
FOLLOW = Desk.on_record


def on_record(desk: Desk, data: bytes, sequence: int, strategy: int, now_ns: int) -> None:
    """Fail on the poisoned record, and follow every other."""
    assert (strategy, sequence) != (STRATEGY, SEQUENCE), "the poisoned record"
    FOLLOW(desk, data, sequence, strategy, now_ns)


def build(config: Any, name: str) -> Any:
    """What the runtime calls."""
    Desk.on_record = on_record  # type: ignore[method-assign]
    return build_execution(config, name)
