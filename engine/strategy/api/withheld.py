"""Logs why a strategy's calls return None: at once, then at most once in `INTERVAL_NS` for each reason."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

LOG = logging.getLogger("engine.strategy")
INTERVAL_NS = 60_000_000_000
NOT_STARTED = "execution does not read this strategy's intents yet: it has not started, or waits for the venue"
LAGGING = "the intents lane is full: execution lags or is dead"
HALTED = "trading is halted: no new orders until an operator resumes"
DRAINING = "the strategy is draining: no new orders"


class Withheld:
    """The log of one strategy."""

    def __init__(self, strategy: str, accepted: Sequence[Callable[[], Any]]) -> None:
        """`accepted` reads the cell in which each execution writes how far it has read the strategy's intents."""
        self._strategy, self._accepted = strategy, accepted
        self._calls: dict[str, int] = {}  # by reason, since it was last logged
        self._logged_ns: dict[str, int] = {}

    def lane_full(self, now_ns: int, full: int) -> None:
        """Intents lanes were full in a step: `full` has a bit for each, in the order of the executions."""
        unread = any(full >> place & 1 and accepted() is None for place, accepted in enumerate(self._accepted))
        self._note(NOT_STARTED if unread else LAGGING, 1, now_ns)

    def no_new_orders(self, now_ns: int, calls: int, *, halted: bool) -> None:
        """This many calls for new orders were dropped, because the system is halted or the strategy drains."""
        self._note(HALTED if halted else DRAINING, calls, now_ns)

    def never_timed(self) -> None:
        """The class defines `on_timer`, but its interval is 0."""
        LOG.warning("on_timer is never called: timer_ns is 0", extra={"strategy": self._strategy})

    def _note(self, reason: str, calls: int, now_ns: int) -> None:
        self._calls[reason] = self._calls.get(reason, 0) + calls
        logged_ns = self._logged_ns.get(reason)
        if logged_ns is None or now_ns - logged_ns >= INTERVAL_NS:
            LOG.warning("the strategy's calls returned None: %s", reason, extra={
                "strategy": self._strategy, "calls": self._calls.pop(reason)})  # fmt: skip
            self._logged_ns[reason] = now_ns
