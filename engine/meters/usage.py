"""What is stored at a role's heartbeat: its steps, work and errors, and what its process used.

of one life     steps, work, errors: added to what the lives before left, so that a restart does not set them back
of the process  processor time, page faults, context switches (getrusage), resident memory; the same for every role
that shares the process
garbage         each collection, in the meters of the role whose step it interrupted
"""

import gc
import resource
import time
from typing import Protocol

from engine.garbage import resident
from engine.meters import current
from engine.meters.table import place_of

STORE_NS = 500_000_000  # reading the process's usage costs 10 us
US = 1_000
COUNTS = tuple(map(place_of, ("steps", "work", "errors")))
PROCESS = tuple(map(place_of, (
    "cpu_user_ns", "cpu_system_ns", "faults_minor", "faults_major", "switches_voluntary", "switches_forced",
)))  # fmt: skip
QUEUE, MEMORY = place_of("queue"), place_of("memory_bytes")
COLLECTIONS, COLLECTION = place_of("collections"), place_of("gc")


class Words(Protocol):
    """The meters of a role."""

    def load(self, place: int) -> int:
        """The value of a word."""

    def store(self, place: int, value: int) -> None:
        """Store a word."""


class Usage:
    """Stores the totals of one role."""

    def __init__(self, meters: Words) -> None:
        """Continue the totals of the lives before this one."""
        self._meters = meters
        self._counts = [meters.load(place) for place in COUNTS]
        self._process = [meters.load(place) for place in PROCESS]
        self._store_ns = 0

    def store(self, steps: int, work: int, errors: int, lag: int) -> None:
        """Store what this life has counted; what the process used every `STORE_NS`."""
        store = self._meters.store
        for place, before, count in zip(COUNTS, self._counts, (steps, work, errors), strict=True):
            store(place, before + count)
        store(QUEUE, lag)
        now_ns = time.monotonic_ns()
        if now_ns >= self._store_ns:
            self._store_ns = now_ns + STORE_NS
            for place, before, count in zip(PROCESS, self._process, of_process(), strict=True):
                store(place, before + count)
            store(MEMORY, resident())


def of_process() -> tuple[int, ...]:
    """What this process has used so far, in the order of the words."""
    found = resource.getrusage(resource.RUSAGE_SELF)
    user_ns, system_ns = round(found.ru_utime * 1e9), round(found.ru_stime * 1e9)
    return user_ns, system_ns, found.ru_minflt, found.ru_majflt, found.ru_nvcsw, found.ru_nivcsw


class Collections:
    """Counts and times each collection of garbage in this process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._begin_ns = 0

    def __call__(self, phase: str, _info: dict[str, int]) -> None:
        """Note the begin of a collection, and record its end."""
        if phase == "start":
            self._begin_ns = time.monotonic_ns()
        else:
            current.add(COLLECTIONS)
            current.observe(COLLECTION, time.monotonic_ns() - self._begin_ns)


def count_collections() -> None:
    """Count every collection of this process from now on, once."""
    if not any(isinstance(one, Collections) for one in gc.callbacks):
        gc.callbacks.append(Collections())
