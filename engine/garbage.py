"""When a role's process collects garbage: young objects in its idle moments, all objects only when memory has grown.

    exclude_built     everything built so far is frozen: no collection reads it
    IdleCollection    in an idle moment the young objects are collected, and those that are still in use are frozen
                      └▶ the process has grown by GROWTH since the last whole collection: that is done, and frozen too

Almost everything is freed by its reference count; only cycles need a collection. A collection reads every object that
is not frozen. Python's own schedule reads the orders that execution keeps again and again, for milliseconds and in the
middle of the work. Here a collection reads a hundred new objects. While a process has no idle moment, Python collects
the young objects, and never the older ones.
"""

import gc
import resource
from collections.abc import Callable
from pathlib import Path

YOUNG = 100  # new objects, from which on an idle moment is used
YOUNG_MOST = 200  # new objects, at which Python collects them in the middle of the work
NEVER = 1 << 30  # collections of young objects before Python collects older ones
GROWTH = 64 << 20
LOOK_EACH = 1_000  # idle collections between two looks at the memory


def exclude_built() -> None:
    """Collect all, exclude what is left from every collection, and leave the rest to `IdleCollection`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MOST, NEVER, NEVER)


def resident() -> int:
    """The memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class IdleCollection:
    """Collects in the idle moments of this process."""

    def __init__(self, memory: Callable[[], int] = resident) -> None:
        """Begin with the present memory."""
        self._memory = memory
        self._whole_at = memory() + GROWTH
        self._count = 0

    def collect(self) -> None:
        """Collect the young objects if there are enough of them; call this in idle moments only."""
        if gc.get_count()[0] < YOUNG:
            return
        gc.collect(0)
        self._count += 1
        if self._count % LOOK_EACH == 0 and self._memory() >= self._whole_at:
            gc.unfreeze()
            gc.collect()
            self._whole_at = self._memory() + GROWTH
        gc.freeze()
