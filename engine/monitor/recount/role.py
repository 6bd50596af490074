"""The monitor, the role: recomputes from fills, books and balances what execution publishes, and compares.

A step:
1. Read the fills of each execution, and the balances that came between them.
2. Every `check_ns`: read the books and the limits in force, compare each position, publish the view, report the
   differences that last.
3. Keep on the disk what the fills do not give: every second, and as soon as an operator has resumed something.

It waits by time only: no writer wakes it, so it costs the way of an order nothing. One monitor watches all executions:
each difference is of one account, and a monitor that is lost stops the entries of all, whichever way they are divided.
"""

import time
from collections.abc import Callable, Sequence

from engine.monitor.recount.limits import Limits
from engine.monitor.recount.prices import Prices
from engine.monitor.recount.store import Store
from engine.monitor.recount.watch import Watch

KEEP_NS = 1_000_000_000  # between two writes of the file


class Monitor:
    """The role."""

    name = "monitor"

    def __init__(
        self, watches: Sequence[Watch], prices: Prices, limits: Limits, store: Store, check_ns: int,
        close: Callable[[], None],
    ) -> None:  # fmt: skip
        """Watch these executions."""
        self._watches, self._prices, self._limits, self._store = watches, prices, limits, store
        self._check_ns, self._close = check_ns, close
        self._due_ns = self._keep_ns = 0

    def step(self, now_ns: int) -> int:
        """Read, and compare when it is due; how many fills were read."""
        work = sum(watch.read() for watch in self._watches)
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + self._check_ns
            self._prices.read()
            self._limits.read()
            resumed = [watch.check(now_ns) for watch in self._watches]
            if any(resumed):
                self._keep_ns = now_ns
        if now_ns >= self._keep_ns:
            self._keep_ns = now_ns + KEEP_NS
            self._keep()
        return work

    def lag(self) -> int:
        """The number of unread fills of the execution with the most."""
        return max(watch.lag for watch in self._watches)

    def error_count(self) -> int:
        """How often FILLS lapped the monitor."""
        return sum(watch.laps for watch in self._watches)

    def wait(self, timeout_ns: int) -> bool:
        """Sleep; no lane wakes the monitor."""
        time.sleep(timeout_ns / 1e9)
        return False

    def drain(self, now_ns: int) -> bool:
        """There is nothing to wind down."""
        del now_ns
        return True

    def close(self) -> None:
        """Keep what must be kept; close the lanes."""
        self._keep()
        self._close()

    def _keep(self) -> None:
        self._store.write({watch.name: watch.account.kept for watch in self._watches})
