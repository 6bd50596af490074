"""Names the record that a strategy's hook was called for, for the report of its failure."""

from typing import Any

from engine.model.text import bare
from engine.role import WorkingOn


def described(lane: str, row: Any, strategy: int) -> WorkingOn:
    """A row of one of the strategy's own lanes, by its venue's fill or its intent: the role does not know its place."""
    fill = bare(getattr(row, "venue_fill_id", b"")).decode(errors="replace")
    intent = getattr(row, "intent_id", 0)
    name = f"fill {fill}" if fill else f"intent {intent}" if intent else f"command of {getattr(row, 'now_ns', 0)}"
    return WorkingOn(lane, 0, strategy, row.instrument, name)
