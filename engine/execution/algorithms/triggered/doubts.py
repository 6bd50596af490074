"""Logs the kept orders that cannot be triggered now, because the book that decides is not good or too old."""

import logging
from collections.abc import Collection

from engine.execution.algorithms.algorithm import Algorithm
from engine.log import BoundedLog
from engine.model.words import BookState

logger = logging.getLogger("engine.execution")

INTERVAL_NS = 10_000_000_000


class Doubts:
    """Looks every ten seconds."""

    def __init__(self) -> None:
        """Begin without a look."""
        self._due_ns = 0
        self._log = BoundedLog(logger)

    def check(self, working: Collection[Algorithm], now_ns: int) -> None:
        """Log each instrument whose kept orders cannot be triggered, if it is time."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + INTERVAL_NS
        doubtful = [one for one in working if one.kept and not one.market.sure(now_ns)]
        for symbol, market in {one.market.instrument.symbol: one.market for one in doubtful}.items():
            count = sum(1 for one in doubtful if one.market.instrument.symbol == symbol)
            age_ms = (now_ns - market.top.receive_ns) // 1_000_000
            what = {"symbol": symbol, "orders": count, "book": BookState(market.top.state).name, "age_ms": age_ms}
            self._log.warning(now_ns, "kept orders are not triggered: the book is not good, or too old", **what)
