"""Logs the refusals of one strategy: the first of each reason at once, then one line in `EVERY_NS`.

A strategy may be refused a thousand times a second; one line then has the count.
"""

import logging
from collections.abc import Mapping

from engine.model.instrument import Instrument
from engine.model.refusals import refusal_text
from engine.model.rows import VerdictRow

EVERY_NS = 10_000_000_000

logger = logging.getLogger("engine.strategy")


class RefusalLog:
    """Counts refusals by reason and logs them at a bounded rate."""

    def __init__(self, strategy: str, instruments: Mapping[int, Instrument]) -> None:
        """Begin without refusals."""
        self._strategy = strategy
        self._instruments = instruments
        self._next_ns: dict[int, int] = {}  # by reason: the earliest time of the next line
        self._unlogged: dict[int, int] = {}  # by reason: refusals since the last line

    def note(self, row: VerdictRow, now_ns: int) -> None:
        """Count a refused VERDICT, and log it if a line for its reason is due."""
        if now_ns < self._next_ns.get(row.reason, 0):
            self._unlogged[row.reason] = self._unlogged.get(row.reason, 0) + 1
            return
        self._next_ns[row.reason] = now_ns + EVERY_NS
        one = self._instruments.get(row.instrument)
        of = {
            "strategy": self._strategy,
            "symbol": one.symbol if one is not None else str(row.instrument),
            "intent_id": row.intent_id,
            "alike_since_last_line": self._unlogged.pop(row.reason, 0),
        }
        logger.warning("refused, %s", refusal_text(row.reason, row.value, row.limit, one), extra=of)
